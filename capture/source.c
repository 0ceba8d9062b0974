/* source - large reads into one buffer; waits with poll(), so that a stop is noticed. */
#include "capture/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 100

int source_adopt(struct source *s, int fd, const _Atomic bool *a_stop)
{
	struct stat st;

	*s = (struct source){ .fd = fd, .a_stop = a_stop };
	if (fstat(s->fd, &st) != 0 || S_ISDIR(st.st_mode)) {
		const int rc = S_ISDIR(st.st_mode) ? -EISDIR : -errno;

		source_close(s);
		return rc;
	}
	s->regular = S_ISREG(st.st_mode);
	s->total = s->regular ? (uint64_t)st.st_size : 0;
	/* What is left of a record may stand before a whole read. */
	s->size = 2 * SOURCE_BYTES;
	s->buf = malloc(s->size);
	if (s->buf == NULL) {
		source_close(s);
		return -ENOMEM;
	}
	return 0;
}

int source_open(struct source *s, const char *path, const _Atomic bool *a_stop)
{
	const int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		*s = (struct source){ .fd = -1 };
		return -errno;
	}
	return source_adopt(s, fd, a_stop);
}

void source_close(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->buf);
	s->buf = NULL;
}

static bool stopped(const struct source *s)
{
	return s->a_stop != NULL && atomic_load_explicit(s->a_stop, memory_order_acquire);
}

/* Until there is something to read. False: stopped. */
static bool wait_readable(struct source *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	if (s->regular)
		return !stopped(s);
	for (bool first = true;; first = false) {
		if (stopped(s))
			return false;
		if (poll(&p, 1, first ? 0 : WAIT_MS) != 0)
			return true; /* an error shows in read() */
		if (s->waiting != NULL)
			s->waiting(s->waiting_ctx, !first);
	}
}

size_t source_want(struct source *s, size_t n)
{
	while (source_have(s) < n && !s->ended) {
		if (s->size - s->end < SOURCE_BYTES) {
			memmove(s->buf, s->buf + s->at, source_have(s));
			s->end -= s->at;
			s->at = 0;
		}
		if (!wait_readable(s))
			break;

		const ssize_t got = read(s->fd, s->buf + s->end, SOURCE_BYTES < s->size - s->end ? SOURCE_BYTES : s->size - s->end);

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			s->failed = -errno;
		if (got <= 0)
			s->ended = true;
		else
			s->end += (size_t)got;
		s->bytes += got > 0 ? (uint64_t)got : 0;
		/* A file never waits; so that what was read is told of all the same, each read stands for a wait. */
		if (s->regular && s->waiting != NULL)
			s->waiting(s->waiting_ctx, false);
	}
	return source_have(s);
}
