/*
 * pkt - entry, IP and TCP. One function a layer reads whatever comes; pkt_plain_syn() reads what a mail server sees most in half
 * the instructions, and leaves everything else to them.
 */
#include "core/pkt.h"
#include "core/pktopt.h"
#include "core/pkttunnel.h"
#include "core/util.h"

#include <string.h>

#define PROTO_HOPOPTS 0
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_DSTOPTS 60

#define PLAIN_MIN (ETHERNET + IPV4_MIN + TCP_MIN)

/* ---- TCP ---------------------------------------------------------------------------------- */

/* By the flags FIN, SYN, RST, PSH, ACK: the combinations of all but PSH that mean something. */
static const uint8_t kinds[32] = {
#define KIND(flags, kind) [flags] = (kind) + 1, [(flags) | TCP_PSH] = (kind) + 1
	KIND(TCP_SYN, OBS_SYN),
	KIND(TCP_SYN | TCP_ACK, OBS_SYNACK),
	KIND(TCP_ACK, OBS_ACK),
	KIND(TCP_FIN, OBS_FIN),
	KIND(TCP_FIN | TCP_ACK, OBS_FIN),
	KIND(TCP_RST, OBS_RST),
	KIND(TCP_RST | TCP_ACK, OBS_RST),
#undef KIND
};

_Static_assert((uint32_t)TCP_ECE << 16 >> 21 == OBS_ECN_ECE && (uint32_t)TCP_CWR << 16 >> 21 == OBS_ECN_CWR, "plain_tcp() shifts");

#define FLAGS(word) ((uint8_t)((word) >> 16)) /* of the word that has data offset, flags and window */
#define ODD_FLAGS ((uint32_t)(1 << 8 | TCP_PSH | TCP_URG | TCP_ECE | TCP_CWR) << 16)

/* What flags say that is not usual; the bit above them was NS and is AE. */
static __attribute__((noinline)) uint32_t odd_flags(uint32_t word, unsigned urgent, struct tcp_obs *obs)
{
	const uint8_t flags = FLAGS(word);
	uint32_t quirks = 0;

	if (flags & TCP_ECE)
		obs->ecn |= OBS_ECN_ECE;
	if (flags & TCP_CWR)
		obs->ecn |= OBS_ECN_CWR;
	if (word & 1 << 24)
		obs->ecn |= OBS_ECN_AE;
	if (obs->ecn != 0)
		quirks |= QUIRK_ECN;
	if (flags & TCP_URG)
		quirks |= QUIRK_URGF_PLUS;
	else if (urgent != 0)
		quirks |= QUIRK_UPTR_PLUS;
	if (flags & TCP_PSH)
		quirks |= QUIRK_PUSHF_PLUS;
	return quirks;
}

/*
 * h stands at the TCP header of the frame, of which left bytes are there; ip_left is what the IP length leaves for TCP (>= left, for the capture may
 * be cut). ip_header and quirks: of the IP header.
 */
static enum pkt_result tcp(const uint8_t *frame, const uint8_t *h, size_t left, size_t ip_left, size_t ip_header, uint32_t quirks,
    struct tcp_obs *obs)
{
	if (left < TCP_MIN)
		return PKT_SHORT_TCP;

	const uint32_t seq = be32(h + 4), ack = be32(h + 8), word = be32(h + 12), urgent = be16(h + 18);
	const size_t header = word >> 28 << 2;
	const uint8_t kind = kinds[FLAGS(word) & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK)];

	if (kind == 0 || header - TCP_MIN > left - TCP_MIN) /* too short wraps, and is too long */
		return kind == 0 || header < TCP_MIN || header > ip_left ? PKT_BAD_TCP : PKT_SHORT_TCP;

	obs->kind = kind - 1;
	obs->src_port = be16(h);
	obs->dst_port = be16(h + 2);
	obs->seq = seq;
	obs->ack = ack;
	obs->win = (uint16_t)word;
	obs->tot_hdr = (uint16_t)(ip_header + header);
	obs->payload_len = (uint32_t)(ip_left - header);
	obs->payload_at = (uint32_t)(h + header - frame);
	if (seq == 0)
		quirks |= QUIRK_SEQ_MINUS;
	if (word & TCP_ACK << 16) {
		if (ack == 0)
			quirks |= QUIRK_ACK_MINUS;
	} else if (ack != 0 && kind != OBS_RST + 1) {
		quirks |= QUIRK_ACK_PLUS;
	}
	if ((word & ODD_FLAGS) | urgent | obs->ecn)
		quirks |= odd_flags(word, urgent, obs);
	obs->quirks = quirks;
	if (!pktopt_usual(h + TCP_MIN, (int)(header - TCP_MIN), obs))
		obs->quirks |= pktopt_read(h + TCP_MIN, h + header, obs);
	return PKT_OK;
}

