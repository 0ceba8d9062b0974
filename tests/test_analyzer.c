/* p0f-analyzer's datagrams: what is a query, who may ask, and every reply over UDP and Unix sockets. */
#include "tests/sockets_help.h"

#include "api/analyzer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define LONG_V6 "2001:0db8:0000:0000:0000:0000:0000:0007"

static const struct {
	const char *why, *query, *addr; /* addr NULL: no query */
	unsigned port;
} parse_rows[] = {
	{ "as amavisd sends it", "[192.0.2.7]:4711 abc", "192.0.2.7", 4711 },
	{ "no port", "[192.0.2.7] abc", "192.0.2.7", 0 },
	{ "port 0", "[192.0.2.7]:0 abc", "192.0.2.7", 0 },
	{ "IPv6", "[2001:db8::7]:1 abc", "2001:db8::7", 1 },
	{ "IPv6, every digit: the script cut it", "[" LONG_V6 "]:65535 abc", "2001:db8::7", 65535 },
	{ "with the prefix of SMTP", "[IPv6:2001:db8::7]:1 abc", "2001:db8::7", 1 },
	{ "v4-mapped", "[::ffff:192.0.2.7]:1 abc", "192.0.2.7", 1 },
	{ "a nonce with blanks", "[192.0.2.7]:1 a b  c ", "192.0.2.7", 1 },
	{ "an empty nonce", "[192.0.2.7]:1 ", "192.0.2.7", 1 },
	{ "no nonce", "[192.0.2.7]:1", NULL, 0 },
	{ "no brackets", "192.0.2.7:1 abc", NULL, 0 },
	{ "one bracket", "[192.0.2.7 abc", NULL, 0 },
	{ "a bracket in the nonce closes nothing", "[192.0.2.7 a]b", NULL, 0 },
	{ "no address", "[example.org]:1 abc", NULL, 0 },
	{ "a port beyond the last", "[192.0.2.7]:65536 abc", NULL, 0 },
	{ "a port of six digits", "[192.0.2.7]:000001 abc", NULL, 0 },
	{ "a port of none", "[192.0.2.7]: abc", NULL, 0 },
	{ "something behind the bracket", "[192.0.2.7]x abc", NULL, 0 },
	{ "a line end", "[192.0.2.7]:1 abc\n", NULL, 0 },
	{ "eight bits", "[192.0.2.7]:1 ab\xe4", NULL, 0 },
	{ "nothing", "", NULL, 0 },
};

static void test_parse(void **state)
{
	char big[ANALYZER_DATAGRAM];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parse_rows); i++) {
		const size_t n = strlen(parse_rows[i].query);
		char *exact = malloc(n + 1); /* not a byte more may be read: the sanitizer sees it */
		struct analyzer_query q = { .port = 0 };
		struct fp_addr want = { { 0 } };

		memcpy(exact, parse_rows[i].query, n);
		char *shrunk = n > 0 ? realloc(exact, n) : exact;
		const int rc = analyzer_parse(&q, shrunk, n);

		free(shrunk);
		if (parse_rows[i].addr != NULL)
			fp_addr_parse(&want, parse_rows[i].addr);
		if ((rc == 0) != (parse_rows[i].addr != NULL) || !fp_addr_equal(&q.addr, &want) || q.port != parse_rows[i].port)
			fail_msg("%s: got %d, port %u", parse_rows[i].why, rc, q.port);
	}
	struct analyzer_query q;
	const int head = sprintf(big, "[192.0.2.7]:1 ");

	memset(big + head, 'x', sizeof big - (size_t)head);
	assert_int_equal(analyzer_parse(&q, big, (size_t)head + ANALYZER_NONCE), 0);
	assert_int_equal(analyzer_parse(&q, big, (size_t)head + ANALYZER_NONCE + 1), FP_EFORMAT);
}

static const struct {
	const char *why, *addr;
	uint16_t port;
	bool may;
} who_rows[] = {
	{ "loopback", "127.0.0.1", 40000, true },
	{ "IPv6's", "::1", 40000, true },
	{ "the first port of ordinary people", "127.0.0.1", 1024, true },
	{ "another machine", "192.0.2.1", 40000, false },
	{ "another machine, IPv6", "2001:db8::1", 40000, false },
	{ "a service's port: forged", "127.0.0.1", 1023, false },
	{ "DNS", "127.0.0.1", 53, false },
	{ "NFS", "::1", 2049, false },
};

