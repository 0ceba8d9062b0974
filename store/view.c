/*
 * view - mappings of data.mdb: opened by whoever needs one, left to their users, freed behind the last.
 *
 * No lock, hence none that a fork could leave held. Numbers in brackets: the rules of docs/lock-free-readers.md.
 */
#include "store/view.h"
#include "core/err.h"
#include "store/record.h"
#include "store/walk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* TSan does not model fences. The mapping is not the program's memory to it either. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#define CHECK_NS SECOND              /* how often the stamp is looked at */
#define CHECK_NONE_NS (SECOND / 10)  /* while there is no store */

void view_free(struct view **vp)
{
	if (*vp == NULL)
		return;
	if ((*vp)->map != NULL)
		munmap((void *)(uintptr_t)(*vp)->map, (*vp)->map_bytes);
	free(*vp);
	*vp = NULL;
}

/*
 * The current mapping, counted in. The count comes before the second look (both in one total order with view_retire()'s
 * swap before its look at the count): a view seen twice is not unmapped before view_put().
 */
static struct view *view_get(struct fp_store *store)
{
	for (;;) {
		struct view *v = atomic_load_explicit(&store->a_view, memory_order_acquire);

		if (v == NULL)
			return NULL;
		atomic_fetch_add_explicit(&v->a_users, 1, memory_order_seq_cst);
		if (atomic_load_explicit(&store->a_view, memory_order_seq_cst) == v)
			return v;
		atomic_fetch_sub_explicit(&v->a_users, 1, memory_order_release);
	}
}

void view_put(struct view *v)
{
	atomic_fetch_sub_explicit(&v->a_users, 1, memory_order_release);
}

static void retired_push(struct fp_store *store, struct view *v)
{
	v->next = atomic_load_explicit(&store->a_retired, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&store->a_retired, &v->next, v, memory_order_release,
	    memory_order_relaxed))
		;
}

/*
 * Unmaps retired views that nobody is in. Takes the whole list, so no two threads hold one view. After a
 * fork in the middle of a look-up the child's count never falls: that one mapping stays.
 */
static void retired_sweep(struct fp_store *store)
{
	struct view *v = atomic_exchange_explicit(&store->a_retired, NULL, memory_order_acquire), *next;

	for (; v != NULL; v = next) {
		next = v->next;
		if (v->map != NULL && atomic_load_explicit(&v->a_users, memory_order_seq_cst) == 0) {
			munmap((void *)(uintptr_t)v->map, v->map_bytes);
			v->map = NULL;
		}
		retired_push(store, v);
	}
}

/* Puts fresh (NULL: none) in the place of old; false: another thread was first, fresh is the caller's. */
static bool view_swap(struct fp_store *store, struct view *old, struct view *fresh)
{
	struct view *expected = old;

	if (!atomic_compare_exchange_strong_explicit(&store->a_view, &expected, fresh, memory_order_seq_cst,
	        memory_order_seq_cst))
		return false;
	if (old != NULL)
		retired_push(store, old);
	return true;
}

static void path_of(const struct fp_store *store, const char *name, char path[PATH_MAX])
{
	memcpy(path, store->path, store->dir_len);
	snprintf(path + store->dir_len, PATH_MAX - store->dir_len, "/%s", name);
}

static int stamp_read(const struct fp_store *store, struct record_stamp *stamp)
{
	uint8_t bytes[RECORD_STAMP_BYTES + 8];
	char path[PATH_MAX];

	path_of(store, "stamp", path);

	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return FP_ENOSTORE;

	const ssize_t n = read(fd, bytes, sizeof bytes);

	close(fd);
	if (n < 0)
		return FP_ENOSTORE;

	const int rc = record_stamp_decode(stamp, bytes, (size_t)n);

	return rc == FP_EVERSION ? rc : rc != 0 ? FP_ENOSTORE : 0;
}

static int view_meta(struct view *v, uint64_t *store_id);

