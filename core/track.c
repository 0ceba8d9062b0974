/*
 * track - flows and hosts in bounded tables, and the steps of a TCP handshake on them.
 *
 * A flow names its two hosts by number and generation: a host that was evicted takes its flows with it without
 * being searched for, since a generation that does not fit is a flow that is not there.
 */
#include "core/track.h"
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

struct track {
	uint32_t magic;
	struct track_conf conf;
	bool correct;
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
	uint32_t segments;        /* towards the next look at ages */
	uint32_t expired_s;       /* second of the last look */
	struct track_stats stats;
	/* of the call under way */
	struct track_sig sig;
	uint32_t layout_hash;
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
	if (conf->flows_max < 1 || conf->hosts_max < 2 || conf->flows_max > INT32_MAX || conf->hosts_max > INT32_MAX)
		return -EINVAL;
	struct track *t = calloc(1, sizeof *t);

	if (t == NULL)
		return -ENOMEM;
	t->magic = TRACK_MAGIC;
	t->conf = *conf;
	t->correct = !compat;
	t->hosts = calloc(conf->hosts_max, sizeof *t->hosts);
	t->flows = calloc(conf->flows_max, sizeof *t->flows);
	t->said = compat ? NULL : calloc(conf->flows_max, sizeof *t->said);
	t->layouts = calloc(LAYOUTS_MAX, sizeof *t->layouts);
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
	free(t->hosts);
	free(t->flows);
	free(t->said);
	free(t->layouts);
	t->magic = 0;
	free(t);
	*tp = NULL;
}

/* ---- Hosts -------------------------------------------------------------------------------- */

static inline uint32_t host_hash(const struct track *t, const struct fp_addr *addr)
{
	return (uint32_t)hash_siphash13(&t->conf.key, addr->b, sizeof addr->b);
}

