/* loop - the thread, its passes, and the listening sockets. Connections are stream.c's, datagrams analyzer.c's. */
#include "api/loop_int.h"

#include "core/clock.h"
#include "core/err.h"
#include "core/log.h"
#include "core/thread.h"
#include "store/render.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define ACCEPTS 64        /* a pass: those that are connected have their turn in between */
#define TICK_MS 1
#define IDLE_LOOK_MS 1000
#define LEAVE_MS 200
#define REOPEN_MS 50

struct listener {
	struct source source;
	int fd;
	const struct proto *proto;
};

static const struct proto *const protos[LOOP_KINDS] = {
	[LOOP_P0F] = &p0f_proto, [LOOP_TEXT] = &text_proto, [LOOP_POLICY] = &policy_proto,
};

int64_t loop_clock_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int loop_watch(struct loop *l, int fd, struct source *s, uint32_t events, bool again)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	return epoll_ctl(l->epoll_fd, again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : -errno;
}

/*
 * A handle looks for a store that was not there once a second at most; while the daemon starts, that is a second in which nobody is known.
 * A fresh handle looks at once.
 */
static void reopen(struct loop *l)
{
	struct fp_store *fresh;

	if (l->now_ms - l->reopened_ms < REOPEN_MS)
		return;
	l->reopened_ms = l->now_ms;
	if (fp_open(&fresh, l->conf.store_dir) != 0)
		return;
	fp_close(&l->store);
	l->store = fresh;
}

/*
 * Opening the store and looking whether it is still the same are the work of whoever asks next: done each second, it is not that of a
 * client who asks at accept().
 */
static void keep_warm(struct loop *l)
{
	static const struct fp_addr nobody;
	struct fp_answer answer;

	loop_known(l, &nobody, &answer);
}

static int look_up(struct loop *l, const struct fp_addr *addr, struct fp_answer *out)
{
	if (l->conf.lookup == NULL)
		return fp_lookup(l->store, addr, out);
	const int64_t began = clock_ns(CLOCK_MONOTONIC);
	const int rc = fp_lookup(l->store, addr, out);

	histogram_add(l->conf.lookup, (uint64_t)(clock_ns(CLOCK_MONOTONIC) - began));
	return rc;
}

bool loop_known(struct loop *l, const struct fp_addr *addr, struct fp_answer *out)
{
	int rc = look_up(l, addr, out);

	if (rc == FP_ENOSTORE) {
		reopen(l);
		rc = look_up(l, addr, out);
	}
	/* Counts alone are no verdict: rspamd would keep "seen, no name" for two hours. */
	return rc == 0 && out->age_s <= l->conf.max_age_s && out->host.verdict_seen != 0;
}

size_t loop_words(const struct loop_conf *conf, const struct fp_answer *host, char *buf, size_t size)
{
	const int n = conf->v3 ? render_v3(buf, size, host) : fp_words_v2(buf, size, host);

	return n > 0 ? (size_t)n : 0;
}

/* ---- Listening ---------------------------------------------------------------------------------- */

/* No descriptor is left: without one to spare the client would be announced for ever, and us kept busy. */
static void refuse_without_descriptor(struct loop *l, int fd)
{
	static struct log_limit limit;

	if (l->spare_fd >= 0)
		close(l->spare_fd);
	const int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client >= 0)
		close(client);
	l->spare_fd = fcntl(l->stop_fd, F_DUPFD_CLOEXEC, 0);
	loop_count(l, C_CLIENTS_REFUSED);
	log_limited(&limit, 60, LOG_WARNING, "no descriptor is left for a client; raise LimitNOFILE or lower p0f.clients");
}

static void listener_ready(struct loop *l, struct source *s, uint32_t events)
{
	static struct log_limit limit;
	struct listener *from = (struct listener *)s;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		const int fd = accept4(from->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				refuse_without_descriptor(l, from->fd);
			return;
		}
		if (l->clients[from->proto->kind] < l->conf.clients_max) {
			stream_open(l, from->proto, fd);
			continue;
		}
		loop_count(l, C_CLIENTS_REFUSED);
		close(fd);
		log_limited(&limit, 60, LOG_WARNING, "a client was refused: %u are connected already (p0f.clients)",
		    l->conf.clients_max);
	}
}

