/* sigimport - one line at a time: fields to what they say, that to p0f 3's words. */
#include "core/sigimport.h"
#include "core/err.h"
#include "core/out.h"
#include "core/sigdb_int.h"
#include "core/sigtext.h"
#include "core/text.h"
#include "core/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define FIELDS_MAX 9
#define HEADERS 40      /* IPv4 and TCP without options */
#define OPTIONS_BYTES 40
#define FIELD_TEXT 96

/* What the quirks field says, a bit each. */
enum odd {
	ODD_PAST = 1 << 0,   /* P: bytes follow the end of options */
	ODD_ZERO_ID = 1 << 1,/* Z */
	ODD_IP_OPTIONS = 1 << 2, /* I */
	ODD_URGENT = 1 << 3, /* U: pointer */
	ODD_UNUSED = 1 << 4, /* X: reserved bits */
	ODD_ACK = 1 << 5,    /* A: number */
	ODD_STAMP = 1 << 6,  /* T: second timestamp */
	ODD_FLAGS = 1 << 7,  /* F: PSH, URG */
	ODD_DATA = 1 << 8,   /* D */
	ODD_BROKEN = 1 << 9, /* ! */
	ODD_RST = 1 << 10,   /* K Q 0: of RSTs alone */
};

static const char odd_letters[] = "PZIUXATFD!";

/* One entry as it was read. */
struct entry {
	unsigned line;
	char window[24];        /* in p0f 3's words */
	unsigned ttl;
	bool df;
	bool any_size;          /* '*': more than 100 */
	unsigned size;
	char layout[SIGTEXT_LAYOUT];
	char mss[12], scale[8];
	unsigned option_bytes;  /* of those whose length is known, EOL and what precedes it included */
	unsigned unknown;       /* options whose length is not said */
	bool eol, stamp_zero;
	uint32_t odd;           /* enum odd */
	bool tool, generic, shy;/* '-', '@', '*' before the name */
	char name[FIELD_TEXT], flavor[FIELD_TEXT];
};

struct importer {
	struct sigimport *i;
	struct sig_builder *builder; /* what was converted so far: for what covers what */
	char label[256]; /* the newest one printed */
	const char *section;
	unsigned line;
};

