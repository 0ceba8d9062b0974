/*
 * expire - who leaves the store for age, and for number where hosts.max was lowered. A little at a time, each time in a
 * transaction that was due anyway: no long one, and no page freed that the grace time would not soon give back.
 */
#include "core/err.h"
#include "store/writer_int.h"

#include <string.h>

#define ROUND_S 600      /* the whole store is looked at once in so long */
#define LOOK_MIN 512     /* hosts a second */
#define LOOK_MAX 4096
#define TRIM_MAX 1024    /* evicted a second where there are too many */

/*
 * Now, for ages: the newest packet's time, but not what the clock does not know yet: one packet of a clock that was wrong for
 * a moment must not make every host old.
 */
static int64_t now_s(const struct tally *t)
{
	const int64_t clock = clock_ns(CLOCK_REALTIME);

	return (t->now_ns < clock ? t->now_ns : clock) / SECOND;
}

static bool too_old(const struct writer *w, const struct fp_host *h, int64_t now)
{
	const uint32_t keep_s = h->confirmed ? w->conf.keep_s : w->conf.keep_unconfirmed_s;

	return keep_s != 0 && now - (int64_t)h->last_seen > keep_s;
}

static uint64_t hosts_now(const struct writer *w, const struct tally *t)
{
	return w->hosts + (uint64_t)t->hosts;
}

/* Looks at the next `look` hosts and keeps the keys of those to go; returns how many, or why not. */
static int find_old(struct writer *w, struct tally *t, unsigned look, uint8_t (*old)[RECORD_KEY_BYTES])
{
	const int64_t now = now_s(t);
	MDB_cursor *cur;
	MDB_val k = { RECORD_KEY_BYTES, w->sweep }, v;
	int rc = mdb_cursor_open(t->txn, w->db.dbi, &cur), n = 0;

	if (rc != 0)
		return err_from_mdb(rc);
	rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
	for (; rc == 0 && look > 0 && record_key_is_host(k.mv_data); look--) {
		struct fp_addr addr;
		struct fp_host host;

		memcpy(addr.b, k.mv_data, sizeof addr.b);
		/* One that does not decode answers nobody. */
		if (record_decode(&host, &addr, v.mv_data, v.mv_size) != 0 || too_old(w, &host, now))
			memcpy(old[n++], addr.b, RECORD_KEY_BYTES);
		rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	if (rc == 0 && record_key_is_host(k.mv_data))
		memcpy(w->sweep, k.mv_data, sizeof w->sweep);
	else
		memset(w->sweep, 0, sizeof w->sweep);
	mdb_cursor_close(cur);
	return rc == 0 || rc == MDB_NOTFOUND ? n : err_from_mdb(rc);
}

static int expire_old(struct writer *w, struct tally *t)
{
	uint8_t old[LOOK_MAX][RECORD_KEY_BYTES];
	const uint64_t a_second = w->hosts / ROUND_S;
	const unsigned look = a_second < LOOK_MIN ? LOOK_MIN : a_second > LOOK_MAX ? LOOK_MAX : (unsigned)a_second;
	const int n = find_old(w, t, look, old);
	int rc = n < 0 ? n : 0;

	for (int i = 0; rc == 0 && i < n; i++)
		if ((rc = hosts_delete(w, t, old[i])) == 0)
			t->dropped++;
	return rc;
}

/* hosts.max is less than it was. */
static int trim(struct writer *w, struct tally *t)
{
	const struct fp_host anybody = { .confirmed = true, .last_seen = UINT32_MAX };
	int rc = 0;

	for (int i = 0; rc == 0 && i < TRIM_MAX && hosts_now(w, t) > hosts_limit(w); i++)
		rc = hosts_evict_for(w, t, &anybody);
	return rc == FP_ENOTFOUND ? 0 : rc;
}

int expire_some(struct writer *w, struct tally *t)
{
	int rc = 0;

	if (w->conf.live && (w->conf.keep_s != 0 || w->conf.keep_unconfirmed_s != 0))
		rc = expire_old(w, t);
	if (rc == 0)
		rc = trim(w, t);
	return rc;
}
