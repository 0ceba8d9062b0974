/*
 * test_matcher - what of a client is sent to the store, and when: news with its batch, repeats together, nothing lost. The
 * store is stood in for by an array that may refuse.
 */
#include "tests/test.h"

#include "core/matcher.h"
#include "core/merge.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char signatures[] =
    "classes = win,unix,other\n"
    "[tcp:request]\n"
    "label = s:unix:Linux:new\n"
    "sig = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0\n"
    "label = s:win:Windows:10\n"
    "sig = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+:0\n";

#define SENT_MAX 100000

struct store {
	struct delta sent[SENT_MAX];
	size_t n;
	size_t room; /* for what can wait */
	bool refuses;
};

static size_t take(void *ctx, unsigned matcher, const struct delta *deltas, size_t n)
{
	struct store *s = ctx;

	(void)matcher;
	if (s->refuses || s->n + n > SENT_MAX)
		return 0;
	memcpy(&s->sent[s->n], deltas, n * sizeof *deltas);
	s->n += n;
	return n;
}

static size_t room_of(void *ctx, unsigned matcher)
{
	const struct store *s = ctx;

	(void)matcher;
	return s->room;
}

struct fixture {
	struct store *store;
	struct sink sink;
	struct sigdb *db;
	struct counters *counters;
	struct matcher *m;
	_Atomic(const struct sigdb *) a_sigdb;
};

/* What of conf is not set is set as most tests want it. */
static void begin_conf(struct fixture *f, struct matcher_conf conf)
{
	struct sig_error err;

	memset(f, 0, sizeof *f);
	f->store = calloc(1, sizeof *f->store);
	assert_non_null(f->store);
	f->store->room = SIZE_MAX;
	f->sink = (struct sink){ f->store, take, room_of };
	assert_int_equal(sigdb_parse(&f->db, "test", signatures, sizeof signatures - 1, &err), 0);
	atomic_init(&f->a_sigdb, f->db);
	assert_int_equal(counters_create(&f->counters, 1, 1), 0);

	conf.queues = 1;
	conf.flows_max = conf.flows_max != 0 ? conf.flows_max : 1024;
	conf.sink = &f->sink;
	conf.counters = f->counters;
	conf.a_sigdb = &f->a_sigdb;
	assert_int_equal(matcher_create(&f->m, &conf), 0);
}

static void begin_mode(struct fixture *f, uint32_t hosts_max, uint32_t ring_slots, bool bulk)
{
	begin_conf(f, (struct matcher_conf){
	    .ring_slots = ring_slots, .hosts_max = hosts_max, .bulk = bulk, .handshake = PROBATION_IGNORE });
}

static void begin_with(struct fixture *f, uint32_t hosts_max, uint32_t ring_slots)
{
	begin_mode(f, hosts_max, ring_slots, false);
}

static void end(struct fixture *f)
{
	matcher_destroy(&f->m);
	sigdb_free(&f->db);
	counters_destroy(&f->counters);
	free(f->store);
}

static uint64_t count(struct fixture *f, enum counter c)
{
	return counters_get(f->counters, c, COUNTERS_SUM);
}

/* Every change is in a delta, or joined with one that is, or still unsent. */
static void assert_accounted(struct fixture *f, uint64_t unsent)
{
	assert_int_equal(count(f, C_CHANGED), count(f, C_COALESCED) + count(f, C_DELTAS) + unsent);
}

enum system { LINUX, WINDOWS };

static struct tcp_obs segment(enum obs_kind kind, unsigned client, uint16_t port, uint32_t seq, int64_t ms)
{
	const uint8_t from[4] = { 192, 0, (uint8_t)(client >> 8), (uint8_t)client }, to[4] = { 198, 51, 100, 1 };
	struct tcp_obs o = {
		.time_ns = (1700000000000 + ms) * 1000000, .src = fp_addr_from_v4(from), .dst = fp_addr_from_v4(to),
		.seq = seq, .src_port = port, .dst_port = 25, .kind = (uint8_t)kind, .ipver = 4, .tot_hdr = 40,
	};

	return o;
}

static struct tcp_obs syn(enum system system, unsigned client, uint16_t port, uint32_t seq, int64_t ms)
{
	static const uint8_t linux_layout[] = { 2, 4, 8, 1, 3 }, windows_layout[] = { 2, 1, 3, 1, 1, 4 };
	struct tcp_obs o = segment(OBS_SYN, client, port, seq, ms);

