/*
 * body - text that grows: what an answer is written into.
 *
 * Owner    a zeroed struct is an empty one; body_free() ends it, or whoever takes `text` frees that.
 * Threads  one.
 * Errors   the first failure to get memory sticks (`failed`), later writes do nothing: asked once, at the end.
 */
#ifndef FP_BODY_H
#define FP_BODY_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_addr;
struct fp_answer;

struct body {
	char *text; /* NUL-terminated once anything was written; NULL before */
	size_t len;
	size_t room;
	bool failed;
};

void body_printf(struct body *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A JSON string with its quotes; NULL is null. */
void body_json_string(struct body *b, const char *text);

/* The object of a host; NULL: of an address of which nothing is known. */
void body_json_host(struct body *b, const struct fp_addr *addr, const struct fp_answer *host);

/* RFC 3339 with its quotes; null where the calendar has no such time. */
void body_json_time(struct body *b, int64_t unix_s);

/* Room for n bytes at the end, NULL: no memory. What was written there counts after body_grown(). */
char *body_room(struct body *b, size_t n);
void body_grown(struct body *b, size_t n);

void body_free(struct body *b);

#endif
