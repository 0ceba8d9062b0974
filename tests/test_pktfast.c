/*
 * pktfast: the short ways through the decoder against the long one. Frames are SYNs of the usual layouts with random values, of which some bits
 * are then turned; what the short way takes must be what the long way makes of it, to the byte, and it must take all that is plain.
 */
#include "tests/test.h"

#include "core/pkt_int.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES 400000

static uint64_t seed = 42;

static unsigned rnd(unsigned n)
{
	return (unsigned)(test_random(&seed) >> 33) % n;
}

/* m, w, t, z: two bytes of MSS, one of scale, eight of timestamps, noughts. z, for it is no hexadecimal digit. */
static const char *const layouts[] = {
	"",
	"\x02\x04mm",
	"\x02\x04mm\x01\x01\x04\x02",
	"\x02\x04mm\x01\x03\x03w\x01\x01\x04\x02",
	"\x02\x04mm\x01\x01\x04\x02\x01\x03\x03w",
	"\x02\x04mm\x04\x02\x08\x0atttttttt\x01\x03\x03w",
	"\x02\x04mm\x01\x03\x03w\x04\x02\x08\x0atttttttt",
	"\x02\x04mm\x01\x03\x03w\x01\x01\x08\x0atttttttt\x04\x02zz",
	"\x02\x04mm\x01\x01\x04\x02\x01\x03\x03w\x01\x01\x08\x0atttttttt",
	"\x01\x01\x08\x0atttttttt",
};

static size_t put_options(uint8_t *at, const char *layout)
{
	const size_t n = strlen(layout);

	for (size_t i = 0; i < n; i++)
		switch (layout[i]) {
		case 'm': at[i] = (uint8_t)rnd(256); break;
		case 'w': at[i] = (uint8_t)rnd(rnd(4) ? 15 : 256); break;
		case 'z':
		case 't': at[i] = 0; break;
		default: at[i] = (uint8_t)layout[i];
		}
	const char *t = strchr(layout, 't');

	if (t != NULL && rnd(10))
		at[t - layout + (int)rnd(4)] = (uint8_t)(1 + rnd(255));
	return n;
}

static size_t make(uint8_t *frame)
{
	const bool v6 = rnd(3) == 0;
	uint8_t *ip = frame + 14, *h = ip + (v6 ? 40 : 20);
	const size_t options = put_options(h + 20, layouts[rnd(ARRAY_LEN(layouts))]);
	const size_t data = rnd(8) == 0 ? rnd(10) : 0, tcp = 20 + options + data;

	for (uint8_t *p = frame; p < h + 20; p++)
		*p = (uint8_t)rnd(256);
	frame[12] = v6 ? 0x86 : 0x08;
	frame[13] = v6 ? 0xdd : 0x00;
	if (v6) {
		ip[0] = 0x60;
		ip[1] = (uint8_t)rnd(rnd(4) ? 16 : 256);
		ip[4] = 0;
		ip[5] = (uint8_t)tcp;
		ip[6] = 6;
		ip[8] = 0x20;
	} else {
		ip[0] = 0x45;
		ip[1] = rnd(4) ? 0 : (uint8_t)rnd(256);
		ip[2] = 0;
		ip[3] = (uint8_t)(20 + tcp);
		if (rnd(3) == 0)
			ip[4] = ip[5] = 0;
		ip[6] = (uint8_t)(rnd(2) ? 0x40 : 0);
		ip[7] = 0;
		ip[9] = 6;
	}
	memset(h + 8, 0, 4);
	h[12] = (uint8_t)((20 + options) / 4 << 4);
	h[13] = (uint8_t)(rnd(4) ? 2 : 2 | rnd(4) << 6);
	memset(h + 18, 0, 2);
	return (size_t)(h + tcp - frame);
}

