/* matchcache - one cell for each hash; a newcomer takes the place of who had it. */
#include "core/matchcache.h"
#include "core/ittl.h"
#include "core/match_int.h"

#define NEXT_TO(field, before, bytes) (offsetof(struct tcp_obs, field) == offsetof(struct tcp_obs, before) + (bytes))
_Static_assert(NEXT_TO(mss, win, 2) && NEXT_TO(tot_hdr, win, 4) && NEXT_TO(ipver, win, 6) && NEXT_TO(wscale, win, 7), "read as one word");
_Static_assert(NEXT_TO(layout_len, layout, 24) && NEXT_TO(quirks, layout_len, 4), "read as four words");

/* All that match_tcp() looks at but the TTL. An observation's IP version is not 0, so that no key is that of an empty cell. */
struct key {
	uint64_t layout[3], about, numbers, rest;
};

static inline struct key key_of(const struct tcp_obs *obs, uint16_t syn_mss)
{
	struct key k;

	for (int i = 0; i < 3; i++) /* not in one go, or it goes over memory */
		memcpy(&k.layout[i], obs->layout + 8 * i, 8);
	memcpy(&k.about, &obs->layout_len, sizeof k.about); /* to the quirks */
	memcpy(&k.numbers, &obs->win, sizeof k.numbers);    /* to the scale */
	k.rest = syn_mss;
	k.rest += k.rest + (obs->ts1 == 0);
	k.rest += k.rest + (obs->payload_len == 0);
	return k;
}

/* By what tells stacks apart; layouts alike in their first eight options and in length lie together. */
static inline struct match_cell *cell_of(struct match_cache *cache, const struct key *k)
{
	const uint64_t h = (k->layout[0] ^ k->about) * 0x9e3779b97f4a7c15u + (k->numbers ^ k->rest << 48) * 0xbf58476d1ce4e5b9u;

	return &cache->cell[h >> (64 - __builtin_ctz(MATCH_CELLS))];
}

static inline bool same_key(const uint64_t key[6], const struct key *k)
{
	return ((key[0] ^ k->layout[0]) | (key[1] ^ k->layout[1]) | (key[2] ^ k->layout[2]) | (key[3] ^ k->about) | (key[4] ^ k->numbers) |
	    (key[5] ^ k->rest)) == 0;
}

/* The TTLs around the packet's for which the answer is made in the same way. */
static void keep_ttls(struct match_cell *c, const struct sigdb *db, const struct tcp_obs *obs, int initial)
{
	const struct ittl guess = ittl_guess(obs->ttl);
	const uint8_t first = guess.initial == 32 ? 0 : guess.initial == 255 ? 129 : guess.initial / 2 + 1; /* that is guessed so */
	uint8_t low, high;

	match_ttls(db, obs, &low, &high);
	low = low < first ? first : low;
	high = high > guess.initial ? guess.initial : high;
	c->guess_from = guess.initial;
	c->dist_from = (int16_t)(initial >= 0 ? initial : guess.initial);
	c->dist_counts = UINT8_MAX;
	if (initial < 0 && guess.initial > DIST_MAX) {
		const uint8_t near = guess.initial - DIST_MAX; /* the first that is not too far */

		if (obs->ttl < near) {
			c->dist_from = -1;
			c->dist_counts = 0;
			high = high >= near ? near - 1 : high;
		} else {
			low = low < near ? near : low;
		}
	}
	c->ttl_low = low;
	c->ttl_more = high - low;
}

/* Takes what it needs anew, so that the usual way keeps nothing for it. */
static __attribute__((noinline)) struct match_cell *miss(struct match_cache *cache, const struct sigdb *db, const struct tcp_obs *obs, uint16_t syn_mss,
    struct verdict *out)
{
	if (cache->db != db) {
		match_cache_clear(cache);
		cache->db = db;
	}
	const struct key k = key_of(obs, syn_mss);
	struct match_cell *c = cell_of(cache, &k);
	const int initial = match_tcp_initial(db, obs, syn_mss, out);

	c->verdict = *out;
	memcpy(c->key, &k, sizeof c->key);
	keep_ttls(c, db, obs, initial);
	c->note[0] = c->note[1] = 0;
	cache->misses++;
	return c;
}

uint32_t *match_cached(struct match_cache *cache, const struct sigdb *db, const struct tcp_obs *obs, uint16_t syn_mss, struct verdict *out)
{
	const struct key k = key_of(obs, syn_mss);
	struct match_cell *c = cell_of(cache, &k);
	const uint8_t ttl = obs->ttl;

	if (cache->db != db || !same_key(c->key, &k) || (uint8_t)(ttl - c->ttl_low) > c->ttl_more)
		return miss(cache, db, obs, syn_mss, out)->note;
	*out = c->verdict;
	out->dist_guess = c->guess_from - ttl;
	out->dist = (int16_t)(c->dist_from - (ttl & c->dist_counts));
	return c->note;
}

void match_soon(const struct match_cache *cache, const struct tcp_obs *obs)
{
	const struct key k = key_of(obs, 0);
	const struct match_cell *c = cell_of((struct match_cache *)cache, &k);

	__builtin_prefetch(c);
	__builtin_prefetch(&c->verdict);
}

void match_cache_clear(struct match_cache *cache)
{
	memset(cache, 0, sizeof *cache);
}
