/*
 * whole - all bytes of a file in memory.
 *
 * Owner   the caller frees *out.
 * Errors  0 or -errno; -EFBIG: `limit` bytes or more. A failed call changes nothing.
 */
#ifndef FP_WHOLE_H
#define FP_WHOLE_H

#include <stddef.h>

/* *len bytes and a NUL behind them. */
int whole_file(const char *path, size_t limit, char **out, size_t *len);

/* The same of what fd has to its end; it stays open. */
int whole_fd(int fd, size_t limit, char **out, size_t *len);

#endif
