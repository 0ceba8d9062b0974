/*
 * store_help - a store in a directory of its own, for tests of writer and reader.
 *
 * Stands in for sigdb: the writer asks of it only what struct sigdb here has.
 */
#ifndef FP_STORE_HELP_H
#define FP_STORE_HELP_H

#include "core/counters.h"
#include "core/hash.h"
#include "core/merge.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/writer.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- Signatures ------------------------------------------------------------------------------- */

struct sigdb {
	const struct sig_label *label;
	size_t labels;
	unsigned link_mtu;
	const char *link;
};

const struct sig_label *sigdb_labels(const struct sigdb *db, size_t *n)
{
	*n = db->labels;
	return db->label;
}

const char *sigdb_link(const struct sigdb *db, unsigned mtu)
{
	return mtu == db->link_mtu ? db->link : NULL;
}

#define LABEL_WINDOWS "win:Windows:10 or later"
#define LABEL_LINUX "unix:Linux:"

static inline uint32_t label_id(const char *text)
{
	return hash_id(text, strlen(text));
}

static inline struct sigdb *help_sigdb(void)
{
	static struct sig_label label[2];
	static struct sigdb db = { label, 2, 1500, "Ethernet or modem" };

	label[0] = (struct sig_label){ .id = label_id(LABEL_WINDOWS), .text = LABEL_WINDOWS };
	label[1] = (struct sig_label){ .id = label_id(LABEL_LINUX), .text = LABEL_LINUX };
	return &db;
}

/* ---- A directory ------------------------------------------------------------------------------ */

static inline int help_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline char *help_dir(char dir[64])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, 64, "%.32s/fp-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(dir);
}

static inline void help_dir_remove(const char *dir)
{
	nftw(dir, help_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *help_path(const char *dir, const char *name)
{
	static char path[4][128];
	static unsigned n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof path[n], "%s/%s", dir, name);
	return path[n];
}

/* ---- A writer with its thread ----------------------------------------------------------------- */

struct help {
	char dir[64], why[WRITER_WHY];
	struct writer_conf conf;
	struct counters *counters;
	struct writer *writer;
	pthread_t thread;
	int rc; /* of writer_run() */
	_Atomic uint64_t a_commits;
};

static inline void *help_thread(void *arg)
{
	struct help *h = arg;

	h->rc = writer_run(h->writer);
	return NULL;
}

/* Fills in what tests usually want; change h->conf between this and help_start(). */
static inline void help_init(struct help *h)
{
	memset(h, 0, sizeof *h);
	help_dir(h->dir);
	counters_create(&h->counters, 1, 1);
	h->conf = (struct writer_conf){
		.dir = h->dir, .mode = 0640, .map_bytes = 64 << 20, .hosts_max = 1000000, .matchers = 1,
		.ring_slots = 8192, .counters = h->counters, .a_commits = &h->a_commits,
	};
}

static inline int help_start(struct help *h)
{
	int rc = writer_open(&h->writer, &h->conf, h->why);

	if (rc != 0)
		return rc;
	rc = writer_labels(h->writer, help_sigdb());
	if (rc == 0)
		rc = -pthread_create(&h->thread, NULL, help_thread, h);
	return rc;
}

static inline int help_stop(struct help *h)
{
	if (h->writer == NULL)
		return 0;
	writer_stop(h->writer);
	pthread_join(h->thread, NULL);
	writer_close(&h->writer);
	return h->rc;
}

static inline void help_end(struct help *h)
{
	help_stop(h);
	counters_destroy(&h->counters);
	help_dir_remove(h->dir);
}

static inline void help_nap(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* Number n's address: 10.x.y.z, scattered by its low bits first. */
static inline struct fp_addr help_addr(uint32_t n)
{
	const uint8_t b[4] = { 10, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16) };

	return fp_addr_from_v4(b);
}

static inline struct delta help_delta(uint32_t n, uint32_t when)
{
	struct delta d;

	memset(&d, 0, sizeof d);
	merge_empty(&d.what);
	d.addr = help_addr(n);
	d.time_ns = when * INT64_C(1000000000);
	d.what.first_seen = d.what.last_seen = d.what.verdict_seen = when;
	d.what.label = label_id(n % 2 ? LABEL_LINUX : LABEL_WINDOWS);
	d.what.match = FP_MATCH_EXACT;
	d.what.mss = 1460;
	d.what.win = 8192;
	d.what.ttl = 118;
	d.what.distance = 10;
	d.what.connections = 1;
	memcpy(d.layout, "\x02\x01\x03\x01\x01\x04", 6);
	d.layout_len = 6;
	return d;
}

/* Waits until they are taken. */
static inline void help_push(struct help *h, const struct delta *d, size_t n)
{
	const struct sink *sink = writer_sink(h->writer);

	counter_add(counters_row(h->counters, COUNTER_MATCHER, 0), C_CHANGED, n);
	while (n > 0) {
		const size_t took = sink->take(sink->ctx, 0, d, n);

		d += took;
		n -= took;
		if (n > 0)
			help_nap(1);
	}
}

static inline void help_push_range(struct help *h, uint32_t from, uint32_t to, uint32_t when)
{
	struct delta d[64];
	size_t n = 0;

	for (; from < to; from++) {
		d[n++] = help_delta(from, when);
		if (n == 64 || from + 1 == to) {
			help_push(h, d, n);
			n = 0;
		}
	}
}

static inline int help_ask_once(struct fp_store *s, uint32_t n, struct fp_answer *a)
{
	const struct fp_addr addr = help_addr(n);

	return fp_lookup(s, &addr, a);
}

/* Asks until the answer is rc or ten seconds are over; returns the last answer. */
static inline int help_ask(struct fp_store *s, uint32_t n, int rc, struct fp_answer *a)
{
	const struct fp_addr addr = help_addr(n);
	int got = 0;

	for (int i = 0; i < 2000; i++) {
		got = fp_lookup(s, &addr, a);
		if (got == rc)
			break;
		help_nap(5);
	}
	return got;
}

#endif
