/*
 * The HTTP service over raw sockets: every answer, every refusal, hostile and slow clients. Pages, events, history: test_api.c.
 */
#include "tests/http_help.h"

/* ---- Tests -------------------------------------------------------------------------------- */

static const struct {
	const char *why, *method, *target, *headers;
	unsigned status;
	const char *has; /* in the answer */
} rows[] = {
	{ "known", "GET", "/v1/hosts/192.0.2.7", "", 200, "{\"ip\":\"192.0.2.7\",\"os\":{\"name\":\"Windows\"" },
	{ "known, IPv6", "GET", "/v1/hosts/2001:db8::7", "", 200, "\"ip\":\"2001:db8::7\"" },
	{ "IPv6, another spelling", "GET", "/v1/hosts/2001:DB8:0:0::7", "", 200, "\"ip\":\"2001:db8::7\"" },
	{ "IPv6 in brackets", "GET", "/v1/hosts/[2001:db8::7]", "", 200, "\"ip\":\"2001:db8::7\"" },
	{ "IPv6 encoded", "GET", "/v1/hosts/2001%3Adb8%3a%3A7", "", 200, "\"ip\":\"2001:db8::7\"" },
	{ "v4-mapped is the IPv4 address", "GET", "/v1/hosts/::ffff:192.0.2.7", "", 200, "\"ip\":\"192.0.2.7\"" },
	{ "a hostile label is escaped", "GET", "/v1/hosts/192.0.2.7", "", 200, "\\\"\\\\\\u0001" },
	{ "unknown", "GET", "/v1/hosts/192.0.2.8", "", 404, "192.0.2.8 is not in the store" },
	{ "no address", "GET", "/v1/hosts/localhost", "", 400, "no IPv4 or IPv6 address" },
	{ "empty address", "GET", "/v1/hosts/", "", 404, NULL },
	{ "zone", "GET", "/v1/hosts/fe80::1%25eth0", "", 400, NULL },
	{ "prefix", "GET", "/v1/hosts/192.0.2.0/24", "", 400, NULL },
	{ "port", "GET", "/v1/hosts/192.0.2.7:25", "", 400, NULL },
	{ "short IPv4", "GET", "/v1/hosts/192.0.2", "", 400, NULL },
	{ "leading noughts", "GET", "/v1/hosts/192.000.002.007", "", 400, NULL },
	{ "number", "GET", "/v1/hosts/3221225991", "", 400, NULL },
	{ "cut off encoding", "GET", "/v1/hosts/192.0.2.7%2", "", 400, NULL },
	{ "no hex", "GET", "/v1/hosts/192.0.2.7%zz", "", 400, NULL },
	{ "an encoded NUL", "GET", "/v1/hosts/192.0.2.7%00", "", 400, NULL },
	{ "an encoded line end", "GET", "/v1/hosts/192.0.2.7%0d%0aX:%20y", "", 400, NULL },
	{ "encoded twice", "GET", "/v1/hosts/2001%253Adb8::7", "", 400, NULL },
	{ "plus is no space in a path", "GET", "/v1/hosts/192.0.2.7+", "", 400, NULL },
	{ "a parameter too much", "GET", "/v1/hosts/192.0.2.7?x=1", "", 400, "\"parameter\":\"x\"" },
	{ "a question mark alone", "GET", "/v1/hosts/192.0.2.7?", "", 200, "Windows" },

	{ "several", "GET", "/v1/hosts?ip=192.0.2.7&ip=192.0.2.8", "", 200, "{\"ip\":\"192.0.2.8\",\"os\":null}]}" },
	{ "the same twice", "GET", "/v1/hosts?ip=192.0.2.8&ip=192.0.2.8", "", 200,
	    "{\"hosts\":[{\"ip\":\"192.0.2.8\",\"os\":null},{\"ip\":\"192.0.2.8\",\"os\":null}]}" },
	{ "the name encoded", "GET", "/v1/hosts?%69p=192.0.2.7", "", 200, "Windows" },
	{ "none: a page of all", "GET", "/v1/hosts", "", 200, "],\"next\":\"" },
	{ "with a question mark", "GET", "/v1/hosts?", "", 200, "],\"next\":\"" },
	{ "empty value", "GET", "/v1/hosts?ip=", "", 400, "\"parameter\":\"ip\"" },
	{ "no value", "GET", "/v1/hosts?ip", "", 400, "\"parameter\":\"ip\"" },
	{ "one of them wrong", "GET", "/v1/hosts?ip=192.0.2.7&ip=1.2.3", "", 400, "\"parameter\":\"ip\"" },
	{ "unknown parameter", "GET", "/v1/hosts?ip=192.0.2.7&colour=red", "", 400, "\"parameter\":\"colour\"" },
	{ "by system, in any case", "GET", "/v1/hosts?os=windOws&limit=1", "", 200, "{\"hosts\":[{\"ip\":\"192.0.2.7\"" },
	{ "by a system that nobody has", "GET", "/v1/hosts?os=BeOS", "", 200, "{\"hosts\":[],\"next\":null}" },
	{ "by class", "GET", "/v1/hosts?class=win&limit=1", "", 200, "{\"hosts\":[{\"ip\"" },
	{ "by another class", "GET", "/v1/hosts?class=unix", "", 200, "{\"hosts\":[],\"next\":null}" },
	{ "seen since", "GET", "/v1/hosts?since=2025-11-24T16:01:40Z&limit=1", "", 200, "{\"hosts\":[{\"ip\"" },
	{ "seen since, in seconds", "GET", "/v1/hosts?since=1764000101", "", 200, "{\"hosts\":[],\"next\":null}" },
	{ "no such time", "GET", "/v1/hosts?since=yesterday", "", 400, "\"parameter\":\"since\"" },
	{ "a time of another zone", "GET", "/v1/hosts?since=2025-11-24T16:01:40%2B01:00", "", 400, "\"parameter\":\"since\"" },
	{ "no month", "GET", "/v1/hosts?since=2025-13-24T16:01:40Z", "", 400, "\"parameter\":\"since\"" },
	{ "limit of nought", "GET", "/v1/hosts?limit=0", "", 400, "\"parameter\":\"limit\"" },
	{ "limit above the most", "GET", "/v1/hosts?limit=1001", "", 400, "\"parameter\":\"limit\"" },
	{ "limit with a sign", "GET", "/v1/hosts?limit=%2B5", "", 400, "\"parameter\":\"limit\"" },
	{ "no cursor of ours", "GET", "/v1/hosts?cursor=abc", "", 400, "\"parameter\":\"cursor\"" },
	{ "a cursor cut off", "GET", "/v1/hosts?cursor=1-0-0-1-00000000000000000000ffffc633", "", 400, "\"parameter\":\"cursor\"" },
	{ "a cursor with more behind", "GET", "/v1/hosts?cursor=0-0-0-1-00", "", 400, "\"parameter\":\"cursor\"" },
	{ "pages and addresses do not mix", "GET", "/v1/hosts?limit=5&ip=192.0.2.7", "", 400, "\"parameter\":\"ip\"" },
	{ "nor the other way round", "GET", "/v1/hosts?ip=192.0.2.7&limit=5", "", 400, "\"parameter\":\"limit\"" },

	{ "systems", "GET", "/v1/os", "", 200, "{\"hosts\":0,\"complete\":false,\"systems\":[]}" },
	{ "systems take no parameter", "GET", "/v1/os?os=Linux", "", 400, "\"parameter\":\"os\"" },
	{ "history", "GET", "/v1/history", "", 200, "{\"by\":\"minute\",\"step_s\":60," },
	{ "history by hour", "GET", "/v1/history?by=hour", "", 200, "{\"by\":\"hour\",\"step_s\":3600," },
	{ "history by day", "GET", "/v1/history?by=day", "", 400, "\"parameter\":\"by\"" },
	{ "history since when", "GET", "/v1/history?since=-1", "", 400, "\"parameter\":\"since\"" },
	{ "history with something else", "GET", "/v1/history?until=5", "", 400, "\"parameter\":\"until\"" },
	{ "events take no parameter", "GET", "/v1/events?after=5", "", 400, "\"parameter\":\"after\"" },
	{ "case matters", "GET", "/v1/hosts?IP=192.0.2.7", "", 400, "\"parameter\":\"IP\"" },
	{ "an empty pair", "GET", "/v1/hosts?ip=192.0.2.7&&ip=192.0.2.8", "", 400, "malformed" },
	{ "a dangling ampersand", "GET", "/v1/hosts?ip=192.0.2.7&", "", 400, NULL },
	{ "no name", "GET", "/v1/hosts?=192.0.2.7", "", 400, "malformed" },
	{ "bad encoding in a name", "GET", "/v1/hosts?%zz=1", "", 400, "malformed" },
	{ "a hostile name is escaped", "GET", "/v1/hosts?%22%3Cscript%3E=1", "", 400, "\"parameter\":\"\\\"" },
	{ "a long name", "GET", "/v1/hosts?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1", "", 400, "malformed" },
	{ "two question marks", "GET", "/v1/hosts?ip=192.0.2.7?ip=192.0.2.8", "", 400, "\"parameter\":\"ip\"" },

	{ "stats", "GET", "/v1/stats", "", 200, "\"version\":\"" },
	{ "stats take no parameter", "GET", "/v1/stats?all=1", "", 400, "\"parameter\":\"all\"" },
	{ "health", "GET", "/healthz", "", 200, "{\"status\":\"ok\"}" },
	{ "metrics", "GET", "/metrics", "", 200, "fingerpost_frames_total{queue=\"0\",source=\"eth0/0\"} 100\n" },
	{ "a label's value is escaped", "GET", "/metrics", "", 200, "source=\"eth\\\"1\\\\/0\"" },
	{ "the page", "GET", "/", "", 200, "<!doctype html>" },
	{ "the page's script", "GET", "/page.js", "", 200, "Content-Type: text/javascript; charset=utf-8\r\n" },
	{ "its charts", "GET", "/chart.js", "", 200, "Chart.js v3" },
	{ "it takes no parameter", "GET", "/?x=1", "", 400, "\"parameter\":\"x\"" },
	{ "description", "GET", "/openapi.json", "", 200, "\"openapi\": \"3.1.0\"" },

	{ "nothing there", "GET", "/v1/nothing", "", 404, "\"title\":\"Not Found\"" },
	{ "favicon", "GET", "/favicon.ico", "", 404, NULL },
	{ "longer than a path", "GET", "/v1/stats/", "", 404, NULL },
	{ "two slashes", "GET", "//v1/stats", "", 404, NULL },
	{ "dots", "GET", "/v1/../v1/stats", "", 404, NULL },
	{ "encoded slash", "GET", "/v1%2fstats", "", 404, NULL },

	{ "POST", "POST", "/v1/stats", "Content-Length: 0\r\n", 405, "Allow: GET, HEAD\r\n" },
	{ "PUT", "PUT", "/v1/hosts/192.0.2.7", "Content-Length: 0\r\n", 405, "Allow: GET, HEAD\r\n" },
	{ "DELETE", "DELETE", "/v1/hosts/192.0.2.7", "", 405, "Allow: GET, HEAD\r\n" },
	{ "OPTIONS: no CORS", "OPTIONS", "/v1/stats", "Origin: http://evil.example\r\nAccess-Control-Request-Method: GET\r\n", 405, NULL },
	{ "OPTIONS *", "OPTIONS", "*", "", 405, NULL },
	{ "TRACE", "TRACE", "/", "", 405, NULL },
	{ "CONNECT", "CONNECT", "evil.example:25", "", 405, NULL },
	{ "methods have case", "get", "/", "", 405, NULL },
	{ "unheard of", "BREW", "/pot", "", 405, NULL },
	{ "a whole URI, as to a proxy", "GET", "http://localhost:8025/healthz", "", 200, "ok" },
	{ "a whole URI of another host", "GET", "http://evil.example/healthz", "", 403, NULL },
	{ "a whole URI without path", "GET", "http://localhost", "", 200, "<!doctype html>" },
	{ "no path at all", "GET", "healthz", "", 400, NULL },
	{ "an Origin changes nothing", "GET", "/healthz", "Origin: http://evil.example\r\n", 200, "ok" },
};

