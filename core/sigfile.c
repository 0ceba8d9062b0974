/*
 * sigfile - p0f 3's signature grammar (docs/p0f3-matching.md sections 5 and 6): lines to numbers.
 *
 * A line is a text with an end, never a NUL-terminated string. An error says what was expected, what stood there, and the line; the
 * first one ends the reading, or, where all are to be heard, what hangs on it is read for its own errors and not kept.
 */
#include "core/err.h"
#include "core/quirk.h"
#include "core/sigdb_int.h"
#include "core/sigtext.h"
#include "core/text.h"
#include "core/util.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define SYS_MAX 64          /* entries of one sys line */
#define MULTIPLE_MAX SIG_TIMES_MAX   /* mss*n, mtu*n */

enum section { SECTION_NONE, SECTION_MTU, SECTION_TCP, SECTION_HTTP };

struct parser {
	struct sig_builder *builder;
	struct sig_error *err;
	const char *name;
	unsigned line;
	struct text whole;       /* the line, for messages */
	enum section section;
	enum sig_direction direction;
	bool section_seen;
	bool have_label, need_sys;
	bool lost_section;       /* it has no name that we know: what is in it cannot be judged */
	bool lost_label;         /* it is wrong: what is under it belongs to nothing */
	bool section_labelled;   /* a label stood in this section */
	struct text link;        /* label of [mtu] */
	struct text label;       /* the line of the newest label */
	unsigned label_line;
};

/* ---- Errors ------------------------------------------------------------------------------- */

