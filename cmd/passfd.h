/*
 * passfd - descriptors from one process to another over a Unix socket (unix(7), SCM_RIGHTS), a message each.
 *
 * The other end may be a process that strangers talk to: whatever comes, nothing is left open that the caller does not get.
 */
#ifndef FP_PASSFD_H
#define FP_PASSFD_H

#include <stddef.h>
#include <sys/types.h>

/* n bytes, and fd beside them; -1: none. Bytes sent, or -1 with errno. */
ssize_t passfd_send(int socket, const void *bytes, size_t n, int fd);

/* Up to n bytes, without waiting; *fd: the one that came with them, closed on exec; -1: none did, or more than one. Bytes; 0 at the end; -1 with errno. */
ssize_t passfd_receive(int socket, void *bytes, size_t n, int *fd);

#endif
