/* unknown - `fingerpost unknown`: the commonest signatures of one's store that nothing names, ready to be asked about. */
#include "cmd/cli.h"

#include "core/hash.h"
#include "core/ittl.h"
#include "core/sigtext.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX 100000u
#define DEFAULT_ROWS 20u

/* A signature without what differs between hosts of one kind: the hops and the MSS stay out. */
struct cell {
	char raw[SIGTEXT_RAW];
	uint64_t hosts, connections;
};

struct cells {
	struct cell *cell;
	uint32_t *slot; /* number + 1; 0: free */
	uint32_t n, mask;
	uint64_t hosts, unnamed, left_out;
};

static void cell_raw(char *buf, size_t size, const struct fp_answer *a)
{
	const struct fp_host *h = &a->host;
	const uint8_t initial = ittl_guess(h->ttl).initial;
	const struct sigtext t = {
		.ipver = h->ipv6 ? 6 : 4, .ttl = initial, .dist_guess = 0, .olen = h->olen, .wscale = h->wscale, .win_unit = h->win_unit,
		.win_multiple = h->win_multiple, .win = h->win, .mss = h->mss, .quirks = h->quirks, .payload = h->payload,
		.layout = a->layout,
	};

	sigtext_raw(buf, size, &t);
}

static void count(struct cells *c, const struct fp_answer *a)
{
	char raw[SIGTEXT_RAW];
	uint32_t i;

	c->hosts++;
	if (a->name[0] != '\0' || a->host.synack || a->layout[0] == '\0')
		return;
	c->unnamed++;
	cell_raw(raw, sizeof raw, a);
	for (i = hash_id(raw, strlen(raw)) & c->mask; c->slot[i] != 0; i = (i + 1) & c->mask)
		if (strcmp(c->cell[c->slot[i] - 1].raw, raw) == 0)
			break;
	if (c->slot[i] == 0) {
		if (c->n == CELLS_MAX) {
			c->left_out++;
			return;
		}
		memcpy(c->cell[c->n].raw, raw, sizeof raw);
		c->slot[i] = ++c->n;
	}
	c->cell[c->slot[i] - 1].hosts++;
	c->cell[c->slot[i] - 1].connections += a->host.connections;
}

static int by_hosts(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->hosts != y->hosts)
		return x->hosts < y->hosts ? 1 : -1;
	return strcmp(x->raw, y->raw);
}

static int read_all(struct fp_store *store, struct cells *c)
{
	struct fp_answer host;
	struct fp_addr at = { { 0 } };
	int rc;

	while ((rc = fp_next(store, &at, &host)) == 0) {
		at = host.addr;
		count(c, &host);
	}
	if (rc == FP_ENOTFOUND)
		return CLI_YES;
	cli_say("the store could not be read to its end: %s", fp_strerror(rc));
	return CLI_ERROR;
}

static void print(struct cells *c, unsigned long rows)
{
	qsort(c->cell, c->n, sizeof *c->cell, by_hosts);
	printf("hosts\tconnections\tsignature\n");
	for (uint32_t i = 0; i < c->n && i < rows; i++)
		printf("%" PRIu64 "\t%" PRIu64 "\t%s\n", c->cell[i].hosts, c->cell[i].connections, c->cell[i].raw);
	fprintf(stderr, "%" PRIu64 " hosts, %" PRIu64 " without a name, %" PRIu32 " signatures among them\n", c->hosts, c->unnamed, c->n);
	if (c->left_out > 0)
		fprintf(stderr, "%" PRIu64 " hosts had still other signatures and are not counted\n", c->left_out);
}

int cmd_unknown(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "store", required_argument, NULL, 's' }, { "rows", required_argument, NULL, 'n' }, { 0 },
	};
	struct cells c = { .mask = (1u << 18) - 1 };
	unsigned long rows = DEFAULT_ROWS;
	const char *dir = NULL;
	struct fp_store *store;
	int status;
	char *end;

	for (int o; (o = getopt_long(argc, argv, "n:", longs, NULL)) != -1;) {
		if (o == 's')
			dir = optarg;
		else if (o != 'n' || (rows = strtoul(optarg, &end, 10)) == 0 || *end != '\0')
			return cli_usage("unknown");
	}
	if (optind != argc)
		return cli_usage("unknown");
	if (cli_open_store(&store, dir) != 0)
		return CLI_ERROR;
	c.cell = calloc(CELLS_MAX, sizeof *c.cell);
	c.slot = calloc((size_t)c.mask + 1, sizeof *c.slot);
	if (c.cell == NULL || c.slot == NULL) {
		cli_say("not enough memory");
		status = CLI_ERROR;
	} else {
		status = read_all(store, &c);
		print(&c, rows);
	}
	free(c.cell);
	free(c.slot);
	fp_close(&store);
	return status;
}
