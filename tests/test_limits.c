/* Writer: a map, a disk that is full; hosts that are too many or too old. */
#include "tests/test.h"

#include "tests/writer_help.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* ---- Limits ----------------------------------------------------------------------------------- */

static void test_map_full(void **state)
{
	enum { PUSHED = 16000 };
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.map_bytes = 1 << 20;
	h.conf.live = true;
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 500, DAY);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(help_ask(s, 499, 0, &a), 0);
	for (uint32_t i = 500; i < PUSHED; i += 500)
		help_push_range(&h, i, i + 500, DAY + i);
	/* Once that is over it soon takes new ones again. */
	uint32_t more = 0;

	do {
		help_push_range(&h, 50000 + more, 50010 + more, DAY + 60000);
		more += 10;
		help_nap(100);
	} while (more < 3000 && help_ask_once(s, 50000 + more - 1, &a) != 0);
	assert_in_range(more, 10, 2990);
	for (int i = 0; i < 1000 && counters_get(h.counters, C_ROTATIONS, 0) == 0; i++)
		help_nap(10);
	help_stop(&h);

	const uint64_t failed = counters_get(h.counters, C_STORE_FAILED, 0);

	assert_true(failed > 0);
	assert_int_equal(counters_get(h.counters, C_WRITTEN, 0) + failed, PUSHED + more);
	assert_int_equal(counters_pending(h.counters), 0);
	/* The oldest have gone for new ones: it serves on, with what it has room for. */
	assert_true(counters_get(h.counters, C_ROTATIONS, 0) > 0);
	assert_in_range(counters_get(h.counters, C_HOSTS, 0), 1000, 12000);

	struct validate_report r = validate(h.dir);

	assert_int_equal(r.rc, 0);
	assert_int_equal(r.hosts, counters_get(h.counters, C_HOSTS, 0));
	print_message("# saw: the map full (1 MB), 16 000 hosts for it | serves on with %u hosts, the youngest; %u new stores took the place of one that was full; "
	    "%u changes lost, and counted\n", (unsigned)r.hosts, (unsigned)counters_get(h.counters, C_ROTATIONS, 0), (unsigned)failed);
	fp_close(&s);

	/* The remedy. */
	h.conf.map_bytes = 64 << 20;
	run_with(&h, 40000, DAY + 70000);
	assert_in_range(validate(h.dir).hosts, 40000, 40000 + more);
	help_end(&h);
}

/* A map with room for the hosts but not for all that waits out the grace time: slower, and nothing is lost. */
static void test_map_tight(void **state)
{
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.map_bytes = 2 << 20;
	h.conf.live = true;
	assert_int_equal(help_start(&h), 0);
	for (uint32_t i = 0; i < 20; i++)
		help_push_range(&h, 0, 3000, DAY + i);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(counters_get(h.counters, C_STORE_FAILED, 0), 0);
	assert_int_equal(counters_get(h.counters, C_WRITTEN, 0), 60000);
	assert_true(counters_get(h.counters, C_MAP_FULL, 0) > 0);
	assert_int_equal(validate(h.dir).hosts, 3000);
	help_end(&h);
}

