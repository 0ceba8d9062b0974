/*
 * news - what a transaction does to hosts, told when it is committed: to the services (core/news.h), to the counts by system, to minutes
 * and hours. What a transaction that fails has noted is forgotten.
 *
 * Counts by system of a store that exists are made by looking at each host once, a slice between two commits; of hosts behind the
 * hand changes are not counted, for they are still to be looked at.
 */
#include "core/err.h"
#include "core/log.h"
#include "store/news_int.h"
#include "store/writer_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLICE 5000         /* hosts looked at between two commits: a millisecond */
#define INDEX (4 * NEWS_LABELS)

/* What was noted of a host. */
struct note {
	uint8_t key[RECORD_KEY_BYTES];
	uint32_t label_old, label_new;
	bool had, has;              /* counted by label before, after */
	uint8_t kinds;              /* 1 << enum news_kind */
	uint32_t time_s;
	struct period_seen seen;
};

struct newsdesk {
	struct news_board *board;   /* NULL: nobody is told */
	struct periods *periods;    /* NULL: none are kept */
	struct note *note;
	size_t n, room;
	uint16_t index[INDEX];      /* label's hash to its row + 1 */
	uint32_t rows, label[NEWS_LABELS];
	uint64_t hosts[NEWS_LABELS];
	uint8_t hand[RECORD_KEY_BYTES];
	bool counted;
};

int news_open(struct writer *w)
{
	struct newsdesk *d = calloc(1, sizeof *d);

	if (d == NULL)
		return -ENOMEM;
	w->news = d;
	d->board = w->conf.news;
	return w->conf.tool ? 0 : periods_create(&d->periods, w->conf.live);
}

void news_close(struct writer *w)
{
	if (w->news == NULL)
		return;
	periods_destroy(&w->news->periods);
	free(w->news->note);
	free(w->news);
	w->news = NULL;
}

void news_begin(struct writer *w)
{
	w->news->n = 0;
	periods_failed(w->news->periods);
}

static struct note *note_new(struct newsdesk *d)
{
	static struct log_limit limit;

	if (d->n == d->room) {
		const size_t room = d->room != 0 ? 2 * d->room : 1024;
		struct note *more = realloc(d->note, room * sizeof *more);

		if (more == NULL) {
			log_limited(&limit, 60, LOG_ERROR, "no memory for news: counts by system are not exact until the next start");
			return NULL;
		}
		d->note = more;
		d->room = room;
	}
	d->note[d->n] = (struct note){ .had = false };
	return &d->note[d->n++];
}

void news_host(struct writer *w, const struct delta *delta, const struct fp_host *old, const struct fp_host *now)
{
	struct newsdesk *d = w->news;
	struct note *n = d->board != NULL || d->periods != NULL ? note_new(d) : NULL;

	if (n == NULL)
		return;
	memcpy(n->key, delta->addr.b, sizeof n->key);
	n->had = old != NULL;
	n->has = true;
	n->label_old = old != NULL ? old->label : 0;
	n->label_new = now->label;
	n->time_s = delta->what.last_seen;
	if (old == NULL)
		n->kinds |= 1 << NEWS_NEW;
	if (old != NULL && now->os_changed > old->os_changed)
		n->kinds |= 1 << NEWS_CHANGED;
	if (old != NULL && now->shared > old->shared)
		n->kinds |= 1 << NEWS_SHARED;
	n->seen = (struct period_seen){ .label = now->label, .time_s = delta->what.last_seen, .before_s = old != NULL ? old->last_seen : 0,
		.connections = delta->what.connections };
}

void news_gone(struct writer *w, struct tally *t, const uint8_t key[RECORD_KEY_BYTES])
{
	struct newsdesk *d = w->news;
	MDB_val k = { RECORD_KEY_BYTES, (void *)(uintptr_t)key }, v;
	struct fp_addr addr;
	struct fp_host host;

	memcpy(addr.b, key, sizeof addr.b);
	if (d->board == NULL || mdb_get(t->txn, w->db.dbi, &k, &v) != 0 || record_decode(&host, &addr, v.mv_data, v.mv_size) != 0)
		return;
	struct note *n = note_new(d);

	if (n == NULL)
		return;
	memcpy(n->key, key, sizeof n->key);
	n->had = true;
	n->label_old = host.label;
}

/* ---- Counts by system ------------------------------------------------------------------------- */

/*
 * The row of a label, a new one where it has none; the last is for all that have no room. What is in the shared memory is only written: another
 * process might write there, too.
 */
