/*
 * writer - owns the LMDB environment, the stamp and the grace time that lets readers go without a lock
 * (docs/lock-free-readers.md; its rules stand in brackets below).
 */
#include "store/writer.h"
#include "core/counters.h"
#include "core/err.h"
#include "core/log.h"
#include "core/merge.h"
#include "core/pulse.h"
#include "core/ring.h"
#include "core/sigtext.h"
#include "core/wake.h"
#include "store/dirlock.h"
#include "store/intern.h"
#include "store/record.h"
#include "store/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)

#ifndef GRACE_NS
#define GRACE_NS (SECOND / 2)          /* no page freed is used again so soon [1] */
#endif
#define QUIET_NS (2 * (SECOND / 10))   /* twice a reader's limit: no commit so soon after open [2] */
#define SLOTS 8                        /* read transactions that hold the grace time */
#define META_EVERY_NS SECOND
#define FULL_NS (10 * SECOND)          /* a full map is not waited for so soon again */
#define SYNC_EVERY_NS (5 * SECOND)
#define SETTLED_NS (50 * MS)           /* files: so long nothing came, so the first fill is over */
#define NOTHING_NS SECOND              /* or it has not even begun: a FIFO that nobody writes to yet */
#define VALIDATE_WAIT_MS 300           /* what writer_open() waits; a million hosts take about as long */

/* Deltas a transaction. While nothing is kept for readers a small one makes the smallest file. */
#define BATCH 4096
#define BATCH_FILL 1000

#define LAYOUTS_MAX UINT16_MAX
#define HOST_BYTES 160                 /* in the file, see writer_map_bytes() */
#define EVICT_SAMPLE 16

struct slot {
	MDB_txn *txn;
	int64_t at_ns;
};

/* Texts of a sigdb on their way into the store. */
struct text {
	enum record_kind kind;
	uint32_t id;
	char text[SIG_TEXT_MAX];
};

struct texts {
	size_t n, room;
	struct text *text;
};

struct writer {
	struct writer_conf conf;
	char dir[PATH_MAX - 128];
	int lock_fd;
	struct validate_child *validating;
	struct sink sink;
	struct ring **ring;                /* one a matcher */
	struct wake wake;
	_Atomic bool a_stop;

	/* Between writer_labels() and the writer's thread. */
	pthread_mutex_t labels_lock;
	struct texts *labels;              /* the newest not yet stored */
	_Atomic bool a_labels;             /* there are some */

	/* The disk's thread: while it waits, commits go on. */
	pthread_t sync_thread;
	struct wake sync_wake;
	_Atomic bool a_sync_wanted, a_sync_stop; /* set by the writer's thread */
	_Atomic uint64_t a_synced;               /* counts up when one is done */

