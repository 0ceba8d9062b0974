/* dump - `fingerpost dump`: every host of the store, in order of addresses, one a line. */
#include "cmd/cli.h"

#include "store/render.h"

#include <getopt.h>
#include <stdio.h>

typedef int render_fn(char *buf, size_t size, const struct fp_answer *host); /* of render.h */

/* The store may change meanwhile: each host is read as it is when its turn comes. */
static int all(struct fp_store *store, render_fn *render)
{
	char buf[RENDER_HOST_MAX];
	struct fp_answer host;
	struct fp_addr at = { { 0 } };
	int rc;

	while ((rc = fp_next(store, &at, &host)) == 0) {
		at = host.addr;
		render(buf, sizeof buf, &host);
		if (puts(buf) < 0)
			return CLI_ERROR;
	}
	if (rc == FP_ENOTFOUND && fflush(stdout) == 0)
		return CLI_YES;
	cli_say("the dump is not whole: %s", rc == FP_ENOTFOUND ? "standard output cannot be written" : fp_strerror(rc));
	return CLI_ERROR;
}

int cmd_dump(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "store", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "csv", no_argument, NULL, 'c' }, { 0 },
	};
	char header[RENDER_HOST_MAX];
	render_fn *render = render_line;
	const char *dir = NULL;
	struct fp_store *store;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 's')
			dir = optarg;
		else if (c == 'j')
			render = render_json;
		else if (c == 'c')
			render = render_csv;
		else
			return cli_usage("dump");
	}
	if (optind != argc)
		return cli_usage("dump");
	if (cli_open_store(&store, dir) != 0)
		return CLI_ERROR;
	if (render == render_csv) {
		render_csv_header(header, sizeof header);
		puts(header);
	}
	const int status = all(store, render);

	fp_close(&store);
	return status;
}
