/*
 * analyzer - p0f-analyzer's protocol (docs/client-protocols.md section 3), a datagram in, one out:
 *
 *   [ADDR]:PORT NONCE         [ADDR]:PORT NONCE TEXT CR LF
 *
 * The store knows addresses, not flows: PORT must be one, and is not looked at further. TEXT is empty where the address is not
 * known, and at once where there is no port. What is no query, or who may not ask, gets no reply at all.
 *
 * Threads  any; pure.
 */
#ifndef FP_ANALYZER_H
#define FP_ANALYZER_H

#include "core/addr.h"

#include <sys/socket.h>

#define ANALYZER_DATAGRAM 2048
#define ANALYZER_NONCE 1024

struct analyzer_query {
	struct fp_addr addr;
	unsigned port;     /* 0: none was given */
};

/* FP_EFORMAT: no query. */
int analyzer_parse(struct analyzer_query *out, const char *bytes, size_t n);

/* Whether this asker may have a reply: allowed, and no port that a forged sender could want it to reach. */
bool analyzer_may_ask(const struct sockaddr_storage *from, socklen_t len, const struct fp_cidr *allow, size_t n_allow);

#endif