	o.quirks = QUIRK_DF | QUIRK_ID_PLUS;
	o.win = 64240;
	o.mss = 1460;
	o.ttl = system == LINUX ? 60 : 120;
	o.wscale = system == LINUX ? 7 : 8;
	o.ts1 = system == LINUX ? 1000 : 0;
	o.layout_len = system == LINUX ? sizeof linux_layout : sizeof windows_layout;
	memcpy(o.layout, system == LINUX ? linux_layout : windows_layout, o.layout_len);
	return o;
}

/* The server's answer and the client's acknowledgement of it. */
static void complete(struct fixture *f, unsigned client, uint16_t port, uint32_t seq, int64_t ms)
{
	struct tcp_obs answer = segment(OBS_ACK, client, port, 9000, ms), ack = answer;

	answer.kind = OBS_SYNACK;
	answer.src = ack.dst;
	answer.dst = ack.src;
	answer.src_port = ack.dst_port;
	answer.dst_port = ack.src_port;
	answer.ack = seq + 1;
	answer.ttl = 64;
	ack.seq = seq + 1;
	ack.ack = 9001;
	ack.time_ns += 1000000;
	ack.ttl = 60;
	matcher_batch(f->m, 0, &answer, 1);
	matcher_batch(f->m, 0, &ack, 1);
}

/* The deltas of a client, in order; returns how many, *last the last. */
static size_t deltas_of(const struct fixture *f, unsigned client, struct delta *last, struct fp_host *sum)
{
	const struct tcp_obs o = segment(OBS_SYN, client, 0, 0, 0);
	size_t n = 0;

	memset(sum, 0, sizeof *sum);
	for (size_t i = 0; i < f->store->n; i++) {
		const struct delta *d = &f->store->sent[i];

		if (!fp_addr_equal(&d->addr, &o.src))
			continue;
		*last = *d;
		sum->connections += d->what.connections;
		sum->handshakes += d->what.handshakes;
		n++;
	}
	return n;
}

static void test_first_syn_leaves_at_once(void **state)
{
	const struct tcp_obs o = syn(LINUX, 7, 40000, 1, 0);
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	matcher_batch(f.m, 0, &o, 1);
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 1);
	assert_int_equal(d.what.label, hash_id("unix:Linux:new", 14));
	assert_int_equal(d.what.connections, 1);
	assert_int_equal(d.what.match, MATCH_EXACT);
	assert_int_equal(d.what.distance, 4);
	assert_int_equal(d.what.first_seen, 1700000000);
	assert_int_equal(d.layout_len, 5);
	assert_false(d.what.confirmed);
	assert_accounted(&f, 0);
	assert_int_equal(count(&f, C_APPLIED), 1);
	end(&f);
}

static void test_repeats_wait_and_are_one(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	for (unsigned i = 0; i < 10; i++) {
		const struct tcp_obs o = syn(LINUX, 7, (uint16_t)(40000 + i), 100 * i, i);

		matcher_batch(f.m, 0, &o, 1);
	}
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 1);
	assert_true(matcher_tick(f.m, false));
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 1); /* not a second yet */
	assert_false(matcher_tick(f.m, true));
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 2);
	assert_int_equal(sum.connections, 10);
	assert_accounted(&f, 0);
	end(&f);
}

static void test_what_waits_is_sent_in_time(void **state)
{
	const struct timespec hold = { .tv_sec = MATCHER_HOLD_MS / 1000, .tv_nsec = 50000000 };
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct tcp_obs o = syn(LINUX, 7, (uint16_t)(40000 + i), 100 * i, i);

		matcher_batch(f.m, 0, &o, 1);
	}
	nanosleep(&hold, NULL);
	assert_false(matcher_tick(f.m, false));
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 2);
	assert_int_equal(sum.connections, 2);
	end(&f);
}

