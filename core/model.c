/* model - a SYN's fields to classes, classes to likelihoods, likelihoods times prior to probabilities. */
#include "core/model_int.h"
#include "core/candidate.h"
#include "core/err.h"
#include "core/host.h"
#include "core/ittl.h"
#include "core/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAY_MIN 0.5f     /* a kernel less likely than that is not named: a wrong name is worse than none */
#define LIST_MIN 0.004f  /* candidates below are left out: 1 in 255 is what the record can hold */
#define FLOOR 1e-10f      /* what no row foresees may still be anybody, in proportion to the prior */
#define TUNNEL_DOUBT 0.95f
#define RARE_MASS 0.002f /* a layout that fewer SYNs than that have is known by a sample or two */
#define ORDER_P 0.005f   /* and this share of those with the same options may arrange them so */
#define ALL_ALTS 16

/* Quirks that no ordinary stack shows; a row may say otherwise. DF, id, ECN and flow have fields of their own or say nothing. */
#define ODD (QUIRK_ZERO_PLUS | QUIRK_SEQ_MINUS | QUIRK_ACK_PLUS | QUIRK_UPTR_PLUS | QUIRK_URGF_PLUS | QUIRK_PUSHF_PLUS | \
	QUIRK_TS1_MINUS | QUIRK_TS2_PLUS | QUIRK_OPT_PLUS | QUIRK_EXWS | QUIRK_BAD)
#define ODD_P 0.004f

/* Codes of candidate.h that rules below name. */
enum { C_WINDOWS_9X = 2, C_LINUX = 16, C_LINUX_24 = 17, C_ANDROID = 24, C_CHROMEOS = 32, C_MACOS = 40, C_IOS = 48, C_SOLARIS = 80, C_HPUX = 88, C_PROXY = 112, C_OTHER = 128 };

enum option { OPT_EOL, OPT_NOP, OPT_MSS, OPT_WS, OPT_SOK, OPT_TS = 8 };

/* ---- Names ---------------------------------------------------------------------------------- */

static const struct {
	uint8_t code;
	const char *name, *flavor;
} names[] = {
#define X(code, name, flavor) { code, name, flavor },
	CANDIDATE_ROWS(X)
#undef X
};
_Static_assert(ARRAY_LEN(names) <= MODEL_CANDIDATES, "an answer holds every candidate");

const char *model_candidate(unsigned code, const char **flavor)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].code == code) {
			if (flavor != NULL)
				*flavor = names[i].flavor;
			return names[i].name;
		}
	return NULL;
}

unsigned model_candidate_code(const char *name, const char *flavor)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i].name, name) == 0 && strcmp(names[i].flavor, flavor) == 0)
			return names[i].code;
	return 0;
}

/* Codes of one name stand in one block of candidate.h: 1 to 15 Windows, 16 to 23 Linux, then eight each. */
static unsigned family(unsigned code)
{
	return code == 0 ? 0 : code < 16 ? 1 : code / 8;
}

unsigned model_kernel(unsigned code)
{
	switch (code) {
	case C_ANDROID:
	case C_CHROMEOS:
		return family(C_LINUX);
	case C_IOS:
		return family(C_MACOS);
	default:
		return family(code);
	}
}

/* ---- A SYN's classes ------------------------------------------------------------------------ */

struct seen {
	const struct tcp_obs *obs;
	uint8_t ttl, scale, id, ecn, mss; /* classes */
	uint32_t odd;
	uint16_t multiple[6];             /* the window in segments, by each size that a segment may have had; 0: no multiple */
	uint8_t n_multiples;
	bool fit;                         /* the most whole segments that 16 bits hold */
};

static uint8_t ttl_class(uint8_t ttl)
{
	switch (ittl_guess(ttl).initial) {
	case 32:
		return TTL_32;
	case 64:
		return TTL_64;
	case 128:
		return TTL_128;
	default:
		return TTL_255;
	}
}

