/* logfile - the thread: ring after ring, as much as there is, one writev() each. */
#include "cmd/logfile.h"

#include "core/log.h"
#include "core/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RING_BYTES (1u << 22) /* of each matcher: some 25 000 lines */
#define SLEEP_MS 1000         /* nothing to do: the matchers wake us */
#define AGAIN_MS 200          /* a disk that took nothing is tried again */

struct logfile {
	int dir_fd;          /* the directory that path was in, and its last part */
	char *path;
	const char *name;
	int fd;
	struct account account;
	struct lines **ring; /* one a matcher */
	unsigned n;
	unsigned torn;       /* ring whose line is half written, + 1; 0 = none */
	pthread_t thread;
	bool started;
	struct wake wake;
	_Atomic bool a_stop, a_reopen, a_stuck;
};

/* ---- The file ------------------------------------------------------------------------------------ */

static int open_file(const struct logfile *l)
{
	/* Not to wait for a reader where it is a FIFO. */
	const int fd = openat(l->dir_fd, l->name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

	if (fd < 0)
		return -errno;
	if (l->account.drop && geteuid() == 0 && fchown(fd, l->account.uid, l->account.gid) != 0) {
		const int rc = -errno;

		close(fd);
		return rc;
	}
	fcntl(fd, F_SETFL, O_APPEND); /* a slow one is waited for, by this thread alone */
	return fd;
}

static int open_dir(struct logfile *l)
{
	char *slash = strrchr(l->path, '/');

	l->name = slash != NULL ? slash + 1 : l->path;
	if (slash == NULL)
		l->dir_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	else if (slash == l->path)
		l->dir_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	else {
		*slash = '\0';
		l->dir_fd = open(l->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		*slash = '/';
	}
	return l->dir_fd >= 0 ? 0 : -errno;
}

int logfile_open(struct logfile **out, const char *path, const struct account *account, char why[LOGFILE_WHY])
{
	struct logfile *l = aligned_alloc(CACHELINE, (sizeof *l + CACHELINE - 1) / CACHELINE * CACHELINE);
	int rc = -ENOMEM;

	*out = NULL;
	if (l != NULL) {
		*l = (struct logfile){ .dir_fd = -1, .fd = -1, .account = *account, .path = strdup(path) };
		if (l->path != NULL && (rc = open_dir(l)) == 0 && (rc = l->fd = open_file(l)) >= 0) {
			*out = l;
			return 0;
		}
	}
	snprintf(why, LOGFILE_WHY, "log %s cannot be opened: %s", path, strerror(-rc));
	logfile_close(&l);
	return rc;
}

void logfile_close(struct logfile **lp)
{
	struct logfile *l = *lp;

	if (l == NULL)
		return;
	for (unsigned i = 0; l->ring != NULL && i < l->n; i++)
		lines_destroy(&l->ring[i]);
	free(l->ring);
	if (l->fd >= 0)
		close(l->fd);
	if (l->dir_fd >= 0)
		close(l->dir_fd);
	free(l->path);
	free(l);
	*lp = NULL;
}

static void reopen(struct logfile *l)
{
	const int fd = open_file(l);

	if (fd < 0) {
		log_error("log %s cannot be opened again: %s; lines go on to the old file", l->path, strerror(-fd));
		return;
	}
	close(l->fd);
	l->fd = fd;
}

/* ---- The thread ---------------------------------------------------------------------------------- */

static void failed(struct logfile *l, const char *why)
{
	if (!atomic_load_explicit(&l->a_stuck, memory_order_relaxed))
		log_error("log %s: %s; lines wait, and are lost (log_dropped) once there is no room to wait", l->path, why);
	atomic_store_explicit(&l->a_stuck, true, memory_order_release);
}

static void recovered(struct logfile *l)
{
	if (!atomic_load_explicit(&l->a_stuck, memory_order_relaxed))
		return;
	atomic_store_explicit(&l->a_stuck, false, memory_order_release);
	log_info("log %s: takes lines again", l->path);
}

/* What a ring has; false: the file does not take it now. A line half written is finished before another ring's turn. */
static bool write_ring(struct logfile *l, unsigned number)
{
	struct lines *ring = l->ring[number];
	struct lines_piece p[2];
	size_t left;

	while ((left = lines_look(ring, p)) > 0) {
		const struct iovec io[2] = { { (void *)p[0].at, p[0].len }, { (void *)p[1].at, p[1].len } };
		const ssize_t n = writev(l->fd, io, 2);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			failed(l, n < 0 ? strerror(errno) : "it takes nothing");
			return false;
		}
		const size_t done = (size_t)n;
		const char last = done <= p[0].len ? p[0].at[done - 1] : p[1].at[done - p[0].len - 1];

		l->torn = last == '\n' ? 0 : number + 1;
		lines_take(ring, done);
		if (done == left) {
			recovered(l);
			return true;
		}
	}
	return true;
}

static bool write_all(struct logfile *l)
{
	if (l->torn != 0 && !write_ring(l, l->torn - 1))
		return false;
	for (unsigned i = 0; i < l->n; i++)
		if (!write_ring(l, i))
			return false;
	return true;
}

static bool waiting(const struct logfile *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (lines_used(l->ring[i]) > 0)
			return true;
	return false;
}

static bool something(void *ctx)
{
	const struct logfile *l = ctx;

	return atomic_load_explicit(&l->a_stop, memory_order_acquire) || atomic_load_explicit(&l->a_reopen, memory_order_relaxed) || waiting(l);
}

static void *body(void *arg)
{
	struct logfile *l = arg;

	for (;;) {
		/* Read before the rings: what was pushed before stop is written. */
		const bool stop = atomic_load_explicit(&l->a_stop, memory_order_acquire);

		/* Between two lines only: no line is torn between two files. */
		if (l->torn == 0 && atomic_exchange_explicit(&l->a_reopen, false, memory_order_acquire))
			reopen(l);
		const bool taken = write_all(l);

		if (stop && (!taken || !waiting(l)))
			return NULL;
		if (taken)
			wake_sleep(&l->wake, something, l, SLEEP_MS);
		else
			nanosleep(&(struct timespec){ .tv_nsec = AGAIN_MS * 1000000L }, NULL);
	}
}

int logfile_start(struct logfile *l, unsigned n)
{
	int rc;

	l->ring = calloc(n, sizeof *l->ring);
	if (l->ring == NULL)
		return -ENOMEM;
	for (; l->n < n; l->n++)
		if ((rc = lines_create(&l->ring[l->n], RING_BYTES, 0)) != 0)
			return rc;
	rc = thread_start(&l->thread, body, l, "log");
	l->started = rc == 0;
	return rc;
}

struct lines *logfile_ring(struct logfile *l, unsigned matcher)
{
	return l->ring[matcher];
}

struct wake *logfile_wake(struct logfile *l)
{
	return &l->wake;
}

const _Atomic bool *logfile_stuck(const struct logfile *l)
{
	return &l->a_stuck;
}

void logfile_reopen(struct logfile *l)
{
	atomic_store_explicit(&l->a_reopen, true, memory_order_release);
	wake_up(&l->wake);
}

uint64_t logfile_stop(struct logfile *l)
{
	uint64_t left = 0;

	if (!l->started)
		return 0;
	atomic_store_explicit(&l->a_stop, true, memory_order_release);
	wake_up(&l->wake);
	pthread_join(l->thread, NULL);
	l->started = false;
	for (unsigned i = 0; i < l->n; i++)
		left += lines_used(l->ring[i]);
	return left;
}