/* What waited its second waits on where the way is kept free for news, which wait for nothing; and goes in the order of its waiting. */
static void test_what_waits_lets_news_pass(void **state)
{
	const struct timespec hold = { .tv_sec = MATCHER_HOLD_MS / 1000, .tv_nsec = 50000000 };
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	for (unsigned client = 1; client <= 10; client++)
		for (unsigned i = 0; i < 2; i++) {
			const struct tcp_obs o = syn(LINUX, client, (uint16_t)(40000 + i), 100 * i, 10 * client + i);

			matcher_batch(f.m, 0, &o, 1);
		}
	assert_int_equal(f.store->n, 10);
	nanosleep(&hold, NULL);
	f.store->room = 0;
	assert_true(matcher_tick(f.m, false));
	assert_int_equal(f.store->n, 10);

	const struct tcp_obs news = syn(LINUX, 77, 40000, 1, 2000);

	matcher_batch(f.m, 0, &news, 1);
	assert_int_equal(deltas_of(&f, 77, &d, &sum), 1);
	f.store->room = 3;
	assert_true(matcher_tick(f.m, false));
	assert_int_equal(f.store->n, 14);
	assert_int_equal(deltas_of(&f, 3, &d, &sum), 2);
	assert_int_equal(deltas_of(&f, 4, &d, &sum), 1);
	/* At the end all goes. */
	f.store->room = 0;
	assert_false(matcher_tick(f.m, true));
	assert_int_equal(f.store->n, 21);
	assert_accounted(&f, 0);
	end(&f);
}

static void test_another_system_is_news(void **state)
{
	const struct tcp_obs a = syn(LINUX, 7, 40000, 1, 0), b = syn(WINDOWS, 7, 40001, 1, 10);
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	matcher_batch(f.m, 0, &a, 1);
	matcher_batch(f.m, 0, &b, 1);
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 2);
	assert_int_equal(d.what.label, hash_id("win:Windows:10", 14));
	end(&f);
}

static void test_first_handshake_is_news_and_sticks(void **state)
{
	const struct tcp_obs a = syn(LINUX, 7, 40000, 1, 0), b = syn(LINUX, 7, 40001, 1, 100);
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	matcher_batch(f.m, 0, &a, 1);
	complete(&f, 7, 40000, 1, 1);
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 2);
	assert_true(d.what.confirmed);
	assert_int_equal(sum.handshakes, 1);
	assert_int_equal(sum.connections, 1);

	/* The same system again: confirmed already, no news. */
	matcher_batch(f.m, 0, &b, 1);
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 2);
	matcher_tick(f.m, true);
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 3);
	assert_true(d.what.confirmed);
	assert_accounted(&f, 0);
	end(&f);
}

static void test_spoofed_system_is_not_confirmed(void **state)
{
	const struct tcp_obs a = syn(LINUX, 7, 40000, 1, 0), b = syn(WINDOWS, 7, 40001, 1, 100);
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	matcher_batch(f.m, 0, &a, 1);
	complete(&f, 7, 40000, 1, 1);
	matcher_batch(f.m, 0, &b, 1);
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 3);
	assert_false(d.what.confirmed);
	end(&f);
}

