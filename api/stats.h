/*
 * stats - every counter, every thread and the store's state, as JSON and as Prometheus text.
 *
 * Threads  any; nothing is locked: numbers are read one by one while they grow.
 */
#ifndef FP_STATS_H
#define FP_STATS_H

#include "api/body.h"
#include "core/counters.h"
#include "core/pulse.h"
#include "store/reader.h"

/* What all services look at. */
struct service {
	struct fp_store *store;
	struct counters *counters;
	const struct pulse_board *pulses;  /* may be NULL */
	const char *const *queue_names;    /* one a row of COUNTER_QUEUE; may be NULL */
	int64_t started_s;                 /* unix time */
	const _Atomic uint32_t *a_http_open; /* HTTP connections now; may be NULL */
};

/* /v1/stats */
void stats_json(struct body *b, const struct service *s);

/* /metrics: Prometheus text format 0.0.4, named as its linter wants it. */
void stats_metrics(struct body *b, const struct service *s);

#endif
