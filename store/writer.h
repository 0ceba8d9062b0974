/*
 * writer - the one thread that writes the store: takes deltas from matchers, merges each with the
 * host's record and puts it, in its one LMDB transaction.
 *
 * Owner    writer_open() makes it, writer_close() ends it; writer_run() is its thread's body.
 * Threads  writer_run() alone touches LMDB. Matchers call the sink (each its own ring). writer_stop(),
 *          writer_labels() from any thread.
 * Errors   0 or a negative FP_E*; message in *why (WRITER_WHY bytes) where a person must act.
 * Source   docs/store-format.md; its files: store/writer_int.h; why readers need no lock: docs/lock-free-readers.md.
 *
 * Readers see the store once DIR/stamp is there: of a store that exists as soon as it was checked, of a new one at
 * once where conf.live, else when the first files are in (nothing has come for 50 ms, or the end). Until then pages
 * are reused at once, so that a first fill leaves no bigger file than it needs.
 */
#ifndef FP_WRITER_H
#define FP_WRITER_H

#include "core/sigdb.h"
#include "core/sink.h"

#include <sys/types.h>

#define WRITER_WHY 512

struct counters;
struct news_board;
struct pulse;

struct writer_conf {
	const char *dir;       /* exists, owned by us */
	bool locked;           /* the caller holds DIR/lock (dirlock.h); else writer_open() takes it */
	mode_t mode;           /* of data.mdb and stamp; 0 = 0640 */
	uint64_t map_bytes;    /* LMDB's map; the file is sparse; 0 = writer_map_bytes(hosts_max) */
	uint64_t hosts_max;    /* 0 = no limit */
	/* Live: hosts unseen for so long are removed, by packet time; 0 = never. Files expire nothing. */
	uint32_t keep_s, keep_unconfirmed_s;
	bool durable;          /* sync each commit; else every few seconds */
	bool live;             /* meta's mode: capture has run */
	bool tool;             /* a command's, no daemon's: mode and map stay as they are in the store, which exists */
	unsigned matchers;     /* rings to make */
	unsigned ring_slots;   /* deltas a ring holds; power of two */
	struct counters *counters; /* shared rows; the writer's own and the matchers' to sum */
	/* Shared with services: grows with every commit, and its low 32 bits are a futex word that is woken. May be NULL. */
	_Atomic uint64_t *a_commits;
	struct news_board *news; /* shared with services; may be NULL */
	struct pulse *pulse;   /* of the writer's thread, added by the caller; may be NULL */
};

struct writer;

/* The map by default: four times what so many hosts need, 512 MiB at least. */
uint64_t writer_map_bytes(uint64_t hosts_max);

/*
 * Makes DIR's files where absent, checks what is there in a child (a damaged one is set aside under a dated name); where
 * that takes longer than a moment, writer_run() waits for it, and what it then finds wrong is writer_run()'s to return.
 * FP_EBUSY: another process's. FP_EVERSION, FP_EFORMAT: left as it is. Before threads: it forks.
 */
int writer_open(struct writer **out, const struct writer_conf *conf, char why[WRITER_WHY]);

/* For matchers. Valid until writer_close(). */
const struct sink *writer_sink(struct writer *w);

/*
 * A sigdb whose labels are to be in the store before any delta that names them: called before the sigdb
 * is published to matchers; the texts are copied before this returns.
 */
int writer_labels(struct writer *w, const struct sigdb *db);

/* Thread body. Returns 0 once stopped, everything taken is committed, synced and marked clean; else why the store failed for good. */
int writer_run(struct writer *w);

/*
 * From any one thread: what was asked is done beside the deltas, in small transactions; one thing at a time, FP_EBUSY else.
 * writer_answered() says whether it is done, how it ended, and a number: of hosts removed, of the new store's bytes.
 */
int writer_forget(struct writer *w, const struct fp_cidr *block); /* what the rings held when it was asked goes too */
int writer_compact(struct writer *w);
bool writer_answered(struct writer *w, int *rc, uint64_t *number);

/* No delta will come any more: finish. Call after the matchers were joined. */
void writer_stop(struct writer *w);

void writer_close(struct writer **wp); /* sets NULL; NULL is fine */

#endif
