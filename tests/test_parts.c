/*
 * parts: one file by several threads is what it is by one: the same frames in the same order, the same counts, the same word on what is wrong,
 * wherever the file is cut or damaged.
 */
#include "tests/test.h"

#include "capture/capture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEADER 24
#define THREADS 4
#define BYTES (40u << 20) /* enough for so many threads */

/* ---- Files -------------------------------------------------------------------------------- */

struct file {
	uint8_t *b;
	size_t n;
	bool swapped;
};

static void put32(struct file *f, uint32_t n)
{
	if (f->swapped)
		n = __builtin_bswap32(n);
	memcpy(f->b + f->n, &n, 4);
	f->n += 4;
}

static void begin(struct file *f, bool swapped, bool ns)
{
	f->n = 0;
	f->swapped = swapped;
	put32(f, ns ? 0xa1b23c4d : 0xa1b2c3d4);
	put32(f, swapped ? 0x00020004 : 0x00040002);
	put32(f, 0);
	put32(f, 0);
	put32(f, 262144);
	put32(f, 1);
}

static void record(struct file *f, uint32_t number, uint32_t caplen)
{
	put32(f, number);
	put32(f, number % 1000000);
	put32(f, caplen);
	put32(f, caplen + number % 3);
	memset(f->b + f->n, (int)(number & 0xff), caplen);
	f->n += caplen;
}

/* Sizes as they come, now and then none, or the most there may be; *last: where the last record begins. */
static void fill(struct file *f, uint64_t seed, size_t bytes, size_t *last)
{
	for (uint32_t i = 1; f->n < bytes; i++) {
		const uint64_t draw = test_random(&seed);
		const uint32_t size = draw % 400 == 0 ? 262144 : draw % 50 == 0 ? 0 : (uint32_t)(draw >> 32) % 1500;

		*last = f->n;
		record(f, i, size);
	}
}

