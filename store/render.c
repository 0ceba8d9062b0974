/* render - a host for people and programs. Nothing of a label or of the network leaves as it came. */
#include "store/render.h"
#include "core/ittl.h"
#include "core/pathword.h"
#include "core/quirk.h"
#include "core/sigtext.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROWS(a) (sizeof(a) / sizeof *(a))

static const char *const match_word[] = {
	[FP_MATCH_NONE] = "none",
	[FP_MATCH_EXACT] = "exact",
	[FP_MATCH_GENERIC] = "generic",
	[FP_MATCH_FUZZY] = "fuzzy",
};

static const struct {
	unsigned bit;
	const char *word;
} path_word[] = {
#define X(bit, words) { bit, words },
	PATH_ROWS(X)
#undef X
};

/* ---- Writing ---------------------------------------------------------------------------------- */

struct out {
	char *buf;
	size_t size, at; /* at may run past size: then it did not fit */
};

static void add_byte(struct out *o, char c)
{
	if (o->at < o->size)
		o->buf[o->at] = c;
	o->at++;
}

static void add(struct out *o, const char *text)
{
	for (; *text != '\0'; text++)
		add_byte(o, *text);
}

static void addf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Numbers and the like: short. */
static void addf(struct out *o, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add(o, text);
}

static int finish(struct out *o)
{
	if (o->at >= o->size) {
		if (o->size > 0)
			o->buf[0] = '\0';
		return FP_EOVERFLOW;
	}
	o->buf[o->at] = '\0';
	return (int)o->at;
}

/* Printable ASCII as it is, anything else a question mark: for lines that people, logs and headers get. */
static void add_plain(struct out *o, const char *text)
{
	for (; *text != '\0'; text++)
		add_byte(o, *text >= 0x20 && *text < 0x7f ? *text : '?');
}

/* Length of the UTF-8 sequence that begins here (RFC 3629 4), 0 where there is none. */
static unsigned utf8_len(const unsigned char *p)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		const unsigned char low = p[0] == 0xe0 ? 0xa0 : 0x80, high = p[0] == 0xed ? 0x9f : 0xbf;

		return p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? 3 : 0;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		const unsigned char low = p[0] == 0xf0 ? 0x90 : 0x80, high = p[0] == 0xf4 ? 0x8f : 0xbf;

		return p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80 ? 4 : 0;
	}
	return 0;
}

/* RFC 8259 7; what is no UTF-8 becomes U+FFFD. */
static void add_json(struct out *o, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	add_byte(o, '"');
	while (*p != '\0') {
		const unsigned n = utf8_len(p);

		if (n == 0) {
			add(o, "\\ufffd");
			p++;
		} else if (n == 1) {
			if (*p == '"' || *p == '\\')
				addf(o, "\\%c", *p);
			else if (*p < 0x20 || *p == 0x7f)
				addf(o, "\\u%04x", *p);
			else
				add_byte(o, (char)*p);
			p++;
		} else {
			for (unsigned i = 0; i < n; i++)
				add_byte(o, (char)*p++);
		}
	}
	add_byte(o, '"');
}

static void add_json_or_null(struct out *o, const char *text)
{
	if (text[0] != '\0')
		add_json(o, text);
	else
		add(o, "null");
}

