/* ittl: from the TTL seen to the one that was sent. */
#include "core/ittl.h"
#include "core/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *why;
	uint8_t ttl, initial, hops; /* hops = initial - ttl */
} rows[] = {
	{ "nothing left", 0, 32, 32 },
	{ "next door", 64, 64, 0 },
	{ "13 routers away", 51, 64, 13 },
	{ "on a boundary: lowest initial wins", 32, 32, 0 },
	{ "just above one", 33, 64, 31 },
	{ "Windows", 118, 128, 10 },
	{ "above 128", 200, 255, 55 },
	{ "the top", 255, 255, 0 },
};

static void test_ittl_guess(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct ittl got = ittl_guess(rows[i].ttl);

		if (got.initial != rows[i].initial || got.hops != rows[i].hops)
			fail_msg("%s: got %u-%u, want %u-%u", rows[i].why, got.initial, got.hops, rows[i].initial, rows[i].hops);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ittl_guess) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
