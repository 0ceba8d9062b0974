/*
 * matchcache - answers of match_tcp() in correct mode, by what they depend on: clients are many, stacks few. The same answer, to the
 * bit (tests/test_index.c); what is not there is matched and kept.
 *
 * Owner    whoever has it, zeroed; forgets by itself where the sigdb is another, and by match_cache_clear() before one is freed.
 * Threads  one. No allocation.
 */
#ifndef FP_MATCHCACHE_H
#define FP_MATCHCACHE_H

#include "core/match.h"

#define MATCH_CELLS 8192 /* a power of two: 1 MiB, of which few are used */

/* An answer, and TTLs for which it is the same but for the hops, which are the same number less the TTL. Two cache lines. */
struct match_cell {
	_Alignas(128) uint64_t key[6];
	struct verdict verdict;   /* dist and dist_guess are of another packet */
	int16_t dist_from;        /* dist is this less what dist_counts leaves of the TTL */
	uint8_t dist_counts;      /* 255, or 0 where dist is unknown, dist_from then -1 */
	uint8_t guess_from;
	uint8_t ttl_low, ttl_more;/* TTLs from ttl_low to ttl_low + ttl_more */
	uint32_t note[2];         /* the owner's; 0 when the answer is new */
};

struct match_cache {
	const struct sigdb *db;
	uint64_t misses;
	struct match_cell cell[MATCH_CELLS];
};

/* Returns the notes of the answer's cell: all that match_tcp() looks at but the TTL is the same whenever they are found again. */
uint32_t *match_cached(struct match_cache *cache, const struct sigdb *db, const struct tcp_obs *obs, uint16_t syn_mss, struct verdict *out);

/* A hint: that SYN is asked for next but a few. */
void match_soon(const struct match_cache *cache, const struct tcp_obs *obs);

/* The sigdb that it knows goes away. */
void match_cache_clear(struct match_cache *cache);

#endif
