/* paths - found from /proc/self/exe, never from the environment. */
#include "core/paths.h"
#include "core/err.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "fingerpost.fp"

/* The folder of the running program, or "". */
static void program_folder(char buf[PATH_MAX])
{
	const ssize_t n = readlink("/proc/self/exe", buf, PATH_MAX - 1);

	buf[n > 0 ? n : 0] = '\0';

	char *slash = strrchr(buf, '/');

	if (slash != NULL)
		*slash = '\0';
}

bool paths_in_tree(void)
{
	char folder[PATH_MAX];
	const size_t len = strlen(FP_TREE);

	program_folder(folder);
	return strncmp(folder, FP_TREE, len) == 0 && folder[len] == '/';
}

static bool is_there(const char *path)
{
	return access(path, R_OK) == 0;
}

int paths_share(const char *name, char *buf, size_t size)
{
	char folder[PATH_MAX];

	program_folder(folder);
	if (paths_in_tree()) {
		snprintf(buf, size, "%s/build/share/%s", FP_TREE, name);
		if (is_there(buf))
			return 0;
	}
	snprintf(buf, size, "%s/../share/fingerpost/%s", folder, name);
	if (is_there(buf))
		return 0;
	snprintf(buf, size, "/usr/share/fingerpost/%s", name);
	return is_there(buf) ? 0 : FP_ENOTFOUND;
}

int paths_signatures(char *buf, size_t size)
{
	return paths_share(FILE_NAME, buf, size);
}
