/*
 * gen - makes a capture of clients of a mail server, of many hosts with mixed stacks (stacks.h), always the same for the
 * same arguments.
 *
 *   gen [-d] [-n PACKETS] [-m HOSTS] [-s SEED] [-6 PERMILLE] [-t STEP_NS] [-N] -o FILE
 *   gen -l       lists the stacks
 *
 * Classic pcap, Ethernet, microseconds (-N: nanoseconds), right checksums. A SYN a packet, or with -d whole SMTP dialogues of
 * 21 packets, 64 of them at a time (-n still counts packets). A host keeps its stack, its distance, its access (MSS) and
 * its clock; new hosts appear evenly over the file, all other connections are of hosts seen before.
 */
#include "bench/stacks.h"
#include "core/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MAX 1600
#define TALKS 64 /* dialogues at a time */
#define HOSTS_MAX (9u << 24)
#define START_NS 1764000000000000000LL /* 2025-11-24: any time will do, but the same one */
#define BUFFER_BYTES (1 << 20)

struct gen {
	uint64_t packets, hosts, seed;
	unsigned v6_permille;
	uint64_t step_ns;
	bool ns, dialogues;
	FILE *out;
	uint64_t known; /* hosts that have appeared */
};

/* splitmix64: one number from another, well mixed. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* What a host is, drawn from its number alone: nothing is kept in memory. */
struct host {
	const struct stack *stack;
	bool v6;
	uint8_t addr[16];
	uint16_t mss;
	uint8_t hops;
	uint32_t clock; /* of its timestamps, at the start */
};

/*
 * Unique: a permutation of 32-bit numbers, walked until it lands among addresses that hosts can have. It also starts
 * there (HOSTS_MAX of them from 1.0.0.0 on): only so do two walks never meet.
 */
static uint32_t host_v4(uint64_t number, uint64_t seed)
{
	uint32_t x = (1u << 24) + (uint32_t)number;
	unsigned first;

	do {
		x ^= (uint32_t)seed;
		x *= 0x9e3779b1u;
		x ^= x >> 15;
		x *= 0x85ebca77u;
		x ^= x >> 13;
		x *= 0xc2b2ae3du;
		x ^= x >> 16;
		first = x >> 24;
	} while (first == 0 || first == 10 || first == 127 || first >= 224 || x >> 8 == 0xc00002);
	return x;
}

/* Access networks: plain Ethernet, DSL with PPPoE, tunnels, mobile. */
static uint16_t access_mss(unsigned draw)
{
	static const struct {
		uint16_t mss, upto; /* of 1000 */
	} ways[] = { { 1460, 820 }, { 1452, 900 }, { 1440, 930 }, { 1420, 950 }, { 1400, 970 }, { 1380, 985 }, { 1360, 1000 } };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (draw < ways[i].upto)
			return ways[i].mss;
	return 1460;
}

static const struct stack *draw_stack(bool v6, uint64_t draw)
{
	static unsigned total[2];

	if (total[0] == 0)
		for (size_t i = 0; i < ARRAY_LEN(stacks); i++) {
			total[0] += stacks[i].share4;
			total[1] += stacks[i].share6;
		}
	unsigned at = (unsigned)(draw % total[v6]);

	for (size_t i = 0; i < ARRAY_LEN(stacks); i++) {
		const unsigned share = v6 ? stacks[i].share6 : stacks[i].share4;

		if (at < share)
			return &stacks[i];
		at -= share;
	}
	return &stacks[0];
}

static struct host host_of(const struct gen *g, uint64_t number)
{
	const uint64_t a = mix(number ^ mix(g->seed)), b = mix(a);
	struct host h = { .v6 = a % 1000 < g->v6_permille };

	h.stack = draw_stack(h.v6, a >> 16);
	h.mss = h.stack->mss != ETHERNET ? h.stack->mss : access_mss((unsigned)(b % 1000));
	if (h.v6 && h.mss > 20)
		h.mss -= 20; /* the longer header */
	h.hops = (uint8_t)(4 + (b >> 10) % 12 + (b >> 20) % 8);
	h.clock = (uint32_t)(b >> 32);
	if (h.v6) {
		/* 2001:db8::/32 (RFC 3849), a network of its own each */
		const uint64_t low = mix(b);

		memcpy(h.addr, "\x20\x01\x0d\xb8", 4);
		for (unsigned i = 0; i < 4; i++)
			h.addr[4 + i] = (uint8_t)(number >> (24 - 8 * i));
		memcpy(h.addr + 8, &low, 8);
	} else {
		const uint32_t v4 = htonl(host_v4(number, g->seed));

		memcpy(h.addr, &v4, 4);
	}
	return h;
}

