/* matcher - from observations to deltas: the thread that owns clients. */
#include "core/matcher.h"

#include "core/clock.h"
#include "core/err.h"
#include "core/opinion.h"
#include "core/p0flog.h"
#include "core/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAGIC 0x6d617463u
#define OUTBOX 512      /* deltas built and not yet taken; more than one batch can make */
#define SOON 8          /* hosts in line whose memory is loaded ahead */
#define UPTIME_MAX 0xffffffu /* minutes; as in the record */
#define SLEEP_MS 100    /* an idle matcher looks at its clock so often */

struct matcher {
	uint32_t magic;
	struct matcher_conf conf;
	struct track *track;
	struct counter_row *row;
	struct ring **ring;        /* one a queue */
	struct wake wake;
	_Atomic bool a_flush;
	_Atomic(const struct sigdb *) a_sigdb_seen;
	const struct sigdb *sigdb;
	int64_t now_ms;            /* coarse monotonic clock of the batch */
	size_t refused;            /* of the batch */
	struct probation probation;
	/* matcher_forget(): the caller's until a_forget is set, then the matcher's until it is clear. */
	struct fp_cidr forget;
	uint32_t forgotten;
	_Atomic bool a_forget;
	size_t outbox_n;
	bool behind;               /* the store did not take what was due */
	bool bulk_dirty;           /* bulk: hosts have something unsent that stands in no line, the first since: */
	int64_t bulk_since_ms;
	/*
	 * The line of hosts with unsent counts, in order of the time of their first unsent change (key: ms); a place for each host: a store that stalls
	 * stops nobody. Who was evicted meanwhile leaves a number that is nobody's, or of a host that does not know of it.
	 */
	struct track_in_line *line;
	uint32_t line_at, line_n, line_max;
	struct delta outbox[OUTBOX];
	struct tcp_obs batch[MATCHER_BATCH];
	struct opinion_cache opinions;
	struct p0flog p0flog;
};

unsigned matcher_of(const struct hash_key *key, const struct tcp_obs *obs, unsigned n)
{
	if (n <= 1)
		return 0;
	const struct fp_addr *client = obs->kind == OBS_SYNACK ? &obs->dst : &obs->src;
	const uint64_t h = hash_addr(key, client->b);

	/* Other bits than those that pick a bucket in the matcher's own tables. */
	return (unsigned)(((h >> 32) * n) >> 32);
}

static uint32_t seconds(int64_t ns)
{
	return ns > 0 ? (uint32_t)(ns / 1000000000) : 0;
}

/* ---- Deltas ----------------------------------------------------------------------------------- */

static void fill_verdict(struct matcher *m, struct delta *d, const struct track_sig *sig, struct evidence evidence, bool synack,
    bool confirmed)
{
	struct fp_host *w = &d->what;
	const uint8_t *layout = track_layout(m->track, sig->layout, &d->layout_len, &d->eol_pad);

	if (layout != NULL)
		memcpy(d->layout, layout, d->layout_len);
	else
		d->layout_len = 0;
	w->label = sig->label != NULL ? sig->label->id : 0;
	w->verdict_seen = seconds(sig->time_ns);
	w->quirks = sig->quirks;
	w->mss = sig->mss;
	w->win = sig->win;
	w->win_unit = sig->win_unit;
	w->win_multiple = sig->win_multiple;
	w->ecn = sig->ecn;
	w->ttl = sig->ttl;
	w->wscale = sig->wscale;
	w->olen = sig->olen;
	w->match = sig->match;
	w->distance = sig->dist >= 0 && sig->dist < FP_DISTANCE_UNKNOWN ? (uint8_t)sig->dist : FP_DISTANCE_UNKNOWN;
	w->ipv6 = sig->ipver == 6;
	w->payload = sig->payload;
	w->random_ttl = sig->random_ttl;
	w->synack = synack;
	w->confirmed = confirmed;
	if (!synack)
		opinion_host(&m->opinions, m->sigdb, sig, &evidence, layout, d->layout_len, d->eol_pad, w);
}

static uint8_t said(const struct track_unsent *u)
{
	return u->confirmed ? TRACK_SAID_CONFIRMED : TRACK_SAID;
}

