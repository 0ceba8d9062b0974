/*
 * obs - one observation: what a matcher needs to know of one TCP segment.
 *
 * Two cache lines, no pointer: it is copied through rings. Filled by pkt_decode(),
 * read by everybody, changed by nobody. Numbers are in host order, addresses in
 * network order.
 */
#ifndef FP_OBS_H
#define FP_OBS_H

#include "core/addr.h"
#include "core/quirk.h"

#include <stdbool.h>

#define OBS_OPTIONS_MAX 24 /* p0f reads no more; 40 bytes of options hold at most 40 NOPs */

/* SYN|ACK|FIN|RST of the segment, as p0f's "type". */
enum obs_kind {
	OBS_SYN,    /* SYN alone */
	OBS_SYNACK, /* SYN and ACK */
	OBS_ACK,    /* ACK, no SYN, FIN or RST */
	OBS_FIN,    /* FIN, with or without ACK */
	OBS_RST,    /* RST, with or without ACK */
};

/* Facts that p0f folds into the quirk "ecn". */
enum obs_ecn {
	OBS_ECN_IP = 1 << 0,  /* ECN field of the IP header not 0 (RFC 3168 5) */
	OBS_ECN_ECE = 1 << 1, /* RFC 3168 6.1 */
	OBS_ECN_CWR = 1 << 2,
	OBS_ECN_AE = 1 << 3,  /* was NS (RFC 3540), now AE of AccECN (RFC 9768) */
};

struct tcp_obs {
	int64_t time_ns;      /* packet time, ns since 1970 */
	struct fp_addr src;
	struct fp_addr dst;
	uint32_t seq;
	uint32_t ack;
	uint32_t ts1;         /* own timestamp; 0 also where there is none */
	uint32_t payload_len; /* bytes after the TCP header, by the IP length */
	uint32_t payload_at;  /* where the payload begins in the frame */
	uint32_t ip_at;       /* and its IP header: the innermost one */
	uint16_t src_port;
	uint16_t dst_port;
	/* These five in this order: matchcache.c reads them as one word. */
	uint16_t win;
	uint16_t mss;         /* 0 also where there is none */
	uint16_t tot_hdr;     /* IP and TCP header bytes, as p0f counts them */
	uint8_t ipver;        /* 4, 6 */
	uint8_t wscale;       /* 0 also where there is none */
	uint8_t ttl;
	uint8_t dscp;
	uint8_t ecn;          /* enum obs_ecn */
	uint8_t flags;        /* enum obs_flag */
	/* These in this order: the key of the index of signatures is made of the first five (sigdb_int.h), that of known answers of all. */
	uint8_t layout[OBS_OPTIONS_MAX]; /* option kinds in order, EOL included; 0 beyond layout_len */
	uint8_t layout_len;   /* entries of layout[] */
	uint8_t eol_pad;      /* bytes after EOL */
	uint8_t olen;         /* bytes of IP options or IPv6 extension headers, 255 at most */
	uint8_t kind;         /* enum obs_kind */
	uint32_t quirks;      /* enum quirk, in correct reading */
	uint16_t ip_id;       /* IPv4's identification; 0 in IPv6 */
	uint8_t spare[14];      /* room for what further kinds of evidence need */
};

/* What a matcher can use: a SYN, a SYN+ACK, an ACK that may complete a handshake. */
static inline bool obs_wanted(const struct tcp_obs *obs)
{
	return obs->kind == OBS_SYN || obs->kind == OBS_SYNACK || (obs->kind == OBS_ACK && obs->payload_len == 0);
}

enum obs_flag {
	OBS_OPT_LAST = 1 << 0, /* the only non-zero byte after EOL is the last one: p0f misses it */
	OBS_TUNNEL = 1 << 1,   /* it came inside another packet */
};

/*
 * The quirks as p0f 3.09b reads them: of the ack number without ACK flag it looks at one bit, the lowest of the
 * first byte on the wire; a lone last byte after EOL escapes it (docs/p0f3-matching.md section 3).
 */
static inline uint32_t obs_quirks_p0f(const struct tcp_obs *obs)
{
	uint32_t quirks = obs->quirks;

	if (!(obs->ack & 0x01000000))
		quirks &= ~(uint32_t)QUIRK_ACK_PLUS;
	if (obs->flags & OBS_OPT_LAST)
		quirks &= ~(uint32_t)QUIRK_OPT_PLUS;
	return quirks;
}

_Static_assert(sizeof(struct tcp_obs) == 128, "an observation is two cache lines");

#endif
