/*
 * http_help - the HTTP service over raw sockets, for tests: a store that is a stand-in, so that each of its errors can be had; a client;
 * and whether an answer is as /openapi.json describes it.
 */
#ifndef FP_HTTP_HELP_H
#define FP_HTTP_HELP_H

#include "tests/test.h"

#include "api/http.h"
#include "api/request.h"
#include "store/reader.h"
#include "store/values.h"

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

/* 192.0.2.7, then 198.51.0.7, 198.51.1.7, ... 198.51.249.7. */
#define HELP_HOSTS 251

static inline struct fp_addr help_host(unsigned n)
{
	const uint8_t first[4] = { 192, 0, 2, 7 }, more[4] = { 198, 51, (uint8_t)(n - 1), 7 };
	struct in_addr in;

	memcpy(&in, n == 0 ? first : more, 4);
	return fp_addr_from_v4(&in);
}

int fp_next(struct fp_store *store, const struct fp_addr *after, struct fp_answer *out)
{
	for (unsigned n = 0; n < HELP_HOSTS; n++) {
		const struct fp_addr addr = help_host(n);

		if (memcmp(addr.b, after->b, sizeof addr.b) > 0)
			return fp_lookup(store, &addr, out);
	}
	return FP_ENOTFOUND;
}

#define HELP_LABEL 7

int store_label(struct fp_store *store, uint32_t id, char klass[FP_LABEL_TEXT], char name[FP_LABEL_TEXT], char flavor[FP_LABEL_TEXT])
{
	(void)store;
	if (id != HELP_LABEL)
		return FP_ENOTFOUND;
	strcpy(klass, "win");
	strcpy(name, "Windows");
	strcpy(flavor, "10 or later");
	return 0;
}

/* A minute in two of the last ten: three hosts of a known label, one of none. */
int store_period_next(struct fp_store *store, enum record_kind kind, uint32_t *id, struct record_period_row rows[RECORD_PERIOD_ROWS])
{
	const uint32_t step = kind == RECORD_HOUR ? 3600 : 60, now = (uint32_t)(time(NULL) / step);
	const int rc = atomic_load(&a_store_rc);
	uint32_t next = now - 10;

	(void)store;
	if (rc != 0)
		return rc;
	while (next <= *id)
		next += 2;
	if (next > now)
		return FP_ENOTFOUND;
	*id = next;
	rows[0] = (struct record_period_row){ .label = 0, .hosts = 1, .first = 1, .connections = 2 };
	rows[1] = (struct record_period_row){ .label = HELP_LABEL, .hosts = 3, .first = 0, .connections = 5 };
	return 2;
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
	struct news_board *news;
	int listen_fd;
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

static const char *const queue_names[] = { "eth0/0", "eth\"1\\/0", NULL };
static const char *const host_names[] = { "mx.example.org", NULL };

static inline void fixture_listen(struct fixture *f, int family, const char *path)
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

static inline void fixture_counters(struct fixture *f)
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

static inline void fixture_open(struct fixture *f, int family, const char *path, const struct http_conf *limits)
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
	f->news = mmap(NULL, sizeof *f->news, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(f->news != MAP_FAILED);
	news_init(f->news);
	conf.news = f->news;
	conf.queue_names = queue_names;
	conf.started_s = 1764000000;
	conf.hosts = host_names;
	if (http_start(&f->http, &conf, why) != 0)
		fail_msg("http_start: %s", why);
}

static inline void fixture_close(struct fixture *f)
{
	http_stop(&f->http);
	assert_null(f->http);
	/* The socket is still the caller's. */
	assert_int_equal(close(f->listen_fd), 0);
	counters_destroy(&f->counters);
	munmap(f->board, sizeof *f->board);
	munmap(f->news, sizeof *f->news);
}

/* ---- A client ----------------------------------------------------------------------------- */

static inline int dial(const struct fixture *f)
{
	const int fd = socket(f->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&f->addr, f->addr_len), 0);
	return fd;
}

/* Gives up quietly where the other side has closed: some are meant to be cut off. */
static inline void say(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		const ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static inline void say_text(int fd, const char *text)
{
	say(fd, text, strlen(text));
}

/* All until the end of the stream, at most timeout_ms between two pieces; NUL-terminated, to be freed. *ended: it ended. */
static inline char *hear(int fd, size_t *len, int timeout_ms, bool *ended)
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

static inline struct reply ask_bytes(const struct fixture *f, const char *bytes, size_t len)
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

static inline struct reply ask(const struct fixture *f, const char *method, const char *target, const char *headers)
{
	const size_t room = strlen(target) + 4096;
	char *text = malloc(room);

	assert_non_null(text);
	const int n = snprintf(text, room, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, target, headers);
	const struct reply r = ask_bytes(f, text, (size_t)n);

	free(text);
	return r;
}

static inline json_t *parse(const struct reply *r)
{
	json_error_t error;
	json_t *doc = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, &error);

	if (doc == NULL)
		fail_msg("no JSON (%s): %s", error.text, r->body);
	return doc;
}

/* What every answer of ours carries. */
static inline void check_headers(const char *why, const struct reply *r)
{
	static const char *const wanted[] = { "X-Content-Type-Options: nosniff\r\n",
		"Content-Security-Policy: default-src 'none'", "Cache-Control: ", "Referrer-Policy: no-referrer\r\n", "Content-Type: " };

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (strstr(r->text, wanted[i]) == NULL)
			fail_msg("%s: no %s in: %s", why, wanted[i], r->text);
	if (strstr(r->text, "Access-Control") != NULL)
		fail_msg("%s: CORS", why);
}

static inline void check_problem(const char *why, const struct reply *r)
{
	if (strstr(r->text, "Content-Type: application/problem+json\r\n") == NULL)
		fail_msg("%s: no problem document: %s", why, r->text);
	json_t *doc = parse(r);

	if (json_integer_value(json_object_get(doc, "status")) != r->status)
		fail_msg("%s: the document has another status: %s", why, r->body);
	json_decref(doc);
}

/* ---- The description holds ---------------------------------------------------------------- */

static json_t *openapi __attribute__((unused));

static inline json_t *resolve(json_t *schema)
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

static inline bool type_is(json_t *value, const char *type)
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

static inline bool valid(json_t *schema, json_t *value, char *why);

static inline bool valid_type(json_t *schema, json_t *value)
{
	json_t *type = json_object_get(schema, "type");

	if (json_is_string(type))
		return type_is(value, json_string_value(type));
	for (size_t i = 0; i < json_array_size(type); i++)
		if (type_is(value, json_string_value(json_array_get(type, i))))
			return true;
	return type == NULL;
}

static inline bool valid_object(json_t *schema, json_t *value, char *why)
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

static inline bool valid(json_t *schema, json_t *value, char *why)
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
static inline void check_described(const char *path, const struct reply *r)
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

static inline json_int_t number(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("no number %s", key);
	return json_integer_value(value);
}

#endif
