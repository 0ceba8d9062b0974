/* pktopt - TCP options, one at a time: whatever stands there. */
#include "core/pkt_int.h"

/* What follows an EOL should be zero (RFC 9293 3.1). */
static uint32_t after_eol(const uint8_t *at, const uint8_t *end, struct tcp_obs *obs)
{
	obs->eol_pad = (uint8_t)(end - at);
	for (; at < end; at++)
		if (*at != 0) {
			if (at + 1 == end)
				obs->flags |= OBS_OPT_LAST;
			return QUIRK_OPT_PLUS;
		}
	return 0;
}

/*
 * The four options of fixed size that we read. p0f wants the bytes to be there and then goes on as if the length were right: a
 * wrong one is a quirk. Returns quirks.
 */
static uint32_t fixed_option(uint8_t kind, const uint8_t *at, struct tcp_obs *obs, bool syn)
{
	uint32_t quirks = 0;
	uint8_t length = 2;

	switch (kind) {
	case 2:
		length = 4;
		obs->mss = be16(at + 1);
		break;
	case 3:
		length = 3;
		obs->wscale = at[1];
		if (at[1] > 14)
			quirks |= QUIRK_EXWS;
		break;
	case 4:
		break;
	default: /* 8 */
		length = 10;
		obs->ts1 = be32(at + 1);
		if (obs->ts1 == 0)
			quirks |= QUIRK_TS1_MINUS;
		if (syn && be32(at + 5) != 0)
			quirks |= QUIRK_TS2_PLUS;
	}
	return at[0] == length ? quirks : quirks | QUIRK_BAD;
}

/* Bytes that must follow the kind of an option of fixed size. */
static const uint8_t fixed_bytes[9] = { [2] = 3, [3] = 2, [4] = 1, [8] = 9 };

uint32_t pktopt_read(const uint8_t *at, const uint8_t *end, struct tcp_obs *obs)
{
	const bool syn = obs->kind == OBS_SYN;
	uint32_t quirks = 0;
	unsigned n = 0;
	bool cut = false; /* an option does not fit: the rest cannot be read */

	while (at < end && n < OBS_OPTIONS_MAX) {
		const uint8_t kind = *at++;

		obs->layout[n++] = kind;
		if (kind == 1) /* RFC 9293 3.2: NOP has no length byte */
			continue;
		if (kind == 0) {
			quirks |= after_eol(at, end, obs);
			at = end;
			break;
		}
		const size_t left = (size_t)(end - at);
		const size_t fixed = kind < sizeof fixed_bytes ? fixed_bytes[kind] : 0;

		if (fixed != 0) {
			if ((cut = left < fixed))
				break;
			quirks |= fixed_option(kind, at, obs, syn);
			at += fixed;
			continue;
		}
		/* RFC 2018 3: one to four SACK blocks; everything else 2..40 as the header allows. */
		const uint8_t low = kind == 5 ? 10 : 2, high = kind == 5 ? 34 : 40;

		if ((cut = left < 1 || *at < low || *at > high || *at - 1u > left))
			break;
		at += *at - 1;
	}
	obs->layout_len = (uint8_t)n;
	return cut || at != end ? quirks | QUIRK_BAD : quirks;
}
