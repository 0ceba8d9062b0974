/*
 * where - the places that services listen on, as settings write them: ADDR:PORT, [ADDR]:PORT, unix:PATH, PATH; and whose a socket's name is.
 *
 * Threads  pure. Addresses are numbers: nothing is asked of a name server.
 */
#ifndef FP_WHERE_H
#define FP_WHERE_H

#include "core/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct where {
	const char *path;             /* a piece of the text that was read; NULL: an address */
	struct sockaddr_storage addr; /* of an address; of a path a sockaddr_un */
	socklen_t addr_len;
};

/* plain: what has a slash is a path without "unix:" too. FP_ECONFIG: no such form, no port, or a path too long for a socket. */
int where_parse(struct where *out, const char *text, bool plain);

/* What where_parse() takes, for messages; WHERE_PLAIN: where plain. */
#define WHERE_PLAIN "ADDR:PORT, [ADDR]:PORT or a path of at most 107 bytes"
const char *where_expected(bool plain);

/* Whether only this machine can reach it: a path, or a loopback address. */
bool where_is_local(const struct where *w);

/* The address of a socket's name, and its port (NULL: not wanted). False: it has none, as a Unix socket's; both are noughts then. */
bool where_addr(const struct sockaddr *name, struct fp_addr *addr, uint16_t *port);

#endif
