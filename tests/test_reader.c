/* Reader: what a handle lives through, from several threads, over forks, beside a writer that comes and goes. */
#include "tests/writer_help.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void make_store(struct help *h, uint32_t hosts, uint32_t when)
{
	help_init(h);
	run_with(h, hosts, when);
}

static struct fp_store *open_store(const char *dir)
{
	struct fp_store *s;

	assert_int_equal(fp_open(&s, dir), 0);
	return s;
}

static void test_open(void **state)
{
	char longest[5000];
	struct fp_store *s;
	struct fp_answer a;
	const struct fp_addr addr = help_addr(1);

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(fp_open(&s, longest), -ENAMETOOLONG);
	assert_null(s);
	/* Nothing is touched before the first question; an absent store is an answer. */
	s = open_store("/nonexistent/fingerpost");
	memset(&a, 0x55, sizeof a);
	assert_int_equal(fp_lookup(s, &addr, &a), FP_ENOSTORE);
	assert_int_equal(((uint8_t *)&a)[100], 0x55);
	fp_close(&s);
	assert_null(s);
	fp_close(&s);

	struct help h;

	make_store(&h, 10, DAY);
	setenv("FINGERPOST_STORE", h.dir, 1);
	s = open_store(NULL);
	assert_int_equal(fp_lookup(s, &addr, &a), 0);
	unsetenv("FINGERPOST_STORE");
	fp_close(&s);
	help_end(&h);
}

static void test_lookup(void **state)
{
	struct fp_addr addr = help_addr(2), multicast = { { 0xff, 0x02, [15] = 1 } };
	struct fp_answer a;
	struct fp_store *s;
	struct fp_info info;
	struct help h;

	(void)state;
	make_store(&h, 5000, DAY);
	s = open_store(h.dir);
	for (uint32_t i = 0; i < 5000; i++) {
		addr = help_addr(i);
		assert_int_equal(fp_lookup(s, &addr, &a), 0);
		assert_true(fp_addr_equal(&a.addr, &addr));
		assert_string_equal(a.name, i % 2 ? "Linux" : "Windows");
		assert_string_equal(a.flavor, i % 2 ? "" : "10 or later");
		assert_int_equal(a.host.first_seen, DAY);
	}
	addr = help_addr(5000);
	assert_int_equal(fp_lookup(s, &addr, &a), FP_ENOTFOUND);
	assert_int_equal(fp_lookup(s, &multicast, &a), FP_ENOTFOUND);
	assert_int_equal(fp_info(s, &info), 0);
	assert_true(info.bytes > 100000 && info.commits > 0 && info.written_ns > 0);
	fp_close(&s);
	help_end(&h);
}

static struct fp_addr v6(const char *text)
{
	struct fp_addr a;

	assert_int_equal(fp_addr_parse(&a, text), 0);
	return a;
}

static const struct {
	const char *why, *ask, *answers; /* NULL: unknown */
} near_rows[] = {
	{ "known itself", "2001:db8:0:1::5", "2001:db8:0:1::5" },
	{ "unknown, with neighbours: the confirmed one, though another was seen later", "2001:db8:0:1::77", "2001:db8:0:1::3" },
	{ "a neighbour is the network's first address", "2001:db8:0:2::9", "2001:db8:0:2::" },
	{ "and the last", "2001:db8:0:3::9", "2001:db8:0:3:ffff:ffff:ffff:ffff" },
	{ "nobody there, though there is before and behind", "2001:db8:0:4::1", NULL },
	{ "behind all others", "2001:db8:ffff::1", NULL },
	{ "more neighbours than are looked at: one of the first", "2001:db8:0:6::ffff", "2001:db8:0:6::10" },
	{ "IPv4 has no such neighbours", "10.0.0.99", NULL },
	{ "multicast", "ff02::1", NULL },
};

