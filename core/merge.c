/* merge - one host's record and a delta to the record that follows. */
#include "core/merge.h"

#include <string.h>

#define HANDSHAKES_MAX 0xFFFFFFu /* 24 bits in the record */

void merge_empty(struct fp_host *host)
{
	memset(host, 0, sizeof *host);
	host->distance = FP_DISTANCE_UNKNOWN;
}

static uint32_t add_to(uint32_t a, uint32_t b, uint32_t top)
{
	return b > top || a > top - b ? top : a + b;
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a | b;
	return a < b ? a : b;
}

/*
 * Whether the delta's verdict takes the place of the old one. A confirmed client beats one that may be
 * spoofed, what it says as a client beats what it says as a server (signatures of SYN+ACKs depend
 * on who asked), then the newer; within one second the one that came last.
 */
static bool verdict_wins(const struct fp_host *old, const struct fp_host *delta)
{
	if (delta->verdict_seen == 0)
		return false;
	if (old->verdict_seen == 0)
		return true;
	if (delta->confirmed != old->confirmed)
		return delta->confirmed;
	if (delta->synack != old->synack)
		return !delta->synack;
	return delta->verdict_seen >= old->verdict_seen;
}

/* Label and signature are of one packet: all or nothing. */
static void take_verdict(struct fp_host *old, const struct fp_host *delta)
{
	old->label = delta->label;
	old->layout = delta->layout;
	old->origin = delta->origin;
	old->verdict_seen = delta->verdict_seen;
	old->quirks = delta->quirks;
	old->mss = delta->mss;
	old->win = delta->win;
	old->win_multiple = delta->win_multiple;
	old->win_unit = delta->win_unit;
	old->path = delta->path;
	old->ecn = delta->ecn;
	old->ttl = delta->ttl;
	old->wscale = delta->wscale;
	old->olen = delta->olen;
	old->distance = delta->distance;
	old->match = delta->match;
	memcpy(old->candidate, delta->candidate, sizeof old->candidate);
	old->confirmed = delta->confirmed;
	old->synack = delta->synack;
	old->ipv6 = delta->ipv6;
	old->payload = delta->payload;
	old->random_ttl = delta->random_ttl;
}

void merge_delta(struct fp_host *old, const struct fp_host *delta)
{
	/* Clock and client software have no time of their own: the host's stands in. */
	const bool newer = delta->last_seen >= old->last_seen;

	if (verdict_wins(old, delta))
		take_verdict(old, delta);
	if (delta->clock_hz != 0 && (newer || old->clock_hz == 0)) {
		old->clock_hz = delta->clock_hz;
		old->uptime_min = delta->uptime_min;
		old->uptime_doubtful = delta->uptime_doubtful;
	}
	if (delta->app != 0 && (newer || old->app == 0)) {
		old->app = delta->app;
		old->bad_sw = delta->bad_sw;
	}
	if (delta->shared > old->shared ||
	    (delta->shared == old->shared && delta->sharing > old->sharing))
		old->sharing = delta->sharing;
	old->shared = later(old->shared, delta->shared);
	old->os_changed = later(old->os_changed, delta->os_changed);
	old->first_seen = earlier(old->first_seen, delta->first_seen);
	old->last_seen = later(old->last_seen, delta->last_seen);
	old->connections = add_to(old->connections, delta->connections, UINT32_MAX);
	old->handshakes = add_to(old->handshakes, delta->handshakes, HANDSHAKES_MAX);
}
