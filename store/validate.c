/* validate - the whole file, page by page. What LMDB would trust is checked here before it is opened. */
#include "store/validate.h"
#include "core/err.h"
#include "store/lmdbfile.h"
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct check {
	const uint8_t *map;
	uint64_t end;          /* one past the last page in use */
	uint8_t *seen;         /* a bit a page: used by a tree or listed as free */
	uint64_t txn;
	struct validate_report *report;

	/* of the tree under way */
	bool main;             /* ours; else the free pages' */
	unsigned key_bytes;
	unsigned depth;        /* that every leaf must have */
	uint64_t branches, leaves, overflows, entries;
	bool have_prev, have_floor;
	uint8_t prev[RECORD_KEY_BYTES];  /* the last key met */
	uint8_t floor[RECORD_KEY_BYTES]; /* the next one may not be below */
	unsigned other_version;
	bool meta_found;
};

static int damaged(struct check *c, uint64_t page, const char *why)
{
	c->report->page = page;
	snprintf(c->report->why, sizeof c->report->why, "%s", why);
	return FP_EDAMAGED;
}

/* False: no page of the file, or taken already. */
static bool take_page(struct check *c, uint64_t number)
{
	if (number < LMDB_METAS || number >= c->end || (c->seen[number / 8] & 1u << number % 8) != 0)
		return false;
	c->seen[number / 8] |= (uint8_t)(1u << number % 8);
	return true;
}

/* LMDB orders our keys as bytes, those of its free pages as native numbers. */
static int compare(const struct check *c, const uint8_t *a, const uint8_t *b)
{
	if (c->main)
		return memcmp(a, b, RECORD_KEY_BYTES);
	return L64(a) < L64(b) ? -1 : L64(a) > L64(b);
}

/* ---- What leaves hold ------------------------------------------------------------------------- */

static int check_record(struct check *c, uint64_t page, const uint8_t *key, const uint8_t *data, size_t size)
{
	struct fp_addr addr;
	struct fp_host host;
	struct record_meta meta;
	uint8_t meta_key[RECORD_KEY_BYTES];
	int rc;

	if (size > RECORD_VALUE_MAX)
		return damaged(c, page, "a value too long");
	if (record_key_is_host(key)) {
		c->report->hosts++;
		memcpy(addr.b, key, sizeof addr.b);
		rc = record_decode(&host, &addr, data, size);
	} else {
		c->report->others++;
		record_key(meta_key, RECORD_META, 0);
		if (memcmp(key, meta_key, sizeof meta_key) != 0)
			return 0; /* texts: any byte is allowed */
		rc = record_meta_decode(&meta, data, size);
		c->meta_found = true;
		c->report->version = record_version(data, size);
		if (rc == 0) {
			c->report->store_id = meta.store_id;
			c->report->clean = meta.clean;
		}
	}
	if (rc == FP_EVERSION) {
		c->other_version = record_version(data, size);
		return 0;
	}
	return rc == 0 ? 0 : damaged(c, page, "a record whose checksum does not hold");
}

/* A list of free pages: how many, then their numbers, falling. */
static int check_free(struct check *c, uint64_t page, const uint8_t *data, size_t size)
{
	const uint64_t n = size >= 8 ? L64(data) : 0;

	if (size < 8 || size % 8 != 0 || n > size / 8 - 1)
		return damaged(c, page, "a list of free pages with a wrong length");
	for (uint64_t i = 1; i <= n; i++) {
		if (i > 1 && L64(data + 8 * i) >= L64(data + 8 * (i - 1)))
			return damaged(c, page, "a list of free pages out of order");
		if (!take_page(c, L64(data + 8 * i)))
			return damaged(c, page, "a free page that is in use");
	}
	return 0;
}

/* Overflow pages occur in the free pages' tree alone. */
static int check_big(struct check *c, uint64_t page, uint64_t first, size_t size)
{
	const uint64_t span = (PAGE_HEAD - 1 + (uint64_t)size) / LMDB_PAGE + 1;

	if (c->main || first >= c->end || span > c->end - first)
		return damaged(c, page, "an overflow page outside the file");
	for (uint64_t i = 0; i < span; i++)
		if (!take_page(c, first + i))
			return damaged(c, page, "an overflow page used twice");

	const uint8_t *p = c->map + first * LMDB_PAGE;

	if (L64(p + PAGE_NO) != first || L16(p + PAGE_FLAGS) != PAGE_OVERFLOW || L32(p + PAGE_SPAN) != span)
		return damaged(c, first, "no overflow page where one should be");
	c->overflows += span;
	return check_free(c, first, p + PAGE_HEAD, size);
}

