/* learn - `fingerpost learn`: captures of machines that are known to entries for signatures/, for a person to review. */
#include "cmd/cli.h"

#include "capture/capture.h"
#include "core/ittl.h"
#include "core/opinion.h"
#include "core/pkt.h"
#include "core/sigtext.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 1000u /* more different SYNs than that are not one system's */

struct entry {
	char sig[SIGTEXT_RAW];
	struct tcp_obs obs;  /* the first */
	char now[160];       /* what it is called so far */
	uint64_t syns;
	struct fp_addr last; /* enough to count hosts where their SYNs come in turn */
	uint64_t hosts;
};

struct learn {
	const char *name, *flavor, *file;
	struct sigdb *db;
	struct pkt_conf pkt;
	struct entry *entry;
	unsigned n;
	uint64_t syns, left_out;
};

/* As signatures are written: initial TTL, any MSS, segments where the window follows the MSS; ECN and the flow label as seen. */
static void entry_sig(char *buf, size_t size, const struct tcp_obs *obs, const struct verdict *v)
{
	char layout[SIGTEXT_LAYOUT], quirks[128], window[16];
	const uint32_t keep = obs->quirks & ~(uint32_t)QUIRK_FLOW;

	sigtext_layout(layout, sizeof layout, obs->layout, obs->layout_len, obs->eol_pad);
	sigtext_quirks(quirks, sizeof quirks, keep);
	if (v->win_unit == WIN_MSS && obs->win % obs->mss == 0)
		snprintf(window, sizeof window, "mss*%u", v->win_multiple);
	else
		snprintf(window, sizeof window, "%u", obs->win);
	/* IPv6 has neither DF nor id: an entry for both versions cannot be made of it. */
	snprintf(buf, size, "%s:%u:%u:%s:%s,%u:%s:%s:%s", obs->ipver == 6 ? "6" : "*", ittl_guess(obs->ttl).initial, obs->olen,
	    obs->mss != 0 ? "*" : "0", window, obs->wscale, layout, quirks, obs->payload_len > 0 ? "+" : "0");
}

static void now_called(char *buf, size_t size, const struct verdict *v)
{
	static const char *const how[] = { "", "exactly", "by a generic entry", "with something forgiven" };

	if (v->label == NULL)
		snprintf(buf, size, "so far without a name");
	else
		snprintf(buf, size, "so far called %s%s%s, %s", v->label->name, *v->label->flavor != '\0' ? " " : "", v->label->flavor, how[v->match & 3]);
}

static void on_frame(void *ctx, const struct capture_frame *f)
{
	struct learn *l = ctx;
	char sig[SIGTEXT_RAW];
	struct tcp_obs obs;
	struct verdict v;
	unsigned i = 0;

	if (pkt_decode(&l->pkt, f->link, f->bytes, f->caplen, f->len, f->time_ns, &obs) != PKT_OK || obs.kind != OBS_SYN)
		return;
	l->syns++;
	match_tcp(l->db, MATCH_CORRECT, &obs, 0, &v);
	opinion_name(l->db, &obs, &v);
	entry_sig(sig, sizeof sig, &obs, &v);
	while (i < l->n && strcmp(l->entry[i].sig, sig) != 0)
		i++;
	if (i == ENTRIES_MAX) {
		l->left_out++;
		return;
	}
	struct entry *e = &l->entry[i];

	if (i == l->n) {
		l->n++;
		memcpy(e->sig, sig, sizeof sig);
		e->obs = obs;
		now_called(e->now, sizeof e->now, &v);
	}
	e->syns++;
	if (!fp_addr_equal(&e->last, &obs.src)) {
		e->hosts++;
		e->last = obs.src;
	}
}

static int by_syns(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->syns != y->syns)
		return x->syns < y->syns ? 1 : -1;
	return strcmp(x->sig, y->sig);
}

static const char *class_of(const char *name)
{
	static const char *const unixes[] = {
		"Linux", "Android", "ChromeOS", "Mac OS X", "iOS", "FreeBSD", "OpenBSD", "NetBSD", "Solaris", "HP-UX", "AIX", "Tru64",
	};

	if (strcmp(name, "Windows") == 0)
		return "win";
	for (size_t i = 0; i < sizeof unixes / sizeof *unixes; i++)
		if (strcmp(unixes[i], name) == 0)
			return "unix";
	return "other";
}

/* A source remark is one line of printable text, whatever the file is called. */
static void print_file(const char *file)
{
	for (; *file != '\0'; file++)
		putchar(*file > ' ' && *file < 0x7f ? *file : '_');
}

