/* render - a host for people and programs. Nothing of a label or of the network leaves as it came. */
#include "store/render.h"
#include "core/ittl.h"
#include "core/pathword.h"
#include "core/quirk.h"
#include "core/sigtext.h"
#include "store/form.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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
static void add_json(struct form *o, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	form_byte(o, '"');
	while (*p != '\0') {
		const unsigned n = utf8_len(p);

		if (n == 0) {
			form_text(o, "\\ufffd");
			p++;
		} else if (n == 1) {
			if (*p == '"' || *p == '\\')
				form_fmt(o, "\\%c", *p);
			else if (*p < 0x20 || *p == 0x7f)
				form_fmt(o, "\\u%04x", *p);
			else
				form_byte(o, (char)*p);
			p++;
		} else {
			for (unsigned i = 0; i < n; i++)
				form_byte(o, (char)*p++);
		}
	}
	form_byte(o, '"');
}

static void add_json_or_null(struct form *o, const char *text)
{
	if (text[0] != '\0')
		add_json(o, text);
	else
		form_text(o, "null");
}

/* RFC 4180 2.6; control bytes become question marks, so a row stays a line. */
static void add_csv(struct form *o, const char *text)
{
	const bool quote = strpbrk(text, ",\"") != NULL;

	if (quote)
		form_byte(o, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			form_byte(o, '"');
		form_byte(o, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	}
	if (quote)
		form_byte(o, '"');
}

/* RFC 3339; nothing for 0. */
static void add_time(struct form *o, uint32_t unix_s)
{
	const time_t t = unix_s;
	struct tm tm;
	char text[32];

	if (unix_s == 0)
		return;
	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	form_text(o, text);
}

/* ---- What there is to say --------------------------------------------------------------------- */

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
	struct form o = { buf, size, 0 };

	if (signature_known(h)) {
		sigtext_raw(text, sizeof text, &sig);
		form_text(&o, text);
	}
	return form_finish(&o);
}

