/*
 * track - flows and hosts in bounded tables, and the steps of a TCP handshake on them.
 *
 * A flow names its two hosts by number and generation: a host that was evicted takes its flows with it without
 * being searched for, since a generation that does not fit is a flow that is not there.
 */
#include "core/track.h"
#include "core/opinion.h"
#include "core/p0fhttp.h"
#include "core/score.h"
#include "core/table.h"
#include "core/util.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRACK_MAGIC 0x7472616bu

#define LAYOUTS_MAX 16384    /* a dozen are seen every day; the rest is what scanners make up */
#define SENDSYN_WIN 1337     /* p0f-sendsyn marks its probes */
#define SENDSYN_MSS 1331
#define EARLY_ACK_MS 20      /* so long an ACK that overtook its SYN+ACK is remembered */
#define EXPIRE_EVERY 50      /* segments, p0f's */
#define CHANCES_MAX 64       /* so many hosts in use are passed over at most when one has to go */
#define HTTP_MAX 16384       /* flows at a time that speak while p0f may take them for HTTP */

/* Uptime, docs/p0f3-matching.md section 12. */
#define UPTIME_WAIT_MIN_MS 25
#define UPTIME_WAIT_MAX_MS 600000
#define UPTIME_TICKS_MIN 5
#define GRACE_MS 100
#define HZ_MIN 0.7
#define HZ_MAX 1500.0
#define HZ_OF_TODAY 900      /* 1000 Hz, and what a short measurement takes for it */

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

/* ---- Life --------------------------------------------------------------------------------- */

int track_create(struct track **out, const struct track_conf *conf)
{
	const bool compat = conf->mode == MATCH_COMPAT_P0F;
	/* In correct mode few hosts ever have these; what does not fit is not remembered. */
	const uint32_t aside = compat || conf->hosts_max < 1024 ? conf->hosts_max : conf->hosts_max / 8;
	const uint32_t http = conf->flows_max < HTTP_MAX ? conf->flows_max : HTTP_MAX;

	*out = NULL;
	if (conf->flows_max < 1 || conf->hosts_max < 2 || conf->probation_max >= conf->hosts_max || conf->flows_max > INT32_MAX || conf->hosts_max > INT32_MAX)
		return -EINVAL;
	struct track *t = calloc(1, sizeof *t);

	if (t == NULL)
		return -ENOMEM;
	t->magic = TRACK_MAGIC;
	t->conf = *conf;
	t->correct = !compat;
	t->exact = compat || conf->host_age_s != 0;
	t->hosts = table_memory(conf->hosts_max, sizeof *t->hosts);
	t->flows = table_memory(conf->flows_max, sizeof *t->flows);
	t->said = compat ? NULL : table_memory(conf->flows_max, sizeof *t->said);
	t->layouts = calloc(LAYOUTS_MAX, sizeof *t->layouts);
	t->server_generation = UINT32_MAX; /* no host's */
	age_init(&t->hosts_new);
	age_init(&t->hosts_confirmed);
	age_init(&t->flows_age);
	if (t->hosts == NULL || t->flows == NULL || (t->said == NULL && !compat) || t->layouts == NULL ||
	    table_init(&t->host_index, conf->hosts_max) != 0 || table_init(&t->flow_index, conf->flows_max) != 0 ||
	    table_init(&t->layout_index, LAYOUTS_MAX) != 0 || pool_init(&t->synacks, aside, sizeof(struct track_sig)) != 0 ||
	    pool_init(&t->scores, aside, sizeof(struct scores)) != 0 ||
	    (compat && pool_init(&t->http, http, sizeof(struct p0fhttp)) != 0)) {
		track_destroy(&t);
		return -ENOMEM;
	}
	t->stats.bytes = sizeof *t + (uint64_t)conf->hosts_max * sizeof *t->hosts + (uint64_t)conf->flows_max * sizeof *t->flows +
	    LAYOUTS_MAX * sizeof *t->layouts + table_bytes(&t->host_index) + table_bytes(&t->flow_index) +
	    table_bytes(&t->layout_index) + (uint64_t)aside * (sizeof(struct track_sig) + sizeof(struct scores)) +
	    (compat ? (uint64_t)http * sizeof(struct p0fhttp) : (uint64_t)conf->flows_max * sizeof *t->said);
	*out = t;
	return 0;
}

void track_destroy(struct track **tp)
{
	struct track *t = *tp;

	if (t == NULL)
		return;
	assert(t->magic == TRACK_MAGIC);
	table_free(&t->host_index);
	table_free(&t->flow_index);
	table_free(&t->layout_index);
	pool_free(&t->synacks);
	pool_free(&t->scores);
	pool_free(&t->http);
	table_memory_free(t->hosts, t->conf.hosts_max, sizeof *t->hosts);
	table_memory_free(t->flows, t->conf.flows_max, sizeof *t->flows);
	table_memory_free(t->said, t->conf.flows_max, sizeof *t->said);
	free(t->layouts);
	t->magic = 0;
	free(t);
	*tp = NULL;
}

/* ---- Hosts -------------------------------------------------------------------------------- */

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

static uint32_t host_find(const struct track *t, uint32_t hash, const struct fp_addr *addr)
{
	uint32_t at = hash, n;

	while ((n = table_next(&t->host_index, hash, &at)) != TABLE_NONE)
		if (same_addr(&t->hosts[n].addr, addr))
			break;
	return n;
}

static struct age *host_age(struct track *t, const struct track_host *h)
{
	return h->flags & HOST_CONFIRMED ? &t->hosts_confirmed : &t->hosts_new;
}

static void host_forget(struct track *t, uint32_t n)
{
	struct track_host *h = &t->hosts[n];

	if (t->conf.evict != NULL)
		t->conf.evict(t->conf.evict_ctx, h);
	table_remove(&t->host_index, host_hash(t, &h->addr), n);
	age_remove(host_age(t, h), host_links(t), n);
	if (h->synack != 0)
		pool_give(&t->synacks, h->synack);
	if (h->scores != 0)
		pool_give(&t->scores, h->scores);
	h->synack = h->scores = 0;
	h->sig.label = h->os = NULL; /* track_relabel() looks at every item */
	h->flags = 0;
	h->generation++;
	t->stats.hosts--;
	h->age.older = t->hosts_free;
	t->hosts_free = n + 1;
}

