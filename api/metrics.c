/* metrics - /metrics, Prometheus text format 0.0.4, named as its linter wants it. */
#include "api/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S 1000000000
#define SYSTEMS_MAX NEWS_LABELS

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
		label_value(b, stats_queue_name(s, n));
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
		const bool labelled = info->owner == COUNTER_QUEUE || info->owner == COUNTER_MATCHER;
		char name[64];

		snprintf(name, sizeof name, "%s%s", info->name, info->gauge ? "" : "_total");
		if (info->cause == NULL)
			metric_head(b, name, info->gauge ? "gauge" : "counter", info->text);
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
		const int64_t age = pulse_age_ms(p);

		body_printf(b, "fingerpost_thread_beat_age_seconds{thread=");
		label_value(b, p->name);
		body_printf(b, "} %" PRId64 ".%03d\n", age / 1000, (int)(age % 1000));
	}
}

/* Flavors are left to /v1/os: a metric of each would be a hundred series. */
static void metrics_systems(struct body *b, const struct service *s)
{
	static struct stats_system system[SYSTEMS_MAX]; /* answers are made by one thread */
	bool counted;
	const size_t n = stats_systems(s, system, SYSTEMS_MAX, &counted);

	metric_head(b, "hosts_counted", "gauge", "1 once the hosts that were in the store at start are in hosts_by_system");
	body_printf(b, "fingerpost_hosts_counted %d\n", counted);
	metric_head(b, "hosts_by_system", "gauge", "hosts in the store, by what their last verdict calls them");
	for (size_t i = 0; i < n; i++) {
		uint64_t hosts = system[i].hosts;

		if (hosts == 0)
			continue;
		for (size_t k = i + 1; k < n; k++)
			if (strcmp(system[k].name, system[i].name) == 0 && strcmp(system[k].klass, system[i].klass) == 0) {
				hosts += system[k].hosts;
				system[k].hosts = 0;
			}
		body_printf(b, "fingerpost_hosts_by_system{system=");
		label_value(b, system[i].name);
		body_printf(b, ",class=");
		label_value(b, system[i].klass);
		body_printf(b, "} %" PRIu64 "\n", hosts);
	}
}

static void metrics_histogram(struct body *b, const struct histogram *h, const char *name, const char *help)
{
#define X(ns, text) text,
	static const char *const bounds[] = { HISTOGRAM_BOUNDS(X) "+Inf" };
#undef X
	uint64_t sum = 0;

	metric_head(b, name, "histogram", help);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		sum += atomic_load_explicit(&h->a_bucket[i], memory_order_relaxed);
		body_printf(b, "fingerpost_%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, bounds[i], sum);
	}
	const uint64_t ns = atomic_load_explicit(&h->a_sum_ns, memory_order_relaxed);

	body_printf(b, "fingerpost_%s_sum %" PRIu64 ".%09" PRIu64 "\nfingerpost_%s_count %" PRIu64 "\n", name, ns / NS_PER_S,
	    ns % NS_PER_S, name, sum);
}

static void metrics_news(struct body *b, const struct service *s)
{
	metrics_systems(b, s);
	metric_head(b, "events_total", "counter", "events told: hosts first seen, changed, found to be shared");
	body_printf(b, "fingerpost_events_total %" PRIu64 "\n", news_last(s->news));
	metrics_histogram(b, &s->news->commit, "store_commit_duration_seconds", "time a transaction of the store took");
	metrics_histogram(b, &s->news->query, "query_lookup_duration_seconds", "time a look-up in the store took, for sockets of mail software");
	metrics_histogram(b, &s->news->lookup, "http_lookup_duration_seconds", "time a look-up in the store took, for HTTP");
	metrics_histogram(b, &s->news->request, "http_request_duration_seconds", "time an HTTP answer took to be made");
}

void metrics_text(struct body *b, const struct service *s)
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
	if (s->news != NULL)
		metrics_news(b, s);
}
