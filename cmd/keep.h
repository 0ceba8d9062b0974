/*
 * keep - the supervisor's copies of connections to the p0f sockets, so that they outlive the services process, and by the service
 * manager's store of descriptors (sd_notify(3), FDSTORE) the daemon.
 *
 *   services    keep_channel_start() makes the way to the supervisor; its loop gives and drops connections by slot
 *   supervisor  keep_hear() takes them; a services process that starts again begins with them
 *
 * Threads  the supervisor's own; in services the loop's thread.
 */
#ifndef FP_KEEP_H
#define FP_KEEP_H

#include "api/loop.h"

/* Shared by the processes; made before the fork. */
struct keep_shared {
	_Atomic uint8_t a_busy[LOOP_KEEP];
};

struct keep {
	struct keep_shared *shared;
	int fd[LOOP_KEEP];      /* copies, by slot; -1: none */
	int channel[2];         /* supervisor's end, services' end; -1: none */
};

void keep_init(struct keep *k, struct keep_shared *shared);

/* Takes what the service manager kept of an earlier daemon. */
void keep_take_over(struct keep *k);

/* Before the services process is forked: a fresh channel; busy connections are closed. 0 or -errno. */
int keep_before_fork(struct keep *k);
/* In the supervisor after it; in the packets process: everything is closed. */
void keep_after_fork(struct keep *k);
void keep_close(struct keep *k);

/* What services say; to the last word where they have ended. */
void keep_hear(struct keep *k);

/* At the end: what is left goes to the service manager, if there is one. */
void keep_hand_over(struct keep *k);

/* For the loop in the services process. */
void keep_for_loop(struct keep *k, struct loop_keep *out);

#endif
