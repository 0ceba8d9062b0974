/* notify - sd_notify(3) and systemd-journald.service(8), a datagram each. */
#include "cmd/notify.h"

#include "cmd/passfd.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_PASSED 3 /* sd_listen_fds(3) */
#define JOURNAL "/run/systemd/journal/socket"

static int manager_fd = -1;
static int64_t watchdog_ms;

/* A datagram socket that is connected to path; '@' stands for the abstract name's first byte. -1: there is none. */
static int open_datagram(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof un.sun_path)
		return -1;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* A path is told by its NUL, an abstract name by its length. */
	const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&un, size) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Whether standard error is what JOURNAL_STREAM names, "DEVICE:INODE": a shell in between may have put a file there. */
static bool is_journal(const char *stream)
{
	struct stat st;
	uint64_t device, inode;

	return stream != NULL && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void notify_open(void)
{
	const char *manager = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (is_journal(getenv("JOURNAL_STREAM")))
		log_journal(open_datagram(JOURNAL));
	if (manager == NULL)
		return;
	manager_fd = open_datagram(manager);
	if (manager_fd < 0)
		log_warning("the service manager cannot be told: %s: %s", manager, strerror(errno));
	else if (usec != NULL && (pid == NULL || strtol(pid, NULL, 10) == getpid()))
		watchdog_ms = (int64_t)(strtoull(usec, NULL, 10) / 1000);
}

static void tell(const char *text)
{
	/* A manager that does not listen is nobody's error. */
	if (manager_fd >= 0)
		(void)!write(manager_fd, text, strlen(text));
}

void notify_ready(const char *status)
{
	char text[640];

	snprintf(text, sizeof text, "READY=1\nSTATUS=%s", status);
	tell(text);
}

void notify_status(const char *status)
{
	char text[640];

	snprintf(text, sizeof text, "STATUS=%s", status);
	tell(text);
}

void notify_stopping(void)
{
	tell("STOPPING=1");
}

int64_t notify_watchdog_ms(void)
{
	return manager_fd >= 0 ? watchdog_ms : 0;
}

void notify_alive(void)
{
	tell("WATCHDOG=1");
}

void notify_keep(int fd, const char *name)
{
	char text[96];

	snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
	if (manager_fd >= 0)
		(void)!passfd_send(manager_fd, text, strlen(text), fd);
}

int notify_kept(unsigned i, const char *name)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *at = getenv("LISTEN_FDNAMES");
	const size_t len = strlen(name);

	if (pid == NULL || count == NULL || at == NULL || strtol(pid, NULL, 10) != getpid())
		return -1;
	/* Names stand in the order of the descriptors, colons between. */
	for (int n = 0; n < atoi(count); n++) {
		const size_t here = strcspn(at, ":");

		if (here == len && memcmp(at, name, len) == 0 && i-- == 0) {
			const int fd = FIRST_PASSED + n;
			struct stat st;

			/* A number that is nothing, or something else, would be taken for a client and closed. */
			if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode))
				return -1;
			fcntl(fd, F_SETFD, FD_CLOEXEC);
			return fd;
		}
		at += here + (at[here] == ':');
	}
	return -1;
}
