/* p0flog: lines of events, and numbers as printf() writes them. */
#include "tests/test.h"

#include "core/out.h"
#include "core/p0flog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sig_label linux_label = { .name = "Linux", .flavor = "3.x", .klass = "unix" };
static const struct sig_label bare_label = { .name = "Linux", .flavor = "", .klass = "unix", .generic = true };
static const struct sig_label nmap_label = { .name = "NMap", .flavor = "SYN scan", .klass = "!", .app = true };

static const struct tcp_obs syn = {
	.kind = OBS_SYN, .ipver = 4, .ttl = 60, .win = 29200, .mss = 1460, .wscale = 7, .quirks = QUIRK_DF | QUIRK_ID_PLUS,
	.layout = { 2, 4, 8, 1, 3 }, .layout_len = 5, .tot_hdr = 60, .ts1 = 1,
};
static const struct tcp_obs marked = { .kind = OBS_SYN, .ipver = 4, .ttl = 60, .win = 1, .dscp = 2 };
static const struct tcp_obs answer = { .kind = OBS_SYNACK, .ipver = 4, .ttl = 64, .win = 10, .mss = 1331, .layout = { 2 }, .layout_len = 1 };

#define HEAD "[1970/01/02 00:00:00] mod="
#define ENDS "|cli=192.0.2.1/40000|srv=198.51.100.255/25|subj="
#define ENDS6 "|cli=2001:db8:0:0:0:0:0:1/1|srv=2001:db8:0:0:0:ff:0:2/65535|subj="
#define RAW "|raw_sig=4:60+4:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0\n"

static const struct {
	const char *why;
	struct track_event e;
	bool v6;
	const char *want;
} rows[] = {
	{ "a SYN", { .kind = TRACK_SYN, .obs = &syn, .verdict = { .label = &linux_label, .match = MATCH_EXACT, .dist = 4, .dist_guess = 4, .win_unit = WIN_MSS, .win_multiple = 20 } },
	  false, HEAD "syn" ENDS "cli|os=Linux 3.x|dist=4|params=none" RAW },
	{ "IPv6 without ::", { .kind = TRACK_SYN, .obs = &syn, .verdict = { .label = &bare_label, .match = MATCH_GENERIC, .dist = 4, .dist_guess = 4, .win_unit = WIN_MSS, .win_multiple = 20 } },
	  true, HEAD "syn" ENDS6 "cli|os=Linux|dist=4|params=generic" RAW },
	{ "every parameter", { .kind = TRACK_SYN, .obs = &marked, .verdict = { .label = &bare_label, .match = MATCH_FUZZY, .random_ttl = true, .dist = 44, .dist_guess = 4 } },
	  false, HEAD "syn" ENDS "cli|os=Linux|dist=<= 44|params=generic fuzzy random_ttl excess_dist tos:0x02|raw_sig=4:60+4:0:0:1,0:::0\n" },
	{ "unknown, far", { .kind = TRACK_SYN, .obs = &marked, .verdict = { .dist = -1, .dist_guess = 77 } }, false,
	  HEAD "syn" ENDS "cli|os=???|dist=???|params=tos:0x02|raw_sig=4:60+?:0:0:1,0:::0\n" },
	{ "a tool", { .kind = TRACK_SYN, .obs = &syn, .verdict = { .label = &nmap_label, .match = MATCH_EXACT, .dist = 4, .dist_guess = 4, .win_unit = WIN_MTU, .win_multiple = 1000 } }, false,
	  HEAD "syn" ENDS "cli|app=NMap SYN scan|dist=4|params=none|raw_sig=4:60+4:0:1460:mtu*1000,7:mss,sok,ts,nop,ws:df,id+:0\n" },
	{ "a probe's answer: its MSS is ours", { .kind = TRACK_SYNACK, .sendsyn = true, .server = true, .obs = &answer, .verdict = { .label = &linux_label } }, false,
	  HEAD "sendsyn response" ENDS "srv|app=Linux 3.x|dist=0|params=none|raw_sig=4:64+0:0:*:10,0:mss::0\n" },
	{ "MTU", { .kind = TRACK_MTU, .verdict = { .mtu = 1500, .link = "Ethernet or modem" } }, false,
	  HEAD "mtu" ENDS "cli|link=Ethernet or modem|raw_mtu=1500\n" },
	{ "MTU unknown", { .kind = TRACK_MTU, .server = true, .verdict = { .mtu = 65595 } }, false, HEAD "mtu" ENDS "srv|link=???|raw_mtu=65595\n" },
	{ "uptime", { .kind = TRACK_UPTIME, .uptime_min = 3 * 1440 + 25, .up_mod_days = 198, .raw_hz = 249.995 }, false,
	  HEAD "uptime" ENDS "cli|uptime=3 days 0 hrs 25 min (modulo 198 days)|raw_freq=250.00 Hz\n" },
	{ "sharing", { .kind = TRACK_SHARING, .reason = REASON_OS_DIFF | REASON_PORT | REASON_FUZZY, .hits = { 1, 20, 3, 0 } }, false,
	  HEAD "ip sharing" ENDS "cli|reason=os_diff port fuzzy|raw_hits=1,20,3,0\n" },
	{ "host change", { .kind = TRACK_HOST_CHANGE, .reason = REASON_TTL, .hits = { 0, 0, 0, 0 } }, false,
	  HEAD "host change" ENDS "cli|reason=ttl|raw_hits=0,0,0,0\n" },
	{ "p0f has no line for a handshake", { .kind = TRACK_HANDSHAKE }, false, "" },
};

