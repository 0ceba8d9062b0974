/* sigobs - the fields of a raw signature in turn; what is printed by sigtext.c is read here. */
#include "core/sigobs.h"
#include "core/err.h"
#include "core/quirk.h"
#include "core/sigtext.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 8
#define RAW_MAX 512

enum field { F_VER, F_TTL, F_OLEN, F_MSS, F_WIN, F_LAYOUT, F_QUIRKS, F_PCLASS };

static int fail(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(char *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, SIGOBS_WHY, fmt, args);
	va_end(args);
	return FP_ECONFIG;
}

/* A number up to top, all of text. */
static bool number(const char *text, unsigned long top, unsigned *out)
{
	char *end;
	const unsigned long v = strtoul(text, &end, 10);

	*out = (unsigned)v;
	return isdigit((unsigned char)*text) && *end == '\0' && v <= top;
}

static int read_window(char *text, struct tcp_obs *obs, char *why)
{
	char *scale = strchr(text, ',');
	unsigned v, unit = 1;

	if (scale == NULL)
		return fail(why, "\"%.40s\": a window, a comma and a scale are expected", text);
	*scale++ = '\0';
	if (strncmp(text, "mss*", 4) == 0)
		unit = obs->mss;
	else if (strncmp(text, "mtu*", 4) == 0)
		unit = obs->mss + (obs->ipver == 4 ? 40u : 60u);
	if (!number(unit > 1 ? text + 4 : text, 65535, &v) || v * unit > 65535)
		return fail(why, "\"%.40s\": a window up to 65535, or mss*N, mtu*N is expected", text);
	obs->win = (uint16_t)(v * unit);
	v = 0;
	if (strcmp(scale, "*") != 0 && !number(scale, 255, &v))
		return fail(why, "\"%.40s\" is no window scale", scale);
	obs->wscale = (uint8_t)v;
	return 0;
}

static int read_layout(char *text, struct tcp_obs *obs, char *why)
{
	for (char *save, *item = strtok_r(text, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save)) {
		unsigned kind = 0;

		if (obs->layout_len == OBS_OPTIONS_MAX)
			return fail(why, "more than %d options", OBS_OPTIONS_MAX);
		if (strncmp(item, "eol+", 4) == 0) {
			if (!number(item + 4, 40, &kind))
				return fail(why, "\"%.40s\": eol+ and a number are expected", item);
			obs->eol_pad = (uint8_t)kind;
			kind = 0;
		} else if (*item != '?' || !number(item + 1, 255, &kind)) {
			for (kind = 1; kind < 256; kind++)
				if (sigtext_option_name(kind) != NULL && strcmp(sigtext_option_name(kind), item) == 0)
					break;
		}
		if (kind > 255)
			return fail(why, "\"%.40s\" is no option: mss, nop, ws, sok, sack, ts, eol+N, ?N", item);
		obs->layout[obs->layout_len++] = (uint8_t)kind;
		if (kind == 8)
			obs->ts1 = 1;
	}
	return 0;
}

static int read_quirks(char *text, struct tcp_obs *obs, char *why)
{
	for (char *save, *item = strtok_r(text, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save)) {
		unsigned q = 0;

		while (q < QUIRK_COUNT && strcmp(fp_quirk_name(q), item) != 0)
			q++;
		if (q == QUIRK_COUNT)
			return fail(why, "\"%.40s\" is no quirk", item);
		obs->quirks |= 1u << q;
	}
	if (obs->quirks & QUIRK_ECN)
		obs->ecn = OBS_ECN_ECE | OBS_ECN_CWR;
	if (obs->quirks & QUIRK_TS1_MINUS)
		obs->ts1 = 0;
	return 0;
}

int sigobs_parse(const char *raw, struct tcp_obs *out, char why[SIGOBS_WHY])
{
	char buf[RAW_MAX], *field[FIELDS], *at = buf;
	unsigned v;
	int rc;

	*out = (struct tcp_obs){ .kind = OBS_SYN };
	if ((size_t)snprintf(buf, sizeof buf, "%s", raw) >= sizeof buf)
		return fail(why, "longer than any signature");
	for (unsigned i = 0; i < FIELDS; i++) {
		field[i] = at;
		at = strchr(at, ':');
		if ((at == NULL) != (i == FIELDS - 1))
			return fail(why, "ver:ttl:olen:mss:win,scale:layout:quirks:pclass is expected, eight fields");
		if (at != NULL)
			*at++ = '\0';
	}
	if (strcmp(field[F_VER], "4") != 0 && strcmp(field[F_VER], "6") != 0 && strcmp(field[F_VER], "*") != 0)
		return fail(why, "\"%.40s\" is no version: 4, 6 or *", field[F_VER]);
	out->ipver = *field[F_VER] == '6' ? 6 : 4;
	field[F_TTL][strcspn(field[F_TTL], "+-")] = '\0'; /* the distance is a guess of who printed it */
	if (!number(field[F_TTL], 255, &v) || v == 0)
		return fail(why, "\"%.40s\" is no TTL", field[F_TTL]);
	out->ttl = (uint8_t)v;
	if (!number(field[F_OLEN], 255, &v))
		return fail(why, "\"%.40s\" is no length of IP options", field[F_OLEN]);
	out->olen = (uint8_t)v;
	v = 1460;
	if (strcmp(field[F_MSS], "*") != 0 && !number(field[F_MSS], 65535, &v))
		return fail(why, "\"%.40s\" is no MSS", field[F_MSS]);
	out->mss = (uint16_t)v;
	if ((rc = read_window(field[F_WIN], out, why)) != 0 || (rc = read_layout(field[F_LAYOUT], out, why)) != 0 ||
	    (rc = read_quirks(field[F_QUIRKS], out, why)) != 0)
		return rc;
	if (strcmp(field[F_PCLASS], "0") != 0 && strcmp(field[F_PCLASS], "+") != 0 && strcmp(field[F_PCLASS], "*") != 0)
		return fail(why, "\"%.40s\": 0, + or * is expected at the end", field[F_PCLASS]);
	out->payload_len = *field[F_PCLASS] == '+';
	out->tot_hdr = (uint16_t)((out->ipver == 4 ? 40 : 60) + out->olen);
	return 0;
}
