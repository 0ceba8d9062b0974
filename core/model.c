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
#define REWRITTEN_MIN 0.9f   /* so sure must the kernel be before its window is called somebody else's */
#define GENERATION_MIN 0.97f /* one of a system's generations is named where three of a hundred at most are another */

/* Quirks that no ordinary stack shows; a row may say otherwise. DF, id, ECN and flow have fields of their own or say nothing. */
#define ODD (QUIRK_ZERO_PLUS | QUIRK_SEQ_MINUS | QUIRK_ACK_PLUS | QUIRK_UPTR_PLUS | QUIRK_URGF_PLUS | QUIRK_PUSHF_PLUS | \
	QUIRK_TS1_MINUS | QUIRK_TS2_PLUS | QUIRK_OPT_PLUS | QUIRK_EXWS | QUIRK_BAD)
#define ODD_P 0.004f

/* Codes of candidate.h that rules below name. */
enum { C_WINDOWS = 1, C_WINDOWS_9X = 2, C_WINDOWS_NT5 = 3, C_WINDOWS_10 = 5, C_LINUX = 16, C_LINUX_24 = 17, C_LINUX_3 = 19, C_ANDROID = 24, C_CHROMEOS = 32, C_MACOS = 40, C_IOS = 48, C_FREEBSD = 56, C_SOLARIS = 80, C_HPUX = 88, C_PROXY = 112, C_OTHER = 128 };

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

/* Codes of one name stand in one block of candidate.h: 1 to 7 Windows, 16 to 23 Linux, then eight each. */
#define FAMILIES 20 /* the last block is a little below */
#define FAMILY(code) ((code) / 8)

