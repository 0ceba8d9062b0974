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

#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

/* The first of n (at most 16) option kinds; the observation was all 0. */
INLINE void usual_layout(struct tcp_obs *obs, const uint8_t kinds[16], uint8_t n)
{
	memcpy(obs->layout, kinds, 16);
	obs->layout_len = n;
}

INLINE uint32_t usual_scale(struct tcp_obs *obs, uint8_t scale)
{
	obs->wscale = scale;
	return __builtin_expect(scale > 14, 0) ? QUIRK_EXWS : 0;
}

INLINE uint32_t usual_stamps(struct tcp_obs *obs, uint32_t ts1, uint32_t ts2)
{
	obs->ts1 = ts1;
	if (__builtin_expect(ts1 != 0 && ts2 == 0, 1))
		return 0;
	return (ts1 == 0 ? QUIRK_TS1_MINUS : 0) | (ts2 != 0 && obs->kind == OBS_SYN ? QUIRK_TS2_PLUS : 0);
}

#define MSS 0xffff0000u              /* of 32 bits: what is no value of an MSS option */
#define MSS_SCALE 0xffff0000ffffff00u /* of 64: MSS, then nop and window scale */

/* n bytes of options, a multiple of 4. False: none of these; nothing was changed. *quirks grows. */
INLINE bool pktopt_usual(const uint8_t *at, size_t n, struct tcp_obs *obs, uint32_t *quirks)
{
	uint64_t w, w2;
	uint32_t end;

	switch (n) {
	case 0:
		return true;
	case 4:
		if ((be32(at) & MSS) != 0x02040000)
			return false;
		obs->mss = be16(at + 2);
		usual_layout(obs, (const uint8_t[16]){ 2 }, 1);
		return true;
	case 8:
		w = be64(at);
		if ((w & 0xffff0000ffffffff) != 0x0204000001010402)
			return false;
		obs->mss = (uint16_t)(w >> 32);
		usual_layout(obs, (const uint8_t[16]){ 2, 1, 1, 4 }, 4);
		return true;
	case 12:
		w = be64(at);
		end = be32(at + 8);
		if ((w & MSS_SCALE) == 0x0204000001030300 && end == 0x01010402) { /* Windows */
			*quirks |= usual_scale(obs, (uint8_t)w);
			usual_layout(obs, (const uint8_t[16]){ 2, 1, 3, 1, 1, 4 }, 6);
		} else if ((w & 0xffff0000ffffffff) == 0x0204000001010402 && (end & ~0xffu) == 0x01030300) {
			*quirks |= usual_scale(obs, (uint8_t)end);
			usual_layout(obs, (const uint8_t[16]){ 2, 1, 1, 4, 1, 3 }, 6);
		} else if (w >> 32 == 0x0101080a) { /* after the handshake */
			*quirks |= usual_stamps(obs, (uint32_t)w, end);
			usual_layout(obs, (const uint8_t[16]){ 1, 1, 8 }, 3);
			return true;
		} else {
			return false;
		}
		break;
	case 20:
		w = be64(at);
		end = be32(at + 16);
		if ((w & 0xffff0000ffffffff) == 0x020400000402080a && (end & ~0xffu) == 0x01030300) { /* Linux */
			w2 = be64(at + 8);
			*quirks |= usual_scale(obs, (uint8_t)end) | usual_stamps(obs, (uint32_t)(w2 >> 32), (uint32_t)w2);
			usual_layout(obs, (const uint8_t[16]){ 2, 4, 8, 1, 3 }, 5);
		} else if ((w & MSS_SCALE) == 0x0204000001030300 && be32(at + 8) == 0x0402080a) { /* FreeBSD */
			*quirks |= usual_scale(obs, (uint8_t)w) | usual_stamps(obs, be32(at + 12), end);
			usual_layout(obs, (const uint8_t[16]){ 2, 1, 3, 4, 8 }, 5);
		} else {
			return false;
		}
		break;
	case 24:
		w = be64(at);
		w2 = be64(at + 8);
		if ((w & MSS_SCALE) == 0x0204000001030300 && w2 >> 32 == 0x0101080a && be32(at + 20) == 0x04020000) { /* macOS, iOS */
			*quirks |= usual_scale(obs, (uint8_t)w) | usual_stamps(obs, (uint32_t)w2, be32(at + 16));
			usual_layout(obs, (const uint8_t[16]){ 2, 1, 3, 1, 1, 8, 4, 0 }, 8);
			obs->eol_pad = 1;
		} else if ((w & 0xffff0000ffffffff) == 0x0204000001010402 && (w2 & 0xffffff00ffffffff) == 0x010303000101080a) { /* OpenBSD */
			*quirks |= usual_scale(obs, (uint8_t)(w2 >> 32)) | usual_stamps(obs, be32(at + 16), be32(at + 20));
			usual_layout(obs, (const uint8_t[16]){ 2, 1, 1, 4, 1, 3, 1, 1, 8 }, 9);
		} else {
			return false;
		}
		break;
	default:
		return false;
	}
	obs->mss = (uint16_t)(w >> 32);
	return true;
}

#undef INLINE
#undef MSS
#undef MSS_SCALE

#endif
