/* route - paths and what answers them. */
#include "api/route.h"

#include "api/answers.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "core/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define JSON "application/json"

static const struct {
	unsigned status;
	const char *title;
} titles[] = {
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
};

void answer_problem(struct answer *out, unsigned status, const char *parameter, const char *fmt, ...)
{
	char detail[512];
	const char *title = "Error";
	va_list args;

	for (size_t i = 0; i < ARRAY_LEN(titles); i++)
		if (titles[i].status == status)
			title = titles[i].title;
	va_start(args, fmt);
	vsnprintf(detail, sizeof detail, fmt, args);
	va_end(args);

	body_free(&out->body);
	out->status = status;
	out->type = "application/problem+json";
	body_printf(&out->body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":", title, status);
	body_json_string(&out->body, detail);
	if (parameter != NULL) {
		body_printf(&out->body, ",\"parameter\":");
		body_json_string(&out->body, parameter);
	}
	body_printf(&out->body, "}\n");
}

void answer_tag(struct answer *out)
{
	uint64_t h = 0xcbf29ce484222325u, word;
	size_t i = 0;

	/* Nobody gains by two bodies with one tag but who asked for both. */
	for (; i + 8 <= out->body.len; i += 8) {
		memcpy(&word, out->body.text + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	for (; i < out->body.len; i++)
		h = (h ^ (unsigned char)out->body.text[i]) * 0x100000001b3u;
	snprintf(out->etag, sizeof out->etag, "\"%016" PRIx64 "\"", h ^ out->body.len);
}

void answer_free(struct answer *a)
{
	body_free(&a->body);
}

void answer_store_problem(struct answer *out, int rc)
{
	answer_problem(out, 503, NULL, "the store cannot be read: %s", fp_strerror(rc));
}

/* For paths without parameters. True: there was none. */
bool answer_no_params(const char *query, struct answer *out)
{
	struct request_param param;
	const int rc = request_param_next(&param, &query);

	if (rc == 0)
		return true;
	if (param.name[0] != '\0')
		answer_problem(out, 400, param.name, "there is no parameter \"%s\" here", param.name);
	else
		answer_problem(out, 400, NULL, "the query is malformed");
	return false;
}

static void get_health(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	struct fp_info info;
	int rc;

	(void)rest;
	if (!answer_no_params(query, out))
		return;
	const struct pulse *late = s->pulses != NULL ? pulse_late(s->pulses) : NULL;

	if (late != NULL)
		answer_problem(out, 503, NULL, "the thread \"%s\" has not moved for %d s", late->name,
		    PULSE_LATE_MS / 1000);
	else if ((rc = fp_info(s->store, &info)) != 0)
		answer_store_problem(out, rc);
	else
		body_printf(&out->body, "{\"status\":\"ok\"}\n");
}

static void get_stats(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	(void)rest;
	if (answer_no_params(query, out))
		stats_json(&out->body, s);
}

static void get_metrics(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	(void)rest;
	if (!answer_no_params(query, out))
		return;
	out->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_text(&out->body, s);
}

static void get_openapi(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	(void)s;
	(void)rest;
	if (!answer_no_params(query, out))
		return;
	body_printf(&out->body, "%s", openapi_json);
	answer_tag(out);
}

int answer_put_host(const struct service *s, struct body *b, const struct fp_addr *addr)
{
	struct fp_answer host;
	const int64_t began = s->news != NULL ? clock_ns(CLOCK_MONOTONIC) : 0;
	const int rc = fp_lookup(s->store, addr, &host);

	if (s->news != NULL)
		histogram_add(&s->news->lookup, (uint64_t)(clock_ns(CLOCK_MONOTONIC) - began));
	if (rc == 0 || rc == FP_ENOTFOUND)
		body_json_host(b, addr, rc == 0 ? &host : NULL);
	return rc;
}

static void get_host(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	char text[REQUEST_VALUE_MAX];
	struct fp_addr addr;
	int rc;

	if (!answer_no_params(query, out))
		return;
	if (request_decode(text, sizeof text, rest, strlen(rest), false) != 0 || fp_addr_parse(&addr, text) != 0) {
		answer_problem(out, 400, NULL, "what follows /v1/hosts/ is no IPv4 or IPv6 address");
		return;
	}
	rc = answer_put_host(s, &out->body, &addr);
	if (rc == FP_ENOTFOUND)
		answer_problem(out, 404, NULL, "%s is not in the store", fp_addr_text(&addr, text));
	else if (rc != 0)
		answer_store_problem(out, rc);
	else
		body_printf(&out->body, "\n");
	if (out->status == 200)
		answer_tag(out);
}

static void get_events(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	(void)rest;
	if (!answer_no_params(query, out))
		return;
	if (s->news == NULL) {
		answer_problem(out, 503, NULL, "nobody tells this process of events");
		return;
	}
	out->type = "text/event-stream";
	out->stream = true;
}

/* The page's own files; each has a tag of its bytes. */
static const struct page_file *page_find(const char *target, size_t path_len)
{
	for (size_t i = 0; i < page_file_count; i++)
		if (strlen(page_files[i].path) == path_len && memcmp(target, page_files[i].path, path_len) == 0)
			return &page_files[i];
	return NULL;
}

bool route_is_page(const char *target)
{
	return page_find(target, strcspn(target, "?")) != NULL;
}

static const struct route {
	const char *path;
	bool more; /* something follows the path */
	route_fn *get;
} routes[] = {
	{ "/healthz", false, get_health },
	{ "/metrics", false, get_metrics },
	{ "/openapi.json", false, get_openapi },
	{ "/v1/events", false, get_events },
	{ "/v1/history", false, answer_history },
	{ "/v1/hosts", false, answer_hosts },
	{ "/v1/hosts/", true, get_host },
	{ "/v1/os", false, answer_os },
	{ "/v1/stats", false, get_stats },
};

static const struct route *route_find(const char *target, size_t path_len)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const size_t len = strlen(routes[i].path);

		if (routes[i].more ? path_len > len : path_len == len)
			if (memcmp(target, routes[i].path, len) == 0)
				return &routes[i];
	}
	return NULL;
}

void route_get(const struct service *s, const char *target, struct answer *out)
{
	const size_t path_len = strcspn(target, "?");
	const char *query = target[path_len] == '?' ? target + path_len + 1 : "";
	char rest[REQUEST_VALUE_MAX * 3];

	*out = (struct answer){ .status = 200, .type = JSON };
	const struct route *r = route_find(target, path_len);
	const struct page_file *file = r == NULL ? page_find(target, path_len) : NULL;

	if (file != NULL) {
		if (answer_no_params(query, out)) {
			out->file = file;
			out->type = file->type;
			snprintf(out->etag, sizeof out->etag, "%s", file->etag);
		}
		return;
	}
	if (r == NULL) {
		answer_problem(out, 404, NULL, "there is nothing here; /openapi.json describes what there is");
		return;
	}
	size_t rest_len = path_len - strlen(r->path);

	if (rest_len >= sizeof rest)
		rest_len = sizeof rest - 1; /* cut off it is still longer than any address, however encoded */
	memcpy(rest, target + strlen(r->path), rest_len);
	rest[rest_len] = '\0';
	r->get(s, rest, query, out);
}
