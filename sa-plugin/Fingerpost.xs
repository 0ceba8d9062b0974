/*
 * Fingerpost - what libfingerpost answers, as a Perl hash. All that this file does is turn numbers
 * into Perl values; wording and policy are Perl's. The contract stands in lib/Fingerpost.pm.
 */
#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"

#include "store/reader.h"
#include "core/quirk.h"

/* The handle behind the object: a struct fp_store and what the last call said. */
struct handle {
	struct fp_store *store;
	int error;
};

static const char *const match_names[] = {
	[FP_MATCH_NONE] = "none",
	[FP_MATCH_EXACT] = "exact",
	[FP_MATCH_GENERIC] = "generic",
	[FP_MATCH_FUZZY] = "fuzzy",
};

static const char *const unit_names[] = {
	[FP_WIN_PLAIN] = "", [FP_WIN_MSS] = "mss", [FP_WIN_MTU] = "mtu",
};

static const struct {
	unsigned bit;
	const char *name;
} path_names[] = {
	{ FP_PATH_TS_REMOVED, "timestamps removed" },
	{ FP_PATH_DF_CLEARED, "df cleared" },
	{ FP_PATH_MSS_CLAMPED, "mss clamped" },
	{ FP_PATH_WIN_REWRITTEN, "window rewritten" },
	{ FP_PATH_SACK_REMOVED, "sack removed" },
	{ FP_PATH_WS_REMOVED, "window scale removed" },
	{ FP_PATH_TTL_RESTARTED, "ttl restarted" },
	{ FP_PATH_PROXY, "proxy" },
	{ FP_PATH_TUNNEL, "tunnel" },
};

static const char *const quirk_names[] = {
#define X(constant, name, version, source) [constant##_INDEX] = name,
	QUIRK_ROWS(X)
#undef X
};

/* Absent is undef, as null in the JSON of a host. */
static void put(pTHX_ HV *hv, const char *key, SV *value)
{
	if (hv_store(hv, key, (I32)strlen(key), value, 0) == NULL)
		SvREFCNT_dec(value);
}

static void put_text(pTHX_ HV *hv, const char *key, const char *text)
{
	put(aTHX_ hv, key, text[0] != '\0' ? newSVpv(text, 0) : newSV(0));
}

/* 0 is absent */
static void put_number(pTHX_ HV *hv, const char *key, uint32_t number)
{
	put(aTHX_ hv, key, number != 0 ? newSVuv(number) : newSV(0));
}

static void put_count(pTHX_ HV *hv, const char *key, uint32_t number)
{
	put(aTHX_ hv, key, newSVuv(number));
}

static SV *quirks_list(pTHX_ uint32_t quirks)
{
	AV *av = newAV();

	for (unsigned i = 0; i < QUIRK_COUNT; i++)
		if (quirks & UINT32_C(1) << i)
			av_push(av, newSVpv(quirk_names[i], 0));
	return newRV_noinc((SV *)av);
}

static SV *path_list(pTHX_ uint16_t path)
{
	AV *av = newAV();

	for (size_t i = 0; i < sizeof path_names / sizeof *path_names; i++)
		if (path & path_names[i].bit)
			av_push(av, newSVpv(path_names[i].name, 0));
	return newRV_noinc((SV *)av);
}

/* The likeliest first. */
static SV *candidates_list(pTHX_ const struct fp_candidate *c)
{
	AV *av = newAV();

	for (unsigned i = 0; i < FP_CANDIDATES; i++) {
		const char *flavor, *name = fp_candidate(c[i].code, &flavor);
		HV *hv;

		if (name == NULL)
			continue;
		hv = newHV();
		put_text(aTHX_ hv, "name", name);
		put_text(aTHX_ hv, "flavor", flavor);
		put(aTHX_ hv, "p", newSVnv(c[i].p / 255.0));
		av_push(av, newRV_noinc((SV *)hv));
	}
	return newRV_noinc((SV *)av);
}