static uint8_t mss_class(const struct tcp_obs *obs)
{
	const unsigned mss = obs->mss + (obs->ipver == 6 ? 20u : 0);

	if (obs->mss == 0)
		return MSS_NONE;
	if (mss == 1460)
		return MSS_ETH;
	if (mss == 1452)
		return MSS_DSL;
	return mss > 1460 ? MSS_JUMBO : mss >= 1380 ? MSS_TUN : mss >= 1000 ? MSS_LOW : MSS_TINY;
}

static uint8_t ecn_class(uint8_t ecn)
{
	if (ecn & OBS_ECN_AE)
		return ECN_ACC;
	if ((ecn & (OBS_ECN_ECE | OBS_ECN_CWR)) == (OBS_ECN_ECE | OBS_ECN_CWR))
		return ECN_TCP;
	return ecn == 0 ? ECN_NO : ECN_IP;
}

static void window_classes(struct seen *s)
{
	const struct tcp_obs *obs = s->obs;
	const bool v6 = obs->ipver == 6;
	/* Its own segment, with and without timestamps; Ethernet's, for the way may have clamped the MSS and left the window. */
	const unsigned size[] = { obs->mss, obs->mss > 112u ? obs->mss - 12u : 0, v6 ? 1440 : 1460, v6 ? 1428 : 1448 };

	for (size_t i = 0; i < ARRAY_LEN(size); i++) {
		if (size[i] < 100 || obs->win == 0)
			continue;
		const unsigned n = obs->win / size[i];

		if (n * size[i] != obs->win)
			continue;
		s->multiple[s->n_multiples++] = (uint16_t)n;
		s->fit |= obs->win + size[i] > 65535;
	}
}

static void classes(struct seen *s, const struct tcp_obs *obs)
{
	memset(s, 0, sizeof *s);
	s->obs = obs;
	s->ttl = ttl_class(obs->ttl);
	s->scale = obs->wscale < SCALES - 1 ? obs->wscale : SCALES - 1;
	s->id = obs->quirks & QUIRK_DF ? (obs->quirks & QUIRK_ID_PLUS ? ID_PLUS : ID_ZERO) :
	    obs->quirks & QUIRK_ID_MINUS ? ID_MINUS : ID_NODF;
	s->ecn = ecn_class(obs->ecn);
	s->mss = mss_class(obs);
	s->odd = obs->quirks & ODD;
	window_classes(s);
}

static bool token_fits(const struct token *t, const struct seen *s)
{
	switch ((enum token_kind)t->kind) {
	case TOKEN_VALUE:
		return s->obs->win == t->value;
	case TOKEN_FIT:
		return s->fit;
	case TOKEN_MSS_ANY:
		return s->n_multiples > 0;
	case TOKEN_MSS:
		for (unsigned i = 0; i < s->n_multiples; i++)
			if (s->multiple[i] == t->value)
				return true;
		return false;
	}
	return false;
}

static uint64_t tokens(const struct group *g, const struct seen *s)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < g->n_tokens; i++)
		bits |= (uint64_t)token_fits(&g->token[i], s) << i;
	return bits;
}

/* ---- Likelihoods ---------------------------------------------------------------------------- */

static float window_p(const struct row *r, uint64_t bits)
{
	for (unsigned i = 0; i < r->n_tokens; i++)
		if (bits >> r->token[i] & 1)
			return r->window[i];
	return r->window_other;
}

static float odd_p(const struct row *r, uint32_t odd)
{
	float p = 1;

	for (unsigned i = 0; i < r->n_odd; i++) {
		p *= odd & r->odd[i] ? r->odd_p[i] : 1 - r->odd_p[i];
		odd &= ~r->odd[i];
	}
	for (; odd != 0; odd &= odd - 1)
		p *= ODD_P;
	return p;
}

