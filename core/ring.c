/* ring - single producer, single consumer, batches. */
#include "core/ring.h"
#include "core/err.h"
#include "core/util.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define RING_MAGIC 0x72696e67u

struct ring {
	uint32_t magic, slots, slot_bytes;       /* fixed at creation */
	size_t map_bytes;
	/* written by the producer only */
	_Alignas(CACHELINE) _Atomic uint32_t a_tail;
	uint32_t head_seen;                      /* its last look at a_head */
	/* written by the consumer only */
	_Alignas(CACHELINE) _Atomic uint32_t a_head;
	uint32_t tail_seen;                      /* its last look at a_tail */
	_Alignas(CACHELINE) uint8_t slot[];
};

int ring_create(struct ring **out, uint32_t slots, uint32_t slot_bytes, uint32_t first)
{
	*out = NULL;
	if (slots < 2 || slots > 1u << 30 || (slots & (slots - 1)) != 0 || slot_bytes < 1 || slot_bytes > 4096)
		return -EINVAL;

	const size_t bytes = sizeof(struct ring) + (size_t)slots * slot_bytes;
	struct ring *r = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED)
		return -ENOMEM;
	madvise(r, bytes, MADV_HUGEPAGE);
	/* A first touch costs 10 us a page (docs/threads.md): now, not under load. */
	memset(r, 0, bytes);
	r->magic = RING_MAGIC;
	r->slots = slots;
	r->slot_bytes = slot_bytes;
	r->map_bytes = bytes;
	r->head_seen = r->tail_seen = first;
	atomic_init(&r->a_tail, first);
	atomic_init(&r->a_head, first);
	*out = r;
	return 0;
}

void ring_destroy(struct ring **rp)
{
	if (*rp == NULL)
		return;
	assert((*rp)->magic == RING_MAGIC);
	munmap(*rp, (*rp)->map_bytes);
	*rp = NULL;
}

/* Slots [at, at + n) wrap at most once. */
static size_t first_part(const struct ring *r, uint32_t at, size_t n)
{
	const size_t to_end = r->slots - (at & (r->slots - 1));

	return n < to_end ? n : to_end;
}

static uint8_t *slot_of(struct ring *r, uint32_t at)
{
	return r->slot + (size_t)(at & (r->slots - 1)) * r->slot_bytes;
}

size_t ring_push(struct ring *r, const void *items, size_t n)
{
	assert(r->magic == RING_MAGIC);

	const uint32_t tail = atomic_load_explicit(&r->a_tail, memory_order_relaxed);
	size_t room = r->slots - (uint32_t)(tail - r->head_seen);

	if (room < n) {
		/* The consumer is done with the slots before head; pairs with the release in ring_pop(). */
		r->head_seen = atomic_load_explicit(&r->a_head, memory_order_acquire);
		room = r->slots - (uint32_t)(tail - r->head_seen);
		if (n > room)
			n = room;
	}
	if (n == 0)
		return 0;

	const size_t a = first_part(r, tail, n);

	memcpy(slot_of(r, tail), items, a * r->slot_bytes);
	memcpy(r->slot, (const uint8_t *)items + a * r->slot_bytes, (n - a) * r->slot_bytes);
	/* Publishes the slots, once a batch; pairs with the acquire in ring_pop(). */
	atomic_store_explicit(&r->a_tail, tail + (uint32_t)n, memory_order_release);
	return n;
}

size_t ring_pop(struct ring *r, void *items, size_t n)
{
	assert(r->magic == RING_MAGIC);

	const uint32_t head = atomic_load_explicit(&r->a_head, memory_order_relaxed);
	size_t there = (uint32_t)(r->tail_seen - head);

	if (there < n) {
		/* Shows the slots before tail; pairs with the release in ring_push(). */
		r->tail_seen = atomic_load_explicit(&r->a_tail, memory_order_acquire);
		there = (uint32_t)(r->tail_seen - head);
		if (n > there)
			n = there;
	}
	if (n == 0)
		return 0;

	const size_t a = first_part(r, head, n);

	memcpy(items, slot_of(r, head), a * r->slot_bytes);
	memcpy((uint8_t *)items + a * r->slot_bytes, r->slot, (n - a) * r->slot_bytes);
	/* Gives the slots back; pairs with the acquire in ring_push(). */
	atomic_store_explicit(&r->a_head, head + (uint32_t)n, memory_order_release);
	return n;
}

size_t ring_used(const struct ring *r)
{
	/* Head first: read later it could be past this tail. */
	const uint32_t head = atomic_load_explicit(&r->a_head, memory_order_acquire);
	const uint32_t tail = atomic_load_explicit(&r->a_tail, memory_order_acquire);
	const uint32_t used = tail - head;

	return used < r->slots ? used : r->slots;
}

bool ring_empty(const struct ring *r)
{
	return ring_used(r) == 0;
}
