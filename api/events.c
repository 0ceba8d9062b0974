/* events - the text of events, made once for all listeners. */
#include "api/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 256u /* the last ones; who is further behind has them made again */

struct event_text {
	uint64_t number;
	struct body body;
};

struct events {
	struct event_text text[TEXTS];
};

int events_create(struct events **out)
{
	*out = calloc(1, sizeof **out);
	return *out != NULL ? 0 : -ENOMEM;
}

void events_destroy(struct events **ep)
{
	for (unsigned i = 0; *ep != NULL && i < TEXTS; i++)
		body_free(&(*ep)->text[i].body);
	free(*ep);
	*ep = NULL;
}

static void put_lost(const struct service *s, struct body *b, uint64_t at, uint64_t lost)
{
	body_printf(b, "id: %016" PRIx64 "-%" PRIu64 "\nevent: lost\ndata: {\"lost\":", s->news->epoch, at);
	if (lost != 0)
		body_printf(b, "%" PRIu64 "}\n\n", lost);
	else
		body_printf(b, "null}\n\n");
}

/* "EPOCH-NUMBER", as we gave it. */
static bool parse_id(const char *id, uint64_t *epoch, uint64_t *number)
{
	int len = 0;

	return strlen(id) <= 40 && strspn(id, "0123456789abcdef-") == strlen(id) &&
	    sscanf(id, "%16" SCNx64 "-%" SCNu64 "%n", epoch, number, &len) == 2 && id[len] == '\0';
}

uint64_t events_begin(const struct service *s, const char *last_event_id, struct body *b)
{
	const uint64_t last = news_last(s->news);
	uint64_t epoch, number;

	/* A comment at once: proxies pass the header on, and who listens knows that it was heard. */
	body_printf(b, ": fingerpost\nretry: 2000\n\n");
	if (last_event_id == NULL || *last_event_id == '\0')
		return last;
	if (parse_id(last_event_id, &epoch, &number) && epoch == s->news->epoch && number <= last)
		return number;
	put_lost(s, b, last, 0);
	return last;
}

static void make_text(const struct service *s, const struct news *n, struct body *b)
{
	struct fp_answer host;

	body_printf(b, "id: %016" PRIx64 "-%" PRIu64 "\nevent: %s\ndata: {\"event\":\"%s\",\"time\":", s->news->epoch, n->number,
	    news_kind_name(n->kind), news_kind_name(n->kind));
	body_json_time(b, n->time_s);
	body_printf(b, ",\"host\":");
	/* It may be gone by now, or the store for a moment: then the address is all there is. */
	body_json_host(b, &n->addr, fp_lookup(s->store, &n->addr, &host) == 0 ? &host : NULL);
	body_printf(b, "}\n\n");
}

static const struct body *text_of(const struct service *s, const struct news *n)
{
	struct event_text *e = &s->events->text[n->number % TEXTS];

	if (e->number != n->number) {
		body_free(&e->body);
		e->number = n->number;
		make_text(s, n, &e->body);
		if (e->body.failed)
			e->number = 0;
	}
	return &e->body;
}

unsigned events_next(const struct service *s, uint64_t *at, unsigned most, struct body *b)
{
	const uint64_t last = news_last(s->news);
	uint64_t lost = 0;
	unsigned n = 0;

	if (last - *at > EVENTS_BEHIND) {
		lost = last - EVENTS_BEHIND - *at;
		*at = last - EVENTS_BEHIND;
	}
	for (; n < most && *at < last && !b->failed; n++) {
		struct news news;

		++*at;
		if (!news_get(s->news, *at, &news)) {
			lost++;
			continue;
		}
		if (lost > 0)
			put_lost(s, b, *at - 1, lost);
		lost = 0;
		const struct body *text = text_of(s, &news);
		char *to = !text->failed ? body_room(b, text->len) : NULL;

		if (to != NULL) {
			memcpy(to, text->text, text->len);
			body_grown(b, text->len);
		}
	}
	if (lost > 0)
		put_lost(s, b, *at, lost);
	return n;
}