/* In a child of its own: a small disk, full, then not. 0 well, 77 no such disk here. */
static int disk_full_child(struct help *hp)
{
	struct help h = *hp;
	struct fp_answer a;
	struct fp_store *s;
	char ballast[65536];

	h.conf.dir = h.dir;
	h.conf.a_commits = &h.a_commits;
	if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", h.dir, "tmpfs", 0, "size=8m") != 0)
		return 77;
	h.conf.live = true;
	if (help_start(&h) != 0)
		return 1;
	help_push_range(&h, 0, 2000, DAY);
	if (fp_open(&s, h.dir) != 0 || help_ask(s, 1999, 0, &a) != 0)
		return 2;

	const int fd = open(help_path(h.dir, "ballast"), O_CREAT | O_WRONLY, 0600);

	memset(ballast, 1, sizeof ballast);
	while (write(fd, ballast, sizeof ballast) > 0)
		;
	close(fd);
	help_push_range(&h, 2000, 30000, DAY);
	for (int i = 0; i < 500 && counters_pending(h.counters) > 0; i++)
		help_nap(10);
	if (counters_get(h.counters, C_STORE_FAILED, 0) == 0 || help_ask(s, 1999, 0, &a) != 0)
		return 3;

	/* Space again: service again, nothing of before lost. */
	unlink(help_path(h.dir, "ballast"));
	help_nap(600);
	help_push_range(&h, 40000, 41000, DAY);
	if (help_ask(s, 40999, 0, &a) != 0 || help_ask(s, 0, 0, &a) != 0)
		return 4;
	if (help_stop(&h) != 0)
		return 5;
	if (counters_get(h.counters, C_WRITTEN, 0) + counters_get(h.counters, C_STORE_FAILED, 0) != 31000)
		return 6;
	return validate(h.dir).rc == 0 ? 0 : 7;
}

static void test_disk_full(void **state)
{
	struct help h;
	int status;

	(void)state;
	help_init(&h);

	const pid_t pid = fork();

	if (pid == 0)
		_exit(disk_full_child(&h));
	waitpid(pid, &status, 0);
	help_end(&h);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	print_message("# saw: disk full (tmpfs of 8 MB), then space again | what was stored is read on; changes that found no space are counted; "
	    "served again within a second of there being some\n");
}

/* hosts.max holds; confirmed hosts stay while there are others. */
static void test_hosts_max(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.hosts_max = 500;
	assert_int_equal(help_start(&h), 0);
	for (uint32_t i = 0; i < 200; i++) {
		struct delta d = help_delta(i, DAY);

		d.what.confirmed = true;
		help_push(&h, &d, 1);
	}
	help_push_range(&h, 200, 20000, DAY + 1);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 500);
	assert_int_equal(counters_get(h.counters, C_HOSTS, 0), 500);
	assert_int_equal(counters_get(h.counters, C_HOSTS_DROPPED, 0), 19500);
	assert_int_equal(counters_get(h.counters, C_WRITTEN, 0), 20000);
	assert_int_equal(fp_open(&s, h.dir), 0);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(help_ask(s, i, 0, &a), 0);

	/* Unconfirmed newcomers do not displace confirmed hosts, confirmed ones displace the oldest. */
	assert_int_equal(help_start(&h), 0);
	for (uint32_t i = 1000; i < 2000; i++) {
		struct delta d = help_delta(i, DAY + 10 + i);

		d.what.confirmed = true;
		help_push(&h, &d, 1);
	}
	help_push_range(&h, 3000, 4000, DAY + 5000);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 500);
	assert_int_equal(help_ask(s, 1999, 0, &a), 0);
	assert_int_equal(help_ask(s, 3999, FP_ENOTFOUND, &a), FP_ENOTFOUND);
	fp_close(&s);
	help_end(&h);
}

/* ---- Age -------------------------------------------------------------------------------------- */

/* Waits until the writer says that it has so many hosts. */
static void await_hosts(struct help *h, uint64_t hosts)
{
	for (int i = 0; i < 1000 && counters_get(h->counters, C_HOSTS, 0) != hosts; i++)
		help_nap(10);
	assert_int_equal(counters_get(h->counters, C_HOSTS, 0), hosts);
}

static const struct {
	const char *why;
	uint32_t age_s;
	bool confirmed, stays;
} age_rows[] = {
	{ "just seen", 1, false, true },
	{ "unconfirmed, within the hour", 3500, false, true },
	{ "unconfirmed, older", 3700, false, false },
	{ "confirmed, of the day before", 86400, true, true },
	{ "confirmed, of 29 days before", 29 * 86400, true, true },
	{ "confirmed, of 31 days before", 31 * 86400, true, false },
};