static void test_answers(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply r = ask(&f, rows[i].method, rows[i].target, rows[i].headers);

		if (r.status != rows[i].status)
			fail_msg("%s: got %u, want %u: %s", rows[i].why, r.status, rows[i].status, r.text);
		if (rows[i].has != NULL && strstr(r.text, rows[i].has) == NULL)
			fail_msg("%s: no %s in: %s", rows[i].why, rows[i].has, r.text);
		check_headers(rows[i].why, &r);
		if (r.status >= 400)
			check_problem(rows[i].why, &r);
		free(r.text);
	}
	fixture_close(&f);
}

static void test_head(void **state)
{
	static const char *const targets[] = { "/", "/healthz", "/v1/hosts/192.0.2.7", "/v1/hosts/192.0.2.8", "/v1/nothing" };
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct reply head = ask(&f, "HEAD", targets[i], ""), get = ask(&f, "GET", targets[i], "");
		char length[64];

		assert_int_equal(head.status, get.status);
		assert_int_equal(head.body_len, 0);
		snprintf(length, sizeof length, "Content-Length: %zu\r\n", get.body_len);
		if (strstr(head.text, length) == NULL)
			fail_msg("HEAD %s: no %s in: %s", targets[i], length, head.text);
		free(head.text);
		free(get.text);
	}
	fixture_close(&f);
}