/*
 * Who goes first of a list, but not the one in use: the oldest, and where uses are only marked the oldest that was not used since it became the
 * youngest last ("clock": a mark costs nothing, a move in the list two cache misses a packet). TABLE_NONE: there is none.
 */
static uint32_t age_victim(struct track *t, struct age *age, uint32_t in_use)
{
	for (int chances = 0;; chances++) {
		uint32_t n = age->oldest;

		if (n != TABLE_NONE && n == in_use)
			n = t->hosts[n].age.newer;
		if (n == TABLE_NONE || !(t->hosts[n].flags & HOST_USED) || chances == CHANCES_MAX)
			return n;
		t->hosts[n].flags &= (uint8_t)~HOST_USED;
		age_touch(age, host_links(t), n);
	}
}

/* Of those never confirmed first. */
static uint32_t host_victim(struct track *t, uint32_t in_use)
{
	const uint32_t n = age_victim(t, &t->hosts_new, in_use);

	return n != TABLE_NONE ? n : age_victim(t, &t->hosts_confirmed, in_use);
}

static void host_evict(struct track *t, uint32_t n)
{
	if (t->hosts[n].flags & HOST_CONFIRMED)
		t->stats.confirmed_evicted++;
	host_forget(t, n);
	t->stats.hosts_evicted++;
}

static uint32_t host_slot(struct track *t, uint32_t in_use)
{
	const uint32_t on_probation = t->probation && t->hosts_new.n >= t->conf.probation_max ?
	    age_victim(t, &t->hosts_new, in_use) : TABLE_NONE;

	if (on_probation != TABLE_NONE)
		host_evict(t, on_probation);
	if (t->hosts_free == 0 && t->hosts_used < t->conf.hosts_max)
		return t->hosts_used++;
	if (t->hosts_free == 0)
		host_evict(t, host_victim(t, in_use));
	const uint32_t n = t->hosts_free - 1;

	t->hosts_free = t->hosts[n].age.older;
	return n;
}

static uint32_t host_add(struct track *t, const struct fp_addr *addr, uint32_t hash, uint32_t in_use)
{
	const uint32_t n = host_slot(t, in_use);
	struct track_host *h = &t->hosts[n];

	*h = (struct track_host){ .addr = *addr, .first_s = t->now_s, .last_s = t->now_s, .generation = h->generation };
	table_insert(&t->host_index, hash, n);
	age_add(&t->hosts_new, host_links(t), n);
	t->stats.hosts++;
	return n;
}

static uint32_t host_used(struct track *t, uint32_t n)
{
	struct track_host *h = &t->hosts[n];

	if (t->exact)
		age_touch(host_age(t, h), host_links(t), n);
	else
		h->flags |= HOST_USED;
	/* Times may go backwards: files in any order, a clock that is set. */
	if (t->exact || t->now_s > h->last_s)
		h->last_s = t->now_s;
	else if (t->now_s < h->first_s)
		h->first_s = t->now_s;
	return n;
}

/* The host of an address, made where it is new; it becomes the youngest. in_use: must not go for it. */
static uint32_t host_touch(struct track *t, const struct fp_addr *addr, uint32_t hash, uint32_t in_use)
{
	const uint32_t n = host_find(t, hash, addr);

	return n != TABLE_NONE ? host_used(t, n) : host_add(t, addr, hash, in_use);
}

/* The same for the address that a SYN goes to. */
static uint32_t server_touch(struct track *t, const struct fp_addr *addr, uint32_t in_use)
{
	const struct track_host *h = &t->hosts[t->server];

	if (h->generation == t->server_generation && same_addr(&h->addr, addr))
		return host_used(t, t->server);
	t->server_hash = addr_hash(t, addr);
	t->server_addr = *addr;
	t->server = host_touch(t, addr, (uint32_t)t->server_hash, in_use);
	t->server_generation = t->hosts[t->server].generation;
	return t->server;
}

/* in_use: must not go for it. */
static void host_confirm(struct track *t, uint32_t n, uint32_t in_use)
{
	struct track_host *h = &t->hosts[n];

	/* p0f has one line of hosts, by their last SYN. */
	if (h->flags & HOST_CONFIRMED || !t->correct)
		return;
	if (t->conf.probation_max != 0 && t->hosts_confirmed.n >= t->conf.hosts_max - t->conf.probation_max) {
		const uint32_t oldest = age_victim(t, &t->hosts_confirmed, in_use);

		if (oldest != TABLE_NONE)
			host_evict(t, oldest);
	}
	age_remove(&t->hosts_new, host_links(t), n);
	h->flags |= HOST_CONFIRMED;
	age_add(&t->hosts_confirmed, host_links(t), n);
}

/* The signature that the next one of that side is held against; NULL: none yet. */
static const struct track_sig *host_ref(const struct track *t, const struct track_host *h, enum side side)
{
	const struct track_sig *sig = &h->sig;

	if (!(h->flags & HOST_HAS_SIG))
		return NULL;
	if (side == SERVER && h->synack != 0)
		sig = pool_item(&t->synacks, h->synack);
	else if (!(h->flags & HOST_SIG_SYNACK) != (side == CLIENT))
		return NULL;
	return sig->label != NULL && sig->label->app ? NULL : sig;
}

