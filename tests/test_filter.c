/*
 * filter: the program that goes into the kernel, run by libpcap's interpreter. Rows say what passes and what does not; a
 * property test holds it against pkt_decode() and obs_wanted() on frames of all kinds: what is wanted is never rejected.
 */
#include "capture/filter.h"
#include "core/pkt.h"
#include "tests/hex.h"
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#define ETH "020000000002 020000000001 "
#define IP4(length, frag, rest) "4500" length "1234" frag "4006 0000 c0000201 c6336402 " rest
#define IP6(length, next, rest) "60000000" length next "40 20010db8000000000000000000000001 20010db8000000000000000000000002 " rest
/* 40000 > 25, the flags; data offset 5. */
#define TCP(flags) "9c40 0019 01020304 01020304 50" flags " 7210 0000 0000 "
#define BACK(flags) "0019 9c40 01020304 01020304 50" flags " 7210 0000 0000 "
#define ACK_NOPS "9c40 0019 01020304 01020304 6010 7210 0000 0000 01010101"

#define SYN4 IP4("0028", "4000", TCP("02"))
#define SYN6 IP6("0014", "06", TCP("02"))

static const char smtp[] = "tcp port 25 or tcp port 587";

static const struct {
	const char *why;
	int dlt;
	const char *filter;
	bool no_acks;
	const char *hex;
	bool want;
} rows[] = {
	{ "SYN", DLT_EN10MB, "", false, ETH "0800" SYN4, true },
	{ "SYN with ECE and CWR", DLT_EN10MB, "", false, ETH "0800" IP4("0028", "4000", TCP("c2")), true },
	{ "SYN+ACK", DLT_EN10MB, "", false, ETH "0800" IP4("0028", "4000", BACK("12")), true },
	{ "bare ACK", DLT_EN10MB, "", false, ETH "0800" IP4("0028", "4000", TCP("10")), true },
	{ "bare ACK, handshakes of no interest", DLT_EN10MB, "", true, ETH "0800" IP4("0028", "4000", TCP("10")), false },
	{ "SYN+ACK, handshakes of no interest", DLT_EN10MB, "", true, ETH "0800" IP4("0028", "4000", BACK("12")), true },
	{ "bare ACK with options", DLT_EN10MB, "", false, ETH "0800" IP4("002c", "4000", ACK_NOPS), true },
	{ "bare ACK with Ethernet's padding", DLT_EN10MB, "", false, ETH "0800" IP4("0028", "4000", TCP("10")) "000000000000", true },
	{ "ACK with data", DLT_EN10MB, "", false, ETH "0800" IP4("002c", "4000", TCP("18")) "41424344", false },
	{ "FIN", DLT_EN10MB, "", false, ETH "0800" IP4("0028", "4000", TCP("11")), false },
	{ "RST", DLT_EN10MB, "", false, ETH "0800" IP4("0028", "4000", TCP("04")), false },
	{ "IPv4 options before the flags", DLT_EN10MB, "", false,
	  ETH "0800 4600002c123440004006 0000 c0000201 c6336402 01010101" TCP("02"), true },
	{ "IPv4 options, ACK with data", DLT_EN10MB, "", false,
	  ETH "0800 4600002e123440004006 0000 c0000201 c6336402 01010101" TCP("10") "4142", false },
	{ "a fragment", DLT_EN10MB, "", false, ETH "0800" IP4("0028", "2000", TCP("02")), false },
	{ "UDP", DLT_EN10MB, "", false, ETH "0800 450000281234400040110000c0000201c6336402" TCP("02"), false },
	{ "ARP", DLT_EN10MB, "", false, ETH "0806 0001080006040001020000000001c0000201000000000000c6336402", false },
	{ "IPv6: SYN", DLT_EN10MB, "", false, ETH "86dd" SYN6, true },
	{ "IPv6: SYN+ACK", DLT_EN10MB, "", false, ETH "86dd" IP6("0014", "06", BACK("12")), true },
	{ "IPv6: bare ACK", DLT_EN10MB, "", false, ETH "86dd" IP6("0014", "06", TCP("10")), true },
	{ "IPv6: ACK with data", DLT_EN10MB, "", false, ETH "86dd" IP6("0016", "06", TCP("10")) "4142", false },
	{ "IPv6: RST", DLT_EN10MB, "", false, ETH "86dd" IP6("0014", "06", TCP("14")), false },
	{ "IPv6: extension headers are looked at by us", DLT_EN10MB, "", false, ETH "86dd" IP6("001c", "3c", "0600010400000000" TCP("02")), true },
	{ "one tag", DLT_EN10MB, "", false, ETH "8100 0064 0800" SYN4, true },
	{ "one tag, data", DLT_EN10MB, "", false, ETH "8100 0064 0800" IP4("002c", "4000", TCP("18")) "41424344", false },
	{ "two tags, IPv6", DLT_EN10MB, "", false, ETH "88a8 0064 8100 0065 86dd" SYN6, true },
	{ "more tags than are walked: we look", DLT_EN10MB, "", false,
	  ETH "8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 8100 0006 8100 0007 0800" SYN4, true },
	{ "PPPoE", DLT_EN10MB, "", false, ETH "8864 1100 0001 002a 0021" SYN4, true },
	{ "PPPoE, data", DLT_EN10MB, "", false, ETH "8864 1100 0001 002e 0021" IP4("002c", "4000", TCP("18")) "41424344", false },
	{ "PPPoE, protocol compressed: we look", DLT_EN10MB, "", false, ETH "8864 1100 0001 0029 21" SYN4, true },
	{ "MPLS, two labels", DLT_EN10MB, "", false, ETH "8847 00010040 00020140" SYN4, true },
	{ "MPLS, FIN", DLT_EN10MB, "", false, ETH "8847 00020140" IP4("0028", "4000", TCP("11")), false },
	{ "SNAP: we look", DLT_EN10MB, "", false, ETH "0030 aaaa03000000 0800" SYN4, true },
	{ "cooked", DLT_LINUX_SLL, "", false, "0000 0001 0006 020000000001 0000 0800" SYN4, true },
	{ "cooked, tagged", DLT_LINUX_SLL, "", false, "0000 0001 0006 020000000001 0000 8100 0064 86dd" SYN6, true },
	{ "cooked, second kind", DLT_LINUX_SLL2, "", false, "0800 0000 00000001 0001 00 06 0200000000010000" SYN4, true },
	{ "bare IP", DLT_RAW, "", false, SYN6, true },
	{ "bare IP, RST", DLT_RAW, "", false, IP4("0028", "4000", TCP("04")), false },

	{ "FILTER: its port", DLT_EN10MB, smtp, false, ETH "0800" SYN4, true },
	{ "FILTER: its port, IPv6", DLT_EN10MB, smtp, false, ETH "86dd" SYN6, true },
	{ "FILTER: from its port", DLT_EN10MB, smtp, false, ETH "0800" IP4("0028", "4000", BACK("12")), true },
	{ "FILTER: another port", DLT_EN10MB, "tcp port 80", false, ETH "0800" SYN4, false },
	{ "FILTER: its port under a tag", DLT_EN10MB, smtp, false, ETH "8100 0064 0800" SYN4, true },
	{ "FILTER: another port under a tag", DLT_EN10MB, "tcp port 80", false, ETH "8100 0064 0800" SYN4, false },
	{ "FILTER: under two tags", DLT_EN10MB, "tcp port 25", false, ETH "88a8 0064 8100 0065 86dd" SYN6, true },
	{ "FILTER: in PPPoE", DLT_EN10MB, "tcp port 25", false, ETH "8864 1100 0001 002a 0021" SYN4, true },
	{ "FILTER: in MPLS, another port", DLT_EN10MB, "tcp port 80", false, ETH "8847 00020140" SYN4, false },
	{ "FILTER: where it cannot be applied nothing passes", DLT_EN10MB, "tcp port 25", false, ETH "0030 aaaa03000000 0800" SYN4, false },
	{ "FILTER: bare ACK to a watched port", DLT_EN10MB, smtp, false, ETH "0800" IP4("0028", "4000", TCP("10")), true },
	{ "FILTER: bare ACK from one", DLT_EN10MB, smtp, false, ETH "0800" IP4("0028", "4000", BACK("10")), false },
	{ "FILTER: bare ACK from one, where ports are not all", DLT_EN10MB, "tcp port 25 and net 192.0.2.0/24", false,
	  ETH "0800" IP4("0028", "4000", BACK("10")), true },
	{ "FILTER: a net", DLT_EN10MB, "not net 192.0.2.0/24", false, ETH "0800" SYN4, false },
	{ "FILTER of the link layer stands as it is", DLT_EN10MB, "vlan 100 and tcp port 25", false, ETH "8100 0064 0800" SYN4, true },
	{ "FILTER of the link layer: another tag", DLT_EN10MB, "vlan 101 and tcp port 25", false, ETH "8100 0064 0800" SYN4, false },
	{ "FILTER of the link layer: of what passes, only what is of use", DLT_EN10MB, "vlan 100", false,
	  ETH "8100 0064 0800" IP4("0028", "4000", TCP("11")), false },
	{ "FILTER: an address of the link layer", DLT_EN10MB, "ether src 02:00:00:00:00:09", false, ETH "0800" SYN4, false },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct filter_conf conf = { .dlt = rows[i].dlt, .text = rows[i].filter, .segments = true, .acks = !rows[i].no_acks };
		struct bpf_program program;
		char err[CAPTURE_ERR] = "";
		uint8_t bytes[300];
		const size_t n = hex_bytes(bytes, sizeof bytes, rows[i].hex);
		const struct pcap_pkthdr head = { .caplen = (bpf_u_int32)n, .len = (bpf_u_int32)n };

		if (filter_compile(&program, &conf, err) != 0)
			fail_msg("%s: %s", rows[i].why, err);
		if ((pcap_offline_filter(&program, &head, bytes) != 0) != rows[i].want)
			fail_msg("%s: got %s, want %s", rows[i].why, rows[i].want ? "rejected" : "accepted", rows[i].want ? "accepted" : "rejected");
		pcap_freecode(&program);
	}
}