/* All fields of one row; path says which of them the way has taken. IPv6 has neither DF nor id. */
static void fields(const struct row *r, const struct seen *s, uint64_t bits, uint16_t path, float f[MODEL_FIELDS])
{
	f[MODEL_WEIGHT] = r->weight;
	f[MODEL_TTL] = r->ttl[s->ttl];
	f[MODEL_WINDOW] = window_p(r, bits);
	f[MODEL_SCALE] = path & FP_PATH_WS_REMOVED ? 1 : r->scale[s->scale];
	f[MODEL_ID] = s->obs->ipver == 6 ? 1 : r->id[s->id];
	f[MODEL_ECN] = r->ecn[s->ecn];
	f[MODEL_MSS] = r->mss[s->mss];
	f[MODEL_ODD] = odd_p(r, s->odd);
}

static float likelihood(const struct row *r, const struct seen *s, uint64_t bits, uint16_t path)
{
	float f[MODEL_FIELDS], p = 1;

	fields(r, s, bits, path, f);
	for (unsigned i = 0; i < MODEL_FIELDS; i++)
		p *= f[i];
	return p;
}

/* ---- Layouts -------------------------------------------------------------------------------- */

uint32_t layout_core(const struct layout *l)
{
	uint32_t core = 0;

	for (unsigned i = 0; i < l->len; i++)
		switch (l->kinds[i]) {
		case OPT_MSS:
		case OPT_WS:
		case OPT_SOK:
			core = core << 3 | l->kinds[i];
			break;
		case OPT_TS:
			core = core << 3 | 5;
			break;
		}
	return core;
}

uint32_t layout_hash(const struct layout *l)
{
	uint64_t w[4], h;

	memcpy(w, l, sizeof w);
	h = w[0] * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29 ^ w[1]) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 29 ^ w[2]) * 0x94d049bb133111ebu;
	h = (h ^ h >> 29 ^ w[3]) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}

static const struct slot *slot_find(const struct model *m, const struct layout *l)
{
	for (uint32_t i = layout_hash(l) & m->slot_mask; m->slots[i].n != 0; i = (i + 1) & m->slot_mask)
		if (memcmp(&m->slots[i].layout, l, sizeof *l) == 0)
			return &m->slots[i];
	return NULL;
}

/* Known by a sample or two, which may have been what something on the way left. */
static bool is_rare(const struct model *m, const struct alt *alt)
{
	return alt->path == 0 && m->groups[alt->group].mass < RARE_MASS;
}

/* Groups with the same options in the same order, but not the group `but`. */
static unsigned same_order(const struct model *m, uint32_t core, uint32_t but, float factor, struct alt *alt, unsigned n)
{
	for (uint32_t g = 0; core != 0 && g < m->n_groups && n < ALL_ALTS; g++)
		if (m->groups[g].core == core && g != but)
			alt[n++] = (struct alt){ .group = (uint16_t)g, .factor = factor };
	return n;
}

/* The ways in which the layout in hand can have come about; how many. */
static unsigned alternatives(const struct model *m, const struct tcp_obs *obs, struct alt alt[ALL_ALTS], uint8_t *how)
{
	struct layout l = { .len = obs->layout_len, .eol_pad = obs->eol_pad };
	const struct slot *slot;
	unsigned n = 0;

	memcpy(l.kinds, obs->layout, sizeof l.kinds);
	if ((slot = slot_find(m, &l)) == NULL) {
		n = same_order(m, layout_core(&l), UINT32_MAX, 1, alt, 0);
		*how = n > 0 ? MODEL_ORDER : MODEL_NOTHING;
		return n;
	}
	memcpy(alt, slot->alt, slot->n * sizeof *alt);
	/* The group of the very layout, where there is one, stands first. */
	*how = alt[0].path == 0 ? MODEL_LAYOUT : MODEL_UNDONE;
	if (is_rare(m, &alt[0]))
		return same_order(m, m->groups[alt[0].group].core, alt[0].group, ORDER_P, alt, slot->n);
	return slot->n;
}

