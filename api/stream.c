/*
 * stream - connections of the loop: bytes in, requests in line, replies out, all in buffers of fixed size.
 *
 * Requests of one connection wait at the same time, each with an end of its own, and are answered in order. Replies are sent
 * whole, as many as fit by one write; what a write does not take stays, and nothing more is read until it is gone.
 */
#include "api/loop_int.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A reader of 64 KiB at a time (node) must not find the end of its buffer inside a reply: Haraka's plugin up to 1.0.13 cuts each
 * read in pieces of 232 bytes. So much less than that is on its way that we cannot make it up while he reads; the
 * kernel doubles this, and counts its own overhead in.
 */
#define SEND_BUFFER (8 << 10)

#define KEEP_AFTER_MS 1000 /* most ask once and are gone: those are nobody else's business */

struct conn {
	struct source source;
	const struct proto *proto;
	struct conn *prev, *next;            /* all */
	struct conn *park_prev, *park_next;  /* those whose first request waits */
	int fd;
	uint32_t events;                     /* as epoll has them */
	bool ended;                          /* no more will be read */
	bool last;                           /* closed when out is empty */
	bool dead, parked, waited;
	unsigned head, n_asks;
	size_t n_in, n_out;
	int64_t since_ms;                    /* last request */
	int64_t born_ms;
	int slot;                            /* with the keeper; -1: not kept */
	struct ask *ask;
	uint8_t *in, *out;
	void *state;
	_Alignas(max_align_t) uint8_t room[];
};

/* ---- Lists -------------------------------------------------------------------------------------- */

static void park(struct loop *l, struct conn *c, bool yes)
{
	if (c->parked == yes)
		return;
	c->parked = yes;
	if (yes) {
		c->park_prev = NULL;
		c->park_next = l->parked;
		if (l->parked != NULL)
			l->parked->park_prev = c;
		l->parked = c;
		return;
	}
	if (c->park_prev != NULL)
		c->park_prev->park_next = c->park_next;
	else
		l->parked = c->park_next;
	if (c->park_next != NULL)
		c->park_next->park_prev = c->park_prev;
}

static void busy(struct loop *l, const struct conn *c, bool yes)
{
	if (c->slot >= 0)
		atomic_store_explicit(&l->conf.keep->a_busy[c->slot], yes, memory_order_relaxed);
}

/* Closed now, freed after the pass: later events of it may speak of this one. */
static void end(struct loop *l, struct conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	if (c->slot >= 0) {
		/* The keeper's copy would hold it open, and among epoll's, until he hears of it. */
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
		shutdown(c->fd, SHUT_RDWR);
		l->conf.keep->drop(l->conf.keep->ctx, (unsigned)c->slot);
		l->kept[c->slot] = NULL;
	}
	park(l, c, false);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		l->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->next = l->dead;
	l->dead = c;
	close(c->fd);
	l->clients[c->proto->kind]--;
	counter_set(l->conf.row, C_CLIENTS, atomic_load_explicit(&l->conf.row->a_value[C_CLIENTS], memory_order_relaxed) - 1);
}

void stream_bury(struct loop *l)
{
	while (l->dead != NULL) {
		struct conn *c = l->dead;

		l->dead = c->next;
		free(c);
	}
}

/* ---- Requests and replies ----------------------------------------------------------------------- */

/* Puts what was read in line. False: no client of ours. */
static bool take(struct loop *l, struct conn *c)
{
	size_t at = 0;

	while (c->n_asks < c->proto->asks && !c->last && (at < c->n_in || c->ended)) {
		struct ask *ask = &c->ask[(c->head + c->n_asks) % c->proto->asks];
		bool asked = false;

		*ask = (struct ask){ .until_ms = l->now_ms + LOOP_WAIT_MS };
		const ptrdiff_t n = c->proto->take(c->state, c->in + at, c->n_in - at, c->ended, ask, &asked);

		if (n < 0) {
			loop_count(l, C_QUERIES_MALFORMED);
			return false;
		}
		assert((size_t)n <= c->n_in - at);
		at += (size_t)n;
		if (asked) {
			c->n_asks++;
			c->last = c->proto->once;
			c->since_ms = l->now_ms;
		}
		if (n == 0)
			break;
	}
	c->n_in -= at;
	memmove(c->in, c->in + at, c->n_in);
	return true;
}

