/*
 * evidence: what SYNs of one client add up to, that it is forgotten, and which system it speaks for. Connections are made up from what
 * systems are documented to do. From packets to the record: tests/system/model.t.
 */
#include "tests/test.h"

#include "core/evidence.h"
#include "core/model.h"

#include <math.h>
#include <string.h>

#define S INT64_C(1000)

/* A client as it connects: each of its SYNs is next() of the one before. */
struct client {
	const char *why;
	uint16_t first, last;     /* range of ports */
	int step;                 /* from port to port; 0: anywhere in the range */
	unsigned odd;             /* 2: either, else all of that parity */
	int id_step;              /* 0: anywhere; -1: none */
};

static struct evidence_syn next(const struct client *c, uint64_t *seed, const struct evidence_syn *last)
{
	struct evidence_syn s = { .ms = last != NULL ? last->ms + 10 * S : 1000 * S, .ttl = 54 };
	const unsigned range = c->last - c->first + 1u;

	s.port = (uint16_t)(c->step != 0 && last != NULL ? c->first + (unsigned)(last->port - c->first + c->step) % range :
	    c->first + test_random(seed) % range);
	if (c->odd < 2)
		s.port = (uint16_t)((s.port & ~1u) | c->odd);
	s.id = (uint16_t)(c->id_step < 0 ? 0 : c->id_step > 0 && last != NULL ? last->id + c->id_step : (int)(test_random(seed) % 65535 + 1));
	return s;
}

static struct evidence seen(const struct client *c, unsigned n, uint64_t seed)
{
	struct evidence e = { 0 };
	struct evidence_syn last, now;

	for (unsigned i = 0; i < n; i++) {
		now = next(c, &seed, i > 0 ? &last : NULL);
		evidence_syn(&e, &now, i > 0 ? &last : NULL);
		last = now;
	}
	return e;
}

static const struct client windows = { "Windows", 49152, 65535, 3, 2, 20 }, linux_now = { "Linux", 32768, 60999, 0, 0, 0 },
    apple = { "macOS", 49152, 65535, 0, 2, -1 }, openbsd = { "OpenBSD", 1024, 49151, 0, 2, 0 }, xp = { "Windows XP", 1025, 5000, 1, 2, 7 },
    any = { "behind a carrier's NAT", 1024, 65535, 0, 2, 0 };

static double odds(const struct evidence *e, const char *a, const char *a_flavor, const char *b, const char *b_flavor)
{
	return evidence_likelihood(e, model_candidate_code(a, a_flavor)) / evidence_likelihood(e, model_candidate_code(b, b_flavor));
}

