/*
 * The proof by trial of docs/lock-free-readers.md: readers that stall inside look-ups, between the steps of the walk,
 * beside a writer that recycles pages as fast as its grace time allows. The oracle is exact: shared memory holds of each
 * host the generation last committed (lo) and last begun (hi), and an answer must lie between, with the label and the
 * layout of just that generation. "Unknown" is an honest answer; "not found" of a host that exists is a wrong one.
 *
 *   test_lockfree [SECONDS]      a run; 8 by default
 *   test_lockfree SECONDS nograce | noclock | kill
 *                                one part of the protocol off, to see that the test would notice; or the
 *                                writer killed each two seconds
 *
 * A line of JSON says what a run saw; it is added to the file LOCKFREE_COUNTS too, where that is set, so that runs can be summed up
 * (tests/soak).
 */
#include "tests/test.h"

#include "store/record.h"

#include <time.h>
#include <unistd.h>

/* Reader and what holds the grace time are compiled into the test, so that it can reach between their steps. */
static void step(void);
static void late(int rc);
#define READER_STEP step()
#define READER_LATE(rc) late(rc)
static int64_t limit_ns = INT64_C(100000000), grace_ns = INT64_C(350000000);
#define LIMIT_NS limit_ns
#define GRACE_NS grace_ns
#include "store/walk.c"
#include "store/view.c"
#include "store/reader.c"
#include "store/env.c"

#include "tests/store_help.h"

#include <inttypes.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum {
	STABLE = 20000,     /* hosts that are always there, confirmed */
	CHURN = 1 << 16,    /* addresses that come and are evicted */
	READERS = 24,
	HOT = 2,            /* of these hardly ever stall: they make the numbers */
	LAYOUTS = 50,
	BASE = 1700000000,  /* generation 0's time */
	STALL_MAX_MS = 1500,
	FLYING = 64,        /* batches pushed and not yet known to be committed */
	BATCH_DELTAS = 512,
};

struct tally_of_reader {
	uint64_t asked, answered, unknown, stalls, late, late_bad, wrong, absent;
};

static struct shared {
	_Atomic bool a_stop, a_ready;
	_Atomic uint64_t a_batches;
	struct tally_of_reader reader[READERS];
	_Atomic uint32_t a_lo[STABLE], a_hi[STABLE];
	uint32_t generation;
} *sh;

static char dir[64];
static char layout_text[LAYOUTS][FP_LAYOUT_TEXT]; /* of each generation modulo LAYOUTS */
static struct tally_of_reader *mine; /* NULL: not a reader */
static uint64_t seed, steps_left, steps_between = 30000;

static void step(void)
{
	if (mine == NULL || --steps_left != 0)
		return;
	steps_left = 2000 + test_random(&seed) % steps_between;
	mine->stalls++;

	/* Most stalls are short, some outlast the grace time: log-uniform. */
	const double ms = exp(log(STALL_MAX_MS) * (double)(test_random(&seed) % 10000) / 1e4);

	nanosleep(&(struct timespec){ (time_t)(ms / 1000), (long)(fmod(ms, 1000) * 1e6) }, NULL);
}

/* Thrown away by the clock; bad: what was read was none of the tree's, or not even there. */
static void late(int rc)
{
	if (mine == NULL)
		return;
	mine->late++;
	mine->late_bad += rc != 0;
}

/* ---- Writer ----------------------------------------------------------------------------------- */

static struct delta stable_delta(uint32_t n, uint32_t generation)
{
	struct delta d = help_delta(n, BASE + generation);

	d.what.confirmed = true;
	d.what.label = label_id(generation % 2 ? LABEL_LINUX : LABEL_WINDOWS);
	d.layout_len = 2;
	d.layout[0] = 2;
	d.layout[1] = (uint8_t)(100 + generation % LAYOUTS);
	return d;
}

static struct delta churn_delta(uint32_t generation)
{
	struct delta d = help_delta((uint32_t)(test_random(&seed) % CHURN), BASE + generation);

	d.addr.b[12] = (uint8_t)test_random(&seed) | 0x80; /* between and beside the others */
	return d;
}