static uint32_t host_find(const struct track *t, uint32_t hash, const struct fp_addr *addr)
{
	uint32_t at = hash, n;

	while ((n = table_next(&t->host_index, hash, &at)) != TABLE_NONE)
		if (fp_addr_equal(&t->hosts[n].addr, addr))
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

/* The oldest host that is not the one in use: of those never confirmed first. TABLE_NONE: there is none. */
static uint32_t host_oldest(const struct track *t, uint32_t in_use)
{
	uint32_t n = t->hosts_new.oldest;

	if (n != TABLE_NONE && n == in_use)
		n = t->hosts[n].age.newer;
	if (n == TABLE_NONE)
		n = t->hosts_confirmed.oldest;
	if (n != TABLE_NONE && n == in_use)
		n = t->hosts[n].age.newer;
	return n;
}

static uint32_t host_slot(struct track *t, uint32_t in_use)
{
	if (t->hosts_free == 0 && t->hosts_used < t->conf.hosts_max)
		return t->hosts_used++;
	if (t->hosts_free == 0) {
		host_forget(t, host_oldest(t, in_use));
		t->stats.hosts_evicted++;
	}
	const uint32_t n = t->hosts_free - 1;

	t->hosts_free = t->hosts[n].age.older;
	return n;
}

/* The host of an address, made where it is new; it becomes the youngest. in_use: must not go for it. */
static uint32_t host_touch(struct track *t, const struct fp_addr *addr, uint32_t in_use)
{
	const uint32_t hash = host_hash(t, addr);
	const uint32_t now_s = seconds(t->obs->time_ns);
	uint32_t n = host_find(t, hash, addr);
	struct track_host *h;

	if (n == TABLE_NONE) {
		n = host_slot(t, in_use);
		h = &t->hosts[n];
		*h = (struct track_host){ .addr = *addr, .first_s = now_s, .generation = h->generation };
		table_insert(&t->host_index, hash, n);
		age_add(&t->hosts_new, host_links(t), n);
		t->stats.hosts++;
	} else {
		h = &t->hosts[n];
		age_touch(host_age(t, h), host_links(t), n);
	}
	h->last_s = now_s;
	return n;
}

static void host_confirm(struct track *t, uint32_t n)
{
	struct track_host *h = &t->hosts[n];

	if (h->flags & HOST_CONFIRMED)
		return;
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
	h->sig = *sig;
	h->flags |= side == SERVER ? HOST_HAS_SIG | HOST_SIG_SYNACK : HOST_HAS_SIG;
	if (side == CLIENT)
		h->layout_hash = layout_hash;
}

/* ---- Flows -------------------------------------------------------------------------------- */

/* The same for both directions: the smaller end first. */
static uint32_t flow_hash(const struct track *t, const struct tcp_obs *obs)
{
	struct end {
		struct fp_addr addr;
		uint16_t port;
	} ends[2] = { { obs->src, obs->src_port }, { obs->dst, obs->dst_port } };
	const int order = memcmp(&ends[0], &ends[1], sizeof ends[0]);
	uint8_t bytes[2 * 18];
	const struct end *low = &ends[order > 0], *high = &ends[order <= 0];

	memcpy(bytes, low, 18);
	memcpy(bytes + 18, high, 18);
	return (uint32_t)hash_siphash13(&t->conf.key, bytes, sizeof bytes);
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
	    fp_addr_equal(&t->hosts[f->host[from]].addr, &obs->src) && fp_addr_equal(&t->hosts[f->host[to]].addr, &obs->dst);
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
static uint32_t flow_create(struct track *t, uint32_t hash)
{
	const struct tcp_obs *obs = t->obs;
	const uint32_t client = host_touch(t, &obs->src, TABLE_NONE);
	const uint32_t server = host_touch(t, &obs->dst, client);
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
		.created_s = seconds(obs->time_ns),
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

/* The number of the segment's option layout, 0 where no room is left; its hash (of the kinds alone) is kept in t->layout_hash. */
static uint16_t layout_number(struct track *t)
{
	struct layout l = { .len = t->obs->layout_len };
	uint32_t at, n;

	memcpy(l.kinds, t->obs->layout, sizeof l.kinds);
	t->layout_hash = (uint32_t)hash_siphash13(&t->conf.key, &l, sizeof l);
	l.eol_pad = t->obs->eol_pad;
	at = t->layout_hash;
	while ((n = table_next(&t->layout_index, t->layout_hash, &at)) != TABLE_NONE)
		if (memcmp(&t->layouts[n], &l, sizeof l) == 0)
			return (uint16_t)(n + 1);
	if (t->n_layouts == LAYOUTS_MAX)
		return 0;
	n = t->n_layouts++;
	t->layouts[n] = l;
	table_insert(&t->layout_index, t->layout_hash, n);
	return (uint16_t)(n + 1);
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

	*e = (struct track_event){
		.kind = kind,
		.server = side == SERVER,
		.sendsyn = f->flags & FLOW_SENDSYN,
		.cli = client->addr,
		.srv = server->addr,
		.cli_port = f->port[CLIENT],
		.srv_port = f->port[SERVER],
		.time_ns = t->obs->time_ns,
		.host = side == SERVER ? server : client,
		.obs = t->obs,
	};
	if (verdict != NULL) {
		e->verdict = *verdict;
		e->sig = &t->sig;
	}
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

	if (v->mtu != 0)
		event_add(t, TRACK_MTU, f, side, v);
	uptime(t, f, side, v);
	host_keep(t, h, side, &t->sig, t->layout_hash);
	if (side == CLIENT)
		h->last_server = server_tag(t);
	return true;
}

/* ---- Segments ----------------------------------------------------------------------------- */

static void on_syn(struct track *t, uint32_t hash, uint32_t n, enum side from)
{
	struct verdict v;

	if (n != TABLE_NONE) {
		if (from == CLIENT && t->flows[n].next_seq[CLIENT] - 1 == t->obs->seq)
			return; /* sent again */
		flow_forget(t, n);
	}
	n = flow_create(t, hash);

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
	host_confirm(t, f->host[CLIENT]);
	e = event_add(t, TRACK_HANDSHAKE, f, CLIENT, NULL);
	if (!t->correct)
		return;

	const struct syn_said *said = &t->said[f - t->flows];
	const bool tool = said->sig.label != NULL && said->sig.label->app;

	if (tool && h->flags & HOST_HAS_SIG && (h->sig.label == NULL || !h->sig.label->app))
		return;
	host_keep(t, h, CLIENT, &said->sig, said->layout_hash);
	e->sig = &h->sig;
}

/* A SYN+ACK whose SYN we did not see still tells of its sender; p0f ignores it. */
static void on_stray_synack(struct track *t)
{
	const uint32_t server = host_touch(t, &t->obs->src, TABLE_NONE);
	const uint32_t client = host_touch(t, &t->obs->dst, server);
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

enum track_result track_observe(struct track *t, const struct sigdb *db, const struct tcp_obs *obs,
    struct track_event ev[TRACK_EVENTS_MAX], size_t *n)
{
	return track_observe_payload(t, db, obs, NULL, ev, n);
}

void track_dropped(struct track *t, int64_t time_ns)
{
	expire(t, seconds(time_ns));
}

enum track_result track_observe_payload(struct track *t, const struct sigdb *db, const struct tcp_obs *obs, const uint8_t *payload,
    struct track_event ev[TRACK_EVENTS_MAX], size_t *n)
{
	assert(t->magic == TRACK_MAGIC);
	t->obs = obs;
	t->payload = payload;
	t->db = db;
	t->ev = ev;
	t->n_events = 0;
	expire(t, seconds(obs->time_ns));

	const uint32_t hash = flow_hash(t, obs);
	enum side from = CLIENT;
	const uint32_t flow = flow_find(t, hash, &from);

	switch ((enum obs_kind)obs->kind) {
	case OBS_SYN:
		on_syn(t, hash, flow, from);
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
	*n = t->n_events;
	return TRACK_APPLIED;
}

void track_prefetch(struct track *t, const struct tcp_obs *obs)
{
	__builtin_prefetch(&t->host_index.slot[host_hash(t, &obs->src) & t->host_index.mask]);
	__builtin_prefetch(&t->flow_index.slot[flow_hash(t, obs) & t->flow_index.mask]);
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

struct track_host *track_find(struct track *t, const struct fp_addr *addr)
{
	const uint32_t n = host_find(t, host_hash(t, addr), addr);

	return n != TABLE_NONE ? &t->hosts[n] : NULL;
}

void track_stats(const struct track *t, struct track_stats *out)
{
	*out = t->stats;
}