/* The delta of everything unsent of a host; the host's unsent counts start again. */
static void fill_delta(struct matcher *m, struct delta *d, struct track_host *host, const struct track_sig *sig, bool synack)
{
	struct track_unsent *u = track_host_unsent(host);
	const struct track_unsent_event *event = track_event_of(m->track, host);
	int64_t first_ns, last_ns;

	memset(d, 0, sizeof *d);
	track_host_seen(host, &first_ns, &last_ns);
	d->addr = *track_host_addr(host);
	d->time_ns = last_ns;
	fill_verdict(m, d, sig, track_host_evidence(m->track, host), synack, u->confirmed);
	d->what.first_seen = seconds(first_ns);
	d->what.last_seen = seconds(last_ns);
	d->what.connections = u->connections;
	d->what.handshakes = u->handshakes;
	if (u->os_changed || u->shared) {
		/* There was no room to keep the time: it was sent at once, or as soon as the store could take it. */
		const uint32_t event_s = event != NULL && event->time_s != 0 ? event->time_s : d->what.last_seen;

		d->what.os_changed = u->os_changed ? event_s : 0;
		d->what.shared = u->shared ? event_s : 0;
		d->what.sharing = event != NULL ? event->sharing : 0;
		track_event_sent(m->track, host);
	}
	d->what.clock_hz = u->clock_hz;
	d->what.uptime_min = (uint32_t)u->uptime_high << 16 | u->uptime_low;
	d->what.uptime_doubtful = u->uptime_doubtful;
	u->said = said(u);
	u->connections = 0;
	u->handshakes = 0;
	u->os_changed = false;
	u->shared = false;
	u->clock_hz = 0;
	u->uptime_low = 0;
	u->uptime_high = 0;
	u->dirty = false;
	counter_add(m->row, C_DELTAS, 1);
}

static void outbox_offer(struct matcher *m)
{
	if (m->outbox_n == 0)
		return;
	const size_t taken = m->conf.sink->take(m->conf.sink->ctx, m->conf.number, m->outbox, m->outbox_n);

	m->outbox_n -= taken;
	if (taken > 0 && m->outbox_n > 0)
		memmove(m->outbox, m->outbox + taken, m->outbox_n * sizeof *m->outbox);
}

/* Room for one delta: the sink is given a chance first. NULL: the store is behind. */
static struct delta *outbox_slot(struct matcher *m)
{
	if (m->outbox_n == OUTBOX)
		outbox_offer(m);
	return m->outbox_n < OUTBOX ? &m->outbox[m->outbox_n] : NULL;
}

static bool send_host(struct matcher *m, struct track_host *host)
{
	struct delta *d = outbox_slot(m);
	struct track_sig sig;
	bool synack;

	if (d == NULL)
		return false;
	const bool has_sig = track_host_sig(m->track, host, &sig, &synack);

	assert(has_sig); /* nothing is unsent of a host that has said nothing */
	fill_delta(m, d, host, &sig, synack);
	m->outbox_n++;
	return true;
}

/* ---- Hosts with something unsent ------------------------------------------------------------------ */

static struct track_in_line *in_line(const struct matcher *m, uint32_t n)
{
	const uint64_t at = (uint64_t)m->line_at + n;

	return &m->line[at < m->line_max ? at : at - m->line_max];
}

/* Sends the oldest that waits; false: the store is behind. */
static bool send_oldest(struct matcher *m)
{
	struct track_host *host = track_host_at(m->track, in_line(m, 0)->host);
	struct track_unsent *u = host != NULL ? track_host_unsent(host) : NULL;

	if (m->line_n > SOON)
		track_host_soon(m->track, in_line(m, SOON)->host);
	if (u != NULL && u->queued) {
		if (u->dirty && !send_host(m, host))
			return false;
		u->queued = false;
	}
	m->line_at = m->line_at + 1 < m->line_max ? m->line_at + 1 : 0;
	m->line_n--;
	return true;
}

/*
 * The store is behind and nothing more can be kept, as where a host has to go that it does not know yet: wait for it. Capture goes on
 * meanwhile, and counts what its rings have no room for. host NULL: the oldest in line (which evicted hosts may fill too).
 */
