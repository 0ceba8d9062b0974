/*
 * counters - every number the daemon counts: one table, one row a thread, summed when read.
 *
 * Rows live in memory shared between the processes, each on its own cache lines. A row has one writer
 * (its thread), which adds with relaxed stores; anybody reads. The equations (docs/interface.md,
 * "Counters") hold exactly whenever nothing is under way.
 */
#ifndef FP_COUNTERS_H
#define FP_COUNTERS_H

#include "core/pkt.h"
#include "core/util.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Whose rows have a counter. */
enum counter_owner { COUNTER_QUEUE, COUNTER_MATCHER, COUNTER_WRITER, COUNTER_SERVICES, COUNTER_OWNERS };

/* X(CONSTANT, owner, "name", "text"), NOW() of what may fall again: a number of now; the undecodable ones follow PKT_REASONS. */
#define COUNTER_ROWS(X, NOW)                                                                       \
	X(C_KERNEL_SEEN, COUNTER_QUEUE, "kernel_seen", "packets that passed the kernel's filter")  \
	X(C_KERNEL_DROPPED, COUNTER_QUEUE, "kernel_dropped", "of these, lost in the kernel: no room")  \
	X(C_OUTAGES, COUNTER_QUEUE, "outages", "times the interface went down or away")       \
	X(C_FRAMES, COUNTER_QUEUE, "frames", "frames that reached us")                        \
	X(C_FILTERED, COUNTER_QUEUE, "filtered", "frames that are none of our business")      \
	X(C_IGNORED, COUNTER_QUEUE, "ignored", "segments of addresses on the ignore list")    \
	X(C_OBSERVED, COUNTER_QUEUE, "observed", "segments to be matched")                    \
	X(C_RING_DROPPED, COUNTER_QUEUE, "ring_dropped", "observations lost: the matcher's ring was full") \
	X(C_MATCHED, COUNTER_QUEUE, "matched", "observations that a matcher took")            \
	X(C_TABLE_REFUSED, COUNTER_MATCHER, "table_refused", "observations that no table had room for") \
	X(C_APPLIED, COUNTER_MATCHER, "applied", "observations that were judged")             \
	X(C_SYN, COUNTER_MATCHER, "syn", "SYNs judged, repeats not counted")                  \
	X(C_SYNACK, COUNTER_MATCHER, "synack", "SYN+ACKs seen")                               \
	X(C_HANDSHAKES, COUNTER_MATCHER, "handshakes", "completed handshakes")                \
	X(C_RECOGNISED, COUNTER_MATCHER, "recognised", "SYNs whose system has a name")        \
	X(C_FLOWS_EVICTED, COUNTER_MATCHER, "flows_evicted", "flows forgotten early: the table was full") \
	X(C_HOSTS_EVICTED, COUNTER_MATCHER, "hosts_evicted", "hosts forgotten by a matcher: the table was full") \
	X(C_LOG_LINES, COUNTER_MATCHER, "log_lines", "lines for p0f's log")                     \
	X(C_LOG_DROPPED, COUNTER_MATCHER, "log_dropped", "of these, lost: the log was behind, or its disk full") \
	X(C_CONFIRMED_EVICTED, COUNTER_MATCHER, "confirmed_evicted", "of these, hosts that had completed a handshake") \
	NOW(C_TRACKED, COUNTER_MATCHER, "tracked", "hosts in a matcher's table now")            \
	NOW(C_TRACKED_CONFIRMED, COUNTER_MATCHER, "tracked_confirmed", "of these, hosts that have completed a handshake") \
	NOW(C_RING_USED, COUNTER_MATCHER, "ring_used", "observations that wait for a matcher now") \
	NOW(C_TABLE_BYTES, COUNTER_MATCHER, "table_bytes", "bytes of a matcher's tables, whose memory is used as they fill") \
	X(C_WITHHELD, COUNTER_MATCHER, "withheld", "changes of unconfirmed hosts kept from the store: above probation.rate") \
	X(C_CHANGED, COUNTER_MATCHER, "changed", "changes of a host")                         \
	X(C_COALESCED, COUNTER_MATCHER, "coalesced", "changes joined with one not yet sent")  \
	X(C_DELTAS, COUNTER_MATCHER, "deltas", "changes sent to the writer")                  \
	X(C_WRITTEN, COUNTER_WRITER, "written", "changes in the store")                       \
	X(C_STORE_FAILED, COUNTER_WRITER, "store_failed", "changes lost: the store refused them") \
	X(C_COMMITS, COUNTER_WRITER, "commits", "transactions")                               \
	NOW(C_HOSTS, COUNTER_WRITER, "hosts", "hosts in the store now")                         \
	NOW(C_DELTAS_WAITING, COUNTER_WRITER, "deltas_waiting", "changes that wait for the writer now") \
	X(C_HOSTS_DROPPED, COUNTER_WRITER, "hosts_dropped", "hosts removed from the store: age, hosts.max, forget") \
	X(C_ROTATIONS, COUNTER_WRITER, "rotations", "times a new store took the place of the old: compact, or a full map") \
	NOW(C_PAGES, COUNTER_WRITER, "pages", "pages of 4096 bytes in the store's file")        \
	NOW(C_PAGES_LIVE, COUNTER_WRITER, "pages_live", "of these, those that hold something now") \
	NOW(C_PAGES_MAX, COUNTER_WRITER, "pages_max", "pages that there may be: store.map")       \
	X(C_MAP_FULL, COUNTER_WRITER, "map_full", "times a transaction found no page free: waited for, or done without") \
	X(C_SYNCS, COUNTER_WRITER, "syncs", "times the store was synced to disk")             \
	X(C_HTTP_REQUESTS, COUNTER_SERVICES, "http_requests", "HTTP requests answered")       \
	X(C_HTTP_REFUSED, COUNTER_SERVICES, "http_refused", "HTTP connections refused: limits") \
	X(C_P0F_QUERIES, COUNTER_SERVICES, "p0f_queries", "queries answered at p0f 3 sockets") \
	X(C_TEXT_QUERIES, COUNTER_SERVICES, "text_queries", "lines answered at text sockets")  \
	X(C_ANALYZER_QUERIES, COUNTER_SERVICES, "analyzer_queries", "datagrams answered for p0f-analyzer") \
	X(C_POLICY_QUERIES, COUNTER_SERVICES, "policy_queries", "policy requests answered")   \
	X(C_QUERIES_KNOWN, COUNTER_SERVICES, "queries_known", "of all these, with what is known of a client") \
	X(C_QUERIES_WAITED, COUNTER_SERVICES, "queries_waited", "of all these, after a wait for the next commits") \
	X(C_QUERIES_MALFORMED, COUNTER_SERVICES, "queries_malformed", "queries that were none")  \
	X(C_ANALYZER_REFUSED, COUNTER_SERVICES, "analyzer_refused", "datagrams not answered: whose they are, or no room for a reply") \
	NOW(C_CLIENTS, COUNTER_SERVICES, "clients", "connections to sockets of mail software now") \
	X(C_CLIENTS_REFUSED, COUNTER_SERVICES, "clients_refused", "connections closed at once: too many")

