/* Writer: what it leaves in the directory, what it refuses, and that nothing stored is lost. */
#include "tests/test.h"

#include "core/pulse.h"
#include "store/dirlock.h"
#include "store/validate.h"
#include "tests/store_help.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define DAY 1700000000u

static mode_t mode_of(const char *dir, const char *name)
{
	struct stat st;

	return stat(help_path(dir, name), &st) == 0 ? st.st_mode & 07777 : 0;
}

static unsigned count_files(const char *dir, const char *prefix)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

static struct record_stamp stamp_of(const char *dir)
{
	uint8_t bytes[RECORD_STAMP_BYTES];
	struct record_stamp stamp = { 0 };
	const int fd = open(help_path(dir, "stamp"), O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, bytes, sizeof bytes), sizeof bytes);
	close(fd);
	assert_int_equal(record_stamp_decode(&stamp, bytes, sizeof bytes), 0);
	return stamp;
}

static struct validate_report validate(const char *dir)
{
	struct validate_report r;
	const int fd = open(help_path(dir, "data.mdb"), O_RDONLY);

	assert_true(fd >= 0);
	validate_file(fd, &r);
	close(fd);
	return r;
}

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
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 5000, DAY);
	assert_int_equal(help_stop(&h), 0);
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
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 1000, DAY);
	assert_int_equal(help_stop(&h), 0);

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
	struct help h;

	(void)state;
	help_init(&h);
	for (int round = 0; round < 5; round++) {
		const pid_t pid = fork();
		int status;

		if (pid == 0) {
			if (help_start(&h) != 0)
				_exit(1);
			for (uint32_t when = DAY;; when++)
				help_push_range(&h, 0, 2000, when);
		}
		help_nap(400 + 37 * (unsigned)round);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
	}
	assert_int_equal(validate(h.dir).rc, 0);
	assert_false(validate(h.dir).clean);
	assert_int_equal(help_start(&h), 0);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 2000);
	assert_int_equal(count_files(h.dir, "data.mdb.damaged"), 0);
	help_end(&h);
}

/* ---- Damage at rest --------------------------------------------------------------------------- */

struct image {
	uint8_t *bytes;
	size_t size; /* up to the last page in use */
	uint8_t stamp[RECORD_STAMP_BYTES];
};

static void image_load(struct image *im, const char *dir)
{
	int fd = open(help_path(dir, "data.mdb"), O_RDONLY);

	im->size = validate(dir).pages * 4096;
	im->bytes = malloc(im->size);
	assert_int_equal(read(fd, im->bytes, im->size), im->size);
	close(fd);
	fd = open(help_path(dir, "stamp"), O_RDONLY);
	assert_int_equal(read(fd, im->stamp, sizeof im->stamp), sizeof im->stamp);
	close(fd);
}

