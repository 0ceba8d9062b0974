/* table: what was put in is found under its hash until it is taken out, whatever hashes come; lists in order; pools give what they were given. */
#include "tests/test.h"

#include "core/table.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS 5000

static bool found(const struct table *t, uint32_t hash, uint32_t item)
{
	struct table_walk w = table_walk(t, hash);
	unsigned times = 0;
	uint32_t n;

	while ((n = table_next(t, &w)) != TABLE_NONE)
		times += n == item;
	if (times > 1)
		fail_msg("item %u is found %u times", item, times);
	return times == 1;
}

/* A row is a way to draw hashes. */
static const struct {
	const char *why;
	uint32_t and, or;
	uint32_t items; /* as many as the table is made for */
} hash_rows[] = {
	{ "any", UINT32_MAX, 0, ITEMS },
	{ "all alike: as if somebody knew the key", 0, 7, 200 },
	{ "all of the last bucket: they go on in the first", 0xff, 0xffffff00, 200 },
	{ "few buckets", 0xf000000f, 0, 1000 },
	{ "the smallest table", UINT32_MAX, 0, 1 },
	{ "alike in the bits that a place keeps", 0xffff0000, 5, ITEMS },
};

static void test_index(void **state)
{
	(void)state;
	for (size_t row = 0; row < ARRAY_LEN(hash_rows); row++) {
		const uint32_t items = hash_rows[row].items;
		uint32_t hash[ITEMS];
		bool in[ITEMS] = { false };
		uint64_t seed = 1 + row;
		struct table t;

		assert_int_equal(table_init(&t, items), 0);
		for (uint32_t i = 0; i < items; i++)
			hash[i] = ((uint32_t)(test_random(&seed) >> 17) & hash_rows[row].and) | hash_rows[row].or;
		for (unsigned step = 0; step < 60000; step++) {
			const uint32_t i = (uint32_t)(test_random(&seed) >> 33) % items;

			if (found(&t, hash[i], i) != in[i])
				fail_msg("%s: item %u is %sfound after %u steps", hash_rows[row].why, i, in[i] ? "not " : "", step);
			/* Full for a while, then empty for a while. */
			const bool fill = step / 20000 % 2 == 0;

			if (!in[i] && (fill || step % 3 == 0))
				table_insert(&t, hash[i], i);
			else if (in[i] && (!fill || step % 3 == 0))
				table_remove(&t, hash[i], i);
			else
				continue;
			in[i] = !in[i];
		}
		for (uint32_t i = 0; i < items; i++) {
			assert_int_equal(found(&t, hash[i], i), in[i]);
			if (in[i])
				table_remove(&t, hash[i], i);
		}
		/* Nothing stays behind: no bucket says that somebody went on. */
		for (uint32_t b = 0; b < t.buckets; b++)
			for (unsigned p = 0; p < TABLE_PLACES; p++)
				assert_int_equal(t.bucket[b][p], 0);
		table_free(&t);
	}
}

static void test_clear(void **state)
{
	struct table t;

	(void)state;
	assert_int_equal(table_init(&t, 100), 0);
	for (uint32_t i = 0; i < 100; i++)
		table_insert(&t, 0, i);
	table_clear(&t);
	for (uint32_t i = 0; i < 100; i++)
		assert_false(found(&t, 0, i));
	table_free(&t);
}

/* Two thirds full at the most, four bytes a place. */
static void test_bytes(void **state)
{
	struct table t;

	(void)state;
	for (uint32_t items = 1000; items < 20000000; items *= 7) {
		assert_int_equal(table_init(&t, items), 0);
		if (table_bytes(&t) > 64 + items * 6.4)
			fail_msg("%u items take %zu bytes", items, table_bytes(&t));
		table_free(&t);
	}
}

static void test_age(void **state)
{
	struct age_link links[8] = { { 0, 0 } };
	const struct age_links l = { links, sizeof *links };
	struct age a;

	(void)state;
	age_init(&a);
	for (uint32_t i = 0; i < 5; i++)
		age_add(&a, l, i);
	age_touch(&a, l, 0);
	age_touch(&a, l, 0);
	age_remove(&a, l, 2);
	age_touch(&a, l, 3);

	static const uint32_t want[] = { 1, 4, 0, 3 };
	uint32_t n = a.oldest;

	for (size_t i = 0; i < ARRAY_LEN(want); i++, n = age_link(l, n)->newer)
		assert_int_equal(n, want[i]);
	assert_int_equal(n, TABLE_NONE);
	assert_int_equal(a.n, 4);
	assert_int_equal(a.newest, 3);
}

static void test_pool(void **state)
{
	struct pool p;
	uint32_t n[10];

	(void)state;
	assert_int_equal(pool_init(&p, 10, 24), 0);
	for (unsigned i = 0; i < 10; i++) {
		n[i] = pool_take(&p);
		assert_int_not_equal(n[i], 0);
		memset(pool_item(&p, n[i]), 0xff, 24);
	}
	assert_int_equal(pool_take(&p), 0);
	pool_give(&p, n[3]);
	pool_give(&p, n[7]);
	assert_int_equal(pool_take(&p), n[7]);
	assert_int_equal(pool_take(&p), n[3]);
	for (unsigned i = 0; i < 24; i++)
		assert_int_equal(((char *)pool_item(&p, n[3]))[i], 0);
	assert_int_equal(pool_take(&p), 0);
	pool_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index), cmocka_unit_test(test_clear), cmocka_unit_test(test_bytes), cmocka_unit_test(test_age), cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
