/*
 * privilege - whom the daemon runs as, and letting go of all else. Alone knows libcap-ng.
 *
 * Threads  before any are started.
 */
#ifndef FP_PRIVILEGE_H
#define FP_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PRIVILEGE_WHY 256
#define PRIVILEGE_DEFAULT_USER "fingerpost"

struct account {
	bool drop;       /* false: stay who we are */
	uid_t uid;
	gid_t gid;
	char user[64];
};

/*
 * Whom to become. Not root: nobody else. user "": PRIVILEGE_DEFAULT_USER if it exists, else stay root (drop is
 * false). FP_ECONFIG with why: an account or group named that does not exist.
 */
int privilege_account(struct account *out, const char *user, const char *group, char why[PRIVILEGE_WHY]);

/* User, groups, every capability and the way back, for good; 0 or -errno with why. */
int privilege_drop(const struct account *account, char why[PRIVILEGE_WHY]);

/*
 * This process dies with its parent, at once and by SIGKILL. After privilege_drop(), which clears it. parent: who it was
 * before the fork; -ESRCH: it is gone already.
 */
int privilege_die_with(pid_t parent);

#endif
