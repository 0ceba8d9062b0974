/* words - a host in the words of p0f 2, which rules and log readers of its time anchor on. Nothing unprintable leaves. */
#include "store/reader.h"
#include "core/quirk.h"
#include "store/form.h"

#include <inttypes.h>
#include <string.h>

/* What p0f 2.0.8 called links, by MTU (docs/client-protocols.md section 3). */
static const char *link_words(unsigned mtu)
{
	static const struct {
		unsigned from, to;
		const char *words;
	} table[] = {
		{ 0, 0, "unspecified" },
		{ 1500, 1500, "ethernet/modem" },
		{ 1492, 1492, "pppoe (DSL)" },
		{ 1452, 1462, "sometimes DSL" },
		{ 1476, 1476, "IPSec/GRE" },
		{ 1480, 1480, "IPv6/IPIP" },
		{ 1496, 1496, "vLAN" },
		{ 1420, 1420, "GPRS, T1, FreeS/WAN" },
		{ 1280, 1280, "gif tunnel" },
		{ 576, 576, "sometimes modem" },
		{ 16436, 16436, "loopback" },
		{ 65535, 65535, "loopback" },
	};

	for (size_t i = 0; i < ROWS(table); i++)
		if (mtu >= table[i].from && mtu <= table[i].to)
			return table[i].words;
	return NULL;
}

/* Bytes of an option in p0f 3's layout words; what p0f 2 wrote for it, with its value. */
static unsigned put_option(struct form *o, const struct fp_host *h, const char *word, size_t len)
{
	const bool eol = len >= 3 && memcmp(word, "eol", 3) == 0;
	unsigned pad = 0;

	if (eol) {
		for (size_t i = 4; i < len && word[i] >= '0' && word[i] <= '9' && pad < 40; i++)
			pad = pad * 10 + (unsigned)(word[i] - '0');
		form_byte(o, 'E');
		return 1 + pad;
	}
	if (len == 3 && memcmp(word, "nop", 3) == 0) {
		form_byte(o, 'N');
		return 1;
	}
	if (len == 3 && memcmp(word, "mss", 3) == 0) {
		form_fmt(o, "M%u", h->mss);
		return 4;
	}
	if (len == 2 && memcmp(word, "ws", 2) == 0) {
		form_fmt(o, "W%u", h->wscale);
		return 3;
	}
	if (len == 3 && memcmp(word, "sok", 3) == 0) {
		form_byte(o, 'S');
		return 2;
	}
	if (len == 2 && memcmp(word, "ts", 2) == 0) {
		form_text(o, h->quirks & QUIRK_TS1_MINUS ? "T0" : "T");
		return 10;
	}
	/* p0f 2 has no word for kind 5 and writes it by its number, like any other that it does not know. */
	if (len == 4 && memcmp(word, "sack", 4) == 0) {
		form_text(o, "?5");
		return 2; /* at least */
	}
	for (size_t i = 0; i < len; i++)
		form_byte(o, word[i] > 0x20 && word[i] < 0x7f ? word[i] : '?');
	return 2; /* at least */
}

/* The letters of p0f 2's quirks that p0f 3's tell. */
static void put_quirks(struct form *o, const struct fp_host *h)
{
	const uint32_t q = h->quirks;
	const bool df = (q & QUIRK_DF) != 0;
	const struct {
		char letter;
		bool set;
	} table[] = {
		{ 'P', (q & QUIRK_OPT_PLUS) != 0 },
		{ 'Z', !h->ipv6 && (df ? (q & QUIRK_ID_PLUS) == 0 : (q & QUIRK_ID_MINUS) != 0) },
		{ 'I', h->olen != 0 },
		{ 'U', (q & QUIRK_UPTR_PLUS) != 0 },
		{ 'A', (q & QUIRK_ACK_PLUS) != 0 },
		{ 'T', (q & QUIRK_TS2_PLUS) != 0 },
		{ 'F', (q & (QUIRK_URGF_PLUS | QUIRK_PUSHF_PLUS)) != 0 },
		{ 'D', h->payload },
		{ '!', (q & QUIRK_BAD) != 0 },
	};
	bool any = false;

	for (size_t i = 0; i < ROWS(table); i++)
		if (table[i].set) {
			form_byte(o, table[i].letter);
			any = true;
		}
	if (!any)
		form_byte(o, '.');
}

/* window:ttl:df:size:options:quirks, as p0f 2 prints what it does not know. */
static void put_signature(struct form *o, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	char options[FP_LAYOUT_TEXT * 2];
	struct form opt = { options, sizeof options, 0 };
	unsigned size = (h->ipv6 ? 40u : 20u) + h->olen + 20;
	const char *p = host->layout;

	if (*p == '\0')
		form_byte(&opt, '.');
	while (*p != '\0') {
		const size_t len = strcspn(p, ",");

		size += put_option(&opt, h, p, len);
		p += len;
		if (*p == ',') {
			form_byte(&opt, ',');
			p++;
		}
	}
	if (form_finish(&opt) < 0)
		snprintf(options, sizeof options, ".");
	if (h->win_unit == FP_WIN_PLAIN)
		form_fmt(o, "%u", h->win);
	else
		form_fmt(o, "%c%u", h->win_unit == FP_WIN_MSS ? 'S' : 'T', h->win_multiple);
	form_fmt(o, ":%u:%d:%u:", h->ttl, (h->quirks & QUIRK_DF) != 0, size);
	form_text(o, options);
	form_byte(o, ':');
	put_quirks(o, h);
}

int fp_words_v2(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const unsigned mtu = mtu_of(h);
	struct form o = { buf, size, 0 };

	if (host->name[0] != '\0') {
		form_name(&o, host);
	} else {
		form_text(&o, "UNKNOWN [");
		put_signature(&o, host);
		form_text(&o, ":?:?]");
	}
	if (uptime_known(h))
		form_fmt(&o, " (up: %" PRIu32 " hrs)", h->uptime_min / 60);
	form_text(&o, ", (");
	if (h->distance != FP_DISTANCE_UNKNOWN && host->name[0] != '\0')
		form_fmt(&o, "distance %u, ", h->distance);
	if (link_words(mtu) != NULL)
		form_fmt(&o, "link: %s)", link_words(mtu));
	else
		form_fmt(&o, "link: unknown-%u)", mtu);
	return form_finish(&o);
}
