/*
 * face - what a signature consists of but for the packet's time, timestamp and TTL; and a signature as a host or a flow keeps it. Clients are many,
 * stacks few: hosts and flows name the same face by its number, + 1 (core/trackface.c), which is there as long as somebody does.
 */
#ifndef FP_FACE_H
#define FP_FACE_H

#include "core/match.h"

struct face_what {
	const struct sig_label *label;
	uint32_t quirks;
	uint32_t sig_line;
	uint32_t layout_hash; /* of the option kinds */
	uint16_t layout, mss, win, win_multiple;
	int16_t reach;        /* TTL and hops together: where they are counted from; -1: the distance is unknown */
	uint8_t wscale, olen;
	uint8_t dscp : 6;
	uint8_t win_unit : 2;
	uint8_t ecn : 4;
	uint8_t match : 2;
	uint8_t payload : 1;
	uint8_t random_ttl : 1;
	uint8_t ipver;
	uint8_t zero[5];
};
_Static_assert(sizeof(struct face_what) == 40 && offsetof(struct face_what, zero) == 35, "compared as bytes: no gaps");

struct track_kept {
	uint32_t face : 24;       /* 0: none */
	uint32_t ttl : 8;
	uint32_t ts1;
	uint32_t s;               /* when, */
	uint16_t ms : 10;         /* and milliseconds: what clocks are measured by */
	uint16_t flags : 6;       /* of a host: enum host_flag */
	uint16_t port;            /* of a host: the client's port of its last flow; 0: none */
};
_Static_assert(sizeof(struct track_kept) == 16, "kept for every host and flow");

/* Milliseconds since 1970, of the low 32 bits of the seconds. */
static inline uint64_t kept_ms(const struct track_kept *k)
{
	return (uint64_t)k->s * 1000 + k->ms;
}

/* Hops; -1: unknown. */
static inline int kept_dist(const struct track_kept *k, const struct face_what *what)
{
	return what->reach >= 0 ? what->reach - (int)k->ttl : -1;
}

#endif
