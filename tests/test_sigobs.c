/* sigobs: a raw signature read back says what was printed; whatever is wrong is said, and nothing is read past the end. */
#include "tests/test.h"

#include "core/ittl.h"
#include "core/sigobs.h"
#include "core/sigtext.h"

#include <stdio.h>
#include <string.h>

static const char *const whole[] = {
	"4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0",
	"6:64+0:0:1440:64800,7:mss,sok,ts,nop,ws:flow:0",
	"4:57+7:0:1380:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn:0",
	"4:255+0:4:0:2048,0::id-:+",
	"4:64+0:0:1460:5840,7:mss,sok,ts,nop,ws,?30:df,id+,ts1-:0",
};

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		char why[SIGOBS_WHY] = "", layout[SIGTEXT_LAYOUT], again[SIGTEXT_RAW];
		struct tcp_obs o;

		if (sigobs_parse(whole[i], &o, why) != 0)
			fail_msg("%s: %s", whole[i], why);
		sigtext_layout(layout, sizeof layout, o.layout, o.layout_len, o.eol_pad);
		const struct sigtext t = {
			.ipver = o.ipver, .ttl = o.ttl, .dist_guess = ittl_guess(o.ttl).hops, .olen = o.olen, .wscale = o.wscale,
			.win = o.win, .mss = o.mss, .quirks = o.quirks, .payload = o.payload_len > 0, .layout = layout,
		};
		sigtext_raw(again, sizeof again, &t);
		assert_string_equal(again, whole[i]);
	}
}

static const struct {
	const char *why, *raw;
	uint16_t win;
} windows[] = {
	{ "segments", "4:64:0:1460:mss*44,7:mss:df:0", 64240 },
	{ "MTUs", "4:64:0:1460:mtu*2,7:mss:df:0", 3000 },
	{ "MTUs of IPv6", "6:64:0:1440:mtu*2,7:mss::0", 3000 },
	{ "anything for the MSS is Ethernet's", "*:64:0:*:mss*4,*:mss:df,id+:0", 5840 },
};

static void test_windows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		char why[SIGOBS_WHY] = "";
		struct tcp_obs o;

		assert_int_equal(sigobs_parse(windows[i].raw, &o, why), 0);
		if (o.win != windows[i].win)
			fail_msg("%s: window %u, want %u", windows[i].why, o.win, windows[i].win);
	}
}

static const struct {
	const char *why, *raw, *says;
} wrong[] = {
	{ "nothing", "", "eight fields" },
	{ "an address", "192.0.2.1", "eight fields" },
	{ "a field too many", "4:64:0:1460:8192,8:mss:df:0:0", "eight fields" },
	{ "a version", "5:64:0:1460:8192,8:mss:df:0", "version" },
	{ "a TTL", "4:300:0:1460:8192,8:mss:df:0", "TTL" },
	{ "a window without scale", "4:64:0:1460:8192:mss:df:0", "scale" },
	{ "more than a window holds", "4:64:0:1460:mss*45,8:mss:df:0", "65535" },
	{ "an option", "4:64:0:1460:8192,8:mss,xyz:df:0", "option" },
	{ "too many options", "4:64:0:1460:8192,8:nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop:df:0", "more than" },
	{ "a quirk", "4:64:0:1460:8192,8:mss:zz:0", "quirk" },
	{ "a payload", "4:64:0:1460:8192,8:mss:df:x", "end" },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		char why[SIGOBS_WHY] = "";
		struct tcp_obs o;

		if (sigobs_parse(wrong[i].raw, &o, why) != FP_ECONFIG || strstr(why, wrong[i].says) == NULL)
			fail_msg("%s: \"%s\", want \"%s\"", wrong[i].why, why, wrong[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_windows), cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests_name("sigobs", tests, NULL, NULL);
}
