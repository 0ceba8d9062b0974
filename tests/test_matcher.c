/*
 * test_matcher - what of a client is sent to the store, and when: news with its batch, repeats together; of a file as a whole, by
 * address.
 */
#include "tests/matcher_help.h"

#include "core/merge.h"

#include <pthread.h>
#include <time.h>

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

/* n connections of a client, a millisecond apart from that time on. */
static void repeats(struct fixture *f, unsigned n, unsigned client, int64_t ms)
{
	for (unsigned i = 0; i < n; i++) {
		const struct tcp_obs o = syn(LINUX, client, (uint16_t)(40000 + i), 100 * i, ms + i);

		matcher_batch(f->m, 0, &o, 1);
	}
}

/* As long as what can wait is held back, and a little more. */
static void outlast_hold(void)
{
	nanosleep(&(struct timespec){ .tv_sec = MATCHER_HOLD_MS / 1000, .tv_nsec = 50000000 }, NULL);
}

static void test_repeats_wait_and_are_one(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	repeats(&f, 10, 7, 0);
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
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	repeats(&f, 2, 7, 0);
	outlast_hold();
	assert_false(matcher_tick(f.m, false));
	assert_int_equal(deltas_of(&f, 7, &d, &sum), 2);
	assert_int_equal(sum.connections, 2);
	end(&f);
}

/* What waited its second waits on where the way is kept free for news, which wait for nothing; and goes in the order of its waiting. */
static void test_what_waits_lets_news_pass(void **state)
{
	struct fixture f;
	struct delta d;
	struct fp_host sum;

	(void)state;
	begin_with(&f, 100, 0);
	for (unsigned client = 1; client <= 10; client++)
		repeats(&f, 2, client, 10 * client);
	assert_int_equal(f.store->n, 10);
	outlast_hold();
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
		cmocka_unit_test(test_thread_drains_at_stop),
		cmocka_unit_test(test_bulk_sends_by_address),
		cmocka_unit_test(test_bulk_counts_do_not_overflow),
		cmocka_unit_test(test_bulk_ends_as_live_does),
		cmocka_unit_test(test_matcher_of),
	};

	return cmocka_run_group_tests_name("matcher", tests, NULL, NULL);
}
