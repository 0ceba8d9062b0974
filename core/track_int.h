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
 *   trackface.c    what signatures consist of, each once
 *
 * A flow names its two hosts by number alone: whoever finds one holds both addresses against the segment's, so a host that was evicted takes its
 * flows with it without being searched for.
 */
#ifndef FP_TRACK_INT_H
#define FP_TRACK_INT_H

#include "core/evidence.h"
#include "core/matchcache.h"
#include "core/p0fhttp.h"
#include "core/score.h"
#include "core/table.h"
#include "core/track.h"
#include "core/util.h"

#include <assert.h>
#include <string.h>

#define TRACK_MAGIC 0x7472616bu
#define LAYOUTS_MAX 16384    /* a dozen are seen every day; the rest is what scanners make up */
#define FACES_MAX 0xffffffu  /* as many as a struct track_kept can name */
#define HOST_FREE (TABLE_NONE - 1) /* age.newer of a host that is none */

struct face {
	struct face_what what;
	uint32_t users;           /* who names it; 0: a free place, the next one + 1 in what.quirks */
	uint32_t born;            /* no other has the same: so a number that was remembered is known to be still its own */
};
_Static_assert(sizeof(struct face) == 48, "faces are a few for every thousand hosts");

enum host_flag {
	HOST_HAS_SIG = 1 << 0,
	HOST_SIG_SYNACK = 1 << 1, /* sig is of a SYN+ACK: no SYN was seen of it */
	HOST_CONFIRMED = 1 << 2,  /* has completed a handshake: stands in the list of those that go last */
	HOST_TS_JUMPED = 1 << 3,  /* its last connection's timestamps did not go on where the one before had stood */
	HOST_TS_STEADY = 1 << 4,  /* they did, though it was to another server: one clock for all */
	HOST_USED = 1 << 5,       /* since it became the youngest of its list; not where these are exact */
};

struct track_host {
	struct fp_addr addr;
	uint32_t first_s, last_s;
	struct age_link age;
	struct track_kept sig;
	uint32_t aside : 24;      /* pool number of its struct aside; 0: none */
	uint32_t last_server : 8; /* of the hash of the address that its last SYN went to */
	uint16_t os;              /* the last system recognised, by SYN or SYN+ACK: number of its label in t->db, + 1; 0: none, or beyond numbers */
	struct track_unsent unsent;
};
_Static_assert(sizeof(struct track_host) == 64, "a host is a cache line");

/* What a client's SYNs add up to; beside the hosts, one each. */
struct host_evidence {
	uint16_t low, high;       /* of evidence.bits: four bytes would be aligned to four */
	uint16_t ip_id;           /* of its last SYN */
};
_Static_assert(sizeof(struct host_evidence) == 6, "kept for every host");

static inline struct evidence evidence_of(const struct host_evidence *e)
{
	return (struct evidence){ (uint32_t)e->high << 16 | e->low };
}

static inline void evidence_keep(struct host_evidence *e, struct evidence now)
{
	e->low = (uint16_t)now.bits;
	e->high = (uint16_t)(now.bits >> 16);
}

/* What few hosts have. */
struct aside {
	struct scores scores;
	struct track_kept synack;       /* of its last SYN+ACK, where the host's own is of a SYN */
	struct track_unsent_event event;
};
_Static_assert(sizeof(struct aside) <= 64, "a cache line");
#define ASIDE_MAX 0xffffffu

enum flow_flag {
	FLOW_ACKED = 1 << 0,      /* the SYN+ACK was seen */
	FLOW_COMPLETE = 1 << 1,   /* and acknowledged */
	FLOW_SENDSYN = 1 << 2,
	FLOW_EARLY_ACK = 1 << 3,
	FLOW_CLOCK = 1 << 4,      /* the client's timestamp clock was found in this flow, or found to be none */
	FLOW_SERVER_CLOCK = 1 << 5,
};

struct flow {
	uint32_t host[2];         /* client, server */
	uint16_t port[2];
	uint32_t next_seq[2];     /* of client, of server */
	uint32_t server_first;    /* sequence number behind the server's SYN */
	union {
		struct {
			uint32_t early_ack, early_ms; /* correct mode */
		};
		uint32_t http;    /* compat mode: pool number of what was said; 0: nothing yet */
	};
	struct age_link age;
	uint32_t hash;
	struct track_kept said;         /* by its own SYN: the handshake confirms this and no other, and the clock is measured from here */
	uint16_t syn_mss;
	uint8_t flags;            /* enum flow_flag */
	uint8_t again;            /* so often its SYN was repeated */
};
_Static_assert(sizeof(struct flow) == 64, "a flow is a cache line");

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

