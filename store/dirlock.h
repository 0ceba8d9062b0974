/*
 * dirlock - DIR/lock: one daemon a store.
 *
 * The lock (flock) belongs to the open file: children that inherit the descriptor hold it too, and it is gone with the
 * last of them, however they end. The file's text is the holder's process id, for the message.
 */
#ifndef FP_DIRLOCK_H
#define FP_DIRLOCK_H

#include <stddef.h>

#define DIRLOCK_WHY 512

/*
 * Waits up to wait_ms for one that is just ending. FP_EBUSY: another process has it, *why says which;
 * -errno: the file cannot be made. why has DIRLOCK_WHY bytes.
 */
int dirlock_take(int *fd_out, const char *dir, int wait_ms, char why[DIRLOCK_WHY]);

/* Writes this process's id into a lock that was inherited. */
void dirlock_rename(int fd);

#endif
