/* match - one packet against its bucket: the first signature that takes it (docs/p0f3-matching.md sections 7 to 9). */
#include "core/match.h"
#include "core/ittl.h"
#include "core/match_int.h"

#define INLINE static inline __attribute__((always_inline))

#define MSS_MIN 100 /* below, a window is never called a multiple */

/* Quirks that may be gone, or come, on the way: their difference makes a match fuzzy, not void. */
#define FUZZY_GONE (QUIRK_DF | QUIRK_ID_PLUS)
#define FUZZY_ADDED (QUIRK_ID_MINUS | QUIRK_ECN)

/* What IPv6 has no place for, as p0f masks it. */
#define V4_ONLY_P0F (QUIRK_DF | QUIRK_ID_PLUS | QUIRK_ID_MINUS)

static inline uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* ---- Window multiples --------------------------------------------------------------------- */

struct multiple {
	uint8_t unit;  /* enum win_unit */
	uint16_t n;
};

/* A divisor that the packet offers; its row tells where it comes from (section 7, in this order). */
struct divisor {
	int32_t bytes;
	uint8_t unit;
};

#define DIVISORS_MAX 12

static unsigned divisors(struct divisor d[DIVISORS_MAX], int32_t mss, bool v6, bool ts, int32_t tot_hdr, int32_t syn_mss)
{
	unsigned n = 0;

	d[n++] = (struct divisor){ mss, WIN_MSS };
	if (ts)
		d[n++] = (struct divisor){ mss - 12, WIN_MSS };
	d[n++] = (struct divisor){ 1460, WIN_MSS };
	d[n++] = (struct divisor){ 1448, WIN_MSS };
	if (v6) {
		d[n++] = (struct divisor){ 1440, WIN_MSS };
		d[n++] = (struct divisor){ 1428, WIN_MSS };
	}
	d[n++] = (struct divisor){ mss + 40, WIN_MTU };
	d[n++] = (struct divisor){ mss + tot_hdr, WIN_MTU };
	if (v6)
		d[n++] = (struct divisor){ mss + 60, WIN_MTU };
	d[n++] = (struct divisor){ 1500, WIN_MTU };
	if (syn_mss != 0) {
		d[n++] = (struct divisor){ syn_mss, WIN_MSS };
		d[n++] = (struct divisor){ syn_mss - 12, WIN_MSS };
	}
	return n;
}

/* The first divisor that fits; what p0f keeps in 16 bits with a sign is none. */
static struct multiple multiple_first(const struct divisor *d, unsigned n, int32_t win)
{
	for (unsigned i = 0; i < n; i++)
		if (d[i].bytes != 0 && win % d[i].bytes == 0) {
			const int32_t times = win / d[i].bytes;

			if (times <= 0 || times > INT16_MAX)
				break;
			return (struct multiple){ d[i].unit, (uint16_t)times };
		}
	return (struct multiple){ WIN_PLAIN, 0 };
}

/* ---- One signature ------------------------------------------------------------------------ */

/* A packet made ready: what every signature of the bucket is held against. */
struct subject {
	const struct tcp_obs *obs;
	uint32_t quirks;
	uint16_t syn_mss;
	bool correct;
	bool divisible; /* the window may be a multiple of something */
	struct multiple multiple;
	uint32_t low, high; /* of divisible ones: no divisor of the unit MSS is smaller, or larger */
};

static struct multiple first_of_all(const struct tcp_obs *obs, uint16_t syn_mss)
{
	struct divisor d[DIVISORS_MAX];

	return multiple_first(d, divisors(d, obs->mss, obs->ipver == 6, obs->ts1 != 0, obs->tot_hdr, syn_mss), obs->win);
}

