/*
 * flood - SYNs of forged sources, as fast as asked, for tests and figures of what the daemon does about them.
 *
 *   flood INTERFACE MAC N A_SECOND [FIRST [SOURCES]]
 *
 * N SYNs of Windows to 192.0.2.1:25, each of another address out of 4.0.0.0/6 (number FIRST and on, scattered), A_SECOND
 * of them a second (0: as fast as the wire takes them). SOURCES: of so many addresses in turn, each time from another port. Prints how
 * many were sent and in how many seconds.
 */
#include "core/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, FRAME = 14 + 20 + 32 };

/* Checksums are left 0: nobody on this wire looks at them. */
static void make_frame(uint8_t frame[FRAME], const uint8_t dst[6], const uint8_t src[6])
{
	static const uint8_t options[12] = { 2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2 };
	uint8_t *ip = frame + 14, *tcp = ip + 20;

	memset(frame, 0, FRAME);
	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	frame[12] = 8;
	ip[0] = 0x45;
	ip[3] = FRAME - 14;
	ip[4] = 1;
	ip[6] = 0x40;
	ip[8] = 120;
	ip[9] = 6;
	memcpy(ip + 16, (const uint8_t[]){ 192, 0, 2, 1 }, 4);
	tcp[3] = 25;
	tcp[12] = 8 << 4;
	tcp[13] = 2;
	tcp[14] = 0xfa;
	tcp[15] = 0xf0;
	memcpy(tcp + 20, options, sizeof options);
}

/* Number n's address, port and sequence number: each n another address (an odd factor permutes 2^26 of them), or one of the sources. */
static void set_source(uint8_t frame[FRAME], uint32_t n, uint32_t sources)
{
	const uint32_t who = sources != 0 ? n % sources : n, addr = htonl(0x04000000u | (who * 2654435761u & 0x03ffffffu)), seq = n * 40503u;
	const uint16_t port = htons((uint16_t)(1024 + (sources != 0 ? n / sources + who : n) % 60000));

	memcpy(frame + 14 + 12, &addr, 4);
	memcpy(frame + 34, &port, 2);
	memcpy(frame + 34 + 4, &seq, 4);
}

static int open_wire(const char *interface, uint8_t mac[6])
{
	const int fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct ifreq ifr = { 0 };
	const int bytes = 4 << 20;

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &ifr) != 0)
		return -1;
	to.sll_ifindex = ifr.ifr_ifindex;
	if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) != 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return fd;
}

/* Sends all of a batch; false: the wire is gone. */
static int send_all(int wire, struct mmsghdr *msg, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		const int sent = sendmmsg(wire, msg + done, n - done, 0);

		if (sent > 0)
			done += (unsigned)sent;
		else if (errno == ENOBUFS || errno == EAGAIN || errno == EINTR)
			usleep(100);
		else
			return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	static uint8_t frame[BATCH][FRAME];
	struct iovec iov[BATCH];
	struct mmsghdr msg[BATCH];
	uint8_t dst[6], src[6];

	if (argc < 5 || argc > 7 ||
	    sscanf(argv[2], "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", dst, dst + 1, dst + 2, dst + 3, dst + 4, dst + 5) != 6) {
		fputs("usage: flood INTERFACE MAC N A_SECOND [FIRST [SOURCES]]\n", stderr);
		return 2;
	}
	const uint32_t n = (uint32_t)strtoul(argv[3], NULL, 10), first = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0;
	const uint32_t sources = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 0;
	const double rate = strtod(argv[4], NULL);
	const int wire = open_wire(argv[1], src);
	const int64_t begin = clock_ns(CLOCK_MONOTONIC);

	if (wire < 0) {
		perror("flood");
		return 1;
	}
	memset(msg, 0, sizeof msg);
	for (unsigned i = 0; i < BATCH; i++) {
		make_frame(frame[i], dst, src);
		iov[i] = (struct iovec){ frame[i], FRAME };
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	for (uint32_t sent = 0; sent < n;) {
		const unsigned more = n - sent < BATCH ? n - sent : BATCH;
		const int64_t due = rate > 0 ? begin + (int64_t)(sent / rate * 1e9) : 0;

		if (due > clock_ns(CLOCK_MONOTONIC)) {
			const struct timespec until = { due / 1000000000, due % 1000000000 };

			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		}
		for (unsigned i = 0; i < more; i++)
			set_source(frame[i], first + sent + i, sources);
		if (!send_all(wire, msg, more)) {
			perror("flood: send");
			return 1;
		}
		sent += more;
	}
	printf("%u %.3f\n", n, (double)(clock_ns(CLOCK_MONOTONIC) - begin) / 1e9);
	return 0;
}
