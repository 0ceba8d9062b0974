/*
 * matcher - thread body: observations from rings in, deltas to the sink out.
 *
 * All segments of one client come to one matcher (matcher_of()), which so owns the client's flows and
 * state without a lock.
 *
 * Owner    matcher_create() before the threads, matcher_destroy() after; rings belong to the caller.
 * Threads  matcher_run() is the body of one; or, with no matcher threads, the capture thread calls matcher_batch().
 */
#ifndef FP_MATCHER_H
#define FP_MATCHER_H

#include "core/counters.h"
#include "core/hash.h"
#include "core/ring.h"
#include "core/sink.h"
#include "core/track.h"
#include "core/wake.h"

#define MATCHER_BATCH 64

/* Which of n matchers a segment belongs to: by its client, the side with the higher... see matcher.c. */
unsigned matcher_of(const struct hash_key *key, const struct tcp_obs *obs, unsigned n);

#endif