unsigned model_kernel(unsigned code)
{
	static const uint8_t other[32] = { [FAMILY(C_ANDROID)] = C_LINUX, [FAMILY(C_CHROMEOS)] = C_LINUX, [FAMILY(C_IOS)] = C_MACOS };
	const unsigned runs = other[FAMILY(code & 255)];

	return code == 0 ? 0 : 1 + FAMILY(runs != 0 ? runs : code);
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
	return (uint8_t)(TTL_32 + (ttl > 32) + (ttl > 64) + (ttl > 128)); /* as ittl_guess() */
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

	unsigned low = 0, high = g->n_values; /* in the order of their values */

	while (low < high) {
		const unsigned mid = (low + high) / 2;

		if (g->token[mid].value < s->obs->win)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < g->n_values && g->token[low].value == s->obs->win)
		bits |= UINT64_C(1) << low;
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
	float p = r->window_other;

	for (unsigned i = 0; i < r->n_tokens; i++)
		if (bits >> r->token[i] & 1)
			p += r->window[i];
	return p;
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
	/* Layouts are ours or looked up once: nobody gains by a collision. */
	h = (w[0] * 0x9e3779b97f4a7c15u ^ w[1] * 0xbf58476d1ce4e5b9u) + (w[2] * 0x94d049bb133111ebu ^ w[3]);
	return (uint32_t)((h * 0x9e3779b97f4a7c15u) >> 32);
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

/* The ways in which the layout in hand can have come about; how many. *out is the model's own, or room. */
static unsigned alternatives(const struct model *m, const struct tcp_obs *obs, struct alt room[ALL_ALTS], const struct alt **out, uint8_t *how)
{
	struct layout l = { .len = obs->layout_len, .eol_pad = obs->eol_pad };
	const struct slot *slot;
	unsigned n = 0;

	memcpy(l.kinds, obs->layout, sizeof l.kinds);
	*out = room;
	if ((slot = slot_find(m, &l)) == NULL) {
		n = same_order(m, layout_core(&l), UINT32_MAX, 1, room, 0);
		*how = n > 0 ? MODEL_ORDER : MODEL_NOTHING;
		return n;
	}
	/* The group of the very layout, where there is one, stands first. */
	*how = slot->alt[0].path == 0 ? MODEL_LAYOUT : MODEL_UNDONE;
	if (is_rare(m, &slot->alt[0])) {
		memcpy(room, slot->alt, slot->n * sizeof *room);
		return same_order(m, m->groups[room[0].group].core, room[0].group, ORDER_P, room, slot->n);
	}
	*out = slot->alt;
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

/* What odd quirks change of the heads, which are laid out for none. */
static __attribute__((noinline)) lanes odd_lanes(const struct model *m, const struct group *g, unsigned b, uint32_t odd)
{
	lanes p = { 0 };

	for (unsigned i = 0; i < LANES && b * LANES + i < g->n; i++)
		p[i] = row_odd_p(&m->rows[g->first + b * LANES + i], odd) / row_odd_p(&m->rows[g->first + b * LANES + i], 0);
	return p;
}

/* Sums over one group's rows, by place in the table of candidates, added to out; returns all of them together. bits: tokens(). */
static float weigh(const struct model *m, const struct alt *alt, const struct seen *s, uint64_t bits, float out[MODEL_CANDIDATES])
{
	const struct group *g = &m->groups[alt->group];
	const unsigned blocks = g->blocks, id = s->obs->ipver == 6 ? ID_ANY : s->id;
	const unsigned scale = alt->path & FP_PATH_WS_REMOVED ? SCALE_ANY : s->scale;
	const lanes *const head = g->lanes + head_block(s->ttl, id, s->ecn) * blocks;
	const lanes *const size = g->lanes + size_block(s->mss, scale) * blocks;
	const lanes *const other = g->lanes + BLOCK_OTHER * blocks;
	const uint8_t *candidate = g->candidate;
	const lanes *named[TOKENS_AT_ONCE];
	unsigned n_named = 0;
	lanes total = { 0 };

	for (; bits != 0 && n_named < TOKENS_AT_ONCE; bits &= bits - 1)
		named[n_named++] = g->lanes + (BLOCK_TOKEN + (unsigned)__builtin_ctzll(bits)) * blocks;

	/* Seldom more than three, so without a loop. */
	const lanes *const none = g->lanes + BLOCK_NONE * blocks;
	const lanes *const first = n_named > 0 ? named[0] : none, *const second = n_named > 1 ? named[1] : none;
	const lanes *const third = n_named > 2 ? named[2] : none;

	for (unsigned b = 0; b < blocks; b++, candidate += LANES) {
		lanes w = other[b] + first[b] + second[b] + third[b];

		for (unsigned i = 3; i < n_named; i++)
			w += named[i][b];
		lanes p = head[b] * size[b] * w * alt->factor;

		if (s->odd != 0)
			p *= odd_lanes(m, g, b, s->odd);
		total += p;
		if (g->block_candidate[b] != BLOCK_MIXED) {
			out[g->block_candidate[b]] += p[0] + p[1] + p[2] + p[3];
		} else {
			out[candidate[0]] += p[0];
			out[candidate[1]] += p[1];
			out[candidate[2]] += p[2];
			out[candidate[3]] += p[3];
		}
	}
	return total[0] + total[1] + total[2] + total[3];
}

/* Generations of one system: what stands for all of them, and the last; they stand together in candidate.h. */
static const struct general {
	uint8_t all, last;
} generals[] = {
	{ C_WINDOWS, C_WINDOWS_10 }, /* a server is no generation */
	{ C_LINUX, C_LINUX_3 },
};

bool model_covers(unsigned general, unsigned code)
{
	for (size_t i = 0; i < ARRAY_LEN(generals); i++)
		if (generals[i].all == general && general < code && code <= generals[i].last)
			return true;
	return general == code;
}

/* By family, then by its own share: families differ in more than the share breaks ties by. */
static void sort(struct model_answer *a, const float by_family[FAMILIES])
{
	float key[MODEL_CANDIDATES];

	for (unsigned i = 0; i < a->n; i++) {
		const struct model_candidate c = a->candidate[i];
		const float k = by_family[FAMILY(c.code)] * 4096 + c.p;
		unsigned at = i;

		for (; at > 0 && key[at - 1] < k; at--) {
			key[at] = key[at - 1];
			a->candidate[at] = a->candidate[at - 1];
		}
		key[at] = k;
		a->candidate[at] = c;
	}
}

static float kernel_sum(const float by_family[FAMILIES], unsigned code)
{
	if (code >= C_LINUX && code <= C_CHROMEOS)
		return by_family[FAMILY(C_LINUX)] + by_family[FAMILY(C_ANDROID)] + by_family[FAMILY(C_CHROMEOS)];
	if (code >= C_MACOS && code <= C_IOS)
		return by_family[FAMILY(C_MACOS)] + by_family[FAMILY(C_IOS)];
	return by_family[FAMILY(code)];
}

/* A system's generations, from *at on in the spread, behind n candidates: where none is clear they are one. How many candidates there are then. */
static unsigned join_generations(struct model_answer *a, const struct general *g, unsigned *at, unsigned n, float by_family[FAMILIES])
{
	const unsigned first = n;
	float sum = 0, best = 0;

	for (; *at < a->n_spread && a->spread[*at].code <= g->last; ++*at) {
		const struct model_candidate c = a->spread[*at];

		sum += c.p;
		best = c.code != g->all && c.p > best ? c.p : best;
		by_family[FAMILY(c.code)] += c.p;
		a->candidate[n++] = c;
	}
	if (best >= sum * GENERATION_MIN && !(a->vague >> (g - generals) & 1))
		return n;
	a->candidate[first] = (struct model_candidate){ g->all, sum };
	return first + 1;
}

void model_settle(struct model_answer *a)
{
	const struct general *g = generals, *const end = generals + ARRAY_LEN(generals);
	float by_family[FAMILIES] = { 0 };

	a->n = 0;
	a->kernel_p = 0;
	for (unsigned i = 0; i < a->n_spread;) {
		const unsigned code = a->spread[i].code;

		while (g < end && code > g->last)
			g++;
		if (g < end && code >= g->all) {
			a->n = (uint8_t)join_generations(a, g, &i, a->n, by_family);
			continue;
		}
		by_family[FAMILY(code)] += a->spread[i].p;
		a->candidate[a->n++] = a->spread[i++];
	}
	if (a->n == 0)
		return;
	sort(a, by_family);
	a->kernel_p = kernel_sum(by_family, a->candidate[0].code);
	/* "Something else" is what a reader thinks anyway. */
	if (a->candidate[0].code == C_OTHER || a->kernel_p < (a->candidate[0].code < C_HPUX ? SAY_MIN : SAY_RARE_MIN)) {
		a->n = 0;
		a->kernel_p = 0;
		a->path = 0;
	}
}

/* Begins with DF set, by every source. */
static bool sets_df(unsigned code)
{
	return code != 0 && code < C_HPUX && code != C_WINDOWS_9X && code != C_LINUX_24;
}

/* Opens with windows that its rows know all of: by no setting with any other. The window of a BSD is whatever its buffer is set to. */
static bool picks_windows(unsigned code)
{
	return (code < C_FREEBSD && code != C_WINDOWS_9X && code != C_WINDOWS_NT5 && code != C_LINUX_24);
}

/* Candidates whose rows have the window, be it under "any number of segments": bits by place. bits: tokens(). */
static uint32_t who_names(const struct group *g, uint64_t bits)
{
	uint32_t places = 0;

	for (; bits != 0; bits &= bits - 1)
		places |= g->token_places[__builtin_ctzll(bits)];
	return places;
}

/* What the way did, judged by what the likeliest system sends. named: who_names(). */
static uint16_t path_of(const struct model *m, const struct alt *alt, uint32_t named, const struct seen *s, const struct model_answer *a)
{
	const struct tcp_obs *obs = s->obs;
	const unsigned code = a->candidate[0].code;
	const bool windows = code < C_LINUX;
	const unsigned eth = obs->ipver == 6 ? 1440 : 1460;
	uint16_t path = alt->path;

	if (a->kernel_p >= REWRITTEN_MIN && picks_windows(code) && (named & m->kin[code]) == 0)
		path |= FP_PATH_WIN_REWRITTEN;
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

/* One function for the compiler: a tenth fewer instructions. */
__attribute__((flatten)) void model_judge(const struct model *m, const struct tcp_obs *obs, struct model_answer *out)
{
	float by_place[MODEL_CANDIDATES];
	struct alt room[ALL_ALTS];
	const struct alt *alt;
	uint64_t bits = 0;    /* of the likeliest way */
	float total = m->floor_sum, best = 0;
	unsigned way = 0;
	uint32_t places = 0;
	struct seen s;

	out->n = out->n_spread = 0;
	out->kernel_p = 0;
	out->path = 0;
	out->vague = 0;
	const unsigned n = alternatives(m, obs, room, &alt, &out->how);

	if (n == 0)
		return;
	classes(&s, obs);
	memcpy(by_place, m->floor, sizeof by_place);
	for (unsigned i = 0; i < n; i++) {
		const uint64_t named = tokens(&m->groups[alt[i].group], &s);
		const float sum = weigh(m, &alt[i], &s, named, by_place);

		places |= m->groups[alt[i].group].places;
		total += sum;
		if (sum > best) {
			best = sum;
			way = i;
			bits = named;
		}
	}
	if (!(total > 0))
		return;
	for (const float least = LIST_MIN * total; places != 0; places &= places - 1) {
		const unsigned place = (unsigned)__builtin_ctz(places);

		if (by_place[place] >= least)
			out->spread[out->n_spread++] = (struct model_candidate){ names[place].code, by_place[place] / total };
	}
	const uint32_t named = who_names(&m->groups[alt[way].group], bits);

	for (unsigned i = 0; i < ARRAY_LEN(generals); i++)
		out->vague |= (uint8_t)(((named & m->kin[generals[i].all]) == 0) << i);
	model_settle(out);
	if (out->n == 0)
		return;
	out->path = path_of(m, &alt[way], named, &s, out);
	if (out->path & FP_PATH_TUNNEL) {
		for (unsigned i = 0; i < out->n; i++)
			out->candidate[i].p *= TUNNEL_DOUBT;
		for (unsigned i = 0; i < out->n_spread; i++)
			out->spread[i].p *= TUNNEL_DOUBT;
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
	struct alt room[ALL_ALTS];
	const struct alt *alt;
	struct seen s;
	uint8_t how;
	size_t n_out = 0;
	float best[256] = { 0 };
	const unsigned n = alternatives(m, obs, room, &alt, &how);

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
