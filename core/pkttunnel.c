/*
 * pkttunnel - GRE, VXLAN, GENEVE, IP in IP: what clouds and switches mirror traffic in. Looked into only where pkt_conf asks for it, since
 * anybody may put a packet into a packet and so speak for any address.
 *
 * Each tunnel is a header that must be whole and consumes bytes; TUNNELS_MAX of them in one another are enough.
 */
#include "core/pkt_int.h"
#include "core/pkttunnel.h"

#define TUNNELS_MAX 4

#define TYPE_ETHERNET 0x6558 /* transparent Ethernet bridging, RFC 1701 */
#define TYPE_PPP 0x880b      /* RFC 2637 */
#define TYPE_ERSPAN 0x88be   /* draft-foschiano-erspan: type I and II */
#define TYPE_ERSPAN3 0x22eb
#define TYPE_LEAST 0x0600    /* smaller is no EtherType */

#define GRE_CHECKSUM 0x8000  /* RFC 2784, 2890 */
#define GRE_ROUTING 0x4000
#define GRE_KEY 0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_ACK 0x0080       /* of version 1, RFC 2637 */
#define GRE_VERSION 0x0007

#define UDP_HEADER 8
#define VXLAN_HEADER 8
#define VXLAN_VNI 0x08       /* RFC 7348 5: this flag, or it is none */
#define GENEVE_HEADER 8

/* At what a type field names. */
static enum pkt_result named(struct cursor *c, unsigned type, struct tcp_obs *obs)
{
	if (type == TYPE_ETHERNET)
		return pkt_ethernet(c, obs);
	return type >= TYPE_LEAST ? pkt_ethertype(c, type, obs) : PKT_NOT_IP;
}

/* RFC 2637 4.1: PPP behind a header of its own. */
static enum pkt_result gre_ppp(struct cursor *c, unsigned flags, unsigned type, struct tcp_obs *obs)
{
	const size_t header = 8u + (flags & GRE_SEQUENCE ? 4u : 0) + (flags & GRE_ACK ? 4u : 0);

	if (type != TYPE_PPP || !(flags & GRE_SEQUENCE)) /* without a sequence number there is no payload */
		return PKT_NOT_TCP;
	return advance(c, header) ? pkt_ppp(c, obs) : PKT_SHORT_LINK;
}

static enum pkt_result erspan3(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 12)
		return PKT_SHORT_LINK;
	return advance(c, c->at[11] & 1 ? 20 : 12) ? pkt_ethernet(c, obs) : PKT_SHORT_LINK; /* the last bit: eight bytes more */
}

static enum pkt_result gre(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < 4)
		return PKT_SHORT_LINK;

	const unsigned flags = be16(c->at), type = be16(c->at + 2);
	const size_t header = 4u + (flags & GRE_CHECKSUM ? 4u : 0) + (flags & GRE_KEY ? 4u : 0) + (flags & GRE_SEQUENCE ? 4u : 0);

	if ((flags & GRE_VERSION) == 1)
		return gre_ppp(c, flags, type, obs);
	if ((flags & GRE_VERSION) != 0 || flags & GRE_ROUTING) /* RFC 2784 2.3: to be discarded */
		return PKT_NOT_TCP;
	if (!advance(c, header))
		return PKT_SHORT_LINK;
	if (type == TYPE_ERSPAN) {
		/* Type II has a sequence number and a header of its own, type I has neither. */
		if (flags & GRE_SEQUENCE && !advance(c, 8))
			return PKT_SHORT_LINK;
		return pkt_ethernet(c, obs);
	}
	return type == TYPE_ERSPAN3 ? erspan3(c, obs) : named(c, type, obs);
}

static enum pkt_result vxlan(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < VXLAN_HEADER)
		return PKT_SHORT_LINK;
	if (!(c->at[0] & VXLAN_VNI))
		return PKT_NOT_TCP;
	advance(c, VXLAN_HEADER);
	return pkt_ethernet(c, obs);
}

/* RFC 8926 3.4: version and length of options, flags, type, network, options. */
static enum pkt_result geneve(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < GENEVE_HEADER)
		return PKT_SHORT_LINK;

	const unsigned version = c->at[0] >> 6, type = be16(c->at + 2);

	if (version != 0)
		return PKT_NOT_TCP;
	return advance(c, GENEVE_HEADER + (c->at[0] & 0x3fu) * 4) ? named(c, type, obs) : PKT_SHORT_LINK;
}

static enum pkt_result udp(struct cursor *c, struct tcp_obs *obs)
{
	if (c->left < UDP_HEADER)
		return PKT_SHORT_LINK;

	const unsigned port = be16(c->at + 2);

	if (port != TUNNEL_VXLAN && port != TUNNEL_GENEVE)
		return PKT_NOT_TCP;
	advance(c, UDP_HEADER);
	return port == TUNNEL_VXLAN ? vxlan(c, obs) : geneve(c, obs);
}

static enum pkt_result ip_in_ip(struct cursor *c, unsigned version, struct tcp_obs *obs)
{
	if (c->left < 1)
		return PKT_SHORT_IP;
	return c->at[0] >> 4 == version ? pkt_ip(c, obs) : PKT_BAD_IP;
}

enum pkt_result pkt_tunnel(struct cursor *c, uint8_t protocol, struct tcp_obs *obs)
{
	if (++c->tunnels > TUNNELS_MAX)
		return PKT_NOT_TCP;
	c->nested = 0;
	switch (protocol) {
	case TUNNEL_IPV4:
		return ip_in_ip(c, 4, obs);
	case TUNNEL_IPV6:
		return ip_in_ip(c, 6, obs);
	case TUNNEL_GRE:
		return gre(c, obs);
	default: /* TUNNEL_UDP */
		return udp(c, obs);
	}
}
