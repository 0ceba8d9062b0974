/*
 * sigindex - a bucket's signatures as sets of bits, so that one packet is held against 64 of them at once: for each field the set
 * that its value agrees with, and the answer is what they have in common (match.c).
 *
 * A block has a fixed part and short lists; all of it is at most some 800 bytes a signature, whatever the file says.
 */
#include "core/match_int.h"
#include "core/util.h"

#include <errno.h>
#include <stdlib.h>

/* Entries while they are collected. */
struct collect {
	struct sig_entry *entry;
	uint32_t n, cap;
};

static int collect_bit(struct collect *c, uint32_t first, uint32_t want, uint8_t low, uint8_t high, uint64_t bit)
{
	for (uint32_t i = first; i < c->n; i++) {
		struct sig_entry *e = &c->entry[i];

		if (e->want == want && e->ttl_low == low && e->ttl_high == high) {
			e->mask |= bit;
			return 0;
		}
	}
	if (c->n == c->cap) {
		const uint32_t cap = c->cap ? c->cap * 2 : 256;
		struct sig_entry *bigger = reallocarray(c->entry, cap, sizeof *bigger);

		if (bigger == NULL)
			return -ENOMEM;
		c->entry = bigger;
		c->cap = cap;
	}
	c->entry[c->n++] = (struct sig_entry){ .mask = bit, .want = want, .ttl_low = low, .ttl_high = high };
	return 0;
}

/* Which quirks a signature wants of packets of one version in one mode; how many entries of want[]: 0 where it wants no such packet. */
static unsigned wanted_quirks(const struct sig *sig, bool correct, bool v6, uint32_t want[2])
{
	want[0] = v6 ? sig->quirks_v6 : sig->quirks_v4;
	if (!correct)
		return 1;
	if (sig->ipver != 0 && sig->ipver != (v6 ? 6 : 4))
		return 0;
	if (sig->ipver != 0 || !v6)
		return 1;
	want[0] &= ~(uint32_t)MATCH_IGNORED_V6;
	want[1] = want[0] | QUIRK_FLOW;
	return 2;
}

static int collect_quirks(struct collect *c, const struct sig *sigs, uint32_t n, struct sig_block *b)
{
	for (unsigned variant = 0; variant < SIG_VARIANTS; variant++) {
		const uint32_t first = c->n;

		for (uint32_t i = 0; i < n; i++) {
			const uint8_t low = sigs[i].random_ttl || sigs[i].ittl < DIST_MAX ? 0 : sigs[i].ittl - DIST_MAX;
			uint32_t want[2];
			const unsigned wants = wanted_quirks(&sigs[i], variant & 2, variant & 1, want);

			for (unsigned w = 0; w < wants; w++)
				if (collect_bit(c, first, want[w], low, sigs[i].ittl, UINT64_C(1) << i) != 0)
					return -ENOMEM;
		}
		b->quirks[variant] = (struct sig_list){ first, c->n };
	}
	return 0;
}

static int collect_numbers(struct collect *c, const struct sig *sigs, uint32_t n, struct sig_block *b)
{
	uint32_t first = c->n;

	for (uint32_t i = 0; i < n; i++)
		if (sigs[i].wsize == SIG_WIN_VALUE && collect_bit(c, first, sigs[i].win, 0, 0, UINT64_C(1) << i) != 0)
			return -ENOMEM;
	b->windows = (struct sig_list){ first, c->n };
	first = c->n;
	for (uint32_t i = 0; i < n; i++)
		if (sigs[i].mss != SIG_ANY && collect_bit(c, first, (uint32_t)sigs[i].mss, 0, 0, UINT64_C(1) << i) != 0)
			return -ENOMEM;
	b->msses = (struct sig_list){ first, c->n };
	return 0;
}

