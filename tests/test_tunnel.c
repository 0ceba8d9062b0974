/*
 * tunnel: packets in packets. A row is an outer frame by hand; what is in it must come out as if it came alone, and nothing must without the
 * setting. Every row is cut at each length, in memory that ends there.
 */
#include "tests/test.h"

#include "core/pkt.h"
#include "core/sigtext.h"
#include "tests/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETH "020000000002 020000000001 "
#define SYN4 "4500002c1234400040060000c0000201c6336402 9c400019010203040000000060020400 00000000 020405b4"        /* 44 bytes */
#define SYN6 "60012345001806ff20010db800000000000000000000000120010db8000000000000000000000002 9c400019010203040000000060020400 00000000 020405a0" /* 64 */
#define INNER4 "192.0.2.1 4:64:0:1460:1024,0:mss:df,id+"
#define INNER6 "2001:db8::1 6:255:0:1440:1024,0:mss:flow"

/* Outer headers of 20 and 40 bytes: total or payload length, protocol. From 10.9.9.1. */
#define OUT4(total, protocol) "4500" total "00000000ff" protocol "00000a0909010a090902 "
#define OUT6(payload, next) "60000000" payload next "40fe800000000000000000000000000009fe800000000000000000000000000002 "
#define UDP(port, length) "c000" port length "0000 "
#define VNI "08000000 00123400 "