enum counter {
#define X(constant, owner, name, text) constant,
	COUNTER_ROWS(X, X)
#undef X
	C_UNDECODABLE, /* first of PKT_RESULTS - PKT_FILTERED - 1 causes, owned by queues */
	C_UNDECODABLE_END = C_UNDECODABLE + (PKT_RESULTS - PKT_FILTERED - 1),
	COUNTER_COUNT = C_UNDECODABLE_END
};

struct counter_info {
	enum counter_owner owner;
	const char *name;  /* "frames"; undecodable ones "undecodable" with cause */
	const char *cause; /* "short_ip", or NULL */
	const char *text;
	bool gauge;        /* a number of now: it may fall again */
};
const struct counter_info *counter_info(enum counter c);

/* A row: written by one thread. */
struct counter_row {
	_Alignas(CACHELINE) _Atomic uint64_t a_value[COUNTER_COUNT];
};

/* How many of each; then the rows. Made before the fork, shared by all. */
struct counters;

/* MAP_SHARED memory; NULL in *out on failure. */
int counters_create(struct counters **out, unsigned queues, unsigned matchers);
void counters_destroy(struct counters **cp);

unsigned counters_rows(const struct counters *c, enum counter_owner owner);
struct counter_row *counters_row(struct counters *c, enum counter_owner owner, unsigned n);

/*
 * `matched` belongs to a queue but is counted by matchers: matcher m adds to its own cell for queue q;
 * counters_get() sums them.
 */
_Atomic uint64_t *counters_matched(struct counters *c, unsigned queue, unsigned matcher);

/* One counter of one row (n), or the sum over all rows (n = COUNTERS_SUM). */
#define COUNTERS_SUM (~0u)
uint64_t counters_get(struct counters *c, enum counter counter, unsigned n);

/* changed - coalesced - written - store_failed: records on their way. */
uint64_t counters_pending(struct counters *c);

/* The single writer's add: no locked instruction is needed. */
static inline void counter_add(struct counter_row *row, enum counter c, uint64_t n)
{
	const uint64_t was = atomic_load_explicit(&row->a_value[c], memory_order_relaxed);

	atomic_store_explicit(&row->a_value[c], was + n, memory_order_relaxed);
}

static inline void counter_set(struct counter_row *row, enum counter c, uint64_t n)
{
	atomic_store_explicit(&row->a_value[c], n, memory_order_relaxed);
}

/* Where the counter of a refusal lives; result is one of PKT_REASONS. */
static inline enum counter counter_undecodable(enum pkt_result result)
{
	return (enum counter)(C_UNDECODABLE + (result - PKT_FILTERED - 1));
}

/* All counters of a row as "name value" lines ("undecodable{short_ip} 3"), for the store's meta and the log. */
int counters_text(struct counters *c, enum counter_owner owner, unsigned n, char *buf, size_t size);

#endif