/* ---- IP ----------------------------------------------------------------------------------- */

/* Mapped into IPv6, as addr.h has it. */
static struct fp_addr mapped(const uint8_t *four_bytes)
{
	struct fp_addr a = { { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, four_bytes, 4);
	return a;
}

/*
 * Addresses that no TCP segment on a wire has: IPv4 in IPv6's clothes (RFC 4942 2.2) would speak of another host, and a
 * multicast group (RFC 9293 3.9.2.3) is none.
 */
INLINE bool address_impossible(const struct fp_addr *a)
{
	return a->b[0] == 0xff || (wire64(a->b) == 0 && wire32(a->b + 8) == WIRE32(0x0000ffff));
}

/*
 * The IP length is more than was captured. That a capture holds less (snap length) is no fault: we read on while the headers are
 * whole, p0f drops the packet.
 */
static bool length_possible(const struct cursor *c, size_t total)
{
	return !c->compat && total <= c->wire;
}

static enum pkt_result ipv4(const struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < IPV4_MIN)
		return PKT_SHORT_IP;

	const uint8_t *h = c->at;
	const size_t header = (size_t)(h[0] & 15) * 4;
	const size_t total = be16(h + 2);
	const unsigned flags = be16(h + 6), id = be16(h + 4);
	size_t left = total; /* padding and trailers behind the IP length are no part of the packet */
	uint32_t quirks = 0;

	if (total > c->left) {
		if (!length_possible(c, total))
			return PKT_BAD_IP;
		left = c->left;
	}
	if (left < IPV4_MIN || header < IPV4_MIN || total < header)
		return PKT_BAD_IP;
	if (h[9] != PROTO_TCP && !(c->decapsulate && tunnel_protocol(h[9])))
		return PKT_NOT_TCP;
	if (flags & 0x3fff) /* more fragments, or an offset */
		return PKT_FRAGMENT;
	if (left < header)
		return PKT_SHORT_IP;
	if (h[9] != PROTO_TCP) {
		struct cursor inner = *c;

		inner.at += header;
		inner.left = left - header;
		inner.wire = total - header;
		return pkt_tunnel(&inner, h[9], obs);
	}

	obs->ipver = 4;
	obs->ip_id = (uint16_t)id;
	obs->ip_at = (uint32_t)(h - c->frame);
	obs->flags = c->tunnels > 0 ? OBS_TUNNEL : 0;
	obs->ttl = h[8];
	if (h[1] != 0) {
		obs->dscp = h[1] >> 2;
		obs->ecn = h[1] & 3 ? OBS_ECN_IP : 0;
	}
	obs->olen = (uint8_t)(header - IPV4_MIN);
	obs->src = mapped(h + 12);
	obs->dst = mapped(h + 16);
	if (flags & 0x8000)
		quirks |= QUIRK_ZERO_PLUS;
	if (flags & 0x4000)
		quirks |= id != 0 ? QUIRK_DF | QUIRK_ID_PLUS : QUIRK_DF;
	else if (id == 0)
		quirks |= QUIRK_ID_MINUS;
	return tcp(c->frame, h + header, left - header, total - header, header, quirks, obs);
}

/*
 * Walks hop-by-hop, routing and destination options (RFC 8200 4) and a fragment header that fragments nothing (RFC
 * 6946). Moves the cursor behind them, to TCP or a tunnel; *bytes is their size.
 */
static enum pkt_result extensions(struct cursor *c, uint8_t *protocol, size_t *bytes)
{
	uint8_t next = *protocol;

	for (*bytes = 0; next != PROTO_TCP && !(c->decapsulate && tunnel_protocol(next));) {
		size_t size;

		if (next != PROTO_HOPOPTS && next != PROTO_ROUTING && next != PROTO_DSTOPTS && next != PROTO_FRAGMENT)
			return PKT_NOT_TCP;
		if (c->left < 8)
			return PKT_SHORT_IP;
		if (next == PROTO_FRAGMENT) {
			if (be16(c->at + 2) & 0xfff9)
				return PKT_FRAGMENT;
			size = 8;
		} else {
			size = 8 + (size_t)c->at[1] * 8;
		}
		next = c->at[0];
		if (!advance(c, size))
			return PKT_SHORT_IP;
		*bytes += size;
	}
	*protocol = next;
	return PKT_OK;
}