/* ---- A frame ------------------------------------------------------------------------------ */

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)(p[0] << 8 | p[1]);
	return len != 0 ? sum + (uint32_t)(p[0] << 8) : sum;
}

static unsigned sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* Options as their words say; returns their length, a multiple of 4. */
static size_t put_options(uint8_t *p, const char *words, uint16_t mss, int wscale, uint32_t ts, uint32_t ts_echo)
{
	uint8_t *start = p;

	for (const char *o = words; *o != '\0'; o += strcspn(o, ","), o += *o == ',') {
		if (strncmp(o, "mss", 3) == 0) {
			memcpy(p, "\2\4", 2);
			put16(p + 2, mss);
			p += 4;
		} else if (strncmp(o, "nop", 3) == 0) {
			*p++ = 1;
		} else if (strncmp(o, "ws", 2) == 0) {
			memcpy(p, "\3\3", 2);
			p[2] = (uint8_t)wscale;
			p += 3;
		} else if (strncmp(o, "sok", 3) == 0) {
			memcpy(p, "\4\2", 2);
			p += 2;
		} else if (strncmp(o, "ts", 2) == 0) {
			memcpy(p, "\10\12", 2);
			put32(p + 2, ts);
			put32(p + 6, ts_echo);
			p += 10;
		} else if (strncmp(o, "eol+", 4) == 0) {
			const size_t n = 1 + (size_t)(o[4] - '0');

			memset(p, 0, n);
			p += n;
		}
	}
	while ((p - start) % 4 != 0)
		*p++ = 0;
	return (size_t)(p - start);
}

static unsigned window(const struct host *h)
{
	const int win = h->stack->win;

	if (win == WIN_ROUND)
		return 65535u / h->mss * h->mss;
	if (win <= WIN_MSS(1))
		return (unsigned)(-1000 - win) * h->mss;
	return (unsigned)win;
}

/* A segment of a connection, from the client or back. */
struct segment {
	bool server;
	uint8_t flags;
	uint16_t port; /* the client's */
	uint16_t id;   /* IPv4 identification */
	uint32_t flow; /* IPv6 flow label */
	uint32_t seq, ack, ts, ts_echo;
	const char *text;
	size_t text_len;
};

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16, ECE_CWR = 0xc0 };

static bool offers(const struct host *h, const char *word)
{
	return strstr(h->stack->options, word) != NULL;
}

/* What a segment has of options. The server is a Linux: it takes what it is offered, in its own order. */
static const char *option_words(const struct host *h, const struct segment *g)
{
	if (!(g->flags & SYN))
		return offers(h, "ts") ? "nop,nop,ts" : "";
	if (!g->server)
		return h->stack->options;
	if (offers(h, "ts"))
		return offers(h, "ws") ? "mss,sok,ts,nop,ws" : "mss,sok,ts";
	if (offers(h, "sok"))
		return offers(h, "ws") ? "mss,nop,nop,sok,nop,ws" : "mss,nop,nop,sok";
	return offers(h, "ws") ? "mss,nop,ws" : "mss";
}

/* TCP header, options and text after the pseudo header's sum; returns the segment's length. */
static size_t put_tcp(uint8_t *p, const struct host *h, const struct segment *g, uint32_t pseudo)
{
	const size_t head = 20 + (g->server ? put_options(p + 20, option_words(h, g), 1460, 7, g->ts, g->ts_echo) :
	    put_options(p + 20, option_words(h, g), h->mss, h->stack->wscale, g->ts, g->ts_echo));

	put16(p, g->server ? 25 : g->port);
	put16(p + 2, g->server ? g->port : 25);
	put32(p + 4, g->seq);
	put32(p + 8, g->ack);
	p[12] = (uint8_t)(head / 4 << 4);
	p[13] = g->flags;
	put16(p + 14, g->server ? 65160 : window(h));
	put32(p + 16, 0);
	memcpy(p + head, g->text, g->text_len);
	const size_t len = head + g->text_len;

	put16(p + 16, sum_fold(sum16(p, len, pseudo + 6 + (uint32_t)len)));
	return len;
}

static size_t put_v4(uint8_t *p, const struct host *h, const struct segment *g)
{
	static const uint8_t server[4] = { 192, 0, 2, 25 };
	const bool df = g->server || h->stack->flags & DF;

	memset(p, 0, 20);
	p[0] = 0x45;
	/* Linux sends its SYN+ACK with identification 0. */
	put16(p + 4, (g->server ? !(g->flags & SYN) : h->stack->flags & ID) ? g->id : 0);
	p[6] = df ? 0x40 : 0;
	p[8] = g->server ? 64 : (uint8_t)(h->stack->ttl - h->hops);
	p[9] = 6;
	memcpy(p + (g->server ? 16 : 12), h->addr, 4);
	memcpy(p + (g->server ? 12 : 16), server, 4);
	const size_t len = 20 + put_tcp(p + 20, h, g, sum16(p + 12, 8, 0));

	put16(p + 2, (unsigned)len);
	put16(p + 10, sum_fold(sum16(p, 20, 0)));
	return len;
}

