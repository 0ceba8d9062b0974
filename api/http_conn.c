/* http_conn - connections: how many there may be, how long they may take, and the thread that sees to it. */
#include "api/http_int.h"

#include "core/clock.h"
#include "core/thread.h"
#include "core/where.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define TICK_MS 200             /* how exact deadlines are, and how fresh events */

int64_t http_now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC_COARSE);
}

enum MHD_Result http_conn_accept(void *ctx, const struct sockaddr *sa, socklen_t len)
{
	struct http *h = ctx;
	struct fp_addr peer;
	const bool has_addr = len >= sizeof sa->sa_family && where_addr(sa, &peer, NULL);
	unsigned all = 0, same = 0;

	for (unsigned i = 0; i < h->conf.connections_max; i++) {
		const struct conn *c = &h->conns[i];

		all += c->used;
		same += c->used && has_addr && fp_addr_equal(&c->peer, &peer);
	}
	if (all < h->conf.connections_max && same < h->conf.connections_per_ip)
		return MHD_YES;
	counter_add(h->row, C_HTTP_REFUSED, 1);
	return MHD_NO;
}

static void conn_begin(struct http *h, struct conn *c, struct MHD_Connection *mc)
{
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *sa = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sockaddr_storage local = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof local;

	getsockname(fd->connect_fd, (struct sockaddr *)&local, &len);
	pthread_mutex_lock(&h->lock);
	*c = (struct conn){ .used = true, .fd = fd->connect_fd, .a_deadline_ms = http_now_ms() + h->conf.request_deadline_ms };
	pthread_mutex_unlock(&h->lock);
	where_addr(sa->client_addr, &c->peer, NULL);
	c->is_unix = !where_addr((struct sockaddr *)&local, &c->local, NULL);
	atomic_fetch_add_explicit(&h->a_open, 1, memory_order_relaxed);
}

static void conn_end(struct http *h, struct conn *c)
{
	free(c->target);
	c->target = NULL;
	/* Before the descriptor is closed: the clock never shuts somebody else's. */
	pthread_mutex_lock(&h->lock);
	c->used = false;
	const bool cut = c->cut;

	pthread_mutex_unlock(&h->lock);
	if (cut)
		counter_add(h->row, C_HTTP_REFUSED, 1);
	atomic_fetch_sub_explicit(&h->a_open, 1, memory_order_relaxed);
}

void http_conn_notify(void *ctx, struct MHD_Connection *mc, void **slot,
    enum MHD_ConnectionNotificationCode what)
{
	struct http *h = ctx;
	struct conn *c = *slot;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c != NULL)
			conn_end(h, c);
		return;
	}
	for (unsigned i = 0; i < h->conf.connections_max; i++) {
		if (h->conns[i].used)
			continue;
		conn_begin(h, &h->conns[i], mc);
		*slot = &h->conns[i];
		return;
	}
}

struct conn *http_conn_of(struct MHD_Connection *mc)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

void http_conn_deadline(struct conn *c, int64_t deadline_ms)
{
	atomic_store_explicit(&c->a_deadline_ms, deadline_ms, memory_order_relaxed);
}

/* ---- The clock -------------------------------------------------------------------------------- */

/* Cuts off what is over its deadline: libmicrohttpd sees the end of the stream and closes. Holds the lock. */
static void cut_late(struct http *h, int64_t now)
{
	for (unsigned i = 0; i < h->conf.connections_max; i++) {
		struct conn *c = &h->conns[i];

		if (!c->used || c->cut || atomic_load_explicit(&c->a_deadline_ms, memory_order_relaxed) > now)
			continue;
		shutdown(c->fd, SHUT_RDWR);
		c->cut = true;
	}
}

static void *clock_run(void *ctx)
{
	struct http *h = ctx;

	pthread_mutex_lock(&h->lock);
	while (!h->stop) {
		const int64_t now = http_now_ms(), busy = atomic_load_explicit(&h->a_busy_ms, memory_order_relaxed);
		struct timespec next;

		cut_late(h, now);
		http_stream_wake(h, now, false);
		if (busy == 0 || now - busy < PULSE_LATE_MS)
			pulse_beat(h->conf.pulse);
		clock_gettime(CLOCK_MONOTONIC, &next);
		next.tv_nsec += TICK_MS * 1000000L;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&h->wake, &h->lock, &next);
	}
	pthread_mutex_unlock(&h->lock);
	pulse_end(h->conf.pulse);
	return NULL;
}

int http_clock_start(struct http *h)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->wake, &attr);
	pthread_condattr_destroy(&attr);
	const int rc = thread_start(&h->clock, clock_run, h, "http clock");

	h->clock_runs = rc == 0;
	return rc;
}

void http_clock_stop(struct http *h)
{
	if (!h->clock_runs)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->clock, NULL);
	h->clock_runs = false;
}
