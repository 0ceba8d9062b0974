/* recent - a ring of events, and chains through it by address. */
#include "api/recent.h"

#include "core/hash.h"

#include <errno.h>
#include <stdlib.h>

#define NONE UINT16_MAX

_Static_assert(NEWS_SLOTS < NONE && NEWS_KEPT < NEWS_SLOTS, "slots are numbered with 16 bits");

struct entry {
	uint64_t number; /* 0: empty */
	struct fp_addr addr;
	uint16_t next;   /* of the same chain */
};

struct recent {
	const struct news_board *board;
	struct hash_key key; /* clients choose their addresses */
	uint64_t upto;
	struct entry entry[NEWS_SLOTS];
	uint16_t head[NEWS_SLOTS];
};

int recent_create(struct recent **out, const struct news_board *board)
{
	struct recent *r = calloc(1, sizeof *r);

	*out = r;
	if (r == NULL)
		return -ENOMEM;
	r->board = board;
	for (unsigned i = 0; i < NEWS_SLOTS; i++)
		r->head[i] = NONE;
	return hash_key_random(&r->key);
}

void recent_destroy(struct recent **rp)
{
	free(*rp);
	*rp = NULL;
}

static unsigned chain_of(const struct recent *r, const struct fp_addr *addr)
{
	return (unsigned)(hash_siphash13(&r->key, addr->b, sizeof addr->b) % NEWS_SLOTS);
}

static void drop(struct recent *r, uint16_t slot)
{
	struct entry *e = &r->entry[slot];

	if (e->number == 0)
		return;
	for (uint16_t *at = &r->head[chain_of(r, &e->addr)]; *at != NONE; at = &r->entry[*at].next)
		if (*at == slot) {
			*at = e->next;
			break;
		}
	e->number = 0;
}

static void take(struct recent *r, const struct news *n)
{
	const uint16_t slot = (uint16_t)(n->number % NEWS_SLOTS);
	const unsigned chain = chain_of(r, &n->addr);

	r->entry[slot] = (struct entry){ .number = n->number, .addr = n->addr, .next = r->head[chain] };
	r->head[chain] = slot;
}

uint64_t recent_update(struct recent *r)
{
	const uint64_t last = news_last(r->board);

	if (last - r->upto > NEWS_SLOTS)
		r->upto = last - NEWS_SLOTS;
	while (r->upto < last) {
		struct news n;

		r->upto++;
		drop(r, (uint16_t)(r->upto % NEWS_SLOTS));
		if (news_get(r->board, r->upto, &n))
			take(r, &n);
	}
	return r->upto;
}

bool recent_get(const struct recent *r, uint64_t number, struct fp_addr *addr)
{
	const struct entry *e = &r->entry[number % NEWS_SLOTS];

	if (number == 0 || e->number != number)
		return false;
	*addr = e->addr;
	return true;
}

uint64_t recent_newest(const struct recent *r, const struct fp_addr *addr)
{
	/* Newer ones stand before older ones. */
	for (uint16_t at = r->head[chain_of(r, addr)]; at != NONE; at = r->entry[at].next)
		if (fp_addr_equal(&r->entry[at].addr, addr))
			return r->entry[at].number;
	return 0;
}
