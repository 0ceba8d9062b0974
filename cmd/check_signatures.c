/* check_signatures - `fingerpost check-signatures`: whether files of signatures are sound, each by itself. */
#include "cmd/cli.h"

#include "core/sigdb.h"

#include <stdio.h>

static void say(void *ctx, const struct sig_error *err)
{
	char line[SIG_ERROR_LINE];

	(void)ctx;
	fprintf(stderr, "%s\n", sig_error_line(err, line));
}

int cmd_check_signatures(int argc, char **argv)
{
	int status = CLI_YES;

	if (argc < 2 || argv[1][0] == '-')
		return cli_usage("check-signatures");
	for (int i = 1; i < argc; i++) {
		const char *file = argv[i];
		struct sigdb *db;
		size_t labels;

		if (sigdb_load_saying(&db, &file, 1, say, NULL) != 0) {
			status = CLI_ERROR;
			continue;
		}
		sigdb_labels(db, &labels);
		printf("%s: sound: %zu signatures for SYN, %zu for SYN+ACK, %zu labels\n", file,
		    sigdb_count(db, SIG_REQUEST), sigdb_count(db, SIG_RESPONSE), labels);
		sigdb_free(&db);
	}
	return status;
}
