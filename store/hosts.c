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

uint64_t hosts_limit(const struct writer *w)
{
	const uint64_t max = w->conf.hosts_max != 0 ? w->conf.hosts_max : UINT64_MAX;

	return w->hosts_cap != 0 && w->hosts_cap < max ? w->hosts_cap : max;
}

int hosts_delete(struct writer *w, struct tally *t, const uint8_t key[RECORD_KEY_BYTES])
{
	MDB_val k = { RECORD_KEY_BYTES, (void *)(uintptr_t)key };
	int rc;

	news_gone(w, t, key);
	rc = mdb_del(t->txn, w->db.dbi, &k, NULL);

	if (rc == 0) {
		t->hosts--;
		next_change(w, t, key, NULL, 0);
	}
	return err_from_mdb(rc);
}

/*
 * Makes room for *fresh: of a few hosts from where the last eviction ended, the unconfirmed or oldest one goes;
 * FP_ENOTFOUND where fresh itself is the first to go. The hand goes round, so each host's turn comes.
 */
int hosts_evict_for(struct writer *w, struct tally *t, const struct fp_host *fresh)
{
	struct fp_host worst = *fresh;
	uint8_t victim[RECORD_KEY_BYTES];
	MDB_cursor *cur;
	MDB_val k = { RECORD_KEY_BYTES, w->hand }, v;
	bool found = false;
	int rc = mdb_cursor_open(t->txn, w->db.dbi, &cur), seen = 0;

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
		return FP_ENOTFOUND;
	rc = hosts_delete(w, t, victim);
	if (rc == 0)
		t->dropped++;
	return rc;
}

int hosts_apply(struct writer *w, struct tally *t, MDB_cursor *cur, const struct delta *d)
{
	static struct log_limit limit;
	uint8_t bytes[RECORD_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, (void *)(uintptr_t)d->addr.b }, v;
	struct fp_host host, was, what = d->what;
	int rc = mdb_cursor_get(cur, &k, &v, MDB_SET);
	const bool known = rc == 0;
	bool sound = known;

	if (rc != 0 && rc != MDB_NOTFOUND)
		return err_from_mdb(rc);
	what.layout = texts_layout_id(w, d);
	merge_empty(&host);
	if (known && record_decode(&host, &d->addr, v.mv_data, v.mv_size) != 0) {
		log_limited(&limit, 60, LOG_WARNING, "store %s: a damaged record was begun anew", w->dir);
		merge_empty(&host);
		sound = false;
	}
	was = host;
	merge_delta(&host, &what);
	if (d->time_ns > t->now_ns)
		t->now_ns = d->time_ns;
	t->written++;
	if (!known && w->hosts + (uint64_t)t->hosts >= hosts_limit(w)) {
		rc = hosts_evict_for(w, t, &host);
		if (rc == FP_ENOTFOUND) {
			t->dropped++;
			return 0; /* evicted before it was in: counted alike */
		}
		if (rc != 0)
			return rc;
	}
	record_encode(bytes, &d->addr, &host);
	v = (MDB_val){ sizeof bytes, bytes };
	k = (MDB_val){ RECORD_KEY_BYTES, (void *)(uintptr_t)d->addr.b };
	rc = mdb_cursor_put(cur, &k, &v, known ? MDB_CURRENT : 0);
	if (!known)
		t->hosts++;
	if (rc == 0) {
		next_change(w, t, d->addr.b, bytes, sizeof bytes);
		news_host(w, d, sound ? &was : NULL, &host);
	}
	return err_from_mdb(rc);
}