static int check_leaf(struct check *c, uint64_t page, const uint8_t *node)
{
	const uint8_t *key = node + NODE_HEAD, *data = key + c->key_bytes;
	const size_t size = L16(node) | (size_t)L16(node + 2) << 16;

	if (c->have_prev && compare(c, key, c->prev) <= 0)
		return damaged(c, page, "keys out of order");
	if (c->have_floor && compare(c, key, c->floor) < 0)
		return damaged(c, page, "a key below its branch");
	memcpy(c->prev, key, c->key_bytes);
	c->have_prev = true;
	c->have_floor = false;
	c->entries++;
	if (c->main)
		return check_record(c, page, key, data, size);
	if (L64(key) == 0 || L64(key) > c->txn)
		return damaged(c, page, "free pages of a transaction to come");
	return L16(node + NODE_FLAGS) & NODE_BIG ? check_big(c, page, L64(data), size)
	                                         : check_free(c, page, data, size);
}

/* ---- Pages ------------------------------------------------------------------------------------ */

/* Bytes of a node, 0 where it is none of this tree. at: its place in the page. */
static unsigned node_bytes(const struct check *c, const uint8_t *p, unsigned at, bool leaf, bool first)
{
	if (at % 2 != 0 || at > LMDB_PAGE - NODE_HEAD)
		return 0;

	const uint8_t *node = p + at;
	const unsigned key = L16(node + NODE_KEY_SIZE), flags = L16(node + NODE_FLAGS);
	uint64_t bytes = NODE_HEAD + (uint64_t)key;

	/* The first key of a branch is never looked at; LMDB leaves it empty. */
	if (key != c->key_bytes && (leaf || !first || key != 0))
		return 0;
	if (leaf) {
		if (flags != 0 && (flags != NODE_BIG || c->main))
			return 0;
		bytes += flags == NODE_BIG ? 8 : L16(node) | (uint64_t)L16(node + 2) << 16;
	}
	bytes += bytes % 2;
	return bytes > LMDB_PAGE - at ? 0 : (unsigned)bytes;
}

/*
 * The nodes lie side by side from upper to the page's end: each ends where another begins or at the end, and together they are
 * as long as the space, so none overlaps another.
 */
static bool nodes_tile(const struct check *c, const uint8_t *p, unsigned n, bool leaf)
{
	uint8_t begins[LMDB_PAGE / 16 + 1] = { 0 }; /* a bit for each even place, and the end */
	const unsigned upper = L16(p + PAGE_UPPER);
	unsigned total = 0;

	begins[LMDB_PAGE / 16] = 1;
	for (unsigned i = 0; i < n; i++) {
		const unsigned at = L16(p + PAGE_HEAD + 2 * i);
		const unsigned bytes = node_bytes(c, p, at, leaf, i == 0);

		if (bytes == 0 || at < upper || (begins[at / 16] & 1u << at / 2 % 8) != 0)
			return false;
		begins[at / 16] |= (uint8_t)(1u << at / 2 % 8);
		total += bytes;
	}
	for (unsigned i = 0; i < n; i++) {
		const unsigned at = L16(p + PAGE_HEAD + 2 * i);
		const unsigned end = at + node_bytes(c, p, at, leaf, i == 0);

		if ((begins[end / 16] & 1u << end / 2 % 8) == 0)
			return false;
	}
	return total == LMDB_PAGE - upper;
}

