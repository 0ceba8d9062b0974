/* p0flog - printing of events as p0f prints them. */
#include "core/p0flog.h"
#include "core/out.h"
#include "core/sigtext.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DIST_MAX 35 /* above, p0f calls a distance excessive */

static const char *const reason_names[REASON_COUNT] = {
#define X(constant, name) name,
	TRACK_REASONS(X)
#undef X
};

/* Texts of known length. */
#define PUT(o, literal) out_bytes(o, "" literal, sizeof(literal) - 1)

void p0flog_init(struct p0flog *log, enum match_mode mode)
{
	*log = (struct p0flog){ .mode = mode, .second = INT64_MIN };
	tzset();
}

size_t p0flog_raw_sig(enum match_mode mode, const struct tcp_obs *obs, const struct verdict *verdict, char *buf, size_t size)
{
	char layout[SIGTEXT_LAYOUT];
	const struct sigtext text = {
		.ipver = obs->ipver,
		.ttl = obs->ttl,
		.dist_guess = verdict->dist_guess,
		.olen = obs->olen,
		.wscale = obs->wscale,
		.win_unit = verdict->win_unit,
		.win_multiple = verdict->win_multiple,
		.win = obs->win,
		.mss = obs->mss,
		.quirks = mode == MATCH_COMPAT_P0F ? obs_quirks_p0f(obs) : obs->quirks,
		.payload = obs->payload_len > 0,
		.synack = obs->kind == OBS_SYNACK,
		.layout = layout,
	};

	sigtext_layout(layout, sizeof layout, obs->layout, obs->layout_len, obs->eol_pad);
	return sigtext_raw(buf, size, &text);
}

static void put_params(struct out *o, const struct track_event *e)
{
	const struct verdict *v = &e->verdict;
	const char *start;

	PUT(o, "|params=");
	start = o->at;
	if (v->label != NULL && v->label->generic)
		PUT(o, "generic ");
	if (v->label != NULL && v->match == MATCH_FUZZY)
		PUT(o, "fuzzy ");
	if (v->label != NULL && v->random_ttl)
		PUT(o, "random_ttl ");
	if (v->dist > DIST_MAX)
		PUT(o, "excess_dist ");
	if (e->obs->dscp != 0) {
		PUT(o, "tos:0x");
		out_hex(o, e->obs->dscp, 2);
		out_char(o, ' ');
	}
	if (o->at == start)
		PUT(o, "none");
	else
		o->at--; /* the blank behind the last word */
}

static void put_verdict(struct out *o, const struct p0flog *log, const struct track_event *e)
{
	const struct verdict *v = &e->verdict;
	char raw[SIGTEXT_RAW];

	if (v->label == NULL) {
		PUT(o, "|os=???");
	} else {
		if (v->label->app || e->sendsyn)
			PUT(o, "|app=");
		else
			PUT(o, "|os=");
		out_text(o, v->label->name);
		if (v->label->flavor[0] != '\0') {
			out_char(o, ' ');
			out_text(o, v->label->flavor);
		}
	}
	PUT(o, "|dist=");
	if (v->dist < 0) {
		PUT(o, "???");
	} else {
		if (v->random_ttl)
			PUT(o, "<= ");
		out_number(o, (unsigned)v->dist);
	}
	put_params(o, e);
	PUT(o, "|raw_sig=");
	out_bytes(o, raw, p0flog_raw_sig(log->mode, e->obs, v, raw, sizeof raw));
}

static void put_reason(struct out *o, const struct track_event *e)
{
	bool first = true;

	PUT(o, "|reason=");
	for (unsigned i = 0; i < REASON_COUNT; i++)
		if (e->reason & 1u << i) {
			if (!first)
				out_char(o, ' ');
			out_text(o, reason_names[i]);
			first = false;
		}
	PUT(o, "|raw_hits=");
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			out_char(o, ',');
		out_number(o, e->hits[i]);
	}
}

