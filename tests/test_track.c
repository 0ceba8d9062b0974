/* track: handshakes, repeats, bounds; and that p0f's scoring and uptime come out of flows (the vectors hold the rest). */
#include "tests/sigdb_help.h"

#include "core/track.h"

#include <stdio.h>
#include <string.h>

#define HEAD "classes = win,unix\n[mtu]\nlabel = Ethernet\nsig = 1500\n"
#define DATABASE                                                                       \
	HEAD "[tcp:request]\nlabel = s:unix:Linux:3.x\nsig = *:64:0:*:*,7:mss,ts:df,id+:0\n"  \
	     "label = s:win:Windows:7\nsig = *:128:0:*:*,8:mss:df,id+:0\n"              \
	     "label = s:!:NMap:scan\nsys = @win\nsig = *:64-:0:*:1024,0:mss::0\n"       \
	     "[tcp:response]\nlabel = s:unix:Linux:3.x\nsig = *:64:0:*:*,7:mss,ts:df:0\n"

/* ---- Segments ----------------------------------------------------------------------------- */

static struct fp_addr addr(uint32_t n)
{
	const uint8_t b[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	return fp_addr_from_v4(b);
}

#define CLIENT 0x0a000001u
#define SERVER 0xc0000201u

static struct tcp_obs segment(enum obs_kind kind, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port, int ms)
{
	return (struct tcp_obs){
		.time_ns = (int64_t)1700000000 * 1000000000 + (int64_t)ms * 1000000,
		.src = addr(from), .dst = addr(to), .src_port = from_port, .dst_port = to_port,
		.kind = (uint8_t)kind, .ipver = 4, .ttl = 60, .win = 29200, .tot_hdr = 60,
	};
}

static struct tcp_obs syn(uint32_t from, uint16_t port, uint32_t seq, int ms)
{
	struct tcp_obs o = segment(OBS_SYN, from, port, SERVER, 25, ms);

	o.seq = seq;
	o.mss = 1460;
	o.wscale = 7;
	o.ts1 = 100000 + (uint32_t)ms;
	o.quirks = QUIRK_DF | QUIRK_ID_PLUS;
	o.layout_len = 2;
	o.layout[0] = 2;
	o.layout[1] = 8;
	return o;
}

static struct tcp_obs windows_syn(uint32_t from, uint16_t port, uint32_t seq, int ms)
{
	struct tcp_obs o = syn(from, port, seq, ms);

	o.ttl = 120;
	o.ts1 = 0;
	o.wscale = 8;
	o.layout_len = 1;
	o.layout[1] = 0;
	return o;
}

static struct tcp_obs nmap_syn(uint32_t from, uint16_t port, uint32_t seq, int ms)
{
	struct tcp_obs o = windows_syn(from, port, seq, ms);

	o.ttl = 50;
	o.wscale = 0;
	o.win = 1024;
	o.quirks = 0;
	return o;
}

static struct tcp_obs synack(uint32_t to, uint16_t port, uint32_t seq, uint32_t ack, int ms)
{
	struct tcp_obs o = syn(to, port, seq, ms);

	o.kind = OBS_SYNACK;
	o.src = addr(SERVER);
	o.dst = addr(to);
	o.src_port = 25;
	o.dst_port = port;
	o.ack = ack;
	o.quirks = QUIRK_DF;
	return o;
}

static struct tcp_obs ack(uint32_t from, uint16_t port, uint32_t seq, uint32_t acked, int ms)
{
	struct tcp_obs o = segment(OBS_ACK, from, port, SERVER, 25, ms);

	o.seq = seq;
	o.ack = acked;
	return o;
}

/* ---- What comes out ----------------------------------------------------------------------- */

struct world {
	struct sigdb *db;
	struct track *t;
	struct track_event ev[TRACK_EVENTS_MAX];
	size_t n;
	char words[128]; /* the events' kinds */
	unsigned evicted;
};

static void evict(void *ctx, struct track_host *host)
{
	(void)host;
	((struct world *)ctx)->evicted++;
}

static void begin(struct world *w, enum match_mode mode, uint32_t flows, uint32_t hosts)
{
	const struct track_conf conf = {
		.flows_max = flows, .hosts_max = hosts, .mode = mode, .key = { { 1, 2 } }, .evict = evict, .evict_ctx = w,
	};

	memset(w, 0, sizeof *w);
	w->db = sigdb_of(DATABASE);
	assert_int_equal(track_create(&w->t, &conf), 0);
}

static void end(struct world *w)
{
	track_destroy(&w->t);
	assert_null(w->t);
	sigdb_free(&w->db);
}

static const char *see(struct world *w, struct tcp_obs obs)
{
	static const char *const names[] = { "syn", "syn+ack", "handshake", "change", "sharing", "mtu", "uptime" };

	assert_int_equal(track_observe(w->t, w->db, &obs, w->ev, &w->n), TRACK_APPLIED);
	w->words[0] = '\0';
	for (size_t i = 0; i < w->n; i++) {
		strcat(w->words, i > 0 ? " " : "");
		strcat(w->words, names[w->ev[i].kind]);
	}
	return w->words;
}

/* What event number i says. */
static const struct track_sig *said(struct world *w, size_t i)
{
	static struct track_sig sig;

	return track_event_sig(w->t, &w->ev[i], &sig) ? &sig : NULL;
}

#define SEE(w, obs, want) assert_string_equal(see((w), (obs)), (want))

static struct track_host *host(struct world *w, uint32_t n)
{
	const struct fp_addr a = addr(n);