bool model_undo(const struct model *m, struct tcp_obs *obs)
{
	struct layout l = { .len = obs->layout_len, .eol_pad = obs->eol_pad };
	const struct slot *slot;

	memcpy(l.kinds, obs->layout, sizeof l.kinds);
	slot = slot_find(m, &l);
	for (unsigned i = 0; slot != NULL && i < slot->n; i++) {
		const struct layout *sent = &m->groups[slot->alt[i].group].layout;

		if (slot->alt[i].path == 0 && !is_rare(m, &slot->alt[i]))
			return false; /* somebody sends it just so */
		if (slot->alt[i].path == 0 || slot->alt[i].path & FP_PATH_WS_REMOVED)
			continue; /* where the scale is gone it is gone for good */
		memcpy(obs->layout, sent->kinds, sizeof obs->layout);
		obs->layout_len = sent->len;
		obs->eol_pad = sent->eol_pad;
		if (slot->alt[i].path & FP_PATH_TS_REMOVED)
			obs->ts1 = 1;
		return true;
	}
	return false;
}

/* ---- The answer ----------------------------------------------------------------------------- */

static void sort_answer(struct model_answer *a, const float by_code[256], float total)
{
	float by_family[32] = { 0 }, key[MODEL_CANDIDATES];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		by_family[family(names[i].code)] += by_code[names[i].code] / total;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const uint8_t code = names[i].code;
		const float p = by_code[code] / total;
		unsigned at = a->n;

		if (p < LIST_MIN)
			continue;
		/* By family, then by its own share: families differ in more than this breaks ties by. */
		const float k = by_family[family(code)] * 4096 + p;

		for (; at > 0 && key[at - 1] < k; at--) {
			key[at] = key[at - 1];
			a->candidate[at] = a->candidate[at - 1];
		}
		key[at] = k;
		a->candidate[at].code = code;
		a->candidate[at].p = p;
		a->n++;
	}
}

/* Begins with DF set, by every source. */
static bool sets_df(unsigned code)
{
	return code != 0 && code < C_HPUX && code != C_WINDOWS_9X && code != C_LINUX_24;
}

/* What the way did, judged by what the likeliest system sends. */
static uint16_t path_of(const struct seen *s, const struct model_answer *a, uint16_t undone)
{
	const struct tcp_obs *obs = s->obs;
	const unsigned code = a->candidate[0].code;
	const bool windows = model_kernel(code) == 1;
	const unsigned eth = obs->ipver == 6 ? 1440 : 1460;
	uint16_t path = undone;

	if (obs->ipver == 4 && s->id >= ID_NODF && sets_df(code))
		path |= FP_PATH_DF_CLEARED;
	/* The window still counts segments of Ethernet. 12 segments of 1460 are not 12 of anything else. */
	if (obs->mss >= 100 && obs->mss < eth && obs->win != 0 && obs->win % eth == 0 && obs->win % obs->mss != 0 &&
	    (obs->mss <= 112 || obs->win % (obs->mss - 12u) != 0))
		path |= FP_PATH_MSS_CLAMPED;
	if (code == C_PROXY)
		path |= FP_PATH_PROXY;
	if (code < C_SOLARIS && s->ttl == TTL_255) /* none of them begins there */
		path |= FP_PATH_TTL_RESTARTED | FP_PATH_PROXY;
	if (windows && code != C_WINDOWS_9X && (s->ttl == TTL_64 || s->ttl == TTL_32))
		path |= FP_PATH_TTL_RESTARTED | FP_PATH_TUNNEL; /* nobody is 64 hops away */
	if (!windows && code < C_SOLARIS && s->ttl == TTL_128)
		path |= FP_PATH_TTL_RESTARTED;
	return path;
}

