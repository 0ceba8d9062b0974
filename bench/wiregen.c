/*
 * wiregen - puts the frames of a capture on an interface, as fast as the kernel takes them or at a rate.
 *
 *   wiregen -i INTERFACE [-d MAC] [-n FRAMES] [-r PACKETS_A_SECOND] [-c CPU] [-f FIRST] [-e EVERY] FILE
 *
 * FILE: classic pcap of Ethernet in this machine's byte order, as bench/gen writes it; it is read into memory first and repeated where FRAMES asks for more.
 * -d: their destination. -f, -e: begin with frame FIRST, take each EVERYth (several senders share a file). PACKET_QDISC_BYPASS and sendmmsg(): no
 * queueing discipline, a system call for 64 frames. Prints {"sent":N,"wall_ns":N,"cpu_ns":N}; sent are the frames that the interface took.
 */
#include "core/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BURST 64

struct wire {
	uint8_t *file;
	size_t size, at; /* of the next record */
	size_t skip;     /* records between two of ours */
	int fd;
	struct mmsghdr message[BURST];
	struct iovec part[BURST];
};

/* The next record's frame; at the end of the file from its beginning. */
static uint8_t *next_record(struct wire *w, uint32_t *len)
{
	if (w->at + 16 > w->size)
		w->at = 24;
	memcpy(len, w->file + w->at + 8, sizeof *len);
	if (w->at + 16 + *len > w->size) {
		w->at = 24;
		memcpy(len, w->file + w->at + 8, sizeof *len);
	}
	uint8_t *frame = w->file + w->at + 16;

	w->at += 16 + *len;
	return frame;
}

static int load(struct wire *w, const char *path, const uint8_t mac[6], bool with_mac)
{
	const int fd = open(path, O_RDONLY);
	struct stat st;
	uint32_t magic, len;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	w->size = (size_t)st.st_size;
	w->file = mmap(NULL, w->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (w->file == MAP_FAILED || w->size < 24 + 16)
		return -EINVAL;
	memcpy(&magic, w->file, sizeof magic);
	if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)
		return -EINVAL;
	w->at = 24;
	for (size_t at = w->at; with_mac && at + 16 <= w->size; at += 16 + len) {
		memcpy(&len, w->file + at + 8, sizeof len);
		if (at + 16 + len <= w->size && len >= 14)
			memcpy(w->file + at + 16, mac, 6);
	}
	return 0;
}

static int open_socket(struct wire *w, const char *interface)
{
	const struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface) };

	w->fd = socket(AF_PACKET, SOCK_RAW, 0); /* protocol 0: receives nothing */
	if (w->fd < 0 || to.sll_ifindex == 0 || bind(w->fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
	    setsockopt(w->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &(int){ 1 }, sizeof(int)) != 0)
		return -errno;
	for (size_t i = 0; i < BURST; i++) {
		w->message[i].msg_hdr.msg_iov = &w->part[i];
		w->message[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

/* Sends n frames; what the interface has no room for now is offered again. Returns how many it took. */
static uint64_t burst(struct wire *w, unsigned n)
{
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t len;

		w->part[i].iov_base = next_record(w, &len);
		w->part[i].iov_len = len;
		for (size_t s = 0; s < w->skip; s++)
			next_record(w, &len);
	}
	while (done < n) {
		const int took = sendmmsg(w->fd, w->message + done, n - done, 0);

		if (took > 0)
			done += (unsigned)took;
		else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			break;
	}
	return done;
}

/* At most `rate` frames a second, in bursts; a late burst is not made up for by more than one second's worth. */
static uint64_t send_all(struct wire *w, uint64_t frames, uint64_t rate)
{
	const int64_t start = clock_ns(CLOCK_MONOTONIC);
	uint64_t sent = 0;

	while (sent < frames) {
		const unsigned n = frames - sent < BURST ? (unsigned)(frames - sent) : BURST;

		if (rate > 0) {
			const int64_t due = start + (int64_t)(sent * UINT64_C(1000000000) / rate);

			while (clock_ns(CLOCK_MONOTONIC) < due)
				; /* a sleep would be late by more than a burst lasts */
		}
		const uint64_t took = burst(w, n);

		sent += took;
		if (took < n) {
			fprintf(stderr, "wiregen: %s\n", strerror(errno));
			break;
		}
	}
	return sent;
}

static int usage(void)
{
	fprintf(stderr, "usage: wiregen -i INTERFACE [-d MAC] [-n FRAMES] [-r PACKETS_A_SECOND] [-c CPU] [-f FIRST] [-e EVERY] FILE\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *interface = NULL, *mac_text = NULL;
	uint64_t frames = 1000000, rate = 0, first = 0, every = 1;
	unsigned m[6] = { 0 };
	uint8_t mac[6];
	struct wire w = { 0 };
	int opt, rc, cpu = -1;
	uint32_t len;

	while ((opt = getopt(argc, argv, "i:d:n:r:c:f:e:")) != -1) {
		switch (opt) {
		case 'i': interface = optarg; break;
		case 'd': mac_text = optarg; break;
		case 'n': frames = strtoull(optarg, NULL, 10); break;
		case 'r': rate = strtoull(optarg, NULL, 10); break;
		case 'c': cpu = atoi(optarg); break;
		case 'f': first = strtoull(optarg, NULL, 10); break;
		case 'e': every = strtoull(optarg, NULL, 10); break;
		default: return usage();
		}
	}
	if (interface == NULL || optind + 1 != argc || every == 0 ||
	    (mac_text != NULL && sscanf(mac_text, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6))
		return usage();
	for (size_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)m[i];
	if (cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof set, &set);
	}
	if ((rc = load(&w, argv[optind], mac, mac_text != NULL)) != 0 || (rc = open_socket(&w, interface)) != 0) {
		fprintf(stderr, "wiregen: %s\n", strerror(-rc));
		return 1;
	}
	w.skip = every - 1;
	for (uint64_t i = 0; i < first; i++)
		next_record(&w, &len);

	const int64_t wall = clock_ns(CLOCK_MONOTONIC), used = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	const uint64_t sent = send_all(&w, frames, rate);

	printf("{\"sent\":%" PRIu64 ",\"wall_ns\":%" PRId64 ",\"cpu_ns\":%" PRId64 "}\n", sent, clock_ns(CLOCK_MONOTONIC) - wall,
	    clock_ns(CLOCK_PROCESS_CPUTIME_ID) - used);
	return sent == frames ? 0 : 1;
}
