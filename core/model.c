/* model - a SYN's fields to classes, classes to likelihoods, likelihoods times prior to probabilities. */
#include "core/model_int.h"
#include "core/candidate.h"
#include "core/err.h"
#include "core/host.h"
#include "core/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAY_MIN 0.5f     /* a kernel less likely than that is not named: a wrong name is worse than none */
#define SAY_RARE_MIN 0.7f /* nor are systems and boxes that hardly anybody runs: few samples speak for them */
#define LIST_MIN 0.004f  /* candidates below are left out: 1 in 255 is what the record can hold */
#define TUNNEL_DOUBT 0.95f
#define ORDER_P 0.005f   /* and this share of those with the same options may arrange them so */
#define ALL_ALTS 16
#define TOKENS_AT_ONCE 7 /* a window is one number, at most four multiples, a fit, any multiple */

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

unsigned candidate_place(unsigned code)
{
	unsigned i = 0;

	while (i < ARRAY_LEN(names) && names[i].code != code)
		i++;
	return i;
}

unsigned model_candidate_code(const char *name, const char *flavor)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i].name, name) == 0 && strcmp(names[i].flavor, flavor) == 0)
			return names[i].code;
	return 0;
}

/* Codes of one name stand in one block of candidate.h: 1 to 15 Windows, 16 to 23 Linux, then eight each. */
#define FAMILY(code) ((code) == 0 ? 0 : (code) < 16 ? 1 : (code) / 8)
#define FAMILIES 32

static unsigned family(unsigned code)
{
	return FAMILY(code);
}

/* By place in the table. */
static const uint8_t family_of[] = {
#define X(code, name, flavor) FAMILY(code),
	CANDIDATE_ROWS(X)
#undef X
};

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
	return ttl <= 32 ? TTL_32 : ttl <= 64 ? TTL_64 : ttl <= 128 ? TTL_128 : TTL_255; /* as ittl_guess() */
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
	const unsigned eth = v6 ? 1440 : 1460;
	/* Its own segment, with and without timestamps; Ethernet's, for the way may have clamped the MSS and left the window. */
	const unsigned size[] = { obs->mss, obs->mss > 112u ? obs->mss - 12u : 0, eth, eth - 12 };
	const unsigned n_sizes = obs->mss == eth ? 2 : 4;

	for (unsigned i = 0; i < n_sizes; i++) {
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
	s->obs = obs;
	s->n_multiples = 0;
	s->fit = false;
	s->ttl = ttl_class(obs->ttl);
	s->scale = obs->wscale < SCALES - 1 ? obs->wscale : SCALES - 1;
	s->id = obs->quirks & QUIRK_DF ? (obs->quirks & QUIRK_ID_PLUS ? ID_PLUS : ID_ZERO) :
	    obs->quirks & QUIRK_ID_MINUS ? ID_MINUS : ID_NODF;
	s->ecn = ecn_class(obs->ecn);
	s->mss = mss_class(obs);
	s->odd = obs->quirks & ODD;
	window_classes(s);
}

/* The group's tokens that fit the window: bits. */
static uint64_t tokens(const struct group *g, const struct seen *s)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < g->n_values; i++)
		if (g->token[i].value == s->obs->win)
			bits |= UINT64_C(1) << i;
	for (unsigned i = 0; i < s->n_multiples; i++)
		if (s->multiple[i] < MULTIPLES && g->mss_token[s->multiple[i]] != 0)
			bits |= UINT64_C(1) << (g->mss_token[s->multiple[i]] - 1);
	if (s->fit && g->fit_token != 0)
		bits |= UINT64_C(1) << (g->fit_token - 1);
	if (s->n_multiples > 0 && g->any_token != 0)
		bits |= UINT64_C(1) << (g->any_token - 1);
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

float row_odd_p(const struct row *r, uint32_t odd)
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
	f[MODEL_ODD] = row_odd_p(r, s->odd);
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
	if (core >> 3 == 0) /* one option alone has no order */
		return n;
	for (uint32_t g = m->by_core[core % CORE_SLOTS]; g != 0 && n < ALL_ALTS; g = m->groups[g - 1].next_core)
		if (m->groups[g - 1].core == core && g - 1 != but)
			alt[n++] = (struct alt){ .group = (uint16_t)(g - 1), .factor = factor };
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

typedef int mask __attribute__((vector_size(sizeof(lanes)))); /* what a comparison of lanes gives */

/* What odd quirks change of BLOCK_BASE, which is laid out for none. */
static lanes odd_lanes(const struct model *m, const struct group *g, unsigned b, uint32_t odd)
{
	lanes p = { 0 };

	for (unsigned i = 0; i < LANES && b * LANES + i < g->n; i++)
		p[i] = row_odd_p(&m->rows[g->first + b * LANES + i], odd) / row_odd_p(&m->rows[g->first + b * LANES + i], 0);
	return p;
}