/* What can be known of a segment before its turn comes. The items are hints: they may be another's by then. */
struct ahead {
	uint32_t host, flow;   /* hashes of its sender's address, of its flow */
	uint32_t host_item;    /* TABLE_NONE: not known */
	uint32_t flow_item;    /* TABLE_NONE: there was none before the batch */
	bool batch;            /* flow_item is known */
};

#define FLOW_MARKS 1024 /* a power of two */

/* An address that SYNs went to: most go to a few. */
struct server {
	struct fp_addr addr;
	uint64_t hash;
	uint32_t host;         /* a hint; TABLE_NONE: none */
};

#define SERVERS 8

struct track {
	/* Lines of its own: what stands next in memory may be another matcher's. */
	_Alignas(CACHELINE) uint32_t magic;
	struct track_conf conf;
	bool correct;
	bool probation;
	bool ages;                /* there are any */
	bool exact;               /* lists of hosts are in order of last use, not of second chances */
	struct track_host *hosts;
	struct host_evidence *evidence; /* NULL in compat mode, where nobody asks */
	struct flow *flows;
	struct face *faces;
	struct table host_index, flow_index, layout_index, face_index;
	struct age hosts_new, hosts_confirmed, flows_age;
	uint32_t hosts_used, flows_used; /* items of the arrays that were used so far */
	uint32_t hosts_free, flows_free; /* given back: chained through age.older, + 1 */
	struct pool aside;        /* struct aside */
	struct pool http;         /* struct p0fhttp; compat mode alone */
	struct layout *layouts;
	uint32_t n_layouts;
	struct layout_memo layout_memo[64];
	uint32_t faces_max, faces_used, faces_free; /* as those of hosts; chained through what.quirks */
	uint32_t faces_born;
	uint32_t segments;        /* towards the next look at ages */
	uint32_t expired_s;       /* second of the last look */
	struct track_stats stats;
	struct server servers[SERVERS];
	struct ahead ahead[TRACK_BATCH];
	uint64_t made[FLOW_MARKS / 64]; /* a bit for the hashes of flows that were made since the batch began */
	struct track_event batch_ev[TRACK_EVENTS_MAX];
	/* of the call under way */
	struct track_kept kept;   /* what the last SYN or SYN+ACK said; its face is held until the next */
	uint64_t now_ms;          /* of the segment, */
	uint32_t now_s;           /* and in seconds */
	const struct tcp_obs *obs;
	const uint8_t *payload;   /* NULL: not known */
	const struct sigdb *db;
	const struct sig_label *labels; /* its own, what os numbers */
	size_t n_labels;
	struct track_event *ev;
	size_t n_events;
	struct match_cache *answers; /* NULL in compat mode */
};

static inline struct age_links host_links(const struct track *t)
{
	return (struct age_links){ &t->hosts[0].age, sizeof t->hosts[0] };
}

static inline bool same_addr(const struct fp_addr *a, const struct fp_addr *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0; /* inline, several times a packet */
}

static inline uint32_t server_slot(const struct fp_addr *addr)
{
	return (addr->b[15] ^ addr->b[0]) % SERVERS;
}

/* Keyed: nobody outside can choose addresses that collide. */
static inline uint64_t addr_hash(const struct track *t, const struct fp_addr *addr)
{
	const struct server *s = &t->servers[server_slot(addr)];

	return same_addr(addr, &s->addr) ? s->hash : hash_addr(&t->conf.key, addr->b);
}

static inline uint32_t host_hash(const struct track *t, const struct fp_addr *addr)
{
	return (uint32_t)addr_hash(t, addr);
}

static inline struct aside *aside_item(const struct track *t, uint32_t number)
{
	return pool_item(&t->aside, number);
}

/* ---- trackhosts.c: numbers are items of t->hosts ---------------------------------------------- */

uint32_t host_find(const struct track *t, uint32_t hash, const struct fp_addr *addr); /* TABLE_NONE: not there */
uint32_t host_add(struct track *t, const struct fp_addr *addr, uint32_t hash, uint32_t in_use);

