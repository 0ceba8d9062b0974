/*
 * test_pressure - the matcher with more than it has room for, and nothing lost uncounted: a store that is behind, more hosts than its
 * table takes, a flood of forged SYNs; and what it forgets because it was told to.
 */
#include "tests/matcher_help.h"

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
		cmocka_unit_test(test_busy_store_loses_nothing),
		cmocka_unit_test(test_stalled_store_stops_nobody),
		cmocka_unit_test(test_evicted_hosts_say_what_is_unsent),
		cmocka_unit_test(test_flood_costs_nothing),
		cmocka_unit_test(test_when_on_probation),
		cmocka_unit_test(test_newcomers_have_a_part),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_table_bytes),
	};

	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
