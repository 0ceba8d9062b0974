/*
 * writer - its thread: takes deltas from the rings, commits as soon as it may, ends in order. What it stands on: env.c,
 * begin.c; what it puts into a transaction: commit.c, texts.c, hosts.c.
 */
#include "core/counters.h"
#include "core/err.h"
#include "core/log.h"
#include "core/pulse.h"
#include "core/ring.h"
#include "store/dirlock.h"
#include "store/intern.h"
#include "store/validate.h"
#include "store/writer_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SETTLED_NS (50 * MS) /* files: so long nothing came, so the first fill is over */
#define NOTHING_NS SECOND    /* or it has not even begun: a FIFO that nobody writes to yet */

void writer_explain(char why[WRITER_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WRITER_WHY, fmt, ap);
	va_end(ap);
}

void writer_path(const struct writer *w, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", w->dir, name);
}

struct counter_row *writer_row(struct writer *w)
{
	return w->conf.counters != NULL ? counters_row(w->conf.counters, COUNTER_WRITER, 0) : NULL;
}

void writer_count(struct writer *w, enum counter c, uint64_t n)
{
	if (w->conf.counters != NULL)
		counter_add(writer_row(w), c, n);
}

static size_t sink_take(void *ctx, unsigned matcher, const struct delta *deltas, size_t n)
{
	struct writer *w = ctx;
	const size_t took = ring_push(w->ring[matcher], deltas, n);

	if (took > 0)
		wake_up(&w->wake);
	return took;
}

/* An eighth: at the writer's pace some hundredths of a second. */
static size_t sink_room(void *ctx, unsigned matcher)
{
	const struct writer *w = ctx;
	const size_t used = ring_used(w->ring[matcher]), most = w->conf.ring_slots / 8;

	return used < most ? most - used : 0;
}

int writer_open(struct writer **out, const struct writer_conf *conf, char why[WRITER_WHY])
{
	struct writer *w;
	int rc;

	*out = NULL;
	why[0] = '\0';
	if (posix_memalign((void **)&w, _Alignof(struct writer), sizeof *w) != 0) {
		writer_explain(why, "store: out of memory");
		return -ENOMEM;
	}
	memset(w, 0, sizeof *w);
	w->conf = *conf;
	w->lock_fd = w->db.fd = w->next.db.fd = -1;
	pthread_mutex_init(&w->labels_lock, NULL);
	w->sink = (struct sink){ .ctx = w, .take = sink_take, .room = sink_room };
	if (w->conf.mode == 0)
		w->conf.mode = 0640;
	if (w->conf.map_bytes == 0)
		w->conf.map_bytes = writer_map_bytes(conf->hosts_max);
	if (w->conf.ring_slots == 0)
		w->conf.ring_slots = 4096;
	rc = -ENAMETOOLONG;
	if (snprintf(w->dir, sizeof w->dir, "%s", conf->dir) >= (int)sizeof w->dir) {
		writer_explain(why, "store directory: the name is too long");
		goto fail;
	}
	if ((rc = begin_check_dir(w, why)) != 0)
		goto fail;
	if (!conf->locked && (rc = dirlock_take(&w->lock_fd, w->dir, 0, why)) != 0)
		goto fail;

	rc = -ENOMEM;
	w->ring = calloc(conf->matchers + 1, sizeof *w->ring);
	w->popped = calloc(conf->matchers + 1, sizeof *w->popped);
	w->asked.until = calloc(conf->matchers + 1, sizeof *w->asked.until);
	w->layout = calloc(LAYOUTS_MAX + 1, sizeof *w->layout); /* 8 MiB of address space, touched as used */
	if (w->ring == NULL || w->popped == NULL || w->asked.until == NULL || w->layout == NULL || intern_create(&w->raw) != 0 || intern_create(&w->text) != 0 ||
	    news_open(w) != 0)
		goto memory;
	for (unsigned i = 0; i < conf->matchers; i++)
		if ((rc = ring_create(&w->ring[i], w->conf.ring_slots, sizeof(struct delta), 0)) != 0)
			goto memory;
	if ((rc = begin_look(w, why)) != 0)
		goto fail;
	*out = w;
	return 0;
memory:
	writer_explain(why, "store %s: %s", w->dir, fp_strerror(rc));
fail:
	writer_close(&w);
	return rc;
}

