/*
 * pcapfile - classic pcap files (draft-ietf-opsawg-pcap): both byte orders, micro- and nanoseconds.
 *
 * libpcap's reader costs more a packet than all of our matching; pcapng and older kinds stay with it.
 * Every number in the file may lie: a record is at most PCAPFILE_RECORD_MAX bytes.
 */
#ifndef FP_PCAPFILE_H
#define FP_PCAPFILE_H

#include "capture/capture.h"
#include "capture/source.h"

#include <byteswap.h>
#include <string.h>

#define PCAPFILE_HEADER 24
#define PCAPFILE_RECORD_HEADER 16
#define PCAPFILE_RECORD_MAX 262144 /* libpcap's MAXIMUM_SNAPLEN */

struct pcapfile {
	struct source *source;
	bool swapped;        /* numbers are in the other byte order than ours */
	bool nanoseconds;
	uint32_t link;       /* LINKTYPE_ */
	uint32_t snaplen;
	uint64_t records;    /* read so far */
	uint64_t offset;     /* of the next record in the file, for messages */
};

/* Whether these four bytes begin such a file. */
bool pcapfile_magic(const uint8_t bytes[4]);

/* Reads the header. FP_EFORMAT: none of ours; FP_ETRUNC: the file ends in it. */
int pcapfile_begin(struct pcapfile *f, struct source *source);

/*
 * 1: *frame is the next one, its bytes valid until the next call; 0: the end, or stopped; FP_ETRUNC: the file ends in the middle of a record;
 * FP_EFORMAT: a record of impossible length; -errno.
 */
int pcapfile_next(struct pcapfile *f, struct capture_frame *frame);

/* ---- A record whose header stands at h ---------------------------------------------------- */

static inline uint32_t pcapfile_number(const struct pcapfile *f, const uint8_t *h)
{
	uint32_t n;

	memcpy(&n, h, sizeof n);
	return f->swapped ? bswap_32(n) : n;
}

/* Bytes of the frame behind the header; whatever the file says. */
static inline uint32_t pcapfile_caplen(const struct pcapfile *f, const uint8_t *h)
{
	return pcapfile_number(f, h + 8);
}

static inline void pcapfile_frame(const struct pcapfile *f, const uint8_t *h, struct capture_frame *frame)
{
	frame->bytes = h + PCAPFILE_RECORD_HEADER;
	frame->caplen = pcapfile_caplen(f, h);
	frame->len = pcapfile_number(f, h + 12);
	frame->link = f->link;
	frame->time_ns = (int64_t)pcapfile_number(f, h) * 1000000000 + (int64_t)pcapfile_number(f, h + 4) * (f->nanoseconds ? 1 : 1000);
}

#endif
