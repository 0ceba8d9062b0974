/*
 * control - DIR/control: a line in, a line out, for `fingerpost forget` and `fingerpost compact`.
 *
 *   forget 192.0.2.0/24        ok 17           hosts that were in the store
 *   compact                    ok 3014656      bytes of the new store
 *                              error TEXT
 *
 * Owner    control_start() makes the thread, control_stop() ends it. The descriptors stay the caller's.
 * Threads  its own; one command at a time, the next one waits.
 * Access   the socket's mode (0600) says who may connect; besides, only its owner and root are listened to.
 */
#ifndef FP_CONTROL_H
#define FP_CONTROL_H

#include <stdbool.h>

struct control;

/* listen_fd: a listening Unix socket; packets_fd: the socketpair to the packets process. log_addresses: the log may say what was forgotten. -errno. */
int control_start(struct control **out, int listen_fd, int packets_fd, bool log_addresses);
void control_stop(struct control **cp); /* sets NULL; NULL is fine */

#endif
