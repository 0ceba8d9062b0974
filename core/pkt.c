/*
 * pkt - link, IP and TCP headers, one small function a layer.
 *
 * A layer gets a cursor at its first byte, checks that its header is there, and moves the cursor behind it.
 * Every header consumes bytes, so a stack of tags ends with the frame.
 */
#include "core/pkt.h"
#include "core/quirk.h"
#include "core/util.h"

#include <string.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_QTAG 0x8100  /* 802.1Q */
#define ETHERTYPE_STAG 0x88a8  /* 802.1ad */
#define ETHERTYPE_MPLS 0x8847
#define ETHERTYPE_MPLS_UP 0x8848 /* upstream-assigned label, RFC 5332 */
#define ETHERTYPE_PPPOE 0x8864 /* session stage, RFC 2516 */
#define ETHERTYPE_CMD 0x8909   /* Cisco metadata: a security group tag between MAC and payload */
#define ETHERTYPE_SNAP_LIMIT 0x0600 /* below, the field is a length: 802.3 with LLC */

#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057
#define PPP_MPLS 0x0281

#define PROTO_HOPOPTS 0
#define PROTO_TCP 6
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_DSTOPTS 60

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80

#define IPV4_MIN 20u
#define IPV6_MIN 40u
#define TCP_MIN 20u

#define ETHERNET_NESTED_MAX 4 /* so that a hostile frame does not choose the depth of our stack */

#define P0F_GUESS_MAX 38 /* bytes of a link header that p0f would skip at most */
#define LINK_IEEE802_11 105 /* p0f skips 32 bytes, whatever they are */

struct cursor {
	const uint8_t *at;
	size_t left;  /* captured bytes from here on */
	size_t wire;  /* bytes from here on that were on the wire; >= left */
	const uint8_t *frame;
	bool compat;
	uint8_t nested; /* Ethernet headers so far: MPLS may carry one in another */
};

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline bool skip(struct cursor *c, size_t n)
{
	if (c->left < n)
		return false;
	c->at += n;
	c->left -= n;
	c->wire -= n;
	return true;
}

/* ---- TCP ---------------------------------------------------------------------------------- */

/* The kinds of SYN, ACK, FIN, RST together that mean something. */
static int kind_of(uint8_t flags)
{
	switch (flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST)) {
	case TCP_SYN:
		return OBS_SYN;
	case TCP_SYN | TCP_ACK:
		return OBS_SYNACK;
	case TCP_ACK:
		return OBS_ACK;
	case TCP_FIN:
	case TCP_FIN | TCP_ACK:
		return OBS_FIN;
	case TCP_RST:
	case TCP_RST | TCP_ACK:
		return OBS_RST;
	default:
		return -1;
	}
}

/* What follows an EOL should be zero (RFC 9293 3.1). */
static void after_eol(const uint8_t *at, const uint8_t *end, struct tcp_obs *obs)
{
	obs->eol_pad = (uint8_t)(end - at);
	for (; at < end; at++)
		if (*at != 0) {
			obs->quirks |= QUIRK_OPT_PLUS;
			if (at + 1 == end)
				obs->flags |= OBS_OPT_LAST;
			return;
		}
}

/*
 * The four options of fixed size that we read. p0f wants the bytes to be there and then goes on as if the length were right: a
 * wrong one is a quirk, and false.
 */
static bool fixed_option(uint8_t kind, const uint8_t *at, struct tcp_obs *obs, bool syn)
{
	switch (kind) {
	case 2:
		obs->mss = be16(at + 1);
		return at[0] == 4;
	case 3:
		obs->wscale = at[1];
		if (at[1] > 14)
			obs->quirks |= QUIRK_EXWS;
		return at[0] == 3;
	case 4:
		return at[0] == 2;
	default: /* 8 */
		obs->ts1 = be32(at + 1);
		if (obs->ts1 == 0)
			obs->quirks |= QUIRK_TS1_MINUS;
		if (syn && be32(at + 5) != 0)
			obs->quirks |= QUIRK_TS2_PLUS;
		return at[0] == 10;
	}
}

/* Bytes that must follow the kind of an option of fixed size. */
static const uint8_t fixed_bytes[9] = { [2] = 3, [3] = 2, [4] = 1, [8] = 9 };

