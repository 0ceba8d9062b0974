/*
 * pkt - frame bytes to observation. Every byte is hostile; nothing outside
 * [frame, frame + caplen) is ever read, and nothing of the frame is kept.
 *
 * Threads  no state: any thread, any number at once.
 * Source   RFC 791, 8200, 9293, 7323; IEEE 802.1Q; link layouts as tcpdump.org/linktypes lists
 *          them; p0f 3.09b's admission rules (docs/p0f3-matching.md section 1).
 */
#ifndef FP_PKT_H
#define FP_PKT_H

#include "core/obs.h"

#include <stdbool.h>

/* LINKTYPE_ numbers of the pcap format; libpcap's DLT_ values are mapped by capture. */
enum pkt_link {
	PKT_LINK_NULL = 0,
	PKT_LINK_ETHERNET = 1,
	PKT_LINK_PPP = 9,
	PKT_LINK_PPP_HDLC = 50,
	PKT_LINK_PPP_ETHER = 51,
	PKT_LINK_RAW = 101,
	PKT_LINK_LOOP = 108,
	PKT_LINK_SLL = 113,
	PKT_LINK_PFLOG = 117,
	PKT_LINK_IPV4 = 228,
	PKT_LINK_IPV6 = 229,
	PKT_LINK_SLL2 = 276,
};

/*
 * What became of a frame. The first is an observation, those up to PKT_FILTERED are traffic that is
 * none of our business (counter `filtered`), the others are counted by reason (`undecodable`).
 * PKT_REASONS(X): X(CONSTANT, "name for counters", "text").
 */
#define PKT_REASONS(X)                                                             \
	X(PKT_SHORT_LINK, "short_link", "frame ends inside its link header")       \
	X(PKT_SHORT_IP, "short_ip", "frame ends inside the IP header")             \
	X(PKT_BAD_IP, "bad_ip", "IP version, header or total length impossible")   \
	X(PKT_FRAGMENT, "fragment", "IP fragment: not reassembled")                \
	X(PKT_SHORT_TCP, "short_tcp", "frame ends inside the TCP header")          \
	X(PKT_BAD_TCP, "bad_tcp", "TCP data offset or flags impossible")           \
	X(PKT_UNKNOWN_LINK, "unknown_link", "link type that we do not read")

enum pkt_result {
	PKT_OK,           /* *obs is filled */
	PKT_NOT_IP,       /* ARP, LLDP, ... */
	PKT_NOT_TCP,      /* UDP, ICMP, ... */
	PKT_FILTERED,     /* of pkt_wanted(): TCP that no matcher can use */
#define X(constant, name, text) constant,
	PKT_REASONS(X)
#undef X
	PKT_RESULTS
};

struct pkt_conf {
	bool decapsulate; /* look into GRE, VXLAN, GENEVE and IP in IP, four deep at most */
	bool compat; /* admit and read as p0f 3.09b does, its blind spots included */
	uint8_t guessed; /* compat: what pkt_guess() found, 0 = nothing yet */
};

/*
 * caplen  bytes captured; len  bytes on the wire (len >= caplen; only caplen are there).
 * The answer depends on the arguments alone.
 */
enum pkt_result pkt_decode(const struct pkt_conf *conf, unsigned link, const uint8_t *frame,
    size_t caplen, size_t len, int64_t time_ns, struct tcp_obs *obs);

/*
 * The same for matchers: what obs_wanted() does not want is PKT_FILTERED, nearly all of it by a few bytes and before it is read; *obs is
 * filled with PKT_OK alone.
 */
enum pkt_result pkt_wanted(const struct pkt_conf *conf, unsigned link, const uint8_t *frame,
    size_t caplen, size_t len, int64_t time_ns, struct tcp_obs *obs);

bool pkt_link_known(unsigned link);

/*
 * Compat: of a link type that p0f does not know (also SLL2 and the raw ones of one IP version) it looks for the IP header in the first
 * frames, and where it finds something like one it looks ever after. Call before pkt_decode(); true where conf was changed. It does
 * nothing for known link types or once it is guessed.
 */
bool pkt_guess(struct pkt_conf *conf, unsigned link, const uint8_t *frame, size_t caplen);

/* "short_link", "not_tcp", ...: for counters and logs. */
const char *pkt_result_name(enum pkt_result result);

#endif