/* Maps DIR/data.mdb as it is now, whatever the stamp says of it. */
static int view_make(const struct fp_store *store, struct view **out)
{
	char path[PATH_MAX];
	struct stat st;
	int rc, fd;

	*out = NULL;
	if (sizeof(size_t) < 8 || htole16(1) != 1)
		return FP_EFORMAT; /* LMDB's files are of the machine's own word */
	path_of(store, "data.mdb", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return FP_ENOSTORE;

	struct view *v = calloc(1, sizeof *v);

	if (v == NULL) {
		close(fd);
		return -ENOMEM;
	}
	rc = FP_ENOSTORE;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		goto fail;
	rc = FP_EFORMAT;
	if (st.st_size < LMDB_METAS * LMDB_PAGE)
		goto fail;
	v->pages = (uint64_t)st.st_size / LMDB_PAGE;
	v->map_bytes = v->pages * LMDB_PAGE;
	v->dev = st.st_dev;
	v->inode = st.st_ino;

	void *map = mmap(NULL, v->map_bytes, PROT_READ, MAP_SHARED, fd, 0);

	rc = -ENOMEM;
	if (map == MAP_FAILED)
		goto fail;
	v->map = map;
	close(fd);
	fd = -1;
	if ((rc = metas_check(v->map, v->pages)) != 0 || (rc = view_meta(v, &v->store_id)) != 0)
		goto fail;
	*out = v;
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	view_free(&v);
	return rc;
}

/* Reads meta within one clock bracket, as every look-up. */
static int view_meta(struct view *v, uint64_t *store_id)
{
	int rc = FP_ESTALE;

	for (int try = 0; try < 2; try++) {
		struct record_meta meta;
		struct snap s;
		const int64_t began = coarse_ns();

		atomic_thread_fence(memory_order_acquire);
		rc = snap_take(v->map, v->pages, &s);
		if (rc == 0)
			rc = walk_meta(&s, &meta);
		atomic_thread_fence(memory_order_acquire);
		if (coarse_ns() - began > LIMIT_NS) {
			rc = FP_ESTALE;
			continue;
		}
		if (rc == 0) {
			*store_id = meta.store_id;
			atomic_store_explicit(&v->a_mode, meta.mode, memory_order_relaxed);
			return 0;
		}
	}
	return rc == WALK_GROWN ? FP_EDAMAGED : rc;
}

/* Whether the file at data.mdb is still the one that v maps, for trusting handles. */
static bool same_file(const struct fp_store *store, const struct view *v)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(store, "data.mdb", path);
	return stat(path, &st) == 0 && st.st_ino == v->inode && st.st_dev == v->dev;
}

/* 0: v (may be NULL) may go on being used; 1: another is needed; else there is no store. */
static int stamp_check(const struct fp_store *store, const struct view *v, struct record_stamp *stamp)
{
	int rc;

	if (atomic_load_explicit(&store->a_trust, memory_order_relaxed))
		return v != NULL && same_file(store, v) ? 0 : 1;
	rc = stamp_read(store, stamp);
	if (rc != 0)
		return rc;
	return v != NULL && stamp->inode == (uint64_t)v->inode && stamp->store_id == v->store_id ? 0 : 1;
}

/*
 * Looks at the stamp and puts the right view in place, or none. Any number of threads may be in here: each works for itself,
 * and the first one to swap wins. So there is nothing for a fork to leave locked.
 */
void view_renew(struct fp_store *store, bool grown)
{
	struct view *old = view_get(store), *fresh = NULL;
	struct record_stamp stamp = { 0 };
	uint64_t id = 0;
	int rc = stamp_check(store, old, &stamp);

	if (rc == 0 && !grown) {
		/* What it says of now may have moved. A failure here is the next look-up's to tell. */
		(void)view_meta(old, &id);
		goto done;
	}
	if (rc == 0 || rc == 1) {
		rc = view_make(store, &fresh);
		if (rc == 0 && !atomic_load_explicit(&store->a_trust, memory_order_relaxed) &&
		    (stamp.inode != (uint64_t)fresh->inode || stamp.store_id != fresh->store_id)) {
			view_free(&fresh);
			rc = FP_ENOSTORE;
		}
	}
	atomic_store_explicit(&store->a_rc, rc, memory_order_relaxed);
	if ((old != NULL || fresh != NULL) && !view_swap(store, old, fresh))
		view_free(&fresh);
done:
	if (old != NULL)
		view_put(old);
	atomic_store_explicit(&store->a_check_ns,
	    coarse_ns() + (atomic_load_explicit(&store->a_view, memory_order_relaxed) != NULL ? CHECK_NS : CHECK_NONE_NS),
	    memory_order_relaxed);
	retired_sweep(store);
}

/* The view to look in, counted in; NULL and *rc where there is none. */
struct view *view_enter(struct fp_store *store, int64_t now, int *rc)
{
	int64_t due = atomic_load_explicit(&store->a_check_ns, memory_order_relaxed);

	/* Whoever moves the time looks; the others use what there is. */
	if (now >= due && atomic_compare_exchange_strong_explicit(&store->a_check_ns, &due, now + CHECK_NS,
	        memory_order_relaxed, memory_order_relaxed))
		view_renew(store, false);

	struct view *v = view_get(store);

	if (v == NULL && atomic_load_explicit(&store->a_rc, memory_order_relaxed) == 0) {
		/* The first look-ups of several threads at once: none need wait for another. */
		view_renew(store, false);
		v = view_get(store);
	}
	if (v == NULL) {
		*rc = atomic_load_explicit(&store->a_rc, memory_order_relaxed);
		if (*rc == 0)
			*rc = FP_ENOSTORE;
	}
	return v;
}
