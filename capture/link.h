/*
 * link - whether an interface is there and up, and how a packet socket joins one that was made anew under the old name.
 *
 * All by the socket itself, which stays: neither these questions nor bind(2) need a right that a capture gave up (packet(7):
 * CAP_NET_RAW is for making the socket).
 */
#ifndef FP_LINK_H
#define FP_LINK_H

#include <stdbool.h>

/* ARPHRD_ kind of an interface; -errno, -ENODEV: there is none of that name. */
int link_kind(int fd, const char *name);

bool link_is_up(int fd, const char *name);

/*
 * Binds the socket to the interface that now has the name. kind: what it must be; -EPROTOTYPE where it is another; -ENETDOWN: not up yet. -EINVAL in a
 * fanout group, whose sockets the kernel lets nobody bind again.
 */
int link_rejoin(int fd, const char *name, int kind, bool promiscuous);

#endif
