/*
 * pkt: what becomes of frames. A row is a link type, the bytes before the IP header, an IP packet (by name), and what is to come out; every row is
 * also cut at each length from 0 on, in memory that ends there, so that a sanitizer sees the first byte read too far.
 */
#include "core/pkt.h"
#include "core/sigtext.h"
#include "core/util.h"
#include "tests/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A SYN of Linux: 192.0.2.1:40000 > 198.51.100.2:25, MSS 1460. */
#define SYN4 "4500003c1234400040060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307"
/* The same over IPv6 without options beside the MSS, next header and payload length to be put in. */
#define IP6(length, next) "60000000" length next "40 20010db8000000000000000000000001 20010db8000000000000000000000002"
#define TCP6 "9c40001901020304 000000006002708000000000 020405a0"

#define LINUX4 "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0"
#define LINUX6 "syn 2001:db8::1:40000>2001:db8::2:25 6:64:0:1440:28800,0:mss::0"

#define ETH "020000000002 020000000001 "

static const struct {
	const char *why;
	unsigned link;
	const char *hex;
	const char *want;   /* the observation, or the name of the refusal */
	const char *compat; /* p0f's; NULL: the same */
} rows[] = {
	/* links */
	{ "Ethernet", 1, ETH "0800" SYN4, LINUX4, NULL },
	{ "padding behind the IP length", 1, ETH "0800" SYN4 "00000000ffff", LINUX4, NULL },
	{ "one tag", 1, ETH "8100 0064 0800" SYN4, LINUX4, "not_ip" },
	{ "802.1ad over 802.1Q", 1, ETH "88a8 0064 8100 0065 0800" SYN4, LINUX4, "not_ip" },
	{ "four tags, old kinds among them", 1, ETH "9100 0064 9200 0065 9300 0001 8100 0002 0800" SYN4, LINUX4, "not_ip" },
	{ "MPLS, two labels", 1, ETH "8847 00010040 00020140" SYN4, LINUX4, "not_ip" },
	{ "MPLS, Ethernet pseudowire with control word", 1, ETH "8847 00020140 00000000" ETH "0800" SYN4, LINUX4, "not_ip" },
	{ "MPLS, five Ethernets in each other: enough is enough", 1,
	  ETH "8847 00020140 00000000" ETH "8847 00020140 00000000" ETH "8847 00020140 00000000" ETH "8847 00020140 00000000" ETH "0800" SYN4,
	  "not_ip", NULL },
	{ "MPLS, bottom of stack never comes", 1, ETH "8847 00010040 00020040", "short_link", "short_ip" },
	{ "PPPoE session", 1, ETH "8864 1100 0001 003e 0021" SYN4, LINUX4, "not_ip" },
	{ "PPPoE, protocol compressed", 1, ETH "8864 1100 0001 003d 21" SYN4, LINUX4, "not_ip" },
	{ "PPPoE that is no session data", 1, ETH "8864 1109 0001 003e 0021" SYN4, "not_ip", NULL },
	{ "PPPoE under tags", 1, ETH "8100 0064 8100 0065 8864 1100 0001 003e 0021" SYN4, LINUX4, "not_ip" },
	{ "Cisco metadata", 1, ETH "8909 01010001000a 0800" SYN4, LINUX4, "not_ip" },
	{ "802.3 with SNAP", 1, ETH "0044 aaaa03000000 0800" SYN4, LINUX4, "not_ip" },
	{ "802.3 with another LLC", 1, ETH "0026 424203000000000000000000000000000000000000000000000000000000000000000000000000", "not_ip", "short_ip" },
	{ "ARP", 1, ETH "0806 0001080006040001020000000001c0000201000000000000c633640200000000000000000000000000", "not_ip", NULL },
	{ "raw IP", 101, SYN4, LINUX4, NULL },
	{ "raw IP by its BSD number", 12, SYN4, LINUX4, NULL },
	{ "raw IP by OpenBSD's number", 14, SYN4, LINUX4, NULL },
	{ "raw IPv4", 228, SYN4, LINUX4, NULL },
	{ "raw IPv6", 229, IP6("0018", "06") TCP6, LINUX6, NULL },
	{ "SLL", 113, "0000 0001 0006 020000000001 0000 0800" SYN4, LINUX4, NULL },
	{ "SLL, tagged", 113, "0000 0001 0006 020000000001 0000 8100 0064 0800" SYN4, LINUX4, "not_ip" },
	{ "SLL2", 276, "0800 0000 00000002 0001 00 06 020000000001 0000" SYN4, LINUX4, NULL },
	{ "SLL2, tagged", 276, "8100 0000 00000002 0001 00 06 020000000001 0000 0064 0800" SYN4, LINUX4, NULL },
	{ "NULL, little-endian", 0, "02000000" SYN4, LINUX4, NULL },
	{ "NULL, big-endian, whatever the number", 0, "0000001e" SYN4, LINUX4, NULL },
	{ "LOOP: p0f skips four bytes too many", 108, "00000002" SYN4, LINUX4, "not_ip" },
	{ "PPP with address and control", 9, "ff030021" SYN4, LINUX4, NULL },
	{ "PPP without", 9, "0021" SYN4, LINUX4, "not_ip" },
	{ "PPP in HDLC: p0f skips four bytes too many", 50, "ff030021" SYN4, LINUX4, "not_ip" },
	{ "Cisco HDLC", 50, "0f000800" SYN4, LINUX4, "not_ip" },
	{ "PPPoE without Ethernet", 51, "1100 0001 003e 0021" SYN4, LINUX4, NULL },
	{ "PFLOG, 61 bytes said, 64 there: p0f skips 28", 117,
	  "3d020000656d300000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000" "00" SYN4,
	  LINUX4, "not_ip" },
	{ "a link type of another world", 129, SYN4, "unknown_link", LINUX4 },

	/* IPv4 */
	{ "IP options", 101, "460000401234400040060000c0000201c6336402 01010101 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:4:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0", NULL },
	{ "more fragments", 101, "4500003c1234600040060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307", "fragment", NULL },
	{ "a fragment's end", 101, "4500003c1234000540060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307", "fragment", NULL },
	{ "UDP", 101, "4500003c1234400040110000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307", "not_tcp", NULL },
	{ "header of 16 bytes", 101, "4400003c1234400040060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307", "bad_ip", NULL },
	{ "total length beyond the wire", 101, "450000ff1234400040060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307", "bad_ip", NULL },
	{ "total length that cuts TCP off", 101, "450000271234400040060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307", "short_tcp", NULL },
	{ "total length that cuts the options off", 101, "4500002c1234400040060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307", "bad_tcp", NULL },
	{ "version 5", 101, "5500003c1234400040060000c0000201c6336402 9c40001901020304 00000000a0027210 00000000 020405b40402080a0001e2400000000001030307", "bad_ip", "not_ip" },
	{ "every IP quirk that goes together", 101, "45030028000080ff40060000c0000201c6336402 9c40001900000000 00000000 5002 0400 0000 0000", "fragment", NULL },
	{ "id 0 without DF, reserved flag, ECN, seq 0", 101, "450300280000800040060000c0000201c6336402 9c40001900000000 00000000 5002 0400 0000 0000",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0::id-,ecn,0+,seq-:0", NULL },
	{ "payload", 101, "4500002c000100004006 0000c0000201c6336402 9c40001900000001 00000000 5002 0400 0000 0000 61626364",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:::+", NULL },

	/* IPv6 */
	{ "IPv6", 101, IP6("0018", "06") TCP6, LINUX6, NULL },
	{ "IPv6 on Ethernet with padding", 1, ETH "86dd" IP6("0018", "06") TCP6 "0000", LINUX6, NULL },
	{ "flow label, ECN", 101, "60212345 0018 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002" TCP6,
	  "syn 2001:db8::1:40000>2001:db8::2:25 6:64:0:1440:28800,0:mss:ecn,flow:0", NULL },
	{ "hop-by-hop", 101, IP6("0020", "00") "0600010400000000" TCP6, "syn 2001:db8::1:40000>2001:db8::2:25 6:64:8:1440:28800,0:mss::0", "not_tcp" },
	{ "hop-by-hop of 16, routing, destination options", 101,
	  IP6("0040", "00") "2b010104000000000000000000000000 3c00000000000000 0601010400000000 0000000000000000" TCP6,
	  "syn 2001:db8::1:40000>2001:db8::2:25 6:64:40:1440:28800,0:mss::0", "not_tcp" },
	{ "a fragment header that fragments nothing", 101, IP6("0020", "2c") "0600000012345678" TCP6,
	  "syn 2001:db8::1:40000>2001:db8::2:25 6:64:8:1440:28800,0:mss::0", "not_tcp" },
	{ "a first fragment", 101, IP6("0020", "2c") "0600000112345678" TCP6, "fragment", "not_tcp" },
	{ "extension header beyond the packet", 101, IP6("0020", "00") "06ff010400000000" TCP6, "short_ip", "not_tcp" },
	{ "ICMPv6", 101, IP6("0018", "3a") TCP6, "not_tcp", NULL },
	{ "payload length beyond the wire", 101, IP6("0019", "06") TCP6, "bad_ip", NULL },
	{ "v4-mapped source on the wire", 101, "60000000 0018 06 40 00000000000000000000ffffc0000201 20010db8000000000000000000000002" TCP6, "bad_ip",
	  "syn 192.0.2.1:40000>2001:db8::2:25 6:64:0:1440:28800,0:mss::0" },
	{ "multicast source", 101, "60000000 0018 06 40 ff020000000000000000000000000001 20010db8000000000000000000000002" TCP6, "bad_ip",
	  "syn ff02::1:40000>2001:db8::2:25 6:64:0:1440:28800,0:mss::0" },

	/* TCP */
	{ "SYN+ACK", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000001 5012 0400 0000 0000",
	  "syn+ack 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:::0", NULL },
	{ "ACK 0 with its flag", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5012 0400 0000 0000",
	  "syn+ack 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0::ack-:0", NULL },
	{ "ACK", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000001 5010 0400 0000 0000",
	  "ack 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:::0", NULL },
	{ "FIN+ACK", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000001 5011 0400 0000 0000",
	  "fin 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:::0", NULL },
	{ "RST with an ACK number is common", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 01000001 5004 0400 0000 0000",
	  "rst 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:::0", NULL },
	{ "ack+: p0f sees one bit of it", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000001 5002 0400 0000 0000",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0::ack+:0", "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:::0" },
	{ "ack+, that bit", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 01000000 5002 0400 0000 0000",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0::ack+:0", NULL },
	{ "PSH, URG, ECE, CWR, AE", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 51ea 0400 0000 0000",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0::ecn,urgf+,pushf+:0", NULL },
	{ "urgent pointer alone", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5002 0400 0000 0007",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0::uptr+:0", NULL },
	{ "no flag that counts", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5008 0400 0000 0000", "bad_tcp", NULL },
	{ "SYN+FIN", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5003 0400 0000 0000", "bad_tcp", NULL },
	{ "SYN+RST", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5006 0400 0000 0000", "bad_tcp", NULL },
	{ "FIN+RST", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5015 0400 0000 0000", "bad_tcp", NULL },
	{ "data offset 4", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 4002 0400 0000 0000", "bad_tcp", NULL },
	{ "data offset beyond the packet", 101, "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 6002 0400 0000 0000", "bad_tcp", NULL },
	{ "opt+", 101, "45000030123400004006 0000c0000201c6336402 9c40001901020304 00000000 7002 0400 0000 0000 0204056400010000",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:1380:1024,0:mss,eol+3:opt+:0", NULL },
	{ "opt+, the last byte alone", 101, "45000030123400004006 0000c0000201c6336402 9c40001901020304 00000000 7002 0400 0000 0000 0204056400000001",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:1380:1024,0:mss,eol+3:opt+:0", "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:1380:1024,0:mss,eol+3::0" },
	{ "exws; the last window scale counts", 101, "45000030123400004006 0000c0000201c6336402 9c40001901020304 00000000 7002 0400 0000 0000 0303 0f 01 030302 00",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,2:ws,nop,ws,eol+0:exws:0", NULL },
	{ "lengths that lie by one: read on", 101, "45000030123400004006 0000c0000201c6336402 9c40001901020304 00000000 7002 0400 0000 0000 020505640403 0101",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:1380:1024,0:mss,sok,nop,nop:bad:0", NULL },
	{ "SACK of 9 bytes", 101, "45000030123400004006 0000c0000201c6336402 9c40001901020304 00000000 7002 0400 0000 0000 0509000000000000",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:sack:bad:0", NULL },
	{ "unknown option of length 1", 101, "45000030123400004006 0000c0000201c6336402 9c40001901020304 00000000 7002 0400 0000 0000 fe01010101010101",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:?254:bad:0", NULL },
	{ "an option without its length byte", 101, "45000030123400004006 0000c0000201c6336402 9c40001901020304 00000000 7002 0400 0000 0000 01010101010101fe",
	  "syn 192.0.2.1:40000>198.51.100.2:25 4:64:0:0:1024,0:nop,nop,nop,nop,nop,nop,nop,?254:bad:0", NULL },
};

static const char *describe(char *buf, size_t size, enum pkt_result rc, const struct tcp_obs *obs, bool compat)
{
	static const char *const kinds[] = { "syn", "syn+ack", "ack", "fin", "rst" };
	char src[FP_ADDR_TEXT], dst[FP_ADDR_TEXT], layout[SIGTEXT_LAYOUT], quirks[SIGTEXT_LAYOUT];

	if (rc != PKT_OK)
		return pkt_result_name(rc);
	sigtext_layout(layout, sizeof layout, obs->layout, obs->layout_len, obs->eol_pad);
	sigtext_quirks(quirks, sizeof quirks, compat ? obs_quirks_p0f(obs) : obs->quirks);
	snprintf(buf, size, "%s %s:%u>%s:%u %u:%u:%u:%u:%u,%u:%s:%s:%s", kinds[obs->kind], fp_addr_text(&obs->src, src), obs->src_port,
	    fp_addr_text(&obs->dst, dst), obs->dst_port, obs->ipver, obs->ttl, obs->olen, obs->mss, obs->win, obs->wscale, layout, quirks,
	    obs->payload_len > 0 ? "+" : "0");
	return buf;
}

static void test_rows(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int compat = 0; compat < 2; compat++) {
			struct pkt_conf conf = { .compat = compat };
			const char *want = compat && rows[i].compat != NULL ? rows[i].compat : rows[i].want;
			uint8_t frame[512];
			char buf[512];
			struct tcp_obs obs;
			const size_t n = hex_bytes(frame, sizeof frame, rows[i].hex);

			pkt_guess(&conf, rows[i].link, frame, n);

			const enum pkt_result rc = pkt_decode(&conf, rows[i].link, frame, n, n, 42, &obs);
			const char *got = describe(buf, sizeof buf, rc, &obs, compat);

			if (strcmp(got, want) != 0) {
				print_error("%s%s:\n got %s\nwant %s\n", rows[i].why, compat ? " (p0f)" : "", got, want);
				wrong++;
			}
			/* Its id is what the quirks were made of. */
			if (rc == PKT_OK && (obs.ip_id != 0) != (obs.ipver == 4 && !(obs.quirks & QUIRK_ID_MINUS) && (obs.quirks & (QUIRK_DF | QUIRK_ID_PLUS)) != QUIRK_DF)) {
				print_error("%s: id %u\n", rows[i].why, obs.ip_id);
				wrong++;
			}
		}
	assert_int_equal(wrong, 0);
}

/* Whatever is captured of a frame, nothing behind it is read; and it is never more than the whole frame was. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t frame[512];
		struct tcp_obs obs;
		const size_t n = hex_bytes(frame, sizeof frame, rows[i].hex);
		struct pkt_conf conf = { 0 }, p0f = { .compat = true };
		const bool good = pkt_decode(&conf, rows[i].link, frame, n, n, 0, &obs) == PKT_OK;

		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *part = malloc(cut + 1);

			assert_non_null(part);
			memcpy(part, frame, cut);
			if (pkt_decode(&conf, rows[i].link, part, cut, n, 0, &obs) == PKT_OK && !good)
				fail_msg("%s: cut at %zu is read, whole it is not", rows[i].why, cut);
			pkt_decode(&conf, rows[i].link, part, cut, cut, 0, &obs);
			pkt_guess(&p0f, rows[i].link, part, cut);
			pkt_decode(&p0f, rows[i].link, part, cut, n, 0, &obs);
			p0f.guessed = 0;
			free(part);
		}
	}
}

/*
 * Where p0f looks for IP in frames of a link type that it does not know: ARCNET here, 8 bytes. Each row's first frame was put to Debian's p0f.
 */
static void test_guess(void **state)
{
	static const struct {
		const char *why, *hex;
		int at; /* -1: not in this frame */
	} guesses[] = {
		{ "the header's end", "be50a8e7d4000166" SYN4, 8 },
		{ "an even offset that looks like IPv4", "4550a8e7d4000166" "4506003c1234400040060000c0000201c6336402", -1 },
		{ "and is long enough", "4550a8e7d4000166" "4506003c1234400040060000c0000201c6336402 9c40001901020304 00000000", 0 },
		{ "39 bytes are not", "4550a8e7d4000166" "4506003c1234400040060000c0000201c6336402 9c40001901020304 000000", -1 },
		{ "an odd offset", "0045a8e7d4000166" "4500063c1234400040060000c0000201c6336402 9c40001901020304 00000000 00000000 00000000", 8 },
		{ "IPv6 wants 60", "6050a8e7d4000666" SYN4, 0 },
		{ "59 are not", "6050a8e7d4000666" "4500003c1234400040060000c0000201c6336402 9c40001901020304 00000000 a002 7210 00000000 020405b4 040208", 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(guesses); i++) {
		struct pkt_conf conf = { .compat = true }, plain = { 0 };
		uint8_t frame[128];
		struct tcp_obs obs;
		const size_t n = hex_bytes(frame, sizeof frame, guesses[i].hex);
		const bool guessed = pkt_guess(&conf, 129, frame, n);

		if (guessed != (guesses[i].at >= 0) || conf.guessed != guesses[i].at + 1)
			fail_msg("%s: %d, want %d", guesses[i].why, conf.guessed - 1, guesses[i].at);
		assert_false(pkt_guess(&plain, 129, frame, n)); /* not p0f */
		conf.guessed = 0;
		assert_false(pkt_guess(&conf, PKT_LINK_ETHERNET, frame, n)); /* known */
		assert_int_equal(pkt_decode(&conf, 129, frame, n, n, 0, &obs), PKT_UNKNOWN_LINK);
	}
	/* Once guessed it stays. */
	struct pkt_conf conf = { .compat = true, .guessed = 1 };
	uint8_t frame[128];
	struct tcp_obs obs;
	const size_t n = hex_bytes(frame, sizeof frame, guesses[0].hex);

	assert_false(pkt_guess(&conf, 129, frame, n));
	assert_int_equal(pkt_decode(&conf, 129, frame, n, n, 0, &obs), PKT_NOT_IP);
}

/* A snap length of 96 cuts payload, not headers: p0f drops such a packet. */
static void test_snapped(void **state)
{
	const struct pkt_conf conf = { 0 }, p0f = { .compat = true };
	uint8_t frame[512];
	struct tcp_obs obs;
	const size_t n = hex_bytes(frame, sizeof frame, "450001281234400040060000c0000201c6336402 9c40001901020304 00000000 5002 0400 0000 0000 aabb");

	(void)state;
	assert_int_equal(pkt_decode(&conf, PKT_LINK_RAW, frame, n, 0x128, 0, &obs), PKT_OK);
	assert_int_equal(obs.payload_len, 0x128 - 40);
	assert_int_equal(pkt_decode(&p0f, PKT_LINK_RAW, frame, n, 0x128, 0, &obs), PKT_BAD_IP);
}

static void test_ecn_kept_apart(void **state)
{
	static const struct {
		const char *hex;
		uint8_t ecn;
	} cases[] = {
		{ "45020028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5002 0400 0000 0000", OBS_ECN_IP },
		{ "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5042 0400 0000 0000", OBS_ECN_ECE },
		{ "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5082 0400 0000 0000", OBS_ECN_CWR },
		{ "45000028123400004006 0000c0000201c6336402 9c40001901020304 00000000 5102 0400 0000 0000", OBS_ECN_AE },
	};
	const struct pkt_conf conf = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t frame[64];
		struct tcp_obs obs;
		const size_t n = hex_bytes(frame, sizeof frame, cases[i].hex);

		assert_int_equal(pkt_decode(&conf, PKT_LINK_RAW, frame, n, n, 0, &obs), PKT_OK);
		assert_int_equal(obs.ecn, cases[i].ecn);
		assert_int_equal(obs.quirks, QUIRK_ECN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_cut), cmocka_unit_test(test_guess), cmocka_unit_test(test_snapped), cmocka_unit_test(test_ecn_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
