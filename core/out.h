/*
 * out - text into a buffer, from the left, never overrun: what does not fit is cut. For lines that are written a million times, where
 * printf() would be most of the work.
 *
 * Between out_begin() and out_end() no NUL is written.
 */
#ifndef FP_OUT_H
#define FP_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct out {
	char *at, *end; /* *end is the last byte: room for the NUL */
	char *start;
};

/* size at least 1. */
static inline struct out out_begin(char *buf, size_t size)
{
	return (struct out){ buf, buf + size - 1, buf };
}

/* Length without the NUL. */
static inline size_t out_end(struct out *o)
{
	*o->at = '\0';
	return (size_t)(o->at - o->start);
}

static inline void out_char(struct out *o, char c)
{
	if (o->at < o->end)
		*o->at++ = c;
}

static inline void out_bytes(struct out *o, const char *bytes, size_t n)
{
	const size_t room = (size_t)(o->end - o->at);

	if (n > room)
		n = room;
	memcpy(o->at, bytes, n);
	o->at += n;
}

static inline void out_text(struct out *o, const char *text)
{
	out_bytes(o, text, strlen(text));
}

static inline void out_number(struct out *o, uint64_t n)
{
	char digits[20];
	char *at = digits + sizeof digits;

	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	out_bytes(o, at, (size_t)(digits + sizeof digits - at));
}

/* At least two digits. */
static inline void out_two(struct out *o, unsigned n)
{
	if (n < 10)
		out_char(o, '0');
	out_number(o, n);
}

/* Small letters, no noughts in front but those that make it so many digits. */
static inline void out_hex(struct out *o, unsigned n, int digits)
{
	for (int d = 7; d >= 0; d--)
		if (d < digits || n >> 4 * d != 0)
			out_char(o, "0123456789abcdef"[n >> 4 * d & 15]);
}

#endif
