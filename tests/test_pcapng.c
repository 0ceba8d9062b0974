/*
 * pcapng: files made of blocks by hand, through capture_open_file() as programs read them: what each frame is, what is said where the file
 * lies, and that no byte outside it is touched at any cut. And pcap files whose link type field says more than the link type.
 */
#include "tests/test.h"

#include "capture/capture.h"
#include "core/pkt.h"
#include "tests/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES 65536

struct bytes {
	uint8_t b[BYTES];
	size_t n;
	bool big; /* the section's order */
};

static void put16(struct bytes *f, unsigned n)
{
	f->b[f->n + (f->big ? 1 : 0)] = (uint8_t)n;
	f->b[f->n + (f->big ? 0 : 1)] = (uint8_t)(n >> 8);
	f->n += 2;
}

static void put32(struct bytes *f, uint32_t n)
{
	put16(f, f->big ? n >> 16 : n & 0xffff);
	put16(f, f->big ? n & 0xffff : n >> 16);
}

static void put(struct bytes *f, const void *bytes, size_t n)
{
	memcpy(f->b + f->n, bytes, n);
	f->n += n;
	while (f->n % 4 != 0)
		f->b[f->n++] = 0;
}

/* A block begins; ends with its length in both places. */
static size_t begin(struct bytes *f, uint32_t type)
{
	const size_t at = f->n;

	put32(f, type);
	put32(f, 0);
	return at;
}

static void end(struct bytes *f, size_t at)
{
	const uint32_t total = (uint32_t)(f->n + 4 - at);
	const size_t now = f->n;

	put32(f, total);
	f->n = at + 4;
	put32(f, total);
	f->n = now + 4;
}

static void section(struct bytes *f, bool big)
{
	size_t at;

	f->big = big;
	at = begin(f, 0x0a0d0d0a);
	put32(f, 0x1a2b3c4d);
	put16(f, 1);
	put16(f, 0);
	put32(f, 0xffffffff);
	put32(f, 0xffffffff);
	end(f, at);
}

/* resolution: -1 not said; offset: 0 not said. */
static void interface(struct bytes *f, unsigned link, uint32_t snaplen, int resolution, int64_t offset)
{
	const size_t at = begin(f, 1);

	put16(f, link);
	put16(f, 0);
	put32(f, snaplen);
	put16(f, 2); /* if_name */
	put16(f, 5);
	put(f, "eth0x", 5);
	if (resolution >= 0) {
		put16(f, 9);
		put16(f, 1);
		put(f, &(uint8_t){ (uint8_t)resolution }, 1);
	}
	if (offset != 0) {
		put16(f, 14);
		put16(f, 8);
		put32(f, (uint32_t)(f->big ? (uint64_t)offset >> 32 : (uint64_t)offset));
		put32(f, (uint32_t)(f->big ? (uint64_t)offset : (uint64_t)offset >> 32));
	}
	put32(f, 0); /* opt_endofopt */
	end(f, at);
}

/* A TCP SYN of raw IP from 192.0.2.`last`. */
static size_t syn(uint8_t *out, unsigned last)
{
	const size_t n = hex_bytes(out, 64, "4500002c1234400040060000c0000201c6336402 9c40001901020304 0000000060020400 00000000 020405b4");

	out[15] = (uint8_t)last;
	return n;
}

static void enhanced(struct bytes *f, uint32_t number, uint64_t time, const uint8_t *frame, size_t n, uint32_t len)
{
	const size_t at = begin(f, 6);

	put32(f, number);
	put32(f, (uint32_t)(time >> 32));
	put32(f, (uint32_t)time);
	put32(f, (uint32_t)n);
	put32(f, len);
	put(f, frame, n);
	put16(f, 2); /* epb_flags: an FCS of four bytes */
	put16(f, 4);
	put32(f, 4 << 5);
	put32(f, 0);
	end(f, at);
}

/* What was read: "link time last-byte-of-source[/caplen<len]" for each frame. */
struct seen {
	char text[4000];
	size_t n;
	unsigned frames, undecodable;
};

static void on_frame(void *ctx, const struct capture_frame *f)
{
	const struct pkt_conf conf = { 0 };
	struct seen *s = ctx;
	struct tcp_obs obs;

	s->frames++;
	if (pkt_decode(&conf, f->link, f->bytes, f->caplen, f->len, f->time_ns, &obs) != PKT_OK) {
		s->undecodable++;
		obs.src.b[15] = 0;
	}
	if (s->n < sizeof s->text - 100)
		s->n += (size_t)snprintf(s->text + s->n, 100, "%s%u %lld %u", s->n ? "; " : "", f->link, (long long)f->time_ns, obs.src.b[15]);
	if (f->caplen != f->len && s->n < sizeof s->text - 100)
		s->n += (size_t)snprintf(s->text + s->n, 100, "/%u<%u", f->caplen, f->len);
}

