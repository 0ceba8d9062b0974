/* A host as JSON, CSV, text: the words others rely on, absent values, and bytes that must not get out. */
#include "tests/test.h"

#include "core/merge.h"
#include "core/quirk.h"
#include "store/render.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The host of docs/interface.md. */
static struct fp_answer example(void)
{
	struct fp_answer a;

	memset(&a, 0, sizeof a);
	a.addr = fp_addr_from_v4("\xc0\x00\x02\x07");
	merge_empty(&a.host);
	a.host.label = 1;
	a.host.match = FP_MATCH_EXACT;
	a.host.candidate[0] = (struct fp_candidate){ 5, 240 };
	a.host.ttl = 118;
	a.host.mss = 1460;
	a.host.win = 8192;
	a.host.wscale = 8;
	a.host.quirks = QUIRK_DF | QUIRK_ID_PLUS;
	a.host.path = FP_PATH_MSS_CLAMPED;
	a.host.distance = 10;
	a.host.clock_hz = 1000;
	a.host.uptime_doubtful = true;
	a.host.first_seen = 1795425011;
	a.host.last_seen = a.host.verdict_seen = 1795425120;
	a.host.connections = a.host.handshakes = 3;
	a.host.confirmed = true;
	strcpy(a.klass, "win");
	strcpy(a.name, "Windows");
	strcpy(a.flavor, "7 or 8");
	strcpy(a.layout, "mss,nop,ws,nop,nop,sok");
	strcpy(a.link, "Ethernet or modem");
	return a;
}

static void test_json_example(void **state)
{
	const struct fp_answer a = example();
	char buf[RENDER_HOST_MAX];
	const char *want =
	    "{\"ip\":\"192.0.2.7\",\"os\":{\"name\":\"Windows\",\"flavor\":\"7 or 8\",\"class\":\"win\",\"match\":\"exact\"},"
	    "\"candidates\":[{\"name\":\"Windows\",\"flavor\":\"10 or later\",\"p\":0.94}],"
	    "\"signature\":\"4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0\",\"path\":[\"mss clamped\"],"
	    "\"distance\":10,\"link\":\"Ethernet or modem\",\"mtu\":1500,\"uptime_min\":null,\"clock_hz\":1000,"
	    "\"first_seen\":\"2026-11-23T09:10:11Z\",\"last_seen\":\"2026-11-23T09:12:00Z\",\"connections\":3,\"handshakes\":3,"
	    "\"confirmed\":true,\"os_changed\":null,\"shared\":null,\"sharing\":0,\"origin\":null}";

	(void)state;
	assert_int_equal(render_json(buf, sizeof buf, &a), strlen(want));
	assert_string_equal(buf, want);
}

static void test_json_nothing_known(void **state)
{
	struct fp_answer a;
	char buf[RENDER_HOST_MAX];

	(void)state;
	memset(&a, 0, sizeof a);
	a.addr.b[15] = 1;
	merge_empty(&a.host);
	render_json(buf, sizeof buf, &a);
	assert_string_equal(buf,
	    "{\"ip\":\"::1\",\"os\":{\"name\":null,\"flavor\":null,\"class\":null,\"match\":\"none\"},\"candidates\":[],"
	    "\"signature\":null,\"path\":[],\"distance\":null,\"link\":null,\"mtu\":null,\"uptime_min\":null,"
	    "\"clock_hz\":null,\"first_seen\":null,\"last_seen\":null,\"connections\":0,\"handshakes\":0,"
	    "\"confirmed\":false,\"os_changed\":null,\"shared\":null,\"sharing\":0,\"origin\":null}");
	render_json_unknown(buf, sizeof buf, &a.addr);
	assert_string_equal(buf, "{\"ip\":\"::1\",\"os\":null}");
}