	return track_find(w->t, &a);
}

/* What the host said last; NULL: nothing. */
static const struct track_sig *sig_of(struct world *w, uint32_t n, bool *synack)
{
	static struct track_sig sig;

	return track_host_sig(w->t, host(w, n), &sig, synack) ? &sig : NULL;
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void test_handshake(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 16);
	SEE(&w, syn(CLIENT, 40000, 1000, 0), "syn mtu");
	assert_string_equal(w.ev[0].verdict.label->name, "Linux");
	assert_string_equal(w.ev[1].verdict.link, "Ethernet");
	assert_int_equal(said(&w, 0)->dist, 4);
	SEE(&w, syn(CLIENT, 40000, 1000, 1), ""); /* sent again */
	SEE(&w, ack(CLIENT, 40000, 1001, 555, 2), "");
	SEE(&w, synack(CLIENT, 40000, 2000, 1001, 30), "syn+ack mtu");
	assert_true(w.ev[0].server);
	SEE(&w, synack(CLIENT, 40000, 2000, 1001, 31), "");
	SEE(&w, ack(CLIENT, 40000, 1001, 2002, 32), "");      /* acknowledges what nobody sent */
	SEE(&w, ack(CLIENT, 40000, 1001, 2000, 33), "");      /* nor is that enough */
	SEE(&w, ack(CLIENT, 40000, 1002, 2001, 34), "");      /* nor is it in sequence */
	SEE(&w, ack(CLIENT, 40000, 1001, 2001, 35), "handshake");
	assert_non_null(said(&w, 0));
	assert_string_equal(said(&w, 0)->label->name, "Linux");
	SEE(&w, ack(CLIENT, 40000, 1001, 2001, 36), "");

	struct tcp_obs fin = ack(CLIENT, 40000, 1001, 2001, 40);

	fin.kind = OBS_FIN;
	SEE(&w, fin, "");
	SEE(&w, ack(CLIENT, 40000, 1001, 2001, 41), ""); /* the flow is gone */

	struct track_stats stats;

	track_stats(w.t, &stats);
	assert_int_equal(stats.flows, 0);
	assert_int_equal(stats.hosts, 2);
	end(&w);
}

/* The ACK may overtake the SYN+ACK between two queues. */
static void test_early_ack(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 16);
	see(&w, syn(CLIENT, 40000, 1000, 0));
	SEE(&w, ack(CLIENT, 40000, 1001, 2001, 5), "");
	SEE(&w, synack(CLIENT, 40000, 2000, 1001, 10), "syn+ack mtu handshake");
	see(&w, syn(CLIENT, 40001, 1000, 100));
	SEE(&w, ack(CLIENT, 40001, 1001, 2001, 105), "");
	SEE(&w, synack(CLIENT, 40001, 2000, 1001, 126), "syn+ack mtu uptime"); /* too long ago */
	end(&w);
	/* p0f drops the flow at such an ACK */
	begin(&w, MATCH_COMPAT_P0F, 16, 16);
	see(&w, syn(CLIENT, 40000, 1000, 0));
	SEE(&w, ack(CLIENT, 40000, 1001, 2001, 5), "");
	SEE(&w, synack(CLIENT, 40000, 2000, 1001, 10), "");
	end(&w);
}