/* A SYN in the client's name between its own and its ACK: the handshake confirms what the client said, and the last word is that. */
static void test_spoofed_syn_does_not_take_a_handshake(void **state)
{
	static const struct {
		const char *why;
		bool store_refuses; /* while it happens */
		bool before;        /* the spoofed SYN comes before the client's own */
	} rows[] = {
		{ "between SYN and ACK", false, false },
		{ "while the store is behind", true, false },
		{ "before the SYN", false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct tcp_obs own = syn(LINUX, 7, 40000, 1, 0), spoofed = syn(WINDOWS, 7, 40001, 1, 1);
		struct fixture f;
		struct delta d;
		struct fp_host sum;

		begin_with(&f, 100, 0);
		f.store->refuses = rows[i].store_refuses;
		matcher_batch(f.m, 0, rows[i].before ? &spoofed : &own, 1);
		matcher_batch(f.m, 0, rows[i].before ? &own : &spoofed, 1);
		complete(&f, 7, 40000, 1, 2);
		f.store->refuses = false;
		while (matcher_tick(f.m, true))
			;
		assert_true(deltas_of(&f, 7, &d, &sum) > 0);
		if (d.what.label != hash_id("unix:Linux:new", 14) || !d.what.confirmed)
			fail_msg("%s: the last word is %s, want the client's own, confirmed", rows[i].why, d.what.confirmed ? "another system" : "not confirmed");
		assert_int_equal(sum.handshakes, 1);
		assert_int_equal(sum.connections, 2);
		assert_accounted(&f, 0);
		end(&f);
	}
}

/* Whether an uptime is to be believed comes with it. */
static void test_doubtful_uptime(void **state)
{
	for (int hz = 100; hz <= 1000; hz += 900) {
		const struct tcp_obs o = syn(LINUX, 7, 40000, 1, 0);
		struct tcp_obs ack = segment(OBS_ACK, 7, 40000, 2, 1000);
		struct fixture f;
		struct delta d;
		struct fp_host sum;

		(void)state;
		begin_with(&f, 100, 0);
		matcher_batch(f.m, 0, &o, 1);
		complete(&f, 7, 40000, 1, 1);
		ack.ack = 9001;
		ack.ts1 = o.ts1 + (uint32_t)hz;
		matcher_batch(f.m, 0, &ack, 1);
		matcher_tick(f.m, true);
		deltas_of(&f, 7, &d, &sum);
		assert_int_equal(d.what.clock_hz, hz);
		assert_int_equal(d.what.uptime_doubtful, hz == 1000);
		end(&f);
	}
}

/* p0f-sendsyn's probe and the answer to it are judged, and nothing is said of either end. */
static void test_probe_says_nothing(void **state)
{
	struct tcp_obs probe = syn(LINUX, 7, 40000, 1, 0);
	struct fixture f;

	(void)state;
	for (int bulk = 0; bulk < 2; bulk++) {
		probe.win = 1337;
		probe.mss = 1331;
		begin_mode(&f, 100, 0, bulk);
		matcher_batch(f.m, 0, &probe, 1);
		complete(&f, 7, 40000, 1, 1);
		while (matcher_tick(f.m, true))
			;
		assert_int_equal(f.store->n, 0);
		assert_int_equal(count(&f, C_SYN), 1);
		assert_int_equal(count(&f, C_SYNACK), 1);
		assert_int_equal(count(&f, C_APPLIED), 3);
		assert_accounted(&f, 0);
		end(&f);
	}
}

static void test_busy_store_loses_nothing(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 2000, 0);
	f.store->refuses = true;
	for (unsigned i = 0; i < 1500; i++) {
		const struct tcp_obs o = syn(LINUX, i, 40000, 1, i);

		matcher_batch(f.m, 0, &o, 1);
	}
	assert_int_equal(f.store->n, 0);
	assert_true(matcher_tick(f.m, true));
	f.store->refuses = false;
	while (matcher_tick(f.m, true))
		;
	for (unsigned i = 0; i < 1500; i++) {
		if (deltas_of(&f, i, &d, &sum) != 1 || sum.connections != 1)
			fail_msg("client %u: %u connections in the store, want 1", i, sum.connections);
	}
	assert_accounted(&f, 0);
	end(&f);
}

/* As many hosts as there are have a place in the line: a store that takes nothing does not stop the matcher. */
static void test_stalled_store_stops_nobody(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 70000, 0);
	f.store->refuses = true;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 65536; i++) {
			const struct tcp_obs o = syn(LINUX, i, (uint16_t)(40000 + round), 100 * round, i);

			matcher_batch(f.m, 0, &o, 1);
		}
	assert_int_equal(f.store->n, 0);
	assert_int_equal(count(&f, C_APPLIED), 3 * 65536);
	f.store->refuses = false;
	while (matcher_tick(f.m, true))
		;
	for (unsigned i = 0; i < 65536; i += 4099)
		if (deltas_of(&f, i, &d, &sum) < 1 || sum.connections != 3)
			fail_msg("client %u: %u connections in the store, want 3", i, sum.connections);
	assert_accounted(&f, 0);
	end(&f);
}

static void test_evicted_hosts_say_what_is_unsent(void **state)
{
	struct fixture f;
	uint64_t connections = 0;

	(void)state;
	begin_with(&f, 64, 0);
	for (unsigned i = 0; i < 3000; i++) {
		const struct tcp_obs o = syn(LINUX, i % 500, (uint16_t)(1024 + i), i, i);

		matcher_batch(f.m, 0, &o, 1);
	}
	while (matcher_tick(f.m, true))
		;
	for (size_t i = 0; i < f.store->n; i++)
		connections += f.store->sent[i].what.connections;
	assert_int_equal(connections, 3000 - count(&f, C_TABLE_REFUSED));
	assert_accounted(&f, 0);
	assert_int_equal(count(&f, C_APPLIED) + count(&f, C_TABLE_REFUSED), 3000);
	end(&f);
}

struct run {
	struct matcher *m;
	_Atomic bool a_stop;
};

