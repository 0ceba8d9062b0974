/*
 * env - what lies under the writer: LMDB's environment, the stamp, the grace time that lets readers go without a lock
 * (docs/lock-free-readers.md; its rules stand in brackets below), and the disk's thread.
 */
#include "core/counters.h"
#include "core/err.h"
#include "store/writer_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYNC_EVERY_NS (5 * SECOND)
#define HOST_BYTES 160 /* in the file, see writer_map_bytes() */

int err_from_mdb(int rc)
{
	switch (rc) {
	case 0: return 0;
	case MDB_NOTFOUND: return FP_ENOTFOUND;
	case MDB_MAP_FULL: return FP_EFULL;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID: return FP_EDAMAGED;
	case MDB_VERSION_MISMATCH: return FP_EVERSION;
	default: return rc > 0 ? -rc : FP_ELMDB; /* positive ones are errno */
	}
}

uint64_t writer_map_bytes(uint64_t hosts_max)
{
	/* However few the hosts: pages changed in the grace time wait beside them, some hundred MB/s under load. */
	const uint64_t bytes = 4 * HOST_BYTES * hosts_max, least = UINT64_C(512) << 20;

	return bytes > least ? bytes : least;
}

/* ---- Stamp ------------------------------------------------------------------------------------ */

/* Under its name at once and whole, or not at all. */
int env_stamp(struct writer *w, int64_t clean_ns)
{
	uint8_t bytes[RECORD_STAMP_BYTES];
	char path[PATH_MAX], fresh[PATH_MAX];
	struct stat st;
	int rc = 0;

	if (fstat(w->db.fd, &st) != 0)
		return -errno;
	record_stamp_encode(bytes, &(struct record_stamp){
	    .store_id = w->store_id, .inode = st.st_ino, .clean_ns = clean_ns });
	writer_path(w, "stamp", path);
	writer_path(w, "stamp.new", fresh);
	unlink(fresh);

	const int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || fchmod(fd, w->conf.mode) != 0)
		rc = errno != 0 ? -errno : -EIO;
	close(fd);
	if (rc == 0 && rename(fresh, path) != 0)
		rc = -errno;
	if (rc != 0) {
		unlink(fresh);
		return rc;
	}
	w->stamped = true;
	return 0;
}

int env_stamp_read(const struct writer *w, struct record_stamp *stamp)
{
	uint8_t bytes[RECORD_STAMP_BYTES + 8];
	char path[PATH_MAX];

	writer_path(w, "stamp", path);

	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return FP_ENOTFOUND;

	const ssize_t n = read(fd, bytes, sizeof bytes);

	close(fd);
	return n < 0 ? FP_ENOTFOUND : record_stamp_decode(stamp, bytes, (size_t)n);
}

int64_t env_written_ns(const struct stat *st)
{
	return st->st_mtim.tv_sec * SECOND + st->st_mtim.tv_nsec;
}

/* ---- Grace time ------------------------------------------------------------------------------- */

/* One more read transaction, so that no page freed from now on is used again until it ends. */
int env_slot_open(struct writer *w, int64_t now)
{
	const int rc = mdb_txn_begin(w->db.env, NULL, MDB_RDONLY, &w->slot[w->slots].txn);

	if (rc != 0)
		return err_from_mdb(rc);
	w->slot[w->slots++].at_ns = now;
	return 0;
}

void env_slot_close_oldest(struct writer *w)
{
	mdb_txn_abort(w->slot[0].txn);
	w->slots--;
	memmove(w->slot, w->slot + 1, w->slots * sizeof *w->slot);
}

/*
 * Before each commit: a new one each SLOT_NS, the oldest ended only beyond the grace time and never before a younger one stands. So
 * whatever a commit frees is held by one that is younger than SLOT_NS then. If this thread stalls they just get older: it fails to the
 * safe side.
 */
int env_slots_roll(struct writer *w, int64_t now)
{
	int rc;

	if (!w->stamped)
		return 0; /* no reader uses this store yet */
	if (w->slots == 0 || (w->slots < SLOTS && now - w->slot[w->slots - 1].at_ns >= SLOT_NS))
		if ((rc = env_slot_open(w, now)) != 0)
			return rc;
	while (w->slots > 1 && now - w->slot[0].at_ns > GRACE_NS)
		env_slot_close_oldest(w);
	return 0;
}

/* Readers may come: what they may look at is kept from now on. */
int env_let_readers_in(struct writer *w)
{
	int rc = 0;

	if (w->slots == 0)
		rc = env_slot_open(w, clock_ns(CLOCK_MONOTONIC));
	return rc != 0 ? rc : env_stamp(w, 0);
}

int env_put(struct writer *w, MDB_txn *txn, const uint8_t key[RECORD_KEY_BYTES], const void *data, size_t size)
{
	MDB_val k = { RECORD_KEY_BYTES, (void *)(uintptr_t)key }, v = { size, (void *)(uintptr_t)data };

	return err_from_mdb(mdb_put(txn, w->db.dbi, &k, &v, 0));
}

/* ---- The environment ---------------------------------------------------------------------------- */

void lmdb_close(struct lmdb *l)
{
	if (l->env != NULL)
		mdb_env_close(l->env);
	*l = (struct lmdb){ .fd = -1 };
}

