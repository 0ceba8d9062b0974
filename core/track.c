/* track - life of the tables, and the steps of a TCP handshake on them. */
#include "core/track_int.h"

#include <errno.h>
#include <stdlib.h>

#define EARLY_ACK_MS 20      /* so long an ACK that overtook its SYN+ACK is remembered */
#define EXPIRE_EVERY 50      /* segments, p0f's */
#define ASIDE_PART 8
#define ASIDE_BYTES 64       /* of a struct aside: a cache line each */
#define FACES_OWN 4096
#define FACES_PART 20
#define HTTP_MAX 16384       /* flows at a time that speak while p0f may take them for HTTP */

/* ---- Life --------------------------------------------------------------------------------- */

static uint32_t least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* As p0f, each host has what it needs. In correct mode few hosts ever have these; what does not fit is not remembered. */
static uint32_t aside_for(const struct track_conf *conf)
{
	const bool all = conf->mode == MATCH_COMPAT_P0F || conf->hosts_max < 1024;

	return least(all ? conf->hosts_max : conf->hosts_max / ASIDE_PART, ASIDE_MAX);
}

/*
 * Each flow may have a face of its own, so that these cannot crowd out the hosts'; and so may each of FACES_OWN hosts, and one of FACES_PART of more:
 * of a million hosts of the internet as many say the same. As p0f: all.
 */
static uint32_t faces_for(const struct track_conf *conf)
{
	const uint64_t hosts = conf->hosts_max + (uint64_t)aside_for(conf);
	const bool all = conf->mode == MATCH_COMPAT_P0F || hosts <= FACES_OWN;

	return least((all ? hosts : FACES_OWN + hosts / FACES_PART) + conf->flows_max + 1, FACES_MAX);
}

int track_create(struct track **out, const struct track_conf *conf)
{
	const bool compat = conf->mode == MATCH_COMPAT_P0F;
	const uint32_t http = conf->flows_max < HTTP_MAX ? conf->flows_max : HTTP_MAX;

	*out = NULL;
	if (conf->flows_max < 1 || conf->hosts_max < 2 || conf->probation_max >= conf->hosts_max || conf->flows_max > INT32_MAX || conf->hosts_max > INT32_MAX)
		return -EINVAL;
	struct track *t = aligned_alloc(_Alignof(struct track), sizeof *t);

	if (t == NULL)
		return -ENOMEM;
	memset(t, 0, sizeof *t);
	t->magic = TRACK_MAGIC;
	t->conf = *conf;
	t->correct = !compat;
	t->exact = compat || conf->host_age_s != 0;
	t->hosts = table_memory(conf->hosts_max, sizeof *t->hosts);
	t->evidence = compat ? NULL : table_memory(conf->hosts_max, sizeof *t->evidence);
	t->flows = table_memory(conf->flows_max, sizeof *t->flows);
	t->faces_max = faces_for(conf);
	t->faces = table_memory(t->faces_max, sizeof *t->faces);
	t->layouts = calloc(LAYOUTS_MAX, sizeof *t->layouts);
	t->answers = compat ? NULL : aligned_alloc(_Alignof(struct match_cache), sizeof *t->answers);
	if (t->answers != NULL)
		match_cache_clear(t->answers);
	for (unsigned i = 0; i < SERVERS; i++)
		t->servers[i] = (struct server){ .hash = hash_addr(&conf->key, t->servers[i].addr.b), .host = TABLE_NONE };
	t->ages = conf->flow_age_s != 0 || conf->host_age_s != 0;
	age_init(&t->hosts_new);
	age_init(&t->hosts_confirmed);
	age_init(&t->flows_age);
	if (t->hosts == NULL || t->flows == NULL || t->faces == NULL || t->layouts == NULL ||
	    (t->answers == NULL && !compat) || (t->evidence == NULL && !compat) ||
	    table_init(&t->host_index, conf->hosts_max) != 0 || table_init(&t->flow_index, conf->flows_max) != 0 ||
	    table_init(&t->layout_index, LAYOUTS_MAX) != 0 || table_init(&t->face_index, t->faces_max) != 0 ||
	    pool_init(&t->aside, aside_for(conf), ASIDE_BYTES) != 0 ||
	    (compat && pool_init(&t->http, http, sizeof(struct p0fhttp)) != 0)) {
		track_destroy(&t);
		return -ENOMEM;
	}
	t->stats.bytes = sizeof *t + (uint64_t)conf->hosts_max * sizeof *t->hosts + (uint64_t)conf->flows_max * sizeof *t->flows +
	    (uint64_t)t->faces_max * sizeof *t->faces + LAYOUTS_MAX * sizeof *t->layouts + table_bytes(&t->host_index) + table_bytes(&t->flow_index) +
	    table_bytes(&t->face_index) + table_bytes(&t->layout_index) + (uint64_t)t->aside.max * ASIDE_BYTES +
	    (compat ? (uint64_t)http * sizeof(struct p0fhttp) : sizeof *t->answers + (uint64_t)conf->hosts_max * sizeof *t->evidence);
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
	table_free(&t->face_index);
	pool_free(&t->aside);
	pool_free(&t->http);
	table_memory_free(t->hosts, t->conf.hosts_max, sizeof *t->hosts);
	table_memory_free(t->evidence, t->conf.hosts_max, sizeof *t->evidence);
	table_memory_free(t->flows, t->conf.flows_max, sizeof *t->flows);
	table_memory_free(t->faces, t->faces_max, sizeof *t->faces);
	free(t->layouts);
	free(t->answers);
	t->magic = 0;
	free(t);
	*tp = NULL;
}