static int read_bytes(const uint8_t *bytes, size_t n, const char *filter, struct seen *out, char err[CAPTURE_ERR])
{
	const int fd = memfd_create("pcapng", MFD_CLOEXEC);
	const struct capture_handler handler = { .ctx = out, .frame = on_frame };
	struct capture *c;
	char path[64];
	int rc;

	memset(out, 0, sizeof *out);
	err[0] = '\0';
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	rc = capture_open_file(&c, path, filter, err);
	if (rc == 0)
		rc = capture_run(c, &handler, err);
	capture_close(&c);
	close(fd);
	return rc;
}

static void expect(const struct bytes *f, const char *why, const char *filter, int rc, const char *want, const char *says)
{
	struct seen s;
	char err[CAPTURE_ERR];
	const int got = read_bytes(f->b, f->n, filter, &s, err);

	if (got != rc || strcmp(s.text, want) != 0 || (says != NULL && strstr(err, says) == NULL))
		fail_msg("%s: got %d \"%s\" (%s)\nwant %d \"%s\" (%s)", why, got, s.text, err, rc, want, says != NULL ? says : "");
}

static void frame_of(struct bytes *f, uint32_t number, uint64_t time, unsigned last)
{
	uint8_t b[64];
	const size_t n = syn(b, last);

	enhanced(f, number, time, b, n, (uint32_t)n);
}

static void test_interfaces(void **state)
{
	struct bytes *f = calloc(1, sizeof *f);
	uint8_t ether[80], raw[64];

	(void)state;
	for (int big = 0; big < 2; big++) {
		f->n = 0;
		section(f, big);
		interface(f, PKT_LINK_RAW, 0, -1, 0);
		interface(f, PKT_LINK_ETHERNET, 96, 9, 0);
		frame_of(f, 0, 1700000000000001, 1);
		const size_t n = syn(raw, 2);

		hex_bytes(ether, sizeof ether, "020000000002 020000000001 0800");
		memcpy(ether + 14, raw, n);
		enhanced(f, 1, 1700000000000000007, ether, 14 + n, 1514);
		interface(f, PKT_LINK_IPV4, 65535, 0x80 | 20, 1700000000); /* after frames, and in 2^-20 s from then on */
		frame_of(f, 2, 3 << 19, 3);
		frame_of(f, 0, 1700000000000002, 4);
		expect(f, "three link types", "", 0,
		    "101 1700000000000001000 1; 1 1700000000000000007 2/58<1514; 228 1700000001500000000 3; 101 1700000000000002000 4", NULL);
		expect(f, "FILTER fits each", "src host 192.0.2.2 or src host 192.0.2.3", 0, "1 1700000000000000007 2/58<1514; 228 1700000001500000000 3", NULL);
		/* A section of the other order begins anew. */
		section(f, !big);
		interface(f, PKT_LINK_IPV4, 0, 3, -1000);
		frame_of(f, 0, 1700000001005, 5);
		expect(f, "two sections", "src host 192.0.2.5", 0, "228 1699999001005000000 5", NULL);
		frame_of(f, 1, 0, 6);
		expect(f, "interfaces of another section are not known", "", FP_EFORMAT,
		    "101 1700000000000001000 1; 1 1700000000000000007 2/58<1514; 228 1700000001500000000 3; 101 1700000000000002000 4; 228 1699999001005000000 5",
		    "an interface that is not described");
	}
	free(f);
}

