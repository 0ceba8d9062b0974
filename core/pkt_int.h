/* pkt_int - what the files of the decoder share: pkt.c (entry, IP, TCP), pktlink.c (links), pktopt.c (TCP options), pkttunnel.c (tunnels), pkttalk.c (what nobody wants). */
#ifndef FP_PKT_INT_H
#define FP_PKT_INT_H

#include "core/pkt.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define PROTO_TCP 6

/* Flags of a TCP header. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80

/* Bytes of headers, the least that there are. */
#define IPV4_MIN 20u
#define IPV6_MIN 40u
#define TCP_MIN 20u
#define ETHERNET 14u

/* Where a layer stands: at its first byte. Every header moves it on, so a stack of tags ends with the frame. */
struct cursor {
	const uint8_t *at;
	size_t left;  /* captured bytes from here on */
	size_t wire;  /* bytes from here on that were on the wire; >= left */
	const uint8_t *frame;
	bool compat;
	bool decapsulate;
	uint8_t nested; /* Ethernet headers so far: MPLS and tunnels may carry one in another */
	uint8_t tunnels;/* tunnels so far */
};

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * The same bytes as the machine reads them, and what they are compared with: a constant written in the order of the wire. So a
 * comparison needs no swapping.
 */
static inline uint32_t wire32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t wire64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WIRE32(x) __builtin_bswap32(x)
#define WIRE64(x) __builtin_bswap64(x)
#else
#define WIRE32(x) ((uint32_t)(x))
#define WIRE64(x) ((uint64_t)(x))
#endif

static inline bool advance(struct cursor *c, size_t n)
{
	if (c->left < n)
		return false;
	c->at += n;
	c->left -= n;
	c->wire -= n;
	return true;
}

/*
 * The two ways through pkt_decode(); obs is all 0. The first takes a SYN on plain Ethernet and IP, with usual options and without
 * oddities, or says false (what it has filled in then is right as well); the second takes that too, with the same result (tests/test_pktfast.c).
 */
bool pkt_plain_syn(const uint8_t *frame, size_t caplen, struct tcp_obs *obs);

/* A segment on plain Ethernet and IP that pkt_decode() reads and obs_wanted() does not want; false says nothing. caplen <= len. */
bool pkt_talk(const uint8_t *frame, size_t caplen, size_t len);

enum pkt_result pkt_any(const struct pkt_conf *conf, unsigned link, const uint8_t *frame, size_t caplen, size_t len, struct tcp_obs *obs);

/* At an IP header, of either version. */
enum pkt_result pkt_ip(struct cursor *c, struct tcp_obs *obs);

/* At an Ethernet header, or behind a type field. */
enum pkt_result pkt_ethernet(struct cursor *c, struct tcp_obs *obs);
enum pkt_result pkt_ethertype(struct cursor *c, unsigned type, struct tcp_obs *obs);

/* At PPP: with or without address and control. */
enum pkt_result pkt_ppp(struct cursor *c, struct tcp_obs *obs);

/* Behind an IP header whose protocol is tunnel_protocol(): what lies within. */
enum pkt_result pkt_tunnel(struct cursor *c, uint8_t protocol, struct tcp_obs *obs);

/* Any frame of a link type; guessed: see pkt_guess(). */
enum pkt_result pkt_link(struct cursor *c, unsigned link, uint8_t guessed, struct tcp_obs *obs);

/* TCP options, end - at at most 40 bytes; obs->kind is known. Fills the layout and what options say; returns quirks. */
uint32_t pktopt_read(const uint8_t *at, const uint8_t *end, struct tcp_obs *obs);

#endif