static void options(const uint8_t *at, const uint8_t *end, struct tcp_obs *obs)
{
	const bool syn = obs->kind == OBS_SYN;
	unsigned n = 0;
	bool cut = false; /* an option does not fit: the rest cannot be read */

	while (at < end && n < OBS_OPTIONS_MAX) {
		const uint8_t kind = *at++;

		obs->layout[n++] = kind;
		if (kind == 1) /* RFC 9293 3.2: NOP has no length byte */
			continue;
		if (kind == 0) {
			after_eol(at, end, obs);
			at = end;
			break;
		}
		const size_t left = (size_t)(end - at);
		const size_t fixed = kind < sizeof fixed_bytes ? fixed_bytes[kind] : 0;

		if (fixed != 0) {
			if ((cut = left < fixed))
				break;
			if (!fixed_option(kind, at, obs, syn))
				obs->quirks |= QUIRK_BAD;
			at += fixed;
			continue;
		}
		/* RFC 2018 3: one to four SACK blocks; everything else 2..40 as the header allows. */
		const uint8_t low = kind == 5 ? 10 : 2, high = kind == 5 ? 34 : 40;

		if ((cut = left < 1 || *at < low || *at > high || *at - 1u > left))
			break;
		at += *at - 1;
	}
	obs->layout_len = (uint8_t)n;
	if (cut || at != end)
		obs->quirks |= QUIRK_BAD;
}

/*
 * Addresses that no TCP segment on a wire has: IPv4 in IPv6's clothes (RFC 4942 2.2) would speak of another host, and a
 * multicast group (RFC 9293 3.9.2.3) is none.
 */
static bool address_impossible(const struct fp_addr *a)
{
	return a->b[0] == 0xff || fp_addr_is_v4(a);
}

/* c stands at the TCP header; ip_left is what the IP length leaves for TCP (>= c->left when the capture is cut). */
static enum pkt_result tcp(const struct cursor *c, size_t ip_left, struct tcp_obs *obs)
{
	if (c->left < TCP_MIN || ip_left < TCP_MIN)
		return PKT_SHORT_TCP;

	const uint8_t *h = c->at;
	const size_t header = (size_t)(h[12] >> 4) * 4;
	const uint8_t flags = h[13];
	const int kind = kind_of(flags);

	if (header < TCP_MIN || header > ip_left || kind < 0)
		return PKT_BAD_TCP;
	if (header > c->left)
		return PKT_SHORT_TCP;

	obs->kind = (uint8_t)kind;
	obs->src_port = be16(h);
	obs->dst_port = be16(h + 2);
	obs->seq = be32(h + 4);
	obs->ack = be32(h + 8);
	obs->win = be16(h + 14);
	obs->tot_hdr = (uint16_t)(obs->tot_hdr + header);
	obs->payload_len = (uint32_t)(ip_left - header);
	obs->payload_at = (uint32_t)(h + header - c->frame);
	if (flags & TCP_ECE)
		obs->ecn |= OBS_ECN_ECE;
	if (flags & TCP_CWR)
		obs->ecn |= OBS_ECN_CWR;
	if (h[12] & 1)
		obs->ecn |= OBS_ECN_AE;
	if (obs->ecn != 0)
		obs->quirks |= QUIRK_ECN;
	if (obs->seq == 0)
		obs->quirks |= QUIRK_SEQ_MINUS;
	if (flags & TCP_ACK) {
		if (obs->ack == 0)
			obs->quirks |= QUIRK_ACK_MINUS;
	} else if (obs->ack != 0 && kind != OBS_RST) {
		obs->quirks |= QUIRK_ACK_PLUS;
	}
	if (flags & TCP_URG)
		obs->quirks |= QUIRK_URGF_PLUS;
	else if (be16(h + 18) != 0)
		obs->quirks |= QUIRK_UPTR_PLUS;
	if (flags & TCP_PSH)
		obs->quirks |= QUIRK_PUSHF_PLUS;
	options(h + TCP_MIN, h + header, obs);
	return PKT_OK;
}

/* ---- IP ----------------------------------------------------------------------------------- */

/*
 * How many bytes the IP length gives the packet, or 0: impossible. Padding and trailers behind it are cut. A capture may hold less
 * than that (snap length); p0f then drops the packet, we read on while the headers are whole.
 */
static size_t ip_length(struct cursor *c, size_t total)
{
	if (total > (c->compat ? c->left : c->wire))
		return 0;
	if (c->left > total)
		c->left = total;
	return total;
}

