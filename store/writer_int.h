/*
 * writer_int - the writer's insides, for its own files alone: what the thread has in hand, and what each file asks of
 * the others.
 *
 *   writer.c   the thread: rings, pace, stop          begin.c   start on what is in DIR
 *   commit.c   one transaction and its failures       env.c     LMDB, stamp, grace time, disk thread
 *   texts.c    labels, links, layouts                 hosts.c   deltas into records, who goes first
 *   expire.c   retention                              next.c    a new store in the place of the old one
 *   ask.c      forget and compact                  news.c     what services are told
 *   periods.c  minutes and hours
 */
#ifndef FP_WRITER_INT_H
#define FP_WRITER_INT_H

#include "core/clock.h"
#include "core/counters.h"
#include "core/news.h"
#include "core/sigtext.h"
#include "core/wake.h"
#include "store/record.h"
#include "store/writer.h"

#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <sys/stat.h>

#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)

/* A page freed is used again after more than GRACE_NS - SLOT_NS, which is three times a reader's limit, and may be after GRACE_NS [1]. */
#ifndef GRACE_NS
#define GRACE_NS (SECOND * 7 / 20)
#endif
#define SLOT_NS (GRACE_NS / 7)         /* how far apart the read transactions are that hold the grace time */
#define SLOTS 16                       /* room for them */
#define QUIET_NS (2 * (SECOND / 10))   /* twice a reader's limit: no commit so soon after open [2] */
#define META_EVERY_NS SECOND

/* Deltas a transaction. While nothing is kept for readers a small one makes the smallest file. */
#define BATCH 4096
#define BATCH_FILL 1000

#define LAYOUTS_MAX UINT16_MAX

/* An LMDB environment and its one database. */
struct lmdb {
	MDB_env *env;
	MDB_dbi dbi;
	int fd;                            /* LMDB's own: only looked at, never closed */
	uint64_t map_bytes;
};

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

/*
 * The store that is to take the place of this one: built in DIR/next/ by copying the hosts in order, a slice between two
 * commits, while what changes of those copied already is put into both (docs/store-format.md, "Replacing").
 */
struct next {
	enum { NEXT_NONE, NEXT_COPY, NEXT_SYNC, NEXT_FAILED } state; /* FAILED: to be given up as soon as no transaction is open */
	struct lmdb db;
	uint8_t hand[RECORD_KEY_BYTES];    /* the last key copied */
	bool some;                         /* hand means something */
	bool asked;                        /* the disk, for its sync */
	uint64_t skip;                     /* unconfirmed hosts to leave behind */
	uint64_t pages;                    /* of the old one when it began */
	int rc;                            /* why it failed */
};

/* What people ask of a writer. The asker's until a_asked is set, then the thread's until a_asked is clear again. */
enum ask { ASK_NOTHING, ASK_FORGET, ASK_COMPACT };

struct asked {
	_Atomic bool a_asked;
	enum ask what;
	struct fp_cidr block;
	bool begun, deleting;              /* the thread's from here */
	uint64_t *until;                   /* of each ring: what was in it when the question came */
	uint8_t at[RECORD_KEY_BYTES];
	uint64_t number;                   /* hosts forgotten; bytes of the new store */
	int rc;
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
	int sync_fd;                             /* the disk thread's while a_sync_wanted is set */
	struct asked asked;

	/* The writer's thread alone, and writer_open() before it. */
	struct lmdb db;
	uint64_t store_id;
	bool stamped, clean;               /* stamp is there; the store on disk says clean */
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
	uint8_t sweep[RECORD_KEY_BYTES];   /* and where expiry does */
	struct next next;
	struct newsdesk *news;
	uint64_t hosts_cap;                /* the map was full: no more hosts than that; 0 = hosts_max alone */
	uint64_t *popped;                  /* deltas taken of each ring */
	size_t n, first_ring;
	struct delta batch[BATCH];
};

/* What a transaction changes in the writer itself: taken over once it is committed. */
struct tally {
	MDB_txn *txn;
	MDB_txn *next;                     /* of the store under way; NULL while nothing of it was touched */
	size_t applied;                    /* of the batch: from its beginning */
	uint64_t written, dropped, forgotten;
	int64_t hosts;
	int64_t now_ns;
};

/* ---- writer.c --------------------------------------------------------------------------------- */

void writer_explain(char why[WRITER_WHY], const char *fmt, ...) PRINTF_LIKE(2, 3);
void writer_path(const struct writer *w, const char *name, char path[PATH_MAX]); /* DIR/name */
struct counter_row *writer_row(struct writer *w);                                /* NULL: nobody counts */
void writer_count(struct writer *w, enum counter c, uint64_t n);
int64_t writer_pace_ns(const struct writer *w); /* from the begin of the last commit to that of the next, at least */

/* ---- env.c ------------------------------------------------------------------------------------ */

int err_from_mdb(int rc);

int lmdb_open(struct lmdb *l, const char *dir, uint64_t map_bytes, mode_t mode, bool durable);
void lmdb_close(struct lmdb *l);
/* Pages in the file, and those of them that hold something now. */
int lmdb_pages(struct lmdb *l, uint64_t *used, uint64_t *live);