/* Whatever SYNs come in a client's name: a handshake names the signature of its own, and the host is that again. */
static void test_handshake_of_another_syn(void **state)
{
	static const struct {
		const char *why;
		struct tcp_obs (*first)(uint32_t from, uint16_t port, uint32_t seq, int ms);
		struct tcp_obs (*between)(uint32_t from, uint16_t port, uint32_t seq, int ms);
		const char *said; /* by the handshake's event; NULL: no signature */
		const char *host;
	} rows[] = {
		{ "a SYN of another system", syn, windows_syn, "Linux", "Linux" },
		{ "of the same", syn, syn, "Linux", "Linux" },
		{ "of a tool", syn, nmap_syn, "Linux", "Linux" },
		{ "a tool's handshake says nothing of a host whose system is known", nmap_syn, syn, NULL, "Linux" },
		{ "but it is all that is known of others", nmap_syn, nmap_syn, "NMap", "NMap" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;
		bool is_synack;

		begin(&w, MATCH_CORRECT, 16, 16);
		see(&w, rows[i].first(CLIENT, 40000, 1000, 0));
		see(&w, rows[i].between(CLIENT, 40001, 1000, 1));
		see(&w, synack(CLIENT, 40000, 2000, 1001, 30));
		SEE(&w, ack(CLIENT, 40000, 1001, 2001, 31), "handshake");

		const struct track_sig *of_it = said(&w, 0), *of_host = sig_of(&w, CLIENT, &is_synack);
		const char *name = of_it == NULL ? NULL : of_it->label->name;

		if ((name == NULL) != (rows[i].said == NULL) || (name != NULL && strcmp(name, rows[i].said) != 0))
			fail_msg("%s: got %s, want %s", rows[i].why, name, rows[i].said);
		if (strcmp(of_host->label->name, rows[i].host) != 0 || is_synack)
			fail_msg("%s: the host is %s, want %s", rows[i].why, of_host->label->name, rows[i].host);
		end(&w);
	}
}

/* The ACK may come with the SYN+ACK that it overtook: the event of the SYN+ACK keeps its own signature. */
static void test_overtaken_and_another_syn(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 16);
	see(&w, syn(CLIENT, 40000, 1000, 0));
	see(&w, windows_syn(CLIENT, 40001, 1000, 1));
	see(&w, ack(CLIENT, 40000, 1001, 2001, 5));
	SEE(&w, synack(CLIENT, 40000, 2000, 1001, 10), "syn+ack mtu handshake");
	assert_int_equal(said(&w, 0)->src_port, 25);
	assert_int_equal(said(&w, 2)->src_port, 40000);
	end(&w);
}

