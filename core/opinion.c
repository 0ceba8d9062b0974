/* opinion - what signatures and model say together. */
#include "core/opinion.h"
#include "core/ittl.h"
#include "core/err.h"
#include "core/paths.h"
#include "core/sigdb_int.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MIN 0.80f /* so sure must the model be before it names what no signature does */
#define VETO_MIN 0.90f /* or contradicts a fuzzy match */

/* ---- Names ---------------------------------------------------------------------------------- */

/* As signatures spell a candidate's name. */
static const char *label_name(const char *candidate)
{
	return strcmp(candidate, "macOS") == 0 ? "Mac OS X" : candidate;
}

/* The broadest label of a name: a generic one with the shortest flavor. NULL: the database has none. */
static const struct sig_label *broadest(const struct sigdb *db, const char *name)
{
	const struct sig_label *best = NULL;

	for (uint32_t i = 0; i < db->n_labels; i++) {
		const struct sig_label *l = &db->labels[i];

		if (l->generic && !l->app && strcasecmp(l->name, name) == 0 &&
		    (best == NULL || strlen(l->flavor) < strlen(best->flavor)))
			best = l;
	}
	return best;
}

void sigdb_adopt(struct sigdb *db, struct model **mp)
{
	db->model = *mp;
	db->model_free = model_free;
	db->model_names = true;
	*mp = NULL;
	for (unsigned code = 1; code < 256; code++) {
		const char *name = model_candidate(code, NULL);

		db->model_label[code] = name != NULL ? broadest(db, label_name(name)) : NULL;
	}
}

const struct model *sigdb_model(const struct sigdb *db)
{
	return db->model;
}

/* A file of ours; FP_ECONFIG where it is not there. */
static int ours(const char *name, char path[PATH_MAX], struct sig_error *err)
{
	if (paths_share(name, path, PATH_MAX) == 0)
		return 0;
	memset(err, 0, sizeof *err);
	snprintf(err->file, sizeof err->file, "%.127s", path);
	snprintf(err->text, sizeof err->text, "the model that belongs to the signatures is not there");
	return FP_ECONFIG;
}

int opinion_load(struct sigdb *db, const char *table, const char *prior, bool names, struct sig_error *err)
{
	char stacks[PATH_MAX], weights[PATH_MAX];
	struct model *m;
	int rc = table == NULL ? ours("model.tsv", stacks, err) : 0;

	if (rc == 0 && strcmp(prior, "mail") == 0)
		rc = ours("prior-mail.tsv", weights, err);
	else if (rc == 0 && strcmp(prior, "flat") == 0)
		rc = ours("prior-flat.tsv", weights, err);
	else if (rc == 0)
		snprintf(weights, sizeof weights, "%s", prior);
	if (rc == 0)
		rc = model_load(&m, table != NULL ? table : stacks, weights, err);
	if (rc == 0) {
		sigdb_adopt(db, &m);
		db->model_names = names;
	}
	return rc;
}

/* What the model would call it: the likeliest family where that is sure, else its kernel. NULL: it is not sure of that either. */
static const struct sig_label *model_name(const struct sigdb *db, const struct model_answer *a, float least)
{
	static const uint8_t kernel_code[] = { 1, 16, 40 }; /* Windows, Linux, macOS: the only kernels of several families */
	const float sure = a->n > 0 ? model_name_p(a, model_candidate(a->candidate[0].code, NULL), "") : 0;

	if (a->n == 0 || a->kernel_p < least)
		return NULL;
	if (sure >= least && db->model_label[a->candidate[0].code] != NULL)
		return db->model_label[a->candidate[0].code];
	for (size_t i = 0; i < sizeof kernel_code; i++)
		if (model_kernel(kernel_code[i]) == model_kernel(a->candidate[0].code))
			return db->model_label[kernel_code[i]];
	return NULL;
}

/* The SYN before options were overwritten, matched again. */
static bool match_undone(const struct sigdb *db, const struct tcp_obs *obs, struct verdict *v)
{
	struct tcp_obs sent = *obs;
	struct verdict again;

	if (!model_undo(db->model, &sent))
		return false;
	match_tcp(db, MATCH_CORRECT, &sent, 0, &again);
	if (again.match != MATCH_EXACT && again.match != MATCH_GENERIC)
		return false; /* two things forgiven at once prove nothing */
	v->label = again.label;
	v->sig_line = again.sig_line;
	v->dist = again.dist;
	v->random_ttl = again.random_ttl;
	v->match = MATCH_FUZZY;
	return true;
}

void opinion_name(const struct sigdb *db, const struct tcp_obs *obs, struct verdict *v)
{
	struct model_answer a;
	const struct sig_label *named;

	if (!db->model_names || obs->kind != OBS_SYN || v->match == MATCH_EXACT || v->match == MATCH_GENERIC)
		return;
	if (v->label == NULL && match_undone(db, obs, v))
		return;
	model_judge(db->model, obs, &a);
	named = model_name(db, &a, v->label == NULL ? NAME_MIN : VETO_MIN);
	if (named == NULL || (v->label != NULL && model_name_p(&a, v->label->name, v->label->flavor) > 1 - VETO_MIN))
		return;
	v->label = named;
	v->sig_line = 0;
	v->match = MATCH_FUZZY;
}

/* ---- Probabilities -------------------------------------------------------------------------- */

static bool is_tunnel(const char *link)
{
	static const char *const words[] = { "IPIP", "GRE", "VXLAN", "WireGuard", "tunnel", "VPN" };

	for (size_t i = 0; link != NULL && i < sizeof words / sizeof *words; i++)
		if (strstr(link, words[i]) != NULL)
			return true;
	return false;
}

