/*
 * How large the store's file gets while updates arrive, by the writer's own commits on a clock that this program turns: so many
 * updates in every interval that the writer leaves between two commits, whatever else the machine does. A commit takes no time on that
 * clock, which is the worst case: the slower the machine, the more changes share a page that is written anew.
 *
 *   test_growth [HOSTS A_SECOND SECONDS]      as a measurement: one line of JSON. 1000000 100000 20 is the promise of the manual
 */
#include "tests/test.h"

#include "store/writer_int.h"
#include "tests/store_help.h"

#include <sys/syscall.h>

/* Of the file: a host at rest, of very many; and more while updates come: for each of a second, so many bytes (0.35 s, 1.25 pages a change). */
#define AT_REST 160
#define UPDATED 1800
#define PROMISE 550 /* a host of a million, at 100 000 updates a second */
_Static_assert(AT_REST + UPDATED * UINT64_C(100000) / 1000000 < PROMISE, "the parts make the whole");

static int64_t clock_now, clock_step; /* 0: the real one; what it goes on by each time it is looked at */

/* Ours is found before libc's. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	if (clock_now == 0 || id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, ts);
	*ts = (struct timespec){ clock_now / SECOND, clock_now % SECOND };
	clock_now += clock_step;
	return 0;
}

static uint32_t hosts = 150000, rate = 100000, seconds = 2;

/* Scattered, so that neighbours in time are none in the file. */
static struct delta update(uint32_t n, uint32_t when)
{
	struct delta d = help_delta(n, when);
	const uint32_t x = n * 2654435761u;

	d.addr = fp_addr_from_v4((const uint8_t[]){ (uint8_t)(x >> 24) & 127, (uint8_t)(x >> 16), (uint8_t)(x >> 8), (uint8_t)x });
	return d;
}

static double bytes_a_host(const char *dir)
{
	struct stat st;

	assert_int_equal(stat(help_path(dir, "data.mdb"), &st), 0);
	return (double)st.st_blocks * 512 / hosts;
}

static void fill(struct help *h)
{
	assert_int_equal(help_start(h), 0);
	for (uint32_t i = 0; i < hosts;) {
		struct delta d[64];
		size_t n = 0;

		while (n < ARRAY_LEN(d) && i < hosts)
			d[n++] = update(i++, 1700000000);
		help_push(h, d, n);
	}
	assert_int_equal(help_stop(h), 0);
}

/* Commits as the writer's thread does, by the clock above; returns how many. */
static unsigned updates(struct writer *w)
{
	const int64_t begin = w->quiet_until_ns, per = 1000000;
	uint64_t done = 0, seed = 42;
	unsigned commits = 0;

	clock_now = begin;
	while (clock_now < begin + seconds * SECOND) {
		uint64_t due = (uint64_t)((clock_now - begin) / 1000) * rate / (uint64_t)per;

		while (done < due && w->n < BATCH) {
			w->batch[w->n++] = update((uint32_t)(test_random(&seed) % hosts), 1700000100);
			done++;
		}
		assert_true(done == due); /* what one commit may take is more than comes meanwhile */
		assert_int_equal(commit_batch(w, NULL, false), 0);
		commits++;
		clock_now += writer_pace_ns(w);
	}
	clock_now = 0;
	return commits;
}

static void test_growth(void **state)
{
	struct help h;
	double filled, grown;
	unsigned commits;

	(void)state;
	help_init(&h);
	h.conf.map_bytes = 0;
	fill(&h);
	filled = bytes_a_host(h.dir);
	h.conf.live = true;
	assert_int_equal(writer_open(&h.writer, &h.conf, h.why), 0);
	commits = updates(h.writer);
	grown = bytes_a_host(h.dir);
	print_message("# {\"hosts\":%u,\"updates_a_second\":%u,\"seconds\":%u,\"commits\":%u,\"bytes_host_filled\":%.1f,\"bytes_host\":%.1f}\n", hosts, rate,
	    seconds, commits, filled, grown);
	print_message("# saw: the file of %u hosts while %u updates a second arrive | %.0f bytes a host, %.0f before\n", hosts, rate, grown, filled);
	writer_close(&h.writer);
	help_end(&h);
	/* While a small store is filled, each commit writes much of it anew. */
	if (hosts >= 500000)
		assert_true(filled < AT_REST);
	assert_true((grown - filled) * hosts < (double)UPDATED * rate);
}

/* Where the clock runs faster than the work, a transaction takes a part of the batch, and the next ones the rest, in order. */
static void test_bounded(void **state)
{
	enum { DELTAS = 1000 };
	struct help h;

	(void)state;
	help_init(&h);
	h.conf.live = true;
	assert_int_equal(writer_open(&h.writer, &h.conf, h.why), 0);

	struct writer *w = h.writer;
	const uint64_t before = w->hosts;

	clock_now = w->commit_ns + SECOND;
	clock_step = 10 * MS;
	for (uint32_t i = 0; i < DELTAS; i++)
		w->batch[w->n++] = update(i, 1700000000);
	assert_int_equal(commit_batch(w, NULL, false), 0);
	assert_in_range(w->n, 1, DELTAS - 1);
	assert_int_equal(w->hosts - before, DELTAS - w->n);
	
	const struct delta next = update((uint32_t)(DELTAS - w->n), 1700000000);

	assert_true(fp_addr_equal(&w->batch[0].addr, &next.addr));
	assert_int_equal(writer_pace_ns(w), 0);
	while (w->n > 0)
		assert_int_equal(commit_batch(w, NULL, false), 0);
	assert_int_equal(w->hosts - before, DELTAS);

	/* Somebody is to be forgotten: nothing may be left behind that would bring him back. */
	for (uint32_t i = 0; i < DELTAS; i++)
		w->batch[w->n++] = update(i, 1700000000);
	w->asked.begun = true;
	assert_int_equal(commit_batch(w, NULL, false), 0);
	assert_int_equal(w->n, 0);
	w->asked.begun = false;
	clock_now = clock_step = 0;
	writer_close(&h.writer);
	help_end(&h);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_growth), cmocka_unit_test(test_bounded) };

	if (argc == 4) {
		hosts = (uint32_t)atoi(argv[1]);
		rate = (uint32_t)atoi(argv[2]);
		seconds = (uint32_t)atoi(argv[3]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
