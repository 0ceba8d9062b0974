/* Ring and wake: order, room, the wrap of the indices, and that no consumer is left asleep. */
#include "tests/test.h"

#include "core/ring.h"
#include "core/wake.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NEAR_WRAP (UINT32_MAX - 5)

static void test_create(void **state)
{
	static const struct {
		const char *why;
		uint32_t slots, bytes;
		int rc;
	} rows[] = {
		{ "smallest", 2, 1, 0 },
		{ "a usual one", 4096, 128, 0 },
		{ "no power of two", 6, 8, -EINVAL },
		{ "one slot", 1, 8, -EINVAL },
		{ "none", 0, 8, -EINVAL },
		{ "too many", 1u << 31, 8, -EINVAL },
		{ "no bytes", 8, 0, -EINVAL },
		{ "too big a slot", 8, 4097, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ring *r = (struct ring *)1;
		const int rc = ring_create(&r, rows[i].slots, rows[i].bytes, 0);

		if (rc != rows[i].rc || (rc != 0) != (r == NULL))
			fail_msg("%s: got %d", rows[i].why, rc);
		ring_destroy(&r);
		assert_null(r);
		ring_destroy(&r);
	}
}

static void test_full_and_empty(void **state)
{
	uint32_t in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, out[8] = { 0 };
	struct ring *r;

	(void)state;
	assert_int_equal(ring_create(&r, 4, sizeof *in, NEAR_WRAP), 0);
	assert_true(ring_empty(r));
	assert_int_equal(ring_pop(r, out, 8), 0);
	assert_int_equal(ring_push(r, in, 3), 3);
	assert_int_equal(ring_push(r, in + 3, 5), 1); /* all four slots are usable */
	assert_int_equal(ring_push(r, in, 1), 0);
	assert_int_equal(ring_used(r), 4);
	assert_int_equal(ring_pop(r, out, 1), 1);
	assert_int_equal(ring_push(r, in + 4, 4), 1);
	assert_int_equal(ring_pop(r, out + 1, 8), 4);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(out[i], i + 1);
	assert_true(ring_empty(r));
	ring_destroy(&r);
}

/* Random batches against a counter, across the wrap. */
static void test_order(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (uint32_t bytes = 4; bytes <= 132; bytes += 64) {
		uint8_t in[16][132] = { { 0 } }, flat[16 * 132];
		uint32_t pushed = 0, popped = 0;
		struct ring *r;

		assert_int_equal(ring_create(&r, 8, bytes, NEAR_WRAP), 0);
		while (popped < 100000) {
			size_t n = test_random(&seed) % 12;

			for (size_t i = 0; i < n; i++) {
				const uint32_t value = pushed + (uint32_t)i;

				memcpy(in[i], &value, 4);
				memcpy(flat + i * bytes, in[i], bytes);
			}
			pushed += (uint32_t)ring_push(r, flat, n);
			n = ring_pop(r, flat, test_random(&seed) % 12);
			for (size_t i = 0; i < n; i++) {
				uint32_t value;

				memcpy(&value, flat + i * bytes, 4);
				assert_int_equal(value, popped);
				popped++;
			}
			assert_int_equal(ring_used(r), pushed - popped);
		}
		ring_destroy(&r);
	}
}

/* Two threads: the consumer sleeps whenever it finds nothing, the producer pauses now and then. */
enum { ITEMS = 200000 };

struct pair {
	struct ring *ring;
	struct wake wake;
	_Atomic bool a_wrong;
};

static bool not_empty(void *ctx)
{
	return !ring_empty(ctx);
}

static void *consume(void *arg)
{
	struct pair *p = arg;
	uint32_t want = 0, got[32];

	while (want < ITEMS) {
		const size_t n = ring_pop(p->ring, got, ARRAY_LEN(got));

		/* For ever: a lost wake-up would hang the test. */
		if (n == 0)
			wake_sleep(&p->wake, not_empty, p->ring, -1);
		for (size_t i = 0; i < n; i++)
			if (got[i] != want++)
				atomic_store(&p->a_wrong, true);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct pair p = { 0 };
	uint64_t seed = 5;
	pthread_t thread;
	uint32_t next = 0;

	(void)state;
	assert_int_equal(ring_create(&p.ring, 64, sizeof next, NEAR_WRAP), 0);
	assert_int_equal(pthread_create(&thread, NULL, consume, &p), 0);
	while (next < ITEMS) {
		uint32_t batch[32];
		size_t n = 1 + test_random(&seed) % ARRAY_LEN(batch);

		if (n > ITEMS - next)
			n = ITEMS - next;
		for (size_t i = 0; i < n; i++)
			batch[i] = next + (uint32_t)i;
		next += (uint32_t)ring_push(p.ring, batch, n);
		wake_up(&p.wake);
		if (test_random(&seed) % 64 == 0)
			nanosleep(&(struct timespec){ 0, 20000 }, NULL);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(atomic_load(&p.a_wrong));
	ring_destroy(&p.ring);
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

static void test_sleep_ends(void **state)
{
	struct wake w = { 0 };

	(void)state;
	wake_sleep(&w, always, NULL, -1);  /* there is work */
	wake_sleep(&w, never, NULL, 0);
	wake_sleep(&w, never, NULL, 20);   /* by time */
	assert_int_equal(atomic_load(&w.a_asleep), 0);
	wake_up(&w);
	assert_int_equal(atomic_load(&w.a_asleep), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_full_and_empty),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_sleep_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
