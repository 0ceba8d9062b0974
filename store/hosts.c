/*
 * hosts - a delta into the store, and who goes when hosts.max is reached.
 */
#include "core/err.h"
#include "core/log.h"
#include "core/merge.h"
#include "store/writer_int.h"

#include <string.h>

#define EVICT_SAMPLE 16

/* Whether a should go rather than b. */
static bool goes_first(const struct fp_host *a, const struct fp_host *b)
{
	return a->confirmed != b->confirmed ? b->confirmed : a->last_seen < b->last_seen;
}

/*
 * Makes room for *fresh: of a few hosts from where the last eviction ended, the unconfirmed or oldest one goes;
 * FP_EFULL where fresh itself is the first to go. The hand goes round, so each host's turn comes.
 */
static int evict_for(struct writer *w, MDB_txn *txn, const struct fp_host *fresh)
{
	struct fp_host worst = *fresh;
	uint8_t victim[RECORD_KEY_BYTES];
	MDB_cursor *cur;
	MDB_val k = { RECORD_KEY_BYTES, w->hand }, v;
	bool found = false;
	int rc = mdb_cursor_open(txn, w->dbi, &cur), seen = 0;

	if (rc != 0)
		return err_from_mdb(rc);
	rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
	for (int step = 0; seen < EVICT_SAMPLE && step < 2 * EVICT_SAMPLE; step++) {
		if (rc == MDB_NOTFOUND || (rc == 0 && !record_key_is_host(k.mv_data)))
			rc = mdb_cursor_get(cur, &k, &v, MDB_FIRST);
		if (rc != 0 || !record_key_is_host(k.mv_data))
			break;

		struct fp_addr addr;
		struct fp_host host;

		memcpy(addr.b, k.mv_data, sizeof addr.b);
		seen++;
		/* A record that does not decode is nobody's loss. */
		if (record_decode(&host, &addr, v.mv_data, v.mv_size) != 0)
			merge_empty(&host);
		if (goes_first(&host, &worst)) {
			worst = host;
			memcpy(victim, addr.b, sizeof victim);
			found = true;
		}
		rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	if (rc == 0)
		memcpy(w->hand, k.mv_data, sizeof w->hand);
	else if (rc == MDB_NOTFOUND)
		memset(w->hand, 0, sizeof w->hand);
	mdb_cursor_close(cur);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return err_from_mdb(rc);
	if (!found)
		return FP_EFULL;
	k = (MDB_val){ RECORD_KEY_BYTES, victim };
	return err_from_mdb(mdb_del(txn, w->dbi, &k, NULL));
}

int hosts_apply(struct writer *w, MDB_txn *txn, MDB_cursor *cur, const struct delta *d, struct tally *t)
{
	static struct log_limit limit;
	uint8_t bytes[RECORD_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, (void *)(uintptr_t)d->addr.b }, v;
	struct fp_host host, what = d->what;
	int rc = mdb_cursor_get(cur, &k, &v, MDB_SET);
	const bool known = rc == 0;

	if (rc != 0 && rc != MDB_NOTFOUND)
		return err_from_mdb(rc);
	what.layout = texts_layout_id(w, d);
	merge_empty(&host);
	if (known && record_decode(&host, &d->addr, v.mv_data, v.mv_size) != 0) {
		log_limited(&limit, 60, LOG_WARNING, "store %s: a damaged record was begun anew", w->dir);
		merge_empty(&host);
	}
	merge_delta(&host, &what);
	if (d->time_ns > t->now_ns)
		t->now_ns = d->time_ns;
	t->written++;
	if (!known && w->conf.hosts_max != 0 && w->hosts + (uint64_t)t->hosts >= w->conf.hosts_max) {
		rc = evict_for(w, txn, &host);
		if (rc != 0 && rc != FP_EFULL)
			return rc;
		t->dropped++;
		if (rc == FP_EFULL)
			return 0; /* evicted before it was in: counted alike */
		t->hosts--;
	}
	record_encode(bytes, &d->addr, &host);
	v = (MDB_val){ sizeof bytes, bytes };
	k = (MDB_val){ RECORD_KEY_BYTES, (void *)(uintptr_t)d->addr.b };
	rc = mdb_cursor_put(cur, &k, &v, known ? MDB_CURRENT : 0);
	if (!known)
		t->hosts++;
	return err_from_mdb(rc);
}
