/* stats - `fingerpost stats`: the counters that the daemon puts into the store each second, and how old they are. */
#include "cmd/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

int cmd_stats(int argc, char **argv)
{
	static const struct option longs[] = { { "store", required_argument, NULL, 's' }, { 0 } };
	const char *dir = NULL;
	struct fp_store *store;
	struct fp_info info;
	char row[2048];
	int rc;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c != 's')
			return cli_usage("stats");
		dir = optarg;
	}
	if (optind != argc)
		return cli_usage("stats");
	if (cli_open_store(&store, dir) != 0)
		return CLI_ERROR;
	rc = fp_info(store, &info);
	if (rc == 0) {
		printf("age_s %lld\nstore_mode %s\nstore_bytes %llu\nstore_transactions %llu\n",
		    (long long)(time(NULL) - info.written_ns / 1000000000), info.live ? "live" : "files",
		    (unsigned long long)info.bytes, (unsigned long long)info.commits);
		for (unsigned n = 0; (rc = fp_counters(store, n, row, sizeof row)) == 0; n++)
			fputs(row, stdout);
	}
	fp_close(&store);
	if (rc == FP_ENOTFOUND)
		return CLI_YES;
	cli_say("%s", fp_strerror(rc));
	return CLI_ERROR;
}
