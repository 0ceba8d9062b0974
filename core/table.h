/*
 * table - the parts that bounded tables are made of: an index by hash, lists by age, pools of small items.
 *
 * All memory is allocated at creation. Items are numbers into the caller's own arrays; TABLE_NONE is none. One thread.
 */
#ifndef FP_TABLE_H
#define FP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define TABLE_NONE UINT32_MAX

/*
 * Zeroed memory for n items of a large array, in huge pages where there are any: a first touch costs a fifth, and a random access misses no
 * page table. What is never touched takes no memory. NULL: none left.
 */
void *table_memory(size_t n, size_t item_bytes);
void table_memory_free(void *memory, size_t n, size_t item_bytes); /* NULL is fine */

/*
 * Index: buckets of a cache line, 15 places each, two thirds full at the most. A place keeps an item's number and, in the bits that the number
 * leaves, some of its (keyed) hash: 4 bytes; the caller compares the item itself. What finds its bucket full stands in the next, and each
 * bucket counts who had to go on there: so a look-up ends where nobody went further, and nothing moves or stays behind when an item goes.
 */
#define TABLE_PLACES 16 /* the first is the count */

struct table {
	uint32_t (*bucket)[TABLE_PLACES];
	uint32_t buckets;
	uint32_t item_mask; /* bits of a place that are its item, + 1; 0 = free */
};

int table_init(struct table *t, uint32_t items_max); /* -ENOMEM */
void table_free(struct table *t);
size_t table_bytes(const struct table *t);
void table_clear(struct table *t);

void table_insert(struct table *t, uint32_t hash, uint32_t item);
/* The item is there. */
void table_remove(struct table *t, uint32_t hash, uint32_t item);

/* Where the items of a hash begin: what a look-up needs first. */
static inline uint32_t table_home(const struct table *t, uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * t->buckets >> 32);
}

static inline void table_prefetch(const struct table *t, uint32_t hash)
{
	__builtin_prefetch(t->bucket[table_home(t, hash)], 1);
}

/* A bit for each place of a bucket whose value is `want` in the bits of `mask`. */
static inline uint32_t table_places(const uint32_t bucket[TABLE_PLACES], uint32_t mask, uint32_t want)
{
#ifdef __SSE2__
	const __m128i *b = (const __m128i *)bucket, m = _mm_set1_epi32((int)mask), w = _mm_set1_epi32((int)want);
	const __m128i low = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_and_si128(b[0], m), w), _mm_cmpeq_epi32(_mm_and_si128(b[1], m), w));
	const __m128i high = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_and_si128(b[2], m), w), _mm_cmpeq_epi32(_mm_and_si128(b[3], m), w));

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) & ~1u;
#else
	uint32_t places = 0;

	for (unsigned i = 1; i < TABLE_PLACES; i++)
		places |= (uint32_t)((bucket[i] & mask) == want) << i;
	return places;
#endif
}

/* A look-up under way. */
struct table_walk {
	uint32_t at, left; /* bucket; buckets not yet seen */
	uint32_t places;   /* of it, still to be looked at */
	uint32_t want;
};

static inline struct table_walk table_walk(const struct table *t, uint32_t hash)
{
	struct table_walk w = { .at = table_home(t, hash), .left = t->buckets - 1, .want = hash * (t->item_mask + 1) };

	w.places = table_places(t->bucket[w.at], ~t->item_mask, w.want);
	return w;
}

/* Items that may have that hash, one by one. TABLE_NONE at the end. */
static inline uint32_t table_next(const struct table *t, struct table_walk *w)
{
	for (;;) {
		while (w->places != 0) {
			const uint32_t item = t->bucket[w->at][__builtin_ctz(w->places)] & t->item_mask;

			w->places &= w->places - 1;
			if (item != 0)
				return item - 1;
		}
		if (t->bucket[w->at][0] == 0 || w->left-- == 0)
			return TABLE_NONE;
		w->at = w->at + 1 < t->buckets ? w->at + 1 : 0;
		w->places = table_places(t->bucket[w->at], ~t->item_mask, w->want);
	}
}

/* Age: a doubly linked list of items; each item has a link in the caller's array. */
struct age_link {
	uint32_t newer, older;
};

struct age {
	uint32_t newest, oldest;
	uint32_t n;
};

/* link(i) = (struct age_link *)((char *)base + i * stride) */
struct age_links {
	void *base;
	size_t stride;
};

void age_init(struct age *a);
void age_add(struct age *a, struct age_links links, uint32_t item); /* as the newest */
void age_remove(struct age *a, struct age_links links, uint32_t item);

static inline struct age_link *age_link(struct age_links links, uint32_t item)
{
	return (struct age_link *)((char *)links.base + (size_t)item * links.stride);
}

static inline void age_touch(struct age *a, struct age_links links, uint32_t item)
{
	if (a->newest == item)
		return;
	age_remove(a, links, item);
	age_add(a, links, item);
}

/* Pool: items of one size, the free ones chained through their first four bytes. */
struct pool {
	char *items;
	uint32_t item_bytes, max;
	uint32_t free_list; /* + 1 */
	uint32_t fresh;     /* items from here on were never used */
};

int pool_init(struct pool *p, uint32_t max, uint32_t item_bytes); /* -ENOMEM */
void pool_free(struct pool *p);
/* Number + 1 of a zeroed item, 0: none left. */
uint32_t pool_take(struct pool *p);
void pool_give(struct pool *p, uint32_t number);

static inline void *pool_item(const struct pool *p, uint32_t number)
{
	return p->items + (size_t)(number - 1) * p->item_bytes;
}

#endif
