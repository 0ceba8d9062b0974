/*
 * answers - what paths answer, a function each; route.c says which path is whose. Knows no HTTP library.
 */
#ifndef FP_ANSWERS_H
#define FP_ANSWERS_H

#include "api/request.h"
#include "api/route.h"

/* A path's work: rest is what follows the path of the table, still encoded; query "" where there was none. */
typedef void route_fn(const struct service *s, const char *rest, const char *query, struct answer *out);

route_fn answer_hosts;   /* /v1/hosts: listing.c */
route_fn answer_os;      /* /v1/os: history.c */
route_fn answer_history; /* /v1/history: history.c */

/* For paths without parameters. True: there was none. */
bool answer_no_params(const char *query, struct answer *out);

/* What a time is in a parameter: RFC 3339 in UTC, or seconds since 1970. */
bool answer_time(const char *text, int64_t *out);

void answer_store_problem(struct answer *out, int rc);

/* An entity tag of the body: whoever has it already gets none. */
void answer_tag(struct answer *out);

/* 0; FP_ENOTFOUND: written as unknown; else why the store could not say. */
int answer_put_host(const struct service *s, struct body *b, const struct fp_addr *addr);

#endif