static int open_listeners(struct loop *l)
{
	l->listener = calloc(l->conf.n_sockets + 1, sizeof *l->listener);
	if (l->listener == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < l->conf.n_sockets; i++) {
		const struct loop_socket *s = &l->conf.sockets[i];
		struct listener *to = &l->listener[l->n_listeners];

		if (s->kind == LOOP_ANALYZER)
			continue;
		*to = (struct listener){ { listener_ready }, s->fd, protos[s->kind] };
		const int rc = loop_watch(l, s->fd, &to->source, EPOLLIN, false);

		if (rc != 0)
			return rc;
		l->n_listeners++;
	}
	return analyzer_open(l);
}

/* ---- Passes ------------------------------------------------------------------------------------- */

static void stop_ready(struct loop *l, struct source *s, uint32_t events)
{
	(void)s, (void)events;
	l->stopping = true;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, l->stop_fd, NULL);
}

static void pass(struct loop *l, int timeout_ms)
{
	struct epoll_event ev[EVENTS];
	const int64_t was = l->now_ms;
	const int n = epoll_wait(l->epoll_fd, ev, EVENTS, timeout_ms);
	/* Before the look-ups: what is committed after this load is seen by the next pass at the latest. */
	assert(n >= 0 || errno == EINTR); /* else it would return at once, for ever */
	const uint64_t commits = atomic_load_explicit(l->conf.a_commits, memory_order_acquire);

	l->now_ms = loop_clock_ms();
	pulse_beat(l->conf.pulse);
	for (int i = 0; i < n; i++) {
		struct source *s = ev[i].data.ptr;

		s->ready(l, s, ev[i].events);
	}
	/* Once a millisecond at most, however busy: those who wait must not cost those who do not. */
	if (l->now_ms != was) {
		stream_tick(l, commits != l->commits);
		analyzer_tick(l, commits != l->commits);
		l->commits = commits;
	}
	stream_bury(l);
}

static int timeout_of(const struct loop *l)
{
	if (l->parked != NULL || analyzer_busy(l))
		return TICK_MS;
	/* Also when nothing is due: the thread has a pulse. */
	return IDLE_LOOK_MS;
}

/* What was sent before the end is answered; what clients do not read is not waited for. */
static void leave(struct loop *l)
{
	for (size_t i = 0; i < l->n_listeners; i++)
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, l->listener[i].fd, NULL);
	stream_last_read(l);
	const int64_t end = loop_clock_ms() + LEAVE_MS;

	while ((stream_busy(l) || analyzer_busy(l)) && l->now_ms < end)
		pass(l, TICK_MS);
}

static void *run(void *arg)
{
	struct loop *l = arg;
	int64_t idle_ms = 0;

	l->now_ms = loop_clock_ms();
	stream_adopt(l);
	keep_warm(l);
	while (!l->stopping) {
		pass(l, timeout_of(l));
		if (l->now_ms >= idle_ms) {
			keep_warm(l);
			stream_idle(l);
			stream_keep(l, false);
			stream_bury(l);
			idle_ms = l->now_ms + IDLE_LOOK_MS;
		}
	}
	leave(l);
	stream_keep(l, true);
	stream_close_all(l);
	return NULL;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static void destroy(struct loop *l)
{
	analyzer_close(l);
	fp_close(&l->store);
	free(l->listener);
	if (l->stop_fd >= 0)
		close(l->stop_fd);
	if (l->spare_fd >= 0)
		close(l->spare_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	free(l);
}

int loop_start(struct loop **out, const struct loop_conf *conf)
{
	int rc;

	*out = NULL;
	struct loop *l = calloc(1, sizeof *l);
	if (l == NULL)
		return -ENOMEM;
	l->conf = *conf;
	l->stop.ready = stop_ready;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->spare_fd = fcntl(l->stop_fd, F_DUPFD_CLOEXEC, 0);
	if ((rc = fp_open(&l->store, conf->store_dir)) != 0)
		goto fail;
	rc = l->epoll_fd < 0 || l->stop_fd < 0 ? -errno : loop_watch(l, l->stop_fd, &l->stop, EPOLLIN, false);
	if (rc == 0)
		rc = open_listeners(l);
	/* One who died may have left a number here. */
	counter_set(conf->row, C_CLIENTS, 0);
	if (rc == 0)
		rc = thread_start(&l->thread, run, l, "sockets");
	if (rc != 0)
		goto fail;
	*out = l;
	return 0;
fail:
	destroy(l);
	return rc;
}

void loop_stop(struct loop **lp)
{
	const uint64_t one = 1;

	if (*lp == NULL)
		return;
	(void)!write((*lp)->stop_fd, &one, sizeof one);
	pthread_join((*lp)->thread, NULL);
	destroy(*lp);
	*lp = NULL;
}