static enum pkt_result ipv4(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < IPV4_MIN)
		return PKT_SHORT_IP;

	const uint8_t *h = c->at;
	const size_t header = (size_t)(h[0] & 15) * 4;
	const size_t total = ip_length(c, be16(h + 2));
	const uint16_t flags = be16(h + 6);

	if (header < IPV4_MIN || total < header)
		return PKT_BAD_IP;
	if (h[9] != PROTO_TCP)
		return PKT_NOT_TCP;
	if (flags & 0x3fff) /* more fragments, or an offset */
		return PKT_FRAGMENT;
	if (!skip(c, header))
		return PKT_SHORT_IP;

	obs->ipver = 4;
	obs->ttl = h[8];
	obs->dscp = h[1] >> 2;
	obs->ecn = h[1] & 3 ? OBS_ECN_IP : 0;
	obs->olen = (uint8_t)(header - IPV4_MIN);
	obs->tot_hdr = (uint16_t)header;
	obs->src = fp_addr_from_v4(h + 12);
	obs->dst = fp_addr_from_v4(h + 16);
	if (flags & 0x8000)
		obs->quirks |= QUIRK_ZERO_PLUS;
	if (flags & 0x4000)
		obs->quirks |= be16(h + 4) != 0 ? QUIRK_DF | QUIRK_ID_PLUS : QUIRK_DF;
	else if (be16(h + 4) == 0)
		obs->quirks |= QUIRK_ID_MINUS;
	return tcp(c, total - header, obs);
}

/*
 * Walks hop-by-hop, routing and destination options (RFC 8200 4) and a fragment header that fragments nothing (RFC
 * 6946). Moves the cursor behind them; *bytes is their size.
 */
static enum pkt_result extensions(struct cursor *c, uint8_t next, size_t *bytes)
{
	for (*bytes = 0; next != PROTO_TCP;) {
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
		if (!skip(c, size))
			return PKT_SHORT_IP;
		*bytes += size;
	}
	return PKT_OK;
}

static enum pkt_result ipv6(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < IPV6_MIN)
		return PKT_SHORT_IP;

	const uint8_t *h = c->at;
	const size_t total = ip_length(c, be16(h + 4) + IPV6_MIN);
	const uint32_t first = be32(h);
	size_t extra = 0;

	if (total == 0)
		return PKT_BAD_IP;
	skip(c, IPV6_MIN);
	if (h[6] != PROTO_TCP) {
		const enum pkt_result rc = c->compat ? PKT_NOT_TCP : extensions(c, h[6], &extra);

		if (rc != PKT_OK)
			return rc;
		if (IPV6_MIN + extra > total)
			return PKT_BAD_IP;
	}

	obs->ipver = 6;
	obs->ttl = h[7];
	obs->dscp = first >> 22 & 0x3f;
	obs->ecn = first >> 20 & 3 ? OBS_ECN_IP : 0;
	obs->olen = extra < 255 ? (uint8_t)extra : 255;
	obs->tot_hdr = IPV6_MIN; /* the MSS does not count extension headers (RFC 6691 2) */
	memcpy(obs->src.b, h + 8, 16);
	memcpy(obs->dst.b, h + 24, 16);
	if (!c->compat && (address_impossible(&obs->src) || address_impossible(&obs->dst)))
		return PKT_BAD_IP;
	if (first & 0xfffff)
		obs->quirks |= QUIRK_FLOW;
	return tcp(c, total - IPV6_MIN - extra, obs);
}

static enum pkt_result ip(struct cursor *c, struct tcp_obs *obs)
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

/* ---- Links -------------------------------------------------------------------------------- */

static enum pkt_result ethertype(struct cursor *c, unsigned type, struct tcp_obs *obs);
static enum pkt_result ethernet(struct cursor *c, struct tcp_obs *obs);

/* Label stack (RFC 3032 2.1) to its bottom; what follows is told by its first nibble (RFC 4385 3). */
static enum pkt_result mpls(struct cursor *c, struct tcp_obs *obs)
{
	uint8_t bottom;

	do {
		if (c->left < 4)
			return PKT_SHORT_LINK;
		bottom = c->at[2] & 1;
		skip(c, 4);
	} while (!bottom);
	if (c->left < 1)
		return PKT_SHORT_LINK;
	switch (c->at[0] >> 4) {
	case 4:
	case 6:
		return ip(c, obs);
	case 0: /* control word of an Ethernet pseudowire (RFC 4448 4.6) */
		return skip(c, 4) ? ethernet(c, obs) : PKT_SHORT_LINK;
	default:
		return PKT_NOT_IP;
	}
}