static void test_lines(void **state)
{
	struct p0flog log;
	int wrong = 0;

	(void)state;
	setenv("TZ", "UTC", 1);
	p0flog_init(&log, MATCH_CORRECT);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct track_event e = rows[i].e;
		char line[P0FLOG_LINE] = "";

		e.time_ns = 86400 * INT64_C(1000000000) + 5;
		fp_addr_parse(&e.cli, rows[i].v6 ? "2001:db8::1" : "192.0.2.1");
		fp_addr_parse(&e.srv, rows[i].v6 ? "2001:db8::ff:0:2" : "198.51.100.255");
		e.cli_port = rows[i].v6 ? 1 : 40000;
		e.srv_port = rows[i].v6 ? 65535 : 25;
		const size_t n = p0flog_line(&log, &e, line);

		if (strcmp(line, rows[i].want) != 0 || n != strlen(line)) {
			print_error("%s: got %swant %s", rows[i].why, line, rows[i].want);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* Frequencies: what printf() would have written, halves included, which go to the even neighbour where they are exact. */
static void test_two_decimals(void **state)
{
	static const double edges[] = { 0, 0.005, 0.015, 0.125, 0.375, 2.675, 1.005, 0.994999999999999, 0.995, 999.995, 1000, 1e14 + 0.5, 99999999.995, 3e15, 1e300 };
	uint64_t seed = 7;
	struct p0flog log;

	(void)state;
	p0flog_init(&log, MATCH_CORRECT);
	for (unsigned i = 0; i < 200000; i++) {
		const uint64_t r = test_random(&seed);
		/* Every eighth lies on a multiple of 1/8: the exact halves. */
		const double hz = i < ARRAY_LEN(edges) ? edges[i] : i % 8 == 0 ? (double)(r >> 40) / 8 : (double)(r >> 20) / (double)(1 << (i % 30));
		struct track_event e = { .kind = TRACK_UPTIME, .raw_hz = hz };
		char line[P0FLOG_LINE], want[400];

		p0flog_line(&log, &e, line);
		snprintf(want, sizeof want, "raw_freq=%.2f Hz\n", hz);
		if (strcmp(strstr(line, "raw_freq="), want) != 0)
			fail_msg("%.17g: got %s want %s", hz, strstr(line, "raw_freq="), want);
	}
}

/* What does not fit is cut; the byte behind is never touched. */
static void test_out(void **state)
{
	(void)state;
	for (size_t size = 1; size < 24; size++) {
		char buf[32], whole[] = "ab18446744073709551615", *want = whole;
		struct out o;

		memset(buf, '~', sizeof buf);
		o = out_begin(buf, size);
		out_char(&o, 'a');
		out_text(&o, "b");
		out_number(&o, UINT64_MAX);
		assert_int_equal(out_end(&o), size - 1 < strlen(whole) ? size - 1 : strlen(whole));
		assert_memory_equal(buf, want, strlen(buf));
		assert_int_equal(buf[size], '~');
	}
	char buf[64];
	struct out o = out_begin(buf, sizeof buf);

	out_hex(&o, 0, 1);
	out_hex(&o, 0xdb8, 1);
	out_hex(&o, 7, 2);
	out_hex(&o, 0xffffffff, 2);
	out_two(&o, 5);
	out_two(&o, 99);
	out_end(&o);
	assert_string_equal(buf, "0db807ffffffff0599");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_two_decimals), cmocka_unit_test(test_out) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