static const struct {
	const char *why, *host;
	enum request_host want;
} host_rows[] = {
	{ "plain", "localhost", REQUEST_HOST_OURS },
	{ "any port", "localhost:8025", REQUEST_HOST_OURS },
	{ "case", "LocalHost", REQUEST_HOST_OURS },
	{ "loopback", "127.0.0.1:8025", REQUEST_HOST_OURS },
	{ "all of loopback", "127.9.8.7", REQUEST_HOST_OURS },
	{ "IPv6 loopback", "[::1]:8025", REQUEST_HOST_OURS },
	{ "v4-mapped loopback", "[::ffff:127.0.0.1]", REQUEST_HOST_OURS },
	{ "the address that was dialled", "192.0.2.25", REQUEST_HOST_OURS },
	{ "configured", "mx.example.org", REQUEST_HOST_OURS },
	{ "configured, port and case", "MX.example.ORG:80", REQUEST_HOST_OURS },
	{ "space behind (RFC 9110 5.5)", "localhost \t", REQUEST_HOST_OURS },
	{ "a rebound name", "evil.example", REQUEST_HOST_FOREIGN },
	{ "ours is only a part", "mx.example.org.evil.example", REQUEST_HOST_FOREIGN },
	{ "ours is only the end", "evil-localhost", REQUEST_HOST_FOREIGN },
	{ "name that looks like loopback", "127.0.0.1.evil.example", REQUEST_HOST_FOREIGN },
	{ "another address", "192.0.2.26", REQUEST_HOST_FOREIGN },
	{ "IPv6 of another", "[2001:db8::1]", REQUEST_HOST_FOREIGN },
	{ "any address is no loopback", "0.0.0.0", REQUEST_HOST_FOREIGN },
	{ "empty", "", REQUEST_HOST_BAD },
	{ "port alone", ":8025", REQUEST_HOST_BAD },
	{ "no port after the colon's letter", "localhost:80a", REQUEST_HOST_BAD },
	{ "user", "localhost@evil.example", REQUEST_HOST_BAD },
	{ "two", "localhost, evil.example", REQUEST_HOST_BAD },
	{ "no address though digits", "127.1", REQUEST_HOST_BAD },
	{ "octal", "0177.0.0.1", REQUEST_HOST_BAD },
	{ "brackets not closed", "[::1", REQUEST_HOST_BAD },
	{ "IPv6 without brackets", "::1", REQUEST_HOST_BAD },
	{ "zone", "[fe80::1%25eth0]", REQUEST_HOST_BAD },
	{ "slash", "localhost/..", REQUEST_HOST_BAD },
	{ "beyond ASCII", "localh\xc3\xb6st", REQUEST_HOST_BAD },
};

