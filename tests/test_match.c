/*
 * match: one packet against a small file, in both readings.
 *
 * A packet is written as p0f writes its raw_sig, but for the window, which is always the number: ver:ttl:olen:mss:win,scale:olayout:quirks:pclass.
 */
#include "tests/sigdb_help.h"

#include "core/match.h"
#include "core/sigtext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One entry of a comma list out of *text into word; false at the end. */
static bool next_word(const char **text, char *word, size_t size)
{
	size_t n = strcspn(*text, ",");

	if (n == 0 || n >= size)
		return false;
	memcpy(word, *text, n);
	word[n] = '\0';
	*text += n + ((*text)[n] == ',');
	return true;
}

static struct tcp_obs packet(const char *text)
{
	struct tcp_obs obs = { .kind = OBS_SYN, .seq = 1 };
	unsigned ver, ttl, olen, mss, win, scale, n;
	char layout[256] = "", quirks[256] = "", word[32], rest[600];
	const char *at;

	assert_int_equal(sscanf(text, "%u:%u:%u:%u:%u,%u:%599s", &ver, &ttl, &olen, &mss, &win, &scale, rest), 7);
	n = (unsigned)strcspn(rest, ":");
	memcpy(layout, rest, n);
	at = rest + n + 1;
	n = (unsigned)strcspn(at, ":");
	memcpy(quirks, at, n);
	obs.payload_len = at[n + 1] == '+';
	obs.ipver = (uint8_t)ver;
	obs.ttl = (uint8_t)ttl;
	obs.olen = (uint8_t)olen;
	obs.mss = (uint16_t)mss;
	obs.win = (uint16_t)win;
	obs.wscale = (uint8_t)scale;
	for (at = layout; next_word(&at, word, sizeof word);) {
		uint8_t kind = 0;

		if (word[0] == '?')
			kind = (uint8_t)atoi(word + 1);
		else if (strncmp(word, "eol+", 4) == 0)
			obs.eol_pad = (uint8_t)atoi(word + 4);
		else
			for (unsigned k = 1; k < 9; k++)
				if (sigtext_option_name(k) != NULL && strcmp(word, sigtext_option_name(k)) == 0)
					kind = (uint8_t)k;
		if (kind == 8)
			obs.ts1 = 12345;
		obs.layout[obs.layout_len++] = kind;
	}
	for (at = quirks; next_word(&at, word, sizeof word);)
		for (unsigned i = 0; i < QUIRK_COUNT; i++)
			if (strcmp(word, fp_quirk_name(i)) == 0)
				obs.quirks |= 1u << i;
	obs.tot_hdr = (uint16_t)((ver == 4 ? 20 : 40) + 20 + 20);
	return obs;
}

#define HEAD "classes = win,unix\n[mtu]\nlabel = Ethernet\nsig = 1500\n[tcp:request]\n"