static bool say(struct importer *im, bool left_out, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* False, for callers who leave the entry out. */
static bool say(struct importer *im, bool left_out, const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	im->i->say(im->i->ctx, im->line, left_out, text);
	return false;
}

static bool wrong(struct importer *im, struct text found, const char *expected)
{
	char buf[64];

	return say(im, true, "%s is expected, found \"%s\"", expected, shown(buf, sizeof buf, found));
}

/* ---- Fields ------------------------------------------------------------------------------- */

static bool read_window(struct importer *im, struct entry *e, struct text t)
{
	static const char expected[] = "the window: n, *, %n, Sn or Tn";
	struct text rest = { t.at + (text_len(t) > 0), t.end };
	unsigned n;

	if (text_eq(t, "*") || text_eq(t, "%1")) {
		snprintf(e->window, sizeof e->window, "*");
	} else if (number(t, 0, 65535, &n)) {
		snprintf(e->window, sizeof e->window, "%u", n);
	} else if (text_begins(t, "%") && number(rest, 2, 65535, &n)) {
		snprintf(e->window, sizeof e->window, "%%%u", n);
	} else if ((text_begins(t, "S") || text_begins(t, "T")) && number(rest, 1, UINT16_MAX, &n)) {
		if (n > SIG_TIMES_MAX)
			return say(im, true, "p0f 3 knows multiples up to %d, not %u", SIG_TIMES_MAX, n);
		snprintf(e->window, sizeof e->window, "%s*%u", *t.at == 'S' ? "mss" : "mtu", n);
	} else {
		return wrong(im, t, expected);
	}
	return true;
}

/* n, * or %n of an option; false: it was said why not. */
static bool read_value(struct importer *im, struct text t, const char *what, char *out, size_t size)
{
	unsigned n;

	if (text_eq(t, "*"))
		snprintf(out, size, "*");
	else if (number(t, 0, 65535, &n))
		snprintf(out, size, "%u", n);
	else if (text_begins(t, "%"))
		return say(im, true, "p0f 3 has no %s that is a multiple", what);
	else
		return wrong(im, t, "a number, * or %n");
	return true;
}

/* Appends one option; sizes are those on the wire. */
static bool read_option(struct importer *im, struct entry *e, struct out *o, struct text t)
{
	const struct text rest = { t.at + 1, t.end };
	unsigned n;

	switch (*t.at) {
	case 'N':
		out_text(o, "nop");
		e->option_bytes++;
		return text_len(t) == 1 || wrong(im, t, "N");
	case 'E':
		e->eol = true; /* its word needs the number of bytes behind it */
		e->option_bytes++;
		return text_len(t) == 1 || wrong(im, t, "E");
	case 'S':
		out_text(o, "sok");
		e->option_bytes += 2;
		return text_len(t) == 1 || wrong(im, t, "S");
	case 'T':
		out_text(o, "ts");
		e->option_bytes += 10;
		e->stamp_zero = text_eq(t, "T0");
		return text_len(t) == 1 || e->stamp_zero || wrong(im, t, "T or T0");
	case 'M':
		out_text(o, "mss");
		e->option_bytes += 4;
		return read_value(im, rest, "MSS", e->mss, sizeof e->mss);
	case 'W':
		out_text(o, "ws");
		e->option_bytes += 3;
		if (!read_value(im, rest, "window scale", e->scale, sizeof e->scale))
			return false;
		return text_eq(rest, "*") || number(rest, 0, 255, &n) || wrong(im, t, "a window scale of 0..255");
	case '?':
		if (!number(rest, 0, 255, &n))
			return wrong(im, t, "an option's number behind ?");
		out_char(o, '?');
		out_number(o, n);
		e->unknown++;
		return true;
	default:
		return wrong(im, t, "an option: N E S T T0 Mn Wn ?n");
	}
}

static bool read_options(struct importer *im, struct entry *e, struct text t)
{
	struct out o = out_begin(e->layout, sizeof e->layout);
	unsigned count = 0;

	snprintf(e->mss, sizeof e->mss, "*");
	snprintf(e->scale, sizeof e->scale, "0"); /* what is observed where there is none */
	out_end(&o);
	if (text_eq(t, ".") || text_len(t) == 0)
		return true;
	for (bool more = true; more;) {
		const struct text option = trim(cut(&t, ',', &more));

		if (text_len(option) == 0)
			return wrong(im, option, "options with a comma between");
		if (e->eol && text_eq(option, "E"))
			continue; /* padding, which our readers count themselves */
		if (e->eol)
			return wrong(im, option, "nothing behind E: what follows the end of options is not read");
		if (++count > OBS_OPTIONS_MAX)
			return say(im, true, "p0f 3 reads %d options at most", OBS_OPTIONS_MAX);
		if (count > 1 && !text_eq(option, "E"))
			out_char(&o, ',');
		if (!read_option(im, e, &o, option))
			return false;
	}
	out_end(&o);
	return true;
}

static bool read_odd(struct importer *im, struct entry *e, struct text t)
{
	for (const char *c = t.at; c < t.end; c++) {
		const char upper = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c), *letter_at = strchr(odd_letters, upper);

		if (*c == '.')
			continue;
		if (upper == 'K' || upper == 'Q' || upper == '0')
			e->odd |= ODD_RST;
		else if (*c != '\0' && letter_at != NULL)
			e->odd |= 1u << (letter_at - odd_letters);
		else
			return wrong(im, (struct text){ c, c + 1 }, "a quirk: one of P Z I U X A T F D ! or .");
	}
	return true;
}

/* Letters that p0f 3's names may have; others become '_'. */
static void put_name(char out[FIELD_TEXT], struct text t)
{
	size_t n = 0;

	for (; t.at < t.end && n + 1 < FIELD_TEXT; t.at++)
		out[n++] = sigfile_name_has(*t.at) ? *t.at : '_';
	out[n] = '\0';
}

