/* http - the HTTP service: its life, and what a request goes through. Its parts: http_int.h; what is answered: route.c. */
#include "api/http_int.h"

#include "api/events.h"
#include "api/recent.h"
#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HTTP_MAGIC 0x48545450u
/*
 * A connection's header: 1000 full IPv6 addresses as parameters (43 kB and libmicrohttpd's 56 bytes for each) and the rest
 * fit with 112 KiB. No more than needed: libmicrohttpd clears it after each request (15 % of the thread's time at 160).
 */
#define MEMORY_BYTES (120 * 1024)
#define UPLOAD_MAX (64 * 1024)  /* of a body that nobody asked for is read over, to say so; more is cut off */

/* ---- Requests ----------------------------------------------------------------------------- */

/* The request line has been read: keeps the target as it was sent, before libmicrohttpd takes it apart. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *mc)
{
	struct http *h = ctx;
	struct conn *c = http_conn_of(mc);

	if (c == NULL)
		return NULL;
	const int64_t deadline = http_now_ms() + h->conf.request_deadline_ms;

	if (deadline < atomic_load_explicit(&c->a_deadline_ms, memory_order_relaxed))
		http_conn_deadline(c, deadline);
	free(c->target);
	c->target_long = strlen(target) > ROUTE_TARGET_MAX;
	c->target = strdup(c->target_long ? "/" : target);
	c->begun = false;
	c->upload_bytes = 0;
	return c;
}

static void on_completed(void *ctx, struct MHD_Connection *mc, void **slot, enum MHD_RequestTerminationCode why)
{
	struct http *h = ctx;
	struct conn *c = http_conn_of(mc);

	(void)slot;
	(void)why;
	if (c == NULL)
		return;
	/* The next may begin after idle_timeout_s and has its own time from there. */
	http_conn_deadline(c, http_now_ms() + h->conf.idle_timeout_s * 1000LL + h->conf.request_deadline_ms);
	free(c->target);
	c->target = NULL;
}

/* libmicrohttpd decodes leniently; request.c does it strictly. */
static size_t leave_encoded(void *ctx, struct MHD_Connection *mc, char *text)
{
	(void)ctx;
	(void)mc;
	return strlen(text);
}

/* libmicrohttpd calls this for the header, for each piece of a body, and once more at the end: answered there. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mc, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_bytes, void **slot)
{
	struct http *h = ctx;
	struct conn *c = http_conn_of(mc);
	struct answer answer = { 0 };

	(void)url;
	(void)upload;
	(void)slot;
	if (c == NULL)
		return MHD_NO;
	if (!c->begun) {
		c->begun = true;
		return MHD_YES;
	}
	if (*upload_bytes > 0) {
		c->upload_bytes += *upload_bytes;
		*upload_bytes = 0;
		return c->upload_bytes <= UPLOAD_MAX ? MHD_YES : MHD_NO;
	}
	const int64_t now = http_now_ms(), began = clock_ns(CLOCK_MONOTONIC);
	struct headers seen;

	atomic_store_explicit(&h->a_busy_ms, now, memory_order_relaxed);
	http_headers(mc, &seen);
	const char *path = http_check(h, c, &seen, method, version, &answer);

	if (path != NULL)
		route_get(&h->service, path, &answer);
	atomic_store_explicit(&h->a_busy_ms, 0, memory_order_relaxed);
	counter_add(h->row, C_HTTP_REQUESTS, 1);
	if (h->conf.news != NULL)
		histogram_add(&h->conf.news->request, (uint64_t)(clock_ns(CLOCK_MONOTONIC) - began));
	http_conn_deadline(c, now + h->conf.request_deadline_ms);
	return answer.stream && strcmp(method, "GET") == 0 ? http_stream_open(h, c, mc, &seen, &answer) : http_reply(h, c, mc, &seen, &answer);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void conf_defaults(struct http_conf *conf)
{
	if (conf->connections_max == 0)
		conf->connections_max = 256;
	if (conf->connections_per_ip == 0)
		conf->connections_per_ip = 128;
	if (conf->request_deadline_ms == 0)
		conf->request_deadline_ms = 10000;
	if (conf->idle_timeout_s == 0)
		conf->idle_timeout_s = 15;
}

static int daemon_start(struct http *h, char why[HTTP_WHY])
{
	static char no_memory[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
				  "\"detail\":\"out of memory\"}\n";

	h->no_memory = MHD_create_response_from_buffer(sizeof no_memory - 1, no_memory, MHD_RESPMEM_PERSISTENT);
	if (h->no_memory == NULL)
		return -ENOMEM;
	http_answer_headers(h->no_memory, &(struct answer){ .type = "application/problem+json" });
	http_answer_origin(h, h->no_memory, &(struct headers){ .host = NULL });
	if (fcntl(h->conf.listen_fd, F_SETFL, fcntl(h->conf.listen_fd, F_GETFL) | O_NONBLOCK) != 0) {
		const int rc = -errno;

		snprintf(why, HTTP_WHY, "the listening socket of HTTP: %s", fp_strerror(rc));
		return rc;
	}
	/* Its own limit on connections makes newcomers hang: never reached, http_conn_accept() is stricter. */
	h->mhd = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, http_conn_accept, h, on_request, h,
	    MHD_OPTION_LISTEN_SOCKET, h->conf.listen_fd,
	    MHD_OPTION_CONNECTION_LIMIT, h->conf.connections_max + 8,
	    MHD_OPTION_CONNECTION_TIMEOUT, h->conf.idle_timeout_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
	    MHD_OPTION_NOTIFY_CONNECTION, http_conn_notify, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, h,
	    MHD_OPTION_END);
	if (h->mhd == NULL) {
		snprintf(why, HTTP_WHY, "libmicrohttpd does not start on the listening socket of HTTP");
		return -EIO;
	}
	return 0;
}

