/* sigtext: p0f's spelling of signatures, and that nothing is ever written beyond the buffer. */
#include "core/sigtext.h"
#include "core/quirk.h"
#include "core/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *want;
	uint8_t n, kinds[24];
	unsigned eol_pad;
} layouts[] = {
	{ "", 0, { 0 }, 0 },
	{ "mss,sok,ts,nop,ws", 5, { 2, 4, 8, 1, 3 }, 0 },
	{ "mss,nop,eol+18", 3, { 2, 1, 0 }, 18 },
	{ "?34,sack,?255", 3, { 34, 5, 255 }, 0 },
	{ "?6,?7,?9", 3, { 6, 7, 9 }, 0 },
};

static void test_layout(void **state)
{
	char buf[SIGTEXT_LAYOUT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		assert_int_equal(sigtext_layout(buf, sizeof buf, layouts[i].kinds, layouts[i].n, layouts[i].eol_pad), strlen(layouts[i].want));
		assert_string_equal(buf, layouts[i].want);
	}
	uint8_t longest[24];

	memset(longest, 255, sizeof longest);
	assert_int_equal(sigtext_layout(buf, sizeof buf, longest, sizeof longest, 0), 24 * 5 - 1);
}

static const struct {
	const char *want;
	uint32_t quirks;
} quirks[] = {
	{ "", 0 },
	{ "df,id+", QUIRK_DF | QUIRK_ID_PLUS },
	{ "id-,ecn,0+", QUIRK_ZERO_PLUS | QUIRK_ECN | QUIRK_ID_MINUS },
	{ "df,id+,id-,ecn,0+,flow,seq-,ack+,ack-,uptr+,urgf+,pushf+,ts1-,ts2+,opt+,exws,bad", (1u << QUIRK_COUNT) - 1 },
};

static void test_quirks(void **state)
{
	char buf[SIGTEXT_LAYOUT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(quirks); i++) {
		assert_int_equal(sigtext_quirks(buf, sizeof buf, quirks[i].quirks), strlen(quirks[i].want));
		assert_string_equal(buf, quirks[i].want);
	}
}

static const struct {
	const char *want;
	struct sigtext sig;
} sigs[] = {
	{ "4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0",
	  { .ipver = 4, .ttl = 118, .dist_guess = 10, .mss = 1460, .win = 8192, .wscale = 8, .quirks = QUIRK_DF | QUIRK_ID_PLUS,
	    .layout = "mss,nop,ws,nop,nop,sok" } },
	{ "6:190+?:8:0:mtu*3,0:::+", /* too far to be true; no options */
	  { .ipver = 6, .ttl = 190, .dist_guess = 65, .olen = 8, .win = 4500, .win_unit = 2, .win_multiple = 3, .payload = true, .layout = "" } },
	{ "4:64+0:0:*:mss*20,7:mss:df:0", /* the echo of p0f-sendsyn's MSS */
	  { .ipver = 4, .ttl = 64, .mss = 1331, .win = 26620, .win_unit = 1, .win_multiple = 20, .wscale = 7, .quirks = QUIRK_DF,
	    .synack = true, .layout = "mss" } },
	{ "4:64+0:0:1331:1337,7:mss:df:0",
	  { .ipver = 4, .ttl = 64, .mss = 1331, .win = 1337, .wscale = 7, .quirks = QUIRK_DF, .layout = "mss" } },
};

static void test_raw(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		char buf[SIGTEXT_RAW];
		const size_t whole = strlen(sigs[i].want);

		assert_int_equal(sigtext_raw(buf, sizeof buf, &sigs[i].sig), whole);
		assert_string_equal(buf, sigs[i].want);
		for (size_t size = 0; size <= whole; size++) {
			memset(buf, '#', sizeof buf);

			const size_t n = sigtext_raw(buf, size, &sigs[i].sig);

			assert_true(size == 0 ? n == 0 : n == size - 1);
			assert_memory_equal(buf, sigs[i].want, n);
			if (size > 0)
				assert_int_equal(buf[n], '\0');
			assert_int_equal(buf[size], '#');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_layout), cmocka_unit_test(test_quirks), cmocka_unit_test(test_raw) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
