/* storedir - the store's directory: made, given away, locked, before privileges go. */
#ifndef FP_STOREDIR_H
#define FP_STOREDIR_H

#include "cmd/privilege.h"

#define STOREDIR_WHY 512

/*
 * Makes DIR where its parent exists (0750; 0755 where mode lets others read the store), gives it and the
 * store's files to the account, takes its lock. Waits up to 2 s for a daemon that is ending. *lock_fd: keep it open
 * as long as the store is ours. Negative with why: what is wrong and what to type.
 */
int storedir_take(int *lock_fd, const char *dir, mode_t mode, const struct account *account, char why[STOREDIR_WHY]);

#endif
