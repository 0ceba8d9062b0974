/*
 * test_p0fhttp - when p0f 3.09b drops a flow that has begun to speak. Every row was put to Debian's p0f 3.09b-3 as a hand-made capture: after the words
 * of each step the client's SYN was sent again, which p0f logs only where the flow is gone.
 */
#include "tests/test.h"

#include "core/p0fhttp.h"

#include <stdlib.h>
#include <string.h>

struct step {
	char side;         /* 'c' or 's' */
	const char *text;
	size_t pad;        /* so many 'x' behind it */
	const char *tail;  /* and this; may be NULL */
};

#define GET "GET / HTTP/1.0\r\n"
#define OK "HTTP/1.0 200 OK\r\n"
#define ASKED { 'c', GET "\r\n", 0, NULL } /* a complete request */

static const struct {
	const char *why;
	struct step step[6];
	const char *want;  /* for each step: + kept, - dropped */
} rows[] = {
	{ "14 bytes are too few to judge", { { 'c', "", 14, NULL }, { 'c', "x", 0, NULL } }, "+-" },
	{ "GET in single bytes", { { 'c', "G", 0, NULL }, { 'c', "ET /", 0, NULL }, { 'c', " HTTP/1.0\r", 0, NULL }, { 'c', "\n\r", 0, NULL } }, "++++" },
	{ "HEAD", { { 'c', "HEAD / HTTP/1.1\r\n", 0, NULL } }, "+" },
	{ "POST", { { 'c', "POST / HTTP/1.1\r\n", 0, NULL } }, "-" },
	{ "lower case", { { 'c', "get / HTTP/1.1\r\n", 0, NULL } }, "-" },
	{ "an absolute URL", { { 'c', "GET http://a/ HTTP/1.1\r\n", 0, NULL } }, "-" },
	{ "HTTP/2.0", { { 'c', "GET / HTTP/2.0\r\n", 0, NULL } }, "-" },
	{ "any one figure after HTTP/1.", { { 'c', "GET / HTTP/1.x\r\n", 0, NULL } }, "+" },
	{ "two figures", { { 'c', "GET / HTTP/1.10\r\n", 0, NULL } }, "-" },
	{ "no blank before HTTP", { { 'c', "GET /aaaaHTTP/1.0\r\n", 0, NULL } }, "+" },
	{ "the shortest, with CR", { { 'c', "GET /HTTP/1.0\r\n", 0, NULL } }, "+" },
	{ "the shortest, without", { { 'c', "GET /HTTP/1.0\n", 0, NULL }, { 'c', "\n", 0, NULL } }, "+-" },
	{ "a control character in the line", { { 'c', "GET /\x01 HTTP/1.0\r\n", 0, NULL } }, "-" },
	{ "a CR in it", { { 'c', "GET /\r HTTP/1.0\r\n", 0, NULL } }, "+" },
	{ "DEL in it", { { 'c', "GET /\x7f HTTP/1.0\r\n", 0, NULL } }, "+" },
	{ "8 bits in it, the line not ended", { { 'c', "GET /\x80 aaaaaaaaaaa", 0, NULL } }, "-" },
	{ "1023 bytes and no end", { { 'c', "GET /", 1018, NULL } }, "+" },
	{ "1024 bytes and no end", { { 'c', "GET /", 1019, NULL } }, "-" },
	{ "a line of 1023 bytes", { { 'c', "GET /", 1008, " HTTP/1.0\r\n" } }, "+" },
	{ "of 1024", { { 'c', "GET /", 1009, " HTTP/1.0\r\n" } }, "-" },
	{ "a server that speaks first", { { 's', "2", 0, NULL } }, "-" },
	{ "or before the request is complete", { { 'c', "GET", 0, NULL }, { 's', "x", 0, NULL } }, "+-" },
	{ "a header without a colon", { { 'c', GET "abc", 0, NULL }, { 'c', "\r\n", 0, NULL } }, "+-" },
	{ "without a name", { { 'c', GET ": x", 0, NULL } }, "-" },
	{ "a blank before the colon", { { 'c', GET "a : x\r\n", 0, NULL } }, "-" },
	{ "a continued one", { { 'c', GET "a: x\r\n y\r\n", 0, NULL } }, "-" },
	{ "a name with a dot", { { 'c', GET "a.b: x\r\n", 0, NULL } }, "-" },
	{ "with all that is allowed", { { 'c', GET "-aZ_9: x\r\n", 0, NULL } }, "+" },
	{ "a name of 32", { { 'c', GET, 32, ": x\r\n" } }, "+" },
	{ "of 33", { { 'c', GET, 33, ": x\r\n" } }, "-" },
	{ "33 bytes of a name", { { 'c', GET, 33, NULL }, { 'c', ":", 0, NULL } }, "+-" },
	{ "34 bytes of a name", { { 'c', GET, 34, NULL } }, "-" },
	{ "anything in a value", { { 'c', GET "a:\x01\xff\t\r\x7f\r\n", 0, NULL } }, "+" },
	{ "a value of 1024", { { 'c', GET "a: ", 1024, "\n" }, { 'c', "\n", 0, NULL }, { 's', "x", 0, NULL } }, "+++" },
	{ "with CR it is 1025: given up at the next word", { { 'c', GET "a: ", 1024, "\r\n" }, { 'c', "\r\n", 0, NULL } }, "+-" },
	{ "of which 1025 bytes are there", { { 'c', GET "a: ", 1025, NULL }, { 'c', "x", 0, NULL } }, "+-" },
	{ "the blank does not count, more do", { { 'c', GET "a:  ", 1024, NULL }, { 'c', "x", 0, NULL } }, "+-" },
	{ "the server's word ends it too", { { 'c', GET "a: ", 2000, NULL }, { 's', "x", 0, NULL } }, "+-" },
	{ "more than is kept of a long value", { { 'c', GET "a: ", 9000, NULL }, { 'c', "x", 0, NULL } }, "+-" },
	{ "a CR alone completes a request", { { 'c', GET "\r", 0, NULL }, { 's', "x", 0, NULL } }, "++" },
	{ "what the client says then does not matter", { ASKED, { 'c', "", 16000, NULL }, { 's', "x", 0, NULL } }, "+++" },
	{ "the answer is complete", { ASKED, { 's', OK "a: b\r\n\r\nbody", 0, NULL } }, "+-" },
	{ "an answer is not judged before its first line ends", { ASKED, { 's', "x", 1022, NULL }, { 's', "x", 0, NULL } }, "++-" },
	{ "other answers", { ASKED, { 's', "HTTP/2.0 200 OK\r\n", 0, NULL } }, "+-" },
	{ "a line of 12 bytes", { ASKED, { 's', "HTTP/1.0 200\n", 0, NULL } }, "+-" },
	{ "of 13", { ASKED, { 's', "HTTP/1.0 200\r\n", 0, NULL } }, "++" },
	{ "each segment loses a line: the end", { ASKED, { 's', OK "a: b\r\n", 0, NULL }, { 's', "\r\n", 0, NULL }, { 's', "\r\n", 0, NULL } }, "++++" },
	{ "a header, then the end", { ASKED, { 's', OK "a: b\r\n", 0, NULL }, { 's', "no header\r\n\r\n", 0, NULL } }, "++-" },
	{ "lines hold less than values", { ASKED, { 's', OK "a: \t", 0, NULL }, { 's', "\r\n", 0, NULL } }, "++-" },
	{ "byte by byte it never ends", { ASKED, { 's', OK, 0, NULL }, { 's', "a: b\r\n", 0, NULL }, { 's', "\r\n", 0, NULL }, { 's', "\n", 0, NULL } }, "+++++" },
	{ "beyond 1024 bytes a line is a byte", { ASKED, { 's', OK "a: ", 1010, "\r\n" }, { 's', "\xff", 0, NULL }, { 's', "\r\n", 0, NULL } }, "+++-" },
	{ "just there none", { ASKED, { 's', OK "a: ", 1002, "\r\n" }, { 's', "q", 0, NULL } }, "++-" },
};

