/* explain - `fingerpost explain`: what speaks for and against each candidate, in words. */
#include "cmd/cli.h"

#include "core/ittl.h"
#include "core/opinion.h"
#include "core/sigobs.h"
#include "store/reader.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST 0.004 /* of a generation's share in its system: the model's own limit */

/* A field's value for people, and how often a candidate has it: "often" from half on. */
static const char *how_often(double p)
{
	return p >= .5 ? "usual" : p >= .1 ? "common" : p >= .02 ? "seldom" : p >= .002 ? "rare" : "all but never";
}

static const char *const ecn_words[] = { "no ECN", "ECE and CWR", "accurate ECN", "ECN bits in the IP header" };

static const char *ecn_word(const struct tcp_obs *obs)
{
	if (obs->ecn & OBS_ECN_AE)
		return ecn_words[2];
	if ((obs->ecn & (OBS_ECN_ECE | OBS_ECN_CWR)) == (OBS_ECN_ECE | OBS_ECN_CWR))
		return ecn_words[1];
	return obs->ecn != 0 ? ecn_words[3] : ecn_words[0];
}

static void field_word(char *buf, size_t size, unsigned field, const struct tcp_obs *obs)
{
	switch (field) {
	case MODEL_WEIGHT:
		snprintf(buf, size, "these options in this order");
		break;
	case MODEL_TTL:
		snprintf(buf, size, "hop limit %u, so %u at the start", obs->ttl, ittl_guess(obs->ttl).initial);
		break;
	case MODEL_WINDOW:
		if (obs->mss >= 100 && obs->win != 0 && obs->win % obs->mss == 0)
			snprintf(buf, size, "window %u, %u segments of %u", obs->win, obs->win / obs->mss, obs->mss);
		else
			snprintf(buf, size, "window %u", obs->win);
		break;
	case MODEL_SCALE:
		snprintf(buf, size, "window scale %u", obs->wscale);
		break;
	case MODEL_ID:
		snprintf(buf, size, "%s, IP id %s", obs->quirks & QUIRK_DF ? "DF" : "no DF",
		    obs->quirks & QUIRK_ID_MINUS || (obs->quirks & QUIRK_DF && !(obs->quirks & QUIRK_ID_PLUS)) ? "0" : "not 0");
		break;
	case MODEL_ECN:
		snprintf(buf, size, "%s", ecn_word(obs));
		break;
	case MODEL_MSS:
		snprintf(buf, size, "MSS %u", obs->mss);
		break;
	default:
		snprintf(buf, size, "odd header fields, or none of them");
	}
}

static const char *candidate_text(unsigned code, char *buf, size_t size)
{
	const char *flavor, *name = model_candidate(code, &flavor);

	snprintf(buf, size, "%s%s%s", name, *flavor != '\0' ? " " : "", flavor);
	return buf;
}

static bool has_scale(const struct tcp_obs *obs)
{
	return memchr(obs->layout, 3, obs->layout_len) != NULL;
}

static void print_reason(const struct model_reason *r, const struct tcp_obs *obs, double p)
{
	char name[64], word[80];

	printf("\n%s: %.1f %%", candidate_text(r->code, name, sizeof name), 100 * p);
	printf(" (%.2g %% of clients are, by the prior; %.2g %% of them send this)\n", 100 * (double)r->prior, 100 * (double)r->likelihood);
	for (unsigned f = 0; f < MODEL_FIELDS; f++) {
		if ((f == MODEL_SCALE && !has_scale(obs)) || (f == MODEL_ID && obs->ipver == 6) || (f == MODEL_ODD && r->field[f] > .5f))
			continue;
		field_word(word, sizeof word, f, obs);
		printf("  %s  %-44s %-13s %5.1f %%\n", r->field[f] >= .1f ? "for    " : "against", word, how_often((double)r->field[f]),
		    100 * (double)r->field[f]);
	}
	printf("  layout   %s\n", r->layout);
	for (unsigned bit = 0; fp_path_name(bit) != NULL; bit++)
		if (r->path >> bit & 1)
			printf("  provided %s on the way\n", fp_path_name(bit));
	printf("  source   %s\n", r->source);
}

/* One of the answer, and where it stands for several generations each of these that is worth a word; how many have been told. */
static unsigned print_candidate(unsigned code, double p, const struct model_reason *reason, size_t n, const struct tcp_obs *obs)
{
	char name[64];
	double sum = 0;
	unsigned told = 0;

	for (size_t i = 0; i < n; i++)
		if (model_covers(code, reason[i].code))
			sum += (double)reason[i].prior * (double)reason[i].likelihood;
	for (size_t i = 0; i < n; i++)
		told += model_covers(code, reason[i].code) && (double)reason[i].prior * (double)reason[i].likelihood >= LEAST * sum;
	if (told > 1)
		printf("\n%s: %.1f %%, which of its generations is not clear:\n", candidate_text(code, name, sizeof name), 100 * p);
	for (size_t i = 0; i < n; i++) {
		const double share = sum > 0 ? (double)reason[i].prior * (double)reason[i].likelihood / sum : 0;

		if (model_covers(code, reason[i].code) && share >= LEAST)
			print_reason(&reason[i], obs, p * share);
	}
	return told;
}

