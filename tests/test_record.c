/* The bytes of the store: golden ones, round trips, and that no damage passes. */
#include "tests/test.h"

#include "core/quirk.h"
#include "store/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every field its own value, so that no two can be mixed up. */
static const struct fp_host full = {
	.label = 0x11223344, .layout = 0x5566, .app = 0x7788, .origin = 0x99aa,
	.first_seen = 1000000001, .last_seen = 1000000002, .verdict_seen = 1000000003,
	.os_changed = 1000000004, .shared = 1000000005,
	.connections = 0xdeadbeef, .handshakes = 0x123456,
	.quirks = QUIRK_DF | QUIRK_ID_PLUS | QUIRK_BAD, .bad_sw = 2,
	.mss = 1460, .win = 64240, .win_unit = FP_WIN_MSS, .win_multiple = 44, .ecn = 6,
	.path = FP_PATH_MSS_CLAMPED | FP_PATH_TUNNEL, .clock_hz = 1000, .uptime_min = 0x0a0b0c,
	.ttl = 57, .wscale = 7, .olen = 4, .distance = 7, .sharing = 9,
	.match = FP_MATCH_FUZZY, .candidate = { { 5, 240 }, { 16, 10 } },
	.confirmed = true, .ipv6 = true, .uptime_doubtful = true,
};

static const struct fp_addr addr = { { 0x20, 1, 0xd, 0xb8, [15] = 1 } };

/* Written down by hand from docs/store-format.md; the checksum by another program. */
static const uint8_t golden[RECORD_BYTES] = {
	0x0b, 0x76, 0xe0, 0xc5, 0xaa, 0x3d, 0x6f, 0x1e, /* 0 checksum */
	0x01, 0x75, 0xaa, 0x99,                         /* 8 version, flags, origin */
	0x44, 0x33, 0x22, 0x11,                         /* 12 label */
	0x66, 0x55, 0x88, 0x77,                         /* 16 layout, app */
	0x01, 0xca, 0x9a, 0x3b, 0x02, 0xca, 0x9a, 0x3b, /* 20 first, last seen */
	0x03, 0xca, 0x9a, 0x3b, 0x04, 0xca, 0x9a, 0x3b, /* 28 verdict seen, system changed */
	0x05, 0xca, 0x9a, 0x3b, 0xef, 0xbe, 0xad, 0xde, /* 36 shared, connections */
	0x56, 0x34, 0x12,                               /* 44 handshakes */
	0x03, 0x00, 0x05,                               /* 47 quirks 0, 1, 16; bad_sw 2 */
	0xb4, 0x05, 0xf0, 0xfa,                         /* 50 mss, window */
	0xb1, 0x60,                                     /* 54 unit 1, multiple 44, ecn 6 */
	0x04, 0x01, 0xe8, 0x03,                         /* 56 path, clock */
	0x0c, 0x0b, 0x0a,                               /* 60 uptime */
	57, 7, 4, 7, 9,                                 /* 63 ttl, wscale, olen, distance, sharing */
	5, 240, 16, 10,                                 /* 68 candidates */
};

static void dump(const char *what, const uint8_t *p, size_t n)
{
	fprintf(stderr, "%s:", what);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %02x", p[i]);
	fprintf(stderr, "\n");
}

static void test_golden(void **state)
{
	uint8_t bytes[RECORD_BYTES];
	struct fp_host back;

	(void)state;
	record_encode(bytes, &addr, &full);
	if (memcmp(bytes, golden, sizeof golden) != 0) {
		dump("got ", bytes, sizeof bytes);
		dump("want", golden, sizeof golden);
		fail_msg("the bytes of version 1 have changed");
	}
	assert_int_equal(record_decode(&back, &addr, golden, sizeof golden), 0);
	record_encode(bytes, &addr, &back);
	assert_memory_equal(bytes, golden, sizeof golden);
	assert_int_equal(back.distance, 7);
	assert_int_equal(back.win_multiple, 44);
	assert_int_equal(back.quirks, full.quirks);
	assert_int_equal(back.match, FP_MATCH_FUZZY);
	assert_true(back.confirmed && back.ipv6 && back.uptime_doubtful);
	assert_false(back.synack || back.payload || back.random_ttl);
}

static void test_saturates(void **state)
{
	struct fp_host h = full, back;
	uint8_t bytes[RECORD_BYTES];

	(void)state;
	h.handshakes = UINT32_MAX;
	h.uptime_min = 1u << 24;
	h.win_multiple = 1024;
	h.win_unit = 9;
	h.bad_sw = 200;
	h.quirks = UINT32_MAX;
	record_encode(bytes, &addr, &h);
	assert_int_equal(record_decode(&back, &addr, bytes, sizeof bytes), 0);
	assert_int_equal(back.handshakes, 0xffffff);
	assert_int_equal(back.uptime_min, 0xffffff);
	assert_int_equal(back.win_multiple, 1023);
	assert_int_equal(back.win_unit, FP_WIN_MTU);
	assert_int_equal(back.bad_sw, 2);
	assert_int_equal(back.quirks, (1u << QUIRK_COUNT) - 1);
	assert_int_equal(back.connections, full.connections);
}