void writer_close(struct writer **wp)
{
	struct writer *w = *wp;

	if (w == NULL)
		return;
	validate_cancel(&w->validating);
	next_abandon(w);
	env_close(w);
	for (unsigned i = 0; w->ring != NULL && i < w->conf.matchers; i++)
		ring_destroy(&w->ring[i]);
	free(w->ring);
	free(w->popped);
	free(w->asked.until);
	free(w->layout);
	intern_destroy(&w->raw);
	intern_destroy(&w->text);
	texts_free(&w->labels);
	news_close(w);
	pthread_mutex_destroy(&w->labels_lock);
	if (w->lock_fd >= 0)
		close(w->lock_fd);
	free(w);
	*wp = NULL;
}

const struct sink *writer_sink(struct writer *w)
{
	return &w->sink;
}

void writer_stop(struct writer *w)
{
	atomic_store_explicit(&w->a_stop, true, memory_order_release);
	wake_up(&w->wake);
}

/* ---- The thread ------------------------------------------------------------------------------- */

static bool has_work(void *ctx)
{
	struct writer *w = ctx;

	if (atomic_load_explicit(&w->a_stop, memory_order_acquire) ||
	    atomic_load_explicit(&w->a_labels, memory_order_acquire) ||
	    (atomic_load_explicit(&w->asked.a_asked, memory_order_acquire) && !w->asked.begun))
		return true;
	for (unsigned i = 0; i < w->conf.matchers; i++)
		if (!ring_empty(w->ring[i]))
			return true;
	return false;
}

/* Fills the batch from all rings, another first each time. */
static void gather(struct writer *w)
{
	const size_t most = w->stamped ? BATCH : BATCH_FILL;

	for (unsigned i = 0; i < w->conf.matchers && w->n < most; i++) {
		const size_t m = (w->first_ring + i) % w->conf.matchers, n = ring_pop(w->ring[m], w->batch + w->n, most - w->n);

		w->popped[m] += n;
		w->n += n;
	}
	w->first_ring++;
}

/*
 * When the next commit may be: at once after a lone one, later the more there is to do, since each commit writes what it changed and
 * the pages above that to new pages, and those it frees wait out the grace time. A file's full batches wait for nothing: matchers send
 * them in the order of the addresses, so that few pages are written more than once, and a whole file of hosts stands behind each.
 */
int64_t writer_pace_ns(const struct writer *w)
{
	static const struct {
		unsigned below; /* deltas in the last commit */
		int64_t ns;
	} pace[] = { { 4, MS }, { 64, 2 * MS }, { 256, 5 * MS }, { 768, 10 * MS }, { UINT_MAX, 20 * MS } };
	size_t i = 0;

	if (!w->stamped || w->n > 0 || w->pace_n == BATCH || (!w->conf.live && w->pace_n >= BATCH_FILL))
		return 0; /* as many wait behind them */
	while (w->pace_n >= pace[i].below && pace[i].below != UINT_MAX)
		i++;
	return pace[i].ns;
}