/* An IPv6 address never seen is answered from its /64, where the caller allows it, and marked. */
static void test_near(void **state)
{
	static const char *const hosts[] = { "2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1::3", "2001:db8:0:1::4", "2001:db8:0:1::5",
		"2001:db8:0:2::", "2001:db8:0:3:ffff:ffff:ffff:ffff", "2001:db8:0:5::1", "10.0.0.98" };
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	assert_int_equal(help_start(&h), 0);
	for (uint32_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct delta d = help_delta(i, DAY + i);

		d.addr = v6(hosts[i]);
		d.what.confirmed = i == 2 || i == 1;
		help_push(&h, &d, 1);
	}
	for (uint32_t i = 1; i < 100; i++) {
		struct delta d = help_delta(i, DAY + i);

		d.addr = v6("2001:db8:0:6::");
		d.addr.b[15] = (uint8_t)i;
		help_push(&h, &d, 1);
	}
	assert_int_equal(help_stop(&h), 0);
	s = open_store(h.dir);
	for (size_t i = 0; i < ARRAY_LEN(near_rows); i++) {
		const struct fp_addr ask = v6(near_rows[i].ask);
		const int rc = fp_lookup_near(s, &ask, &a);
		char text[FP_ADDR_TEXT];

		if (rc != (near_rows[i].answers != NULL ? 0 : FP_ENOTFOUND))
			fail_msg("%s: %d", near_rows[i].why, rc);
		if (rc == 0 && strcmp(fp_addr_text(&a.addr, text), near_rows[i].answers) != 0)
			fail_msg("%s: got %s, want %s", near_rows[i].why, text, near_rows[i].answers);
		if (rc == 0 && a.near_bits != (fp_addr_equal(&a.addr, &ask) ? 0 : 64))
			fail_msg("%s: marked %u", near_rows[i].why, a.near_bits);
		if (rc == 0 && a.near_bits != 0)
			assert_int_equal(fp_lookup(s, &ask, &a), FP_ENOTFOUND);
	}
	assert_int_equal(fp_abi(), FP_ABI);
	fp_close(&s);
	help_end(&h);
}

static void test_next(void **state)
{
	struct fp_addr at = { { 0 } };
	struct fp_answer a;
	struct fp_store *s;
	struct help h;
	uint32_t n = 0;

	(void)state;
	make_store(&h, 5000, DAY);
	s = open_store(h.dir);
	while (fp_next(s, &at, &a) == 0) {
		assert_true(memcmp(at.b, a.addr.b, sizeof at.b) < 0);
		at = a.addr;
		n++;
	}
	assert_int_equal(fp_next(s, &at, &a), FP_ENOTFOUND);
	assert_int_equal(n, 5000);
	/* From between two hosts too. */
	at = help_addr(77);
	at.b[15]++;
	assert_int_equal(fp_next(s, &at, &a), 0);
	assert_true(memcmp(at.b, a.addr.b, sizeof at.b) < 0);
	fp_close(&s);

	/* A store without hosts has no next. */
	help_end(&h);
	make_store(&h, 0, DAY);
	memset(&at, 0, sizeof at);
	s = open_store(h.dir);
	assert_int_equal(fp_next(s, &at, &a), FP_ENOTFOUND);
	fp_close(&s);
	help_end(&h);
}

/* One handle from before the store was there until after it was replaced twice. */
static void test_life(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	s = open_store(h.dir);
	assert_int_equal(help_ask(s, 1, FP_ENOSTORE, &a), FP_ENOSTORE);

	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 10, DAY);
	assert_int_equal(help_ask(s, 9, 0, &a), 0);
	assert_true(a.age_s > 0); /* live: by our clock */
	assert_int_equal(help_stop(&h), 0);

	/* The daemon is gone: what it knew stays known. */
	assert_int_equal(help_ask(s, 9, 0, &a), 0);

	/* The stamp is withdrawn: within a second nobody may rely on it. */
	assert_int_equal(rename(help_path(h.dir, "stamp"), help_path(h.dir, "gone")), 0);
	assert_int_equal(help_ask(s, 9, FP_ENOSTORE, &a), FP_ENOSTORE);
	assert_int_equal(rename(help_path(h.dir, "gone"), help_path(h.dir, "stamp")), 0);
	assert_int_equal(help_ask(s, 9, 0, &a), 0);

	/* Another store in its place. */
	unlink(help_path(h.dir, "data.mdb"));
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 20, 30, DAY);
	assert_int_equal(help_ask(s, 25, 0, &a), 0);
	assert_int_equal(help_ask(s, 9, FP_ENOTFOUND, &a), FP_ENOTFOUND);

	/* Its map grows beyond what the handle has mapped. */
	assert_int_equal(help_stop(&h), 0);
	h.conf.map_bytes = 256 << 20;
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 300000, DAY + 1);
	assert_int_equal(help_ask(s, 299999, 0, &a), 0);
	assert_int_equal(help_stop(&h), 0);
	fp_close(&s);
	help_end(&h);
}

