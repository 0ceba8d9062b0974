/*
 * http - the HTTP/JSON service (docs/interface.md, "HTTP"): every answer from the store and the counters, none
 * from the capture path. With its parts (http_int.h) alone it knows libmicrohttpd.
 *
 * Owner    http_start() begins to serve on a socket that the caller opened (and makes it non-blocking); http_stop()
 *          ends it and leaves the socket. What conf points to is the caller's and outlives the service.
 * Threads  libmicrohttpd's one, in poll mode (its epoll mode stalls beyond 128 connections), answers; a second keeps the
 *          deadlines and beats the pulse, unless an answer takes too long. Neither takes a signal.
 * Errors   0 or negative, with a message in why[HTTP_WHY].
 * Limits   a connection too many is closed at once (libmicrohttpd would leave it hanging); header and target have 120 KiB
 *          together; a request is received within request_deadline_ms and answered within as much again, however slowly bytes
 *          drip (libmicrohttpd's own timeout is for idle ones only). Host must be ours (api/request.h).
 */
#ifndef FP_HTTP_H
#define FP_HTTP_H

#include "core/counters.h"
#include "core/news.h"
#include "core/pulse.h"
#include "store/reader.h"

#define HTTP_WHY 256

struct http;

struct http_conf {
	int listen_fd;               /* bound and listening: TCP or Unix */
	struct fp_store *store;      /* the caller's */
	struct counters *counters;   /* shared; writes its own row, services 0 */
	const struct pulse_board *pulses; /* may be NULL */
	const char *const *queue_names; /* "eth0/0", one a row of COUNTER_QUEUE; may be NULL; the list is copied, the texts are not */
	int64_t started_s;           /* unix time */
	struct news_board *news;     /* shared; writes its lookup and request; may be NULL: no events, no counts by system */
	unsigned connections_max;    /* in all; 0 = 256 */
	unsigned connections_per_ip; /* 0 = 128 */
	const char *const *hosts;    /* further names that Host may have, NULL-terminated; may be NULL */
	const char *const *origins;  /* of pages that may read answers (CORS), NULL-terminated; may be NULL */
	const char *token;           /* what "Authorization: Bearer" must bring, on every path; NULL = nothing is asked for */
	struct pulse *pulse;         /* of the service, added by the caller; may be NULL */
	unsigned request_deadline_ms; /* 0 = 10000 */
	unsigned idle_timeout_s;     /* between requests; 0 = 15 */
};

int http_start(struct http **out, const struct http_conf *conf, char why[HTTP_WHY]);
void http_stop(struct http **hp); /* sets NULL; NULL is fine */

#endif
