/* progress - how far the reading of files has come, as a line for a terminal. */
#ifndef FP_PROGRESS_H
#define FP_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *name;     /* of the file under way */
	uint64_t packets;     /* of all files so far */
	uint64_t done, total; /* bytes of this file; total 0: not known, as of a FIFO */
	double seconds;       /* since the start of this file */
	double rate;          /* packets a second, lately */
};

/* "a.pcap: 12.3 M packets, 1.84 M/s, 34 %, 1:05 left". Returns what snprintf() would. */
int progress_text(char *buf, size_t size, const struct progress *p);

#endif