static void test_stamp_must_fit(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	struct help h;
	const struct fp_addr addr = help_addr(1);

	(void)state;
	make_store(&h, 10, DAY);

	/* A copied store: another inode than the stamp names. */
	assert_int_equal(rename(help_path(h.dir, "data.mdb"), help_path(h.dir, "old")), 0);

	char command[300];

	snprintf(command, sizeof command, "cp %s/old %s/data.mdb", h.dir, h.dir);
	assert_int_equal(system(command), 0);
	s = open_store(h.dir);
	assert_int_equal(fp_lookup(s, &addr, &a), FP_ENOSTORE);
	/* Who has checked it himself may say so. */
	fp_trust(s);
	assert_int_equal(fp_lookup(s, &addr, &a), 0);
	fp_close(&s);

	/* A torn stamp is none. */
	assert_int_equal(rename(help_path(h.dir, "old"), help_path(h.dir, "data.mdb")), 0);
	assert_int_equal(truncate(help_path(h.dir, "stamp"), 20), 0);
	s = open_store(h.dir);
	assert_int_equal(fp_lookup(s, &addr, &a), FP_ENOSTORE);
	fp_close(&s);
	help_end(&h);
}

/* ---- Threads and forks ------------------------------------------------------------------------ */

enum { THREADS = 4 };

struct hammer {
	struct fp_store *store;
	_Atomic bool a_stop;
	_Atomic uint64_t a_asked, a_wrong;
};

static void *hammer(void *arg)
{
	struct hammer *m = arg;
	uint64_t seed = (uint64_t)(uintptr_t)&seed, asked = 0;

	while (!atomic_load_explicit(&m->a_stop, memory_order_relaxed)) {
		const uint32_t n = (uint32_t)(test_random(&seed) % 1200);
		const struct fp_addr addr = help_addr(n);
		struct fp_answer a;
		const int rc = fp_lookup(m->store, &addr, &a);

		/* A machine too busy to answer in time is no error. */
		if (rc == 0 ? n >= 1000 || !fp_addr_equal(&a.addr, &addr) || a.host.last_seen < DAY
		            : rc != FP_ESTALE && !(rc == FP_ENOTFOUND && n >= 1000))
			atomic_fetch_add(&m->a_wrong, 1);
		asked++;
	}
	atomic_fetch_add(&m->a_asked, asked);
	return NULL;
}

/* One handle, four threads, a writer that writes; the first look-ups of all come at once. */
static void test_threads(void **state)
{
	struct hammer m = { 0 };
	pthread_t thread[THREADS];
	struct help h;

	(void)state;
	make_store(&h, 1000, DAY);
	assert_int_equal(help_start(&h), 0);
	m.store = open_store(h.dir);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hammer, &m), 0);
	for (uint32_t i = 1; i <= 10; i++) {
		help_push_range(&h, 0, 1000, DAY + i);
		help_nap(100);
	}
	atomic_store(&m.a_stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(atomic_load(&m.a_wrong), 0);
	assert_true(atomic_load(&m.a_asked) > 10000);
	assert_int_equal(help_stop(&h), 0);
	fp_close(&m.store);
	help_end(&h);
}