static enum pkt_result ipv6(const struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < IPV6_MIN)
		return PKT_SHORT_IP;

	const uint8_t *h = c->at;
	const size_t total = be16(h + 4) + IPV6_MIN;
	const uint32_t first = be32(h);
	struct cursor inner = *c;
	uint8_t protocol = h[6];
	size_t extra = 0;

	if (total > c->left && !length_possible(c, total))
		return PKT_BAD_IP;
	if (inner.left > total)
		inner.left = total;
	advance(&inner, IPV6_MIN);
	if (protocol != PROTO_TCP) {
		const enum pkt_result rc = c->compat ? PKT_NOT_TCP : extensions(&inner, &protocol, &extra);

		if (rc != PKT_OK)
			return rc;
		if (IPV6_MIN + extra > total)
			return PKT_BAD_IP;
	}
	if (protocol != PROTO_TCP) {
		inner.wire = total - IPV6_MIN - extra;
		return pkt_tunnel(&inner, protocol, obs);
	}

	obs->ipver = 6;
	obs->ip_id = 0;
	obs->ip_at = (uint32_t)(h - c->frame);
	obs->flags = c->tunnels > 0 ? OBS_TUNNEL : 0;
	obs->ttl = h[7];
	obs->dscp = first >> 22 & 0x3f;
	obs->ecn = first >> 20 & 3 ? OBS_ECN_IP : 0;
	obs->olen = extra < 255 ? (uint8_t)extra : 255;
	memcpy(obs->src.b, h + 8, 16);
	memcpy(obs->dst.b, h + 24, 16);
	if (!c->compat && (address_impossible(&obs->src) || address_impossible(&obs->dst)))
		return PKT_BAD_IP;
	/* The MSS does not count extension headers (RFC 6691 2). */
	return tcp(c->frame, inner.at, inner.left, total - IPV6_MIN - extra, IPV6_MIN, first & 0xfffff ? QUIRK_FLOW : 0, obs);
}

enum pkt_result pkt_ip(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 1)
		return PKT_SHORT_IP;
	switch (c->at[0] >> 4) {
	case 4:
		return ipv4(c, obs);
	case 6:
		return ipv6(c, obs);
	default:
		return PKT_BAD_IP;
	}
}

/* ---- Entry -------------------------------------------------------------------------------- */

/*
 * A SYN without oddities but ECN, its options usual; left bytes are its TCP header and data, fewer than 0 if the IP length lies. What it
 * fills in stays right where it then says false.
 */
INLINE bool plain_tcp(const uint8_t *h, int32_t left, uint32_t ip_header, uint32_t quirks, struct tcp_obs *obs)
{
	const uint32_t header = (uint32_t)(h[12] & 0xf0) >> 2;
	const int32_t payload = left - (int32_t)header;

	obs->quirks = quirks;
	/* SYN and perhaps ECE, CWR; no urgent pointer, no ack number. */
	if ((wire64(h + 12) & WIRE64(0x013f00000000ffff)) != WIRE64((uint64_t)TCP_SYN << 48) || wire32(h + 8) != 0 || wire32(h + 4) == 0 || payload < 0)
		return false;
	obs->tot_hdr = (uint16_t)(ip_header + header);
	obs->payload_len = (uint32_t)payload;
	obs->payload_at = ETHERNET + ip_header + header;
	obs->ip_at = ETHERNET;

	const uint32_t ports = be32(h);

	obs->dst_port = (uint16_t)ports;
	obs->src_port = (uint16_t)(ports >> 16);
	obs->seq = be32(h + 4);
	obs->win = be16(h + 14);
	if (__builtin_expect((h[13] & (TCP_ECE | TCP_CWR)) != 0, 0)) {
		obs->ecn = h[13] >> 5 & (OBS_ECN_ECE | OBS_ECN_CWR); /* the flags' bits, next to each other as ours */
		obs->quirks |= QUIRK_ECN;
	}
	return pktopt_usual(h + TCP_MIN, (int)(header - TCP_MIN), obs);
}

/* left bytes are there, an IPv4 and a TCP header at least. */
INLINE bool plain_ipv4(const uint8_t *ip, size_t left, struct tcp_obs *obs)
{
	static const uint32_t ip_quirks[0x42] = { [0] = QUIRK_ID_MINUS, [0x40] = QUIRK_DF, [0x41] = QUIRK_DF | QUIRK_ID_PLUS }; /* by DF as it stands, and id */
	static const uint8_t mapped_end[4] = { 0, 0, 0xff, 0xff };
	const uint32_t length_id = be32(ip + 2);
	const uint32_t total = length_id >> 16;

	/* No IP options, DSCP or ECN; no fragment, no reserved flag. */
	if ((wire64(ip) & WIRE64(0xffff00000000bfff)) != WIRE64(0x4500000000000000) || ip[9] != PROTO_TCP || total > left)
		return false;
	obs->ipver = 4;
	obs->ip_id = (uint16_t)length_id;
	obs->ttl = ip[8];
	memcpy(obs->src.b + 8, mapped_end, 4);
	memcpy(obs->src.b + 12, ip + 12, 4);
	memcpy(obs->dst.b + 8, mapped_end, 4);
	memcpy(obs->dst.b + 12, ip + 16, 4);
	return plain_tcp(ip + IPV4_MIN, (int32_t)(total - IPV4_MIN), IPV4_MIN, ip_quirks[ip[6] + (size_t)((length_id & 0xffff) != 0)], obs);
}

