/*
 * matchers - how matching alone grows with its threads: the observations of a capture stand in memory, divided among matchers as capture threads
 * divide them; then so many threads match, each on a CPU of its own, and say what is new to a sink that counts.
 *
 *   matchers [-t THREADS] [-m HOSTS] [-f SIGNATURES] FILE
 *
 * Prints {"threads":N,"observed":N,"deltas":N,"wall_ns_a_packet":N,"cpu_ns_a_packet":N}: from the moment when all begin to the end of the last,
 * and the CPU time of all.
 */
#include "capture/capture.h"
#include "core/clock.h"
#include "core/matcher.h"
#include "core/paths.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 64

struct thread {
	_Alignas(CACHELINE) pthread_t thread;
	unsigned number;
	struct matcher *matcher;
	struct sink sink;
	uint64_t deltas;
	struct tcp_obs *obs;
	size_t n, room;
	int64_t begin_ns, end_ns, cpu_ns;
};

static struct thread thread[THREADS_MAX];
static unsigned threads = 1;
static pthread_barrier_t all;
static const struct hash_key key = { { 1, 2 } }; /* the same tables each time */
static _Atomic(const struct sigdb *) a_db;

static void on_frame(void *ctx, const struct capture_frame *frame)
{
	static const struct pkt_conf conf;
	struct tcp_obs obs;

	(void)ctx;
	if (pkt_wanted(&conf, frame->link, frame->bytes, frame->caplen, frame->len, frame->time_ns, &obs) != PKT_OK)
		return;
	struct thread *t = &thread[matcher_of(&key, &obs, threads)];

	if (t->n == t->room) {
		t->room = t->room > 0 ? 2 * t->room : 1 << 16;
		t->obs = realloc(t->obs, t->room * sizeof *t->obs);
		if (t->obs == NULL) {
			fprintf(stderr, "matchers: out of memory\n");
			exit(1);
		}
	}
	t->obs[t->n++] = obs;
}

static size_t take(void *ctx, unsigned matcher, const struct delta *deltas, size_t n)
{
	(void)matcher;
	(void)deltas;
	((struct thread *)ctx)->deltas += n;
	return n;
}

static void *match(void *arg)
{
	struct thread *t = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(t->number % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof set, &set);
	pthread_barrier_wait(&all);
	t->begin_ns = clock_ns(CLOCK_MONOTONIC);
	const int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (size_t i = 0; i < t->n; i += MATCHER_BATCH)
		matcher_batch(t->matcher, 0, t->obs + i, t->n - i < MATCHER_BATCH ? t->n - i : MATCHER_BATCH);
	while (matcher_tick(t->matcher, true))
		;
	t->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	t->end_ns = clock_ns(CLOCK_MONOTONIC);
	return NULL;
}

static int make(uint32_t hosts)
{
	struct counters *counters;
	int rc = counters_create(&counters, 1, threads);

	pthread_barrier_init(&all, NULL, threads);
	for (unsigned i = 0; i < threads && rc == 0; i++) {
		thread[i].number = i;
		thread[i].sink = (struct sink){ .ctx = &thread[i], .take = take };
		rc = matcher_create(&thread[i].matcher, &(struct matcher_conf){ .number = i, .queues = 1, .bulk = true, .flows_max = 65536 / threads + 1,
		    .hosts_max = hosts / threads + 1, .key = key, .sink = &thread[i].sink, .counters = counters,
		    .a_sigdb = &a_db });
	}
	return rc;
}

static void report(void)
{
	int64_t begin = INT64_MAX, end = 0, cpu = 0;
	uint64_t deltas = 0, n = 0;

	for (unsigned i = 0; i < threads; i++) {
		begin = thread[i].begin_ns < begin ? thread[i].begin_ns : begin;
		end = thread[i].end_ns > end ? thread[i].end_ns : end;
		cpu += thread[i].cpu_ns;
		deltas += thread[i].deltas;
		n += thread[i].n;
	}
	printf("{\"threads\":%u,\"observed\":%" PRIu64 ",\"deltas\":%" PRIu64 ",\"wall_ns_a_packet\":%.1f,\"cpu_ns_a_packet\":%.1f}\n", threads, n, deltas,
	    (double)(end - begin) / (double)(n > 0 ? n : 1), (double)cpu / (double)(n > 0 ? n : 1));
}

static int usage(void)
{
	fprintf(stderr, "usage: matchers [-t THREADS] [-m HOSTS] [-f SIGNATURES] FILE\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct capture_handler handler = { .frame = on_frame };
	unsigned long hosts = 1000000;
	char own[PATH_MAX], err[CAPTURE_ERR];
	const char *signatures = own;
	struct sig_error sig;
	struct sigdb *db;
	struct capture *c;
	int opt, rc;

	while ((opt = getopt(argc, argv, "t:m:f:")) != -1) {
		switch (opt) {
		case 't': threads = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'm': hosts = strtoul(optarg, NULL, 10); break;
		case 'f': signatures = optarg; break;
		default: return usage();
		}
	}
	if (optind + 1 != argc || threads < 1 || threads > THREADS_MAX)
		return usage();
	paths_signatures(own, sizeof own);
	if (sigdb_load(&db, &signatures, 1, &sig) != 0) {
		fprintf(stderr, "matchers: %s:%u: %s\n", sig.file, sig.line, sig.text);
		return 2;
	}
	atomic_init(&a_db, db);
	rc = capture_open_file(&c, argv[optind], "", err);
	if (rc == 0)
		rc = capture_run(c, &handler, err);
	if (rc != 0) {
		fprintf(stderr, "matchers: %s\n", err);
		return 1;
	}
	capture_close(&c);
	if (make((uint32_t)hosts) != 0) {
		fprintf(stderr, "matchers: out of memory\n");
		return 1;
	}
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&thread[i].thread, NULL, match, &thread[i]) != 0)
			return 1;
	match(&thread[0]);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(thread[i].thread, NULL);
	report();
	return 0;
}
