/* intake - listening, the look at who connects, and the way of a descriptor from one process to the other (unix(7), SCM_RIGHTS). */
#include "cmd/intake.h"

#include "cmd/listen.h"
#include "cmd/passfd.h"
#include "core/err.h"
#include "core/log.h"
#include "core/thread.h"
#include "core/where.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MODE 0660

/* ---- Supervisor --------------------------------------------------------------------------- */

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void intake_close_sockets(struct intake *in)
{
	for (size_t i = 0; i < in->n; i++)
		close_one(&in->socket[i]);
	close_one(&in->to_packets);
}

void intake_close_packets(struct intake *in)
{
	close_one(&in->from_services);
}

static void close_all(struct intake *in)
{
	intake_close_sockets(in);
	intake_close_packets(in);
	in->n = 0;
}

static int open_one(struct intake *in, const char *where, const struct account *account, char why[INTAKE_WHY])
{
	char said[LISTEN_WHY];
	const int rc = listen_open_path(&in->socket[in->n], where, false, said);

	if (rc != 0) {
		snprintf(why, INTAKE_WHY, "listen: %s", said);
		return rc;
	}
	in->n++;

	const char *path = listen_path(where);

	if (path != NULL && (chmod(path, PATH_MODE) != 0 || (account->drop && chown(path, account->uid, account->gid) != 0))) {
		snprintf(why, INTAKE_WHY, "listen: %s: cannot be given away: %s", path, strerror(errno));
		return -errno;
	}
	return 0;
}

int intake_open(struct intake *in, const struct options *o, const struct account *account, char why[INTAKE_WHY])
{
	const struct conf_list *where = &o->conf.listen;
	int pair[2], rc = 0;

	*in = (struct intake){ .to_packets = -1, .from_services = -1 };
	if (where->n > INTAKE_SOCKETS) {
		snprintf(why, INTAKE_WHY, "listen: %d addresses at most", INTAKE_SOCKETS);
		return FP_ECONFIG;
	}
	for (size_t i = 0; rc == 0 && i < where->n; i++)
		rc = open_one(in, where->item[i], account, why);
	if (rc == 0 && in->n > 0) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
			rc = -errno;
			snprintf(why, INTAKE_WHY, "listen: %s", strerror(-rc));
		} else {
			in->to_packets = pair[0];
			in->from_services = pair[1];
		}
	}
	if (rc != 0)
		close_all(in);
	return rc;
}

void intake_describe(const struct options *o, const struct intake *in, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < in->n && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i > 0 ? ", " : "receiving on ", o->conf.listen.item[i]);
}

/* ---- Services ----------------------------------------------------------------------------- */

struct intake_door {
	struct intake in;
	struct fp_cidr *allow;
	size_t n_allow;
	bool log_addresses; /* of whoever is not allowed: a sensor is no person */
	int stop_fd;
	pthread_t thread;
};

/* The sender's name, and whether it may send. Who reaches a Unix socket was let in by its mode. */
static bool may_send(const struct intake_door *d, const struct sockaddr_storage *from, char peer[INTAKE_PEER])
{
	struct fp_addr addr;
	uint16_t port;

	if (!where_addr((const struct sockaddr *)from, &addr, &port)) {
		snprintf(peer, INTAKE_PEER, "a local stream");
		return true;
	}
	char text[FP_ADDR_TEXT];

	fp_addr_text(&addr, text);
	snprintf(peer, INTAKE_PEER, strchr(text, ':') != NULL ? "[%s]:%u" : "%s:%u", text, port);
	for (size_t i = 0; i < d->n_allow; i++)
		if (fp_cidr_has(&d->allow[i], &addr))
			return true;
	return false;
}

static void accept_one(struct intake_door *d, int socket)
{
	static struct log_limit refused, lost;
	struct sockaddr_storage from = { 0 };
	socklen_t size = sizeof from;
	char peer[INTAKE_PEER];
	const int fd = accept4(socket, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!may_send(d, &from, peer))
		log_limited(&refused, 60, LOG_WARNING, "stream from %s refused: not in listen.allow", d->log_addresses ? peer : "an address");
	else if (passfd_send(d->in.to_packets, peer, strlen(peer) + 1, fd) < 0)
		log_limited(&lost, 60, LOG_WARNING, "stream from %s lost: %s", peer, fp_strerror(-errno));
	close(fd); /* packets has its own, or nobody */
}

static void *door_thread(void *arg)
{
	struct intake_door *d = arg;
	struct pollfd fds[INTAKE_SOCKETS + 1] = { { .fd = d->stop_fd, .events = POLLIN } };

	for (size_t i = 0; i < d->in.n; i++)
		fds[i + 1] = (struct pollfd){ .fd = d->in.socket[i], .events = POLLIN };
	for (;;) {
		if (poll(fds, d->in.n + 1, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents != 0)
			return NULL;
		for (size_t i = 0; i < d->in.n; i++)
			if (fds[i + 1].revents != 0)
				accept_one(d, d->in.socket[i]);
	}
}

int intake_start(struct intake_door **out, const struct intake *in, const struct conf *conf)
{
	*out = NULL;
	if (in->n == 0)
		return 0;
	struct intake_door *d = calloc(1, sizeof *d);

	if (d == NULL)
		return -ENOMEM;
	d->in = *in;
	d->log_addresses = conf->log_addresses;
	d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->allow = calloc(conf->listen_allow.n + 1, sizeof *d->allow);
	int rc = d->stop_fd < 0 ? -errno : d->allow == NULL ? -ENOMEM : 0;

	for (; rc == 0 && d->n_allow < conf->listen_allow.n; d->n_allow++)
		fp_cidr_parse(&d->allow[d->n_allow], conf->listen_allow.item[d->n_allow]); /* checked when set */
	if (rc == 0)
		rc = thread_start(&d->thread, door_thread, d, "intake");
	if (rc != 0) {
		close_one(&d->stop_fd);
		free(d->allow);
		free(d);
		return rc;
	}
	*out = d;
	return 0;
}

void intake_stop(struct intake_door **dp)
{
	struct intake_door *d = *dp;
	const uint64_t one = 1;

	if (d == NULL)
		return;
	(void)!write(d->stop_fd, &one, sizeof one);
	pthread_join(d->thread, NULL);
	close(d->stop_fd);
	free(d->allow);
	free(d);
	*dp = NULL;
}

/* ---- Packets ------------------------------------------------------------------------------ */

/* What comes is from a process that strangers talk to: it is looked at like anything else. */
int intake_take(const struct intake *in, char peer[INTAKE_PEER])
{
	int fd;
	const ssize_t n = passfd_receive(in->from_services, peer, INTAKE_PEER - 1, &fd);

	if (n <= 0)
		return n == 0 ? -EPIPE : -errno;
	if (fd < 0)
		return -EBADMSG;
	peer[n] = '\0';
	for (char *p = peer; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return fd;
}
