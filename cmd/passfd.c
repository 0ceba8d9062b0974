/* passfd - one control message of one descriptor. */
#include "cmd/passfd.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for one too many: it is noticed, on every machine. */
union control {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

ssize_t passfd_send(int socket, const void *bytes, size_t n, int fd)
{
	union control control = { { 0 } };
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = n };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof fd);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	return sendmsg(socket, &m, MSG_NOSIGNAL);
}

/* -1: there were two. */
static int only_one(const struct cmsghdr *c)
{
	int fd[2] = { -1, -1 };

	memcpy(fd, CMSG_DATA(c), c->cmsg_len > CMSG_LEN(sizeof *fd) ? sizeof fd : sizeof *fd);
	if (fd[1] < 0)
		return fd[0];
	close(fd[0]);
	close(fd[1]);
	return -1;
}

ssize_t passfd_receive(int socket, void *bytes, size_t n, int *fd)
{
	union control control;
	struct iovec part = { .iov_base = bytes, .iov_len = n };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	const ssize_t got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	const struct cmsghdr *c = got >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*fd = c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS ? only_one(c) : -1;
	if (got == 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return got;
}