static void test_wrong(void **state)
{
	struct bpf_program program;
	char err[CAPTURE_ERR] = "";

	(void)state;
	assert_int_equal(filter_compile(&program, &(struct filter_conf){ .dlt = DLT_EN10MB, .text = "tcp prot 25" }, err), FP_ECONFIG);
	assert_non_null(strstr(err, "tcp prot 25"));
}

/* A FILTER that fills the program: fewer tags are walked, and it still works. */
static void test_long(void **state)
{
	struct bpf_program program;
	char err[CAPTURE_ERR] = "", text[4000] = "tcp port 25";
	uint8_t bytes[300];

	(void)state;
	for (int i = 0; i < 30; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), " or net 10.%d.0.0/16", 2 * i);
	if (filter_compile(&program, &(struct filter_conf){ .dlt = DLT_EN10MB, .text = text, .segments = true, .acks = true }, err) != 0)
		fail_msg("%s", err);
	assert_in_range(program.bf_len, 100, 1000);
	const size_t n = hex_bytes(bytes, sizeof bytes, ETH "8100 0064 0800" SYN4);

	assert_true(pcap_offline_filter(&program, &(struct pcap_pkthdr){ .caplen = (bpf_u_int32)n, .len = (bpf_u_int32)n }, bytes) != 0);
	pcap_freecode(&program);
}