/* In the same file: its inode is what the stamp names. */
static void image_write(const char *dir, const uint8_t *bytes, size_t size, const uint8_t *stamp)
{
	int fd = open(help_path(dir, "data.mdb"), O_RDWR | O_CREAT, 0640);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
	fd = open(help_path(dir, "stamp"), O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_int_equal(write(fd, stamp, RECORD_STAMP_BYTES), RECORD_STAMP_BYTES);
	close(fd);
}

/* A reader looks at all of it in a child: 0, or how that ended (a sanitizer exits). */
static int read_all(const char *dir, bool trust)
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct fp_addr at = { { 0 } };
		struct fp_answer a;
		struct fp_info info;
		struct fp_store *s;
		char buf[2001];

		fp_open(&s, dir);
		if (trust)
			fp_trust(s);
		for (uint32_t i = 0; i < 3000; i++) {
			const struct fp_addr addr = help_addr(i);

			fp_lookup(s, &addr, &a);
		}
		for (int i = 0; i < 5000 && fp_next(s, &at, &a) == 0; i++)
			at = a.addr;
		fp_info(s, &info);
		for (unsigned i = 0; i < 5; i++)
			fp_counters(s, i, buf, sizeof buf);
		fp_close(&s);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static const struct {
	const char *why;
	unsigned per_mille; /* of the bytes become random */
	unsigned keep_mille;/* of the file's length stays */
	bool spare_metas;   /* else LMDB's first two pages suffer too: the rest is not even looked at */
} damage_rows[] = {
	{ "one byte in a thousand", 1, 1000, true },
	{ "one byte in a hundred", 10, 1000, true },
	{ "one byte in ten", 100, 1000, true },
	{ "all but the first two pages", 1000, 1000, true },
	{ "one byte in a hundred, anywhere", 10, 1000, false },
	{ "one in ten, anywhere", 100, 1000, false },
	{ "everything", 1000, 1000, false },
	{ "cut at the end", 0, 999, true },
	{ "cut in half", 0, 500, true },
	{ "cut to a tenth", 0, 100, true },
	{ "cut and scribbled", 10, 700, true },
	{ "hardly anything left", 0, 10, true },
	{ "nothing left", 0, 0, true },
};

static void test_damage(void **state)
{
	struct image im;
	struct help h;
	uint64_t seed = 99;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 3000, DAY);
	help_push_range(&h, 0, 3000, DAY + 1);
	assert_int_equal(help_stop(&h), 0);
	image_load(&im, h.dir);

	uint8_t *bytes = malloc(im.size);

	for (size_t row = 0; row < ARRAY_LEN(damage_rows); row++) {
		const size_t keep = im.size * damage_rows[row].keep_mille / 1000;

		for (int round = 0; round < 6; round++) {
			const unsigned asides = count_files(h.dir, "data.mdb.damaged");

			memcpy(bytes, im.bytes, im.size);
			for (size_t i = damage_rows[row].spare_metas ? 8192 : 0; i < keep; i++)
				if (test_random(&seed) % 1000 < damage_rows[row].per_mille)
					bytes[i] = (uint8_t)test_random(&seed);
			image_write(h.dir, bytes, keep, im.stamp);

			const int sig = read_all(h.dir, round & 1);

			if (sig != 0)
				fail_msg("%s: the reader ended with status %d", damage_rows[row].why, sig);
			if (round > 0)
				continue;
			/* The daemon: never a signal, and service again at once. */
			if (help_start(&h) != 0)
				fail_msg("%s: the daemon does not start: %s", damage_rows[row].why, h.why);
			help_push_range(&h, 0, 100, DAY + 2);
			assert_int_equal(help_stop(&h), 0);

			const struct validate_report r = validate(h.dir);

			if (r.rc != 0 || r.hosts != 100)
				fail_msg("%s: afterwards %d (%s), %lu hosts", damage_rows[row].why, r.rc, r.why,
				    (unsigned long)r.hosts);
			assert_int_equal(count_files(h.dir, "data.mdb.damaged"), asides + (keep > 0));
		}
	}
	free(bytes);
	free(im.bytes);
	help_end(&h);
}

/* Validation finds each single changed byte that LMDB or a reader would stumble over, and dies of none. */
static void test_validate_flips(void **state)
{
	struct validate_report r;
	struct image im;
	struct help h;
	uint64_t seed = 3;
	unsigned found = 0;

	(void)state;
	help_init(&h);
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 3000, DAY);
	help_push_range(&h, 0, 3000, DAY + 1);
	assert_int_equal(help_stop(&h), 0);
	image_load(&im, h.dir);
	assert_int_equal(validate(h.dir).rc, 0);

	const int fd = open(help_path(h.dir, "data.mdb"), O_RDWR);

	for (int i = 0; i < 2000; i++) {
		const size_t at = test_random(&seed) % im.size;
		const uint8_t byte = im.bytes[at] ^ (uint8_t)(1u << test_random(&seed) % 8);

		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		validate_file(fd, &r);
		found += r.rc != 0;
		assert_int_equal(pwrite(fd, im.bytes + at, 1, (off_t)at), 1);
	}
	validate_file(fd, &r);
	assert_int_equal(r.rc, 0);
	/* The rest lay in pages that are free, or in room between entries. */
	assert_in_range(found, 200, 2000);
	close(fd);
	free(im.bytes);
	help_end(&h);
}

/* A file that was written since a clean stop is looked at again, whatever its mark says. */
static void test_touched(void **state)
{
	struct help h;
	uint8_t byte = 0xa5;

	(void)state;
	help_init(&h);
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 3000, DAY);
	assert_int_equal(help_stop(&h), 0);
	help_nap(20);

	const int fd = open(help_path(h.dir, "data.mdb"), O_RDWR);

	for (off_t at = 8192 + 4000; at < 400000; at += 4096) {
		if (pread(fd, &byte, 1, at) == 1)
			byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
	assert_int_equal(help_start(&h), 0);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(count_files(h.dir, "data.mdb.damaged"), 1);
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
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 3000, DAY);
	assert_int_equal(help_stop(&h), 0);
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
	assert_int_equal(help_start(&h), FP_EVERSION);
	assert_non_null(strstr(h.why, "version 2"));
	assert_non_null(strstr(h.why, "version 1"));
	assert_non_null(strstr(h.why, h.dir));
	assert_int_equal(count_files(h.dir, "data.mdb.damaged"), 0);
	assert_int_equal(validate(h.dir).rc, FP_EVERSION);
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

/* ---- Limits ----------------------------------------------------------------------------------- */

