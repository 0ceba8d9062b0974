/*
 * loop - the thread behind the sockets that mail software asks: p0f 3 queries, lines of text, p0f-analyzer's datagrams,
 * Postfix's policy requests. Answers come from the store; a client that was never seen waits for the next commits, 20 ms at the
 * most, and is then not known: one that asks at accept() asks a millisecond after its client's SYN.
 *
 * Owner    loop_start() makes the thread, loop_stop() ends it; listening sockets, store, rules stay the caller's.
 * Threads  one, which owns every connection. It sleeps in epoll_wait(); while queries wait it looks at the commit number each
 *          millisecond: a futex would need a second thread to sleep on it, for half a millisecond gained.
 * Limits   clients of each kind; a connection's buffers are of fixed size, and one whose answers are not read is not read from.
 * Errors   0 or a negative FP_E*.
 */
#ifndef FP_LOOP_H
#define FP_LOOP_H

#include "core/counters.h"
#include "core/histogram.h"
#include "core/policyrule.h"
#include "core/pulse.h"
#include "store/reader.h"

#define LOOP_WAIT_MS 19       /* and at most a tick more */
#define LOOP_DATAGRAMS 1024   /* that wait; further ones of unknown clients are answered at once */

#define LOOP_KEEP 1024        /* connections that somebody else holds a copy of */

enum loop_kind { LOOP_P0F, LOOP_TEXT, LOOP_POLICY, LOOP_ANALYZER, LOOP_KINDS };

/* A socket that listens, or that takes datagrams (LOOP_ANALYZER); non-blocking. */
struct loop_socket {
	int fd;
	enum loop_kind kind;
};

/*
 * Connections to p0f sockets outlive this process: some clients (Haraka) never connect again after one was closed. Those that have
 * lasted a second, and at the end all, are given to a keeper, who holds copies by slot and hands them to the next loop. One that is
 * busy when its loop dies must not be served on: what it asked is lost, and every later answer would be taken for that of
 * another question.
 */
struct loop_keep {
	void *ctx;
	bool (*keep)(void *ctx, unsigned slot, int fd); /* false: not now */
	void (*drop)(void *ctx, unsigned slot);
	_Atomic uint8_t *a_busy;                        /* LOOP_KEEP of them, which outlive us too */
	const int *fd;                                  /* LOOP_KEEP of them: to begin with; -1: none. They become the loop's */
};

/* What an answer depends on. */
struct loop_conf {
	const char *store_dir;           /* the loop has a handle of its own, see loop_known() */
	const _Atomic uint64_t *a_commits;
	struct counter_row *row;         /* of its counters of COUNTER_SERVICES the loop's thread is the only writer */
	int64_t max_age_s;               /* an older record is not known */
	bool v3;                         /* p0f 3's words instead of p0f 2's */
	unsigned clients_max;            /* of each kind */
	const struct fp_cidr *allow;     /* who may ask by UDP */
	size_t n_allow;
	const struct policyrule *rules;
	size_t n_rules;
	const struct loop_socket *sockets;
	size_t n_sockets;
	const struct loop_keep *keep;    /* NULL: none are kept */
	struct histogram *lookup;        /* how long its look-ups take; may be NULL */
	struct pulse *pulse;             /* of the loop's thread, added by the caller; may be NULL */
};

struct loop;

int loop_start(struct loop **out, const struct loop_conf *conf);

/*
 * Everything that was sent before is answered first, as far as clients read it: 200 ms at most; then what can be kept is given to the
 * keeper. Sets NULL; NULL is fine.
 */
void loop_stop(struct loop **lp);

#endif
