/* text - a piece of a line: bytes with an end, no NUL. For readers of files of lines. */
#ifndef FP_TEXT_H
#define FP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
	const char *at, *end;
};

static inline bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline size_t text_len(struct text t)
{
	return (size_t)(t.end - t.at);
}

static inline bool text_eq(struct text t, const char *s)
{
	return strlen(s) == text_len(t) && memcmp(t.at, s, text_len(t)) == 0;
}

static inline bool text_begins(struct text t, const char *s)
{
	return text_len(t) >= strlen(s) && memcmp(t.at, s, strlen(s)) == 0;
}

static inline struct text trim(struct text t)
{
	while (t.at < t.end && blank(*t.at))
		t.at++;
	while (t.end > t.at && (blank(t.end[-1]) || t.end[-1] == '\r'))
		t.end--;
	return t;
}

/* Cuts *t at the first c: returns what stood before it. Without one returns all, and *t is at its end; *found says which. */
static inline struct text cut(struct text *t, char c, bool *found)
{
	const char *at = text_len(*t) > 0 ? memchr(t->at, c, text_len(*t)) : NULL;
	struct text before = { t->at, at != NULL ? at : t->end };

	*found = at != NULL;
	t->at = at != NULL ? at + 1 : t->end;
	return before;
}

/* A number and nothing else; false also where it is out of range. */
static inline bool number(struct text t, unsigned low, unsigned high, unsigned *out)
{
	unsigned long n = 0;

	if (t.at == t.end || text_len(t) > 9)
		return false;
	for (const char *p = t.at; p < t.end; p++) {
		if (!digit(*p))
			return false;
		n = n * 10 + (unsigned)(*p - '0');
	}
	if (n < low || n > high)
		return false;
	*out = (unsigned)n;
	return true;
}

/* Printable bytes of t into buf, cut to its size. */
static inline const char *shown(char *buf, size_t size, struct text t)
{
	size_t n = 0;

	for (const char *p = t.at; p < t.end && n + 1 < size; p++)
		buf[n++] = *p >= ' ' && *p < 0x7f ? *p : '?';
	buf[n] = '\0';
	return buf;
}

#endif
