/* filter - assembles the program: a walk to where IP begins, FILTER there, the test of the TCP flags. */
#include "capture/filter.h"

#include "core/err.h"
#include "core/pkt.h"
#include "core/pkttunnel.h"
#include "core/util.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * The kernel charges a filter to its socket's option memory: 20 KiB by default up to Linux 6.x, eight bytes an
 * instruction of its own, of which ours become up to two.
 */
#define PROGRAM_MAX 1000
#define DEPTH_MAX 6 /* words of four bytes between link header and IP: tags, MPLS labels; PPPoE is two */
#define FIXUPS_MAX 2000
#define SNAPLEN 262144 /* what "accept" returns: all of the packet */

#define ACK_FLAG 0x10
#define SYN_FLAG 0x02
#define KIND_FLAGS 0x17 /* FIN, SYN, RST, ACK: what pkt_decode() tells kinds by */

/* Places to jump to; those of one depth stand together. */
enum label { ACCEPT, REJECT, ODD, DEPTHS };
enum part { TYPE, PPPOE, MPLS, IP, TUNNEL6, PLAIN, JUDGE, IPV6, PARTS };

struct builder {
	const struct filter_conf *conf;
	const struct bpf_program *user; /* compiled for bare IP; NULL: none, or it stands before all */
	struct filter_ports ports;
	unsigned depth_max;
	struct bpf_insn insn[PROGRAM_MAX + 1];
	unsigned n;
	struct {
		unsigned at, label;
	} fixup[FIXUPS_MAX];
	unsigned fixups;
	unsigned label[DEPTHS + PARTS * (DEPTH_MAX + 1)];
};

static unsigned at_depth(enum part part, unsigned depth)
{
	return DEPTHS + PARTS * depth + part;
}

/* ---- Instructions ------------------------------------------------------------------------- */

static void emit(struct builder *b, int code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (b->n < PROGRAM_MAX)
		b->insn[b->n] = (struct bpf_insn){ .code = (u_short)code, .jt = jt, .jf = jf, .k = k };
	b->n++;
}

static void load8(struct builder *b, uint32_t at)
{
	emit(b, BPF_LD | BPF_B | BPF_ABS, 0, 0, at);
}

static void load16(struct builder *b, uint32_t at)
{
	emit(b, BPF_LD | BPF_H | BPF_ABS, 0, 0, at);
}

static void go(struct builder *b, unsigned label)
{
	if (b->fixups < FIXUPS_MAX) {
		b->fixup[b->fixups].at = b->n;
		b->fixup[b->fixups].label = label;
	}
	b->fixups++;
	emit(b, BPF_JMP | BPF_JA, 0, 0, 0);
}

/* Conditional jumps reach 255 instructions only: each is one over a far jump. */
static void go_if(struct builder *b, int test, uint32_t k, unsigned label)
{
	emit(b, BPF_JMP | test | BPF_K, 0, 1, k);
	go(b, label);
}

static void go_unless(struct builder *b, int test, uint32_t k, unsigned label)
{
	emit(b, BPF_JMP | test | BPF_K, 1, 0, k);
	go(b, label);
}

static void here(struct builder *b, unsigned label)
{
	b->label[label] = b->n;
}

/* False: too long. */
static bool resolve(struct builder *b)
{
	if (b->n > PROGRAM_MAX || b->fixups > FIXUPS_MAX)
		return false;
	for (unsigned i = 0; i < b->fixups; i++)
		b->insn[b->fixup[i].at].k = b->label[b->fixup[i].label] - b->fixup[i].at - 1;
	return true;
}

/* ---- Parts of the program ----------------------------------------------------------------- */

/*
 * FILTER with its loads moved to where IP begins; where it accepts, it goes on. libpcap's "ret" of an accumulator
 * does not occur: it returns constants only.
 */
