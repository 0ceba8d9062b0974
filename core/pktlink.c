/*
 * pktlink - link headers, one small function a kind.
 *
 * A layer gets a cursor at its first byte, checks that its header is there, and moves the cursor behind it.
 */
#include "core/pkt_int.h"
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

#define ETHERNET_NESTED_MAX 4 /* so that a hostile frame does not choose the depth of our stack */

#define P0F_GUESS_MAX 38 /* bytes of a link header that p0f would skip at most */
#define LINK_IEEE802_11 105 /* p0f skips 32 bytes, whatever they are */

/* ---- Links -------------------------------------------------------------------------------- */

/* Label stack (RFC 3032 2.1) to its bottom; what follows is told by its first nibble (RFC 4385 3). */
static enum pkt_result mpls(struct cursor *c, struct tcp_obs *obs)
{
	uint8_t bottom;

	do {
		if (c->left < 4)
			return PKT_SHORT_LINK;
		bottom = c->at[2] & 1;
		advance(c, 4);
	} while (!bottom);
	if (c->left < 1)
		return PKT_SHORT_LINK;
	switch (c->at[0] >> 4) {
	case 4:
	case 6:
		return pkt_ip(c, obs);
	case 0: /* control word of an Ethernet pseudowire (RFC 4448 4.6) */
		return advance(c, 4) ? pkt_ethernet(c, obs) : PKT_SHORT_LINK;
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
		advance(c, 1);
	} else {
		protocol = be16(c->at);
		advance(c, 2);
	}
	switch (protocol) {
	case PPP_IPV4:
	case PPP_IPV6:
		return pkt_ip(c, obs);
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
	advance(c, 6);
	return ppp_protocol(c, obs);
}

/* PPP, with or without address and control (RFC 1662 3.1), or Cisco HDLC, which has an EtherType there. */
enum pkt_result pkt_ppp(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 4)
		return PKT_SHORT_LINK;
	if (c->at[0] == 0xff && c->at[1] == 0x03) {
		advance(c, 2);
	} else if ((c->at[0] == 0x0f || c->at[0] == 0x8f) && c->at[1] == 0) {
		const unsigned type = be16(c->at + 2);

		advance(c, 4);
		return pkt_ethertype(c, type, obs);
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

	advance(c, 8);
	return type >= ETHERTYPE_SNAP_LIMIT ? pkt_ethertype(c, type, obs) : PKT_NOT_IP;
}

/* c stands behind the type field. */
enum pkt_result pkt_ethertype(struct cursor *c, unsigned type, struct tcp_obs *obs)
{
	for (;;) {
		switch (type) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return pkt_ip(c, obs);
		case ETHERTYPE_QTAG:
		case ETHERTYPE_STAG:
		case 0x9100: /* stacked tags before 802.1ad */
		case 0x9200:
		case 0x9300:
			if (c->left < 4)
				return PKT_SHORT_LINK;
			type = be16(c->at + 2);
			advance(c, 4);
			break;
		case ETHERTYPE_CMD:
			if (c->left < 8)
				return PKT_SHORT_LINK;
			type = be16(c->at + 6);
			advance(c, 8);
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

enum pkt_result pkt_ethernet(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 14)
		return PKT_SHORT_LINK;
	if (++c->nested > ETHERNET_NESTED_MAX)
		return PKT_NOT_IP;

	const unsigned type = be16(c->at + 12);

	advance(c, 14);
	return pkt_ethertype(c, type, obs);
}

/* Address family in four bytes, whose numbers and byte order differ by system: the IP version says it better. */
static enum pkt_result loopback(struct cursor *c, struct tcp_obs *obs)
{
	if (!advance(c, 4))
		return PKT_SHORT_LINK;
	return c->left > 0 && (c->at[0] >> 4 == 4 || c->at[0] >> 4 == 6) ? pkt_ip(c, obs) : PKT_NOT_IP;
}

static enum pkt_result sll(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 16)
		return PKT_SHORT_LINK;

	const unsigned type = be16(c->at + 14);

	advance(c, 16);
	return type >= ETHERTYPE_SNAP_LIMIT ? pkt_ethertype(c, type, obs) : PKT_NOT_IP;
}

static enum pkt_result sll2(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 20)
		return PKT_SHORT_LINK;

	const unsigned type = be16(c->at);

	advance(c, 20);
	return type >= ETHERTYPE_SNAP_LIMIT ? pkt_ethertype(c, type, obs) : PKT_NOT_IP;
}

/* The header says its length, without the padding to four bytes. */
static enum pkt_result pflog(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 4 || !advance(c, (c->at[0] + 3u) & ~3u))
		return PKT_SHORT_LINK;
	return pkt_ip(c, obs);
}

#define GUESSED (-1)

static const struct link {
	unsigned number;
	int compat_skip; /* bytes that p0f skips; GUESSED: it looks for IP in the first frame */
	enum pkt_result (*decode)(struct cursor *c, struct tcp_obs *obs);
} links[] = {
	{ PKT_LINK_ETHERNET, 14, pkt_ethernet },
	{ PKT_LINK_RAW, 0, pkt_ip },
	{ PKT_LINK_SLL, 16, sll },
	{ PKT_LINK_SLL2, GUESSED, sll2 },
	{ PKT_LINK_IPV4, GUESSED, pkt_ip },
	{ PKT_LINK_IPV6, GUESSED, pkt_ip },
	{ 12, 0, pkt_ip }, /* DLT_RAW of most systems, written by careless programs */
	{ 14, GUESSED, pkt_ip }, /* and of OpenBSD */
	{ PKT_LINK_NULL, 4, loopback },
	{ PKT_LINK_LOOP, 8, loopback },
	{ PKT_LINK_PPP, 4, pkt_ppp },
	{ PKT_LINK_PPP_HDLC, 8, pkt_ppp },
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
	if (!advance(c, (size_t)bytes))
		return PKT_SHORT_LINK;
	if (c->left < 40)
		return PKT_SHORT_IP;
	if (c->at[0] >> 4 != 4 && c->at[0] >> 4 != 6)
		return PKT_NOT_IP;
	return pkt_ip(c, obs);
}

enum pkt_result pkt_link(struct cursor *c, unsigned number, uint8_t guessed, struct tcp_obs *obs)
{
	const struct link *l = link_find(number);

	if (c->compat) {
		const int bytes = p0f_skip(l, number);

		return decode_p0f(bytes == GUESSED && guessed != 0 ? guessed - 1 : bytes, c, obs);
	}
	return l != NULL ? l->decode(c, obs) : PKT_UNKNOWN_LINK;
}
