/* Writer: a new store in the place of the old one, forget, and what was removed under it. */
#include "tests/test.h"

#include "tests/writer_help.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- What people ask -------------------------------------------------------------------------- */

/* Waits for the answer; returns how it ended. */
static int answer(struct help *h, uint64_t *number)
{
	int rc = 1;

	for (int i = 0; i < 3000 && !writer_answered(h->writer, &rc, number); i++)
		help_nap(10);
	return rc;
}

static struct fp_cidr block_of(const char *text)
{
	struct fp_cidr block;

	assert_int_equal(fp_cidr_parse(&block, text), 0);
	return block;
}

/* A new store takes the place of the old while deltas come: each is in it, exactly once. */
static void test_compact(void **state)
{
	enum { HOSTS = 30000, ROUNDS = 12 };
	struct fp_answer a;
	struct fp_store *s;
	struct fp_info before, after;
	struct help h;
	uint64_t bytes = 0;
	unsigned rotations = 0;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	h.conf.map_bytes = 512 << 20; /* nothing waits for pages here */
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, HOSTS, DAY);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(help_ask(s, HOSTS - 1, 0, &a), 0);
	assert_int_equal(fp_info(s, &before), 0);

	const struct record_stamp old = stamp_of(h.dir);

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		if (round % 3 == 1)
			assert_int_equal(writer_compact(h.writer), 0);
		help_push_range(&h, 0, HOSTS, DAY + round);
		if (round % 3 == 0) {
			assert_int_equal(answer(&h, &bytes), 0);
			rotations++;
		}
		/* Whoever reads meanwhile reads on. */
		assert_int_equal(help_ask(s, round, 0, &a), 0);
	}
	assert_int_equal(counters_get(h.counters, C_ROTATIONS, 0), rotations);
	help_push_range(&h, HOSTS, HOSTS + 10, DAY);
	assert_int_equal(help_ask(s, HOSTS + 9, 0, &a), 0);
	assert_true(stamp_of(h.dir).store_id != old.store_id);
	assert_int_equal(mode_of(h.dir, "data.mdb"), 0640);
	assert_int_equal(mode_of(h.dir, "next"), 0);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(count_files(h.dir, "next"), 0);
	assert_int_equal(counters_get(h.counters, C_STORE_FAILED, 0), 0);
	fp_close(&s); /* it would look for a new store within a second */
	assert_int_equal(fp_open(&s, h.dir), 0);
	for (uint32_t i = 0; i < HOSTS; i++)
		if (help_ask(s, i, 0, &a) != 0 || a.host.connections != ROUNDS + 1 || strcmp(a.name, i % 2 ? "Linux" : "Windows") != 0)
			fail_msg("host %u: %u connections instead of %d, %s", i, a.host.connections, ROUNDS + 1, a.name);
	assert_int_equal(validate(h.dir).rc, 0);
	assert_int_equal(validate(h.dir).hosts, HOSTS + 10);

	/* At rest, by a command: pages that were free are given back. */
	h.conf.tool = true;
	h.conf.live = false;
	h.conf.map_bytes = 0;
	assert_int_equal(fp_info(s, &before), 0);
	assert_int_equal(help_start(&h), 0);
	assert_int_equal(writer_compact(h.writer), 0);
	assert_int_equal(help_stop(&h), 0);
	fp_close(&s);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(fp_info(s, &after), 0);
	assert_true(after.live);
	assert_true(after.bytes < before.bytes && after.bytes < HOSTS * 128);
	assert_int_equal(validate(h.dir).hosts, HOSTS + 10);
	assert_true(validate(h.dir).clean);
	fp_close(&s);
	help_end(&h);
}

static const struct {
	const char *why, *block;
	uint32_t gone; /* of the hosts 10.i.0.0, i below 256, and 10.i.1.0 */
} forget_rows[] = {
	{ "one address", "10.7.0.0", 1 },
	{ "one that nobody knows", "192.0.2.1", 0 },
	{ "a block", "10.8.0.0/14", 8 },
	{ "the last ones", "10.255.0.0/16", 2 },
	{ "all of IPv6", "2000::/3", 0 },
	{ "everybody", "0.0.0.0/0", 501 },
};

