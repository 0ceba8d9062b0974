/*
 * readers - one large file by several threads: frames to observations side by side, into the rings in the order of the file.
 *
 * Counters, batches and rings are the queue's: they are touched in a thread's turn alone (capture_run_part()), so for them it is as if there were one
 * thread.
 */
#include "cmd/packets_int.h"

#include "core/err.h"
#include "core/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* No observation is of fewer bytes of a file: a record's header, IP, TCP. A part may end with one that began in it. */
#define OBS_BYTES (16 + 20 + 20)
#define ROOM (CAPTURE_PART_BYTES / OBS_BYTES + 2)

struct reading {
	struct queue *q;
	struct capture *c;
	struct capture_stats last; /* of the file; in turn */
};

struct reader {
	struct reading *of;
	pthread_t thread;
	int result;
	char err[CAPTURE_ERR];
	struct majority sources;
	struct counter_row row; /* of the part under way */
	size_t n;
	struct tcp_obs *obs;    /* of the part under way: ROOM */
};

static void on_frame(void *ctx, const struct capture_frame *frame)
{
	struct reader *r = ctx;
	struct queue *q = r->of->q;

	assert(r->n < ROOM);
	struct tcp_obs *obs = &r->obs[r->n];
	const enum counter c = queue_judge(q->p, frame, obs);

	counter_add(&r->row, C_FRAMES, 1);
	if (c != C_OBSERVED) {
		counter_add(&r->row, c, 1);
		return;
	}
	queue_majority(q, &r->sources, obs);
	r->n++;
}

/* Its turn. */
static void on_flush(void *ctx, const struct capture_stats *stats, bool idle)
{
	struct reader *r = ctx;
	struct queue *q = r->of->q;

	for (int c = 0; c < COUNTER_COUNT; c++) {
		const uint64_t n = atomic_load_explicit(&r->row.a_value[c], memory_order_relaxed);

		if (n == 0)
			continue;
		counter_add(q->row, (enum counter)c, n);
		counter_set(&r->row, (enum counter)c, 0);
	}
	for (size_t i = 0; i < r->n; i++)
		queue_add(q, &r->obs[i]);
	r->n = 0;
	queue_file_flush(q, &r->of->last, stats, idle);
}

static void *reader_thread(void *arg)
{
	struct reader *r = arg;
	const struct capture_handler handler = { r, on_frame, on_flush };

	r->result = capture_run_part(r->of->c, &handler, r->err);
	return NULL;
}

int readers_run(struct queue *q, struct capture *c, unsigned n, char err[CAPTURE_ERR])
{
	struct reading of = { .q = q, .c = c };
	struct reader *reader = aligned_alloc(CACHELINE, n * sizeof *reader);
	struct tcp_obs *obs = calloc(n, ROOM * sizeof *obs);
	unsigned started = 1;
	int result = 0;

	if (reader == NULL || obs == NULL) {
		free(reader);
		free(obs);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++)
		reader[i] = (struct reader){ .of = &of, .obs = obs + i * ROOM };
	for (; started < n; started++) {
		char name[24];

		snprintf(name, sizeof name, "reader %u", started);
		if (packets_thread(q->p, &reader[started].thread, reader_thread, &reader[started], name, -1) != 0)
			break; /* that was said; the others read it all the same */
	}
	reader_thread(&reader[0]);
	for (unsigned i = 0; i < started; i++) {
		if (i > 0)
			pthread_join(reader[i].thread, NULL);
		if (reader[i].result == 0)
			continue;
		result = reader[i].result;
		snprintf(err, CAPTURE_ERR, "%s", reader[i].err);
	}
	free(obs);
	free(reader);
	return result;
}