/* The same, the usual cases first: the MSS fits, or nothing can, for all divisors are multiples of 4 and the window is not. */
static inline struct multiple first_multiple(const struct tcp_obs *obs, uint16_t syn_mss)
{
	if (obs->win % obs->mss == 0)
		return (struct multiple){ WIN_MSS, obs->win / obs->mss };
	if (((obs->mss | syn_mss | obs->tot_hdr) & 3) == 0 && (obs->win & 3) != 0)
		return (struct multiple){ WIN_PLAIN, 0 };
	return first_of_all(obs, syn_mss);
}

/* Correct mode: any divisor of the wanted unit, not only the first that fits. */
static bool any_multiple(const struct subject *s, uint8_t unit, int32_t times)
{
	const struct tcp_obs *obs = s->obs;
	const int32_t win = obs->win, mss = obs->mss;
	const bool v6 = obs->ipver == 6;

	if (!s->divisible)
		return false;
	if (unit == WIN_MTU)
		return times * (mss + 40) == win || times * (mss + obs->tot_hdr) == win || times * 1500 == win || (v6 && times * (mss + 60) == win);
	return times * mss == win || (obs->ts1 != 0 && times * (mss - 12) == win) || times * 1460 == win || times * 1448 == win ||
	    (v6 && (times * 1440 == win || times * 1428 == win)) ||
	    (s->syn_mss != 0 && (times * s->syn_mss == win || times * (s->syn_mss - 12) == win));
}

static __attribute__((noinline)) bool window_fits(const struct sig *sig, const struct subject *s)
{
	const uint8_t unit = sig->wsize == SIG_WIN_MSS ? WIN_MSS : WIN_MTU;

	switch ((enum sig_wsize)sig->wsize) {
	case SIG_WIN_ANY:
		return true;
	case SIG_WIN_VALUE:
		return s->obs->win == sig->win;
	case SIG_WIN_MOD:
		return s->obs->win % sig->win == 0;
	case SIG_WIN_MSS:
	case SIG_WIN_MTU:
		if (s->multiple.unit == unit && s->multiple.n == sig->win)
			return true;
		return s->correct && any_multiple(s, unit, sig->win);
	}
	return false;
}

#define MISS (-1)

/* MISS, 0: to the letter, or how many things were forgiven. */
static int judge(const struct sig *sig, const struct subject *s)
{
	const struct tcp_obs *obs = s->obs;
	uint32_t want = obs->ipver == 4 ? sig->quirks_v4 : sig->quirks_v6;
	uint32_t have = s->quirks;
	int forgiven = 0;

	if (s->correct) {
		if (sig->ipver != 0 && sig->ipver != obs->ipver)
			return MISS;
		if (sig->ipver == 0 && obs->ipver == 6) {
			want &= ~(uint32_t)MATCH_IGNORED_V6;
			have &= ~(uint32_t)QUIRK_FLOW;
		}
	}
	if (want != have) {
		const uint32_t gone = want & ~have, added = have & ~want;

		if (gone & ~(uint32_t)FUZZY_GONE || added & ~(uint32_t)FUZZY_ADDED)
			return MISS;
		for (uint32_t left = gone | added; left != 0; left &= left - 1) /* they are few: no instruction for it everywhere */
			forgiven++;
	}
	const int hops = sig->ittl - obs->ttl;

	if (sig->random_ttl) {
		if (hops < 0)
			return MISS;
	} else if (hops < 0 || hops > DIST_MAX) {
		forgiven++;
	}
	if (sig->mss != SIG_ANY && sig->mss != obs->mss)
		return MISS;
	if (sig->wscale != SIG_ANY && sig->wscale != obs->wscale)
		return MISS;
	if (sig->payload != SIG_ANY && sig->payload != (obs->payload_len > 0))
		return MISS;
	return window_fits(sig, s) ? forgiven : MISS;
}

/* ---- The pass ----------------------------------------------------------------------------- */

struct hit {
	const struct sig *sig; /* NULL: none */
	uint8_t match;         /* enum match_quality */
	bool app_only;         /* the one fuzzy hit was on a tool */
};