struct flying {
	uint64_t end;
	uint32_t generation, n;
	uint32_t host[BATCH_DELTAS];
};

static void land(struct flying *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		atomic_store_explicit(&sh->a_lo[f->host[i]], f->generation, memory_order_release);
	atomic_fetch_add(&sh->a_batches, 1);
}

/* Feeds the real writer; never returns. */
static void writer_process(void)
{
	static struct flying flying[FLYING];
	static struct delta batch[BATCH_DELTAS];
	uint64_t first = 0, next = 0, pushed = 0;
	struct help h;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(&h, 0, sizeof h);
	strcpy(h.dir, dir);
	counters_create(&h.counters, 1, 1);
	h.conf = (struct writer_conf){ .dir = h.dir, .map_bytes = UINT64_C(2) << 30, .hosts_max = STABLE + STABLE / 4,
		.live = true, .matchers = 1, .ring_slots = 4096, .counters = h.counters };
	if (help_start(&h) != 0) {
		fprintf(stderr, "writer: %s\n", h.why);
		_exit(3);
	}
	if (!atomic_load(&sh->a_ready)) {
		for (uint32_t i = 0; i < STABLE; i++) {
			const struct delta d = stable_delta(i, 0);

			help_push(&h, &d, 1);
		}
		pushed = STABLE;
		while (counters_get(h.counters, C_WRITTEN, 0) < pushed)
			help_nap(1);
		atomic_store(&sh->a_ready, true);
	}
	while (!atomic_load(&sh->a_stop)) {
		while (first < next && counters_get(h.counters, C_WRITTEN, 0) >= flying[first % FLYING].end)
			land(&flying[first++ % FLYING]);
		if (next - first == FLYING) {
			help_nap(1);
			continue;
		}

		struct flying *f = &flying[next++ % FLYING];

		f->generation = ++sh->generation;
		f->n = 0;
		for (uint32_t i = 0; i < BATCH_DELTAS; i++) {
			if (test_random(&seed) % 4 == 0) {
				batch[i] = churn_delta(f->generation);
				continue;
			}

			const uint32_t n = (uint32_t)(test_random(&seed) % STABLE);

			atomic_store_explicit(&sh->a_hi[n], f->generation, memory_order_release);
			f->host[f->n++] = n;
			batch[i] = stable_delta(n, f->generation);
		}
		help_push(&h, batch, BATCH_DELTAS);
		f->end = pushed += BATCH_DELTAS;
	}
	_exit(help_stop(&h) == 0 && counters_get(h.counters, C_STORE_FAILED, 0) == 0 ? 0 : 4);
}

/* ---- Readers ---------------------------------------------------------------------------------- */

static void judge_answer(const struct fp_answer *a, uint32_t lo, uint32_t hi)
{
	const uint32_t generation = a->host.last_seen - BASE;

	mine->answered++;
	if (generation < lo || generation > hi || strcmp(a->layout, layout_text[generation % LAYOUTS]) != 0 ||
	    strcmp(a->name, generation % 2 ? "Linux" : "Windows") != 0)
		mine->wrong++;
}

static void reader_process(int number)
{
	struct fp_store *s;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mine = &sh->reader[number];
	seed = (uint64_t)number * 7919 + (uint64_t)coarse_ns();
	if (number < HOT)
		steps_between = 20000000;
	steps_left = 1000 + test_random(&seed) % steps_between;
	if (fp_open(&s, dir) != 0)
		_exit(1);
	while (!atomic_load_explicit(&sh->a_stop, memory_order_relaxed)) {
		const uint32_t n = (uint32_t)(test_random(&seed) % STABLE);
		const uint32_t lo = atomic_load_explicit(&sh->a_lo[n], memory_order_acquire);
		const struct fp_addr addr = help_addr(n);
		struct fp_answer a;
		const int rc = fp_lookup(s, &addr, &a);
		const uint32_t hi = atomic_load_explicit(&sh->a_hi[n], memory_order_acquire);

		mine->asked++;
		if (rc == 0)
			judge_answer(&a, lo, hi);
		else if (rc == FP_ENOTFOUND)
			mine->absent++;
		else
			mine->unknown++;
	}
	_exit(0);
}

