/*
 * The p0f 3 socket over real sockets: every byte of a reply, and clients as they come: byte by byte, many queries at once, padded
 * ones, half-closed, gone, idle by the thousand, deaf, talking nonsense. The store is a stand-in (sockets_help.h).
 */
#include "tests/sockets_help.h"

#include "api/p0f.h"

static size_t query(uint8_t *out, uint8_t type, const char *addr)
{
	const uint32_t magic = 0x50304601;
	struct fp_addr a;

	memset(out, 0, P0F_QUERY);
	memcpy(out, &magic, 4);
	out[4] = type;
	assert_int_equal(fp_addr_parse(&a, addr), 0);
	memcpy(out + 5, type == 4 ? a.b + 12 : a.b, type == 4 ? 4 : 16);
	return P0F_QUERY;
}

static uint32_t word(const uint8_t *reply, size_t at)
{
	uint32_t w;

	memcpy(&w, reply + at, 4);
	return w;
}

/* One query, one reply; the status, or 0xFFFF: none came. */
static uint32_t ask(int fd, const char *addr)
{
	uint8_t q[P0F_QUERY], r[P0F_REPLY];

	put(fd, q, query(q, strchr(addr, ':') != NULL ? 6 : 4, addr));
	return get(fd, r, sizeof r) == sizeof r && word(r, 0) == 0x50304602 ? word(r, 4) : 0xFFFF;
}

/* ---- Bytes -------------------------------------------------------------------------------------- */

static void test_reply(void **state)
{
	uint8_t want[P0F_REPLY] = { 0 }, got[P0F_REPLY];
	struct fp_addr addr = { .b = { [15] = 7 } };
	struct fp_answer host;
	const struct {
		size_t at;
		uint32_t value;
	} words[] = {
		{ 0, 0x50304602 }, { 4, 0x10 }, { 8, 1764000000 }, { 12, 1764000100 }, { 16, 3 }, { 20, 200 }, { 24, 49 },
		{ 28, 1764000001 }, { 32, 1764000002 },
	};

	(void)state;
	assert_int_equal(fp_lookup(NULL, &addr, &host), 0);
	host.host.clock_hz = 1000;
	host.host.uptime_min = 200;
	host.host.shared = 1764000001;
	host.host.os_changed = 1764000002;
	host.host.bad_sw = 2;
	/* One byte too many for the field: cut, and still ended. */
	strcpy(host.flavor, "0123456789012345678901234567890123456789");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		memcpy(want + words[i].at, &words[i].value, 4);
	memcpy(want + 36, &(int16_t){ 5 }, 2);
	want[38] = 2;
	want[39] = 2;
	strcpy((char *)want + 40, "Windows");
	strcpy((char *)want + 72, "0123456789012345678901234567890");
	strcpy((char *)want + 168, "Ethernet or modem");
	p0f_reply(got, P0F_OK, &host);
	assert_memory_equal(got, want, sizeof want);

	host.host.uptime_doubtful = true; /* a fiction is no uptime */
	host.host.distance = FP_DISTANCE_UNKNOWN;
	host.host.match = FP_MATCH_FUZZY;
	p0f_reply(got, P0F_OK, &host);
	assert_int_equal(word(got, 20), 0);
	assert_int_equal(word(got, 24), 0);
	assert_int_equal(got[36] | got[37] << 8, 255);
	assert_int_equal(got[39], 1);

	memset(want + 4, 0, sizeof want - 4);
	p0f_reply(got, P0F_BAD_QUERY, NULL);
	assert_memory_equal(got, want, sizeof want);
	want[4] = 0x20;
	p0f_reply(got, P0F_NO_MATCH, NULL);
	assert_memory_equal(got, want, sizeof want);
}

static const struct {
	const char *why, *addr;
	uint8_t type;
	uint32_t status;
	const char *name;
} rows[] = {
	{ "known", "192.0.2.7", 4, 0x10, "Windows" },
	{ "known, IPv6", "2001:db8::7", 6, 0x10, "Windows" },
	{ "v4-mapped is IPv4; p0f says it does not know", "::ffff:192.0.2.7", 6, 0x10, "Windows" },
	{ "seen and not recognised: an empty name", "192.0.2.8", 4, 0x10, "" },
	{ "seen without a verdict: rspamd would keep that for two hours", "192.0.2.9", 4, 0x20, "" },
	{ "an old record is another machine", "192.0.2.10", 4, 0x20, "" },
	{ "never seen", "192.0.2.99", 4, 0x20, "" },
	{ "a type there is not", "192.0.2.7", 5, 0x00, "" },
};

