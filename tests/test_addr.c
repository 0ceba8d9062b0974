/* addr: texts of addresses, and blocks of them. */
#include "core/addr.h"
#include "core/err.h"
#include "core/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *in;
	const char *text;     /* NULL: no address */
	const char *p0f_text;
} addresses[] = {
	{ "192.0.2.7", "192.0.2.7", "192.0.2.7" },
	{ "[192.0.2.7]", "192.0.2.7", "192.0.2.7" },
	{ "::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7" },
	{ "2001:DB8::1", "2001:db8::1", "2001:db8:0:0:0:0:0:1" },
	{ "[IPv6:2001:db8::1]", "2001:db8::1", "2001:db8:0:0:0:0:0:1" },
	{ "ipv6:::1", "::1", "0:0:0:0:0:0:0:1" },
	{ "::", "::", "0:0:0:0:0:0:0:0" },
	{ "192.0.2.7/32", NULL, NULL },
	{ "192.0.2", NULL, NULL },
	{ "192.0.2.256", NULL, NULL },
	{ "fe80::1%eth0", NULL, NULL },
	{ "mail.example", NULL, NULL },
	{ "", NULL, NULL },
	{ "[]", NULL, NULL },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NULL, NULL },
};

static void test_addr_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct fp_addr a;
		char buf[FP_ADDR_TEXT];
		const int rc = fp_addr_parse(&a, addresses[i].in);

		if ((rc == 0) != (addresses[i].text != NULL) || (rc != 0 && rc != FP_EFORMAT))
			fail_msg("\"%s\": got %d", addresses[i].in, rc);
		if (rc != 0)
			continue;
		assert_string_equal(fp_addr_text(&a, buf), addresses[i].text);
		assert_string_equal(fp_addr_text_p0f(&a, buf), addresses[i].p0f_text);
		assert_int_equal(fp_addr_is_v4(&a), strchr(addresses[i].text, ':') == NULL);
	}
}

static const struct {
	const char *block, *address;
	int has; /* -1: no block */
} blocks[] = {
	{ "10.0.0.0/8", "10.255.0.1", 1 },
	{ "10.0.0.0/8", "11.0.0.1", 0 },
	{ "10.0.0.0/8", "::10.0.0.1", 0 },
	{ "192.0.2.128/25", "192.0.2.127", 0 },
	{ "192.0.2.128/25", "192.0.2.128", 1 },
	{ "192.0.2.7", "192.0.2.7", 1 },
	{ "192.0.2.7", "192.0.2.6", 0 },
	{ "0.0.0.0/0", "203.0.113.1", 1 },
	{ "0.0.0.0/0", "2001:db8::1", 0 },
	{ "::/0", "203.0.113.1", 1 },
	{ "2001:db8::/33", "2001:db8:7fff::1", 1 },
	{ "2001:db8::/33", "2001:db8:8000::1", 0 },
	{ "10.0.0.1/8", NULL, -1 },
	{ "10.0.0.0/33", NULL, -1 },
	{ "10.0.0.0/", NULL, -1 },
	{ "10.0.0.0/8x", NULL, -1 },
	{ "10.0.0.0/-1", NULL, -1 },
	{ "2001:db8::/129", NULL, -1 },
};

static void test_cidr(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		struct fp_cidr c;
		struct fp_addr a;
		const int rc = fp_cidr_parse(&c, blocks[i].block);

		if ((rc != 0) != (blocks[i].has < 0))
			fail_msg("%s: got %d", blocks[i].block, rc);
		if (rc != 0)
			continue;
		assert_int_equal(fp_addr_parse(&a, blocks[i].address), 0);
		if (fp_cidr_has(&c, &a) != (blocks[i].has == 1))
			fail_msg("%s has %s: want %d", blocks[i].block, blocks[i].address, blocks[i].has);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_addr_parse), cmocka_unit_test(test_cidr) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