static void sleep_until(int64_t when_ns)
{
	const struct timespec ts = { when_ns / SECOND, when_ns % SECOND };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* Everything is in: the last commit says so, the disk has it, and the stamp says that nobody wrote since. */
static int finish(struct writer *w)
{
	struct stat st;
	int rc;

	if ((rc = commit_batch(w, NULL, true)) != 0)
		return rc;
	if ((rc = err_from_mdb(mdb_env_sync(w->db.env, 1))) != 0)
		return rc;
	writer_count(w, C_SYNCS, 1);
	if (fstat(w->db.fd, &st) != 0)
		return -errno;
	return env_stamp(w, env_written_ns(&st));
}

static void drop_rings(struct writer *w)
{
	do {
		writer_count(w, C_STORE_FAILED, w->n);
		w->n = 0;
		gather(w);
	} while (w->n > 0);
}

/* Commits what there is; the error only where the store is gone for good. */
static int put(struct writer *w, struct texts *t, int64_t now)
{
	int rc;

	if (w->n > 0)
		w->idle_ns = now;
	rc = commit_batch(w, t, false);
	if (rc == 0)
		texts_free(&t);
	else
		texts_return(w, t);
	/* Damage is found and set aside at the next start. */
	if (w->db.env == NULL || rc == FP_EDAMAGED)
		return rc;
	if (rc != 0 && w->meta_ns <= now)
		w->meta_ns = now + META_EVERY_NS;
	env_sync_if_due(w, now);
	return 0;
}

/* When there is something to do though nothing comes. */
static int64_t next_duty_ns(const struct writer *w, int64_t now)
{
	const int64_t settled = w->idle_ns + SETTLED_NS;

	if (w->next.state == NEXT_SYNC)
		return now + 2 * MS;
	return !w->stamped && settled < w->meta_ns ? settled : w->meta_ns;
}

static int serve(struct writer *w)
{
	int rc;

	w->idle_ns = clock_ns(CLOCK_MONOTONIC) + NOTHING_NS - SETTLED_NS;
	for (;;) {
		int64_t now = clock_ns(CLOCK_MONOTONIC);

		pulse_beat(w->conf.pulse);
		const int64_t paced = w->commit_ns + writer_pace_ns(w), may = paced > w->quiet_until_ns ? paced : w->quiet_until_ns;

		if (now < may) {
			sleep_until(may);
			now = may;
		}
		/* Before the rings: what was pushed before stop is drained. */
		const bool stop = atomic_load_explicit(&w->a_stop, memory_order_acquire);

		gather(w);
		/* After the rings: labels come before the deltas that name them. */
		struct texts *t = texts_take(w);

		const bool idle = w->n == 0 && t == NULL && now < w->meta_ns;

		const bool second = now >= w->meta_ns;

		if (!idle && (rc = put(w, t, now)) != 0) {
			drop_rings(w);
			return rc;
		}
		if (second && (rc = next_check_place(w)) != 0) {
			drop_rings(w);
			return rc;
		}
		const bool asked = ask_step(w), busy = news_count_some(w) || asked;

		if (w->db.env == NULL || (rc = next_step(w)) != 0) {
			drop_rings(w);
			return w->db.env == NULL ? FP_ELMDB : rc;
		}
		if (!idle || busy || (w->next.state != NEXT_NONE && w->next.state != NEXT_SYNC))
			continue;
		if (!w->stamped && now - w->idle_ns >= SETTLED_NS && (rc = env_let_readers_in(w)) != 0)
			return rc;
		/* A daemon is to end within a second; a command is there for what was asked. */
		if (stop && (!w->conf.tool || !atomic_load_explicit(&w->asked.a_asked, memory_order_acquire))) {
			next_abandon(w);
			ask_answer(w, -ECANCELED);
			return finish(w);
		}
		const int64_t until = next_duty_ns(w, now);

		wake_sleep(&w->wake, has_work, w, until > now ? (int)((until - now) / MS) + 1 : 1);
	}
}

int writer_run(struct writer *w)
{
	int rc;

	if (w->validating != NULL && (rc = begin_finish(w)) != 0) {
		drop_rings(w);
		return rc == -ECANCELED ? 0 : rc;
	}
	if ((rc = env_sync_begin(w)) != 0)
		return rc;
	rc = serve(w);
	env_sync_end(w);
	pulse_end(w->conf.pulse);
	return rc;
}