/* Rounded down, so that probabilities never sum to more than 1. */
static void add_probability(struct form *o, uint8_t p)
{
	const unsigned hundredths = p * 100u / 255;

	form_fmt(o, "%u.%02u", hundredths / 100, hundredths % 100);
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static void json_os(struct form *o, const struct fp_answer *host)
{
	if (host->name[0] == '\0') {
		form_text(o, "{\"name\":null,\"flavor\":null,\"class\":null,\"match\":\"none\"}");
		return;
	}
	form_text(o, "{\"name\":");
	add_json(o, host->name);
	form_text(o, ",\"flavor\":");
	add_json_or_null(o, host->flavor);
	form_text(o, ",\"class\":");
	add_json_or_null(o, host->klass);
	form_fmt(o, ",\"match\":\"%s\"}", match_word[host->host.match & 3]);
}

static void json_candidates(struct form *o, const struct fp_host *h)
{
	const char *flavor = "", *name, *comma = "";

	form_byte(o, '[');
	for (int i = 0; i < FP_CANDIDATES; i++) {
		if ((name = fp_candidate(h->candidate[i].code, &flavor)) == NULL)
			continue;
		form_text(o, comma);
		form_text(o, "{\"name\":");
		add_json(o, name);
		form_text(o, ",\"flavor\":");
		add_json_or_null(o, flavor);
		form_text(o, ",\"p\":");
		add_probability(o, h->candidate[i].p);
		form_byte(o, '}');
		comma = ",";
	}
	form_byte(o, ']');
}

static void json_path(struct form *o, const struct fp_host *h)
{
	const char *comma = "";

	form_byte(o, '[');
	for (size_t i = 0; i < ROWS(path_word); i++) {
		if ((h->path & path_word[i].bit) == 0)
			continue;
		form_fmt(o, "%s\"%s\"", comma, path_word[i].word);
		comma = ",";
	}
	form_byte(o, ']');
}

static void json_number(struct form *o, const char *name, bool known, uint32_t value)
{
	if (known)
		form_fmt(o, ",\"%s\":%" PRIu32, name, value);
	else
		form_fmt(o, ",\"%s\":null", name);
}

static void json_time(struct form *o, const char *name, uint32_t unix_s)
{
	const char *quote = unix_s != 0 ? "\"" : "";

	form_fmt(o, ",\"%s\":%s", name, unix_s != 0 ? quote : "null");
	add_time(o, unix_s);
	form_text(o, quote);
}

int render_json(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	char ip[FP_ADDR_TEXT], sig[SIGTEXT_RAW];
	struct form o = { buf, size, 0 };

	if (render_signature(sig, sizeof sig, host) < 0)
		sig[0] = '\0';
	form_fmt(&o, "{\"ip\":\"%s\",\"os\":", fp_addr_text(&host->addr, ip));
	json_os(&o, host);
	form_text(&o, ",\"candidates\":");
	json_candidates(&o, h);
	form_text(&o, ",\"signature\":");
	add_json_or_null(&o, sig);
	form_text(&o, ",\"path\":");
	json_path(&o, h);
	json_number(&o, "distance", h->distance != FP_DISTANCE_UNKNOWN, h->distance);
	form_text(&o, ",\"link\":");
	add_json_or_null(&o, host->link);
	json_number(&o, "mtu", mtu_of(h) != 0, mtu_of(h));
	json_number(&o, "uptime_min", uptime_known(h), h->uptime_min);
	json_number(&o, "clock_hz", h->clock_hz != 0, h->clock_hz);
	json_time(&o, "first_seen", h->first_seen);
	json_time(&o, "last_seen", h->last_seen);
	form_fmt(&o, ",\"connections\":%" PRIu32 ",\"handshakes\":%" PRIu32 ",\"confirmed\":%s", h->connections,
	    h->handshakes, h->confirmed ? "true" : "false");
	json_time(&o, "os_changed", h->os_changed);
	json_time(&o, "shared", h->shared);
	form_fmt(&o, ",\"sharing\":%u,\"origin\":", h->sharing);
	add_json_or_null(&o, host->origin);
	if (host->near_bits != 0)
		form_fmt(&o, ",\"near_bits\":%u", host->near_bits);
	form_byte(&o, '}');
	return form_finish(&o);
}

int render_json_unknown(char *buf, size_t size, const struct fp_addr *addr)
{
	char ip[FP_ADDR_TEXT];
	struct form o = { buf, size, 0 };

	form_fmt(&o, "{\"ip\":\"%s\",\"os\":null}", fp_addr_text(addr, ip));
	return form_finish(&o);
}

int render_json_string(char *buf, size_t size, const char *text)
{
	struct form o = { buf, size, 0 };

	add_json(&o, text);
	return form_finish(&o);
}

/* ---- CSV -------------------------------------------------------------------------------------- */

int render_csv_header(char *buf, size_t size)
{
	struct form o = { buf, size, 0 };

	form_text(&o, "ip,name,flavor,class,match,candidate,p,signature,path,distance,link,mtu,uptime_min,clock_hz,"
	        "first_seen,last_seen,connections,handshakes,confirmed,os_changed,shared,sharing,origin");
	return form_finish(&o);
}

static void csv_number(struct form *o, bool known, uint32_t value)
{
	form_byte(o, ',');
	if (known)
		form_fmt(o, "%" PRIu32, value);
}

static void csv_text(struct form *o, const char *text)
{
	form_byte(o, ',');
	add_csv(o, text);
}

static void csv_time(struct form *o, uint32_t unix_s)
{
	form_byte(o, ',');
	add_time(o, unix_s);
}

int render_csv(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const char *flavor = "", *name = fp_candidate(h->candidate[0].code, &flavor), *bar = "";
	char ip[FP_ADDR_TEXT], sig[SIGTEXT_RAW];
	struct form o = { buf, size, 0 };

	if (render_signature(sig, sizeof sig, host) < 0)
		sig[0] = '\0';
	form_text(&o, fp_addr_text(&host->addr, ip));
	csv_text(&o, host->name);
	csv_text(&o, host->flavor);
	csv_text(&o, host->klass);
	csv_text(&o, host->name[0] != '\0' ? match_word[h->match & 3] : "none");
	form_byte(&o, ',');
	if (name != NULL)
		form_fmt(&o, "%s%s%s", name, flavor[0] != '\0' ? " " : "", flavor);
	form_byte(&o, ',');
	if (name != NULL)
		add_probability(&o, h->candidate[0].p);
	csv_text(&o, sig);
	form_byte(&o, ',');
	for (size_t i = 0; i < ROWS(path_word); i++) {
		if ((h->path & path_word[i].bit) == 0)
			continue;
		form_fmt(&o, "%s%s", bar, path_word[i].word);
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
	return form_finish(&o);
}

/* ---- Lines ------------------------------------------------------------------------------------ */

int render_line(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const char *flavor = "", *name = fp_candidate(h->candidate[0].code, &flavor);
	char ip[FP_ADDR_TEXT], sig[SIGTEXT_RAW];
	struct form o = { buf, size, 0 };

	form_text(&o, fp_addr_text(&host->addr, ip));
	form_text(&o, "  ");
	if (host->name[0] != '\0') {
		form_name(&o, host);
		form_fmt(&o, " (%s)", match_word[h->match & 3]);
	} else {
		form_text(&o, "unknown system");
		if (render_signature(sig, sizeof sig, host) > 0) {
			form_text(&o, " (");
			form_plain(&o, sig);
			form_byte(&o, ')');
		}
	}
	if (name != NULL) {
		form_fmt(&o, ", %s%s%s ", name, flavor[0] != '\0' ? " " : "", flavor);
		add_probability(&o, h->candidate[0].p);
	}
	if (h->distance != FP_DISTANCE_UNKNOWN)
		form_fmt(&o, ", distance %u", h->distance);
	if (host->link[0] != '\0') {
		form_text(&o, ", ");
		form_plain(&o, host->link);
	}
	for (size_t i = 0; i < ROWS(path_word); i++)
		if ((h->path & path_word[i].bit) != 0)
			form_fmt(&o, ", %s", path_word[i].word);
	if (uptime_known(h))
		form_fmt(&o, ", up %" PRIu32 " hours", h->uptime_min / 60);
	form_fmt(&o, ", %" PRIu32 " connection%s", h->connections, h->connections == 1 ? "" : "s");
	if (!h->confirmed)
		form_text(&o, ", unconfirmed");
	if (h->last_seen != 0) {
		form_text(&o, ", last seen ");
		add_time(&o, h->last_seen);
	}
	if (h->shared != 0)
		form_text(&o, ", shared");
	if (host->origin[0] != '\0') {
		form_text(&o, ", from ");
		form_plain(&o, host->origin);
	}
	return form_finish(&o);
}

/* ---- p0f 3 ------------------------------------------------------------------------------------ */

#define DIST_MAX 35 /* above, p0f calls a distance excessive */

static void v3_params(struct form *o, const struct fp_answer *host)
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

	form_text(o, "; params: ");
	for (size_t i = 0; i < ROWS(table); i++)
		if (table[i].set) {
			form_fmt(o, "%s%s", blank, table[i].word);
			blank = " ";
		}
	if (*blank == '\0')
		form_text(o, "none");
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
	struct form o = { buf, size, 0 };

	if (host->name[0] != '\0')
		form_name(&o, host);
	else
		form_text(&o, "???");
	if (h->distance == FP_DISTANCE_UNKNOWN)
		form_text(&o, "; dist: ???");
	else
		form_fmt(&o, "; dist: %s%u", h->random_ttl && host->name[0] != '\0' ? "<= " : "", h->distance);
	if (h->mss != 0) {
		form_text(&o, "; link: ");
		form_plain(&o, host->link[0] != '\0' ? host->link : "???");
	}
	v3_params(&o, host);
	if (uptime_known(h))
		form_fmt(&o, "; raw_freq: %u.00 Hz", h->clock_hz);
	if (h->mss != 0)
		form_fmt(&o, "; raw_mtu: %u", mtu_of(h));
	if (render_signature(sig, sizeof sig, host) > 0) {
		form_text(&o, "; raw_sig: ");
		form_plain(&o, sig);
	}
	if (uptime_known(h))
		form_fmt(&o, "; uptime: %" PRIu32 " days %" PRIu32 " hrs %" PRIu32 " min (modulo %u days)", h->uptime_min / 1440,
		    h->uptime_min / 60 % 24, h->uptime_min % 60, wrap_days(h->clock_hz));
	return form_finish(&o);
}
