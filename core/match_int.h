/* match_int - what loading needs of matching: p0f's test for signatures that can never be reached. */
#ifndef FP_MATCH_INT_H
#define FP_MATCH_INT_H

#include "core/sigdb_int.h"

#define DIST_MAX 35 /* hops from the initial TTL that still count as exact */

/*
 * Whether `old`, earlier in the same bucket, takes everything that `fresh` is for, as p0f 3.09b judges (docs/p0f3-matching.md
 * section 5, "Load check"): generic ones cover nothing.
 */
bool match_covers(const struct sig *old, bool old_generic, const struct sig *fresh);

#endif
