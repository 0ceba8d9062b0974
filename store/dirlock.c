/* dirlock - one daemon a store. */
#include "store/dirlock.h"
#include "core/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 10

void dirlock_rename(int fd)
{
	char text[32];
	const int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	/* For people: nothing hangs on it. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return;
}

static long holder(int fd)
{
	char text[32];
	const ssize_t n = pread(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strtol(text, NULL, 10);
}

int dirlock_take(int *fd_out, const char *dir, int wait_ms, char why[DIRLOCK_WHY])
{
	const struct timespec nap = { 0, POLL_MS * 1000000L };
	char path[PATH_MAX];
	int fd;

	*fd_out = -1;
	if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path) {
		snprintf(why, DIRLOCK_WHY, "store directory %.200s...: the name is too long", dir);
		return -ENAMETOOLONG;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		const int rc = -errno;

		snprintf(why, DIRLOCK_WHY, "%s/lock cannot be opened: %s; make the directory writable for the daemon's user",
		    dir, fp_strerror(rc));
		return rc;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			const int rc = -errno;

			snprintf(why, DIRLOCK_WHY, "%s/lock cannot be locked: %s", dir, fp_strerror(rc));
			close(fd);
			return rc;
		}
		if (wait_ms <= 0) {
			snprintf(why, DIRLOCK_WHY,
			    "store %s belongs to process %ld; stop that one, or give another --store", dir, holder(fd));
			close(fd);
			return FP_EBUSY;
		}
		nanosleep(&nap, NULL);
		wait_ms -= POLL_MS;
	}
	dirlock_rename(fd);
	*fd_out = fd;
	return 0;
}
