/*
 * inner - FILTER on what a tunnel carries: it speaks of the connection that is looked at, which with `decapsulate` is the innermost packet's. A
 * FILTER of the link layer ("ether host ...") speaks of the frame as it is.
 *
 * Owner    inner_open() makes *i usable, inner_close() frees what it holds.
 * Threads  one at a time.
 */
#ifndef FP_INNER_H
#define FP_INNER_H

#include "capture/capture.h"

#include <pcap/pcap.h>

enum inner_verdict {
	INNER_NONE,   /* no tunnel, or FILTER does not speak of what is in it: look at the frame */
	INNER_PASSES,
	INNER_REJECTED,
};

struct inner {
	bool on;       /* tunnels are looked into */
	bool compiled; /* there is a FILTER that can be applied there */
	struct bpf_program program;
};

/* text: FILTER, "" = none. */
void inner_open(struct inner *i, const char *text);
enum inner_verdict inner_judge(const struct inner *i, const struct capture_frame *frame);
void inner_close(struct inner *i);

#endif