int lmdb_open(struct lmdb *l, const char *dir, uint64_t map_bytes, mode_t mode, bool durable)
{
	struct stat st;
	MDB_txn *txn;
	int rc;

	*l = (struct lmdb){ .fd = -1, .map_bytes = (map_bytes + 4095) / 4096 * 4096 };
	if ((rc = mdb_env_create(&l->env)) != 0)
		goto fail;
	if ((rc = mdb_env_set_maxreaders(l->env, 2 * SLOTS)) != 0 ||
	    (rc = mdb_env_set_mapsize(l->env, l->map_bytes)) != 0)
		goto fail;
	/* Never MDB_WRITEMAP: readers would see pages half changed. MDB_NOTLS: the slots are one thread's [1]. */
	if ((rc = mdb_env_open(l->env, dir, MDB_NOTLS | (durable ? 0 : MDB_NOSYNC), 0600)) != 0 ||
	    (rc = mdb_env_get_fd(l->env, &l->fd)) != 0)
		goto fail;
	if (fchmod(l->fd, mode) != 0 || fstat(l->fd, &st) != 0) {
		rc = errno;
		goto fail;
	}
	/* As long as the map at once, sparse: no reader meets the file's end [3]. */
	if ((uint64_t)st.st_size < l->map_bytes && ftruncate(l->fd, (off_t)l->map_bytes) != 0) {
		rc = errno;
		goto fail;
	}
	if ((rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn)) != 0)
		goto fail;
	rc = mdb_dbi_open(txn, NULL, 0, &l->dbi);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	if (rc == 0)
		return 0;
fail:
	lmdb_close(l);
	return err_from_mdb(rc);
}

int lmdb_pages(struct lmdb *l, uint64_t *used, uint64_t *live)
{
	MDB_envinfo info;
	MDB_stat st;
	int rc = mdb_env_info(l->env, &info);

	if (rc == 0)
		rc = mdb_env_stat(l->env, &st);
	if (rc != 0)
		return err_from_mdb(rc);
	*used = info.me_last_pgno + 1;
	*live = st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
	return 0;
}

void env_close(struct writer *w)
{
	while (w->slots > 0)
		env_slot_close_oldest(w);
	lmdb_close(&w->db);
}

/* LMDB's environment over DIR/data.mdb, which is sound or absent. */
int env_open(struct writer *w)
{
	uint64_t map_bytes = w->conf.map_bytes;
	char path[PATH_MAX];
	struct stat st;

	/* Its locks are nobody's but ours: we hold DIR/lock. A damaged lock file would keep us out. */
	writer_path(w, "lock.mdb", path);
	unlink(path);
	writer_path(w, "data.mdb", path);
	if (stat(path, &st) == 0 && (uint64_t)st.st_size > map_bytes)
		map_bytes = (uint64_t)st.st_size; /* a file is never cut under its readers [3] */
	return lmdb_open(&w->db, w->dir, map_bytes, w->conf.mode, w->conf.durable);
}

/* ---- The disk ----------------------------------------------------------------------------------- */

static bool sync_work(void *ctx)
{
	struct writer *w = ctx;

	return atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire) ||
	    atomic_load_explicit(&w->a_sync_stop, memory_order_acquire);
}

/* Thread body: what mdb_env_sync() does without MDB_WRITEMAP, beside the commits. Ends by env_sync_end(). */
static void *sync_run(void *arg)
{
	struct writer *w = arg;

	while (!atomic_load_explicit(&w->a_sync_stop, memory_order_acquire)) {
		if (!atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire)) {
			wake_sleep(&w->sync_wake, sync_work, w, -1);
			continue;
		}
		/* A disk that fails here fails the commits too, and they say so. */
		if (fdatasync(w->sync_fd) == 0)
			atomic_fetch_add_explicit(&w->a_synced, 1, memory_order_relaxed);
		/* The descriptor is the writer's again; pairs with the acquire in env_sync_settle(). */
		atomic_store_explicit(&w->a_sync_wanted, false, memory_order_release);
	}
	return NULL;
}

/* Waits for a sync under way: before the file is closed. */
void env_sync_settle(struct writer *w)
{
	const struct timespec nap = { 0, MS };

	while (atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire))
		nanosleep(&nap, NULL);
}

int env_sync_begin(struct writer *w)
{
	w->sync_ns = clock_ns(CLOCK_MONOTONIC) + SYNC_EVERY_NS;
	return -pthread_create(&w->sync_thread, NULL, sync_run, w);
}

void env_sync_end(struct writer *w)
{
	env_sync_settle(w);
	atomic_store_explicit(&w->a_sync_stop, true, memory_order_release);
	wake_up(&w->sync_wake);
	pthread_join(w->sync_thread, NULL);
}

void env_sync_if_due(struct writer *w, int64_t now)
{
	const uint64_t synced = atomic_load_explicit(&w->a_synced, memory_order_relaxed);

	writer_count(w, C_SYNCS, synced - w->synced);
	w->synced = synced;
	if (w->conf.durable || !w->dirty || now < w->sync_ns ||
	    atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire))
		return;
	w->dirty = false;
	w->sync_ns = now + SYNC_EVERY_NS;
	env_sync_ask(w, w->db.fd);
}

void env_sync_ask(struct writer *w, int fd)
{
	w->sync_fd = fd;
	atomic_store_explicit(&w->a_sync_wanted, true, memory_order_release);
	wake_up(&w->sync_wake);
}