/* Is fuzzy hit a (so many forgiven) better than b? p0f takes the first. */
static bool fuzzier(const struct sig *a, int forgiven_a, const struct sig *b, int forgiven_b)
{
	if (a->label->generic != b->label->generic)
		return b->label->generic;
	return forgiven_a < forgiven_b;
}

/* What a pass has met so far. */
struct best {
	const struct sig *specific, *generic, *fuzzy;
	int forgiven; /* of fuzzy */
};

static void consider(struct best *b, const struct sig *sig, int forgiven, const struct subject *s)
{
	if (forgiven == MISS)
		return;
	if (forgiven == 0) {
		const struct sig **place = sig->label->generic ? &b->generic : &b->specific;

		if (*place == NULL)
			*place = sig;
	} else if (b->fuzzy == NULL ||
	    (s->correct && !sig->label->app && (b->fuzzy->label->app || fuzzier(sig, forgiven, b->fuzzy, b->forgiven)))) {
		b->fuzzy = sig;
		b->forgiven = forgiven;
	}
}

static struct hit hit_of(const struct best *b)
{
	if (b->specific != NULL)
		return (struct hit){ b->specific, MATCH_EXACT, false };
	if (b->generic != NULL)
		return (struct hit){ b->generic, MATCH_GENERIC, false };
	if (b->fuzzy != NULL && b->fuzzy->label->app) /* nothing is forgiven to tools */
		return (struct hit){ NULL, MATCH_NONE, true };
	return (struct hit){ b->fuzzy, b->fuzzy != NULL ? MATCH_FUZZY : MATCH_NONE, false };
}

static __attribute__((noinline)) struct hit pass_linear(const struct sigdb *db, const struct sig_bucket *bucket, const struct subject *s)
{
	struct best b = { 0 };

	for (uint32_t i = 0; i < bucket->n; i++)
		consider(&b, &db->sigs[bucket->first + i], judge(&db->sigs[bucket->first + i], s), s);
	return hit_of(&b);
}

/* ---- By the index ------------------------------------------------------------------------- */

INLINE uint64_t listed(const struct sigdb *db, const struct sig_list *list, uint32_t number)
{
	for (uint32_t i = list->at; i < list->end; i++)
		if (db->entries[i].want == number)
			return db->entries[i].mask;
	return 0;
}

/* Those of a block that take the packet's scale, payload and MSS. */
INLINE uint64_t by_numbers(const struct sigdb *db, const struct sig_block *b, const struct tcp_obs *obs)
{
	uint64_t set = b->scale[obs->wscale < SIG_SCALES ? obs->wscale : SIG_SCALES - 1] & b->payload[obs->payload_len > 0];

	if ((set & ~b->mss_any) != 0)
		set &= b->mss_any | listed(db, &b->msses, obs->mss);
	for (uint64_t check = obs->wscale >= SIG_SCALES - 1 ? set & b->big_scale : 0; check != 0; check &= check - 1)
		if (db->sigs[b->first + __builtin_ctzll(check)].wscale != obs->wscale)
			set &= ~(check & -check);
	return set;
}

/* Those that want these very quirks, and a TTL like this. */
INLINE uint64_t by_quirks(const struct sigdb *db, const struct sig_block *b, const struct subject *s)
{
	const struct sig_list *list = &b->quirks[(s->correct ? 2 : 0) + (s->obs->ipver == 6)];
	uint64_t set = 0;

	for (uint32_t i = list->at; i < list->end; i++) {
		const struct sig_entry *e = &db->entries[i];

		if (e->want == s->quirks && e->ttl_low <= s->obs->ttl && s->obs->ttl <= e->ttl_high)
			set |= e->mask;
	}
	return set;
}

/*
 * Of a set those that want mss*n, where an n is possible: divisors of that unit lie between low and high, most often so close together that
 * one n is left to be looked at.
 */
