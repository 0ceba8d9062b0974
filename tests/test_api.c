/* Pages of hosts, events as they come, systems over time, and what saves bytes: tags, gzip, the page's files. */
#include "tests/http_help.h"

#include "api/page.h"
#include "api/recent.h"
#include "core/histogram.h"

#include <inttypes.h>
#include <zlib.h>

static void tell(struct fixture *f, enum news_kind kind, unsigned n)
{
	const struct fp_addr addr = help_host(n);

	news_tell(f->news, kind, &addr, 1764000000 + n);
}

/* ---- Pages ------------------------------------------------------------------------------------ */

struct walked {
	unsigned seen[HELP_HOSTS], pages, hosts;
	unsigned order[2 * HELP_HOSTS]; /* hosts as they came */
};

static unsigned host_number(const char *ip)
{
	unsigned n;

	if (strcmp(ip, "192.0.2.7") == 0)
		return 0;
	if (sscanf(ip, "198.51.%u.7", &n) != 1)
		fail_msg("whose is %s?", ip);
	return n + 1;
}

/* All pages; meanwhile (may be NULL) is called between them. */
static void walk(struct fixture *f, const char *more, struct walked *w, void (*meanwhile)(struct fixture *f, unsigned page))
{
	char cursor[128] = "";

	memset(w, 0, sizeof *w);
	do {
		char target[256];
		json_t *host;
		size_t i;

		snprintf(target, sizeof target, "/v1/hosts?%s%s%s", more, *cursor != '\0' ? "&cursor=" : "", cursor);
		struct reply r = ask(f, "GET", target, "");

		assert_int_equal(r.status, 200);
		json_t *doc = parse(&r), *next = json_object_get(doc, "next");

		json_array_foreach (json_object_get(doc, "hosts"), i, host) {
			const unsigned n = host_number(json_string_value(json_object_get(host, "ip")));

			w->order[w->hosts++ % ARRAY_LEN(w->order)] = n;
			w->seen[n]++;
		}
		snprintf(cursor, sizeof cursor, "%s", json_is_string(next) ? json_string_value(next) : "");
		json_decref(doc);
		free(r.text);
		if (meanwhile != NULL)
			meanwhile(f, w->pages);
		assert_true(++w->pages < 2000);
	} while (*cursor != '\0');
}

static void test_pages(void **state)
{
	struct fixture f;
	struct walked w;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	/* Forty events of thirty hosts: 100..129, the first ten of them once more. */
	for (unsigned n = 100; n < 130; n++)
		tell(&f, NEWS_NEW, n);
	for (unsigned n = 100; n < 110; n++)
		tell(&f, NEWS_CHANGED, n);
	walk(&f, "limit=7", &w, NULL);
	for (unsigned n = 0; n < HELP_HOSTS; n++)
		if (w.seen[n] != 1)
			fail_msg("host %u came %u times", n, w.seen[n]);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(w.order[i], 109 - i); /* the last changed first */
	for (unsigned i = 10; i < 30; i++)
		assert_int_equal(w.order[i], 129 - (i - 10));
	for (unsigned i = 31; i < w.hosts; i++)
		if (memcmp(help_host(w.order[i]).b, help_host(w.order[i - 1]).b, 16) <= 0)
			fail_msg("by address: %u after %u", w.order[i], w.order[i - 1]);
	fixture_close(&f);
}

static void change_some(struct fixture *f, unsigned page)
{
	for (unsigned i = 0; i < 5; i++)
		tell(f, NEWS_CHANGED, (page * 53 + i * 17) % HELP_HOSTS);
}

/* What changes meanwhile may come twice; nobody is left out, also when the ring goes round. */
static void flood_some(struct fixture *f, unsigned page)
{
	for (unsigned i = 0; page % 3 == 0 && i < NEWS_SLOTS / 2; i++)
		tell(f, NEWS_CHANGED, (page + i) % 40);
}

