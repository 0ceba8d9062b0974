/* http_answer - whether a request is to be answered, and the headers of what it gets. */
#include "api/http_int.h"

#include "api/gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GZIP_LEAST 1200 /* less fits into one packet as it is */

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct headers *seen = ctx;

	(void)kind;
	if (value == NULL)
		value = "";
	if (strcasecmp(name, "host") == 0) {
		seen->host = value;
		seen->hosts++;
	} else if (strcasecmp(name, "authorization") == 0) {
		seen->authorization = value;
		seen->authorizations++;
	} else if (strcasecmp(name, "if-none-match") == 0) {
		seen->if_none_match = value;
	} else if (strcasecmp(name, "accept-encoding") == 0) {
		seen->accept_encoding = value;
	} else if (strcasecmp(name, "last-event-id") == 0) {
		seen->last_event = value;
	} else if (strcasecmp(name, "origin") == 0) {
		seen->origin = value;
	}
	return MHD_YES;
}

void http_headers(struct MHD_Connection *mc, struct headers *out)
{
	*out = (struct headers){ .host = NULL };
	MHD_get_connection_values(mc, MHD_HEADER_KIND, on_header, out);
}

/*
 * RFC 9112 3.2: "/path", or "http://authority/path" as to a proxy, whose authority then counts as Host. NULL: neither.
 * The authority is copied to host.
 */
static const char *target_path(const char *target, char host[256], bool *absolute)
{
	*absolute = false;
	if (target[0] == '/')
		return target;
	if (strncasecmp(target, "http://", 7) != 0)
		return NULL;
	target += 7;
	const size_t len = strcspn(target, "/?");

	if (len >= 256)
		return NULL;
	memcpy(host, target, len);
	host[len] = '\0';
	*absolute = true;
	return target[len] == '/' ? target + len : "/";
}

/* Whose name does the request go by? False: answered with a problem. */
static bool host_check(const struct http *h, const struct conn *c, const struct headers *seen, const char *version,
    const char *authority, struct answer *out)
{
	const char *host = authority != NULL ? authority : seen->host;

	if (seen->hosts > 1 || (seen->hosts == 0 && strcmp(version, "HTTP/1.0") != 0)) {
		answer_problem(out, 400, NULL, "one Host header is needed");
		return false;
	}
	if (host == NULL)
		return true; /* HTTP/1.0: no browser that could be lured */
	switch (request_host(host, c->is_unix ? NULL : &c->local, h->conf.hosts)) {
	case REQUEST_HOST_OURS:
		return true;
	case REQUEST_HOST_FOREIGN:
		answer_problem(out, 403, NULL, "this service does not go by the name in the Host header");
		return false;
	default:
		answer_problem(out, 400, NULL, "the Host header is malformed");
		return false;
	}
}

/* RFC 6750 2.1. How long it takes tells nothing of where the first difference is. */
static bool token_fits(const char *token, const struct headers *seen)
{
	if (token == NULL)
		return true;
	if (seen->authorizations != 1 || strncasecmp(seen->authorization, "Bearer ", 7) != 0)
		return false;
	const char *got = seen->authorization + 7 + strspn(seen->authorization + 7, " ");
	const size_t len = strlen(token), got_len = strlen(got);
	unsigned differs = len != got_len;

	for (size_t i = 0; i < got_len; i++)
		differs |= (unsigned char)got[i] ^ (unsigned char)token[i % (len + 1)];
	return differs == 0;
}

const char *http_check(const struct http *h, const struct conn *c, const struct headers *seen, const char *method, const char *version,
    struct answer *out)
{
	char authority[256];
	bool absolute = false;

	if (c->target == NULL) {
		answer_problem(out, 503, NULL, "out of memory");
		return NULL;
	}
	const char *path = target_path(c->target, authority, &absolute);

	if (!host_check(h, c, seen, version, absolute ? authority : NULL, out))
		return NULL;
	if (!token_fits(h->conf.token, seen) && (path == NULL || !route_is_page(path)))
		answer_problem(out, 401, NULL, "a token is needed: Authorization: Bearer TOKEN");
	else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		answer_problem(out, 405, NULL, "GET and HEAD only");
	else if (c->target_long)
		answer_problem(out, 414, NULL, "more than %d bytes", ROUTE_TARGET_MAX);
	else if (path == NULL)
		answer_problem(out, 400, NULL, "the request's target is no path");
	else if (c->upload_bytes > 0)
		answer_problem(out, 400, NULL, "a request here has no body");
	else
		return path;
	return NULL;
}

/* ---- Answers ---------------------------------------------------------------------------------- */