INLINE uint64_t by_times(const struct sigdb *db, const struct sig_block *b, uint64_t set, const struct subject *s)
{
	const uint32_t least = (s->obs->win + s->high - 1) / s->high, most = min32(s->obs->win / s->low, SIG_TIMES_MAX);
	uint64_t hits = 0;

	for (uint32_t n = least; n <= most; n++) {
		const uint8_t number = db->times_no[n];

		if (number != 0 && (set & db->times_sets[b->times + number - 1]) != 0 &&
		    (s->correct ? any_multiple(s, WIN_MSS, (int32_t)n) : s->multiple.unit == WIN_MSS && s->multiple.n == n))
			hits |= set & db->times_sets[b->times + number - 1];
	}
	return hits;
}

/* Of a set those that want such a window. */
INLINE uint64_t by_window(const struct sigdb *db, const struct sig_block *b, uint64_t set, const struct subject *s)
{
	const uint64_t value = set & b->win_value, times = set & b->win_mss;
	uint64_t hits = set & b->win_any;

	if (value != 0)
		hits |= value & listed(db, &b->windows, s->obs->win);
	if (times != 0 && s->divisible)
		hits |= by_times(db, b, times, s);
	for (uint64_t rest = set & b->win_rest; rest != 0; rest &= rest - 1)
		if (window_fits(&db->sigs[b->first + __builtin_ctzll(rest)], s))
			hits |= rest & -rest;
	return hits;
}

/* Not to the letter: those that all but quirks and TTL speak for are judged one by one, in file order. */
static __attribute__((noinline)) struct hit pass_fuzzy(const struct sigdb *db, const struct sig_bucket *bucket, const struct subject *s)
{
	struct best best = { 0 };

	for (uint32_t n = 0; n < bucket->n_blocks; n++) {
		const struct sig_block *b = &db->blocks[bucket->first_block + n];

		for (uint64_t set = by_window(db, b, by_numbers(db, b, s->obs), s); set != 0; set &= set - 1) {
			const struct sig *sig = &db->sigs[b->first + __builtin_ctzll(set)];

			consider(&best, sig, judge(sig, s), s);
		}
	}
	return hit_of(&best);
}

/* Those of a block that take the packet to the letter. Apart, so that it has the registers for itself. */
static __attribute__((noinline)) uint64_t to_the_letter(const struct sigdb *db, const struct sig_block *b, const struct subject *s)
{
	const uint64_t set = by_numbers(db, b, s->obs) & by_quirks(db, b, s);

	return set != 0 ? by_window(db, b, set, s) : 0;
}

INLINE struct hit pass(const struct sigdb *db, const struct sig_bucket *bucket, const struct subject *s)
{
	const struct sig *generic = NULL;

	for (uint32_t n = 0; n < bucket->n_blocks; n++) {
		const struct sig_block *b = &db->blocks[bucket->first_block + n];
		const uint64_t set = to_the_letter(db, b, s);
		const uint64_t specific = set & ~b->generic;

		if (specific != 0)
			return (struct hit){ &db->sigs[b->first + __builtin_ctzll(specific)], MATCH_EXACT, false };
		if (set != 0 && generic == NULL)
			generic = &db->sigs[b->first + __builtin_ctzll(set)];
	}
	if (generic != NULL)
		return (struct hit){ generic, MATCH_GENERIC, false };
	return pass_fuzzy(db, bucket, s);
}

/* *hit stays where there is no such bucket. */
INLINE void find_by(const struct sigdb *db, const struct sig_words *key, const struct subject *s, bool linear, struct hit *hit)
{
	const struct sig_bucket *bucket = sigdb_bucket(db, key);

	if (bucket != NULL)
		*hit = linear ? pass_linear(db, bucket, s) : pass(db, bucket, s);
}

