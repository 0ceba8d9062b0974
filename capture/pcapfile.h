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

#define PCAPFILE_HEADER 24
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

#endif