static int in_memory(const struct file *f, char name[64])
{
	const int fd = memfd_create("parts", 0);

	assert_true(fd >= 0);
	for (size_t done = 0; done < f->n;) {
		const ssize_t n = write(fd, f->b + done, f->n - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	snprintf(name, 64, "/proc/self/fd/%d", fd);
	return fd;
}

/* ---- What is seen ------------------------------------------------------------------------- */

struct seen {
	uint64_t frames, sum; /* of what came, in its order */
	uint64_t counted, filtered;
	int rc;
	char err[CAPTURE_ERR];
};

static uint64_t mix(uint64_t sum, const struct capture_frame *f)
{
	sum = (sum ^ (uint64_t)f->time_ns ^ ((uint64_t)f->caplen << 20) ^ f->len) * 0x9e3779b97f4a7c15u;
	if (f->caplen > 0)
		sum = (sum ^ f->bytes[0] ^ ((uint64_t)f->bytes[f->caplen - 1] << 8) ^ f->bytes[f->caplen / 2]) * 0x9e3779b97f4a7c15u;
	return sum ^ sum >> 29;
}

static void one_frame(void *ctx, const struct capture_frame *frame)
{
	struct seen *s = ctx;

	s->frames++;
	s->sum = mix(s->sum, frame);
}

static void one_flush(void *ctx, const struct capture_stats *stats, bool idle)
{
	struct seen *s = ctx;

	(void)idle;
	s->counted = stats->kernel_seen;
	s->filtered = stats->filtered;
}

static void by_one(struct seen *s, const char *name, const char *filter)
{
	const struct capture_handler handler = { s, one_frame, one_flush };
	struct capture *c;

	*s = (struct seen){ 0 };
	assert_int_equal(capture_open_file(&c, name, filter, s->err), 0);
	s->rc = capture_run(c, &handler, s->err);
	capture_close(&c);
}

/* A thread keeps its frames until its turn, and then they are still what they were. */
struct thread {
	pthread_t thread;
	struct capture *c;
	struct seen *all;        /* touched in turn, without a lock: TSan looks at that */
	uint64_t stop_at;        /* frames; 0: never */
	struct capture_frame *frame;
	size_t n;
	unsigned turns;
	int rc;
	char err[CAPTURE_ERR];
};

#define KEPT (CAPTURE_PART_BYTES / 16 + 2)

static void part_frame(void *ctx, const struct capture_frame *frame)
{
	struct thread *t = ctx;

	assert_true(t->n < KEPT);
	t->frame[t->n++] = *frame;
}

static void part_flush(void *ctx, const struct capture_stats *stats, bool idle)
{
	struct thread *t = ctx;

	for (size_t i = 0; i < t->n; i++)
		one_frame(t->all, &t->frame[i]);
	one_flush(t->all, stats, idle);
	t->n = 0;
	t->turns++;
	if (t->stop_at != 0 && t->all->frames >= t->stop_at)
		capture_stop(t->c);
}

static void *part_thread(void *arg)
{
	struct thread *t = arg;
	const struct capture_handler handler = { t, part_frame, part_flush };

	t->rc = capture_run_part(t->c, &handler, t->err);
	return NULL;
}

/* Returns how many threads had a turn. */
static unsigned by_several(struct seen *s, const char *name, const char *filter, uint64_t stop_at)
{
	struct thread t[THREADS] = { { 0 } };
	struct capture *c;
	unsigned busy = 0, failed = 0;

	*s = (struct seen){ 0 };
	assert_int_equal(capture_open_file(&c, name, filter, s->err), 0);
	const unsigned n = capture_parts(c, THREADS);

	assert_int_equal(n, THREADS);
	for (unsigned i = 0; i < n; i++) {
		t[i] = (struct thread){ .c = c, .all = s, .stop_at = stop_at, .frame = calloc(KEPT, sizeof *t[i].frame) };
		assert_non_null(t[i].frame);
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(pthread_create(&t[i].thread, NULL, part_thread, &t[i]), 0);
	for (unsigned i = 0; i < n; i++) {
		pthread_join(t[i].thread, NULL);
		free(t[i].frame);
		busy += t[i].turns > 0;
		failed += t[i].rc != 0;
		if (t[i].rc == 0)
			continue;
		s->rc = t[i].rc;
		memcpy(s->err, t[i].err, sizeof s->err);
	}
	assert_true(failed <= 1);
	capture_close(&c);
	return busy;
}

static void same(const char *why, const struct seen *want, const struct seen *got)
{
	if (want->frames != got->frames || want->sum != got->sum || want->counted != got->counted || want->filtered != got->filtered)
		fail_msg("%s: %llu frames (%llu counted, %llu filtered), one thread had %llu (%llu, %llu)%s", why, (unsigned long long)got->frames,
		    (unsigned long long)got->counted, (unsigned long long)got->filtered, (unsigned long long)want->frames,
		    (unsigned long long)want->counted, (unsigned long long)want->filtered, want->sum != got->sum ? "; others, or in another order" : "");
	if (want->rc != got->rc || strcmp(want->err, got->err) != 0)
		fail_msg("%s: %d \"%s\", one thread said %d \"%s\"", why, got->rc, got->err, want->rc, want->err);
}

static void both(const char *why, const struct file *f, const char *filter, int rc)
{
	struct seen want, got;
	char name[64];
	const int fd = in_memory(f, name);

	by_one(&want, name, filter);
	by_several(&got, name, filter, 0);
	same(why, &want, &got);
	if (want.rc != rc)
		fail_msg("%s: %d, not %d", why, want.rc, rc);
	close(fd);
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void test_whole(void **state)
{
	struct file f = { .b = malloc(BYTES + (1 << 20)) };
	size_t last;

	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		char why[64];

		begin(&f, kind & 1, kind & 2);
		fill(&f, kind + 1, (20u << 20) + kind * 1000, &last);
		snprintf(why, sizeof why, "whole, kind %u", kind);
		both(why, &f, "", 0);
	}
	both("a filter", &f, "greater 700", 0);
	free(f.b);
}

/* Whether the last block is whole, and what the last record does to it. */
static void test_edges(void **state)
{
	static const struct {
		const char *why;
		int beyond; /* the last record ends so many bytes behind a block, or before it */
	} rows[] = {
		{ "ends with a block", 0 }, { "ends before a block does", -1 }, { "ends behind a block", 1 },
		{ "the last header ends with a block", 40 - 16 }, { "the last header lies across a block's end", 35 },
		{ "a record's header begins with a block", 40 },
	};
	struct file f = { .b = malloc(BYTES) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const size_t ends = (size_t)(HEADER + 40 * (int)CAPTURE_PART_BYTES + rows[i].beyond);
		uint32_t number = 0;

		begin(&f, false, false);
		while (f.n + 16 + 1000 + 16 + 24 < ends)
			record(&f, ++number, 1000);
		/* What is left but for 40 bytes, the last record's. */
		record(&f, ++number, (uint32_t)(ends - 40 - 16 - f.n));
		record(&f, ++number, 24);
		assert_int_equal(f.n, ends);
		both(rows[i].why, &f, "", 0);
	}
	free(f.b);
}

static void test_cut(void **state)
{
	struct file f = { .b = malloc(BYTES + (1 << 20)) };
	size_t last;

	(void)state;
	begin(&f, true, false);
	fill(&f, 7, 20u << 20, &last);
	const size_t whole = f.n;

	for (size_t cut = 1; cut < 20; cut += 6) {
		f.n = last + cut < whole ? last + cut : whole - 1;
		both("cut in the last record", &f, "", FP_ETRUNC);
	}
	for (size_t block = 34; block < 36; block++)
		for (int around = -17; around <= 17; around += 17) {
			struct seen want, got;
			char name[64];

			f.n = HEADER + block * CAPTURE_PART_BYTES + (size_t)around;
			const int fd = in_memory(&f, name);

			by_one(&want, name, "");
			by_several(&got, name, "", 0);
			same("cut around the end of a block", &want, &got);
			close(fd);
		}
	free(f.b);
}

static void test_damaged(void **state)
{
	struct file f = { .b = malloc(BYTES + (1 << 20)) };
	size_t last;

	(void)state;
	for (unsigned at = 1; at < 18; at += 8) {
		begin(&f, false, true);
		fill(&f, 11, at << 20, &last);
		put32(&f, 5);
		put32(&f, 5);
		put32(&f, 262145);
		put32(&f, 262145);
		memset(f.b + f.n, 0, (20u << 20) - f.n); /* would be records */
		f.n = 20u << 20;
		both("damaged", &f, "", FP_EFORMAT);
	}
	free(f.b);
}

/* What was handed over is the file's beginning, and no thread is left waiting. */
static void test_stop(void **state)
{
	struct file f = { .b = malloc(BYTES + (1 << 20)) };
	char name[64];
	size_t last;

	(void)state;
	begin(&f, false, false);
	fill(&f, 3, 20u << 20, &last);
	const int fd = in_memory(&f, name);

	for (uint64_t at = 1; at < 20000; at = at * 5 + 7) {
		struct seen got, want = { 0 };

		by_several(&got, name, "", at);
		assert_int_equal(got.rc, 0);
		assert_true(got.frames >= at && got.frames == got.counted);
		assert_true(at > 10000 || got.frames < 20000); /* not all of it */
		for (size_t r = HEADER; want.frames < got.frames; ) {
			struct capture_frame frame = { .bytes = f.b + r + 16 };
			uint32_t field[4];

			memcpy(field, f.b + r, sizeof field);
			frame.time_ns = (int64_t)field[0] * 1000000000 + (int64_t)field[1] * 1000;
			frame.caplen = field[2];
			frame.len = field[3];
			one_frame(&want, &frame);
			r += 16 + frame.caplen;
		}
		assert_int_equal(got.sum, want.sum);
	}
	close(fd);
	free(f.b);
}

/* What one thread reads. */
static void test_one(void **state)
{
	struct file f = { .b = malloc(BYTES + (1 << 20)) };
	char name[64], err[CAPTURE_ERR];
	struct capture *c;
	size_t last;

	(void)state;
	begin(&f, false, false);
	fill(&f, 3, 1u << 20, &last);
	int fd = in_memory(&f, name);

	assert_int_equal(capture_open_file(&c, name, "", err), 0);
	assert_int_equal(capture_parts(c, 8), 1); /* small */
	capture_close(&c);
	close(fd);

	fill(&f, 4, 20u << 20, &last);
	fd = in_memory(&f, name);
	assert_int_equal(capture_open_file(&c, name, "", err), 0);
	assert_int_equal(capture_parts(c, 1), 1);
	assert_int_equal(capture_parts(c, 64), 5); /* as many as have eight blocks each */
	capture_close(&c);

	/* Standard input that begins with another's bytes: where we are is not where the file is. */
	const int keep = dup(STDIN_FILENO);
	uint8_t *shifted = malloc(f.n + 100);

	memcpy(shifted + 100, f.b, f.n);
	const struct file g = { .b = shifted, .n = f.n + 100 };

	close(fd);
	fd = in_memory(&g, name);
	lseek(fd, 100, SEEK_SET);
	dup2(fd, STDIN_FILENO);
	assert_int_equal(capture_open_file(&c, "-", "", err), 0);
	assert_int_equal(capture_parts(c, 4), 1);
	capture_close(&c);
	dup2(keep, STDIN_FILENO);
	close(keep);
	close(fd);
	free(shifted);
	free(f.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