/* Extension headers are the way's or the user's choice, and no database knows them: as if there were none. */
static __attribute__((noinline)) void find_without_extensions(const struct sigdb *db, const struct subject *s, bool linear, struct hit *hit)
{
	struct sig_key plain;

	memcpy(&plain, s->obs->layout, sizeof plain);
	plain.olen = 0;

	const struct sig_words key = sig_words(plain.layout);

	find_by(db, &key, s, linear, hit);
}

INLINE struct hit find(const struct sigdb *db, const struct subject *s, bool linear)
{
	const struct sig_words key = sig_words(s->obs->layout);
	struct hit hit = { NULL, MATCH_NONE, false };

	find_by(db, &key, s, linear, &hit);
	if (hit.sig == NULL && s->correct && s->obs->ipver == 6 && s->obs->olen != 0)
		find_without_extensions(db, s, linear, &hit);
	return hit;
}

#define GUESSED (-1)

/* Section 8: the initial TTL that hops are counted from; GUESSED: by the packet's TTL alone. */
INLINE int initial_ttl(const struct hit *hit, const struct subject *s)
{
	if (hit->sig == NULL)
		return GUESSED;
	const int hops = hit->sig->ittl - s->obs->ttl;

	return hit->match != MATCH_FUZZY || (hops >= 0 && (hit->sig->random_ttl || hops <= DIST_MAX)) ? hit->sig->ittl : GUESSED;
}

INLINE int16_t distance(const struct hit *hit, const struct subject *s, int initial, uint8_t guess)
{
	if (initial != GUESSED)
		return (int16_t)(initial - s->obs->ttl);
	if (hit->sig == NULL && hit->app_only && !s->correct)
		return 0; /* p0f forgets to guess */
	return s->correct && guess > DIST_MAX ? -1 : guess;
}

/* mode and linear are constants where it is called. */
INLINE int match(const struct sigdb *db, enum match_mode mode, const struct tcp_obs *obs, uint16_t syn_mss, struct verdict *out,
    bool linear)
{
	struct subject s;

	s.obs = obs;
	s.syn_mss = syn_mss;
	s.correct = mode == MATCH_CORRECT;
	s.quirks = s.correct ? obs->quirks : obs_quirks_p0f(obs);
	s.divisible = obs->win != 0 && obs->mss >= MSS_MIN;
	s.multiple = (struct multiple){ WIN_PLAIN, 0 };
	if (s.divisible) {
		s.multiple = linear ? first_of_all(obs, syn_mss) : first_multiple(obs, syn_mss);
		s.low = min32(obs->mss - 12, syn_mss > 12 ? min32(syn_mss - 12, 1428) : syn_mss != 0 ? 1 : 1428);
		s.high = max32(max32(obs->mss, 1460), syn_mss);
	}
	const struct hit hit = find(db, &s, linear);
	const int initial = initial_ttl(&hit, &s);

	out->label = hit.sig != NULL ? hit.sig->label : NULL;
	out->sig_line = hit.sig != NULL ? hit.sig->line : 0;
	out->match = hit.match;
	out->random_ttl = hit.sig != NULL && hit.sig->random_ttl;
	out->dist_guess = ittl_guess(obs->ttl).hops;
	out->dist = distance(&hit, &s, initial, out->dist_guess);
	out->win_unit = s.multiple.unit;
	out->win_multiple = s.multiple.n;
	out->mtu = obs->mss != 0 ? obs->mss + (obs->ipver == 4 ? 40u : 60u) : 0;
	out->link = out->mtu != 0 ? sigdb_link_of(db, out->mtu) : NULL;
	return initial;
}

void match_tcp(const struct sigdb *db, enum match_mode mode, const struct tcp_obs *obs,
    uint16_t syn_mss, struct verdict *out)
{
	if (mode == MATCH_CORRECT)
		match(db, MATCH_CORRECT, obs, syn_mss, out, false);
	else
		match(db, MATCH_COMPAT_P0F, obs, syn_mss, out, false);
}

