/*
 * matcher - observations in, deltas to the sink out.
 *
 * All segments of one client come to one matcher (matcher_of()), which so owns the client's flows and state
 * without a lock. What is new of a client (its first verdict, another one, its first completed handshake) is
 * sent with the batch that brought it; what repeats is counted and sent together, at the latest
 * MATCHER_HOLD_MS after the first change that was not sent. Where whole files are read (bulk) nobody waits for news:
 * all is held until the end of the file, MATCHER_HOLD_BULK_MS at the most, and then sent in the order of the addresses,
 * which a B-tree takes ten times as fast as one after the other in any order.
 *
 * What core/probation.h withholds stays with its host, and is sent with the first change that is not withheld.
 *
 * Owner    matcher_create() before the threads, matcher_destroy() after; rings belong to the matcher.
 * Threads  matcher_run() is one thread's body, each capture thread pushes into its own ring; or, without matcher
 *          threads, the capture thread calls matcher_batch() itself and no ring is made.
 * Errors   0 or a negative FP_E*.
 */
#ifndef FP_MATCHER_H
#define FP_MATCHER_H

#include "core/counters.h"
#include "core/hash.h"
#include "core/lines.h"
#include "core/probation.h"
#include "core/pulse.h"
#include "core/ring.h"
#include "core/sink.h"
#include "core/track.h"
#include "core/wake.h"

#define MATCHER_BATCH 64
#define MATCHER_HOLD_MS 1000
#define MATCHER_HOLD_BULK_MS 20000

/* Which of n matchers owns the client of a segment: the sender, but of a SYN+ACK the receiver. */
unsigned matcher_of(const struct hash_key *key, const struct tcp_obs *obs, unsigned n);

struct matcher;

struct matcher_conf {
	unsigned number;            /* which one: names its rows and its sink */
	unsigned queues;            /* capture threads that push */
	unsigned small_queues;      /* of these the last ones: their rings have an eighth of the slots, for their senders wait */
	uint32_t ring_slots;        /* of each queue's ring; 0 = no rings: matcher_batch() is called directly */
	uint32_t flows_max, hosts_max;
	uint32_t flow_keep_s;       /* flows are forgotten so long after their SYN; 0 = when their place is needed */
	enum probation_mode handshake;
	unsigned queues_live;       /* the first so many see a wire, the others files */
	uint32_t probation_rate;
	bool bulk;                  /* files that are there as a whole */
	struct hash_key key;
	const struct sink *sink;
	struct counters *counters;
	struct pulse *pulse;        /* may be NULL */
	struct lines *log;          /* p0f's log of what is seen; NULL: none is wanted */
	struct wake *log_wake;      /* who writes it */
	const _Atomic bool *log_stuck; /* it cannot be written: bulk does not wait for room */
	_Atomic(const struct sigdb *) *a_sigdb; /* the published one; see matcher_sigdb_seen() */
};

int matcher_create(struct matcher **out, const struct matcher_conf *conf);
void matcher_destroy(struct matcher **mp); /* sets NULL; NULL is fine */

/* The ring that queue q pushes into, and what wakes the matcher after a push. */
struct ring *matcher_ring(struct matcher *m, unsigned queue);
struct wake *matcher_wake(struct matcher *m);

/* From any thread: what waits is to be sent now and not in a second, for a file has ended. */
void matcher_flush(struct matcher *m);

/* Thread body. Returns 0 once *a_stop is set, its rings are empty and all is with the sink. */
int matcher_run(struct matcher *m, const _Atomic bool *a_stop);

/* n observations of one queue, in order. */
void matcher_batch(struct matcher *m, unsigned queue, const struct tcp_obs *obs, size_t n);

/* Sends what has waited long enough; all of it where now_or_never. Returns whether something still waits. */
bool matcher_tick(struct matcher *m, bool now_or_never);

/*
 * From another thread: the hosts of a block are to be forgotten, by the matcher's next matcher_tick(); one block at a
 * time. What was unsent of them is with the sink when matcher_forgotten() says true and how many there were.
 */
void matcher_forget(struct matcher *m, const struct fp_cidr *block);
bool matcher_forgotten(struct matcher *m, uint32_t *hosts);

/*
 * The sigdb that this matcher works with since its last batch. A sigdb that was replaced may be freed
 * when no matcher has it any more.
 */
const struct sigdb *matcher_sigdb_seen(struct matcher *m);

#endif
