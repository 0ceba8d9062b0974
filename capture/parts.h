/*
 * parts - a classic pcap file for several threads, cut into parts of whole records.
 *
 * A thread takes the next block of the file and reads it. Where the block's first record begins it learns from the thread that has the
 * block before, which has walked from record to record to its own end: the same walk that one thread alone would make, so that every boundary is a
 * record's and nothing is guessed. Walking looks at sixteen bytes a record and goes on in turn; reading, and whatever the threads do with the
 * frames, go on side by side. Parts are given back in the order of the file, one at a time (parts_turn()).
 *
 * Owner    parts_create() makes it, parts_destroy() frees it when no thread is in it; a part is its thread's.
 * Threads  any number. Waits end within a tenth of a second of *a_stop.
 * Bounds   the file is as long as it was when it was opened; every number in it may lie.
 */
#ifndef FP_PARTS_H
#define FP_PARTS_H

#include "capture/pcapfile.h"

struct parts;

struct part {
	uint8_t *buf;
	uint64_t number;       /* of the block: 0, 1, ... */
	const uint8_t *at;     /* the first record; whole ones up to: */
	const uint8_t *end;
	uint64_t records;      /* of the file before this part */
	uint64_t offset, next; /* of this part in the file, and of what follows it */
	int rc;                /* why nothing follows, where that is no end in order: FP_ETRUNC, FP_EFORMAT as of pcapfile_next(), -errno */
};

/* f: the file whose header was read; fd is the caller's, read with pread(). -ENOMEM. */
int parts_create(struct parts **out, const struct pcapfile *f, int fd, uint64_t total, const _Atomic bool *a_stop);
void parts_destroy(struct parts **pp); /* sets NULL; NULL is fine */

/* A thread's part, empty. -ENOMEM. */
int part_make(struct part *b);
void part_free(struct part *b);

/* The next part; a part may have no record. False: there is none, or stopped. */
bool parts_take(struct parts *p, struct part *b);

/* Waits until all parts before b have been passed on. False: stopped, and b is not to be given back. */
bool parts_turn(struct parts *p, const struct part *b);

/* Ends b's turn. */
void parts_pass(struct parts *p, const struct part *b);

#endif
