/* history - /v1/os and /v1/history: hosts by system, now and over time. */
#include "api/answers.h"

#include "core/out.h"
#include "store/values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Now -------------------------------------------------------------------------------------- */

static void put_text(struct body *b, const char *name, const char *text)
{
	body_printf(b, "\"%s\":", name);
	body_json_string(b, *text != '\0' ? text : NULL);
}

void answer_os(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	static struct stats_system system[NEWS_LABELS]; /* answers are made by one thread */
	bool counted = false;
	uint64_t hosts = 0;

	(void)rest;
	if (!answer_no_params(query, out))
		return;
	const size_t n = s->news != NULL ? stats_systems(s, system, NEWS_LABELS, &counted) : 0;

	for (size_t i = 0; i < n; i++)
		hosts += system[i].hosts;
	body_printf(&out->body, "{\"hosts\":%" PRIu64 ",\"complete\":%s,\"systems\":[", hosts, counted ? "true" : "false");
	for (size_t i = 0; i < n; i++) {
		body_printf(&out->body, "%s{", i > 0 ? "," : "");
		put_text(&out->body, "name", system[i].name);
		body_printf(&out->body, ",");
		put_text(&out->body, "flavor", system[i].flavor);
		body_printf(&out->body, ",");
		put_text(&out->body, "class", system[i].klass);
		body_printf(&out->body, ",\"hosts\":%" PRIu64 "}", system[i].hosts);
	}
	body_printf(&out->body, "]}\n");
	answer_tag(out);
}

/* ---- Over time -------------------------------------------------------------------------------- */

#define SERIES_MAX 256 /* names; more are added to the last */
#define LABELS 1024    /* power of two: labels whose name was looked up */

struct series {
	char name[FP_LABEL_TEXT], klass[FP_LABEL_TEXT];
	uint32_t *hosts, *first, *connections; /* one each period, in one piece of memory */
};

struct view {
	const struct service *s;
	enum record_kind kind;
	uint32_t step_s, from, count; /* periods: from, from + 1, ... */
	uint8_t *there;               /* whether there is a record of it */
	struct series series[SERIES_MAX];
	unsigned n;
	struct { uint32_t label; uint16_t series; bool used; } label[LABELS];
};

static struct series *series_find(struct view *v, const struct stats_system *which)
{
	for (unsigned i = 0; i < v->n; i++)
		if (strcmp(v->series[i].name, which->name) == 0 && strcmp(v->series[i].klass, which->klass) == 0)
			return &v->series[i];
	if (v->n == SERIES_MAX)
		return &v->series[SERIES_MAX - 1];
	struct series *new = &v->series[v->n];

	new->hosts = calloc(3 * (size_t)v->count, sizeof *new->hosts);
	if (new->hosts == NULL)
		return NULL;
	new->first = new->hosts + v->count;
	new->connections = new->first + v->count;
	memcpy(new->name, which->name, sizeof new->name);
	memcpy(new->klass, which->klass, sizeof new->klass);
	v->n++;
	return new;
}

static struct series *series_of(struct view *v, uint32_t label)
{
	uint32_t i = label * 0x9e3779b1u % LABELS;
	struct stats_system which;
	unsigned met = 0;

	for (; v->label[i].used && met < LABELS; i = (i + 1) % LABELS, met++)
		if (v->label[i].label == label)
			return &v->series[v->label[i].series];
	stats_label(v->s, label, &which);
	struct series *found = series_find(v, &which);

	if (found != NULL && met < LABELS) {
		v->label[i].label = label;
		v->label[i].series = (uint16_t)(found - v->series);
		v->label[i].used = true;
	}
	return found;
}

static int collect(struct view *v)
{
	struct record_period_row rows[RECORD_PERIOD_ROWS];
	uint32_t id = v->from - 1;

	for (;;) {
		const int n = store_period_next(v->s->store, v->kind, &id, rows);

		if (n == FP_ENOTFOUND || (n >= 0 && id - v->from >= v->count))
			return 0;
		if (n < 0 && n != FP_EDAMAGED && n != FP_EFORMAT)
			return n;
		if (n < 0)
			continue; /* one period that cannot be read is one less */
		v->there[id - v->from] = 1;
		for (int i = 0; i < n; i++) {
			struct series *to = series_of(v, rows[i].label);

			if (to == NULL)
				return -ENOMEM;
			to->hosts[id - v->from] += rows[i].hosts;
			to->first[id - v->from] += rows[i].first;
			to->connections[id - v->from] += rows[i].connections;
		}
	}
}