static const struct {
	const char *why;
	unsigned link;
	const char *hex;
	const char *want;
} rows[] = {
	{ "IPv4 in IPv4", 101, OUT4("0040", "04") SYN4, INNER4 },
	{ "IPv6 in IPv4", 101, OUT4("0054", "29") SYN6, INNER6 },
	{ "IPv4 in IPv6", 101, OUT6("002c", "04") SYN4, INNER4 },
	{ "IPv6 in IPv6", 101, OUT6("0040", "29") SYN6, INNER6 },
	{ "behind destination options", 101, OUT6("0034", "3c") "0400010400000000" SYN4, INNER4 },
	{ "behind IP options", 101, "46000044 0000 0000 ff04 0000 0a0909010a090902 94040000" SYN4, INNER4 },
	{ "what says IPv4 and is not", 101, OUT4("0054", "04") SYN6, "bad_ip" },
	{ "GRE", 101, OUT4("0044", "2f") "0000 0800" SYN4, INNER4 },
	{ "GRE, IPv6 inside", 101, OUT4("0058", "2f") "0000 86dd" SYN6, INNER6 },
	{ "GRE with a checksum", 101, OUT4("0048", "2f") "8000 0800 abcd 0000" SYN4, INNER4 },
	{ "GRE with a key", 101, OUT4("0048", "2f") "2000 0800 00000007" SYN4, INNER4 },
	{ "GRE with a sequence number", 101, OUT4("0048", "2f") "1000 0800 00000007" SYN4, INNER4 },
	{ "GRE with all three", 101, OUT4("0050", "2f") "b000 0800 abcd0000 00000007 00000008" SYN4, INNER4 },
	{ "GRE, Ethernet", 101, OUT4("0056", "2f") "2000 6558 00000007" ETH "0800" SYN4, INNER4 },
	{ "GRE, Ethernet with a tag", 101, OUT4("005a", "2f") "2000 6558 00000007" ETH "8100 0005 0800" SYN4, INNER4 },
	{ "GRE, MPLS", 101, OUT4("0048", "2f") "0000 8847 00010140" SYN4, INNER4 },
	{ "GRE, PPTP's", 101, OUT4("0052", "2f") "3081 880b 0030 0001 00000002 00000003 0021" SYN4, INNER4 },
	{ "GRE, PPTP's, with address and control, no acknowledgment", 101, OUT4("0050", "2f") "3001 880b 0030 0001 00000002 ff030021" SYN4, INNER4 },
	{ "GRE, PPTP's, an acknowledgment alone", 101, OUT4("0020", "2f") "2081 880b 0000 0001 00000003", "not_tcp" },
	{ "GRE, ERSPAN without a header", 101, OUT4("0052", "2f") "0000 88be" ETH "0800" SYN4, INNER4 },
	{ "GRE, ERSPAN type II", 101, OUT4("005e", "2f") "1000 88be 00000001 10000000 00000000" ETH "0800" SYN4, INNER4 },
	{ "GRE, ERSPAN type III", 101, OUT4("0062", "2f") "1000 22eb 00000001 20000000 00000000 00000000" ETH "0800" SYN4, INNER4 },
	{ "GRE, ERSPAN type III with a platform's word", 101, OUT4("006a", "2f") "1000 22eb 00000001 20000000 00000000 00000001 0102030405060708" ETH "0800" SYN4, INNER4 },
	{ "GRE with source routes: to be discarded", 101, OUT4("0048", "2f") "4000 0800 00000000" SYN4, "not_tcp" },
	{ "GRE of version 2", 101, OUT4("0044", "2f") "0002 0800" SYN4, "not_tcp" },
	{ "GRE, a type that is a length", 101, OUT4("0044", "2f") "0000 0021" SYN4, "not_ip" },
	{ "GRE, ARP inside", 101, OUT4("0034", "2f") "0000 0806 0001080006040001 020000000001c0000201 000000000000c6336402", "not_ip" },
	{ "VXLAN", 101, OUT4("005e", "11") UDP("12b5", "004a") VNI ETH "0800" SYN4, INNER4 },
	{ "VXLAN on Ethernet, as AWS mirrors", 1, ETH "0800" OUT4("005e", "11") UDP("12b5", "004a") VNI ETH "0800" SYN4, INNER4 },
	{ "VXLAN over IPv6, IPv6 inside", 101, OUT6("005e", "11") UDP("12b5", "005e") VNI ETH "86dd" SYN6, INNER6 },
	{ "VXLAN with policy bits", 101, OUT4("005e", "11") UDP("12b5", "004a") "88000123 00123400" ETH "0800" SYN4, INNER4 },
	{ "VXLAN without its flag", 101, OUT4("005e", "11") UDP("12b5", "004a") "00000000 00123400" ETH "0800" SYN4, "not_tcp" },
	{ "another port", 101, OUT4("005e", "11") UDP("12b6", "004a") VNI ETH "0800" SYN4, "not_tcp" },
	{ "VXLAN, from the port", 101, OUT4("005e", "11") "12b5 c000 004a 0000" VNI ETH "0800" SYN4, "not_tcp" },
	{ "GENEVE, Ethernet", 101, OUT4("005e", "11") UDP("17c1", "004a") "0000 6558 00123400" ETH "0800" SYN4, INNER4 },
	{ "GENEVE, IPv4, as GCP mirrors", 101, OUT4("0050", "11") UDP("17c1", "003c") "0000 0800 00123400" SYN4, INNER4 },
	{ "GENEVE, IPv6 behind 12 bytes of options", 101, OUT4("0070", "11") UDP("17c1", "005c") "0340 86dd 00123400 0101010101010101 01010101" SYN6, INNER6 },
	{ "GENEVE, options beyond the packet", 101, OUT4("0050", "11") UDP("17c1", "003c") "3f00 0800 00123400" SYN4, "short_link" },
	{ "GENEVE of version 1", 101, OUT4("0050", "11") UDP("17c1", "003c") "4000 0800 00123400" SYN4, "not_tcp" },
	{ "four deep", 101, OUT4("007c", "04") OUT4("0068", "04") OUT4("0054", "04") OUT4("0040", "04") SYN4, INNER4 },
	{ "five deep: enough is enough", 101, OUT4("0090", "04") OUT4("007c", "04") OUT4("0068", "04") OUT4("0054", "04") OUT4("0040", "04") SYN4, "not_tcp" },
	{ "four kinds in one another", 101,
	  OUT4("00b2", "11") UDP("12b5", "009e") VNI ETH "0800" OUT4("0080", "2f") "0000 86dd" OUT6("0040", "29") OUT6("0018", "06") "9c400019010203040000000060020400 00000000 020405a0",
	  "fe80::9 6:64:0:1440:1024,0:mss:" },
	{ "the outer one is a fragment", 101, "45000040 0000 2000 ff04 0000 0a0909010a090902" SYN4, "fragment" },
	{ "the inner one is a fragment", 101, OUT4("0040", "04") "4500002c1234200040060000c0000201c6336402 9c400019010203040000000060020400 00000000 020405b4", "fragment" },
	{ "the inner length beyond the outer packet", 101, OUT4("0040", "04") "450000ff1234400040060000c0000201c6336402 9c400019010203040000000060020400 00000000 020405b4", "bad_ip" },
	{ "the outer length cuts inside", 101, OUT4("003c", "04") SYN4, "bad_ip" },
	{ "padding behind the outer length", 101, OUT4("0040", "04") SYN4 "00000000", INNER4 },
};

