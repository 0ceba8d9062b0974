/*
 * The reader's walk over pages of any content: it ends, and never touches a byte outside the file. The pages lie between two
 * that nobody may touch, so a step too far is a signal in every build.
 *
 *   test_walk [ROUNDS]     200000 by default
 */
#include "tests/test.h"

#include "store/walk.c"

#include <stdlib.h>
#include <sys/mman.h>

enum { PAGES = 12 };

static unsigned long rounds = 200000;

static void put16(uint8_t *p, unsigned x)
{
	p[0] = (uint8_t)x;
	p[1] = (uint8_t)(x >> 8);
}

static uint8_t *guarded(void)
{
	uint8_t *p = mmap(NULL, (PAGES + 2) * LMDB_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	p += LMDB_PAGE;
	assert_int_equal(mprotect(p, PAGES * LMDB_PAGE, PROT_READ | PROT_WRITE), 0);
	return p;
}

/* A page that looks like one of a tree: random children or records, keys in order. */
static void make_page(uint8_t *p, bool leaf, uint64_t *seed)
{
	const unsigned n = 1 + (unsigned)(test_random(seed) % 30);
	unsigned at = LMDB_PAGE;
	uint8_t key[16] = { 0 };

	memset(p, 0, LMDB_PAGE);
	put16(p + PAGE_FLAGS, leaf ? PAGE_LEAF : PAGE_BRANCH);
	put16(p + PAGE_LOWER, PAGE_HEAD + 2 * n);
	for (unsigned i = 0; i < n; i++) {
		const unsigned data = leaf ? 2 * (unsigned)(test_random(seed) % 50) : 0;
		uint8_t *node;

		at -= NODE_HEAD + 16 + data;
		node = p + at;
		key[0] = (uint8_t)(i * 255 / n);
		key[15] = (uint8_t)test_random(seed);
		put16(p + PAGE_HEAD + 2 * i, at);
		put16(node, leaf ? data : 2 + (unsigned)(test_random(seed) % (PAGES - 2)));
		put16(node + NODE_KEY_SIZE, 16);
		memcpy(node + NODE_HEAD, key, 16);
	}
	put16(p + PAGE_UPPER, at);
}

static void damage(uint8_t *p, uint64_t *seed)
{
	const unsigned kind = (unsigned)(test_random(seed) % 8);
	/* Where it hurts most: head, offsets, then anywhere. */
	const size_t within = kind < 3 ? PAGE_HEAD : kind < 6 ? 96 : LMDB_PAGE;

	for (unsigned n = 1 + (unsigned)(test_random(seed) % 8); n > 0; n--)
		p[test_random(seed) % within] = (uint8_t)test_random(seed);
}

static void test_walk(void **state)
{
	uint8_t *pages = guarded();
	uint64_t seed = 2026, answers = 0, breaches = 0;

	(void)state;
	for (unsigned long round = 0; round < rounds; round++) {
		const uint64_t r = test_random(&seed);
		uint8_t *p = pages + (2 + r % (PAGES - 2)) * LMDB_PAGE;

		/* A few pages change between any two rounds. */
		if (r >> 8 & 1)
			make_page(p, (r >> 9 & 1) != 0, &seed);
		else if ((r >> 9 & 15) == 0)
			for (size_t i = 0; i < LMDB_PAGE; i += 8)
				memcpy(p + i, &(uint64_t){ test_random(&seed) }, 8);
		else
			damage(p, &seed);

		for (int i = 0; i < 8; i++) {
			const struct snap s = { pages, 2 + test_random(&seed) % (PAGES - 2), PAGES };
			uint8_t key[RECORD_KEY_BYTES] = { 0 }, data[RECORD_VALUE_MAX];
			size_t size = 0;

			key[0] = (uint8_t)test_random(&seed);
			key[15] = (uint8_t)test_random(&seed);

			const int rc = walk(&s, key, i & 1, data, &size);

			assert_true(rc == 0 || rc == FP_ENOTFOUND || rc == FP_EDAMAGED);
			assert_true(size <= sizeof data);
			answers += rc != FP_EDAMAGED;
			breaches += rc == FP_EDAMAGED;
		}
	}
	print_message("# saw: the walk over random and damaged pages, between two that may not be touched | %lu walks, %lu of which found the damage: no step outside\n",
	    8 * rounds, (unsigned long)breaches);
	/* Neither all sound nor all nonsense. */
	assert_true(answers > rounds / 10 && breaches > rounds / 10);
	munmap(pages - LMDB_PAGE, (PAGES + 2) * LMDB_PAGE);
}

/* Meta pages of any content: the snapshot is inside the file, or there is none. */
static void test_snap(void **state)
{
	uint8_t *pages = guarded();
	uint64_t seed = 7;

	(void)state;
	for (unsigned long round = 0; round < rounds / 4; round++) {
		struct record_meta meta;
		struct snap s;

		for (size_t i = 0; i < 2 * LMDB_PAGE; i += LMDB_PAGE)
			for (size_t j = META_MAIN; j < META_TXN + 8; j++)
				pages[i + j] = (uint8_t)(test_random(&seed) & (j % 8 == 0 ? 15 : round & 1 ? 0 : 255));
		if (snap_take(pages, PAGES, &s) == 0) {
			assert_true(s.end <= PAGES);
			(void)walk_meta(&s, &meta);
		}
		(void)metas_check(pages, PAGES);
	}
	munmap(pages - LMDB_PAGE, (PAGES + 2) * LMDB_PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_snap),
	};

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
