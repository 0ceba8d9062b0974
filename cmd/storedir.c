/* storedir - making and locking the store's directory. */
#include "cmd/storedir.h"

#include "core/err.h"
#include "store/dirlock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_WAIT_MS 2000 /* a killed daemon's children are gone by then */

static int make(const char *dir, mode_t mode, bool *made, char why[STOREDIR_WHY])
{
	struct stat st;
	char parent[4096];

	*made = false;
	if (stat(dir, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		snprintf(why, STOREDIR_WHY, "store %s is no directory; name one with --store", dir);
		return -ENOTDIR;
	}
	if (strlen(dir) >= sizeof parent)
		return -ENAMETOOLONG;
	strcpy(parent, dir);
	const char *up = dirname(parent);

	if (mkdir(dir, (mode & S_IROTH) != 0 ? 0755 : 0750) == 0) {
		*made = true;
		return 0;
	}
	const int rc = -errno;

	if (rc == -ENOENT)
		snprintf(why, STOREDIR_WHY, "store %s: its parent %s does not exist; type: mkdir -p %s", dir, up, up);
	else
		snprintf(why, STOREDIR_WHY, "store %s cannot be made: %s; make it, or name another with --store", dir,
		    strerror(-rc));
	return rc;
}

/* But for the lock, which whoever was refused here before has left. */
static bool empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool none = true;

	if (d == NULL)
		return false;
	while (none && (e = readdir(d)) != NULL)
		none = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    strcmp(e->d_name, "lock") == 0;
	closedir(d);
	return none;
}

/* Ours are: a directory that we made, an empty one, and one with a store in it. Nothing else is given away. */
static int give(const char *dir, bool made, const struct account *account, char why[STOREDIR_WHY])
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "stamp", "lock" };
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0) {
		snprintf(why, STOREDIR_WHY, "store %s cannot be opened: %s", dir, strerror(errno));
		return -errno;
	}
	if (made || empty(dir) || faccessat(fd, "data.mdb", F_OK, 0) == 0) {
		if (fchown(fd, account->uid, account->gid) != 0)
			rc = -errno;
		for (size_t i = 0; i < sizeof files / sizeof *files; i++)
			if (fchownat(fd, files[i], account->uid, account->gid, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
				rc = -errno;
	}
	close(fd);
	if (rc != 0)
		snprintf(why, STOREDIR_WHY, "store %s cannot be given to %s: %s", dir, account->user, strerror(-rc));
	return rc;
}

int storedir_take(int *lock_fd, const char *dir, mode_t mode, const struct account *account, char why[STOREDIR_WHY])
{
	bool made;
	int rc = make(dir, mode, &made, why);

	if (rc == 0)
		rc = dirlock_take(lock_fd, dir, LOCK_WAIT_MS, why);
	if (rc == -EROFS) /* more often a unit's than a disk's */
		snprintf(why, STOREDIR_WHY, "store %.120s: %s; where systemd keeps it so: systemctl edit fingerpost, with the lines [Service] and "
		    "ReadWritePaths=%.120s, once that directory is there and the account's", dir, strerror(-rc), dir);
	/* Only who has the lock may give files away. */
	if (rc == 0 && account->drop)
		rc = give(dir, made, account, why);
	return rc;
}