static bool take(struct p0fhttp *h, const struct step *s)
{
	const size_t text = strlen(s->text), tail = s->tail != NULL ? strlen(s->tail) : 0, n = text + s->pad + tail;
	uint8_t *bytes = malloc(n); /* a block of its own, so that a sanitizer sees one byte too far */

	assert_non_null(bytes);
	memcpy(bytes, s->text, text);
	memset(bytes + text, 'x', s->pad);
	if (tail > 0)
		memcpy(bytes + text + s->pad, s->tail, tail);

	const bool kept = p0fhttp_take(h, s->side == 's', bytes, n);

	free(bytes);
	return kept;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct p0fhttp *h = calloc(1, sizeof *h);
		char got[8] = "";

		assert_non_null(h);
		for (size_t s = 0; s < strlen(rows[i].want); s++) {
			got[s] = take(h, &rows[i].step[s]) ? '+' : '-';
			got[s + 1] = '\0';
			if (got[s] == '-')
				break;
		}
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: got %s, want %s", rows[i].why, got, rows[i].want);
		free(h);
	}
}

/* So many headers and bytes, and no more. */
static void test_limits(void **state)
{
	static const struct {
		const char *why;
		unsigned headers;
		size_t value;
		const char *want; /* after the headers; after the end */
	} limits[] = {
		{ "32 headers", 32, 1, "++" }, { "33 headers", 33, 1, "-" },
		{ "8176 bytes", 16, 505, "++" }, { "8192 bytes and no end", 16, 506, "-" }, { "9000 bytes", 18, 500, "-" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct p0fhttp *h = calloc(1, sizeof *h);
		const struct step line = { 'c', GET, 0, NULL }, end = { 'c', "\r\n", 0, NULL };
		bool kept;

		assert_non_null(h);
		kept = take(h, &line);
		for (unsigned n = 0; n < limits[i].headers && kept; n++)
			kept = take(h, &(struct step){ 'c', "a: ", limits[i].value, "\r\n" });
		if (kept != (limits[i].want[0] == '+') || (kept && !take(h, &end)))
			fail_msg("%s: %s", limits[i].why, kept ? "kept" : "dropped");
		free(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_limits) };

	return cmocka_run_group_tests_name("p0fhttp", tests, NULL, NULL);
}
