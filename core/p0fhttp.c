/* p0fhttp - a request or an answer read as far as it has come; every call goes on at the first line that was not complete. */
#include "core/p0fhttp.h"

#include <string.h>

#define REQUEST_MIN 15   /* bytes before p0f looks at a request: "GET / HTTP/1.0" and an end */
#define ANSWER_MIN 13    /* "HTTP/1.0 200" and an end */
#define FIRST_LINE_MAX 1024
#define HEADERS_MAX 32
#define NAME_MAX_BYTES 32
#define VALUE_MAX_BYTES 1024

#define VERSION "HTTP/1."
#define VERSION_BYTES (sizeof VERSION - 1)

enum reading {
	READ_MORE,     /* nothing wrong, not complete */
	READ_COMPLETE,
	READ_FAILED,   /* no HTTP */
	READ_OVERLONG, /* a value does not end: p0f gives up at the next word of either side */
};

static bool begins(const struct p0fhttp *h, const char *text)
{
	return memcmp(h->data, text, strlen(text)) == 0;
}

static bool of_name(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

/*
 * The line that begins at h->at, up to the limit that p0f counts from the begin of the message. Beyond the limit it takes a single
 * byte for a line. *end is where its newline stands.
 */
static enum reading line(const struct p0fhttp *h, size_t *end)
{
	size_t i = h->at;

	for (; i < h->len && i < FIRST_LINE_MAX && h->data[i] != '\n'; i++)
		if ((h->data[i] < ' ' && h->data[i] != '\r') || h->data[i] > 0x7f)
			return READ_FAILED;
	if (i == FIRST_LINE_MAX)
		return READ_FAILED;
	if (i == h->len)
		return READ_MORE;
	*end = i;
	return READ_COMPLETE;
}

/* One header line. */
static enum reading header(const struct p0fhttp *h, size_t *end)
{
	size_t i = h->at, begin = i;

	while (i < h->len && i - begin <= NAME_MAX_BYTES && of_name(h->data[i]))
		i++;
	if (i == h->len)
		return READ_MORE;
	if (i == begin || i - begin > NAME_MAX_BYTES || h->data[i] != ':')
		return READ_FAILED;
	i++;
	if (i < h->len && h->data[i] == ' ')
		i++;
	begin = i;
	while (i < h->len && i - begin <= VALUE_MAX_BYTES && h->data[i] != '\n')
		i++;
	if (i - begin > VALUE_MAX_BYTES)
		return READ_OVERLONG;
	if (i == h->len)
		return READ_MORE;
	*end = i;
	return READ_COMPLETE;
}

/* Headers up to the empty line, of which p0f wants one byte. */
static enum reading headers(struct p0fhttp *h)
{
	while (h->at < h->len) {
		size_t end;

		if (h->data[h->at] == '\r' || h->data[h->at] == '\n')
			return READ_COMPLETE;
		if (h->headers == HEADERS_MAX)
			return READ_FAILED;

		const enum reading rc = header(h, &end);

		if (rc != READ_COMPLETE)
			return rc;
		h->at = (uint16_t)(end + 1);
		h->headers++;
	}
	return READ_MORE;
}

static enum reading request(struct p0fhttp *h)
{
	size_t end;

	if (h->first_line)
		return headers(h);
	if (h->len < REQUEST_MIN)
		return READ_MORE;
	if (!begins(h, "GET /") && !begins(h, "HEAD /"))
		return READ_FAILED;

	const enum reading rc = line(h, &end);

	if (rc != READ_COMPLETE)
		return rc;
	if (end < REQUEST_MIN - 1)
		return READ_FAILED;
	h->at = (uint16_t)(end + 1);
	if (h->data[end - 1] == '\r')
		end--;
	/* The version and its last figure end the line. */
	if (memcmp(h->data + end - VERSION_BYTES - 1, VERSION, VERSION_BYTES) != 0)
		return READ_FAILED;
	h->first_line = true;
	return headers(h);
}

/* p0f does not remember that it has read an answer's first line: each segment loses a line to it. */
static enum reading answer(struct p0fhttp *h)
{
	size_t end;

	if (h->len < ANSWER_MIN)
		return READ_MORE;

	const enum reading rc = line(h, &end);

	if (rc != READ_COMPLETE)
		return rc;
	if (end < ANSWER_MIN || !begins(h, VERSION))
		return READ_FAILED;
	h->at = (uint16_t)(end + 1);
	return headers(h);
}

bool p0fhttp_take(struct p0fhttp *h, bool server, const uint8_t *bytes, size_t n)
{
	const size_t room = P0FHTTP_BYTES - h->len;

	if (h->overlong || (server && !h->answer))
		return false;
	if (h->answer && !server)
		return true;
	if (n > room)
		n = room;
	memcpy(h->data + h->len, bytes, n);
	h->len = (uint16_t)(h->len + n);
	switch (h->answer ? answer(h) : request(h)) {
	case READ_COMPLETE:
		if (h->answer)
			return false; /* all has been said that p0f wants to hear */
		h->answer = true;
		h->len = h->at = h->headers = 0;
		return true;
	case READ_MORE:
		return h->len < P0FHTTP_BYTES;
	case READ_OVERLONG:
		h->overlong = true;
		return true;
	case READ_FAILED:
		break;
	}
	return false;
}