static void test_who(void **state)
{
	struct fp_cidr allow[2];

	(void)state;
	fp_cidr_parse(&allow[0], "127.0.0.1");
	fp_cidr_parse(&allow[1], "::1");
	for (size_t i = 0; i < ARRAY_LEN(who_rows); i++) {
		struct sockaddr_storage ss = { 0 };
		struct sockaddr_in *in = (struct sockaddr_in *)&ss;
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

		if (inet_pton(AF_INET, who_rows[i].addr, &in->sin_addr) == 1) {
			in->sin_family = AF_INET;
			in->sin_port = htons(who_rows[i].port);
		} else {
			in6->sin6_family = AF_INET6;
			in6->sin6_port = htons(who_rows[i].port);
			inet_pton(AF_INET6, who_rows[i].addr, &in6->sin6_addr);
		}
		if (analyzer_may_ask(&ss, sizeof ss, allow, 2) != who_rows[i].may)
			fail_msg("%s: got %d", who_rows[i].why, !who_rows[i].may);
	}
	/* A socket of both families sees IPv4 mapped. */
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(40000);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6->sin6_addr);
	assert_true(analyzer_may_ask(&ss, sizeof ss, allow, 2));
}

/* ---- Over sockets ------------------------------------------------------------------------------- */

static void udp(struct fixture *f, const char *host)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&f->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&f->addr;

	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		f->addr_len = sizeof *in;
	} else {
		in6->sin6_family = AF_INET6;
		inet_pton(AF_INET6, host, &in6->sin6_addr);
		f->addr_len = sizeof *in6;
	}
}

/* The reply to a query, "" where none comes within so many ms. */
static const char *exchange(int fd, const char *query, size_t n, int wait_ms)
{
	static char reply[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	put(fd, query, n);
	const ssize_t got = poll(&p, 1, wait_ms) > 0 ? recv(fd, reply, sizeof reply - 1, 0) : 0;

	reply[got > 0 ? got : 0] = '\0';
	return reply;
}

static const struct {
	const char *why, *query, *text; /* text NULL: no reply */
} reply_rows[] = {
	{ "known", "[192.0.2.7]:4711 abc", V2_XP },
	{ "seen and not recognised", "[192.0.2.8]:4711 abc", V2_UNKNOWN },
	{ "never seen", "[192.0.2.99]:4711 abc", "" },
	{ "too old", "[192.0.2.10]:4711 abc", "" },
	{ "no port", "[192.0.2.7] abc", "" },
	{ "query and nonce come back as they went", "[IPv6:" LONG_V6 "]:4711 (04711-12) mail ID ", V2_XP },
	{ "malformed: silence", "[192.0.2.7 abc", NULL },
};

static void test_udp(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1", "0.0.0.0", "::" };

	(void)state;
	for (size_t h = 0; h < ARRAY_LEN(hosts); h++) {
		struct fixture f = { 0 };

		udp(&f, hosts[h]);
		fixture_start(&f, LOOP_ANALYZER, NULL);
		const int fd = socket(f.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		/* Connected: a reply from another address than was asked is not heard. */
		if (h == 2)
			((struct sockaddr_in *)&f.addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (h == 3)
			((struct sockaddr_in6 *)&f.addr)->sin6_addr = in6addr_loopback;
		assert_int_equal(connect(fd, (struct sockaddr *)&f.addr, f.addr_len), 0);
		for (size_t i = 0; i < ARRAY_LEN(reply_rows); i++) {
			const char *q = reply_rows[i].query, *text = reply_rows[i].text;
			const char *got = exchange(fd, q, strlen(q), text != NULL ? 2000 : 60);
			char want[512] = "";

			if (text != NULL)
				snprintf(want, sizeof want, "%s %s\r\n", q, text);
			if (strcmp(got, want) != 0)
				fail_msg("%s: %s: got \"%s\"", hosts[h], reply_rows[i].why, got);
		}
		assert_int_equal(count(&f, C_ANALYZER_QUERIES), 6);
		assert_int_equal(count(&f, C_QUERIES_MALFORMED), 1);
		close(fd);
		fixture_stop(&f);
	}
}

/* 127.0.0.2 is this machine too, but was not allowed. */
static void test_refused(void **state)
{
	struct fixture f = { 0 };
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };

	(void)state;
	udp(&f, "127.0.0.1");
	fixture_start(&f, LOOP_ANALYZER, NULL);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f.addr, f.addr_len), 0);
	assert_string_equal(exchange(fd, "[192.0.2.7]:1 abc", 17, 60), "");
	assert_int_equal(count(&f, C_ANALYZER_REFUSED), 1);
	close(fd);
	fixture_stop(&f);
}

