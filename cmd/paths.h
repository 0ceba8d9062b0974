/* paths - where our own files are: in the tree for what runs there, else where they were installed. */
#ifndef FP_PATHS_H
#define FP_PATHS_H

#include <stddef.h>

/* The signature database that we ship. Returns buf; the file may be missing, which the loader will say. */
const char *paths_signatures(char *buf, size_t size);

#endif
