/* sa_report - `fingerpost sa-report`: which systems send spam here, and which ham, by spamd's own log. */
#include "cmd/cli.h"
#include "cmd/sa_count.h"

#include "core/err.h"
#include "core/util.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 65536
#define LEAST_DEFAULT 100

static void print_row(const char *name, struct sa_count count, struct sa_count total, uint64_t least)
{
	double odds;

	printf("%-28s %9llu %9llu", name, (unsigned long long)count.spam, (unsigned long long)count.ham);
	if (sa_log_odds(&odds, count, total, least) == 0)
		printf("  %+8.2f  %+5.1f\n", odds, sa_score(odds));
	else
		puts("  too few");
}

static void print_kind(struct sa_counts *counts, char kind, const char *head, uint64_t least)
{
	struct sa_count row;
	const char *name;

	printf("%-28s %9s %9s  %8s  %5s\n", head, "spam", "ham", "log-odds", "score");
	for (size_t n = 0; (name = sa_counts_row(counts, kind, n, &row)) != NULL; n++)
		print_row(name, row, sa_counts_total(counts), least);
}

static void print(struct sa_counts *counts, uint64_t least)
{
	const struct sa_count total = sa_counts_total(counts), tagged = sa_counts_tagged(counts);

	print_kind(counts, 's', "system", least);
	print_row("(not known)", (struct sa_count){ total.spam - tagged.spam, total.ham - tagged.ham }, total, least);
	printf("%-28s %9llu %9llu\n\n", "all", (unsigned long long)total.spam, (unsigned long long)total.ham);
	print_kind(counts, 'r', "rule", least);
}

/*
 * A line without its newline; one that is longer than a line of spamd can be is passed over whole, whatever it is.
 * False at the end.
 */
static bool next_line(FILE *in, char buf[LINE_BYTES], size_t *len)
{
	size_t n = 0;
	int c;

	while ((c = getc_unlocked(in)) != EOF && c != '\n') {
		if (n < LINE_BYTES)
			buf[n] = (char)c;
		n++;
	}
	*len = n <= LINE_BYTES ? n : 0;
	return c != EOF || n > 0;
}

static int read_log(struct sa_counts *counts, const char *name)
{
	FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	static char line[LINE_BYTES];
	size_t len;
	int rc = 0, status = CLI_YES;

	if (in == NULL) {
		cli_say("%s: %s", name, strerror(errno));
		return CLI_ERROR;
	}
	while (rc >= 0 && next_line(in, line, &len))
		rc = sa_counts_line(counts, line, len);
	if (rc < 0 || ferror(in)) {
		cli_say("%s: %s", name, rc < 0 ? fp_strerror(rc) : strerror(errno));
		status = CLI_ERROR;
	}
	if (in != stdin)
		fclose(in);
	return status;
}

int cmd_sa_report(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "rule", required_argument, NULL, 'r' }, { "least", required_argument, NULL, 'l' }, { 0 },
	};
	const char *rules[64] = { "L_P0F_*", "FINGERPOST_*" };
	size_t n = 2;
	unsigned long least = LEAST_DEFAULT;
	struct sa_counts *counts;
	int status = CLI_YES;
	char *end;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 'r' && n < ARRAY_LEN(rules)) {
			rules[n++] = optarg;
		} else if (c == 'l') {
			least = strtoul(optarg, &end, 10);
			if (*optarg < '0' || *optarg > '9' || *end != '\0' || least == 0)
				return cli_usage("sa-report");
		} else {
			return cli_usage("sa-report");
		}
	}
	if (optind == argc)
		return cli_usage("sa-report");
	if (sa_counts_new(&counts, rules, n) != 0) {
		cli_say("%s", fp_strerror(-ENOMEM));
		return CLI_ERROR;
	}
	for (int i = optind; i < argc && status == CLI_YES; i++)
		status = read_log(counts, argv[i]);
	if (status == CLI_YES && sa_counts_total(counts).spam + sa_counts_total(counts).ham == 0) {
		cli_say("no line \"spamd: result: ...\" in there");
		status = CLI_NO;
	}
	if (status == CLI_YES)
		print(counts, least);
	sa_counts_free(&counts);
	return status;
}
