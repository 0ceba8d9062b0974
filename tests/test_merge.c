/* One host's record and a delta: what wins, and that order and repetition do no harm. */
#include "tests/test.h"

#include "core/merge.h"

#include <stdio.h>
#include <string.h>

/* A verdict: confirmed?, of a server?, when. The label says which it was. */
#define VERDICT(id, conf, server, when) \
	{ .label = (id), .confirmed = (conf), .synack = (server), .verdict_seen = (when), \
	  .first_seen = (when), .last_seen = (when), .distance = FP_DISTANCE_UNKNOWN }

static const struct {
	const char *why;
	struct fp_host first, second;
	uint32_t label;
} verdict_rows[] = {
	{ "newer wins", VERDICT(1, false, false, 100), VERDICT(2, false, false, 200), 2 },
	{ "older loses", VERDICT(1, false, false, 200), VERDICT(2, false, false, 100), 1 },
	{ "in the same second the one that came last", VERDICT(1, false, false, 100), VERDICT(2, false, false, 100), 2 },
	{ "an unconfirmed one never replaces a confirmed one", VERDICT(1, true, false, 100), VERDICT(2, false, false, 900), 1 },
	{ "a confirmed one replaces a newer unconfirmed one", VERDICT(1, false, false, 900), VERDICT(2, true, false, 100), 2 },
	{ "the client's own words before the server's", VERDICT(1, false, false, 100), VERDICT(2, false, true, 900), 1 },
	{ "and in their place", VERDICT(1, false, true, 900), VERDICT(2, false, false, 100), 2 },
	{ "but not before confirmation", VERDICT(1, true, true, 100), VERDICT(2, false, false, 900), 1 },
	{ "not recognised is a verdict too", VERDICT(1, true, false, 100), VERDICT(0, true, false, 200), 0 },
	{ "no verdict changes none", VERDICT(1, false, false, 100), { .last_seen = 900, .distance = 3 }, 1 },
	{ "the first one is taken", { .last_seen = 900 }, VERDICT(2, false, false, 100), 2 },
};

static void test_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verdict_rows); i++) {
		struct fp_host h;

		merge_empty(&h);
		merge_delta(&h, &verdict_rows[i].first);
		merge_delta(&h, &verdict_rows[i].second);
		if (h.label != verdict_rows[i].label)
			fail_msg("%s: got %u, want %u", verdict_rows[i].why, h.label, verdict_rows[i].label);
	}
}

/* All of a signature is of one packet. */
static void test_verdict_whole(void **state)
{
	struct fp_host a, b, h;

	(void)state;
	memset(&a, 0x11, sizeof a);
	memset(&b, 0x22, sizeof b);
	a.confirmed = b.confirmed = true;
	a.synack = b.synack = a.ipv6 = a.payload = a.random_ttl = a.uptime_doubtful = false;
	b.ipv6 = b.payload = b.random_ttl = b.uptime_doubtful = true;
	merge_empty(&h);
	merge_delta(&h, &a);
	merge_delta(&h, &b);
	assert_int_equal(h.label, b.label);
	assert_int_equal(h.layout, b.layout);
	assert_int_equal(h.origin, b.origin);
	assert_int_equal(h.quirks, b.quirks);
	assert_int_equal(h.mss, b.mss);
	assert_int_equal(h.win, b.win);
	assert_int_equal(h.win_multiple, b.win_multiple);
	assert_int_equal(h.win_unit, b.win_unit);
	assert_int_equal(h.path, b.path);
	assert_int_equal(h.ecn, b.ecn);
	assert_int_equal(h.ttl, b.ttl);
	assert_int_equal(h.wscale, b.wscale);
	assert_int_equal(h.olen, b.olen);
	assert_int_equal(h.distance, b.distance);
	assert_int_equal(h.match, b.match);
	assert_memory_equal(h.candidate, b.candidate, sizeof h.candidate);
	assert_true(h.ipv6 && h.payload && h.random_ttl);
	merge_delta(&h, &a);
	assert_int_equal(h.label, b.label);
	assert_true(h.ipv6 && h.payload && h.random_ttl);
	assert_int_equal(h.first_seen, a.first_seen);
}