/* At the protocol field, of one byte where it was compressed (RFC 1661 6.5). */
static enum pkt_result ppp_protocol(struct cursor *c, struct tcp_obs *obs)
{
	unsigned protocol;

	if (c->left < 2)
		return PKT_SHORT_LINK;
	if (c->at[0] & 1) {
		protocol = c->at[0];
		skip(c, 1);
	} else {
		protocol = be16(c->at);
		skip(c, 2);
	}
	switch (protocol) {
	case PPP_IPV4:
	case PPP_IPV6:
		return ip(c, obs);
	case PPP_MPLS:
		return mpls(c, obs);
	default:
		return PKT_NOT_IP;
	}
}

static enum pkt_result pppoe(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 6)
		return PKT_SHORT_LINK;
	if (c->at[1] != 0) /* code: 0 is session data (RFC 2516 6) */
		return PKT_NOT_IP;
	skip(c, 6);
	return ppp_protocol(c, obs);
}

/* PPP, with or without address and control (RFC 1662 3.1), or Cisco HDLC, which has an EtherType there. */
static enum pkt_result ppp(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 4)
		return PKT_SHORT_LINK;
	if (c->at[0] == 0xff && c->at[1] == 0x03) {
		skip(c, 2);
	} else if ((c->at[0] == 0x0f || c->at[0] == 0x8f) && c->at[1] == 0) {
		const unsigned type = be16(c->at + 2);

		skip(c, 4);
		return ethertype(c, type, obs);
	}
	return ppp_protocol(c, obs);
}

static enum pkt_result snap(struct cursor *c, struct tcp_obs *obs)
{
	static const uint8_t rfc1042[6] = { 0xaa, 0xaa, 0x03 };

	if (c->left < 8)
		return PKT_SHORT_LINK;
	if (memcmp(c->at, rfc1042, sizeof rfc1042) != 0)
		return PKT_NOT_IP;

	const unsigned type = be16(c->at + 6);

	skip(c, 8);
	return type >= ETHERTYPE_SNAP_LIMIT ? ethertype(c, type, obs) : PKT_NOT_IP;
}

/* c stands behind the type field. */
static enum pkt_result ethertype(struct cursor *c, unsigned type, struct tcp_obs *obs)
{
	for (;;) {
		switch (type) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return ip(c, obs);
		case ETHERTYPE_QTAG:
		case ETHERTYPE_STAG:
		case 0x9100: /* stacked tags before 802.1ad */
		case 0x9200:
		case 0x9300:
			if (c->left < 4)
				return PKT_SHORT_LINK;
			type = be16(c->at + 2);
			skip(c, 4);
			break;
		case ETHERTYPE_CMD:
			if (c->left < 8)
				return PKT_SHORT_LINK;
			type = be16(c->at + 6);
			skip(c, 8);
			break;
		case ETHERTYPE_MPLS:
		case ETHERTYPE_MPLS_UP:
			return mpls(c, obs);
		case ETHERTYPE_PPPOE:
			return pppoe(c, obs);
		default:
			return type < ETHERTYPE_SNAP_LIMIT ? snap(c, obs) : PKT_NOT_IP;
		}
	}
}

static enum pkt_result ethernet(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 14)
		return PKT_SHORT_LINK;
	if (++c->nested > ETHERNET_NESTED_MAX)
		return PKT_NOT_IP;

	const unsigned type = be16(c->at + 12);

	skip(c, 14);
	return ethertype(c, type, obs);
}

/* Address family in four bytes, whose numbers and byte order differ by system: the IP version says it better. */
static enum pkt_result loopback(struct cursor *c, struct tcp_obs *obs)
{
	if (!skip(c, 4))
		return PKT_SHORT_LINK;
	return c->left > 0 && (c->at[0] >> 4 == 4 || c->at[0] >> 4 == 6) ? ip(c, obs) : PKT_NOT_IP;
}

static enum pkt_result sll(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 16)
		return PKT_SHORT_LINK;

	const unsigned type = be16(c->at + 14);

	skip(c, 16);
	return type >= ETHERTYPE_SNAP_LIMIT ? ethertype(c, type, obs) : PKT_NOT_IP;
}

