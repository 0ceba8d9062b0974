/* queue - capture threads: frames to observations to the rings of matchers. */
#include "cmd/packets_int.h"

#include "core/err.h"
#include "core/log.h"
#include "core/pkt.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Capture threads ---------------------------------------------------------------------------- */

/* A full ring: live traffic does not wait for us, a file does. */
static size_t push(struct queue *q, struct matcher *m, const struct tcp_obs *obs, size_t n)
{
	struct ring *ring = matcher_ring(m, q->number);
	size_t done = ring_push(ring, obs, n);

	while (done < n && !q->live) {
		wake_up(matcher_wake(m));
		pulse_beat(q->pulse);
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
		done += ring_push(ring, obs + done, n - done);
	}
	wake_up(matcher_wake(m));
	return done;
}

static void send_batch(struct queue *q, unsigned m)
{
	const size_t n = q->batch[m].n;

	if (n == 0)
		return;
	q->batch[m].n = 0;
	counter_add(q->row, C_OBSERVED, n);
	if (q->p->d->match_in_capture)
		matcher_batch(q->p->matcher[m], q->number, q->batch[m].obs, n);
	else
		counter_add(q->row, C_RING_DROPPED, n - push(q, q->p->matcher[m], q->batch[m].obs, n));
}

static bool ignored(const struct packets *p, const struct tcp_obs *obs)
{
	const struct fp_addr *client = obs->kind == OBS_SYNACK ? &obs->dst : &obs->src;

	for (size_t i = 0; i < p->n_ignore; i++)
		if (fp_cidr_has(&p->ignore[i], client))
			return true;
	return false;
}

/* A balancer, a proxy, the bridge of a container: whoever they serve looks like them. Said once. */
static void say_majority(struct queue *q, const struct majority *m)
{
	char text[FP_ADDR_TEXT] = "one address";

	if (atomic_exchange_explicit(&q->p->a_majority_said, true, memory_order_relaxed))
		return;
	if (q->p->d->opt.conf.log_addresses)
		fp_addr_text(&m->of, text);
	log_warning("nearly all connections come from %s, of the last %u more than %u %%: if that is a balancer, a proxy or the bridge "
	    "of a container, it hides the clients: fingerpostd must run on it or before it, or be sent its packets (--listen); if it is a "
	    "monitor or this machine, put it into the setting ignore", text, MAJORITY_WINDOW, MAJORITY_PERCENT);
}

void queue_majority(struct queue *q, struct majority *m, const struct tcp_obs *obs)
{
	if (obs->kind == OBS_SYN && majority_add(m, &obs->src))
		say_majority(q, m);
}

enum counter queue_judge(const struct packets *p, const struct capture_frame *frame, struct tcp_obs *obs)
{
	if (frame->rejected)
		return C_FILTERED;
	const enum pkt_result result =
	    pkt_wanted(&p->pkt, frame->link, frame->bytes, frame->caplen, frame->len, frame->time_ns, obs);

	if (result > PKT_FILTERED)
		return counter_undecodable(result);
	if (result != PKT_OK)
		return C_FILTERED;
	return p->n_ignore > 0 && ignored(p, obs) ? C_IGNORED : C_OBSERVED;
}

void queue_add(struct queue *q, const struct tcp_obs *obs)
{
	struct packets *p = q->p;
	const unsigned m = p->d->match_in_capture ? q->number : matcher_of(&p->key, obs, p->d->matchers);

	q->batch[m].obs[q->batch[m].n++] = *obs;
	if (q->batch[m].n == QUEUE_BATCH)
		send_batch(q, m);
}

static void on_frame(void *ctx, const struct capture_frame *frame)
{
	struct queue *q = ctx;
	struct tcp_obs obs;
	const enum counter c = queue_judge(q->p, frame, &obs);

	counter_add(q->row, C_FRAMES, 1);
	if (c != C_OBSERVED) {
		counter_add(q->row, c, 1);
		return;
	}
	queue_majority(q, &q->sources, &obs);
	queue_add(q, &obs);
}

static void on_flush(void *ctx, const struct capture_stats *stats, bool idle)
{
	struct queue *q = ctx;

	(void)idle;
	for (unsigned m = 0; m < q->p->d->matchers; m++)
		send_batch(q, m);
	if (q->p->d->match_in_capture)
		matcher_tick(q->p->matcher[q->number], false);
	if (q->live) {
		counter_set(q->row, C_KERNEL_SEEN, stats->kernel_seen);
		counter_set(q->row, C_KERNEL_DROPPED, stats->kernel_dropped);
		counter_set(q->row, C_OUTAGES, stats->outages);
	}
	pulse_beat(q->pulse);
}

/* A file's reader counts from nought for each file, and rejects by FILTER what is no frame for us. */
static void add_file_stats(struct queue *q, const struct capture_stats *stats)
{
	counter_add(q->row, C_KERNEL_SEEN, stats->kernel_seen);
	counter_add(q->row, C_FRAMES, stats->filtered);
	counter_add(q->row, C_FILTERED, stats->filtered);
}

struct file_flush {
	struct queue *q;
	struct capture_stats last;
};

static void on_file_frame(void *ctx, const struct capture_frame *frame)
{
	on_frame(((struct file_flush *)ctx)->q, frame);
}