static void put_user(struct builder *b, const struct bpf_program *user, uint32_t ip, unsigned accepted)
{
	for (u_int i = 0; i < user->bf_len; i++) {
		const struct bpf_insn *in = &user->bf_insns[i];
		const int class = BPF_CLASS(in->code), mode = BPF_MODE(in->code);

		if (class == BPF_RET) {
			go(b, in->k != 0 ? accepted : (unsigned)REJECT);
			continue;
		}
		const bool packet = (class == BPF_LD && (mode == BPF_ABS || mode == BPF_IND)) ||
		    (class == BPF_LDX && mode == BPF_MSH);

		/* Negative offsets are the kernel's own facts of a packet. */
		emit(b, in->code, in->jt, in->jf, packet && (int32_t)in->k >= 0 ? in->k + ip : in->k);
	}
}

/* The ports in the TCP header, whose offset is X + tcp. */
static void put_ports(struct builder *b, uint32_t tcp)
{
	if (b->ports.n == 0)
		return;
	emit(b, BPF_LD | BPF_H | BPF_IND, 0, 0, tcp + 2);
	for (size_t i = 0; i < b->ports.n; i++)
		emit(b, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(b->ports.n - i), 0, b->ports.port[i]);
	go(b, REJECT);
}

/*
 * X is the length of the IPv4 header, or 0 with IPv6: TCP begins at X + tcp. size: where the IP header says how long that header (none of
 * it with IPv6) and all behind it are.
 */
