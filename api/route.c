/* route - paths and what answers them. */
#include "api/route.h"

#include "api/openapi.h"
#include "api/request.h"
#include "store/render.h"

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

void answer_free(struct answer *a)
{
	body_free(&a->body);
}

static void store_problem(struct answer *out, int rc)
{
	answer_problem(out, 503, NULL, "the store cannot be read: %s", fp_strerror(rc));
}

/* A path's work: rest is what follows the path of the table, still encoded; query "" where there was none. */
typedef void route_fn(const struct service *s, const char *rest, const char *query, struct answer *out);

/* For paths without parameters. True: there was none. */
static bool no_params(const char *query, struct answer *out)
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

static void get_root(const struct service *s, const char *rest, const char *query, struct answer *out);

static void get_health(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	struct fp_info info;
	int rc;

	(void)rest;
	if (!no_params(query, out))
		return;
	const struct pulse *late = s->pulses != NULL ? pulse_late(s->pulses) : NULL;

	if (late != NULL)
		answer_problem(out, 503, NULL, "the thread \"%s\" has not moved for %d s", late->name,
		    PULSE_LATE_MS / 1000);
	else if ((rc = fp_info(s->store, &info)) != 0)
		store_problem(out, rc);
	else
		body_printf(&out->body, "{\"status\":\"ok\"}\n");
}

static void get_stats(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	(void)rest;
	if (no_params(query, out))
		stats_json(&out->body, s);
}

static void get_metrics(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	(void)rest;
	if (!no_params(query, out))
		return;
	out->type = "text/plain; version=0.0.4; charset=utf-8";
	stats_metrics(&out->body, s);
}

static void get_openapi(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	(void)s;
	(void)rest;
	if (no_params(query, out))
		body_printf(&out->body, "%s", openapi_json);
}

/* 0; FP_ENOTFOUND: written as unknown; else why the store could not say. */
static int put_host(struct body *b, struct fp_store *store, const struct fp_addr *addr)
{
	struct fp_answer host;
	char *at = body_room(b, RENDER_HOST_MAX);
	const int rc = fp_lookup(store, addr, &host);

	if (at == NULL || (rc != 0 && rc != FP_ENOTFOUND))
		return rc;
	const int n = rc == 0 ? render_json(at, RENDER_HOST_MAX, &host) : render_json_unknown(at, RENDER_HOST_MAX, addr);

	if (n < 0)
		return n;
	body_grown(b, (size_t)n);
	return rc;
}

static void get_host(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	char text[REQUEST_VALUE_MAX];
	struct fp_addr addr;
	int rc;

	if (!no_params(query, out))
		return;
	if (request_decode(text, sizeof text, rest, strlen(rest), false) != 0 || fp_addr_parse(&addr, text) != 0) {
		answer_problem(out, 400, NULL, "what follows /v1/hosts/ is no IPv4 or IPv6 address");
		return;
	}
	rc = put_host(&out->body, s->store, &addr);
	if (rc == FP_ENOTFOUND)
		answer_problem(out, 404, NULL, "%s is not in the store", fp_addr_text(&addr, text));
	else if (rc != 0)
		store_problem(out, rc);
	else
		body_printf(&out->body, "\n");
}

/* What is wrong with a pair of /v1/hosts, or NULL. */
static const char *hosts_param(int rc, const struct request_param *param, unsigned n, struct fp_addr *addr)
{
	if (rc < 0 && param->name[0] == '\0')
		return "the query is malformed";
	if (strcmp(param->name, "ip") != 0)
		return "there is no such parameter here; ip=ADDRESS asks for an address";
	if (rc < 0 || fp_addr_parse(addr, param->value) != 0)
		return "this is no IPv4 or IPv6 address";
	if (n >= ROUTE_HOSTS_MAX)
		return "more than 1000 addresses in one request";
	return NULL;
}

static void get_hosts(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	struct request_param param;
	struct fp_addr addr;
	unsigned n = 0;
	int rc;

	(void)rest;
	body_printf(&out->body, "{\"hosts\":[");
	while ((rc = request_param_next(&param, &query)) != 0) {
		const char *wrong = hosts_param(rc, &param, n, &addr);

		if (wrong != NULL) {
			answer_problem(out, 400, param.name[0] != '\0' ? param.name : NULL, "%s", wrong);
			return;
		}
		if (n++ > 0)
			body_printf(&out->body, ",");
		rc = put_host(&out->body, s->store, &addr);
		if (rc != 0 && rc != FP_ENOTFOUND) {
			store_problem(out, rc);
			return;
		}
	}
	if (n == 0)
		answer_problem(out, 400, "ip", "the parameter ip is missing: /v1/hosts?ip=ADDRESS, up to 1000 of them");
	else
		body_printf(&out->body, "]}\n");
}

static const struct route {
	const char *path;
	bool more; /* something follows the path */
	const char *shown;
	const char *text;
	route_fn *get;
} routes[] = {
	{ "/", false, "/", "this list", get_root },
	{ "/healthz", false, "/healthz", "200 while capture, matchers and store move, else 503 with the reason", get_health },
	{ "/metrics", false, "/metrics", "Prometheus text", get_metrics },
	{ "/openapi.json", false, "/openapi.json", "description of this interface", get_openapi },
	{ "/v1/hosts", false, "/v1/hosts?ip=ADDRESS&ip=ADDRESS", "what is known of up to 1000 addresses", get_hosts },
	{ "/v1/hosts/", true, "/v1/hosts/ADDRESS", "what is known of an address", get_host },
	{ "/v1/stats", false, "/v1/stats", "every counter, every thread, the store", get_stats },
};

static void get_root(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	(void)s;
	(void)rest;
	if (!no_params(query, out))
		return;
	body_printf(&out->body, "{\"fingerpost\":\"%s\",\"paths\":{", FP_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		body_printf(&out->body, "%s\"%s\":\"%s\"", i > 0 ? "," : "", routes[i].shown, routes[i].text);
	body_printf(&out->body, "}}\n");
}

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

	if (r == NULL) {
		answer_problem(out, 404, NULL, "there is nothing here; / lists what there is");
		return;
	}
	size_t rest_len = path_len - strlen(r->path);

	if (rest_len >= sizeof rest)
		rest_len = sizeof rest - 1; /* cut off it is still longer than any address, however encoded */
	memcpy(rest, target + strlen(r->path), rest_len);
	rest[rest_len] = '\0';
	r->get(s, rest, query, out);
}
