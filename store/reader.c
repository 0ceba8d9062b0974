/*
 * reader - libfingerpost: look-ups, each within its bracket of clocks, and handles. Where it looks: view.c; how: walk.c.
 *
 * Why it needs no lock, and each rule that it keeps, is in docs/lock-free-readers.md; the numbers in brackets are those of its rules.
 */
#include "store/reader.h"
#include "core/candidate.h"
#include "core/pathword.h"
#include "store/record.h"
#include "store/values.h"
#include "store/view.h"
#include "store/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* TSan does not model fences. The mapping is not the program's memory to it either. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#define STORE_DEFAULT "/var/lib/fingerpost"
#define NAME_ROOM 16 /* "/data.mdb" and its NUL fit */
#define NEAR_MAX 16  /* neighbours looked at */

/* tests/test_lockfree.c counts what the clock threw away. */
#ifndef READER_LATE
#define READER_LATE(rc) ((void)0)
#endif

/* ---- Look-ups --------------------------------------------------------------------------------- */

/* Both have FP_LABEL_TEXT bytes, so a part fits wherever the whole did. */
static void copy_part(char out[FP_LABEL_TEXT], const char *from, size_t len)
{
	memcpy(out, from, len);
	out[len] = '\0';
}

/* "class:name:flavor", or a name alone. */
static void split_label(const char text[FP_LABEL_TEXT], char klass[FP_LABEL_TEXT], char name[FP_LABEL_TEXT], char flavor[FP_LABEL_TEXT])
{
	const char *a = strchr(text, ':'), *b = a != NULL ? strchr(a + 1, ':') : NULL;

	if (b == NULL) {
		klass[0] = flavor[0] = '\0';
		copy_part(name, text, strlen(text));
		return;
	}
	copy_part(klass, text, (size_t)(a - text));
	copy_part(name, a + 1, (size_t)(b - a - 1));
	copy_part(flavor, b + 1, strlen(b + 1));
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
		split_label(label, out->klass, out->name, out->flavor);
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
		struct view *v = view_enter(store, began, &rc);
		struct snap s;

		if (v == NULL)
			return rc;

		q->mode = atomic_load_explicit(&v->a_mode, memory_order_relaxed);

		const int64_t before = coarse_ns();

		atomic_thread_fence(memory_order_acquire);
		rc = snap_take(v->map, v->pages, &s);
		if (rc == 0)
			rc = q->ask(&s, q);
		atomic_thread_fence(memory_order_acquire);

		const int64_t took = coarse_ns() - before;

		view_put(v);
		if (rc == WALK_GROWN) {
			view_renew(store, true);
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

static int ask_text(const struct snap *s, struct question *q)
{
	return walk_text(s, q->kind, q->row, q->buf, q->buf_size);
}

static int look_text(struct fp_store *store, enum record_kind kind, uint32_t id, char *buf, size_t size)
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

int fp_counters(struct fp_store *store, unsigned row, char *buf, size_t size)
{
	return look_text(store, RECORD_COUNTERS, row, buf, size);
}

/* ---- What else there is (values.h) -------------------------------------------------------------- */

int store_label(struct fp_store *store, uint32_t id, char klass[FP_LABEL_TEXT], char name[FP_LABEL_TEXT], char flavor[FP_LABEL_TEXT])
{
	char text[FP_LABEL_TEXT];
	const int rc = look_text(store, RECORD_LABEL, id, text, sizeof text);

	if (rc == 0)
		split_label(text, klass, name, flavor);
	return rc;
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