static const struct {
	const char *why;
	struct fp_host first, second, want; /* of want: the fields named in why */
} field_rows[] = {
	{ "counts are added", { .connections = 2, .handshakes = 1 }, { .connections = 3, .handshakes = 1 },
	  { .connections = 5, .handshakes = 2 } },
	{ "and stop at the top", { .connections = UINT32_MAX - 1, .handshakes = 0xfffffe },
	  { .connections = 5, .handshakes = 5 }, { .connections = UINT32_MAX, .handshakes = 0xffffff } },
	{ "even from beyond it", { 0 }, { .handshakes = UINT32_MAX }, { .handshakes = 0xffffff } },
	{ "first seen: the earlier", { .first_seen = 9, .last_seen = 9 }, { .first_seen = 5, .last_seen = 6 },
	  { .first_seen = 5, .last_seen = 9 } },
	{ "absent is not early", { .first_seen = 9, .last_seen = 9 }, { 0 }, { .first_seen = 9, .last_seen = 9 } },
	{ "system changed: the later", { .os_changed = 9 }, { .os_changed = 5 }, { .os_changed = 9 } },
	{ "absent changes nothing", { .os_changed = 9, .shared = 8, .sharing = 3 }, { 0 },
	  { .os_changed = 9, .shared = 8, .sharing = 3 } },
	{ "sharing: the later, with its score", { .shared = 5, .sharing = 9 }, { .shared = 6, .sharing = 2 },
	  { .shared = 6, .sharing = 2 } },
	{ "an earlier one keeps both", { .shared = 6, .sharing = 2 }, { .shared = 5, .sharing = 9 },
	  { .shared = 6, .sharing = 2 } },
	{ "in the same second the worse", { .shared = 6, .sharing = 2 }, { .shared = 6, .sharing = 9 },
	  { .shared = 6, .sharing = 9 } },
	{ "clock: the later, with its uptime", { .last_seen = 5, .clock_hz = 100, .uptime_min = 7 },
	  { .last_seen = 6, .clock_hz = 1000, .uptime_min = 8, .uptime_doubtful = true },
	  { .last_seen = 6, .clock_hz = 1000, .uptime_min = 8, .uptime_doubtful = true } },
	{ "an older clock does not count", { .last_seen = 6, .clock_hz = 100, .uptime_min = 7 },
	  { .last_seen = 5, .clock_hz = 1000, .uptime_min = 8 }, { .last_seen = 6, .clock_hz = 100, .uptime_min = 7 } },
	{ "unless there is none", { .last_seen = 6 }, { .last_seen = 5, .clock_hz = 1000, .uptime_min = 8 },
	  { .last_seen = 6, .clock_hz = 1000, .uptime_min = 8 } },
	{ "no clock takes none away", { .last_seen = 5, .clock_hz = 100, .uptime_min = 7 }, { .last_seen = 6 },
	  { .last_seen = 6, .clock_hz = 100, .uptime_min = 7 } },
	{ "client software with its verdict", { .last_seen = 5, .app = 3, .bad_sw = 2 }, { .last_seen = 6, .app = 4 },
	  { .last_seen = 6, .app = 4 } },
	{ "which stays where nothing is said", { .last_seen = 5, .app = 3, .bad_sw = 2 }, { .last_seen = 6 },
	  { .last_seen = 6, .app = 3, .bad_sw = 2 } },
};

static void test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(field_rows); i++) {
		struct fp_host h;

		merge_empty(&h);
		merge_delta(&h, &field_rows[i].first);
		merge_delta(&h, &field_rows[i].second);
		h.distance = 0; /* rows leave it */
		if (memcmp(&h, &field_rows[i].want, sizeof h) != 0)
			fail_msg("%s: connections %u handshakes %u seen %u..%u changed %u shared %u/%u clock %u/%u app %u/%u",
			    field_rows[i].why, h.connections, h.handshakes, h.first_seen, h.last_seen, h.os_changed,
			    h.shared, h.sharing, h.clock_hz, h.uptime_min, h.app, h.bad_sw);
	}
}

