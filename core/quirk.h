/*
 * quirk - what p0f 3 calls quirks: one bit each, one row each, in p0f's order,
 * which is also the order of printing.
 *
 * QUIRK_ROWS(X) expands X(CONSTANT, "p0f name", valid for, "source"); `valid for` is 4
 * or 6 where a signature of the other version may not name it, 0 for both.
 */
#ifndef FP_QUIRK_H
#define FP_QUIRK_H

#define QUIRK_ROWS(X)                                                            \
	X(QUIRK_DF, "df", 4, "RFC 791 3.1: don't fragment")                      \
	X(QUIRK_ID_PLUS, "id+", 4, "RFC 6864 4.1: DF, yet id not 0")             \
	X(QUIRK_ID_MINUS, "id-", 4, "no DF, yet id 0")                           \
	X(QUIRK_ECN, "ecn", 0, "RFC 3168: any ECN bit, IP or TCP")               \
	X(QUIRK_ZERO_PLUS, "0+", 4, "RFC 791 3.1: reserved flag must be 0")      \
	X(QUIRK_FLOW, "flow", 6, "RFC 6437: flow label not 0")                   \
	X(QUIRK_SEQ_MINUS, "seq-", 0, "sequence number 0")                       \
	X(QUIRK_ACK_PLUS, "ack+", 0, "no ACK flag, yet ack number not 0")        \
	X(QUIRK_ACK_MINUS, "ack-", 0, "ACK flag, yet ack number 0")              \
	X(QUIRK_UPTR_PLUS, "uptr+", 0, "no URG flag, yet urgent pointer not 0")  \
	X(QUIRK_URGF_PLUS, "urgf+", 0, "URG flag")                               \
	X(QUIRK_PUSHF_PLUS, "pushf+", 0, "PSH flag")                             \
	X(QUIRK_TS1_MINUS, "ts1-", 0, "RFC 7323 3.2: own timestamp 0")           \
	X(QUIRK_TS2_PLUS, "ts2+", 0, "RFC 7323 3.2: echo not 0 on a SYN")        \
	X(QUIRK_OPT_PLUS, "opt+", 0, "RFC 9293 3.1: bytes after EOL must be 0")  \
	X(QUIRK_EXWS, "exws", 0, "RFC 7323 2.3: window scale above 14")          \
	X(QUIRK_BAD, "bad", 0, "options malformed")

enum quirk_index {
#define X(constant, name, version, source) constant##_INDEX,
	QUIRK_ROWS(X)
#undef X
	QUIRK_COUNT
};

/* The name of number n; NULL past the last. Of libfingerpost and libfingerpost-classify. */
const char *fp_quirk_name(unsigned n);

enum quirk {
#define X(constant, name, version, source) constant = 1 << constant##_INDEX,
	QUIRK_ROWS(X)
#undef X
};

#endif
