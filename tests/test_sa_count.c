/* sa_count: lines of spamd's log as they come, and as they should not; counts, and what is made of them. */
#include "test.h"

#include "cmd/sa_count.h"
#include "core/err.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rules[] = { "L_P0F_*", "FINGERPOST_*" };

#define ITEMS "scantime=0.4,size=3138,user=jm,uid=1000,required_score=5.0,rhost=::1,raddr=::1,rport=33153,mid=<9PS2@x>"
#define END ",autolearn=no autolearn_force=no"

static const struct {
	const char *why, *line;
	int result;
	struct sa_count total;
	const char *system, *rules; /* what is counted, blank between */
} lines[] = {
	{ "as syslog writes it", "Nov 24 10:00:00 mx spamd[1234]: spamd: result: Y 6 - BAYES_99,L_P0F_WXP " ITEMS ",autolearn=no,fingerpost=Windows_XP",
	  1, { 1, 0 }, "Windows XP", "L_P0F_WXP" },
	{ "as a file has it", "Tue Nov 24 10:00:00 2026 [1234] info: spamd: result: . -1 - L_P0F_Unix " ITEMS ",autolearn=ham,fingerpost=FreeBSD_9.x_or_newer",
	  1, { 0, 1 }, "FreeBSD 9.x or newer", "L_P0F_Unix" },
	{ "a score of one digit", "spamd: result: .  0 - HTML_MESSAGE,FINGERPOST_SHARED " ITEMS ",fingerpost=UNKNOWN", 1, { 0, 1 }, "UNKNOWN",
	  "FINGERPOST_SHARED" },
	{ "no rule hit", "spamd: result: .  0 -  " ITEMS ",fingerpost=Linux", 1, { 0, 1 }, "Linux", "" },
	{ "client not known", "spamd: result: Y 17 - L_P0F_W,X " ITEMS ",autolearn=spam", 1, { 1, 0 }, "", "L_P0F_W" },
	{ "two rules of ours", "spamd: result: Y 17 - FINGERPOST_WINDOWS_EOL,L_P0F_WXP " ITEMS ",fingerpost=Windows_XP", 1, { 1, 0 }, "Windows XP",
	  "FINGERPOST_WINDOWS_EOL L_P0F_WXP" },
	{ "a Message-ID that would like to be us", "spamd: result: Y 17 - X scantime=1,mid=<x_fingerpost=Linux_@y>,autolearn=no", 1, { 1, 0 }, "", "" },
	{ "an item of the sender's making counts less than ours", "spamd: result: Y 17 - X scantime=1,user=a,fingerpost=Linux,mid=<>,fingerpost=Windows",
	  1, { 1, 0 }, "Windows", "" },
	{ "an empty system", "spamd: result: Y 17 - X scantime=1,fingerpost=", 1, { 1, 0 }, "", "" },
	{ "control bytes in a system", "spamd: result: Y 17 - X scantime=1,fingerpost=a\033[2Jb", 1, { 1, 0 }, "", "" },
	{ "a system too long", "spamd: result: Y 17 - X scantime=1,fingerpost="
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  1, { 1, 0 }, "", "" },
	{ "nothing of ours hit", "spamd: result: . 1 - MY_L_P0F_X,L_P0F " ITEMS END, 1, { 0, 1 }, "", "" },
	{ "another line of spamd's", "spamd: clean message (0.1/5.0) for jm:1000 in 0.4 seconds, 3138 bytes.", 0, { 0, 0 }, "", "" },
	{ "cut behind the mark", "spamd: result: ", 0, { 0, 0 }, "", "" },
	{ "cut behind the verdict", "spamd: result: Y", 0, { 0, 0 }, "", "" },
	{ "cut behind the score", "spamd: result: Y 6", 0, { 0, 0 }, "", "" },
	{ "cut behind the rules", "spamd: result: Y 6 - L_P0F_WXP", 0, { 0, 0 }, "", "" },
	{ "no verdict of spamd's", "spamd: result: N 6 - L_P0F_WXP scantime=1", 0, { 0, 0 }, "", "" },
	{ "a long verdict", "spamd: result: YES 6 - L_P0F_WXP scantime=1", 0, { 0, 0 }, "", "" },
	{ "no dash", "spamd: result: Y 6 L_P0F_WXP scantime=1", 0, { 0, 0 }, "", "" },
	{ "items of something else", "spamd: result: Y 6 - L_P0F_WXP time=1", 0, { 0, 0 }, "", "" },
	{ "empty", "", 0, { 0, 0 }, "", "" },
	{ "blanks alone", "spamd: result: Y       ", 0, { 0, 0 }, "", "" },
};

static void names(struct sa_counts *counts, char kind, char *out, size_t size)
{
	struct sa_count row;
	const char *name;

	out[0] = '\0';
	for (size_t n = 0; (name = sa_counts_row(counts, kind, n, &row)) != NULL; n++) {
		assert_int_equal(row.spam + row.ham, 1);
		snprintf(out + strlen(out), size - strlen(out), "%s%s", n > 0 ? " " : "", name);
	}
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char systems[256], hit[256];
		struct sa_counts *counts;

		assert_int_equal(sa_counts_new(&counts, rules, ARRAY_LEN(rules)), 0);
		const int rc = sa_counts_line(counts, lines[i].line, strlen(lines[i].line));
		const struct sa_count total = sa_counts_total(counts);

		names(counts, 's', systems, sizeof systems);
		names(counts, 'r', hit, sizeof hit);
		if (rc != lines[i].result || total.spam != lines[i].total.spam || total.ham != lines[i].total.ham)
			fail_msg("%s: got %d, %d spam, %d ham", lines[i].why, rc, (int)total.spam, (int)total.ham);
		if (strcmp(systems, lines[i].system) != 0 || strcmp(hit, lines[i].rules) != 0)
			fail_msg("%s: got system %s, rules %s", lines[i].why, systems, hit);
		sa_counts_free(&counts);
		assert_null(counts);
	}
}