/* The answer's own texts; a number of a newer daemon that has no name here is undef. */
static SV *answer_hash(pTHX_ const struct fp_answer *a)
{
	const struct fp_host *h = &a->host;
	HV *hv = newHV();
	char text[FP_ADDR_TEXT];

	/* Perl taints what a statement makes once it has touched a tainted value, such as the address: none of that is in here. */
	TAINT_NOT;
	put_text(aTHX_ hv, "ip", fp_addr_text(&a->addr, text));
	put_text(aTHX_ hv, "name", a->name);
	put_text(aTHX_ hv, "flavor", a->flavor);
	put_text(aTHX_ hv, "class", a->klass);
	put_text(aTHX_ hv, "match", h->match < sizeof match_names / sizeof *match_names ? match_names[h->match] : "");
	put(aTHX_ hv, "age", newSViv((IV)a->age_s));
	put_number(aTHX_ hv, "first_seen", h->first_seen);
	put_number(aTHX_ hv, "last_seen", h->last_seen);
	put_number(aTHX_ hv, "verdict_seen", h->verdict_seen);
	put_number(aTHX_ hv, "os_changed", h->os_changed);
	put_number(aTHX_ hv, "shared", h->shared);
	put_count(aTHX_ hv, "sharing", h->sharing);
	put_count(aTHX_ hv, "connections", h->connections);
	put_count(aTHX_ hv, "handshakes", h->handshakes);
	put_count(aTHX_ hv, "bad_sw", h->bad_sw);
	put(aTHX_ hv, "confirmed", newSViv(h->confirmed));
	put(aTHX_ hv, "server", newSViv(h->synack));
	put(aTHX_ hv, "distance", h->distance != FP_DISTANCE_UNKNOWN ? newSVuv(h->distance) : newSV(0));
	put(aTHX_ hv, "distance_bound", newSViv(h->random_ttl));
	put_text(aTHX_ hv, "link", a->link);
	put_number(aTHX_ hv, "clock_hz", h->clock_hz);
	put(aTHX_ hv, "uptime_min", h->clock_hz != 0 && !h->uptime_doubtful ? newSVuv(h->uptime_min) : newSV(0));
	put_text(aTHX_ hv, "origin", a->origin);
	put(aTHX_ hv, "candidates", candidates_list(aTHX_ h->candidate));
	put(aTHX_ hv, "path", path_list(aTHX_ h->path));
	/* the signature, in pieces */
	put(aTHX_ hv, "version", newSViv(h->ipv6 ? 6 : 4));
	put_count(aTHX_ hv, "ttl", h->ttl);
	put_count(aTHX_ hv, "olen", h->olen);
	put_number(aTHX_ hv, "mss", h->mss);
	put_count(aTHX_ hv, "win", h->win);
	put_count(aTHX_ hv, "win_multiple", h->win_multiple);
	put(aTHX_ hv, "win_unit", newSVpv(h->win_unit < sizeof unit_names / sizeof *unit_names ? unit_names[h->win_unit] : "", 0));
	put_count(aTHX_ hv, "wscale", h->wscale);
	put(aTHX_ hv, "layout", newSVpv(a->layout, 0));
	put(aTHX_ hv, "quirks", quirks_list(aTHX_ h->quirks));
	put(aTHX_ hv, "payload", newSViv(h->payload));
	return newRV_noinc((SV *)hv);
}

MODULE = Fingerpost  PACKAGE = Fingerpost

PROTOTYPES: DISABLE

SV *
_open(SV *class, SV *dir)
    PREINIT:
	struct handle *h;
	int rc;
    CODE:
	Newxz(h, 1, struct handle);
	rc = fp_open(&h->store, SvOK(dir) ? SvPV_nolen(dir) : NULL);
	if (rc != 0) {
		Safefree(h);
		croak("Fingerpost: cannot use the store: %s", fp_strerror(rc));
	}
	RETVAL = newSV(0);
	sv_setref_pv(RETVAL, SvPV_nolen(class), h);
	SvREADONLY_on(SvRV(RETVAL));
    OUTPUT:
	RETVAL

SV *
lookup(SV *self, SV *address)
    PREINIT:
	struct handle *h;
	struct fp_addr addr;
	struct fp_answer answer;
    CODE:
	if (!sv_isobject(self) || !sv_derived_from(self, "Fingerpost"))
		croak("Fingerpost: lookup() is a method of an object");
	h = INT2PTR(struct handle *, SvIV(SvRV(self)));
	/* A NUL inside would hide what follows it. */
	if (!SvOK(address) || strlen(SvPV_nolen(address)) != SvCUR(address))
		h->error = FP_EFORMAT;
	else if ((h->error = fp_addr_parse(&addr, SvPV_nolen(address))) == 0)
		h->error = fp_lookup(h->store, &addr, &answer);
	RETVAL = h->error == 0 ? answer_hash(aTHX_ &answer) : newSV(0);
    OUTPUT:
	RETVAL

SV *
error(SV *self)
    PREINIT:
	struct handle *h;
    CODE:
	if (!sv_isobject(self) || !sv_derived_from(self, "Fingerpost"))
		croak("Fingerpost: error() is a method of an object");
	h = INT2PTR(struct handle *, SvIV(SvRV(self)));
	RETVAL = newSVpv(h->error == 0 ? "" : fp_strerror(h->error), 0);
    OUTPUT:
	RETVAL

void
DESTROY(SV *self)
    PREINIT:
	struct handle *h;
    CODE:
	if (sv_isobject(self)) {
		h = INT2PTR(struct handle *, SvIV(SvRV(self)));
		fp_close(&h->store);
		Safefree(h);
	}
