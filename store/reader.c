/*
 * reader - libfingerpost: own walk of LMDB's tree in a mapping that another process writes.
 *
 * Why it needs no lock, and each rule that it keeps, is in docs/lock-free-readers.md; the numbers in
 * brackets below are those of its rules. Owns the mapping; nothing else is held between calls.
 */
#include "store/reader.h"
#include "core/candidate.h"
#include "core/pathword.h"
#include "store/lmdbfile.h"
#include "store/record.h"
#include "store/values.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* TSan does not model fences. The mapping is not the program's memory to it either. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#define STORE_DEFAULT "/var/lib/fingerpost"
#define NAME_ROOM 16 /* "/data.mdb" and its NUL fit */

#define SECOND INT64_C(1000000000)
#ifndef LIMIT_NS
#define LIMIT_NS (SECOND / 10)       /* a fifth of the writer's grace time [5] */
#endif
#define NEAR_MAX 16                  /* neighbours looked at */
#define CHECK_NS SECOND              /* how often the stamp is looked at */
#define CHECK_NONE_NS (SECOND / 10)  /* while there is no store */

/* What the walk says beside 0, FP_ENOTFOUND and FP_EDAMAGED: the file has outgrown the mapping. */
#define WALK_GROWN 1

/* tests/test_lockfree.c puts stalls at the steps of a walk, and counts what the clock threw away. */
#ifndef READER_STEP
#define READER_STEP ((void)0)
#define READER_LATE(rc) ((void)0)
#endif

/*
 * One mapping. Never changed once published but for its user count; its memory is kept until the handle is closed, so
 * that a thread which has just read the pointer may still count itself in (see view_get()).
 */
struct view {
	const uint8_t *map;
	size_t map_bytes;
	uint64_t pages;             /* whole pages in the file when mapped */
	uint64_t store_id;
	dev_t dev;
	ino_t inode;
	_Atomic uint32_t a_users;   /* look-ups inside */
	_Atomic uint8_t a_mode;     /* of meta, refreshed with the stamp: what "now" is */
	struct view *next;          /* in the list of the retired */
};

struct fp_store {
	_Atomic(struct view *) a_view;    /* NULL: none */
	_Atomic(struct view *) a_retired;
	_Atomic int64_t a_check_ns;       /* when to look at the stamp next, by the coarse clock */
	_Atomic int a_rc;                 /* why there is no view; 0: never tried */
	_Atomic bool a_trust;
	size_t dir_len;
	char path[PATH_MAX];              /* dir, and room for a name */
};

static int64_t coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* ---- The walk --------------------------------------------------------------------------------- */

/* A snapshot: of one meta page, the two words that matter. */
struct snap {
	const uint8_t *map;
	uint64_t root;
	uint64_t end;       /* one past its last page: the file reaches so far */
};

/*
 * Each word is read once. If a commit overwrites this meta meanwhile, root and last page may be of different
 * snapshots; both are protected by the grace time, and what does not fit is found by the bounds.
 */
static int snap_take(const struct view *v, struct snap *s)
{
	const uint8_t *m = v->map;

	if (L64(m + META_TXN) < L64(m + LMDB_PAGE + META_TXN))
		m += LMDB_PAGE;
	READER_STEP;
	s->map = v->map;
	s->root = L64(m + META_MAIN + DB_ROOT);
	READER_STEP;
	s->end = L64(m + META_LAST_PAGE);
	if (s->end >= v->pages)
		return WALK_GROWN; /* [9] */
	s->end++;
	return 0;
}

static const uint8_t *snap_page(const struct snap *s, uint64_t number)
{
	return number < LMDB_METAS || number >= s->end ? NULL : s->map + number * LMDB_PAGE;
}

/* Number of nodes, 0 where the page cannot be one of a tree. */
static unsigned page_nodes(const uint8_t *p, bool *leaf)
{
	const unsigned flags = L16(p + PAGE_FLAGS), lower = L16(p + PAGE_LOWER);

	if (flags != PAGE_BRANCH && flags != PAGE_LEAF)
		return 0;
	if (lower < PAGE_HEAD + 2 || lower > LMDB_PAGE)
		return 0;
	*leaf = flags == PAGE_LEAF;
	return (lower - PAGE_HEAD) / 2;
}

