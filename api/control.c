/* control - the thread behind DIR/control. */
#include "api/control.h"

#include "core/command.h"
#include "core/err.h"
#include "core/log.h"
#include "core/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 128
#define LINE_WAIT_MS 5000     /* for who connects and says nothing */
#define DONE_WAIT_MS 600000   /* for a store of many millions */

struct control {
	int listen_fd, packets_fd, stop_fd;
	bool log_addresses;
	uint32_t number;
	pthread_t thread;
};

/* Waits for input; 1: there is some, 0: time is over, -1: we are to end. */
static int wait_for(const struct control *c, int fd, int ms)
{
	struct pollfd fds[2] = { { .fd = c->stop_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	int n;

	do
		n = poll(fds, 2, ms);
	while (n < 0 && errno == EINTR);
	return n < 0 || fds[0].revents != 0 ? -1 : n > 0;
}

/* A line without its end; false: there was none in time. */
static bool read_line(const struct control *c, int fd, char line[LINE_MAX_BYTES])
{
	size_t n = 0;

	while (n < LINE_MAX_BYTES - 1 && wait_for(c, fd, LINE_WAIT_MS) == 1) {
		const ssize_t got = recv(fd, line + n, LINE_MAX_BYTES - 1 - n, 0);

		if (got <= 0)
			return false;
		n += (size_t)got;
		line[n] = '\0';
		if (strchr(line, '\n') != NULL) {
			line[strcspn(line, "\r\n")] = '\0';
			return true;
		}
	}
	return false;
}

static int parse(struct command *cmd, const char *line)
{
	if (strcmp(line, "compact") == 0) {
		cmd->kind = COMMAND_COMPACT;
		return 0;
	}
	if (strncmp(line, "forget ", 7) == 0) {
		cmd->kind = COMMAND_FORGET;
		return fp_cidr_parse(&cmd->block, line + 7);
	}
	return FP_EFORMAT;
}

/* Has it done; answers to commands that nobody waits for any more are passed over. */
static int ask_packets(struct control *c, struct command *cmd, uint64_t *result)
{
	struct command_answer a;

	cmd->magic = COMMAND_MAGIC;
	cmd->number = ++c->number;
	if (send(c->packets_fd, cmd, sizeof *cmd, MSG_NOSIGNAL) != sizeof *cmd)
		return -errno;
	for (;;) {
		const int ready = wait_for(c, c->packets_fd, DONE_WAIT_MS);

		if (ready <= 0)
			return ready < 0 ? -ECANCELED : -ETIMEDOUT;

		const ssize_t n = recv(c->packets_fd, &a, sizeof a, 0);

		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		if (n == sizeof a && a.magic == COMMAND_MAGIC && a.number == c->number) {
			*result = a.result;
			return a.rc;
		}
	}
}

static bool may_ask(int fd)
{
	struct ucred who;
	socklen_t len = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == 0 || who.uid == geteuid());
}

static void serve(struct control *c, int fd)
{
	struct command cmd;
	char line[LINE_MAX_BYTES], out[LINE_MAX_BYTES];
	uint64_t result = 0;
	int rc;

	memset(&cmd, 0, sizeof cmd);
	if (!may_ask(fd))
		rc = -EPERM;
	else if (!read_line(c, fd, line))
		return;
	else if ((rc = parse(&cmd, line)) == 0)
		rc = ask_packets(c, &cmd, &result);
	if (rc == 0)
		snprintf(out, sizeof out, "ok %" PRIu64 "\n", result);
	else
		snprintf(out, sizeof out, "error %s\n", rc == FP_EFORMAT ? "expected: forget ADDRESS|CIDR, or compact" : fp_strerror(rc));
	if (rc == 0 && cmd.kind == COMMAND_FORGET)
		log_info("%s: done, %" PRIu64 " hosts", c->log_addresses ? line : "forget", result);
	else if (rc == 0)
		log_info("compact: done, %" PRIu64 " bytes", result);
	(void)!send(fd, out, strlen(out), MSG_NOSIGNAL);
}

static void *run(void *arg)
{
	struct control *c = arg;

	while (wait_for(c, c->listen_fd, -1) == 1) {
		const int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			serve(c, fd);
			close(fd);
		} else if (errno == EMFILE || errno == ENFILE) {
			nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
		}
	}
	return NULL;
}

int control_start(struct control **out, int listen_fd, int packets_fd, bool log_addresses)
{
	struct control *c = calloc(1, sizeof *c);
	int rc;

	*out = NULL;
	if (c == NULL)
		return -ENOMEM;
	/* Another services process may have used the numbers from 1 on. */
	*c = (struct control){ .listen_fd = listen_fd, .packets_fd = packets_fd, .log_addresses = log_addresses, .number = (uint32_t)getpid() << 12,
		.stop_fd = eventfd(0, EFD_CLOEXEC) };
	rc = c->stop_fd >= 0 ? thread_start(&c->thread, run, c, "control") : -errno;
	if (rc != 0) {
		if (c->stop_fd >= 0)
			close(c->stop_fd);
		free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void control_stop(struct control **cp)
{
	struct control *c = *cp;
	const uint64_t one = 1;

	if (c == NULL)
		return;
	(void)!write(c->stop_fd, &one, sizeof one);
	pthread_join(c->thread, NULL);
	close(c->stop_fd);
	free(c);
	*cp = NULL;
}