static inline bool host_is(const struct track *t, uint32_t n, const struct fp_addr *addr)
{
	const struct track_host *h = &t->hosts[n];

	return same_addr(&h->addr, addr) && h->age.newer != HOST_FREE;
}

static inline struct age *host_age(struct track *t, const struct track_host *h)
{
	return h->sig.flags & HOST_CONFIRMED ? &t->hosts_confirmed : &t->hosts_new;
}

/* It becomes the youngest. */
static inline uint32_t host_used(struct track *t, uint32_t n)
{
	struct track_host *h = &t->hosts[n];

	if (t->exact)
		age_touch(host_age(t, h), host_links(t), n);
	else
		h->sig.flags |= HOST_USED;
	/* Times may go backwards: files in any order, a clock that is set. */
	if (t->exact || t->now_s > h->last_s)
		h->last_s = t->now_s;
	else if (t->now_s < h->first_s)
		h->first_s = t->now_s;
	return n;
}

/* The host of an address, made where it is new; it becomes the youngest. hint: it may be that; TABLE_NONE. in_use: must not go for it. */
static inline uint32_t host_touch(struct track *t, const struct fp_addr *addr, uint32_t hash, uint32_t hint, uint32_t in_use)
{
	const uint32_t n = hint != TABLE_NONE && host_is(t, hint, addr) ? hint : host_find(t, hash, addr);

	return n != TABLE_NONE ? host_used(t, n) : host_add(t, addr, hash, in_use);
}

void host_confirm(struct track *t, uint32_t n, uint32_t in_use);
void host_forget(struct track *t, uint32_t n);
/* Those unseen for longer than host_age_s go. */
void host_expire(struct track *t, uint32_t now_s);
/* One that never completed a handshake and is not of that flow (NULL: of none) goes; false: there is none. */
bool host_shed(struct track *t, const struct flow *in_use);
void host_keep_other(struct track *t, struct track_host *h, enum side side, const struct track_kept *sig);
/* What few hosts have; made where the host has none yet. NULL: none left. */
struct aside *aside_of(struct track *t, struct track_host *h);
/* It goes where nothing is in it. */
void aside_done(struct track *t, struct track_host *h);

/* A hint: that host is asked for next but a few. */
static inline void host_soon(const struct track *t, uint32_t n)
{
	__builtin_prefetch(&t->hosts[n], 1);
	if (t->evidence != NULL)
		__builtin_prefetch(&t->evidence[n], 1);
}

/* ---- trackflows.c: numbers are items of t->flows ---------------------------------------------- */

