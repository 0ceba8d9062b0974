/* interfaces - which there are, and which one the default route uses. */
#include "capture/capture.h"

#include "core/err.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

int capture_list(char err[CAPTURE_ERR])
{
	char pcap_err[PCAP_ERRBUF_SIZE];
	pcap_if_t *all;

	if (pcap_findalldevs(&all, pcap_err) != 0) {
		snprintf(err, CAPTURE_ERR, "%s", pcap_err);
		return FP_ECAPTURE;
	}
	for (const pcap_if_t *i = all; i != NULL; i = i->next)
		printf("%-16s %s%s%s\n", i->name, (i->flags & PCAP_IF_UP) != 0 ? "up" : "down",
		    i->description != NULL ? "  " : "", i->description != NULL ? i->description : "");
	pcap_freealldevs(all);
	return 0;
}

/* /proc/self/net/route (what ProcSubset=pid leaves): name, destination and gateway in hex; the default route has destination 0. */
int capture_default_interface(char *name, size_t size)
{
	char line[256], iface[64];
	int rc = FP_ENOTFOUND;
	unsigned long destination, mask;
	FILE *f = fopen("/proc/self/net/route", "re");

	if (f == NULL)
		return -errno;
	while (rc != 0 && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "%63s %lx %*x %*x %*d %*d %*d %lx", iface, &destination, &mask) == 3 &&
		    destination == 0 && mask == 0 && strlen(iface) < size) {
			strcpy(name, iface);
			rc = 0;
		}
	fclose(f);
	return rc;
}
