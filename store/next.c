/*
 * next - a new store in the place of the old one, while deltas come: for `compact`, and where the map is full.
 *
 * DIR/next/data.mdb is filled in order of keys, so its pages are full; nobody reads it, so it needs no grace time. A slice
 * is copied between two commits; what a commit changes of the hosts copied already is done to both. When all are there
 * the disk takes it, meanwhile commits go on; then texts and meta follow, it is renamed over data.mdb, and the stamp
 * names it. Whoever still maps the old file keeps that, unchanged, until he looks at the stamp: within a second.
 * A crash at any point leaves a whole store: the old one, or the new one, which the next start checks.
 */
#include "core/counters.h"
#include "core/err.h"
#include "core/log.h"
#include "store/writer_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLICE 2000 /* hosts between two commits: a millisecond or two */

static const uint8_t last_key[RECORD_KEY_BYTES] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void next_clear(const struct writer *w)
{
	static const char *const names[] = { "next/data.mdb", "next/lock.mdb" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		writer_path(w, names[i], path);
		unlink(path);
	}
	writer_path(w, "next", path);
	rmdir(path);
}

void next_abandon(struct writer *w)
{
	if (w->next.state == NEXT_NONE)
		return;
	env_sync_settle(w);
	lmdb_close(&w->next.db);
	w->next.state = NEXT_NONE;
	next_clear(w);
}

/* For good; within a commit its transactions are still open, so it is only marked there. */
static void fail(struct writer *w, int rc)
{
	if (w->next.state == NEXT_FAILED)
		return;
	w->next.state = NEXT_FAILED;
	w->next.rc = rc;
	log_warning("store %s: the new store that was to take its place is given up: %s; the old one stays", w->dir,
	    fp_strerror(rc));
}

/*
 * Where the directory or data.mdb was removed under us, what we have is written to a file without a name: a new store is made
 * beside that, from it. Where another file stands in its place, that one is somebody's will: we end, and the next start looks at it.
 */