/*
 * As %.2f: the exact value, rounded half to even. Times 100 it takes seven bits more than a double has; where long double has
 * them, rounding that is the same.
 */
static void put_two_decimals(struct out *o, double value)
{
	char text[330];

	if (LDBL_MANT_DIG >= DBL_MANT_DIG + 7 && value >= 0 && value < 1e15) {
		const uint64_t hundredths = (uint64_t)rintl((long double)value * 100);

		out_number(o, hundredths / 100);
		out_char(o, '.');
		out_two(o, (unsigned)(hundredths % 100));
		return;
	}
	snprintf(text, sizeof text, "%.2f", value);
	out_text(o, text);
}

static void put_uptime(struct out *o, const struct track_event *e)
{
	PUT(o, "|uptime=");
	out_number(o, e->uptime_min / 60 / 24);
	PUT(o, " days ");
	out_number(o, e->uptime_min / 60 % 24);
	PUT(o, " hrs ");
	out_number(o, e->uptime_min % 60);
	PUT(o, " min (modulo ");
	out_number(o, e->up_mod_days);
	PUT(o, " days)|raw_freq=");
	put_two_decimals(o, e->raw_hz);
	PUT(o, " Hz");
}

static const char *module_name(const struct track_event *e)
{
	switch (e->kind) {
	case TRACK_SYN:
		return e->sendsyn ? "sendsyn probe" : "syn";
	case TRACK_SYNACK:
		return e->sendsyn ? "sendsyn response" : "syn+ack";
	case TRACK_HOST_CHANGE:
		return "host change";
	case TRACK_SHARING:
		return "ip sharing";
	case TRACK_MTU:
		return "mtu";
	case TRACK_UPTIME:
		return "uptime";
	case TRACK_HANDSHAKE:
		break;
	}
	return NULL;
}

static const char *stamp(struct p0flog *log, int64_t time_ns)
{
	const int64_t second = time_ns / 1000000000;

	if (second != log->second) {
		const time_t t = (time_t)second;
		struct tm tm;

		if (localtime_r(&t, &tm) == NULL || strftime(log->stamp, sizeof log->stamp, "%Y/%m/%d %H:%M:%S", &tm) == 0)
			snprintf(log->stamp, sizeof log->stamp, "0000/00/00 00:00:00");
		log->second = second;
	}
	return log->stamp;
}

static void put_end(struct out *o, const struct fp_addr *addr, uint16_t port)
{
	char text[FP_ADDR_TEXT];

	out_text(o, fp_addr_text_p0f(addr, text));
	out_char(o, '/');
	out_number(o, port);
}

size_t p0flog_line(struct p0flog *log, const struct track_event *e, char buf[P0FLOG_LINE])
{
	const char *module = module_name(e);
	struct out o = out_begin(buf, P0FLOG_LINE);

	if (module == NULL)
		return 0;
	o.end--; /* for the newline */
	out_char(&o, '[');
	out_text(&o, stamp(log, e->time_ns));
	PUT(&o, "] mod=");
	out_text(&o, module);
	PUT(&o, "|cli=");
	put_end(&o, &e->cli, e->cli_port);
	PUT(&o, "|srv=");
	put_end(&o, &e->srv, e->srv_port);
	out_text(&o, e->server ? "|subj=srv" : "|subj=cli");
	switch (e->kind) {
	case TRACK_SYN:
	case TRACK_SYNACK:
		put_verdict(&o, log, e);
		break;
	case TRACK_HOST_CHANGE:
	case TRACK_SHARING:
		put_reason(&o, e);
		break;
	case TRACK_MTU:
		PUT(&o, "|link=");
		out_text(&o, e->verdict.link != NULL ? e->verdict.link : "???");
		PUT(&o, "|raw_mtu=");
		out_number(&o, e->verdict.mtu);
		break;
	default:
		put_uptime(&o, e);
	}
	o.end++;
	out_char(&o, '\n');
	return out_end(&o);
}
