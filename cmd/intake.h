/*
 * intake - captures that sensors send (tcpdump -U -w - | nc): the supervisor opens the sockets, services accepts what connects and
 * looks who it is, packets gets the descriptor over a socket pair and reads. Both halves of that conversation.
 *
 * Owner  intake_open() opens; each process closes what is the others'.
 */
#ifndef FP_INTAKE_H
#define FP_INTAKE_H

#include "cmd/options.h"
#include "cmd/privilege.h"

#define INTAKE_SOCKETS 8
#define INTAKE_STREAMS 16 /* at a time */
#define INTAKE_PEER 80
#define INTAKE_WHY 320

struct intake {
	int socket[INTAKE_SOCKETS];
	size_t n;           /* 0: none is wanted */
	int to_packets;     /* services' end of the pair, -1 */
	int from_services;  /* packets' end, -1 */
};

/* FP_ECONFIG, -errno with why. */
int intake_open(struct intake *in, const struct options *o, const struct account *account, char why[INTAKE_WHY]);
/* What packets, and services, have no use for. */
void intake_close_sockets(struct intake *in);
void intake_close_packets(struct intake *in);

/* " receiving on ADDR:PORT, ..." for the log; "" when there are none. */
void intake_describe(const struct options *o, const struct intake *in, char *buf, size_t size);

/* Services: the thread that accepts. -errno. */
struct intake_door;
int intake_start(struct intake_door **out, const struct intake *in, const struct conf *conf);
void intake_stop(struct intake_door **dp);

/* Packets: the next stream that was accepted and who sends it; -EAGAIN: none. The descriptor is the caller's. */
int intake_take(const struct intake *in, char peer[INTAKE_PEER]);

#endif
