/* sigtext - printing of signatures, p0f's spelling (docs/p0f3-matching.md sections 3, 4 and 10). */
#include "core/sigtext.h"
#include "core/out.h"
#include "core/quirk.h"
#include "core/util.h"

#define DIST_MAX 35         /* p0f prints '?' for a guess above that */
#define SENDSYN_MSS 1331    /* p0f-sendsyn's; an echo of it says nothing of the host */

/* Names of option kinds that have one. */
static const char *const option_names[] = {
	[1] = "nop", [2] = "mss", [3] = "ws", [4] = "sok", [5] = "sack", [8] = "ts",
};

size_t sigtext_layout(char *buf, size_t size, const uint8_t *kinds, size_t n, unsigned eol_pad)
{
	if (size == 0)
		return 0;
	struct out o = out_begin(buf, size);

	for (size_t i = 0; i < n; i++) {
		const uint8_t kind = kinds[i];

		if (i > 0)
			out_char(&o, ',');
		if (kind == 0) {
			out_text(&o, "eol+");
			out_number(&o, eol_pad);
		} else if (kind < ARRAY_LEN(option_names) && option_names[kind] != NULL) {
			out_text(&o, option_names[kind]);
		} else {
			out_char(&o, '?');
			out_number(&o, kind);
		}
	}
	return out_end(&o);
}

static void put_quirks(struct out *o, uint32_t quirks)
{
	quirks &= (1u << QUIRK_COUNT) - 1; /* a record may hold anything */
	for (bool first = true; quirks != 0; quirks &= quirks - 1, first = false) {
		if (!first)
			out_char(o, ',');
		out_text(o, fp_quirk_name((unsigned)__builtin_ctz(quirks)));
	}
}

size_t sigtext_quirks(char *buf, size_t size, uint32_t quirks)
{
	if (size == 0)
		return 0;
	struct out o = out_begin(buf, size);

	put_quirks(&o, quirks);
	return out_end(&o);
}

size_t sigtext_raw(char *buf, size_t size, const struct sigtext *sig)
{
	if (size == 0)
		return 0;
	struct out o = out_begin(buf, size);

	out_number(&o, sig->ipver);
	out_char(&o, ':');
	out_number(&o, sig->ttl);
	out_char(&o, '+');
	if (sig->dist_guess > DIST_MAX)
		out_char(&o, '?');
	else
		out_number(&o, sig->dist_guess);
	out_char(&o, ':');
	out_number(&o, sig->olen);
	out_char(&o, ':');
	if (sig->synack && sig->mss == SENDSYN_MSS)
		out_char(&o, '*');
	else
		out_number(&o, sig->mss);
	out_char(&o, ':');
	if (sig->win_unit != 0) {
		out_text(&o, sig->win_unit == 1 ? "mss*" : "mtu*");
		out_number(&o, sig->win_multiple);
	} else {
		out_number(&o, sig->win);
	}
	out_char(&o, ',');
	out_number(&o, sig->wscale);
	out_char(&o, ':');
	out_text(&o, sig->layout);
	out_char(&o, ':');
	put_quirks(&o, sig->quirks);
	out_text(&o, sig->payload ? ":+" : ":0");
	return out_end(&o);
}

const char *sigtext_option_name(unsigned kind)
{
	return kind < ARRAY_LEN(option_names) ? option_names[kind] : NULL;
}
