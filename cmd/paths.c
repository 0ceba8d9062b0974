/* paths - finding our files from where the program lies. */
#include "cmd/paths.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *paths_signatures(char *buf, size_t size)
{
	static const char tree[] = FP_TREE "/build/";
	char exe[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n > 0) {
		exe[n] = '\0';
		if (strncmp(exe, tree, sizeof tree - 1) == 0) {
			snprintf(buf, size, "%sshare/fingerpost.fp", tree);
			return buf;
		}
		/* PREFIX/sbin/fingerpostd and PREFIX/bin/fingerpost: PREFIX/share. */
		for (int up = 0; up < 2 && strrchr(exe, '/') != NULL; up++)
			*strrchr(exe, '/') = '\0';
		snprintf(buf, size, "%s/share/fingerpost/fingerpost.fp", exe);
		if (access(buf, R_OK) == 0)
			return buf;
	}
	snprintf(buf, size, "/usr/share/fingerpost/fingerpost.fp");
	return buf;
}