static void test_json_values(void **state)
{
	struct fp_answer a = example();
	char buf[RENDER_HOST_MAX];

	(void)state;
	a.host.uptime_doubtful = false;
	a.host.uptime_min = 0;
	a.host.os_changed = 1;
	a.host.shared = 1795425120;
	a.host.ipv6 = true;
	a.host.match = FP_MATCH_FUZZY;
	a.host.path = FP_PATH_TS_REMOVED | FP_PATH_DF_CLEARED;
	a.flavor[0] = '\0';
	strcpy(a.origin, "mx2");
	render_json(buf, sizeof buf, &a);

	json_t *root = json_loads(buf, 0, NULL);

	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "uptime_min")), 0);
	assert_true(json_is_integer(json_object_get(root, "uptime_min")));
	assert_string_equal(json_string_value(json_object_get(root, "os_changed")), "1970-01-01T00:00:01Z");
	assert_string_equal(json_string_value(json_object_get(root, "shared")), "2026-11-23T09:12:00Z");
	assert_int_equal(json_integer_value(json_object_get(root, "mtu")), 1520);
	assert_int_equal(json_array_size(json_object_get(root, "path")), 2);
	assert_true(json_is_null(json_object_get(json_object_get(root, "os"), "flavor")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(root, "os"), "match")), "fuzzy");
	assert_string_equal(json_string_value(json_object_get(root, "origin")), "mx2");
	json_decref(root);
}