/* Threads inherit the mask: signals are for the caller's. */
static int threads_start(struct http *h, char why[HTTP_WHY])
{
	sigset_t all, was;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	if ((rc = http_clock_start(h)) == 0)
		rc = daemon_start(h, why);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return rc;
}

static int copy_queue_names(struct http *h)
{
	const unsigned queues = counters_rows(h->conf.counters, COUNTER_QUEUE);

	if (h->conf.queue_names == NULL || queues == 0)
		return 0;
	h->queue_names = calloc(queues, sizeof *h->queue_names);
	if (h->queue_names == NULL)
		return -ENOMEM;
	memcpy(h->queue_names, h->conf.queue_names, queues * sizeof *h->queue_names);
	return 0;
}

int http_start(struct http **out, const struct http_conf *conf, char why[HTTP_WHY])
{
	int rc = -ENOMEM;

	*out = NULL;
	why[0] = '\0';
	struct http *h = calloc(1, sizeof *h);

	if (h == NULL)
		goto fail;
	h->magic = HTTP_MAGIC;
	h->conf = *conf;
	conf_defaults(&h->conf);
	h->row = counters_row(conf->counters, COUNTER_SERVICES, 0);
	if ((rc = copy_queue_names(h)) != 0)
		goto fail;
	rc = -ENOMEM;
	h->service = (struct service){ .store = conf->store, .counters = conf->counters, .pulses = conf->pulses,
		.queue_names = h->queue_names, .started_s = conf->started_s, .a_http_open = &h->a_open, .news = conf->news };
	if (conf->news != NULL && ((rc = recent_create(&h->service.recent, conf->news)) != 0 || (rc = events_create(&h->service.events)) != 0))
		goto fail;
	rc = -ENOMEM;
	h->conns = calloc(h->conf.connections_max, sizeof *h->conns);
	if (h->conns == NULL)
		goto fail;
	if ((rc = threads_start(h, why)) != 0)
		goto fail;
	*out = h;
	return 0;
fail:
	if (why[0] == '\0')
		snprintf(why, HTTP_WHY, "HTTP cannot start: %s", fp_strerror(rc));
	http_stop(&h);
	return rc;
}

void http_stop(struct http **hp)
{
	struct http *h = *hp;

	if (h == NULL)
		return;
	assert(h->magic == HTTP_MAGIC);
	http_clock_stop(h);
	/* A stream that sleeps would hold up the end. */
	pthread_mutex_lock(&h->lock);
	http_stream_wake(h, 0, true);
	pthread_mutex_unlock(&h->lock);
	if (h->mhd != NULL) {
		MHD_quiesce_daemon(h->mhd); /* hands the listening socket back: else it would be closed */
		MHD_stop_daemon(h->mhd);
	}
	if (h->no_memory != NULL)
		MHD_destroy_response(h->no_memory);
	recent_destroy(&h->service.recent);
	events_destroy(&h->service.events);
	free(h->conns);
	free(h->queue_names);
	h->magic = 0;
	free(h);
	*hp = NULL;
}