/* Replies to the first in line while they are known, or have waited long enough, and fit. True: to one at least. */
static bool answer(struct loop *l, struct conn *c)
{
	bool any = false;

	while (c->n_asks > 0 && c->n_out + c->proto->reply_max <= c->proto->out_max) {
		const struct ask *ask = &c->ask[c->head];
		struct fp_answer host;
		const bool known = ask->kind == 0 && loop_known(l, &ask->addr, &host);

		if (ask->kind == 0 && !known && l->now_ms < ask->until_ms) {
			c->waited = true;
			break;
		}
		const size_t n = c->proto->reply(c->state, &l->conf, ask, known ? &host : NULL, c->out + c->n_out);

		assert(n <= c->proto->reply_max);
		c->n_out += n;
		loop_count(l, c->proto->counter);
		if (known)
			loop_count(l, C_QUERIES_KNOWN);
		if (c->waited)
			loop_count(l, C_QUERIES_WAITED);
		c->waited = false;
		c->head = (c->head + 1) % c->proto->asks;
		c->n_asks--;
		any = true;
	}
	return any;
}

/* False: nobody is there to read it. */
static bool flush(struct conn *c)
{
	if (c->n_out == 0)
		return true;
	/* A Unix socket takes so few bytes whole or not at all. */
	const ssize_t n = send(c->fd, c->out, c->n_out, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->n_out -= (size_t)n;
	memmove(c->out, c->out + n, c->n_out);
	return true;
}

static void watch(struct loop *l, struct conn *c)
{
	/* While replies are not taken, or the line is full, nothing is read: the sender's own buffer fills, and no other. */
	const bool in = !c->ended && !c->last && c->n_out == 0 && c->n_asks < c->proto->asks && c->n_in < c->proto->in_max;
	const uint32_t events = (in ? EPOLLIN : 0u) | (c->n_out > 0 ? EPOLLOUT : 0u);

	if (events != c->events && loop_watch(l, c->fd, &c->source, events, true) == 0)
		c->events = events;
}

/* As far as it goes: from what was read to what is sent. */
static void work(struct loop *l, struct conn *c)
{
	for (bool more = true; more;) {
		if (!take(l, c)) {
			end(l, c);
			return;
		}
		more = answer(l, c);
		if (!flush(c)) {
			end(l, c);
			return;
		}
	}
	if ((c->ended || c->last) && c->n_asks == 0 && c->n_out == 0) {
		end(l, c);
		return;
	}
	park(l, c, c->n_asks > 0 && c->n_out == 0);
	watch(l, c);
	if (c->n_asks == 0 && c->n_out == 0 && c->n_in == 0)
		busy(l, c, false);
}

/* ---- Events ------------------------------------------------------------------------------------- */

static void receive(struct loop *l, struct conn *c)
{
	busy(l, c, true);
	const ssize_t n = recv(c->fd, c->in + c->n_in, c->proto->in_max - c->n_in, MSG_DONTWAIT);

	if (n > 0)
		c->n_in += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->ended = true;
}

static void conn_ready(struct loop *l, struct source *s, uint32_t events)
{
	struct conn *c = (struct conn *)s;

	if (c->dead)
		return;
	/* Gone in both directions: nobody waits for an answer. */
	if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		end(l, c);
		return;
	}
	if ((events & EPOLLIN) != 0 && c->n_in < c->proto->in_max)
		receive(l, c);
	work(l, c);
}

static struct conn *open_conn(struct loop *l, const struct proto *proto, int fd)
{
	const size_t asks = proto->asks * sizeof(struct ask);
	/* State, the line of requests, then bytes: each begins where its type may. */
	const size_t state = (proto->state_bytes + 15) & ~(size_t)15;
	struct conn *c = malloc(sizeof *c + state + asks + proto->in_max + proto->out_max);