/* Keeps the host's last signature of that side. SYNs have the place in the host; a SYN+ACK beside one goes aside. */
static void host_keep(struct track *t, struct track_host *h, enum side side, const struct track_sig *sig, uint32_t layout_hash)
{
	if (side == SERVER && h->flags & HOST_HAS_SIG && !(h->flags & HOST_SIG_SYNACK)) {
		if (h->synack == 0)
			h->synack = pool_take(&t->synacks);
		if (h->synack != 0)
			*(struct track_sig *)pool_item(&t->synacks, h->synack) = *sig;
		return;
	}
	if (side == CLIENT && h->flags & HOST_SIG_SYNACK) {
		h->synack = pool_take(&t->synacks);
		if (h->synack != 0)
			*(struct track_sig *)pool_item(&t->synacks, h->synack) = h->sig;
		h->flags &= (uint8_t)~HOST_SIG_SYNACK;
	}
	if (t->conf.replace != NULL && h->unsent.dirty && h->unsent.confirmed)
		t->conf.replace(t->conf.evict_ctx, h, sig);
	h->sig = *sig;
	h->flags |= side == SERVER ? HOST_HAS_SIG | HOST_SIG_SYNACK : HOST_HAS_SIG;
	if (side == CLIENT)
		h->layout_hash = layout_hash;
}

/* ---- Flows -------------------------------------------------------------------------------- */