/* RFC 4180 2.6; control bytes become question marks, so a row stays a line. */
static void add_csv(struct out *o, const char *text)
{
	const bool quote = strpbrk(text, ",\"") != NULL;

	if (quote)
		add_byte(o, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			add_byte(o, '"');
		add_byte(o, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	}
	if (quote)
		add_byte(o, '"');
}

/* RFC 3339; nothing for 0. */
static void add_time(struct out *o, uint32_t unix_s)
{
	const time_t t = unix_s;
	struct tm tm;
	char text[32];

	if (unix_s == 0)
		return;
	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	add(o, text);
}

/* ---- What there is to say --------------------------------------------------------------------- */

static unsigned mtu_of(const struct fp_host *h)
{
	return h->mss == 0 ? 0 : h->mss + (h->ipv6 ? 60u : 40u);
}

/* A clock that the stack randomises says nothing of its uptime. */
static bool uptime_known(const struct fp_host *h)
{
	return h->clock_hz != 0 && !h->uptime_doubtful;
}

static bool signature_known(const struct fp_host *h)
{
	return h->verdict_seen != 0;
}

int render_signature(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const struct sigtext sig = {
		.ipver = h->ipv6 ? 6 : 4,
		.ttl = h->ttl,
		.dist_guess = ittl_guess(h->ttl).hops,
		.olen = h->olen,
		.wscale = h->wscale,
		.win_unit = h->win_unit,
		.win_multiple = h->win_multiple,
		.win = h->win,
		.mss = h->mss,
		.quirks = h->quirks,
		.payload = h->payload,
		.synack = h->synack,
		.layout = host->layout,
	};
	char text[SIGTEXT_RAW];
	struct out o = { buf, size, 0 };

	if (signature_known(h)) {
		sigtext_raw(text, sizeof text, &sig);
		add(&o, text);
	}
	return finish(&o);
}

/* Rounded down, so that probabilities never sum to more than 1. */
static void add_probability(struct out *o, uint8_t p)
{
	const unsigned hundredths = p * 100u / 255;

	addf(o, "%u.%02u", hundredths / 100, hundredths % 100);
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static void json_os(struct out *o, const struct fp_answer *host)
{
	if (host->name[0] == '\0') {
		add(o, "{\"name\":null,\"flavor\":null,\"class\":null,\"match\":\"none\"}");
		return;
	}
	add(o, "{\"name\":");
	add_json(o, host->name);
	add(o, ",\"flavor\":");
	add_json_or_null(o, host->flavor);
	add(o, ",\"class\":");
	add_json_or_null(o, host->klass);
	addf(o, ",\"match\":\"%s\"}", match_word[host->host.match & 3]);
}

static void json_candidates(struct out *o, const struct fp_host *h)
{
	const char *flavor = "", *name, *comma = "";

	add_byte(o, '[');
	for (int i = 0; i < FP_CANDIDATES; i++) {
		if ((name = fp_candidate(h->candidate[i].code, &flavor)) == NULL)
			continue;
		add(o, comma);
		add(o, "{\"name\":");
		add_json(o, name);
		add(o, ",\"flavor\":");
		add_json_or_null(o, flavor);
		add(o, ",\"p\":");
		add_probability(o, h->candidate[i].p);
		add_byte(o, '}');
		comma = ",";
	}
	add_byte(o, ']');
}

static void json_path(struct out *o, const struct fp_host *h)
{
	const char *comma = "";

	add_byte(o, '[');
	for (size_t i = 0; i < ROWS(path_word); i++) {
		if ((h->path & path_word[i].bit) == 0)
			continue;
		addf(o, "%s\"%s\"", comma, path_word[i].word);
		comma = ",";
	}
	add_byte(o, ']');
}

static void json_number(struct out *o, const char *name, bool known, uint32_t value)
{
	if (known)
		addf(o, ",\"%s\":%" PRIu32, name, value);
	else
		addf(o, ",\"%s\":null", name);
}

static void json_time(struct out *o, const char *name, uint32_t unix_s)
{
	const char *quote = unix_s != 0 ? "\"" : "";

	addf(o, ",\"%s\":%s", name, unix_s != 0 ? quote : "null");
	add_time(o, unix_s);
	add(o, quote);
}

int render_json(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	char ip[FP_ADDR_TEXT], sig[SIGTEXT_RAW];
	struct out o = { buf, size, 0 };

	if (render_signature(sig, sizeof sig, host) < 0)
		sig[0] = '\0';
	addf(&o, "{\"ip\":\"%s\",\"os\":", fp_addr_text(&host->addr, ip));
	json_os(&o, host);
	add(&o, ",\"candidates\":");
	json_candidates(&o, h);
	add(&o, ",\"signature\":");
	add_json_or_null(&o, sig);
	add(&o, ",\"path\":");
	json_path(&o, h);
	json_number(&o, "distance", h->distance != FP_DISTANCE_UNKNOWN, h->distance);
	add(&o, ",\"link\":");
	add_json_or_null(&o, host->link);
	json_number(&o, "mtu", mtu_of(h) != 0, mtu_of(h));
	json_number(&o, "uptime_min", uptime_known(h), h->uptime_min);
	json_number(&o, "clock_hz", h->clock_hz != 0, h->clock_hz);
	json_time(&o, "first_seen", h->first_seen);
	json_time(&o, "last_seen", h->last_seen);
	addf(&o, ",\"connections\":%" PRIu32 ",\"handshakes\":%" PRIu32 ",\"confirmed\":%s", h->connections,
	    h->handshakes, h->confirmed ? "true" : "false");
	json_time(&o, "os_changed", h->os_changed);
	json_time(&o, "shared", h->shared);
	addf(&o, ",\"sharing\":%u,\"origin\":", h->sharing);
	add_json_or_null(&o, host->origin);
	if (host->near_bits != 0)
		addf(&o, ",\"near_bits\":%u", host->near_bits);
	add_byte(&o, '}');
	return finish(&o);
}

int render_json_unknown(char *buf, size_t size, const struct fp_addr *addr)
{
	char ip[FP_ADDR_TEXT];
	struct out o = { buf, size, 0 };

	addf(&o, "{\"ip\":\"%s\",\"os\":null}", fp_addr_text(addr, ip));
	return finish(&o);
}

int render_json_string(char *buf, size_t size, const char *text)
{
	struct out o = { buf, size, 0 };

	add_json(&o, text);
	return finish(&o);
}

/* ---- CSV -------------------------------------------------------------------------------------- */

int render_csv_header(char *buf, size_t size)
{
	struct out o = { buf, size, 0 };

	add(&o, "ip,name,flavor,class,match,candidate,p,signature,path,distance,link,mtu,uptime_min,clock_hz,"
	        "first_seen,last_seen,connections,handshakes,confirmed,os_changed,shared,sharing,origin");
	return finish(&o);
}

static void csv_number(struct out *o, bool known, uint32_t value)
{
	add_byte(o, ',');
	if (known)
		addf(o, "%" PRIu32, value);
}

static void csv_text(struct out *o, const char *text)
{
	add_byte(o, ',');
	add_csv(o, text);
}

static void csv_time(struct out *o, uint32_t unix_s)
{
	add_byte(o, ',');
	add_time(o, unix_s);
}

int render_csv(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const char *flavor = "", *name = fp_candidate(h->candidate[0].code, &flavor), *bar = "";
	char ip[FP_ADDR_TEXT], sig[SIGTEXT_RAW];
	struct out o = { buf, size, 0 };

	if (render_signature(sig, sizeof sig, host) < 0)
		sig[0] = '\0';
	add(&o, fp_addr_text(&host->addr, ip));
	csv_text(&o, host->name);
	csv_text(&o, host->flavor);
	csv_text(&o, host->klass);
	csv_text(&o, host->name[0] != '\0' ? match_word[h->match & 3] : "none");
	add_byte(&o, ',');
	if (name != NULL)
		addf(&o, "%s%s%s", name, flavor[0] != '\0' ? " " : "", flavor);
	add_byte(&o, ',');
	if (name != NULL)
		add_probability(&o, h->candidate[0].p);
	csv_text(&o, sig);
	add_byte(&o, ',');
	for (size_t i = 0; i < ROWS(path_word); i++) {
		if ((h->path & path_word[i].bit) == 0)
			continue;
		addf(&o, "%s%s", bar, path_word[i].word);
		bar = "|";
	}
	csv_number(&o, h->distance != FP_DISTANCE_UNKNOWN, h->distance);
	csv_text(&o, host->link);
	csv_number(&o, mtu_of(h) != 0, mtu_of(h));
	csv_number(&o, uptime_known(h), h->uptime_min);
	csv_number(&o, h->clock_hz != 0, h->clock_hz);
	csv_time(&o, h->first_seen);
	csv_time(&o, h->last_seen);
	csv_number(&o, true, h->connections);
	csv_number(&o, true, h->handshakes);
	csv_text(&o, h->confirmed ? "true" : "false");
	csv_time(&o, h->os_changed);
	csv_time(&o, h->shared);
	csv_number(&o, true, h->sharing);
	csv_text(&o, host->origin);
	return finish(&o);
}

/* ---- Lines ------------------------------------------------------------------------------------ */

static void add_name(struct out *o, const struct fp_answer *host)
{
	add_plain(o, host->name);
	if (host->flavor[0] != '\0') {
		add_byte(o, ' ');
		add_plain(o, host->flavor);
	}
}

int render_line(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const char *flavor = "", *name = fp_candidate(h->candidate[0].code, &flavor);
	char ip[FP_ADDR_TEXT], sig[SIGTEXT_RAW];
	struct out o = { buf, size, 0 };

	add(&o, fp_addr_text(&host->addr, ip));
	add(&o, "  ");
	if (host->name[0] != '\0') {
		add_name(&o, host);
		addf(&o, " (%s)", match_word[h->match & 3]);
	} else {
		add(&o, "unknown system");
		if (render_signature(sig, sizeof sig, host) > 0) {
			add(&o, " (");
			add_plain(&o, sig);
			add_byte(&o, ')');
		}
	}
	if (name != NULL) {
		addf(&o, ", %s%s%s ", name, flavor[0] != '\0' ? " " : "", flavor);
		add_probability(&o, h->candidate[0].p);
	}
	if (h->distance != FP_DISTANCE_UNKNOWN)
		addf(&o, ", distance %u", h->distance);
	if (host->link[0] != '\0') {
		add(&o, ", ");
		add_plain(&o, host->link);
	}
	for (size_t i = 0; i < ROWS(path_word); i++)
		if ((h->path & path_word[i].bit) != 0)
			addf(&o, ", %s", path_word[i].word);
	if (uptime_known(h))
		addf(&o, ", up %" PRIu32 " hours", h->uptime_min / 60);
	addf(&o, ", %" PRIu32 " connection%s", h->connections, h->connections == 1 ? "" : "s");
	if (!h->confirmed)
		add(&o, ", unconfirmed");
	if (h->last_seen != 0) {
		add(&o, ", last seen ");
		add_time(&o, h->last_seen);
	}
	if (h->shared != 0)
		add(&o, ", shared");
	if (host->origin[0] != '\0') {
		add(&o, ", from ");
		add_plain(&o, host->origin);
	}
	return finish(&o);
}

/* ---- p0f 2 ------------------------------------------------------------------------------------ */

/* What p0f 2.0.8 called links, by MTU (docs/client-protocols.md section 3). */
static const char *v2_link(unsigned mtu)
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
static unsigned v2_option(struct out *o, const struct fp_host *h, const char *word, size_t len)
{
	const bool eol = len >= 3 && memcmp(word, "eol", 3) == 0;
	unsigned pad = 0;

	if (eol) {
		for (size_t i = 4; i < len && word[i] >= '0' && word[i] <= '9' && pad < 40; i++)
			pad = pad * 10 + (unsigned)(word[i] - '0');
		add_byte(o, 'E');
		return 1 + pad;
	}
	if (len == 3 && memcmp(word, "nop", 3) == 0) {
		add_byte(o, 'N');
		return 1;
	}
	if (len == 3 && memcmp(word, "mss", 3) == 0) {
		addf(o, "M%u", h->mss);
		return 4;
	}
	if (len == 2 && memcmp(word, "ws", 2) == 0) {
		addf(o, "W%u", h->wscale);
		return 3;
	}
	if (len == 3 && memcmp(word, "sok", 3) == 0) {
		add_byte(o, 'S');
		return 2;
	}
	if (len == 2 && memcmp(word, "ts", 2) == 0) {
		add(o, h->quirks & QUIRK_TS1_MINUS ? "T0" : "T");
		return 10;
	}
	/* p0f 2 has no word for kind 5 and writes it by its number, like any other that it does not know. */
	if (len == 4 && memcmp(word, "sack", 4) == 0) {
		add(o, "?5");
		return 2; /* at least */
	}
	for (size_t i = 0; i < len; i++)
		add_byte(o, word[i] > 0x20 && word[i] < 0x7f ? word[i] : '?');
	return 2; /* at least */
}

/* The letters of p0f 2's quirks that p0f 3's tell. */
static void v2_quirks(struct out *o, const struct fp_host *h)
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
			add_byte(o, table[i].letter);
			any = true;
		}
	if (!any)
		add_byte(o, '.');
}

