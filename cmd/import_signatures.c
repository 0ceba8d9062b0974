/* import_signatures - `fingerpost import-signatures`: p0f 2's and OpenBSD's signatures in p0f 3's grammar. */
#include "cmd/cli.h"

#include "core/err.h"
#include "core/sigimport.h"
#include "core/whole.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (16u << 20) /* p0f 2's own files are 30 KiB */

struct output {
	const char *file;
	unsigned left_out;
};

static void print(void *ctx, const char *text)
{
	(void)ctx;
	puts(text);
}

static void say(void *ctx, unsigned line, bool left_out, const char *text)
{
	struct output *o = ctx;

	o->left_out += left_out;
	fprintf(stderr, "%s:%u: %s%s\n", o->file, line, left_out ? "left out: " : "", text);
}

int cmd_import_signatures(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "from", required_argument, NULL, 'F' }, { "synack", no_argument, NULL, 's' }, { 0 },
	};
	struct output out = { 0 };
	struct sigimport i = { .print = print, .say = say, .ctx = &out };
	bool from = false;
	char *text;
	size_t len;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (option == 's') {
			i.synack = true;
		} else if (option == 'F' && (strcmp(optarg, "p0f2") == 0 || strcmp(optarg, "pf.os") == 0)) {
			i.from = optarg[1] == 'f' ? SIGIMPORT_PF_OS : SIGIMPORT_P0F2;
			from = true;
		} else {
			return cli_usage("import-signatures");
		}
	if (!from || optind + 1 != argc)
		return cli_usage("import-signatures");
	i.name = out.file = argv[optind];

	int rc = strcmp(out.file, "-") == 0 ? whole_fd(STDIN_FILENO, FILE_MAX, &text, &len) : whole_file(out.file, FILE_MAX, &text, &len);

	if (rc != 0) {
		cli_say("%s: %s", out.file, fp_strerror(rc));
		return CLI_ERROR;
	}
	rc = sigimport_run(&i, text, len);

	free(text);
	if (rc != 0 || fflush(stdout) != 0) {
		cli_say("%s: %s", out.file, rc != 0 ? fp_strerror(rc) : strerror(errno));
		return CLI_ERROR;
	}
	fprintf(stderr, "%s: %u of %u entries converted\n", out.file, i.converted, i.entries);
	if (i.entries == 0) {
		cli_say("%s: has no entry", out.file);
		return CLI_ERROR;
	}
	return i.converted == i.entries ? CLI_YES : CLI_NO;
}