/* In compat mode a flow lives as long as p0f takes it for HTTP; what its clock tells then is found. */
static void test_http_keeps_a_flow(void **state)
{
	static const struct {
		const char *why, *said;
		bool server, bytes;
		const char *later;
	} rows[] = {
		{ "a request", "GET / HTTP/1.0\r\n", false, true, "uptime" },
		{ "SMTP", "EHLO mail.example\r\n", false, true, "" },
		{ "a server that speaks first", "220 hello", true, true, "" },
		{ "bytes that nobody showed", "GET / HTTP/1.0\r\n", false, false, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;
		struct tcp_obs o = ack(CLIENT, 40000, 1001, 2001, 5), later;
		size_t n;

		begin(&w, MATCH_COMPAT_P0F, 16, 16);
		see(&w, syn(CLIENT, 40000, 1000, 0));
		see(&w, synack(CLIENT, 40000, 2000, 1001, 2));
		if (rows[i].server)
			o = synack(CLIENT, 40000, 2001, 1001, 5);
		o.kind = OBS_ACK;
		o.ts1 = 0;
		o.payload_len = (uint32_t)strlen(rows[i].said);
		track_observe_payload(w.t, w.db, &o, rows[i].bytes ? (const uint8_t *)rows[i].said : NULL, w.ev, &n);
		later = ack(CLIENT, 40000, rows[i].server ? 1001 : 1001 + o.payload_len, 2001, 500);
		later.ts1 = 100500;
		if (strcmp(see(&w, later), rows[i].later) != 0)
			fail_msg("%s: later \"%s\", want \"%s\"", rows[i].why, w.words, rows[i].later);
		end(&w);
	}
}

/* p0f looks at ages after so many frames, those that it drops among them. */
static void test_dropped_frames_count(void **state)
{
	for (unsigned dropped = 47; dropped < 49; dropped++) {
		struct world w;
		const struct track_conf conf = { .flows_max = 16, .hosts_max = 16, .mode = MATCH_COMPAT_P0F, .flow_age_s = 30 };

		(void)state;
		begin(&w, MATCH_COMPAT_P0F, 16, 16);
		track_destroy(&w.t);
		assert_int_equal(track_create(&w.t, &conf), 0);
		see(&w, syn(CLIENT, 40000, 1000, 0));
		for (unsigned i = 0; i < dropped; i++)
			track_dropped(w.t, (int64_t)1700000040 * 1000000000);
		/* The 49th frame: a repeat; the 50th: p0f has just forgotten the flow. */
		SEE(&w, syn(CLIENT, 40000, 1000, 40000), dropped == 47 ? "" : "syn mtu uptime");
		end(&w);
	}
}

/* flows.keep: after so long a flow is forgotten, by the clock of the packets; not because a source is a little behind. */
static void test_flow_age(void **state)
{
	static const struct {
		const char *why;
		uint32_t keep_s;
		int ms; /* from the SYN to what is seen 50 times then */
		bool kept;
	} rows[] = {
		{ "not yet", 30, 30000, true },
		{ "too old", 30, 31000, false },
		{ "no age: as long as there is room", 0, 86400000, true },
		{ "a clock that is behind", 30, -5000, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct track_conf conf = { .flows_max = 64, .hosts_max = 64, .mode = MATCH_CORRECT, .flow_age_s = rows[i].keep_s };
		struct world w;

		begin(&w, MATCH_CORRECT, 16, 16);
		track_destroy(&w.t);
		assert_int_equal(track_create(&w.t, &conf), 0);
		see(&w, syn(CLIENT, 40000, 1000, 0));
		for (int n = 0; n < 50; n++)
			see(&w, syn(CLIENT + 1, (uint16_t)(41000 + n), 1000, rows[i].ms));
		const uint64_t want = 50 + rows[i].kept;
		struct track_stats s;

		track_stats(w.t, &s);
		if (s.flows != want)
			fail_msg("%s: %u flows, want %u", rows[i].why, (unsigned)s.flows, (unsigned)want);
		end(&w);
	}
}

/* A clock's rate is sure, its beginning is not: a row is one client's connections. */
static void test_uptime_doubt(void **state)
{
	static const struct {
		const char *why;
		struct {
			int ms;
			uint32_t ts1;
			uint8_t server; /* last byte of its address */
		} syn[4];
		uint32_t ack_ticks; /* of an ACK 100 ms after the last SYN */
		bool doubtful;
	} rows[] = {
		{ "100 Hz: an old stack", { { 0, 5000, 1 } }, 10, false },
		{ "250 Hz", { { 0, 5000, 1 } }, 25, false },
		{ "1000 Hz: today's Linux begins anywhere", { { 0, 5000, 1 } }, 100, true },
		{ "measured a little slow", { { 0, 5000, 1 } }, 95, true },
		{ "it went on, to the same server: so does Linux", { { 0, 5000, 1 }, { 2000, 7000, 1 } }, 100, true },
		{ "it went on to another: one clock for all", { { 0, 5000, 1 }, { 2000, 7000, 2 } }, 100, false },
		{ "and jumped at the third", { { 0, 5000, 1 }, { 2000, 7000, 2 }, { 4000, 900000000, 3 } }, 100, true },
		{ "100 Hz, and it jumped", { { 0, 5000, 1 }, { 2000, 900000000, 1 } }, 10, true },
		{ "100 Hz, and it jumped back", { { 0, 900000000, 1 }, { 2000, 5000, 1 } }, 10, true },
		{ "then it went on to the same server", { { 0, 5000, 1 }, { 2000, 90000000, 1 }, { 4000, 90000200, 1 } }, 10, true },
		{ "then to another", { { 0, 5000, 1 }, { 2000, 90000000, 1 }, { 4000, 90000200, 2 } }, 10, false },
		{ "too long ago to tell", { { 0, 5000, 1 }, { 700000, 900000000, 1 } }, 10, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;
		struct tcp_obs o = { 0 };
		size_t s = 0;

		begin(&w, MATCH_CORRECT, 16, 16);
		for (; s < ARRAY_LEN(rows[i].syn) && rows[i].syn[s].server != 0; s++) {
			o = syn(CLIENT, (uint16_t)(40000 + s), 1000, rows[i].syn[s].ms);
			o.dst = addr(SERVER + rows[i].syn[s].server);
			o.ts1 = rows[i].syn[s].ts1;
			see(&w, o);
		}

		struct tcp_obs answer = synack(CLIENT, o.src_port, 2000, 1001, rows[i].syn[s - 1].ms + 10), a = ack(CLIENT, o.src_port, 1001, 2001, rows[i].syn[s - 1].ms + 100);
		bool doubtful = w.n > 0 && w.ev[w.n - 1].kind == TRACK_UPTIME && w.ev[w.n - 1].uptime_doubtful;

		if (w.n == 0 || w.ev[w.n - 1].kind != TRACK_UPTIME) { /* else the SYN has told */
			answer.ts1 = 0;
			answer.src = a.dst = o.dst;
			a.ts1 = o.ts1 + rows[i].ack_ticks;
			see(&w, answer);
			SEE(&w, a, "handshake uptime");
			doubtful = w.ev[1].uptime_doubtful;
		}
		if (doubtful != rows[i].doubtful)
			fail_msg("%s: %s", rows[i].why, doubtful ? "doubtful" : "believed");
		end(&w);
	}
}

/* Another SYN in between, with timestamps of its own: the clock is measured from the flow's own. p0f measures from the last. */
static void test_clock_of_its_own_syn(void **state)
{
	for (int correct = 0; correct < 2; correct++) {
		struct world w;
		struct tcp_obs other = syn(CLIENT, 40001, 1000, 10), answer = synack(CLIENT, 40000, 2000, 1001, 20), a = ack(CLIENT, 40000, 1001, 2001, 100);

		(void)state;
		begin(&w, correct ? MATCH_CORRECT : MATCH_COMPAT_P0F, 16, 16);
		see(&w, syn(CLIENT, 40000, 1000, 0));
		other.ts1 = 900000000;
		see(&w, other);
		answer.ts1 = 0;
		see(&w, answer);
		a.ts1 = 100100;
		SEE(&w, a, correct ? "handshake uptime" : "handshake");
		if (correct)
			assert_int_equal(w.ev[1].clock_hz, 1000);
		end(&w);
	}
}

static void test_stray_synack(void **state)
{
	struct world w;
	bool is_synack;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 16);
	SEE(&w, synack(CLIENT, 40000, 2000, 1001, 0), "syn+ack mtu");
	assert_string_equal(w.ev[0].verdict.label->name, "Linux");
	assert_non_null(sig_of(&w, SERVER, &is_synack));
	assert_true(is_synack);
	assert_null(sig_of(&w, CLIENT, &is_synack));
	end(&w);
	begin(&w, MATCH_COMPAT_P0F, 16, 16);
	SEE(&w, synack(CLIENT, 40000, 2000, 1001, 0), "");
	end(&w);
}

/* One host as client and as server: each side is held against its own kind. */
static void test_both_sides(void **state)
{
	struct world w;
	bool is_synack;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 16);
	see(&w, syn(CLIENT, 40000, 1000, 0));
	SEE(&w, synack(CLIENT, 40000, 2000, 1001, 30), "syn+ack mtu");

	struct tcp_obs o = syn(SERVER, 50000, 7000, 60);

	o.dst = addr(CLIENT);
	SEE(&w, o, "syn mtu"); /* no uptime: of a SYN+ACK it would be 30 ms */
	assert_non_null(sig_of(&w, SERVER, &is_synack));
	assert_false(is_synack);
	see(&w, syn(CLIENT, 40001, 1000, 130));
	SEE(&w, synack(CLIENT, 40001, 2000, 1001, 160), "syn+ack mtu uptime");
	assert_true(w.ev[2].raw_hz > 999.9 && w.ev[2].raw_hz < 1000.1);
	assert_int_equal(w.ev[2].clock_hz, 1000);
	end(&w);
}

static void test_change_and_sharing(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MATCH_CORRECT, 64, 64);
	SEE(&w, syn(CLIENT, 40000, 1, 0), "syn mtu");
	SEE(&w, windows_syn(CLIENT, 40001, 1, 100), "syn change mtu");
	assert_int_equal(w.ev[1].reason, REASON_OS_DIFF);
	SEE(&w, syn(CLIENT, 40002, 1, 200), "syn change mtu");
	SEE(&w, windows_syn(CLIENT, 40003, 1, 300), "syn sharing mtu");
	assert_int_equal(w.ev[1].hits[0], 3);
	SEE(&w, syn(CLIENT, 40004, 1, 400), "syn change mtu"); /* cleared: counts from the start */
	end(&w);
}

