/* fuzz: a capture file of any kind, with and without a filter; frames are decoded. */
#include "capture/capture.h"
#include "core/pkt.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_frame(void *ctx, const struct capture_frame *f)
{
	const struct pkt_conf conf = { 0 };
	struct tcp_obs obs;
	uint8_t sum = 0;

	for (uint32_t i = 0; i < f->caplen; i++)
		sum ^= f->bytes[i]; /* every byte is there */
	*(uint8_t *)ctx ^= sum;
	pkt_decode(&conf, f->link, f->bytes, f->caplen, f->len, f->time_ns, &obs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[64], err[CAPTURE_ERR];
	uint8_t sum = 0;
	const struct capture_handler handler = { .ctx = &sum, .frame = on_frame };

	if (fd < 0)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (size == 0 || write(fd, data, size) == (ssize_t)size)
		for (int filtered = 0; filtered < 2; filtered++) {
			struct capture *c;

			if (capture_open_file(&c, path, filtered ? "tcp port 25" : "", err) == 0)
				capture_run(c, &handler, err);
			capture_close(&c);
		}
	close(fd);
	return 0;
}
