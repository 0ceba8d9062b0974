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

#define TABLE_NONE UINT32_MAX

/*
 * Zeroed memory for n items of a large array, in huge pages where there are any: a first touch costs a fifth, and a random access misses no
 * page table. What is never touched takes no memory. NULL: none left.
 */
void *table_memory(size_t n, size_t item_bytes);
void table_memory_free(void *memory, size_t n, size_t item_bytes); /* NULL is fine */

/*
 * Index: open addressing with linear probing, at most three quarters full; removal shifts back, so that there are no
 * tombstones to pile up. A slot keeps 32 bits of the (keyed) hash; the caller compares the item itself.
 */
struct table_slot {
	uint32_t hash;
	uint32_t item; /* + 1, 0 = free */
};

struct table {
	struct table_slot *slot;
	uint32_t mask;
};

int table_init(struct table *t, uint32_t items_max); /* -ENOMEM */
void table_free(struct table *t);
size_t table_bytes(const struct table *t);

void table_insert(struct table *t, uint32_t hash, uint32_t item);
/* The item is there. */
void table_remove(struct table *t, uint32_t hash, uint32_t item);

/* Items of that hash one by one: *at begins as the hash. TABLE_NONE at the end. */
static inline uint32_t table_next(const struct table *t, uint32_t hash, uint32_t *at)
{
	for (;;) {
		const struct table_slot *s = &t->slot[*at & t->mask];

		if (s->item == 0)
			return TABLE_NONE;
		++*at;
		if (s->hash == hash)
			return s->item - 1;
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
