/* fingerpost - the command line: finds the command and runs it. */
#include "cmd/classify.h"
#include "cmd/cli.h"

#include "core/err.h"
#include "core/nearest.h"
#include "core/opinion.h"
#include "core/paths.h"
#include "core/util.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *help;
} table[] = {
	{ "lookup", cmd_lookup, "[--store DIR] [--json] [--near] ADDRESS...",
	  "what is known of an address; --near: else of its /64" },
	{ "dump", cmd_dump, "[--store DIR] [--json|--csv]", "every host of the store" },
	{ "stats", cmd_stats, "[--store DIR]", "the daemon's counters, and how old they are" },
	{ "top", cmd_top, "[--store DIR] [--once]", "systems and rates; on a terminal again each second" },
	{ "watch", cmd_watch, "[--store DIR] [--json] [--all]",
	  "hosts that are new or have changed; --all: all seen" },
	{ "forget", cmd_forget, "[--store DIR] ADDRESS|CIDR", "remove what is known of an address or a block" },
	{ "compact", cmd_compact, "[--store DIR]", "make the store's file as small as it can be" },
	{ "classify", cmd_classify,
	  "-r FILE|- [-f SIGFILE]... [--format p0f|json|tsv] [--prior mail|flat|FILE] [--model FILE] [--compat p0f]"
	  " [--decapsulate] ['FILTER']",
	  "name the systems in a capture; needs no daemon" },
	{ "sa-report", cmd_sa_report, "[--least N] [--rule PATTERN]... LOG...|-",
	  "spam and ham by system, out of spamd's log" },
	{ "explain", cmd_explain, "[--store DIR] [--prior mail|flat|FILE] SIGNATURE|ADDRESS", "what speaks for and against each system" },
	{ "unknown", cmd_unknown, "[--store DIR] [-n ROWS]", "the store's commonest signatures that nothing names" },
	{ "learn", cmd_learn, "--label NAME:FLAVOR -r FILE|- ['FILTER']", "signatures of known machines, for review" },
	{ "check-signatures", cmd_check_signatures, "FILE...", "whether signature files are sound" },
	{ "import-signatures", cmd_import_signatures, "--from p0f2|pf.os [--synack] FILE|-",
	  "print p0f 2's or OpenBSD's signatures as p0f 3 has them" },
};

void cli_say(const char *fmt, ...)
{
	va_list args;

	fputs("fingerpost: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_usage(const char *command)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].name, command) == 0)
			fprintf(stderr, "usage: fingerpost %s %s\n", table[i].name, table[i].arguments);
	return CLI_ERROR;
}

static bool forbidden(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/data.mdb", dir);
	return access(path, R_OK) != 0 && errno == EACCES;
}

const char *cli_store_dir(const char *named)
{
	const char *env = getenv("FINGERPOST_STORE");

	return named != NULL ? named : env != NULL && *env != '\0' ? env : "/var/lib/fingerpost";
}

static int no_store(const char *dir, int rc)
{
	dir = cli_store_dir(dir);
	/* To a reader what it may not read is not there; a person is told which of the two it is. */
	if (rc == FP_ENOSTORE && forbidden(dir))
		rc = -EACCES;
	switch (rc) {
	case -EACCES:
		cli_say("store %s: no right to read it; join its group, or use store.mode = 0644", dir);
		break;
	case FP_ENOSTORE:
		cli_say("store %s: there is none that can be read; is fingerpostd running, or is it elsewhere "
		    "(--store, FINGERPOST_STORE)?", dir);
		break;
	default:
		cli_say("store %s: %s", dir, fp_strerror(rc));
	}
	return CLI_ERROR;
}

int cli_open_store(struct fp_store **out, const char *dir)
{
	struct fp_info info;
	int rc = fp_open(out, dir);

	if (rc != 0)
		return no_store(dir, rc);
	rc = fp_info(*out, &info);
	if (rc == FP_ENOSTORE) {
		fp_trust(*out);
		rc = fp_info(*out, &info);
	}
	if (rc == 0)
		return 0;
	fp_close(out);
	return no_store(dir, rc);
}

int cli_load_signatures(struct sigdb **out, const char *prior)
{
	char path[PATH_MAX], line[SIG_ERROR_LINE];
	const char *file = path;
	struct sig_error err;

	*out = NULL;
	paths_signatures(path, sizeof path);
	if (sigdb_load(out, &file, 1, &err) == 0 && opinion_load(*out, NULL, prior, true, &err) == 0)
		return CLI_YES;
	cli_say("%s", sig_error_line(&err, line));
	return CLI_ERROR;
}

static void help(FILE *to)
{
	fputs("usage: fingerpost COMMAND [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		fprintf(to, "  %-18s%s\n", table[i].name, table[i].help);
	fputs("\nfingerpost COMMAND --help shows its arguments, man fingerpost all of it.\nThe store is --store DIR, else FINGERPOST_STORE, else /var/lib/fingerpost.\n", to);
}

/* What the manual and completion are made of (docs/man/generate): a line a command, tabs between. */
static int print_table(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		printf("command\t%s\t%s\t%s\n", table[i].name, table[i].arguments, table[i].help);
	return CLI_YES;
}

int main(int argc, char **argv)
{
	/* A reader that has seen enough closes the pipe; that is no error worth a message. */
	signal(SIGPIPE, SIG_DFL);
	if (argc < 2) {
		help(stderr);
		return CLI_ERROR;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		help(stdout);
		return CLI_YES;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("fingerpost " FP_VERSION);
		return CLI_YES;
	}
	if (strcmp(argv[1], "--table") == 0)
		return print_table();
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].name, argv[1]) == 0 && argc == 3 && strcmp(argv[2], "--help") == 0)
			return printf("usage: fingerpost %s %s\n%s\n", table[i].name, table[i].arguments, table[i].help) > 0 ? CLI_YES : CLI_ERROR;
		else if (strcmp(table[i].name, argv[1]) == 0)
			return table[i].run(argc - 1, argv + 1);
	struct nearest n = NEAREST_NONE;

	if (argv[1][0] == '-') {
		cli_say("unknown option %s; options stand behind the command: fingerpost COMMAND [OPTIONS]; fingerpost --help lists the commands",
		    argv[1]);
		return CLI_ERROR;
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		nearest_offer(&n, argv[1], table[i].name);
	cli_say("unknown command \"%s\"; the nearest is %s; fingerpost --help lists those there are", argv[1],
	    n.name != NULL ? n.name : table[0].name);
	return CLI_ERROR;
}
