/* Rules of the policy service: what is read, what is refused, and whom each condition is about. */
#include "tests/test.h"

#include "core/err.h"
#include "core/policyrule.h"

#include <string.h>

static const struct {
	const char *why, *text;
	const char *says; /* part of the refusal; NULL: it is a rule */
} read_rows[] = {
	{ "all conditions", "class=win os=Windows p>=0.9 p<1 handshake=yes family=4 : REJECT", NULL },
	{ "none: about everybody", ": DUNNO", NULL },
	{ "an action has blanks and colons", "class=unix : PREPEND X-Os: unix : really", NULL },
	{ "no action", "class=win :", "no action" },
	{ "no colon", "class=win", "\" : \"" },
	{ "nothing", "", "\" : \"" },
	{ "a word that is none", "colour=red : REJECT", "\"colour=red\" is no condition" },
	{ "more than certain", "p>=1.01 : REJECT", "p>=1.01" },
	{ "no number", "p>= : REJECT", "p>=" },
	{ "a number with a tail", "p<0.5x : REJECT", "p<0.5x" },
	{ "handshake is yes or no", "handshake=maybe : REJECT", "handshake=maybe" },
	{ "IP has two versions", "family=5 : REJECT", "family=5" },
	{ "a class without a name", "class= : REJECT", "class=" },
	{ "a control byte would end the answer", "class=win : REJECT\rhello", "control byte" },
};

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(read_rows); i++) {
		char why[POLICYRULE_WHY] = "";
		struct policyrule r;
		const int rc = policyrule_parse(&r, read_rows[i].text, why);

		if (rc != (read_rows[i].says == NULL ? 0 : FP_ECONFIG))
			fail_msg("%s: got %d (%s)", read_rows[i].why, rc, why);
		if (read_rows[i].says != NULL && strstr(why, read_rows[i].says) == NULL)
			fail_msg("%s: said \"%s\", want \"%s\"", read_rows[i].why, why, read_rows[i].says);
	}
}

static void test_longest(void **state)
{
	char text[POLICYRULE_ACTION + 2 + 1] = ": ", why[POLICYRULE_WHY];
	struct policyrule r;

	(void)state;
	memset(text + 2, 'x', POLICYRULE_ACTION - 1);
	assert_int_equal(policyrule_parse(&r, text, why), 0);
	assert_int_equal(strlen(r.action), POLICYRULE_ACTION - 1);
	text[POLICYRULE_ACTION + 1] = 'x';
	assert_int_equal(policyrule_parse(&r, text, why), FP_ECONFIG);
}

static const struct policy_client windows = { "win", "Windows", "Windows", 93, true, 4 };
static const struct policy_client mac = { "unix", "Mac OS X", "macOS", 50, false, 6 };
static const struct policy_client stranger = { "", "", "", -1, true, 4 };

static const struct {
	const char *why, *rule;
	const struct policy_client *client;
	bool holds;
} hold_rows[] = {
	{ "everybody", ": X", &stranger, true },
	{ "its class", "class=win : X", &windows, true },
	{ "another class", "class=win : X", &mac, false },
	{ "seen and not recognised", "class=none : X", &stranger, true },
	{ "one with a class is not none", "class=none : X", &windows, false },
	{ "no class is not win", "class=win : X", &stranger, false },
	{ "its name, whatever the case", "os=windows : X", &windows, true },
	{ "a name with blanks", "os=Mac_OS_X : X", &mac, true },
	{ "the candidate's name", "os=macOS : X", &mac, true },
	{ "another name", "os=Linux : X", &mac, false },
	{ "exactly as likely", "p>=0.93 : X", &windows, true },
	{ "not as likely", "p>=0.94 : X", &windows, false },
	{ "below", "p<0.94 : X", &windows, true },
	{ "not below itself", "p<0.93 : X", &windows, false },
	{ "without a probability nothing is at least 0", "p>=0 : X", &stranger, false },
	{ "nor below 1", "p<1 : X", &stranger, false },
	{ "one digit", "p>=.5 : X", &mac, true },
	{ "a third digit does not count", "p>=0.509 : X", &mac, true },
	{ "a handshake", "handshake=yes : X", &windows, true },
	{ "none", "handshake=yes : X", &mac, false },
	{ "none is asked for", "handshake=no : X", &mac, true },
	{ "IPv6", "family=6 : X", &mac, true },
	{ "IPv4", "family=6 : X", &windows, false },
	{ "all must hold", "class=win family=6 : X", &windows, false },
	{ "all hold", "class=win p>=0.9 handshake=yes family=4 os=Windows : X", &windows, true },
};

static void test_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hold_rows); i++) {
		char why[POLICYRULE_WHY];
		struct policyrule r;

		assert_int_equal(policyrule_parse(&r, hold_rows[i].rule, why), 0);
		if (policyrule_holds(&r, hold_rows[i].client) != hold_rows[i].holds)
			fail_msg("%s: %s: got %d", hold_rows[i].why, hold_rows[i].rule, !hold_rows[i].holds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_hold),
	};

	return cmocka_run_group_tests_name("policyrule", tests, NULL, NULL);
}