static void test_host(void **state)
{
	struct fp_addr local;

	(void)state;
	assert_int_equal(fp_addr_parse(&local, "192.0.2.25"), 0);
	for (size_t i = 0; i < ARRAY_LEN(host_rows); i++) {
		const enum request_host got = request_host(host_rows[i].host, &local, host_names);

		if (got != host_rows[i].want)
			fail_msg("%s: \"%s\": got %d, want %d", host_rows[i].why, host_rows[i].host, got, host_rows[i].want);
	}
	assert_int_equal(request_host("192.0.2.25", NULL, NULL), REQUEST_HOST_FOREIGN);
}

/* Bytes as no library would send them: 0 = closed without an answer, or any 4xx or 505. */
static const struct {
	const char *why, *bytes;
	unsigned status;
} raw_rows[] = {
	{ "HTTP/1.0 needs no Host", "GET /healthz HTTP/1.0\r\n\r\n", 200 },
	{ "HTTP/1.1 does", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400 },
	{ "two of them", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400 },
	{ "empty", "GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 400 },
	{ "foreign", "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 403 },
	{ "foreign in HTTP/1.0", "GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", 403 },
	{ "configured", "GET /healthz HTTP/1.1\r\nHost: mx.example.org:8025\r\nConnection: close\r\n\r\n", 200 },
	{ "X-Forwarded-Host is not Host", "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\nConnection: close\r\n\r\n", 403 },
	{ "a body", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 400 },
	{ "PUT with a body", "PUT /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 405 },
	{ "a body in pieces", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 400 },
	{ "a request in a body is none", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 45\r\n\r\nGET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n    ", 400 },
	{ "nothing", "", 0 },
	{ "line ends", "\r\n\r\n\r\n\r\n", 0 },
	{ "no version", "GET /healthz\r\n\r\n", 0 },
	{ "version 2", "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 0 },
	{ "version 9", "GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n", 0 },
	{ "another protocol", "SSH-2.0-OpenSSH_9.2\r\n", 0 },
	{ "TLS", "\x16\x03\x01\x02\x01\x01\xfc\x03\x03", 0 },
	{ "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0 },
	{ "negative length", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 0 },
	{ "huge length", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n", 0 },
	{ "space in a target", "GET /v1/hosts/192.0.2.7 x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 0 },
	{ "cut off", "GET /healthz HTTP/1.1\r\nHost: loc", 0 },
};

static void test_raw(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(raw_rows); i++) {
		struct reply r = ask_bytes(&f, raw_rows[i].bytes, strlen(raw_rows[i].bytes));
		const unsigned want = raw_rows[i].status;

		if (want != 0 ? r.status != want : r.status != 0 && r.status < 400)
			fail_msg("%s: got %u, want %u: %s", raw_rows[i].why, r.status, want, r.text);
		const char *first_end = strstr(r.text, "\r\n\r\n");

		/* libmicrohttpd writes a refusal of its own twice where Content-Length is no number: no harm. */
		if (first_end != NULL && strstr(first_end, "HTTP/1.1 2") != NULL)
			fail_msg("%s: a second answer: %s", raw_rows[i].why, r.text);
		free(r.text);
	}
	fixture_close(&f);
}

/* Requests that are changed, cut and doubled at random: the service must go on. */
static void test_mutated(void **state)
{
	static const char seed[] = "GET /v1/hosts?ip=192.0.2.7&ip=2001%3Adb8::7 HTTP/1.1\r\nHost: localhost:8025\r\nAccept: */*\r\n\r\n";
	struct fixture f;
	uint64_t x = 88172645463325252u;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (unsigned i = 0; i < 600; i++) {
		char bytes[sizeof seed];
		size_t len = sizeof seed - 1;

		memcpy(bytes, seed, len);
		for (unsigned k = 0; k < 1 + i % 5; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17; /* Marsaglia 2003 */
			bytes[x % len] = (char)(x >> 32);
		}
		if (i % 7 == 0)
			len = x % len;
		free(ask_bytes(&f, bytes, len).text);
	}
	struct reply r = ask(&f, "GET", "/healthz", "");

	assert_int_equal(r.status, 200);
	free(r.text);
	fixture_close(&f);
}

static char *many_hosts(unsigned n, const char *addr)
{
	char *target = malloc(64 + n * (strlen(addr) + 4)), *at = target;

	assert_non_null(target);
	at += sprintf(at, "/v1/hosts?");
	for (unsigned i = 0; i < n; i++)
		at += sprintf(at, "%sip=%s", i > 0 ? "&" : "", addr);
	return target;
}

static void test_sizes(void **state)
{
	static const struct {
		const char *why, *addr;
		unsigned n, status;
	} sizes[] = {
		{ "a thousand", "192.0.2.7", 1000, 200 },
		{ "a thousand, as long as they get", "2001:0db8:1111:2222:3333:4444:5555:0007", 1000, 200 },
		{ "one more", "192.0.2.7", 1001, 400 },
		{ "far too much", "2001:0db8:1111:2222:3333:4444:5555:0007", 5000, 0 },
	};
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *target = many_hosts(sizes[i].n, sizes[i].addr);
		struct reply r = ask(&f, "GET", target, "");

		if (sizes[i].status != 0 ? r.status != sizes[i].status : r.status == 200)
			fail_msg("%s: got %u, want %u: %.300s", sizes[i].why, r.status, sizes[i].status, r.text);
		if (r.status == 200) {
			json_t *doc = parse(&r);

			assert_int_equal(json_array_size(json_object_get(doc, "hosts")), sizes[i].n);
			json_decref(doc);
		}
		free(target);
		free(r.text);
	}
	static char path[50000];

	memset(path, 'a', sizeof path - 1);
	path[0] = '/';
	struct reply r = ask(&f, "GET", path, "");

	assert_int_equal(r.status, 414);
	check_problem("a path of 50 kB", &r);
	free(r.text);
	fixture_close(&f);
}

static void test_keep_alive(void **state)
{
	static const char two[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
				  "GET /v1/hosts/192.0.2.8 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	struct fixture f;
	bool ended;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	const int fd = dial(&f);

	say(fd, two, sizeof two - 1);
	char *text = hear(fd, NULL, 5000, &ended);

	assert_true(ended);
	const char *first = strstr(text, "HTTP/1.1 200 "), *second = strstr(text, "HTTP/1.1 404 ");

	assert_true(first == text && second > first);
	free(text);
	close(fd);
	fixture_close(&f);
}

static void test_other_sockets(void **state)
{
	struct fixture f;
	char path[64];

	(void)state;
	fixture_open(&f, AF_INET6, NULL, NULL);
	static const char over_v6[] = "GET /healthz HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close\r\n\r\n";
	struct reply r = ask_bytes(&f, over_v6, sizeof over_v6 - 1);

	assert_int_equal(r.status, 200);
	free(r.text);
	fixture_close(&f);

	snprintf(path, sizeof path, "/tmp/fingerpost-test-http-%ld", (long)getpid());
	fixture_open(&f, AF_UNIX, path, NULL);
	r = ask(&f, "GET", "/v1/hosts/192.0.2.7", "");
	assert_int_equal(r.status, 200);
	free(r.text);
	fixture_close(&f);
	unlink(path);
}

/* Waits for the end of a connection; how long it took in ms, -1: it did not end. */
static int64_t wait_end(int fd, int timeout_ms)
{
	struct timespec a, b;
	char byte;

	clock_gettime(CLOCK_MONOTONIC, &a);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, timeout_ms) <= 0 || recv(fd, &byte, 1, 0) > 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}

static uint64_t refused(const struct fixture *f)
{
	return counters_get(f->counters, C_HTTP_REFUSED, COUNTERS_SUM);
}

/* A good client is served within a time that no stuck one explains. */
static void check_served(const struct fixture *f)
{
	struct reply r = ask(f, "GET", "/healthz", "");

	assert_int_equal(r.status, 200);
	free(r.text);
}

static void limits(unsigned all, unsigned per_ip, unsigned opened)
{
	const struct http_conf conf = { .connections_max = all, .connections_per_ip = per_ip };
	const unsigned most = all < per_ip ? all : per_ip;
	struct fixture f;
	int fd[64];

	fixture_open(&f, AF_INET, NULL, &conf);
	for (unsigned i = 0; i < opened; i++) {
		fd[i] = dial(&f);
		if (i < most)
			say_text(fd[i], "GET / HTTP/1.1\r\n");
		else if (wait_end(fd[i], 3000) < 0)
			fail_msg("connection %u of %u is left hanging", i + 1, most);
	}
	assert_int_equal(refused(&f), opened - most);
	for (unsigned i = 0; i < most; i++)
		assert_int_equal(recv(fd[i], &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	for (unsigned i = 0; i < opened; i++)
		close(fd[i]);
	nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	check_served(&f);
	fixture_close(&f);
}

static void test_limits(void **state)
{
	(void)state;
	limits(8, 64, 20);
	limits(64, 5, 12);
}

static void test_slow(void **state)
{
	static const char drip[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const struct http_conf conf = { .request_deadline_ms = 700 };
	struct fixture f;
	struct timespec a, b;
	unsigned sent = 0;
	int fd[10];

	(void)state;
	fixture_open(&f, AF_INET, NULL, &conf);
	for (unsigned i = 0; i < ARRAY_LEN(fd); i++)
		fd[i] = dial(&f);
	clock_gettime(CLOCK_MONOTONIC, &a);
	/* A byte each 50 ms is never idle. */
	while (sent < 60 && refused(&f) < ARRAY_LEN(fd)) {
		for (unsigned i = 0; i < ARRAY_LEN(fd); i++)
			say(fd[i], drip + sent, 1);
		sent++;
		if (sent % 5 == 0)
			check_served(&f);
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	const int64_t ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;

	if (ms < 600 || ms > 2500)
		fail_msg("slow clients were cut off after %lld ms, deadline 700", (long long)ms);
	for (unsigned i = 0; i < ARRAY_LEN(fd); i++) {
		assert_true(wait_end(fd[i], 1000) >= 0);
		close(fd[i]);
	}
	check_served(&f);
	fixture_close(&f);
}

/* Between requests idle_timeout_s is allowed, no more. */
static void test_idle(void **state)
{
	const struct http_conf conf = { .idle_timeout_s = 1 };
	struct fixture f;
	char first[64];

	(void)state;
	fixture_open(&f, AF_INET, NULL, &conf);
	const int fd = dial(&f);

	say_text(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(recv(fd, first, sizeof first, 0) > 0);
	while (recv(fd, first, sizeof first, 0) > 0)
		;
	close(fd);
	fixture_close(&f);
}

/* A client that asks for much and does not read is cut off, too. */
static void test_unread(void **state)
{
	const struct http_conf conf = { .request_deadline_ms = 700 };
	struct fixture f;
	const int small = 4096;

	(void)state;
	fixture_open(&f, AF_INET, NULL, &conf);
	/* Small requests: what libmicrohttpd has read of those that wait takes no room that it needs for answers. */
	static const char request[] = "GET /chart.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
	const int fd = dial(&f);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	/* One by one until the kernel takes no more of the answers, then nothing moves. */
	for (unsigned i = 0; i < 600 && refused(&f) == 0; i++) {
		if (i < 100)
			say_text(fd, request);
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	assert_int_equal(refused(&f), 1);
	close(fd);
	check_served(&f);
	fixture_close(&f);
}

static void test_health(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	const int64_t beat = atomic_load(&f.matcher->a_beat_ms);

	atomic_store(&f.matcher->a_beat_ms, beat - PULSE_LATE_MS - 1000);
	struct reply r = ask(&f, "GET", "/healthz", "");

	assert_int_equal(r.status, 503);
	assert_non_null(strstr(r.body, "matcher 0"));
	check_problem("late thread", &r);
	free(r.text);

	pulse_end(f.matcher); /* in order, as at the end of a file: no fault */
	check_served(&f);

	atomic_store(&a_store_rc, FP_ENOSTORE);
	r = ask(&f, "GET", "/healthz", "");
	assert_int_equal(r.status, 503);
	assert_non_null(strstr(r.body, "no usable store"));
	assert_non_null(strstr(r.text, "Retry-After: 1\r\n"));
	free(r.text);
	fixture_close(&f);
}

static void test_no_store(void **state)
{
	static const int codes[] = { FP_ENOSTORE, FP_ESTALE, FP_EVERSION, FP_EFORMAT, FP_EDAMAGED };
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		atomic_store(&a_store_rc, codes[i]);
		struct reply one = ask(&f, "GET", "/v1/hosts/192.0.2.7", ""), more = ask(&f, "GET", "/v1/hosts?ip=192.0.2.7", ""),
			     stats = ask(&f, "GET", "/v1/stats", ""), metrics = ask(&f, "GET", "/metrics", "");

		assert_int_equal(one.status, 503);
		assert_int_equal(more.status, 503);
		assert_int_equal(stats.status, 200);
		assert_non_null(strstr(stats.body, "\"usable\":false,\"reason\":\""));
		assert_non_null(strstr(metrics.body, "fingerpost_store_usable 0\n"));
		free(one.text);
		free(more.text);
		free(stats.text);
		free(metrics.text);
	}
	fixture_close(&f);
}

/* Every counter of the table is there, in its rows and in the sum. */
static void test_stats(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	struct reply r = ask(&f, "GET", "/v1/stats", "");
	json_t *doc = parse(&r), *sum = json_object_get(doc, "sum"), *queues = json_object_get(doc, "queues");
	json_t *q1 = json_array_get(queues, 1), *m0 = json_array_get(json_object_get(doc, "matchers"), 0);

	assert_int_equal(json_array_size(queues), 2);
	for (enum counter c = 0; c < COUNTER_COUNT; c++) {
		const struct counter_info *info = counter_info(c);
		json_t *row = info->owner == COUNTER_QUEUE ? q1 : info->owner == COUNTER_MATCHER ? m0 :
		    json_object_get(doc, info->owner == COUNTER_WRITER ? "writer" : "services");

		if (info->cause != NULL) {
			number(json_object_get(row, info->name), info->cause);
			number(json_object_get(sum, info->name), info->cause);
		} else {
			number(row, info->name);
			number(sum, info->name);
		}
	}
	assert_int_equal(number(sum, "frames"), 111);
	assert_int_equal(number(q1, "frames"), 11);
	assert_int_equal(number(sum, "matched"), 90);
	assert_int_equal(number(json_object_get(q1, "undecodable"), "short_ip"), 5);
	assert_int_equal(number(sum, "pending"), 3);
	assert_int_equal(number(sum, "hosts"), 2);
	assert_int_equal(number(json_object_get(doc, "services"), "http_connections"), 1);
	assert_string_equal(json_string_value(json_object_get(q1, "source")), "eth\"1\\/0");
	assert_string_equal(json_string_value(json_object_get(doc, "started")), "2025-11-24T16:00:00Z");
	json_decref(doc);
	free(r.text);
	fixture_close(&f);
}

/* What Prometheus' linter asks for: help and type before the first sample, names, _total for counters alone, no sample twice. */
static void test_metrics(void **state)
{
	struct fixture f;
	char name[128] = "", type[16] = "", seen[64][256];
	unsigned samples = 0;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	struct reply r = ask(&f, "GET", "/metrics", "");

	assert_non_null(strstr(r.text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_int_equal(r.body[r.body_len - 1], '\n');
	for (char *save, *line = strtok_r((char *)(uintptr_t)r.body, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		const size_t len = strlen(name);

		if (strncmp(line, "# HELP ", 7) == 0) {
			if (sscanf(line, "# HELP %127s %*c", name) != 1)
				fail_msg("help: %s", line);
			type[0] = '\0';
			continue;
		}
		if (strncmp(line, "# TYPE ", 7) == 0) {
			char of[128];

			if (sscanf(line, "# TYPE %127s %15s", of, type) != 2 || strcmp(of, name) != 0)
				fail_msg("type: %s", line);
			const bool total = strlen(of) > 6 && strcmp(of + strlen(of) - 6, "_total") == 0;

			if (total != (strcmp(type, "counter") == 0))
				fail_msg("_total is for counters alone: %s", line);
			continue;
		}
		/* A histogram's samples have further names. */
		const char *behind = line + len;
		const bool ours = strncmp(line, "fingerpost_", 11) == 0 && strncmp(line, name, len) == 0;

		if (ours && strcmp(type, "histogram") == 0)
			behind += strncmp(behind, "_bucket{", 8) == 0 ? 7 : strncmp(behind, "_sum ", 5) == 0 ? 4 : strncmp(behind, "_count ", 7) == 0 ? 6 : 0;
		if (!ours || (*behind != '{' && *behind != ' ') || type[0] == '\0')
			fail_msg("a sample without help and type, or of another: %s", line);
		snprintf(seen[samples % ARRAY_LEN(seen)], sizeof seen[0], "%.*s", (int)(strrchr(line, ' ') - line), line);
		for (unsigned i = 0; i < samples && i < ARRAY_LEN(seen); i++)
			if (i != samples % ARRAY_LEN(seen) && strcmp(seen[i], seen[samples % ARRAY_LEN(seen)]) == 0)
				fail_msg("twice: %s", line);
		samples++;
	}
	assert_true(samples >= COUNTER_COUNT);
	free(r.text);
	fixture_close(&f);
}

static void test_description(void **state)
{
	static const struct {
		const char *path, *target;
	} asked[] = {
		{ "/", "/" },
		{ "/healthz", "/healthz" },
		{ "/healthz", "/healthz?x" },
		{ "/metrics", "/metrics" },
		{ "/openapi.json", "/openapi.json" },
		{ "/v1/hosts/{address}", "/v1/hosts/192.0.2.7" },
		{ "/v1/hosts/{address}", "/v1/hosts/192.0.2.8" },
		{ "/v1/hosts/{address}", "/v1/hosts/x" },
		{ "/v1/hosts", "/v1/hosts?ip=192.0.2.7&ip=192.0.2.8" },
		{ "/v1/hosts", "/v1/hosts" },
		{ "/v1/hosts", "/v1/hosts?limit=3&os=windows" },
		{ "/v1/hosts", "/v1/hosts?cursor=x" },
		{ "/v1/os", "/v1/os" },
		{ "/v1/os", "/v1/os?x" },
		{ "/v1/history", "/v1/history" },
		{ "/v1/history", "/v1/history?by=hour&since=1" },
		{ "/v1/history", "/v1/history?by=x" },
		{ "/v1/events", "/v1/events?x" },
		{ "/v1/stats", "/v1/stats" },
	};
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	struct reply r = ask(&f, "GET", "/openapi.json", "");

	openapi = parse(&r);
	free(r.text);
	for (unsigned broken = 0; broken < 2; broken++) {
		atomic_store(&a_store_rc, broken ? FP_ENOSTORE : 0);
		for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
			r = ask(&f, "GET", asked[i].target, "");
			check_described(asked[i].path, &r);
			free(r.text);
		}
	}
	/* And nothing is described that is not held against it above. */
	json_t *member;
	const char *path;

	json_object_foreach (json_object_get(openapi, "paths"), path, member) {
		bool met = false;

		for (size_t i = 0; i < ARRAY_LEN(asked); i++)
			met = met || strcmp(asked[i].path, path) == 0;
		if (!met)
			fail_msg("%s is described and not tested", path);
	}
	json_decref(openapi);
	fixture_close(&f);
}

static void test_token(void **state)
{
	static const struct {
		const char *why, *headers;
		unsigned status;
	} tries[] = {
		{ "right", "Authorization: Bearer s3cret-42\r\n", 200 },
		{ "the scheme has no case", "authorization: bearer s3cret-42\r\n", 200 },
		{ "none", "", 401 },
		{ "another", "Authorization: Bearer s3cret-43\r\n", 401 },
		{ "shorter", "Authorization: Bearer s3cret-4\r\n", 401 },
		{ "longer", "Authorization: Bearer s3cret-42s3cret-42\r\n", 401 },
		{ "empty", "Authorization: Bearer \r\n", 401 },
		{ "another scheme", "Authorization: Basic s3cret-42\r\n", 401 },
		{ "two", "Authorization: Bearer s3cret-42\r\nAuthorization: Bearer s3cret-42\r\n", 401 },
	};
	const struct http_conf conf = { .token = "s3cret-42" };
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, &conf);
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		struct reply r = ask(&f, "GET", "/v1/stats", tries[i].headers);

		if (r.status != tries[i].status)
			fail_msg("%s: got %u, want %u: %s", tries[i].why, r.status, tries[i].status, r.text);
		if (r.status == 401) {
			check_problem(tries[i].why, &r);
			assert_non_null(strstr(r.text, "WWW-Authenticate: Bearer"));
		}
		free(r.text);
	}
	fixture_close(&f);
}

static void test_start_fails(void **state)
{
	struct fixture f;
	struct http *http;
	char why[HTTP_WHY];

	(void)state;
	memset(&f, 0, sizeof f);
	fixture_counters(&f);
	const struct http_conf conf = { .listen_fd = 1 << 20, .counters = f.counters };

	assert_true(http_start(&http, &conf, why) < 0);
	assert_null(http);
	assert_non_null(strstr(why, "listening socket"));
	http_stop(&http);
	counters_destroy(&f.counters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_other_sockets),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_no_store),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_start_fails),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
