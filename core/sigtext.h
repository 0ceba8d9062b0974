/*
 * sigtext - the texts of a signature as p0f writes them, into the caller's buffer.
 *
 * Knows no observation and no record: both have these numbers and print by it.
 * Each returns the length written (without the NUL); what does not fit is cut, never overrun.
 */
#ifndef FP_SIGTEXT_H
#define FP_SIGTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGTEXT_LAYOUT 128 /* 24 times "?255," and a NUL fit */
#define SIGTEXT_RAW 320    /* a whole raw_sig with its NUL */

struct sigtext {
	uint8_t ipver;        /* 4, 6 */
	uint8_t ttl;          /* as observed */
	uint8_t dist_guess;   /* ittl_guess(ttl).hops */
	uint8_t olen;
	uint8_t wscale;
	uint8_t win_unit;     /* enum win_unit of match.h: 0 plain, 1 mss, 2 mtu */
	uint16_t win_multiple;
	uint16_t win;
	uint16_t mss;
	uint32_t quirks;
	bool payload;
	bool synack;          /* p0f prints the MSS 1331 of its own probes' answers as '*' */
	const char *layout;   /* "mss,sok,ts,nop,ws", "eol+1" with its count */
};

/* "mss,nop,eol+2" of option kinds. */
size_t sigtext_layout(char *buf, size_t size, const uint8_t *kinds, size_t n, unsigned eol_pad);

/* "df,id+"; empty for none. */
size_t sigtext_quirks(char *buf, size_t size, uint32_t quirks);

/* p0f's word for an option kind; NULL: it has none. For readers of signatures. */
const char *sigtext_option_name(unsigned kind);

/* ver:ttl+dist:olen:mss:wsize,scale:olayout:quirks:pclass */
size_t sigtext_raw(char *buf, size_t size, const struct sigtext *sig);

#endif
