/*
 * p0flog - p0f 3's log (option -o), a line an event, into the caller's buffer.
 *
 * Threads  one at a time on a struct p0flog, which keeps the text of the current second.
 * Source   docs/p0f3-matching.md sections 10 and 14: fields, order and words.
 */
#ifndef FP_P0FLOG_H
#define FP_P0FLOG_H

#include "core/track.h"

#define P0FLOG_LINE 1024 /* any line fits, with its newline and a NUL */

struct p0flog {
	enum match_mode mode;
	int64_t second;   /* whose text stamp is */
	char stamp[24];   /* "2026/11/23 10:12:00", local time */
};

void p0flog_init(struct p0flog *log, enum match_mode mode);

/* Length with the newline; 0: p0f has no line for such an event. */
size_t p0flog_line(struct p0flog *log, const struct track_event *event, char buf[P0FLOG_LINE]);

/* The raw_sig of an observation and its verdict; length. */
size_t p0flog_raw_sig(enum match_mode mode, const struct tcp_obs *obs, const struct verdict *verdict, char *buf, size_t size);

#endif
