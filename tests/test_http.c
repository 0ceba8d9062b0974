/*
 * The HTTP service over raw sockets: every answer, every refusal, hostile and slow clients. The store is a stand-in (below),
 * so that each of its errors can be had.
 */
#include "tests/test.h"

#include "api/http.h"
#include "api/request.h"
#include "store/reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* ---- A store of two hosts ----------------------------------------------------------------- */

static _Atomic int a_store_rc; /* what every call of the store says; 0 = it works */

int fp_lookup(struct fp_store *store, const struct fp_addr *addr, struct fp_answer *out)
{
	static const struct fp_host host = { .label = 7, .first_seen = 1764000000, .last_seen = 1764000100, .connections = 3,
		.handshakes = 2, .mss = 1460, .win = 8192, .ttl = 118, .wscale = 8, .distance = 10, .quirks = 0,
		.match = FP_MATCH_EXACT, .confirmed = true, .layout = 1 };
	const int rc = atomic_load(&a_store_rc);

	(void)store;
	if (rc != 0)
		return rc;
	if (addr->b[15] != 7)
		return FP_ENOTFOUND;
	*out = (struct fp_answer){ .addr = *addr, .host = host, .klass = "win", .name = "Windows",
		.flavor = "</script>\"\\\x01", .layout = "mss,nop,ws,nop,nop,sok", .link = "Ethernet or modem" };
	return 0;
}

int fp_info(struct fp_store *store, struct fp_info *out)
{
	const int rc = atomic_load(&a_store_rc);

	(void)store;
	if (rc == 0)
		*out = (struct fp_info){ .live = true, .now_ns = 1764000100000000000, .written_ns = 1764000101000000000,
			.bytes = 65536, .commits = 12 };
	return rc;
}

/* Stands in for all of the reader that is asked for, or the linker takes the real one. */
const char *fp_candidate(unsigned code, const char **flavor)
{
	(void)code;
	*flavor = NULL;
	return NULL;
}

/* ---- The service -------------------------------------------------------------------------- */

struct fixture {
	struct http *http;
	struct counters *counters;
	struct pulse_board *board;
	struct pulse *matcher;
	int listen_fd;
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

static const char *const queue_names[] = { "eth0/0", "eth\"1\\/0", NULL };
static const char *const host_names[] = { "mx.example.org", NULL };

static void fixture_listen(struct fixture *f, int family, const char *path)
{
	memset(&f->addr, 0, sizeof f->addr);
	if (family == AF_UNIX) {
		struct sockaddr_un *un = (struct sockaddr_un *)&f->addr;

		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof un->sun_path, "%s", path);
		unlink(path);
		f->addr_len = sizeof *un;
	} else if (family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&f->addr;

		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_loopback;
		f->addr_len = sizeof *in6;
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)&f->addr;

		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		f->addr_len = sizeof *in;
	}
	f->listen_fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->listen_fd >= 0);
	assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&f->addr, f->addr_len), 0);
	assert_int_equal(listen(f->listen_fd, 64), 0);
	assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&f->addr, &f->addr_len), 0);
}

static void fixture_counters(struct fixture *f)
{
	assert_int_equal(counters_create(&f->counters, 2, 1), 0);
	struct counter_row *q0 = counters_row(f->counters, COUNTER_QUEUE, 0), *q1 = counters_row(f->counters, COUNTER_QUEUE, 1);

	counter_add(q0, C_FRAMES, 100);
	counter_add(q1, C_FRAMES, 11);
	counter_add(q1, counter_undecodable(PKT_SHORT_IP), 5);
	counter_add(counters_row(f->counters, COUNTER_MATCHER, 0), C_CHANGED, 9);
	counter_add(counters_row(f->counters, COUNTER_WRITER, 0), C_WRITTEN, 6);
	counter_set(counters_row(f->counters, COUNTER_WRITER, 0), C_HOSTS, 2);
	atomic_store_explicit(counters_matched(f->counters, 0, 0), 90, memory_order_relaxed);
}

static void fixture_open(struct fixture *f, int family, const char *path, const struct http_conf *limits)
{
	struct http_conf conf = limits != NULL ? *limits : (struct http_conf){ 0 };
	char why[HTTP_WHY];

	memset(f, 0, sizeof *f);
	atomic_store(&a_store_rc, 0);
	fixture_listen(f, family, path);
	fixture_counters(f);
	f->board = mmap(NULL, sizeof *f->board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(f->board != MAP_FAILED);
	f->matcher = pulse_add(f->board, "matcher 0");
	conf.listen_fd = f->listen_fd;
	conf.counters = f->counters;
	conf.pulses = f->board;
	conf.queue_names = queue_names;
	conf.started_s = 1764000000;
	conf.hosts = host_names;
	if (http_start(&f->http, &conf, why) != 0)
		fail_msg("http_start: %s", why);
}

static void fixture_close(struct fixture *f)
{
	http_stop(&f->http);
	assert_null(f->http);
	/* The socket is still the caller's. */
	assert_int_equal(close(f->listen_fd), 0);
	counters_destroy(&f->counters);
	munmap(f->board, sizeof *f->board);
}

/* ---- A client ----------------------------------------------------------------------------- */

static int dial(const struct fixture *f)
{
	const int fd = socket(f->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&f->addr, f->addr_len), 0);
	return fd;
}