static int check_page(struct check *c, uint64_t number, unsigned depth)
{
	if (depth > c->depth || !take_page(c, number))
		return damaged(c, number, "a page outside the file, used twice, or too deep");

	const uint8_t *p = c->map + number * LMDB_PAGE;
	const unsigned flags = L16(p + PAGE_FLAGS), lower = L16(p + PAGE_LOWER), upper = L16(p + PAGE_UPPER);
	const bool leaf = flags == PAGE_LEAF;

	if (L64(p + PAGE_NO) != number || (!leaf && flags != PAGE_BRANCH) || leaf != (depth == c->depth))
		return damaged(c, number, "no page of the tree");
	if (lower < PAGE_HEAD + 2 || lower % 2 != 0 || lower > upper || upper > LMDB_PAGE)
		return damaged(c, number, "a page whose bounds cannot be");

	const unsigned n = (lower - PAGE_HEAD) / 2;

	if (!nodes_tile(c, p, n, leaf))
		return damaged(c, number, "a page whose entries overlap or leave it");
	if (leaf)
		c->leaves++;
	else
		c->branches++;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *node = p + L16(p + PAGE_HEAD + 2 * i);
		int rc;

		if (!leaf && i > 0) {
			if (c->have_prev && compare(c, c->prev, node + NODE_HEAD) >= 0)
				return damaged(c, number, "a branch not above what comes before it");
			memcpy(c->floor, node + NODE_HEAD, c->key_bytes);
			c->have_floor = true;
		}
		rc = leaf ? check_leaf(c, number, node) : check_page(c, lmdb_child(node), depth + 1);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int check_tree(struct check *c, const uint8_t *db, bool is_main)
{
	const uint64_t root = L64(db + DB_ROOT);
	int rc;

	c->main = is_main;
	c->key_bytes = is_main ? RECORD_KEY_BYTES : 8;
	c->depth = L16(db + DB_DEPTH);
	c->branches = c->leaves = c->overflows = c->entries = 0;
	c->have_prev = c->have_floor = false;
	if (root != LMDB_NO_PAGE) {
		if (c->depth < 1 || c->depth > LMDB_DEPTH_MAX)
			return damaged(c, 0, "a tree too deep");
		if ((rc = check_page(c, root, 1)) != 0)
			return rc;
	} else if (c->depth != 0) {
		return damaged(c, 0, "a tree without a root");
	}
	if (c->branches != L64(db + DB_BRANCHES) || c->leaves != L64(db + DB_LEAVES) ||
	    c->overflows != L64(db + DB_OVERFLOWS) || c->entries != L64(db + DB_ENTRIES))
		return damaged(c, 0, "a tree with more or less in it than it says");
	return 0;
}

/*
 * A whole file, but of another machine or another LMDB: nobody's damage, and not ours to set aside. Both metas must say so, since one
 * wrong byte says nothing. The places of magic, version and page size are the same in all of them.
 */
static bool foreign(struct check *c, uint64_t pages)
{
	const uint32_t magic = L32(c->map + META_MAGIC), page = L32(c->map + META_FREE + DB_PAGE_SIZE), format = L32(c->map + META_FORMAT);
	const uint64_t swapped = __builtin_bswap32(page), second = magic == (uint32_t)LMDB_MAGIC ? page : swapped;

	if (second < 512 || second > 65536 || (second & (second - 1)) != 0 || second + META_TXN > pages * LMDB_PAGE)
		return false;

	const uint8_t *m = c->map + second;

	if (L32(m + META_MAGIC) != magic || L32(m + META_FORMAT) != format || L32(m + META_FREE + DB_PAGE_SIZE) != page)
		return false;
	if (magic == __builtin_bswap32((uint32_t)LMDB_MAGIC))
		snprintf(c->report->why, sizeof c->report->why, "of a machine with the other byte order");
	else if (magic == (uint32_t)LMDB_MAGIC && format != LMDB_FORMAT)
		snprintf(c->report->why, sizeof c->report->why, "of LMDB's data format %u, not %u", (unsigned)format, (unsigned)LMDB_FORMAT);
	else if (magic == (uint32_t)LMDB_MAGIC && page != LMDB_PAGE)
		snprintf(c->report->why, sizeof c->report->why, "of pages of %u bytes, not %u", (unsigned)page, (unsigned)LMDB_PAGE);
	else
		return false;
	return true;
}

/* Both meta pages: LMDB reads both. The newer one is returned. */
static const uint8_t *check_metas(struct check *c, uint64_t pages)
{
	for (int i = 0; i < LMDB_METAS; i++) {
		const uint8_t *m = c->map + i * LMDB_PAGE;

		if (L16(m + PAGE_FLAGS) != PAGE_META || L32(m + META_MAGIC) != (uint32_t)LMDB_MAGIC ||
		    L32(m + META_FORMAT) != LMDB_FORMAT || L32(m + META_FREE + DB_PAGE_SIZE) != LMDB_PAGE ||
		    L16(m + META_FREE + DB_FLAGS) != FLAG_INTEGER_KEY || L16(m + META_MAIN + DB_FLAGS) != 0 ||
		    L64(m + META_LAST_PAGE) < LMDB_METAS - 1 || L64(m + META_LAST_PAGE) >= pages ||
		    L64(m + META_TXN) > UINT64_C(1) << 60) {
			damaged(c, (uint64_t)i, "a meta page that LMDB did not write");
			return NULL;
		}
	}
	return L64(c->map + META_TXN) < L64(c->map + LMDB_PAGE + META_TXN) ? c->map + LMDB_PAGE : c->map;
}

static int check_all(struct check *c, uint64_t pages)
{
	const uint8_t *m;
	int rc;

	if (foreign(c, pages))
		return FP_EFORMAT;
	m = check_metas(c, pages);

	if (m == NULL)
		return FP_EDAMAGED;
	c->end = L64(m + META_LAST_PAGE) + 1;
	c->txn = L64(m + META_TXN);
	c->report->pages = c->end;
	if ((rc = check_tree(c, m + META_MAIN, true)) != 0 || (rc = check_tree(c, m + META_FREE, false)) != 0)
		return rc;
	if (c->report->hosts + c->report->others == 0)
		return FP_ENOTFOUND;
	if (!c->meta_found) {
		snprintf(c->report->why, sizeof c->report->why, "an LMDB file of some other program");
		return FP_EFORMAT;
	}
	if (c->other_version != 0) {
		if (c->report->version == RECORD_VERSION)
			return damaged(c, 0, "records of another version than the store");
		return FP_EVERSION;
	}
	return 0;
}

int validate_file(int fd, struct validate_report *report)
{
	struct check c = { .report = report };
	struct stat st;
	int rc;

	memset(report, 0, sizeof *report);
	if (fstat(fd, &st) != 0)
		return report->rc = -errno;
	report->inode = st.st_ino;
	if (st.st_size == 0)
		return report->rc = FP_ENOTFOUND;

	const uint64_t pages = (uint64_t)st.st_size / LMDB_PAGE;

	if (pages < LMDB_METAS)
		return report->rc = damaged(&c, 0, "the file is cut short");

	void *map = mmap(NULL, pages * LMDB_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	void *seen = mmap(NULL, pages / 8 + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || seen == MAP_FAILED) {
		rc = -ENOMEM;
	} else {
		c.map = map;
		c.seen = seen;
		rc = check_all(&c, pages);
	}
	if (map != MAP_FAILED)
		munmap(map, pages * LMDB_PAGE);
	if (seen != MAP_FAILED)
		munmap(seen, pages / 8 + 1);
	return report->rc = rc;
}

/* ---- In a child ------------------------------------------------------------------------------- */

struct validate_child {
	pid_t pid;
	struct validate_report *shared; /* one page, written by the child */
};

static void child_body(int fd, struct validate_report *shared, pid_t parent)
{
	static const int fatal[] = { SIGBUS, SIGSEGV, SIGABRT, SIGTERM, SIGINT };

	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		signal(fatal[i], SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0); /* no core file for a disk error */
	if (getppid() == parent)
		validate_file(fd, shared);
	_exit(0);
}

int validate_start(struct validate_child **out, int fd)
{
	const pid_t parent = getpid();
	struct validate_child *c = calloc(1, sizeof *c);

	*out = NULL;
	if (c == NULL)
		return -ENOMEM;
	c->shared = mmap(NULL, sizeof *c->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->shared == MAP_FAILED) {
		free(c);
		return -ENOMEM;
	}
	c->shared->rc = FP_EDAMAGED; /* stays where the child dies */
	c->pid = fork();
	if (c->pid == 0)
		child_body(fd, c->shared, parent);
	if (c->pid < 0) {
		const int rc = -errno;

		munmap(c->shared, sizeof *c->shared);
		free(c);
		return rc;
	}
	*out = c;
	return 0;
}

static void child_free(struct validate_child **cp)
{
	munmap((*cp)->shared, sizeof *(*cp)->shared);
	free(*cp);
	*cp = NULL;
}

bool validate_done(struct validate_child **cp, int wait_ms, struct validate_report *report)
{
	const struct timespec nap = { 0, 1000000L };
	int status = 0;
	pid_t got;

	while ((got = waitpid((*cp)->pid, &status, wait_ms < 0 ? 0 : WNOHANG)) == 0 ||
	    (got < 0 && errno == EINTR)) {
		if (wait_ms == 0)
			return false;
		if (wait_ms > 0) {
			nanosleep(&nap, NULL);
			wait_ms--;
		}
	}
	*report = *(*cp)->shared;
	if (got < 0 || !WIFEXITED(status)) {
		report->rc = FP_EDAMAGED;
		snprintf(report->why, sizeof report->why, "reading it ended with signal %d",
		    got > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	}
	child_free(cp);
	return true;
}

void validate_cancel(struct validate_child **cp)
{
	if (*cp == NULL)
		return;
	kill((*cp)->pid, SIGKILL);
	waitpid((*cp)->pid, NULL, 0);
	child_free(cp);
}