void model_judge(const struct model *m, const struct tcp_obs *obs, struct model_answer *out)
{
	float by_code[256] = { 0 }, total = 0, best = 0;
	struct alt alt[ALL_ALTS];
	uint16_t undone = 0;
	struct seen s;

	memset(out, 0, sizeof *out);
	const unsigned n = alternatives(m, obs, alt, &out->how);

	if (n == 0)
		return;
	classes(&s, obs);
	for (unsigned i = 0; i < n; i++) {
		const struct group *g = &m->groups[alt[i].group];
		const uint64_t bits = tokens(g, &s);
		float sum = 0;

		for (const struct row *r = m->rows + g->first, *end = r + g->n; r < end; r++) {
			const float p = m->prior[r->code] * likelihood(r, &s, bits, alt[i].path) * alt[i].factor;

			by_code[r->code] += p;
			sum += p;
		}
		if (sum > best) {
			best = sum;
			undone = alt[i].path;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		by_code[names[i].code] += FLOOR * m->prior[names[i].code];
		total += by_code[names[i].code];
	}
	if (!(total > 0))
		return;
	sort_answer(out, by_code, total);
	for (unsigned i = 0; i < out->n; i++)
		if (model_kernel(out->candidate[i].code) == model_kernel(out->candidate[0].code))
			out->kernel_p += out->candidate[i].p;
	/* "Something else" is what a reader thinks anyway. */
	if (out->n == 0 || out->kernel_p < SAY_MIN || out->candidate[0].code == C_OTHER) {
		out->n = 0;
		out->kernel_p = 0;
		return;
	}
	out->path = path_of(&s, out, undone);
	if (out->path & FP_PATH_TUNNEL) {
		for (unsigned i = 0; i < out->n; i++)
			out->candidate[i].p *= TUNNEL_DOUBT;
		out->kernel_p *= TUNNEL_DOUBT;
	}
}

float model_name_p(const struct model_answer *a, const char *name, const char *flavor)
{
	const char *also = strstr(flavor, "iOS") != NULL ? "iOS" : strstr(flavor, "Android") != NULL ? "Android" :
	    strstr(flavor, "FreeBSD") != NULL ? "FreeBSD" : strstr(flavor, "illumos") != NULL ? "Solaris" : NULL;
	float p = -1;

	if (strcmp(name, "Mac OS X") == 0 || strcmp(name, "Mac OS") == 0)
		name = "macOS";
	for (unsigned i = 0; i < a->n; i++) {
		const char *of = model_candidate(a->candidate[i].code, NULL);

		if (strcmp(of, name) == 0 || (also != NULL && strcmp(of, also) == 0))
			p = (p < 0 ? 0 : p) + a->candidate[i].p;
	}
	return p;
}

size_t model_explain(const struct model *m, const struct tcp_obs *obs, struct model_reason *out, size_t max)
{
	struct alt alt[ALL_ALTS];
	struct seen s;
	uint8_t how;
	size_t n_out = 0;
	float best[256] = { 0 };
	const unsigned n = alternatives(m, obs, alt, &how);

	classes(&s, obs);
	for (unsigned i = 0; i < n; i++) {
		const struct group *g = &m->groups[alt[i].group];
		const uint64_t bits = tokens(g, &s);

		for (const struct row *r = m->rows + g->first, *end = r + g->n; r < end; r++) {
			const float p = likelihood(r, &s, bits, alt[i].path) * alt[i].factor;
			struct model_reason *why = NULL;

			for (size_t j = 0; j < n_out; j++)
				if (out[j].code == r->code)
					why = &out[j];
			if (why == NULL && n_out == max)
				continue;
			if (why == NULL) {
				why = &out[n_out++];
				*why = (struct model_reason){ .code = r->code, .prior = m->prior[r->code] };
			}
			why->likelihood += p;
			if (p <= best[r->code])
				continue;
			best[r->code] = p;
			fields(r, &s, bits, alt[i].path, why->field);
			why->path = alt[i].path;
			why->layout = g->text;
			why->source = r->source;
		}
	}
	return n_out;
}