/* A tool's SYN does not change what the host is; until there is a system it is all we know. */
static void test_tool(void **state)
{
	struct world w;
	bool is_synack;

	(void)state;
	begin(&w, MATCH_CORRECT, 64, 64);
	SEE(&w, nmap_syn(CLIENT, 40000, 1, 0), "syn");
	assert_true(sig_of(&w, CLIENT, &is_synack)->label->app);
	SEE(&w, syn(CLIENT, 40001, 1, 100), "syn mtu"); /* no change: there was no system */
	assert_string_equal(sig_of(&w, CLIENT, &is_synack)->label->name, "Linux");
	SEE(&w, nmap_syn(CLIENT, 40002, 1, 200), "syn change"); /* which is said to run on Windows */
	assert_int_equal(w.ev[1].reason, REASON_APP_VS_OS);
	assert_string_equal(sig_of(&w, CLIENT, &is_synack)->label->name, "Linux");
	end(&w);
}

/* p0f takes a fall of the TTL of a far host for nothing; it is as odd as a rise. */
static void test_ttl_sign(void **state)
{
	for (int correct = 0; correct < 2; correct++) {
		struct world w;
		struct tcp_obs far = syn(CLIENT, 40000, 1, 0), farther = syn(CLIENT, 40001, 1, 100);

		(void)state;
		far.ts1 = farther.ts1 = 0;
		far.ttl = 50;
		farther.ttl = 44;
		begin(&w, correct ? MATCH_CORRECT : MATCH_COMPAT_P0F, 64, 64);
		see(&w, far);
		SEE(&w, farther, correct ? "syn change mtu" : "syn mtu");
		end(&w);
	}
}

