/*
 * majority - whether nearly all of a stream comes from one address, in constant memory.
 *
 * Boyer and Moore's vote over windows: at the end of one, with v votes left for the candidate among n, at least (n + v) / 2 were
 * its own. So a yes is certain; a stream just below the share may be passed over.
 * Threads  one.
 */
#ifndef FP_MAJORITY_H
#define FP_MAJORITY_H

#include "core/addr.h"

#define MAJORITY_WINDOW 1000
#define MAJORITY_PERCENT 95

struct majority {
	struct fp_addr of; /* the candidate; who it was when majority_add() said yes */
	uint32_t votes, seen;
};

/* Counts one. True: it ends a window, and more than MAJORITY_PERCENT of the window was from m->of. Begin with all noughts. */
static inline bool majority_add(struct majority *m, const struct fp_addr *who)
{
	if (m->seen == MAJORITY_WINDOW)
		m->seen = m->votes = 0;
	if (m->votes == 0)
		m->of = *who;
	if (fp_addr_equal(&m->of, who))
		m->votes++;
	else
		m->votes--;
	return ++m->seen == MAJORITY_WINDOW && m->votes > MAJORITY_WINDOW * (2 * MAJORITY_PERCENT - 100) / 100;
}

#endif