/* ---- The run ---------------------------------------------------------------------------------- */

static unsigned seconds = 8;
static const char *mode = "";

static void report_to(FILE *out, const char *before, const struct tally_of_reader *sum, int signals)
{
	fprintf(out, "%s{\"s\":%u,\"mode\":\"%s\",\"lookups\":%" PRIu64 ",\"unknown\":%" PRIu64 ",\"stalls\":%" PRIu64
	    ",\"late\":%" PRIu64 ",\"late_bad\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"absent\":%" PRIu64
	    ",\"signals\":%d,\"changes\":%" PRIu64 "}\n", before, seconds, mode, sum->asked, sum->unknown, sum->stalls, sum->late,
	    sum->late_bad, sum->wrong, sum->absent, signals, atomic_load(&sh->a_batches) * BATCH_DELTAS);
}

static void report(const struct tally_of_reader *sum, int signals)
{
	const char *path = getenv("LOCKFREE_COUNTS");
	FILE *counts = path != NULL ? fopen(path, "ae") : NULL;

	report_to(stderr, "# ", sum, signals);
	if (counts != NULL) {
		report_to(counts, "", sum, signals);
		fclose(counts);
	}
	if (path != NULL)
		assert_non_null(counts);
}

static pid_t child_of(void (*body)(void))
{
	const pid_t pid = fork();

	if (pid == 0)
		body();
	return pid;
}

static void test_lockfree(void **state)
{
	pid_t reader[READERS], writer;
	struct tally_of_reader sum = { 0 };
	int status, signals = 0;

	(void)state;
	if (strcmp(mode, "nograce") == 0)
		grace_ns = 0;
	if (strcmp(mode, "noclock") == 0)
		limit_ns = INT64_MAX;
	sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(sh != MAP_FAILED);
	help_dir(dir);
	for (unsigned i = 0; i < LAYOUTS; i++)
		snprintf(layout_text[i], sizeof layout_text[i], "mss,?%u", 100 + i);
	seed = (uint64_t)coarse_ns() | 1;
	writer = child_of(writer_process);
	while (!atomic_load(&sh->a_ready)) {
		help_nap(10);
		assert_int_equal(waitpid(writer, &status, WNOHANG), 0);
	}
	for (int i = 0; i < READERS; i++) {
		reader[i] = fork();
		if (reader[i] == 0)
			reader_process(i);
	}
	for (unsigned s = 1; s <= seconds; s++) {
		help_nap(1000);
		if (strcmp(mode, "kill") == 0 && s % 2 == 0) {
			kill(writer, SIGKILL);
			waitpid(writer, NULL, 0);
			seed += s;
			writer = child_of(writer_process);
		}
		assert_int_equal(waitpid(writer, &status, WNOHANG), 0);
	}
	atomic_store(&sh->a_stop, true);
	for (int i = 0; i < READERS; i++) {
		waitpid(reader[i], &status, 0);
		signals += status != 0;
	}
	waitpid(writer, &status, 0);
	assert_int_equal(status, 0);
	for (int i = 0; i < READERS; i++) {
		const struct tally_of_reader *r = &sh->reader[i];

		sum.asked += r->asked;
		sum.answered += r->answered;
		sum.unknown += r->unknown;
		sum.stalls += r->stalls;
		sum.late += r->late;
		sum.late_bad += r->late_bad;
		sum.wrong += r->wrong;
		sum.absent += r->absent;
	}
	help_dir_remove(dir);
	report(&sum, signals);
	munmap(sh, sizeof *sh);

	assert_int_equal(signals, 0);
	assert_int_equal(sum.wrong, 0);
	assert_int_equal(sum.absent, 0);
	assert_true(sum.answered > 1000);
	assert_true(sum.stalls > 10);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lockfree) };

	if (argc > 1)
		seconds = (unsigned)atoi(argv[1]);
	if (argc > 2)
		mode = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