void match_tcp_linear(const struct sigdb *db, enum match_mode mode, const struct tcp_obs *obs,
    uint16_t syn_mss, struct verdict *out)
{
	match(db, mode, obs, syn_mss, out, true);
}

int match_tcp_initial(const struct sigdb *db, const struct tcp_obs *obs, uint16_t syn_mss, struct verdict *out)
{
	return match(db, MATCH_CORRECT, obs, syn_mss, out, false);
}

/* The nearest edges of a bucket narrow low and high. */
static void narrow(const struct sig_bucket *bucket, unsigned ttl, unsigned *low, unsigned *high)
{
	unsigned word = ttl / 64;
	uint64_t below = bucket->ttl_edges[word] & UINT64_MAX >> (63 - ttl % 64);
	uint64_t above = bucket->ttl_edges[word] & ~(UINT64_MAX >> (63 - ttl % 64));

	while (below == 0 && word > 0)
		below = bucket->ttl_edges[--word];
	if (below != 0)
		*low = max32(*low, word * 64 + 63 - (unsigned)__builtin_clzll(below));
	word = ttl / 64;
	while (above == 0 && word < 3)
		above = bucket->ttl_edges[++word];
	if (above != 0)
		*high = min32(*high, word * 64 + (unsigned)__builtin_ctzll(above) - 1);
}

void match_ttls(const struct sigdb *db, const struct tcp_obs *obs, uint8_t *low, uint8_t *high)
{
	unsigned from = 0, to = UINT8_MAX;
	struct sig_key key;

	memcpy(&key, obs->layout, sizeof key);
	for (;;) {
		const struct sig_words words = sig_words(key.layout);
		const struct sig_bucket *bucket = sigdb_bucket(db, &words);

		if (bucket != NULL)
			narrow(bucket, obs->ttl, &from, &to);
		if (key.olen == 0)
			break;
		key.olen = 0; /* where extension headers are passed over: find() */
	}
	*low = (uint8_t)from;
	*high = (uint8_t)to;
}

/* ---- Loading ------------------------------------------------------------------------------ */

bool match_covers(const struct sig *old, bool old_generic, const struct sig *fresh)
{
	/* A newcomer of '*' is judged as an IPv6 packet whose own quirks are left alone: p0f's oversight, kept. */
	const uint32_t want = fresh->ipver == 4 ? old->quirks_v4 : old->ipver == 0 ? old->quirks & ~(uint32_t)V4_ONLY_P0F : old->quirks;
	const int hops = old->ittl - fresh->ittl;

	if (old_generic || want != fresh->quirks)
		return false;
	if (hops < 0 || (!old->random_ttl && hops > DIST_MAX))
		return false;
	if ((old->mss != SIG_ANY && old->mss != fresh->mss) ||
	    (old->wscale != SIG_ANY && old->wscale != fresh->wscale) ||
	    (old->payload != SIG_ANY && old->payload != fresh->payload))
		return false;
	if (fresh->wsize != SIG_WIN_VALUE)
		return old->wsize == fresh->wsize && old->win == fresh->win;

	struct divisor d[DIVISORS_MAX];
	struct multiple m = { WIN_PLAIN, 0 };

	if (fresh->win != 0 && fresh->mss >= MSS_MIN)
		m = multiple_first(d, divisors(d, fresh->mss, fresh->ipver == 6, false, 0, 0), fresh->win);
	switch ((enum sig_wsize)old->wsize) {
	case SIG_WIN_ANY:
		return true;
	case SIG_WIN_VALUE:
		return old->win == fresh->win;
	case SIG_WIN_MOD:
		return fresh->win % old->win == 0;
	case SIG_WIN_MSS:
		return m.unit == WIN_MSS && m.n == old->win;
	case SIG_WIN_MTU:
		return m.unit == WIN_MTU && m.n == old->win;
	}
	return false;
}
