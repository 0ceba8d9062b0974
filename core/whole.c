/* whole - a buffer that grows; how long a file says that it is, is not asked: it may be a pipe. */
#include "core/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST 65536

/* Room for one more byte and the NUL at the least. */
static int grow(char **buf, size_t *size, size_t n)
{
	if (*buf != NULL && n + 1 < *size)
		return 0;
	const size_t wider = *buf != NULL ? 2 * *size : FIRST;
	char *bigger = realloc(*buf, wider);

	if (bigger == NULL)
		return -ENOMEM;
	*buf = bigger;
	*size = wider;
	return 0;
}

int whole_fd(int fd, size_t limit, char **out, size_t *len)
{
	char *buf = NULL;
	size_t size = 0, n = 0;
	int rc;

	while ((rc = grow(&buf, &size, n)) == 0) {
		const ssize_t got = read(fd, buf + n, size - n - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0) {
			buf[n] = '\0';
			*out = buf;
			*len = n;
			return 0;
		}
		n += got > 0 ? (size_t)got : 0;
		rc = got < 0 ? -errno : n >= limit ? -EFBIG : 0;
		if (rc != 0)
			break;
	}
	free(buf);
	return rc;
}

int whole_file(const char *path, size_t limit, char **out, size_t *len)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	const int rc = whole_fd(fd, limit, out, len);

	close(fd);
	return rc;
}
