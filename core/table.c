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

int table_init(struct table *t, uint32_t items_max)
{
	uint64_t slots = 8;

	while (slots * 3 < (uint64_t)items_max * 4)
		slots *= 2;
	t->slot = slots <= UINT32_MAX ? table_memory(slots, sizeof *t->slot) : NULL;
	t->mask = (uint32_t)(slots - 1);
	return t->slot != NULL ? 0 : -ENOMEM;
}

void table_free(struct table *t)
{
	table_memory_free(t->slot, (size_t)t->mask + 1, sizeof *t->slot);
	t->slot = NULL;
}

size_t table_bytes(const struct table *t)
{
	return ((size_t)t->mask + 1) * sizeof *t->slot;
}

void table_insert(struct table *t, uint32_t hash, uint32_t item)
{
	uint32_t i = hash & t->mask;

	while (t->slot[i].item != 0)
		i = (i + 1) & t->mask;
	t->slot[i] = (struct table_slot){ hash, item + 1 };
}

void table_remove(struct table *t, uint32_t hash, uint32_t item)
{
	uint32_t hole = hash & t->mask;

	while (t->slot[hole].item != item + 1) {
		assert(t->slot[hole].item != 0);
		hole = (hole + 1) & t->mask;
	}
	/* What follows moves into the hole unless that lies before its home (Knuth 6.4, algorithm R). */
	for (uint32_t i = (hole + 1) & t->mask; t->slot[i].item != 0; i = (i + 1) & t->mask) {
		const uint32_t from_home = (i - t->slot[i].hash) & t->mask;

		if (from_home >= ((i - hole) & t->mask)) {
			t->slot[hole] = t->slot[i];
			hole = i;
		}
	}
	t->slot[hole].item = 0;
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