static const char *describe(char *buf, size_t size, enum pkt_result rc, const struct tcp_obs *obs)
{
	char src[FP_ADDR_TEXT], layout[SIGTEXT_LAYOUT], quirks[SIGTEXT_LAYOUT];

	if (rc != PKT_OK)
		return pkt_result_name(rc);
	sigtext_layout(layout, sizeof layout, obs->layout, obs->layout_len, obs->eol_pad);
	sigtext_quirks(quirks, sizeof quirks, obs->quirks);
	snprintf(buf, size, "%s %u:%u:%u:%u:%u,%u:%s:%s", fp_addr_text(&obs->src, src), obs->ipver, obs->ttl, obs->olen, obs->mss, obs->win, obs->wscale,
	    layout, quirks);
	return buf;
}

static void test_rows(void **state)
{
	static const struct pkt_conf closed, open = { .decapsulate = true };
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t frame[512];
		char buf[512];
		struct tcp_obs obs;
		const size_t n = hex_bytes(frame, sizeof frame, rows[i].hex);
		const enum pkt_result rc = pkt_decode(&open, rows[i].link, frame, n, n, 42, &obs);
		const char *got = describe(buf, sizeof buf, rc, &obs);

		if (strcmp(got, rows[i].want) != 0) {
			print_error("%s:\n got %s\nwant %s\n", rows[i].why, got, rows[i].want);
			wrong++;
		}
		if (rc == PKT_OK && (!(obs.flags & OBS_TUNNEL) || frame[obs.ip_at] >> 4 != obs.ipver || obs.payload_at > n)) {
			print_error("%s: does not say where the inner packet lies\n", rows[i].why);
			wrong++;
		}
		if (pkt_decode(&closed, rows[i].link, frame, n, n, 42, &obs) == PKT_OK) {
			print_error("%s: is looked into, though nobody asked\n", rows[i].why);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_cut(void **state)
{
	static const struct pkt_conf open = { .decapsulate = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t frame[512];
		struct tcp_obs whole, obs;
		const size_t n = hex_bytes(frame, sizeof frame, rows[i].hex);
		const bool good = pkt_decode(&open, rows[i].link, frame, n, n, 0, &whole) == PKT_OK;

		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *part = malloc(cut + 1);

			assert_non_null(part);
			memcpy(part, frame, cut);
			if (pkt_decode(&open, rows[i].link, part, cut, n, 0, &obs) == PKT_OK && (!good || memcmp(&whole, &obs, sizeof obs) != 0))
				fail_msg("%s: cut at %zu is not what it is whole", rows[i].why, cut);
			pkt_decode(&open, rows[i].link, part, cut, cut, 0, &obs);
			free(part);
		}
	}
}

/* Without a tunnel the setting changes nothing. */
static void test_plain(void **state)
{
	static const struct pkt_conf closed, open = { .decapsulate = true };
	uint8_t frame[128];
	struct tcp_obs a, b;
	const size_t n = hex_bytes(frame, sizeof frame, ETH "0800" SYN4);

	(void)state;
	assert_int_equal(pkt_decode(&closed, 1, frame, n, n, 0, &a), PKT_OK);
	assert_int_equal(pkt_decode(&open, 1, frame, n, n, 0, &b), PKT_OK);
	assert_memory_equal(&a, &b, sizeof a);
	assert_false(a.flags & OBS_TUNNEL);
	assert_int_equal(a.ip_at, 14);
	assert_int_equal(a.payload_at, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_cut), cmocka_unit_test(test_plain) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
