/*
 * host - everything known of one address, as numbers: what a matcher learns, the merge joins, the
 * store keeps (72 bytes, docs/store-format.md) and a reader gets.
 *
 * A plain record. 0 means absent unless a field says otherwise; times are unix seconds.
 */
#ifndef FP_HOST_H
#define FP_HOST_H

#include "core/quality.h"

#include <stdbool.h>
#include <stdint.h>

#define FP_DISTANCE_UNKNOWN 255
#define FP_CANDIDATES 2

/* How the window was written by p0f's rule: plainly, or as a multiple of MSS or MTU. */
enum fp_win_unit { FP_WIN_PLAIN, FP_WIN_MSS, FP_WIN_MTU };

/* What the way did to the packet (fp_host.path). */
enum fp_path {
	FP_PATH_TS_REMOVED = 1 << 0,
	FP_PATH_DF_CLEARED = 1 << 1,
	FP_PATH_MSS_CLAMPED = 1 << 2,
	FP_PATH_WIN_REWRITTEN = 1 << 3,
	FP_PATH_SACK_REMOVED = 1 << 4,
	FP_PATH_WS_REMOVED = 1 << 5,
	FP_PATH_TTL_RESTARTED = 1 << 6,
	FP_PATH_PROXY = 1 << 7,
	FP_PATH_TUNNEL = 1 << 8,
};

struct fp_candidate {
	uint8_t code; /* row of the candidates' table in docs/store-format.md; 0 = none */
	uint8_t p;    /* probability times 255 */
};

struct fp_host {
	uint32_t label;       /* id of "class:name:flavor"; 0 = not recognised */
	uint16_t layout;      /* id of the option layout, this store's own numbering; 0 = absent */
	uint16_t app;         /* id of what the client said it runs, this store's own; 0 = absent */
	uint16_t origin;      /* id of the machine that supplied the verdict, own numbering; 0 = here */
	uint32_t first_seen;
	uint32_t last_seen;
	uint32_t verdict_seen;/* when the SYN (or SYN+ACK) was seen that label and signature are of */
	uint32_t os_changed;  /* last change of system */
	uint32_t shared;      /* last sign that several systems share the address */
	uint32_t connections; /* SYNs, repeats not counted; stops at the top */
	uint32_t handshakes;  /* completed ones; 24 bits in the record; stops at the top */
	uint32_t quirks;      /* p0f's quirks; fp_quirk_name() */
	uint16_t mss;
	uint16_t win;
	uint16_t win_multiple;/* with win_unit; at most 1023 */
	uint16_t path;        /* enum fp_path; fp_path_name() */
	uint16_t clock_hz;    /* timestamp clock */
	uint32_t uptime_min;  /* 24 bits in the record; meaningful where clock_hz is */
	uint8_t win_unit;     /* enum fp_win_unit */
	uint8_t ecn;          /* enum obs_ecn of the SYN */
	uint8_t ttl;          /* as observed */
	uint8_t wscale;
	uint8_t olen;
	uint8_t distance;     /* hops; FP_DISTANCE_UNKNOWN = absent */
	uint8_t sharing;      /* score of the last sign of sharing */
	uint8_t bad_sw;       /* p0f's: 0, 1 odd, 2 lies about its software */
	uint8_t match;        /* enum fp_match */
	struct fp_candidate candidate[FP_CANDIDATES]; /* the likeliest first */
	bool confirmed;       /* the verdict's client completed a handshake */
	bool synack;          /* the signature is of a SYN+ACK: seen as a server only */
	bool ipv6;
	bool payload;         /* the SYN carried data */
	bool random_ttl;      /* the distance is an upper bound */
	bool uptime_doubtful; /* the stack randomises its timestamps */
};

#endif
