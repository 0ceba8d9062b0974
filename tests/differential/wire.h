/*
 * wire - segments for the differential test: as a signature of p0f's file describes them, then changed at random, then as bytes of a frame. Of our own
 * code nothing is used here, so that a mistake there is not made twice.
 */
#ifndef FP_DIFFERENTIAL_WIRE_H
#define FP_DIFFERENTIAL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define URG 0x20
#define ECE 0x40
#define CWR 0x80

struct segment {
	bool v6;
	uint8_t src[16], dst[16]; /* IPv4: the first four bytes */
	uint16_t src_port, dst_port;
	uint8_t ttl, tos, ip_options; /* ip_options: bytes, a multiple of 4 */
	uint16_t id, fragment;        /* fragment: flags and offset */
	uint32_t flow;
	int16_t length_off;           /* added to the IP length */
	bool extension;               /* IPv6: an extension header */
	uint32_t seq, ack;
	uint8_t flags, reserved;      /* reserved: the four bits beside the data offset */
	uint16_t win, urgent;
	uint8_t options[40], n_options;
	const uint8_t *payload;
	uint16_t n_payload;
};

/* What a signature leaves open. */
struct fill {
	uint16_t mss;
	uint8_t hops;
	uint32_t ts1, ts2;
};

struct signature; /* one line of p0f.fp */
struct signatures {
	struct signature *item[2]; /* requests, responses */
	size_t n[2];
	uint32_t tool[256]; /* numbers of requests whose label is of a tool's */
	size_t n_tools;
};

uint64_t random_next(void);
uint32_t below(uint32_t n);      /* 0 .. n - 1 */
bool one_in(uint32_t n);
void random_seed(uint64_t seed);

/* Returns false where the file cannot be read or has none. */
bool signatures_load(struct signatures *s, const char *path);

/* Everything of a SYN (response false) or SYN+ACK but addresses, ports and numbers. */
void segment_of(struct segment *out, const struct signatures *s, bool response, size_t number, bool v6, const struct fill *fill);

/* A change of one thing, as stacks, boxes on the way and liars make them. */
void segment_mutate(struct segment *s);

/* Timestamp option and nothing else, for segments after the handshake. */
void segment_timestamps(struct segment *s, uint32_t ts1, uint32_t ts2);

struct writer {
	FILE *file;
	uint32_t link;
	uint64_t packets;
};

void writer_begin(struct writer *w, FILE *file, uint32_t link);
void writer_put(struct writer *w, const struct segment *s, uint64_t time_us);

#endif
