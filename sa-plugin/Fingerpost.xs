/*
 * Fingerpost - what libfingerpost answers, as a Perl hash. All that this file does is turn numbers
 * into Perl values; wording and policy are Perl's. The contract stands in lib/Fingerpost.pm.
 */
#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"

#include <fingerpost.h>

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

/* The names of the bits that are set. */
static SV *bits_list(pTHX_ uint32_t bits, const char *name_of(unsigned))
{
	AV *av = newAV();
	const char *name;

	for (unsigned n = 0; n < 32; n++)
		if (bits & UINT32_C(1) << n && (name = name_of(n)) != NULL)
			av_push(av, newSVpv(name, 0));
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
	hv_ksplit(hv, 64); /* room for all of it at once */
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
	put(aTHX_ hv, "path", bits_list(aTHX_ h->path, fp_path_name));
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
	put(aTHX_ hv, "quirks", bits_list(aTHX_ h->quirks, fp_quirk_name));
	put(aTHX_ hv, "payload", newSViv(h->payload));
	return newRV_noinc((SV *)hv);
}

/*
 * What is asked of nearly every message, and the whole answer as bytes for details(): a hash of forty values costs more
 * than finding them. Only what is true or known is there.
 */
static SV *glance_hash(pTHX_ const struct fp_answer *a)
{
	const struct fp_host *h = &a->host;
	HV *hv = newHV();
	char text[FP_WORDS_MAX];
	int n = fp_words_v2(text, sizeof text - 16, a);

	TAINT_NOT;
	if (n < 0)
		n = 0;
	if (a->name[0] != '\0') {
		const char *end;

		if (h->match == FP_MATCH_GENERIC || h->match == FP_MATCH_FUZZY)
			n += sprintf(text + n, " [%s]", match_names[h->match]);
		/* The words begin with the system, made printable; what follows is ours. */
		end = text + strlen(a->name) + (a->flavor[0] != '\0' ? 1 + strlen(a->flavor) : 0);
		(void)hv_stores(hv, "os", newSVpvn(text, (STRLEN)(end - text)));
		(void)hv_stores(hv, "name", newSVpv(a->name, 0));
	}
	(void)hv_stores(hv, "text", newSVpvn(text, (STRLEN)n));
	if (h->match < sizeof match_names / sizeof *match_names)
		(void)hv_stores(hv, "match", newSVpv(match_names[h->match], 0));
	(void)hv_stores(hv, "age", newSViv((IV)a->age_s));
	(void)hv_stores(hv, "confirmed", newSViv(h->confirmed));
	if (h->synack)
		(void)hv_stores(hv, "server", newSViv(1));
	if (h->shared != 0) {
		(void)hv_stores(hv, "shared", newSVuv(h->shared));
		(void)hv_stores(hv, "sharing", newSVuv(h->sharing));
	}
	if (h->candidate[0].code != 0)
		(void)hv_stores(hv, "likely", newSVpvn((const char *)h->candidate, sizeof h->candidate));
	(void)hv_stores(hv, "answer", newSVpvn((const char *)a, sizeof *a));
	return newRV_noinc((SV *)hv);
}

/* Of the object and an address, either of which may be anything; what it says is in the handle's error. */
static struct handle *look_up(pTHX_ SV *self, SV *address, struct fp_answer *answer, const char *method)
{
	struct handle *h;
	struct fp_addr addr;

	if (!sv_isobject(self) || !sv_derived_from(self, "Fingerpost"))
		croak("Fingerpost: %s() is a method of an object", method);
	h = INT2PTR(struct handle *, SvIV(SvRV(self)));
	/* A NUL inside would hide what follows it. */
	if (!SvOK(address) || strlen(SvPV_nolen(address)) != SvCUR(address))
		h->error = FP_EFORMAT;
	else if ((h->error = fp_addr_parse(&addr, SvPV_nolen(address))) == 0)
		h->error = fp_lookup(h->store, &addr, answer);
	return h;
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
	struct fp_answer answer;
    CODE:
	RETVAL = look_up(aTHX_ self, address, &answer, "lookup")->error == 0 ? answer_hash(aTHX_ &answer) : newSV(0);
    OUTPUT:
	RETVAL

SV *
glance(SV *self, SV *address)
    PREINIT:
	struct fp_answer answer;
    CODE:
	RETVAL = look_up(aTHX_ self, address, &answer, "glance")->error == 0 ? glance_hash(aTHX_ &answer) : newSV(0);
    OUTPUT:
	RETVAL

SV *
details(SV *glance)
    PREINIT:
	struct fp_answer answer;
	SV **bytes;
    CODE:
	if (!SvROK(glance) || SvTYPE(SvRV(glance)) != SVt_PVHV || (bytes = hv_fetchs((HV *)SvRV(glance), "answer", 0)) == NULL || !SvPOK(*bytes) ||
	    SvCUR(*bytes) != sizeof answer)
		croak("Fingerpost: details() wants what glance() gave");
	memcpy(&answer, SvPVX(*bytes), sizeof answer);
	/* A hash is anybody's to write in. */
	answer.klass[sizeof answer.klass - 1] = answer.name[sizeof answer.name - 1] = answer.flavor[sizeof answer.flavor - 1] = '\0';
	answer.layout[sizeof answer.layout - 1] = answer.link[sizeof answer.link - 1] = answer.origin[sizeof answer.origin - 1] = '\0';
	RETVAL = answer_hash(aTHX_ &answer);
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