static void put_flavor(char out[FIELD_TEXT], struct text t)
{
	size_t n = strlen(out);

	for (; t.at < t.end && n + 1 < FIELD_TEXT; t.at++)
		if ((unsigned char)*t.at >= ' ' && *t.at != 0x7f)
			out[n++] = *t.at;
	out[n] = '\0';
}

static bool read_name(struct importer *im, struct entry *e, struct text t)
{
	for (; t.at < t.end && strchr("-*@", *t.at) != NULL; t.at++) {
		e->tool |= *t.at == '-';
		e->shy |= *t.at == '*';
		e->generic |= *t.at == '@';
	}
	t = trim(t);
	if (text_len(t) == 0)
		return wrong(im, t, "the name of a system");
	put_name(e->name, t);
	return true;
}

/* ---- An entry ----------------------------------------------------------------------------- */

static bool read_numbers(struct importer *im, struct entry *e, const struct text *field)
{
	unsigned df;

	if (!read_window(im, e, field[0]))
		return false;
	if (!number(field[1], 1, 255, &e->ttl))
		return wrong(im, field[1], "the initial TTL: 1..255");
	if (!number(field[2], 0, 1, &df))
		return wrong(im, field[2], "DF: 0 or 1");
	e->df = df == 1;
	e->any_size = text_eq(field[3], "*");
	if (!e->any_size && !number(field[3], 0, 65535, &e->size))
		return wrong(im, field[3], "the size of the packet: n or *");
	return read_options(im, e, field[4]);
}

/* wwww:ttt:D:ss:OOO:QQ:OS:Details, or wwww:ttt:D:ss:OOO:OS:Version:Subtype:Details. */
static bool read_entry(struct importer *im, struct entry *e, struct text t)
{
	const bool pf = im->i->from == SIGIMPORT_PF_OS;
	const unsigned wanted = pf ? 9 : 8;
	struct text field[FIELDS_MAX];
	bool more = true;

	for (unsigned n = 0; n < wanted; n++) {
		if (!more)
			return say(im, true, "%u fields with a colon between are expected, found %u", wanted, n);
		if (n + 1 < wanted) {
			field[n] = trim(cut(&t, ':', &more));
		} else {
			field[n] = trim(t); /* may have colons */
		}
	}
	if (!read_numbers(im, e, field))
		return false;
	if (!pf) {
		put_flavor(e->flavor, field[7]);
		return read_odd(im, e, field[5]) && read_name(im, e, field[6]);
	}
	put_flavor(e->flavor, field[6]);
	if (text_len(field[7]) > 0) {
		if (e->flavor[0] != '\0')
			put_flavor(e->flavor, (struct text){ " ", &" "[1] });
		put_flavor(e->flavor, field[7]);
	}
	if (e->flavor[0] == '\0')
		put_flavor(e->flavor, field[8]);
	return read_name(im, e, field[5]);
}

/* ---- To p0f 3 ----------------------------------------------------------------------------- */

/* Bytes of options by the size of the packet; false: it was said what does not fit. *pad: those behind the end of options. */
static bool sizes(struct importer *im, struct entry *e, unsigned *ip_options, unsigned *pad)
{
	const bool data = e->odd & ODD_DATA;

	*ip_options = *pad = 0;
	if (e->any_size || e->size == 0) {
		if (e->odd & ODD_IP_OPTIONS)
			return say(im, true, "p0f 3 wants to know how many bytes of IP options there are; the size is not said");
		if (e->eol)
			return say(im, true, "p0f 3 wants to know how many bytes follow the end of options; the size is not said");
		return true;
	}
	if (e->size < HEADERS)
		return say(im, true, "a size of %u is less than the headers'", e->size);
	const unsigned room = e->size - HEADERS;

	if (e->odd & ODD_BROKEN)
		return !e->eol || say(im, true, "p0f 3 wants to know how many bytes follow the end of options; broken ones do not tell");
	if (e->odd & ODD_IP_OPTIONS) {
		if (data || e->unknown > 0 || e->eol || room <= e->option_bytes || (room - e->option_bytes) % 4 != 0 || room - e->option_bytes > OPTIONS_BYTES)
			return say(im, true, "p0f 3 wants to know how many bytes of IP options there are; the size does not tell");
		*ip_options = room - e->option_bytes;
		return true;
	}
	if (data) {
		if (e->eol)
			return say(im, true, "p0f 3 wants to know how many bytes follow the end of options; with data the size does not tell");
		return true;
	}
	if (room > OPTIONS_BYTES || room % 4 != 0 || room < e->option_bytes + 2 * e->unknown)
		return say(im, true, "options and size do not fit: %u bytes are left for %u", room, e->option_bytes + 2 * e->unknown);
	if (im->i->from == SIGIMPORT_PF_OS && !e->eol && e->unknown == 0 && room > e->option_bytes && room - e->option_bytes < 4) {
		e->eol = true;
		e->option_bytes++;
		say(im, false, "the size leaves room for an end of options, for which pf.os has no word");
	}
	if (e->eol && e->unknown > 0)
		return say(im, true, "p0f 3 wants to know how many bytes follow the end of options; an option of unknown length does not tell");
	if (e->eol)
		*pad = room - e->option_bytes;
	else if (e->unknown == 0 && room != e->option_bytes)
		return say(im, true, "options and size do not fit: %u bytes are left for %u", room, e->option_bytes);
	if (*pad == 0 && e->odd & ODD_PAST)
		return say(im, true, "bytes behind the end of options are said (P), and the size leaves none");
	return true;
}

