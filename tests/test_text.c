/* The line protocol and the policy service over real sockets; what they read, what they say, and who is cut off. */
#include "tests/sockets_help.h"

#include "api/policy.h"
#include "api/text.h"

/* ---- A line in, a line out ---------------------------------------------------------------------- */

static const struct {
	const char *why, *sent, *line; /* line NULL: closed without a word */
} text_rows[] = {
	{ "known", "192.0.2.7\n", V2_XP "\n" },
	{ "from a shell on another system", " 192.0.2.7 \r\n", V2_XP "\n" },
	{ "IPv6", "2001:db8::7\n", V2_XP "\n" },
	{ "as SMTP writes it", "[IPv6:2001:db8::7]\n", V2_XP "\n" },
	{ "v4-mapped", "::ffff:192.0.2.7\n", V2_XP "\n" },
	{ "seen and not recognised", "192.0.2.8\n", V2_UNKNOWN "\n" },
	{ "never seen: nothing, not UNKNOWN", "192.0.2.99\n", "\n" },
	{ "too old", "192.0.2.10\n", "\n" },
	{ "no address", "localhost\n", "\n" },
	{ "an empty line", "\n", "\n" },
	{ "no newline: his side is closed after it", "192.0.2.7", V2_XP "\n" },
	{ "longer than any address",
	  "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
	  "11111111\n", NULL },
};

static void test_text(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	fixture_start(&f, LOOP_TEXT, NULL);
	for (size_t i = 0; i < ARRAY_LEN(text_rows); i++) {
		char line[512] = "";
		const int fd = client(&f);

		put(fd, text_rows[i].sent, strlen(text_rows[i].sent));
		if (i % 2 == 0 || strchr(text_rows[i].sent, '\n') == NULL)
			shutdown(fd, SHUT_WR); /* Exim does, and without a newline it is the end of the line */
		get(fd, line, sizeof line - 1);
		if (strcmp(line, text_rows[i].line != NULL ? text_rows[i].line : "") != 0)
			fail_msg("%s: got \"%s\"", text_rows[i].why, line);
		if (!closed(fd))
			fail_msg("%s: not closed", text_rows[i].why);
		close(fd);
	}
	/* Two lines: one question a connection. */
	const int fd = client(&f);
	char line[1024] = "";

	put(fd, "192.0.2.7\n192.0.2.8\n", 20);
	get(fd, line, sizeof line - 1);
	assert_string_equal(line, V2_XP "\n");
	close(fd);
	fixture_stop(&f);
}

static void test_words(void **state)
{
	const struct loop_conf v3 = { .v3 = true };
	struct fixture f = { 0 };
	char line[512] = "";

	(void)state;
	fixture_start(&f, LOOP_TEXT, &v3);
	const int fd = client(&f);

	for (const char *p = "192.0.2.8\n"; *p != '\0'; p++) { /* byte at a time */
		put(fd, p, 1);
		nap(1);
	}
	get(fd, line, sizeof line - 1);
	assert_string_equal(line, "???; dist: 5; link: Ethernet or modem; params: none; raw_mtu: 1500; "
	    "raw_sig: 4:123+5:0:1460:65535,0:mss,nop,nop,sok:df,id+:0\n");
	close(fd);
	fixture_stop(&f);
}

/* ---- Postfix ------------------------------------------------------------------------------------ */

#define HEADER "action=PREPEND X-P0f-OS-Fingerprint: "
#define REQUEST "request=smtpd_access_policy\n"

/* Sends a request and reads the answer up to its blank line; "" if none comes. */
static const char *policy(int fd, const char *request, bool slowly)
{
	static char answer[4096];
	size_t at = 0;

	for (const char *p = request; slowly && *p != '\0'; p++) {
		put(fd, p, 1);
		if (*p == '\n')
			nap(1);
	}
	if (!slowly)
		put(fd, request, strlen(request));
	answer[0] = '\0';
	while (at < sizeof answer - 1 && (at < 2 || strcmp(answer + at - 2, "\n\n") != 0) && get(fd, answer + at, 1) == 1)
		answer[++at] = '\0';
	return answer;
}

