/* Writer: what it leaves in the directory, what it refuses, its texts, and that nothing stored is lost. */
#include "tests/test.h"

#include "core/pulse.h"
#include "store/dirlock.h"
#include "tests/writer_help.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static void test_first_run(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.mode = 0644;
	h.conf.live = true;
	assert_int_equal(help_start(&h), 0);
	assert_int_equal(mode_of(h.dir, "data.mdb"), 0644);
	assert_int_equal(mode_of(h.dir, "lock.mdb"), 0600);
	assert_int_equal(mode_of(h.dir, "lock"), 0600);
	assert_int_equal(mode_of(h.dir, "stamp"), 0644);
	assert_int_equal(stamp_of(h.dir).clean_ns, 0);

	help_push_range(&h, 0, 1000, DAY);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(help_ask(s, 999, 0, &a), 0);
	assert_string_equal(a.name, "Linux");
	assert_string_equal(a.klass, "unix");
	assert_string_equal(a.link, "Ethernet or modem");
	assert_string_equal(a.layout, "mss,nop,ws,nop,nop,sok");
	assert_int_equal(a.host.connections, 1);

	assert_int_equal(help_stop(&h), 0);
	assert_true(stamp_of(h.dir).clean_ns != 0);
	assert_int_equal(counters_get(h.counters, C_WRITTEN, 0), 1000);
	assert_int_equal(counters_get(h.counters, C_HOSTS, 0), 1000);
	assert_int_equal(counters_get(h.counters, C_STORE_FAILED, 0), 0);
	assert_int_equal(counters_pending(h.counters), 0);
	assert_true(atomic_load(&h.a_commits) > 1);
	assert_int_equal(atomic_load(&h.a_commits), counters_get(h.counters, C_COMMITS, 0));

	const struct validate_report r = validate(h.dir);

	assert_int_equal(r.rc, 0);
	assert_int_equal(r.hosts, 1000);
	assert_true(r.clean);
	fp_close(&s);
	help_end(&h);
}

/* Files: no reader before the first fill is over, then all of it. */
static void test_files(void **state)
{
	struct fp_info info;
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	assert_int_equal(help_start(&h), 0);
	assert_int_equal(mode_of(h.dir, "stamp"), 0);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(fp_info(s, &info), FP_ENOSTORE);
	help_push_range(&h, 0, 100, DAY);
	/* Nothing comes for a while: readers are let in though the writer runs on. */
	assert_int_equal(help_ask(s, 7, 0, &a), 0);
	assert_int_equal(a.age_s, 0);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(fp_info(s, &info), 0);
	assert_false(info.live);
	assert_true(info.now_ns == DAY * INT64_C(1000000000));
	fp_close(&s);

	/* Asked to stop at once: all that was pushed is there, and so is the stamp. */
	help_dir_remove(h.dir);
	mkdir(h.dir, 0700);
	run_with(&h, 5000, DAY);
	assert_int_equal(validate(h.dir).hosts, 5000);
	assert_int_equal(mode_of(h.dir, "stamp"), 0640);
	help_end(&h);
}

/* A second run adds to what the first one left, and takes the clean mark back. */
static void test_second_run(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	struct help h;

	(void)state;
	help_init(&h);
	run_with(&h, 1000, DAY);

	const struct record_stamp first = stamp_of(h.dir);

	assert_int_equal(help_start(&h), 0);
	assert_true(stamp_of(h.dir).store_id == first.store_id);
	assert_true(stamp_of(h.dir).clean_ns == 0);
	help_push_range(&h, 500, 1500, DAY + 60);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(help_ask(s, 1499, 0, &a), 0);
	assert_false(validate(h.dir).clean);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(help_ask(s, 600, 0, &a), 0);
	assert_int_equal(a.host.connections, 2);
	assert_int_equal(a.host.first_seen, DAY);
	assert_int_equal(a.host.last_seen, DAY + 60);
	assert_int_equal(a.age_s, 0);
	assert_int_equal(help_ask(s, 400, 0, &a), 0);
	assert_int_equal(a.host.connections, 1);
	assert_int_equal(a.age_s, 60);
	assert_int_equal(validate(h.dir).hosts, 1500);
	fp_close(&s);
	help_end(&h);
}

