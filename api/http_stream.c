/*
 * http_stream - listeners to events. Each is a connection that libmicrohttpd asks for more bytes; where there are none it sleeps
 * (is suspended), and the clock's thread wakes it when there are, or each 15 s for a comment.
 *
 * A listener that does not read costs its connection's buffers; libmicrohttpd ends it when nothing moved for STALL_S.
 */
#include "api/http_int.h"

#include "api/events.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PING_MS 15000
#define STALL_S 60
#define A_TICK 200            /* events a listener gets each tick of the clock: a thousand a second */
#define BLOCK 16384           /* that libmicrohttpd sends at once */
#define SEND_BYTES (64 * 1024) /* of the kernel's memory for one that is slow */

struct stream {
	struct http *h;
	struct MHD_Connection *mc;
	struct stream *next, **self; /* under the lock: of all */
	bool asleep, end;            /* under the lock */
	_Atomic uint64_t a_at;       /* the last event that was given */
	_Atomic uint32_t a_left;     /* of this tick */
	_Atomic int64_t a_ping_ms;
	struct body body;            /* made and not given yet */
	size_t given;
};

static ssize_t give(struct stream *st, char *buf, size_t max)
{
	size_t n = st->body.len - st->given;

	if (n > max)
		n = max;
	memcpy(buf, st->body.text + st->given, n);
	st->given += n;
	if (st->given == st->body.len) {
		st->body.len = st->given = 0;
	}
	atomic_store_explicit(&st->a_ping_ms, http_now_ms() + PING_MS, memory_order_relaxed);
	return (ssize_t)n;
}

/* Puts what there is into the body; false: nothing. */
static bool fill(struct stream *st)
{
	const uint32_t left = atomic_load_explicit(&st->a_left, memory_order_relaxed);
	uint64_t at = atomic_load_explicit(&st->a_at, memory_order_relaxed);
	const unsigned n = events_next(&st->h->service, &at, left < 32 ? left : 32, &st->body);

	atomic_store_explicit(&st->a_at, at, memory_order_relaxed);
	atomic_store_explicit(&st->a_left, left - n, memory_order_relaxed);
	if (st->body.len == 0 && http_now_ms() >= atomic_load_explicit(&st->a_ping_ms, memory_order_relaxed))
		body_printf(&st->body, ":\n\n");
	return st->body.len > 0;
}

static ssize_t on_more(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct stream *st = ctx;
	bool end;

	(void)pos;
	if (st->body.len == 0 && !fill(st)) {
		pthread_mutex_lock(&st->h->lock);
		end = st->end;
		if (!end) {
			st->asleep = true;
			MHD_suspend_connection(st->mc);
		}
		pthread_mutex_unlock(&st->h->lock);
		return end ? MHD_CONTENT_READER_END_OF_STREAM : 0;
	}
	return st->body.failed ? MHD_CONTENT_READER_END_WITH_ERROR : give(st, buf, max);
}

static void on_end(void *ctx)
{
	struct stream *st = ctx;

	pthread_mutex_lock(&st->h->lock);
	*st->self = st->next;
	if (st->next != NULL)
		st->next->self = st->self;
	st->h->n_streams--;
	pthread_mutex_unlock(&st->h->lock);
	body_free(&st->body);
	free(st);
}

void http_stream_wake(struct http *h, int64_t now_ms, bool end)
{
	const uint64_t last = h->conf.news != NULL ? news_last(h->conf.news) : 0;

	for (struct stream *st = h->streams; st != NULL; st = st->next) {
		atomic_store_explicit(&st->a_left, A_TICK, memory_order_relaxed);
		st->end = st->end || end;
		if (!st->asleep || (!st->end && atomic_load_explicit(&st->a_at, memory_order_relaxed) == last &&
		        now_ms < atomic_load_explicit(&st->a_ping_ms, memory_order_relaxed)))
			continue;
		st->asleep = false;
		MHD_resume_connection(st->mc);
	}
}

static struct stream *stream_new(struct http *h, struct MHD_Connection *mc, const struct headers *seen)
{
	struct stream *st = calloc(1, sizeof *st);

	if (st == NULL)
		return NULL;
	st->h = h;
	st->mc = mc;
	st->a_left = A_TICK;
	st->a_at = events_begin(&h->service, seen->last_event, &st->body);
	pthread_mutex_lock(&h->lock);
	st->next = h->streams;
	st->self = &h->streams;
	if (st->next != NULL)
		st->next->self = &st->next;
	h->streams = st;
	h->n_streams++;
	pthread_mutex_unlock(&h->lock);
	return st;
}

enum MHD_Result http_stream_open(struct http *h, struct conn *c, struct MHD_Connection *mc, const struct headers *seen, struct answer *a)
{
	const int bytes = SEND_BYTES;
	struct stream *st = h->n_streams < EVENTS_LISTENERS ? stream_new(h, mc, seen) : NULL;
	struct MHD_Response *r;

	if (st == NULL) {
		answer_problem(a, 503, NULL, "%u listen already", h->n_streams);
		return http_reply(h, c, mc, seen, a);
	}
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_more, st, on_end);
	if (r == NULL) {
		on_end(st);
		return MHD_queue_response(mc, 503, h->no_memory);
	}
	http_answer_headers(r, a);
	http_answer_origin(h, r, seen);
	MHD_add_response_header(r, "X-Accel-Buffering", "no"); /* nginx would hold events back */
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	MHD_set_connection_option(mc, MHD_CONNECTION_OPTION_TIMEOUT, STALL_S);
	http_conn_deadline(c, INT64_MAX);
	const enum MHD_Result ok = MHD_queue_response(mc, 200, r);

	MHD_destroy_response(r);
	return ok;
}
