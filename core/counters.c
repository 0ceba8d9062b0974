/* counters - rows in memory shared over fork. */
#include "core/counters.h"
#include "core/err.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

struct counters {
	unsigned rows[COUNTER_OWNERS];
	size_t map_bytes;
	unsigned cells;                /* of `matched` a matcher, padded to whole lines */
	_Atomic uint64_t *a_matched;   /* [matcher][cells] */
	_Alignas(CACHELINE) struct counter_row row[];
};

static const struct counter_info info[COUNTER_COUNT] = {
#define X(constant, owner, name, text) [constant] = { owner, name, NULL, text, false },
#define NOW(constant, owner, name, text) [constant] = { owner, name, NULL, text, true },
	COUNTER_ROWS(X, NOW)
#undef NOW
#undef X
#define X(constant, name, text) \
	[C_UNDECODABLE + constant - PKT_FILTERED - 1] = { COUNTER_QUEUE, "undecodable", name, text, false },
	PKT_REASONS(X)
#undef X
};

const struct counter_info *counter_info(enum counter c)
{
	assert(c < COUNTER_COUNT);
	return &info[c];
}

/* The mapping is at one address in every process: it is made before the fork. */
int counters_create(struct counters **out, unsigned queues, unsigned matchers)
{
	const size_t rows = (size_t)queues + matchers + 2;
	const unsigned per_line = CACHELINE / sizeof(uint64_t);
	const unsigned cells = (queues + per_line - 1) / per_line * per_line;
	const size_t at_matched = sizeof(struct counters) + rows * sizeof(struct counter_row);
	const size_t bytes = at_matched + (size_t)matchers * cells * sizeof(uint64_t);

	*out = NULL;

	struct counters *c = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (c == MAP_FAILED)
		return -ENOMEM;
	c->rows[COUNTER_QUEUE] = queues;
	c->rows[COUNTER_MATCHER] = matchers;
	c->rows[COUNTER_WRITER] = 1;
	c->rows[COUNTER_SERVICES] = 1;
	c->map_bytes = bytes;
	c->cells = cells;
	c->a_matched = (_Atomic uint64_t *)((char *)c + at_matched);
	*out = c;
	return 0;
}

void counters_destroy(struct counters **cp)
{
	if (*cp != NULL)
		munmap(*cp, (*cp)->map_bytes);
	*cp = NULL;
}

unsigned counters_rows(const struct counters *c, enum counter_owner owner)
{
	return c->rows[owner];
}

struct counter_row *counters_row(struct counters *c, enum counter_owner owner, unsigned n)
{
	unsigned at = n;

	assert(n < c->rows[owner]);
	for (int o = 0; o < (int)owner; o++)
		at += c->rows[o];
	return &c->row[at];
}

_Atomic uint64_t *counters_matched(struct counters *c, unsigned queue, unsigned matcher)
{
	assert(queue < c->rows[COUNTER_QUEUE] && matcher < c->rows[COUNTER_MATCHER]);
	return &c->a_matched[(size_t)matcher * c->cells + queue];
}

static uint64_t one(struct counters *c, enum counter counter, unsigned n)
{
	uint64_t sum = atomic_load_explicit(&counters_row(c, info[counter].owner, n)->a_value[counter],
	    memory_order_relaxed);

	if (counter == C_MATCHED)
		for (unsigned m = 0; m < c->rows[COUNTER_MATCHER]; m++)
			sum += atomic_load_explicit(counters_matched(c, n, m), memory_order_relaxed);
	return sum;
}

uint64_t counters_get(struct counters *c, enum counter counter, unsigned n)
{
	uint64_t sum = 0;

	if (n != COUNTERS_SUM)
		return one(c, counter, n);
	for (unsigned i = 0; i < c->rows[info[counter].owner]; i++)
		sum += one(c, counter, i);
	return sum;
}

uint64_t counters_pending(struct counters *c)
{
	/* What ends a change is read before what begins one: never below nought. */
	const uint64_t ended = counters_get(c, C_WRITTEN, COUNTERS_SUM) +
	    counters_get(c, C_STORE_FAILED, COUNTERS_SUM) + counters_get(c, C_COALESCED, COUNTERS_SUM);
	const uint64_t changed = counters_get(c, C_CHANGED, COUNTERS_SUM);

	return changed > ended ? changed - ended : 0;
}

int counters_text(struct counters *c, enum counter_owner owner, unsigned n, char *buf, size_t size)
{
	size_t at = 0;

	for (int i = 0; i < COUNTER_COUNT; i++) {
		int len;

		if (info[i].owner != owner)
			continue;

		const uint64_t value = one(c, (enum counter)i, n);

		if (info[i].cause != NULL)
			len = snprintf(buf + at, size - at, "%s{%s} %" PRIu64 "\n", info[i].name, info[i].cause, value);
		else
			len = snprintf(buf + at, size - at, "%s %" PRIu64 "\n", info[i].name, value);
		if (len < 0 || (size_t)len >= size - at)
			return FP_EOVERFLOW;
		at += (size_t)len;
	}
	return (int)at;
}
