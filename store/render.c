/* render - a host for people and programs. Nothing of a label or of the network leaves as it came. */
#include "store/render.h"
#include "core/ittl.h"
#include "core/pathword.h"
#include "core/quirk.h"
#include "core/sigtext.h"
#include "store/out.h"

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
static void add_json(struct out *o, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	out_byte(o, '"');
	while (*p != '\0') {
		const unsigned n = utf8_len(p);

		if (n == 0) {
			out_text(o, "\\ufffd");
			p++;
		} else if (n == 1) {
			if (*p == '"' || *p == '\\')
				out_fmt(o, "\\%c", *p);
			else if (*p < 0x20 || *p == 0x7f)
				out_fmt(o, "\\u%04x", *p);
			else
				out_byte(o, (char)*p);
			p++;
		} else {
			for (unsigned i = 0; i < n; i++)
				out_byte(o, (char)*p++);
		}
	}
	out_byte(o, '"');
}

static void add_json_or_null(struct out *o, const char *text)
{
	if (text[0] != '\0')
		add_json(o, text);
	else
		out_text(o, "null");
}

/* RFC 4180 2.6; control bytes become question marks, so a row stays a line. */
static void add_csv(struct out *o, const char *text)
{
	const bool quote = strpbrk(text, ",\"") != NULL;

	if (quote)
		out_byte(o, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			out_byte(o, '"');
		out_byte(o, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	}
	if (quote)
		out_byte(o, '"');
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
	out_text(o, text);
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
	struct out o = { buf, size, 0 };

	if (signature_known(h)) {
		sigtext_raw(text, sizeof text, &sig);
		out_text(&o, text);
	}
	return out_finish(&o);
}

/* Rounded down, so that probabilities never sum to more than 1. */
static void add_probability(struct out *o, uint8_t p)
{
	const unsigned hundredths = p * 100u / 255;

	out_fmt(o, "%u.%02u", hundredths / 100, hundredths % 100);
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static void json_os(struct out *o, const struct fp_answer *host)
{
	if (host->name[0] == '\0') {
		out_text(o, "{\"name\":null,\"flavor\":null,\"class\":null,\"match\":\"none\"}");
		return;
	}
	out_text(o, "{\"name\":");
	add_json(o, host->name);
	out_text(o, ",\"flavor\":");
	add_json_or_null(o, host->flavor);
	out_text(o, ",\"class\":");
	add_json_or_null(o, host->klass);
	out_fmt(o, ",\"match\":\"%s\"}", match_word[host->host.match & 3]);
}

static void json_candidates(struct out *o, const struct fp_host *h)
{
	const char *flavor = "", *name, *comma = "";

	out_byte(o, '[');
	for (int i = 0; i < FP_CANDIDATES; i++) {
		if ((name = fp_candidate(h->candidate[i].code, &flavor)) == NULL)
			continue;
		out_text(o, comma);
		out_text(o, "{\"name\":");
		add_json(o, name);
		out_text(o, ",\"flavor\":");
		add_json_or_null(o, flavor);
		out_text(o, ",\"p\":");
		add_probability(o, h->candidate[i].p);
		out_byte(o, '}');
		comma = ",";
	}
	out_byte(o, ']');
}

static void json_path(struct out *o, const struct fp_host *h)
{
	const char *comma = "";

	out_byte(o, '[');
	for (size_t i = 0; i < ROWS(path_word); i++) {
		if ((h->path & path_word[i].bit) == 0)
			continue;
		out_fmt(o, "%s\"%s\"", comma, path_word[i].word);
		comma = ",";
	}
	out_byte(o, ']');
}

static void json_number(struct out *o, const char *name, bool known, uint32_t value)
{
	if (known)
		out_fmt(o, ",\"%s\":%" PRIu32, name, value);
	else
		out_fmt(o, ",\"%s\":null", name);
}

static void json_time(struct out *o, const char *name, uint32_t unix_s)
{
	const char *quote = unix_s != 0 ? "\"" : "";

	out_fmt(o, ",\"%s\":%s", name, unix_s != 0 ? quote : "null");
	add_time(o, unix_s);
	out_text(o, quote);
}

int render_json(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	char ip[FP_ADDR_TEXT], sig[SIGTEXT_RAW];
	struct out o = { buf, size, 0 };

	if (render_signature(sig, sizeof sig, host) < 0)
		sig[0] = '\0';
	out_fmt(&o, "{\"ip\":\"%s\",\"os\":", fp_addr_text(&host->addr, ip));
	json_os(&o, host);
	out_text(&o, ",\"candidates\":");
	json_candidates(&o, h);
	out_text(&o, ",\"signature\":");
	add_json_or_null(&o, sig);
	out_text(&o, ",\"path\":");
	json_path(&o, h);
	json_number(&o, "distance", h->distance != FP_DISTANCE_UNKNOWN, h->distance);
	out_text(&o, ",\"link\":");
	add_json_or_null(&o, host->link);
	json_number(&o, "mtu", mtu_of(h) != 0, mtu_of(h));
	json_number(&o, "uptime_min", uptime_known(h), h->uptime_min);
	json_number(&o, "clock_hz", h->clock_hz != 0, h->clock_hz);
	json_time(&o, "first_seen", h->first_seen);
	json_time(&o, "last_seen", h->last_seen);
	out_fmt(&o, ",\"connections\":%" PRIu32 ",\"handshakes\":%" PRIu32 ",\"confirmed\":%s", h->connections,
	    h->handshakes, h->confirmed ? "true" : "false");
	json_time(&o, "os_changed", h->os_changed);
	json_time(&o, "shared", h->shared);
	out_fmt(&o, ",\"sharing\":%u,\"origin\":", h->sharing);
	add_json_or_null(&o, host->origin);
	if (host->near_bits != 0)
		out_fmt(&o, ",\"near_bits\":%u", host->near_bits);
	out_byte(&o, '}');
	return out_finish(&o);
}

int render_json_unknown(char *buf, size_t size, const struct fp_addr *addr)
{
	char ip[FP_ADDR_TEXT];
	struct out o = { buf, size, 0 };

	out_fmt(&o, "{\"ip\":\"%s\",\"os\":null}", fp_addr_text(addr, ip));
	return out_finish(&o);
}

int render_json_string(char *buf, size_t size, const char *text)
{
	struct out o = { buf, size, 0 };

	add_json(&o, text);
	return out_finish(&o);
}

/* ---- CSV -------------------------------------------------------------------------------------- */

int render_csv_header(char *buf, size_t size)
{
	struct out o = { buf, size, 0 };

	out_text(&o, "ip,name,flavor,class,match,candidate,p,signature,path,distance,link,mtu,uptime_min,clock_hz,"
	        "first_seen,last_seen,connections,handshakes,confirmed,os_changed,shared,sharing,origin");
	return out_finish(&o);
}

static void csv_number(struct out *o, bool known, uint32_t value)
{
	out_byte(o, ',');
	if (known)
		out_fmt(o, "%" PRIu32, value);
}

static void csv_text(struct out *o, const char *text)
{
	out_byte(o, ',');
	add_csv(o, text);
}

static void csv_time(struct out *o, uint32_t unix_s)
{
	out_byte(o, ',');
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
	out_text(&o, fp_addr_text(&host->addr, ip));
	csv_text(&o, host->name);
	csv_text(&o, host->flavor);
	csv_text(&o, host->klass);
	csv_text(&o, host->name[0] != '\0' ? match_word[h->match & 3] : "none");
	out_byte(&o, ',');
	if (name != NULL)
		out_fmt(&o, "%s%s%s", name, flavor[0] != '\0' ? " " : "", flavor);
	out_byte(&o, ',');
	if (name != NULL)
		add_probability(&o, h->candidate[0].p);
	csv_text(&o, sig);
	out_byte(&o, ',');
	for (size_t i = 0; i < ROWS(path_word); i++) {
		if ((h->path & path_word[i].bit) == 0)
			continue;
		out_fmt(&o, "%s%s", bar, path_word[i].word);
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
	return out_finish(&o);
}

/* ---- Lines ------------------------------------------------------------------------------------ */

int render_line(char *buf, size_t size, const struct fp_answer *host)
{
	const struct fp_host *h = &host->host;
	const char *flavor = "", *name = fp_candidate(h->candidate[0].code, &flavor);
	char ip[FP_ADDR_TEXT], sig[SIGTEXT_RAW];
	struct out o = { buf, size, 0 };

	out_text(&o, fp_addr_text(&host->addr, ip));
	out_text(&o, "  ");
	if (host->name[0] != '\0') {
		out_name(&o, host);
		out_fmt(&o, " (%s)", match_word[h->match & 3]);
	} else {
		out_text(&o, "unknown system");
		if (render_signature(sig, sizeof sig, host) > 0) {
			out_text(&o, " (");
			out_plain(&o, sig);
			out_byte(&o, ')');
		}
	}
	if (name != NULL) {
		out_fmt(&o, ", %s%s%s ", name, flavor[0] != '\0' ? " " : "", flavor);
		add_probability(&o, h->candidate[0].p);
	}
	if (h->distance != FP_DISTANCE_UNKNOWN)
		out_fmt(&o, ", distance %u", h->distance);
	if (host->link[0] != '\0') {
		out_text(&o, ", ");
		out_plain(&o, host->link);
	}
	for (size_t i = 0; i < ROWS(path_word); i++)
		if ((h->path & path_word[i].bit) != 0)
			out_fmt(&o, ", %s", path_word[i].word);
	if (uptime_known(h))
		out_fmt(&o, ", up %" PRIu32 " hours", h->uptime_min / 60);
	out_fmt(&o, ", %" PRIu32 " connection%s", h->connections, h->connections == 1 ? "" : "s");
	if (!h->confirmed)
		out_text(&o, ", unconfirmed");
	if (h->last_seen != 0) {
		out_text(&o, ", last seen ");
		add_time(&o, h->last_seen);
	}
	if (h->shared != 0)
		out_text(&o, ", shared");
	if (host->origin[0] != '\0') {
		out_text(&o, ", from ");
		out_plain(&o, host->origin);
	}
	return out_finish(&o);
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

	out_text(o, "; params: ");
	for (size_t i = 0; i < ROWS(table); i++)
		if (table[i].set) {
			out_fmt(o, "%s%s", blank, table[i].word);
			blank = " ";
		}
	if (*blank == '\0')
		out_text(o, "none");
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
		out_name(&o, host);
	else
		out_text(&o, "???");
	if (h->distance == FP_DISTANCE_UNKNOWN)
		out_text(&o, "; dist: ???");
	else
		out_fmt(&o, "; dist: %s%u", h->random_ttl && host->name[0] != '\0' ? "<= " : "", h->distance);
	if (h->mss != 0) {
		out_text(&o, "; link: ");
		out_plain(&o, host->link[0] != '\0' ? host->link : "???");
	}
	v3_params(&o, host);
	if (uptime_known(h))
		out_fmt(&o, "; raw_freq: %u.00 Hz", h->clock_hz);
	if (h->mss != 0)
		out_fmt(&o, "; raw_mtu: %u", mtu_of(h));
	if (render_signature(sig, sizeof sig, host) > 0) {
		out_text(&o, "; raw_sig: ");
		out_plain(&o, sig);
	}
	if (uptime_known(h))
		out_fmt(&o, "; uptime: %" PRIu32 " days %" PRIu32 " hrs %" PRIu32 " min (modulo %u days)", h->uptime_min / 1440,
		    h->uptime_min / 60 % 24, h->uptime_min % 60, wrap_days(h->clock_hz));
	return out_finish(&o);
}
