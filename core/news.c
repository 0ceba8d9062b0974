/* news - a ring of events with one writer, read by number. */
#include "core/news.h"

#include <string.h>
#include <sys/random.h>

void news_init(struct news_board *b)
{
	if (getrandom(&b->epoch, sizeof b->epoch, GRND_NONBLOCK) != sizeof b->epoch)
		b->epoch = (uintptr_t)b;
}

/*
 * A slot is a sequence lock without fences: each part is stored with release behind the nought, so whoever loads (acquires) one part
 * of the new event finds no old number behind it.
 */
void news_tell(struct news_board *b, enum news_kind kind, const struct fp_addr *addr, uint32_t time_s)
{
	const uint64_t number = atomic_load_explicit(&b->a_last, memory_order_relaxed) + 1;
	struct news_slot *s = &b->slot[number % NEWS_SLOTS];
	uint64_t half[2];

	memcpy(half, addr->b, sizeof half);
	atomic_store_explicit(&s->a_number, 0, memory_order_relaxed);
	atomic_store_explicit(&s->a_addr[0], half[0], memory_order_release);
	atomic_store_explicit(&s->a_addr[1], half[1], memory_order_release);
	atomic_store_explicit(&s->a_what, (uint64_t)kind << 32 | time_s, memory_order_release);
	/* Publishes the event; pairs with the acquires in news_get() and news_last(). */
	atomic_store_explicit(&s->a_number, number, memory_order_release);
	atomic_store_explicit(&b->a_last, number, memory_order_release);
}

void news_forget(struct news_board *b, const struct fp_cidr *block)
{
	for (unsigned i = 0; i < NEWS_SLOTS; i++) {
		struct news_slot *s = &b->slot[i];
		const uint64_t half[2] = { atomic_load_explicit(&s->a_addr[0], memory_order_relaxed), atomic_load_explicit(&s->a_addr[1], memory_order_relaxed) };
		struct fp_addr addr;

		memcpy(addr.b, half, sizeof half);
		if (!fp_cidr_has(block, &addr))
			continue;
		atomic_store_explicit(&s->a_number, 0, memory_order_relaxed);
		atomic_store_explicit(&s->a_addr[0], 0, memory_order_release);
		atomic_store_explicit(&s->a_addr[1], 0, memory_order_release);
	}
}

uint64_t news_last(const struct news_board *b)
{
	return atomic_load_explicit(&b->a_last, memory_order_acquire);
}

bool news_get(const struct news_board *b, uint64_t number, struct news *out)
{
	const struct news_slot *s = &b->slot[number % NEWS_SLOTS];

	if (number == 0 || atomic_load_explicit(&s->a_number, memory_order_acquire) != number)
		return false;
	const uint64_t half[2] = { atomic_load_explicit(&s->a_addr[0], memory_order_acquire),
		atomic_load_explicit(&s->a_addr[1], memory_order_acquire) };
	const uint64_t what = atomic_load_explicit(&s->a_what, memory_order_acquire);

	if (atomic_load_explicit(&s->a_number, memory_order_relaxed) != number)
		return false;
	*out = (struct news){ .number = number, .time_s = (uint32_t)what, .kind = (enum news_kind)(what >> 32) };
	memcpy(out->addr.b, half, sizeof half);
	return true;
}

const char *news_kind_name(enum news_kind kind)
{
	static const char *const names[NEWS_KINDS] = { "new", "changed", "shared" };

	return kind < NEWS_KINDS ? names[kind] : "";
}