static const char *const how_words[] = {
	[MODEL_NOTHING] = "no system of the table sends such options",
	[MODEL_LAYOUT] = "the options are written by systems of the table",
	[MODEL_UNDONE] = "the options are those of systems of the table, after something on the way overwrote some",
	[MODEL_ORDER] = "no system of the table arranges its options so; judged by those that send the same ones in the same order",
};

static int explain(const struct sigdb *db, const struct tcp_obs *obs)
{
	struct model_reason reason[MODEL_CANDIDATES];
	struct model_answer a;
	struct verdict v;
	const size_t n = model_explain(sigdb_model(db), obs, reason, MODEL_CANDIDATES);
	unsigned told = 0;

	match_tcp(db, MATCH_CORRECT, obs, 0, &v);
	opinion_name(db, obs, &v);
	opinion_judge(db, obs, &a);
	if (v.label != NULL && v.sig_line != 0)
		printf("signature: %s %s (%s)\n", v.label->name, v.label->flavor,
		    v.match == MATCH_EXACT ? "to the letter" : v.match == MATCH_GENERIC ? "a generic one" : "with something forgiven");
	else if (v.label != NULL)
		printf("signature: none; called %s because the model is sure of it\n", v.label->name);
	else
		puts("signature: none");
	printf("model:     %s\n", how_words[a.how]);
	for (unsigned bit = 0; fp_path_name(bit) != NULL; bit++)
		if (a.path >> bit & 1)
			printf("the way:   %s\n", fp_path_name(bit));
	if (a.n == 0)
		puts("answer:    none: no kernel is likely enough to be named");
	for (unsigned i = 0; i < a.n; i++)
		told += print_candidate(a.candidate[i].code, (double)a.candidate[i].p, reason, n, obs);
	if (a.n > 0 && n > told)
		printf("\nNot worth a word, below 0.4 %%: %zu more that send such options.\n", n - told);
	return CLI_YES;
}

/* A host's record back to what was seen. */
static int from_store(const char *dir, const char *text, struct tcp_obs *obs)
{
	char raw[512], why[SIGOBS_WHY];
	struct fp_answer answer;
	struct fp_store *store;
	struct fp_addr addr;
	int rc;

	if (fp_addr_parse(&addr, text) != 0) {
		cli_say("\"%s\" is neither an address nor a signature", text);
		return CLI_ERROR;
	}
	if (cli_open_store(&store, dir) != 0)
		return CLI_ERROR;
	rc = fp_lookup(store, &addr, &answer);
	fp_close(&store);
	if (rc != 0) {
		cli_say("%s: %s", text, rc == FP_ENOTFOUND ? "not known" : fp_strerror(rc));
		return rc == FP_ENOTFOUND ? CLI_NO : CLI_ERROR;
	}
	if (answer.host.synack) {
		cli_say("%s was seen as a server only: the model judges SYNs", text);
		return CLI_NO;
	}
	/* What the signature's text leaves out is put back below. */
	snprintf(raw, sizeof raw, "%d:%u:%u:%u:%u,%u:%s::%s", answer.host.ipv6 ? 6 : 4, answer.host.ttl, answer.host.olen, answer.host.mss,
	    answer.host.win, answer.host.wscale, answer.layout, answer.host.payload ? "+" : "0");
	if (sigobs_parse(raw, obs, why) != 0) {
		cli_say("%s: its record cannot be read: %s", text, why);
		return CLI_ERROR;
	}
	obs->quirks = answer.host.quirks;
	obs->ecn = answer.host.ecn;
	if (obs->quirks & QUIRK_TS1_MINUS)
		obs->ts1 = 0;
	return CLI_YES;
}

int cmd_explain(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "store", required_argument, NULL, 's' }, { "prior", required_argument, NULL, 'p' }, { 0 },
	};
	const char *dir = NULL, *prior = "mail";
	char why[SIGOBS_WHY];
	struct tcp_obs obs;
	struct sigdb *db;
	int status = CLI_YES;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 's')
			dir = optarg;
		else if (c == 'p')
			prior = optarg;
		else
			return cli_usage("explain");
	}
	if (optind != argc - 1)
		return cli_usage("explain");
	/* A signature has a comma between window and scale, which no address has. */
	if (strchr(argv[optind], ',') == NULL) {
		status = from_store(dir, argv[optind], &obs);
	} else if (sigobs_parse(argv[optind], &obs, why) != 0) {
		cli_say("%s: %s", argv[optind], why);
		status = CLI_ERROR;
	}
	if (status != CLI_YES)
		return status;
	status = cli_load_signatures(&db, prior);
	if (status == CLI_YES)
		status = explain(db, &obs);
	sigdb_free(&db);
	return status;
}
