/*
 * evidence - what several SYNs of one client say beyond what each says alone: which source ports it takes and in what order, how its
 * IP id moves, how fast its timestamps tick, how long it waits before it asks again, whether hops or systems change.
 * Four bytes a host; docs/signatures.md has the table and its sources.
 *
 * Owner    the caller's plain memory; all zero = nothing is known.
 * Threads  pure functions.
 * Bounds   counts stop at 7; then all are halved, so that what was long ago weighs ever less. A pause of EVIDENCE_HOURS, or
 *          another system at the address, begins anew.
 */
#ifndef FP_EVIDENCE_H
#define FP_EVIDENCE_H

#include "core/model.h"

#include <stdbool.h>
#include <stdint.h>

#define EVIDENCE_HOURS 24 /* after such a pause a dynamic address is somebody else's */

/* How many SYNs (of the last ones) did what: three bits each, but for the last. */
struct evidence {
	uint32_t bits; /* EVIDENCE_...: read by evidence_get() */
};
_Static_assert(sizeof(struct evidence) == 4, "kept for every host");

enum evidence_field {
	/* had a source port up to 5000, 32767, 49151, 60999, 65535 */
	EVIDENCE_PORT_LOW, EVIDENCE_PORT_MID, EVIDENCE_PORT_LINUX, EVIDENCE_PORT_HIGH, EVIDENCE_PORT_TOP,
	EVIDENCE_ODD,       /* an odd one */
	EVIDENCE_PORT_NEAR, /* one a little above the last */
	EVIDENCE_ID_NEAR,   /* had an IP id a little above the last */
	EVIDENCE_CLOCK,     /* no count: enum evidence_clock of the last connection that showed one */
	EVIDENCE_AGAIN,     /* no count: enum evidence_again, likewise */
	EVIDENCE_DOUBT,     /* two bits: came over other hops than the last, or from another system */
};

static inline unsigned evidence_get(const struct evidence *e, enum evidence_field f)
{
	return e->bits >> (3 * f) & 7;
}

enum evidence_clock { CLOCK_UNKNOWN, CLOCK_2, CLOCK_10, CLOCK_100, CLOCK_250, CLOCK_1000, CLOCK_OTHER };

/* When a SYN that nobody answered was sent again: after the first, and the first two together, in seconds. */
enum evidence_again { AGAIN_UNKNOWN, AGAIN_1, AGAIN_3, AGAIN_1_2, AGAIN_1_3, AGAIN_3_6, AGAIN_3_9, AGAIN_OTHER };

/* What of a SYN counts. */
struct evidence_syn {
	int64_t ms;           /* since 1970 */
	uint16_t port, id;    /* source port; IP id, 0: none, or zero */
	uint8_t ttl;
	bool other;           /* of a system of another name than the last one */
};

/* last: the client's SYN before; NULL: there was none. */
void evidence_syn(struct evidence *e, const struct evidence_syn *now, const struct evidence_syn *last);

/* A connection's timestamps were found to tick at hz. */
void evidence_clock(struct evidence *e, unsigned hz);

/* The same SYN came again: the nth time (the first repeat is 1), so long after the first. Not for copies: EVIDENCE_COPY_MS. */
#define EVIDENCE_COPY_MS 200
void evidence_again(struct evidence *e, unsigned nth, int64_t after_ms);

/* Whether there is anything to weigh: more than one SYN's port, which says next to nothing. */
bool evidence_says(const struct evidence *e);

/* Whether no evidence can tell two codes apart. */
bool evidence_same(unsigned a, unsigned b);

static inline bool evidence_doubt(const struct evidence *e)
{
	return evidence_get(e, EVIDENCE_DOUBT) != 0;
}

/* Weighs n candidates, at most MODEL_CANDIDATES, by it; what they leave of 1 is nobody's, as before. */
void evidence_weigh(const struct evidence *e, struct model_candidate *c, unsigned n);

/* How likely what was seen is for a candidate, relative to the others. */
double evidence_likelihood(const struct evidence *e, unsigned code);

#endif
