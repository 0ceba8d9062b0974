/*
 * log - lines for people, to standard error (and so to the journal).
 *
 * One line an event that somebody acts on: what, which object, what follows. Nothing per packet.
 * Threads  any. Bytes that are no printable ASCII are escaped, so nothing of the network reaches a terminal.
 */
#ifndef FP_LOG_H
#define FP_LOG_H

#include "core/util.h"

#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Before threads. name stands before each line; lines above level are not written. */
void log_init(const char *name, enum log_level level);

/*
 * Before threads, where standard error is the journal's: each line carries its level, and goes to fd, a connected socket of the
 * journal, as fields (PRIORITY, SYSLOG_IDENTIFIER, FINGERPOST_PROCESS, FINGERPOST_SUPPRESSED, MESSAGE). fd -1, or one that does
 * not take it: to standard error, "<LEVEL>" in front. fd is kept.
 */
void log_journal(int fd);

/* The first line of level LOG_ERROR that was written, escaped and perhaps cut; "" while there is none. Before threads. */
const char *log_first_error(void);

void log_msg(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_msg(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)

/*
 * For causes that may repeat a thousand times a second: at most one line per `every_s` seconds from this place, with the
 * number of those left out. One static struct per place.
 */
struct log_limit {
	_Atomic int64_t a_next_ns;
	_Atomic uint64_t a_suppressed;
};
void log_limited(struct log_limit *limit, unsigned every_s, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#endif
