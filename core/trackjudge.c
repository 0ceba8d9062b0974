/* trackjudge - a SYN or SYN+ACK is judged, and held against what its host said last. */
#include "core/opinion.h"
#include "core/track_int.h"

struct track_event *track_event_add(struct track *t, enum track_event_kind kind, const struct flow *f, enum side side,
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
	struct track_event *e = track_event_add(t, found == SCORE_SHARING ? TRACK_SHARING : TRACK_HOST_CHANGE, f, side, v);

	e->reason = reason;
	e->score = score.points;
	memcpy(e->hits, hits, sizeof e->hits);
}

bool track_judge(struct track *t, struct flow *f, enum side side, uint16_t syn_mss, struct verdict *v)
{
	struct track_host *h = &t->hosts[f->host[side]];

	if (t->correct)
		match_cached(t->answers, t->db, t->obs, syn_mss, v);
	else
		match_tcp(t->db, t->conf.mode, t->obs, syn_mss, v);
	if (t->correct)
		opinion_name(t->db, t->obs, v);
	sig_fill(t, v);
	track_event_add(t, side == SERVER ? TRACK_SYNACK : TRACK_SYN, f, side, v);

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
		track_event_add(t, TRACK_MTU, f, side, v);
	track_clock(t, f, side, v);
	host_keep(t, h, side, &t->sig, t->layout_hash);
	if (side == CLIENT)
		h->last_server = server_tag(t);
	return true;
}
