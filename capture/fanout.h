/*
 * fanout - PACKET_FANOUT: the kernel shares an interface's packets among sockets (packet(7)).
 * libpcap has no call for it; this is the one place that touches its socket.
 */
#ifndef FP_FANOUT_H
#define FP_FANOUT_H

#include <stdint.h>

/*
 * After pcap_activate(). group: the same for all sockets of one interface, of this process alone; mode: enum
 * capture_fanout. 0 or -errno.
 */
int fanout_join(int fd, uint16_t group, int mode);

/* From now on the socket takes no new packet; what its ring holds can still be read. 0 or -errno. */
int fanout_shut(int fd);

#endif
