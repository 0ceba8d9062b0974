/* test_conf - the settings table: what is taken, what is refused, and what is said about it. */
#include "tests/test.h"

#include "core/conf.h"
#include "core/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct heard {
	char text[4096];
};

static void hear(void *ctx, const char *text)
{
	struct heard *h = ctx;

	snprintf(h->text + strlen(h->text), sizeof h->text - strlen(h->text), "%s\n", text);
}

static const struct {
	const char *why;
	const char *name, *value;
	int rc;
	const char *says; /* part of the report, NULL: none */
} rows[] = {
	{ "a number", "queues", "4", 0, NULL },
	{ "counts take decimal k", "hosts.max", "500k", 0, NULL },
	{ "sizes take binary M", "capture.buffer", "64M", 0, NULL },
	{ "auto where a number may be left to us", "matchers", "auto", 0, NULL },
	{ "a word of the list", "fanout", "cpu", 0, NULL },
	{ "an octal mode", "store.mode", "0644", 0, NULL },
	{ "a list by comma or blank", "interface", "eth0, eth1", 0, NULL },
	{ "CPU ranges", "cpus", "0,2-3", 0, NULL },
	{ "blocks of both versions", "ignore", "10.0.0.0/8 2001:db8::/32 192.0.2.1", 0, NULL },
	{ "yes in other words", "promiscuous", "on", 0, NULL },
	{ "unknown name: the nearest is named", "host.max", "1", FP_ECONFIG, "the nearest is \"hosts.max\"" },
	{ "below the range", "queues", "0", FP_ECONFIG, "from 1 to 64" },
	{ "no number at all", "queues", "many", FP_ECONFIG, "\"many\" is wrong" },
	{ "negative is no number", "queues", "-1", FP_ECONFIG, "\"-1\" is wrong" },
	{ "a suffix that is none", "capture.buffer", "64X", FP_ECONFIG, "with k, M or G" },
	{ "larger than 64 bits", "store.map", "99999999999999999999", FP_ECONFIG, "is wrong" },
	{ "times 2^30 beyond 64 bits", "store.map", "99999999999G", FP_ECONFIG, "is wrong" },
	{ "auto is not for every number", "queues", "auto", FP_ECONFIG, "is wrong" },
	{ "a mode that is not octal", "store.mode", "0689", FP_ECONFIG, "octal" },
	{ "a word that is not in the list", "fanout", "random", FP_ECONFIG, "hash, cpu, qm" },
	{ "host bits set: a typing error", "ignore", "10.0.0.1/8", FP_ECONFIG, "\"10.0.0.1/8\"" },
	{ "prefix too long", "ignore", "10.0.0.0/33", FP_ECONFIG, "10.0.0.0/33" },
	{ "a range backwards", "cpus", "3-1", FP_ECONFIG, "3-1" },
	{ "a time in hours", "serve.max_age", "2h", 0, NULL },
	{ "a time has no k", "serve.max_age", "2k", FP_ECONFIG, "s, m, h or d" },
	{ "a rule", "policy.rules", "class=win p>=0.9 : REJECT no, thank you", 0, NULL },
	{ "no rule: it says what is wrong", "policy.rules", "class=win REJECT", FP_ECONFIG, "\"REJECT\" is no condition" },
	{ "askers are blocks", "analyzer.allow", "127.0.0.1 fd00::/8", 0, NULL },
	{ "a socket for nobody but us", "sockets.mode", "0600", 0, NULL },
	{ "how long hosts are kept", "hosts.keep", "90d", 0, NULL },
	{ "no time at all keeps nothing", "hosts.keep_unconfirmed", "0", FP_ECONFIG, "is wrong" },
	{ "no handshake is needed", "handshake", "ignore", 0, NULL },
	{ "handshake is no yes or no", "handshake", "yes", FP_ECONFIG, "auto, require, ignore" },
	{ "probation begins at ten thousand", "probation.rate", "10k", 0, NULL },
	{ "words there are not", "words", "v4", FP_ECONFIG, "v2, v3" },
	{ "bounds are said as one writes them", "hosts.keep", "0", FP_ECONFIG, "from 1s to 36500d" },
	{ "of sizes too", "capture.buffer", "1k", FP_ECONFIG, "from 1M to 2047M" },
	{ "and of counts", "hosts.max", "1", FP_ECONFIG, "from 16 to 100M" },
	{ "two letters that changed places", "store.dri", "/x", FP_ECONFIG, "the nearest is \"store.dir\"" },
	{ "places to listen on", "analyzer.listen", "127.0.0.1:4, [::1]:4 /run/x unix:y", 0, NULL },
	{ "an address without a port", "listen", "192.0.2.1", FP_ECONFIG, "\"192.0.2.1\" is wrong: allowed are ADDR:PORT" },
	{ "HTTP over a path", "http.listen", "unix:/run/x", 0, NULL },
	{ "HTTP nowhere", "http.listen", "off", 0, NULL },
	{ "no name server is asked", "http.listen", "localhost:80", FP_ECONFIG, "unix:PATH or off" },
	{ "flows until their place is needed", "flows.keep", "0", 0, NULL },
	{ "maybe is neither", "promiscuous", "maybe", FP_ECONFIG, "yes and no" },
};

