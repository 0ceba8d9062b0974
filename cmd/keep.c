/* keep - copies of connections, over a socket pair and to the service manager. */
#include "cmd/keep.h"

#include "cmd/notify.h"
#include "cmd/passfd.h"
#include "core/log.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "p0f-client" /* of the descriptors that the manager keeps */

/* A message: a slot, and a descriptor beside it; none: the slot is free again. */
struct word {
	uint32_t slot;
};

void keep_init(struct keep *k, struct keep_shared *shared)
{
	k->shared = shared;
	k->channel[0] = k->channel[1] = -1;
	for (int i = 0; i < LOOP_KEEP; i++)
		k->fd[i] = -1;
}

static void drop(struct keep *k, unsigned slot)
{
	if (k->fd[slot] >= 0)
		close(k->fd[slot]);
	k->fd[slot] = -1;
}

void keep_take_over(struct keep *k)
{
	int n = 0, fd;

	for (unsigned i = 0; (fd = notify_kept(i, NAME)) >= 0; i++) {
		if (n == LOOP_KEEP) {
			close(fd);
			continue;
		}
		atomic_store_explicit(&k->shared->a_busy[n], false, memory_order_relaxed);
		k->fd[n++] = fd;
	}
	if (n > 0)
		log_info("%d connections of p0f clients live on", n);
}

static void close_channel(struct keep *k)
{
	for (int i = 0; i < 2; i++) {
		if (k->channel[i] >= 0)
			close(k->channel[i]);
		k->channel[i] = -1;
	}
}

int keep_before_fork(struct keep *k)
{
	close_channel(k);
	for (unsigned i = 0; i < LOOP_KEEP; i++)
		if (atomic_load_explicit(&k->shared->a_busy[i], memory_order_relaxed))
			drop(k, i);
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, k->channel) == 0 ? 0 : -errno;
}

void keep_after_fork(struct keep *k)
{
	if (k->channel[1] >= 0)
		close(k->channel[1]);
	k->channel[1] = -1;
}

void keep_close(struct keep *k)
{
	close_channel(k);
	for (unsigned i = 0; i < LOOP_KEEP; i++)
		drop(k, i);
}

/* ---- Supervisor --------------------------------------------------------------------------------- */

/* False: nothing more now. */
static bool hear_one(struct keep *k)
{
	struct word word;
	int fd;
	const ssize_t n = passfd_receive(k->channel[0], &word, sizeof word, &fd);

	if (n <= 0) {
		/* Nobody is at the other end: polled on, it would never be quiet. */
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			close_channel(k);
		return false;
	}
	if (n != sizeof word || word.slot >= LOOP_KEEP) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	drop(k, word.slot);
	k->fd[word.slot] = fd;
	return true;
}

void keep_hear(struct keep *k)
{
	while (k->channel[0] >= 0 && hear_one(k))
		;
}

void keep_hand_over(struct keep *k)
{
	keep_hear(k);
	for (unsigned i = 0; i < LOOP_KEEP; i++) {
		if (k->fd[i] >= 0 && !atomic_load_explicit(&k->shared->a_busy[i], memory_order_relaxed))
			notify_keep(k->fd[i], NAME);
		drop(k, i);
	}
}

/* ---- Services ----------------------------------------------------------------------------------- */

static bool tell(struct keep *k, unsigned slot, int fd)
{
	const struct word word = { slot };

	return passfd_send(k->channel[1], &word, sizeof word, fd) == sizeof word;
}

static bool loop_keeps(void *ctx, unsigned slot, int fd)
{
	return tell(ctx, slot, fd);
}

static void loop_drops(void *ctx, unsigned slot)
{
	struct keep *k = ctx;

	/* A word that is not heard leaves a copy of what was shut down: it is marked, and closed at the next start. */
	if (!tell(k, slot, -1))
		atomic_store_explicit(&k->shared->a_busy[slot], true, memory_order_relaxed);
}

void keep_for_loop(struct keep *k, struct loop_keep *out)
{
	*out = (struct loop_keep){ .ctx = k, .keep = loop_keeps, .drop = loop_drops, .a_busy = k->shared->a_busy, .fd = k->fd };
}