/* Gives up quietly where the other side has closed: some are meant to be cut off. */
static void say(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		const ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static void say_text(int fd, const char *text)
{
	say(fd, text, strlen(text));
}

/* All until the end of the stream, at most timeout_ms between two pieces; NUL-terminated, to be freed. *ended: it ended. */
static char *hear(int fd, size_t *len, int timeout_ms, bool *ended)
{
	size_t room = 65536, n = 0;
	char *text = malloc(room);

	assert_non_null(text);
	*ended = false;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, timeout_ms) <= 0)
			break;
		if (n + 1 == room) {
			text = realloc(text, room *= 2);
			assert_non_null(text);
		}
		const ssize_t got = recv(fd, text + n, room - n - 1, 0);

		if (got <= 0) {
			*ended = true;
			break;
		}
		n += (size_t)got;
	}
	text[n] = '\0';
	if (len != NULL)
		*len = n;
	return text;
}

struct reply {
	unsigned status; /* 0: none came */
	char *text;      /* all of it */
	const char *body;
	size_t body_len;
};

static struct reply ask_bytes(const struct fixture *f, const char *bytes, size_t len)
{
	struct reply r = { 0 };
	const int fd = dial(f);
	size_t n;
	bool ended;

	say(fd, bytes, len);
	shutdown(fd, SHUT_WR);
	r.text = hear(fd, &n, 5000, &ended);
	close(fd);
	if (!ended)
		fail_msg("no end of the answer to: %.60s", bytes);
	if (sscanf(r.text, "HTTP/1.%*1d %3u ", &r.status) != 1)
		r.status = 0;
	const char *gap = strstr(r.text, "\r\n\r\n");

	r.body = gap != NULL ? gap + 4 : r.text + n;
	r.body_len = n - (size_t)(r.body - r.text);
	return r;
}

static struct reply ask(const struct fixture *f, const char *method, const char *target, const char *headers)
{
	const size_t room = strlen(target) + 4096;
	char *text = malloc(room);

	assert_non_null(text);
	const int n = snprintf(text, room, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, target, headers);
	const struct reply r = ask_bytes(f, text, (size_t)n);

	free(text);
	return r;
}

static json_t *parse(const struct reply *r)
{
	json_error_t error;
	json_t *doc = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, &error);

	if (doc == NULL)
		fail_msg("no JSON (%s): %s", error.text, r->body);
	return doc;
}

/* What every answer of ours carries. */
static void check_headers(const char *why, const struct reply *r)
{
	static const char *const wanted[] = { "X-Content-Type-Options: nosniff\r\n",
		"Content-Security-Policy: default-src 'none'", "Cache-Control: no-store\r\n", "Content-Type: " };

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (strstr(r->text, wanted[i]) == NULL)
			fail_msg("%s: no %s in: %s", why, wanted[i], r->text);
	if (strstr(r->text, "Access-Control") != NULL)
		fail_msg("%s: CORS", why);
}

