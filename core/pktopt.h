/*
 * pktopt - TCP options as most systems send them, recognised whole: nine layouts, each a few comparisons. pktopt_read() reads all others,
 * and these with the same result (tests/test_pktfast.c).
 *
 * A layout is written as the bytes on the wire, noughts where a value stands: mss 02 04 mm mm, ws 03 03 ww, sok 04 02,
 * ts 08 0a tt tt tt tt ee ee ee ee, nop 01, eol 00.
 */
#ifndef FP_PKTOPT_H
#define FP_PKTOPT_H

#include "core/pkt_int.h"

#include <string.h>

/* The first of n (at most 16) option kinds; the observation was all 0. */
INLINE void usual_layout(struct tcp_obs *obs, const uint8_t kinds[16], uint8_t n)
{
	memcpy(obs->layout, kinds, n > 8 ? 16 : 8);
	obs->layout_len = n;
}

INLINE void usual_scale(struct tcp_obs *obs, uint8_t scale)
{
	obs->wscale = scale;
	if (__builtin_expect(scale > 14, 0))
		obs->quirks |= QUIRK_EXWS;
}

/* at: two timestamps. */
INLINE void usual_stamps(struct tcp_obs *obs, const uint8_t *at)
{
	obs->ts1 = be32(at);
	if (__builtin_expect(obs->ts1 == 0, 0))
		obs->quirks |= QUIRK_TS1_MINUS;
	if (__builtin_expect(wire32(at + 4) != 0, 0) && obs->kind == OBS_SYN)
		obs->quirks |= QUIRK_TS2_PLUS;
}

/* What begins like this, values apart: MSS, then nop and scale; nop, nop, sok; sok and timestamps. */
#define MSS_SCALE(eight) (((eight) & WIRE64(0xffff0000ffffff00)) == WIRE64(0x0204000001030300))
#define MSS_SACK(eight) (((eight) & WIRE64(0xffff0000ffffffff)) == WIRE64(0x0204000001010402))
#define MSS_SACK_STAMPS(eight) (((eight) & WIRE64(0xffff0000ffffffff)) == WIRE64(0x020400000402080a))
/* And what stands there: of four bytes all, or all but a scale in the last. */
#define FOUR(at, what) (wire32(at) == WIRE32(what))
#define SCALE(at) ((wire32(at) & WIRE32(0xffffff00)) == WIRE32(0x01030300))
#define STAMPS 0x0101080au

/* The usual ones that begin with MSS, nop and scale. */
INLINE bool usual_mss_scale(const uint8_t *at, int n, struct tcp_obs *obs)
{
	if (n == 12 && FOUR(at + 8, 0x01010402)) { /* Windows */
		usual_layout(obs, (const uint8_t[16]){ 2, 1, 3, 1, 1, 4 }, 6);
	} else if (n == 24 && FOUR(at + 8, STAMPS) && FOUR(at + 20, 0x04020000)) { /* macOS, iOS */
		usual_stamps(obs, at + 12);
		usual_layout(obs, (const uint8_t[16]){ 2, 1, 3, 1, 1, 8, 4, 0 }, 8);
		obs->eol_pad = 1;
	} else if (n == 20 && FOUR(at + 8, 0x0402080a)) { /* FreeBSD */
		usual_stamps(obs, at + 12);
		usual_layout(obs, (const uint8_t[16]){ 2, 1, 3, 4, 8 }, 5);
	} else {
		return false;
	}
	usual_scale(obs, at[7]);
	return true;
}

/* And with MSS and sok. */
INLINE bool usual_mss_sack(const uint8_t *at, int n, struct tcp_obs *obs)
{
	if (n == 8) {
		usual_layout(obs, (const uint8_t[16]){ 2, 1, 1, 4 }, 4);
		return true;
	}
	if (n == 12 && SCALE(at + 8)) {
		usual_layout(obs, (const uint8_t[16]){ 2, 1, 1, 4, 1, 3 }, 6);
	} else if (n == 24 && SCALE(at + 8) && FOUR(at + 12, STAMPS)) { /* OpenBSD */
		usual_stamps(obs, at + 16);
		usual_layout(obs, (const uint8_t[16]){ 2, 1, 1, 4, 1, 3, 1, 1, 8 }, 9);
	} else {
		return false;
	}
	usual_scale(obs, at[11]);
	return true;
}

/* n bytes of options, a multiple of 4. False: none of these (as with fewer than 0); nothing was changed. obs->quirks grows. */
INLINE bool pktopt_usual(const uint8_t *at, int n, struct tcp_obs *obs)
{
	if (n < 8) {
		if (n != 4 || (wire32(at) & WIRE32(0xffff0000)) != WIRE32(0x02040000))
			return n == 0;
		usual_layout(obs, (const uint8_t[16]){ 2 }, 1);
	} else {
		const uint64_t begin = wire64(at);

		if (MSS_SACK_STAMPS(begin)) { /* Linux */
			if (n != 20 || !SCALE(at + 16))
				return false;
			usual_scale(obs, at[19]);
			usual_stamps(obs, at + 8);
			usual_layout(obs, (const uint8_t[16]){ 2, 4, 8, 1, 3 }, 5);
		} else if (MSS_SCALE(begin)) {
			if (!usual_mss_scale(at, n, obs))
				return false;
		} else if (MSS_SACK(begin)) {
			if (!usual_mss_sack(at, n, obs))
				return false;
		} else if (n == 12 && FOUR(at, STAMPS)) { /* after the handshake */
			usual_stamps(obs, at + 4);
			usual_layout(obs, (const uint8_t[16]){ 1, 1, 8 }, 3);
			return true;
		} else {
			return false;
		}
	}
	obs->mss = be16(at + 2);
	return true;
}

#undef MSS_SCALE
#undef MSS_SACK
#undef MSS_SACK_STAMPS
#undef FOUR
#undef SCALE
#undef STAMPS

#endif