static void test_statuses(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	const int fd = client(&f); /* one for all: a refusal closes nothing */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t q[P0F_QUERY], r[P0F_REPLY];

		query(q, 6, rows[i].addr);
		if (rows[i].type != 6)
			query(q, 4, rows[i].addr);
		q[4] = rows[i].type;
		/* Bytes behind an IPv4 address mean nothing. */
		if (rows[i].type == 4)
			memset(q + 9, 0xAA, 12);
		put(fd, q, sizeof q);
		assert_int_equal(get(fd, r, sizeof r), sizeof r);
		if (word(r, 0) != 0x50304602 || word(r, 4) != rows[i].status || strcmp((char *)r + 40, rows[i].name) != 0)
			fail_msg("%s: got status %x, name \"%s\"", rows[i].why, word(r, 4), (char *)r + 40);
	}
	assert_int_equal(count(&f, C_P0F_QUERIES), ARRAY_LEN(rows));
	assert_int_equal(count(&f, C_QUERIES_KNOWN), 4);
	assert_int_equal(count(&f, C_QUERIES_MALFORMED), 1);
	assert_int_equal(count(&f, C_QUERIES_WAITED), 3);
	close(fd);
	fixture_stop(&f);
}

/* ---- How bytes arrive --------------------------------------------------------------------------- */

static void test_byte_at_a_time(void **state)
{
	struct fixture f = { 0 };
	uint8_t q[P0F_QUERY], r[P0F_REPLY];

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	const int fd = client(&f);

	query(q, 4, "192.0.2.7");
	for (size_t i = 0; i < sizeof q; i++) {
		put(fd, q + i, 1);
		nap(1);
	}
	assert_int_equal(get(fd, r, sizeof r), sizeof r);
	assert_int_equal(word(r, 4), 0x10);
	/* The end of one and the beginning of the next in one piece. */
	put(fd, q, 10);
	nap(2);
	uint8_t rest[P0F_QUERY];

	memcpy(rest, q + 10, 11);
	memcpy(rest + 11, q, 10);
	put(fd, rest, sizeof rest);
	nap(2);
	put(fd, q + 10, 11);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(get(fd, r, sizeof r), sizeof r);
		assert_int_equal(word(r, 4), 0x10);
	}
	close(fd);
	fixture_stop(&f);
}

/* milter-greylist sends the padded struct; p0f is out of step from the second query on. */
static void test_padded(void **state)
{
	struct fixture f = { 0 };
	uint8_t q[24 * 20] = { 0 }, r[P0F_REPLY];

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	const int fd = client(&f);

	for (int i = 0; i < 3; i++) { /* one after another */
		memset(q, 0, 24);
		query(q, 4, "192.0.2.7");
		put(fd, q, 24);
		assert_int_equal(get(fd, r, sizeof r), sizeof r);
		assert_int_equal(word(r, 4), 0x10);
		nap(1);
	}
	for (int i = 0; i < 20; i++) /* at once */
		query(q + 24 * i, 4, "192.0.2.7");
	put(fd, q, sizeof q);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(get(fd, r, sizeof r), sizeof r);
		assert_int_equal(word(r, 4), 0x10);
	}
	/* More noughts than any padding has are a query, and no good one. */
	memset(q, 0, 24);
	put(fd, q, 24);
	assert_int_equal(get(fd, r, sizeof r), sizeof r);
	assert_int_equal(word(r, 4), 0);
	close(fd);
	fixture_stop(&f);
}

/* Known and unknown ones mixed: answered in order, and those that wait do so together. */
static void test_pipelined(void **state)
{
	enum { N = 1000 };
	struct fixture f = { 0 };
	static uint8_t q[P0F_QUERY * N], r[P0F_REPLY * N];

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	const int fd = client(&f);

	for (int i = 0; i < N; i++)
		query(q + P0F_QUERY * i, 4, i % 5 == 3 ? "192.0.2.99" : i % 5 == 4 ? "192.0.2.8" : "192.0.2.7");
	const int64_t from = clock_ms();

	put(fd, q, sizeof q);
	assert_int_equal(get(fd, r, sizeof r), sizeof r);
	for (int i = 0; i < N; i++) {
		const uint8_t *one = r + P0F_REPLY * i;

		assert_int_equal(word(one, 0), 0x50304602);
		assert_int_equal(word(one, 4), i % 5 == 3 ? 0x20 : 0x10);
		assert_string_equal((const char *)one + 40, i % 5 >= 3 ? "" : "Windows");
	}
	/* 200 that wait, one after another, would take four seconds. */
	if (clock_ms() - from > 1500)
		fail_msg("took %d ms", (int)(clock_ms() - from));
	close(fd);
	fixture_stop(&f);
}