static size_t put_v6(uint8_t *p, const struct host *h, const struct segment *g)
{
	static const uint8_t server[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x25 };

	put32(p, 6u << 28 | (g->server || h->stack->flags & FLOW ? g->flow : 0));
	p[6] = 6;
	p[7] = g->server ? 64 : (uint8_t)(h->stack->ttl - h->hops);
	memcpy(p + (g->server ? 24 : 8), h->addr, 16);
	memcpy(p + (g->server ? 8 : 24), server, 16);
	const size_t len = put_tcp(p + 40, h, g, sum16(p + 8, 32, 0));

	put16(p + 4, (unsigned)len);
	return 40 + len;
}

static size_t put_frame(uint8_t frame[FRAME_MAX], const struct host *h, const struct segment *g)
{
	memcpy(frame, g->server ? "\2\0\0\0\0\2\2\0\0\0\0\1" : "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	put16(frame + 12, h->v6 ? 0x86dd : 0x0800);
	return 14 + (h->v6 ? put_v6(frame + 14, h, g) : put_v4(frame + 14, h, g));
}

/* ---- Connections -------------------------------------------------------------------------- */

/* RFC 5321 as it looks on the wire; TEXT_BODY stands for as much of a message as a segment holds. */
static const char body_text[1500] = "";
#define TEXT_BODY body_text

static const struct {
	bool server;
	uint8_t flags;
	const char *text;
} dialogue[] = {
	{ false, SYN, "" },
	{ true, SYN | ACK, "" },
	{ false, ACK, "" },
	{ true, PSH | ACK, "220 mx.example.org ESMTP\r\n" },
	{ false, PSH | ACK, "EHLO client.example.net\r\n" },
	{ true, PSH | ACK, "250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-STARTTLS\r\n250 8BITMIME\r\n" },
	{ false, PSH | ACK, "MAIL FROM:<someone@example.net> SIZE=2048\r\n" },
	{ true, PSH | ACK, "250 2.1.0 Ok\r\n" },
	{ false, PSH | ACK, "RCPT TO:<somebody@example.org>\r\n" },
	{ true, PSH | ACK, "250 2.1.5 Ok\r\n" },
	{ false, PSH | ACK, "DATA\r\n" },
	{ true, PSH | ACK, "354 End data with <CR><LF>.<CR><LF>\r\n" },
	{ false, ACK, TEXT_BODY },
	{ false, PSH | ACK, "The rest of the message.\r\n.\r\n" },
	{ true, ACK, "" },
	{ true, PSH | ACK, "250 2.0.0 Ok: queued as 4XyZ1a2b3c4d5e\r\n" },
	{ false, PSH | ACK, "QUIT\r\n" },
	{ true, PSH | ACK, "221 2.0.0 Bye\r\n" },
	{ false, FIN | ACK, "" },
	{ true, FIN | ACK, "" },
	{ false, ACK, "" },
};

/* A connection: who, and where it stands. */
struct talk {
	struct host host;
	size_t step;
	uint16_t port;
	uint32_t seq[2]; /* next of client, server */
	uint32_t ts[2];  /* last sent by each */
};

/* A new host where one is due, else one of those that have appeared. */
static void talk_begin(struct gen *g, struct talk *t, uint64_t at, uint64_t draw)
{
	/* As many hosts as are due by now; the product stays below 2^64 for 10^9 of each. */
	const uint64_t by = g->dialogues ? at + TALKS * ARRAY_LEN(dialogue) : at;
	const bool fresh = g->known < g->hosts && g->known * g->packets <= by * g->hosts;

	*t = (struct talk){ .host = host_of(g, fresh ? g->known++ : mix(draw) % g->known),
		.port = (uint16_t)(1024 + draw % 64000), .seq = { (uint32_t)(draw >> 16), (uint32_t)(draw >> 8) } };
}

static size_t talk_next(struct talk *t, uint8_t frame[FRAME_MAX], uint64_t draw, uint64_t at_ns)
{
	const bool server = dialogue[t->step].server;
	uint8_t flags = dialogue[t->step].flags;
	const uint32_t ms = (uint32_t)(at_ns / 1000000);
	const char *text = dialogue[t->step].text;
	/* What the client's access and the timestamps leave of a segment. */
	const size_t most = (t->host.mss > 0 && t->host.mss < 1440 ? t->host.mss : 1440) - 12u;
	const size_t text_len = text == TEXT_BODY ? most : strlen(text);

	if (flags == SYN && t->host.stack->flags & ECN)
		flags |= ECE_CWR;
	const struct segment s = { .server = server, .flags = flags, .port = t->port,
		.id = (uint16_t)(1 + (draw >> 48) % 65535), /* 0 would be another stack */
		.flow = 1 + (uint32_t)(draw >> 40) % 0xfffff,
		.seq = t->seq[server], .ack = flags & ACK ? t->seq[!server] : 0,
		.ts = flags == SYN && t->host.stack->flags & TS_ZERO ? 0 : (server ? 0x5eed : t->host.clock) + ms,
		.ts_echo = t->ts[!server], .text = text, .text_len = text_len };

	t->ts[server] = s.ts;
	t->seq[server] += (uint32_t)text_len + ((flags & (SYN | FIN)) != 0);
	t->step++;
	return put_frame(frame, &t->host, &s);
}

/* ---- The file ----------------------------------------------------------------------------- */

static bool gen_write(struct gen *g)
{
	const uint32_t head[6] = { g->ns ? 0xa1b23c4d : 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1 };
	static struct talk talks[TALKS];
	const size_t steps = g->dialogues ? ARRAY_LEN(dialogue) : 1;

	for (size_t i = 0; i < TALKS; i++)
		talks[i].step = steps;
	fwrite(head, sizeof head, 1, g->out);
	for (uint64_t i = 0; i < g->packets; i++) {
		const uint64_t draw = mix(i ^ mix(g->seed + 1)), at_ns = i * g->step_ns;
		struct talk *t = &talks[draw % TALKS];
		uint8_t frame[FRAME_MAX];

		if (t->step == steps)
			talk_begin(g, t, i, draw);
		const size_t len = talk_next(t, frame, draw, at_ns);
		const uint64_t at = START_NS + at_ns;
		const uint32_t record[4] = { (uint32_t)(at / 1000000000), (uint32_t)(at % 1000000000 / (g->ns ? 1 : 1000)),
			(uint32_t)len, (uint32_t)len };

		fwrite(record, sizeof record, 1, g->out);
		fwrite(frame, len, 1, g->out);
	}
	return fflush(g->out) == 0 && ferror(g->out) == 0;
}

static void list(void)
{
	printf("ipv4\tipv6\tttl\twindow\tmss\tscale\toptions\tsource\tstack\n");
	for (size_t i = 0; i < ARRAY_LEN(stacks); i++) {
		const struct stack *s = &stacks[i];
		const struct host h = { .stack = s, .mss = s->mss != ETHERNET ? s->mss : 1460 };

		printf("%u\t%u\t%u\t%u\t%u\t%d\t%s\t%c\t%s\n", s->share4, s->share6, s->ttl,
		    s->win == WIN_ROUND && h.mss == 0 ? 0 : window(&h), h.mss, s->wscale, s->options, s->source, s->name);
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: gen [-d] [-n PACKETS] [-m HOSTS] [-s SEED] [-6 PERMILLE] [-t STEP_NS] [-N] -o FILE | -l\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct gen g = { .packets = 1000000, .hosts = 100000, .seed = 1, .v6_permille = 80, .step_ns = 20000 };
	const char *path = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "dn:m:s:6:t:No:l")) != -1) {
		switch (opt) {
		case 'd': g.dialogues = true; break;
		case 'n': g.packets = strtoull(optarg, NULL, 10); break;
		case 'm': g.hosts = strtoull(optarg, NULL, 10); break;
		case 's': g.seed = strtoull(optarg, NULL, 10); break;
		case '6': g.v6_permille = (unsigned)strtoul(optarg, NULL, 10); break;
		case 't': g.step_ns = strtoull(optarg, NULL, 10); break;
		case 'N': g.ns = true; break;
		case 'o': path = optarg; break;
		case 'l': list(); return 0;
		default: return usage();
		}
	}
	if (path == NULL || optind != argc || g.hosts == 0 || g.hosts > g.packets || g.hosts > HOSTS_MAX ||
	    g.packets > 1000000000 || g.v6_permille > 1000)
		return usage();
	g.out = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
	if (g.out != NULL)
		setvbuf(g.out, NULL, _IOFBF, BUFFER_BYTES);
	if (g.out == NULL || !gen_write(&g)) {
		fprintf(stderr, "gen: %s: %s\n", path, strerror(errno));
		return 1;
	}
	return 0;
}
