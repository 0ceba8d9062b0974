/*
 * visible - how soon a reader sees a SYN: puts SYNs on an interface, one every gap, and asks the store until the answer is there.
 *
 *   visible STORE INTERFACE MAC FIRST N GAP_MS [handshake]     FIRST: an IPv4 address; the next N are used
 *
 * handshake: the SYN+ACK and the ACK follow it at once, and the host is looked for until it is confirmed.
 * Prints one JSON line, times in microseconds from send() to the first look-up that finds the host. A SYN that is not seen within
 * two seconds is counted as missed.
 */
#include "core/clock.h"
#include "store/reader.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GIVE_UP_NS 2000000000
#define TCP_OPTIONS 20

enum { SYN = 2, ACK = 16 };

static void put32(uint8_t *p, uint32_t x)
{
	x = htonl(x);
	memcpy(p, &x, 4);
}

/*
 * Ethernet, IPv4, TCP: a Linux SYN to 192.0.2.1:25, the answer to it, or the ACK of that. Checksums are left 0: nobody on this
 * wire looks at them.
 */
static size_t make_frame(uint8_t frame[128], const uint8_t dst[6], const uint8_t src[6], uint32_t from, uint8_t flags)
{
	static const uint8_t options[TCP_OPTIONS] = { 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 7 };
	const uint32_t client = from, server = 0xc0000201;
	const bool answer = flags == (SYN | ACK);
	uint8_t *ip = frame + 14, *tcp = ip + 20;

	memset(frame, 0, 128);
	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	frame[12] = 8;
	ip[0] = 0x45;
	ip[3] = 20 + 20 + TCP_OPTIONS;
	ip[4] = 1;
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, answer ? server : client);
	put32(ip + 16, answer ? client : server);
	put32(tcp, answer ? 25u << 16 | 0x9c00 : 0x9c00u << 16 | 25);
	put32(tcp + 4, answer ? 1000 : flags == SYN ? 1 : 2);
	put32(tcp + 8, answer ? 2 : flags == SYN ? 0 : 1001);
	tcp[12] = (5 + TCP_OPTIONS / 4) << 4;
	tcp[13] = flags;
	tcp[14] = 0xfa;
	tcp[15] = 0xf0;
	memcpy(tcp + 20, options, TCP_OPTIONS);
	return 14 + 40 + TCP_OPTIONS;
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int open_wire(const char *interface, uint8_t mac[6])
{
	const int fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct ifreq ifr = { 0 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET };

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &ifr) != 0)
		return -1;
	to.sll_ifindex = ifr.ifr_ifindex;
	if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) != 0)
		return -1;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return fd;
}

int main(int argc, char **argv)
{
	uint8_t dst[6], src[6], frame[128];
	struct fp_store *store;
	struct in_addr first;

	if (argc < 7 || argc > 8 || (argc == 8 && strcmp(argv[7], "handshake") != 0) || inet_pton(AF_INET, argv[4], &first) != 1 ||
	    sscanf(argv[3], "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", dst, dst + 1, dst + 2, dst + 3, dst + 4, dst + 5) != 6) {
		fputs("usage: visible STORE INTERFACE MAC FIRST N GAP_MS [handshake]\n", stderr);
		return 2;
	}
	const unsigned n = (unsigned)strtoul(argv[5], NULL, 10), gap_ms = (unsigned)strtoul(argv[6], NULL, 10);
	const int wire = open_wire(argv[2], src);
	int64_t *took = calloc(n + 1, sizeof *took);
	unsigned seen = 0;

	if (wire < 0 || took == NULL || fp_open(&store, argv[1]) != 0) {
		perror("visible");
		return 1;
	}
	for (unsigned i = 0; i < n; i++) {
		const uint32_t from = ntohl(first.s_addr) + i, net = htonl(from);
		const struct fp_addr addr = fp_addr_from_v4(&net);
		struct fp_answer answer;
		bool there = false;
		const int64_t begin = clock_ns(CLOCK_MONOTONIC);

		for (size_t k = 0; k < (argc == 8 ? 3 : 1); k++) {
			const size_t len = make_frame(frame, dst, src, from, (const uint8_t[]){ SYN, SYN | ACK, ACK }[k]);

			if (send(wire, frame, len, 0) != (ssize_t)len) {
				perror("visible: send");
				return 1;
			}
		}
		/* A reader that does not give way would take the CPU from what it waits for. */
		while (!there && clock_ns(CLOCK_MONOTONIC) - begin < GIVE_UP_NS) {
			there = fp_lookup(store, &addr, &answer) == 0 && (argc == 7 || answer.host.confirmed);
			if (!there)
				nanosleep(&(struct timespec){ 0, 50000 }, NULL);
		}
		if (there)
			took[seen++] = clock_ns(CLOCK_MONOTONIC) - begin;
		usleep(gap_ms * 1000);
	}
	fp_close(&store);
	qsort(took, seen, sizeof *took, by_size);
	printf("{\"measure\":\"SYN on the wire to a reader\",\"sent\":%u,\"missed\":%u,\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f}\n",
	    n, n - seen, took[seen / 2] / 1e3, took[seen * 99 / 100] / 1e3, seen > 0 ? took[seen - 1] / 1e3 : 0.0);
	free(took);
	return seen == n ? 0 : 1;
}
