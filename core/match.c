/* match - one pass over a bucket, in file order (docs/p0f3-matching.md sections 7 to 9). */
#include "core/match.h"
#include "core/ittl.h"
#include "core/match_int.h"

#define MSS_MIN 100 /* below, a window is never called a multiple */

/* Quirks that may be gone, or come, on the way: their difference makes a match fuzzy, not void. */
#define FUZZY_GONE (QUIRK_DF | QUIRK_ID_PLUS)
#define FUZZY_ADDED (QUIRK_ID_MINUS | QUIRK_ECN)

/* What IPv6 has no place for, as p0f masks it, and all of it. */
#define V4_ONLY_P0F (QUIRK_DF | QUIRK_ID_PLUS | QUIRK_ID_MINUS)
#define V4_ONLY (V4_ONLY_P0F | QUIRK_ZERO_PLUS)

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
	bool correct;
	struct multiple multiple;
	struct divisor divisor[DIVISORS_MAX];
	unsigned n_divisors; /* 0: the window is no multiple of anything */
};

/* Correct mode: any divisor of the wanted unit, not only the first that fits. */
static bool any_multiple(const struct subject *s, uint8_t unit, uint32_t times)
{
	for (unsigned i = 0; i < s->n_divisors; i++)
		if (s->divisor[i].unit == unit && s->divisor[i].bytes > 0 &&
		    (uint32_t)s->divisor[i].bytes * times == s->obs->win)
			return true;
	return false;
}

static bool window_fits(const struct sig *sig, const struct subject *s)
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
			/* Linux labels every flow (RFC 6437 3); p0f's database knows no label. */
			want &= ~(uint32_t)(V4_ONLY | QUIRK_FLOW);
			have &= ~(uint32_t)QUIRK_FLOW;
		}
	}
	if (want != have) {
		const uint32_t gone = want & ~have, added = have & ~want;

		if (gone & ~(uint32_t)FUZZY_GONE || added & ~(uint32_t)FUZZY_ADDED)
			return MISS;
		forgiven = __builtin_popcount(gone | added);
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

static struct hit pass(const struct sigdb *db, const struct sig_bucket *bucket, const struct subject *s)
{
	const struct sig *generic = NULL, *fuzzy = NULL;
	int fuzzy_forgiven = 0;

	for (const struct sig *sig = db->sigs + bucket->first, *end = sig + bucket->n; sig < end; sig++) {
		const int forgiven = judge(sig, s);

		if (forgiven == MISS)
			continue;
		if (forgiven == 0) {
			if (!sig->label->generic)
				return (struct hit){ sig, MATCH_EXACT, false };
			if (generic == NULL)
				generic = sig;
		} else if (fuzzy == NULL ||
		    (s->correct && !sig->label->app && (fuzzy->label->app || fuzzier(sig, forgiven, fuzzy, fuzzy_forgiven)))) {
			fuzzy = sig;
			fuzzy_forgiven = forgiven;
		}
	}
	if (generic != NULL)
		return (struct hit){ generic, MATCH_GENERIC, false };
	if (fuzzy != NULL && fuzzy->label->app) /* nothing is forgiven to tools */
		return (struct hit){ NULL, MATCH_NONE, true };
	return (struct hit){ fuzzy, fuzzy != NULL ? MATCH_FUZZY : MATCH_NONE, false };
}

static struct hit find(const struct sigdb *db, const struct subject *s)
{
	const struct tcp_obs *obs = s->obs;
	struct sig_key key = {
		.layout_len = obs->layout_len,
		.eol_pad = obs->eol_pad,
		.olen = obs->olen,
		.direction = obs->kind == OBS_SYN ? SIG_REQUEST : SIG_RESPONSE,
	};
	struct hit hit = { NULL, MATCH_NONE, false };
	const struct sig_bucket *bucket;

	memcpy(key.layout, obs->layout, sizeof key.layout);
	bucket = sigdb_bucket(db, &key);
	if (bucket != NULL)
		hit = pass(db, bucket, s);
	if (hit.sig == NULL && obs->ipver == 6 && obs->olen != 0 && s->correct) {
		/* Extension headers are the way's or the user's choice, and no database knows them. */
		key.olen = 0;
		if ((bucket = sigdb_bucket(db, &key)) != NULL)
			hit = pass(db, bucket, s);
	}
	return hit;
}

/* Section 8. */
static int16_t distance(const struct hit *hit, const struct subject *s, uint8_t guess)
{
	if (hit->sig != NULL) {
		const int hops = hit->sig->ittl - s->obs->ttl;

		if (hit->match != MATCH_FUZZY || (hops >= 0 && (hit->sig->random_ttl || hops <= DIST_MAX)))
			return (int16_t)hops;
	} else if (hit->app_only && !s->correct) {
		return 0; /* p0f forgets to guess */
	}
	return s->correct && guess > DIST_MAX ? -1 : guess;
}

void match_tcp(const struct sigdb *db, enum match_mode mode, const struct tcp_obs *obs,
    uint16_t syn_mss, struct verdict *out)
{
	struct subject s;

	s.obs = obs;
	s.correct = mode == MATCH_CORRECT;
	s.quirks = s.correct ? obs->quirks : obs_quirks_p0f(obs);
	s.n_divisors = 0;
	s.multiple = (struct multiple){ WIN_PLAIN, 0 };
	if (obs->win != 0 && obs->mss >= MSS_MIN) {
		s.n_divisors = divisors(s.divisor, obs->mss, obs->ipver == 6, obs->ts1 != 0, obs->tot_hdr, syn_mss);
		s.multiple = multiple_first(s.divisor, s.n_divisors, obs->win);
	}
	const struct hit hit = find(db, &s);

	out->label = hit.sig != NULL ? hit.sig->label : NULL;
	out->sig_line = hit.sig != NULL ? hit.sig->line : 0;
	out->match = hit.match;
	out->random_ttl = hit.sig != NULL && hit.sig->random_ttl;
	out->dist_guess = ittl_guess(obs->ttl).hops;
	out->dist = distance(&hit, &s, out->dist_guess);
	out->win_unit = s.multiple.unit;
	out->win_multiple = s.multiple.n;
	out->mtu = obs->mss != 0 ? obs->mss + (obs->ipver == 4 ? 40u : 60u) : 0;
	out->link = out->mtu != 0 ? sigdb_link(db, out->mtu) : NULL;
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