/* window:ttl:df:size:options:quirks, as p0f 2 prints what it does not know. */
static void v2_signature(struct out *o, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	char options[SIGTEXT_LAYOUT * 2];
	struct out opt = { options, sizeof options, 0 };
	unsigned size = (h->ipv6 ? 40u : 20u) + h->olen + 20;
	const char *p = host->layout;

	if (*p == '\0')
		add_byte(&opt, '.');
	while (*p != '\0') {
		const size_t len = strcspn(p, ",");

		size += v2_option(&opt, h, p, len);
		p += len;
		if (*p == ',') {
			add_byte(&opt, ',');
			p++;
		}
	}
	if (finish(&opt) < 0)
		snprintf(options, sizeof options, ".");
	if (h->win_unit == FP_WIN_PLAIN)
		addf(o, "%u", h->win);
	else
		addf(o, "%c%u", h->win_unit == FP_WIN_MSS ? 'S' : 'T', h->win_multiple);
	addf(o, ":%u:%d:%u:", h->ttl, (h->quirks & QUIRK_DF) != 0, size);
	add(o, options);
	add_byte(o, ':');
	v2_quirks(o, h);
}

int render_v2(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const unsigned mtu = mtu_of(h);
	struct out o = { buf, size, 0 };

	if (host->name[0] != '\0') {
		add_name(&o, host);
	} else {
		add(&o, "UNKNOWN [");
		v2_signature(&o, host);
		add(&o, ":?:?]");
	}
	if (uptime_known(h))
		addf(&o, " (up: %" PRIu32 " hrs)", h->uptime_min / 60);
	add(&o, ", (");
	if (h->distance != FP_DISTANCE_UNKNOWN && host->name[0] != '\0')
		addf(&o, "distance %u, ", h->distance);
	if (v2_link(mtu) != NULL)
		addf(&o, "link: %s)", v2_link(mtu));
	else
		addf(&o, "link: unknown-%u)", mtu);
	return finish(&o);
}

