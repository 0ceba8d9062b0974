/*
 * sigimport: lines written for this table in the grammars of p0f 2 and pf.os, what becomes of each, and what is said; and that all of it
 * loads and names a packet.
 */
#include "tests/test.h"

#include "core/match.h"
#include "core/sigimport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P0F2 SIGIMPORT_P0F2
#define PF SIGIMPORT_PF_OS

static const struct {
	const char *why;
	enum sigimport_from from;
	bool synack;
	const char *line;
	const char *want; /* "label | sig | sig", without "label = s:" and "sig = "; NULL: nothing */
	const char *says; /* part of it; NULL: nothing */
} rows[] = {
	{ "the usual", P0F2, false, "S4:64:1:60:M*,S,T,N,W7:.:Linux:2.6 (test)", "s:unix:Linux:2.6 (test) | 4:64:0:*:mss*4,7:mss,sok,ts,nop,ws:df,id+:0", NULL },
	{ "a plain window, MSS and scale by number", P0F2, false, "8192:128:1:52:M1460,N,W8,N,N,S:.:Windows:Seven", "s:win:Windows:Seven | 4:128:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0", NULL },
	{ "any window, any scale", P0F2, false, "*:255:0:48:M*,W*,N:.:Thing:", "s:other:Thing: | 4:255:0:*:*,*:mss,ws,nop::0", NULL },
	{ "a window modulo", P0F2, false, "%1024:64:0:44:M*:.:FreeBSD:x", "s:unix:FreeBSD:x | 4:64:0:*:%1024,0:mss::0", NULL },
	{ "modulo 1 is any", P0F2, false, "%1:64:0:44:M*:.:FreeBSD:x", "s:unix:FreeBSD:x | 4:64:0:*:*,0:mss::0", NULL },
	{ "multiples of the MTU", P0F2, false, "T22:64:0:44:M*:.:AIX:4", "s:unix:AIX:4 | 4:64:0:*:mtu*22,0:mss::0", NULL },
	{ "no options", P0F2, false, "512:64:0:40:.:.:SunOS:4", "s:unix:SunOS:4 | 4:64:0:*:512,0:::0", NULL },
	{ "zero id with DF", P0F2, false, "512:64:1:44:M*:Z:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss:df:0", NULL },
	{ "zero id without", P0F2, false, "512:64:0:44:M*:Z:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss:id-:0", NULL },
	{ "urgent pointer, ack number, second stamp, stamp 0", P0F2, false, "512:64:0:56:M*,N,N,T0:UAT:Thing:x",
	  "s:other:Thing:x | 4:64:0:*:512,0:mss,nop,nop,ts:ack+,uptr+,ts1-,ts2+:0", NULL },
	{ "letters of either size", P0F2, false, "512:64:0:44:M*:za:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss:id-,ack+:0", NULL },
	{ "an acknowledgment is as it should be in a SYN+ACK", P0F2, true, "512:64:0:44:M*:A:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss::0", NULL },
	{ "a SYN+ACK without", P0F2, true, "512:64:0:44:M*:.:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss:ack-:0", NULL },
	{ "data", P0F2, false, "512:64:0:60:M*:D:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss::+", NULL },
	{ "a size of over 100", P0F2, false, "512:64:0:*:M*:.:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss::*", NULL },
	{ "flags: one of both, or both", P0F2, false, "512:64:0:44:M*:F:Thing:x",
	  "s:other:Thing:x | 4:64:0:*:512,0:mss:pushf+:0 | 4:64:0:*:512,0:mss:urgf+:0 | 4:64:0:*:512,0:mss:urgf+,pushf+:0", "PSH, URG or both" },
	{ "end of options, padding by the size", P0F2, false, "65535:64:1:64:M*,N,W3,N,N,T,S,E:P:MacOS:X",
	  "s:unix:MacOS:X | 4:64:0:*:65535,3:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0 | 4:64:0:*:65535,3:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+,opt+:0", "not whether they are noughts" },
	{ "end of options, nothing behind", P0F2, false, "512:64:0:48:M*,N,S,E:.:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss,nop,sok,eol+0::0", NULL },
	{ "several ends are padding", P0F2, false, "512:64:0:48:M*,S,E,E:.:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss,sok,eol+1::0", NULL },
	{ "an unknown option, whose length the size leaves open", P0F2, false, "512:64:0:52:M*,?13,N,N:.:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss,?13,nop,nop::0", NULL },
	{ "broken options", P0F2, false, "512:64:0:44:M*,?0:!:Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss,?0:bad:0", NULL },
	{ "IP options, as many as the size leaves", P0F2, false, "512:64:0:56:M*:I:Thing:x", "s:other:Thing:x | 4:64:12:*:512,0:mss::0", NULL },
	{ "a tool", P0F2, false, "1024:64:0:40:.:.:-Scanner:fast", "s:!:Scanner:fast | 4:64:0:*:1024,0:::0", NULL },
	{ "approximate", P0F2, false, "*:64:1:60:M*,S,T,N,W*:.:@Linux:some", "g:unix:Linux:some | 4:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0", NULL },
	{ "no distance", P0F2, false, "512:64:0:44:M*:.:*Thing:x", "s:other:Thing:x | 4:64:0:*:512,0:mss::0", "no distance, no link" },
	{ "all three", P0F2, false, "512:64:0:44:M*:.:-@*Thing:x", "g:!:Thing:x | 4:64:0:*:512,0:mss::0", "no distance" },
	{ "letters that names cannot have", P0F2, false, "512:64:0:44:M*:.:A+B&C:x, y", "s:other:A_B_C:x, y | 4:64:0:*:512,0:mss::0", NULL },
	{ "details with colons", P0F2, false, "512:64:0:44:M*:.:Thing:a:b", "s:other:Thing:a:b | 4:64:0:*:512,0:mss::0", NULL },
	{ "blanks and a carriage return", P0F2, false, "  512 : 64:0:48: M*, N,S ,N:. :Thing: x\r", "s:other:Thing:x | 4:64:0:*:512,0:mss,nop,sok,nop::0", NULL },
	{ "a comment", P0F2, false, "# 512:64:0:44:M*:.:Thing:x", NULL, NULL },

	{ "pf.os", PF, false, "16384:64:1:64:M*,N,N,S,N,W0,N,N,T:OpenBSD:3.0::OpenBSD 3.0", "s:unix:OpenBSD:3.0 | 4:64:0:*:16384,0:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0", NULL },
	{ "pf.os, version and subtype", PF, false, "512:64:0:44:M*:Thing:1:b:A thing", "s:other:Thing:1 b | 4:64:0:*:512,0:mss::0", NULL },
	{ "pf.os, neither: its details", PF, false, "512:64:0:44:M*:Thing:::A thing", "s:other:Thing:A thing | 4:64:0:*:512,0:mss::0", NULL },
	{ "pf.os, end of options", PF, false, "512:64:0:48:M*,E:Thing:::x", "s:other:Thing:x | 4:64:0:*:512,0:mss,eol+3::0", NULL },
	{ "pf.os has no word for an end of options that the size leaves room for", PF, false, "512:64:0:60:W10,N,M265,T:Tool:::x",
	  "s:other:Tool:x | 4:64:0:265:512,10:ws,nop,mss,ts,eol+1::0", "no word" },
	{ "four bytes are more than padding", PF, false, "512:64:0:48:M*:Thing:::x", NULL, "8 bytes are left for 4" },
	{ "pf.os of a SYN+ACK says nothing of the acknowledgment", PF, true, "512:64:0:44:M*:Thing:::x", "s:other:Thing:x | 4:64:0:*:512,0:mss::0", NULL },

	{ "too few fields", P0F2, false, "512:64:0:44:M*:.:Thing", NULL, "8 fields with a colon between are expected, found 7" },
	{ "p0f 2's line for pf.os", PF, false, "512:64:0:44:M*:.:Thing:x", NULL, "9 fields" },
	{ "a window of words", P0F2, false, "big:64:0:44:M*:.:Thing:x", NULL, "the window: n, *, %n, Sn or Tn is expected, found \"big\"" },
	{ "a window of 65536", P0F2, false, "65536:64:0:44:M*:.:Thing:x", NULL, "the window" },
	{ "S0", P0F2, false, "S0:64:0:44:M*:.:Thing:x", NULL, "the window" },
	{ "%0", P0F2, false, "%0:64:0:44:M*:.:Thing:x", NULL, "the window" },
	{ "more multiples than p0f 3 knows", P0F2, false, "S1001:64:0:44:M*:.:Thing:x", NULL, "up to 1000, not 1001" },
	{ "TTL 0", P0F2, false, "512:0:0:44:M*:.:Thing:x", NULL, "the initial TTL: 1..255 is expected, found \"0\"" },
	{ "DF 2", P0F2, false, "512:64:2:44:M*:.:Thing:x", NULL, "DF: 0 or 1" },
	{ "a size that is no number", P0F2, false, "512:64:0:x:M*:.:Thing:x", NULL, "the size of the packet" },
	{ "a size below the headers'", P0F2, false, "512:64:0:39:.:.:Thing:x", NULL, "less than the headers" },
	{ "an option that there is not", P0F2, false, "512:64:0:44:Q:.:Thing:x", NULL, "an option: N E S T T0 Mn Wn ?n is expected, found \"Q\"" },
	{ "T1", P0F2, false, "512:64:0:56:N,N,T1:.:Thing:x", NULL, "T or T0" },
	{ "MSS modulo", P0F2, false, "512:64:0:44:M%4:.:Thing:x", NULL, "no MSS that is a multiple" },
	{ "scale modulo", P0F2, false, "512:64:0:44:W%2,N:.:Thing:x", NULL, "no window scale that is a multiple" },
	{ "a scale of 256", P0F2, false, "512:64:0:44:W256,N:.:Thing:x", NULL, "0..255" },
	{ "an empty option", P0F2, false, "512:64:0:44:M*,,N:.:Thing:x", NULL, "a comma between" },
	{ "an option behind the end", P0F2, false, "512:64:0:48:M*,E,N:.:Thing:x", NULL, "nothing behind E" },
	{ "25 options", P0F2, false, "512:64:0:68:N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N,N:.:Thing:x", NULL, "24 options at most" },
	{ "options that do not fill the size", P0F2, false, "512:64:0:48:M*:.:Thing:x", NULL, "8 bytes are left for 4" },
	{ "options beyond the size", P0F2, false, "512:64:0:44:M*,N,N,T:.:Thing:x", NULL, "4 bytes are left for 16" },
	{ "a size that no header has", P0F2, false, "512:64:0:46:M*,E:.:Thing:x", NULL, "6 bytes are left for 5" },
	{ "bytes behind the end, and no room for them", P0F2, false, "512:64:0:48:M*,N,S,E:P:Thing:x", NULL, "the size leaves none" },
	{ "the end of options, and no size", P0F2, false, "512:64:0:*:M*,E:.:Thing:x", NULL, "the size is not said" },
	{ "the end of options, and data", P0F2, false, "512:64:0:60:M*,E:D:Thing:x", NULL, "with data the size does not tell" },
	{ "IP options, and no size", P0F2, false, "512:64:0:*:M*:I:Thing:x", NULL, "bytes of IP options" },
	{ "IP options, and no room", P0F2, false, "512:64:0:44:M*:I:Thing:x", NULL, "bytes of IP options" },
	{ "a quirk that there is not", P0F2, false, "512:64:0:44:M*:Y:Thing:x", NULL, "a quirk: one of P Z I U X A T F D ! or . is expected, found \"Y\"" },
	{ "reserved bits", P0F2, false, "512:64:0:44:M*:X:Thing:x", NULL, "reserved bits" },
	{ "RSTs", P0F2, false, "0:64:0:40:.:K0:Thing:x", NULL, "RSTs" },
	{ "no name", P0F2, false, "512:64:0:44:M*:.:-:x", NULL, "the name of a system" },
	{ "a name longer than a label", P0F2, false,
	  "512:64:0:44:M*:.:A thing with a name that goes on and on and on until it does not fit any more:and details that go on for as long as that and longer", NULL, "at most 127 characters" },
};