	/* The writer's thread alone, and writer_open() before it. */
	MDB_env *env;
	MDB_dbi dbi;
	int fd;                            /* LMDB's own: only looked at, never closed */
	uint64_t map_bytes;
	uint64_t store_id;
	bool stamped, clean;               /* stamp is there; the store on disk says clean */
	bool sync_at_once;                 /* the next commit takes the clean mark back */
	struct slot slot[SLOTS];
	unsigned slots;
	int64_t quiet_until_ns, commit_ns, meta_ns, sync_ns, idle_ns, full_ns;
	unsigned pace_n;                   /* deltas in the last commit */
	bool dirty;                        /* commits since the last sync */
	uint64_t synced;                   /* of a_synced, those counted */
	struct record_meta meta;
	struct intern *raw, *text;         /* option bytes, and layout texts, to layout ids */
	char (*layout)[SIGTEXT_LAYOUT];    /* texts by id, for what is not stored yet */
	uint32_t layouts, layouts_stored;  /* ids in use; those in the store */
	uint64_t hosts;
	uint8_t hand[RECORD_KEY_BYTES];    /* where eviction goes on */
	size_t n, first_ring;
	struct delta batch[BATCH];
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static int err_from_mdb(int rc)
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

static void explain(char why[WRITER_WHY], const char *fmt, ...) PRINTF_LIKE(2, 3);

static void explain(char why[WRITER_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WRITER_WHY, fmt, ap);
	va_end(ap);
}

static void path_of(const struct writer *w, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", w->dir, name);
}

uint64_t writer_map_bytes(uint64_t hosts_max)
{
	/* However few the hosts: pages changed in the grace time wait beside them, some hundred MB/s under load. */
	const uint64_t bytes = 4 * HOST_BYTES * hosts_max, least = UINT64_C(512) << 20;

	return bytes > least ? bytes : least;
}

/* ---- Stamp ------------------------------------------------------------------------------------ */

/* Under its name at once and whole, or not at all. */
static int stamp_write(struct writer *w, int64_t clean_ns)
{
	uint8_t bytes[RECORD_STAMP_BYTES];
	char path[PATH_MAX], fresh[PATH_MAX];
	struct stat st;
	int rc = 0;

	if (fstat(w->fd, &st) != 0)
		return -errno;
	record_stamp_encode(bytes, &(struct record_stamp){
	    .store_id = w->store_id, .inode = st.st_ino, .clean_ns = clean_ns });
	path_of(w, "stamp", path);
	path_of(w, "stamp.new", fresh);
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

static int stamp_read(const struct writer *w, struct record_stamp *stamp)
{
	uint8_t bytes[RECORD_STAMP_BYTES + 8];
	char path[PATH_MAX];

	path_of(w, "stamp", path);

	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return FP_ENOTFOUND;

	const ssize_t n = read(fd, bytes, sizeof bytes);

	close(fd);
	return n < 0 ? FP_ENOTFOUND : record_stamp_decode(stamp, bytes, (size_t)n);
}

static int64_t written_ns(const struct stat *st)
{
	return st->st_mtim.tv_sec * SECOND + st->st_mtim.tv_nsec;
}

/* ---- Grace time ------------------------------------------------------------------------------- */

/* One more read transaction, so that no page freed from now on is used again until it ends. */
static int slot_open(struct writer *w, int64_t now)
{
	const int rc = mdb_txn_begin(w->env, NULL, MDB_RDONLY, &w->slot[w->slots].txn);

	if (rc != 0)
		return err_from_mdb(rc);
	w->slot[w->slots++].at_ns = now;
	return 0;
}

static void slot_close_oldest(struct writer *w)
{
	mdb_txn_abort(w->slot[0].txn);
	w->slots--;
	memmove(w->slot, w->slot + 1, w->slots * sizeof *w->slot);
}

/*
 * Before each commit: a new one each half grace time, the oldest ended only beyond the grace time and never before
 * a younger one stands. If this thread stalls they just get older: it fails to the safe side.
 */
static int slots_roll(struct writer *w, int64_t now)
{
	int rc;

	if (!w->stamped)
		return 0; /* no reader uses this store yet */
	if (w->slots == 0 || (w->slots < SLOTS && now - w->slot[w->slots - 1].at_ns >= GRACE_NS / 2))
		if ((rc = slot_open(w, now)) != 0)
			return rc;
	while (w->slots > 1 && now - w->slot[0].at_ns > GRACE_NS)
		slot_close_oldest(w);
	return 0;
}

/* Readers may come: what they may look at is kept from now on. */
static int let_readers_in(struct writer *w)
{
	int rc = 0;

	if (w->slots == 0)
		rc = slot_open(w, clock_ns(CLOCK_MONOTONIC));
	return rc != 0 ? rc : stamp_write(w, 0);
}

/* ---- Texts ------------------------------------------------------------------------------------ */

static int put_bytes(struct writer *w, MDB_txn *txn, const uint8_t key[RECORD_KEY_BYTES], const void *data, size_t size)
{
	MDB_val k = { RECORD_KEY_BYTES, (void *)(uintptr_t)key }, v = { size, (void *)(uintptr_t)data };

	return err_from_mdb(mdb_put(txn, w->dbi, &k, &v, 0));
}

static int put_text(struct writer *w, MDB_txn *txn, enum record_kind kind, uint32_t id, const char *text)
{
	uint8_t key[RECORD_KEY_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, key }, v;

	record_key(key, kind, id);
	if (mdb_get(txn, w->dbi, &k, &v) == 0 && v.mv_size == strlen(text)) {
		if (memcmp(v.mv_data, text, v.mv_size) == 0)
			return 0;
	}
	return put_bytes(w, txn, key, text, strlen(text));
}

static int texts_add(struct texts *t, enum record_kind kind, uint32_t id, const char *text)
{
	if (t->n == t->room) {
		const size_t room = t->room == 0 ? 256 : 2 * t->room;
		struct text *wider = realloc(t->text, room * sizeof *wider);

		if (wider == NULL)
			return -ENOMEM;
		t->text = wider;
		t->room = room;
	}
	t->text[t->n] = (struct text){ .kind = kind, .id = id };
	snprintf(t->text[t->n].text, sizeof t->text->text, "%s", text);
	t->n++;
	return 0;
}

static void texts_free(struct texts **tp)
{
	if (*tp != NULL)
		free((*tp)->text);
	free(*tp);
	*tp = NULL;
}

int writer_labels(struct writer *w, const struct sigdb *db)
{
	struct texts *t = calloc(1, sizeof *t), *old;
	size_t n = 0;
	const struct sig_label *label = sigdb_labels(db, &n);
	int rc = t != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = texts_add(t, RECORD_LABEL, label[i].id, label[i].text);
	for (unsigned mtu = 1; rc == 0 && mtu <= UINT16_MAX; mtu++) {
		const char *link = sigdb_link(db, mtu);

		if (link != NULL && link[0] != '\0')
			rc = texts_add(t, RECORD_LINK, mtu, link);
	}
	if (rc != 0) {
		texts_free(&t);
		return rc;
	}
	pthread_mutex_lock(&w->labels_lock);
	old = w->labels;
	if (old != NULL) {
		/* Deltas of both may follow: labels of the older one are wanted too. */
		for (size_t i = 0; rc == 0 && i < old->n; i++)
			if (old->text[i].kind == RECORD_LABEL)
				rc = texts_add(t, RECORD_LABEL, old->text[i].id, old->text[i].text);
	}
	if (rc == 0) {
		w->labels = t;
		t = old;
		atomic_store_explicit(&w->a_labels, true, memory_order_release);
	}
	pthread_mutex_unlock(&w->labels_lock);
	texts_free(&t);
	wake_up(&w->wake);
	return rc;
}

/* Link texts are those of the newest signatures: others go. */
static int drop_links(struct writer *w, MDB_txn *txn, const struct texts *t)
{
	uint8_t from[RECORD_KEY_BYTES];
	MDB_cursor *cur;
	MDB_val k = { RECORD_KEY_BYTES, from }, v;
	size_t i = 0;
	int rc = mdb_cursor_open(txn, w->dbi, &cur);

	if (rc != 0)
		return err_from_mdb(rc);
	record_key(from, RECORD_LINK, 0);
	while (i < t->n && t->text[i].kind != RECORD_LINK)
		i++;
	for (rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE); rc == 0;
	     rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		const uint8_t *key = k.mv_data;
		uint32_t mtu;

		if (k.mv_size != RECORD_KEY_BYTES || memcmp(key, from, 2) != 0)
			break;
		mtu = (uint32_t)key[14] << 8 | key[15];
		/* Both run upwards. */
		while (i < t->n && t->text[i].kind == RECORD_LINK && t->text[i].id < mtu)
			i++;
		if (i < t->n && t->text[i].kind == RECORD_LINK && t->text[i].id == mtu)
			continue;
		if ((rc = mdb_cursor_del(cur, 0)) != 0)
			break;
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : err_from_mdb(rc);
}

static int put_texts(struct writer *w, MDB_txn *txn, const struct texts *t)
{
	int rc = drop_links(w, txn, t);

	for (size_t i = 0; rc == 0 && i < t->n; i++)
		rc = put_text(w, txn, t->text[i].kind, t->text[i].id, t->text[i].text);
	return rc;
}

/* Layouts that were numbered since the last commit that succeeded. */
static int put_layouts(struct writer *w, MDB_txn *txn)
{
	int rc = 0;

	for (uint32_t id = w->layouts_stored + 1; rc == 0 && id <= w->layouts; id++)
		rc = put_text(w, txn, RECORD_LAYOUT, id, w->layout[id]);
	return rc;
}

/*
 * The number of a layout, a new one where it has none. 0: no layout, or no number left (what only junk can bring about: real
 * stacks have some hundred).
 */
static uint16_t layout_id(struct writer *w, const struct delta *d)
{
	static struct log_limit limit;
	uint8_t raw[2 + OBS_OPTIONS_MAX];
	char text[SIGTEXT_LAYOUT];
	size_t len;
	uint32_t id;

	if (d->layout_len == 0 || d->layout_len > OBS_OPTIONS_MAX)
		return 0;
	raw[0] = d->eol_pad;
	raw[1] = d->layout_len;
	memcpy(raw + 2, d->layout, d->layout_len);
	id = intern_find(w->raw, raw, 2u + d->layout_len);
	if (id != 0)
		return (uint16_t)id;
	len = sigtext_layout(text, sizeof text, d->layout, d->layout_len, d->eol_pad);
	id = intern_find(w->text, text, len);
	if (id == 0) {
		/* Whoever forges SYNs with layouts of his own leaves half of the numbers to those who do not. */
		if (w->layouts >= (d->what.confirmed ? LAYOUTS_MAX : LAYOUTS_MAX / 2)) {
			log_limited(&limit, 3600, LOG_WARNING,
			    "store %s: %u option layouts are known, further ones are not kept", w->dir, w->layouts);
			return 0;
		}
		if (intern_add(w->text, text, len, w->layouts + 1) != 0)
			return 0;
		id = ++w->layouts;
		memcpy(w->layout[id], text, len + 1);
	}
	if (intern_add(w->raw, raw, 2u + d->layout_len, id) != 0)
		return 0;
	return (uint16_t)id;
}

/* ---- Hosts ------------------------------------------------------------------------------------ */

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

/* What a transaction changes in the writer itself: taken over once it is committed. */
struct tally {
	uint64_t written, dropped;
	int64_t hosts;
	int64_t now_ns;
};

static int apply(struct writer *w, MDB_txn *txn, MDB_cursor *cur, const struct delta *d, struct tally *t)
{
	static struct log_limit limit;
	uint8_t bytes[RECORD_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, (void *)(uintptr_t)d->addr.b }, v;
	struct fp_host host, what = d->what;
	int rc = mdb_cursor_get(cur, &k, &v, MDB_SET);
	const bool known = rc == 0;

	if (rc != 0 && rc != MDB_NOTFOUND)
		return err_from_mdb(rc);
	what.layout = layout_id(w, d);
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

/* ---- One transaction -------------------------------------------------------------------------- */

static struct counter_row *row_of(struct writer *w)
{
	return w->conf.counters != NULL ? counters_row(w->conf.counters, COUNTER_WRITER, 0) : NULL;
}

static void count(struct writer *w, enum counter c, uint64_t n)
{
	if (w->conf.counters != NULL)
		counter_add(row_of(w), c, n);
}

static int put_counters(struct writer *w, MDB_txn *txn)
{
	static const char *const owner_name[COUNTER_OWNERS] = { "queue", "matcher", "writer", "services" };
	uint32_t number = 0;
	int rc = 0;

	for (int owner = 0; w->conf.counters != NULL && owner < COUNTER_OWNERS; owner++) {
		const unsigned rows = counters_rows(w->conf.counters, (enum counter_owner)owner);

		for (unsigned i = 0; i < rows && rc == 0; i++) {
			char text[RECORD_VALUE_MAX];
			uint8_t key[RECORD_KEY_BYTES];
			int n = snprintf(text, sizeof text, "%s %u\n", owner_name[owner], i);
			const int more = counters_text(w->conf.counters, (enum counter_owner)owner, i, text + n,
			    sizeof text - (size_t)n);

			if (more < 0)
				return more;
			record_key(key, RECORD_COUNTERS, number++);
			rc = put_bytes(w, txn, key, text, (size_t)(n + more));
		}
	}
	return rc;
}

static int put_meta(struct writer *w, MDB_txn *txn, int64_t now_ns, bool clean)
{
	uint8_t bytes[RECORD_META_BYTES], key[RECORD_KEY_BYTES];

	w->meta.store_id = w->store_id;
	w->meta.mode = w->conf.live ? RECORD_LIVE : RECORD_FILES;
	w->meta.clean = clean;
	w->meta.now_ns = now_ns;
	w->meta.written_ns = clock_ns(CLOCK_REALTIME);
	record_meta_encode(bytes, &w->meta);
	record_key(key, RECORD_META, 0);
	return put_bytes(w, txn, key, bytes, sizeof bytes);
}

/* Texts before what names them, all in one transaction; meta where due or asked for. */
static int fill(struct writer *w, MDB_txn *txn, const struct texts *t, bool meta, bool clean, struct tally *tally)
{
	MDB_cursor *cur;
	int rc = 0;

	if (t != NULL && (rc = put_texts(w, txn, t)) != 0)
		return rc;
	if (w->n > 0) {
		if ((rc = mdb_cursor_open(txn, w->dbi, &cur)) != 0)
			return err_from_mdb(rc);
		for (size_t i = 0; rc == 0 && i < w->n; i++)
			rc = apply(w, txn, cur, &w->batch[i], tally);
		mdb_cursor_close(cur);
		if (rc == 0)
			rc = put_layouts(w, txn);
	}
	if (rc == 0 && meta)
		rc = put_meta(w, txn, tally->now_ns, clean);
	if (rc == 0 && meta)
		rc = put_counters(w, txn);
	return rc;
}

static void tell_services(struct writer *w)
{
	if (w->conf.a_commits == NULL)
		return;
	atomic_fetch_add_explicit(w->conf.a_commits, 1, memory_order_release);
	syscall(SYS_futex, w->conf.a_commits, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Commits the batch with what is due. On failure nothing is in the store, and the batch is still here. */
static int commit_once(struct writer *w, const struct texts *t, bool clean)
{
	const int64_t now = clock_ns(CLOCK_MONOTONIC);
	const bool meta = clean || w->clean || now >= w->meta_ns;
	struct tally tally = { .now_ns = w->meta.now_ns };
	MDB_txn *txn;
	int rc = slots_roll(w, now);

	if (rc != 0)
		return rc;
	if ((rc = mdb_txn_begin(w->env, NULL, 0, &txn)) != 0)
		return err_from_mdb(rc);
	if ((rc = fill(w, txn, t, meta, clean, &tally)) != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	if ((rc = mdb_txn_commit(txn)) != 0)
		return err_from_mdb(rc);

	w->commit_ns = now;
	w->pace_n = (unsigned)w->n;
	w->dirty = true;
	w->hosts += (uint64_t)tally.hosts;
	w->meta.now_ns = tally.now_ns;
	w->layouts_stored = w->layouts;
	w->n = 0;
	if (meta)
		w->meta_ns = now + META_EVERY_NS;
	count(w, C_COMMITS, 1);
	count(w, C_WRITTEN, tally.written);
	count(w, C_HOSTS_DROPPED, tally.dropped);
	if (w->conf.counters != NULL)
		counter_set(row_of(w), C_HOSTS, w->hosts);
	if (w->clean && !clean) {
		/* A power cut must not find the mark of a clean stop over pages that are used again. */
		mdb_env_sync(w->env, 1);
		count(w, C_SYNCS, 1);
	}
	w->clean = clean;
	tell_services(w);
	return 0;
}

static int env_open(struct writer *w);
static void env_close(struct writer *w);
static void sync_settle(struct writer *w);

/*
 * As commit_once(), but a map that is full of pages which only wait out the grace time is worth waiting for: nothing is lost, and
 * matchers join meanwhile what they would have sent. Where that does not help it is full in earnest, and for some
 * seconds nobody waits again.
 */
static int commit_patiently(struct writer *w, const struct texts *t, bool clean)
{
	const struct timespec nap = { 0, GRACE_NS / 4 };
	int rc = commit_once(w, t, clean);

	if (rc != FP_EFULL || w->slots == 0 || clock_ns(CLOCK_MONOTONIC) < w->full_ns)
		return rc;
	/* Beyond the grace time no slot is older than the last commit. */
	for (int i = 0; rc == FP_EFULL && i < 8; i++) {
		nanosleep(&nap, NULL);
		rc = commit_once(w, t, clean);
	}
	if (rc == FP_EFULL)
		w->full_ns = clock_ns(CLOCK_MONOTONIC) + FULL_NS;
	return rc;
}

/* LMDB calls a write that was cut short an I/O error (0.9.24: mdb_page_flush()), whatever cut it. */
static bool disk_full(const struct writer *w)
{
	struct statvfs st;

	return fstatvfs(w->fd, &st) == 0 && st.f_bavail < 16;
}

static void tell_failure(struct writer *w, int rc)
{
	static struct log_limit limit;
	const uint64_t lost = w->conf.counters != NULL ? counters_get(w->conf.counters, C_STORE_FAILED, 0) : w->n;

	if (rc == FP_EFULL)
		log_limited(&limit, 10, LOG_ERROR, "store %s: its map of %" PRIu64 " MiB is full; %" PRIu64
		    " changes are lost so far, what was stored stays; raise store.map or lower hosts.max", w->dir,
		    w->map_bytes >> 20, lost);
	else if (rc == -ENOSPC || rc == -EDQUOT || (rc == -EIO && disk_full(w)))
		log_limited(&limit, 10, LOG_ERROR, "store %s: no space left on its disk; %" PRIu64
		    " changes are lost so far, what was stored stays; make room", w->dir, lost);
	else
		log_limited(&limit, 10, LOG_ERROR, "store %s: cannot be written: %s; %" PRIu64
		    " changes are lost so far, what was stored stays", w->dir, fp_strerror(rc), lost);
}

/*
 * Commits or gives the batch up. Fails only where the environment is gone for good: LMDB refuses all after a
 * failed write of its meta page, and opening it anew is all that helps.
 */
static int commit(struct writer *w, const struct texts *t, bool clean)
{
	int rc = commit_patiently(w, t, clean), again;

	if (rc == 0)
		return 0;
	count(w, C_STORE_FAILED, w->n);
	tell_failure(w, rc);
	w->n = 0;
	if (rc == FP_ELMDB) {
		sync_settle(w);
		env_close(w);
		if ((again = env_open(w)) != 0)
			return again;
		if (w->stamped && (again = slot_open(w, clock_ns(CLOCK_MONOTONIC))) != 0)
			return again;
		w->quiet_until_ns = clock_ns(CLOCK_MONOTONIC) + QUIET_NS;
	}
	return rc;
}

/* ---- Opening ---------------------------------------------------------------------------------- */

static void env_close(struct writer *w)
{
	while (w->slots > 0)
		slot_close_oldest(w);
	if (w->env != NULL)
		mdb_env_close(w->env);
	w->env = NULL;
	w->fd = -1;
}

/* LMDB's environment over DIR/data.mdb, which is sound or absent. */
static int env_open(struct writer *w)
{
	char path[PATH_MAX];
	struct stat st;
	MDB_txn *txn;
	int rc;

	/* Its locks are nobody's but ours: we hold DIR/lock. A damaged lock file would keep us out. */
	path_of(w, "lock.mdb", path);
	unlink(path);
	path_of(w, "data.mdb", path);
	w->map_bytes = w->conf.map_bytes;
	if (stat(path, &st) == 0 && (uint64_t)st.st_size > w->map_bytes)
		w->map_bytes = (uint64_t)st.st_size; /* a file is never cut under its readers [3] */
	w->map_bytes = (w->map_bytes + 4095) / 4096 * 4096;

	if ((rc = mdb_env_create(&w->env)) != 0)
		goto fail;
	if ((rc = mdb_env_set_maxreaders(w->env, 2 * SLOTS)) != 0 ||
	    (rc = mdb_env_set_mapsize(w->env, w->map_bytes)) != 0)
		goto fail;
	/* Never MDB_WRITEMAP: readers would see pages half changed. MDB_NOTLS: the slots are one thread's [1]. */
	if ((rc = mdb_env_open(w->env, w->dir, MDB_NOTLS | (w->conf.durable ? 0 : MDB_NOSYNC), 0600)) != 0 ||
	    (rc = mdb_env_get_fd(w->env, &w->fd)) != 0)
		goto fail;
	if (fchmod(w->fd, w->conf.mode) != 0 || fstat(w->fd, &st) != 0) {
		rc = errno;
		goto fail;
	}
	/* As long as the map at once, sparse: no reader meets the file's end [3]. */
	if ((uint64_t)st.st_size < w->map_bytes && ftruncate(w->fd, (off_t)w->map_bytes) != 0) {
		rc = errno;
		goto fail;
	}
	if ((rc = mdb_txn_begin(w->env, NULL, MDB_RDONLY, &txn)) != 0)
		goto fail;
	rc = mdb_dbi_open(txn, NULL, 0, &w->dbi);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	if (rc == 0)
		return 0;
fail:
	env_close(w);
	return err_from_mdb(rc);
}

/* Meta, layouts and the number of hosts of a store that exists. */
static int load(struct writer *w, bool *empty)
{
	uint8_t key[RECORD_KEY_BYTES];
	MDB_cursor *cur = NULL;
	MDB_txn *txn;
	MDB_stat st;
	MDB_val k, v;
	uint64_t others = 0;
	int rc = mdb_txn_begin(w->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return err_from_mdb(rc);
	if ((rc = mdb_stat(txn, w->dbi, &st)) != 0 || (rc = mdb_cursor_open(txn, w->dbi, &cur)) != 0) {
		mdb_txn_abort(txn);
		return err_from_mdb(rc);
	}
	*empty = st.ms_entries == 0;

	record_key(key, RECORD_META, 0);
	k = (MDB_val){ sizeof key, key };
	if (mdb_get(txn, w->dbi, &k, &v) == 0) {
		if ((rc = record_meta_decode(&w->meta, v.mv_data, v.mv_size)) != 0)
			goto done;
		w->store_id = w->meta.store_id;
		w->clean = w->meta.clean;
	}

	memset(key, 0, sizeof key);
	key[0] = 0xff;
	k = (MDB_val){ sizeof key, key };
	for (rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE); rc == 0;
	     rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		const uint8_t *b = k.mv_data;
		const uint32_t id = (uint32_t)b[14] << 8 | b[15];

		others++;
		if (b[1] != RECORD_LAYOUT || id == 0 || v.mv_size >= SIGTEXT_LAYOUT)
			continue;
		memcpy(w->layout[id], v.mv_data, v.mv_size);
		w->layout[id][v.mv_size] = '\0';
		if (id > w->layouts)
			w->layouts = id;
		if (intern_find(w->text, v.mv_data, v.mv_size) == 0 &&
		    (rc = intern_add(w->text, v.mv_data, v.mv_size, id)) != 0)
			goto done;
	}
	if (rc != MDB_NOTFOUND) {
		rc = err_from_mdb(rc);
		goto done;
	}
	rc = 0;
	w->layouts_stored = w->layouts;
	w->hosts = st.ms_entries - others;
done:
	mdb_cursor_close(cur);
	mdb_txn_abort(txn);
	return rc;
}

static int set_aside(struct writer *w, const struct validate_report *report)
{
	char from[PATH_MAX], to[PATH_MAX], date[32];
	const time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y%m%d-%H%M%S", &tm);
	path_of(w, "data.mdb", from);
	for (int i = 1; i < 100; i++) {
		char name[80];

		snprintf(name, sizeof name, i == 1 ? "data.mdb.damaged-%s" : "data.mdb.damaged-%s-%d", date, i);
		path_of(w, name, to);
		if (access(to, F_OK) != 0)
			break;
	}
	if (rename(from, to) != 0)
		return -errno;
	log_warning("store %s: data.mdb is damaged (%s, page %" PRIu64 "): set aside as %s, beginning afresh", w->dir,
	    report->why, report->page, strrchr(to, '/') + 1);
	return 0;
}

/* What validation said, in words a person can act on; 0 where we go on. */
static int judge(struct writer *w, const struct validate_report *report, char why[WRITER_WHY])
{
	char path[PATH_MAX];
	int rc;

	path_of(w, "data.mdb", path);
	switch (report->rc) {
	case 0:
	case FP_ENOTFOUND:
		return 0;
	case FP_EDAMAGED:
		if ((rc = set_aside(w, report)) != 0)
			explain(why, "store %s: data.mdb is damaged and cannot be set aside: %s", w->dir,
			    fp_strerror(rc));
		return rc;
	case FP_EVERSION:
		explain(why, "store %s is of version %u, this program writes version %d: give another "
		    "--store, or remove that one", w->dir, report->version, RECORD_VERSION);
		return FP_EVERSION;
	case FP_EFORMAT:
		explain(why, "store %s: data.mdb is %s: give another --store", w->dir, report->why);
		return FP_EFORMAT;
	default:
		explain(why, "store %s: data.mdb cannot be read: %s", w->dir, fp_strerror(report->rc));
		return report->rc;
	}
}

/* The store is sound or absent: opens it and lets readers in, where the time has come. */
static int start(struct writer *w, char why[WRITER_WHY])
{
	bool empty = true;
	int rc;

	if ((rc = env_open(w)) != 0 || (rc = slot_open(w, clock_ns(CLOCK_MONOTONIC))) != 0 ||
	    (rc = load(w, &empty)) != 0)
		goto fail;
	if (!empty) {
		/* A reader may be under way since before we came [2]. */
		w->quiet_until_ns = clock_ns(CLOCK_MONOTONIC) + QUIET_NS;
		if ((rc = let_readers_in(w)) != 0)
			goto fail;
	} else {
		slot_close_oldest(w);
		if (getrandom(&w->store_id, sizeof w->store_id, 0) != sizeof w->store_id) {
			rc = -errno;
			goto fail;
		}
		if ((rc = commit_once(w, NULL, false)) != 0)
			goto fail;
		if (w->conf.live && (rc = let_readers_in(w)) != 0)
			goto fail;
	}
	return 0;
fail:
	if (rc == FP_EFULL)
		explain(why, "store %s: a map of %" PRIu64 " bytes is too small: raise store.map", w->dir,
		    w->map_bytes);
	else
		explain(why, "store %s cannot be opened: %s", w->dir, fp_strerror(rc));
	env_close(w);
	return rc;
}

/* The file is as a clean stop left it: no byte was written since. */
static bool untouched(const struct record_stamp *stamp, const struct stat *st)
{
	return stamp->clean_ns != 0 && stamp->clean_ns == written_ns(st) && stamp->inode == (uint64_t)st->st_ino;
}

/* Looks at what is in DIR; leaves w->validating where that takes longer. */
static int look_at(struct writer *w, char why[WRITER_WHY])
{
	struct validate_report report = { .rc = FP_ENOTFOUND };
	struct record_stamp stamp = { 0 };
	char path[PATH_MAX];
	struct stat st;
	int rc = stamp_read(w, &stamp), fd;

	if (rc == FP_EVERSION) {
		/* Its readers keep what they have. */
		explain(why, "store %s is of another version than %d: give another --store, or remove that one",
		    w->dir, RECORD_VERSION);
		return rc;
	}

	path_of(w, "data.mdb", path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return start(w, why);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		rc = fd < 0 ? -errno : -EINVAL;
		explain(why, "%s cannot be opened for writing: %s; it must be a file of the daemon's user",
		    path, fp_strerror(rc));
		if (fd >= 0)
			close(fd);
		return rc;
	}

	const bool clean = rc == 0 && untouched(&stamp, &st);

	/* Until it is checked no reader may begin with it. */
	path_of(w, "stamp", path);
	if (unlink(path) != 0 && errno != ENOENT) {
		rc = -errno;
		explain(why, "%s cannot be withdrawn: %s", path, fp_strerror(rc));
		close(fd);
		return rc;
	}
	if (clean) {
		close(fd);
		return start(w, why);
	}
	rc = validate_start(&w->validating, fd);
	close(fd);
	if (rc != 0) {
		explain(why, "store %s cannot be checked: %s", w->dir, fp_strerror(rc));
		return rc;
	}
	if (!validate_done(&w->validating, VALIDATE_WAIT_MS, &report))
		return 0;
	rc = judge(w, &report, why);
	return rc != 0 ? rc : start(w, why);
}

static int check_dir(const struct writer *w, char why[WRITER_WHY])
{
	struct stat st;
	int rc = 0;

	if (stat(w->dir, &st) != 0)
		rc = -errno;
	else if (!S_ISDIR(st.st_mode))
		rc = -ENOTDIR;
	else if (access(w->dir, R_OK | W_OK | X_OK) != 0)
		rc = -errno;
	if (rc != 0)
		explain(why, "store directory %s: %s; it must be a directory that the daemon's user may write: "
		    "try `install -d -m 750 -o fingerpost -g fingerpost %s`", w->dir, fp_strerror(rc), w->dir);
	return rc;
}

static size_t sink_take(void *ctx, unsigned matcher, const struct delta *deltas, size_t n)
{
	struct writer *w = ctx;
	const size_t took = ring_push(w->ring[matcher], deltas, n);

	if (took > 0)
		wake_up(&w->wake);
	return took;
}

int writer_open(struct writer **out, const struct writer_conf *conf, char why[WRITER_WHY])
{
	struct writer *w;
	int rc;

	*out = NULL;
	why[0] = '\0';
	if (posix_memalign((void **)&w, _Alignof(struct writer), sizeof *w) != 0) {
		explain(why, "store: out of memory");
		return -ENOMEM;
	}
	memset(w, 0, sizeof *w);
	w->conf = *conf;
	w->lock_fd = w->fd = -1;
	pthread_mutex_init(&w->labels_lock, NULL);
	w->sink = (struct sink){ .ctx = w, .take = sink_take };
	if (w->conf.mode == 0)
		w->conf.mode = 0640;
	if (w->conf.map_bytes == 0)
		w->conf.map_bytes = writer_map_bytes(conf->hosts_max);
	if (w->conf.ring_slots == 0)
		w->conf.ring_slots = 4096;
	rc = -ENAMETOOLONG;
	if (snprintf(w->dir, sizeof w->dir, "%s", conf->dir) >= (int)sizeof w->dir) {
		explain(why, "store directory: the name is too long");
		goto fail;
	}
	if ((rc = check_dir(w, why)) != 0)
		goto fail;
	if (!conf->locked && (rc = dirlock_take(&w->lock_fd, w->dir, 0, why)) != 0)
		goto fail;

	rc = -ENOMEM;
	w->ring = calloc(conf->matchers + 1, sizeof *w->ring);
	w->layout = calloc(LAYOUTS_MAX + 1, sizeof *w->layout); /* 8 MiB of address space, touched as used */
	if (w->ring == NULL || w->layout == NULL || intern_create(&w->raw) != 0 || intern_create(&w->text) != 0)
		goto memory;
	for (unsigned i = 0; i < conf->matchers; i++)
		if ((rc = ring_create(&w->ring[i], w->conf.ring_slots, sizeof(struct delta), 0)) != 0)
			goto memory;
	if ((rc = look_at(w, why)) != 0)
		goto fail;
	*out = w;
	return 0;
memory:
	explain(why, "store %s: %s", w->dir, fp_strerror(rc));
fail:
	writer_close(&w);
	return rc;
}

void writer_close(struct writer **wp)
{
	struct writer *w = *wp;

	if (w == NULL)
		return;
	validate_cancel(&w->validating);
	env_close(w);
	for (unsigned i = 0; w->ring != NULL && i < w->conf.matchers; i++)
		ring_destroy(&w->ring[i]);
	free(w->ring);
	free(w->layout);
	intern_destroy(&w->raw);
	intern_destroy(&w->text);
	texts_free(&w->labels);
	pthread_mutex_destroy(&w->labels_lock);
	if (w->lock_fd >= 0)
		close(w->lock_fd);
	free(w);
	*wp = NULL;
}

const struct sink *writer_sink(struct writer *w)
{
	return &w->sink;
}

void writer_stop(struct writer *w)
{
	atomic_store_explicit(&w->a_stop, true, memory_order_release);
	wake_up(&w->wake);
}

/* ---- The thread ------------------------------------------------------------------------------- */

static bool has_work(void *ctx)
{
	struct writer *w = ctx;

	if (atomic_load_explicit(&w->a_stop, memory_order_acquire) ||
	    atomic_load_explicit(&w->a_labels, memory_order_acquire))
		return true;
	for (unsigned i = 0; i < w->conf.matchers; i++)
		if (!ring_empty(w->ring[i]))
			return true;
	return false;
}

/* Fills the batch from all rings, another first each time. */
static void gather(struct writer *w)
{
	const size_t most = w->stamped ? BATCH : BATCH_FILL;

	for (unsigned i = 0; i < w->conf.matchers && w->n < most; i++)
		w->n += ring_pop(w->ring[(w->first_ring + i) % w->conf.matchers], w->batch + w->n, most - w->n);
	w->first_ring++;
}

static struct texts *take_labels(struct writer *w)
{
	struct texts *t;

	if (!atomic_load_explicit(&w->a_labels, memory_order_acquire))
		return NULL;
	pthread_mutex_lock(&w->labels_lock);
	t = w->labels;
	w->labels = NULL;
	atomic_store_explicit(&w->a_labels, false, memory_order_relaxed);
	pthread_mutex_unlock(&w->labels_lock);
	return t;
}

/* Labels whose commit failed wait for the next, behind none that came meanwhile. */
static void return_labels(struct writer *w, struct texts *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&w->labels_lock);
	if (w->labels == NULL) {
		w->labels = t;
		t = NULL;
	} else {
		for (size_t i = 0; i < t->n; i++)
			if (t->text[i].kind == RECORD_LABEL &&
			    texts_add(w->labels, RECORD_LABEL, t->text[i].id, t->text[i].text) != 0)
				break;
	}
	atomic_store_explicit(&w->a_labels, true, memory_order_release);
	pthread_mutex_unlock(&w->labels_lock);
	texts_free(&t);
}

/*
 * When the next commit may be: at once after a lone one, later the more there is to do, since each commit frees pages
 * that wait out the grace time.
 */
static int64_t pace_ns(const struct writer *w)
{
	if (!w->stamped)
		return 0;
	return w->pace_n < 4 ? MS : w->pace_n < 64 ? 2 * MS : w->pace_n < 256 ? 5 * MS : 10 * MS;
}

static void sleep_until(int64_t when_ns)
{
	const struct timespec ts = { when_ns / SECOND, when_ns % SECOND };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static bool sync_work(void *ctx)
{
	struct writer *w = ctx;

	return atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire) ||
	    atomic_load_explicit(&w->a_sync_stop, memory_order_acquire);
}

/* Thread body: what mdb_env_sync() does without MDB_WRITEMAP, beside the commits. Ends by sync_end(). */
static void *sync_run(void *arg)
{
	struct writer *w = arg;

	while (!atomic_load_explicit(&w->a_sync_stop, memory_order_acquire)) {
		if (!atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire)) {
			wake_sleep(&w->sync_wake, sync_work, w, -1);
			continue;
		}
		/* A disk that fails here fails the commits too, and they say so. */
		if (fdatasync(w->fd) == 0)
			atomic_fetch_add_explicit(&w->a_synced, 1, memory_order_relaxed);
		/* w->fd is the writer's again; pairs with the acquire in sync_settle(). */
		atomic_store_explicit(&w->a_sync_wanted, false, memory_order_release);
	}
	return NULL;
}

/* Waits for a sync under way: before the file is closed. */
static void sync_settle(struct writer *w)
{
	const struct timespec nap = { 0, MS };

	while (atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire))
		nanosleep(&nap, NULL);
}

static int sync_begin(struct writer *w)
{
	w->sync_ns = clock_ns(CLOCK_MONOTONIC) + SYNC_EVERY_NS;
	return -pthread_create(&w->sync_thread, NULL, sync_run, w);
}

static void sync_end(struct writer *w)
{
	sync_settle(w);
	atomic_store_explicit(&w->a_sync_stop, true, memory_order_release);
	wake_up(&w->sync_wake);
	pthread_join(w->sync_thread, NULL);
}

static void sync_if_due(struct writer *w, int64_t now)
{
	const uint64_t synced = atomic_load_explicit(&w->a_synced, memory_order_relaxed);

	count(w, C_SYNCS, synced - w->synced);
	w->synced = synced;
	if (w->conf.durable || !w->dirty || now < w->sync_ns ||
	    atomic_load_explicit(&w->a_sync_wanted, memory_order_acquire))
		return;
	w->dirty = false;
	w->sync_ns = now + SYNC_EVERY_NS;
	atomic_store_explicit(&w->a_sync_wanted, true, memory_order_release);
	wake_up(&w->sync_wake);
}

/* Waits for the check that writer_open() did not, and for nothing else: matchers keep what the rings do not take. */
static int finish_validation(struct writer *w)
{
	struct validate_report report;
	char why[WRITER_WHY];
	int rc;

	while (!validate_done(&w->validating, 100, &report)) {
		pulse_beat(w->conf.pulse);
		if (atomic_load_explicit(&w->a_stop, memory_order_acquire) && w->conf.live) {
			/* Asked to end within a second: what is in the rings is lost, the store stays as it was. */
			validate_cancel(&w->validating);
			return -ECANCELED;
		}
	}
	rc = judge(w, &report, why);
	if (rc == 0)
		rc = start(w, why);
	if (rc != 0)
		log_error("%s", why);
	return rc;
}

/* Everything is in: the last commit says so, the disk has it, and the stamp says that nobody wrote since. */
static int finish(struct writer *w)
{
	struct stat st;
	int rc;

	if ((rc = commit(w, NULL, true)) != 0)
		return rc;
	if ((rc = err_from_mdb(mdb_env_sync(w->env, 1))) != 0)
		return rc;
	count(w, C_SYNCS, 1);
	if (fstat(w->fd, &st) != 0)
		return -errno;
	return stamp_write(w, written_ns(&st));
}

static void drop_rings(struct writer *w)
{
	for (;;) {
		w->n = 0;
		gather(w);
		if (w->n == 0)
			return;
		count(w, C_STORE_FAILED, w->n);
	}
}

static int serve(struct writer *w)
{
	int rc;

	w->idle_ns = clock_ns(CLOCK_MONOTONIC) + NOTHING_NS - SETTLED_NS;
	for (;;) {
		int64_t now = clock_ns(CLOCK_MONOTONIC);

		pulse_beat(w->conf.pulse);
		const int64_t may = w->commit_ns + pace_ns(w) > w->quiet_until_ns ? w->commit_ns + pace_ns(w)
		                                                                  : w->quiet_until_ns;

		if (now < may) {
			sleep_until(may);
			now = may;
		}
		/* Before the rings: what was pushed before stop is drained. */
		const bool stop = atomic_load_explicit(&w->a_stop, memory_order_acquire);

		gather(w);
		/* After the rings: labels come before the deltas that name them. */
		struct texts *t = take_labels(w);

		if (w->n > 0 || t != NULL || now >= w->meta_ns) {
			if (w->n > 0)
				w->idle_ns = now;
			rc = commit(w, t, false);
			if (rc == 0)
				texts_free(&t);
			else
				return_labels(w, t);
			/* Damage is found and set aside at the next start. */
			if (w->env == NULL || rc == FP_EDAMAGED) {
				drop_rings(w);
				return rc;
			}
			if (rc != 0 && w->meta_ns <= now)
				w->meta_ns = now + META_EVERY_NS;
			sync_if_due(w, now);
			continue;
		}
		if (!w->stamped && now - w->idle_ns >= SETTLED_NS && (rc = let_readers_in(w)) != 0)
			return rc;
		if (stop)
			return finish(w);

		const int64_t settled = w->idle_ns + SETTLED_NS;
		const int64_t until = !w->stamped && settled < w->meta_ns ? settled : w->meta_ns;

		wake_sleep(&w->wake, has_work, w, until > now ? (int)((until - now) / MS) + 1 : 1);
	}
}

int writer_run(struct writer *w)
{
	int rc;

	if (w->validating != NULL && (rc = finish_validation(w)) != 0) {
		drop_rings(w);
		return rc == -ECANCELED ? 0 : rc;
	}
	if ((rc = sync_begin(w)) != 0)
		return rc;
	rc = serve(w);
	sync_end(w);
	return rc;
}
