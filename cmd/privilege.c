/* privilege - accounts, capabilities, parent-death signal. */
#include "cmd/privilege.h"

#include "core/err.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int privilege_account(struct account *out, const char *user, const char *group, char why[PRIVILEGE_WHY])
{
	const bool named = *user != '\0';
	const struct passwd *pw;

	*out = (struct account){ .uid = geteuid(), .gid = getegid() };
	if (geteuid() != 0)
		return 0;
	pw = getpwnam(named ? user : PRIVILEGE_DEFAULT_USER);
	if (pw == NULL && named) {
		snprintf(why, PRIVILEGE_WHY, "user \"%s\" does not exist", user);
		return FP_ECONFIG;
	}
	if (pw == NULL)
		return 0;
	out->drop = pw->pw_uid != 0;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	snprintf(out->user, sizeof out->user, "%s", pw->pw_name);
	if (*group != '\0') {
		const struct group *gr = getgrnam(group);

		if (gr == NULL) {
			snprintf(why, PRIVILEGE_WHY, "group \"%s\" does not exist", group);
			return FP_ECONFIG;
		}
		out->gid = gr->gr_gid;
	}
	return 0;
}

int privilege_drop(const struct account *account, char why[PRIVILEGE_WHY])
{
	if (account->drop) {
		if (initgroups(account->user, account->gid) != 0 ||
		    setresgid(account->gid, account->gid, account->gid) != 0 ||
		    setresuid(account->uid, account->uid, account->uid) != 0) {
			snprintf(why, PRIVILEGE_WHY, "cannot become %s: %s", account->user, strerror(errno));
			return -errno;
		}
	}
	/* Also of one who stays root, and of a service that was given CAP_NET_RAW alone. */
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
		snprintf(why, PRIVILEGE_WHY, "cannot drop capabilities");
		return -EPERM;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		snprintf(why, PRIVILEGE_WHY, "cannot set no_new_privs: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

int privilege_die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return -errno;
	/* It may have died before that line: then we have another parent by now. */
	return getppid() == parent ? 0 : -ESRCH;
}