static void *run(void *arg)
{
	struct run *r = arg;

	matcher_run(r->m, &r->a_stop);
	return NULL;
}

/* A thread fed through its ring: everything that was pushed before the stop is in the store after it. */
static void test_thread_drains_at_stop(void **state)
{
	struct fixture f;
	struct run r;
	pthread_t thread;
	uint64_t connections = 0;

	(void)state;
	begin_with(&f, 4096, 1024);
	r.m = f.m;
	atomic_init(&r.a_stop, false);
	assert_int_equal(pthread_create(&thread, NULL, run, &r), 0);
	for (unsigned i = 0; i < 20000; i++) {
		const struct tcp_obs o = syn(LINUX, i % 3000, (uint16_t)(1024 + i), i, i);

		while (ring_push(matcher_ring(f.m, 0), &o, 1) == 0)
			wake_up(matcher_wake(f.m));
		if (i % 7 == 0)
			wake_up(matcher_wake(f.m));
	}
	atomic_store(&r.a_stop, true);
	wake_up(matcher_wake(f.m));
	pthread_join(thread, NULL);
	for (size_t i = 0; i < f.store->n; i++)
		connections += f.store->sent[i].what.connections;
	assert_int_equal(count(&f, C_MATCHED), 20000);
	assert_int_equal(connections, 20000);
	assert_accounted(&f, 0);
	end(&f);
}

/* ---- Files that are there as a whole ------------------------------------------------------ */

static struct tcp_obs syn_v6(unsigned client)
{
	struct tcp_obs o = syn(LINUX, client, 40000, 1, 0);

	o.ipver = 6;
	memset(o.src.b, 0, sizeof o.src.b);
	o.src.b[0] = client % 2 == 0 ? 0x20 : 0; /* behind, and before, the mapped IPv4 addresses */
	o.src.b[15] = (uint8_t)client;
	return o;
}

static void test_bulk_sends_by_address(void **state)
{
	struct fixture f;

	(void)state;
	begin_mode(&f, 5000, 0, true);
	for (unsigned i = 0; i < 3000; i++) {
		const struct tcp_obs o = syn(LINUX, i * 7919 % 65521, 40000, 1, i);

		matcher_batch(f.m, 0, &o, 1);
	}
	for (unsigned i = 0; i < 100; i++) {
		const struct tcp_obs o = syn_v6(i + 1);

		matcher_batch(f.m, 0, &o, 1);
	}
	matcher_tick(f.m, false);
	assert_int_equal(f.store->n, 0);
	while (matcher_tick(f.m, true))
		;
	assert_int_equal(f.store->n, 3100);
	for (size_t i = 1; i < f.store->n; i++)
		assert_true(memcmp(&f.store->sent[i - 1].addr, &f.store->sent[i].addr, sizeof f.store->sent->addr) < 0);
	assert_accounted(&f, 0);
	end(&f);
}

/* What has no room in a delta's counts goes before. */
static void test_bulk_counts_do_not_overflow(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_mode(&f, 100, 0, true);
	for (unsigned i = 0; i < 70000; i++) {
		const struct tcp_obs o = syn(LINUX, 7, (uint16_t)(i % 60000), i, i / 100);

		matcher_batch(f.m, 0, &o, 1);
	}
	while (matcher_tick(f.m, true))
		;
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 2);
	assert_int_equal(sum.connections, 70000);
	assert_accounted(&f, 0);
	end(&f);
}

#define CLIENTS 12

/* One history of many clients: SYNs of two systems, some completed, some twice, with the clock going on. */
static void history(struct fixture *f, uint64_t seed, bool bulk)
{
	int64_t ms = 0;

	for (unsigned i = 0; i < 3000; i++) {
		const uint64_t r = test_random(&seed);
		const unsigned client = (unsigned)(r >> 40) % CLIENTS;
		const uint16_t port = (uint16_t)(1024 + (r >> 8) % 60000);
		/* Most keep their system; a few are two behind one address, or spoofed. */
		const enum system system = (enum system)((client + (r % 16 == 0)) % 2);
		const struct tcp_obs o = syn(system, client, port, (uint32_t)r, ms);

		matcher_batch(f->m, 0, &o, 1);
		if (r >> 32 & 1)
			complete(f, client, port, (uint32_t)r, ms + 1);
		ms += (int64_t)(r >> 50) % 900;
		/* When what waits is sent is another matter in either mode, and must not change what is known in the end. */
		if (r % 97 == 0)
			matcher_tick(f->m, bulk ? (r >> 20 & 3) == 0 : true);
	}
	while (matcher_tick(f->m, true))
		;
}