/* Every beginning of a line, in memory that ends where it ends: the sanitizer sees one byte too many. */
static void test_cut(void **state)
{
	const char *whole = lines[0].line;

	(void)state;
	for (size_t len = 0; len <= strlen(whole); len++) {
		struct sa_counts *counts;
		char *line = malloc(len > 0 ? len : 1);

		memcpy(line, whole, len);
		assert_int_equal(sa_counts_new(&counts, rules, ARRAY_LEN(rules)), 0);
		assert_in_range(sa_counts_line(counts, line, len), 0, 1);
		sa_counts_free(&counts);
		free(line);
	}
}

static void test_bytes(void **state)
{
	static char line[70000];
	struct sa_counts *counts;
	unsigned seed = 1;

	(void)state;
	assert_int_equal(sa_counts_new(&counts, rules, ARRAY_LEN(rules)), 0);
	for (int round = 0; round < 200; round++) {
		const size_t len = (seed = seed * 1103515245u + 12345u) % sizeof line;

		for (size_t i = 0; i < len; i++)
			line[i] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
		/* Noise behind a right beginning, and noise alone. */
		if (round % 2 == 0 && len > 60)
			memcpy(line, "x\0spamd: result: Y 6 - L_P0F_W scantime=1,", 42);
		assert_true(sa_counts_line(counts, line, len) >= 0);
	}
	assert_int_equal(sa_counts_total(counts).spam, 100);
	sa_counts_free(&counts);
}

/* A log of a hundred thousand systems is a log of lies: it does not fill the memory, and what is true is counted. */
static void test_many(void **state)
{
	struct sa_counts *counts;
	struct sa_count row;
	char line[128];
	size_t n = 0;

	(void)state;
	assert_int_equal(sa_counts_new(&counts, rules, ARRAY_LEN(rules)), 0);
	for (int i = 0; i < 100000; i++) {
		const int len = snprintf(line, sizeof line, "spamd: result: %c 1 - L_P0F_%d scantime=1,fingerpost=s%d", i % 3 ? 'Y' : '.', i % 7, i);

		assert_int_equal(sa_counts_line(counts, line, (size_t)len), 1);
	}
	while (sa_counts_row(counts, 's', n, &row) != NULL)
		n++;
	assert_int_equal(n, 4096);
	assert_int_equal(sa_counts_total(counts).spam + sa_counts_total(counts).ham, 100000);
	assert_string_equal(sa_counts_row(counts, 'r', 0, &row), "L_P0F_0");
	assert_int_equal(row.spam + row.ham, 14286);
	assert_string_equal(sa_counts_row(counts, 'r', 6, &row), "L_P0F_6");
	assert_null(sa_counts_row(counts, 'r', 7, &row));
	sa_counts_free(&counts);
}

static const struct {
	const char *why;
	struct sa_count row, total;
	bool enough;
	double odds, score;
} odds[] = {
	{ "as often in either", { 100, 100 }, { 1000, 1000 }, true, 0, 0 },
	{ "nine of ten spam, one of ten ham", { 900, 100 }, { 1000, 1000 }, true, 4.39, 2.2 },
	{ "and the other way", { 100, 900 }, { 1000, 1000 }, true, -4.39, -2.2 },
	{ "never in ham: a half for nought", { 100, 0 }, { 1000, 1000 }, true, 5.41, 2.7 },
	{ "never in ham, nearly always in spam: the score has an end", { 999, 0 }, { 1000, 1000 }, true, 14.1, 3.0 },
	{ "more ham than spam comes here; that is no evidence", { 10, 100 }, { 1000, 10000 }, true, 0.05, 0 },
	{ "just enough", { 50, 50 }, { 100, 100 }, true, 0, 0 },
	{ "the row is too small", { 99, 0 }, { 1000, 1000 }, false, 0, 0 },
	{ "too little spam at all", { 50, 100 }, { 99, 1000 }, false, 0, 0 },
	{ "too little ham at all", { 100, 50 }, { 1000, 99 }, false, 0, 0 },
	{ "nothing at all", { 0, 0 }, { 0, 0 }, false, 0, 0 },
};

static void test_odds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odds); i++) {
		double got = 77;
		const int rc = sa_log_odds(&got, odds[i].row, odds[i].total, 100);

		if (!odds[i].enough) {
			if (rc != FP_ENOTFOUND || got != 77)
				fail_msg("%s: got %d, %f", odds[i].why, rc, got);
			continue;
		}
		if (rc != 0 || fabs(got - odds[i].odds) > 0.05 || fabs(sa_score(got) - odds[i].score) > 0.001)
			fail_msg("%s: got %d, %f, score %f", odds[i].why, rc, got, sa_score(got));
	}
	assert_false(signbit(sa_score(-0.01)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_odds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