static const struct {
	const char *why, *request, *answer;
} policy_rows[] = {
	{ "known", REQUEST "protocol_state=END-OF-MESSAGE\nclient_address=192.0.2.7\nclient_port=4711\ninstance=1.a\n\n",
	  HEADER V2_XP "\n\n" },
	{ "the same message again has its header", REQUEST "client_address=192.0.2.7\ninstance=1.a\n\n", "action=DUNNO\n\n" },
	{ "another message on this connection", REQUEST "client_address=192.0.2.7\ninstance=1.b\n\n", HEADER V2_XP "\n\n" },
	{ "without an instance every request is its own", REQUEST "client_address=192.0.2.7\n\n", HEADER V2_XP "\n\n" },
	{ "and again", REQUEST "client_address=192.0.2.7\n\n", HEADER V2_XP "\n\n" },
	{ "seen and not recognised", REQUEST "client_address=192.0.2.8\ninstance=2\n\n", HEADER V2_UNKNOWN "\n\n" },
	{ "never seen", REQUEST "client_address=192.0.2.99\ninstance=3\n\n", "action=DUNNO\n\n" },
	{ "its instance had no header: it may have one now", REQUEST "client_address=192.0.2.7\ninstance=3\n\n", HEADER V2_XP "\n\n" },
	{ "Postfix does not know the address", REQUEST "client_address=unknown\n\n", "action=DUNNO\n\n" },
	{ "no address", REQUEST "sender=a@b\n\n", "action=DUNNO\n\n" },
	{ "another request", "request=junk_policy\nclient_address=192.0.2.7\n\n", "action=DUNNO\n\n" },
	{ "no request", "client_address=192.0.2.7\n\n", "action=DUNNO\n\n" },
	{ "an address of an earlier request is not this one's", REQUEST "\n", "action=DUNNO\n\n" },
	{ "a name that begins like ours", REQUEST "client_address_type=192.0.2.7\nclient_address=192.0.2.7\n\n", HEADER V2_XP "\n\n" },
	{ "IPv6", REQUEST "client_address=2001:db8::7\n\n", HEADER V2_XP "\n\n" },
	{ "with carriage returns", "request=smtpd_access_policy\r\nclient_address=192.0.2.7\r\n\r\n", HEADER V2_XP "\n\n" },
};

static void test_policy(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	fixture_start(&f, LOOP_POLICY, NULL);
	for (int slowly = 0; slowly < 2; slowly++) {
		const int fd = client(&f); /* one for all, as Postfix keeps it */

		for (size_t i = 0; i < ARRAY_LEN(policy_rows); i++) {
			const char *got = policy(fd, policy_rows[i].request, slowly);

			if (strcmp(got, policy_rows[i].answer) != 0)
				fail_msg("%s: got \"%s\"", policy_rows[i].why, got);
		}
		close(fd);
	}
	fixture_stop(&f);
}

/* A subject of 40 kB in a certificate is Postfix's business; a request without end is nobody's. */
static void test_policy_long(void **state)
{
	struct fixture f = { 0 };
	static char request[80000];

	(void)state;
	fixture_start(&f, LOOP_POLICY, NULL);
	int fd = client(&f);

	size_t n = (size_t)sprintf(request, REQUEST "ccert_subject=");

	memset(request + n, 'x', 40000);
	/* What looks like an attribute inside a long line is none. */
	memcpy(request + n + 4096, "\rclient_address=192.0.2.8", 24);
	sprintf(request + n + 40000, "\nclient_address=192.0.2.7\n\n");
	assert_string_equal(policy(fd, request, false), HEADER V2_XP "\n\n");
	close(fd);

	fd = client(&f);
	memset(request, 'x', sizeof request);
	(void)!send(fd, request, sizeof request, MSG_NOSIGNAL);
	assert_true(closed(fd));
	assert_int_equal(count(&f, C_QUERIES_MALFORMED), 1);
	close(fd);
	fixture_stop(&f);
}

static void test_policy_rules(void **state)
{
	struct policyrule rules[3];
	char why[POLICYRULE_WHY];
	const struct loop_conf conf = { .rules = rules, .n_rules = ARRAY_LEN(rules) };
	struct fixture f = { 0 };

	(void)state;
	assert_int_equal(policyrule_parse(&rules[0], "class=win p>=0.95 : REJECT", why), 0);
	assert_int_equal(policyrule_parse(&rules[1], "class=win p>=0.9 handshake=yes family=4 : PREPEND X-Os: {} ({})", why), 0);
	assert_int_equal(policyrule_parse(&rules[2], "class=none : WARN odd client", why), 0);
	fixture_start(&f, LOOP_POLICY, &conf);
	const int fd = client(&f);

	assert_string_equal(policy(fd, REQUEST "client_address=192.0.2.7\n\n", false), "action=PREPEND X-Os: " V2_XP " (" V2_XP ")\n\n");
	assert_string_equal(policy(fd, REQUEST "client_address=2001:db8::7\n\n", false), HEADER V2_XP "\n\n");
	assert_string_equal(policy(fd, REQUEST "client_address=192.0.2.8\n\n", false), "action=WARN odd client\n\n");
	assert_string_equal(policy(fd, REQUEST "client_address=192.0.2.99\n\n", false), "action=DUNNO\n\n");
	close(fd);
	fixture_stop(&f);
}

/* An action grows to its limit and no further, whatever the text. */
static void test_policy_action(void **state)
{
	struct policyrule rule;
	char why[POLICYRULE_WHY], text[256 * 4 + 3] = ": ", words[1024], out[POLICY_ACTION];
	struct fp_addr addr = { .b = { [15] = 7 } };
	struct fp_answer host;

	(void)state;
	for (int i = 0; i < 250; i++)
		strcat(text, "{}");
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	assert_int_equal(policyrule_parse(&rule, text, why), 0);
	assert_int_equal(fp_lookup(NULL, &addr, &host), 0);
	assert_int_equal(policy_action(out, &rule, 1, &host, words), POLICY_ACTION - 1);
	assert_int_equal(strlen(out), POLICY_ACTION - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_long),
		cmocka_unit_test(test_policy_rules),
		cmocka_unit_test(test_policy_action),
	};

	return cmocka_run_group_tests_name("text and policy", tests, NULL, NULL);
}
