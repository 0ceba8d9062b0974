/*
 * pcapngfile - pcapng files (draft-ietf-opsawg-pcapng): sections of either byte order, any number of interfaces, each with a link type,
 * a snap length and a clock of its own. libpcap's reader ends where two interfaces differ in the first two.
 *
 * Owner    pcapngfile_begin() makes f usable, pcapngfile_end() frees what it holds.
 * Bounds   every number in the file may lie. A frame is at most PCAPFILE_RECORD_MAX bytes; a section has at most
 *          PCAPNG_INTERFACES_MAX interfaces; blocks of other kinds are skipped, however long, without being kept.
 */
#ifndef FP_PCAPNGFILE_H
#define FP_PCAPNGFILE_H

#include "capture/pcapfile.h"

#define PCAPNG_INTERFACES_MAX 65536

struct pcapng_interface {
	int64_t offset_s;  /* if_tsoffset */
	uint32_t snaplen;  /* 0 = none */
	uint16_t link;     /* LINKTYPE_ */
	uint8_t resolution;/* if_tsresol */
};

struct pcapngfile {
	struct source *source;
	bool swapped;        /* of this section: numbers are in the other byte order than ours */
	struct pcapng_interface *interface; /* of this section */
	uint32_t n, room;
	int64_t last_ns;     /* time of the newest frame: of one that has none */
	uint64_t to_skip;    /* what is left of the block that was handed out */
	uint64_t records;    /* frames read so far */
	uint64_t offset;     /* of the block now read, for messages */
	const char *wrong;   /* with FP_EFORMAT: what is */
};

/* Whether these four bytes begin such a file. */
bool pcapngfile_magic(const uint8_t bytes[4]);

/*
 * Reads to the first interface, so that its link type is known. FP_EFORMAT, FP_ETRUNC, -ENOMEM, -errno; what it holds is
 * freed by pcapngfile_end() in any case.
 */
int pcapngfile_begin(struct pcapngfile *f, struct source *source);

/* As pcapfile_next(). */
int pcapngfile_next(struct pcapngfile *f, struct capture_frame *frame);

void pcapngfile_end(struct pcapngfile *f);

/* LINKTYPE_ of the first interface; 0 where there is none yet. */
uint32_t pcapngfile_link(const struct pcapngfile *f);

#endif
