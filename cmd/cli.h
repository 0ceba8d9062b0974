/*
 * cli - the commands of `fingerpost`, a file each; each gets its own argc and argv (argv[0] is the command's name)
 * and returns the exit status of docs/interface.md. Standard output is data, standard error is talk.
 */
#ifndef FP_CLI_H
#define FP_CLI_H

#include "store/reader.h"

/* Statuses: what was asked is so (every address known, a file whole), is not so, could not be found out. */
enum { CLI_YES = 0, CLI_NO = 1, CLI_ERROR = 2 };

int cmd_lookup(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_forget(int argc, char **argv);
int cmd_compact(int argc, char **argv);
int cmd_sa_report(int argc, char **argv);
int cmd_check_signatures(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_unknown(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_import_signatures(int argc, char **argv);

/* "fingerpost: " and a line to standard error. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The command's line of the usage text, to standard error; returns CLI_ERROR. */
int cli_usage(const char *command);

/* The store's directory: what --store named; NULL: FINGERPOST_STORE, else the default, as fp_open() has it. */
const char *cli_store_dir(const char *named);

/*
 * Opens the store that --store named (NULL: FINGERPOST_STORE, else the default) and makes sure that it can be
 * read: 0, else what is wrong and what to do was said. A store without a stamp, or with another's, is a copy: it is
 * read all the same, each record by its checksum.
 */
int cli_open_store(struct fp_store **out, const char *dir);

/* Our own signatures with the model under that prior: CLI_YES, else what is wrong was said. The caller's to free, NULL too. */
struct sigdb;
int cli_load_signatures(struct sigdb **out, const char *prior);

#endif
