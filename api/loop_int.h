/* loop_int - what the files of the loop share: the loop itself, a source of events, a connection's protocol. */
#ifndef FP_LOOP_INT_H
#define FP_LOOP_INT_H

#include "api/loop.h"

#include <pthread.h>

/* What epoll tells of; the first member of whatever has a descriptor. */
struct source {
	void (*ready)(struct loop *l, struct source *s, uint32_t events);
};

/* A question, in line. */
struct ask {
	struct fp_addr addr;
	int64_t until_ms;   /* not known then */
	uint8_t kind;       /* 0: of addr; else the protocol's own: answered as it is, without the store */
};

/* How a kind of connection is read and answered. One thread calls. */
struct proto {
	enum loop_kind kind;
	enum counter counter;
	size_t in_max;      /* bytes that are kept unfinished */
	size_t reply_max;   /* longest reply */
	size_t out_max;     /* of replies sent by one write, at least reply_max */
	unsigned asks;      /* in line at most */
	size_t state_bytes; /* of its own for each connection, zeroed */
	bool once;          /* closed after the first reply */
	unsigned idle_s;    /* closed when there was no request for so long; 0: never */
	/*
	 * Takes what it can use from the head of n bytes and returns how many those were, 0: more are needed, negative: this is
	 * no client of ours. *asked: they were a request, *ask is filled but for its time. ended: no more will come.
	 */
	ptrdiff_t (*take)(void *state, const uint8_t *bytes, size_t n, bool ended, struct ask *ask, bool *asked);
	/* Puts the reply to ask, at most reply_max bytes, and returns its length. host NULL: not known. */
	size_t (*reply)(void *state, const struct loop_conf *conf, const struct ask *ask, const struct fp_answer *host, uint8_t *out);
};

extern const struct proto p0f_proto, text_proto, policy_proto;

struct conn;
struct datagrams;

struct loop {
	struct loop_conf conf;
	struct fp_store *store;
	int64_t reopened_ms;
	pthread_t thread;
	bool running;
	struct source stop;         /* an eventfd */
	int stop_fd, epoll_fd;
	int spare_fd;               /* given up to refuse a client when no descriptor is left */
	int64_t now_ms;             /* monotonic, of this pass */
	uint64_t commits;           /* number before this pass's look-ups */
	bool stopping;
	struct listener *listener;
	size_t n_listeners;
	unsigned clients[LOOP_KINDS];
	struct conn *conns, *parked, *dead;
	struct conn *kept[LOOP_KEEP];   /* by slot */
	struct datagrams *datagrams;
};

int64_t loop_clock_ms(void);

/* Registers or changes; 0 or -errno. */
int loop_watch(struct loop *l, int fd, struct source *s, uint32_t events, bool again);

/* What the sockets may say of addr; false: not known. */
bool loop_known(struct loop *l, const struct fp_addr *addr, struct fp_answer *out);

static inline void loop_count(struct loop *l, enum counter c)
{
	counter_add(l->conf.row, c, 1);
}

/* Text of a host in the words of the setting; buf of RENDER_HOST_MAX. "" does not happen: there is always something to say. */
size_t loop_words(const struct loop_conf *conf, const struct fp_answer *host, char *buf, size_t size);

/* ---- stream.c: connections ---------------------------------------------------------------------- */

/* Takes a connected socket over, whatever becomes of it. */
void stream_open(struct loop *l, const struct proto *proto, int fd);
/* Connections of the loop before. */
void stream_adopt(struct loop *l);
/* Gives those that last to the keeper. young: also those that came just now. */
void stream_keep(struct loop *l, bool young);
/* Looks again at those that wait; commits: there were some. */
void stream_tick(struct loop *l, bool commits);
/* Closes those that have been idle for too long. */
void stream_idle(struct loop *l);
/* Reads what has come already. */
void stream_last_read(struct loop *l);
/* Whether a reply is still owed. */
bool stream_busy(const struct loop *l);
void stream_bury(struct loop *l); /* frees what was closed in this pass */
void stream_close_all(struct loop *l);

/* ---- analyzer.c: datagrams ---------------------------------------------------------------------- */

int analyzer_open(struct loop *l);
void analyzer_tick(struct loop *l, bool commits);
bool analyzer_busy(const struct loop *l);
void analyzer_close(struct loop *l);

#endif