static void test_map_full(void **state)
{
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
	for (uint32_t i = 500; i < 40000; i += 500)
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
	assert_int_equal(counters_get(h.counters, C_WRITTEN, 0) + failed, 40000 + more);
	assert_int_equal(counters_pending(h.counters), 0);
	/* The oldest have gone for new ones: it serves on, with what it has room for. */
	assert_true(counters_get(h.counters, C_ROTATIONS, 0) > 0);
	assert_in_range(counters_get(h.counters, C_HOSTS, 0), 1000, 12000);

	struct validate_report r = validate(h.dir);

	assert_int_equal(r.rc, 0);
	assert_int_equal(r.hosts, counters_get(h.counters, C_HOSTS, 0));
	fp_close(&s);

	/* The remedy. */
	h.conf.map_bytes = 64 << 20;
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 40000, DAY + 70000);
	assert_int_equal(help_stop(&h), 0);
	assert_in_range(validate(h.dir).hosts, 40000, 40000 + more);
	help_end(&h);
}

/* A map with room for the hosts but not for all that waits out the grace time: slower, and nothing is lost. */
static void test_map_tight(void **state)
{
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.map_bytes = 4 << 20;
	h.conf.live = true;
	assert_int_equal(help_start(&h), 0);
	for (uint32_t i = 0; i < 20; i++)
		help_push_range(&h, 0, 3000, DAY + i);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(counters_get(h.counters, C_STORE_FAILED, 0), 0);
	assert_int_equal(counters_get(h.counters, C_WRITTEN, 0), 60000);
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

/* 500 hosts of each age. live: by age, else nothing goes. */
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
		for (uint32_t i = 0; i < 500; i++) {
			struct delta d = help_delta(row * 500 + i, now - age_rows[row].age_s);

			d.what.confirmed = age_rows[row].confirmed;
			help_push(&h, &d, 1);
		}
		stay += !live || age_rows[row].stays ? 500 : 0;
	}
	help_nap(live ? 1 : 1500);
	await_hosts(&h, stay);
	assert_int_equal(fp_open(&s, h.dir), 0);
	for (uint32_t row = 0; row < ARRAY_LEN(age_rows); row++) {
		const int want = !live || age_rows[row].stays ? 0 : FP_ENOTFOUND, got = help_ask(s, row * 500 + 7, want, &a);

		if (got != want)
			fail_msg("%s: got %d, want %d", age_rows[row].why, got, want);
	}
	assert_int_equal(counters_get(h.counters, C_HOSTS_DROPPED, 0), 500 * ARRAY_LEN(age_rows) - stay);
	/* A forgotten one that comes again begins anew. */
	help_push_range(&h, 2 * 500, 2 * 500 + 1, now);
	help_nap(100);
	assert_int_equal(help_ask(s, 2 * 500, 0, &a), 0);
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
	help_nap(3000);
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
	help_nap(1100);
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
	help_nap(1100);
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
		help_nap(1100);
		for (uint32_t i = 0; i < 3200; i++)
			assert_int_equal(help_ask(s, i, 0, &a), 0);
	}
	assert_int_equal(a.host.connections, 2);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 3200);
	assert_int_equal(counters_get(h.counters, C_STORE_FAILED, 0), 0);

	/* Another file in its place is not written over. */
	assert_int_equal(help_start(&h), 0);
	help_nap(300);
	assert_int_equal(rename(help_path(h.dir, "data.mdb"), help_path(h.dir, "aside")), 0);
	close(open(help_path(h.dir, "data.mdb"), O_CREAT | O_WRONLY, 0600));
	help_nap(1500);
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
		help_nap(350 + (unsigned)(test_random(&seed) % 60));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		const struct validate_report r = validate(h.dir);

		assert_int_equal(r.rc, 0);
		assert_true(r.hosts >= hosts); /* each child begins with those that are there */
		hosts = r.hosts;
	}
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 5000, DAY);
	assert_int_equal(help_stop(&h), 0);
	assert_int_equal(validate(h.dir).hosts, 5000);
	assert_int_equal(count_files(h.dir, "next"), 0);
	assert_int_equal(count_files(h.dir, "data.mdb.damaged"), 0);
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
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 50, DAY);
	assert_int_equal(help_stop(&h), 0);
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
	assert_int_equal(help_start(&h), 0);
	help_push_range(&h, 0, 500, DAY);
	assert_int_equal(help_stop(&h), 0);
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
	help_nap(2200);
	assert_true(atomic_load(&h.conf.pulse->a_beat_ms) - before > 1000);
	atomic_store(&h.conf.pulse->a_beat_ms, before - PULSE_LATE_MS - 5000);
	help_nap(1500);
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
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_validate_flips),
		cmocka_unit_test(test_touched),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_map_full),
		cmocka_unit_test(test_map_tight),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_hosts_max),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_age_wrong_clock),
		cmocka_unit_test(test_hosts_max_lowered),
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_compact_killed),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_new_signatures),
		cmocka_unit_test(test_counters_in_store),
		cmocka_unit_test(test_durable),
		cmocka_unit_test(test_pulse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