static void put_tcp(struct builder *b, uint32_t tcp, uint32_t size)
{
	emit(b, BPF_LD | BPF_B | BPF_IND, 0, 0, tcp + 13);
	emit(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, KIND_FLAGS);
	go_if(b, BPF_JEQ, SYN_FLAG, ACCEPT);
	go_if(b, BPF_JEQ, SYN_FLAG | ACK_FLAG, ACCEPT);
	if (!b->conf->acks) {
		go(b, REJECT);
		return;
	}
	go_unless(b, BPF_JEQ, ACK_FLAG, REJECT);
	put_ports(b, tcp);
	/* Nothing behind the TCP header: both header lengths make up all that the IP header promises. */
	emit(b, BPF_LD | BPF_B | BPF_IND, 0, 0, tcp + 12);
	emit(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf0);
	emit(b, BPF_ALU | BPF_RSH | BPF_K, 0, 0, 2);
	emit(b, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
	emit(b, BPF_MISC | BPF_TAX, 0, 0, 0);
	load16(b, size);
	emit(b, BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0);
	go(b, ACCEPT);
	go(b, REJECT);
}

/* By its protocol, which is loaded, whether it is a tunnel; UDP: by the port at X + udp. */
static void put_tunnel(struct builder *b, unsigned depth, uint32_t udp)
{
	static const uint8_t protocols[] = { TUNNEL_IPV4, TUNNEL_IPV6, TUNNEL_GRE };

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		go_if(b, BPF_JEQ, protocols[i], ACCEPT);
	go_unless(b, BPF_JEQ, TUNNEL_UDP, at_depth(PLAIN, depth));
	emit(b, BPF_LD | BPF_H | BPF_IND, 0, 0, udp + 2);
	go_if(b, BPF_JEQ, TUNNEL_VXLAN, ACCEPT);
	go_if(b, BPF_JEQ, TUNNEL_GENEVE, ACCEPT);
	go(b, at_depth(PLAIN, depth));
}

static void put_tunnels(struct builder *b, unsigned depth, uint32_t ip)
{
	load8(b, ip);
	emit(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf0);
	go_if(b, BPF_JEQ, 0x60, at_depth(TUNNEL6, depth));
	go_unless(b, BPF_JEQ, 0x40, at_depth(PLAIN, depth));
	emit(b, BPF_LDX | BPF_B | BPF_MSH, 0, 0, ip);
	load8(b, ip + 9);
	put_tunnel(b, depth, ip);
	here(b, at_depth(TUNNEL6, depth));
	emit(b, BPF_LDX | BPF_W | BPF_IMM, 0, 0, 0);
	load8(b, ip + 6);
	put_tunnel(b, depth, ip + 40);
}

static void put_ip(struct builder *b, unsigned depth, uint32_t ip)
{
	here(b, at_depth(IP, depth));
	if (b->conf->decapsulate)
		put_tunnels(b, depth, ip);
	here(b, at_depth(PLAIN, depth));
	if (b->user != NULL)
		put_user(b, b->user, ip, at_depth(JUDGE, depth));
	here(b, at_depth(JUDGE, depth));
	if (!b->conf->segments) {
		go(b, ACCEPT);
		return;
	}
	load8(b, ip);
	emit(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf0);
	go_if(b, BPF_JEQ, 0x60, at_depth(IPV6, depth));
	go_unless(b, BPF_JEQ, 0x40, REJECT);
	load8(b, ip + 9);
	go_unless(b, BPF_JEQ, 6, REJECT);
	load16(b, ip + 6);
	go_if(b, BPF_JSET, 0x3fff, REJECT); /* a fragment */
	emit(b, BPF_LDX | BPF_B | BPF_MSH, 0, 0, ip);
	put_tcp(b, ip, ip + 2);

	here(b, at_depth(IPV6, depth));
	load8(b, ip + 6);
	/* Extension headers are walked by pkt_decode(); no loop is allowed here. */
	for (size_t i = 0; i < 4; i++)
		go_if(b, BPF_JEQ, (const uint8_t[]){ 0, 43, 44, 60 }[i], ACCEPT);
	go_unless(b, BPF_JEQ, 6, REJECT);
	emit(b, BPF_LDX | BPF_W | BPF_IMM, 0, 0, 0);
	put_tcp(b, ip + 40, ip + 4);
}

/* What follows at offset ip, by the type field at `type`. */
static void put_type(struct builder *b, unsigned depth, uint32_t type, bool lengths)
{
	static const uint32_t tags[] = { 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300 };
	const bool deeper = depth < b->depth_max;

	here(b, at_depth(TYPE, depth));
	load16(b, type);
	go_if(b, BPF_JEQ, 0x0800, at_depth(IP, depth));
	go_if(b, BPF_JEQ, 0x86dd, at_depth(IP, depth));
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		go_if(b, BPF_JEQ, tags[i], deeper ? at_depth(TYPE, depth + 1) : (unsigned)ODD);
	go_if(b, BPF_JEQ, 0x8847, deeper ? at_depth(MPLS, depth) : (unsigned)ODD);
	go_if(b, BPF_JEQ, 0x8848, deeper ? at_depth(MPLS, depth) : (unsigned)ODD);
	go_if(b, BPF_JEQ, 0x8864, depth + 2 <= b->depth_max ? at_depth(PPPOE, depth) : (unsigned)ODD);
	go_if(b, BPF_JEQ, 0x8909, ODD); /* Cisco metadata */
	if (lengths)
		go_unless(b, BPF_JGE, 0x0600, ODD); /* LLC, perhaps SNAP */
	go(b, REJECT);
}

static void put_pppoe(struct builder *b, unsigned depth, uint32_t ip)
{
	if (depth + 2 > b->depth_max)
		return;
	here(b, at_depth(PPPOE, depth));
	load16(b, ip + 6);
	go_if(b, BPF_JEQ, 0x0021, at_depth(IP, depth + 2));
	go_if(b, BPF_JEQ, 0x0057, at_depth(IP, depth + 2));
	go(b, ODD); /* a compressed protocol field, MPLS, or PPP's own business, which is little */
}

static void put_mpls(struct builder *b, unsigned depth, uint32_t ip)
{
	if (depth >= b->depth_max)
		return;
	here(b, at_depth(MPLS, depth));
	load8(b, ip + 2);
	go_unless(b, BPF_JSET, 1, depth + 1 < b->depth_max ? at_depth(MPLS, depth + 1) : (unsigned)ODD);
	load8(b, ip + 4);
	emit(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf0);
	go_if(b, BPF_JEQ, 0x40, at_depth(IP, depth + 1));
	go_if(b, BPF_JEQ, 0x60, at_depth(IP, depth + 1));
	go(b, ODD); /* a pseudowire */
}

/* ---- The whole ---------------------------------------------------------------------------- */

struct link {
	int dlt;
	uint32_t ip;    /* where IP begins without tags */
	int type;       /* where the EtherType stands; -1: there is none, it is IP */
	bool lengths;   /* a type below 0x600 is a length */
};

static const struct link links[] = {
	{ DLT_EN10MB, 14, 12, true },
	{ DLT_LINUX_SLL, 16, 14, false },
	{ DLT_LINUX_SLL2, 20, 0, false },
	{ DLT_RAW, 0, -1, false },
	{ DLT_IPV4, 0, -1, false },
	{ DLT_IPV6, 0, -1, false },
};

static const struct link *link_find(int dlt)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (links[i].dlt == dlt)
			return &links[i];
	return NULL;
}

