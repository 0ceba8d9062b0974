/* table - index, age and pool. */
#include "core/table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

void *table_memory(size_t n, size_t item_bytes)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, item_bytes, &bytes))
		return NULL;
	void *memory = mmap(NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

void table_memory_free(void *memory, size_t n, size_t item_bytes)
{
	if (memory != NULL)
		munmap(memory, n > 0 && item_bytes > 0 ? n * item_bytes : 1);
}

#define FULL 10 /* items to a bucket of 15 places: 5 of 100 then stand in another than their own */

int table_init(struct table *t, uint32_t items_max)
{
	t->buckets = items_max / FULL + 1;
	t->item_mask = UINT32_MAX >> __builtin_clz(items_max | 1);
	t->bucket = table_memory(t->buckets, sizeof *t->bucket);
	return t->bucket != NULL ? 0 : -ENOMEM;
}

void table_free(struct table *t)
{
	table_memory_free(t->bucket, t->buckets, sizeof *t->bucket);
	t->bucket = NULL;
}

size_t table_bytes(const struct table *t)
{
	return t->buckets * sizeof *t->bucket;
}

void table_clear(struct table *t)
{
	memset(t->bucket, 0, table_bytes(t));
}

static uint32_t next_bucket(const struct table *t, uint32_t at)
{
	return at + 1 < t->buckets ? at + 1 : 0;
}

void table_insert(struct table *t, uint32_t hash, uint32_t item)
{
	uint32_t at = table_home(t, hash), room;

	assert(item < t->item_mask);
	for (; (room = table_places(t->bucket[at], UINT32_MAX, 0)) == 0; at = next_bucket(t, at))
		t->bucket[at][0]++;
	t->bucket[at][__builtin_ctz(room)] = hash * (t->item_mask + 1) | (item + 1);
}

void table_remove(struct table *t, uint32_t hash, uint32_t item)
{
	const uint32_t place = hash * (t->item_mask + 1) | (item + 1);
	uint32_t at = table_home(t, hash), here;

	for (; (here = table_places(t->bucket[at], UINT32_MAX, place)) == 0; at = next_bucket(t, at)) {
		assert(t->bucket[at][0] > 0);
		t->bucket[at][0]--;
	}
	t->bucket[at][__builtin_ctz(here)] = 0;
}

void age_init(struct age *a)
{
	*a = (struct age){ TABLE_NONE, TABLE_NONE, 0 };
}

void age_add(struct age *a, struct age_links links, uint32_t item)
{
	*age_link(links, item) = (struct age_link){ .newer = TABLE_NONE, .older = a->newest };
	if (a->newest != TABLE_NONE)
		age_link(links, a->newest)->newer = item;
	else
		a->oldest = item;
	a->newest = item;
	a->n++;
}

void age_remove(struct age *a, struct age_links links, uint32_t item)
{
	const struct age_link l = *age_link(links, item);

	if (l.newer != TABLE_NONE)
		age_link(links, l.newer)->older = l.older;
	else
		a->newest = l.older;
	if (l.older != TABLE_NONE)
		age_link(links, l.older)->newer = l.newer;
	else
		a->oldest = l.newer;
	a->n--;
}

int pool_init(struct pool *p, uint32_t max, uint32_t item_bytes)
{
	*p = (struct pool){ .items = table_memory(max, item_bytes), .item_bytes = item_bytes, .max = max };
	return p->items != NULL ? 0 : -ENOMEM;
}

void pool_free(struct pool *p)
{
	table_memory_free(p->items, p->max, p->item_bytes);
	p->items = NULL;
}

uint32_t pool_take(struct pool *p)
{
	uint32_t number = p->free_list;

	if (number != 0)
		memcpy(&p->free_list, pool_item(p, number), sizeof p->free_list);
	else if (p->fresh < p->max)
		number = ++p->fresh;
	else
		return 0;
	memset(pool_item(p, number), 0, p->item_bytes);
	return number;
}

void pool_give(struct pool *p, uint32_t number)
{
	memcpy(pool_item(p, number), &p->free_list, sizeof p->free_list);
	p->free_list = number;
}