#define V4_ONLY (QUIRK_DF | QUIRK_ID_PLUS | QUIRK_ID_MINUS | QUIRK_ZERO_PLUS)

/* An entry of IPv6 that one for both versions covers: the same after the version, but for what IPv6 has no place for. */
static bool covered(const struct learn *l, const struct entry *v6)
{
	const uint32_t quirks = v6->obs.quirks & ~(uint32_t)QUIRK_FLOW;

	for (unsigned i = 0; i < l->n; i++) {
		const struct entry *e = &l->entry[i];
		const char *a = e->sig + 2, *b = v6->sig + 2; /* behind "*:" and "6:" */
		if (e->obs.ipver != 4 || (e->obs.quirks & ~(uint32_t)V4_ONLY) != quirks)
			continue;
		unsigned field = 0; /* five more up to the quirks */

		for (; *a == *b && *a != '\0' && field < 5; a++, b++)
			field += *a == ':';
		if (field == 5)
			return true;
	}
	return false;
}

static void print(struct learn *l)
{
	qsort(l->entry, l->n, sizeof *l->entry, by_syns);
	puts("; For review: signatures/README.md says what an entry must be. Drop what a firewall or NAT changed; where another");
	puts("; label has the same signature, both need one flavor that is true of both. Say in \"seen:\" which version, and what");
	puts("; differed from its defaults.");
	printf("\nlabel = s:%s:%s:%s\n", class_of(l->name), l->name, l->flavor);
	for (unsigned i = 0; i < l->n; i++) {
		if (l->entry[i].obs.ipver == 6 && covered(l, &l->entry[i]))
			continue;
		printf("; source: seen: own stack, %s%s%s, ", l->name, *l->flavor != '\0' ? " " : "", l->flavor);
		print_file(l->file);
		printf(", %" PRIu64 " of %" PRIu64 " SYNs, %" PRIu64 "%s hosts; %s\n", l->entry[i].syns, l->syns, l->entry[i].hosts,
		    l->entry[i].hosts > 1 ? " or fewer" : "", l->entry[i].now);
		printf("sig   = %s\n", l->entry[i].sig);
	}
}

/* "Windows:Server 2025"; what a label cannot hold is refused here and not by the next who loads it. */
static bool split_label(struct learn *l, char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -_.()";
	char *colon = strchr(text, ':');

	l->name = text;
	l->flavor = "";
	if (colon != NULL) {
		*colon = '\0';
		l->flavor = colon + 1;
	}
	return *l->name != '\0' && l->name[strspn(l->name, allowed)] == '\0' && l->flavor[strspn(l->flavor, allowed)] == '\0' &&
	    strlen(l->name) + strlen(l->flavor) < 100;
}

static int learn(struct learn *l, const char *filter)
{
	const struct capture_handler handler = { .ctx = l, .frame = on_frame };
	char err[CAPTURE_ERR];
	struct capture *capture;
	int status = CLI_YES;

	if (cli_load_signatures(&l->db, "flat") != CLI_YES)
		return CLI_ERROR;
	if (capture_open_file(&capture, l->file, filter, err) != 0) {
		cli_say("%s", err);
		return CLI_ERROR;
	}
	if (capture_run(capture, &handler, err) != 0) {
		cli_say("%s", err);
		status = CLI_NO;
	}
	capture_close(&capture);
	if (l->n == 0) {
		cli_say("%s: no SYN in it", l->file);
		return CLI_NO;
	}
	print(l);
	if (l->left_out > 0)
		cli_say("more than %u different SYNs: that is not one system; %" PRIu64 " are left out", ENTRIES_MAX, l->left_out);
	return status;
}

int cmd_learn(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "label", required_argument, NULL, 'l' }, { "read", required_argument, NULL, 'r' }, { 0 },
	};
	struct learn l = { .n = 0 };
	int status;

	for (int c; (c = getopt_long(argc, argv, "r:", longs, NULL)) != -1;) {
		if (c == 'r')
			l.file = optarg;
		else if (c != 'l')
			return cli_usage("learn");
		else if (!split_label(&l, optarg)) {
			cli_say("--label: a name, a colon and a flavor are expected, as in \"Windows:Server 2025\"; a flavor is letters, digits, space and -_.()");
			return CLI_ERROR;
		}
	}
	if (l.name == NULL || l.file == NULL || optind < argc - 1)
		return cli_usage("learn");
	l.entry = calloc(ENTRIES_MAX, sizeof *l.entry);
	if (l.entry == NULL) {
		cli_say("not enough memory");
		return CLI_ERROR;
	}
	status = learn(&l, optind < argc ? argv[optind] : NULL);
	sigdb_free(&l.db);
	free(l.entry);
	return status;
}
