/* where: places to listen on, and who can reach them. */
#include "tests/test.h"

#include "core/err.h"
#include "core/where.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define LONGEST "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *why, *text;
	bool plain;
	const char *is; /* "ADDR PORT", a path, NULL: refused */
	bool local;
} rows[] = {
	{ "IPv4", "192.0.2.1:25", false, "192.0.2.1 25", false },
	{ "loopback", "127.0.0.1:8025", true, "127.0.0.1 8025", true },
	{ "all of 127.0.0.0/8 is", "127.9.9.9:8025", true, "127.9.9.9 8025", true },
	{ "everybody", "0.0.0.0:8025", false, "0.0.0.0 8025", false },
	{ "IPv6 in brackets", "[2001:db8::1]:25", true, "2001:db8::1 25", false },
	{ "IPv6 without: the last colon is the port's", "::1:25", true, "::1 25", true },
	{ "any port", "[::1]:0", false, "::1 0", true },
	{ "the last port", "192.0.2.1:65535", false, "192.0.2.1 65535", false },
	{ "beyond: not a port modulo 65536", "192.0.2.1:65561", false, NULL, false },
	{ "no port", "192.0.2.1", false, NULL, false },
	{ "an empty port", "192.0.2.1:", false, NULL, false },
	{ "a service by name", "192.0.2.1:smtp", false, NULL, false },
	{ "no address", ":25", true, NULL, false },
	{ "a host by name", "localhost:25", true, NULL, false },
	{ "brackets around nothing", "[]:25", false, NULL, false },
	{ "nothing at all", "", true, NULL, false },
	{ "a path", "unix:/run/x", false, "/run/x", true },
	{ "a path where plain ones are allowed too", "unix:x", true, "x", true },
	{ "a plain path", "/run/x:25", true, "/run/x:25", true },
	{ "a plain path where none is allowed", "/run/x", false, NULL, false },
	{ "an empty path", "unix:", true, NULL, false },
	{ "107 bytes are a socket's path", LONGEST, true, LONGEST, true },
	{ "108 are not", LONGEST "a", true, NULL, false },
};

static void describe(const struct where *w, char buf[200])
{
	char address[FP_ADDR_TEXT];
	struct fp_addr addr;
	uint16_t port;

	if (where_addr((const struct sockaddr *)&w->addr, &addr, &port))
		snprintf(buf, 200, "%s %u", fp_addr_text(&addr, address), port);
	else
		snprintf(buf, 200, "%s", ((const struct sockaddr_un *)&w->addr)->sun_path);
}

static void test_parse(void **state)
{
	(void)state;
	assert_int_equal(strlen(LONGEST), 107);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char is[200] = "";
		struct where w;
		const int rc = where_parse(&w, rows[i].text, rows[i].plain);

		if (rc == 0)
			describe(&w, is);
		if (rc != (rows[i].is != NULL ? 0 : FP_ECONFIG) || (rc == 0 && (strcmp(is, rows[i].is) != 0 || where_is_local(&w) != rows[i].local)))
			fail_msg("%s: \"%s\": got %d, \"%s\", want \"%s\"", rows[i].why, rows[i].text, rc, is, rows[i].is != NULL ? rows[i].is : "refused");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse) };

	return cmocka_run_group_tests_name("where", tests, NULL, NULL);
}
