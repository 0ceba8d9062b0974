/* classify - libfingerpost-classify: decode and match for other people's programs. */
#include "core/classify.h"
#include "core/err.h"
#include "core/match.h"
#include "core/pkt.h"
#include "core/sigtext.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Their names are ours. */
#define SAME(ours) _Static_assert((int)FP_##ours == (int)ours, #ours)
SAME(QUIRK_DF);
SAME(QUIRK_ID_PLUS);
SAME(QUIRK_ID_MINUS);
SAME(QUIRK_ECN);
SAME(QUIRK_ZERO_PLUS);
SAME(QUIRK_FLOW);
SAME(QUIRK_SEQ_MINUS);
SAME(QUIRK_ACK_PLUS);
SAME(QUIRK_ACK_MINUS);
SAME(QUIRK_UPTR_PLUS);
SAME(QUIRK_URGF_PLUS);
SAME(QUIRK_PUSHF_PLUS);
SAME(QUIRK_TS1_MINUS);
SAME(QUIRK_TS2_PLUS);
SAME(QUIRK_OPT_PLUS);
SAME(QUIRK_EXWS);
SAME(QUIRK_BAD);
SAME(MATCH_NONE);
SAME(MATCH_EXACT);
SAME(MATCH_GENERIC);
SAME(MATCH_FUZZY);
_Static_assert(QUIRK_COUNT == 17, "a quirk more: give it a public name");
_Static_assert(sizeof(struct fp_how) == 16, "part of the library's interface");
_Static_assert(sizeof(void *) != 8 || sizeof(struct fp_verdict) == 160, "part of the library's interface");
_Static_assert(sizeof(((struct fp_verdict *)0)->options) == OBS_OPTIONS_MAX, "copied whole");
_Static_assert(FP_SIGNATURE_TEXT == SIGTEXT_RAW, "a whole signature fits");

#define IP_LENGTH_MAX 65575 /* IPv6 header and the largest payload */

/* A sigdb by its public name. */
static struct sigdb *db_of(const struct fp_signatures *signatures)
{
	return (struct sigdb *)signatures;
}

static int loaded(struct fp_signatures **out, struct sigdb *db, int rc, const struct sig_error *said,
    struct fp_signatures_error *err)
{
	*out = (struct fp_signatures *)db;
	if (rc != 0 && err != NULL) {
		err->line = said->line;
		snprintf(err->file, sizeof err->file, "%s", said->file);
		snprintf(err->text, sizeof err->text, "%s", said->text[0] != '\0' ? said->text : fp_strerror(rc));
	}
	return rc;
}

int fp_signatures_load(struct fp_signatures **out, const char *const *files, size_t n, struct fp_signatures_error *err)
{
	struct sig_error said = { 0 };
	struct sigdb *db = NULL;
	const int rc = sigdb_load(&db, files, n, &said);

	return loaded(out, db, rc, &said, err);
}

int fp_signatures_parse(struct fp_signatures **out, const char *name, const char *text, size_t len,
    struct fp_signatures_error *err)
{
	struct sig_error said = { 0 };
	struct sigdb *db = NULL;
	const int rc = sigdb_parse(&db, name, text, len, &said);

	return loaded(out, db, rc, &said, err);
}

void fp_signatures_free(struct fp_signatures **sp)
{
	struct sigdb *db = db_of(*sp);

	sigdb_free(&db);
	*sp = NULL;
}

static int code_of(enum pkt_result result)
{
	switch (result) {
	case PKT_OK:
		return 0;
	case PKT_SHORT_LINK:
	case PKT_SHORT_IP:
	case PKT_SHORT_TCP:
		return FP_ETRUNC;
	case PKT_BAD_IP:
	case PKT_BAD_TCP:
		return FP_EFORMAT;
	case PKT_UNKNOWN_LINK:
		return -EPROTONOSUPPORT;
	default:
		return FP_ENOTFOUND;
	}
}

