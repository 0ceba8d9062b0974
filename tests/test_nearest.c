/* nearest: typing errors counted, and the name that is meant. */
#include "tests/test.h"

#include "core/nearest.h"

#include <string.h>

static const struct {
	const char *why, *a, *b;
	uint32_t distance;
} rows[] = {
	{ "the same", "store", "store", 0 },
	{ "nothing", "", "", 0 },
	{ "all to be typed", "", "abc", 3 },
	{ "all too much", "abc", "", 3 },
	{ "a letter missing", "sore", "store", 1 },
	{ "a letter too many", "sttore", "store", 1 },
	{ "another letter", "stors", "store", 1 },
	{ "two that changed places", "stroe", "store", 1 },
	{ "at the beginning", "tsore", "store", 1 },
	{ "at the end", "stoer", "store", 1 },
	{ "changed places, and one between: no letter is edited twice", "ca", "abc", 3 },
	{ "of everything a little", "hst_mxa", "hosts.max", 4 },
	{ "63 bytes are a word", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a", 62 },
	{ "64 are not", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a", UINT32_MAX },
};

static void test_distance(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const uint32_t one = nearest_distance(rows[i].a, rows[i].b), other = nearest_distance(rows[i].b, rows[i].a);

		if (one != rows[i].distance || other != one)
			fail_msg("%s: \"%s\" and \"%s\": got %u and %u, want %u", rows[i].why, rows[i].a, rows[i].b, one, other, rows[i].distance);
	}
}

static void test_offer(void **state)
{
	static const char *const names[] = { "store.map", "store.dir", "store.mode", "stay" };
	struct nearest n = NEAREST_NONE;
	char endless[80];

	(void)state;
	assert_null(n.name);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		nearest_offer(&n, "store.mdoe", names[i]);
	assert_string_equal(n.name, "store.mode");
	n = NEAREST_NONE;
	nearest_offer(&n, "zzzzzzzzz", "store.map");
	nearest_offer(&n, "zzzzzzzzz", "store.dir");
	assert_string_equal(n.name, "store.map"); /* the first of equals */
	n = NEAREST_NONE;
	memset(endless, 'x', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	nearest_offer(&n, endless, "store.map");
	assert_null(n.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_distance), cmocka_unit_test(test_offer) };

	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