/* The daemon is killed in mid-work: what was committed is there, and the next one takes it over. */
static void test_killed(void **state)
{
	struct fp_answer a = { .near_bits = 0 };
	struct fp_store *s;
	struct help h;
	uint32_t seen = 0;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	assert_int_equal(fp_open(&s, h.dir), 0);
	for (int round = 0; round < 5; round++) {
		const pid_t pid = fork();
		int status;

		if (pid == 0) {
			if (help_start(&h) != 0)
				_exit(1);
			for (uint32_t when = DAY;; when++)
				help_push_range(&h, 0, 2000, when);
		}
		/* In mid-work, however slow it is. */
		for (int i = 0; i < 4000 && (help_ask_once(s, 1999, &a) != 0 || a.host.connections <= seen); i++)
			help_nap(5);
		assert_true(a.host.connections > seen);
		help_nap(37 * (unsigned)round);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(help_ask(s, 1999, 0, &a), 0);
		assert_true(a.host.connections > seen);
		seen = a.host.connections;
	}
	fp_close(&s);
	assert_int_equal(validate(h.dir).rc, 0);
	assert_false(validate(h.dir).clean);
	assert_int_equal(help_start(&h), 0);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 2000);
	assert_int_equal(count_files(h.dir, "data.mdb.damaged"), 0);
	help_end(&h);
}

/* ---- Refusals --------------------------------------------------------------------------------- */

static void test_busy(void **state)
{
	char want[64];
	struct help h, second;
	int fd;

	(void)state;
	help_init(&h);
	assert_int_equal(help_start(&h), 0);
	help_init(&second);
	second.conf.dir = h.dir;
	assert_int_equal(writer_open(&second.writer, &second.conf, second.why), FP_EBUSY);
	assert_null(second.writer);
	snprintf(want, sizeof want, "process %ld", (long)getpid());
	assert_non_null(strstr(second.why, want));
	assert_non_null(strstr(second.why, h.dir));
	assert_int_equal(dirlock_take(&fd, h.dir, 30, second.why), FP_EBUSY);
	assert_int_equal(fd, -1);
	assert_int_equal(help_stop(&h), 0);

	/* Held by the caller: a child that inherits it keeps it. */
	assert_int_equal(dirlock_take(&fd, h.dir, 0, second.why), 0);

	const pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	close(fd);
	assert_int_equal(dirlock_take(&fd, h.dir, 0, second.why), FP_EBUSY);
	kill(pid, SIGKILL);
	assert_int_equal(dirlock_take(&fd, h.dir, 2000, second.why), 0);
	waitpid(pid, NULL, 0);
	h.conf.locked = true;
	assert_int_equal(help_start(&h), 0);
	assert_int_equal(help_stop(&h), 0);
	close(fd);
	help_end(&second);
	help_end(&h);
}