void queue_file_flush(struct queue *q, struct capture_stats *last, const struct capture_stats *stats, bool idle)
{
	const struct capture_stats more = {
		.kernel_seen = stats->kernel_seen - last->kernel_seen,
		.filtered = stats->filtered - last->filtered,
	};

	add_file_stats(q, &more);
	*last = *stats;
	atomic_store_explicit(&q->a_bytes_total, stats->bytes_total, memory_order_relaxed);
	atomic_store_explicit(&q->a_bytes, stats->bytes, memory_order_relaxed);
	on_flush(q, stats, idle);
}

static void on_file_flush(void *ctx, const struct capture_stats *stats, bool idle)
{
	struct file_flush *f = ctx;

	queue_file_flush(f->q, &f->last, stats, idle);
}

static int run_captures(struct queue *q)
{
	char err[CAPTURE_ERR];
	int result = 0;

	for (size_t i = 0; i < q->n; i++) {
		struct file_flush file = { .q = q };
		const struct capture_handler live_handler = { q, on_frame, on_flush };
		const struct capture_handler file_handler = { &file, on_file_frame, on_file_flush };

		atomic_store_explicit(&q->a_file, i, memory_order_relaxed);
		const unsigned readers = q->live ? 1 : capture_parts(q->capture[i], q->p->d->readers);
		const int rc = readers > 1 ? readers_run(q, q->capture[i], readers, err) :
		    capture_run(q->capture[i], q->live ? &live_handler : &file_handler, err);

		if (rc == 0)
			continue;
		log_error("%s: %s; what came before is kept", capture_name(q->capture[i]),
		    err[0] != '\0' ? err : fp_strerror(rc));
		result = rc;
	}
	return result;
}

void *queue_thread(void *arg)
{
	struct queue *q = arg;
	struct packets *p = q->p;

	q->result = run_captures(q);
	if (p->d->match_in_capture)
		while (matcher_tick(p->matcher[q->number], true))
			nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	else
		for (unsigned m = 0; m < p->d->matchers; m++)
			matcher_flush(p->matcher[m]);
	pulse_end(q->pulse);
	atomic_store_explicit(&q->a_ended, true, memory_order_release);
	atomic_fetch_sub_explicit(&p->a_capturing, 1, memory_order_release);
	packets_tell(p);
	return NULL;
}

/* ---- Streams of sensors -------------------------------------------------------------------------- */

static void read_stream(struct queue *q, int fd)
{
	struct file_flush file = { .q = q };
	const struct capture_handler handler = { &file, on_file_frame, on_file_flush };
	char err[CAPTURE_ERR];
	struct capture *c;
	int rc = capture_adopt(&c, fd, q->peer, q->p->d->opt.conf.filter, err);

	if (rc == 0) {
		if (q->p->d->opt.conf.decapsulate)
			capture_file_decapsulate(c);
		pthread_mutex_lock(&q->lock);
		q->reading = c;
		pthread_mutex_unlock(&q->lock);
		log_info("%s: its stream begins (%s)", q->peer, q->p->d->queue_name[q->number]);
		if (!atomic_load_explicit(&q->p->a_stopping, memory_order_acquire))
			rc = capture_run(c, &handler, err);
		pthread_mutex_lock(&q->lock);
		q->reading = NULL;
		pthread_mutex_unlock(&q->lock);
	}
	if (rc == 0)
		log_info("%s: its stream ended after %llu packets", q->peer, (unsigned long long)file.last.kernel_seen);
	else
		log_warning("%s; the stream is cut off, the others go on", *err != '\0' ? err : fp_strerror(rc));
	capture_close(&c);
}

/* One stream after the other, as they are handed over; the counters of its place go on. */
void *queue_stream_thread(void *arg)
{
	struct queue *q = arg;
	struct pollfd wake = { .fd = q->wake_fd, .events = POLLIN };

	while (!atomic_load_explicit(&q->p->a_stopping, memory_order_acquire)) {
		uint64_t n;

		pulse_beat(q->pulse);
		if (poll(&wake, 1, 1000) <= 0)
			continue;
		(void)!read(q->wake_fd, &n, sizeof n);
		/* Acquire: peer was written before; pairs with queue_take_stream(). */
		const int fd = atomic_load_explicit(&q->a_fd, memory_order_acquire);

		if (fd < 0)
			continue;
		read_stream(q, fd);
		atomic_store_explicit(&q->a_fd, -1, memory_order_release);
	}
	pulse_end(q->pulse);
	return NULL;
}

bool queue_take_stream(struct packets *p)
{
	static struct log_limit full;
	const uint64_t one = 1;
	char peer[INTAKE_PEER];
	const int fd = intake_take(&p->d->intake, peer);

	if (fd < 0)
		return fd == -EBADMSG;
	for (unsigned n = (unsigned)p->d->n_live; n < p->d->n_live + p->d->n_streams; n++) {
		struct queue *q = &p->queue[n];

		if (atomic_load_explicit(&q->a_fd, memory_order_acquire) >= 0)
			continue;
		memcpy(q->peer, peer, sizeof peer);
		atomic_store_explicit(&q->a_fd, fd, memory_order_release);
		(void)!write(q->wake_fd, &one, sizeof one);
		return true;
	}
	log_limited(&full, 60, LOG_WARNING, "stream from %s refused: %d are being received", peer, INTAKE_STREAMS);
	close(fd);
	return true;
}

void queue_stop_stream(struct queue *q)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&q->lock);
	if (q->reading != NULL)
		capture_stop(q->reading);
	pthread_mutex_unlock(&q->lock);
	(void)!write(q->wake_fd, &one, sizeof one);
}