#define CSP_NOTHING "default-src 'none'; frame-ancestors 'none'"
/* What the page is made of comes from here, and nothing else; its script sets styles through the DOM, which this does not forbid. */
#define CSP_PAGE "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'"

void http_answer_headers(struct MHD_Response *r, const struct answer *a)
{
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Content-Security-Policy", a->file != NULL ? CSP_PAGE : CSP_NOTHING);
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	/* What has a tag may be kept, but is asked for each time. */
	MHD_add_response_header(r, "Cache-Control", a->etag[0] != '\0' ? "private, no-cache" : "no-store");
	MHD_add_response_header(r, "Content-Type", a->type);
	if (a->etag[0] != '\0')
		MHD_add_response_header(r, "ETag", a->etag);
}

/* WHATWG Fetch, 3.2: origins are compared byte by byte. */
void http_answer_origin(const struct http *h, struct MHD_Response *r, const struct headers *seen)
{
	const char *const *origin = h->conf.origins;
	const bool some = origin != NULL && *origin != NULL;

	if (some)
		MHD_add_response_header(r, "Vary", "Origin");
	for (; some && *origin != NULL; origin++)
		if (seen->origin != NULL && strcmp(seen->origin, *origin) == 0) {
			MHD_add_response_header(r, "Access-Control-Allow-Origin", *origin);
			return;
		}
	MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
}

/* RFC 9110 13.1.2, by weak comparison; our tags have no comma. */
static bool tag_matches(const char *list, const char *tag)
{
	const size_t len = strlen(tag);

	while (list != NULL && *list != '\0') {
		list += strspn(list, " \t,");
		if (*list == '*')
			return true;
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		if (strncmp(list, tag, len) == 0 && (list[len] == '\0' || strchr(" \t,", list[len]) != NULL))
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

/* RFC 9110 12.5.3: gzip is named, and not with a weight of nought. */
static bool takes_gzip(const char *list)
{
	for (; list != NULL && *list != '\0'; list += strcspn(list, ",")) {
		list += strspn(list, " \t,");
		const size_t len = strcspn(list, " \t,;");

		if (len != 4 || strncasecmp(list, "gzip", 4) != 0)
			continue;
		const char *weight = list + len + strspn(list + len, " \t;");

		return strncasecmp(weight, "q=", 2) != 0 || strtod(weight + 2, NULL) > 0;
	}
	return false;
}

static struct MHD_Response *from_body(struct answer *a)
{
	return a->body.failed ? NULL : MHD_create_response_from_buffer(a->body.len, a->body.text, MHD_RESPMEM_MUST_FREE);
}

/* The page's files lie here packed. */
static struct MHD_Response *from_file(struct answer *a, bool gzip)
{
	const struct page_file *f = a->file;

	if (gzip)
		return MHD_create_response_from_buffer(f->packed_len, (void *)(uintptr_t)f->packed, MHD_RESPMEM_PERSISTENT);
	if (gzip_unpack(&a->body, f->packed, f->packed_len, f->len) != 0)
		a->body.failed = true;
	return from_body(a);
}

static struct MHD_Response *make_response(struct answer *a, const struct headers *seen)
{
	bool gzip = takes_gzip(seen->accept_encoding);
	struct MHD_Response *r;

	if (a->status == 304)
		return MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
	if (a->file != NULL) {
		r = from_file(a, gzip);
	} else {
		gzip = gzip && a->body.len >= GZIP_LEAST && gzip_pack(&a->body) == 0;
		r = from_body(a);
	}
	if (r != NULL && gzip)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	if (r != NULL)
		MHD_add_response_header(r, "Vary", "Accept-Encoding");
	return r;
}

enum MHD_Result http_reply(struct http *h, const struct conn *c, struct MHD_Connection *mc, const struct headers *seen, struct answer *a)
{
	if (a->status == 200 && a->etag[0] != '\0' && tag_matches(seen->if_none_match, a->etag)) {
		answer_free(a);
		a->status = 304;
	}
	struct MHD_Response *r = make_response(a, seen);

	if (r == NULL) {
		answer_free(a);
		return MHD_queue_response(mc, 503, h->no_memory);
	}
	http_answer_headers(r, a);
	http_answer_origin(h, r, seen);
	if (a->status == 405)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
	if (a->status == 401)
		MHD_add_response_header(r, "WWW-Authenticate", "Bearer realm=\"fingerpost\"");
	if (a->status == 503)
		MHD_add_response_header(r, "Retry-After", "1");
	if (c->upload_bytes > 0)
		MHD_add_response_header(r, "Connection", "close");
	const enum MHD_Result ok = MHD_queue_response(mc, a->status, r);

	MHD_destroy_response(r);
	return ok;
}
