/* Writer and reader: damage of the file at rest. */
#include "tests/test.h"

#include "tests/writer_help.h"

#include <sys/wait.h>

/* ---- Damage at rest --------------------------------------------------------------------------- */

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
	enum { CUTS = 40 };
	unsigned damages = 0, starts = 0;
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
			damages++;
			if (round > 0)
				continue;
			/* The daemon: never a signal, and service again at once. */
			if (help_start(&h) != 0)
				fail_msg("%s: the daemon does not start: %s", damage_rows[row].why, h.why);
			starts++;
			help_push_range(&h, 0, 100, DAY + 2);
			assert_int_equal(help_stop(&h), 0);

			const struct validate_report r = validate(h.dir);

			if (r.rc != 0 || r.hosts != 100)
				fail_msg("%s: afterwards %d (%s), %lu hosts", damage_rows[row].why, r.rc, r.why,
				    (unsigned long)r.hosts);
			assert_int_equal(count_files(h.dir, "data.mdb.damaged"), asides + (keep > 0));
		}
	}
	/* Cut to any length; the first ones are no whole page. */
	for (unsigned i = 0; i < CUTS; i++) {
		const size_t keep = i < 8 ? i * 700 : test_random(&seed) % im.size;

		image_write(h.dir, im.bytes, keep, im.stamp);

		const int sig = read_all(h.dir, i & 1);

		if (sig != 0)
			fail_msg("cut to %zu bytes: the reader ended with status %d", keep, sig);
		damages++;
		if (i % 10 != 0)
			continue;
		if (help_start(&h) != 0)
			fail_msg("cut to %zu bytes: the daemon does not start: %s", keep, h.why);
		starts++;
		help_push_range(&h, 0, 100, DAY + 2);
		assert_int_equal(help_stop(&h), 0);
		assert_int_equal(validate(h.dir).hosts, 100);
	}
	print_message("# saw: data.mdb at rest with 0.1 to 100 %% of its bytes random, or cut to any length | %u damages: a reader never had a signal; "
	    "%u starts on them: each set the file aside and served at once\n", damages, starts);
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
	print_message("# saw: one bit of data.mdb wrong | of 2000 the check at start found %u; the others lay in free pages or between entries\n", found);
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
	run_with(&h, 3000, DAY);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_validate_flips),
		cmocka_unit_test(test_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
