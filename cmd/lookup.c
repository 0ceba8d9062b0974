/* lookup - `fingerpost lookup`: what the store knows of the addresses named. */
#include "cmd/cli.h"

#include "store/render.h"

#include <getopt.h>
#include <stdio.h>

static int one(struct fp_store *store, const char *text, bool json, bool near)
{
	char buf[RENDER_HOST_MAX], shown[FP_ADDR_TEXT];
	struct fp_answer answer;
	struct fp_addr addr;

	if (fp_addr_parse(&addr, text) != 0) {
		cli_say("\"%s\" is no address", text);
		return CLI_ERROR;
	}
	const int rc = near ? fp_lookup_near(store, &addr, &answer) : fp_lookup(store, &addr, &answer);

	if (rc == 0) {
		if (json)
			render_json(buf, sizeof buf, &answer);
		else
			render_line(buf, sizeof buf, &answer);
		if (!json && answer.near_bits != 0)
			printf("%s is not known, its neighbour is: ", fp_addr_text(&addr, shown));
		puts(buf);
		return CLI_YES;
	}
	if (rc != FP_ENOTFOUND) {
		cli_say("%s: %s", text, fp_strerror(rc));
		return CLI_ERROR;
	}
	if (json) {
		render_json_unknown(buf, sizeof buf, &addr);
		puts(buf);
	} else {
		printf("%s  not known\n", fp_addr_text(&addr, shown));
	}
	return CLI_NO;
}

int cmd_lookup(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "store", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "near", no_argument, NULL, 'n' }, { 0 },
	};
	const char *dir = NULL;
	struct fp_store *store;
	bool json = false, near = false;
	int worst = CLI_YES;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 's')
			dir = optarg;
		else if (c == 'j')
			json = true;
		else if (c == 'n')
			near = true;
		else
			return cli_usage("lookup");
	}
	if (optind == argc)
		return cli_usage("lookup");
	if (cli_open_store(&store, dir) != 0)
		return CLI_ERROR;
	for (int i = optind; i < argc; i++) {
		const int status = one(store, argv[i], json, near);

		if (status > worst)
			worst = status;
	}
	fp_close(&store);
	return worst;
}