static void test_ports(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		uint16_t first;
	} texts[] = {
		{ "tcp port 25", 1, 25 }, { "port 25 or 465 or 587", 3, 25 }, { "tcp and (port 587 || port 25)", 2, 587 },
		{ "tcp port 25 or tcp port 465 or tcp port 587", 3, 25 }, { "tcp port smtp", 1, 25 }, { "", 0, 0 }, { "tcp", 0, 0 },
		{ "tcp or port 25", 0, 0 }, { "port 25 or tcp", 0, 0 }, { "not port 25", 0, 0 }, { "dst port 25", 0, 0 },
		{ "port 25 and host 192.0.2.1", 0, 0 }, { "portrange 25-30", 0, 0 }, { "tcp port 25 or host mx", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct filter_ports ports;

		filter_ports(&ports, texts[i].text);
		if (ports.n != texts[i].n || (ports.n > 0 && ports.port[0] != texts[i].first))
			fail_msg("\"%s\": got %zu ports, want %zu", texts[i].text, ports.n, texts[i].n);
	}
}

/* ---- Against pkt_decode() ----------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;

static unsigned draw(unsigned n)
{
	return (unsigned)(test_random(&seed) >> 33) % n;
}

static uint8_t *put16(uint8_t *p, unsigned n)
{
	*p++ = (uint8_t)(n >> 8);
	*p++ = (uint8_t)n;
	return p;
}

/* A TCP header with options and data; returns its end. */
static uint8_t *put_tcp(uint8_t *p, unsigned *bytes)
{
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04, 0x14, 0xc2, 0x03, 0x00, 0x52 };
	static const unsigned ports[] = { 25, 587, 40000, 25, 80 };
	const unsigned words = 5 + draw(4) * draw(3), data = draw(2) * draw(30);
	uint8_t *const start = p;

	for (size_t i = 0; i < 20; i++)
		p[i] = (uint8_t)draw(256);
	put16(p, ports[draw(ARRAY_LEN(ports))]);
	put16(p + 2, ports[draw(ARRAY_LEN(ports))]);
	p[12] = (uint8_t)(words << 4);
	p[13] = flags[draw(ARRAY_LEN(flags))];
	for (p += 20; p < start + 4 * words; p++)
		*p = 1;
	memset(p, 'x', data);
	*bytes = 4 * words + data;
	return p + data;
}