/* ---- p0f 3 ------------------------------------------------------------------------------------ */

#define DIST_MAX 35 /* above, p0f calls a distance excessive */

static void v3_params(struct out *o, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const bool named = host->name[0] != '\0', far = h->distance != FP_DISTANCE_UNKNOWN && h->distance > DIST_MAX;
	const struct {
		const char *word;
		bool set;
	} table[] = {
		{ "generic", named && h->match == FP_MATCH_GENERIC },
		{ "fuzzy", named && h->match == FP_MATCH_FUZZY },
		{ "random_ttl", named && h->random_ttl },
		{ "excess_dist", far },
	};
	const char *blank = "";

	add(o, "; params: ");
	for (size_t i = 0; i < ROWS(table); i++)
		if (table[i].set) {
			addf(o, "%s%s", blank, table[i].word);
			blank = " ";
		}
	if (*blank == '\0')
		add(o, "none");
}

/* Days until a timestamp clock of 32 bits begins anew (docs/p0f3-matching.md section 12). */
static unsigned wrap_days(unsigned hz)
{
	return (unsigned)(UINT32_MAX / ((uint64_t)hz * 86400));
}

int render_v3(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	char sig[SIGTEXT_RAW];
	struct out o = { buf, size, 0 };

	if (host->name[0] != '\0')
		add_name(&o, host);
	else
		add(&o, "???");
	if (h->distance == FP_DISTANCE_UNKNOWN)
		add(&o, "; dist: ???");
	else
		addf(&o, "; dist: %s%u", h->random_ttl && host->name[0] != '\0' ? "<= " : "", h->distance);
	if (h->mss != 0) {
		add(&o, "; link: ");
		add_plain(&o, host->link[0] != '\0' ? host->link : "???");
	}
	v3_params(&o, host);
	if (uptime_known(h))
		addf(&o, "; raw_freq: %u.00 Hz", h->clock_hz);
	if (h->mss != 0)
		addf(&o, "; raw_mtu: %u", mtu_of(h));
	if (render_signature(sig, sizeof sig, host) > 0) {
		add(&o, "; raw_sig: ");
		add_plain(&o, sig);
	}
	if (uptime_known(h))
		addf(&o, "; uptime: %" PRIu32 " days %" PRIu32 " hrs %" PRIu32 " min (modulo %u days)", h->uptime_min / 1440,
		    h->uptime_min / 60 % 24, h->uptime_min % 60, wrap_days(h->clock_hz));
	return finish(&o);
}
