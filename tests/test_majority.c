/* Majority: a stream that one address nearly fills, and streams that it does not. */
#include "tests/test.h"

#include "core/majority.h"

#include <string.h>

static struct fp_addr address(unsigned n)
{
	const uint8_t b[4] = { 198, 51, (uint8_t)(n >> 8), (uint8_t)n };

	return fp_addr_from_v4(b);
}

static const struct {
	const char *why;
	unsigned others;  /* of each thousand, spread evenly */
	unsigned windows;
	bool want;
} rows[] = {
	{ "one address and nobody else", 0, 1, true },
	{ "a monitor's few beside it", 20, 1, true },
	{ "49 of 1000: just beyond 95 %", 24, 1, true },
	{ "one in ten is another", 100, 3, false },
	{ "half and half", 500, 3, false },
	{ "all different", 1000, 3, false },
};

static void test_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct majority m;
		const struct fp_addr one = address(65535);
		bool got = false;
		unsigned next = 0, due = 0;

		memset(&m, 0, sizeof m);
		for (unsigned n = 0; n < rows[i].windows * MAJORITY_WINDOW; n++) {
			due += rows[i].others;
			const bool other = due >= 1000;
			const struct fp_addr who = other ? address(next++) : one;

			if (other)
				due -= 1000;
			if (majority_add(&m, &who)) {
				got = true;
				if (!fp_addr_equal(&m.of, &one))
					fail_msg("%s: the wrong address", rows[i].why);
			}
		}
		if (got != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].why, got, rows[i].want);
	}
}

/* It says no more for having said it: each window is judged by itself. */
static void test_windows(void **state)
{
	const struct fp_addr one = address(1);
	struct majority m;
	unsigned said = 0;

	(void)state;
	memset(&m, 0, sizeof m);
	for (unsigned n = 0; n < 3 * MAJORITY_WINDOW; n++)
		said += majority_add(&m, &one);
	assert_int_equal(said, 3);
	for (unsigned n = 0; n < MAJORITY_WINDOW; n++) {
		const struct fp_addr who = address(n);

		said += majority_add(&m, &who);
	}
	assert_int_equal(said, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_streams), cmocka_unit_test(test_windows) };

	return cmocka_run_group_tests_name("majority", tests, NULL, NULL);
}
