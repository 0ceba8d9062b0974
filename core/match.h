/*
 * match - signatures and one observation to a verdict. Pure: the answer depends on the arguments
 * alone; any thread, any number at once. No allocation.
 */
#ifndef FP_MATCH_H
#define FP_MATCH_H

#include "core/sigdb.h"

enum match_quality {
	MATCH_NONE,
	MATCH_EXACT,   /* a specific signature, to the letter */
	MATCH_GENERIC, /* a generic one, to the letter */
	MATCH_FUZZY,   /* but for DF, id, ECN or the TTL */
};

/* p0f's window multiples (docs/p0f3-matching.md section 7). */
enum win_unit { WIN_PLAIN, WIN_MSS, WIN_MTU };

struct verdict {
	const struct sig_label *label; /* NULL: not recognised; lives as long as the sigdb */
	uint32_t sig_line;   /* of the signature that hit (struct sig): tells two of one label apart; 0 without */
	uint8_t match;       /* enum match_quality */
	bool random_ttl;     /* the signature has "n-" */
	int16_t dist;        /* hops, -1 where unknown; above 35 p0f calls it excess_dist */
	uint8_t dist_guess;  /* by the TTL alone: what raw_sig prints */
	uint8_t win_unit;    /* enum win_unit */
	uint16_t win_multiple;
	uint32_t mtu;        /* mss + 40 or 60; 0 where there is no MSS; above 65535 for absurd ones */
	const char *link;    /* of the MTU, or NULL */
};

enum match_mode {
	MATCH_CORRECT,
	MATCH_COMPAT_P0F, /* 3.09b's answers, its defects included */
};

/*
 * obs is a SYN or SYN+ACK; syn_mss is the MSS of the SYN that a SYN+ACK answers, 0 where it was
 * not seen, and 0 for a SYN. Always fills *out.
 */
void match_tcp(const struct sigdb *db, enum match_mode mode, const struct tcp_obs *obs,
    uint16_t syn_mss, struct verdict *out);

#endif