/* The hash of an address with a port mixed in: as secret as the first. */
static inline uint64_t end_hash(uint64_t addr, uint16_t port)
{
	const uint64_t x = (addr + port * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u; /* odd constants of splitmix64 */

	return x ^ x >> 29;
}

/* The same for both directions: a sum of its ends. */
static inline uint32_t flow_hash(const struct track *t, uint64_t src, const struct tcp_obs *obs)
{
	const uint64_t sum = end_hash(src, obs->src_port) + end_hash(addr_hash(t, &obs->dst), obs->dst_port);

	return (uint32_t)(sum >> 32 ^ sum);
}

/* The flow of the segment in hand, TABLE_NONE without; *from says who sent it. */
uint32_t flow_find(const struct track *t, const struct ahead *a, enum side *from);
void flow_forget(struct track *t, uint32_t n);
/* A flow from the SYN in hand. */
uint32_t flow_create(struct track *t, const struct ahead *a);
void flow_expire(struct track *t, uint32_t now_s);

/* ---- trackface.c: numbers + 1 are items of t->faces --------------------------------------------- */

/*
 * The face of that content, with one user more. Where none is left, hosts that never completed a handshake go for it, but not those of in_use
 * (NULL: no flow). 0: still none.
 */
uint32_t face_take(struct track *t, const struct face_what *what, const struct flow *in_use);
void face_gone(struct track *t, uint32_t n); /* the item, not + 1: its last user has gone */
void face_relabelled(struct track *t);       /* labels of faces are others now */
/* Whether both say the same but for the time: what the store would be told. */
bool kept_same(const struct track *t, const struct track_kept *a, const struct track_kept *b);
void kept_sig(const struct track *t, const struct track_kept *k, struct track_sig *out); /* k->face is not 0 */

/* One user more, one less; 0 is nobody's. */
static inline void face_hold(struct track *t, uint32_t face)
{
	if (face != 0)
		t->faces[face - 1].users++;
}

static inline void face_drop(struct track *t, uint32_t face)
{
	if (face != 0 && --t->faces[face - 1].users == 0)
		face_gone(t, face - 1);
}

/* The signature that the next one of that side is held against; NULL: none yet. */
static inline const struct track_kept *host_ref(const struct track *t, const struct track_host *h, enum side side)
{
	const struct track_kept *sig = &h->sig;

	if (!(sig->flags & HOST_HAS_SIG))
		return NULL;
	if (side == SERVER && h->aside != 0 && aside_item(t, h->aside)->synack.face != 0)
		sig = &aside_item(t, h->aside)->synack;
	else if (!(sig->flags & HOST_SIG_SYNACK) != (side == CLIENT))
		return NULL;

	const struct sig_label *label = t->faces[sig->face - 1].what.label;

	return label != NULL && label->app ? NULL : sig;
}

/* The same, but for what is not of the signature. */
static inline void kept_copy(struct track *t, struct track_kept *to, const struct track_kept *from)
{
	if (to->face != from->face) {
		face_hold(t, from->face);
		face_drop(t, to->face);
		to->face = from->face;
	}
	to->ttl = from->ttl;
	to->ts1 = from->ts1;
	to->s = from->s;
	to->ms = from->ms;
}

/*
 * Keeps the host's last signature of that side. SYNs have the place in the host; a SYN+ACK beside one goes aside. sig->face is another user's: it
 * stays that one's.
 */
static inline void host_keep(struct track *t, struct track_host *h, enum side side, const struct track_kept *sig)
{
	/* The same again, as nearly always. */
	if (side == CLIENT && (h->sig.flags & (HOST_HAS_SIG | HOST_SIG_SYNACK)) == HOST_HAS_SIG && h->sig.face == sig->face && h->sig.ttl == sig->ttl)
		kept_copy(t, &h->sig, sig);
	else
		host_keep_other(t, h, side, sig);
}

/* ---- The others ------------------------------------------------------------------------------- */

/* The number of the option layout of the segment in hand, 0 where no room is left; *hash is of the kinds alone. */
uint16_t layout_number(struct track *t, uint32_t *hash);

/* One event more of the segment in hand. verdict NULL: it says nothing of a signature. */
struct track_event *track_event_add(struct track *t, enum track_event_kind kind, const struct flow *f, enum side side, const struct verdict *verdict);
/*
 * What the SYN or SYN+ACK in hand is, whoever sent it: *v, t->kept. in_use: the flow it is of, NULL: none. False: no room for its face.
 */
bool track_look(struct track *t, uint16_t syn_mss, const struct flow *in_use, struct verdict *v);
/* And what follows for its sender. Returns false where that was all: a tool's, or p0f-sendsyn's. */
bool track_judge(struct track *t, struct flow *f, enum side side, const struct verdict *v);

/* The number that a host keeps of a label; and back: NULL where it is no label's. */
static inline uint16_t os_number(const struct track *t, const struct sig_label *label)
{
	const size_t n = (size_t)(label - t->labels) + 1;

	return n <= UINT16_MAX ? (uint16_t)n : 0;
}

static inline const struct sig_label *os_label(const struct track *t, uint16_t os)
{
	return os != 0 ? &t->labels[os - 1] : NULL;
}

/* Whose labels hosts' numbers are from now on. */
static inline void track_use(struct track *t, const struct sigdb *db)
{
	if (t->db == db)
		return;
	t->db = db;
	t->labels = sigdb_labels(db, &t->n_labels);
}

/* Clock and uptime from the timestamp of the segment in hand and an earlier one. */
void track_clock_of(struct track *t, struct flow *f, enum side side, const struct verdict *v);
static inline void track_clock(struct track *t, struct flow *f, enum side side, const struct verdict *v)
{
	if (t->obs->ts1 != 0)
		track_clock_of(t, f, side, v);
}
/* A byte of the hash of the address that the segment in hand goes to. */
static inline uint8_t server_tag(const struct track *t)
{
	return (uint8_t)(host_hash(t, &t->obs->dst) >> 24);
}

enum track_result track_segment(struct track *t, const struct tcp_obs *obs, const struct ahead *a);

#endif
