/* stats - counters, threads and store as JSON; hosts by system. */
#include "api/stats.h"

#include "store/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000

/* 0: there was none yet. */
static void json_time(struct body *b, int64_t unix_s)
{
	if (unix_s > 0)
		body_json_time(b, unix_s);
	else
		body_printf(b, "null");
}

static int64_t uptime_s(const struct service *s)
{
	const int64_t up = (int64_t)time(NULL) - s->started_s;

	return up > 0 ? up : 0;
}

const char *stats_queue_name(const struct service *s, unsigned n)
{
	return s->queue_names != NULL && s->queue_names[n] != NULL ? s->queue_names[n] : "";
}

/* The counters of one owner as members of an object that is open; causes in an object of their own. */
static void json_row(struct body *b, const struct service *s, enum counter_owner owner, unsigned n, bool first)
{
	bool in_causes = false;

	for (enum counter c = 0; c < COUNTER_COUNT; c++) {
		const struct counter_info *info = counter_info(c);

		if (info->owner != owner)
			continue;
		if (in_causes && info->cause == NULL) {
			body_printf(b, "}");
			in_causes = false;
		}
		if (info->cause != NULL && !in_causes)
			body_printf(b, "%s\"%s\":{", first ? "" : ",", info->name);
		else
			body_printf(b, "%s", first ? "" : ",");
		in_causes = info->cause != NULL;
		first = false;
		body_printf(b, "\"%s\":%" PRIu64, in_causes ? info->cause : info->name, counters_get(s->counters, c, n));
	}
	if (in_causes)
		body_printf(b, "}");
}

static void json_store(struct body *b, const struct service *s)
{
	struct fp_info info;
	const int rc = fp_info(s->store, &info);

	if (rc != 0) {
		body_printf(b, "{\"usable\":false,\"reason\":");
		body_json_string(b, fp_strerror(rc));
		body_printf(b, "}");
		return;
	}
	body_printf(b, "{\"usable\":true,\"reason\":null,\"mode\":\"%s\",\"now\":", info.live ? "live" : "files");
	json_time(b, info.now_ns / NS_PER_S);
	body_printf(b, ",\"written\":");
	json_time(b, info.written_ns / NS_PER_S);
	body_printf(b, ",\"bytes\":%" PRIu64 ",\"transaction\":%" PRIu64 "}", info.bytes, info.commits);
}

static void json_threads(struct body *b, const struct service *s)
{
	static const char *const states[] = { "unused", "running", "ended" };
	const uint32_t n =
	    s->pulses != NULL ? atomic_load_explicit(&s->pulses->a_count, memory_order_acquire) : 0;

	for (uint32_t i = 0; i < n && i < PULSE_MAX; i++) {
		const struct pulse *p = &s->pulses->pulse[i];
		const uint32_t state = atomic_load_explicit(&p->a_state, memory_order_relaxed);

		body_printf(b, "%s{\"name\":", i > 0 ? "," : "");
		body_json_string(b, p->name);
		body_printf(b, ",\"state\":\"%s\",\"beat_age_ms\":", state < ARRAY_LEN(states) ? states[state] : "");
		if (state == PULSE_RUNNING)
			body_printf(b, "%" PRId64 "}", pulse_age_ms(p));
		else
			body_printf(b, "null}");
	}
}

void stats_json(struct body *b, const struct service *s)
{
	body_printf(b, "{\"version\":\"%s\",\"started\":", FP_VERSION);
	json_time(b, s->started_s);
	body_printf(b, ",\"uptime_s\":%" PRId64 ",\"store\":", uptime_s(s));
	json_store(b, s);

	body_printf(b, ",\"sum\":{");
	for (enum counter_owner owner = 0; owner < COUNTER_OWNERS; owner++)
		json_row(b, s, owner, COUNTERS_SUM, owner == 0);
	body_printf(b, ",\"pending\":%" PRIu64 "},\"queues\":[", counters_pending(s->counters));

	for (unsigned n = 0; n < counters_rows(s->counters, COUNTER_QUEUE); n++) {
		body_printf(b, "%s{\"queue\":%u,\"source\":", n > 0 ? "," : "", n);
		body_json_string(b, stats_queue_name(s, n));
		json_row(b, s, COUNTER_QUEUE, n, false);
		body_printf(b, "}");
	}
	body_printf(b, "],\"matchers\":[");
	for (unsigned n = 0; n < counters_rows(s->counters, COUNTER_MATCHER); n++) {
		body_printf(b, "%s{\"matcher\":%u", n > 0 ? "," : "", n);
		json_row(b, s, COUNTER_MATCHER, n, false);
		body_printf(b, "}");
	}
	body_printf(b, "],\"writer\":{");
	json_row(b, s, COUNTER_WRITER, COUNTERS_SUM, true);
	body_printf(b, "},\"services\":{");
	json_row(b, s, COUNTER_SERVICES, COUNTERS_SUM, true);
	body_printf(b, ",\"http_connections\":%" PRIu32 "},\"threads\":[",
	    s->a_http_open != NULL ? atomic_load_explicit(s->a_http_open, memory_order_relaxed) : 0);
	json_threads(b, s);
	body_printf(b, "]}\n");
}

/* ---- Hosts by system -------------------------------------------------------------------------- */

void stats_label(const struct service *s, uint32_t label, struct stats_system *out)
{
	*out = (struct stats_system){ .hosts = 0 };
	if (label == RECORD_PERIOD_OTHERS)
		snprintf(out->name, sizeof out->name, "(others)");
	else if (label != 0)
		(void)store_label(s->store, label, out->klass, out->name, out->flavor);
}

static int more_hosts(const void *a, const void *b)
{
	const struct stats_system *x = a, *y = b;

	if (x->hosts != y->hosts)
		return x->hosts > y->hosts ? -1 : 1;
	const int by_name = strcmp(x->name, y->name);

	return by_name != 0 ? by_name : strcmp(x->flavor, y->flavor);
}

size_t stats_systems(const struct service *s, struct stats_system *out, size_t room, bool *counted)
{
	/* Acquire: the rows that it says are in use have their labels; pairs with the writer's release. */
	const uint32_t rows = atomic_load_explicit(&s->news->a_labels, memory_order_acquire);
	size_t n = 0;

	*counted = atomic_load_explicit(&s->news->a_counted, memory_order_acquire);
	for (uint32_t i = 0; i < rows && i < NEWS_LABELS && n < room; i++) {
		const uint64_t hosts = atomic_load_explicit(&s->news->count[i].a_hosts, memory_order_relaxed);

		if (hosts == 0)
			continue;
		stats_label(s, atomic_load_explicit(&s->news->count[i].a_label, memory_order_relaxed), &out[n]);
		out[n++].hosts = hosts;
	}
	qsort(out, n, sizeof *out, more_hosts);
	return n;
}