static void merged(const struct fixture *f, struct fp_host host[CLIENTS])
{
	for (unsigned c = 0; c < CLIENTS; c++) {
		const struct tcp_obs o = segment(OBS_SYN, c, 0, 0, 0);

		merge_empty(&host[c]);
		for (size_t i = 0; i < f->store->n; i++)
			if (fp_addr_equal(&f->store->sent[i].addr, &o.src))
				merge_delta(&host[c], &f->store->sent[i].what);
	}
}

static void test_bulk_ends_as_live_does(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct fp_host live[CLIENTS], bulk[CLIENTS];
		struct fixture f, g;

		begin_mode(&f, 100, 0, false);
		begin_mode(&g, 100, 0, true);
		history(&f, seed, false);
		history(&g, seed, true);
		merged(&f, live);
		merged(&g, bulk);
		for (unsigned c = 0; c < CLIENTS; c++) {
			/* Live, a repeat may leave together with the next SYN's verdict, and its time is lost. */
			assert_true(bulk[c].verdict_seen >= live[c].verdict_seen);
			live[c].verdict_seen = bulk[c].verdict_seen;
			if (memcmp(&live[c], &bulk[c], sizeof live[c]) != 0)
				fail_msg("history %u, client %u: label %08x/%08x confirmed %d/%d connections %u/%u handshakes %u/%u changed %u/%u "
				    "shared %u/%u seen %u/%u", (unsigned)seed, c, live[c].label, bulk[c].label, live[c].confirmed, bulk[c].confirmed,
				    live[c].connections, bulk[c].connections, live[c].handshakes, bulk[c].handshakes, live[c].os_changed,
				    bulk[c].os_changed, live[c].shared, bulk[c].shared, live[c].verdict_seen, bulk[c].verdict_seen);
		}
		assert_true(g.store->n < f.store->n);
		assert_accounted(&f, 0);
		assert_accounted(&g, 0);
		end(&f);
		end(&g);
	}
}

static void test_matcher_of(void **state)
{
	struct hash_key key = { { 1, 2 } };
	unsigned hits[4] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		const struct tcp_obs s = syn(LINUX, i, 40000, 1, 0);
		struct tcp_obs answer = s;

		answer.kind = OBS_SYNACK;
		answer.src = s.dst;
		answer.dst = s.src;
		const unsigned m = matcher_of(&key, &s, 4);

		assert_true(m < 4);
		assert_int_equal(matcher_of(&key, &answer, 4), m); /* both sides of a client's flow */
		hits[m]++;
	}
	for (unsigned m = 0; m < 4; m++)
		if (hits[m] < 800 || hits[m] > 1200)
			fail_msg("matcher %u owns %u of 4000 clients, want about 1000", m, hits[m]);
}

/* ---- Probation ------------------------------------------------------------------------------------ */

enum { SPOOFED = 1000 }; /* clients from here on send one SYN and nothing else */

/* n forged SYNs, so many a second from that time on; returns the time of the last. */
static int64_t flood(struct fixture *f, unsigned n, unsigned a_second, int64_t ms)
{
	int64_t at = ms;

	for (unsigned i = 0; i < n; i++) {
		at = ms + (int64_t)i * 1000 / a_second;
		const struct tcp_obs o = syn(WINDOWS, SPOOFED + i % 60000, 40000, i, at);

		matcher_batch(f->m, 0, &o, 1);
	}
	return at;
}

static size_t spoofed_sent(const struct fixture *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->store->n; i++) {
		const uint8_t *b = f->store->sent[i].addr.b;

		n += b[12] == 192 && ((unsigned)b[14] << 8 | b[15]) >= SPOOFED;
	}
	return n;
}

static void handshake(struct fixture *f, enum system system, unsigned client, uint16_t port, int64_t ms)
{
	const struct tcp_obs o = syn(system, client, port, 77, ms);

	matcher_batch(f->m, 0, &o, 1);
	complete(f, client, port, 77, ms);
}

