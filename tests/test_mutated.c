/*
 * mutated: good frames among damaged ones. Frames of every link type and kind of segment are damaged at random and decoded, judged and tracked in both
 * readings; after every few of them comes a sound SYN of a host that was never seen, and it must be named as if nothing had been. Each
 * frame lies in memory that ends with it. Nothing is allocated on the way.
 *
 * FP_MUTATED: how many damaged ones (200000), FP_MUTATED_SEED: others.
 */
#include "tests/test.h"

#include "core/pkt.h"
#include "core/track.h"
#include "tests/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX 512
#define BETWEEN 8 /* damaged ones between two sound ones, on average */

/* ---- Allocations, counted ----------------------------------------------------------------- */

#ifndef FP_SANITIZED /* which have an allocator of their own */
/* Atomic only so that the compiler, which knows malloc(), does not think that it cannot see them. */
static _Atomic bool a_counting;
static _Atomic unsigned a_allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);

void *malloc(size_t size)
{
	a_allocations += a_counting;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	a_allocations += a_counting;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	a_allocations += a_counting;
	return __libc_realloc(p, size);
}

#define COUNT(on) (a_counting = (on))
#else
static const unsigned a_allocations;
#define COUNT(on) ((void)(on))
#endif

/* ---- Frames ------------------------------------------------------------------------------- */

static uint64_t seed = 42;

static unsigned rnd(unsigned n)
{
	return (unsigned)(test_random(&seed) >> 33) % n;
}

#define ETH "020000000002 020000000001 "

/* What stands before the IP header. */
static const struct {
	unsigned link;
	bool v6;        /* the type says IPv6 */
	bool p0f;       /* p0f reads it */
	const char *hex;
} heads[] = {
	{ 1, false, true, ETH "0800" },
	{ 1, true, true, ETH "86dd" },
	{ 1, false, false, ETH "8100 0064 0800" },
	{ 1, true, false, ETH "88a8 0064 8100 0065 86dd" },
	{ 1, false, false, ETH "8847 00010040 00020140" },
	{ 1, true, false, ETH "8864 1100 0001 0050 0057" },
	{ 1, false, false, ETH "8909 01010001000a 0800" },
	{ 101, false, true, "" },
	{ 101, true, true, "" },
	{ 113, false, true, "0000 0001 0006 020000000001 0000 0800" },
	{ 276, true, false, "86dd 0000 00000002 0001 00 06 020000000001 0000" },
	{ 0, false, true, "02000000" },
	{ 9, true, true, "ff030057" },
	{ 117, false, false,
	  "3d020000656d30000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000" },
	/* Tunnels: UDP to the port of VXLAN, GRE. */
	{ 101, false, false, "4500006e000000004011 0000 0a090901 0a090902 c00012b5 005a0000 08000000 00123400" ETH "0800" },
	{ 101, true, false, "60000000 0054 2f 40 fe800000000000000000000000000009 fe800000000000000000000000000002 0000 86dd" },
};

/* A SYN of what the database calls Linux: MSS 1460 or 1440, 20 times that as its window. */
#define OPTIONS(mss) "0204" mss "0402080a0001e2400000000001030307"

static const struct segment {
	uint8_t flags;
	const char *options, *data;
} segments[] = {
	{ 0x02, OPTIONS("05b4"), "" },
	{ 0x12, OPTIONS("05b4"), "" },
	{ 0x10, "0101080a0001e2480001e250", "" },
	{ 0x18, "0101080a0001e2480001e250", "474554202f20485454502f312e310d0a0d0a" },
	{ 0x11, "", "" },
	{ 0x04, "", "" },
	{ 0x02, "020405b4030308fd1012345678901234567890123400", "" },
	{ 0x02, "010101010101010101010101010101010101010101010101010101010101", "00" },
	{ 0x02, "050a000000000000000000fe", "" },
};

struct frame {
	uint8_t b[FRAME_MAX];
	size_t n;
	unsigned link;
	bool p0f;
};