/* A flood of new hosts displaces new hosts; one that completed a handshake stays, and the tables never grow. */
static void test_flood(void **state)
{
	struct world w;
	struct track_stats before, after;

	(void)state;
	begin(&w, MATCH_CORRECT, 100, 100);
	for (uint32_t i = 0; i < 40; i++) {
		see(&w, syn(CLIENT + i, 40000, 1000, (int)i));
		see(&w, synack(CLIENT + i, 40000, 2000, 1001, (int)i));
		SEE(&w, ack(CLIENT + i, 40000, 1001, 2001, (int)i), "handshake");
	}
	track_stats(w.t, &before);

	const uint32_t number = track_host_number(w.t, host(&w, CLIENT)), server = track_host_number(w.t, host(&w, SERVER));

	for (uint32_t i = 0; i < 100000; i++)
		SEE(&w, syn(0x30000000 + i, 40000, i, 1000), "syn mtu");
	track_stats(w.t, &after);
	assert_int_equal(after.hosts, 100);
	assert_int_equal(after.flows, 100);
	assert_int_equal(after.bytes, before.bytes);
	assert_int_equal(after.hosts_evicted, 40 + 1 + 100000 - 100);
	assert_int_equal(w.evicted, after.hosts_evicted);
	for (uint32_t i = 0; i < 40; i++)
		assert_non_null(host(&w, CLIENT + i));
	assert_ptr_equal(track_host_at(w.t, number), host(&w, CLIENT));
	assert_ptr_equal(track_host_at(w.t, server), host(&w, SERVER)); /* in every flow: never the oldest */
	assert_null(track_host_at(w.t, 100));
	assert_null(host(&w, 0x30000000));
	assert_non_null(host(&w, 0x30000000 + 99999));
	end(&w);
}

/* The unspecified address is one like others, also as the first of all. */
static void test_unspecified_address(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 4);

	struct tcp_obs nobody = syn(CLIENT, 40000, 1, 0);

	memset(&nobody.src, 0, sizeof nobody.src);
	SEE(&w, nobody, "syn mtu");
	nobody.src_port++;
	SEE(&w, nobody, "syn mtu");
	assert_non_null(track_find(w.t, &nobody.src));
	for (uint32_t i = 0; i < 20; i++) /* others, so that it has to go */
		see(&w, syn(CLIENT + i, 40000, 1, (int)i));
	assert_null(track_find(w.t, &nobody.src));

	struct track_stats stats;

	track_stats(w.t, &stats);
	assert_int_equal(stats.hosts, 4);
	end(&w);
}

/* A SYN that nobody else sends: of that window and MSS. */
static struct tcp_obs odd_syn(uint32_t i, uint16_t port)
{
	struct tcp_obs o = syn(CLIENT + i, port, 1000, (int)i);

	o.win = (uint16_t)(i / 1000 + 1);
	o.mss = (uint16_t)(i % 1000 + 100);
	return o;
}

/*
 * What signatures consist of is kept once, and there is room for so many. A flood in which each is of its own displaces those never confirmed;
 * confirmed hosts never go for one, and what has no room then is refused and changes nothing.
 */
