/* http - the HTTP service: connections, limits and headers; route.c has the answers. */
#include "api/http.h"

#include "api/request.h"
#include "api/route.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HTTP_MAGIC 0x48545450u
#define TICK_MS 200             /* how exact deadlines are */
/*
 * A connection's header: 1000 full IPv6 addresses as parameters (43 kB and libmicrohttpd's 56 bytes for each) and the rest
 * fit with 112 KiB. No more than needed: libmicrohttpd clears it after each request (15 % of the thread's time at 160).
 */
#define MEMORY_BYTES (120 * 1024)
#define UPLOAD_MAX (64 * 1024)  /* of a body that nobody asked for is read over, to say so; more is cut off */

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
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- Connections -------------------------------------------------------------------------- */

/* False: no address, as on a Unix socket. */
static bool addr_of(const struct sockaddr *sa, struct fp_addr *out)
{
	if (sa->sa_family == AF_INET) {
		*out = fp_addr_from_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(out->b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, sizeof out->b);
		return true;
	}
	*out = (struct fp_addr){ { 0 } };
	return false;
}

/* Before a connection is taken: over a limit it is closed at once. */
static enum MHD_Result on_accept(void *ctx, const struct sockaddr *sa, socklen_t len)
{
	struct http *h = ctx;
	struct fp_addr peer;
	const bool has_addr = len >= sizeof sa->sa_family && addr_of(sa, &peer);
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
	*c = (struct conn){ .used = true, .fd = fd->connect_fd, .a_deadline_ms = now_ms() + h->conf.request_deadline_ms };
	pthread_mutex_unlock(&h->lock);
	addr_of(sa->client_addr, &c->peer);
	c->is_unix = !addr_of((struct sockaddr *)&local, &c->local);
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

static void on_connection(void *ctx, struct MHD_Connection *mc, void **slot,
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

static struct conn *conn_of(struct MHD_Connection *mc)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static void set_deadline(struct conn *c, int64_t deadline_ms)
{
	atomic_store_explicit(&c->a_deadline_ms, deadline_ms, memory_order_relaxed);
}

/* ---- Requests ----------------------------------------------------------------------------- */

/* The request line has been read: keeps the target as it was sent, before libmicrohttpd takes it apart. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *mc)
{
	struct http *h = ctx;
	struct conn *c = conn_of(mc);

	if (c == NULL)
		return NULL;
	const int64_t deadline = now_ms() + h->conf.request_deadline_ms;

	if (deadline < atomic_load_explicit(&c->a_deadline_ms, memory_order_relaxed))
		set_deadline(c, deadline);
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
	struct conn *c = conn_of(mc);

	(void)slot;
	(void)why;
	if (c == NULL)
		return;
	/* The next may begin after idle_timeout_s and has its own time from there. */
	set_deadline(c, now_ms() + h->conf.idle_timeout_s * 1000LL + h->conf.request_deadline_ms);
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

/* The headers that matter here; how often each came. */
struct headers {
	const char *host, *authorization;
	unsigned hosts, authorizations;
};

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct headers *seen = ctx;

	(void)kind;
	if (strcasecmp(name, "host") == 0) {
		seen->host = value != NULL ? value : "";
		seen->hosts++;
	} else if (strcasecmp(name, "authorization") == 0) {
		seen->authorization = value != NULL ? value : "";
		seen->authorizations++;
	}
	return MHD_YES;
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

/* What is wrong with a request before its path is looked at, as a problem; or the path to answer. */
static const char *request_check(const struct http *h, const struct conn *c, struct MHD_Connection *mc,
    const char *method, const char *version, struct answer *out)
{
	struct headers seen = { 0 };
	char authority[256];
	bool absolute = false;

	if (c->target == NULL) {
		answer_problem(out, 503, NULL, "out of memory");
		return NULL;
	}
	const char *path = target_path(c->target, authority, &absolute);

	MHD_get_connection_values(mc, MHD_HEADER_KIND, on_header, &seen);
	if (!host_check(h, c, &seen, version, absolute ? authority : NULL, out))
		return NULL;
	if (!token_fits(h->conf.token, &seen))
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

/* What every answer carries. */
static void add_headers(struct MHD_Response *r, const char *type)
{
	static const char *const headers[][2] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Cache-Control", "no-store" },
	};

	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		MHD_add_response_header(r, headers[i][0], headers[i][1]);
	MHD_add_response_header(r, "Content-Type", type);
}

static enum MHD_Result reply(struct http *h, const struct conn *c, struct MHD_Connection *mc, struct answer *a)
{
	struct MHD_Response *r = NULL;

	if (!a->body.failed)
		r = MHD_create_response_from_buffer(a->body.len, a->body.text, MHD_RESPMEM_MUST_FREE);
	if (r == NULL) {
		answer_free(a);
		return MHD_queue_response(mc, 503, h->no_memory);
	}
	add_headers(r, a->type);
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

/* libmicrohttpd calls this for the header, for each piece of a body, and once more at the end: answered there. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mc, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_bytes, void **slot)
{
	struct http *h = ctx;
	struct conn *c = conn_of(mc);
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
	const int64_t now = now_ms();

	atomic_store_explicit(&h->a_busy_ms, now, memory_order_relaxed);
	const char *path = request_check(h, c, mc, method, version, &answer);

	if (path != NULL)
		route_get(&h->service, path, &answer);
	atomic_store_explicit(&h->a_busy_ms, 0, memory_order_relaxed);
	counter_add(h->row, C_HTTP_REQUESTS, 1);
	set_deadline(c, now + h->conf.request_deadline_ms);
	return reply(h, c, mc, &answer);
}

/* ---- Life --------------------------------------------------------------------------------- */

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

	pthread_setname_np(pthread_self(), "http clock");
	pthread_mutex_lock(&h->lock);
	while (!h->stop) {
		const int64_t now = now_ms(), busy = atomic_load_explicit(&h->a_busy_ms, memory_order_relaxed);
		struct timespec next;

		cut_late(h, now);
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

static void conf_defaults(struct http_conf *conf)
{
	if (conf->connections_max == 0)
		conf->connections_max = 256;
	if (conf->connections_per_ip == 0)
		conf->connections_per_ip = 64;
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
	add_headers(h->no_memory, "application/problem+json");
	if (fcntl(h->conf.listen_fd, F_SETFL, fcntl(h->conf.listen_fd, F_GETFL) | O_NONBLOCK) != 0) {
		const int rc = -errno;

		snprintf(why, HTTP_WHY, "the listening socket of HTTP: %s", fp_strerror(rc));
		return rc;
	}
	/* Its own limit on connections makes newcomers hang: never reached, on_accept() is stricter. */
	h->mhd = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC, 0, on_accept, h, on_request, h,
	    MHD_OPTION_LISTEN_SOCKET, h->conf.listen_fd,
	    MHD_OPTION_CONNECTION_LIMIT, h->conf.connections_max + 8,
	    MHD_OPTION_CONNECTION_TIMEOUT, h->conf.idle_timeout_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
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

static int clock_start(struct http *h)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->wake, &attr);
	pthread_condattr_destroy(&attr);
	const int rc = pthread_create(&h->clock, NULL, clock_run, h);

	h->clock_runs = rc == 0;
	return -rc;
}

/* Threads inherit the mask: signals are for the caller's. */
static int threads_start(struct http *h, char why[HTTP_WHY])
{
	sigset_t all, was;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	if ((rc = clock_start(h)) == 0)
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
		.queue_names = h->queue_names, .started_s = conf->started_s, .a_http_open = &h->a_open };
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
	if (h->mhd != NULL) {
		MHD_quiesce_daemon(h->mhd); /* hands the listening socket back: else it would be closed */
		MHD_stop_daemon(h->mhd);
	}
	if (h->clock_runs) {
		pthread_mutex_lock(&h->lock);
		h->stop = true;
		pthread_cond_signal(&h->wake);
		pthread_mutex_unlock(&h->lock);
		pthread_join(h->clock, NULL);
	}
	if (h->no_memory != NULL)
		MHD_destroy_response(h->no_memory);
	free(h->conns);
	free(h->queue_names);
	h->magic = 0;
	free(h);
	*hp = NULL;
}