static void test_speaks_for(void **state)
{
	static const struct {
		const struct client *of;
		const char *name, *flavor, *against, *other;
		float least;      /* odds after ten connections */
	} rows[] = {
		{ &windows, "Windows", "10 or later", "Linux", "3 or later", 50 },
		{ &windows, "Windows", "Server", "macOS", "", 20 },
		{ &linux_now, "Linux", "3 or later", "Windows", "10 or later", 50 },
		{ &linux_now, "Linux", "3 or later", "Linux", "2.6", 10 },
		{ &linux_now, "Linux", "3 or later", "Android", "", 2 },
		{ &apple, "macOS", "", "FreeBSD", "", 20 },
		{ &openbsd, "OpenBSD", "", "NetBSD", "", 50 },
		{ &xp, "Windows", "NT 5", "Windows", "10 or later", 50 },
		{ &any, "Android", "", "Linux", "3 or later", 2 },
		{ &any, "FreeBSD", "", "Windows", "10 or later", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double sum = 0;

		/* Ports are drawn at random: many such clients, the mean of the logarithms. */
		for (uint64_t seed = 1; seed <= 40; seed++) {
			const struct evidence e = seen(rows[i].of, 10, seed);

			sum += log(odds(&e, rows[i].name, rows[i].flavor, rows[i].against, rows[i].other)) / 40;
		}
		if (exp(sum) < (double)rows[i].least)
			fail_msg("%s: odds of %s %s against %s %s are %.2f, want %.0f", rows[i].of->why, rows[i].name, rows[i].flavor,
			    rows[i].against, rows[i].other, exp(sum), (double)rows[i].least);
	}
}

/* A SYN more sharpens: but what one says alone says nearly nothing. */
static void test_sharpens(void **state)
{
	const struct evidence none = { 0 };
	double last = 0;

	(void)state;
	assert_true(fabs(odds(&none, "Windows", "", "Linux", "") - 1) < 1e-6);
	for (unsigned n = 1; n <= 7; n += 3) { /* beyond, counts are halved */
		const struct evidence e = seen(&windows, n, 5);
		const double now = log(odds(&e, "Windows", "10 or later", "Linux", "3 or later"));

		if (now < last)
			fail_msg("after %u connections log odds of %.2f, before %.2f", n, now, last);
		last = now;
	}
}

static void test_forgets(void **state)
{
	struct evidence e = seen(&linux_now, 60, 3);
	struct evidence_syn last = { 1000 * S, 40000, 5, 54, false }, now;
	uint64_t seed = 9;

	(void)state;
	/* Counts stop: what was seen sixty times gives way to a dozen of something else. */
	assert_true(odds(&e, "Linux", "3 or later", "Windows", "10 or later") > 10);
	for (unsigned i = 0; i < 40; i++) {
		now = next(&windows, &seed, &last);
		if (i == 0)
			now.port = 50001;
		evidence_syn(&e, &now, &last);
		last = now;
	}
	assert_true(odds(&e, "Windows", "10 or later", "Linux", "3 or later") > 10);
	/* A day of silence, and it is somebody else's address. */
	now = (struct evidence_syn){ last.ms + 25 * 3600 * S, 33001, 7, 54, false };
	evidence_syn(&e, &now, &last);
	assert_int_equal(e.bits, 1u << 3 * EVIDENCE_PORT_LINUX | 1u << 3 * EVIDENCE_ODD);
	/* So it is where time goes backwards by as much. */
	last = now;
	now.ms -= 50 * 3600 * S;
	now.port = 60000;
	evidence_syn(&e, &now, &last);
	assert_int_equal(e.bits, 1u << 3 * EVIDENCE_PORT_HIGH);
}

/* Two systems behind one address: neither gains by what the other did, and both are in doubt. */
static void test_two_systems(void **state)
{
	struct evidence e = seen(&windows, 8, 4);
	struct evidence_syn last = { 1000 * S, 50000, 9, 118, false }, now = { 1001 * S, 40000, 10, 54, true };
	struct model_candidate c[] = { { 5, .6f }, { 19, .3f } };
	float sum;

	(void)state;
	evidence_syn(&e, &now, &last);
	assert_int_equal(e.bits, 1u << 3 * EVIDENCE_PORT_LINUX | 1u << 3 * EVIDENCE_DOUBT);
	evidence_weigh(&e, c, 2);
	sum = c[0].p + c[1].p;
	assert_true(sum < .9f * .96f && sum > .9f * .94f);
	/* Other hops alone are half of that: a balancer, a route. */
	e = (struct evidence){ 0 };
	evidence_syn(&e, &(struct evidence_syn){ 1001 * S, 50000, 9, 54, false }, &(struct evidence_syn){ 1000 * S, 49999, 9, 57, false });
	assert_int_equal(evidence_get(&e, EVIDENCE_DOUBT), 1);
	evidence_syn(&e, &(struct evidence_syn){ 1002 * S, 50001, 9, 52, false }, &(struct evidence_syn){ 1001 * S, 50000, 9, 54, false });
	assert_int_equal(evidence_get(&e, EVIDENCE_DOUBT), 1);
}

static void test_clock(void **state)
{
	static const struct {
		unsigned hz;
		const char *name, *flavor, *against, *other;
		float least;
	} rows[] = {
		{ 1000, "Linux", "3 or later", "Linux", "2.4 or older", 10 },
		{ 100, "Linux", "2.4 or older", "Linux", "3 or later", 5 },
		{ 10, "Windows", "NT 5", "Windows", "10 or later", 20 },
		{ 2, "OpenBSD", "", "FreeBSD", "", 20 },
		{ 2, "NetBSD", "", "macOS", "", 20 },
		{ 1000, "FreeBSD", "", "NetBSD", "", 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct evidence e = { 0 };

		evidence_clock(&e, rows[i].hz);
		const double got = odds(&e, rows[i].name, rows[i].flavor, rows[i].against, rows[i].other);

		if (got < (double)rows[i].least)
			fail_msg("%u Hz: odds of %s against %s %.2f", rows[i].hz, rows[i].name, rows[i].against, got);
	}
}

static void test_again(void **state)
{
	static const struct {
		const char *why;
		int64_t after_ms[3];
		enum evidence_again want;
		const char *name, *against;
	} rows[] = {
		{ "Linux doubles", { 1030, 3060, 7100 }, AGAIN_1_3, "Linux", "macOS" },
		{ "Apple does not, at first", { 1000, 2010, 3020 }, AGAIN_1_2, "macOS", "Linux" },
		{ "3 seconds, doubled", { 3010, 9020, 0 }, AGAIN_3_9, "Windows", "macOS" },
		{ "3 seconds, not doubled: FreeBSD", { 2990, 6010, 0 }, AGAIN_3_6, "FreeBSD", "Linux" },
		{ "once", { 1010, 0, 0 }, AGAIN_1, "Linux", "OpenBSD" },
		{ "nobody's", { 500, 1500, 0 }, AGAIN_OTHER, "OpenBSD", "Linux" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct evidence e = { 0 };

		for (unsigned n = 0; n < 3 && (n == 0 || rows[i].after_ms[n] != 0); n++)
			evidence_again(&e, n + 1, rows[i].after_ms[n]);
		if (evidence_get(&e, EVIDENCE_AGAIN) != rows[i].want)
			fail_msg("%s: %u, want %u", rows[i].why, evidence_get(&e, EVIDENCE_AGAIN), rows[i].want);
		if (odds(&e, rows[i].name, "", rows[i].against, "") < 2)
			fail_msg("%s: no word for %s against %s", rows[i].why, rows[i].name, rows[i].against);
	}
}

/* Any state of the four bytes and any code: likelihoods are likelihoods, and weighing never adds up to more than was said. */
static void test_any(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const uint64_t r = test_random(&seed);
		struct model_candidate c[] = { { (uint8_t)(r >> 32), .5f }, { (uint8_t)(r >> 40), .3f }, { (uint8_t)(r >> 48), .1f } };
		struct evidence e = { (uint32_t)r };
		float sum = 0;

		evidence_weigh(&e, c, 3);
		for (unsigned j = 0; j < 3; j++) {
			const double l = evidence_likelihood(&e, c[j].code);

			assert_true(l >= 0 && l <= 1);
			assert_true(c[j].p >= 0);
			sum += c[j].p;
		}
		assert_true(sum <= .901f);
	}
}

/* A count never runs over into its neighbour. */
static void test_bounds(void **state)
{
	struct evidence e = { 0 };
	struct evidence_syn last = { 0, 1, 1, 64, false }, now;
	uint64_t seed = 11;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const uint64_t r = test_random(&seed);
		const uint32_t clock = evidence_get(&e, EVIDENCE_CLOCK), again = evidence_get(&e, EVIDENCE_AGAIN);
		const unsigned port = (unsigned)(r >> 8) % 5, n = evidence_get(&e, (enum evidence_field)port);
		static const uint16_t first[] = { 1024, 5001, 32768, 49152, 61000 };

		now = (struct evidence_syn){ last.ms + S, (uint16_t)(first[port] + (r >> 16 & 1023)), (uint16_t)(r >> 32), (uint8_t)(r >> 48), r % 16 == 0 };
		evidence_syn(&e, &now, &last);
		if (!now.other)
			assert_int_equal(evidence_get(&e, (enum evidence_field)port), n == 7 ? 4 : n + 1);
		assert_int_equal(evidence_get(&e, EVIDENCE_CLOCK), now.other ? 0 : clock);
		assert_int_equal(evidence_get(&e, EVIDENCE_AGAIN), now.other ? 0 : again);
		if (i % 7 == 0)
			evidence_clock(&e, 1000);
		if (i % 5 == 0)
			evidence_again(&e, 1, 3000);
		last = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speaks_for), cmocka_unit_test(test_sharpens), cmocka_unit_test(test_forgets), cmocka_unit_test(test_two_systems),
		cmocka_unit_test(test_clock), cmocka_unit_test(test_again), cmocka_unit_test(test_any), cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
