/* stats - counters, threads and store as JSON and as Prometheus text. */
#include "api/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000

static void json_time(struct body *b, int64_t unix_s)
{
	const time_t t = unix_s;
	struct tm tm;
	char text[32];

	if (unix_s <= 0 || gmtime_r(&t, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		body_printf(b, "null");
	else
		body_printf(b, "\"%s\"", text);
}

static int64_t uptime_s(const struct service *s)
{
	const int64_t up = (int64_t)time(NULL) - s->started_s;

	return up > 0 ? up : 0;
}

static int64_t beat_age_ms(const struct pulse *p)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	const int64_t age = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 -
	    atomic_load_explicit(&p->a_beat_ms, memory_order_relaxed);

	return age > 0 ? age : 0;
}

static const char *queue_name(const struct service *s, unsigned n)
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
			body_printf(b, "%" PRId64 "}", beat_age_ms(p));
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
		body_json_string(b, queue_name(s, n));
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

/* ---- Prometheus --------------------------------------------------------------------------- */

/* A label's value, quotes included: backslash, quote and line end are escaped. */
static void label_value(struct body *b, const char *text)
{
	body_printf(b, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			body_printf(b, "\\%c", *text);
		else if (*text == '\n')
			body_printf(b, "\\n");
		else
			body_printf(b, "%c", *text);
	}
	body_printf(b, "\"");
}

static void metric_head(struct body *b, const char *name, const char *type, const char *help)
{
	body_printf(b, "# HELP fingerpost_%s %s\n# TYPE fingerpost_%s %s\n", name, help, name, type);
}

static void metric_row(struct body *b, const struct service *s, enum counter c, const char *name, unsigned n)
{
	const struct counter_info *info = counter_info(c);

	body_printf(b, "fingerpost_%s", name);
	switch (info->owner) {
	case COUNTER_QUEUE:
		body_printf(b, "{queue=\"%u\",source=", n);
		label_value(b, queue_name(s, n));
		if (info->cause != NULL)
			body_printf(b, ",cause=\"%s\"", info->cause);
		body_printf(b, "}");
		break;
	case COUNTER_MATCHER:
		body_printf(b, "{matcher=\"%u\"}", n);
		break;
	default: /* one of each: no label */
		break;
	}
	body_printf(b, " %" PRIu64 "\n", counters_get(s->counters, c, n));
}

static void metrics_counters(struct body *b, const struct service *s)
{
	for (enum counter c = 0; c < COUNTER_COUNT; c++) {
		const struct counter_info *info = counter_info(c);
		const bool gauge = counter_is_gauge(c);
		const bool labelled = info->owner == COUNTER_QUEUE || info->owner == COUNTER_MATCHER;
		char name[64];

		snprintf(name, sizeof name, "%s%s", info->name, gauge ? "" : "_total");
		if (info->cause == NULL)
			metric_head(b, name, gauge ? "gauge" : "counter", info->text);
		else if (c == C_UNDECODABLE)
			metric_head(b, name, "counter", "frames that could not be read, by cause");
		if (!labelled) {
			metric_row(b, s, c, name, COUNTERS_SUM);
			continue;
		}
		for (unsigned n = 0; n < counters_rows(s->counters, info->owner); n++)
			metric_row(b, s, c, name, n);
	}
	metric_head(b, "changes_pending", "gauge", "changes on their way from matchers to the store");
	body_printf(b, "fingerpost_changes_pending %" PRIu64 "\n", counters_pending(s->counters));
}

static void metrics_store(struct body *b, const struct service *s)
{
	struct fp_info info = { 0 };
	const bool usable = fp_info(s->store, &info) == 0;

	metric_head(b, "store_usable", "gauge", "1 where the store can be read, else 0");
	body_printf(b, "fingerpost_store_usable %d\n", usable);
	if (!usable)
		return;
	metric_head(b, "store_size_bytes", "gauge", "the store's file up to its last page");
	body_printf(b, "fingerpost_store_size_bytes %" PRIu64 "\n", info.bytes);
	metric_head(b, "store_newest_packet_timestamp_seconds", "gauge", "time of the newest packet in the store");
	body_printf(b, "fingerpost_store_newest_packet_timestamp_seconds %" PRId64 "\n", info.now_ns / NS_PER_S);
}

static void metrics_threads(struct body *b, const struct service *s)
{
	if (s->pulses == NULL)
		return;
	const uint32_t n = atomic_load_explicit(&s->pulses->a_count, memory_order_acquire);

	metric_head(b, "thread_beat_age_seconds", "gauge", "time since a running thread last showed that it moves");
	for (uint32_t i = 0; i < n && i < PULSE_MAX; i++) {
		const struct pulse *p = &s->pulses->pulse[i];

		if (atomic_load_explicit(&p->a_state, memory_order_relaxed) != PULSE_RUNNING)
			continue;
		const int64_t age = beat_age_ms(p);

		body_printf(b, "fingerpost_thread_beat_age_seconds{thread=");
		label_value(b, p->name);
		body_printf(b, "} %" PRId64 ".%03d\n", age / 1000, (int)(age % 1000));
	}
}

void stats_metrics(struct body *b, const struct service *s)
{
	metric_head(b, "build_info", "gauge", "which version runs");
	body_printf(b, "fingerpost_build_info{version=\"%s\"} 1\n", FP_VERSION);
	metric_head(b, "start_time_seconds", "gauge", "when the daemon started, unix time");
	body_printf(b, "fingerpost_start_time_seconds %" PRId64 "\n", s->started_s);
	metrics_counters(b, s);
	metrics_store(b, s);
	if (s->a_http_open != NULL) {
		metric_head(b, "http_connections", "gauge", "HTTP connections now");
		body_printf(b, "fingerpost_http_connections %" PRIu32 "\n",
		    atomic_load_explicit(s->a_http_open, memory_order_relaxed));
	}
	metrics_threads(b, s);
}