static int fail(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "what: LINE". */
static int fail(struct parser *p, const char *fmt, ...)
{
	char line[160];
	va_list args;

	snprintf(p->err->file, sizeof p->err->file, "%s", p->name);
	p->err->line = p->line;
	va_start(args, fmt);
	int n = vsnprintf(p->err->text, sizeof p->err->text, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof p->err->text - 3)
		snprintf(p->err->text + n, sizeof p->err->text - (size_t)n, " -- in: %s", shown(line, sizeof line, trim(p->whole)));
	return FP_ECONFIG;
}

/* "expected E, found F". */
static int wrong(struct parser *p, struct text found, const char *expected)
{
	char buf[64];

	if (found.at == found.end)
		return fail(p, "expected %s, found nothing", expected);
	return fail(p, "expected %s, found \"%s\"", expected, shown(buf, sizeof buf, found));
}

/* ---- TCP signature ------------------------------------------------------------------------ */

static int read_version(struct parser *p, struct text t, struct sig *sig, struct sig_key *key)
{
	(void)key;
	if (text_eq(t, "*"))
		sig->ipver = 0;
	else if (text_eq(t, "4"))
		sig->ipver = 4;
	else if (text_eq(t, "6"))
		sig->ipver = 6;
	else
		return wrong(p, t, "the IP version: 4, 6 or *");
	return 0;
}

/* n, n+m or n- */
static int read_ittl(struct parser *p, struct text t, struct sig *sig, struct sig_key *key)
{
	static const char expected[] = "the initial TTL: 1..255, or a TTL with + and hops, or with - where it is random";
	struct text rest = t;
	bool plus;
	unsigned ttl, hops = 0;

	(void)key;
	if (t.end > t.at && t.end[-1] == '-') {
		sig->random_ttl = true;
		rest.end--;
	}
	const struct text first = cut(&rest, '+', &plus);

	if (!number(first, 1, 255, &ttl) || (plus && (sig->random_ttl || !number(rest, 0, 254, &hops))) || ttl + hops > 255)
		return wrong(p, t, expected);
	sig->ittl = (uint8_t)(ttl + hops);
	return 0;
}

static int read_olen(struct parser *p, struct text t, struct sig *sig, struct sig_key *key)
{
	unsigned n;

	(void)sig;
	if (!number(t, 0, 255, &n))
		return wrong(p, t, "the length of IP options: 0..255");
	key->olen = (uint8_t)n;
	return 0;
}

static int read_mss(struct parser *p, struct text t, struct sig *sig, struct sig_key *key)
{
	unsigned n;

	(void)key;
	if (text_eq(t, "*"))
		sig->mss = SIG_ANY;
	else if (number(t, 0, 65535, &n))
		sig->mss = (int32_t)n;
	else
		return wrong(p, t, "the MSS: 0..65535 or *");
	return 0;
}

static int read_window(struct parser *p, struct text t, struct sig *sig, struct sig_key *key)
{
	bool comma;
	struct text scale = t;
	const struct text win = cut(&scale, ',', &comma);
	unsigned n = 0;
	bool good = true;

	(void)key;
	if (text_eq(win, "*")) {
		sig->wsize = SIG_WIN_ANY;
	} else if (text_begins(win, "%")) {
		sig->wsize = SIG_WIN_MOD;
		good = number((struct text){ win.at + 1, win.end }, 2, 65535, &n);
	} else if (text_begins(win, "mss*") || text_begins(win, "mtu*")) {
		sig->wsize = win.at[1] == 's' ? SIG_WIN_MSS : SIG_WIN_MTU;
		good = number((struct text){ win.at + 4, win.end }, 1, MULTIPLE_MAX, &n);
	} else {
		sig->wsize = SIG_WIN_VALUE;
		good = number(win, 0, 65535, &n);
	}
	if (!good)
		return wrong(p, win, "the window: 0..65535, *, %2..%65535, mss*n or mtu*n with n in 1..1000");
	sig->win = (uint16_t)n;

	if (!comma)
		return wrong(p, t, "the window, a comma and the window scale");
	if (text_eq(scale, "*"))
		sig->wscale = SIG_ANY;
	else if (number(scale, 0, 255, &n))
		sig->wscale = (int16_t)n;
	else
		return wrong(p, scale, "the window scale: 0..255 or *");
	return 0;
}

/* One entry of the option layout; false: no such option. */
static bool read_option(struct text t, uint8_t *kind, uint8_t *eol_pad)
{
	unsigned n;

	if (text_begins(t, "eol+") && number((struct text){ t.at + 4, t.end }, 0, 255, &n)) {
		*kind = 0;
		*eol_pad = (uint8_t)n;
		return true;
	}
	if (text_begins(t, "?") && number((struct text){ t.at + 1, t.end }, 0, 255, &n)) {
		*kind = (uint8_t)n;
		return true;
	}
	for (unsigned k = 1; k < 16; k++)
		if (sigtext_option_name(k) != NULL && text_eq(t, sigtext_option_name(k))) {
			*kind = (uint8_t)k;
			return true;
		}
	return false;
}

static int read_layout(struct parser *p, struct text t, struct sig *sig, struct sig_key *key)
{
	bool more = text_len(t) > 0, eol = false;

	(void)sig;
	while (more) {
		const struct text entry = cut(&t, ',', &more);

		if (eol)
			return wrong(p, entry, "nothing after eol+n");
		if (key->layout_len == OBS_OPTIONS_MAX)
			return wrong(p, entry, "at most 24 options");
		if (!read_option(entry, &key->layout[key->layout_len], &key->eol_pad))
			return wrong(p, entry, "an option: nop, mss, ws, sok, sack, ts, eol+n or ?n");
		eol = key->layout[key->layout_len] == 0 && entry.at[0] == 'e';
		key->layout_len++;
	}
	return 0;
}

static int read_quirks(struct parser *p, struct text t, struct sig *sig, struct sig_key *key)
{
	static const uint8_t version_of[QUIRK_COUNT] = {
#define X(constant, name, version, source) version,
		QUIRK_ROWS(X)
#undef X
	};
	bool more = text_len(t) > 0;

	(void)key;
	while (more) {
		const struct text entry = cut(&t, ',', &more);
		unsigned i = 0;

		while (i < QUIRK_COUNT && !text_eq(entry, fp_quirk_name(i)))
			i++;
		if (i == QUIRK_COUNT)
			return wrong(p, entry, "a quirk: df id+ id- ecn 0+ flow seq- ack+ ack- uptr+ urgf+ pushf+ ts1- ts2+ opt+ exws bad");
		if (sig->ipver != 0 && version_of[i] != 0 && sig->ipver != version_of[i])
			return wrong(p, entry, sig->ipver == 4 ? "a quirk that IPv4 can have" : "a quirk that IPv6 can have");
		sig->quirks |= 1u << i;
	}
	return 0;
}

static int read_pclass(struct parser *p, struct text t, struct sig *sig, struct sig_key *key)
{
	(void)key;
	if (text_eq(t, "0"))
		sig->payload = 0;
	else if (text_eq(t, "+"))
		sig->payload = 1;
	else if (text_eq(t, "*"))
		sig->payload = SIG_ANY;
	else
		return wrong(p, t, "the payload class: 0, + or *");
	return 0;
}

static const struct field {
	const char *name;
	int (*read)(struct parser *p, struct text t, struct sig *sig, struct sig_key *key);
} tcp_fields[] = {
	{ "ver", read_version }, { "ittl", read_ittl }, { "olen", read_olen }, { "mss", read_mss },
	{ "wsize,scale", read_window }, { "olayout", read_layout }, { "quirks", read_quirks }, { "pclass", read_pclass },
};

static int tcp_sig(struct parser *p, struct text value)
{
	struct sig sig = { .line = sig_builder_line(p->builder, p->line) };
	struct sig_key key = { .direction = (uint8_t)p->direction };
	char text[300];
	bool more = true;

	for (size_t i = 0; i < ARRAY_LEN(tcp_fields); i++) {
		if (!more)
			return fail(p, "expected ver:ittl:olen:mss:wsize,scale:olayout:quirks:pclass, found no %s", tcp_fields[i].name);

		const struct text field = i + 1 < ARRAY_LEN(tcp_fields) ? cut(&value, ':', &more) : value;
		const int rc = tcp_fields[i].read(p, field, &sig, &key);

		if (rc != 0)
			return rc;
	}
	sig.quirks_v4 = sig.quirks_v6 = sig.quirks;
	if (sig.ipver == 0) {
		sig.quirks_v4 &= ~(uint32_t)QUIRK_FLOW;
		sig.quirks_v6 &= ~(uint32_t)(QUIRK_DF | QUIRK_ID_PLUS | QUIRK_ID_MINUS);
	}
	const int rc = p->lost_label ? 0 : sig_builder_tcp(p->builder, &key, &sig, text, sizeof text);

	return rc == FP_ECONFIG ? fail(p, "%s", text) : rc;
}

/* ---- HTTP signature: checked for shape, kept as it stands ---------------------------------- */

/* Comma list of header names, '?' before an optional one, "=[text]" behind one whose value is known. */
static int http_headers(struct parser *p, struct text *t, bool values)
{
	static const char expected[] = "header names, a comma between, \"?\" before or \"=[text]\" behind, then \":\"";

	if (t->at < t->end && *t->at == ':') { /* none */
		t->at++;
		return 0;
	}
	for (;;) {
		const char *start = t->at;

		if (values && t->at < t->end && *t->at == '?')
			t->at++;
		const char *name = t->at;

		while (t->at < t->end && (letter(*t->at) || digit(*t->at) || *t->at == '-' || *t->at == '_'))
			t->at++;
		if (t->at == name)
			return wrong(p, (struct text){ start, t->end }, expected);
		if (values && t->at < t->end && *t->at == '=') {
			t->at++;
			if (t->at == t->end || *t->at != '[')
				return wrong(p, (struct text){ start, t->end }, "\"[\" after \"=\"");
			const char *close = memchr(t->at, ']', (size_t)(t->end - t->at));

			if (close == NULL)
				return wrong(p, (struct text){ start, t->end }, "\"]\" at the end of the value");
			t->at = close + 1;
		}
		if (t->at == t->end || (*t->at != ',' && *t->at != ':'))
			return wrong(p, (struct text){ start, t->end }, expected);
		if (*t->at++ == ':')
			return 0;
	}
}

static int http_sig(struct parser *p, struct text value)
{
	const struct text whole = value;
	bool colon;
	const struct text version = cut(&value, ':', &colon);
	int rc;

	if (!colon || !(text_eq(version, "0") || text_eq(version, "1") || text_eq(version, "*")))
		return wrong(p, version, "ver:horder:habsent:expsw with ver 0, 1 or *");
	if ((rc = http_headers(p, &value, true)) != 0 || (rc = http_headers(p, &value, false)) != 0)
		return rc;
	return sig_builder_http(p->builder, p->direction, whole.at, text_len(whole));
}

/* ---- Statements --------------------------------------------------------------------------- */

static int classes(struct parser *p, struct text value)
{
	bool more = true;

	if (p->section_seen)
		return fail(p, "expected \"classes\" before the first section");
	while (more) {
		const struct text entry = trim(cut(&value, ',', &more));

		for (const char *c = entry.at; c < entry.end; c++)
			if (!letter(*c) && !digit(*c))
				return wrong(p, entry, "a class: letters and digits");
		if (entry.at == entry.end)
			return wrong(p, entry, "classes, a comma between");

		const int rc = sig_builder_class(p->builder, entry.at, text_len(entry));

		if (rc != 0)
			return rc;
	}
	return 0;
}

bool sigfile_name_has(char c)
{
	return letter(c) || digit(c) || (c != '\0' && strchr(" ./-_!?()", c) != NULL);
}

/* type:class:name:flavor */
static int tcp_label(struct parser *p, struct text value)
{
	struct sig_label label = { .line = sig_builder_line(p->builder, p->line) };
	bool colon;
	char text[300];
	int rc;

	const struct text type = cut(&value, ':', &colon);

	if (!colon || !(text_eq(type, "s") || text_eq(type, "g")))
		return wrong(p, type, "type:class:name:flavor with type s (specific) or g (generic)");
	label.generic = text_eq(type, "g");

	const struct text klass = cut(&value, ':', &colon);

	label.app = text_eq(klass, "!");
	if (!colon || (!label.app && !sig_builder_class_find(p->builder, klass.at, text_len(klass), &label.class_no)))
		return wrong(p, klass, "a class that \"classes\" names, or !");

	const struct text name = cut(&value, ':', &colon);

	for (const char *c = name.at; c < name.end; c++)
		if (!sigfile_name_has(*c))
			return wrong(p, name, "a name of letters, digits and ./-_!?()");
	if (name.at == name.end)
		return wrong(p, name, "a name");
	if (!colon)
		return wrong(p, name, "a \":\" after the name, and the flavor, which may be empty");

	if (text_len(value) > 0 && memchr(value.at, '\t', text_len(value)) != NULL)
		return wrong(p, value, "a flavor without tabs");

	p->have_label = true;
	p->need_sys = label.app;
	if ((rc = sig_builder_name(p->builder, name.at, text_len(name), &label.name_no)) != 0)
		return rc;
	if (p->section != SECTION_TCP)
		return 0;
	rc = sig_builder_label(p->builder, &label, value.at, text_len(value), name.at, text_len(name), text, sizeof text);
	return rc == FP_ECONFIG ? fail(p, "%s", text) : rc;
}

static int mtu_label(struct parser *p, struct text value)
{
	if (value.at == value.end)
		return wrong(p, value, "the name of a link");
	p->link = value;
	p->have_label = true;
	p->need_sys = false;
	return 0;
}

static int label(struct parser *p, struct text value)
{
	const bool sys_missing = p->have_label && p->need_sys;
	int rc;

	if (p->section == SECTION_NONE) {
		p->lost_section = true; /* said once */
		return fail(p, "expected a section such as [tcp:request] before the first label");
	}
	p->section_labelled = true;
	p->label = p->whole;
	p->label_line = p->line;
	p->lost_label = p->need_sys = false;
	rc = p->section == SECTION_MTU ? mtu_label(p, value) : tcp_label(p, value);
	if (rc == 0 && sys_missing)
		rc = fail(p, "expected \"sys = ...\": the label before this one has class !");
	else if (rc != 0)
		p->have_label = p->lost_label = true;
	return rc;
}

static int sys(struct parser *p, struct text value)
{
	uint32_t list[SYS_MAX];
	uint32_t n = 0;
	bool more = true;

	if (!p->lost_label && (!p->have_label || !p->need_sys))
		return fail(p, "expected \"sys\" only after a label of class !");
	while (more) {
		const struct text entry = trim(cut(&value, ',', &more));
		int rc;

		if (entry.at == entry.end)
			return wrong(p, entry, "@class or the name of a system");
		if (n == SYS_MAX)
			return fail(p, "expected at most %d systems", SYS_MAX);
		if (*entry.at == '@') {
			const struct text klass = { entry.at + 1, entry.end };

			if (!sig_builder_class_find(p->builder, klass.at, text_len(klass), &list[n]))
				return wrong(p, entry, "@ and a class that \"classes\" names");
			list[n++] |= SIG_SYS_CLASS;
		} else if ((rc = sig_builder_name(p->builder, entry.at, text_len(entry), &list[n++])) != 0) {
			return rc;
		}
	}
	p->need_sys = false;
	return p->section == SECTION_TCP && !p->lost_label ? sig_builder_sys(p->builder, list, n) : 0;
}

static int sig(struct parser *p, struct text value)
{
	unsigned mtu;

	if (!p->have_label) {
		p->have_label = p->lost_label = true;
		return fail(p, "expected a label before the first sig");
	}
	if (p->need_sys) {
		p->need_sys = false;
		return fail(p, "expected \"sys = ...\" first: the label has class !");
	}
	if (p->section == SECTION_TCP)
		return tcp_sig(p, value);
	if (p->section == SECTION_HTTP)
		return http_sig(p, value);
	if (!number(value, 1, 65535, &mtu))
		return wrong(p, value, "an MTU: 1..65535");
	return p->lost_label ? 0 : sig_builder_mtu(p->builder, mtu, p->link.at, text_len(p->link));
}

/* Names of systems, "=[text]" behind one that browsers spell otherwise. */
static int ua_os(struct parser *p, struct text value)
{
	bool more = true;

	if (p->section != SECTION_HTTP || p->direction != SIG_REQUEST || p->section_labelled)
		return fail(p, "expected \"ua_os\" only in [http:request], before its first label");
	while (more) {
		struct text entry = trim(cut(&value, ',', &more));
		bool equal;
		uint32_t n;
		const struct text name = cut(&entry, '=', &equal);

		if (name.at == name.end)
			return wrong(p, name, "the name of a system");
		if (equal && (text_len(entry) < 2 || *entry.at != '[' || entry.end[-1] != ']'))
			return wrong(p, entry, "\"[text]\" after \"=\"");

		const int rc = sig_builder_name(p->builder, name.at, text_len(name), &n);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int section(struct parser *p, struct text t)
{
	static const struct {
		const char *name;
		enum section section;
		enum sig_direction direction;
	} rows[] = {
		{ "[mtu]", SECTION_MTU, SIG_REQUEST },
		{ "[tcp:request]", SECTION_TCP, SIG_REQUEST },
		{ "[tcp:response]", SECTION_TCP, SIG_RESPONSE },
		{ "[http:request]", SECTION_HTTP, SIG_REQUEST },
		{ "[http:response]", SECTION_HTTP, SIG_RESPONSE },
	};

	const bool sys_missing = p->need_sys;

	p->need_sys = p->lost_section = p->lost_label = false;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (text_eq(t, rows[i].name)) {
			p->section = rows[i].section;
			p->direction = rows[i].direction;
			p->section_seen = true;
			p->have_label = p->section_labelled = false;
			return sys_missing ? fail(p, "expected \"sys = ...\": the label before this section has class !") : 0;
		}
	p->lost_section = true;
	return wrong(p, t, "[mtu], [tcp:request], [tcp:response], [http:request] or [http:response]");
}

static const struct {
	const char *key;
	int (*read)(struct parser *p, struct text value);
} statements[] = {
	{ "classes", classes }, { "label", label }, { "sys", sys }, { "sig", sig }, { "ua_os", ua_os },
};

static int statement(struct parser *p, struct text t)
{
	bool equal;
	struct text value = t;
	const struct text key = trim(cut(&value, '=', &equal));

	if (!equal)
		return wrong(p, t, "a section, or \"name = value\" with name classes, label, sys, sig or ua_os");
	value = trim(value);
	for (size_t i = 0; i < ARRAY_LEN(statements); i++)
		if (text_eq(key, statements[i].key))
			return statements[i].read(p, value);
	return wrong(p, key, "classes, label, sys, sig or ua_os");
}

/* One line that is neither empty nor a comment. */
static int one_line(struct parser *p, struct text t)
{
	if (*t.at == '[')
		return section(p, t);
	return p->lost_section ? 0 : statement(p, t);
}

static bool is_text(struct text t, unsigned char *byte)
{
	for (const char *c = t.at; c < t.end; c++)
		if ((unsigned char)*c < ' ' && *c != '\t') {
			*byte = (unsigned char)*c;
			return false;
		}
	return true;
}

static int heard(struct parser *p, const struct sig_hearer *hearer, int rc)
{
	if (rc == FP_ECONFIG && hearer != NULL)
		hearer->say(hearer->ctx, p->err);
	return rc;
}

static int read_lines(struct parser *p, const char *text, size_t len, const struct sig_hearer *hearer)
{
	struct text rest = { text, text + len };
	bool more = len > 0;
	int rc = 0;

	while (more) {
		unsigned char byte = 0;

		p->whole = cut(&rest, '\n', &more);
		p->line++;

		const struct text t = trim(p->whole);

		if (t.at == t.end || *t.at == ';')
			continue;
		if (!is_text(t, &byte))
			return heard(p, hearer, fail(p, "expected text, found the byte 0x%02x: is this a signature file", byte));

		const int one = heard(p, hearer, one_line(p, t));

		if (one != 0 && (one != FP_ECONFIG || hearer == NULL))
			return one;
		rc = one != 0 ? one : rc;
	}
	p->whole = p->label;
	p->line = p->label_line;
	if (p->need_sys)
		rc = heard(p, hearer, fail(p, "expected \"sys = ...\": the last label has class !"));
	return rc;
}

int sigfile_read(struct sig_builder *b, const char *name, const char *text, size_t len, const struct sig_hearer *hearer,
    struct sig_error *err)
{
	struct parser p = { .builder = b, .err = err, .name = name };

	return read_lines(&p, text, len, hearer);
}

int sigfile_read_at(struct sig_builder *b, const char *name, unsigned line, const char *text, size_t len, struct sig_error *err)
{
	struct parser p = { .builder = b, .err = err, .name = name, .line = line - 1 };

	return read_lines(&p, text, len, NULL);
}