void opinion_judge(const struct sigdb *db, const struct tcp_obs *obs, struct model_answer *out)
{
	memset(out, 0, sizeof *out);
	if (db->model == NULL || obs->kind != OBS_SYN)
		return;
	model_judge(db->model, obs, out);
	if (obs->mss != 0 && is_tunnel(sigdb_link(db, obs->mss + (obs->ipver == 4 ? 40u : 60u))))
		out->path |= FP_PATH_TUNNEL;
}

/* ---- Records -------------------------------------------------------------------------------- */

static void cell_key(uint64_t key[4], const struct track_sig *sig, const uint8_t *kinds, uint8_t len, uint8_t eol_pad)
{
	/* The layout's number is one track's own, and a cache is one track's: but it is freed and given again with it. */
	uint64_t h = 0xcbf29ce484222325u;

	for (unsigned i = 0; i < len; i++)
		h = (h ^ kinds[i]) * 0x100000001b3u;
	key[0] = h;
	key[1] = (uint64_t)sig->win << 48 | (uint64_t)sig->mss << 32 | sig->quirks;
	key[2] = (uint64_t)sig->wscale << 40 | (uint64_t)ittl_guess(sig->ttl).initial << 32 | (uint64_t)sig->ecn << 24 |
	    (uint64_t)sig->ipver << 16 | (uint64_t)eol_pad << 8 | len;
	key[3] = sig->ts1 != 0;
}

static void sig_obs(struct tcp_obs *obs, const struct track_sig *sig, const uint8_t *kinds, uint8_t len, uint8_t eol_pad)
{
	*obs = (struct tcp_obs){
		.kind = OBS_SYN, .ipver = sig->ipver, .ttl = sig->ttl, .olen = sig->olen, .win = sig->win, .mss = sig->mss,
		.wscale = sig->wscale, .quirks = sig->quirks, .ecn = sig->ecn, .ts1 = sig->ts1, .layout_len = len,
		.eol_pad = eol_pad, .payload_len = sig->payload,
	};
	memcpy(obs->layout, kinds, len < OBS_OPTIONS_MAX ? len : OBS_OPTIONS_MAX);
}

static void two_likeliest(const struct model_answer *a, struct fp_candidate out[FP_CANDIDATES])
{
	memset(out, 0, FP_CANDIDATES * sizeof *out);
	for (unsigned i = 0; i < FP_CANDIDATES && i < a->n; i++) {
		out[i].code = a->candidate[i].code;
		out[i].p = (uint8_t)(a->candidate[i].p * 255 + 0.5f);
	}
}

/* The likeliest of a spread, in its order. */
static void keep_spread(struct opinion_cell *c, const struct model_answer *a)
{
	uint32_t left_out = 0;

	for (unsigned n = a->n_spread; n > OPINION_SPREAD; n--) {
		unsigned least = MODEL_CANDIDATES;

		for (unsigned i = 0; i < a->n_spread; i++)
			if (!(left_out >> i & 1) && (least == MODEL_CANDIDATES || a->spread[i].p < a->spread[least].p))
				least = i;
		left_out |= 1u << least;
	}
	c->n_spread = 0;
	for (unsigned i = 0; i < a->n_spread; i++)
		if (!(left_out >> i & 1))
			c->spread[c->n_spread++] = a->spread[i];
}

static void cell_fill(struct opinion_cell *c, const struct sigdb *db, const struct tcp_obs *obs)
{
	struct model_answer a;

	opinion_judge(db, obs, &a);
	two_likeliest(&a, c->candidate);
	keep_spread(c, &a);
	c->sure = true;
	for (unsigned i = 1; i < c->n_spread; i++)
		c->sure &= evidence_same(c->spread[0].code, c->spread[i].code);
	c->path = a.path;
	c->vague = a.vague;
	c->used = true;
}

static void weigh(const struct opinion_cell *c, const struct evidence *evidence, struct fp_host *host)
{
	struct model_answer a = { .n_spread = c->n_spread, .vague = c->vague, .path = c->path };

	memcpy(a.spread, c->spread, sizeof c->spread);
	evidence_weigh(evidence, a.spread, a.n_spread);
	model_settle(&a);
	two_likeliest(&a, host->candidate);
	host->path = a.path;
}

void opinion_host(struct opinion_cache *cache, const struct sigdb *db, const struct track_sig *sig, const struct evidence *evidence,
    const uint8_t *kinds, uint8_t len, uint8_t eol_pad, struct fp_host *host)
{
	struct opinion_cell *c;
	struct tcp_obs obs;
	uint64_t key[4];

	if (db->model == NULL || kinds == NULL)
		return;
	if (cache->db != db) {
		memset(cache, 0, sizeof *cache);
		cache->db = db;
	}
	cell_key(key, sig, kinds, len, eol_pad);
	c = &cache->cell[(key[0] ^ key[1] * 0x9e3779b97f4a7c15u ^ key[2] * 0xbf58476d1ce4e5b9u) >> 40 & (OPINION_CELLS - 1)];
	if (!c->used || memcmp(c->key, key, sizeof key) != 0) {
		cache->misses++;
		sig_obs(&obs, sig, kinds, len, eol_pad);
		memcpy(c->key, key, sizeof key);
		cell_fill(c, db, &obs);
	} else {
		cache->hits++;
	}
	memcpy(host->candidate, c->candidate, sizeof host->candidate);
	host->path = c->path;
	if (evidence_says(evidence) && (!c->sure || evidence_doubt(evidence)))
		weigh(c, evidence, host);
}