static void test_times(void **state)
{
	static const struct {
		const char *why;
		int resolution;
		int64_t offset;
		uint64_t units;
		long long want;
	} rows[] = {
		{ "microseconds where nothing is said", -1, 0, 1700000000000001, 1700000000000001000 },
		{ "seconds", 0, 0, 1700000000, 1700000000000000000 },
		{ "picoseconds are cut", 12, 0, 1700000000000000999, 1700000000000000 },
		{ "10^-127: nothing is left", 127, 0, UINT64_MAX, 0 },
		{ "seconds beyond 2262", 0, 0, UINT64_MAX, INT64_MAX },
		{ "microseconds beyond 2262", -1, 0, UINT64_MAX, INT64_MAX },
		{ "2^-1", 0x81, 0, 3, 1500000000 },
		{ "2^-0", 0x80, 0, 5, 5000000000 },
		{ "2^-63", 0xbf, 0, UINT64_MAX, 1999999999 },
		{ "2^-127", 0xff, 0, UINT64_MAX, 0 },
		{ "an offset", 9, 1700000000, 5, 1700000000000000005 },
		{ "an offset back", 9, -1, 1000000005, 5 },
		{ "an offset to before 1970", 9, -2, 1000000005, 0 },
		{ "the largest offset", 9, INT64_MAX, UINT64_MAX, INT64_MAX },
		{ "the smallest", 9, INT64_MIN, UINT64_MAX, 0 },
	};
	struct bytes *f = calloc(1, sizeof *f);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char want[100];

		f->n = 0;
		section(f, i % 2);
		interface(f, PKT_LINK_RAW, 0, rows[i].resolution, rows[i].offset);
		frame_of(f, 0, rows[i].units, 1);
		snprintf(want, sizeof want, "101 %lld 1", rows[i].want);
		expect(f, rows[i].why, "", 0, want, NULL);
	}
	free(f);
}

static void test_other_blocks(void **state)
{
	struct bytes *f = calloc(1, sizeof *f);
	uint8_t b[64];
	const size_t n = syn(b, 9);
	size_t at;

	(void)state;
	section(f, false);
	at = begin(f, 0x0bad); /* unknown, before the interface, and larger than a buffer when its length is believed */
	put(f, b, n);
	end(f, at);
	interface(f, PKT_LINK_RAW, 40, -1, 0);
	at = begin(f, 3); /* simple: no time, cut at the snap length */
	put32(f, 44);
	put(f, b, 40);
	end(f, at);
	frame_of(f, 0, 5, 1);
	at = begin(f, 2); /* the obsolete packet block: interface in 16 bits, then drops */
	put16(f, 0);
	put16(f, 77);
	put32(f, 0);
	put32(f, 6);
	put32(f, (uint32_t)n);
	put32(f, (uint32_t)n);
	put(f, b, n);
	end(f, at);
	at = begin(f, 3); /* simple again: the time of the frame before */
	put32(f, 40);
	put(f, b, 40);
	end(f, at);
	at = begin(f, 5); /* statistics */
	put32(f, 0);
	end(f, at);
	expect(f, "every kind", "", 0, "101 0 0/40<44; 101 5000 1; 101 6000 9; 101 6000 0", NULL);
	free(f);
}