static void test_flood_costs_nothing(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;
	struct tcp_obs o;
	int64_t at;

	(void)state;
	begin_conf(&f, (struct matcher_conf){
	    .hosts_max = 4000, .handshake = PROBATION_REQUIRE, .probation_rate = 100 });
	for (unsigned i = 0; i < 500; i++)
		handshake(&f, LINUX, i, 40000, 15 * i);

	const uint64_t before = count(&f, C_CHANGED);

	at = flood(&f, 200000, 50000, 10000);
	matcher_tick(f.m, false);
	assert_int_equal(spoofed_sent(&f), 100); /* what the rate allows before it is seen to be too much */
	assert_int_equal(count(&f, C_CHANGED) - before, 100);
	assert_int_equal(count(&f, C_WITHHELD), 200000 - 100);
	assert_int_equal(count(&f, C_CONFIRMED_EVICTED), 0);
	assert_int_equal(count(&f, C_TRACKED_CONFIRMED), 500);
	assert_in_range(count(&f, C_TRACKED), 500, 500 + 1001); /* a fourth of the table, and the server */

	/* A real client comes in the middle of it: after two SYNs that were withheld its handshake says all. */
	o = syn(LINUX, 900, 40000, 5, at);
	matcher_batch(f.m, 0, &o, 1);
	assert_int_equal(deltas_of(&f, 900, &d, &sum), 0);
	handshake(&f, LINUX, 900, 40001, at + 1);
	assert_int_equal(deltas_of(&f, 900, &d, &sum), 1);
	assert_true(d.what.confirmed);
	assert_int_equal(sum.connections, 2);
	assert_int_equal(sum.handshakes, 1);

	/* A confirmed client is as visible as ever, and a forged SYN in its name is not confirmed. */
	o = syn(WINDOWS, 7, 50000, 5, at + 2);
	matcher_batch(f.m, 0, &o, 1);
	deltas_of(&f, 7, &d, &sum);
	assert_false(d.what.confirmed);
	assert_int_equal(d.what.label, hash_id("win:Windows:10", 14));

	/* The second after the flood is still looked at askance, the one after that not any more. */
	flood(&f, 1, 1, 14500);
	assert_int_equal(spoofed_sent(&f), 100);
	flood(&f, 50, 100, 15100); /* the first of them is the same once more: sent again */
	assert_int_equal(spoofed_sent(&f), 149);
	while (matcher_tick(f.m, true))
		;
	assert_accounted(&f, 0);
	end(&f);
}

static const struct {
	const char *why;
	enum probation_mode handshake;
	unsigned queues_live;
	int handshake_s; /* the last one, before the SYNs; -1: none ever */
	bool withheld;
} probation_rows[] = {
	{ "auto, a tap that shows SYNs alone", PROBATION_AUTO, 1, -1, false },
	{ "auto, a handshake just now", PROBATION_AUTO, 1, 1, true },
	{ "auto, one nine minutes ago", PROBATION_AUTO, 1, 540, true },
	{ "auto, one eleven minutes ago: perhaps it shows none any more", PROBATION_AUTO, 1, 660, false },
	{ "auto, a file", PROBATION_AUTO, 0, 1, false },
	{ "require, none ever", PROBATION_REQUIRE, 1, -1, true },
	{ "require, a file", PROBATION_REQUIRE, 0, -1, true },
	{ "ignore, a handshake just now", PROBATION_IGNORE, 1, 1, false },
};

static void test_when_on_probation(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(probation_rows); i++) {
		struct fixture f;

		begin_conf(&f, (struct matcher_conf){ .hosts_max = 4000, .handshake = probation_rows[i].handshake,
		    .queues_live = probation_rows[i].queues_live, .probation_rate = 100 });
		if (probation_rows[i].handshake_s >= 0)
			handshake(&f, LINUX, 7, 40000, 0);
		flood(&f, 1000, 1000, 1000 * (probation_rows[i].handshake_s > 0 ? probation_rows[i].handshake_s : 1));

		const size_t want = probation_rows[i].withheld ? 100 : 1000;

		if (spoofed_sent(&f) != want)
			fail_msg("%s: %zu of 1000 were sent, want %zu", probation_rows[i].why, spoofed_sent(&f), want);
		end(&f);
	}
}