static void check_problem(const char *why, const struct reply *r)
{
	if (strstr(r->text, "Content-Type: application/problem+json\r\n") == NULL)
		fail_msg("%s: no problem document: %s", why, r->text);
	json_t *doc = parse(r);

	if (json_integer_value(json_object_get(doc, "status")) != r->status)
		fail_msg("%s: the document has another status: %s", why, r->body);
	json_decref(doc);
}

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
	{ "none", "GET", "/v1/hosts", "", 400, "\"parameter\":\"ip\"" },
	{ "none, with a question mark", "GET", "/v1/hosts?", "", 400, "\"parameter\":\"ip\"" },
	{ "empty value", "GET", "/v1/hosts?ip=", "", 400, "\"parameter\":\"ip\"" },
	{ "no value", "GET", "/v1/hosts?ip", "", 400, "\"parameter\":\"ip\"" },
	{ "one of them wrong", "GET", "/v1/hosts?ip=192.0.2.7&ip=1.2.3", "", 400, "\"parameter\":\"ip\"" },
	{ "unknown parameter", "GET", "/v1/hosts?ip=192.0.2.7&colour=red", "", 400, "\"parameter\":\"colour\"" },
	{ "not built yet", "GET", "/v1/hosts?os=Windows", "", 400, "\"parameter\":\"os\"" },
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
	{ "root", "GET", "/", "", 200, "/v1/hosts/ADDRESS" },
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
	{ "a whole URI without path", "GET", "http://localhost", "", 200, "paths" },
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
	char *target = many_hosts(1000, "192.0.2.7");
	const int fd = dial(&f);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	/* One by one until the kernel takes no more of the answers, then nothing moves. */
	for (unsigned i = 0; i < 600 && refused(&f) == 0; i++) {
		if (i < 60) {
			say_text(fd, "GET ");
			say_text(fd, target);
			say_text(fd, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
		}
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	assert_int_equal(refused(&f), 1);
	close(fd);
	free(target);
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

static json_int_t number(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("no number %s", key);
	return json_integer_value(value);
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
		if (strncmp(line, "fingerpost_", 11) != 0 || strncmp(line, name, len) != 0 || (line[len] != '{' && line[len] != ' ') || type[0] == '\0')
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

/* ---- The description holds ---------------------------------------------------------------- */

static json_t *openapi;

static json_t *resolve(json_t *schema)
{
	const char *ref;

	while ((ref = json_string_value(json_object_get(schema, "$ref"))) != NULL) {
		char path[256], *save;

		snprintf(path, sizeof path, "%s", ref + 2); /* "#/..." */
		schema = openapi;
		for (char *part = strtok_r(path, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save))
			schema = json_object_get(schema, part);
		if (schema == NULL)
			fail_msg("nothing at %s", ref);
	}
	return schema;
}

static bool type_is(json_t *value, const char *type)
{
	return strcmp(type, "object") == 0  ? json_is_object(value)
	    : strcmp(type, "array") == 0   ? json_is_array(value)
	    : strcmp(type, "string") == 0  ? json_is_string(value)
	    : strcmp(type, "integer") == 0 ? json_is_integer(value)
	    : strcmp(type, "number") == 0  ? json_is_number(value)
	    : strcmp(type, "boolean") == 0 ? json_is_boolean(value)
	    : strcmp(type, "null") == 0    ? json_is_null(value)
					   : false;
}

static bool valid(json_t *schema, json_t *value, char *why);

static bool valid_type(json_t *schema, json_t *value)
{
	json_t *type = json_object_get(schema, "type");

	if (json_is_string(type))
		return type_is(value, json_string_value(type));
	for (size_t i = 0; i < json_array_size(type); i++)
		if (type_is(value, json_string_value(json_array_get(type, i))))
			return true;
	return type == NULL;
}

static bool valid_object(json_t *schema, json_t *value, char *why)
{
	json_t *required = json_object_get(schema, "required"), *more = json_object_get(schema, "additionalProperties");
	json_t *member;
	const char *key;

	for (size_t i = 0; i < json_array_size(required); i++) {
		key = json_string_value(json_array_get(required, i));
		if (json_object_get(value, key) == NULL) {
			snprintf(why, 256, "%s is missing", key);
			return false;
		}
	}
	json_object_foreach (value, key, member) {
		json_t *of = json_object_get(json_object_get(schema, "properties"), key);

		if (of == NULL)
			of = more;
		if (of == NULL || json_is_true(of))
			continue;
		if (json_is_false(of) || !valid(of, member, why)) {
			snprintf(why, 256, "%s does not fit", key);
			return false;
		}
	}
	return true;
}

static bool valid(json_t *schema, json_t *value, char *why)
{
	schema = resolve(schema);
	json_t *any = json_object_get(schema, "anyOf"), *words = json_object_get(schema, "enum");
	bool fits = any == NULL && words == NULL;

	for (size_t i = 0; !fits && i < json_array_size(any); i++)
		fits = valid(json_array_get(any, i), value, why);
	for (size_t i = 0; !fits && i < json_array_size(words); i++)
		fits = json_equal(json_array_get(words, i), value);
	if (!fits || !valid_type(schema, value))
		return false;
	if (json_is_object(value))
		return valid_object(schema, value, why);
	for (size_t i = 0; i < json_array_size(value); i++)
		if (json_object_get(schema, "items") != NULL && !valid(json_object_get(schema, "items"), json_array_get(value, i), why))
			return false;
	return true;
}

/* Holds an answer against what the description says of its path, status and type. */
static void check_described(const char *path, const struct reply *r)
{
	json_t *responses = json_object_get(json_object_get(json_object_get(json_object_get(openapi, "paths"), path), "get"), "responses");
	char status[8], why[256] = "", type[64] = "";

	snprintf(status, sizeof status, "%u", r->status);
	json_t *response = json_object_get(responses, status);

	response = resolve(response != NULL ? response : json_object_get(responses, "default"));
	sscanf(strstr(r->text, "Content-Type: "), "Content-Type: %63[^;\r]", type);
	json_t *schema = json_object_get(json_object_get(json_object_get(response, "content"), type), "schema");

	if (schema == NULL)
		fail_msg("%s: %u, %s is not described", path, r->status, type);
	if (strstr(type, "json") == NULL)
		return;
	json_t *doc = parse(r);

	if (!valid(schema, doc, why))
		fail_msg("%s: %u is not as described: %s: %s", path, r->status, why, r->body);
	json_decref(doc);
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