static void test_pages_change(void **state)
{
	void (*const how[])(struct fixture *, unsigned) = { change_some, flood_some };
	struct fixture f;
	struct walked w;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(how); k++) {
		fixture_open(&f, AF_INET, NULL, NULL);
		for (unsigned n = 0; n < 60; n++)
			tell(&f, NEWS_NEW, n);
		walk(&f, "limit=9", &w, how[k]);
		for (unsigned n = 0; n < HELP_HOSTS; n++)
			if (w.seen[n] == 0)
				fail_msg("host %u was left out", n);
		fixture_close(&f);
	}
}

/* Cursors of another daemon, or made up: an answer, and never a host left out behind them. */
static void test_cursors(void **state)
{
	static const char *const cursors[] = { "0-1-5-5", "1-1-5-3-00000000000000000000000000000000", "0-ffffffffffffffff-ffffffffffffffff-ffffffffffffffff",
		"1-0-0-0-ffffffffffffffffffffffffffffffff", "0-0-0-0" };
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (unsigned n = 0; n < 20; n++)
		tell(&f, NEWS_NEW, n);
	for (size_t i = 0; i < ARRAY_LEN(cursors); i++) {
		char target[160];

		snprintf(target, sizeof target, "/v1/hosts?limit=1000&cursor=%s", cursors[i]);
		struct reply r = ask(&f, "GET", target, "");
		json_t *doc = parse(&r);

		assert_int_equal(r.status, 200);
		if (json_array_size(json_object_get(doc, "hosts")) != (i == 3 ? 0 : HELP_HOSTS))
			fail_msg("%s: %zu hosts", cursors[i], json_array_size(json_object_get(doc, "hosts")));
		json_decref(doc);
		free(r.text);
	}
	fixture_close(&f);
}

static void test_recent(void **state)
{
	struct news_board *b = calloc(1, sizeof *b);
	struct recent *r;
	struct fp_addr addr, got;

	(void)state;
	assert_non_null(b);
	news_init(b);
	assert_int_equal(recent_create(&r, b), 0);
	assert_int_equal(recent_update(r), 0);
	for (unsigned i = 0; i < 3 * NEWS_SLOTS; i++) {
		addr = help_host(i % 250);
		news_tell(b, NEWS_NEW, &addr, i);
		if (i % 7000 == 0)
			recent_update(r);
	}
	assert_int_equal(recent_update(r), 3 * NEWS_SLOTS);
	for (unsigned n = 0; n < 250; n++) {
		addr = help_host(n);
		const uint64_t newest = recent_newest(r, &addr);

		assert_true(newest > 3 * NEWS_SLOTS - 250);
		assert_true(recent_get(r, newest, &got) && fp_addr_equal(&addr, &got));
	}
	assert_false(recent_get(r, 2 * NEWS_SLOTS, &got)); /* gone round */
	addr = help_host(250);
	assert_int_equal(recent_newest(r, &addr), 0);
	recent_destroy(&r);
	free(b);
}

/* ---- Events ----------------------------------------------------------------------------------- */

/* A listener's stream until `until` stood in it, or 3 s. */
struct listener {
	int fd;
	char text[65536];
	size_t n;
};

