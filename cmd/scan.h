/*
 * scan - all hosts of a store in turn, a slice at a time, for commands that show a store as it lives.
 */
#ifndef FP_SCAN_H
#define FP_SCAN_H

#include "store/reader.h"

struct scan {
	struct fp_store *store;
	struct fp_addr at;
	void (*host)(void *ctx, const struct fp_answer *host);
	void *ctx;
};

/* Begins again at the first host. */
void scan_begin(struct scan *s);

/* The next n hosts at most: 1 there may be more, 0 that was the last, else why it cannot go on (FP_E*): to be tried again. */
int scan_some(struct scan *s, unsigned n);

/* The sum of a counter over all rows of fingerpost stats' text; 0 where there is none. */
uint64_t scan_counter(struct fp_store *store, const char *name);

/* Sleeps; a clock of ns that never goes back. */
void scan_sleep(int64_t ns);
int64_t scan_clock(void);

#endif
