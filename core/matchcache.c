/* matchcache - one cell for each hash; a newcomer takes the place of who had it. */
#include "core/matchcache.h"
#include "core/ittl.h"
#include "core/match_int.h"

_Static_assert(offsetof(struct tcp_obs, mss) == offsetof(struct tcp_obs, win) + 2 && offsetof(struct tcp_obs, tot_hdr) == offsetof(struct tcp_obs, win) + 4 &&
        offsetof(struct tcp_obs, ipver) == offsetof(struct tcp_obs, win) + 6 && offsetof(struct tcp_obs, wscale) == offsetof(struct tcp_obs, win) + 7,
    "read as one word");

/* All that match_tcp() looks at but the TTL. Kept in registers: the usual way through needs no memory but the cell. */
struct key {
	uint64_t a, b, c, d, e, f;
};

static inline struct key key_of(const struct tcp_obs *obs, uint16_t syn_mss)
{
	const struct sig_words words = sig_words(obs->layout);
	struct key k = { .a = words.w[0], .b = words.w[1], .c = words.w[2], .d = words.w[3] | (uint64_t)obs->quirks << 32 };

	memcpy(&k.e, &obs->win, sizeof k.e);
	/* The top bit makes it differ from a cell that was never filled. */
	k.f = UINT64_C(1) << 63 | (uint64_t)syn_mss << 2 | (obs->ts1 != 0) << 1 | (obs->payload_len > 0);
	return k;
}

static inline struct match_cell *cell_of(struct match_cache *cache, const struct key *k)
{
	const uint64_t h = k->a * 0x9e3779b97f4a7c15u + k->b * 0xbf58476d1ce4e5b9u + k->c * 0x94d049bb133111ebu +
	    k->d * 0xd6e8feb86659fd93u + k->e * 0xc2b2ae3d27d4eb4fu + k->f * 0x165667b19e3779f9u;

	return &cache->cell[h >> (64 - __builtin_ctz(MATCH_CELLS))];
}

static inline bool same_key(const uint64_t key[6], const struct key *k)
{
	return ((key[0] ^ k->a) | (key[1] ^ k->b) | (key[2] ^ k->c) | (key[3] ^ k->d) | (key[4] ^ k->e) | (key[5] ^ k->f)) == 0;
}

/* Takes what it needs anew, so that the usual way keeps nothing for it. */
static __attribute__((noinline)) void miss(struct match_cache *cache, const struct sigdb *db, const struct tcp_obs *obs, uint16_t syn_mss,
    struct verdict *out)
{
	if (cache->db != db) {
		match_cache_clear(cache);
		cache->db = db;
	}
	const struct key k = key_of(obs, syn_mss);
	struct match_cell *c = cell_of(cache, &k);

	c->initial = (int16_t)match_tcp_initial(db, obs, syn_mss, out);
	c->verdict = *out;
	memcpy(c->key, (const uint64_t[]){ k.a, k.b, k.c, k.d, k.e, k.f }, sizeof c->key);
	match_ttls(db, obs, &c->ttl_low, &c->ttl_high);
	cache->misses++;
}

void match_cached(struct match_cache *cache, const struct sigdb *db, const struct tcp_obs *obs, uint16_t syn_mss, struct verdict *out)
{
	const struct key k = key_of(obs, syn_mss);
	const struct match_cell *c = cell_of(cache, &k);
	const uint8_t ttl = obs->ttl;

	if (cache->db != db || !same_key(c->key, &k) || ttl < c->ttl_low || ttl > c->ttl_high) {
		miss(cache, db, obs, syn_mss, out);
		return;
	}
	const uint8_t guess = ittl_guess(ttl).hops;

	*out = c->verdict;
	out->dist_guess = guess;
	out->dist = c->initial >= 0 ? (int16_t)(c->initial - ttl) : guess > DIST_MAX ? -1 : guess;
}

void match_cache_clear(struct match_cache *cache)
{
	memset(cache, 0, sizeof *cache);
}