static void listen_to(const struct fixture *f, struct listener *l, const char *headers)
{
	char text[512];

	l->fd = dial(f);
	l->n = 0;
	l->text[0] = '\0';
	snprintf(text, sizeof text, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n%s\r\n", headers);
	say_text(l->fd, text);
}

static bool heard(struct listener *l, const char *until, int timeout_ms)
{
	while (strstr(l->text, until) == NULL) {
		struct pollfd p = { .fd = l->fd, .events = POLLIN };

		if (poll(&p, 1, timeout_ms) <= 0)
			return false;
		const ssize_t got = recv(l->fd, l->text + l->n, sizeof l->text - 1 - l->n, 0);

		if (got <= 0)
			return false;
		l->n += (size_t)got;
		l->text[l->n] = '\0';
	}
	return true;
}

static void test_events(void **state)
{
	static struct listener l, again;
	struct fixture f;
	char id[64], header[128], data[4096], why[256] = "";

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	tell(&f, NEWS_NEW, 1); /* before anybody listens */
	listen_to(&f, &l, "");
	assert_true(heard(&l, ": fingerpost\n", 3000)); /* at once */
	assert_non_null(strstr(l.text, "Content-Type: text/event-stream\r\n"));
	check_headers("events", &(struct reply){ .text = l.text });
	tell(&f, NEWS_CHANGED, 2);
	tell(&f, NEWS_SHARED, 0);
	assert_true(heard(&l, "\"ip\":\"192.0.2.7\"", 3000));
	assert_null(strstr(l.text, "198.51.0.7"));
	assert_non_null(strstr(l.text, "event: changed\ndata: {\"event\":\"changed\",\"time\":\"2025-11-24T16:00:02Z\",\"host\":{\"ip\":\"198.51.1.7\""));
	assert_non_null(strstr(l.text, "event: shared\n"));

	/* As described. */
	struct reply r = ask(&f, "GET", "/openapi.json", "");

	openapi = parse(&r);
	free(r.text);
	assert_int_equal(sscanf(strstr(l.text, "data: ") + 6, "%4095[^\n]", data), 1);
	json_t *doc = json_loads(data, 0, NULL), *schema = json_object_get(json_object_get(json_object_get(openapi, "components"), "schemas"), "Event");

	if (doc == NULL || !valid(schema, doc, why))
		fail_msg("an event is not as described: %s: %s", why, data);
	json_decref(doc);
	json_decref(openapi);

	/* Who comes back gets what he missed, and that only. */
	assert_int_equal(sscanf(strstr(l.text, "id: ") + 4, "%63[0-9a-f-]", id), 1);
	close(l.fd);
	tell(&f, NEWS_NEW, 3);
	snprintf(header, sizeof header, "Last-Event-ID: %s\r\n", id);
	listen_to(&f, &again, header);
	assert_true(heard(&again, "\"ip\":\"198.51.2.7\"", 3000));
	assert_non_null(strstr(again.text, "\"ip\":\"192.0.2.7\""));
	assert_null(strstr(again.text, "\"ip\":\"198.51.1.7\""));
	assert_null(strstr(again.text, "event: lost"));
	close(again.fd);

	/* Another daemon's numbers mean nothing: he is told that he lost, nobody knows how many. */
	listen_to(&f, &l, "Last-Event-ID: 0123456789abcdef-2\r\n");
	assert_true(heard(&l, "event: lost\ndata: {\"lost\":null}\n\n", 3000));
	close(l.fd);
	listen_to(&f, &l, "Last-Event-ID: <script>\r\n");
	assert_true(heard(&l, "event: lost\n", 3000));
	/* Ended by us while he listens. */
	fixture_close(&f);
	while (recv(l.fd, l.text, sizeof l.text, 0) > 0)
		;
	close(l.fd);
}

/* Who reads slowly loses the oldest and is told how many; nobody waits for him. */
static void test_events_slow(void **state)
{
	static struct listener l;
	struct fixture f;
	char header[128];
	uint64_t lost;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	tell(&f, NEWS_NEW, 1);
	for (unsigned i = 0; i < 2 * NEWS_SLOTS; i++)
		tell(&f, NEWS_NEW, i % HELP_HOSTS);
	snprintf(header, sizeof header, "Last-Event-ID: %016" PRIx64 "-1\r\n", f.news->epoch);
	listen_to(&f, &l, header);
	assert_true(heard(&l, "event: lost\n", 3000));
	assert_true(heard(&l, "event: new\n", 3000));
	assert_int_equal(sscanf(strstr(l.text, "{\"lost\":") + 8, "%" SCNu64, &lost), 1);
	assert_int_equal(lost, 2 * NEWS_SLOTS - 10000);
	/* He stops reading here. Others are served, and the end is not held up. */
	for (unsigned i = 0; i < 2000; i++)
		tell(&f, NEWS_NEW, i % HELP_HOSTS);
	struct reply r = ask(&f, "GET", "/healthz", "");

	assert_int_equal(r.status, 200);
	free(r.text);
	fixture_close(&f);
	close(l.fd);
}

/* A hundred may listen, one more may not, and others are served all the same. */
static void test_events_many(void **state)
{
	static struct listener l[101];
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (unsigned i = 0; i < 100; i++) {
		listen_to(&f, &l[i], "");
		assert_true(heard(&l[i], "200 OK", 3000));
	}
	listen_to(&f, &l[100], "Connection: close\r\n");
	assert_true(heard(&l[100], "503 Service Unavailable", 3000));
	tell(&f, NEWS_NEW, 0);
	for (unsigned i = 0; i < 100; i++)
		assert_true(heard(&l[i], "\"ip\":\"192.0.2.7\"", 3000));
	for (unsigned i = 0; i < 100; i++)
		close(l[i].fd);
	close(l[100].fd);
	struct reply r = ask(&f, "HEAD", "/v1/events", "");

	assert_int_equal(r.status, 200);
	free(r.text);
	fixture_close(&f);
}

/* ---- Over time -------------------------------------------------------------------------------- */

static void test_history(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	struct reply r = ask(&f, "GET", "/v1/history", "");
	json_t *doc = parse(&r), *systems = json_object_get(doc, "systems"), *first = json_array_get(systems, 0), *hosts, *value;
	const json_int_t count = number(doc, "count");
	json_int_t sum = 0, there = 0;
	size_t i;

	assert_int_equal(count, 1440);
	assert_int_equal(json_array_size(systems), 2);
	assert_string_equal(json_string_value(json_object_get(first, "name")), "Windows"); /* the most first */
	hosts = json_object_get(first, "hosts");
	assert_int_equal(json_array_size(hosts), count);
	json_array_foreach (hosts, i, value) {
		there += json_is_integer(value);
		sum += json_integer_value(value);
	}
	assert_int_equal(there, 6); /* others are null: nobody looked */
	assert_int_equal(sum, 18);
	json_decref(doc);
	free(r.text);

	char target[64];

	snprintf(target, sizeof target, "/v1/history?since=%lld", (long long)time(NULL) - 120);
	r = ask(&f, "GET", target, "");
	doc = parse(&r);
	assert_in_range(number(doc, "count"), 2, 4);
	json_decref(doc);
	free(r.text);
	r = ask(&f, "GET", "/v1/history?by=hour", "");
	doc = parse(&r);
	assert_int_equal(number(doc, "count"), 2160);
	json_decref(doc);
	free(r.text);
	fixture_close(&f);
}

static void test_systems(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	f.news->count[0].a_label = 0;
	f.news->count[0].a_hosts = 2;
	f.news->count[1].a_label = HELP_LABEL;
	f.news->count[1].a_hosts = 40;
	f.news->count[2].a_label = 99; /* nobody has it any more */
	f.news->count[2].a_hosts = 0;
	f.news->a_labels = 3;
	f.news->a_counted = true;
	histogram_add(&f.news->commit, 999);
	histogram_add(&f.news->commit, 3000000000);
	struct reply r = ask(&f, "GET", "/v1/os", "");

	assert_string_equal(r.body, "{\"hosts\":42,\"complete\":true,\"systems\":[{\"name\":\"Windows\",\"flavor\":\"10 or later\",\"class\":\"win\",\"hosts\":40},"
	    "{\"name\":null,\"flavor\":null,\"class\":null,\"hosts\":2}]}\n");
	free(r.text);
	r = ask(&f, "GET", "/metrics", "");
	assert_non_null(strstr(r.body, "fingerpost_hosts_by_system{system=\"Windows\",class=\"win\"} 40\n"));
	assert_non_null(strstr(r.body, "fingerpost_hosts_by_system{system=\"\",class=\"\"} 2\n"));
	assert_non_null(strstr(r.body, "fingerpost_store_commit_duration_seconds_bucket{le=\"1e-06\"} 1\n"));
	assert_non_null(strstr(r.body, "fingerpost_store_commit_duration_seconds_bucket{le=\"1\"} 1\n"));
	assert_non_null(strstr(r.body, "fingerpost_store_commit_duration_seconds_bucket{le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(r.body, "fingerpost_store_commit_duration_seconds_sum 3.000000999\n"));
	free(r.text);
	fixture_close(&f);
}

/* ---- What saves bytes ------------------------------------------------------------------------- */

static char *unpack(const struct reply *r, size_t *len)
{
	char *out = calloc(1, 1 << 20);
	z_stream z = { .next_in = (Bytef *)(uintptr_t)r->body, .avail_in = (uInt)r->body_len, .next_out = (Bytef *)out, .avail_out = (1 << 20) - 1 };

	assert_non_null(out);
	assert_int_equal(inflateInit2(&z, 31), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	*len = z.total_out;
	inflateEnd(&z);
	return out;
}

static void test_gzip(void **state)
{
	static const struct {
		const char *why, *target, *headers;
		bool packed;
	} asked[] = {
		{ "asked for", "/metrics", "Accept-Encoding: gzip\r\n", true },
		{ "among others", "/metrics", "Accept-Encoding: br;q=1.0, GZIP;q=0.5, *;q=0\r\n", true },
		{ "not asked for", "/metrics", "", false },
		{ "asked not to", "/metrics", "Accept-Encoding: gzip;q=0, identity\r\n", false },
		{ "asked not to, in digits", "/metrics", "Accept-Encoding: gzip; q=0.000\r\n", false },
		{ "another that begins alike", "/metrics", "Accept-Encoding: gzipped\r\n", false },
		{ "small", "/v1/hosts/192.0.2.7", "Accept-Encoding: gzip\r\n", false },
		{ "the page", "/chart.js", "Accept-Encoding: gzip\r\n", true },
		{ "the page, plain", "/chart.js", "", false },
	};
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct reply r = ask(&f, "GET", asked[i].target, asked[i].headers);
		const bool packed = strstr(r.text, "Content-Encoding: gzip\r\n") != NULL;

		assert_int_equal(r.status, 200);
		if (packed != asked[i].packed)
			fail_msg("%s: packed: %d", asked[i].why, packed);
		assert_non_null(strstr(r.text, "Vary: Accept-Encoding\r\n"));
		if (packed) {
			size_t len;
			char *text = unpack(&r, &len);

			assert_true(len > r.body_len);
			assert_non_null(strstr(text, strcmp(asked[i].target, "/metrics") == 0 ? "fingerpost_build_info" : "Chart.js"));
			free(text);
		}
		free(r.text);
	}
	fixture_close(&f);
}

static void test_tags(void **state)
{
	static const char *const targets[] = { "/", "/chart.js", "/openapi.json", "/v1/hosts/192.0.2.7", "/v1/hosts?ip=192.0.2.7", "/v1/os" };
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct reply r = ask(&f, "GET", targets[i], "");
		char tag[64], headers[256];

		assert_non_null(strstr(r.text, "Cache-Control: private, no-cache\r\n"));
		if (sscanf(strstr(r.text, "ETag: "), "ETag: %63[^\r]", tag) != 1)
			fail_msg("%s: no tag", targets[i]);
		free(r.text);
		static const struct {
			const char *before, *behind;
			bool tag;
		} lists[] = { { "", "", true }, { "W/", "", true }, { "\"x\", ", " , \"y\"", true }, { "*", "", false } };

		for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
			char list[128];

			snprintf(list, sizeof list, "%s%s%s", lists[k].before, lists[k].tag ? tag : "", lists[k].behind);
			snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", list);
			r = ask(&f, "GET", targets[i], headers);
			if (r.status != 304 || r.body_len != 0)
				fail_msg("%s, %s: %u, %zu bytes", targets[i], list, r.status, r.body_len);
			assert_non_null(strstr(r.text, tag));
			free(r.text);
		}
		r = ask(&f, "GET", targets[i], "If-None-Match: \"another\"\r\n");
		assert_int_equal(r.status, 200);
		free(r.text);
	}
	/* What is gone is gone, whatever tag one has. */
	struct reply r = ask(&f, "GET", "/v1/hosts/192.0.2.8", "If-None-Match: *\r\n");

	assert_int_equal(r.status, 404);
	free(r.text);
	fixture_close(&f);
}

/* The whole page as a browser gets it. And with a token set its files need none: they say nothing of anybody. */
static void test_page(void **state)
{
	const struct http_conf conf = { .token = "s3cret" };
	size_t bytes = 0;
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, &conf);
	for (size_t i = 0; i < page_file_count; i++) {
		struct reply packed = ask(&f, "GET", page_files[i].path, "Accept-Encoding: gzip\r\n"), plain = ask(&f, "GET", page_files[i].path, "");
		size_t len;

		assert_int_equal(packed.status, 200);
		assert_non_null(strstr(packed.text, "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self';"));
		bytes += (size_t)(packed.body - packed.text) + packed.body_len;
		char *text = unpack(&packed, &len);

		assert_int_equal(len, plain.body_len);
		assert_memory_equal(text, plain.body, len);
		/* Nothing is fetched from elsewhere. In the others it is the name of SVG, and the licence's. */
		if (strcmp(page_files[i].path, "/chart.js") != 0 && strcmp(page_files[i].path, "/icon.svg") != 0)
			assert_null(strstr(text, "://"));
		free(text);
		free(packed.text);
		free(plain.text);
	}
	if (bytes > 200 * 1024)
		fail_msg("the page has %zu bytes on the wire", bytes);
	static const char *const closed[] = { "/v1/stats", "/metrics", "/v1/events", "/healthz", "/nothing", "/page.js/" };

	for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
		struct reply r = ask(&f, "GET", closed[i], "");

		assert_int_equal(r.status, 401);
		free(r.text);
	}
	fixture_close(&f);
}

