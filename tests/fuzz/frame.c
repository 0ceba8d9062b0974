/*
 * fuzz: a frame through decode, match, track and the log, in both readings. The first two bytes choose the link type, their highest bit whether
 * tunnels are looked into, the third how much of the frame is captured. The short ways, of plain SYNs, of the index and of kept answers, must
 * say what the long ones say.
 */
#include "core/match_int.h"
#include "core/matchcache.h"
#include "core/p0flog.h"
#include "core/pkt_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char database[] =
    "classes = win,unix\n[mtu]\nlabel = Ethernet\nsig = 1500\n"
    "[tcp:request]\nlabel = s:unix:Linux:3.x\nsig = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0\n"
    "label = g:win:Windows:\nsig = *:128:0:*:*,*:mss,nop,ws,nop,nop,sok:df,id+:0\n"
    "label = s:!:NMap:\nsys = @win\nsig = *:64-:0:1460:1024,0:mss::0\nlabel = s:unix:bare:\nsig = *:255:0:*:%8,*:::*\n"
    "[tcp:response]\nlabel = s:unix:Linux:3.x\nsig = *:64:0:*:mtu*10,*:mss,sok,ts,nop,ws:df:0\n";

static struct sigdb *db;
static struct track *tracks[2];
static struct match_cache cache;

static void begin(void)
{
	struct sig_error err;

	if (sigdb_parse(&db, "database", database, sizeof database - 1, &err) != 0)
		abort();
	for (int compat = 0; compat < 2; compat++) {
		const struct track_conf conf = {
			.flows_max = 16, .hosts_max = 16, .mode = compat ? MATCH_COMPAT_P0F : MATCH_CORRECT, .flow_age_s = 30, .host_age_s = 60,
		};

		if (track_create(&tracks[compat], &conf) != 0)
			abort();
	}
}

static void same_ways(const struct pkt_conf *conf, unsigned link, const uint8_t *frame, size_t caplen, size_t len, const struct tcp_obs *obs)
{
	const enum match_mode mode = conf->compat ? MATCH_COMPAT_P0F : MATCH_CORRECT;
	struct tcp_obs slow = { 0 };
	struct verdict a = { 0 }, b = { 0 };

	if (pkt_any(conf, link, frame, caplen, len, &slow) != PKT_OK)
		abort();
	slow.time_ns = obs->time_ns;
	if (memcmp(&slow, obs, sizeof slow) != 0)
		abort();
	if (obs->kind != OBS_SYN && obs->kind != OBS_SYNACK)
		return;
	match_tcp(db, mode, obs, 0, &a);
	match_tcp_linear(db, mode, obs, 0, &b);
	if (memcmp(&a, &b, sizeof a) != 0)
		abort();
	if (conf->compat)
		return;
	for (int again = 0; again < 2; again++) {
		match_cached(&cache, db, obs, 0, &a);
		if (memcmp(&a, &b, sizeof a) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int64_t time_ns = 1700000000000000000;

	if (db == NULL)
		begin();
	if (size < 3)
		return 0;

	const unsigned link = data[0] | (data[1] & 0x7fu) << 8;
	const bool decapsulate = data[1] & 0x80;
	const size_t len = size - 3;
	const size_t caplen = data[2] == 0 || data[2] > len ? len : data[2];
	/* A block of its own, so that a sanitizer sees one byte too far. */
	uint8_t *frame = malloc(caplen + 1);

	if (frame == NULL)
		return 0;
	memcpy(frame, data + 3, caplen);
	for (int compat = 0; compat < 2; compat++) {
		struct pkt_conf conf = { .compat = compat, .decapsulate = decapsulate };
		struct track_event ev[TRACK_EVENTS_MAX];
		struct p0flog log;
		struct tcp_obs obs;
		char line[P0FLOG_LINE];
		size_t n = 0;

		time_ns += 7000000;
		pkt_guess(&conf, link, frame, caplen);
		if (pkt_decode(&conf, link, frame, caplen, len, time_ns, &obs) != PKT_OK)
			continue;
		same_ways(&conf, link, frame, caplen, len, &obs);
		/* All of the payload is there in compat mode, which alone reads it. */
		if (obs.payload_at > caplen || (compat && obs.payload_len > caplen - obs.payload_at))
			abort();
		track_observe_payload(tracks[compat], db, &obs, compat ? frame + obs.payload_at : NULL, ev, &n);
		p0flog_init(&log, compat ? MATCH_COMPAT_P0F : MATCH_CORRECT);
		for (size_t i = 0; i < n; i++)
			if (p0flog_line(&log, &ev[i], line) >= sizeof line)
				abort();
	}
	free(frame);
	return 0;
}
