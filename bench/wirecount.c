/*
 * wirecount - counts packets on an interface with libpcap and does nothing else: what any capture by it can reach here.
 *
 *   wirecount -i INTERFACE [-b BUFFER_BYTES] [-w IDLE_MS] [FILTER]
 *
 * The same ring, time-out and snap length as the daemon's. Prints "ready", then, when nothing came for IDLE_MS after the first packet,
 * {"received":N,"dropped":N,"cpu_ns":N}.
 */
#include "core/clock.h"

#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_packet(u_char *ctx, const struct pcap_pkthdr *head, const u_char *bytes)
{
	(void)head;
	(void)bytes;
	++*(uint64_t *)(void *)ctx;
}

static int fail(pcap_t *p, const char *what)
{
	fprintf(stderr, "wirecount: %s: %s\n", what, pcap_geterr(p));
	return 1;
}

int main(int argc, char **argv)
{
	const char *interface = "any";
	char why[PCAP_ERRBUF_SIZE];
	int opt, buffer = 32 << 20, idle_ms = 1000, waited = 0;
	struct bpf_program program;
	struct pcap_stat stat;
	uint64_t received = 0;

	while ((opt = getopt(argc, argv, "i:b:w:")) != -1) {
		switch (opt) {
		case 'i': interface = optarg; break;
		case 'b': buffer = atoi(optarg); break;
		case 'w': idle_ms = atoi(optarg); break;
		default: return 2;
		}
	}
	pcap_t *p = pcap_create(interface, why);

	if (p == NULL) {
		fprintf(stderr, "wirecount: %s\n", why);
		return 1;
	}
	pcap_set_snaplen(p, 256);
	pcap_set_timeout(p, 1);
	pcap_set_buffer_size(p, buffer);
	if (pcap_activate(p) < 0 || pcap_setnonblock(p, 1, why) != 0)
		return fail(p, interface);
	if (optind < argc && (pcap_compile(p, &program, argv[optind], 1, PCAP_NETMASK_UNKNOWN) != 0 || pcap_setfilter(p, &program) != 0))
		return fail(p, argv[optind]);
	puts("ready");
	fflush(stdout);
	while (received == 0 || waited < idle_ms) {
		struct pollfd fd = { .fd = pcap_get_selectable_fd(p), .events = POLLIN };
		const int n = poll(&fd, 1, 10) >= 0 ? pcap_dispatch(p, -1, on_packet, (u_char *)&received) : 0;

		if (n < 0)
			return fail(p, interface);
		waited = n == 0 ? waited + 10 : 0;
	}
	if (pcap_stats(p, &stat) != 0)
		return fail(p, interface);
	printf("{\"received\":%" PRIu64 ",\"dropped\":%u,\"cpu_ns\":%" PRId64 "}\n", received, stat.ps_drop,
	    clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	pcap_close(p);
	return 0;
}