/* Sums over one group's rows, by place in the table of candidates, added to out; returns all of them together. */
static float weigh(const struct model *m, const struct alt *alt, const struct seen *s, float out[MODEL_CANDIDATES])
{
	const struct group *g = &m->groups[alt->group];
	const unsigned blocks = g->blocks;
	const lanes *const base = g->lanes, *const ttl = base + (BLOCK_TTL + s->ttl) * blocks;
	const lanes *const scale = base + (BLOCK_SCALE + s->scale) * blocks, *const id = base + (BLOCK_ID + s->id) * blocks;
	const lanes *const ecn = base + (BLOCK_ECN + s->ecn) * blocks, *const mss = base + (BLOCK_MSS + s->mss) * blocks;
	const lanes *named[TOKENS_AT_ONCE];
	unsigned n_named = 0;
	const bool scaled = !(alt->path & FP_PATH_WS_REMOVED), v4 = s->obs->ipver != 6;
	lanes total = { 0 };

	for (uint64_t bits = tokens(g, s); bits != 0 && n_named < TOKENS_AT_ONCE; bits &= bits - 1)
		named[n_named++] = base + (BLOCK_TOKEN + (unsigned)__builtin_ctzll(bits)) * blocks;
	for (unsigned b = 0; b < blocks; b++) {
		lanes p = base[b] * ttl[b] * ecn[b] * mss[b] * alt->factor, w = base[BLOCK_OTHER * blocks + b];

		if (scaled)
			p *= scale[b];
		if (v4)
			p *= id[b];
		for (unsigned i = n_named; i-- > 0;) { /* the least exact first: a more exact one takes its place */
			const lanes t = named[i][b];
			const mask has = t >= 0;

			w = (lanes)(((mask)t & has) | ((mask)w & ~has));
		}
		p *= w;
		if (s->odd != 0)
			p *= odd_lanes(m, g, b, s->odd);
		const uint8_t *candidate = g->candidate + (size_t)b * LANES;

		for (unsigned i = 0; i < LANES; i++)
			out[candidate[i]] += p[i];
		total += p;
	}
	return total[0] + total[1] + total[2] + total[3];
}

/* By family, then by its own share: families differ in more than the share breaks ties by. places: bits of those that rows are for. */
static void sort_answer(struct model_answer *a, const float *by_place, uint32_t places, float total)
{
	float by_family[FAMILIES] = { 0 }, key[MODEL_CANDIDATES];
	const float least = LIST_MIN * total, one = 1 / total;
	uint8_t place[MODEL_CANDIDATES + 1];
	unsigned n = 0;

	for (; places != 0; places &= places - 1) {
		place[n] = (uint8_t)__builtin_ctz(places);
		n += by_place[place[n]] >= least;
	}
	for (unsigned i = 0; i < n; i++)
		by_family[family_of[place[i]]] += by_place[place[i]] * one;
	for (unsigned i = 0; i < n; i++) {
		const float p = by_place[place[i]] * one, k = by_family[family_of[place[i]]] * 4096 + p;
		unsigned at = i;

		for (; at > 0 && key[at - 1] < k; at--) {
			key[at] = key[at - 1];
			a->candidate[at] = a->candidate[at - 1];
		}
		key[at] = k;
		a->candidate[at].code = names[place[i]].code;
		a->candidate[at].p = p;
	}
	a->n = (uint8_t)n;
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
	union {
		float one[MODEL_CANDIDATES];
		lanes four[MODEL_CANDIDATES / LANES];
	} by_place;
	float total, best = 0;
	struct alt alt[ALL_ALTS];
	uint16_t undone = 0;
	uint32_t places = 0;
	struct seen s;

	out->n = 0;
	out->kernel_p = 0;
	out->path = 0;
	const unsigned n = alternatives(m, obs, alt, &out->how);

	if (n == 0)
		return;
	classes(&s, obs);
	memcpy(&by_place, m->floor, sizeof by_place);
	for (unsigned i = 0; i < n; i++) {
		const float sum = weigh(m, &alt[i], &s, by_place.one);

		places |= m->groups[alt[i].group].places;

		if (sum > best) {
			best = sum;
			undone = alt[i].path;
		}
	}
	lanes sum = by_place.four[0];

	for (unsigned i = 1; i < MODEL_CANDIDATES / LANES; i++)
		sum += by_place.four[i];
	total = sum[0] + sum[1] + sum[2] + sum[3];
	if (!(total > 0))
		return;
	sort_answer(out, by_place.one, places, total);
	const unsigned kernel = out->n > 0 ? model_kernel(out->candidate[0].code) : 0;

	for (unsigned i = 0; i < out->n; i++)
		if (model_kernel(out->candidate[i].code) == kernel)
			out->kernel_p += out->candidate[i].p;
	/* "Something else" is what a reader thinks anyway. */
	if (out->n == 0 || out->candidate[0].code == C_OTHER ||
	    out->kernel_p < (out->candidate[0].code < C_HPUX ? SAY_MIN : SAY_RARE_MIN)) {
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