/* ---- Segments ----------------------------------------------------------------------------- */

/* How long the client waits before it asks again says what it is. A copy of the packet (two interfaces, a mirror) is no repeat. */
static void on_syn_again(struct track *t, struct flow *f)
{
	const int64_t after_ms = (int64_t)(t->now_ms - kept_ms(&f->said));

	if (!t->correct || after_ms < EVIDENCE_COPY_MS || f->again == UINT8_MAX)
		return;
	struct host_evidence *e = &t->evidence[f->host[CLIENT]];
	struct evidence said = evidence_of(e);

	evidence_again(&said, ++f->again, after_ms);
	evidence_keep(e, said);
}

static bool on_syn(struct track *t, const struct ahead *a, uint32_t n, enum side from)
{
	struct verdict v;

	if (n != TABLE_NONE && from == CLIENT && t->flows[n].next_seq[CLIENT] - 1 == t->obs->seq) {
		on_syn_again(t, &t->flows[n]);
		return true;
	}
	if (!track_look(t, 0, NULL, &v))
		return false;
	if (n != TABLE_NONE)
		flow_forget(t, n);
	n = flow_create(t, a);
	if (!track_judge(t, &t->flows[n], CLIENT, &v) && !t->correct && !(t->flows[n].flags & FLOW_SENDSYN))
		flow_forget(t, n); /* p0f looks no further at tools */
	return true;
}

/* What is known of the host is a tool's. */
static bool of_tool(const struct track *t, const struct track_host *h)
{
	const struct sig_label *label = t->faces[h->sig.face - 1].what.label;

	return label != NULL && label->app;
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
	e = track_event_add(t, TRACK_HANDSHAKE, f, CLIENT, NULL);
	if (!t->correct)
		return;

	const struct sig_label *said = t->faces[f->said.face - 1].what.label;
	const bool tool = said != NULL && said->app;

	if (tool && h->sig.flags & HOST_HAS_SIG && !of_tool(t, h))
		return;
	host_keep(t, h, CLIENT, &f->said);
	if (said != NULL && !tool)
		h->os = os_number(t, said);
	e->sig = &f->said;
}

/* A SYN+ACK whose SYN we did not see still tells of its sender; p0f ignores it. */
static bool on_stray_synack(struct track *t)
{
	struct verdict v;

	if (!track_look(t, 0, NULL, &v))
		return false;

	const uint32_t server = host_touch(t, &t->obs->src, host_hash(t, &t->obs->src), TABLE_NONE, TABLE_NONE);
	const uint32_t client = host_touch(t, &t->obs->dst, host_hash(t, &t->obs->dst), TABLE_NONE, server);
	struct flow f = {
		.host = { client, server },
		.port = { t->obs->dst_port, t->obs->src_port },
	};

	track_judge(t, &f, SERVER, &v);
	return true;
}

