/*
 * http - the HTTP/JSON service (docs/interface.md, "HTTP"): every answer from the store and the counters, none
 * from the capture path. Alone knows libmicrohttpd.
 *
 * Owner    http_start() begins to serve on a socket that the caller opened; http_stop() ends it and leaves the socket.
 * Threads  one of libmicrohttpd's (poll mode: its epoll mode stalls beyond 128 connections).
 * Errors   0 or negative, with a message in why[HTTP_WHY].
 */
#ifndef FP_HTTP_H
#define FP_HTTP_H

#include "core/counters.h"
#include "core/pulse.h"
#include "store/reader.h"

#define HTTP_WHY 256

struct http;

struct http_conf {
	int listen_fd;               /* bound and listening: TCP or Unix */
	struct fp_store *store;      /* the caller's */
	struct counters *counters;   /* shared; writes its own row, services 0 */
	const struct pulse_board *pulses;
	const char *const *queue_names; /* "eth0/0", one a row of COUNTER_QUEUE */
	int64_t started_s;           /* unix time */
	unsigned connections_max;    /* in all; 0 = 256 */
	unsigned connections_per_ip; /* 0 = 64 */
	const char *const *hosts;    /* further names that Host may have, NULL-terminated; may be NULL */
};

int http_start(struct http **out, const struct http_conf *conf, char why[HTTP_WHY]);
void http_stop(struct http **hp); /* sets NULL; NULL is fine */

#endif
