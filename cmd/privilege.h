/*
 * privilege - whom the daemon runs as, and letting go of all else. Alone knows libcap-ng and libseccomp.
 *
 * What each process may do, and why it is so: docs/security.md.
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

/*
 * User, groups, every capability and the way back, for good; 0 or -errno with why. root: a directory that becomes "/" where
 * we are root; NULL: none does. 1: all is done, but the directory could not become "/" (why says so).
 */
int privilege_drop(const struct account *account, const char *root, char why[PRIVILEGE_WHY]);

enum privilege_role { PRIVILEGE_SUPERVISOR, PRIVILEGE_PACKETS, PRIVILEGE_SERVICES };

/*
 * From here on the process, and what it starts, has the system calls of its role, and of all files those below store (packets
 * writes it, the others read it) and, to read, those in the folders of the files named. After privilege_drop().
 * 0; 1: this kernel has no Landlock that is enough, so that files are protected by their modes alone; -errno with why.
 */
int privilege_confine(enum privilege_role role, const char *store, const char *const *files, size_t n_files,
    char why[PRIVILEGE_WHY]);

/*
 * This process dies with its parent, at once and by SIGKILL. After privilege_drop(), which clears it. parent: who it was
 * before the fork; -ESRCH: it is gone already.
 */
int privilege_die_with(pid_t parent);

#endif