static void until_taken(struct matcher *m, struct track_host *host)
{
	while (host != NULL ? !send_host(m, host) : !send_oldest(m))
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

static void wait_in_line(struct matcher *m, struct track_host *host)
{
	struct track_unsent *u = track_host_unsent(host);

	if (u->queued)
		return;
	if (m->line_n == m->line_max)
		until_taken(m, NULL);
	*in_line(m, m->line_n++) = (struct track_in_line){ track_host_number(m->track, host), (uint32_t)m->now_ms };
	u->queued = true;
}

/*
 * Bulk: it will be said, so for us it was: what is kept says the same until then, or replaced() sends it first. Full counts
 * go at once.
 */
static void hold(struct matcher *m, struct track_host *host, struct track_unsent *u, bool news)
{
	if (news)
		u->said = said(u);
	if (u->connections == UINT16_MAX || u->handshakes == UINT16_MAX)
		until_taken(m, host);
	if (!m->bulk_dirty)
		m->bulk_since_ms = m->now_ms;
	m->bulk_dirty = true;
}

/* What is on its way already may take more along. */
static bool withheld(struct matcher *m, const struct track_event *ev)
{
	return m->probation.on && !track_host_confirmed(ev->host) && !ev->unsent->dirty &&
	    probation_withholds(&m->probation, ev->time_ns);
}

/* A change of a host: at once if it is news, else with what follows within MATCHER_HOLD_MS. */
static void changed(struct matcher *m, const struct track_event *ev, bool news)
{
	struct track_host *host = ev->host;
	struct track_unsent *u = ev->unsent;

	if (withheld(m, ev)) {
		counter_add(m->row, C_WITHHELD, 1);
		return;
	}
	counter_add(m->row, C_CHANGED, 1);
	if (u->dirty)
		counter_add(m->row, C_COALESCED, 1);
	u->dirty = true;
	if (m->conf.bulk)
		hold(m, host, u, news);
	else if (!news || !send_host(m, host))
		wait_in_line(m, host);
}

/* The last chance of a host that is about to be forgotten. */
static void evicted(void *ctx, struct track_host *host)
{
	if (track_host_unsent(host)->dirty)
		until_taken(ctx, host);
}

/* Bulk: what a handshake confirmed is not to be lost to what the next SYN says. */
static void replaced(void *ctx, struct track_host *host)
{
	until_taken(ctx, host);
}

/*
 * Two kinds of events share one time: one goes before the other comes. A store that is behind is waited for in bulk alone. Returns whether there is
 * a place for the time: without one the event is to be sent at once.
 */
static bool event_at(struct matcher *m, const struct track_event *ev, bool other)
{
	struct track_unsent_event *event = track_event_unsent(m->track, ev->host);
	const uint32_t time_s = seconds(ev->time_ns);

	if (other && ev->unsent->dirty && (event == NULL || event->time_s != time_s)) {
		if (!send_host(m, ev->host) && m->conf.bulk)
			until_taken(m, ev->host);
		event = track_event_unsent(m->track, ev->host);
	}
	if (event == NULL)
		return false;
	event->time_s = time_s;
	if (ev->kind == TRACK_SHARING)
		event->sharing = ev->score;
	return true;
}

/* What has no place to wait in does not wait. */
static void changed_event(struct matcher *m, const struct track_event *ev, bool placed)
{
	changed(m, ev, !placed);
	if (!placed && m->conf.bulk && ev->unsent->dirty)
		until_taken(m, ev->host);
}

/* ---- Events ------------------------------------------------------------------------------------- */

static void bump(uint16_t *n)
{
	if (*n < UINT16_MAX)
		++*n;
}

static void on_syn(struct matcher *m, const struct track_event *ev)
{
	struct track_unsent *u = ev->unsent;

	counter_add(m->row, C_SYN, 1);
	if (ev->verdict.label != NULL)
		counter_add(m->row, C_RECOGNISED, 1);
	bump(&u->connections);
	/*
	 * A client whose handshake was seen with this very signature stays confirmed: its SYN is no news. With
	 * another signature it is somebody else until its own handshake. (A tool's beside a system's does not take its place.)
	 */
	u->confirmed = u->said == TRACK_SAID_CONFIRMED;
	changed(m, ev, u->said == TRACK_SAID_NOTHING);
}

static void on_synack(struct matcher *m, const struct track_event *ev)
{
	struct track_unsent *u = ev->unsent;

	counter_add(m->row, C_SYNACK, 1);
	changed(m, ev, u->said == TRACK_SAID_NOTHING);
}

static void on_handshake(struct matcher *m, const struct track_event *ev)
{
	struct track_unsent *u = ev->unsent;

	counter_add(m->row, C_HANDSHAKES, 1);
	probation_handshake(&m->probation, ev->time_ns);
	bump(&u->handshakes);
	/*
	 * Its own SYN's signature is the host's again, should another SYN have come in between, perhaps in the client's name. NULL: a tool's, on
	 * a host whose system is known: it counts, and confirms nothing.
	 */
	u->confirmed |= ev->sig != NULL;
	changed(m, ev, ev->sig != NULL && u->said != TRACK_SAID_CONFIRMED);
}

static void on_event(struct matcher *m, const struct track_event *ev)
{
	struct track_unsent *u = ev->unsent;

	bool placed;

	if (ev->sendsyn) { /* p0f-sendsyn's probe, or the answer to one, is a question: nothing is kept of it */
		counter_add(m->row, ev->kind == TRACK_SYN ? C_SYN : C_SYNACK, ev->kind == TRACK_SYN || ev->kind == TRACK_SYNACK);
		return;
	}
	switch (ev->kind) {
	case TRACK_SYN:
		on_syn(m, ev);
		break;
	case TRACK_SYNACK:
		on_synack(m, ev);
		break;
	case TRACK_HANDSHAKE:
		on_handshake(m, ev);
		break;
	case TRACK_HOST_CHANGE:
		placed = event_at(m, ev, u->shared);
		u->os_changed = true;
		changed_event(m, ev, placed);
		break;
	case TRACK_SHARING:
		placed = event_at(m, ev, u->os_changed);
		u->shared = true;
		changed_event(m, ev, placed);
		break;
	case TRACK_UPTIME:
		u->clock_hz = ev->clock_hz & 2047; /* p0f's most is 1500 */
		u->uptime_low = (uint16_t)(ev->uptime_min < UPTIME_MAX ? ev->uptime_min : UPTIME_MAX);
		u->uptime_high = (uint8_t)((ev->uptime_min < UPTIME_MAX ? ev->uptime_min : UPTIME_MAX) >> 16);
		u->uptime_doubtful = ev->uptime_doubtful;
		changed(m, ev, false);
		break;
	case TRACK_MTU:
		break; /* the record derives it from the MSS */
	}
}

/* ---- Batches -------------------------------------------------------------------------------------- */

static void take_sigdb(struct matcher *m)
{
	/* Acquire: what the loader wrote before publishing. */
	const struct sigdb *db = atomic_load_explicit(m->conf.a_sigdb, memory_order_acquire);

	if (db != m->sigdb) {
		if (m->sigdb != NULL)
			track_relabel(m->track, db);
		m->sigdb = db;
		/* Release: no access to the old one can follow; pairs with matcher_sigdb_seen(). */
		atomic_store_explicit(&m->a_sigdb_seen, db, memory_order_release);
	}
}

/* A line of p0f's log. Live, nothing waits for a disk; what is read from files is worth a wait while there is one that takes lines. */
static void write_log(struct matcher *m, const struct track_event *ev)
{
	char line[P0FLOG_LINE];
	const size_t len = p0flog_line(&m->p0flog, ev, line);

	if (len == 0)
		return;
	counter_add(m->row, C_LOG_LINES, 1);
	while (!lines_push(m->conf.log, line, len)) {
		wake_up(m->conf.log_wake);
		if (!m->conf.bulk || atomic_load_explicit(m->conf.log_stuck, memory_order_acquire)) {
			counter_add(m->row, C_LOG_DROPPED, 1);
			return;
		}
		pulse_beat(m->conf.pulse);
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
}

static void on_segment(void *ctx, enum track_result result, const struct track_event *ev, size_t events)
{
	struct matcher *m = ctx;

	m->refused += result == TRACK_REFUSED;
	for (size_t e = 0; e < events; e++) {
		if (m->conf.log != NULL)
			write_log(m, &ev[e]);
		on_event(m, &ev[e]);
	}
}

void matcher_batch(struct matcher *m, unsigned queue, const struct tcp_obs *obs, size_t n)
{
	_Atomic uint64_t *matched = counters_matched(m->conf.counters, queue, m->conf.number);

	assert(m->magic == MAGIC);
	if (n == 0)
		return;
	take_sigdb(m);
	m->now_ms = clock_ms(CLOCK_MONOTONIC_COARSE);
	m->refused = 0;
	probation_batch(&m->probation, queue, obs[0].time_ns);
	track_probation(m->track, m->probation.on);
	for (size_t i = 0; i < n; i += TRACK_BATCH)
		track_batch(m->track, m->sigdb, obs + i, n - i < TRACK_BATCH ? n - i : TRACK_BATCH, on_segment, m);
	counter_add(m->row, C_TABLE_REFUSED, m->refused);
	counter_add(m->row, C_APPLIED, n - m->refused);
	atomic_store_explicit(matched, atomic_load_explicit(matched, memory_order_relaxed) + n, memory_order_relaxed);
	outbox_offer(m);
	if (m->conf.log != NULL)
		wake_up(m->conf.log_wake);
}

static void take_stats(struct matcher *m)
{
	struct track_stats s;
	uint64_t waiting = 0;

	for (unsigned q = 0; m->ring != NULL && q < m->conf.queues; q++)
		waiting += ring_used(m->ring[q]);
	counter_set(m->row, C_RING_USED, waiting);
	track_stats(m->track, &s);
	counter_set(m->row, C_FLOWS_EVICTED, s.flows_evicted);
	counter_set(m->row, C_HOSTS_EVICTED, s.hosts_evicted);
	counter_set(m->row, C_CONFIRMED_EVICTED, s.confirmed_evicted);
	counter_set(m->row, C_TRACKED, s.hosts);
	counter_set(m->row, C_TRACKED_CONFIRMED, s.confirmed);
}

void matcher_forget(struct matcher *m, const struct fp_cidr *block)
{
	m->forget = *block;
	/* Publishes the block; pairs with the acquire in forget_hosts(). */
	atomic_store_explicit(&m->a_forget, true, memory_order_release);
	wake_up(&m->wake);
}

bool matcher_forgotten(struct matcher *m, uint32_t *hosts)
{
	/* Acquire: all that was unsent is with the sink, and the number is there; pairs with forget_hosts(). */
	if (atomic_load_explicit(&m->a_forget, memory_order_acquire))
		return false;
	*hosts = m->forgotten;
	return true;
}

static void forget_hosts(struct matcher *m)
{
	if (!atomic_load_explicit(&m->a_forget, memory_order_acquire))
		return;
	m->forgotten = track_forget(m->track, &m->forget);
	for (outbox_offer(m); m->outbox_n > 0; outbox_offer(m))
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	atomic_store_explicit(&m->a_forget, false, memory_order_release);
}

/* Bulk: all that is unsent stands in line, by address, and is due. Nobody else stands there. */
static void line_up(struct matcher *m)
{
	m->bulk_dirty = false;
	m->line_at = 0;
	m->line_n = track_unsent_hosts(m->track, m->line);
	for (uint32_t i = 0; i < m->line_n; i++) {
		m->line[i].key = (uint32_t)m->now_ms - MATCHER_HOLD_MS;
		track_host_unsent(track_host_at(m->track, m->line[i].host))->queued = true;
	}
}

bool matcher_tick(struct matcher *m, bool now_or_never)
{
	assert(m->magic == MAGIC);
	take_sigdb(m);
	m->now_ms = clock_ms(CLOCK_MONOTONIC_COARSE);
	pulse_beat(m->conf.pulse);
	forget_hosts(m);
	take_stats(m);
	outbox_offer(m);
	if (m->bulk_dirty && m->line_n == 0 &&
	    (now_or_never || m->now_ms - m->bulk_since_ms >= MATCHER_HOLD_BULK_MS))
		line_up(m);
	m->behind = false;
	/* What waited so long can wait for a moment more; news have the rest of the way for themselves. */
	size_t room = now_or_never || m->conf.bulk || m->conf.sink->room == NULL ? SIZE_MAX : m->conf.sink->room(m->conf.sink->ctx, m->conf.number);

	while (m->line_n > 0 && !m->behind) {
		if (!now_or_never && (uint32_t)m->now_ms - in_line(m, 0)->key < MATCHER_HOLD_MS)
			break;
		m->behind = room-- == 0 || !send_oldest(m);
	}
	outbox_offer(m);
	return m->outbox_n > 0 || m->line_n > 0 || (now_or_never && m->bulk_dirty);
}

static bool gather(struct matcher *m)
{
	bool any = false;

	for (unsigned q = 0; q < m->conf.queues; q++) {
		const size_t n = ring_pop(m->ring[q], m->batch, MATCHER_BATCH);

		if (n > 0) {
			matcher_batch(m, q, m->batch, n);
			any = true;
		}
	}
	return any;
}

static bool something_waits(void *ctx)
{
	const struct matcher *m = ctx;

	if (atomic_load_explicit(&m->a_flush, memory_order_relaxed) || atomic_load_explicit(&m->a_forget, memory_order_relaxed))
		return true;
	for (unsigned q = 0; q < m->conf.queues; q++)
		if (!ring_empty(m->ring[q]))
			return true;
	return false;
}

void matcher_flush(struct matcher *m)
{
	/* Release: what was pushed before; pairs with the acquire in matcher_run(). */
	atomic_store_explicit(&m->a_flush, true, memory_order_release);
	wake_up(&m->wake);
}

int matcher_run(struct matcher *m, const _Atomic bool *a_stop)
{
	int64_t next_tick_ms = 0;

	for (;;) {
		/* Read before the rings: what was pushed before stop is drained. */
		const bool stop = atomic_load_explicit(a_stop, memory_order_acquire);
		const bool any = gather(m);

		if (stop && !any)
			break;
		if (!any)
			m->now_ms = clock_ms(CLOCK_MONOTONIC_COARSE);
		const bool flush = !any && atomic_exchange_explicit(&m->a_flush, false, memory_order_acquire);

		if (flush || m->now_ms >= next_tick_ms || atomic_load_explicit(&m->a_forget, memory_order_relaxed)) {
			matcher_tick(m, flush);
			next_tick_ms = m->now_ms + (m->behind ? 0 : SLEEP_MS);
		}
		if (!any)
			wake_sleep(&m->wake, something_waits, m, m->behind || m->outbox_n > 0 ? 1 : SLEEP_MS);
	}
	while (matcher_tick(m, true))
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	pulse_end(m->conf.pulse);
	return 0;
}

/* ---- Life ----------------------------------------------------------------------------------------- */

static int create_rings(struct matcher *m)
{
	m->ring = calloc(m->conf.queues, sizeof *m->ring);
	if (m->ring == NULL)
		return -ENOMEM;
	for (unsigned q = 0; q < m->conf.queues; q++) {
		const uint32_t slots = q < m->conf.queues - m->conf.small_queues ? m->conf.ring_slots : m->conf.ring_slots / 8;
		const int rc = ring_create(&m->ring[q], slots, sizeof(struct tcp_obs), 0);

		if (rc != 0)
			return rc;
	}
	return 0;
}

int matcher_create(struct matcher **out, const struct matcher_conf *conf)
{
	struct matcher *m;
	int rc;

	*out = NULL;
	m = aligned_alloc(CACHELINE, (sizeof *m + CACHELINE - 1) / CACHELINE * CACHELINE);
	if (m == NULL)
		return -ENOMEM;
	memset(m, 0, sizeof *m);
	m->magic = MAGIC;
	m->conf = *conf;
	p0flog_init(&m->p0flog, MATCH_CORRECT);
	m->row = counters_row(conf->counters, COUNTER_MATCHER, conf->number);
	m->line_max = conf->hosts_max;
	m->line = table_memory(m->line_max, sizeof *m->line);
	rc = m->line == NULL ? -ENOMEM :
	    probation_init(&m->probation, conf->handshake, conf->queues, conf->queues_live, conf->probation_rate);
	if (rc == 0)
		rc = track_create(&m->track, &(struct track_conf){
		    .flows_max = conf->flows_max, .hosts_max = conf->hosts_max, .mode = MATCH_CORRECT, .no_mtu = conf->log == NULL,
		    .flow_age_s = conf->flow_keep_s,
		    .probation_max = conf->handshake != PROBATION_IGNORE ? conf->hosts_max / PROBATION_PART : 0,
		    .key = conf->key, .evict = evicted, .replace = conf->bulk ? replaced : NULL, .evict_ctx = m });
	if (rc == 0 && conf->ring_slots > 0)
		rc = create_rings(m);
	if (rc != 0) {
		matcher_destroy(&m);
		return rc;
	}
	struct track_stats s;

	track_stats(m->track, &s);
	counter_set(m->row, C_TABLE_BYTES, s.bytes + (uint64_t)m->line_max * sizeof *m->line + sizeof *m);
	*out = m;
	return 0;
}

void matcher_destroy(struct matcher **mp)
{
	struct matcher *m = *mp;

	if (m == NULL)
		return;
	assert(m->magic == MAGIC);
	for (unsigned q = 0; m->ring != NULL && q < m->conf.queues; q++)
		ring_destroy(&m->ring[q]);
	free(m->ring);
	/* Nothing can be sent any more: what is unsent was sent by the last tick. */
	track_destroy(&m->track);
	probation_free(&m->probation);
	table_memory_free(m->line, m->line_max, sizeof *m->line);
	m->magic = 0;
	free(m);
	*mp = NULL;
}

struct ring *matcher_ring(struct matcher *m, unsigned queue)
{
	return m->ring[queue];
}

struct wake *matcher_wake(struct matcher *m)
{
	return &m->wake;
}

const struct sigdb *matcher_sigdb_seen(struct matcher *m)
{
	return atomic_load_explicit(&m->a_sigdb_seen, memory_order_acquire);
}