static uint8_t *put_ip(uint8_t *p, bool v6)
{
	const unsigned extra = draw(4) == 0 ? 1 + draw(2) : 0; /* option words, or extension headers */
	unsigned tcp;
	uint8_t *end;

	if (v6) {
		uint8_t *h = p + 40;

		memset(p, 0x20, 40);
		p[0] = 0x60;
		p[6] = extra > 0 ? (const uint8_t[]){ 0, 43, 60, 44 }[draw(4)] : 6;
		for (unsigned i = 0; i < extra; i++, h += 8) {
			memset(h, 0, 8);
			h[0] = i + 1 < extra ? 60 : 6;
		}
		end = put_tcp(h, &tcp);
		put16(p + 4, (unsigned)(end - p) - 40);
		return end;
	}
	memset(p, 1, 20 + 4 * extra);
	p[0] = (uint8_t)(0x45 + extra);
	p[6] = (uint8_t)(draw(20) == 0 ? 0x20 : 0x40);
	p[7] = 0;
	p[9] = draw(10) == 0 ? 17 : 6;
	end = put_tcp(p + 20 + 4 * extra, &tcp);
	put16(p + 2, (unsigned)(end - p));
	return end;
}

/* What stands before IP, by link type. */
static uint8_t *put_link(uint8_t *p, int dlt, bool v6)
{
	static const unsigned tags[] = { 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300 };
	const unsigned type = v6 ? 0x86dd : 0x0800;
	uint8_t *first = p;

	if (dlt == DLT_RAW)
		return p;
	memset(p, 2, 20);
	p += dlt == DLT_EN10MB ? 12 : dlt == DLT_LINUX_SLL ? 14 : 20;
	if (dlt == DLT_LINUX_SLL2) { /* the type stands first */
		put16(first, type);
		return p;
	}
	for (unsigned n = draw(3) * draw(5); n > 0; n--)
		p = put16(put16(p, tags[draw(ARRAY_LEN(tags))]), draw(4096));
	switch (draw(8)) {
	case 0: /* PPPoE session */
		p = put16(put16(put16(put16(p, 0x8864), 0x1100), 1), 100);
		if (draw(4) == 0) {
			*p++ = v6 ? 0x57 : 0x21;
			return p;
		}
		return put16(p, v6 ? 0x57 : 0x21);
	case 1: { /* MPLS */
		const unsigned labels = 1 + draw(3);

		p = put16(p, 0x8847);
		for (unsigned i = 1; i <= labels; i++)
			p = put16(put16(p, 16), i == labels ? 0x0140 : 0x0040);
		return p;
	}
	case 2: /* SNAP */
		p = put16(put16(put16(put16(p, 100), 0xaaaa), 0x0300), 0);
		return put16(p, type);
	case 3: /* Cisco metadata */
		p = put16(put16(put16(put16(p, 0x8909), 0x0101), 1), 10);
		return put16(p, type);
	default:
		return put16(p, type);
	}
}

static void test_against_decode(void **state)
{
	static const struct {
		int dlt;
		unsigned link;
	} links[] = { { DLT_EN10MB, PKT_LINK_ETHERNET }, { DLT_LINUX_SLL, PKT_LINK_SLL }, { DLT_LINUX_SLL2, PKT_LINK_SLL2 }, { DLT_RAW, PKT_LINK_RAW } };
	static const struct pkt_conf conf = { false };
	size_t wanted = 0, passed = 0, unwanted = 0, total = 0;

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(links); l++) {
		struct bpf_program program;
		char err[CAPTURE_ERR];

		assert_int_equal(filter_compile(&program, &(struct filter_conf){ .dlt = links[l].dlt, .text = "", .segments = true, .acks = true }, err), 0);
		for (unsigned i = 0; i < 50000; i++, total++) {
			uint8_t frame[400];
			const bool v6 = draw(2);
			const size_t whole = (size_t)(put_ip(put_link(frame, links[l].dlt, v6), v6) - frame);

			if (draw(4) == 0) /* and broken ones */
				frame[draw((unsigned)whole)] ^= (uint8_t)(1u << draw(8));
			/* The kernel's filter sees all of a packet; what is cut is cut after it. */
			const struct pcap_pkthdr head = { .caplen = (bpf_u_int32)whole, .len = (bpf_u_int32)whole };
			const bool passes = pcap_offline_filter(&program, &head, frame) != 0;
			struct tcp_obs obs;

			passed += passes;
			if (pkt_decode(&conf, links[l].link, frame, whole, whole, 1, &obs) != PKT_OK || !obs_wanted(&obs)) {
				unwanted += passes;
				continue;
			}
			wanted++;
			if (!passes) {
				char hex[801] = "";

				for (size_t k = 0; k < whole; k++)
					snprintf(hex + 2 * k, 3, "%02x", frame[k]);
				fail_msg("link %d: rejected, and wanted: %s", links[l].dlt, hex);
			}
		}
		pcap_freecode(&program);
	}
	/* Both kinds were there, and it does reject. */
	assert_in_range(wanted, total / 5, total * 4 / 5);
	assert_in_range(unwanted, 0, total / 5);
	assert_true(passed < total);
}

