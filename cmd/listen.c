/* listen - sockets of the internet and of paths. */
#include "cmd/listen.h"

#include "core/err.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
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
static int open_unix(int *out, const char *path, int type, char why[LISTEN_WHY])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof un.sun_path || *path == '\0') {
		snprintf(why, LISTEN_WHY, "socket path \"%s\": 1 to %zu bytes are allowed", path,
		    sizeof un.sun_path - 1);
		return FP_ECONFIG;
	}
	strcpy(un.sun_path, path);
	remove_stale(&un, type);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof un) != 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) != 0))
		return failed(fd, path, "listen on", why);
	*out = fd;
	return 0;
}

static int open_inet(int *out, const char *where, int type, char why[LISTEN_WHY])
{
	const char *colon = strrchr(where, ':');
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *ai;
	char host[64];
	int fd, rc;

	if (colon == NULL || colon == where || (size_t)(colon - where) >= sizeof host)
		goto malformed;
	snprintf(host, sizeof host, "%.*s", (int)(colon - where), where);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0)
		goto malformed;
	fd = socket(ai->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A restart must not wait for connections of the last run to time out. With UDP it would let a second one in. */
	if (fd < 0 || (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) != 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) != 0))
		rc = failed(fd, where, "listen on", why);
	else
		rc = 0;
	freeaddrinfo(ai);
	if (rc == 0)
		*out = fd;
	return rc;
malformed:
	snprintf(why, LISTEN_WHY, "\"%s\" is no address to listen on: expected ADDR:PORT, [ADDR]:PORT or unix:PATH",
	    where);
	return FP_ECONFIG;
}

int listen_open(int *fd, const char *where, char why[LISTEN_WHY])
{
	return strncmp(where, "unix:", 5) == 0 ? open_unix(fd, where + 5, SOCK_STREAM, why) :
	                                         open_inet(fd, where, SOCK_STREAM, why);
}

const char *listen_path(const char *where)
{
	if (strncmp(where, "unix:", 5) == 0)
		return where + 5;
	return strchr(where, '/') != NULL ? where : NULL;
}

int listen_open_path(int *fd, const char *where, bool datagrams, char why[LISTEN_WHY])
{
	const char *path = listen_path(where);
	const int type = datagrams ? SOCK_DGRAM : SOCK_STREAM;

	return path != NULL ? open_unix(fd, path, type, why) : open_inet(fd, where, type, why);
}

bool listen_is_local(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return false;
	if (ss.ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)&ss)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (ss.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&ss)->sin6_addr);
	return ss.ss_family == AF_UNIX;
}
