/* listen - sockets of the internet and of paths. */
#include "cmd/listen.h"

#include "core/err.h"
#include "core/where.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 256

static int failed(int fd, const char *where, const char *what, char why[LISTEN_WHY])
{
	const int rc = -errno;

	snprintf(why, LISTEN_WHY, "cannot %s %s: %s", what, where, strerror(-rc));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A socket file that nobody answers on is left over from one who was killed. */
static void remove_stale(const struct sockaddr_un *un, int type)
{
	struct stat st;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof *un) != 0 && errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

/* type: SOCK_STREAM, which listens, or SOCK_DGRAM. */
static int open_where(int *out, const char *text, bool plain, int type, char why[LISTEN_WHY])
{
	const int on = 1;
	struct where w;

	if (where_parse(&w, text, plain) != 0) {
		snprintf(why, LISTEN_WHY, "\"%s\" is no place to listen on: allowed is %s", text, where_expected(plain));
		return FP_ECONFIG;
	}
	if (w.path != NULL)
		remove_stale((const struct sockaddr_un *)&w.addr, type);
	const int fd = socket(w.addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* A restart must not wait for connections of the last run to time out. With UDP it would let a second one in. */
	if (fd < 0 || (w.path == NULL && type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
	    bind(fd, (const struct sockaddr *)&w.addr, w.addr_len) != 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) != 0))
		return failed(fd, text, "listen on", why);
	*out = fd;
	return 0;
}

int listen_open(int *fd, const char *where, char why[LISTEN_WHY])
{
	return open_where(fd, where, false, SOCK_STREAM, why);
}

int listen_open_path(int *fd, const char *where, bool datagrams, char why[LISTEN_WHY])
{
	return open_where(fd, where, true, datagrams ? SOCK_DGRAM : SOCK_STREAM, why);
}

const char *listen_path(const char *where)
{
	struct where w;

	return where_parse(&w, where, true) == 0 ? w.path : NULL;
}
