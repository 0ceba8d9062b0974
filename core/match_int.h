/* match_int - what loading and tests need of matching. */
#ifndef FP_MATCH_INT_H
#define FP_MATCH_INT_H

#include "core/match.h"
#include "core/sigdb_int.h"

#define DIST_MAX 35 /* hops from the initial TTL that still count as exact */

/* What a signature for either version cannot want of IPv6: there is no place for it, or (RFC 6437 3) every flow has it. */
#define MATCH_IGNORED_V6 (QUIRK_DF | QUIRK_ID_PLUS | QUIRK_ID_MINUS | QUIRK_ZERO_PLUS | QUIRK_FLOW)

/* match_tcp() without the index: every signature of the bucket, one by one. What the index is proved against. */
void match_tcp_linear(const struct sigdb *db, enum match_mode mode, const struct tcp_obs *obs, uint16_t syn_mss, struct verdict *out);

/* match_tcp() in correct mode; returns the initial TTL that hops are counted from, -1: they are guessed. */
int match_tcp_initial(const struct sigdb *db, const struct tcp_obs *obs, uint16_t syn_mss, struct verdict *out);

/* The TTLs around the packet's for which all signatures of its bucket judge TTLs alike. */
void match_ttls(const struct sigdb *db, const struct tcp_obs *obs, uint8_t *low, uint8_t *high);

/*
 * Whether `old`, earlier in the same bucket, takes everything that `fresh` is for, as p0f 3.09b judges (docs/p0f3-matching.md
 * section 5, "Load check"): generic ones cover nothing.
 */
bool match_covers(const struct sig *old, bool old_generic, const struct sig *fresh);

#endif
