/*
 * ask - what people ask of a writer that runs: forget a person, make the store small.
 */
#include "core/err.h"
#include "core/ring.h"
#include "store/writer_int.h"

#include <errno.h>
#include <string.h>

#define SLICE 2000 /* hosts a transaction */

static int ask(struct writer *w, enum ask what, const struct fp_cidr *block)
{
	struct asked *a = &w->asked;

	if (atomic_load_explicit(&a->a_asked, memory_order_acquire))
		return FP_EBUSY;
	a->what = what;
	a->block = *block;
	/* Publishes the question; pairs with the acquire in ask_step(). */
	atomic_store_explicit(&a->a_asked, true, memory_order_release);
	wake_up(&w->wake);
	return 0;
}

int writer_forget(struct writer *w, const struct fp_cidr *block)
{
	return ask(w, ASK_FORGET, block);
}

int writer_compact(struct writer *w)
{
	return ask(w, ASK_COMPACT, &(struct fp_cidr){ .bits = 0 });
}

bool writer_answered(struct writer *w, int *rc, uint64_t *number)
{
	if (atomic_load_explicit(&w->asked.a_asked, memory_order_acquire))
		return false;
	*rc = w->asked.rc;
	*number = w->asked.number;
	return true;
}

void ask_answer(struct writer *w, int rc)
{
	struct asked *a = &w->asked;

	if (!atomic_load_explicit(&a->a_asked, memory_order_acquire))
		return;
	a->rc = rc;
	a->begun = a->deleting = false;
	/* Release: the answer; pairs with writer_answered(). */
	atomic_store_explicit(&a->a_asked, false, memory_order_release);
}

static void begin(struct writer *w)
{
	struct asked *a = &w->asked;

	a->begun = true;
	a->number = 0;
	memcpy(a->at, a->block.net.b, sizeof a->at);
	/* What matchers have said of these hosts is in the rings already: it comes first. */
	for (unsigned i = 0; i < w->conf.matchers; i++)
		a->until[i] = w->popped[i] + ring_used(w->ring[i]);
}

static bool rings_behind(const struct writer *w)
{
	for (unsigned i = 0; i < w->conf.matchers; i++)
		if (w->popped[i] < w->asked.until[i])
			return true;
	return false;
}

/* The keys of a block stand together. */
int ask_fill(struct writer *w, struct tally *t)
{
	struct asked *a = &w->asked;
	uint8_t old[SLICE][RECORD_KEY_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, a->at }, v;
	MDB_cursor *cur;
	size_t n = 0;
	int rc;

	if (!a->deleting)
		return 0;
	if ((rc = mdb_cursor_open(t->txn, w->db.dbi, &cur)) != 0)
		return err_from_mdb(rc);
	rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && n < SLICE) {
		struct fp_addr addr;

		memcpy(addr.b, k.mv_data, sizeof addr.b);
		if (!record_key_is_host(addr.b) || !fp_cidr_has(&a->block, &addr))
			break;
		memcpy(old[n++], addr.b, RECORD_KEY_BYTES);
		rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return err_from_mdb(rc);
	for (size_t i = 0; i < n; i++)
		if ((rc = hosts_delete(w, t, old[i])) != 0)
			return rc;
	t->dropped += n;
	t->forgotten = n;
	return 0;
}

/* One slice; true: there may be more. */
static bool forget_slice(struct writer *w)
{
	struct asked *a = &w->asked;
	const uint64_t before = a->number;
	int rc;

	a->deleting = true;
	rc = commit_batch(w, NULL, false);
	a->deleting = false;
	if (rc == 0 && a->number - before == SLICE)
		return true;
	if (rc == 0 && w->conf.news != NULL)
		news_forget(w->conf.news, &a->block);
	ask_answer(w, rc);
	return false;
}

bool ask_step(struct writer *w)
{
	struct asked *a = &w->asked;
	int rc;

	if (!atomic_load_explicit(&a->a_asked, memory_order_acquire))
		return false;
	if (!a->begun) {
		begin(w);
		if (a->what == ASK_COMPACT && (rc = next_begin(w)) != 0) {
			ask_answer(w, rc);
			return false;
		}
	}
	if (a->what == ASK_FORGET)
		return rings_behind(w) || forget_slice(w);
	if (w->next.state == NEXT_NONE) {
		uint64_t used = 0, live;

		rc = w->next.rc != 0 ? w->next.rc : lmdb_pages(&w->db, &used, &live);
		a->number = used * 4096;
		ask_answer(w, rc);
	}
	return false;
}
