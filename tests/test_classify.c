/* classify: the public engine against what it is made of, its answers for what cannot be named, and many threads at once. */
#include "tests/test.h"

#include "core/classify.h"
#include "tests/hex.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_TEXT                                                                                                    \
	"classes = win,unix\n[mtu]\nlabel = Ethernet or modem\nsig = 1500\n[tcp:request]\n"                          \
	"label = s:unix:Linux:3.11 and newer\nsig = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0\n"                 \
	"label = g:win:Windows:\nsig = *:128:0:*:*,*:mss,nop,nop,sok:df,id+:0\n"                                     \
	"[tcp:response]\nlabel = s:unix:Linux:answers\nsig = *:64:0:*:mss*10,0:mss::0\n"

#define ETH "020000000002 020000000001 0800 "
#define SYN4 "4500003c1234400033060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307"
#define XP4 "450000301234400071060000c0000201c6336402 9c40001901020304 000000007002ffff 00000000 020405b401010402"
#define SYNACK4 "4500002c1234000040060000c0000201c6336402 0019 9c40 01020304 05060708 601232c8 00000000 02040514"
#define ACK4 "450000281234400040060000c0000201c6336402 9c40001901020304 0102030450107210 00000000"
#define TFO4 "450000401234400033060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307"

static struct fp_signatures *load(void)
{
	struct fp_signatures_error err;
	struct fp_signatures *s;

	if (fp_signatures_parse(&s, "text", FILE_TEXT, sizeof FILE_TEXT - 1, &err) != 0)
		fail_msg("line %u: %s", err.line, err.text);
	return s;
}

static const struct {
	const char *why;
	unsigned link;  /* SAVED: by fp_classify_saved_syn() */
	const char *hex;
	struct fp_how how;
	int rc;
	const char *want; /* "class name/flavor match distance mtu link signature" */
} rows[] = {
#define SAVED 9999
	{ "Ethernet", 1, ETH SYN4, { 0 }, 0, "unix Linux/3.11 and newer 1 13 1500 Ethernet or modem 4:51+13:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0" },
	{ "as TCP_SAVED_SYN has it", SAVED, SYN4, { 0 }, 0,
	  "unix Linux/3.11 and newer 1 13 1500 Ethernet or modem 4:51+13:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0" },
	{ "the same for p0f", SAVED, SYN4, { .p0f = true }, 0,
	  "unix Linux/3.11 and newer 1 13 1500 Ethernet or modem 4:51+13:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0" },
	{ "saved headers of a SYN with data (TCP Fast Open), which are not saved", SAVED, TFO4, { 0 }, 0,
	  "- -/- 0 13 1500 Ethernet or modem 4:51+13:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:+" },
	{ "p0f's answer too, though a capture cut so is none to it", SAVED, TFO4, { .p0f = true }, 0,
	  "- -/- 0 13 1500 Ethernet or modem 4:51+13:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:+" },
	{ "generic, without flavor", 101, XP4, { 0 }, 0, "win Windows/ 2 15 1500 Ethernet or modem 4:113+15:0:1460:65535,0:mss,nop,nop,sok:df,id+:0" },
	{ "SYN+ACK", 101, SYNACK4, { 0 }, 0, "unix Linux/answers 1 0 1340 - 4:64+0:0:1300:mss*10,0:mss::0" },
	{ "neither SYN nor SYN+ACK", 101, ACK4, { 0 }, FP_ENOTFOUND, NULL },
	{ "ARP", 1, "ffffffffffff 020000000001 0806 0001080006040001", { 0 }, FP_ENOTFOUND, NULL },
	{ "UDP", 101, "4500001c1234400033110000c0000201c6336402 00350035 00080000", { 0 }, FP_ENOTFOUND, NULL },
	{ "a fragment", 101, "450000241234200033060000c0000201c6336402 9c40001901020304 00000000a0027210", { 0 }, FP_ENOTFOUND, NULL },
	{ "cut inside the TCP options", SAVED, "4500003c1234400033060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b4", { 0 }, FP_ETRUNC, NULL },
	{ "nothing at all", SAVED, "", { 0 }, FP_ETRUNC, NULL },
	{ "a data offset of 4", 101, "450000281234400040060000c0000201c6336402 9c40001901020304 0000000040027210 00000000", { 0 }, FP_EFORMAT, NULL },
	{ "a link type of another world", 147, ETH SYN4, { 0 }, -EPROTONOSUPPORT, NULL },
};

static int ask(const struct fp_signatures *s, size_t i, struct fp_verdict *v)
{
	uint8_t bytes[256];
	const size_t n = hex_bytes(bytes, sizeof bytes, rows[i].hex);

	if (rows[i].link == SAVED)
		return fp_classify_saved_syn(s, &rows[i].how, bytes, n, v);
	return fp_classify(s, &rows[i].how, rows[i].link, bytes, n, n, v);
}

