/* lines - indices run freely and wrap at 2^32; what lies between them is whole lines. */
#include "core/lines.h"

#include "core/util.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x6c696e65u

struct lines {
	uint32_t magic, mask; /* fixed at creation */
	/* written by the producer only */
	_Alignas(CACHELINE) _Atomic uint32_t a_tail;
	/* written by the consumer only */
	_Alignas(CACHELINE) _Atomic uint32_t a_head;
	_Alignas(CACHELINE) char bytes[];
};

int lines_create(struct lines **out, uint32_t bytes, uint32_t first)
{
	struct lines *l;

	*out = NULL;
	if (bytes < 64 || bytes > UINT32_C(1) << 30 || (bytes & (bytes - 1)) != 0)
		return -EINVAL;
	l = aligned_alloc(CACHELINE, sizeof *l + (bytes + CACHELINE - 1) / CACHELINE * CACHELINE);
	if (l == NULL)
		return -ENOMEM;
	memset(l, 0, sizeof *l + bytes);
	l->magic = MAGIC;
	l->mask = bytes - 1;
	atomic_init(&l->a_tail, first);
	atomic_init(&l->a_head, first);
	*out = l;
	return 0;
}

void lines_destroy(struct lines **lp)
{
	if (*lp == NULL)
		return;
	assert((*lp)->magic == MAGIC);
	(*lp)->magic = 0;
	free(*lp);
	*lp = NULL;
}

bool lines_push(struct lines *l, const char *line, size_t len)
{
	const uint32_t tail = atomic_load_explicit(&l->a_tail, memory_order_relaxed);
	/* Acquire: the consumer has read what it gave back; pairs with lines_take(). */
	const uint32_t used = tail - atomic_load_explicit(&l->a_head, memory_order_acquire);
	const size_t size = (size_t)l->mask + 1, at = tail & l->mask, first = len < size - at ? len : size - at;

	assert(l->magic == MAGIC);
	if (len > size - used)
		return false;
	memcpy(l->bytes + at, line, first);
	memcpy(l->bytes, line + first, len - first);
	/* Publishes the line; pairs with the acquire in lines_look(). */
	atomic_store_explicit(&l->a_tail, tail + (uint32_t)len, memory_order_release);
	return true;
}

size_t lines_look(const struct lines *l, struct lines_piece piece[2])
{
	const uint32_t head = atomic_load_explicit(&l->a_head, memory_order_relaxed);
	const size_t used = atomic_load_explicit(&l->a_tail, memory_order_acquire) - head;
	const size_t size = (size_t)l->mask + 1, at = head & l->mask, first = used < size - at ? used : size - at;

	assert(l->magic == MAGIC);
	piece[0] = (struct lines_piece){ l->bytes + at, first };
	piece[1] = (struct lines_piece){ l->bytes, used - first };
	return used;
}

void lines_take(struct lines *l, size_t n)
{
	const uint32_t head = atomic_load_explicit(&l->a_head, memory_order_relaxed);

	atomic_store_explicit(&l->a_head, head + (uint32_t)n, memory_order_release);
}

size_t lines_used(const struct lines *l)
{
	return atomic_load_explicit(&l->a_tail, memory_order_acquire) - atomic_load_explicit(&l->a_head, memory_order_acquire);
}