/* Node i with `bytes` of it inside the page, or NULL. */
static const uint8_t *page_node(const uint8_t *p, unsigned i, unsigned bytes)
{
	const unsigned at = L16(p + PAGE_HEAD + 2 * i) & ~1u;

	return at < PAGE_HEAD || at > LMDB_PAGE - bytes ? NULL : p + at;
}

#define KEY_NODE (NODE_HEAD + RECORD_KEY_BYTES)

/* Keys are in memcmp() order: two big-endian words. May change while compared; the clock judges that. */
struct key {
	uint64_t hi, lo;
};

static struct key key_of(const uint8_t *bytes)
{
	const struct key k = { be64toh(L64(bytes)), be64toh(L64(bytes + 8)) };

	return k;
}

static int key_compare(struct key a, struct key b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

/*
 * The keys of a page lie scattered over up to 64 cache lines, and a search meets five of a cold leaf one after the other: asks
 * for all at once. A hint only: what the offsets say does not matter here.
 */
static void page_prefetch(const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(p + (L16(p + PAGE_HEAD + 2 * i) & (LMDB_PAGE - 1)) + NODE_HEAD);
}

/*
 * The first node from `from` on whose key is not below *key, n where there is none; *equal says whether it is that key.
 * -1: breach.
 */
static int page_search(const uint8_t *p, unsigned from, unsigned n, struct key key, bool *equal)
{
	unsigned a = from, b = n;

	*equal = false;
	while (a < b) {
		const unsigned i = (a + b) / 2;
		const uint8_t *node = page_node(p, i, KEY_NODE);

		READER_STEP;
		if (node == NULL || L16(node + NODE_KEY_SIZE) != RECORD_KEY_BYTES)
			return -1;

		const int c = key_compare(key, key_of(node + NODE_HEAD));

		if (c == 0) {
			*equal = true;
			return (int)i;
		}
		if (c > 0)
			a = i + 1;
		else
			b = i;
	}
	return (int)a;
}

/* Copies node i's data out. Its size is bounded by the page and by the caller's room. */
static int leaf_copy(const uint8_t *p, unsigned i, uint8_t key[RECORD_KEY_BYTES], uint8_t *data, size_t *size)
{
	const uint8_t *node = page_node(p, i, KEY_NODE);

	READER_STEP;
	if (node == NULL || L16(node + NODE_KEY_SIZE) != RECORD_KEY_BYTES || L16(node + NODE_FLAGS) != 0)
		return FP_EDAMAGED;

	const size_t bytes = L16(node) | (size_t)L16(node + 2) << 16;

	if (bytes > RECORD_VALUE_MAX || bytes > (size_t)(p + LMDB_PAGE - (node + KEY_NODE)))
		return FP_EDAMAGED;
	READER_STEP;
	memcpy(key, node + NODE_HEAD, RECORD_KEY_BYTES);
	memcpy(data, node + KEY_NODE, bytes);
	*size = bytes;
	return 0;
}

static uint64_t branch_child(const uint8_t *p, unsigned i)
{
	const uint8_t *node = page_node(p, i, NODE_HEAD);

	return node == NULL ? 0 : lmdb_child(node); /* 0: no page of a tree */
}

/*
 * A record with its key, or (next) the first one behind the key. 0, FP_ENOTFOUND, FP_EDAMAGED.
 * key is written too: the answer's.
 */
static int walk(const struct snap *s, uint8_t key[RECORD_KEY_BYTES], bool next,
    uint8_t data[RECORD_VALUE_MAX], size_t *size)
{
	const struct key want = key_of(key);
	uint64_t number = s->root, right = 0; /* right: the subtree that follows the one we are in */
	bool leftmost = false, equal;

	if (number == LMDB_NO_PAGE)
		return FP_ENOTFOUND;
	for (int depth = 0; depth < LMDB_DEPTH_MAX; depth++) {
		const uint8_t *p = snap_page(s, number);
		bool leaf = false;

		READER_STEP;
		if (p == NULL)
			return FP_EDAMAGED;

		const unsigned n = page_nodes(p, &leaf);

		READER_STEP;
		if (n == 0)
			return FP_EDAMAGED;
		if (leftmost) {
			if (leaf)
				return leaf_copy(p, 0, key, data, size);
			number = branch_child(p, 0);
			continue;
		}

		if (leaf)
			page_prefetch(p, n);

		/* The first key of a branch stands for everything below the second: LMDB leaves it empty. */
		int i = page_search(p, leaf ? 0 : 1, n, want, &equal);

		READER_STEP;
		if (i < 0)
			return FP_EDAMAGED;
		if (!leaf) {
			/* Its child begins with the last key that is not above. */
			if (!equal)
				i--;
			if (next && i + 1 < (int)n)
				right = branch_child(p, (unsigned)i + 1);
			number = branch_child(p, (unsigned)i);
			continue;
		}
		if (!next)
			return equal ? leaf_copy(p, (unsigned)i, key, data, size) : FP_ENOTFOUND;
		if (equal)
			i++;
		if (i < (int)n)
			return leaf_copy(p, (unsigned)i, key, data, size);
		if (right == 0)
			return FP_ENOTFOUND;
		/* Down the left edge of what follows: at most as deep again. */
		number = right;
		leftmost = true;
	}
	return FP_EDAMAGED;
}

/* A text of the store; "" where there is none or where it does not fit. */
static int walk_text(const struct snap *s, enum record_kind kind, uint32_t id, char *buf, size_t room)
{
	uint8_t key[RECORD_KEY_BYTES], want[RECORD_KEY_BYTES], data[RECORD_VALUE_MAX];
	size_t size = 0;

	buf[0] = '\0';
	record_key(key, kind, id);
	memcpy(want, key, sizeof want);

	const int rc = walk(s, key, false, data, &size);

	if (rc != 0)
		return rc;
	if (size >= room || memcmp(key, want, sizeof want) != 0)
		return FP_EDAMAGED;
	memcpy(buf, data, size);
	buf[size] = '\0';
	return 0;
}

static int walk_meta(const struct snap *s, struct record_meta *meta)
{
	uint8_t key[RECORD_KEY_BYTES], data[RECORD_VALUE_MAX];
	size_t size = 0;

	record_key(key, RECORD_META, 0);

	const int rc = walk(s, key, false, data, &size);

	return rc != 0 ? rc : record_meta_decode(meta, data, size);
}

/* ---- Mappings: opened by whoever needs one, left to their users, freed behind the last ---------- */

static void view_free(struct view **vp)
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

static void view_put(struct view *v)
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

/* LMDB's two meta pages are of the format that the walk knows [4]. */
static int metas_check(const uint8_t *map, uint64_t pages)
{
	for (int i = 0; i < LMDB_METAS; i++) {
		const uint8_t *m = map + i * LMDB_PAGE;

		if (L32(m + META_MAGIC) != (uint32_t)LMDB_MAGIC || L16(m + PAGE_FLAGS) != PAGE_META)
			return FP_EFORMAT;
		if (L32(m + META_FORMAT) != LMDB_FORMAT || L32(m + META_FREE + DB_PAGE_SIZE) != LMDB_PAGE)
			return FP_EVERSION;
		if (L16(m + META_MAIN + DB_FLAGS) != 0)
			return FP_EFORMAT;
		if (L64(m + META_LAST_PAGE) >= pages)
			return FP_EDAMAGED;
	}
	return 0;
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
		rc = snap_take(v, &s);
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
static void renew(struct fp_store *store, bool grown)
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
static struct view *enter(struct fp_store *store, int64_t now, int *rc)
{
	int64_t due = atomic_load_explicit(&store->a_check_ns, memory_order_relaxed);

	/* Whoever moves the time looks; the others use what there is. */
	if (now >= due && atomic_compare_exchange_strong_explicit(&store->a_check_ns, &due, now + CHECK_NS,
	        memory_order_relaxed, memory_order_relaxed))
		renew(store, false);

	struct view *v = view_get(store);

	if (v == NULL && atomic_load_explicit(&store->a_rc, memory_order_relaxed) == 0) {
		/* The first look-ups of several threads at once: none need wait for another. */
		renew(store, false);
		v = view_get(store);
	}
	if (v == NULL) {
		*rc = atomic_load_explicit(&store->a_rc, memory_order_relaxed);
		if (*rc == 0)
			*rc = FP_ENOSTORE;
	}
	return v;
}

/* ---- Look-ups --------------------------------------------------------------------------------- */

/* Both have FP_LABEL_TEXT bytes, so a part fits wherever the whole did. */
static void copy_part(char out[FP_LABEL_TEXT], const char *from, size_t len)
{
	memcpy(out, from, len);
	out[len] = '\0';
}

static void split_label(const char text[FP_LABEL_TEXT], struct fp_answer *out)
{
	const char *a = strchr(text, ':'), *b = a != NULL ? strchr(a + 1, ':') : NULL;

	if (b == NULL) {
		copy_part(out->name, text, strlen(text));
		return;
	}
	copy_part(out->klass, text, (size_t)(a - text));
	copy_part(out->name, a + 1, (size_t)(b - a - 1));
	copy_part(out->flavor, b + 1, strlen(b + 1));
}

/*
 * Everything that an answer needs, of one snapshot. FP_EDAMAGED where its label has no text: a host must not seem
 * unrecognised because of us. The other texts may be absent.
 */
static int answer(const struct snap *s, const struct fp_addr *addr, bool next, struct fp_answer *out)
{
	uint8_t key[RECORD_KEY_BYTES], data[RECORD_VALUE_MAX];
	char label[FP_LABEL_TEXT];
	size_t size = 0;
	int rc;

	memcpy(key, addr->b, sizeof key);
	rc = walk(s, key, next, data, &size);
	if (rc != 0)
		return rc;
	if (next) {
		if (!record_key_is_host(key))
			return FP_ENOTFOUND; /* behind the last host come labels and the rest */
		if (memcmp(key, addr->b, sizeof key) <= 0)
			return FP_EDAMAGED;
	} else if (memcmp(key, addr->b, sizeof key) != 0) {
		return FP_EDAMAGED;
	}
	memcpy(out->addr.b, key, sizeof key);
	out->near_bits = 0;
	rc = record_decode(&out->host, &out->addr, data, size);
	if (rc != 0)
		return rc;

	const struct fp_host *h = &out->host;

	out->klass[0] = out->name[0] = out->flavor[0] = '\0';
	out->layout[0] = out->link[0] = out->origin[0] = '\0';
	if (h->label != 0) {
		if (walk_text(s, RECORD_LABEL, h->label, label, sizeof label) != 0)
			return FP_EDAMAGED;
		split_label(label, out);
	}
	if (h->layout != 0)
		(void)walk_text(s, RECORD_LAYOUT, h->layout, out->layout, sizeof out->layout);
	if (h->mss != 0)
		(void)walk_text(s, RECORD_LINK, (uint32_t)h->mss + (h->ipv6 ? 60 : 40), out->link, sizeof out->link);
	if (h->origin != 0)
		(void)walk_text(s, RECORD_ORIGIN, h->origin, out->origin, sizeof out->origin);
	return 0;
}

/* One question, whatever it is: asked of a snapshot, answered into the asker's own memory. */
struct question {
	int (*ask)(const struct snap *s, struct question *q);
	const struct fp_addr *addr;
	bool next, near;
	uint8_t mode;              /* of the store that was asked */
	struct fp_answer *answer;
	struct record_meta meta;
	struct snap snap;
	uint64_t commits;
	unsigned row;
	enum record_kind kind;
	uint32_t found;
	char *buf;
	size_t buf_size;
};

/*
 * The bracket [5]: what took longer than the limit, by the clock before and after, is thrown away whatever it
 * says, "not found" too. One more try; then unknown.
 */
static int ask(struct fp_store *store, struct question *q)
{
	int rc = FP_ESTALE;

	for (int try = 0; try < 2; try++) {
		const int64_t began = coarse_ns();
		struct view *v = enter(store, began, &rc);
		struct snap s;

		if (v == NULL)
			return rc;

		q->mode = atomic_load_explicit(&v->a_mode, memory_order_relaxed);

		const int64_t before = coarse_ns();

		atomic_thread_fence(memory_order_acquire);
		rc = snap_take(v, &s);
		if (rc == 0)
			rc = q->ask(&s, q);
		atomic_thread_fence(memory_order_acquire);

		const int64_t took = coarse_ns() - before;

		view_put(v);
		if (rc == WALK_GROWN) {
			renew(store, true);
			rc = FP_EDAMAGED;
		} else if (took > LIMIT_NS) {
			READER_LATE(rc);
			rc = FP_ESTALE;
		} else if (rc == 0 || rc == FP_ENOTFOUND) {
			break;
		}
	}
	return rc;
}

/* Whether a is the better of two neighbours to answer for an address. */
static bool better(const struct fp_host *a, const struct fp_host *b)
{
	return a->confirmed != b->confirmed ? a->confirmed : a->last_seen > b->last_seen;
}

/* The best of the first hosts of the /64. */
static int answer_near(const struct snap *s, const struct fp_addr *addr, struct fp_answer *out)
{
	struct fp_addr at = *addr;
	struct fp_answer host;
	int rc;

	memset(at.b + 8, 0, 8);
	out->near_bits = 0;
	rc = answer(s, &at, false, &host); /* the first address of all is nobody's successor */
	if (rc == FP_ENOTFOUND)
		rc = answer(s, &at, true, &host);
	for (int n = 0; rc == 0 && n < NEAR_MAX && memcmp(host.addr.b, addr->b, 8) == 0; n++) {
		if (out->near_bits == 0 || better(&host.host, &out->host)) {
			*out = host;
			out->near_bits = 64;
		}
		at = host.addr;
		rc = answer(s, &at, true, &host);
	}
	return rc != 0 && rc != FP_ENOTFOUND ? rc : out->near_bits != 0 ? 0 : FP_ENOTFOUND;
}

static int ask_host(const struct snap *s, struct question *q)
{
	int rc = answer(s, q->addr, q->next, q->answer);

	if (rc == FP_ENOTFOUND && q->near)
		rc = answer_near(s, q->addr, q->answer);

	/* Live, now is the clock's; where files are read it is the newest packet's time, of the same snapshot. */
	return rc == 0 && q->mode == RECORD_FILES ? walk_meta(s, &q->meta) : rc;
}

static int look(struct fp_store *store, const struct fp_addr *addr, bool next, bool near, struct fp_answer *out)
{
	struct fp_answer found;
	struct question q = { .ask = ask_host, .addr = addr, .next = next, .near = near, .answer = &found };
	const int rc = ask(store, &q);
	struct timespec now = { q.meta.now_ns / SECOND, 0 };

	if (rc != 0)
		return rc;
	if (q.mode == RECORD_LIVE)
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	found.age_s = now.tv_sec - (int64_t)found.host.last_seen;
	if (found.age_s < 0)
		found.age_s = 0;
	*out = found;
	return 0;
}

int fp_lookup(struct fp_store *store, const struct fp_addr *addr, struct fp_answer *out)
{
	if (!record_key_is_host(addr->b))
		return FP_ENOTFOUND; /* multicast */
	return look(store, addr, false, false, out);
}

int fp_lookup_near(struct fp_store *store, const struct fp_addr *addr, struct fp_answer *out)
{
	if (!record_key_is_host(addr->b))
		return FP_ENOTFOUND;
	return look(store, addr, false, !fp_addr_is_v4(addr), out);
}

int fp_next(struct fp_store *store, const struct fp_addr *after, struct fp_answer *out)
{
	return look(store, after, true, false, out);
}

static int ask_info(const struct snap *s, struct question *q)
{
	q->snap = *s;
	q->commits = L64(s->map + META_TXN);
	if (q->commits < L64(s->map + LMDB_PAGE + META_TXN))
		q->commits = L64(s->map + LMDB_PAGE + META_TXN);
	return walk_meta(s, &q->meta);
}

int fp_info(struct fp_store *store, struct fp_info *out)
{
	struct question q = { .ask = ask_info };
	const int rc = ask(store, &q);

	if (rc != 0)
		return rc;
	*out = (struct fp_info){
		.live = q.meta.mode == RECORD_LIVE,
		.now_ns = q.meta.now_ns,
		.written_ns = q.meta.written_ns,
		.bytes = q.snap.end * LMDB_PAGE,
		.commits = q.commits,
	};
	return 0;
}

static int ask_counters(const struct snap *s, struct question *q)
{
	return walk_text(s, RECORD_COUNTERS, q->row, q->buf, q->buf_size);
}

int fp_counters(struct fp_store *store, unsigned row, char *buf, size_t size)
{
	char text[RECORD_VALUE_MAX + 1];
	struct question q = { .ask = ask_counters, .row = row, .buf = text, .buf_size = sizeof text };
	const int rc = ask(store, &q);

	if (rc != 0)
		return rc;
	if (strlen(text) >= size)
		return FP_EOVERFLOW;
	memcpy(buf, text, strlen(text) + 1);
	return 0;
}

/* ---- What else there is (values.h) -------------------------------------------------------------- */

static int ask_text(const struct snap *s, struct question *q)
{
	return walk_text(s, q->kind, q->row, q->buf, q->buf_size);
}

int store_text(struct fp_store *store, enum record_kind kind, uint32_t id, char *buf, size_t size)
{
	char text[RECORD_VALUE_MAX + 1];
	struct question q = { .ask = ask_text, .kind = kind, .row = id, .buf = text, .buf_size = sizeof text };
	const int rc = ask(store, &q);

	if (rc != 0)
		return rc;
	if (strlen(text) >= size)
		return FP_EOVERFLOW;
	memcpy(buf, text, strlen(text) + 1);
	return 0;
}

/* The value itself goes to buf, its number to row. */
static int ask_next_value(const struct snap *s, struct question *q)
{
	uint8_t key[RECORD_KEY_BYTES], kind[RECORD_KEY_BYTES];
	const uint32_t after = q->row;

	record_key(kind, q->kind, 0);
	record_key(key, q->kind, after);

	const int rc = walk(s, key, true, (uint8_t *)q->buf, &q->buf_size);

	if (rc != 0)
		return rc;
	if (memcmp(key, kind, RECORD_KEY_BYTES - 4) != 0)
		return FP_ENOTFOUND;
	q->found = (uint32_t)key[12] << 24 | (uint32_t)key[13] << 16 | (uint32_t)key[14] << 8 | key[15];
	return q->found > after ? 0 : FP_EDAMAGED;
}

int store_period_next(struct fp_store *store, enum record_kind kind, uint32_t *id, struct record_period_row rows[RECORD_PERIOD_ROWS])
{
	char bytes[RECORD_VALUE_MAX];
	struct question q = { .ask = ask_next_value, .kind = kind, .row = *id, .buf = bytes, .buf_size = sizeof bytes };
	const int rc = ask(store, &q);

	if (rc != 0)
		return rc;
	*id = q.found;
	return record_period_decode(rows, kind, q.found, bytes, q.buf_size);
}

unsigned fp_abi(void)
{
	return FP_ABI;
}

/* ---- Handles ---------------------------------------------------------------------------------- */

int fp_open(struct fp_store **out, const char *dir)
{
	*out = NULL;
	if (dir == NULL)
		dir = secure_getenv("FINGERPOST_STORE");
	if (dir == NULL || dir[0] == '\0')
		dir = STORE_DEFAULT;
	if (strlen(dir) > PATH_MAX - NAME_ROOM)
		return -ENAMETOOLONG;

	struct fp_store *store = calloc(1, sizeof *store);

	if (store == NULL)
		return -ENOMEM;
	store->dir_len = strlen(dir);
	memcpy(store->path, dir, store->dir_len + 1);
	*out = store;
	return 0;
}

void fp_trust(struct fp_store *store)
{
	atomic_store_explicit(&store->a_trust, true, memory_order_relaxed);
	atomic_store_explicit(&store->a_check_ns, 0, memory_order_relaxed);
}

void fp_close(struct fp_store **storep)
{
	struct fp_store *store = *storep;

	if (store == NULL)
		return;

	struct view *v = atomic_load_explicit(&store->a_view, memory_order_acquire);

	view_free(&v);
	for (v = atomic_load_explicit(&store->a_retired, memory_order_acquire); v != NULL;) {
		struct view *next = v->next;

		view_free(&v);
		v = next;
	}
	free(store);
	*storep = NULL;
}

const char *fp_path_name(unsigned n)
{
	switch (n < 32 ? 1u << n : 0) {
#define X(bit, words) case bit: return words;
		PATH_ROWS(X)
#undef X
	}
	return NULL;
}

const char *fp_candidate(unsigned code, const char **flavor)
{
	static const struct {
		const char *name, *flavor;
	} rows[256] = {
#define X(number, name, flavor) [number] = { name, flavor },
		CANDIDATE_ROWS(X)
#undef X
	};

	if (code > 255 || rows[code].name == NULL)
		return NULL;
	if (flavor != NULL)
		*flavor = rows[code].flavor;
	return rows[code].name;
}