/* Numbers by the ten thousand: printf() would be most of the time. */
static void put_numbers(struct body *b, const struct view *v, const char *name, const uint32_t *number)
{
	body_printf(b, ",\"%s\":[", name);
	const size_t most = 11 * (size_t)v->count + 2; /* ten digits and a comma, the end and a NUL */
	char *at = body_room(b, most);

	if (at == NULL)
		return;
	struct out o = out_begin(at, most);

	for (uint32_t i = 0; i < v->count; i++) {
		if (i > 0)
			out_char(&o, ',');
		if (v->there[i])
			out_number(&o, number[i]);
		else
			out_text(&o, "null");
	}
	out_char(&o, ']');
	body_grown(b, out_end(&o));
}

static uint64_t total(const struct series *x, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += x->hosts[i];
	return sum;
}

static void put_view(struct body *b, struct view *v, bool hours)
{
	uint64_t sum[SERIES_MAX];

	body_printf(b, "{\"by\":\"%s\",\"step_s\":%" PRIu32 ",\"from\":", hours ? "hour" : "minute", v->step_s);
	body_json_time(b, (int64_t)v->from * v->step_s);
	body_printf(b, ",\"count\":%" PRIu32 ",\"systems\":[", v->count);
	for (unsigned i = 0; i < v->n; i++)
		sum[i] = total(&v->series[i], v->count);
	/* The most first; there are few. */
	for (unsigned done = 0; done < v->n; done++) {
		unsigned best = 0;

		for (unsigned i = 1; i < v->n; i++)
			if (v->series[best].hosts == NULL || (v->series[i].hosts != NULL && sum[i] > sum[best]))
				best = i;
		struct series *x = &v->series[best];

		body_printf(b, "%s{", done > 0 ? "," : "");
		put_text(b, "name", x->name);
		body_printf(b, ",");
		put_text(b, "class", x->klass);
		put_numbers(b, v, "hosts", x->hosts);
		put_numbers(b, v, "first", x->first);
		put_numbers(b, v, "connections", x->connections);
		body_printf(b, "}");
		free(x->hosts);
		x->hosts = NULL;
	}
	body_printf(b, "]}\n");
}

/* The store's now, or why there is none. */
static int now_of(struct fp_store *store, int64_t *now_s)
{
	struct fp_info info;
	const int rc = fp_info(store, &info);

	*now_s = rc != 0 ? 0 : info.live ? (int64_t)time(NULL) : info.now_ns / 1000000000;
	return rc;
}

static void answer_view(const struct service *s, bool hours, int64_t since_s, int64_t now_s, struct answer *out)
{
	struct view *v = calloc(1, sizeof *v);
	const uint32_t step_s = hours ? 3600 : 60, kept = hours ? RECORD_HOURS_KEPT : RECORD_MINUTES_KEPT, newest = (uint32_t)(now_s / step_s);

	if (v == NULL) {
		out->body.failed = true;
		return;
	}
	v->s = s;
	v->kind = hours ? RECORD_HOUR : RECORD_MINUTE;
	v->step_s = step_s;
	v->from = newest >= kept ? newest - kept + 1 : 1;
	if (since_s / step_s > v->from)
		v->from = since_s / step_s <= newest ? (uint32_t)(since_s / step_s) : newest;
	v->count = newest >= v->from ? newest - v->from + 1 : 0;
	v->there = calloc(v->count + 1, 1);
	const int rc = v->there != NULL ? collect(v) : -ENOMEM;

	if (rc != 0)
		answer_store_problem(out, rc);
	else
		put_view(&out->body, v, hours);
	for (unsigned i = 0; i < v->n; i++)
		free(v->series[i].hosts);
	free(v->there);
	free(v);
}

void answer_history(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	struct request_param param;
	int64_t since_s = 0, now_s;
	bool hours = false;
	int rc;

	(void)rest;
	while ((rc = request_param_next(&param, &query)) != 0) {
		const char *wrong = NULL;

		if (rc < 0 && param.name[0] == '\0') {
			answer_problem(out, 400, NULL, "the query is malformed");
			return;
		}
		if (strcmp(param.name, "by") == 0) {
			hours = strcmp(param.value, "hour") == 0;
			if (!hours && strcmp(param.value, "minute") != 0)
				wrong = "this is neither minute nor hour";
		} else if (strcmp(param.name, "since") == 0) {
			if (rc < 0 || !answer_time(param.value, &since_s))
				wrong = "this is no time like 2026-11-23T09:10:11Z, nor seconds since 1970";
		} else {
			wrong = "there is no such parameter here: by, since";
		}
		if (wrong != NULL) {
			answer_problem(out, 400, param.name, "%s", wrong);
			return;
		}
	}
	rc = now_of(s->store, &now_s);
	if (rc != 0)
		answer_store_problem(out, rc);
	else
		answer_view(s, hours, since_s, now_s, out);
	if (out->status == 200)
		answer_tag(out);
}
