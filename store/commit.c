/*
 * commit - one transaction: texts, hosts, meta and counters; and what is done where it fails.
 */
#include "core/counters.h"
#include "core/err.h"
#include "core/log.h"
#include "core/ring.h"
#include "store/writer_int.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FILL_NS (15 * MS)     /* a transaction takes no deltas for longer; writing its pages takes about as long again */
#define FULL_NS (10 * SECOND) /* a full map is not waited for so soon again */

static int put_counters(struct writer *w, MDB_txn *txn)
{
	static const char *const owner_name[COUNTER_OWNERS] = { "queue", "matcher", "writer", "services" };
	uint32_t number = 0;
	int rc = 0;

	for (int owner = 0; w->conf.counters != NULL && owner < COUNTER_OWNERS; owner++) {
		const unsigned rows = counters_rows(w->conf.counters, (enum counter_owner)owner);

		for (unsigned i = 0; i < rows && rc == 0; i++) {
			char text[RECORD_VALUE_MAX];
			uint8_t key[RECORD_KEY_BYTES];
			int n = snprintf(text, sizeof text, "%s %u\n", owner_name[owner], i);
			const int more = counters_text(w->conf.counters, (enum counter_owner)owner, i, text + n,
			    sizeof text - (size_t)n);

			if (more < 0)
				return more;
			record_key(key, RECORD_COUNTERS, number++);
			rc = env_put(w, txn, key, text, (size_t)(n + more));
		}
	}
	return rc;
}

static int put_meta(struct writer *w, MDB_txn *txn, int64_t now_ns, bool clean)
{
	uint8_t bytes[RECORD_META_BYTES], key[RECORD_KEY_BYTES];

	w->meta.store_id = w->store_id;
	w->meta.mode = w->conf.live ? RECORD_LIVE : RECORD_FILES;
	w->meta.clean = clean;
	w->meta.now_ns = now_ns;
	w->meta.written_ns = clock_ns(CLOCK_REALTIME);
	record_meta_encode(bytes, &w->meta);
	record_key(key, RECORD_META, 0);
	return env_put(w, txn, key, bytes, sizeof bytes);
}

/*
 * The batch, or what of it takes no longer than FILL_NS: where the machine is busy, or the hosts many, whoever waits for a later delta
 * waits for two short transactions and not for two long ones. The rest is the next one's. What is forgotten must not come again
 * with a rest: while somebody asks for that, all is taken.
 */
static int apply_batch(struct writer *w, struct tally *t)
{
	const bool bounded = w->conf.live && w->stamped && !w->asked.begun;
	const int64_t until = clock_ns(CLOCK_MONOTONIC) + FILL_NS;
	MDB_cursor *cur;
	int rc = mdb_cursor_open(t->txn, w->db.dbi, &cur);

	if (rc != 0)
		return err_from_mdb(rc);
	while (rc == 0 && t->applied < w->n) {
		rc = hosts_apply(w, t, cur, &w->batch[t->applied++]);
		if (bounded && t->applied % 128 == 0 && clock_ns(CLOCK_MONOTONIC) >= until)
			break;
	}
	mdb_cursor_close(cur);
	return rc == 0 ? texts_put_layouts(w, t->txn) : rc;
}

/* Texts before what names them, all in one transaction; meta where due or asked for. */
static int fill(struct writer *w, const struct texts *t, bool meta, bool clean, struct tally *tally)
{
	MDB_txn *txn = tally->txn;
	int rc = 0;

	if (t != NULL && (rc = texts_put(w, txn, t)) != 0)
		return rc;
	if (w->n > 0)
		rc = apply_batch(w, tally);
	if (rc == 0)
		rc = ask_fill(w, tally);
	if (rc == 0 && meta && !clean)
		rc = expire_some(w, tally);
	if (rc == 0 && meta)
		rc = put_meta(w, txn, tally->now_ns, clean);
	if (rc == 0 && meta)
		rc = put_counters(w, txn);
	if (rc == 0 && meta)
		rc = news_put(w, tally);
	return rc;
}