static void fill(struct fp_verdict *out, const struct tcp_obs *obs, const struct verdict *v, bool p0f)
{
	const struct sig_label *l = v->label;

	if (l != NULL) {
		out->klass = l->klass;
		out->name = l->name;
		out->flavor = l->flavor;
	}
	out->link = v->link;
	out->match = (enum fp_match)v->match;
	out->distance = v->dist;
	out->random_ttl = v->random_ttl;
	out->synack = obs->kind == OBS_SYNACK;
	out->payload = obs->payload_len > 0;
	out->ip_version = obs->ipver;
	out->from = obs->src;
	out->to = obs->dst;
	out->from_port = obs->src_port;
	out->to_port = obs->dst_port;
	out->mtu = v->mtu;
	out->quirks = p0f ? obs_quirks_p0f(obs) : obs->quirks;
	out->mss = obs->mss;
	out->window = obs->win;
	out->ttl = obs->ttl;
	out->window_scale = obs->wscale;
	out->ip_options = obs->olen;
	out->options_len = obs->layout_len;
	memcpy(out->options, obs->layout, sizeof out->options);
	out->eol_pad = obs->eol_pad;
	out->win_unit = v->win_unit;
	out->win_multiple = v->win_multiple;
	out->dist_guess = v->dist_guess;
}

static int classify(const struct fp_signatures *signatures, const struct fp_how *how, const struct pkt_conf *conf, unsigned linktype,
    const void *frame, size_t caplen, size_t len, struct fp_verdict *out)
{
	struct tcp_obs obs;
	struct verdict v;

	memset(out, 0, sizeof *out);

	const int rc = code_of(pkt_decode(conf, linktype, frame, caplen, len, 0, &obs));

	if (rc != 0)
		return rc;
	if (obs.kind != OBS_SYN && obs.kind != OBS_SYNACK)
		return FP_ENOTFOUND;
	match_tcp(db_of(signatures), how->p0f ? MATCH_COMPAT_P0F : MATCH_CORRECT, &obs, obs.kind == OBS_SYNACK ? how->syn_mss : 0, &v);
	fill(out, &obs, &v, how->p0f);
	return 0;
}

static const struct fp_how plain;

int fp_classify(const struct fp_signatures *signatures, const struct fp_how *how, unsigned linktype, const void *frame,
    size_t caplen, size_t len, struct fp_verdict *out)
{
	if (how == NULL)
		how = &plain;

	const struct pkt_conf conf = { .compat = how->p0f, .decapsulate = how->decapsulate };

	return classify(signatures, how, &conf, linktype, frame, caplen, len, out);
}

int fp_classify_saved_syn(const struct fp_signatures *signatures, const struct fp_how *how, const void *headers,
    size_t len, struct fp_verdict *out)
{
	/*
	 * Headers alone, while the IP length counts data as well: as if the capture had cut the packet behind them. p0f
	 * passes over such packets, so even its answers are made of what we decode.
	 */
	static const struct pkt_conf conf;

	return classify(signatures, how != NULL ? how : &plain, &conf, PKT_LINK_RAW, headers, len, len > IP_LENGTH_MAX ? len : IP_LENGTH_MAX, out);
}

size_t fp_signature_text(const struct fp_verdict *verdict, char *buf, size_t size)
{
	char layout[SIGTEXT_LAYOUT], whole[SIGTEXT_RAW];
	const unsigned n = verdict->options_len < OBS_OPTIONS_MAX ? verdict->options_len : OBS_OPTIONS_MAX;
	const struct sigtext text = {
		.ipver = verdict->ip_version,
		.ttl = verdict->ttl,
		.dist_guess = verdict->dist_guess,
		.olen = verdict->ip_options,
		.wscale = verdict->window_scale,
		.win_unit = verdict->win_unit,
		.win_multiple = verdict->win_multiple,
		.win = verdict->window,
		.mss = verdict->mss,
		.quirks = verdict->quirks,
		.payload = verdict->payload,
		.synack = verdict->synack,
		.layout = layout,
	};

	sigtext_layout(layout, sizeof layout, verdict->options, n, verdict->eol_pad);

	const size_t len = sigtext_raw(whole, sizeof whole, &text);

	if (size > 0) {
		const size_t fits = len < size ? len : size - 1;

		memcpy(buf, whole, fits);
		buf[fits] = '\0';
	}
	return len;
}
