/*
 * form - text put together in the caller's buffer, and what all forms of a host share. libc only.
 *
 * Begin with { buf, size, 0 }, add, end with form_finish(): the length, or FP_EOVERFLOW and an empty text.
 */
#ifndef FP_FORM_H
#define FP_FORM_H

#include "store/reader.h"

#include <stdarg.h>
#include <stdio.h>

#define ROWS(a) (sizeof(a) / sizeof *(a))

struct form {
	char *buf;
	size_t size, at; /* at may run past size: then it did not fit */
};

static inline void form_byte(struct form *o, char c)
{
	if (o->at < o->size)
		o->buf[o->at] = c;
	o->at++;
}

static inline void form_text(struct form *o, const char *text)
{
	for (; *text != '\0'; text++)
		form_byte(o, *text);
}

static inline void form_fmt(struct form *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Numbers and the like: short. */
static inline void form_fmt(struct form *o, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	form_text(o, text);
}

/* Printable ASCII as it is, anything else a question mark: for lines that people, logs and headers get. */
static inline void form_plain(struct form *o, const char *text)
{
	for (; *text != '\0'; text++)
		form_byte(o, *text >= 0x20 && *text < 0x7f ? *text : '?');
}

/* "Windows 10 or later" */
static inline void form_name(struct form *o, const struct fp_answer *host)
{
	form_plain(o, host->name);
	if (host->flavor[0] != '\0') {
		form_byte(o, ' ');
		form_plain(o, host->flavor);
	}
}

static inline int form_finish(struct form *o)
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
