/* trackclock - clock and uptime from timestamps (docs/p0f3-matching.md section 12). */
#include "core/track_int.h"

#define UPTIME_WAIT_MIN_MS 25
#define UPTIME_WAIT_MAX_MS 600000
#define UPTIME_TICKS_MIN 5
#define GRACE_MS 100
#define HZ_MIN 0.7
#define HZ_MAX 1500.0
#define HZ_OF_TODAY 900      /* 1000 Hz, and what a short measurement takes for it */

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
static const struct track_kept *clock_ref(const struct track *t, const struct flow *f, enum side side)
{
	if (t->correct && side == CLIENT && t->obs->kind != OBS_SYN)
		return &f->said;
	return host_ref(t, &t->hosts[f->host[side]], side);
}

/*
 * Whether the uptime is to be believed. Stacks that begin their timestamps at random numbers (Linux since 4.10, one for each pair of
 * addresses; FreeBSD, OpenBSD, macOS) tick at 1000 Hz today: such a clock is believed only where it went on across two servers, any other as
 * long as it did not jump between connections.
 */
static bool uptime_doubtful(const struct track_host *h, uint32_t hz)
{
	return h->sig.flags & HOST_TS_JUMPED || (hz >= HZ_OF_TODAY && !(h->sig.flags & HOST_TS_STEADY));
}

void track_clock_of(struct track *t, struct flow *f, enum side side, const struct verdict *v)
{
	const struct tcp_obs *obs = t->obs;
	struct track_host *h = &t->hosts[f->host[side]];
	const struct track_kept *ref = clock_ref(t, f, side);
	const uint8_t done = side == CLIENT ? FLOW_CLOCK : FLOW_SERVER_CLOCK;

	if (f->flags & (FLOW_SENDSYN | done) || ref == NULL || ref->ts1 == 0)
		return;

	const uint64_t ms = t->now_ms - kept_ms(ref);
	const uint32_t ticks = obs->ts1 - ref->ts1;

	if (ms < UPTIME_WAIT_MIN_MS || ms > UPTIME_WAIT_MAX_MS || ticks < UPTIME_TICKS_MIN ||
	    (ms < GRACE_MS && ~ticks / 1000 < (uint32_t)HZ_MAX / GRACE_MS))
		return;

	const double hz = ticks > ~ticks ? ~ticks * -1000.0 / (double)ms : ticks * 1000.0 / (double)ms;

	if (hz < HZ_MIN || hz > HZ_MAX) {
		if (obs->kind != OBS_SYN) /* there the host may have changed */
			f->flags |= done;
		if (obs->kind == OBS_SYN || obs->kind == OBS_SYNACK)
			h->sig.flags = ((h->sig.flags & ~HOST_TS_STEADY) | HOST_TS_JUMPED) & 63;
		return;
	}
	if (obs->kind == OBS_SYN && h->last_server != server_tag(t))
		h->sig.flags = ((h->sig.flags & ~HOST_TS_JUMPED) | HOST_TS_STEADY) & 63;

	const uint32_t rounded = hz_round((uint32_t)hz);
	struct track_event *e = track_event_add(t, TRACK_UPTIME, f, side, v);

	f->flags |= done;
	if (t->correct && side == CLIENT) {
		struct evidence said = evidence_of(&t->evidence[f->host[CLIENT]]);

		evidence_clock(&said, rounded);
		evidence_keep(&t->evidence[f->host[CLIENT]], said);
	}
	e->clock_hz = (uint16_t)rounded;
	e->raw_hz = hz;
	e->uptime_min = obs->ts1 / rounded / 60;
	e->up_mod_days = UINT32_MAX / (rounded * 86400);
	e->uptime_doubtful = uptime_doubtful(h, rounded);
}
