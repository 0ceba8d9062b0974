/*
 * track_int - what the parts of the track share: its tables, and who does what to them. Nobody else includes it.
 *
 *   track.c        life of the tables, the steps of a handshake
 *   trackbatch.c   the same for many segments, with loads under way ahead of them
 *   trackhosts.c   the table of hosts: who is found, made, confirmed, has to go
 *   trackflows.c   the table of flows
 *   trackjudge.c   a SYN or SYN+ACK is judged and held against the host's last one
 *   trackclock.c   timestamps to clock and uptime
 *   tracklayout.c  option layouts as numbers
 *   tracklabel.c   other signatures, same hosts
 *   trackunsent.c  hosts with something unsent, in the order of their addresses
 *
 * A flow names its two hosts by number and generation: a host that was evicted takes its flows with it without
 * being searched for, since a generation that does not fit is a flow that is not there.
 */
#ifndef FP_TRACK_INT_H
#define FP_TRACK_INT_H

#include "core/matchcache.h"
#include "core/p0fhttp.h"
#include "core/score.h"
#include "core/table.h"

#include <assert.h>
#include <string.h>

#define TRACK_MAGIC 0x7472616bu
#define LAYOUTS_MAX 16384    /* a dozen are seen every day; the rest is what scanners make up */

enum host_flag {
	HOST_HAS_SIG = 1 << 0,
	HOST_SIG_SYNACK = 1 << 1, /* sig is of a SYN+ACK: no SYN was seen of it */
	HOST_CONFIRMED = 1 << 2,  /* has completed a handshake: stands in the list of those that go last */
	HOST_TS_JUMPED = 1 << 3,  /* its last connection's timestamps did not go on where the one before had stood */
	HOST_TS_STEADY = 1 << 4,  /* they did, though it was to another server: one clock for all */
	HOST_USED = 1 << 5,       /* since it became the youngest of its list; not where these are exact */
};

struct track_host {
	struct track_sig sig;
	struct fp_addr addr;
	const struct sig_label *os;  /* the last system recognised, by SYN or SYN+ACK; NULL: none */
	struct track_unsent unsent;
	uint32_t first_s, last_s;
	uint32_t generation;
	struct age_link age;
	uint32_t synack;             /* pool number of its SYN+ACK's signature where sig is of a SYN; 0: none */
	uint32_t scores;             /* pool number; 0: all points so far are 0 */
	uint32_t layout_hash;        /* of the kinds of its last SYN */
	uint16_t last_port;          /* of its last flow; 0: none */
	uint8_t flags;               /* enum host_flag */
	uint8_t last_server;         /* a byte of the hash of the address that its last SYN went to */
};
_Static_assert(sizeof(struct track_host) == 128, "a host is one pair of cache lines");

enum flow_flag {
	FLOW_ACKED = 1 << 0,      /* the SYN+ACK was seen */
	FLOW_COMPLETE = 1 << 1,   /* and acknowledged */
	FLOW_SENDSYN = 1 << 2,
	FLOW_EARLY_ACK = 1 << 3,
	FLOW_FREE = 1 << 4,       /* no flow: given back */
};

struct flow {
	uint32_t host[2];         /* client, server */
	uint32_t generation[2];
	uint16_t port[2];
	uint32_t next_seq[2];     /* of client, of server */
	uint32_t server_first;    /* sequence number behind the server's SYN */
	uint32_t created_s;
	union {
		struct {
			uint32_t early_ack, early_ms; /* correct mode */
		};
		uint32_t http;    /* compat mode: pool number of what was said; 0: nothing yet */
	};
	struct age_link age;
	uint32_t hash;
	uint16_t syn_mss;
	int16_t hz[2];            /* timestamp clock found in this flow, 0: not yet, -1: never */
	uint8_t flags;            /* enum flow_flag */
	uint8_t zero;
};
_Static_assert(sizeof(struct flow) == 64, "a flow is a cache line");

/* What a flow's own SYN said: its handshake confirms this and no other, and its clock is measured from here. */
struct syn_said {
	struct track_sig sig;
	uint32_t layout_hash;
};

enum side { CLIENT, SERVER };

struct layout {
	uint8_t kinds[OBS_OPTIONS_MAX];
	uint8_t len, eol_pad;
	uint8_t zero[2];
};

struct layout_memo {
	struct layout layout;
	uint32_t hash;
	uint16_t number; /* 0: free */
};

/* What can be known of a segment before its turn comes. */
struct ahead {
	uint32_t host, flow;   /* hashes of its sender's address, of its flow */
	uint32_t host_item, flow_item;
};