INLINE bool plain_ipv6(const uint8_t *ip, size_t left, struct tcp_obs *obs)
{
	const uint32_t first = be32(ip);
	const uint32_t payload = be16(ip + 4);

	if (first >> 20 != 0x600 || ip[6] != PROTO_TCP || left < IPV6_MIN + TCP_MIN || payload > left - IPV6_MIN)
		return false;

	memcpy(obs->src.b, ip + 8, 16);
	memcpy(obs->dst.b, ip + 24, 16);
	if (address_impossible(&obs->src) || address_impossible(&obs->dst))
		return false;
	obs->ipver = 6;
	obs->ttl = ip[7];
	return plain_tcp(ip + IPV6_MIN, (int32_t)payload, IPV6_MIN, (first & 0xfffff) != 0 ? QUIRK_FLOW : 0, obs);
}

bool pkt_plain_syn(const uint8_t *frame, size_t caplen, struct tcp_obs *obs)
{
	if (caplen < PLAIN_MIN)
		return false;
	if (be16(frame + 12) == 0x0800)
		return plain_ipv4(frame + ETHERNET, caplen - ETHERNET, obs);
	return be16(frame + 12) == 0x86dd && plain_ipv6(frame + ETHERNET, caplen - ETHERNET, obs);
}

__attribute__((noinline)) enum pkt_result pkt_any(const struct pkt_conf *conf, unsigned link, const uint8_t *frame, size_t caplen, size_t len,
    struct tcp_obs *obs)
{
	struct cursor c = {
		.at = frame, .frame = frame, .left = caplen, .wire = len, .compat = conf->compat, .decapsulate = conf->decapsulate,
	};

	if (conf->compat && c.left > 65535)
		c.left = 65535; /* p0f's snap length */
	return pkt_link(&c, link, conf->guessed, obs);
}

/* In small pieces: the compiler makes one of 128 bytes a string instruction, which is slow to start. */
INLINE void zero(struct tcp_obs *obs)
{
	uint8_t *p = (uint8_t *)obs;

	memset(p, 0, 32);
	memset(p + 32, 0, 32);
	memset(p + 64, 0, 32);
	memset(p + 96, 0, 32);
}

/* Apart, so that IPv4's short way needs few registers. */
static __attribute__((noinline)) enum pkt_result not_plain_ipv4(const struct pkt_conf *conf, const uint8_t *frame, size_t caplen, size_t len,
    struct tcp_obs *obs)
{
	if (be16(frame + 12) == 0x86dd && plain_ipv6(frame + ETHERNET, caplen - ETHERNET, obs))
		return PKT_OK;
	return pkt_any(conf, PKT_LINK_ETHERNET, frame, caplen, len, obs);
}

enum pkt_result pkt_decode(const struct pkt_conf *conf, unsigned link, const uint8_t *frame,
    size_t caplen, size_t len, int64_t time_ns, struct tcp_obs *obs)
{
	if (caplen > len) /* a lying file: the smaller is safe */
		caplen = len;
	zero(obs);
	obs->time_ns = time_ns;
	if (link != PKT_LINK_ETHERNET || conf->compat || caplen < PLAIN_MIN)
		return pkt_any(conf, link, frame, caplen, len, obs);
	if (be16(frame + 12) == 0x0800 && plain_ipv4(frame + ETHERNET, caplen - ETHERNET, obs))
		return PKT_OK;
	return not_plain_ipv4(conf, frame, caplen, len, obs);
}

const char *pkt_result_name(enum pkt_result result)
{
	static const char *const names[PKT_RESULTS] = {
		[PKT_OK] = "ok",
		[PKT_NOT_IP] = "not_ip",
		[PKT_NOT_TCP] = "not_tcp",
		[PKT_FILTERED] = "filtered",
#define X(constant, name, text) [constant] = name,
		PKT_REASONS(X)
#undef X
	};

	return (unsigned)result < PKT_RESULTS ? names[result] : "?";
}
