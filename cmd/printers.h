/*
 * printers - what is seen, as text, by several threads, and out in the order in which it was seen.
 *
 * Copies of events wait in blocks. Threads make text of whole blocks side by side; so does the caller where it has nowhere to put the next
 * event. The caller alone writes.
 *
 * Owner    printers_make() before the first event, printers_free() after the last; threads are started when there is enough for them.
 * Threads  one calls; print() runs on any of them, each time with one printer, which is nobody else's meanwhile.
 */
#ifndef FP_PRINTERS_H
#define FP_PRINTERS_H

#include "core/p0flog.h"

#include <stdio.h>

struct printer {
	void *ctx;
	FILE *out;         /* where the text goes: memory */
	struct p0flog log; /* for print() to begin with */
};

struct printers;

/* threads: that print beside the caller, 0 for none. print: the text of an event to printer->out. -ENOMEM. */
int printers_make(struct printers **out, unsigned threads, const struct printer *first,
    void (*print)(struct printer *printer, const struct track_event *event));
void printers_free(struct printers **pp); /* sets NULL; NULL is fine. What was not flushed is lost */

/* event->obs is copied too; what else it points to must stay. */
void printers_add(struct printers *p, const struct track_event *event);

/* All so far is written to standard output, and flushed. */
void printers_flush(struct printers *p);

#endif
