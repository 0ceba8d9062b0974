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
	e->unsent = &e->host->unsent;
	e->obs = t->obs;
	e->sig = verdict != NULL ? &t->kept : NULL;
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

static uint32_t quirks_of(const struct track *t)
{
	return t->correct ? t->obs->quirks : obs_quirks_p0f(t->obs);
}

static int16_t reach_of(const struct tcp_obs *obs, const struct verdict *v)
{
	return v->dist >= 0 ? (int16_t)(v->dist + obs->ttl) : -1;
}

static uint32_t face_of(struct track *t, const struct verdict *v, const struct flow *in_use)
{
	const struct tcp_obs *obs = t->obs;
	uint32_t layout_hash;
	const uint16_t layout = layout_number(t, &layout_hash);
	const struct face_what what = {
		.label = v->label,
		.quirks = quirks_of(t),
		.sig_line = v->sig_line,
		.layout = layout,
		.layout_hash = layout_hash,
		.mss = obs->mss,
		.win = obs->win,
		.win_multiple = v->win_multiple,
		.reach = reach_of(obs, v),
		.wscale = obs->wscale,
		.olen = obs->olen,
		.dscp = obs->dscp & 63,
		.win_unit = v->win_unit & 3,
		.ecn = obs->ecn & 15,
		.match = v->match & 3,
		.payload = obs->payload_len > 0,
		.random_ttl = v->random_ttl,
		.ipver = obs->ipver,
	};

	return face_take(t, &what, in_use);
}

/*
 * The same where the last segment with that answer had it: what an answer does not depend on, or the model may change, is compared. note: number and
 * birth of its face.
 */
static inline uint32_t face_again(struct track *t, const struct verdict *v, const uint32_t note[2])
{
	const struct tcp_obs *obs = t->obs;
	struct face *f = &t->faces[note[0] != 0 ? note[0] - 1 : 0];

	if (note[0] == 0 || f->born != note[1] || f->users == 0 || f->what.label != v->label || f->what.sig_line != v->sig_line ||
	    f->what.match != v->match || f->what.reach != reach_of(obs, v) || f->what.dscp != (obs->dscp & 63) || f->what.ecn != (obs->ecn & 15) ||
	    f->what.random_ttl != v->random_ttl)
		return 0;
	f->users++;
	return note[0];
}

/* Adds a scoring to the host's last ones and says what follows of them. */
static void host_scored(struct track *t, const struct flow *f, enum side side, struct score score, const struct verdict *v)
{
	struct track_host *h = &t->hosts[f->host[side]];
	struct scores fresh = { 0 };
	uint8_t hits[4] = { 0 };
	uint32_t reason = 0;

	if (h->aside == 0 && score.points == 0 && score.reason == 0)
		return; /* nothing that a fresh one does not say */

	struct aside *a = aside_of(t, h);
	const enum score_finding found = scores_add(a != NULL ? &a->scores : &fresh, side == SERVER, score, hits, &reason);

	if (a != NULL)
		aside_done(t, h);
	if (found == SCORE_NOTHING)
		return;
	struct track_event *e = track_event_add(t, found == SCORE_SHARING ? TRACK_SHARING : TRACK_HOST_CHANGE, f, side, v);

	e->reason = reason;
	e->score = score.points;
	memcpy(e->hits, hits, sizeof e->hits);
}

bool track_look(struct track *t, uint16_t syn_mss, const struct flow *in_use, struct verdict *v)
{
	const struct tcp_obs *obs = t->obs;
	uint32_t none[2] = { 0 }, *note = none, face;

	if (t->correct) {
		note = match_cached(t->answers, t->db, obs, syn_mss, v);
		opinion_name(t->db, obs, v);
	} else {
		match_tcp(t->db, t->conf.mode, obs, syn_mss, v);
	}
	face = face_again(t, v, note);
	if (face == 0) {
		face = face_of(t, v, in_use);
		note[0] = face;
		note[1] = face != 0 ? t->faces[face - 1].born : 0;
	}
	face_drop(t, t->kept.face);
	t->kept = (struct track_kept){
		.face = face & FACES_MAX, .ttl = obs->ttl, .ts1 = obs->ts1, .s = t->now_s, .ms = (t->now_ms - (uint64_t)t->now_s * 1000) % 1000 };
	return face != 0;
}

/* Held against what the host said last; where that is the same, and nothing is remembered against it, there is nothing to find. */
static void track_scored(struct track *t, const struct flow *f, enum side side, const struct track_host *h, const struct track_kept *ref,
    const struct verdict *v)
{
	const uint16_t port = t->obs->src_port;

	if (side == CLIENT && h->aside == 0 && h->sig.face == t->kept.face && h->sig.ttl == t->kept.ttl && !(h->sig.flags & HOST_SIG_SYNACK) &&
	    port >= h->sig.port && (v->label == NULL || h->os == 0 || os_label(t, h->os) == v->label))
		return;

	const struct score_about about = {
		.correct = t->correct,
		.server = side == SERVER,
		.now = &t->kept,
		.ref = ref,
		.what = &t->faces[t->kept.face - 1].what,
		.ref_what = ref != NULL ? &t->faces[ref->face - 1].what : NULL,
		.os = os_label(t, h->os),
		.port = port,
		.last_port = h->sig.port,
	};
	host_scored(t, f, side, score_signature(&about), v);
}

static void take_evidence(struct track *t, const struct track_host *h, const struct track_kept *ref, const struct verdict *v)
{
	struct host_evidence *e = &t->evidence[h - t->hosts];
	const struct sig_label *os = os_label(t, h->os);
	const struct evidence_syn now = {
		(int64_t)t->now_ms, t->obs->src_port, t->obs->ip_id, t->obs->ttl, v->label != os && v->label != NULL && os != NULL && v->label->name_no != os->name_no,
	};
	struct evidence_syn last;
	struct evidence said = evidence_of(e);

	if (ref != NULL)
		last = (struct evidence_syn){ (int64_t)kept_ms(ref), h->sig.port, e->ip_id, (uint8_t)ref->ttl, false };
	evidence_syn(&said, &now, ref != NULL ? &last : NULL);
	evidence_keep(e, said);
	e->ip_id = t->obs->ip_id;
}

bool track_judge(struct track *t, struct flow *f, enum side side, const struct verdict *v)
{
	struct track_host *h = &t->hosts[f->host[side]];

	track_event_add(t, side == SERVER ? TRACK_SYNACK : TRACK_SYN, f, side, v);

	if (v->label != NULL && v->label->app) {
		if (h->os != 0)
			host_scored(t, f, side, score_tool(v->label, os_label(t, h->os)), v);
		if (!(h->sig.flags & HOST_HAS_SIG) && !(f->flags & FLOW_SENDSYN))
			host_keep(t, h, side, &t->kept);
		return false;
	}
	if (f->flags & FLOW_SENDSYN)
		return false;

	/* Of a client it is in the host, where it stays until host_keep(). */
	const struct track_kept *ref = host_ref(t, h, side);

	track_scored(t, f, side, h, ref, v);
	if (side == CLIENT && t->correct)
		take_evidence(t, h, ref, v);
	if (v->label != NULL)
		h->os = os_number(t, v->label);
	h->sig.port = f->port[CLIENT];

	if (v->mtu != 0 && !t->conf.no_mtu)
		track_event_add(t, TRACK_MTU, f, side, v);
	track_clock(t, f, side, v);
	host_keep(t, h, side, &t->kept);
	if (side == CLIENT)
		h->last_server = server_tag(t);
	return true;
}