static void test_odd_signatures(void **state)
{
	struct world w;
	struct track_stats stats;
	static bool kept[20000];
	uint32_t confirmed = 0;

	(void)state;
	begin(&w, MATCH_CORRECT, 64, 40000);
	for (uint32_t i = 0; i < 60000; i++)
		SEE(&w, odd_syn(i, 40000), "syn mtu");
	track_stats(w.t, &stats);
	assert_in_range(stats.hosts, 4096, 7000);
	assert_non_null(host(&w, CLIENT + 59999));
	assert_null(host(&w, CLIENT));

	for (uint32_t i = 0; i < 20000; i++) {
		struct tcp_obs o = odd_syn(i, 40001);
		const struct tcp_obs answer = synack(CLIENT + i, 40001, 2000, 1001, (int)i);
		bool is_synack;

		if (track_observe(w.t, w.db, &o, w.ev, &w.n) == TRACK_REFUSED || track_observe(w.t, w.db, &answer, w.ev, &w.n) == TRACK_REFUSED) {
			assert_int_equal(w.n, 0);
			SEE(&w, ack(CLIENT + i, 40001, 1001, 2001, (int)i), ""); /* nothing was seen that it could acknowledge */
			continue;
		}
		SEE(&w, ack(CLIENT + i, 40001, 1001, 2001, (int)i), "handshake");
		assert_int_equal(sig_of(&w, CLIENT + i, &is_synack)->mss, o.mss);
		kept[i] = true;
		confirmed++;
	}
	track_stats(w.t, &stats);
	assert_in_range(confirmed, 4096, 7000);
	assert_int_equal(stats.confirmed, confirmed);
	assert_int_equal(stats.confirmed_evicted, 0);
	for (uint32_t i = 0; i < ARRAY_LEN(kept); i++) {
		if (!kept[i])
			continue;
		bool is_synack;
		const struct track_sig *sig = sig_of(&w, CLIENT + i, &is_synack);

		assert_int_equal(sig->mss, i % 1000 + 100);
		assert_int_equal(sig->win, i / 1000 + 1);
	}
	/* What others say too has a place, whoever says it. */
	struct tcp_obs known = odd_syn(7, 40002);

	assert_true(kept[7]);
	known.src = addr(0x7f000001);
	SEE(&w, known, "syn mtu");
	end(&w);
}

/* The smallest tables, all of them confirmed: the two ends of one segment never displace each other. */
static void test_smallest(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MATCH_CORRECT, 1, 2);
	for (uint32_t i = 0; i < 1000; i++) {
		see(&w, syn(CLIENT + i, 40000, 1000, (int)i));
		see(&w, synack(CLIENT + i, 40000, 2000, 1001, (int)i));
		SEE(&w, ack(CLIENT + i, 40000, 1001, 2001, (int)i), "handshake");
	}
	end(&w);

	struct track *t;

	assert_true(track_create(&t, &(struct track_conf){ .flows_max = 0, .hosts_max = 2 }) < 0);
	assert_true(track_create(&t, &(struct track_conf){ .flows_max = 1, .hosts_max = 1 }) < 0);
	track_destroy(&t);
}

/* Other signatures, same hosts: labels are found again by their id, and what is gone is unknown. */
static void test_relabel(void **state)
{
	struct world w;
	bool is_synack;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 4);
	for (uint32_t i = 0; i < 10; i++) { /* evictions, so that free slots hold old labels */
		see(&w, syn(CLIENT + i, 40000, 1000, 0));
		see(&w, synack(CLIENT + i, 40000, 2000, 1001, 30));
	}
	see(&w, syn(CLIENT, 40000, 1000, 100));
	see(&w, windows_syn(CLIENT + 1, 40000, 1000, 100));

	struct sigdb *fresh = sigdb_of(HEAD "[tcp:request]\nlabel = s:unix:Other:\nlabel = s:unix:Linux:3.x\n");

	track_relabel(w.t, fresh);
	sigdb_free(&w.db);
	w.db = fresh;

	size_t n;
	const struct sig_label *labels = sigdb_labels(fresh, &n);

	assert_ptr_equal(sig_of(&w, CLIENT, &is_synack)->label, &labels[1]);
	assert_null(sig_of(&w, CLIENT + 1, &is_synack)->label);
	see(&w, syn(CLIENT, 40001, 1000, 200));
	end(&w);
}

/* More option layouts than there are numbers for: the last ones have none, and nothing else suffers. */
static void test_layouts(void **state)
{
	struct world w;
	uint8_t len, pad;
	bool is_synack;
	uint16_t last = 0;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 16);
	for (uint32_t i = 0; i < 20000; i++) {
		struct tcp_obs o = syn(CLIENT, (uint16_t)(i + 1), i, (int)i);

		o.layout_len = 4;
		o.layout[2] = (uint8_t)(i >> 8 | 64);
		o.layout[3] = (uint8_t)i;
		see(&w, o);

		const uint16_t number = sig_of(&w, CLIENT, &is_synack)->layout;

		if (number != 0) {
			const uint8_t *kinds = track_layout(w.t, number, &len, &pad);

			assert_int_equal(len, 4);
			assert_memory_equal(kinds, o.layout, 4);
			last = number;
		}
	}
	assert_true(last > 1000);
	assert_null(track_layout(w.t, 0, &len, &pad));
	end(&w);
}

