/*
 * logfile - p0f's log of the daemon: lines that matchers have put into their rings, written by one thread of its own.
 *
 * Lines of one ring keep their order, and so those of one client, which one matcher owns. A matcher is never made to wait (but
 * where whole files are read: until the disk fails): a full ring drops the line, and the matcher counts it. A disk that is full
 * is said once, and again when it takes lines; meanwhile what is in the rings is kept, and no line is ever torn.
 *
 * Owner    logfile_open() before privileges go, logfile_start() in the packets process, logfile_stop() after the matchers.
 * Threads  one, started and ended here; logfile_reopen() from any.
 */
#ifndef FP_LOGFILE_H
#define FP_LOGFILE_H

#include "cmd/privilege.h"
#include "core/lines.h"
#include "core/wake.h"

#include <stdatomic.h>
#include <stdbool.h>

#define LOGFILE_WHY 512

struct logfile;

/* Appends to path, made with mode 0640 and given to the account. -errno with why. */
int logfile_open(struct logfile **out, const char *path, const struct account *account, char why[LOGFILE_WHY]);
void logfile_close(struct logfile **lp); /* sets NULL; NULL is fine */

/* n rings, each the matcher's of that number, and the thread. The rings are ours. */
int logfile_start(struct logfile *l, unsigned n);
struct lines *logfile_ring(struct logfile *l, unsigned matcher);
struct wake *logfile_wake(struct logfile *l);

/* Whether lines cannot be written now: to wait for room is in vain. */
const _Atomic bool *logfile_stuck(const struct logfile *l);

/* The file was moved away: another of the same name, in the directory it was opened in. The old one is kept where that fails. */
void logfile_reopen(struct logfile *l);

/* Writes what is in the rings, if the disk takes it, and ends the thread. Returns bytes that could not be written. */
uint64_t logfile_stop(struct logfile *l);

#endif