struct track {
	uint32_t magic;
	struct track_conf conf;
	bool correct;
	bool probation;
	bool exact;               /* lists of hosts are in order of last use, not of second chances */
	struct track_host *hosts;
	struct flow *flows;
	struct syn_said *said;    /* one a flow; NULL in compat mode, which looks at the host's last SYN instead */
	struct table host_index, flow_index, layout_index;
	struct age hosts_new, hosts_confirmed, flows_age;
	uint32_t hosts_used, flows_used; /* items of the arrays that were used so far */
	uint32_t hosts_free, flows_free; /* given back: chained through age.older, + 1 */
	struct pool synacks;      /* struct track_sig */
	struct pool scores;       /* struct scores */
	struct pool http;         /* struct p0fhttp; compat mode alone */
	struct layout *layouts;
	uint32_t n_layouts;
	struct layout_memo layout_memo[64];
	uint32_t segments;        /* towards the next look at ages */
	uint32_t expired_s;       /* second of the last look */
	struct track_stats stats;
	/* the server of the last SYN: most have the same */
	uint32_t server, server_generation;
	struct fp_addr server_addr;
	uint64_t server_hash;
	struct ahead ahead[TRACK_BATCH];
	struct track_event batch_ev[TRACK_EVENTS_MAX];
	/* of the call under way */
	struct track_sig sig;
	uint32_t layout_hash;
	uint32_t now_s;
	const struct tcp_obs *obs;
	const uint8_t *payload;   /* NULL: not known */
	const struct sigdb *db;
	struct track_event *ev;
	size_t n_events;
	struct match_cache *answers; /* NULL in compat mode */
};

static inline struct age_links host_links(const struct track *t)
{
	return (struct age_links){ &t->hosts[0].age, sizeof t->hosts[0] };
}

static inline struct age_links flow_links(const struct track *t)
{
	return (struct age_links){ &t->flows[0].age, sizeof t->flows[0] };
}

static inline uint32_t seconds(int64_t time_ns)
{
	return (uint32_t)(time_ns / 1000000000);
}

static inline uint64_t milliseconds(int64_t time_ns)
{
	return (uint64_t)(time_ns / 1000000);
}

static inline bool same_addr(const struct fp_addr *a, const struct fp_addr *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0; /* inline, several times a packet */
}

/* Keyed: nobody outside can choose addresses that collide. */
static inline uint64_t addr_hash(const struct track *t, const struct fp_addr *addr)
{
	return same_addr(addr, &t->server_addr) ? t->server_hash : hash_siphash13(&t->conf.key, addr->b, sizeof addr->b);
}

static inline uint32_t host_hash(const struct track *t, const struct fp_addr *addr)
{
	return (uint32_t)addr_hash(t, addr);
}

/* ---- trackhosts.c: numbers are items of t->hosts ---------------------------------------------- */

uint32_t host_find(const struct track *t, uint32_t hash, const struct fp_addr *addr); /* TABLE_NONE: not there */
/* The host of an address, made where it is new; it becomes the youngest. in_use: must not go for it. */
uint32_t host_touch(struct track *t, const struct fp_addr *addr, uint32_t hash, uint32_t in_use);
/* The same for the address that a SYN goes to. */
uint32_t server_touch(struct track *t, const struct fp_addr *addr, uint32_t in_use);
void host_confirm(struct track *t, uint32_t n, uint32_t in_use);
void host_forget(struct track *t, uint32_t n);
/* Those unseen for longer than host_age_s go. */
void host_expire(struct track *t, uint32_t now_s);
/* The signature that the next one of that side is held against; NULL: none yet. */
const struct track_sig *host_ref(const struct track *t, const struct track_host *h, enum side side);
/* Keeps the host's last signature of that side. SYNs have the place in the host; a SYN+ACK beside one goes aside. */
void host_keep(struct track *t, struct track_host *h, enum side side, const struct track_sig *sig, uint32_t layout_hash);
void host_soon(const struct track *t, uint32_t n); /* a hint */

/* ---- trackflows.c: numbers are items of t->flows ---------------------------------------------- */

uint32_t flow_hash(const struct track *t, uint64_t src, const struct tcp_obs *obs);
/* The flow of the segment in hand, TABLE_NONE without; *from says who sent it. */
uint32_t flow_find(const struct track *t, uint32_t hash, enum side *from);
void flow_forget(struct track *t, uint32_t n);
/* A flow from the SYN in hand. */
uint32_t flow_create(struct track *t, uint32_t hash, uint32_t src_hash);
void flow_expire(struct track *t, uint32_t now_s);

/* ---- The others ------------------------------------------------------------------------------- */

/*
 * The number of the option layout of the segment in hand, 0 where no room is left; its hash (of the kinds alone) is kept in t->layout_hash.
 */
uint16_t layout_number(struct track *t);

/* One event more of the segment in hand. verdict NULL: it says nothing of a signature. */
struct track_event *track_event_add(struct track *t, enum track_event_kind kind, const struct flow *f, enum side side, const struct verdict *verdict);
/* Judges the SYN or SYN+ACK in hand. Returns false where that was all: a tool's, or p0f-sendsyn's. */
bool track_judge(struct track *t, struct flow *f, enum side side, uint16_t syn_mss, struct verdict *v);
/* Clock and uptime from the timestamp of the segment in hand and an earlier one. */
void track_clock(struct track *t, struct flow *f, enum side side, const struct verdict *v);
/* A byte of the hash of the address that the segment in hand goes to. */
static inline uint8_t server_tag(const struct track *t)
{
	return (uint8_t)(host_hash(t, &t->obs->dst) >> 24);
}

enum track_result track_segment(struct track *t, const struct tcp_obs *obs, uint32_t flow_hash, uint32_t src_hash);

#endif
