/*
 * begin - a writer's start on what is in DIR: checked in a child, set aside where damaged, opened, let to readers.
 */
#include "core/err.h"
#include "core/log.h"
#include "core/pulse.h"
#include "store/intern.h"
#include "store/validate.h"
#include "store/writer_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VALIDATE_WAIT_MS 300 /* what writer_open() waits; a million hosts take about as long */

/* Meta, layouts and the number of hosts of a store that exists. */
static int load(struct writer *w, bool *empty)
{
	uint8_t key[RECORD_KEY_BYTES];
	MDB_cursor *cur = NULL;
	MDB_txn *txn;
	MDB_stat st;
	MDB_val k, v;
	uint64_t others = 0;
	int rc = mdb_txn_begin(w->db.env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return err_from_mdb(rc);
	if ((rc = mdb_stat(txn, w->db.dbi, &st)) != 0 || (rc = mdb_cursor_open(txn, w->db.dbi, &cur)) != 0) {
		mdb_txn_abort(txn);
		return err_from_mdb(rc);
	}
	*empty = st.ms_entries == 0;

	record_key(key, RECORD_META, 0);
	k = (MDB_val){ sizeof key, key };
	if (mdb_get(txn, w->db.dbi, &k, &v) == 0) {
		if ((rc = record_meta_decode(&w->meta, v.mv_data, v.mv_size)) != 0)
			goto done;
		w->store_id = w->meta.store_id;
		w->clean = w->meta.clean;
		if (w->conf.tool)
			w->conf.live = w->meta.mode == RECORD_LIVE;
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
	writer_path(w, "data.mdb", from);
	for (int i = 1; i < 100; i++) {
		char name[80];

		snprintf(name, sizeof name, i == 1 ? "data.mdb.damaged-%s" : "data.mdb.damaged-%s-%d", date, i);
		writer_path(w, name, to);
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

	writer_path(w, "data.mdb", path);
	switch (report->rc) {
	case 0:
	case FP_ENOTFOUND:
		return 0;
	case FP_EDAMAGED:
		if ((rc = set_aside(w, report)) != 0)
			writer_explain(why, "store %s: data.mdb is damaged and cannot be set aside: %s", w->dir,
			    fp_strerror(rc));
		return rc;
	case FP_EVERSION:
		writer_explain(why, "store %s is of version %u, this program writes version %d: give another "
		    "--store, or remove that one", w->dir, report->version, RECORD_VERSION);
		return FP_EVERSION;
	case FP_EFORMAT:
		writer_explain(why, "store %s: data.mdb is %s: give another --store", w->dir, report->why);
		return FP_EFORMAT;
	default:
		writer_explain(why, "store %s: data.mdb cannot be read: %s", w->dir, fp_strerror(report->rc));
		return report->rc;
	}
}

/* The store is sound or absent: opens it and lets readers in, where the time has come. */
static int start(struct writer *w, char why[WRITER_WHY])
{
	bool empty = true;
	int rc;

	next_clear(w);
	if ((rc = env_open(w)) != 0 || (rc = env_slot_open(w, clock_ns(CLOCK_MONOTONIC))) != 0 ||
	    (rc = load(w, &empty)) != 0)
		goto fail;
	if (!empty) {
		/* A reader may be under way since before we came [2]. */
		w->quiet_until_ns = clock_ns(CLOCK_MONOTONIC) + QUIET_NS;
		if ((rc = env_let_readers_in(w)) != 0)
			goto fail;
	} else {
		env_slot_close_oldest(w);
		if (getrandom(&w->store_id, sizeof w->store_id, 0) != sizeof w->store_id) {
			rc = -errno;
			goto fail;
		}
		if ((rc = commit_once(w, NULL, false)) != 0)
			goto fail;
		if (w->conf.live && (rc = env_let_readers_in(w)) != 0)
			goto fail;
	}
	return 0;
fail:
	if (rc == FP_EFULL)
		writer_explain(why, "store %s: a map of %" PRIu64 " bytes is too small: raise store.map", w->dir,
		    w->db.map_bytes);
	else
		writer_explain(why, "store %s cannot be opened: %s", w->dir, fp_strerror(rc));
	env_close(w);
	return rc;
}

/* The file is as a clean stop left it: no byte was written since. */
static bool untouched(const struct record_stamp *stamp, const struct stat *st)
{
	return stamp->clean_ns != 0 && stamp->clean_ns == env_written_ns(st) && stamp->inode == (uint64_t)st->st_ino;
}

/* Looks at what is in DIR; leaves w->validating where that takes longer. */
int begin_look(struct writer *w, char why[WRITER_WHY])
{
	struct validate_report report = { .rc = FP_ENOTFOUND };
	struct record_stamp stamp = { 0 };
	char path[PATH_MAX];
	struct stat st;
	int rc = env_stamp_read(w, &stamp), fd;

	if (rc == FP_EVERSION) {
		/* Its readers keep what they have. */
		writer_explain(why, "store %s is of another version than %d: give another --store, or remove that one",
		    w->dir, RECORD_VERSION);
		return rc;
	}

	writer_path(w, "data.mdb", path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return start(w, why);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		rc = fd < 0 ? -errno : -EINVAL;
		writer_explain(why, "%s cannot be opened for writing: %s; it must be a file of the daemon's user",
		    path, fp_strerror(rc));
		if (fd >= 0)
			close(fd);
		return rc;
	}

	const bool clean = rc == 0 && untouched(&stamp, &st);

	/* Until it is checked no reader may begin with it. */
	writer_path(w, "stamp", path);
	if (unlink(path) != 0 && errno != ENOENT) {
		rc = -errno;
		writer_explain(why, "%s cannot be withdrawn: %s", path, fp_strerror(rc));
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
		writer_explain(why, "store %s cannot be checked: %s", w->dir, fp_strerror(rc));
		return rc;
	}
	if (!validate_done(&w->validating, VALIDATE_WAIT_MS, &report))
		return 0;
	rc = judge(w, &report, why);
	return rc != 0 ? rc : start(w, why);
}

int begin_check_dir(const struct writer *w, char why[WRITER_WHY])
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
		writer_explain(why, "store directory %s: %s; it must be a directory that the daemon's user may write: "
		    "try `install -d -m 750 -o fingerpost -g fingerpost %s`", w->dir, fp_strerror(rc), w->dir);
	return rc;
}

/* Waits for the check that writer_open() did not, and for nothing else: matchers keep what the rings do not take. */
int begin_finish(struct writer *w)
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