static void tell_services(struct writer *w)
{
	if (w->conf.a_commits == NULL)
		return;
	atomic_fetch_add_explicit(w->conf.a_commits, 1, memory_order_release);
	syscall(SYS_futex, w->conf.a_commits, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* How much of the file holds something: the rest waits out the grace time, or is free. */
static void count_pages(struct writer *w)
{
	uint64_t used, live, waiting = 0;

	if (w->conf.counters == NULL || lmdb_pages(&w->db, &used, &live) != 0)
		return;
	for (unsigned i = 0; i < w->conf.matchers; i++)
		waiting += ring_used(w->ring[i]);
	counter_set(writer_row(w), C_DELTAS_WAITING, waiting);
	counter_set(writer_row(w), C_PAGES, used);
	counter_set(writer_row(w), C_PAGES_LIVE, live);
	counter_set(writer_row(w), C_PAGES_MAX, w->db.map_bytes / 4096);
}

/* Commits the batch, or its beginning, with what is due. On failure nothing is in the store, and the batch is still here. */
int commit_once(struct writer *w, const struct texts *t, bool clean)
{
	const int64_t now = clock_ns(CLOCK_MONOTONIC);
	const bool meta = clean || w->clean || now >= w->meta_ns;
	struct tally tally = { .now_ns = w->meta.now_ns };
	int rc = env_slots_roll(w, now);

	if (rc != 0)
		return rc;
	news_begin(w);
	if ((rc = mdb_txn_begin(w->db.env, NULL, 0, &tally.txn)) != 0)
		return err_from_mdb(rc);
	if ((rc = fill(w, t, meta, clean, &tally)) != 0) {
		mdb_txn_abort(tally.txn);
		next_commit(w, &tally, true);
		return rc;
	}
	rc = mdb_txn_commit(tally.txn);
	next_commit(w, &tally, rc != 0);
	if (rc != 0)
		return err_from_mdb(rc);

	news_commit(w); /* before the counts: who waits for these finds what they are of told */
	w->commit_ns = now;
	w->pace_n = (unsigned)tally.applied;
	w->dirty = true;
	w->hosts += (uint64_t)tally.hosts;
	if (w->asked.deleting) /* else it is the asker's */
		w->asked.number += tally.forgotten;
	w->meta.now_ns = tally.now_ns;
	w->layouts_stored = w->layouts;
	w->n -= tally.applied;
	memmove(w->batch, w->batch + tally.applied, w->n * sizeof *w->batch);
	if (meta)
		w->meta_ns = now + META_EVERY_NS;
	writer_count(w, C_COMMITS, 1);
	writer_count(w, C_WRITTEN, tally.written);
	writer_count(w, C_HOSTS_DROPPED, tally.dropped);
	if (w->conf.counters != NULL)
		counter_set(writer_row(w), C_HOSTS, w->hosts);
	if (meta)
		count_pages(w);
	if (w->clean && !clean) {
		/* A power cut must not find the mark of a clean stop over pages that are used again. */
		mdb_env_sync(w->db.env, 1);
		writer_count(w, C_SYNCS, 1);
	}
	w->clean = clean;
	if (w->conf.news != NULL)
		histogram_add(&w->conf.news->commit, (uint64_t)(clock_ns(CLOCK_MONOTONIC) - now));
	tell_services(w);
	return 0;
}

/*
 * More hosts than the map has room for. From now on there are a few less, and the oldest go for new ones; the pages, some of
 * them half empty, are made anew beside the store, without some of those who go first.
 */
static void full_in_earnest(struct writer *w)
{
	int rc;

	w->hosts_cap = w->hosts - w->hosts / 16;
	log_error("store %s: its map of %" PRIu64 " MiB is full with %" PRIu64 " hosts: it holds at most %" PRIu64
	    " from now on, the oldest go for new ones; raise store.map or lower hosts.max", w->dir, w->db.map_bytes >> 20,
	    w->hosts, w->hosts_cap);
	if ((rc = next_begin(w)) != 0)
		log_error("store %s: a new one cannot be begun in next/: %s", w->dir, fp_strerror(rc));
}

/*
 * As commit_once(), but a map that is full of pages which only wait out the grace time is worth waiting for: nothing is lost, and
 * matchers join meanwhile what they would have sent. Where that does not help it is full in earnest, and for some
 * seconds nobody waits again.
 */
static int commit_patiently(struct writer *w, const struct texts *t, bool clean)
{
	const struct timespec nap = { 0, GRACE_NS / 4 };
	int rc = commit_once(w, t, clean);

	writer_count(w, C_MAP_FULL, rc == FP_EFULL);
	if (rc != FP_EFULL || w->slots == 0 || clock_ns(CLOCK_MONOTONIC) < w->full_ns)
		return rc;
	/* Beyond the grace time no slot is older than the last commit. */
	for (int i = 0; rc == FP_EFULL && i < 8; i++) {
		nanosleep(&nap, NULL);
		rc = commit_once(w, t, clean);
	}
	if (rc == FP_EFULL) {
		w->full_ns = clock_ns(CLOCK_MONOTONIC) + FULL_NS;
		full_in_earnest(w);
	}
	return rc;
}

/* LMDB calls a write that was cut short an I/O error (0.9.24: mdb_page_flush()), whatever cut it. */
static bool disk_full(const struct writer *w)
{
	struct statvfs st;

	return fstatvfs(w->db.fd, &st) == 0 && st.f_bavail < 16;
}

static void tell_failure(struct writer *w, int rc)
{
	static struct log_limit limit;
	const uint64_t lost = w->conf.counters != NULL ? counters_get(w->conf.counters, C_STORE_FAILED, 0) : w->n;

	if (rc == FP_EFULL)
		log_limited(&limit, 10, LOG_ERROR, "store %s: its map of %" PRIu64 " MiB is full; %" PRIu64
		    " changes are lost so far", w->dir, w->db.map_bytes >> 20, lost);
	else if (rc == -ENOSPC || rc == -EDQUOT || (rc == -EIO && disk_full(w)))
		log_limited(&limit, 10, LOG_ERROR, "store %s: no space left on its disk; %" PRIu64
		    " changes are lost so far, what was stored stays; make room", w->dir, lost);
	else
		log_limited(&limit, 10, LOG_ERROR, "store %s: cannot be written: %s; %" PRIu64
		    " changes are lost so far, what was stored stays", w->dir, fp_strerror(rc), lost);
}

/*
 * Commits or gives the batch up. Fails only where the environment is gone for good: LMDB refuses all after a
 * failed write of its meta page, and opening it anew is all that helps.
 */
int commit_batch(struct writer *w, const struct texts *t, bool clean)
{
	int rc = commit_patiently(w, t, clean), again;

	if (rc == 0)
		return 0;
	writer_count(w, C_STORE_FAILED, w->n);
	tell_failure(w, rc);
	w->n = 0;
	if (rc == FP_ELMDB) {
		env_sync_settle(w);
		env_close(w);
		if ((again = env_open(w)) != 0)
			return again;
		if (w->stamped && (again = env_slot_open(w, clock_ns(CLOCK_MONOTONIC))) != 0)
			return again;
		w->quiet_until_ns = clock_ns(CLOCK_MONOTONIC) + QUIET_NS;
	}
	return rc;
}