static uint32_t quirks_of(const struct importer *im, const struct entry *e)
{
	uint32_t q = 0;

	if (e->df)
		q |= e->odd & ODD_ZERO_ID ? QUIRK_DF : QUIRK_DF | QUIRK_ID_PLUS;
	else if (e->odd & ODD_ZERO_ID)
		q |= QUIRK_ID_MINUS;
	if (e->odd & ODD_URGENT)
		q |= QUIRK_UPTR_PLUS;
	if (!im->i->synack && e->odd & ODD_ACK)
		q |= QUIRK_ACK_PLUS;
	/* pf.os has no word for it, and a SYN+ACK without acknowledgment is rare. */
	if (im->i->synack && im->i->from == SIGIMPORT_P0F2 && !(e->odd & ODD_ACK))
		q |= QUIRK_ACK_MINUS;
	if (e->odd & ODD_STAMP && !im->i->synack) /* of a SYN+ACK it is as it should be */
		q |= QUIRK_TS2_PLUS;
	if (e->stamp_zero)
		q |= QUIRK_TS1_MINUS;
	if (e->odd & ODD_BROKEN)
		q |= QUIRK_BAD;
	return q;
}

static const char *class_of(const struct entry *e)
{
	static const char *const unixes[] = {
		"AIX", "BSD", "Darwin", "DragonFly", "Digital", "FreeBSD", "HP-UX", "HPUX", "IRIX", "Linux", "Mac", "NetBSD", "NeXT", "OpenBSD", "OSF",
		"SCO", "Sinix", "Solaris", "SunOS", "Tru64", "Ultrix", "Unix",
	};

	if (e->tool)
		return "!";
	if (strncasecmp(e->name, "Windows", 7) == 0)
		return "win";
	for (size_t i = 0; i < ARRAY_LEN(unixes); i++)
		if (strncasecmp(e->name, unixes[i], strlen(unixes[i])) == 0)
			return "unix";
	return "other";
}

