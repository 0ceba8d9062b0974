/* whole: files of every length around the buffer's, with a NUL behind; limits; what cannot be read. */
#include "test.h"

#include "core/whole.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIMIT 200000

static const struct {
	const char *why;
	size_t bytes;
	int rc;
} rows[] = {
	{ "nothing", 0, 0 },
	{ "one", 1, 0 },
	{ "as much as the buffer has room for, but for the NUL", 65535, 0 },
	{ "as much as the buffer", 65536, 0 },
	{ "twice", 131072, 0 },
	{ "one less than the limit", LIMIT - 1, 0 },
	{ "the limit", LIMIT, -EFBIG },
	{ "more", LIMIT + 70000, -EFBIG },
};

static void test_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const int fd = memfd_create("whole", MFD_CLOEXEC);
		char *bytes = malloc(rows[i].bytes + 1), *got = NULL, path[64];
		size_t len = 7;

		for (size_t n = 0; n < rows[i].bytes; n++)
			bytes[n] = (char)(n * 31 >> 3);
		assert_int_equal(write(fd, bytes, rows[i].bytes), rows[i].bytes);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		const int rc = whole_file(path, LIMIT, &got, &len);

		if (rc != rows[i].rc)
			fail_msg("%s: got %d, want %d", rows[i].why, rc, rows[i].rc);
		if (rc == 0 && (len != rows[i].bytes || memcmp(got, bytes, len) != 0 || got[len] != '\0'))
			fail_msg("%s: got %zu bytes, or others", rows[i].why, len);
		if (rc != 0 && (got != NULL || len != 7))
			fail_msg("%s: a failed call has changed something", rows[i].why);
		free(got);
		free(bytes);
		close(fd);
	}
}

static void test_refused(void **state)
{
	char *got = NULL;
	size_t len;

	(void)state;
	assert_int_equal(whole_file("/nowhere/at/all", LIMIT, &got, &len), -ENOENT);
	assert_int_equal(whole_file("/", LIMIT, &got, &len), -EISDIR);
	assert_int_equal(whole_fd(-1, LIMIT, &got, &len), -EBADF);
	assert_null(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
