/* progress: the line for people who wait for a file. */
#include "tests/test.h"

#include "cmd/progress.h"

#include <string.h>

static const struct {
	const char *why;
	struct progress p;
	const char *want;
} rows[] = {
	{ "a file under way", { "/var/tmp/a.pcap", 12345678, 340, 1000, 33.2, 1840000 }, "a.pcap: 12.3 M packets, 1840 k/s, 34 %, 1:04 left" },
	{ "small numbers are whole", { "a.pcap", 9999, 1, 2, 1, 70 }, "a.pcap: 9999 packets, 70/s, 50 %, 0:01 left" },
	{ "hours", { "a.pcap", 2500000000u, 1, 10, 1000, 2500000 }, "a.pcap: 2500 M packets, 2500 k/s, 10 %, 2:30:00 left" },
	{ "too early to tell the rest", { "a.pcap", 10, 1, 1000, 1, 10 }, "a.pcap: 10 packets, 10/s, 0 %" },
	{ "no size: a FIFO", { "standard input", 20000, 5000, 0, 10, 2000 }, "standard input: 20.0 k packets, 2000/s" },
	{ "grown meanwhile", { "a.pcap", 20000, 5000, 4000, 10, 2000 }, "a.pcap: 20.0 k packets, 2000/s, 100 %, 0:00 left" },
};

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[200];

		progress_text(text, sizeof text, &rows[i].p);
		if (strcmp(text, rows[i].want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].why, text, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_text) };

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
