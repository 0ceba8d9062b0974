/* body - text that grows. */
#include "api/body.h"

#include "store/render.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_FIRST 1024

char *body_room(struct body *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (b->room - b->len < n + 1) {
		size_t room = b->room != 0 ? b->room : BODY_FIRST;

		while (room - b->len < n + 1)
			room *= 2;
		char *text = realloc(b->text, room);

		if (text == NULL) {
			b->failed = true;
			return NULL;
		}
		b->text = text;
		b->room = room;
	}
	return b->text + b->len;
}

void body_grown(struct body *b, size_t n)
{
	assert(n < b->room - b->len);
	b->len += n;
	b->text[b->len] = '\0';
}

void body_printf(struct body *b, const char *fmt, ...)
{
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	char *at = body_room(b, 128);

	if (at != NULL) {
		const int n = vsnprintf(at, b->room - b->len, fmt, args);

		if (n < 0) {
			b->failed = true;
		} else if ((size_t)n < b->room - b->len) {
			body_grown(b, (size_t)n);
		} else if ((at = body_room(b, (size_t)n)) != NULL) {
			vsnprintf(at, (size_t)n + 1, fmt, again);
			body_grown(b, (size_t)n);
		}
	}
	va_end(again);
	va_end(args);
}

void body_json_string(struct body *b, const char *text)
{
	if (text == NULL) {
		body_printf(b, "null");
		return;
	}
	/* At worst every byte becomes \u00XX. */
	const size_t most = 6 * strlen(text) + 3;
	char *at = body_room(b, most);

	if (at == NULL)
		return;
	const int n = render_json_string(at, most, text);

	if (n < 0)
		b->failed = true;
	else
		body_grown(b, (size_t)n);
}

void body_json_host(struct body *b, const struct fp_addr *addr, const struct fp_answer *host)
{
	char *at = body_room(b, RENDER_HOST_MAX);

	if (at == NULL)
		return;
	const int n = host != NULL ? render_json(at, RENDER_HOST_MAX, host) : render_json_unknown(at, RENDER_HOST_MAX, addr);

	if (n < 0)
		b->failed = true;
	else
		body_grown(b, (size_t)n);
}

void body_json_time(struct body *b, int64_t unix_s)
{
	const time_t t = unix_s;
	struct tm tm;
	char text[32];

	if (gmtime_r(&t, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		body_printf(b, "null");
	else
		body_printf(b, "\"%s\"", text);
}

void body_free(struct body *b)
{
	free(b->text);
	*b = (struct body){ 0 };
}
