/*
 * recent - the addresses of the last NEWS_KEPT events, newest first, kept by this process from the ring of events (core/news.h).
 *
 * Owner    recent_create() makes it, recent_destroy() ends it; the board is the caller's.
 * Threads  one.
 */
#ifndef FP_RECENT_H
#define FP_RECENT_H

#include "core/news.h"

#define NEWS_KEPT 10000u

struct recent;

int recent_create(struct recent **out, const struct news_board *board);
void recent_destroy(struct recent **rp); /* sets NULL; NULL is fine */

/* Takes in what came since; returns the number of the newest event. */
uint64_t recent_update(struct recent *r);

/* Whether event `number` is still known; *addr is whose it was then. */
bool recent_get(const struct recent *r, uint64_t number, struct fp_addr *addr);

/* The number of the newest event of an address; 0: none that is still known. */
uint64_t recent_newest(const struct recent *r, const struct fp_addr *addr);

#endif