/* Haraka's plugin up to 1.0.13 cuts each read in pieces of 232 bytes, and throws at a torn one. */
static void test_whole_replies(void **state)
{
	enum { N = 4000 };
	struct fixture f = { 0 };
	static uint8_t q[P0F_QUERY * N], buf[65536];
	size_t sent = 0, got = 0;

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	const int fd = client(&f);

	for (int i = 0; i < N; i++)
		query(q + P0F_QUERY * i, 4, "192.0.2.7");
	while (got < (size_t)N * P0F_REPLY) {
		/* As much as the socket takes, then a reader that comes late and reads as node does. */
		while (sent < sizeof q) {
			const ssize_t n = send(fd, q + sent, sizeof q - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

			if (n < 0)
				break;
			sent += (size_t)n;
		}
		nap(5);
		const ssize_t n = recv(fd, buf, sizeof buf, 0);

		if (n <= 0 || n % P0F_REPLY != 0)
			fail_msg("a read of %zd bytes after %zu", n, got);
		got += (size_t)n;
	}
	close(fd);
	fixture_stop(&f);
}

static void test_half_closed(void **state)
{
	static const char *const addrs[] = { "192.0.2.7", "192.0.2.99" }; /* one answered at once, one that waits */
	struct fixture f = { 0 };

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
		uint8_t q[P0F_QUERY], r[P0F_REPLY];
		const int fd = client(&f);

		put(fd, q, query(q, 4, addrs[i]));
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		assert_int_equal(get(fd, r, sizeof r), sizeof r);
		assert_int_equal(word(r, 4), i == 0 ? 0x10 : 0x20);
		assert_true(closed(fd));
		close(fd);
	}
	/* Half a query, then no more: nothing to say. */
	const int fd = client(&f);

	put(fd, "\x01\x46", 2);
	shutdown(fd, SHUT_WR);
	assert_true(closed(fd));
	close(fd);
	fixture_stop(&f);
}

/* ---- Waiting ------------------------------------------------------------------------------------ */

static void test_wait(void **state)
{
	struct fixture f = { 0 };
	uint8_t q[P0F_QUERY], r[P0F_REPLY];

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	const int fd = client(&f), other = client(&f);
	const int64_t from = clock_ms();

	assert_int_equal(ask(fd, "192.0.2.11"), 0x20);
	const int64_t took = clock_ms() - from;

	if (took < LOOP_WAIT_MS - 1 || took > 500) /* 500: a busy machine; 20 is the promise */
		fail_msg("never seen: said after %d ms", (int)took);

	/* The record comes while the query waits: again, where a busy machine let 20 ms pass before it came. */
	memset(r, 0, sizeof r);
	for (int attempt = 0; attempt < 20 && word(r, 4) != 0x10; attempt++) {
		atomic_store(&a_commits, 0);
		put(fd, q, query(q, 4, "192.0.2.11"));
		nap(2);
		assert_int_equal(ask(other, "192.0.2.7"), 0x10); /* nobody else waits */
		atomic_fetch_add(&a_commits, 1);
		assert_int_equal(get(fd, r, sizeof r), sizeof r);
	}
	assert_int_equal(word(r, 4), 0x10);

	/* While nothing is committed, nothing is looked up in vain. */
	const unsigned before = atomic_load(&a_lookups);

	assert_int_equal(ask(fd, "192.0.2.99"), 0x20);
	assert_in_range(atomic_load(&a_lookups) - before, 2, 4);
	close(fd);
	close(other);
	fixture_stop(&f);
}

/* ---- Clients that are many, deaf, gone, or mad ---------------------------------------------------- */

static void test_thousand(void **state)
{
	enum { N = 1000 };
	struct fixture f = { 0 };
	struct rlimit files;
	int fd[N];

	(void)state;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	fixture_start(&f, LOOP_P0F, NULL);
	for (int i = 0; i < N; i++)
		fd[i] = client(&f);
	assert_int_equal(ask(fd[N - 1], "192.0.2.7"), 0x10);
	assert_int_equal(ask(fd[0], "192.0.2.7"), 0x10);
	assert_int_equal(count(&f, C_CLIENTS), N);

	const int one_more = client(&f);

	assert_true(closed(one_more));
	close(one_more);
	assert_int_equal(count(&f, C_CLIENTS_REFUSED), 1);
	assert_int_equal(ask(fd[500], "192.0.2.7"), 0x10);

	/* A place that becomes free is a place. */
	close(fd[7]);
	for (int64_t end = clock_ms() + 2000; count(&f, C_CLIENTS) != N - 1 && clock_ms() < end;)
		nap(1);
	fd[7] = client(&f);
	assert_int_equal(ask(fd[7], "192.0.2.7"), 0x10);
	for (int i = 0; i < N; i++)
		close(fd[i]);
	fixture_stop(&f);
}