struct heard {
	char out[2000], said[1000];
	unsigned lines_out, left_out, line;
};

static void print(void *ctx, const char *text)
{
	struct heard *h = ctx;
	const char *rest = strncmp(text, "label = ", 8) == 0 ? text + 8 : strncmp(text, "sig = ", 6) == 0 ? text + 6 : NULL;

	if (rest == NULL)
		return;
	snprintf(h->out + strlen(h->out), sizeof h->out - strlen(h->out), "%s%s", h->out[0] != '\0' ? " | " : "", rest);
}

static void say(void *ctx, unsigned line, bool left_out, const char *text)
{
	struct heard *h = ctx;

	h->left_out += left_out;
	h->line = line;
	snprintf(h->said + strlen(h->said), sizeof h->said - strlen(h->said), "%s; ", text);
}

static void test_rows(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(rows); n++) {
		struct heard h = { 0 };
		struct sigimport i = { .from = rows[n].from, .synack = rows[n].synack, .name = "row", .print = print, .say = say, .ctx = &h };
		char text[400];
		const char *want = rows[n].want != NULL ? rows[n].want : "";

		snprintf(text, sizeof text, "# one\n\n%s\n", rows[n].line);
		assert_int_equal(sigimport_run(&i, text, strlen(text)), 0);
		const bool entry = rows[n].line[0] != '#';

		if (strcmp(h.out, want) != 0 || (rows[n].says == NULL ? h.said[0] != '\0' : strstr(h.said, rows[n].says) == NULL) ||
		    i.entries != entry || i.converted != (rows[n].want != NULL) || h.left_out != (entry && rows[n].want == NULL) ||
		    (rows[n].says != NULL && h.line != 3)) {
			print_error("%s:\n got %s (%s)\nwant %s (%s)\n", rows[n].why, h.out, h.said, want, rows[n].says != NULL ? rows[n].says : "");
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

struct collected {
	char *text;
	size_t n;
	unsigned covered, covered_line;
};

static void collect(void *ctx, const char *text)
{
	struct collected *c = ctx;

	c->n += (size_t)sprintf(c->text + c->n, "%s\n", text);
}

static void on_say(void *ctx, unsigned line, bool left_out, const char *text)
{
	struct collected *c = ctx;

	(void)left_out;
	if (strstr(text, "already covered by line 1 ") != NULL) {
		c->covered++;
		c->covered_line = line;
	}
}

/* Everything of the table in one file loads; what is covered by a line before it is left out, by its number. */
static void test_whole(void **state)
{
	for (unsigned from = P0F2; from <= PF; from++)
		for (int synack = 0; synack < 2; synack++) {
			struct collected c = { .text = malloc(1 << 20) };
			struct sigimport i = { .from = (enum sigimport_from)from, .synack = synack, .name = "all", .print = collect, .say = on_say, .ctx = &c };
			char *file = malloc(1 << 20);
			size_t len = 0, labels;
			struct sig_error err;
			struct sigdb *db;

			(void)state;
			for (size_t n = 0; n < ARRAY_LEN(rows); n++)
				len += (size_t)sprintf(file + len, "%s\n", rows[n].line);
			assert_int_equal(sigimport_run(&i, file, len), 0);
			if (sigdb_parse(&db, "imported", c.text, c.n, &err) != 0)
				fail_msg("line %u: %s", err.line, err.text);
			sigdb_labels(db, &labels);
			assert_true(labels >= 2);
			assert_int_equal(sigdb_count(db, synack ? SIG_RESPONSE : SIG_REQUEST) > 0, true);
			sigdb_free(&db);
			free(file);
			free(c.text);
		}
	struct collected c = { .text = malloc(1 << 16) };
	struct sigimport i = { .name = "two", .print = collect, .say = on_say, .ctx = &c };
	const char two[] = "S4:64:1:60:M*,S,T,N,W7:.:Linux:A\n# between\nS4:64:1:60:M1460,S,T,N,W7:.:Linux:B\n";

	assert_int_equal(sigimport_run(&i, two, sizeof two - 1), 0);
	assert_int_equal(c.covered, 1);
	assert_int_equal(c.covered_line, 3);
	assert_int_equal(i.entries, 2);
	assert_int_equal(i.converted, 1);
	free(c.text);
}

static void test_names_a_packet(void **state)
{
	struct collected c = { .text = malloc(1 << 16) };
	struct sigimport i = { .name = "one", .print = collect, .say = on_say, .ctx = &c };
	const char one[] = "S20:64:1:60:M*,S,T,N,W7:.:Linux:of old";
	const struct tcp_obs obs = {
		.kind = OBS_SYN, .ipver = 4, .ttl = 60, .win = 29200, .mss = 1460, .wscale = 7, .quirks = QUIRK_DF | QUIRK_ID_PLUS,
		.layout = { 2, 4, 8, 1, 3 }, .layout_len = 5, .tot_hdr = 60, .ts1 = 1,
	};
	struct sig_error err;
	struct verdict v;
	struct sigdb *db;

	(void)state;
	assert_int_equal(sigimport_run(&i, one, sizeof one - 1), 0);
	assert_int_equal(sigdb_parse(&db, "imported", c.text, c.n, &err), 0);
	match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
	assert_non_null(v.label);
	assert_string_equal(v.label->text, "unix:Linux:of old");
	assert_int_equal(v.match, MATCH_EXACT);
	assert_int_equal(v.dist, 4);
	sigdb_free(&db);
	free(c.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_whole), cmocka_unit_test(test_names_a_packet) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
