/*
 * http_int - the insides of the HTTP service, for its own files alone, which are the only ones that know libmicrohttpd.
 *
 *   http.c         life, and what a request goes through      http_conn.c    connections: limits, deadlines, the clock's thread
 *   http_answer.c  whose request it is; headers of answers     http_stream.c  events as they come
 */
#ifndef FP_HTTP_INT_H
#define FP_HTTP_INT_H

#include "api/http.h"
#include "api/request.h"
#include "api/route.h"

#include <microhttpd.h>
#include <pthread.h>

/* A connection. Belongs to libmicrohttpd's thread; what the clock looks at says so. */
struct conn {
	bool used;           /* changed under the lock: the clock reads it */
	int fd;              /* libmicrohttpd's; likewise, valid while used */
	bool cut;            /* likewise: the clock has cut it off */
	_Atomic int64_t a_deadline_ms; /* monotonic; the clock reads it */

	bool begun;          /* the header of the request has been read */
	bool target_long;
	bool is_unix;
	struct fp_addr peer; /* all noughts: a Unix socket */
	struct fp_addr local;
	char *target;        /* of the request that is under way, as it was sent */
	size_t upload_bytes;
};

struct stream;

struct http {
	uint32_t magic;
	struct http_conf conf;
	struct service service;
	struct counter_row *row; /* written by libmicrohttpd's thread */
	struct MHD_Daemon *mhd;
	struct MHD_Response *no_memory;
	_Atomic uint32_t a_open;     /* connections now */
	_Atomic int64_t a_busy_ms;   /* since when an answer is being made; 0 = none is */

	const char **queue_names;    /* our copy of the caller's list */
	pthread_t clock;
	bool clock_runs;
	pthread_mutex_t lock;
	pthread_cond_t wake;         /* of the clock, to end it */
	bool stop;                   /* under the lock */
	struct conn *conns;          /* connections_max of them */
	struct stream *streams;      /* under the lock: listeners to events */
	unsigned n_streams;
};

/* What a request says in its headers, as far as it matters here; how often each came. */
struct headers {
	const char *host, *authorization, *if_none_match, *accept_encoding, *last_event, *origin;
	unsigned hosts, authorizations;
};

/* ---- http_conn.c ------------------------------------------------------------------------------ */

int64_t http_now_ms(void);
/* Before a connection is taken: over a limit it is closed at once. */
enum MHD_Result http_conn_accept(void *ctx, const struct sockaddr *sa, socklen_t len);
void http_conn_notify(void *ctx, struct MHD_Connection *mc, void **slot, enum MHD_ConnectionNotificationCode what);
struct conn *http_conn_of(struct MHD_Connection *mc);
void http_conn_deadline(struct conn *c, int64_t deadline_ms);
int http_clock_start(struct http *h);
void http_clock_stop(struct http *h);

/* ---- http_answer.c ---------------------------------------------------------------------------- */

void http_headers(struct MHD_Connection *mc, struct headers *out);
/* What is wrong with a request before its path is looked at, as a problem (NULL then); or the path to answer. */
const char *http_check(const struct http *h, const struct conn *c, const struct headers *seen, const char *method, const char *version,
    struct answer *out);
/* What every answer carries. */
void http_answer_headers(struct MHD_Response *r, const struct answer *a);
/* Lets a page of another origin read it, where the settings say so. */
void http_answer_origin(const struct http *h, struct MHD_Response *r, const struct headers *seen);
/* Takes the answer's body. */
enum MHD_Result http_reply(struct http *h, const struct conn *c, struct MHD_Connection *mc, const struct headers *seen, struct answer *a);

/* ---- http_stream.c ---------------------------------------------------------------------------- */

enum MHD_Result http_stream_open(struct http *h, struct conn *c, struct MHD_Connection *mc, const struct headers *seen, struct answer *a);
/* The clock's, with the lock: lets those go on for whom there is something. end: all, and for the last time. */
void http_stream_wake(struct http *h, int64_t now_ms, bool end);

#endif