static void put16(uint8_t *p, unsigned n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static void put32(uint8_t *p, uint32_t n)
{
	put16(p, n >> 16);
	put16(p + 2, n & 0xffff);
}

/* Of host number `host` of its own net, to port 25. */
static struct frame make(unsigned head, const struct segment *s, unsigned net, uint32_t host, uint32_t seq)
{
	struct frame f = { .link = heads[head].link, .p0f = heads[head].p0f };
	const bool v6 = heads[head].v6;
	uint8_t *ip = f.b + hex_bytes(f.b, sizeof f.b, heads[head].hex);
	uint8_t *tcp = ip + (v6 ? 40 : 20), *address = ip + (v6 ? 20 : 12);
	size_t options = hex_bytes(tcp + 20, 40, s->options);

	for (; options % 4 != 0; options++)
		tcp[20 + options] = 0;

	const size_t length = 20 + options + hex_bytes(tcp + 20 + options, 64, s->data);

	hex_bytes(ip, 40, v6 ? "60012345 0000 06 40 20010db8000000000000000000000000 20010db8000000000000000000000002"
	                     : "4500 0000 1234 4000 40 06 0000 0a000000 c6336402");
	put16(ip + (v6 ? 4 : 2), (unsigned)length + (v6 ? 0 : 20));
	put32(address, net << 24 | host);
	put16(tcp, 1024 + host % 60000);
	put16(tcp + 2, 25);
	put32(tcp + 4, seq);
	put32(tcp + 8, s->flags & 0x10 ? 7 : 0);
	tcp[12] = (uint8_t)((20 + options) / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, 29200);
	memset(tcp + 16, 0, 4);
	f.n = (size_t)(tcp + length - f.b);
	return f;
}

static void damage(struct frame *f)
{
	for (unsigned times = 1 + rnd(4); times > 0; times--) {
		const unsigned at = f->n > 0 ? rnd((unsigned)f->n) : 0;

		switch (rnd(7)) {
		case 0:
			f->b[at] ^= (uint8_t)(1 << rnd(8));
			break;
		case 1:
			f->b[at] = (uint8_t)((const uint8_t[]){ 0, 1, 0x45, 0x60, 0x7f, 0x80, 0xfe, 0xff }[rnd(8)]);
			break;
		case 2: /* cut */
			f->n = at;
			break;
		case 3: /* longer */
			for (unsigned more = 1 + rnd(64); more > 0 && f->n < FRAME_MAX; more--)
				f->b[f->n++] = (uint8_t)rnd(256);
			break;
		case 4: /* a part elsewhere */
			memmove(f->b + rnd(FRAME_MAX / 2), f->b + at, rnd(FRAME_MAX / 4));
			break;
		case 5: /* noise to the end */
			for (size_t i = at; i < f->n; i++)
				f->b[i] = (uint8_t)rnd(256);
			break;
		default: /* of another link type */
			f->link = rnd(4) ? heads[rnd(ARRAY_LEN(heads))].link : rnd(300);
		}
	}
}

/* ---- The test ----------------------------------------------------------------------------- */

static const char database[] =
    "classes = win,unix\n[mtu]\nlabel = Ethernet\nsig = 1500\n[tcp:request]\nlabel = s:unix:Linux:3.x\nsig = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0\n"
    "sig = 6:64:0:*:mss*20,7:mss,sok,ts,nop,ws:flow:0\nlabel = g:win:Windows:\nsig = *:128:0:*:*,*:mss:df,id+:0\n";

struct side {
	struct pkt_conf conf;
	struct track *track;
	unsigned decoded, named;
};

/* What becomes of a frame; true: it is a SYN named Linux, to the letter. */
static bool give(struct side *side, const struct sigdb *db, const struct frame *f, size_t len)
{
	static int64_t time_ns = 1700000000000000000;
	uint8_t *frame = malloc(f->n > 0 ? f->n : 1);
	struct track_event ev[TRACK_EVENTS_MAX];
	struct tcp_obs obs;
	size_t n = 0;
	bool named = false;

	assert_non_null(frame);
	memcpy(frame, f->b, f->n);
	time_ns += 1000000;
	COUNT(true);
	pkt_guess(&side->conf, f->link, frame, f->n);
	if (pkt_decode(&side->conf, f->link, frame, f->n, len, time_ns, &obs) == PKT_OK) {
		side->decoded++;
		track_observe_payload(side->track, db, &obs, side->conf.compat ? frame + obs.payload_at : NULL, ev, &n);
	}
	COUNT(false);
	if (n > 0 && ev[0].kind == TRACK_SYN && ev[0].verdict.label != NULL)
		named = strcmp(ev[0].verdict.label->name, "Linux") == 0 && ev[0].verdict.match == MATCH_EXACT && ev[0].verdict.dist == 0;
	free(frame);
	return named;
}

#ifndef FP_SANITIZED
/* That it would be seen. */
static void test_allocations_are_counted(void **state)
{
	void *volatile p;

	(void)state;
	COUNT(true);
	p = malloc(1);
	COUNT(false);
	free(p);
	assert_int_equal(a_allocations, 1);
	a_allocations = 0;
}
#endif

static void test_good_ones_are_named(void **state)
{
	const char *wanted = getenv("FP_MUTATED"), *other = getenv("FP_MUTATED_SEED");
	const unsigned long total = wanted != NULL ? strtoul(wanted, NULL, 10) : 200000;
	struct side sides[2] = { { .conf = { .decapsulate = true } }, { .conf = { .compat = true } } };
	unsigned long good = 0;
	struct sig_error err;
	struct sigdb *db;

	(void)state;
	if (other != NULL)
		seed += strtoull(other, NULL, 10) * 0x9e3779b97f4a7c15u;
	assert_int_equal(sigdb_parse(&db, "database", database, sizeof database - 1, &err), 0);
	for (int compat = 0; compat < 2; compat++) {
		const struct track_conf conf = {
			.flows_max = 500, .hosts_max = 1000, .mode = compat ? MATCH_COMPAT_P0F : MATCH_CORRECT, .flow_age_s = 30, .host_age_s = 60,
		};

		assert_int_equal(track_create(&sides[compat].track, &conf), 0);
	}
	for (unsigned long i = 0; i < total; i++) {
		struct frame f = make(rnd(ARRAY_LEN(heads)), &segments[rnd(ARRAY_LEN(segments))], 192, rnd(50), rnd(2) ? 1000 : rnd(5000));

		damage(&f);
		/* On the wire it was longer, or it is said to have been shorter. */
		const size_t len = rnd(4) ? f.n : rnd(2) ? f.n + rnd(70000) : rnd((unsigned)f.n + 1);

		for (int compat = 0; compat < 2; compat++)
			give(&sides[compat], db, &f, len);
		if (rnd(BETWEEN) != 0)
			continue;
		const struct frame sound = make(rnd(ARRAY_LEN(heads)), &segments[0], 10, (uint32_t)good++ & 0xffffff, 1000);

		for (int compat = 0; compat < 2; compat++) {
			if (give(&sides[compat], db, &sound, sound.n))
				sides[compat].named++;
			else if (!compat || sound.p0f)
				fail_msg("%s: sound frame %lu, after %lu damaged ones, of link type %u, is not named", compat ? "p0f's reading" : "our reading",
				    good, i + 1, sound.link);
		}
	}
	print_message("%lu damaged frames, %u of them decoded; %lu sound ones, %u named; as p0f reads: %u and %u\n", total, sides[0].decoded, good,
	    sides[0].named, sides[1].decoded, sides[1].named);
	assert_int_equal(sides[0].named, good);
	assert_true(sides[0].decoded > total / 10 && sides[1].named > good / 5);
	assert_int_equal(a_allocations, 0);
	for (int compat = 0; compat < 2; compat++)
		track_destroy(&sides[compat].track);
	sigdb_free(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef FP_SANITIZED
		cmocka_unit_test(test_allocations_are_counted),
#endif
		cmocka_unit_test(test_good_ones_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
