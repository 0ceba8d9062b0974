/*
 * route - from a request's target to its answer, by one table of paths. Knows no HTTP library.
 *
 * Owner    route_get() fills the answer; answer_free() ends it, or whoever takes body.text frees that.
 * Threads  any.
 * Source   RFC 9457 (problem documents); docs/interface.md, "HTTP".
 */
#ifndef FP_ROUTE_H
#define FP_ROUTE_H

#include "api/page.h"
#include "api/stats.h"

#define ROUTE_TARGET_MAX 48000 /* longer is 414: a thousand IPv6 addresses fit */
#define ROUTE_HOSTS_MAX 1000

struct answer {
	unsigned status;
	const char *type; /* Content-Type */
	struct body body; /* failed: no memory */
	char etag[24];    /* with its quotes; "": none */
	const struct page_file *file; /* the body is this one's */
	bool stream;      /* events without end: the caller's to write (events.h) */
};

/* GET of a target as it was sent: "/v1/hosts?ip=192.0.2.1". */
void route_get(const struct service *s, const char *target, struct answer *out);

/* Whether a target is a file of the page: they say nothing of anybody, and who may see them is everybody. */
bool route_is_page(const char *target);

/* A problem document; what stood in the body before is dropped. parameter: the query parameter at fault, or NULL. */
void answer_problem(struct answer *out, unsigned status, const char *parameter, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

void answer_free(struct answer *a);

#endif