static void test_never_reads(void **state)
{
	struct fixture f = { 0 };
	uint8_t q[P0F_QUERY * 50], r[P0F_REPLY];
	size_t sent = 0;

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	const int deaf = client(&f), fd = client(&f);

	for (int i = 0; i < 50; i++)
		query(q + P0F_QUERY * i, 4, "192.0.2.7");
	/* Until nothing more is taken from him. */
	for (int64_t quiet = clock_ms(); clock_ms() - quiet < 100;) {
		const size_t at = sent % sizeof q;
		const ssize_t n = send(deaf, q + at, sizeof q - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
			quiet = clock_ms();
		} else {
			nap(1);
		}
		if (sent > 64 << 20)
			fail_msg("a client that never reads was read without end");
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(fd, "192.0.2.7"), 0x10);

	/* He reads after all: all answers are there. */
	for (size_t i = 0; i < sent / P0F_QUERY; i++) {
		assert_int_equal(get(deaf, r, sizeof r), sizeof r);
		assert_int_equal(word(r, 4), 0x10);
	}
	close(deaf);
	close(fd);
	fixture_stop(&f);
}

static void test_garbage(void **state)
{
	struct fixture f = { 0 };
	uint32_t random = 1;

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	for (int round = 0; round < 50; round++) {
		uint8_t junk[500];
		const int fd = client(&f);

		for (size_t i = 0; i < sizeof junk; i++)
			junk[i] = (uint8_t)((random = random * 1103515245 + 12345) >> 16);
		put(fd, junk, sizeof junk);
		/* Each 21 bytes of it are a bad query: status 0, under the magic of replies. */
		uint8_t r[P0F_REPLY];

		assert_int_equal(get(fd, r, sizeof r), sizeof r);
		assert_int_equal(word(r, 0), 0x50304602);
		assert_int_equal(word(r, 4), 0);
		close(fd);
	}
	const int fd = client(&f);

	assert_int_equal(ask(fd, "192.0.2.7"), 0x10);
	close(fd);
	fixture_stop(&f);
}

/* 10 000 that ask and do not stay to hear: half of them about somebody who has to be waited for. */
static void test_hang_up(void **state)
{
	enum { N = 10000 };
	struct fixture f = { 0 };
	uint8_t known[P0F_QUERY], unknown[P0F_QUERY];

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	query(known, 4, "192.0.2.7");
	query(unknown, 4, "192.0.2.99");
	for (int i = 0; i < N; i++) {
		const int fd = client(&f);

		put(fd, i % 2 ? known : unknown, P0F_QUERY);
		if (i % 3 == 0) /* qpsmtpd asks twice and reads once */
			put(fd, known, P0F_QUERY);
		close(fd);
	}
	const int fd = client(&f);

	assert_int_equal(ask(fd, "192.0.2.7"), 0x10);
	for (int64_t end = clock_ms() + 5000; count(&f, C_CLIENTS) != 1 && clock_ms() < end;)
		nap(1);
	assert_int_equal(count(&f, C_CLIENTS), 1);
	close(fd);
	fixture_stop(&f);
}

/* What was sent before the end is answered before it. */
static void test_stop_answers(void **state)
{
	struct fixture f = { 0 };
	uint8_t q[2 * P0F_QUERY], r[2 * P0F_REPLY];

	(void)state;
	fixture_start(&f, LOOP_P0F, NULL);
	const int fd = client(&f), idle = client(&f);

	assert_int_equal(ask(fd, "192.0.2.7"), 0x10);
	query(q, 4, "192.0.2.99");
	query(q + P0F_QUERY, 4, "192.0.2.7");
	put(fd, q, sizeof q);
	loop_stop(&f.loop);
	assert_int_equal(get(fd, r, sizeof r), sizeof r);
	assert_int_equal(word(r, 4), 0x20);
	assert_int_equal(word(r + P0F_REPLY, 4), 0x10);
	assert_true(closed(fd));
	assert_true(closed(idle));
	close(fd);
	close(idle);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_byte_at_a_time),
		cmocka_unit_test(test_padded),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_whole_replies),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_thousand),
		cmocka_unit_test(test_never_reads),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_hang_up),
		cmocka_unit_test(test_stop_answers),
	};

	return cmocka_run_group_tests_name("p0f", tests, NULL, NULL);
}