/* Deltas whose verdicts differ in time, so that one order is the right one; a clock with each. */
static void random_delta(uint64_t *seed, uint32_t when, struct fp_host *d)
{
	merge_empty(d);
	d->first_seen = when - (uint32_t)(test_random(seed) % 10);
	d->last_seen = when;
	d->connections = (uint32_t)(test_random(seed) % 5);
	d->handshakes = (uint32_t)(test_random(seed) % 3);
	d->clock_hz = 100;
	d->uptime_min = when;
	if (test_random(seed) % 4 != 0) {
		d->verdict_seen = when;
		d->label = (uint32_t)test_random(seed);
		d->ttl = (uint8_t)test_random(seed);
		d->distance = (uint8_t)test_random(seed);
		d->confirmed = test_random(seed) & 1;
		d->synack = test_random(seed) & 1;
	}
	if (test_random(seed) % 3 == 0)
		d->os_changed = 1 + (uint32_t)(test_random(seed) % 1000);
	if (test_random(seed) % 3 == 0) {
		d->shared = 1 + (uint32_t)(test_random(seed) % 1000);
		d->sharing = (uint8_t)test_random(seed);
	}
}

enum { N = 8 };

static void merge_in(struct fp_host *h, const struct fp_host d[N], const int order[N])
{
	merge_empty(h);
	for (int i = 0; i < N; i++)
		merge_delta(h, &d[order[i]]);
}

static void test_order(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct fp_host d[N], a, b;
		int order[N];

		for (int i = 0; i < N; i++) {
			random_delta(&seed, 1000 + 10 * (uint32_t)i, &d[i]);
			order[i] = i;
		}
		merge_in(&a, d, order);
		for (int i = N - 1; i > 0; i--) {
			const int j = (int)(test_random(&seed) % (unsigned)(i + 1)), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		merge_in(&b, d, order);
		if (memcmp(&a, &b, sizeof a) != 0)
			fail_msg("round %d: the order of deltas changes the record", round);
	}
}

/* A delta that comes again (a repeat over the network) moves nothing but the counts. */
static void test_repetition(void **state)
{
	uint64_t seed = 43;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct fp_host d[2], once, twice;

		random_delta(&seed, 1000, &d[0]);
		random_delta(&seed, 1000 + (uint32_t)(test_random(&seed) % 3) * 10, &d[1]);
		merge_empty(&once);
		merge_delta(&once, &d[0]);
		merge_delta(&once, &d[1]);
		twice = once;
		merge_delta(&twice, &d[1]);
		assert_int_equal(twice.connections, once.connections + d[1].connections);
		assert_int_equal(twice.handshakes, once.handshakes + d[1].handshakes);
		twice.connections = once.connections;
		twice.handshakes = once.handshakes;
		if (memcmp(&once, &twice, sizeof once) != 0)
			fail_msg("round %d: a repeated delta changes more than counts", round);
	}
}

/* A record split in two and joined again is the record: eviction and restart lose nothing. */
static void test_split(void **state)
{
	uint64_t seed = 44;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct fp_host d[N], whole, left, right;

		merge_empty(&whole);
		merge_empty(&left);
		merge_empty(&right);
		for (int i = 0; i < N; i++) {
			random_delta(&seed, 1000 + 10 * (uint32_t)i, &d[i]);
			merge_delta(&whole, &d[i]);
			merge_delta(i < N / 2 ? &left : &right, &d[i]);
		}
		merge_delta(&left, &right);
		if (memcmp(&whole, &left, sizeof whole) != 0)
			fail_msg("round %d: two halves are not the whole", round);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_verdict_whole),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_repetition),
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