static const struct {
	const char *why, *text, *json;
} string_rows[] = {
	{ "plain", "Linux", "\"Linux\"" },
	{ "quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\"" },
	{ "control bytes", "a\nb\x01\x7f", "\"a\\u000ab\\u0001\\u007f\"" },
	{ "UTF-8 stays", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	{ "Latin-1 is none", "\xe4x", "\"\\ufffdx\"" },
	{ "overlong slash", "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
	{ "surrogate", "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "cut short", "\xe2\x82", "\"\\ufffd\\ufffd\"" },
	{ "beyond Unicode", "\xf5\x80\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
};

static void test_json_string(void **state)
{
	char buf[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(string_rows); i++) {
		render_json_string(buf, sizeof buf, string_rows[i].text);
		if (strcmp(buf, string_rows[i].json) != 0)
			fail_msg("%s: got %s, want %s", string_rows[i].why, buf, string_rows[i].json);
	}
}

/* Any bytes at all: JSON stays JSON, lines stay lines, and all of it fits. */
static void test_hostile(void **state)
{
	static int (*const render[])(char *, size_t, const struct fp_answer *) = {
		render_json, render_csv, render_line, fp_words_v2, render_v3, render_signature
	};
	uint64_t seed = 11;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct fp_answer a;
		char buf[RENDER_HOST_MAX];

		for (size_t i = 0; i < sizeof a; i++)
			((uint8_t *)&a)[i] = (uint8_t)test_random(&seed);
		/* bool must be 0 or 1 */
		a.host.confirmed = a.host.synack = a.host.payload = a.host.random_ttl = true;
		a.host.ipv6 = round & 1;
		a.host.uptime_doubtful = round & 2;
		if (round % 3 == 0)
			memset(a.name, 1, sizeof a.name); /* the longest escapes */
		if (round % 3 == 0)
			memset(a.klass, 1, sizeof a.klass), memset(a.flavor, 1, sizeof a.flavor);
		a.klass[sizeof a.klass - 1] = a.name[sizeof a.name - 1] = a.flavor[sizeof a.flavor - 1] = '\0';
		a.layout[sizeof a.layout - 1] = a.link[sizeof a.link - 1] = a.origin[sizeof a.origin - 1] = '\0';
		for (size_t i = 0; i < ARRAY_LEN(render); i++) {
			const int n = render[i](buf, sizeof buf, &a);

			if (n < 0 || (size_t)n != strlen(buf))
				fail_msg("form %zu, round %d: got %d", i, round, n);
			if (strpbrk(buf, "\r\n\x1b") != NULL && i < 4)
				fail_msg("form %zu, round %d: a control byte got out", i, round);
			if (i == 0) {
				json_t *root = json_loads(buf, 0, NULL);

				if (root == NULL)
					fail_msg("round %d: no JSON: %s", round, buf);
				json_decref(root);
			}
			/* Whatever the room, never a byte beyond it. */
			const size_t size = test_random(&seed) % ((size_t)n + 2);
			char tight[RENDER_HOST_MAX];

			memset(tight, 'x', sizeof tight);
			assert_int_equal(render[i](tight, size, &a), size > (size_t)n ? n : FP_EOVERFLOW);
			assert_int_equal(tight[size], 'x');
		}
	}
}

static const struct {
	const char *why, *name, *flavor;
	uint16_t mss;
	uint8_t distance;
	uint32_t clock_hz, uptime_min;
	const char *text;
} v2_rows[] = {
	{ "as the old rules want it", "Windows", "XP", 1460, 5, 0, 0, "Windows XP, (distance 5, link: ethernet/modem)" },
	{ "with uptime", "Linux", "2.6", 1452, 11, 100, 725, "Linux 2.6 (up: 12 hrs), (distance 11, link: pppoe (DSL))" },
	{ "no distance", "Windows", "7 or 8", 1460, 255, 0, 0, "Windows 7 or 8, (link: ethernet/modem)" },
	{ "no flavor", "FreeBSD", "", 1440, 1, 0, 0, "FreeBSD, (distance 1, link: IPv6/IPIP)" },
	{ "a range", "FreeBSD", "", 1414, 1, 0, 0, "FreeBSD, (distance 1, link: sometimes DSL)" },
	{ "an MTU without a name", "FreeBSD", "", 1300, 1, 0, 0, "FreeBSD, (distance 1, link: unknown-1340)" },
	{ "no MSS", "FreeBSD", "", 0, 1, 0, 0, "FreeBSD, (distance 1, link: unspecified)" },
	{ "not recognised", "", "", 1460, 255, 0, 0,
	  "UNKNOWN [8192:118:1:52:M1460,N,W8,N,N,S:.:?:?], (link: ethernet/modem)" },
	{ "nor anything unprintable", "a\nb", "\x1b", 1460, 5, 0, 0, "a?b ?, (distance 5, link: ethernet/modem)" },
};

static void test_v2(void **state)
{
	char buf[RENDER_HOST_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(v2_rows); i++) {
		struct fp_answer a = example();

		strcpy(a.name, v2_rows[i].name);
		strcpy(a.flavor, v2_rows[i].flavor);
		a.host.mss = v2_rows[i].mss;
		a.host.distance = v2_rows[i].distance;
		a.host.clock_hz = (uint16_t)v2_rows[i].clock_hz;
		a.host.uptime_min = v2_rows[i].uptime_min;
		a.host.uptime_doubtful = false;
		fp_words_v2(buf, sizeof buf, &a);
		if (strcmp(buf, v2_rows[i].text) != 0)
			fail_msg("%s: got %s, want %s", v2_rows[i].why, buf, v2_rows[i].text);
	}
}

static void test_v2_signature(void **state)
{
	struct fp_answer a = example();
	char buf[RENDER_HOST_MAX];

	(void)state;
	a.name[0] = '\0';
	a.host.win_unit = FP_WIN_MSS;
	a.host.win_multiple = 44;
	a.host.ttl = 64;
	a.host.wscale = 7;
	strcpy(a.layout, "mss,sok,ts,nop,ws");
	fp_words_v2(buf, sizeof buf, &a);
	assert_string_equal(buf, "UNKNOWN [S44:64:1:60:M1460,S,T,N,W7:.:?:?], (link: ethernet/modem)");
	strcpy(a.layout, "mss,?99,eol+3");
	a.host.quirks = QUIRK_TS2_PLUS | QUIRK_ID_MINUS | QUIRK_PUSHF_PLUS;
	a.host.payload = true;
	fp_words_v2(buf, sizeof buf, &a);
	assert_string_equal(buf, "UNKNOWN [S44:64:0:50:M1460,?99,E:ZTFD:?:?], (link: ethernet/modem)");
	/* Kind 5 is an option by number to p0f 2, which has no word for it. */
	strcpy(a.layout, "mss,sack,nop");
	a.host.quirks = 0;
	a.host.payload = false;
	fp_words_v2(buf, sizeof buf, &a);
	assert_string_equal(buf, "UNKNOWN [S44:64:0:47:M1460,?5,N:.:?:?], (link: ethernet/modem)");
}

static void test_v3(void **state)
{
	struct fp_answer a = example();
	char buf[RENDER_HOST_MAX];

	(void)state;
	a.host.uptime_doubtful = false;
	a.host.uptime_min = 3 * 1440 + 4 * 60 + 5;
	render_v3(buf, sizeof buf, &a);
	assert_string_equal(buf, "Windows 7 or 8; dist: 10; link: Ethernet or modem; params: none; raw_freq: 1000.00 Hz; "
	    "raw_mtu: 1500; raw_sig: 4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0; "
	    "uptime: 3 days 4 hrs 5 min (modulo 49 days)");
	a.host.uptime_doubtful = true;
	a.host.match = FP_MATCH_FUZZY;
	a.host.random_ttl = true;
	a.host.distance = 40;
	a.link[0] = '\0';
	render_v3(buf, sizeof buf, &a);
	assert_string_equal(buf, "Windows 7 or 8; dist: <= 40; link: ???; params: fuzzy random_ttl excess_dist; raw_mtu: 1500; "
	    "raw_sig: 4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0");
	a.name[0] = '\0';
	a.host.distance = FP_DISTANCE_UNKNOWN;
	a.host.mss = 0;
	a.host.verdict_seen = 0;
	render_v3(buf, sizeof buf, &a);
	assert_string_equal(buf, "???; dist: ???; params: none");
}

static void test_csv(void **state)
{
	struct fp_answer a = example();
	char buf[RENDER_HOST_MAX], head[RENDER_HOST_MAX];
	int commas = 0, quoted = 0, columns = 0;

	(void)state;
	strcpy(a.flavor, "7, \"8\" or\n9");
	render_csv(buf, sizeof buf, &a);
	assert_string_equal(buf, "192.0.2.7,Windows,\"7, \"\"8\"\" or?9\",win,exact,Windows 10 or later,0.94,"
	    "\"4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0\",mss clamped,10,Ethernet or modem,1500,,1000,"
	    "2026-11-23T09:10:11Z,2026-11-23T09:12:00Z,3,3,true,,,0,");
	for (const char *p = buf; *p != '\0'; p++) {
		if (*p == '"')
			quoted = !quoted;
		commas += *p == ',' && !quoted;
	}
	render_csv_header(head, sizeof head);
	for (const char *p = head; *p != '\0'; p++)
		columns += *p == ',';
	assert_int_equal(commas, columns);
}

static void test_line(void **state)
{
	struct fp_answer a = example();
	char buf[RENDER_HOST_MAX];

	(void)state;
	render_line(buf, sizeof buf, &a);
	assert_string_equal(buf, "192.0.2.7  Windows 7 or 8 (exact), Windows 10 or later 0.94, distance 10, "
	    "Ethernet or modem, mss clamped, 3 connections, last seen 2026-11-23T09:12:00Z");
	a.name[0] = '\0';
	a.host.candidate[0].code = 0;
	a.host.confirmed = false;
	a.host.connections = 1;
	render_line(buf, sizeof buf, &a);
	assert_string_equal(buf, "192.0.2.7  unknown system (4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0), "
	    "distance 10, Ethernet or modem, mss clamped, 1 connection, unconfirmed, last seen 2026-11-23T09:12:00Z");
}

static void test_probabilities(void **state)
{
	(void)state;
	/* Two that sum to one in the record sum to no more in print. */
	for (unsigned p = 0; p <= 255; p++) {
		struct fp_answer a = example();
		char buf[RENDER_HOST_MAX];
		json_t *root, *list;

		a.host.candidate[0] = (struct fp_candidate){ 5, (uint8_t)p };
		a.host.candidate[1] = (struct fp_candidate){ 16, (uint8_t)(255 - p) };
		render_json(buf, sizeof buf, &a);
		root = json_loads(buf, 0, NULL);
		list = json_object_get(root, "candidates");
		assert_int_equal(json_array_size(list), 2);
		assert_true(json_number_value(json_object_get(json_array_get(list, 0), "p")) +
		    json_number_value(json_object_get(json_array_get(list, 1), "p")) < 1.0001);
		json_decref(root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_example),
		cmocka_unit_test(test_json_nothing_known),
		cmocka_unit_test(test_json_values),
		cmocka_unit_test(test_json_string),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_v2_signature),
		cmocka_unit_test(test_v3),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_probabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