/* Below the rate nothing is withheld, and the table's part for newcomers is theirs alone. */
static void test_newcomers_have_a_part(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_conf(&f, (struct matcher_conf){
	    .hosts_max = 400, .handshake = PROBATION_REQUIRE, .probation_rate = 100 });
	for (unsigned i = 0; i < 900; i++)
		handshake(&f, LINUX, i, 40000, 20 * i);
	matcher_tick(f.m, true);
	assert_int_equal(count(&f, C_TRACKED_CONFIRMED), 300);
	assert_int_equal(count(&f, C_CONFIRMED_EVICTED), 600);
	assert_int_equal(count(&f, C_WITHHELD), 0);
	for (unsigned i = 0; i < 900; i++)
		if (deltas_of(&f, i, &d, &sum) < 1 || sum.connections != 1 || !d.what.confirmed)
			fail_msg("client %u: %u connections", i, sum.connections);
	assert_accounted(&f, 0);
	end(&f);
}

/* All tables together, by the hosts that they are for. */
static void test_table_bytes(void **state)
{
	static const uint32_t rows[] = { 100000, 1000000, 1600000, 10000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;
		uint64_t bytes;

		begin_conf(&f, (struct matcher_conf){ .hosts_max = rows[i], .flows_max = rows[i] < 1000000 ? 8192 : 65536 });
		bytes = count(&f, C_TABLE_BYTES);
		if (bytes > rows[i] * UINT64_C(128) || (rows[i] >= 1000000 && bytes > rows[i] * UINT64_C(108)) || bytes < rows[i] * UINT64_C(64))
			fail_msg("%u hosts have tables of %llu bytes: %.1f a host", rows[i], (unsigned long long)bytes, (double)bytes / rows[i]);
		print_message("%u hosts: %.1f bytes a host\n", rows[i], (double)bytes / rows[i]);
		end(&f);
	}
}

/* A person's traces go, and what was still to be said of them is said first: the store's writer counts it. */
static void test_forget(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;
	struct fp_cidr block;
	uint32_t hosts = 0;

	(void)state;
	begin_with(&f, 4000, 0);
	for (unsigned i = 0; i < 600; i++) {
		const struct tcp_obs o[2] = { syn(LINUX, i, 40000, 1, i), syn(LINUX, i, 40001, 1, i + 1) };

		matcher_batch(f.m, 0, o, 2);
	}
	assert_int_equal(fp_cidr_parse(&block, "192.0.1.0/24"), 0);
	matcher_forget(f.m, &block);
	assert_false(matcher_forgotten(f.m, &hosts));
	matcher_tick(f.m, false);
	assert_true(matcher_forgotten(f.m, &hosts));
	assert_int_equal(hosts, 256);
	assert_int_equal(count(&f, C_TRACKED), 601 - 256);
	assert_int_equal(deltas_of(&f, 300, &d, &sum), 2);
	assert_int_equal(sum.connections, 2);
	assert_int_equal(deltas_of(&f, 5, &d, &sum), 1); /* its second waits still */
	while (matcher_tick(f.m, true))
		;
	assert_accounted(&f, 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_syn_leaves_at_once),
		cmocka_unit_test(test_repeats_wait_and_are_one),
		cmocka_unit_test(test_what_waits_is_sent_in_time),
		cmocka_unit_test(test_what_waits_lets_news_pass),
		cmocka_unit_test(test_another_system_is_news),
		cmocka_unit_test(test_first_handshake_is_news_and_sticks),
		cmocka_unit_test(test_spoofed_system_is_not_confirmed),
		cmocka_unit_test(test_spoofed_syn_does_not_take_a_handshake),
		cmocka_unit_test(test_doubtful_uptime),
		cmocka_unit_test(test_probe_says_nothing),
		cmocka_unit_test(test_busy_store_loses_nothing),
		cmocka_unit_test(test_stalled_store_stops_nobody),
		cmocka_unit_test(test_evicted_hosts_say_what_is_unsent),
		cmocka_unit_test(test_thread_drains_at_stop),
		cmocka_unit_test(test_bulk_sends_by_address),
		cmocka_unit_test(test_bulk_counts_do_not_overflow),
		cmocka_unit_test(test_bulk_ends_as_live_does),
		cmocka_unit_test(test_matcher_of),
		cmocka_unit_test(test_flood_costs_nothing),
		cmocka_unit_test(test_when_on_probation),
		cmocka_unit_test(test_newcomers_have_a_part),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_table_bytes),
	};

	return cmocka_run_group_tests_name("matcher", tests, NULL, NULL);
}