static void test_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct heard h = { "" };
		struct conf_report report = { hear, &h, 0 };
		struct conf c;

		assert_int_equal(conf_init(&c), 0);
		const int rc = conf_set(&c, "here", rows[i].name, rows[i].value, false, &report);

		if (rc != rows[i].rc)
			fail_msg("%s: got %d (%s), want %d", rows[i].why, rc, h.text, rows[i].rc);
		if (rows[i].says == NULL ? report.errors != 0 : strstr(h.text, rows[i].says) == NULL)
			fail_msg("%s: said \"%s\", want \"%s\"", rows[i].why, h.text,
			    rows[i].says != NULL ? rows[i].says : "nothing");
		conf_free(&c);
	}
}

static void test_values(void **state)
{
	struct conf_report report = { NULL, NULL, 0 };
	struct conf c;
	unsigned cpu[8];

	(void)state;
	assert_int_equal(conf_init(&c), 0);
	assert_int_equal(c.hosts_max, 1000000);
	assert_int_equal(c.store_mode, 0640);
	assert_true(c.matchers == CONF_AUTO);
	assert_string_equal(c.http_listen, "127.0.0.1:8025");
	conf_set(&c, "t", "hosts.max", "2M", false, &report);
	assert_int_equal(c.hosts_max, 2000000);
	conf_set(&c, "t", "capture.buffer", "2M", false, &report);
	assert_int_equal(c.buffer_bytes, 2 << 20);
	conf_set(&c, "t", "cpus", "1,4-6", false, &report);
	assert_int_equal(conf_cpus(&c.cpus, cpu, ARRAY_LEN(cpu)), 4);
	assert_int_equal(cpu[0], 1);
	assert_int_equal(cpu[3], 6);
	conf_set(&c, "t", "interface", "a", false, &report);
	conf_set(&c, "t", "interface", "b", true, &report);
	assert_int_equal(c.interface.n, 2);
	conf_set(&c, "t", "interface", "c", false, &report);
	assert_int_equal(c.interface.n, 1);
	assert_string_equal(c.interface.item[0], "c");
	assert_int_equal(c.serve_max_age_s, 3600);
	conf_set(&c, "t", "serve.max_age", "2d", false, &report);
	assert_int_equal(c.serve_max_age_s, 172800);
	assert_int_equal(c.analyzer_allow.n, 2);
	conf_set(&c, "t", "policy.rules", "os=Windows : DUNNO", false, &report);
	conf_set(&c, "t", "policy.rules", "family=6 : PREPEND X: {}, and more", true, &report);
	assert_int_equal(c.policy_rules.n, 2);
	assert_string_equal(c.policy_rules.item[1], "family=6 : PREPEND X: {}, and more");
	assert_int_equal(report.errors, 0);
	conf_free(&c);
}

static void test_file(void **state)
{
	static const char text[] = "# a comment\n"
				   "queues = 2   # two\n"
				   "\n"
				   "interface = eth0\n"
				   "interface = eth1\n"
				   "quues = 3\n"
				   "matchers 4\n"
				   "store.mode = 9\n"
				   "filter = tcp port 25 or tcp port 587\n";
	char path[] = "/tmp/test_conf.XXXXXX";
	struct heard h = { "" };
	struct conf_report report = { hear, &h, 0 };
	struct conf c;
	const int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	assert_int_equal(conf_init(&c), 0);
	assert_int_equal(conf_read(&c, path, &report), FP_ECONFIG);
	unlink(path);

	/* Every error, each with its line; what is right is taken. */
	assert_int_equal(report.errors, 3);
	assert_non_null(strstr(h.text, ":6: unknown setting \"quues\"; the nearest is \"queues\""));
	assert_non_null(strstr(h.text, ":7: \"matchers 4\": expected name = value"));
	assert_non_null(strstr(h.text, ":8: store.mode"));
	assert_int_equal(c.queues, 2);
	assert_int_equal(c.interface.n, 2);
	assert_string_equal(c.filter, "tcp port 25 or tcp port 587");

	/* Where each was set last that was taken. */
	assert_non_null(strstr(conf_where(&c, "interface"), ":5"));
	assert_non_null(strstr(conf_where(&c, "filter"), ":9"));
	assert_string_equal(conf_where(&c, "store.mode"), "default");
	assert_int_equal(conf_set(&c, "--set", "filter", "tcp", false, &report), 0);
	assert_string_equal(conf_where(&c, "filter"), "--set");
	conf_free(&c);

	struct heard none = { "" };
	struct conf_report missing = { hear, &none, 0 };

	assert_int_equal(conf_init(&c), 0);
	assert_true(conf_read(&c, "/nonexistent/fingerpost.conf", &missing) < 0);
	assert_non_null(strstr(none.text, "/nonexistent/fingerpost.conf: cannot be read"));
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
