/* notify - readiness and stop, by sd_notify(3). */
#include "cmd/notify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

void notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void notify_keep(int fd, const char *name)
{
	char text[96];

	snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
	sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}

int notify_kept(unsigned i, const char *name)
{
	static char **names;
	static int n = -1;

	/* Asked once: the variables are taken away, so that no child takes them for its own. */
	if (n < 0)
		n = sd_listen_fds_with_names(1, &names);
	for (int k = 0; k < n; k++)
		if (strcmp(names[k], name) == 0 && i-- == 0)
			return SD_LISTEN_FDS_START + k;
	return -1;
}
