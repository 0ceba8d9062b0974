/*
 * out - text put together in the caller's buffer, and what all forms of a host share. libc only.
 *
 * Begin with { buf, size, 0 }, add, end with out_finish(): the length, or FP_EOVERFLOW and an empty text.
 */
#ifndef FP_OUT_H
#define FP_OUT_H

#include "store/reader.h"

#include <stdarg.h>
#include <stdio.h>

#define ROWS(a) (sizeof(a) / sizeof *(a))

struct out {
	char *buf;
	size_t size, at; /* at may run past size: then it did not fit */
};

static inline void out_byte(struct out *o, char c)
{
	if (o->at < o->size)
		o->buf[o->at] = c;
	o->at++;
}

static inline void out_text(struct out *o, const char *text)
{
	for (; *text != '\0'; text++)
		out_byte(o, *text);
}

static inline void out_fmt(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Numbers and the like: short. */
static inline void out_fmt(struct out *o, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	out_text(o, text);
}

/* Printable ASCII as it is, anything else a question mark: for lines that people, logs and headers get. */
static inline void out_plain(struct out *o, const char *text)
{
	for (; *text != '\0'; text++)
		out_byte(o, *text >= 0x20 && *text < 0x7f ? *text : '?');
}

/* "Windows 10 or later" */
static inline void out_name(struct out *o, const struct fp_answer *host)
{
	out_plain(o, host->name);
	if (host->flavor[0] != '\0') {
		out_byte(o, ' ');
		out_plain(o, host->flavor);
	}
}

static inline int out_finish(struct out *o)
{
	if (o->at >= o->size) {
		if (o->size > 0)
			o->buf[0] = '\0';
		return FP_EOVERFLOW;
	}
	o->buf[o->at] = '\0';
	return (int)o->at;
}

static inline unsigned mtu_of(const struct fp_host *h)
{
	return h->mss == 0 ? 0 : h->mss + (h->ipv6 ? 60u : 40u);
}

/* A clock that the stack randomises says nothing of its uptime. */
static inline bool uptime_known(const struct fp_host *h)
{
	return h->clock_hz != 0 && !h->uptime_doubtful;
}

#endif
