/*
 * events - /v1/events: what comes, as server-sent events. A listener has a place in the ring of events and nothing else: one that is
 * too slow finds its place gone, loses what was there, and is told so.
 *
 * Owner    events_create() makes the texts that listeners share, events_destroy() ends them.
 * Threads  one.
 * Source   WHATWG HTML, 9.2 Server-sent events.
 */
#ifndef FP_EVENTS_H
#define FP_EVENTS_H

#include "api/stats.h"

#define EVENTS_LISTENERS 100
#define EVENTS_BEHIND 10000u /* who is further behind goes on there */

int events_create(struct events **out);
void events_destroy(struct events **ep); /* sets NULL; NULL is fine */

/*
 * Where a listener begins: behind the event that it names, else with the next that comes. What it is told first ("lost", where its
 * place is another daemon's) goes to b.
 */
uint64_t events_begin(const struct service *s, const char *last_event_id, struct body *b);

/* Up to `most` events after *at, which moves on; returns how many. */
unsigned events_next(const struct service *s, uint64_t *at, unsigned most, struct body *b);

#endif