/* The same while the store is replaced under them again and again: answers or none, never a fault. */
static void *replace_hammer(void *arg)
{
	struct hammer *m = arg;
	uint64_t seed = (uint64_t)(uintptr_t)&seed;

	while (!atomic_load_explicit(&m->a_stop, memory_order_relaxed)) {
		const struct fp_addr addr = help_addr((uint32_t)(test_random(&seed) % 100));
		struct fp_answer a;

		if (fp_lookup(m->store, &addr, &a) == 0)
			atomic_fetch_add(&m->a_asked, 1);
	}
	return NULL;
}

static void test_replaced_under_threads(void **state)
{
	struct hammer m = { 0 };
	pthread_t thread[THREADS];
	struct help h;

	(void)state;
	make_store(&h, 100, DAY);
	m.store = open_store(h.dir);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, replace_hammer, &m), 0);
	for (int i = 0; i < 3; i++) {
		const uint64_t before = atomic_load(&m.a_asked);

		unlink(help_path(h.dir, "data.mdb"));
		run_with(&h, 100, DAY);
		for (int j = 0; j < 500 && atomic_load(&m.a_asked) < before + 1000; j++)
			help_nap(10);
		help_nap(1100);
	}
	atomic_store(&m.a_stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	fp_close(&m.store);
	help_end(&h);
}

/* Forked while other threads are inside look-ups: the child's handle works on, and notices a new store. */
static void test_fork(void **state)
{
	struct hammer m = { 0 };
	pthread_t thread[THREADS];
	struct help h;

	(void)state;
	make_store(&h, 1000, DAY);
	m.store = open_store(h.dir);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hammer, &m), 0);
	for (int i = 0; i < 20; i++) {
		const pid_t pid = fork();
		int status;

		if (pid == 0) {
			struct fp_answer a;
			int rc = 0;

			for (uint32_t n = 0; n < 1000 && rc == 0; n++) {
				const struct fp_addr addr = help_addr(n);

				rc = fp_lookup(m.store, &addr, &a);
			}
			_exit(rc == 0 || rc == FP_ESTALE ? 0 : 1);
		}
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
	}
	atomic_store(&m.a_stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(atomic_load(&m.a_wrong), 0);

	/* A child from before the store is replaced. */
	int go[2];

	assert_int_equal(pipe(go), 0);

	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct fp_answer a;
		char c;

		if (read(go[0], &c, 1) != 1)
			_exit(2);
		_exit(help_ask(m.store, 5000, 0, &a) == 0 ? 0 : 1);
	}
	unlink(help_path(h.dir, "data.mdb"));
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 4000, 6000, DAY);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(go[0]);
	close(go[1]);
	fp_close(&m.store);
	help_end(&h);
}

/* Another user with the right to read the two files and nothing else. */
static void test_other_user(void **state)
{
	struct help h;
	int status;

	(void)state;
	help_init(&h);
	h.conf.mode = 0644;
	run_with(&h, 10, DAY);
	chmod(h.dir, 0755);

	const pid_t pid = fork();

	if (pid == 0) {
		struct fp_answer a;
		struct fp_store *s;
		const struct fp_addr addr = help_addr(1);

		if (getuid() == 0 && setuid(65534) != 0)
			_exit(2);
		fp_open(&s, h.dir);
		_exit(fp_lookup(s, &addr, &a) == 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	help_end(&h);
}

static void test_candidates(void **state)
{
	const char *flavor = NULL;

	(void)state;
	assert_null(fp_candidate(0, NULL));
	assert_null(fp_candidate(255, NULL));
	assert_null(fp_candidate(256, NULL));
	assert_string_equal(fp_candidate(5, &flavor), "Windows");
	assert_string_equal(flavor, "10 or later");
}

static void test_names_of_bits(void **state)
{
	(void)state;
	assert_string_equal(fp_quirk_name(0), "df");
	assert_string_equal(fp_quirk_name(16), "bad");
	assert_null(fp_quirk_name(17));
	assert_null(fp_quirk_name(~0u));
	for (unsigned n = 0; n < 9; n++)
		assert_non_null(fp_path_name(n));
	assert_string_equal(fp_path_name(2), "mss clamped");
	assert_null(fp_path_name(9));
	assert_null(fp_path_name(32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_stamp_must_fit),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_replaced_under_threads),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_names_of_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