/* CORS: the origins of the settings, byte by byte, and nobody else. */
static void test_origins(void **state)
{
	static const char *const origins[] = { "https://a.example", "http://b.example:8080", NULL };
	static const struct {
		const char *origin;
		bool may;
	} tries[] = { { "https://a.example", true }, { "http://b.example:8080", true }, { "http://a.example", false }, { "https://a.example:443", false },
		{ "https://a.example.evil.example", false }, { "null", false }, { "*", false } };
	const struct http_conf conf = { .origins = origins };
	struct fixture f;

	(void)state;
	fixture_open(&f, AF_INET, NULL, &conf);
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		char header[128], allowed[128];

		snprintf(header, sizeof header, "Origin: %s\r\n", tries[i].origin);
		snprintf(allowed, sizeof allowed, "Access-Control-Allow-Origin: %s\r\n", tries[i].origin);
		struct reply r = ask(&f, "GET", "/v1/os", header);

		assert_int_equal(r.status, 200);
		assert_non_null(strstr(r.text, "Vary: Origin\r\n"));
		if ((strstr(r.text, allowed) != NULL) != tries[i].may || (strstr(r.text, "Access-Control") != NULL) != tries[i].may)
			fail_msg("%s: %s", tries[i].origin, r.text);
		assert_int_equal(strstr(r.text, "Cross-Origin-Resource-Policy: same-origin\r\n") == NULL, tries[i].may);
		free(r.text);
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_pages_change),
		cmocka_unit_test(test_cursors),
		cmocka_unit_test(test_recent),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_events_slow),
		cmocka_unit_test(test_events_many),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_systems),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_origins),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
