/*
 * news_int - minutes and hours of the writer: what was seen of each system, added up here and put into the store once a second.
 *
 * Threads  the writer's. Errors as the writer's. NULL for periods: nothing is kept, every call is fine.
 */
#ifndef FP_NEWS_INT_H
#define FP_NEWS_INT_H

#include "store/record.h"

#include <stdbool.h>

struct writer;
struct tally;
struct periods;

/* A host that was seen. */
struct period_seen {
	uint32_t label;
	uint32_t time_s;       /* last seen */
	uint32_t before_s;     /* and the time before; 0: this is the first */
	uint32_t connections;
};

int periods_create(struct periods **out, bool live);
void periods_destroy(struct periods **pp);

void periods_add(struct periods *p, const struct period_seen *seen);

/* Within a transaction: what came since the last one; and what is too old leaves. Then one of the two below. */
int periods_put(struct periods *p, struct writer *w, struct tally *t);
void periods_stored(struct periods *p);
void periods_failed(struct periods *p);

#endif