static uint32_t row_of(struct newsdesk *d, uint32_t label)
{
	uint32_t i = label * 0x9e3779b1u % INDEX;

	for (; d->index[i] != 0; i = (i + 1) % INDEX)
		if (d->label[d->index[i] - 1] == label)
			return d->index[i] - 1u;
	if (d->rows == NEWS_LABELS)
		return NEWS_LABELS - 1;
	const uint32_t row = d->rows++;

	d->label[row] = row == NEWS_LABELS - 1 ? RECORD_PERIOD_OTHERS : label;
	d->index[i] = (uint16_t)(row + 1);
	atomic_store_explicit(&d->board->count[row].a_label, d->label[row], memory_order_relaxed);
	/* The label before the row that has it; pairs with the acquire of who reads. */
	atomic_store_explicit(&d->board->a_labels, d->rows, memory_order_release);
	return row;
}

static void count(struct newsdesk *d, uint32_t label, int by)
{
	const uint32_t row = row_of(d, label);

	d->hosts[row] += (uint64_t)(int64_t)by;
	atomic_store_explicit(&d->board->count[row].a_hosts, d->hosts[row], memory_order_relaxed);
}

void news_recount(struct writer *w)
{
	struct newsdesk *d = w->news;

	d->counted = false;
	memset(d->hand, 0, sizeof d->hand);
	if (d->board == NULL)
		return;
	atomic_store_explicit(&d->board->a_counted, false, memory_order_relaxed);
	memset(d->hosts, 0, sizeof d->hosts);
	for (uint32_t i = 0; i < d->rows; i++)
		atomic_store_explicit(&d->board->count[i].a_hosts, 0, memory_order_relaxed);
}

/* The next slice; MDB_NOTFOUND: that was the last. */
static int count_slice(struct writer *w, MDB_cursor *cur)
{
	struct newsdesk *d = w->news;
	uint8_t hand[RECORD_KEY_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, hand }, v;
	int rc;

	memcpy(hand, d->hand, sizeof hand);
	rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
	for (int n = 0; rc == 0 && n < SLICE; n++) {
		struct fp_addr addr;
		struct fp_host host;

		if (!record_key_is_host(k.mv_data))
			return MDB_NOTFOUND;
		memcpy(addr.b, k.mv_data, sizeof addr.b);
		if (record_decode(&host, &addr, v.mv_data, v.mv_size) == 0)
			count(d, host.label, 1);
		rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
		if (rc == 0)
			memcpy(d->hand, k.mv_data, sizeof d->hand); /* the next to be looked at */
	}
	return rc;
}

bool news_count_some(struct writer *w)
{
	struct newsdesk *d = w->news;
	MDB_cursor *cur = NULL;
	MDB_txn *txn = NULL;
	int rc;

	if (d->counted || d->board == NULL || w->db.env == NULL)
		return false;
	if ((rc = mdb_txn_begin(w->db.env, NULL, MDB_RDONLY, &txn)) == 0 && (rc = mdb_cursor_open(txn, w->db.dbi, &cur)) == 0) {
		rc = count_slice(w, cur);
		mdb_cursor_close(cur);
	}
	if (txn != NULL)
		mdb_txn_abort(txn);
	if (rc == 0)
		return true;
	/* Counted to the end; or it cannot be read, which the next commit will say. */
	d->counted = rc == MDB_NOTFOUND;
	atomic_store_explicit(&d->board->a_counted, d->counted, memory_order_release);
	return false;
}

/* ---- After the commit ------------------------------------------------------------------------- */

static void tell(struct newsdesk *d, const struct note *n)
{
	struct fp_addr addr;

	memcpy(addr.b, n->key, sizeof addr.b);
	if (d->counted || memcmp(n->key, d->hand, sizeof d->hand) < 0) {
		if (n->had)
			count(d, n->label_old, -1);
		if (n->has)
			count(d, n->label_new, 1);
	}
	for (int kind = 0; kind < NEWS_KINDS; kind++)
		if ((n->kinds & 1 << kind) != 0)
			news_tell(d->board, (enum news_kind)kind, &addr, n->time_s);
}

void news_commit(struct writer *w)
{
	struct newsdesk *d = w->news;

	periods_stored(d->periods);
	for (size_t i = 0; i < d->n; i++) {
		if (d->board != NULL)
			tell(d, &d->note[i]);
		if (d->note[i].has)
			periods_add(d->periods, &d->note[i].seen);
	}
	d->n = 0;
}

int news_put(struct writer *w, struct tally *t)
{
	return w->news->periods != NULL ? periods_put(w->news->periods, w, t) : 0;
}