/* What may be anything in the record comes back as it went in. */
static void test_round_trip(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t bytes[RECORD_BYTES], again[RECORD_BYTES];
		struct fp_host h, back;
		struct fp_addr a;

		for (size_t j = 0; j < sizeof a.b; j++)
			a.b[j] = (uint8_t)test_random(&seed);
		memset(&h, 0, sizeof h);
		h.label = (uint32_t)test_random(&seed);
		h.connections = (uint32_t)test_random(&seed);
		h.handshakes = (uint32_t)test_random(&seed) & 0xffffff;
		h.quirks = (uint32_t)test_random(&seed) & ((1u << QUIRK_COUNT) - 1);
		h.win_multiple = test_random(&seed) & 1023;
		h.win_unit = (uint8_t)(test_random(&seed) % 3);
		h.ecn = test_random(&seed) & 15;
		h.uptime_min = (uint32_t)test_random(&seed) & 0xffffff;
		h.distance = (uint8_t)test_random(&seed);
		h.match = test_random(&seed) & 3;
		h.synack = test_random(&seed) & 1;
		h.payload = test_random(&seed) & 1;
		h.random_ttl = test_random(&seed) & 1;
		record_encode(bytes, &a, &h);
		assert_int_equal(record_decode(&back, &a, bytes, sizeof bytes), 0);
		assert_int_equal(back.label, h.label);
		assert_int_equal(back.connections, h.connections);
		assert_int_equal(back.handshakes, h.handshakes);
		assert_int_equal(back.quirks, h.quirks);
		assert_int_equal(back.win_multiple, h.win_multiple);
		assert_int_equal(back.win_unit, h.win_unit);
		assert_int_equal(back.ecn, h.ecn);
		assert_int_equal(back.uptime_min, h.uptime_min);
		assert_int_equal(back.distance, h.distance);
		assert_int_equal(back.match, h.match);
		assert_int_equal(back.synack, h.synack);
		assert_int_equal(back.payload, h.payload);
		assert_int_equal(back.random_ttl, h.random_ttl);
		record_encode(again, &a, &back);
		assert_memory_equal(again, bytes, sizeof bytes);
	}
}

/* Each single bit of key and record counts. */
static void test_every_bit(void **state)
{
	struct fp_host back;
	uint8_t bytes[RECORD_BYTES];

	(void)state;
	for (unsigned bit = 0; bit < 8 * RECORD_BYTES; bit++) {
		memcpy(bytes, golden, sizeof bytes);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (record_decode(&back, &addr, bytes, sizeof bytes) != FP_EDAMAGED)
			fail_msg("bit %u of the record does not count", bit);
	}
	for (unsigned bit = 0; bit < 8 * RECORD_KEY_BYTES; bit++) {
		struct fp_addr other = addr;

		other.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (record_decode(&back, &other, golden, sizeof golden) != FP_EDAMAGED)
			fail_msg("bit %u of the key does not count", bit);
	}
}

/* A record of any size and content is refused, not read beyond. */
static void test_sizes(void **state)
{
	(void)state;
	for (size_t n = 0; n < 200; n++) {
		uint8_t *bytes = malloc(n != 0 ? n : 1);
		struct fp_host back;

		memset(bytes, 0xa5, n);
		memcpy(bytes, golden, n < sizeof golden ? n : sizeof golden);

		const int rc = record_decode(&back, &addr, bytes, n);

		if (rc != (n == RECORD_BYTES ? 0 : FP_EFORMAT))
			fail_msg("size %zu: got %d", n, rc);
		free(bytes);
	}
}

static void test_keys(void **state)
{
	static const uint8_t label[RECORD_KEY_BYTES] = { 0xff, 'L', [12] = 0x12, 0x34, 0x56, 0x78 };
	uint8_t key[RECORD_KEY_BYTES];
	struct fp_addr v4 = fp_addr_from_v4("\xc0\x00\x02\x07");

	(void)state;
	record_key(key, RECORD_LABEL, 0x12345678);
	assert_memory_equal(key, label, sizeof key);
	assert_false(record_key_is_host(key));
	assert_true(record_key_is_host(v4.b));
}

static void test_meta(void **state)
{
	/* store id, live, clean, newest packet, written */
	const struct record_meta meta = { 0x0102030405060708, RECORD_LIVE, true, 1000000000123456789, -1 };
	static const uint8_t body[RECORD_META_BYTES - 8] = {
		1, 1, 1, 0, 'F', 'P', 'S', 'T', 8, 7, 6, 5, 4, 3, 2, 1,
		0x15, 0x5d, 0xeb, 0x0f, 0xb7, 0xb6, 0xe0, 0x0d, 255, 255, 255, 255, 255, 255, 255, 255,
	};
	uint8_t bytes[RECORD_META_BYTES];
	struct record_meta back;

	(void)state;
	record_meta_encode(bytes, &meta);
	if (memcmp(bytes + 8, body, 2) != 0 || memcmp(bytes + 12, body + 4, 12) != 0) {
		dump("got ", bytes, sizeof bytes);
		fail_msg("meta has changed");
	}
	assert_int_equal(record_meta_decode(&back, bytes, sizeof bytes), 0);
	assert_true(back.store_id == meta.store_id && back.mode == meta.mode && back.clean);
	assert_true(back.now_ns == meta.now_ns && back.written_ns == meta.written_ns);
	assert_int_equal(record_version(bytes, sizeof bytes), 1);
	assert_int_equal(record_version(bytes, 8), 0);
	for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(record_meta_decode(&back, bytes, sizeof bytes), FP_EDAMAGED);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(record_meta_decode(&back, bytes, sizeof bytes - 1), FP_EFORMAT);
	assert_int_equal(record_meta_decode(&back, bytes, 0), FP_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_saturates),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_meta),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