static void test_forget(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	struct help h;
	uint64_t hosts = 512;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 512, DAY);
	assert_int_equal(fp_open(&s, h.dir), 0);
	for (size_t i = 0; i < ARRAY_LEN(forget_rows); i++) {
		const struct fp_cidr block = block_of(forget_rows[i].block);
		uint64_t gone = 0;

		assert_int_equal(writer_forget(h.writer, &block), 0);
		assert_int_equal(answer(&h, &gone), 0);
		hosts -= gone;
		if (gone != forget_rows[i].gone)
			fail_msg("%s: %u hosts gone, want %u", forget_rows[i].why, (unsigned)gone, forget_rows[i].gone);
		assert_int_equal(counters_get(h.counters, C_HOSTS, 0), hosts);
		assert_int_equal(help_ask(s, 7, FP_ENOTFOUND, &a), FP_ENOTFOUND);
		assert_int_equal(help_ask(s, 6, hosts > 0 ? 0 : FP_ENOTFOUND, &a), hosts > 0 ? 0 : FP_ENOTFOUND);
	}
	/* Many, and more come meanwhile: what came before the question is gone, what comes after begins anew. */
	help_push_range(&h, 0, 20000, DAY);
	assert_int_equal(writer_compact(h.writer), 0);
	assert_int_equal(writer_compact(h.writer), FP_EBUSY);
	assert_int_equal(answer(&h, &hosts), 0);
	help_push_range(&h, 0, 20000, DAY + 1);
	assert_int_equal(writer_forget(h.writer, &(struct fp_cidr){ .bits = 0 }), 0);
	assert_int_equal(answer(&h, &hosts), 0);
	assert_int_equal(hosts, 20000);
	help_push_range(&h, 0, 10, DAY + 2);
	assert_int_equal(help_ask(s, 9, 0, &a), 0);
	assert_int_equal(a.host.connections, 1);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 10);
	fp_close(&s);
	help_end(&h);
}

/* Removed under a running daemon, the file alone or the directory: the store is soon there again, with all that was in it. */
static void test_removed(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 3000, DAY);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(help_ask(s, 2999, 0, &a), 0);
	for (int round = 0; round < 2; round++) {
		if (round == 0)
			unlink(help_path(h.dir, "data.mdb"));
		else
			help_dir_remove(h.dir);
		help_push_range(&h, 3000, 3100, DAY + 1);
		for (int i = 0; i < 500 && (mode_of(h.dir, "data.mdb") == 0 || mode_of(h.dir, "stamp") == 0); i++)
			help_nap(10);
		assert_int_equal(mode_of(h.dir, "data.mdb"), 0640);
		help_push_range(&h, 3100, 3200, DAY + 1);

		struct fp_store *fresh;

		assert_int_equal(fp_open(&fresh, h.dir), 0);
		for (uint32_t i = 3200; i-- > 0;)
			assert_int_equal(help_ask(fresh, i, 0, &a), 0);
		fp_close(&fresh);
	}
	/* Whoever had the first one open finds the third. */
	for (int i = 0; i < 500 && (help_ask_once(s, 3199, &a) != 0 || a.host.connections != 2); i++)
		help_nap(10);
	assert_int_equal(a.host.connections, 2);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 3200);
	assert_int_equal(counters_get(h.counters, C_STORE_FAILED, 0), 0);

	print_message("# saw: data.mdb, then the whole directory removed under the writer | both made anew from what was in use, nothing lost; readers go over within seconds\n");

	/* Another file in its place is not written over. */
	assert_int_equal(help_start(&h), 0);
	assert_int_equal(rename(help_path(h.dir, "data.mdb"), help_path(h.dir, "aside")), 0);
	close(open(help_path(h.dir, "data.mdb"), O_CREAT | O_WRONLY, 0600));
	help_nap(1300); /* it looks each second */
	assert_int_equal(help_stop(&h), FP_EBUSY);
	fp_close(&s);
	help_end(&h);
}

/* Killed while a new store is made, or put in place: one of the two is there, whole, and nothing of the other is left. */
static void test_compact_killed(void **state)
{
	struct help h;
	uint64_t seed = 5, hosts = 0;

	(void)state;
	help_init(&h);
	for (int round = 0; round < 12; round++) {
		const pid_t pid = fork();

		if (pid == 0) {
			uint64_t bytes;
			int rc;

			h.conf.live = true;
			if (help_start(&h) != 0)
				_exit(1);
			for (uint32_t when = DAY;; when++) {
				writer_compact(h.writer);
				help_push_range(&h, 0, 5000, when);
				writer_answered(h.writer, &rc, &bytes);
			}
		}
		help_nap(205 + (unsigned)(test_random(&seed) % 120)); /* 200 of them are the quiet after a start */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		const struct validate_report r = validate(h.dir);

		assert_int_equal(r.rc, 0);
		assert_true(r.hosts >= hosts); /* each child begins with those that are there */
		hosts = r.hosts;
	}
	print_message("# saw: SIGKILL while a new store is made or put in place | 12 kills: one of the two was there each time, whole\n");
	run_with(&h, 5000, DAY);
	assert_int_equal(validate(h.dir).hosts, 5000);
	assert_int_equal(count_files(h.dir, "next"), 0);
	assert_int_equal(count_files(h.dir, "data.mdb.damaged"), 0);
	help_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_compact_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