static const struct {
	const char *why, *file, *packet;
	const char *compat;  /* "name quality dist"; quality e g f n */
	const char *correct; /* NULL: the same */
} rows[] = {
	{ "exact", "label = s:unix:A:\nsig = *:64:0:*:mss*20,7:mss,ts:df,id+:0\n", "4:60:0:1460:29200,7:mss,ts:df,id+:0", "A e 4", NULL },
	{ "specific behind generic", "label = g:unix:G:\nsig = *:64:0:*:*,*:mss::0\nlabel = s:unix:A:\nsig = *:64:0:*:1024,0:mss::0\n",
	  "4:64:0:1460:1024,0:mss::0", "A e 0", NULL },
	{ "generic", "label = g:unix:G:\nsig = *:64:0:*:*,*:mss::0\nlabel = s:unix:A:\nsig = *:64:0:*:1024,0:mss::0\n",
	  "4:64:0:1460:1025,0:mss::0", "G g 0", NULL },
	{ "generic before fuzzy", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss:df:0\nlabel = g:unix:G:\nsig = *:64:0:*:*,*:mss::0\n",
	  "4:64:0:1460:1024,0:mss::0", "G g 0", NULL },
	{ "fuzzy: p0f takes the first, we the specific one", "label = g:unix:G:\nsig = *:64:0:*:*,*:mss:df:0\nlabel = s:unix:A:\nsig = *:64:0:*:1024,0:mss:df:0\n",
	  "4:64:0:1460:1024,0:mss::0", "G f 0", "A f 0" },
	{ "fuzzy: we take the nearest", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss:df,id+:0\nlabel = s:unix:B:\nsig = *:64:0:*:1024,0:mss:df:0\n",
	  "4:64:0:1460:1024,0:mss::0", "A f 0", "B f 0" },
	{ "quirks that nothing forgives", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss::0\n", "4:64:0:1460:1024,0:mss:seq-:0", "- n 0", NULL },
	{ "df extra is not forgiven", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss::0\n", "4:64:0:1460:1024,0:mss:df:0", "- n 0", NULL },
	{ "option order", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss,nop::0\n", "4:64:0:1460:1024,0:nop,mss::0", "- n 0", NULL },
	{ "eol padding", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss,eol+1::0\n", "4:64:0:1460:1024,0:mss,eol+2::0", "- n 0", NULL },
	{ "IP options", "label = s:unix:A:\nsig = *:64:4:*:1024,0:mss::0\n", "4:64:0:1460:1024,0:mss::0", "- n 0", NULL },
	{ "payload", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss::+\n", "4:64:0:1460:1024,0:mss::0", "- n 0", NULL },
	{ "TTL above: fuzzy, distance guessed", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss::0\n", "4:100:0:1460:1024,0:mss::0", "A f 28", NULL },
	{ "TTL 36 below: fuzzy", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss::0\n", "4:28:0:1460:1024,0:mss::0", "A f 4", NULL },
	{ "random TTL: far is exact", "label = s:unix:A:\nsig = *:255-:0:*:1024,0:mss::0\n", "4:20:0:1460:1024,0:mss::0", "A e 235", NULL },
	{ "random TTL: above is void", "label = s:unix:A:\nsig = *:64-:0:*:1024,0:mss::0\n", "4:65:0:1460:1024,0:mss::0", "- n 63", "- n -1" },
	{ "no match, too far to be true", "label = s:unix:A:\n", "4:190:0:1460:1024,0:mss::0", "- n 65", "- n -1" },
	{ "only a tool, fuzzily: p0f forgets the distance", "label = s:!:T:\nsys = @unix\nsig = *:64:0:*:1024,0:mss::0\n", "4:60:0:1460:1024,0:mss:ecn:0",
	  "- n 0", "- n 4" },
	{ "a tool, then a system, both fuzzily: p0f keeps the tool", "label = s:!:T:\nsys = @unix\nsig = *:64:0:*:1024,0:mss::0\nlabel = s:unix:A:\nsig = *:64:0:*:*,0:mss::0\n",
	  "4:60:0:1460:1024,0:mss:ecn:0", "- n 0", "A f 4" },
	{ "%n", "label = s:unix:A:\nsig = *:64:0:*:%8192,0:mss::0\n", "4:64:0:1460:24576,0:mss::0", "A e 0", NULL },
	{ "mss - 12 with timestamps", "label = s:unix:A:\nsig = *:64:0:*:mss*4,0:mss,ts::0\n", "4:64:0:1400:5552,0:mss,ts::0", "A e 0", NULL },
	{ "mss - 12 without", "label = s:unix:A:\nsig = *:64:0:*:mss*4,0:mss::0\n", "4:64:0:1400:5552,0:mss::0", "- n 0", NULL },
	{ "an MTU multiple that is an MSS multiple too: p0f finds one", "label = s:unix:A:\nsig = *:64:0:*:mtu*25,0:mss::0\n", "4:64:0:1000:26000,0:mss::0",
	  "- n 0", "A e 0" },
	{ "MTU by mss + 40", "label = s:unix:A:\nsig = *:64:0:*:mtu*3,0:mss::0\n", "4:64:0:1111:3453,0:mss::0", "A e 0", NULL },
	{ "window 0 is no multiple", "label = s:unix:A:\nsig = *:64:0:*:mss*1,0:mss::0\n", "4:64:0:1460:0,0:mss::0", "- n 0", NULL },
	{ "MSS 99 has no multiples", "label = s:unix:A:\nsig = *:64:0:*:mss*10,0:mss::0\n", "4:64:0:99:990,0:mss::0", "- n 0", NULL },
	{ "IPv4-only quirks are masked for IPv6", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss:df,id+:0\n", "6:64:0:1440:1024,0:mss::0", "A e 0", NULL },
	{ "0+ too, but not by p0f", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss:0+:0\n", "6:64:0:1440:1024,0:mss::0", "- n 0", "A e 0" },
	{ "flow labels hide everything from p0f", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss:df,id+:0\n", "6:64:0:1440:1024,0:mss:flow:0", "- n 0", "A e 0" },
	{ "a signature for IPv6 means its flow", "label = s:unix:A:\nsig = 6:64:0:*:1024,0:mss::0\n", "6:64:0:1440:1024,0:mss:flow:0", "- n 0", NULL },
	{ "p0f does not compare the version", "label = s:unix:A:\nsig = 4:64:0:*:1024,0:mss::0\n", "6:64:0:1440:1024,0:mss::0", "A e 0", "- n 0" },
	{ "extension headers do not hide a system", "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss::0\n", "6:64:8:1440:1024,0:mss::0", "- n 0", "A e 0" },
};

static const char *describe(char *buf, size_t size, const struct verdict *v)
{
	snprintf(buf, size, "%s %c %d", v->label != NULL ? v->label->name : "-", "negf"[v->match], v->dist);
	return buf;
}

static void test_rows(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024], buf[64];
		struct verdict v;

		snprintf(text, sizeof text, HEAD "%s", rows[i].file);

		struct sigdb *db = sigdb_of(text);
		const struct tcp_obs obs = packet(rows[i].packet);

		for (int correct = 0; correct < 2; correct++) {
			const char *want = correct && rows[i].correct != NULL ? rows[i].correct : rows[i].compat;

			match_tcp(db, correct ? MATCH_CORRECT : MATCH_COMPAT_P0F, &obs, 0, &v);
			if (strcmp(describe(buf, sizeof buf, &v), want) != 0) {
				print_error("%s (%s): got %s, want %s\n", rows[i].why, correct ? "correct" : "p0f", buf, want);
				wrong++;
			}
		}
		sigdb_free(&db);
	}
	assert_int_equal(wrong, 0);
}

static void test_mtu(void **state)
{
	struct sigdb *db = sigdb_of(HEAD);
	struct verdict v;
	struct tcp_obs obs = packet("4:64:0:1460:1024,0:mss::0");

	(void)state;
	match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
	assert_int_equal(v.mtu, 1500);
	assert_string_equal(v.link, "Ethernet");
	obs = packet("6:64:0:1440:1024,0:mss::0");
	match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
	assert_int_equal(v.mtu, 1500);
	obs.mss = 0;
	match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
	assert_int_equal(v.mtu, 0);
	assert_null(v.link);
	obs.mss = 65535;
	match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
	assert_int_equal(v.mtu, 65595);
	assert_null(v.link);
	sigdb_free(&db);
}

/* The MSS of the SYN counts for a SYN+ACK's window; divisors of a tiny one never make a multiple that p0f could hold. */
static void test_syn_mss(void **state)
{
	struct sigdb *db = sigdb_of("classes = unix\n[tcp:response]\nlabel = s:unix:A:\nsig = *:64:0:*:mss*10,0:mss::0\n");
	struct tcp_obs obs = packet("4:64:0:1460:13000,0:mss::0");
	struct verdict v;

	(void)state;
	obs.kind = OBS_SYNACK;
	match_tcp(db, MATCH_COMPAT_P0F, &obs, 1300, &v);
	assert_non_null(v.label);
	assert_int_equal(v.win_unit, WIN_MSS);
	assert_int_equal(v.win_multiple, 10);
	match_tcp(db, MATCH_COMPAT_P0F, &obs, 1312, &v);
	assert_non_null(v.label);
	match_tcp(db, MATCH_COMPAT_P0F, &obs, 0, &v);
	assert_null(v.label);
	obs.win = 40001;
	match_tcp(db, MATCH_COMPAT_P0F, &obs, 1, &v);
	assert_int_equal(v.win_unit, WIN_PLAIN);
	obs.win = 7;
	match_tcp(db, MATCH_COMPAT_P0F, &obs, 5, &v); /* 5 - 12 = -7 */
	assert_int_equal(v.win_unit, WIN_PLAIN);
	sigdb_free(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_mtu), cmocka_unit_test(test_syn_mss) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