static void test_same(void **state)
{
	static const struct pkt_conf conf;
	unsigned taken = 0, plain = 0;

	(void)state;
	for (unsigned i = 0; i < FRAMES; i++) {
		uint8_t bytes[256] = { 0 };
		size_t n = make(bytes);
		const bool whole = rnd(2);

		if (!whole) {
			for (unsigned flips = 1 + rnd(3); flips > 0; flips--)
				bytes[12 + rnd((unsigned)n - 12)] ^= (uint8_t)(1 << rnd(8));
			if (rnd(4) == 0)
				n = rnd((unsigned)n + 1);
			else if (rnd(4) == 0)
				n += rnd(8);
		}
		/* Memory that ends with the frame, for a sanitizer. */
		uint8_t *frame = malloc(n + 1);
		struct tcp_obs fast, slow;

		assert_non_null(frame);
		memcpy(frame, bytes, n);
		memset(&fast, 0, sizeof fast);
		memset(&slow, 0, sizeof slow);

		const bool took = pkt_plain_syn(frame, n, &fast);
		const enum pkt_result rc = pkt_any(&conf, PKT_LINK_ETHERNET, frame, n, n, &slow);

		if (took && (rc != PKT_OK || memcmp(&fast, &slow, sizeof fast) != 0)) {
			for (size_t b = 0; b < n; b++)
				print_error("%02x", frame[b]);
			for (size_t b = 0; b < sizeof fast; b++)
				if (((uint8_t *)&fast)[b] != ((uint8_t *)&slow)[b])
					print_error(" byte %zu of the observation", b);
			fail_msg(": frame %u is not the same", i);
		}
		/* A false start must not show either. */
		if (pkt_decode(&conf, PKT_LINK_ETHERNET, frame, n, n, 0, &fast) != rc || (rc == PKT_OK && memcmp(&fast, &slow, sizeof fast) != 0))
			fail_msg("frame %u is not what the long way makes of it", i);
		taken += took;
		plain += whole;
		free(frame);
	}
	/* Of whole ones a quarter has DSCP bits (of IPv4), a few another oddity. */
	if (taken < plain * 7 / 10)
		fail_msg("%u of %u plain frames went the short way", taken, plain);
}

/* Segments of any kind in the same frames, cut at will: what is dismissed early is what the long way reads and nobody wants. */
static void test_talk(void **state)
{
	static const uint8_t usual[] = { 0x10, 0x18, 0x11, 0x19, 0x04, 0x14, 0x02, 0x12 };
	static const struct pkt_conf conf;
	unsigned talk = 0, dismissed = 0;

	(void)state;
	for (unsigned i = 0; i < FRAMES; i++) {
		uint8_t bytes[256] = { 0 };
		size_t n = make(bytes);
		const size_t tcp = bytes[12] == 0x86 ? 54 : 34, len = n;
		const bool whole = rnd(2);

		bytes[tcp + 13] = rnd(4) ? usual[rnd(sizeof usual)] : (uint8_t)rnd(256);
		if (rnd(2))
			memset(bytes + tcp + 8, 1, 4);
		if (!whole)
			for (unsigned flips = 1 + rnd(3); flips > 0; flips--)
				bytes[12 + rnd((unsigned)n - 12)] ^= (uint8_t)(1 << rnd(8));
		if (rnd(4) == 0)
			n = tcp + rnd((unsigned)(n - tcp) + 1);
		uint8_t *frame = malloc(n + 1);
		struct tcp_obs slow, wanted;

		assert_non_null(frame);
		memcpy(frame, bytes, n);
		memset(&slow, 0, sizeof slow);
		const enum pkt_result rc = pkt_any(&conf, PKT_LINK_ETHERNET, frame, n, len, &slow);
		const enum pkt_result want = rc == PKT_OK && !obs_wanted(&slow) ? PKT_FILTERED : rc;
		const enum pkt_result got = pkt_wanted(&conf, PKT_LINK_ETHERNET, frame, n, len, 0, &wanted);

		if (got != want || (got == PKT_OK && memcmp(&slow, &wanted, sizeof slow) != 0)) {
			for (size_t b = 0; b < n; b++)
				print_error("%02x", frame[b]);
			fail_msg(": frame %u (%zu of %zu bytes) is \"%s\", the long way says \"%s\"", i, n, len, pkt_result_name(got), pkt_result_name(want));
		}
		talk += want == PKT_FILTERED;
		dismissed += pkt_talk(frame, n, len);
		if (pkt_talk(frame, n, len) && want != PKT_FILTERED)
			fail_msg("frame %u was dismissed", i);
		free(frame);
	}
	if (dismissed < talk * 9 / 10)
		fail_msg("%u of %u that nobody wants were dismissed early", dismissed, talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same), cmocka_unit_test(test_talk) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