int next_check_place(struct writer *w)
{
	char path[PATH_MAX];
	struct stat ours, there;
	int rc;

	if (!w->stamped || w->next.state != NEXT_NONE || fstat(w->db.fd, &ours) != 0)
		return 0;
	writer_path(w, "data.mdb", path);
	if (stat(path, &there) == 0) {
		if (there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
			return 0;
		log_error("store %s: another data.mdb stands in the place of ours: the daemon ends, its next start checks that one", w->dir);
		return FP_EBUSY;
	}
	if (errno != ENOENT)
		return 0; /* a moment's trouble, or a right that was taken away: readers have what they have */
	if (mkdir(w->dir, (w->conf.mode & S_IROTH) != 0 ? 0755 : 0750) != 0 && errno != EEXIST) {
		rc = -errno;
		log_error("store %s was removed and cannot be made again: %s", w->dir, fp_strerror(rc));
		return rc;
	}
	log_warning("store %s: data.mdb was removed; it is made anew from what is in use", w->dir);
	if ((rc = next_begin(w)) != 0)
		log_error("store %s: next/ cannot be made: %s", w->dir, fp_strerror(rc));
	return rc;
}

int next_begin(struct writer *w)
{
	uint64_t live = 0, map_bytes = w->conf.tool ? w->db.map_bytes : w->conf.map_bytes;
	char path[PATH_MAX];
	int rc;

	if (w->next.state != NEXT_NONE)
		return 0;
	if (!w->stamped)
		return FP_EBUSY; /* the first fill is under way, in no need of this */
	next_clear(w);
	if ((rc = lmdb_pages(&w->db, &w->next.pages, &live)) != 0)
		return rc;
	if (map_bytes < 2 * live * 4096)
		map_bytes = w->db.map_bytes;
	writer_path(w, "next", path);
	if (mkdir(path, 0700) != 0)
		return -errno;
	if ((rc = lmdb_open(&w->next.db, path, map_bytes, w->conf.mode, false)) != 0) {
		next_clear(w);
		return rc;
	}
	memset(w->next.hand, 0, sizeof w->next.hand);
	w->next.some = false;
	w->next.asked = false;
	w->next.rc = 0;
	w->next.skip = w->hosts_cap != 0 && w->hosts > w->hosts_cap ? w->hosts - w->hosts_cap : 0;
	w->next.state = NEXT_COPY;
	return 0;
}

/* ---- Within a commit -------------------------------------------------------------------------- */

static bool copied(const struct next *n, const uint8_t key[RECORD_KEY_BYTES])
{
	return n->state == NEXT_SYNC ||
	    (n->state == NEXT_COPY && n->some && memcmp(key, n->hand, RECORD_KEY_BYTES) <= 0);
}

void next_change(struct writer *w, struct tally *t, const uint8_t key[RECORD_KEY_BYTES], const void *data, size_t size)
{
	MDB_val k = { RECORD_KEY_BYTES, (void *)(uintptr_t)key }, v = { size, (void *)(uintptr_t)data };
	int rc = 0;

	if (!copied(&w->next, key))
		return;
	if (t->next == NULL)
		rc = mdb_txn_begin(w->next.db.env, NULL, 0, &t->next);
	if (rc == 0)
		rc = data != NULL ? mdb_put(t->next, w->next.db.dbi, &k, &v, 0) : mdb_del(t->next, w->next.db.dbi, &k, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND)
		fail(w, err_from_mdb(rc));
}

void next_commit(struct writer *w, struct tally *t, bool failed)
{
	int rc;

	if (t->next == NULL)
		return;
	if (failed || w->next.state == NEXT_FAILED)
		mdb_txn_abort(t->next);
	else if ((rc = mdb_txn_commit(t->next)) != 0)
		fail(w, err_from_mdb(rc));
	t->next = NULL;
}

/* ---- Between commits -------------------------------------------------------------------------- */

/* The two transactions of a copy. */
struct copy {
	MDB_txn *from, *to;
	MDB_cursor *at;
};

static int copy_begin(struct writer *w, struct copy *c)
{
	int rc;

	*c = (struct copy){ NULL, NULL, NULL };
	if ((rc = mdb_txn_begin(w->db.env, NULL, MDB_RDONLY, &c->from)) == 0 &&
	    (rc = mdb_cursor_open(c->from, w->db.dbi, &c->at)) == 0)
		rc = mdb_txn_begin(w->next.db.env, NULL, 0, &c->to);
	return rc;
}

static int copy_end(struct copy *c, int rc)
{
	if (c->at != NULL)
		mdb_cursor_close(c->at);
	if (c->from != NULL)
		mdb_txn_abort(c->from);
	if (c->to != NULL && rc == 0)
		return err_from_mdb(mdb_txn_commit(c->to));
	if (c->to != NULL)
		mdb_txn_abort(c->to);
	return err_from_mdb(rc);
}

/* A damaged record stays behind; so do unconfirmed hosts while there are more than the map had room for. */
static bool worth_it(struct next *n, const MDB_val *k, const MDB_val *v)
{
	struct fp_addr addr;
	struct fp_host host;

	memcpy(addr.b, k->mv_data, sizeof addr.b);
	if (record_decode(&host, &addr, v->mv_data, v->mv_size) != 0)
		return false;
	if (n->skip == 0 || host.confirmed)
		return true;
	n->skip--;
	return false;
}

static int copy_slice(struct writer *w)
{
	uint8_t hand[RECORD_KEY_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, hand }, v;
	bool all = false;
	struct copy c;
	int rc = copy_begin(w, &c);

	memcpy(hand, w->next.hand, sizeof hand);
	if (rc == 0)
		rc = mdb_cursor_get(c.at, &k, &v, MDB_SET_RANGE);
	if (rc == 0 && w->next.some && memcmp(k.mv_data, w->next.hand, sizeof hand) == 0)
		rc = mdb_cursor_get(c.at, &k, &v, MDB_NEXT);
	for (int n = 0; rc == 0 && n < SLICE; n++) {
		all = !record_key_is_host(k.mv_data);
		if (all)
			break;
		memcpy(hand, k.mv_data, sizeof hand);
		if (worth_it(&w->next, &k, &v) && (rc = mdb_put(c.to, w->next.db.dbi, &k, &v, MDB_APPEND)) != 0)
			break;
		rc = mdb_cursor_get(c.at, &k, &v, MDB_NEXT);
	}
	if (rc == MDB_NOTFOUND) {
		all = true;
		rc = 0;
	}
	if ((rc = copy_end(&c, rc)) != 0)
		return rc;
	memcpy(w->next.hand, all ? last_key : hand, sizeof hand);
	w->next.some = true;
	if (all)
		w->next.state = NEXT_SYNC;
	return 0;
}

/* Texts and meta, which are few: none of them changes meanwhile. */
static int copy_others(struct writer *w, uint64_t store_id, uint64_t *others)
{
	uint8_t from[RECORD_KEY_BYTES] = { 0xff }, bytes[RECORD_META_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, from }, v;
	struct record_meta meta = w->meta;
	struct copy c;
	int rc = copy_begin(w, &c);

	meta.store_id = store_id;
	meta.clean = false;
	meta.written_ns = clock_ns(CLOCK_REALTIME);
	record_meta_encode(bytes, &meta);
	*others = 0;
	if (rc == 0)
		rc = mdb_cursor_get(c.at, &k, &v, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(c.at, &k, &v, MDB_NEXT)) {
		if (((const uint8_t *)k.mv_data)[1] == RECORD_META)
			v = (MDB_val){ sizeof bytes, bytes };
		if ((rc = mdb_put(c.to, w->next.db.dbi, &k, &v, MDB_APPEND)) != 0)
			break;
		++*others;
	}
	return copy_end(&c, rc == MDB_NOTFOUND ? 0 : rc);
}

/* Both files go by rename; the directory is synced, so that a power cut finds one or the other. */
static int rename_over(struct writer *w)
{
	char from[PATH_MAX], to[PATH_MAX];

	writer_path(w, "next/data.mdb", from);
	writer_path(w, "data.mdb", to);
	if (rename(from, to) != 0)
		return -errno;
	writer_path(w, "next/lock.mdb", from);
	writer_path(w, "lock.mdb", to);
	(void)!rename(from, to); /* only a name: whoever comes next removes it */

	const int fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return 0;
}

static int take_place(struct writer *w)
{
	uint64_t store_id, others, used = 0, live = 0;
	MDB_stat st;
	int rc = 0;

	if (getrandom(&store_id, sizeof store_id, 0) != sizeof store_id)
		rc = -errno;
	if (rc == 0 && (rc = copy_others(w, store_id, &others)) == 0 &&
	    (rc = err_from_mdb(mdb_env_sync(w->next.db.env, 1))) == 0 &&
	    (rc = err_from_mdb(mdb_env_stat(w->next.db.env, &st))) == 0) {
		env_sync_settle(w);
		rc = rename_over(w);
	}
	if (rc != 0) {
		fail(w, rc);
		return 0;
	}
	/* From here on there is no way back. Who maps the old file sees it as it was at the last commit. */
	env_close(w);
	w->db = w->next.db;
	w->next.db = (struct lmdb){ .fd = -1 };
	w->next.state = NEXT_NONE;
	w->store_id = store_id;
	if (w->hosts != st.ms_entries - others)
		news_recount(w);
	w->hosts = st.ms_entries - others;
	w->full_ns = 0;
	w->clean = false;
	if (w->conf.durable)
		mdb_env_set_flags(w->db.env, MDB_NOSYNC, 0);
	if ((rc = env_slot_open(w, clock_ns(CLOCK_MONOTONIC))) != 0 || (rc = env_stamp(w, 0)) != 0)
		return rc;
	next_clear(w);
	writer_count(w, C_ROTATIONS, 1);
	if (w->conf.counters != NULL)
		counter_set(writer_row(w), C_HOSTS, w->hosts);
	if (lmdb_pages(&w->db, &used, &live) == 0)
		log_info("store %s: a new one of %" PRIu64 " KiB has taken the place of one of %" PRIu64 " KiB; %" PRIu64
		    " hosts", w->dir, used * 4, w->next.pages * 4, w->hosts);
	return 0;
}

/* Asks the disk once; false: it is not done yet. */
static bool synced(struct writer *w)
{
	if (atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire))
		return false;
	if (!w->next.asked) {
		w->next.asked = true;
		env_sync_ask(w, w->next.db.fd);
		return false;
	}
	return true;
}

int next_step(struct writer *w)
{
	int rc;

	switch (w->next.state) {
	case NEXT_NONE:
		break;
	case NEXT_COPY:
		if ((rc = copy_slice(w)) != 0)
			fail(w, rc);
		break;
	case NEXT_SYNC:
		if (synced(w))
			return take_place(w);
		break;
	case NEXT_FAILED:
		next_abandon(w);
		break;
	}
	return 0;
}