static bool build(struct builder *b, const struct link *l, const struct bpf_program *before, unsigned depth_max)
{
	b->n = b->fixups = 0;
	b->depth_max = l->type < 0 ? 0 : depth_max;
	if (before != NULL)
		put_user(b, before, 0, at_depth(l->type < 0 ? IP : TYPE, 0));
	for (unsigned d = 0; d <= b->depth_max; d++) {
		const uint32_t ip = l->ip + 4 * d;

		if (l->type >= 0) {
			put_type(b, d, d == 0 ? (uint32_t)l->type : ip - 2, l->lengths || d > 0);
			put_pppoe(b, d, ip);
			put_mpls(b, d, ip);
		}
		put_ip(b, d, ip);
	}
	/* What we cannot follow: pkt_decode() looks, unless FILTER was to be applied there. */
	here(b, ODD);
	if (b->user != NULL)
		go(b, REJECT);
	here(b, ACCEPT);
	emit(b, BPF_RET | BPF_K, 0, 0, SNAPLEN);
	here(b, REJECT);
	emit(b, BPF_RET | BPF_K, 0, 0, 0);
	return resolve(b);
}

static int give(struct bpf_program *out, const struct bpf_insn *insn, unsigned n)
{
	out->bf_insns = malloc(n * sizeof *insn); /* as pcap_freecode() frees it */
	if (out->bf_insns == NULL)
		return -ENOMEM;
	memcpy(out->bf_insns, insn, n * sizeof *insn);
	out->bf_len = n;
	return 0;
}

/* ---- FILTER ------------------------------------------------------------------------------- */

/* The next word or sign of a FILTER; false at its end. */
static bool next_token(const char **at, char token[32])
{
	const char *p = *at;
	size_t n = 0;

	p += strspn(p, " \t\r\n");
	if (*p == '\0')
		return false;
	if (!isalnum((unsigned char)*p))
		token[n++] = *p++;
	else
		for (; n < 31 && (isalnum((unsigned char)*p) || *p == '-' || *p == '_'); p++)
			token[n++] = *p;
	if (n == 1 && (*token == '|' || *token == '&') && *p == *token)
		token[n++] = *p++;
	token[n] = '\0';
	*at = p;
	return true;
}

/* Whether it speaks of what stands before IP, and so means the frame as it is. */
static bool of_the_link(const char *text)
{
	static const char *const words[] = { "ether", "link", "vlan", "mpls", "pppoed", "pppoes", "geneve", "inbound", "outbound",
		"ifindex", "broadcast", "multicast", "fddi", "tr", "wlan", "llc", "type", "gateway", "arp", "rarp", "ppp", "slip" };
	char token[32];

	while (next_token(&text, token))
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (strcmp(token, words[i]) == 0)
				return true;
	return false;
}

static bool port_number(const char *token, uint16_t *port)
{
	if (isdigit((unsigned char)*token)) {
		char *end;
		const unsigned long n = strtoul(token, &end, 10);

		*port = (uint16_t)n;
		return *end == '\0' && n <= UINT16_MAX;
	}
	const struct servent *s = getservbyname(token, "tcp");

	if (s == NULL)
		return false;
	*port = ntohs((uint16_t)s->s_port);
	return true;
}