/* An answer fits what amavisd reads; a datagram longer than any query is none. */
static void test_long(void **state)
{
	struct fixture f = { 0 };
	static char query[ANALYZER_DATAGRAM + 100];
	const int head = sprintf(query, "[192.0.2.7]:1 ");

	(void)state;
	memset(query + head, 'n', sizeof query - (size_t)head);
	udp(&f, "127.0.0.1");
	fixture_start(&f, LOOP_ANALYZER, NULL);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&f.addr, f.addr_len), 0);
	assert_int_equal(strlen(exchange(fd, query, 1000, 2000)), 1024);
	assert_int_equal(strlen(exchange(fd, query, (size_t)head + ANALYZER_NONCE, 2000)), (size_t)head + ANALYZER_NONCE + 3);
	assert_string_equal(exchange(fd, query, sizeof query, 60), "");
	close(fd);
	fixture_stop(&f);
}

static void test_unix(void **state)
{
	struct fixture f = { 0 };
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	(void)state;
	fixture_start(&f, LOOP_ANALYZER, NULL);
	const int nameless = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), named = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(nameless, (struct sockaddr *)&f.addr, f.addr_len), 0);
	assert_string_equal(exchange(nameless, "[192.0.2.7]:1 abc", 17, 60), "");
	snprintf(name.sun_path, sizeof name.sun_path, "%s.asker", f.path);
	unlink(name.sun_path);
	assert_int_equal(bind(named, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(connect(named, (struct sockaddr *)&f.addr, f.addr_len), 0);
	assert_string_equal(exchange(named, "[192.0.2.7]:1 abc", 17, 2000), "[192.0.2.7]:1 abc " V2_XP "\r\n");
	assert_string_equal(exchange(named, "[192.0.2.99]:1 abc", 18, 2000), "[192.0.2.99]:1 abc \r\n");
	unlink(name.sun_path);
	close(nameless);
	close(named);
	fixture_stop(&f);
}

/* Many that wait, some until a commit, some in vain; one that is known waits for none of them. How many were known. */
static unsigned wait_once(struct fixture *f, int fd, int other)
{
	unsigned known = 0, unknown = 0;

	atomic_store(&a_commits, 0);
	for (int i = 0; i < 20; i++)
		put(fd, i % 2 ? "[192.0.2.11]:1 x" : "[192.0.2.99]:1 x", 16);
	assert_string_equal(exchange(other, "[192.0.2.7]:1 abc", 17, 2000), "[192.0.2.7]:1 abc " V2_XP "\r\n");
	atomic_fetch_add(&a_commits, 1);
	for (int i = 0; i < 20; i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char reply[512];

		assert_int_equal(poll(&p, 1, 2000), 1);
		reply[recv(fd, reply, sizeof reply - 1, 0)] = '\0';
		unknown += strcmp(reply, "[192.0.2.99]:1 x \r\n") == 0 || strcmp(reply, "[192.0.2.11]:1 x \r\n") == 0;
		known += strcmp(reply, "[192.0.2.11]:1 x " V2_XP "\r\n") == 0;
	}
	assert_int_equal(known + unknown, 20);
	assert_int_equal(count(f, C_QUERIES_KNOWN) > 0, 1);
	return known;
}

static void test_wait(void **state)
{
	struct fixture f = { 0 };
	unsigned known = 0;

	(void)state;
	udp(&f, "127.0.0.1");
	fixture_start(&f, LOOP_ANALYZER, NULL);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&f.addr, f.addr_len), 0);
	assert_int_equal(connect(other, (struct sockaddr *)&f.addr, f.addr_len), 0);
	/* Again, where a busy machine let 20 ms pass before the commit. */
	for (int attempt = 0; attempt < 20 && known != 10; attempt++)
		known = wait_once(&f, fd, other);
	assert_int_equal(known, 10);
	close(fd);
	close(other);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests_name("analyzer", tests, NULL, NULL);
}
