/* listen - opening the sockets that services answer on, before privileges go. */
#ifndef FP_LISTEN_H
#define FP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_WHY 256

/*
 * where: as core/where.h reads it. The socket is bound, listening, non-blocking and closed on exec;
 * a stale Unix socket of nobody is replaced. FP_ECONFIG: no such form; -errno: with why.
 */
int listen_open(int *fd, const char *where, char why[LISTEN_WHY]);

/* The same for sockets of mail software, where a path needs no "unix:" before it. datagrams: UDP, or a Unix datagram socket. */
int listen_open_path(int *fd, const char *where, bool datagrams, char why[LISTEN_WHY]);

/* The path that where means, NULL: an address. */
const char *listen_path(const char *where);

#endif
