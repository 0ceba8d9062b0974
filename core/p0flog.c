/* p0flog - printing of events as p0f prints them. */
#include "core/p0flog.h"
#include "core/sigtext.h"
#include "core/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DIST_MAX 35 /* above, p0f calls a distance excessive */

static const char *const reason_names[REASON_COUNT] = {
#define X(constant, name) name,
	TRACK_REASONS(X)
#undef X
};

struct line {
	char *buf;
	size_t len;
};

static void put(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(struct line *l, const char *fmt, ...)
{
	const size_t room = P0FLOG_LINE - 1 - l->len; /* one is kept for the newline */
	va_list args;

	va_start(args, fmt);
	const int n = vsnprintf(l->buf + l->len, room, fmt, args);
	va_end(args);
	if (n > 0)
		l->len += (size_t)n < room ? (size_t)n : room - 1;
}

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

static void put_verdict(struct line *l, const struct p0flog *log, const struct track_event *e)
{
	const struct verdict *v = &e->verdict;
	char raw[SIGTEXT_RAW];

	if (v->label != NULL)
		put(l, "|%s=%s%s%s", v->label->app || e->sendsyn ? "app" : "os", v->label->name,
		    v->label->flavor[0] != '\0' ? " " : "", v->label->flavor);
	else
		put(l, "|os=???");
	if (v->dist < 0)
		put(l, "|dist=???");
	else
		put(l, "|dist=%s%d", v->random_ttl ? "<= " : "", v->dist);

	const size_t params = l->len;

	if (v->label != NULL)
		put(l, "%s%s%s", v->label->generic ? " generic" : "", v->match == MATCH_FUZZY ? " fuzzy" : "",
		    v->random_ttl ? " random_ttl" : "");
	if (v->dist > DIST_MAX)
		put(l, " excess_dist");
	if (e->obs->dscp != 0)
		put(l, " tos:0x%02x", e->obs->dscp);
	if (l->len == params) {
		put(l, "|params=none");
	} else {
		/* The first blank makes way for the field's name. */
		char words[96];

		snprintf(words, sizeof words, "%s", l->buf + params + 1);
		l->len = params;
		put(l, "|params=%s", words);
	}
	p0flog_raw_sig(log->mode, e->obs, v, raw, sizeof raw);
	put(l, "|raw_sig=%s", raw);
}

static void put_reason(struct line *l, const struct track_event *e)
{
	const char *separator = "";

	put(l, "|reason=");
	for (unsigned i = 0; i < REASON_COUNT; i++)
		if (e->reason & 1u << i) {
			put(l, "%s%s", separator, reason_names[i]);
			separator = " ";
		}
	put(l, "|raw_hits=%u,%u,%u,%u", e->hits[0], e->hits[1], e->hits[2], e->hits[3]);
}

static void put_uptime(struct line *l, const struct track_event *e)
{
	put(l, "|uptime=%u days %u hrs %u min (modulo %u days)|raw_freq=%.2f Hz", e->uptime_min / 60 / 24,
	    e->uptime_min / 60 % 24, e->uptime_min % 60, e->up_mod_days, e->raw_hz);
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

size_t p0flog_line(struct p0flog *log, const struct track_event *e, char buf[P0FLOG_LINE])
{
	const char *module = module_name(e);
	char cli[FP_ADDR_TEXT], srv[FP_ADDR_TEXT];
	struct line l = { buf, 0 };

	if (module == NULL)
		return 0;
	put(&l, "[%s] mod=%s|cli=%s/%u|srv=%s/%u|subj=%s", stamp(log, e->time_ns), module, fp_addr_text_p0f(&e->cli, cli),
	    e->cli_port, fp_addr_text_p0f(&e->srv, srv), e->srv_port, e->server ? "srv" : "cli");
	switch (e->kind) {
	case TRACK_SYN:
	case TRACK_SYNACK:
		put_verdict(&l, log, e);
		break;
	case TRACK_HOST_CHANGE:
	case TRACK_SHARING:
		put_reason(&l, e);
		break;
	case TRACK_MTU:
		put(&l, "|link=%s|raw_mtu=%u", e->verdict.link != NULL ? e->verdict.link : "???", e->verdict.mtu);
		break;
	default:
		put_uptime(&l, e);
	}
	buf[l.len++] = '\n';
	buf[l.len] = '\0';
	return l.len;
}