static const char *text_of(const struct fp_verdict *v, char *buf, size_t size)
{
	char raw[FP_SIGNATURE_TEXT];

	fp_signature_text(v, raw, sizeof raw);
	snprintf(buf, size, "%s %s/%s %d %d %u %s %s", v->klass != NULL ? v->klass : "-", v->name != NULL ? v->name : "-",
	    v->flavor != NULL ? v->flavor : "-", v->match, v->distance, v->mtu, v->link != NULL ? v->link : "-", raw);
	return buf;
}

static void test_rows(void **state)
{
	struct fp_signatures *s = load();
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const struct fp_verdict nothing;
		struct fp_verdict v;
		char buf[512];
		const int rc = ask(s, i, &v);

		if (rc != rows[i].rc || (rc == 0 && strcmp(text_of(&v, buf, sizeof buf), rows[i].want) != 0)) {
			print_error("%s: got %d %s\nwant %d %s\n", rows[i].why, rc, rc == 0 ? buf : "", rows[i].rc, rows[i].want);
			wrong++;
		}
		if (rc != 0 && memcmp(&v, &nothing, sizeof v) != 0) {
			print_error("%s: what cannot be named is not all 0\n", rows[i].why);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	fp_signatures_free(&s);
	assert_null(s);
	fp_signatures_free(&s);
}

/* The MSS of the SYN makes a window a multiple. */
static void test_syn_mss(void **state)
{
	struct fp_signatures *s = load();
	struct fp_verdict v;
	uint8_t bytes[64];
	const struct fp_how how = { .syn_mss = 1300 };
	const size_t n = hex_bytes(bytes, sizeof bytes,
	    "4500002c1234000040060000c0000201c6336402 0019 9c40 01020304 05060708 601232c8 00000000 020405a0");

	(void)state;
	assert_int_equal(fp_classify(s, NULL, 101, bytes, n, n, &v), 0);
	assert_true(v.synack);
	assert_null(v.name);
	assert_int_equal(fp_classify(s, &how, 101, bytes, n, n, &v), 0);
	assert_string_equal(v.flavor, "answers");
	fp_signatures_free(&s);
}

static void test_ends_and_quirks(void **state)
{
	struct fp_signatures *s = load();
	struct fp_verdict v;
	char address[FP_ADDR_TEXT];

	(void)state;
	assert_int_equal(ask(s, 0, &v), 0);
	assert_string_equal(fp_addr_text(&v.from, address), "192.0.2.1");
	assert_string_equal(fp_addr_text(&v.to, address), "198.51.100.2");
	assert_int_equal(v.from_port, 40000);
	assert_int_equal(v.to_port, 25);
	assert_int_equal(v.quirks, FP_QUIRK_DF | FP_QUIRK_ID_PLUS);
	assert_string_equal(fp_quirk_name(0), "df");
	assert_string_equal(fp_quirk_name(16), "bad");
	assert_null(fp_quirk_name(17));
	assert_int_equal(v.options_len, 5);
	fp_signatures_free(&s);
}

/* A text too long for the buffer is cut, its length is told; a size of 0 writes nothing. */
static void test_short_buffer(void **state)
{
	struct fp_signatures *s = load();
	struct fp_verdict v;
	char buf[8] = "xxxxxxx";
	const char *whole = "4:51+13:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0";

	(void)state;
	assert_int_equal(ask(s, 0, &v), 0);
	assert_int_equal(fp_signature_text(&v, buf, 0), strlen(whole));
	assert_string_equal(buf, "xxxxxxx");
	assert_int_equal(fp_signature_text(&v, buf, 6), strlen(whole));
	assert_string_equal(buf, "4:51+");
	fp_signatures_free(&s);
}

static void test_wrong_files(void **state)
{
	struct fp_signatures_error err;
	struct fp_signatures *s = (struct fp_signatures *)&err;
	const char *const files[] = { "/nonexistent/p0f.fp" };

	(void)state;
	assert_int_equal(fp_signatures_load(&s, files, 1, &err), -ENOENT);
	assert_null(s);
	assert_string_equal(err.file, files[0]);
	assert_int_equal(fp_signatures_load(&s, files, 1, NULL), -ENOENT);
	assert_int_equal(fp_signatures_parse(&s, "mine", "classes = win\nlabel\n", 20, &err), FP_ECONFIG);
	assert_null(s);
	assert_string_equal(err.file, "mine");
	assert_int_equal(err.line, 2);
	assert_true(strlen(err.text) > 10);
}

/* Under SAN=thread this says whether anything is written after loading. */
static void *thread(void *arg)
{
	const struct fp_signatures *s = arg;
	intptr_t wrong = 0;

	for (unsigned n = 0; n < 20000; n++) {
		const size_t i = n % ARRAY_LEN(rows);
		struct fp_verdict v;
		char buf[512];
		const int rc = ask(s, i, &v);

		wrong += rc != rows[i].rc || (rc == 0 && strcmp(text_of(&v, buf, sizeof buf), rows[i].want) != 0);
	}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	struct fp_signatures *s = load();
	pthread_t t[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, thread, s), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		void *wrong;

		pthread_join(t[i], &wrong);
		assert_null(wrong);
	}
	fp_signatures_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_syn_mss), cmocka_unit_test(test_ends_and_quirks),
		cmocka_unit_test(test_short_buffer), cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
