/*
 * classify - the engine alone: which operating system sent this SYN. For programs that have packets of their own; no
 * daemon, store or privilege is needed.
 *
 * Owner    fp_signatures_load() makes signatures, fp_signatures_free() ends them; texts in a struct fp_verdict live as
 *          long as they do. Nothing else is kept: no state, no file, no thread.
 * Threads  signatures never change: any number of threads may classify with the same ones at once. To replace them,
 *          load others, let the threads use those, and free the old when none does.
 * Errors   0 or a negative code (fp_strerror()).
 */
#ifndef FP_CLASSIFY_H
#define FP_CLASSIFY_H

#include "core/addr.h"
#include "core/quality.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_signatures;

/* Where the first error of a load is, and what was expected there. */
struct fp_signatures_error {
	char file[128];
	unsigned line;  /* 0: of the file as a whole */
	char text[384]; /* one line */
};

/*
 * Files in p0f 3's format, in order, as if they were one. FP_ECONFIG with *err filled where a line is wrong, -errno where a
 * file cannot be read, -ENOMEM; *out is NULL then. err may be NULL.
 */
int fp_signatures_load(struct fp_signatures **out, const char *const *files, size_t n, struct fp_signatures_error *err);

/* The same from memory; name stands for the file in messages. */
int fp_signatures_parse(struct fp_signatures **out, const char *name, const char *text, size_t len,
    struct fp_signatures_error *err);

void fp_signatures_free(struct fp_signatures **sp); /* sets NULL; NULL is fine */

/* How to read; NULL wherever it is wanted means all 0. */
struct fp_how {
	bool p0f;          /* answer as p0f 3.09b does, its documented defects included */
	bool decapsulate;  /* look into GRE, VXLAN, GENEVE and IP in IP */
	uint16_t syn_mss;  /* of a SYN+ACK: the MSS of the SYN that it answers, where known */
	uint8_t spare[12]; /* 0 */
};

/* What p0f calls quirks, in its order. */
enum fp_quirk {
	FP_QUIRK_DF = 1 << 0,        /* "df": don't fragment */
	FP_QUIRK_ID_PLUS = 1 << 1,   /* "id+": DF, yet an identification */
	FP_QUIRK_ID_MINUS = 1 << 2,  /* "id-": no DF, yet none */
	FP_QUIRK_ECN = 1 << 3,       /* "ecn": any ECN bit, of IP or TCP */
	FP_QUIRK_ZERO_PLUS = 1 << 4, /* "0+": the reserved IP flag */
	FP_QUIRK_FLOW = 1 << 5,      /* "flow": an IPv6 flow label */
	FP_QUIRK_SEQ_MINUS = 1 << 6, /* "seq-": sequence number 0 */
	FP_QUIRK_ACK_PLUS = 1 << 7,  /* "ack+": an ack number without the flag */
	FP_QUIRK_ACK_MINUS = 1 << 8, /* "ack-": the flag, number 0 */
	FP_QUIRK_UPTR_PLUS = 1 << 9, /* "uptr+": an urgent pointer without the flag */
	FP_QUIRK_URGF_PLUS = 1 << 10,/* "urgf+": the flag */
	FP_QUIRK_PUSHF_PLUS = 1 << 11,/* "pushf+": PSH */
	FP_QUIRK_TS1_MINUS = 1 << 12,/* "ts1-": own timestamp 0 */
	FP_QUIRK_TS2_PLUS = 1 << 13, /* "ts2+": a peer's timestamp on a SYN */
	FP_QUIRK_OPT_PLUS = 1 << 14, /* "opt+": something after the end of options */
	FP_QUIRK_EXWS = 1 << 15,     /* "exws": window scale above 14 */
	FP_QUIRK_BAD = 1 << 16,      /* "bad": malformed options */
};

/* p0f's name of quirk number n (FP_QUIRK_DF is 0); NULL past the last. */
const char *fp_quirk_name(unsigned n);

/* Whom the packet named; numbers as it had them. Absent is 0 or NULL unless a field says otherwise. */
struct fp_verdict {
	const char *klass;   /* "win", "unix", ..., "!" for a tool; NULL: not recognised */
	const char *name;    /* "Windows" */
	const char *flavor;  /* "10 or later", may be empty */
	const char *link;    /* what the MTU says of the link, "Ethernet or modem" */
	enum fp_match match;
	int distance;        /* hops; -1 unknown */
	bool random_ttl;     /* the distance is an upper bound */
	bool synack;         /* a SYN+ACK: it speaks of a server */
	bool payload;        /* it carries data */
	uint8_t ip_version;  /* 4, 6 */
	struct fp_addr from, to;
	uint16_t from_port, to_port;
	uint32_t mtu;        /* by the MSS */
	uint32_t quirks;     /* enum fp_quirk */
	uint16_t mss, window;
	uint8_t ttl, window_scale;
	uint8_t ip_options;  /* bytes of IP options or IPv6 extension headers */
	uint8_t options_len; /* entries of options[] */
	uint8_t options[24]; /* kinds in order, 0 is the end of options */
	uint8_t eol_pad;     /* bytes after it */
	uint8_t win_unit;    /* how p0f words the window: 0 plain, 1 multiple of the MSS, 2 of the MTU */
	uint16_t win_multiple;
	uint8_t dist_guess;  /* by the TTL alone */
	uint8_t spare[35];
};

/*
 * One frame. linktype is a LINKTYPE_ number of pcap files (1 Ethernet, 101 raw IP, 113 Linux SLL, ...); caplen bytes are
 * there, len were on the wire. Nothing beyond caplen is read, whatever the frame says.
 * FP_ENOTFOUND: nothing to name (no TCP, no SYN, a fragment). FP_ETRUNC: the frame ends inside its headers.
 * FP_EFORMAT: they are impossible. -EPROTONOSUPPORT: no such link type here. *out is filled with 0 alone then.
 */
int fp_classify(const struct fp_signatures *signatures, const struct fp_how *how, unsigned linktype, const void *frame,
    size_t caplen, size_t len, struct fp_verdict *out);

/*
 * The IP and TCP headers that getsockopt(TCP_SAVED_SYN) gives a server of its accepted socket, where its listening one
 * had TCP_SAVE_SYN = 1 (tcp(7)). Otherwise as fp_classify().
 */
int fp_classify_saved_syn(const struct fp_signatures *signatures, const struct fp_how *how, const void *headers,
    size_t len, struct fp_verdict *out);

#define FP_SIGNATURE_TEXT 320

/* The raw signature as p0f writes it, "4:64+0:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0". Its length; returned even where size is smaller. */
size_t fp_signature_text(const struct fp_verdict *verdict, char *buf, size_t size);

#endif