/* Of the flow's server, for the first time. */
static void on_answer(struct track *t, uint32_t n, const struct verdict *v)
{
	const struct tcp_obs *obs = t->obs;
	struct flow *f = &t->flows[n];

	f->flags |= FLOW_ACKED;
	if (!track_judge(t, f, SERVER, v) && (f->flags & FLOW_SENDSYN || !t->correct)) {
		flow_forget(t, n);
		return;
	}
	f->next_seq[SERVER] = f->server_first = obs->seq + 1;
	if (f->flags & FLOW_EARLY_ACK && f->early_ack == f->server_first &&
	    (uint32_t)t->now_ms - f->early_ms <= EARLY_ACK_MS)
		handshake_done(t, f);
}

static bool on_synack(struct track *t, uint32_t n, enum side from)
{
	struct verdict v;

	if (n == TABLE_NONE)
		return t->correct ? on_stray_synack(t) : true;

	const struct flow *f = &t->flows[n];

	if (!(f->flags & FLOW_SENDSYN) && (from == CLIENT || f->flags & FLOW_ACKED))
		return true; /* of the wrong side, or sent again */
	if (!track_look(t, f->syn_mss, f, &v))
		return false;
	on_answer(t, n, &v);
	return true;
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
			f->early_ms = (uint32_t)t->now_ms;
		}
		return;
	}
	/* What is acknowledged must be something that we saw the server send: a blind ACK confirms nothing. */
	if (from == CLIENT && !(f->flags & FLOW_COMPLETE) && obs->seq == f->next_seq[CLIENT] &&
	    obs->ack - f->server_first <= f->next_seq[SERVER] - f->server_first)
		handshake_done(t, f);
	if (f->next_seq[from] != obs->seq)
		return;
	track_clock(t, f, from, NULL);
	f->next_seq[from] += obs->payload_len;
	if (!t->correct && !may_be_http(t, f, from))
		flow_forget(t, n);
}

static void on_end(struct track *t, uint32_t n, enum side from)
{
	if (n == TABLE_NONE)
		return;
	track_clock(t, &t->flows[n], from, NULL);
	flow_forget(t, n);
}
/* p0f's -t */
static void expire(struct track *t, uint32_t now_s)
{
	if (!t->ages || ++t->segments % EXPIRE_EVERY != 0 || now_s == t->expired_s)
		return;
	t->expired_s = now_s;
	if (t->conf.flow_age_s != 0)
		flow_expire(t, now_s);
	if (t->conf.host_age_s != 0)
		host_expire(t, now_s);
}

enum track_result track_segment(struct track *t, const struct tcp_obs *obs, const struct ahead *a)
{
	enum side from = CLIENT;

	t->obs = obs;
	t->now_ms = (uint64_t)(obs->time_ns / 1000000);
	t->now_s = (uint32_t)(t->now_ms / 1000);
	t->n_events = 0;
	expire(t, t->now_s);

	const uint32_t flow = flow_find(t, a, &from);

	bool room = true;

	switch ((enum obs_kind)obs->kind) {
	case OBS_SYN:
		room = on_syn(t, a, flow, from);
		break;
	case OBS_SYNACK:
		room = on_synack(t, flow, from);
		break;
	case OBS_ACK:
		on_ack(t, flow, from);
		break;
	case OBS_FIN:
	case OBS_RST:
		on_end(t, flow, from);
		break;
	}
	return room ? TRACK_APPLIED : TRACK_REFUSED;
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
	track_use(t, db);
	t->ev = ev;

	const uint64_t src = addr_hash(t, &obs->src);
	const struct ahead a = { .host = (uint32_t)src, .flow = flow_hash(t, src, obs), .host_item = TABLE_NONE };
	const enum track_result result = track_segment(t, obs, &a);

	*n = t->n_events;
	return result;
}

void track_dropped(struct track *t, int64_t time_ns)
{
	expire(t, (uint32_t)(time_ns / 1000000000));
}

/* ---- Questions ---------------------------------------------------------------------------- */

void track_probation(struct track *t, bool on)
{
	t->probation = on && t->conf.probation_max != 0;
}
void track_stats(const struct track *t, struct track_stats *out)
{
	*out = t->stats;
	out->confirmed = t->hosts_confirmed.n;
}