/* The hash of an address with a port mixed in: as secret as the first. */
static inline uint64_t end_hash(uint64_t addr, uint16_t port)
{
	const uint64_t x = (addr + port * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u; /* odd constants of splitmix64 */

	return x ^ x >> 29;
}

/* The same for both directions: a sum of its ends. */
static inline uint32_t flow_hash(uint64_t src, const struct tcp_obs *obs, const struct track *t)
{
	const uint64_t sum = end_hash(src, obs->src_port) + end_hash(addr_hash(t, &obs->dst), obs->dst_port);

	return (uint32_t)(sum >> 32 ^ sum);
}

static bool flow_lives(const struct track *t, const struct flow *f)
{
	return t->hosts[f->host[CLIENT]].generation == f->generation[CLIENT] &&
	    t->hosts[f->host[SERVER]].generation == f->generation[SERVER];
}

static bool flow_is(const struct track *t, const struct flow *f, const struct tcp_obs *obs, enum side from)
{
	const enum side to = from == CLIENT ? SERVER : CLIENT;

	return f->port[from] == obs->src_port && f->port[to] == obs->dst_port &&
	    same_addr(&t->hosts[f->host[from]].addr, &obs->src) && same_addr(&t->hosts[f->host[to]].addr, &obs->dst);
}

/* The flow of a segment, TABLE_NONE without; *from says who sent it. */
static uint32_t flow_find(const struct track *t, uint32_t hash, enum side *from)
{
	uint32_t at = hash, n;

	while ((n = table_next(&t->flow_index, hash, &at)) != TABLE_NONE) {
		const struct flow *f = &t->flows[n];

		*from = flow_is(t, f, t->obs, CLIENT) ? CLIENT : SERVER;
		if ((*from == CLIENT || flow_is(t, f, t->obs, SERVER)) && flow_lives(t, f))
			break;
	}
	return n;
}

static void flow_forget(struct track *t, uint32_t n)
{
	struct flow *f = &t->flows[n];

	table_remove(&t->flow_index, f->hash, n);
	age_remove(&t->flows_age, flow_links(t), n);
	t->stats.flows--;
	if (!t->correct && f->http != 0)
		pool_give(&t->http, f->http);
	f->flags = FLOW_FREE;
	f->age.older = t->flows_free;
	t->flows_free = n + 1;
}

/* A flow from the SYN in hand. */
static uint32_t flow_create(struct track *t, uint32_t hash, uint32_t src_hash)
{
	const struct tcp_obs *obs = t->obs;
	const uint32_t client = host_touch(t, &obs->src, src_hash, TABLE_NONE);
	const uint32_t server = server_touch(t, &obs->dst, client);
	uint32_t n;

	if (t->flows_free == 0 && t->flows_used < t->conf.flows_max) {
		n = t->flows_used++;
	} else {
		if (t->flows_free == 0) {
			flow_forget(t, t->flows_age.oldest);
			t->stats.flows_evicted++;
		}
		n = t->flows_free - 1;
		t->flows_free = t->flows[n].age.older;
	}
	t->flows[n] = (struct flow){
		.host = { client, server },
		.generation = { t->hosts[client].generation, t->hosts[server].generation },
		.port = { obs->src_port, obs->dst_port },
		.next_seq = { obs->seq + 1, 0 },
		.created_s = t->now_s,
		.hash = hash,
		.syn_mss = obs->mss,
		.flags = obs->win == SENDSYN_WIN && obs->mss == SENDSYN_MSS ? FLOW_SENDSYN : 0,
	};
	table_insert(&t->flow_index, hash, n);
	age_add(&t->flows_age, flow_links(t), n);
	t->stats.flows++;
	return n;
}

/* p0f's -t: by the clock of the packets, unsigned, so that a clock set back forgets everything, as there. */
static void expire(struct track *t, uint32_t now_s)
{
	uint32_t n;

	if (++t->segments % EXPIRE_EVERY != 0 || now_s == t->expired_s)
		return;
	t->expired_s = now_s;
	if (t->conf.flow_age_s != 0)
		while ((n = t->flows_age.oldest) != TABLE_NONE && now_s - t->flows[n].created_s > t->conf.flow_age_s)
			flow_forget(t, n);
	if (t->conf.host_age_s == 0)
		return;
	while ((n = t->hosts_new.oldest) != TABLE_NONE && now_s - t->hosts[n].last_s > t->conf.host_age_s)
		host_forget(t, n);
	while ((n = t->hosts_confirmed.oldest) != TABLE_NONE && now_s - t->hosts[n].last_s > t->conf.host_age_s)
		host_forget(t, n);
}

/* ---- Layouts ------------------------------------------------------------------------------ */

static uint16_t layout_find(struct track *t, const struct layout *l)
{
	struct layout kinds = *l;
	uint32_t at, n;

	kinds.eol_pad = 0;
	t->layout_hash = (uint32_t)hash_siphash13(&t->conf.key, &kinds, sizeof kinds);
	at = t->layout_hash;
	while ((n = table_next(&t->layout_index, t->layout_hash, &at)) != TABLE_NONE)
		if (memcmp(&t->layouts[n], l, sizeof *l) == 0)
			return (uint16_t)(n + 1);
	if (t->n_layouts == LAYOUTS_MAX)
		return 0;
	n = t->n_layouts++;
	t->layouts[n] = *l;
	table_insert(&t->layout_index, t->layout_hash, n);
	return (uint16_t)(n + 1);
}

/*
 * The number of the segment's option layout, 0 where no room is left; its hash (of the kinds alone) is kept in t->layout_hash.
 * A few layouts are most of the traffic: those are remembered under a hash that costs nothing.
 */
static uint16_t layout_number(struct track *t)
{
	struct layout l = { .len = t->obs->layout_len, .eol_pad = t->obs->eol_pad };
	uint64_t first;

	memcpy(l.kinds, t->obs->layout, sizeof l.kinds);
	memcpy(&first, l.kinds, sizeof first);

	struct layout_memo *memo = &t->layout_memo[(first ^ l.len ^ (uint64_t)l.eol_pad << 8) * 0x9e3779b97f4a7c15u >> 58];

	if (memo->number == 0 || memcmp(&memo->layout, &l, sizeof l) != 0) {
		memo->layout = l;
		memo->number = layout_find(t, &l);
		memo->hash = t->layout_hash;
	}
	t->layout_hash = memo->hash;
	return memo->number;
}

const uint8_t *track_layout(const struct track *t, uint16_t n, uint8_t *len, uint8_t *eol_pad)
{
	if (n == 0 || n > t->n_layouts)
		return NULL;
	*len = t->layouts[n - 1].len;
	*eol_pad = t->layouts[n - 1].eol_pad;
	return t->layouts[n - 1].kinds;
}

/* ---- Judging ------------------------------------------------------------------------------ */

static struct track_event *event_add(struct track *t, enum track_event_kind kind, const struct flow *f, enum side side,
    const struct verdict *verdict)
{
	assert(t->n_events < TRACK_EVENTS_MAX);
	struct track_event *e = &t->ev[t->n_events++];
	struct track_host *client = &t->hosts[f->host[CLIENT]], *server = &t->hosts[f->host[SERVER]];

	/* Field by field: clearing the whole first costs as much again. */
	e->kind = kind;
	e->server = side == SERVER;
	e->sendsyn = f->flags & FLOW_SENDSYN;
	e->cli = client->addr;
	e->srv = server->addr;
	e->cli_port = f->port[CLIENT];
	e->srv_port = f->port[SERVER];
	e->time_ns = t->obs->time_ns;
	e->host = side == SERVER ? server : client;
	e->obs = t->obs;
	e->sig = verdict != NULL ? &t->sig : NULL;
	if (verdict != NULL)
		e->verdict = *verdict;
	else
		memset(&e->verdict, 0, sizeof e->verdict);
	e->clock_hz = 0;
	e->raw_hz = 0;
	e->uptime_min = e->up_mod_days = 0;
	e->reason = 0;
	e->score = 0;
	memset(e->hits, 0, sizeof e->hits);
	return e;
}

static void sig_fill(struct track *t, const struct verdict *v)
{
	const struct tcp_obs *obs = t->obs;

	t->sig = (struct track_sig){
		.label = v->label,
		.time_ns = obs->time_ns,
		.quirks = t->correct ? obs->quirks : obs_quirks_p0f(obs),
		.ts1 = obs->ts1,
		.sig_line = v->sig_line,
		.layout = layout_number(t),
		.mss = obs->mss,
		.win = obs->win,
		.win_multiple = v->win_multiple,
		.dist = v->dist,
		.src_port = obs->src_port,
		.ttl = obs->ttl,
		.wscale = obs->wscale,
		.olen = obs->olen,
		.ipver = obs->ipver,
		.dscp = obs->dscp & 63,
		.win_unit = v->win_unit & 3,
		.ecn = obs->ecn & 15,
		.match = v->match & 3,
		.payload = obs->payload_len > 0,
		.random_ttl = v->random_ttl,
	};
}

/* Adds a scoring to the host's last ones and says what follows of them. */
static void host_scored(struct track *t, const struct flow *f, enum side side, struct score score, const struct verdict *v)
{
	struct track_host *h = &t->hosts[f->host[side]];
	struct scores aside = { 0 }, *s = &aside;
	uint8_t hits[4] = { 0 };
	uint32_t reason = 0;

	if (h->scores == 0 && score.points == 0 && score.reason == 0)
		return; /* nothing that a fresh one does not say */
	if (h->scores == 0)
		h->scores = pool_take(&t->scores);
	if (h->scores != 0)
		s = pool_item(&t->scores, h->scores);

	const enum score_finding found = scores_add(s, side == SERVER, score, hits, &reason);

	if (h->scores != 0 && scores_empty(s)) {
		pool_give(&t->scores, h->scores);
		h->scores = 0;
	}
	if (found == SCORE_NOTHING)
		return;
	struct track_event *e = event_add(t, found == SCORE_SHARING ? TRACK_SHARING : TRACK_HOST_CHANGE, f, side, v);

	e->reason = reason;
	e->score = score.points;
	memcpy(e->hits, hits, sizeof e->hits);
}

/* p0f's rounding of a clock's frequency to what systems use. */
static uint32_t hz_round(uint32_t hz)
{
	if (hz == 0)
		return 1;
	if (hz <= 10)
		return hz;
	if (hz <= 50)
		return (hz + 3) / 5 * 5;
	if (hz <= 100)
		return (hz + 7) / 10 * 10;
	if (hz <= 500)
		return (hz + 33) / 50 * 50;
	return (hz + 67) / 100 * 100;
}

/*
 * From what a segment's clock is measured: the host's last SYN or SYN+ACK; but later segments of a client from their own SYN, which p0f does
 * not do: with timestamps that begin anew with each connection, another SYN says nothing of this one.
 */
static const struct track_sig *clock_ref(const struct track *t, const struct flow *f, enum side side)
{
	if (t->correct && side == CLIENT && t->obs->kind != OBS_SYN)
		return &t->said[f - t->flows].sig;
	return host_ref(t, &t->hosts[f->host[side]], side);
}

static uint8_t server_tag(const struct track *t)
{
	return (uint8_t)(host_hash(t, &t->obs->dst) >> 24);
}

/*
 * Whether the uptime is to be believed. Stacks that begin their timestamps at random numbers (Linux since 4.10, one for each pair of
 * addresses; FreeBSD, OpenBSD, macOS) tick at 1000 Hz today: such a clock is believed only where it went on across two servers, any other as
 * long as it did not jump between connections.
 */
static bool uptime_doubtful(const struct track_host *h, uint32_t hz)
{
	return h->flags & HOST_TS_JUMPED || (hz >= HZ_OF_TODAY && !(h->flags & HOST_TS_STEADY));
}

/* Clock and uptime from a segment's timestamp and an earlier one. */
static void uptime(struct track *t, struct flow *f, enum side side, const struct verdict *v)
{
	const struct tcp_obs *obs = t->obs;
	struct track_host *h = &t->hosts[f->host[side]];
	const struct track_sig *ref = clock_ref(t, f, side);

	if (obs->ts1 == 0 || f->flags & FLOW_SENDSYN || f->hz[side] != 0 || ref == NULL || ref->ts1 == 0)
		return;

	const uint64_t ms = milliseconds(obs->time_ns) - milliseconds(ref->time_ns);
	const uint32_t ticks = obs->ts1 - ref->ts1;

	if (ms < UPTIME_WAIT_MIN_MS || ms > UPTIME_WAIT_MAX_MS || ticks < UPTIME_TICKS_MIN ||
	    (ms < GRACE_MS && ~ticks / 1000 < (uint32_t)HZ_MAX / GRACE_MS))
		return;

	const double hz = ticks > ~ticks ? ~ticks * -1000.0 / (double)ms : ticks * 1000.0 / (double)ms;

	if (hz < HZ_MIN || hz > HZ_MAX) {
		if (obs->kind != OBS_SYN) /* there the host may have changed */
			f->hz[side] = -1;
		if (obs->kind == OBS_SYN || obs->kind == OBS_SYNACK)
			h->flags = (uint8_t)((h->flags & ~HOST_TS_STEADY) | HOST_TS_JUMPED);
		return;
	}
	if (obs->kind == OBS_SYN && h->last_server != server_tag(t))
		h->flags = (uint8_t)((h->flags & ~HOST_TS_JUMPED) | HOST_TS_STEADY);

	const uint32_t rounded = hz_round((uint32_t)hz);
	struct track_event *e = event_add(t, TRACK_UPTIME, f, side, v);

	if (v == NULL)
		e->sig = ref;
	f->hz[side] = (int16_t)rounded;
	e->clock_hz = (uint16_t)rounded;
	e->raw_hz = hz;
	e->uptime_min = obs->ts1 / rounded / 60;
	e->up_mod_days = UINT32_MAX / (rounded * 86400);
	e->uptime_doubtful = uptime_doubtful(h, rounded);
}

/* Judges the SYN or SYN+ACK in hand. Returns false where that was all: a tool's, or p0f-sendsyn's. */
static bool judge(struct track *t, struct flow *f, enum side side, uint16_t syn_mss, struct verdict *v)
{
	struct track_host *h = &t->hosts[f->host[side]];

	match_tcp(t->db, t->conf.mode, t->obs, syn_mss, v);
	if (t->correct)
		opinion_name(t->db, t->obs, v);
	sig_fill(t, v);
	event_add(t, side == SERVER ? TRACK_SYNACK : TRACK_SYN, f, side, v);

	if (v->label != NULL && v->label->app) {
		if (h->os != NULL)
			host_scored(t, f, side, score_tool(v->label, h->os), v);
		if (!(h->flags & HOST_HAS_SIG) && !(f->flags & FLOW_SENDSYN))
			host_keep(t, h, side, &t->sig, t->layout_hash);
		return false;
	}
	if (f->flags & FLOW_SENDSYN)
		return false;

	const struct score_about about = {
		.correct = t->correct,
		.server = side == SERVER,
		.now = &t->sig,
		.ref = host_ref(t, h, side),
		.layout = t->layout_hash,
		.ref_layout = h->layout_hash,
		.os = h->os,
		.last_port = h->last_port,
	};
	host_scored(t, f, side, score_signature(&about), v);
	if (v->label != NULL)
		h->os = v->label;
	h->last_port = f->port[CLIENT];

	if (v->mtu != 0 && !t->conf.no_mtu)
		event_add(t, TRACK_MTU, f, side, v);
	uptime(t, f, side, v);
	host_keep(t, h, side, &t->sig, t->layout_hash);
	if (side == CLIENT)
		h->last_server = server_tag(t);
	return true;
}

/* ---- Segments ----------------------------------------------------------------------------- */

static void on_syn(struct track *t, uint32_t hash, uint32_t src_hash, uint32_t n, enum side from)
{
	struct verdict v;

	if (n != TABLE_NONE) {
		if (from == CLIENT && t->flows[n].next_seq[CLIENT] - 1 == t->obs->seq)
			return; /* sent again */
		flow_forget(t, n);
	}
	n = flow_create(t, hash, src_hash);

	const bool goes_on = judge(t, &t->flows[n], CLIENT, 0, &v);

	if (t->correct)
		t->said[n] = (struct syn_said){ t->sig, t->layout_hash };
	else if (!goes_on && !(t->flows[n].flags & FLOW_SENDSYN))
		flow_forget(t, n); /* p0f looks no further at tools */
}

/*
 * Whatever SYNs came in the client's name meanwhile: the one whose handshake this is says what the host is. (A tool's says so only of a host of
 * which nothing better is known.) In compat mode nobody asks.
 */
static void handshake_done(struct track *t, struct flow *f)
{
	struct track_host *h = &t->hosts[f->host[CLIENT]];
	struct track_event *e;

	f->flags |= FLOW_COMPLETE;
	host_confirm(t, f->host[CLIENT], f->host[SERVER]);
	e = event_add(t, TRACK_HANDSHAKE, f, CLIENT, NULL);
	if (!t->correct)
		return;

	const struct syn_said *said = &t->said[f - t->flows];
	const bool tool = said->sig.label != NULL && said->sig.label->app;

	if (tool && h->flags & HOST_HAS_SIG && (h->sig.label == NULL || !h->sig.label->app))
		return;
	host_keep(t, h, CLIENT, &said->sig, said->layout_hash);
	if (said->sig.label != NULL && !tool)
		h->os = said->sig.label;
	e->sig = &h->sig;
}

/* A SYN+ACK whose SYN we did not see still tells of its sender; p0f ignores it. */
static void on_stray_synack(struct track *t)
{
	const uint32_t server = host_touch(t, &t->obs->src, host_hash(t, &t->obs->src), TABLE_NONE);
	const uint32_t client = host_touch(t, &t->obs->dst, host_hash(t, &t->obs->dst), server);
	struct flow f = {
		.host = { client, server },
		.port = { t->obs->dst_port, t->obs->src_port },
	};
	struct verdict v;

	judge(t, &f, SERVER, 0, &v);
}

static void on_synack(struct track *t, uint32_t n, enum side from)
{
	const struct tcp_obs *obs = t->obs;
	struct verdict v;

	if (n == TABLE_NONE) {
		if (t->correct)
			on_stray_synack(t);
		return;
	}
	struct flow *f = &t->flows[n];

	if (f->flags & FLOW_SENDSYN) {
		judge(t, f, SERVER, f->syn_mss, &v);
		flow_forget(t, n);
		return;
	}
	if (from == CLIENT || f->flags & FLOW_ACKED)
		return; /* of the wrong side, or sent again */
	f->flags |= FLOW_ACKED;
	if (!judge(t, f, SERVER, f->syn_mss, &v) && !t->correct) {
		flow_forget(t, n);
		return;
	}
	f->next_seq[SERVER] = f->server_first = obs->seq + 1;
	if (f->flags & FLOW_EARLY_ACK && f->early_ack == f->server_first &&
	    (uint32_t)milliseconds(obs->time_ns) - f->early_ms <= EARLY_ACK_MS)
		handshake_done(t, f);
}

/* p0f drops a flow as soon as what is said there is no HTTP, or all of it that p0f reads. */
static bool may_be_http(struct track *t, struct flow *f, enum side from)
{
	const struct tcp_obs *obs = t->obs;

	if (obs->payload_len == 0)
		return true;
	if (t->payload == NULL)
		return false;
	if (f->http == 0)
		f->http = pool_take(&t->http);
	return f->http != 0 && p0fhttp_take(pool_item(&t->http, f->http), from == SERVER, t->payload, obs->payload_len);
}

static void on_ack(struct track *t, uint32_t n, enum side from)
{
	const struct tcp_obs *obs = t->obs;

	if (n == TABLE_NONE)
		return;
	struct flow *f = &t->flows[n];

	if (!(f->flags & FLOW_ACKED)) {
		if (!t->correct) {
			flow_forget(t, n);
		} else if (from == CLIENT) {
			f->flags |= FLOW_EARLY_ACK;
			f->early_ack = obs->ack;
			f->early_ms = (uint32_t)milliseconds(obs->time_ns);
		}
		return;
	}
	/* What is acknowledged must be something that we saw the server send: a blind ACK confirms nothing. */
	if (from == CLIENT && !(f->flags & FLOW_COMPLETE) && obs->seq == f->next_seq[CLIENT] &&
	    obs->ack - f->server_first <= f->next_seq[SERVER] - f->server_first)
		handshake_done(t, f);
	if (f->next_seq[from] != obs->seq)
		return;
	uptime(t, f, from, NULL);
	f->next_seq[from] += obs->payload_len;
	if (!t->correct && !may_be_http(t, f, from))
		flow_forget(t, n);
}

static void on_end(struct track *t, uint32_t n, enum side from)
{
	if (n == TABLE_NONE)
		return;
	uptime(t, &t->flows[n], from, NULL);
	flow_forget(t, n);
}

static enum track_result observe(struct track *t, const struct tcp_obs *obs, uint32_t flow_hash, uint32_t src_hash)
{
	enum side from = CLIENT;

	t->obs = obs;
	t->now_s = seconds(obs->time_ns);
	t->n_events = 0;
	expire(t, t->now_s);

	const uint32_t flow = flow_find(t, flow_hash, &from);

	switch ((enum obs_kind)obs->kind) {
	case OBS_SYN:
		on_syn(t, flow_hash, src_hash, flow, from);
		break;
	case OBS_SYNACK:
		on_synack(t, flow, from);
		break;
	case OBS_ACK:
		on_ack(t, flow, from);
		break;
	case OBS_FIN:
	case OBS_RST:
		on_end(t, flow, from);
		break;
	}
	return TRACK_APPLIED;
}

enum track_result track_observe(struct track *t, const struct sigdb *db, const struct tcp_obs *obs,
    struct track_event ev[TRACK_EVENTS_MAX], size_t *n)
{
	return track_observe_payload(t, db, obs, NULL, ev, n);
}

enum track_result track_observe_payload(struct track *t, const struct sigdb *db, const struct tcp_obs *obs, const uint8_t *payload,
    struct track_event ev[TRACK_EVENTS_MAX], size_t *n)
{
	assert(t->magic == TRACK_MAGIC);
	t->payload = payload;
	t->db = db;
	t->ev = ev;

	const uint64_t src = addr_hash(t, &obs->src);
	const enum track_result result = observe(t, obs, flow_hash(src, obs, t), (uint32_t)src);

	*n = t->n_events;
	return result;
}

void track_dropped(struct track *t, int64_t time_ns)
{
	expire(t, seconds(time_ns));
}

/* ---- Batches ------------------------------------------------------------------------------ */

/* Nothing here is more than a hint but the hashes: what it loads may be another's by the time its turn comes. */

static void ahead_hash(const struct track *t, struct ahead *a, const struct tcp_obs *obs)
{
	const uint64_t src = addr_hash(t, &obs->src);

	a->host = (uint32_t)src;
	a->flow = flow_hash(src, obs, t);
	__builtin_prefetch(&t->flow_index.slot[a->flow & t->flow_index.mask]);
	if (obs->kind == OBS_SYN)
		__builtin_prefetch(&t->host_index.slot[a->host & t->host_index.mask]);
}

static void prefetch_host(const struct track *t, uint32_t n)
{
	const char *h = (const char *)&t->hosts[n];

	__builtin_prefetch(h, 1);
	__builtin_prefetch(h + sizeof(struct track_host) / 2, 1); /* CACHELINE is what two threads keep apart: a pair of these */
}

static void ahead_find(const struct track *t, struct ahead *a, const struct tcp_obs *obs)
{
	uint32_t at = a->flow;

	a->flow_item = table_next(&t->flow_index, a->flow, &at);
	if (a->flow_item != TABLE_NONE) {
		__builtin_prefetch(&t->flows[a->flow_item], 1);
		__builtin_prefetch((const char *)(&t->flows[a->flow_item] + 1) - 1, 1);
	}
	a->host_item = TABLE_NONE;
	if (obs->kind != OBS_SYN)
		return;
	at = a->host;
	a->host_item = table_next(&t->host_index, a->host, &at);
	if (a->host_item != TABLE_NONE)
		prefetch_host(t, a->host_item);
}

/*
 * A load that nothing depends on, where a prefetch was measured to do less: 50 ns a packet for the points, whose memory is rarely in the TLB; for
 * buckets and hosts it is the other way round.
 */
static inline void load(const void *p)
{
	(void)*(const volatile uint8_t *)p;
}

/* What hangs on what was found: a flow's client, a host's neighbours in age and its points. */
static void ahead_follow(const struct track *t, const struct ahead *a)
{
	if (a->flow_item != TABLE_NONE)
		prefetch_host(t, t->flows[a->flow_item].host[CLIENT]);
	if (a->host_item == TABLE_NONE)
		return;
	const struct track_host *h = &t->hosts[a->host_item];

	if (h->scores != 0) {
		const struct scores *points = pool_item(&t->scores, h->scores);

		load(points);
		load((const char *)(points + 1) - 1);
	}
	if (!t->exact)
		return;
	if (h->age.newer != TABLE_NONE)
		__builtin_prefetch(&t->hosts[h->age.newer].age, 1);
	if (h->age.older != TABLE_NONE)
		__builtin_prefetch(&t->hosts[h->age.older].age, 1);
}

/* The flows that have to go where each of n segments begins one: they are removed from their buckets. */
static void ahead_evict(const struct track *t, size_t n)
{
	uint32_t f = t->flows_age.oldest;

	if (t->flows_free != 0 || t->flows_used < t->conf.flows_max)
		return;
	for (; n > 0 && f != TABLE_NONE; n--, f = t->flows[f].age.newer)
		__builtin_prefetch(&t->flow_index.slot[t->flows[f].hash & t->flow_index.mask], 1);
}

void track_batch(struct track *t, const struct sigdb *db, const struct tcp_obs *obs, size_t n,
    void (*on)(void *ctx, enum track_result result, const struct track_event *ev, size_t events), void *ctx)
{
	assert(t->magic == TRACK_MAGIC && n <= TRACK_BATCH);
	t->payload = NULL;
	t->db = db;
	t->ev = t->batch_ev;
	/* A miss costs as much as all the rest of a segment: the loads of a whole batch are under way together. */
	for (size_t i = 0; i < n; i++)
		ahead_hash(t, &t->ahead[i], &obs[i]);
	ahead_evict(t, n);
	for (size_t i = 0; i < n; i++)
		ahead_find(t, &t->ahead[i], &obs[i]);
	for (size_t i = 0; i < n; i++)
		ahead_follow(t, &t->ahead[i]);
	for (size_t i = 0; i < n; i++) {
		const enum track_result result = observe(t, &obs[i], t->ahead[i].flow, t->ahead[i].host);

		on(ctx, result, t->batch_ev, t->n_events);
	}
}

/* ---- Questions ---------------------------------------------------------------------------- */

static const struct sig_label *relabel(const struct sig_label *old, const struct sigdb *fresh)
{
	const struct sig_label *best = NULL;
	size_t n;
	const struct sig_label *labels = sigdb_labels(fresh, &n);

	if (old == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (labels[i].id == old->id && (best == NULL || (labels[i].generic == old->generic && best->generic != old->generic)))
			best = &labels[i];
	return best;
}

/* One answer is remembered: neighbours often run the same. */
static void relabel_sig(struct track_sig *sig, const struct sigdb *fresh, const struct sig_label *memo[2])
{
	if (sig->label == NULL)
		return;
	if (sig->label != memo[0]) {
		memo[0] = sig->label;
		memo[1] = relabel(sig->label, fresh);
	}
	sig->label = memo[1];
}

void track_relabel(struct track *t, const struct sigdb *fresh)
{
	const struct sig_label *memo[2] = { NULL, NULL };

	for (uint32_t i = 0; i < t->hosts_used; i++) {
		struct track_host *h = &t->hosts[i];

		relabel_sig(&h->sig, fresh, memo);
		if (h->os != NULL && h->os != memo[0]) {
			memo[0] = h->os;
			memo[1] = relabel(h->os, fresh);
		}
		if (h->os != NULL)
			h->os = memo[1];
		if (h->synack != 0)
			relabel_sig(pool_item(&t->synacks, h->synack), fresh, memo);
	}
	for (uint32_t i = 0; t->correct && i < t->flows_used; i++)
		if (!(t->flows[i].flags & FLOW_FREE))
			relabel_sig(&t->said[i].sig, fresh, memo);
}

struct track_unsent *track_host_unsent(struct track_host *host)
{
	return &host->unsent;
}

const struct fp_addr *track_host_addr(const struct track_host *host)
{
	return &host->addr;
}

const struct track_sig *track_host_sig(const struct track_host *host, bool *synack)
{
	*synack = host->flags & HOST_SIG_SYNACK;
	return host->flags & HOST_HAS_SIG ? &host->sig : NULL;
}

void track_host_seen(const struct track_host *host, int64_t *first_ns, int64_t *last_ns)
{
	*first_ns = host->first_s * INT64_C(1000000000);
	*last_ns = host->last_s * INT64_C(1000000000);
}

uint64_t track_host_ref(const struct track *t, const struct track_host *host)
{
	return (uint64_t)host->generation << 32 | (uint32_t)(host - t->hosts);
}

struct track_host *track_host_of(struct track *t, uint64_t ref)
{
	const uint32_t n = (uint32_t)ref;

	return n < t->hosts_used && t->hosts[n].generation == ref >> 32 ? &t->hosts[n] : NULL;
}

void track_host_soon(const struct track *t, uint64_t ref)
{
	if ((uint32_t)ref < t->hosts_used)
		prefetch_host(t, (uint32_t)ref);
}

/* An IPv4 address as a number, and whose it is. */
struct v4 {
	uint32_t addr, host;
};

/* By one byte. from and to are of n. */
static void order_by_byte(const struct v4 *from, struct v4 *to, size_t n, unsigned shift)
{
	size_t at[257] = { 0 };

	for (size_t i = 0; i < n; i++)
		at[(from[i].addr >> shift & 255) + 1]++;
	for (unsigned b = 0; b < 256; b++)
		at[b + 1] += at[b];
	for (size_t i = 0; i < n; i++)
		to[at[from[i].addr >> shift & 255]++] = from[i];
}

static int order_by_address(const void *a, const void *b, void *ctx)
{
	const struct track *t = ctx;

	return memcmp(t->hosts[*(const uint32_t *)a].addr.b, t->hosts[*(const uint32_t *)b].addr.b, sizeof t->hosts->addr.b);
}

/* Those below IPv4's place among the mapped addresses, IPv4, the rest. */
static void give_in_order(const struct track *t, const struct v4 *v4, size_t n4, const uint32_t *v6, size_t n6,
    void (*give)(void *ctx, uint64_t ref), void *ctx)
{
	size_t i = 0;

	for (; i < n6 && n4 > 0 && memcmp(t->hosts[v6[i]].addr.b, t->hosts[v4->host].addr.b, sizeof t->hosts->addr.b) < 0; i++)
		give(ctx, track_host_ref(t, &t->hosts[v6[i]]));
	for (size_t k = 0; k < n4; k++)
		give(ctx, track_host_ref(t, &t->hosts[v4[k].host]));
	for (; i < n6; i++)
		give(ctx, track_host_ref(t, &t->hosts[v6[i]]));
}

void track_unsent_hosts(struct track *t, void (*give)(void *ctx, uint64_t ref), void *ctx)
{
	const size_t max = t->hosts_used;
	struct v4 *v4 = table_memory(2 * max, sizeof *v4);
	uint32_t *v6 = table_memory(max, sizeof *v6);
	size_t n4 = 0, n6 = 0;

	for (uint32_t i = 0; i < max; i++) {
		const struct track_host *h = &t->hosts[i];

		if (!h->unsent.dirty)
			continue;
		if (v4 == NULL || v6 == NULL)
			give(ctx, track_host_ref(t, h));
		else if (fp_addr_is_v4(&h->addr))
			v4[n4++] = (struct v4){ (uint32_t)h->addr.b[12] << 24 | (uint32_t)h->addr.b[13] << 16 | (uint32_t)h->addr.b[14] << 8 |
			    h->addr.b[15], i };
		else
			v6[n6++] = i;
	}
	if (v4 != NULL && v6 != NULL) {
		for (unsigned shift = 0; shift < 32; shift += 16) {
			order_by_byte(v4, v4 + max, n4, shift);
			order_by_byte(v4 + max, v4, n4, shift + 8);
		}
		qsort_r(v6, n6, sizeof *v6, order_by_address, t);
		give_in_order(t, v4, n4, v6, n6, give, ctx);
	}
	table_memory_free(v4, 2 * max, sizeof *v4);
	table_memory_free(v6, max, sizeof *v6);
}

struct track_host *track_find(struct track *t, const struct fp_addr *addr)
{
	const uint32_t n = host_find(t, host_hash(t, addr), addr);

	return n != TABLE_NONE ? &t->hosts[n] : NULL;
}

void track_probation(struct track *t, bool on)
{
	t->probation = on && t->conf.probation_max != 0;
}

bool track_host_confirmed(const struct track_host *host)
{
	return host->flags & HOST_CONFIRMED;
}

static uint32_t forget_list(struct track *t, const struct age *age, const struct fp_cidr *block)
{
	uint32_t forgotten = 0;

	for (uint32_t n = age->oldest, newer; n != TABLE_NONE; n = newer) {
		newer = t->hosts[n].age.newer;
		if (!fp_cidr_has(block, &t->hosts[n].addr))
			continue;
		host_forget(t, n);
		/* Nothing of it is to stay in memory either. */
		memset(&t->hosts[n].sig, 0, sizeof t->hosts[n].sig);
		memset(&t->hosts[n].addr, 0, sizeof t->hosts[n].addr);
		forgotten++;
	}
	return forgotten;
}

uint32_t track_forget(struct track *t, const struct fp_cidr *block)
{
	return forget_list(t, &t->hosts_new, block) + forget_list(t, &t->hosts_confirmed, block);
}

void track_stats(const struct track *t, struct track_stats *out)
{
	*out = t->stats;
	out->confirmed = t->hosts_confirmed.n;
}