/* So many hosts of each age, more in all than are looked at in a second. live: by age, else nothing goes. */
enum { OF_EACH = 100 };

static void age_run(bool live)
{
	const uint32_t now = (uint32_t)time(NULL);
	struct fp_answer a;
	struct fp_store *s;
	struct help h;
	uint64_t stay = 0;

	help_init(&h);
	h.conf.live = live;
	h.conf.keep_s = 30 * 86400;
	h.conf.keep_unconfirmed_s = 3600;
	assert_int_equal(help_start(&h), 0);
	for (uint32_t row = 0; row < ARRAY_LEN(age_rows); row++) {
		for (uint32_t i = 0; i < OF_EACH; i++) {
			struct delta d = help_delta(row * OF_EACH + i, now - age_rows[row].age_s);

			d.what.confirmed = age_rows[row].confirmed;
			help_push(&h, &d, 1);
		}
		stay += !live || age_rows[row].stays ? OF_EACH : 0;
	}
	help_nap(live ? 1 : 1200);
	await_hosts(&h, stay);
	assert_int_equal(fp_open(&s, h.dir), 0);
	for (uint32_t row = 0; row < ARRAY_LEN(age_rows); row++) {
		const int want = !live || age_rows[row].stays ? 0 : FP_ENOTFOUND, got = help_ask(s, row * OF_EACH + 7, want, &a);

		if (got != want)
			fail_msg("%s: got %d, want %d", age_rows[row].why, got, want);
	}
	assert_int_equal(counters_get(h.counters, C_HOSTS_DROPPED, 0), OF_EACH * ARRAY_LEN(age_rows) - stay);
	/* A forgotten one that comes again begins anew. */
	help_push_range(&h, 2 * OF_EACH, 2 * OF_EACH + 1, now);
	help_nap(100);
	assert_int_equal(help_ask(s, 2 * OF_EACH, 0, &a), 0);
	assert_int_equal(a.host.connections, live ? 1 : 2);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).rc, 0);
	fp_close(&s);
	help_end(&h);
}

static void test_age(void **state)
{
	(void)state;
	age_run(true);
	age_run(false);
}

/* A clock that was years ahead for a packet makes nobody old, and one set back neither. */
static void test_age_wrong_clock(void **state)
{
	const uint32_t now = (uint32_t)time(NULL);
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	h.conf.keep_s = 30 * 86400;
	h.conf.keep_unconfirmed_s = 3600;
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 300, now);
	help_push_range(&h, 1000, 1001, now + 10 * 365 * 86400u);
	help_push_range(&h, 300, 400, now - 1800);
	help_nap(1600); /* all were looked at */
	assert_int_equal(counters_get(h.counters, C_HOSTS, 0), 401);
	assert_int_equal(help_stop(&h), 0);
	help_end(&h);
}

/* hosts.max was lowered: those too many go, unconfirmed ones first. */
static void test_hosts_max_lowered(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	assert_int_equal(help_start(&h), 0);
	for (uint32_t i = 0; i < 2000; i++) {
		struct delta d = help_delta(i, DAY + i);

		d.what.confirmed = i % 4 == 0;
		help_push(&h, &d, 1);
	}
	assert_int_equal(help_stop(&h), 0);
	h.conf.hosts_max = 800;
	assert_int_equal(help_start(&h), 0);
	await_hosts(&h, 800);
	assert_int_equal(fp_open(&s, h.dir), 0);
	for (uint32_t i = 0; i < 2000; i += 4)
		if (help_ask(s, i, 0, &a) != 0)
			fail_msg("host %u was confirmed, and has gone before unconfirmed ones", i);
	fp_close(&s);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 800);
	help_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_full),
		cmocka_unit_test(test_map_tight),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_hosts_max),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_age_wrong_clock),
		cmocka_unit_test(test_hosts_max_lowered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