void filter_ports(struct filter_ports *out, const char *text)
{
	char token[32], last[32] = "";
	uint16_t port;

	out->n = 0;
	for (; next_token(&text, token); memcpy(last, token, sizeof last)) {
		/* "tcp" alone, or beside something, is all of TCP. */
		if (strcmp(last, "tcp") == 0 && strcmp(token, "port") != 0 && strcmp(token, "and") != 0 && strcmp(token, "&&") != 0)
			goto none;
		if (strcmp(token, "and") == 0 || strcmp(token, "&&") == 0) {
			if (strcmp(last, "tcp") != 0 || out->n > 0)
				goto none;
		} else if (strcmp(token, "tcp") != 0 && strcmp(token, "port") != 0 && strcmp(token, "or") != 0 &&
		    strcmp(token, "||") != 0 && strcmp(token, "(") != 0 && strcmp(token, ")") != 0) {
			if (out->n == FILTER_PORTS || !port_number(token, &port))
				goto none;
			out->port[out->n++] = port;
		}
	}
	if (strcmp(last, "tcp") != 0)
		return;
none:
	out->n = 0;
}

/* FILTER for bare IP (*as_is false), or where it speaks of the link layer for the frame as it is. */
static int compile_user(struct bpf_program *out, const struct filter_conf *conf, bool *as_is, char err[CAPTURE_ERR])
{
	*as_is = link_find(conf->dlt) == NULL || of_the_link(conf->text);

	pcap_t *dead = NULL, *p = conf->handle;

	if (!*as_is || p == NULL)
		p = dead = pcap_open_dead(*as_is ? conf->dlt : DLT_RAW, SNAPLEN);
	if (p == NULL)
		return -ENOMEM;
	const int rc = pcap_compile(p, out, conf->text, 1, PCAP_NETMASK_UNKNOWN);

	if (rc != 0)
		snprintf(err, CAPTURE_ERR, "filter \"%s\": %s", conf->text, pcap_geterr(p));
	if (dead != NULL)
		pcap_close(dead);
	return rc == 0 ? 0 : FP_ECONFIG;
}

int filter_compile(struct bpf_program *out, const struct filter_conf *conf, char err[CAPTURE_ERR])
{
	const struct link *l = link_find(conf->dlt);
	struct bpf_program user = { 0 };
	struct builder *b;
	bool as_is = false;
	int rc;

	*out = (struct bpf_program){ 0 };
	if (*conf->text != '\0' && (rc = compile_user(&user, conf, &as_is, err)) != 0)
		return rc;
	if (l == NULL) {
		/* A link type that is rare live: FILTER as it is. */
		if (user.bf_len > 0)
			*out = user;
		else
			rc = give(out, &(struct bpf_insn)BPF_STMT(BPF_RET | BPF_K, SNAPLEN), 1);
		return user.bf_len > 0 ? 0 : rc;
	}
	b = calloc(1, sizeof *b);
	rc = -ENOMEM;
	if (b != NULL) {
		unsigned depth = DEPTH_MAX;

		b->conf = conf;
		b->user = user.bf_len > 0 && !as_is ? &user : NULL;
		filter_ports(&b->ports, conf->text);
		while (!build(b, l, as_is && user.bf_len > 0 ? &user : NULL, depth) && depth > 0)
			depth--;
		rc = b->n <= PROGRAM_MAX ? give(out, b->insn, b->n) : FP_ECONFIG;
		if (rc == FP_ECONFIG)
			snprintf(err, CAPTURE_ERR, "filter \"%s\": too long for the kernel", conf->text);
	}
	free(b);
	if (user.bf_len > 0)
		pcap_freecode(&user);
	return rc;
}

int capture_check_filter(const char *filter, char err[CAPTURE_ERR])
{
	const struct filter_conf conf = { .dlt = DLT_EN10MB, .text = filter, .segments = true, .acks = true };
	struct bpf_program program;

	/* Words of the link layer are right or wrong by the link. */
	if (of_the_link(filter))
		return 0;
	const int rc = filter_compile(&program, &conf, err);

	if (rc == 0)
		pcap_freecode(&program);
	return rc;
}