static void test_lies(void **state)
{
	struct bytes *f = calloc(1, sizeof *f);
	const char *first = "101 1000 1";
	uint8_t b[64];

	(void)state;
	section(f, false);
	interface(f, PKT_LINK_RAW, 0, -1, 0);
	frame_of(f, 0, 1, 1);
	const size_t good = f->n;
	static const struct {
		const char *why;
		unsigned at; /* in the second frame's block */
		uint32_t value;
		int rc;
		const char *says;
	} rows[] = {
		{ "captured more than the block holds", 20, 1000, FP_EFORMAT, "longer than its block" },
		{ "captured more than any frame", 20, 0xffffffff, FP_EFORMAT, "longer than its block" },
		{ "a block of 8 bytes", 4, 8, FP_EFORMAT, "shorter than its header" },
		{ "a block that ends in its header", 4, 20, FP_EFORMAT, "shorter than its header" },
		{ "a block beyond the file", 4, 0x7ffffff0, FP_ETRUNC, "in the middle of a block" },
		{ "a length that is no multiple of 4", 4, 97, FP_EFORMAT, "multiple of 4" },
		{ "an interface that is not there", 8, 1, FP_EFORMAT, "not described" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char want[64];

		f->n = good;
		frame_of(f, 0, 2, 2);
		const size_t end_of = f->n;

		f->n = good + rows[i].at;
		put32(f, rows[i].value);
		f->n = end_of;
		/* What the block had was handed out before its length was found too large. */
		snprintf(want, sizeof want, "%s%s", first, rows[i].rc == FP_ETRUNC ? "; 101 2000 2" : "");
		expect(f, rows[i].why, "", rows[i].rc, want, rows[i].says);
	}
	f->n = good;
	interface(f, 276, 0, -1, 0);
	const size_t n = syn(b, 3);

	enhanced(f, 1, 2, b, n, 44);
	expect(f, "a FILTER that one link type cannot have", "ether host 1:2:3:4:5:6", FP_ECONFIG, "", "filter");
	f->n = 0;
	section(f, false);
	f->b[12] = 2;
	expect(f, "another version", "", FP_EFORMAT, "", "another version");
	f->n = 0;
	section(f, false);
	f->b[8] = 0;
	expect(f, "no byte order", "", FP_EFORMAT, "", "no byte order");
	free(f);
}

/* Each file cut everywhere, in memory of its own by the kernel's page: the sanitizers watch the buffer. Frames never become more. */
static void test_cut(void **state)
{
	struct bytes *f = calloc(1, sizeof *f);
	char err[CAPTURE_ERR];
	struct seen s;

	(void)state;
	section(f, true);
	interface(f, PKT_LINK_RAW, 0, 9, 5);
	frame_of(f, 0, 1, 1);
	frame_of(f, 0, 2, 2);
	for (size_t n = 0; n < f->n; n++) {
		const int rc = read_bytes(f->b, n, "", &s, err);

		if (rc == 0 ? n != 0 && s.frames == 2 && n < f->n - 16 : rc != FP_ETRUNC && rc != FP_EFORMAT)
			fail_msg("cut at %zu: %d, %u frames", n, rc, s.frames);
		if (s.frames > 2)
			fail_msg("cut at %zu: %u frames", n, s.frames);
		if (rc != 0 && err[0] == '\0')
			fail_msg("cut at %zu: nothing is said", n);
	}
	free(f);
}

/* Interfaces without end: an error at a bound, not memory without one. */
static void test_many_interfaces(void **state)
{
	const size_t one = 20, n = 28 + 70000 * one;
	uint8_t *file = calloc(1, n);
	struct bytes *f = calloc(1, sizeof *f);
	char err[CAPTURE_ERR];
	struct seen s;

	(void)state;
	section(f, false);
	memcpy(file, f->b, 28);
	for (size_t i = 0; i < 70000; i++) {
		const uint32_t block[5] = { 1, 20, 1, 0, 20 };

		memcpy(file + 28 + i * one, block, one);
	}
	/* Read on a machine of the file's order. */
	assert_int_equal(read_bytes(file, n, "", &s, err), FP_EFORMAT);
	assert_non_null(strstr(err, "65536 interfaces"));
	free(f);
	free(file);
}

/* pcap: bits above the link type say how long a frame check sequence is; it, or a part of it, lies behind the frame. */
static void test_pcap_fcs(void **state)
{
	static const struct {
		const char *why;
		uint32_t link;
		int behind;    /* bytes behind the IP packet */
		unsigned len;  /* of the wire, beyond what was captured */
	} rows[] = {
		{ "no word of a sequence, none there", 1, 0, 0 },
		{ "said: two words of 16 bits, there", 0x24000001, 4, 0 },
		{ "said, but trimmed: on the wire only", 0x24000001, 0, 4 },
		{ "said, half of it captured", 0x24000001, 2, 2 },
		{ "not said, yet there", 1, 4, 0 },
		{ "reserved bits", 0x03ff0001, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes *f = calloc(1, sizeof *f);
		uint8_t frame[80], raw[64];
		const size_t n = 14 + syn(raw, 1);
		const uint32_t caplen = (uint32_t)n + (uint32_t)rows[i].behind;
		char want[100];

		hex_bytes(frame, sizeof frame, "020000000002 020000000001 0800");
		memcpy(frame + 14, raw, n - 14);
		memset(frame + n, 0xee, 8);
		f->big = i % 2;
		put32(f, 0xa1b2c3d4);
		put16(f, 2);
		put16(f, 4);
		put32(f, 0);
		put32(f, 0);
		put32(f, 65535);
		put32(f, rows[i].link);
		put32(f, 1);
		put32(f, 2);
		put32(f, caplen);
		put32(f, caplen + rows[i].len);
		memcpy(f->b + f->n, frame, caplen);
		f->n += caplen;
		snprintf(want, sizeof want, "1 1000002000 1");
		if (rows[i].len > 0)
			snprintf(want, sizeof want, "1 1000002000 1/%u<%u", caplen, caplen + rows[i].len);
		expect(f, rows[i].why, "", 0, want, NULL);
		expect(f, rows[i].why, "tcp port 25", 0, want, NULL);
		free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces), cmocka_unit_test(test_times), cmocka_unit_test(test_other_blocks), cmocka_unit_test(test_lies),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_many_interfaces), cmocka_unit_test(test_pcap_fcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