static enum pkt_result sll2(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 20)
		return PKT_SHORT_LINK;

	const unsigned type = be16(c->at);

	skip(c, 20);
	return type >= ETHERTYPE_SNAP_LIMIT ? ethertype(c, type, obs) : PKT_NOT_IP;
}

/* The header says its length, without the padding to four bytes. */
static enum pkt_result pflog(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 4 || !skip(c, (c->at[0] + 3u) & ~3u))
		return PKT_SHORT_LINK;
	return ip(c, obs);
}

#define GUESSED (-1)

static const struct link {
	unsigned number;
	int compat_skip; /* bytes that p0f skips; GUESSED: it looks for IP in the first frame */
	enum pkt_result (*decode)(struct cursor *c, struct tcp_obs *obs);
} links[] = {
	{ PKT_LINK_ETHERNET, 14, ethernet },
	{ PKT_LINK_RAW, 0, ip },
	{ PKT_LINK_SLL, 16, sll },
	{ PKT_LINK_SLL2, GUESSED, sll2 },
	{ PKT_LINK_IPV4, GUESSED, ip },
	{ PKT_LINK_IPV6, GUESSED, ip },
	{ 12, 0, ip }, /* DLT_RAW of most systems, written by careless programs */
	{ 14, GUESSED, ip }, /* and of OpenBSD */
	{ PKT_LINK_NULL, 4, loopback },
	{ PKT_LINK_LOOP, 8, loopback },
	{ PKT_LINK_PPP, 4, ppp },
	{ PKT_LINK_PPP_HDLC, 8, ppp },
	{ PKT_LINK_PPP_ETHER, 8, pppoe },
	{ PKT_LINK_PFLOG, 28, pflog },
};

static const struct link *link_find(unsigned number)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (links[i].number == number)
			return &links[i];
	return NULL;
}

bool pkt_link_known(unsigned link)
{
	return link_find(link) != NULL;
}

/* Bytes that p0f skips of a link type; GUESSED. */
static int p0f_skip(const struct link *l, unsigned number)
{
	if (l != NULL)
		return l->compat_skip;
	return number == LINK_IEEE802_11 ? 32 : GUESSED;
}

bool pkt_guess(struct pkt_conf *conf, unsigned link, const uint8_t *frame, size_t caplen)
{
	if (!conf->compat || conf->guessed != 0 || p0f_skip(link_find(link), link) != GUESSED)
		return false;
	for (unsigned at = 0; at <= P0F_GUESS_MAX; at += 2) {
		const uint8_t *h = frame + at;

		if ((at + 40 <= caplen && h[0] >> 4 == 4 && h[9] == PROTO_TCP) || (at + 60 <= caplen && h[0] >> 4 == 6 && h[6] == PROTO_TCP)) {
			conf->guessed = (uint8_t)(at + 1);
			return true;
		}
	}
	return false;
}

/* p0f's way: a fixed number of bytes, then 40 at least, whatever they are. */
static enum pkt_result decode_p0f(int bytes, struct cursor *c, struct tcp_obs *obs)
{
	if (bytes == GUESSED)
		return PKT_UNKNOWN_LINK;
	if (!skip(c, (size_t)bytes))
		return PKT_SHORT_LINK;
	if (c->left < 40)
		return PKT_SHORT_IP;
	if (c->at[0] >> 4 != 4 && c->at[0] >> 4 != 6)
		return PKT_NOT_IP;
	return ip(c, obs);
}

enum pkt_result pkt_decode(const struct pkt_conf *conf, unsigned link, const uint8_t *frame,
    size_t caplen, size_t len, int64_t time_ns, struct tcp_obs *obs)
{
	const struct link *l = link_find(link);
	struct cursor c = { .at = frame, .frame = frame, .left = caplen, .wire = len, .compat = conf->compat };

	if (c.wire < c.left) /* a lying file: the smaller is safe */
		c.left = c.wire;
	memset(obs, 0, sizeof *obs);
	obs->time_ns = time_ns;
	if (conf->compat) {
		if (c.left > 65535)
			c.left = 65535; /* p0f's snap length */

		const int bytes = p0f_skip(l, link);

		return decode_p0f(bytes == GUESSED && conf->guessed != 0 ? conf->guessed - 1 : bytes, &c, obs);
	}
	return l != NULL ? l->decode(&c, obs) : PKT_UNKNOWN_LINK;
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
