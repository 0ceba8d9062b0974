/*
 * stats - every counter, every thread and the store's state, as JSON; hosts by system.
 *
 * Threads  any; nothing is locked: numbers are read one by one while they grow.
 */
#ifndef FP_STATS_H
#define FP_STATS_H

#include "api/body.h"
#include "core/counters.h"
#include "core/news.h"
#include "core/pulse.h"
#include "store/reader.h"

struct events;
struct recent;

/* What all of HTTP looks at. */
struct service {
	struct fp_store *store;
	struct counters *counters;
	const struct pulse_board *pulses;  /* may be NULL */
	const char *const *queue_names;    /* one a row of COUNTER_QUEUE; may be NULL */
	int64_t started_s;                 /* unix time */
	const _Atomic uint32_t *a_http_open; /* HTTP connections now; may be NULL */
	struct news_board *news;           /* may be NULL, and then the two below are */
	struct recent *recent;
	struct events *events;
};

/* /v1/stats */
void stats_json(struct body *b, const struct service *s);

/* What a queue is called, "" where nobody said. */
const char *stats_queue_name(const struct service *s, unsigned n);

/* Hosts by system, of the board: the most first. Returns how many of at most room; *counted: every host is in. */
struct stats_system {
	char name[FP_LABEL_TEXT], flavor[FP_LABEL_TEXT], klass[FP_LABEL_TEXT]; /* "": not recognised */
	uint64_t hosts;
};
size_t stats_systems(const struct service *s, struct stats_system *out, size_t room, bool *counted);

/* The text of a label in its three parts. */
void stats_label(const struct service *s, uint32_t label, struct stats_system *out);

#endif
