/* paths - where our own files lie: beside the build that the program runs from, else where they are installed. */
#ifndef FP_PATHS_H
#define FP_PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the running program lies in the tree it was built in. */
bool paths_in_tree(void);

/* A file of ours by name ("model.tsv"), looked for where paths_signatures() looks. */
int paths_share(const char *name, char *buf, size_t size);

/*
 * Our signature database: build/share of the tree, or ../share/fingerpost beside the program's folder, or
 * /usr/share/fingerpost. The first that is there; FP_ENOTFOUND with the last one's name in buf.
 */
int paths_signatures(char *buf, size_t size);

#endif