/* Tunnels pass where they are looked into, whatever FILTER says of ports; what is no tunnel is judged as ever. */
static void test_tunnels(void **state)
{
#define OUT4(protocol) "4500005e 0000 0000 ff" protocol "0000 0a0909010a090902 "
#define OUT6(next) "60000000004a" next "40fe800000000000000000000000000009fe800000000000000000000000000002 "
	static const struct {
		const char *why, *hex;
		bool want;
	} cases[] = {
		{ "GRE", ETH "0800" OUT4("2f") "00000800" SYN4, true },
		{ "IPv4 in IPv4", ETH "0800" OUT4("04") SYN4, true },
		{ "IPv6 in IPv4", ETH "0800" OUT4("29") SYN6, true },
		{ "VXLAN", ETH "0800" OUT4("11") "c000 12b5 004a 0000 0800000000123400", true },
		{ "GENEVE", ETH "0800" OUT4("11") "c000 17c1 004a 0000 0000655800123400", true },
		{ "UDP to another port", ETH "0800" OUT4("11") "c000 0035 004a 0000 0800000000123400", false },
		{ "UDP from that port", ETH "0800" OUT4("11") "12b5 0035 004a 0000 0800000000123400", false },
		{ "GRE under tags", ETH "8100 0005 88a8 0006 0800" OUT4("2f") "00000800" SYN4, true },
		{ "GRE over IPv6", ETH "86dd" OUT6("2f") "00000800" SYN4, true },
		{ "VXLAN over IPv6", ETH "86dd" OUT6("11") "c000 12b5 004a 0000 0800000000123400", true },
		{ "DNS over IPv6", ETH "86dd" OUT6("11") "c000 0035 004a 0000 0800000000123400", false },
		{ "a SYN to port 25", ETH "0800" SYN4, true },
		{ "a SYN to port 25, IPv6, tagged", ETH "8100 0005 86dd" SYN6, true },
		{ "a SYN+ACK from port 26", ETH "0800" IP4("0028", "4000", "001a 9c40 01020304 01020304 5012 7210 0000 0000"), false },
		{ "ICMP", ETH "0800" OUT4("01") "08000000", false },
	};
	struct bpf_program open, closed;
	struct filter_conf conf = { .dlt = DLT_EN10MB, .text = smtp, .segments = true, .acks = true, .decapsulate = true };
	char err[CAPTURE_ERR];

	(void)state;
	assert_int_equal(filter_compile(&open, &conf, err), 0);
	conf.decapsulate = false;
	assert_int_equal(filter_compile(&closed, &conf, err), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t frame[256];
		const size_t n = hex_bytes(frame, sizeof frame, cases[i].hex);
		const struct pcap_pkthdr h = { .caplen = (uint32_t)n, .len = (uint32_t)n };
		const bool tunnel = cases[i].want && strstr(cases[i].why, "SYN") == NULL;

		if ((pcap_offline_filter(&open, &h, frame) != 0) != cases[i].want)
			fail_msg("%s: %s", cases[i].why, cases[i].want ? "rejected" : "passes");
		if ((pcap_offline_filter(&closed, &h, frame) != 0) != (cases[i].want && !tunnel))
			fail_msg("%s, without decapsulation: %s", cases[i].why, tunnel ? "passes" : "rejected");
	}
	pcap_freecode(&open);
	pcap_freecode(&closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tunnels), cmocka_unit_test(test_rows),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_against_decode),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
