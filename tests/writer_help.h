/* writer_help - runs of a writer, and what it has left in its directory, for the tests of writer and reader. */
#ifndef FP_WRITER_HELP_H
#define FP_WRITER_HELP_H

#include "tests/test.h"

#include "store/record.h"
#include "store/validate.h"
#include "tests/store_help.h"

#include <dirent.h>

#define DAY 1700000000u

/* One run: hosts 0 to `hosts`, all seen at that time, and an end in order. */
static inline void run_with(struct help *h, uint32_t hosts, uint32_t when)
{
	assert_int_equal(help_start(h), 0);
	help_push_range(h, 0, hosts, when);
	assert_int_equal(help_stop(h), 0);
}

static inline mode_t mode_of(const char *dir, const char *name)
{
	struct stat st;

	return stat(help_path(dir, name), &st) == 0 ? st.st_mode & 07777 : 0;
}

static inline unsigned count_files(const char *dir, const char *prefix)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

static inline struct record_stamp stamp_of(const char *dir)
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

static inline struct validate_report validate(const char *dir)
{
	struct validate_report r;
	const int fd = open(help_path(dir, "data.mdb"), O_RDONLY);

	assert_true(fd >= 0);
	validate_file(fd, &r);
	close(fd);
	return r;
}

struct image {
	uint8_t *bytes;
	size_t size; /* up to the last page in use */
	uint8_t stamp[RECORD_STAMP_BYTES];
};

static inline void image_load(struct image *im, const char *dir)
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
static inline void image_write(const char *dir, const uint8_t *bytes, size_t size, const uint8_t *stamp)
{
	int fd = open(help_path(dir, "data.mdb"), O_RDWR | O_CREAT, 0640);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
	fd = open(help_path(dir, "stamp"), O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_int_equal(write(fd, stamp, RECORD_STAMP_BYTES), RECORD_STAMP_BYTES);
	close(fd);
}

#endif
