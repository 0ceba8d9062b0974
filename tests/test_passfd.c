/* passfd: a descriptor goes over and is the same file; what else may come leaves none open. */
#include "test.h"

#include "cmd/passfd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The lowest number that is free: it stays as it is where nothing was left open. */
static int lowest_free(void)
{
	const int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

static const struct {
	const char *why;
	size_t bytes;
	int descriptors;
	bool taken;
} rows[] = {
	{ "one", 4, 1, true },
	{ "none", 4, 0, false },
	{ "two: neither", 4, 2, false },
	{ "one beside nothing, which is the end", 0, 1, false },
};

static void send_some(int to, size_t bytes, int descriptors)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	const int fd[2] = { STDERR_FILENO, STDERR_FILENO };
	struct iovec part = { .iov_base = (char[]){ "word" }, .iov_len = bytes };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE((size_t)descriptors * sizeof *fd) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)descriptors * sizeof *fd);
	memcpy(CMSG_DATA(c), fd, (size_t)descriptors * sizeof *fd);
	if (descriptors == 0)
		m.msg_controllen = 0;
	assert_int_equal(sendmsg(to, &m, MSG_NOSIGNAL), bytes);
}

static void test_receive(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char got[8];
		int pair[2], fd;

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
		const int before = lowest_free();

		send_some(pair[0], rows[i].bytes, rows[i].descriptors);
		const ssize_t n = passfd_receive(pair[1], got, sizeof got, &fd);

		if (n != (ssize_t)rows[i].bytes || (fd >= 0) != rows[i].taken)
			fail_msg("%s: got %zd bytes, descriptor %d", rows[i].why, n, fd);
		if (fd >= 0)
			close(fd);
		if (lowest_free() != before)
			fail_msg("%s: a descriptor was left open", rows[i].why);
		assert_int_equal(passfd_receive(pair[1], got, sizeof got, &fd), -1);
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(fd, -1);
		close(pair[0]);
		close(pair[1]);
	}
}

static void test_both_ways(void **state)
{
	int pair[2], pipe_fd[2], fd;
	char got[8] = "";

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(passfd_send(pair[0], "word", 5, pipe_fd[1]), 5);
	assert_int_equal(passfd_receive(pair[1], got, sizeof got, &fd), 5);
	assert_string_equal(got, "word");
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(pipe_fd[0], got, sizeof got), 1);
	assert_int_equal(got[0], 'x');
	assert_int_equal(passfd_send(pair[0], "slot", 5, -1), 5);
	assert_int_equal(passfd_receive(pair[1], got, sizeof got, &fd), 5);
	assert_string_equal(got, "slot");
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
