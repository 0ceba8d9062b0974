/*
 * notify - what the service manager and the journal are told, by the protocols that systemd documents: a datagram each.
 *
 * Sockets are opened once, at start, so that neither a path nor a new socket is needed later; libsystemd and what it brings
 * along stay out of the process that reads packets. Without a manager, or without a journal, nothing happens.
 * Threads  notify_open() before any; the others by the supervisor alone.
 */
#ifndef FP_NOTIFY_H
#define FP_NOTIFY_H

#include <stdint.h>

/* Looks at NOTIFY_SOCKET, WATCHDOG_USEC and JOURNAL_STREAM. */
void notify_open(void);

void notify_ready(const char *status); /* READY=1 with a line of text */
void notify_stopping(void);

/*
 * The manager's store of descriptors (sd_notify(3), FDSTORE): what is put there comes back at the next start. notify_kept(): the i-th that
 * came under this name, closed on exec; -1: no more.
 */
void notify_keep(int fd, const char *name);
int notify_kept(unsigned i, const char *name);
/* A sign of life is expected: how often at the least, in ms; 0: none is. */
int64_t notify_watchdog_ms(void);
void notify_alive(void);

/* A line that the manager shows, while nothing else changes. */
void notify_status(const char *text);

#endif