/* The checksum of docs/store-format.md, written a second time. */
static uint64_t checksum(const uint8_t *key, const uint8_t *p, size_t size)
{
	uint64_t h = 0x46696e676572706fu ^ size, word;

	for (size_t i = 0; i < 16 + size; i += 8) {
		memcpy(&word, i < 16 ? key + i : p + i - 16, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	h *= 0xff51afd7ed558ccdu;
	return h ^ h >> 33;
}

static void test_version(void **state)
{
	uint8_t key[RECORD_KEY_BYTES];
	struct image im;
	struct help h;
	unsigned patched = 0;

	(void)state;
	help_init(&h);
	run_with(&h, 3000, DAY);
	image_load(&im, h.dir);
	record_key(key, RECORD_META, 0);
	for (size_t i = 8192; i + RECORD_META_BYTES < im.size; i++)
		if (memcmp(im.bytes + i, key, sizeof key) == 0 && memcmp(im.bytes + i + 28, "FPST", 4) == 0) {
			uint8_t *meta = im.bytes + i + 16;
			uint64_t sum;

			meta[8] = 2;
			sum = checksum(key, meta + 8, RECORD_META_BYTES - 8);
			memcpy(meta, &sum, 8);
			patched++;
		}
	assert_true(patched > 0);
	image_write(h.dir, im.bytes, im.size, im.stamp);

	struct fp_answer a;
	struct fp_store *s;

	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(help_ask_once(s, 1, &a), FP_EVERSION);
	fp_close(&s);
	assert_int_equal(help_start(&h), FP_EVERSION);
	assert_non_null(strstr(h.why, "version 2"));
	assert_non_null(strstr(h.why, "version 1"));
	assert_non_null(strstr(h.why, h.dir));
	assert_int_equal(count_files(h.dir, "data.mdb.damaged"), 0);
	assert_int_equal(validate(h.dir).rc, FP_EVERSION);
	print_message("# saw: a store of another version | refused by its number, left as it was; a reader says so too\n");
	free(im.bytes);
	help_end(&h);
}

static const struct {
	const char *why, *says;
	size_t at;             /* in either meta page */
	uint8_t bytes[4];
	bool both;
	int rc;                /* of a start; 0: set aside */
} foreign_rows[] = {
	{ "big-endian", "other byte order", 16, { 0xbe, 0xef, 0xc0, 0xde }, true, FP_EFORMAT },
	{ "a later LMDB", "data format 2", 20, { 2, 0, 0, 0 }, true, FP_EFORMAT },
	{ "one meta page says so: damage", "", 20, { 2, 0, 0, 0 }, false, 0 },
};

/* A file of another machine or another LMDB is refused by name, and left; what only looks so is damage. */
static void test_foreign_format(void **state)
{
	struct image im;
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	run_with(&h, 100, DAY);
	image_load(&im, h.dir);
	for (size_t i = 0; i < ARRAY_LEN(foreign_rows); i++) {
		uint8_t *bytes = malloc(im.size);
		int rc;

		memcpy(bytes, im.bytes, im.size);
		for (size_t page = 0; page < 8192; page += foreign_rows[i].both ? 4096 : 8192) {
			memcpy(bytes + page + foreign_rows[i].at, foreign_rows[i].bytes, 4);
			if (i == 0) /* its page size is swapped too */
				memcpy(bytes + page + 40, (const uint8_t[]){ 0, 0, 0x10, 0 }, 4);
		}
		image_write(h.dir, bytes, im.size, im.stamp);
		free(bytes);
		rc = help_start(&h);
		if (rc != foreign_rows[i].rc || (rc != 0 && strstr(h.why, foreign_rows[i].says) == NULL))
			fail_msg("%s: %d, %s", foreign_rows[i].why, rc, h.why);
		assert_int_equal(count_files(h.dir, "data.mdb.damaged"), rc == 0);
		assert_int_equal(help_stop(&h), 0);
	}
	print_message("# saw: a store of the other byte order, of another LMDB | refused by name, left as it was\n");
	free(im.bytes);
	help_end(&h);
}

/* Not every LMDB file is ours to set aside. */
static void test_foreign(void **state)
{
	struct help h;

	(void)state;
	help_init(&h);
	assert_int_equal(mkdir(help_path(h.dir, "data.mdb"), 0700), 0);
	assert_int_not_equal(help_start(&h), 0);
	assert_non_null(strstr(h.why, "data.mdb"));
	help_end(&h);
}

static void test_directory(void **state)
{
	char dir[64], path[80];
	struct help h;

	(void)state;
	help_init(&h);
	help_dir(dir);

	snprintf(path, sizeof path, "%s/none", dir);
	h.conf.dir = path;
	assert_int_equal(writer_open(&h.writer, &h.conf, h.why), -ENOENT);
	assert_non_null(strstr(h.why, path));
	assert_non_null(strstr(h.why, "install -d"));

	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(writer_open(&h.writer, &h.conf, h.why), -ENOTDIR);

	/* Somebody else's directory. */
	const pid_t pid = fork();
	int status;

	chmod(dir, 0755);
	if (pid == 0) {
		if (getuid() == 0 && setuid(65534) != 0)
			_exit(2);
		chmod(dir, 0555);
		h.conf.dir = dir;
		_exit(writer_open(&h.writer, &h.conf, h.why) == -EACCES && strstr(h.why, dir) != NULL ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	chmod(dir, 0700);
	help_dir_remove(dir);
	help_end(&h);
}

/* ---- Texts ------------------------------------------------------------------------------------ */

/* Numbers of layouts hold over restarts; each host gets its own text back. */
static void test_layouts(void **state)
{
	struct fp_answer a;
	struct fp_store *s;
	char want[3][FP_LAYOUT_TEXT];
	struct help h;

	(void)state;
	help_init(&h);
	for (int run = 0; run < 2; run++) {
		assert_int_equal(help_start(&h), 0);
		for (uint32_t i = 0; i < 300; i++) {
			struct delta d = help_delta(i, DAY + (uint32_t)run);

			d.layout_len = 3;
			d.layout[0] = 2;
			d.layout[1] = (uint8_t)(30 + (i + 100 * (uint32_t)run) % 200);
			d.layout[2] = 1;
			help_push(&h, &d, 1);
		}
		assert_int_equal(help_stop(&h), 0);
		assert_int_equal(fp_open(&s, h.dir), 0);
		for (uint32_t i = 0; i < 300; i += 100) {
			snprintf(want[0], sizeof want[0], "mss,?%u,nop", 30 + (i + 100 * (unsigned)run) % 200);
			assert_int_equal(help_ask(s, i, 0, &a), 0);
			assert_string_equal(a.layout, want[0]);
		}
		fp_close(&s);
	}
	help_end(&h);
}

static void test_new_signatures(void **state)
{
	static const struct sig_label label = { .text = "other:NewOS:1" };
	static struct sig_label with_id;
	struct sigdb db = { &with_id, 1, 1492, "DSL" };
	struct fp_answer a;
	struct fp_store *s;
	struct help h;
	struct delta d;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	with_id = label;
	with_id.id = label_id(label.text);
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 2, DAY);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(help_ask(s, 1, 0, &a), 0);
	assert_string_equal(a.link, "Ethernet or modem");

	assert_int_equal(writer_labels(h.writer, &db), 0);
	d = help_delta(7, DAY);
	d.what.label = with_id.id;
	d.what.mss = 1452;
	help_push(&h, &d, 1);
	assert_int_equal(help_ask(s, 7, 0, &a), 0);
	assert_string_equal(a.name, "NewOS");
	assert_string_equal(a.link, "DSL");
	/* Labels of old signatures stay, for the hosts that have them; links are those of the new ones. */
	assert_int_equal(help_ask(s, 1, 0, &a), 0);
	assert_string_equal(a.name, "Linux");
	assert_string_equal(a.link, "");
	assert_int_equal(help_stop(&h), 0);
	fp_close(&s);
	help_end(&h);
}

static void test_counters_in_store(void **state)
{
	struct fp_store *s;
	char buf[2001];
	struct help h;

	(void)state;
	help_init(&h);
	run_with(&h, 50, DAY);
	assert_int_equal(fp_open(&s, h.dir), 0);
	assert_int_equal(fp_counters(s, 0, buf, sizeof buf), 0);
	assert_int_equal(strncmp(buf, "queue 0\n", 8), 0);
	assert_int_equal(fp_counters(s, 1, buf, sizeof buf), 0);
	assert_int_equal(strncmp(buf, "matcher 0\n", 10), 0);
	assert_int_equal(fp_counters(s, 2, buf, sizeof buf), 0);
	assert_int_equal(strncmp(buf, "writer 0\n", 9), 0);
	assert_non_null(strstr(buf, "\nwritten 50\n"));
	assert_int_equal(fp_counters(s, 2, buf, 10), FP_EOVERFLOW);
	assert_int_equal(fp_counters(s, 4, buf, sizeof buf), FP_ENOTFOUND);
	fp_close(&s);
	help_end(&h);
}

static void test_durable(void **state)
{
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.durable = h.conf.live = true;
	run_with(&h, 500, DAY);
	assert_int_equal(validate(h.dir).hosts, 500);
	help_end(&h);
}

/* /healthz tells a writer that is stuck from one that has nothing to do. */
static void test_pulse(void **state)
{
	static struct pulse_board board;
	struct help h;
	int64_t before;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	h.conf.pulse = pulse_add(&board, "writer");
	assert_int_equal(help_start(&h), 0);
	before = atomic_load(&h.conf.pulse->a_beat_ms);
	for (int i = 0; i < 1000 && atomic_load(&h.conf.pulse->a_beat_ms) - before <= 1000; i++)
		help_nap(10);
	assert_true(atomic_load(&h.conf.pulse->a_beat_ms) - before > 1000);
	atomic_store(&h.conf.pulse->a_beat_ms, before - PULSE_LATE_MS - 5000);
	for (int i = 0; i < 1000 && pulse_late(&board) != NULL; i++)
		help_nap(10);
	assert_null(pulse_late(&board));
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(atomic_load(&h.conf.pulse->a_state), PULSE_ENDED);
	help_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_run),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_second_run),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_foreign_format),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_new_signatures),
		cmocka_unit_test(test_counters_in_store),
		cmocka_unit_test(test_durable),
		cmocka_unit_test(test_pulse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
