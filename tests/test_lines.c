/* lines: whole lines or nothing, in order, over the ring's end and the indices' wrap; one thread pushing, one taking. */
#include "tests/test.h"

#include "core/lines.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t take_text(struct lines *l, char *buf)
{
	struct lines_piece p[2];
	const size_t n = lines_look(l, p);

	memcpy(buf, p[0].at, p[0].len);
	memcpy(buf + p[0].len, p[1].at, p[1].len);
	buf[n] = '\0';
	lines_take(l, n);
	return n;
}

static void test_whole_or_nothing(void **state)
{
	struct lines *l;
	char buf[128];

	(void)state;
	for (uint32_t first = UINT32_MAX - 70; first != 70; first++) {
		assert_int_equal(lines_create(&l, 64, first), 0);
		assert_int_equal(take_text(l, buf), 0);
		assert_true(lines_push(l, "0123456789012345678901234567890123456789\n", 41));
		assert_false(lines_push(l, "012345678901234567890123\n", 25));
		assert_true(lines_push(l, "0123456789012345678901\n", 23));
		assert_false(lines_push(l, "\n", 1));
		assert_int_equal(lines_used(l), 64);
		assert_int_equal(take_text(l, buf), 64);
		assert_string_equal(buf, "0123456789012345678901234567890123456789\n0123456789012345678901\n");
		assert_true(lines_push(l, "a\n", 2));
		lines_take(l, 1); /* half of it, as write() may */
		assert_int_equal(take_text(l, buf), 1);
		assert_string_equal(buf, "\n");
		lines_destroy(&l);
	}
	assert_null(l);
	assert_int_not_equal(lines_create(&l, 63, 0), 0);
	assert_int_not_equal(lines_create(&l, 100, 0), 0);
	assert_null(l);
}

#define LINES 200000

static void *producer(void *arg)
{
	struct lines *l = arg;
	uint64_t seed = 3;

	for (unsigned i = 0; i < LINES; i++) {
		char line[80];
		const int len = snprintf(line, sizeof line, "%u %.*s\n", i, (int)(test_random(&seed) % 50), "..................................................");

		while (!lines_push(l, line, (size_t)len))
			sched_yield();
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct lines *l;
	pthread_t t;
	unsigned next = 0;
	char rest[8192];
	size_t have = 0;

	(void)state;
	assert_int_equal(lines_create(&l, 4096, UINT32_MAX - 100), 0);
	assert_int_equal(pthread_create(&t, NULL, producer, l), 0);
	while (next < LINES) {
		const size_t n = take_text(l, rest + have);

		if (n == 0)
			sched_yield();
		have += n;
		char *at = rest;

		for (char *end; (end = memchr(at, '\n', have - (size_t)(at - rest))) != NULL; at = end + 1, next++)
			if (strtoul(at, NULL, 10) != next)
				fail_msg("line %u is %.20s", next, at);
		assert_true(at == rest + have); /* what can be seen is whole lines */
		have = 0;
	}
	pthread_join(t, NULL);
	assert_int_equal(lines_used(l), 0);
	lines_destroy(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_whole_or_nothing), cmocka_unit_test(test_threads) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
