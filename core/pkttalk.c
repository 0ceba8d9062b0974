/*
 * pkttalk - what most of a capture is: segments with data, or that end a connection, which no matcher can use. Known by a few bytes; whatever is
 * unusual is left to pkt_decode().
 */
#include "core/pkt_int.h"

/* left bytes of a segment that has ip_left by the IP length: pkt_decode() would read it, and obs_wanted() does not want it. */
INLINE bool talk_tcp(const uint8_t *h, size_t left, size_t ip_left)
{
	const size_t header = (size_t)(h[12] >> 4) << 2;
	const unsigned kind = h[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
	const uint32_t ends = 1u << TCP_FIN | 1u << (TCP_FIN | TCP_ACK) | 1u << TCP_RST | 1u << (TCP_RST | TCP_ACK);

	return header >= TCP_MIN && header <= left && ((kind == TCP_ACK && ip_left > header) || (ends >> kind & 1) != 0);
}

/* wire: what the frame had behind its link header, of which left bytes were captured. */
INLINE bool talk_ipv4(const uint8_t *ip, size_t left, size_t wire)
{
	const size_t total = be16(ip + 2);

	if (ip[0] != 0x45 || ip[33] & TCP_SYN || ip[9] != PROTO_TCP || be16(ip + 6) & 0x3fff || total < IPV4_MIN + TCP_MIN || total > wire)
		return false;
	if (left > total)
		left = total;
	return talk_tcp(ip + IPV4_MIN, left - IPV4_MIN, total - IPV4_MIN);
}

INLINE bool talk_ipv6(const uint8_t *ip, size_t left, size_t wire)
{
	const size_t total = be16(ip + 4) + IPV6_MIN;

	if (left < IPV6_MIN + TCP_MIN || ip[0] >> 4 != 6 || ip[53] & TCP_SYN || ip[6] != PROTO_TCP || total < IPV6_MIN + TCP_MIN || total > wire)
		return false;
	/* Addresses that are surely none of the impossible ones. */
	if (ip[8] == 0xff || ip[24] == 0xff || be32(ip + 8) == 0 || be32(ip + 24) == 0)
		return false;
	if (left > total)
		left = total;
	return talk_tcp(ip + IPV6_MIN, left - IPV6_MIN, total - IPV6_MIN);
}

INLINE bool talk(const uint8_t *frame, size_t caplen, size_t len)
{
	if (caplen < ETHERNET + IPV4_MIN + TCP_MIN)
		return false;
	if (be16(frame + 12) == 0x0800)
		return talk_ipv4(frame + ETHERNET, caplen - ETHERNET, len - ETHERNET);
	return be16(frame + 12) == 0x86dd && talk_ipv6(frame + ETHERNET, caplen - ETHERNET, len - ETHERNET);
}

bool pkt_talk(const uint8_t *frame, size_t caplen, size_t len)
{
	return talk(frame, caplen, len);
}

enum pkt_result pkt_wanted(const struct pkt_conf *conf, unsigned link, const uint8_t *frame,
    size_t caplen, size_t len, int64_t time_ns, struct tcp_obs *obs)
{
	if (link == PKT_LINK_ETHERNET && !conf->compat && talk(frame, caplen < len ? caplen : len, len))
		return PKT_FILTERED;
	const enum pkt_result rc = pkt_decode(conf, link, frame, caplen, len, time_ns, obs);

	return rc == PKT_OK && !obs_wanted(obs) ? PKT_FILTERED : rc;
}
