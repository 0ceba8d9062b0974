/*
 * filter - the packet filter that goes into the kernel: FILTER as the user wrote it, and of what passes only what a
 * matcher can use.
 *
 * libpcap's tcp[] knows IPv4 alone, and its `port` only the frame's outermost layer. So the program is our own: it walks
 * tags (802.1Q, 802.1ad), PPPoE and MPLS as pkt_decode() does, and applies FILTER, which libpcap compiled for bare IP, at the place
 * where IP begins. Where the kernel took the outer tag away the frame simply begins one tag later.
 *
 * Owner    filter_compile() makes *out, pcap_freecode() frees it.
 * Threads  none of its own; libpcap's compiler is locked inside libpcap.
 */
#ifndef FP_FILTER_H
#define FP_FILTER_H

#include "capture/capture.h"

#include <pcap/pcap.h>

#define FILTER_PORTS 32

/* Ports that a FILTER watches, where it says nothing else: n = 0: it does. */
struct filter_ports {
	size_t n;
	uint16_t port[FILTER_PORTS];
};

struct filter_conf {
	int dlt;              /* DLT_ value of the frames */
	const char *text;     /* FILTER; "" = none */
	bool segments;        /* only SYN, SYN+ACK, and what `acks` says */
	bool acks;            /* ACKs too that carry nothing, end nothing, and go to a watched port, where ports are known */
	bool decapsulate;     /* tunnels pass, whatever FILTER says: what is in them is judged by inner.h */
	pcap_t *handle;       /* for FILTERs that speak of the link layer: compiled for this handle; NULL: for dlt */
};

/* FP_ECONFIG: FILTER is wrong, err says how; -ENOMEM. */
int filter_compile(struct bpf_program *out, const struct filter_conf *conf, char err[CAPTURE_ERR]);

/* "tcp port 25 or tcp port 587", "port smtp or 465", "tcp and (port 25 or port 587)"; anything else has no ports. */
void filter_ports(struct filter_ports *out, const char *text);

#endif