/* LMDB's environment over DIR/data.mdb, which is sound or absent. */
int env_open(struct writer *w);
void env_close(struct writer *w);
int env_put(struct writer *w, MDB_txn *txn, const uint8_t key[RECORD_KEY_BYTES], const void *data, size_t size);

/* One more read transaction, so that no page freed from now on is used again until it ends. */
int env_slot_open(struct writer *w, int64_t now);
void env_slot_close_oldest(struct writer *w);
int env_slots_roll(struct writer *w, int64_t now); /* before each commit */
int env_let_readers_in(struct writer *w);

int env_stamp(struct writer *w, int64_t clean_ns);
int env_stamp_read(const struct writer *w, struct record_stamp *stamp);
int64_t env_written_ns(const struct stat *st);

int env_sync_begin(struct writer *w);
void env_sync_if_due(struct writer *w, int64_t now);
void env_sync_ask(struct writer *w, int fd); /* none is under way */
void env_sync_settle(struct writer *w); /* waits for a sync under way: before the file is closed */
void env_sync_end(struct writer *w);

/* ---- texts.c ---------------------------------------------------------------------------------- */

struct texts *texts_take(struct writer *w);            /* NULL: none new */
void texts_return(struct writer *w, struct texts *t);  /* their commit failed; NULL is fine */
void texts_free(struct texts **tp);
int texts_put(struct writer *w, MDB_txn *txn, const struct texts *t);
uint16_t texts_layout_id(struct writer *w, const struct delta *d);
int texts_put_layouts(struct writer *w, MDB_txn *txn);

/* ---- hosts.c ---------------------------------------------------------------------------------- */

int hosts_apply(struct writer *w, struct tally *t, MDB_cursor *cur, const struct delta *d);
uint64_t hosts_limit(const struct writer *w); /* so many there may be */
int hosts_delete(struct writer *w, struct tally *t, const uint8_t key[RECORD_KEY_BYTES]);
/* Makes room for *fresh; FP_ENOTFOUND where that is the first to go itself. */
int hosts_evict_for(struct writer *w, struct tally *t, const struct fp_host *fresh);

/* ---- expire.c --------------------------------------------------------------------------------- */

/* Removes a few of the hosts that are too old or too many: called once a second, goes round the store in ten minutes. */
int expire_some(struct writer *w, struct tally *t);

/* ---- commit.c --------------------------------------------------------------------------------- */

/* Commits the batch, or its beginning, with what is due. On failure nothing is in the store, and the batch is still here. */
int commit_once(struct writer *w, const struct texts *t, bool clean);

/*
 * Commits or gives the batch up. Fails only where the environment is gone for good: LMDB refuses all after a
 * failed write of its meta page, and opening it anew is all that helps.
 */
int commit_batch(struct writer *w, const struct texts *t, bool clean);

/* ---- next.c ----------------------------------------------------------------------------------- */

/* Begins a new store beside this one; nothing where one is under way, or where no reader uses this one yet. */
int next_begin(struct writer *w);
/* Once a second: whether data.mdb is still where it was. Fails where the store is nobody's to write any more. */
int next_check_place(struct writer *w);
/* Between two commits: goes on with it, and in the end puts it in the place of this one. Fails only where there is no store left. */
int next_step(struct writer *w);
void next_abandon(struct writer *w);
void next_clear(const struct writer *w); /* removes what a crash has left of one */

/* Within a commit: what is done to a host is done there too, if it was copied already. data NULL: it is deleted. */
void next_change(struct writer *w, struct tally *t, const uint8_t key[RECORD_KEY_BYTES], const void *data, size_t size);
void next_commit(struct writer *w, struct tally *t, bool failed);

/* ---- ask.c ------------------------------------------------------------------------------------ */

/* Goes on with what was asked, between two commits; true: something is still to do at once. */
bool ask_step(struct writer *w);
int ask_fill(struct writer *w, struct tally *t);  /* within a commit */
void ask_answer(struct writer *w, int rc);        /* nothing where nothing was asked */

/* ---- news.c ----------------------------------------------------------------------------------- */

int news_open(struct writer *w);
void news_close(struct writer *w); /* NULL is fine */
void news_begin(struct writer *w); /* of a transaction */
/* Within it: a host after a delta; old: as it was, NULL: not there, or damaged. And one that is about to be deleted. */
void news_host(struct writer *w, const struct delta *delta, const struct fp_host *old, const struct fp_host *now);
void news_gone(struct writer *w, struct tally *t, const uint8_t key[RECORD_KEY_BYTES]);
int news_put(struct writer *w, struct tally *t); /* once a second: minutes and hours */
void news_commit(struct writer *w);
bool news_count_some(struct writer *w); /* between two commits: hosts that were there at start; true: there are more */
void news_recount(struct writer *w);

/* ---- begin.c ---------------------------------------------------------------------------------- */

int begin_check_dir(const struct writer *w, char why[WRITER_WHY]);
/* Looks at what is in DIR; leaves w->validating where that takes longer. */
int begin_look(struct writer *w, char why[WRITER_WHY]);
/* Waits for the check that begin_look() did not, and for nothing else. */
int begin_finish(struct writer *w);

#endif