	if (c == NULL) {
		close(fd);
		loop_count(l, C_CLIENTS_REFUSED);
		return NULL;
	}
	*c = (struct conn){ .source.ready = conn_ready, .proto = proto, .fd = fd, .events = EPOLLIN, .since_ms = l->now_ms,
		.born_ms = l->now_ms, .slot = -1 };
	c->state = c->room;
	memset(c->state, 0, state);
	c->ask = (struct ask *)(c->room + state);
	c->in = c->room + state + asks;
	c->out = c->in + proto->in_max;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int));
	if (loop_watch(l, fd, &c->source, EPOLLIN, false) != 0) {
		close(fd);
		free(c);
		loop_count(l, C_CLIENTS_REFUSED);
		return NULL;
	}
	c->next = l->conns;
	if (l->conns != NULL)
		l->conns->prev = c;
	l->conns = c;
	l->clients[proto->kind]++;
	counter_add(l->conf.row, C_CLIENTS, 1);
	return c;
}

void stream_open(struct loop *l, const struct proto *proto, int fd)
{
	open_conn(l, proto, fd);
}

/* ---- Connections that outlive us ------------------------------------------------------------------ */

void stream_adopt(struct loop *l)
{
	for (int slot = 0; l->conf.keep != NULL && slot < LOOP_KEEP; slot++) {
		const int fd = l->conf.keep->fd[slot];
		struct conn *c = fd >= 0 ? open_conn(l, &p0f_proto, fd) : NULL;

		if (c == NULL)
			continue;
		c->slot = slot;
		l->kept[slot] = c;
	}
}

void stream_keep(struct loop *l, bool young)
{
	const struct loop_keep *k = l->conf.keep;
	int slot = 0;

	if (k == NULL)
		return;
	for (struct conn *c = l->conns; c != NULL; c = c->next) {
		if (c->slot >= 0 || c->proto->kind != LOOP_P0F || (!young && l->now_ms - c->born_ms < KEEP_AFTER_MS))
			continue;
		while (slot < LOOP_KEEP && l->kept[slot] != NULL)
			slot++;
		if (slot == LOOP_KEEP)
			return;
		/* First the word, then the copy: who finds the copy finds the word. */
		atomic_store_explicit(&k->a_busy[slot], c->n_asks > 0 || c->n_in > 0 || c->n_out > 0, memory_order_relaxed);
		if (!k->keep(k->ctx, (unsigned)slot, c->fd))
			return;
		c->slot = slot;
		l->kept[slot] = c;
	}
}

void stream_tick(struct loop *l, bool commits)
{
	for (struct conn *c = l->parked, *next; c != NULL; c = next) {
		next = c->park_next;
		if (commits || l->now_ms >= c->ask[c->head].until_ms)
			work(l, c);
	}
}

void stream_idle(struct loop *l)
{
	for (struct conn *c = l->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (c->proto->idle_s != 0 && l->now_ms - c->since_ms > c->proto->idle_s * INT64_C(1000))
			end(l, c);
	}
}

void stream_last_read(struct loop *l)
{
	for (struct conn *c = l->conns, *next; c != NULL; c = next) {
		next = c->next;
		if ((c->events & EPOLLIN) != 0 && c->n_in < c->proto->in_max)
			receive(l, c);
		work(l, c);
	}
}

bool stream_busy(const struct loop *l)
{
	for (const struct conn *c = l->conns; c != NULL; c = c->next)
		if (c->n_asks > 0 || c->n_out > 0)
			return true;
	return false;
}

void stream_close_all(struct loop *l)
{
	while (l->conns != NULL) {
		/* Ours is closed, the keeper's copy stays. */
		if (l->conns->slot >= 0 && !atomic_load_explicit(&l->conf.keep->a_busy[l->conns->slot], memory_order_relaxed))
			l->conns->slot = -1;
		end(l, l->conns);
	}
	stream_bury(l);
}