/* Times go backwards: a host was first seen at the least, last at the greatest. */
static void test_times_backwards(void **state)
{
	struct world w;
	int64_t first, last;

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 16);
	see(&w, syn(CLIENT, 40000, 1000, 10000));
	see(&w, syn(CLIENT, 40001, 1000, 3000));
	see(&w, syn(CLIENT, 40002, 1000, 20000));
	see(&w, syn(CLIENT, 40003, 1000, 15000));
	track_host_seen(host(&w, CLIENT), &first, &last);
	assert_int_equal((last - first) / 1000000000, 17);
	end(&w);
}

/* A part of the table is for hosts that never completed a handshake, and on probation they have no more. */
static void test_probation_part(void **state)
{
	struct world w;
	struct track_stats stats;
	struct fp_cidr block;
	const struct track_conf conf = {
		.flows_max = 256, .hosts_max = 40, .probation_max = 10, .mode = MATCH_CORRECT, .evict = evict, .evict_ctx = &w };

	(void)state;
	begin(&w, MATCH_CORRECT, 16, 16);
	track_destroy(&w.t);
	assert_int_equal(track_create(&w.t, &conf), 0);
	for (uint32_t i = 0; i < 30; i++) {
		see(&w, syn(CLIENT + i, 40000, 1000, (int)i * 100));
		see(&w, synack(CLIENT + i, 40000, 2000, 1001, (int)i * 100 + 1));
		see(&w, ack(CLIENT + i, 40000, 1001, 2001, (int)i * 100 + 2));
	}
	track_stats(w.t, &stats);
	assert_int_equal(stats.confirmed, 30);
	assert_int_equal(stats.confirmed_evicted, 0);

	track_probation(w.t, true);
	for (uint32_t i = 0; i < 500; i++)
		see(&w, syn(CLIENT + 1000 + i, 40000, 1000, 5000 + (int)i));
	track_stats(w.t, &stats);
	assert_int_equal(stats.confirmed, 30);
	assert_int_equal(stats.confirmed_evicted, 0);
	assert_in_range(stats.hosts, 31, 40);
	for (uint32_t i = 0; i < 30; i++)
		assert_true(track_host_confirmed(host(&w, CLIENT + i)));

	/* One more confirmed: another confirmed one goes, and the part stays free. */
	see(&w, syn(CLIENT + 100, 40000, 1000, 9000));
	see(&w, synack(CLIENT + 100, 40000, 2000, 1001, 9001));
	SEE(&w, ack(CLIENT + 100, 40000, 1001, 2001, 9002), "handshake");
	track_stats(w.t, &stats);
	assert_int_equal(stats.confirmed, 30);
	assert_int_equal(stats.confirmed_evicted, 1);

	/* Everybody is forgotten; who comes again comes for the first time. */
	assert_int_equal(fp_cidr_parse(&block, "::/0"), 0);
	assert_int_equal(track_forget(w.t, &block), stats.hosts);
	track_stats(w.t, &stats);
	assert_int_equal(stats.hosts, 0);
	assert_int_equal(stats.confirmed, 0);
	SEE(&w, ack(CLIENT + 100, 40000, 1001, 2001, 9003), "");
	see(&w, syn(CLIENT, 40009, 1000, 9100));
	assert_false(track_host_confirmed(host(&w, CLIENT)));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake), cmocka_unit_test(test_early_ack), cmocka_unit_test(test_handshake_of_another_syn),
		cmocka_unit_test(test_overtaken_and_another_syn), cmocka_unit_test(test_http_keeps_a_flow), cmocka_unit_test(test_dropped_frames_count),
		cmocka_unit_test(test_flow_age), cmocka_unit_test(test_uptime_doubt), cmocka_unit_test(test_clock_of_its_own_syn),
		cmocka_unit_test(test_stray_synack), cmocka_unit_test(test_both_sides), cmocka_unit_test(test_change_and_sharing),
		cmocka_unit_test(test_tool), cmocka_unit_test(test_ttl_sign), cmocka_unit_test(test_flood), cmocka_unit_test(test_unspecified_address), cmocka_unit_test(test_odd_signatures), cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_relabel), cmocka_unit_test(test_layouts), cmocka_unit_test(test_times_backwards),
		cmocka_unit_test(test_probation_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