/* One signature; false: left out, and said why. */
static int emit(struct importer *im, const struct entry *e, uint32_t quirks, unsigned ip_options, unsigned pad, bool *done)
{
	char label[256], sig[320], words[SIGTEXT_LAYOUT], chunk[800], eol[24] = "";
	struct sig_error err = { 0 };

	if (e->eol)
		snprintf(eol, sizeof eol, "%seol+%u", e->layout[0] != '\0' ? "," : "", pad);
	sigtext_quirks(words, sizeof words, quirks);
	snprintf(label, sizeof label, "label = %c:%s:%s:%s", e->generic ? 'g' : 's', class_of(e), e->name, e->flavor);
	snprintf(sig, sizeof sig, "sig = 4:%u:%u:%s:%s,%s:%s%s:%s:%s", e->ttl, ip_options, e->mss, e->window, e->scale, e->layout, eol, words,
	    e->odd & ODD_DATA ? "+" : e->any_size || e->size == 0 ? "*" : "0");

	const int len = snprintf(chunk, sizeof chunk, "%s\n%s\n%s%s", im->section, label, e->tool ? "sys = @unix,@win,@other\n" : "", sig);
	const int rc = sigfile_read_at(im->builder, im->i->name, e->line - (e->tool ? 3 : 2), chunk, (size_t)len, &err);

	*done = rc == 0;
	if (rc != 0) {
		/* Without the line once more: it is of our making, and the user knows his. */
		char *in = strstr(err.text, " -- in: ");

		if (in != NULL)
			*in = '\0';
		if (rc == FP_ECONFIG)
			say(im, true, "%s", err.text);
		return rc == FP_ECONFIG ? 0 : rc;
	}
	if (strcmp(im->label, label) != 0) {
		im->i->print(im->i->ctx, "");
		im->i->print(im->i->ctx, label);
		if (e->tool)
			im->i->print(im->i->ctx, "sys = @unix,@win,@other");
		snprintf(im->label, sizeof im->label, "%s", label);
	}
	im->i->print(im->i->ctx, sig);
	return 0;
}

/* What p0f 2 has one word for and p0f 3 several becomes several signatures. */
static int convert(struct importer *im, struct entry *e)
{
	static const uint32_t flags[] = { QUIRK_PUSHF_PLUS, QUIRK_URGF_PLUS, QUIRK_PUSHF_PLUS | QUIRK_URGF_PLUS };
	const uint32_t quirks = quirks_of(im, e);
	const unsigned pasts = e->odd & ODD_PAST && e->eol ? 2 : 1, n_flags = e->odd & ODD_FLAGS ? ARRAY_LEN(flags) : 1;
	unsigned ip_options, pad, good = 0;

	if (e->odd & ODD_RST)
		return say(im, true, "K, Q and 0 speak of RSTs, which p0f 3 does not read");
	if (e->odd & ODD_UNUSED)
		return say(im, true, "p0f 3 has no word for reserved bits of the TCP header (X)");
	if (!sizes(im, e, &ip_options, &pad))
		return 0;
	for (unsigned past = 0; past < pasts; past++)
		for (unsigned f = 0; f < n_flags; f++) {
			bool done;
			const int rc = emit(im, e, quirks | (past ? QUIRK_OPT_PLUS : 0) | (e->odd & ODD_FLAGS ? flags[f] : 0), ip_options, pad, &done);

			if (rc != 0)
				return rc;
			good += done;
		}
	if (good == 0)
		return 0;
	im->i->converted++;
	if (e->shy)
		say(im, false, "* before the name (no distance, no link) has no word in p0f 3: both will be shown");
	if (pasts > 1)
		say(im, false, "P says that bytes follow the end of options, not whether they are noughts: a signature for each");
	if (n_flags > 1)
		say(im, false, "F says PSH, URG or both: a signature for each");
	return 0;
}

static int line(struct importer *im, struct text t)
{
	struct entry e = { .line = im->line };

	t = trim(t);
	if (text_len(t) == 0 || *t.at == '#')
		return 0;
	im->i->entries++;
	return read_entry(im, &e, t) ? convert(im, &e) : 0;
}

int sigimport_run(struct sigimport *i, const char *text, size_t len)
{
	static const char *const classes[] = { "win", "unix", "other" };
	struct importer im = { .i = i, .section = i->synack ? "[tcp:response]" : "[tcp:request]" };
	struct text rest = { text, text + len };
	bool more = len > 0;
	int rc = sig_builder_create(&im.builder);

	i->entries = i->converted = 0;
	for (size_t c = 0; c < ARRAY_LEN(classes) && rc == 0; c++)
		rc = sig_builder_class(im.builder, classes[c], strlen(classes[c]));
	if (rc == 0) {
		i->print(i->ctx, "classes = win,unix,other");
		i->print(i->ctx, "");
		i->print(i->ctx, im.section);
	}
	while (rc == 0 && more) {
		im.line++;
		rc = line(&im, cut(&rest, '\n', &more));
	}
	sig_builder_destroy(&im.builder);
	return rc;
}