static void fill_sets(const struct sig *sigs, uint32_t n, struct sig_block *b)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct sig *s = &sigs[i];
		const uint64_t bit = UINT64_C(1) << i;

		for (int scale = 0; scale < SIG_SCALES; scale++)
			if (s->wscale == SIG_ANY || s->wscale == scale || (scale == SIG_SCALES - 1 && s->wscale > scale))
				b->scale[scale] |= bit;
		if (s->wscale >= SIG_SCALES - 1)
			b->big_scale |= bit;
		if (s->payload != 1)
			b->payload[0] |= bit;
		if (s->payload != 0)
			b->payload[1] |= bit;
		if (s->mss == SIG_ANY)
			b->mss_any |= bit;
		if (s->wsize == SIG_WIN_ANY)
			b->win_any |= bit;
		else if (s->wsize == SIG_WIN_VALUE)
			b->win_value |= bit;
		if (s->label->generic)
			b->generic |= bit;
	}
}

/* Numbers the n of mss*n, the first SIG_TIMES_SETS that the file has. */
static void number_times(struct sigdb *db)
{
	for (uint32_t i = 0; i < db->n_sigs && db->n_times < SIG_TIMES_SETS; i++)
		if (db->sigs[i].wsize == SIG_WIN_MSS && db->times_no[db->sigs[i].win] == 0)
			db->times_no[db->sigs[i].win] = ++db->n_times;
}

static void fill_times(struct sigdb *db, uint32_t n, struct sig_block *b)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct sig *s = &db->sigs[b->first + i];
		const uint8_t number = s->wsize == SIG_WIN_MSS ? db->times_no[s->win] : 0;

		if (number != 0) {
			db->times_sets[b->times + number - 1] |= UINT64_C(1) << i;
			b->win_mss |= UINT64_C(1) << i;
		}
	}
}

static void set_edge(struct sig_bucket *bucket, int ttl)
{
	if (ttl > 0 && ttl <= UINT8_MAX)
		bucket->ttl_edges[ttl / 64] |= UINT64_C(1) << ttl % 64;
}

static void fill_edges(const struct sig *sigs, struct sig_bucket *bucket)
{
	for (uint32_t i = 0; i < bucket->n; i++) {
		if (!sigs[i].random_ttl)
			set_edge(bucket, sigs[i].ittl - DIST_MAX);
		set_edge(bucket, sigs[i].ittl + 1);
	}
}

int sigindex_build(struct sigdb *db)
{
	struct collect c = { 0 };
	uint32_t n_blocks = 0, at = 0;

	for (uint32_t i = 0; i < db->n_buckets; i++)
		n_blocks += (db->buckets[i].n + SIG_BLOCK - 1) / SIG_BLOCK;
	db->blocks = calloc(n_blocks + 1, sizeof *db->blocks);
	number_times(db);
	db->times_sets = calloc((size_t)n_blocks * db->n_times + 1, sizeof *db->times_sets);
	if (db->blocks == NULL || db->times_sets == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < db->n_buckets; i++) {
		struct sig_bucket *bucket = &db->buckets[i];

		bucket->first_block = at;
		fill_edges(db->sigs + bucket->first, bucket);
		for (uint32_t done = 0; done < bucket->n; done += SIG_BLOCK) {
			const uint32_t n = bucket->n - done < SIG_BLOCK ? bucket->n - done : SIG_BLOCK;
			struct sig_block *b = &db->blocks[at++];

			b->first = bucket->first + done;
			b->times = (at - 1) * db->n_times;
			fill_times(db, n, b);
			fill_sets(db->sigs + b->first, n, b);
			b->win_rest = (n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX) & ~(b->win_any | b->win_value | b->win_mss);
			if (collect_quirks(&c, db->sigs + b->first, n, b) != 0 || collect_numbers(&c, db->sigs + b->first, n, b) != 0) {
				free(c.entry);
				return -ENOMEM;
			}
		}
		bucket->n_blocks = at - bucket->first_block;
	}
	db->entries = c.entry;
	return 0;
}
