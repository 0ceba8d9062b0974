/*
 * walk - own walk of LMDB's tree in a mapping that another process writes.
 *
 * Trusts no byte: it can be misled, for which there is its callers' clock, but not out of the file. The number in brackets is that of
 * a rule of docs/lock-free-readers.md.
 */
#include "store/walk.h"
#include "core/err.h"

#include <endian.h>
#include <string.h>

/* tests/test_lockfree.c puts stalls at the steps of a walk. */
#ifndef READER_STEP
#define READER_STEP ((void)0)
#endif


/*
 * Each word is read once. If a commit overwrites this meta meanwhile, root and last page may be of different
 * snapshots; both are protected by the grace time, and what does not fit is found by the bounds.
 */
int snap_take(const uint8_t *map, uint64_t pages, struct snap *s)
{
	const uint8_t *m = map;

	if (L64(m + META_TXN) < L64(m + LMDB_PAGE + META_TXN))
		m += LMDB_PAGE;
	READER_STEP;
	s->map = map;
	s->root = L64(m + META_MAIN + DB_ROOT);
	READER_STEP;
	s->end = L64(m + META_LAST_PAGE);
	if (s->end >= pages)
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
int walk(const struct snap *s, uint8_t key[RECORD_KEY_BYTES], bool next,
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
int walk_text(const struct snap *s, enum record_kind kind, uint32_t id, char *buf, size_t room)
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

int walk_meta(const struct snap *s, struct record_meta *meta)
{
	uint8_t key[RECORD_KEY_BYTES], data[RECORD_VALUE_MAX];
	size_t size = 0;

	record_key(key, RECORD_META, 0);

	const int rc = walk(s, key, false, data, &size);

	return rc != 0 ? rc : record_meta_decode(meta, data, size);
}

/* LMDB's two meta pages are of the format that the walk knows [4]. */
int metas_check(const uint8_t *map, uint64_t pages)
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
