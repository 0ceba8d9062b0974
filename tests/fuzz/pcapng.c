/*
 * fuzz: the blocks of a pcapng file, a section and an interface before them, so that all of the input is about what follows. The first byte
 * chooses the byte order and the interface's link type; every frame's bytes are there, times never go outside what we can say.
 */
#include "capture/pcapngfile.h"
#include "core/pkt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t heads[2][48] = {
	{ 0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 28, 0, 0, 0,
	  1, 0, 0, 0, 20, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0 },
	{ 0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 28,
	  0, 0, 0, 1, 0, 0, 0, 20, 0, 101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20 },
};

static void use(const struct capture_frame *f, uint64_t n)
{
	const struct pkt_conf conf = { .decapsulate = n & 1 };
	struct tcp_obs obs;
	volatile uint8_t sum = 0;

	if (f->caplen > PCAPFILE_RECORD_MAX || f->time_ns < 0)
		abort();
	for (uint32_t i = 0; i < f->caplen; i++)
		sum = (uint8_t)(sum ^ f->bytes[i]);
	pkt_decode(&conf, f->link, f->bytes, f->caplen, f->len, f->time_ns, &obs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct pcapngfile f;
	struct capture_frame frame;
	struct source s;
	uint8_t head[48];
	char path[64];

	if (size == 0)
		return 0;
	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	memcpy(head, heads[data[0] & 1], sizeof head);
	if (data[0] & 2)
		head[data[0] & 1 ? 37 : 36] = 1; /* Ethernet */
	if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, head, sizeof head, 0) != sizeof head ||
	    pwrite(fd, data + 1, size - 1, sizeof head) != (ssize_t)size - 1)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (source_open(&s, path, NULL) != 0)
		return 0;
	if (pcapngfile_begin(&f, &s) == 0)
		while (pcapngfile_next(&f, &frame) == 1)
			use(&frame, f.records);
	pcapngfile_end(&f);
	source_close(&s);
	return 0;
}
