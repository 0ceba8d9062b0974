/*
 * watch - `fingerpost watch`: a line for each host that is new, has changed its system or shows a sign of sharing, as it comes.
 *
 * The store tells nobody: it is looked through again and again, at a quarter of a CPU's time at most, and what has a time since the
 * last look is news. So a store of a million hosts is seen through in some seconds; a small one four times a second.
 */
#include "cmd/cli.h"
#include "cmd/scan.h"

#include "store/render.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE 4000
#define LEAST_NS INT64_C(250000000) /* a look through takes no less */
#define SAID_MAX (1u << 20)

/* What was said in this look and the one before, as hashes: times are of whole seconds, so a look finds some things again. */
struct said {
	uint64_t *slot;
	uint32_t size, used;
};

struct watch {
	bool json, all;
	uint32_t since;    /* what is older was said, or came before us */
	struct said now, before;
};

/* FNV-1a, 64 bit. Nothing but a repeated line hangs on it. */
static uint64_t hash_of(const struct fp_addr *addr, char kind, uint32_t time_s)
{
	uint8_t bytes[sizeof addr->b + 5];
	uint64_t h = 0xcbf29ce484222325u;

	memcpy(bytes, addr->b, sizeof addr->b);
	bytes[sizeof addr->b] = (uint8_t)kind;
	memcpy(bytes + sizeof addr->b + 1, &time_s, 4);
	for (size_t i = 0; i < sizeof bytes; i++)
		h = (h ^ bytes[i]) * 0x100000001b3u;
	return h != 0 ? h : 1;
}

static bool said_has(const struct said *s, uint64_t h)
{
	for (uint32_t i = (uint32_t)h; s->size > 0; i++) {
		if (s->slot[i & (s->size - 1)] == 0)
			return false;
		if (s->slot[i & (s->size - 1)] == h)
			return true;
	}
	return false;
}

static void said_put(struct said *s, uint64_t h)
{
	uint32_t i = (uint32_t)h;

	while (s->slot[i & (s->size - 1)] != 0)
		i++;
	s->slot[i & (s->size - 1)] = h;
	s->used++;
}

/* Without memory, or with very much said, a line may come twice. */
static void said_add(struct said *s, uint64_t h)
{
	if (2 * (s->used + 1) > s->size && s->size < SAID_MAX) {
		struct said wider = { .size = s->size > 0 ? 2 * s->size : 1024 };

		wider.slot = calloc(wider.size, sizeof *wider.slot);
		if (wider.slot == NULL)
			return;
		for (uint32_t i = 0; i < s->size; i++)
			if (s->slot[i] != 0)
				said_put(&wider, s->slot[i]);
		free(s->slot);
		*s = wider;
	}
	if (2 * (s->used + 1) <= s->size)
		said_put(s, h);
}

static void say(struct watch *w, const struct fp_answer *host, const char *kind, uint32_t time_s)
{
	const uint64_t h = hash_of(&host->addr, (char)strlen(kind), time_s); /* no two are equally long */
	char buf[RENDER_HOST_MAX], when[32];
	const time_t t = time_s;
	struct tm tm;

	if (said_has(&w->now, h))
		return;
	said_add(&w->now, h);
	if (said_has(&w->before, h))
		return;
	if (w->json) {
		render_json(buf, sizeof buf, host);
		printf("{\"event\":\"%s\",\"host\":%s}\n", kind, buf);
		return;
	}
	render_line(buf, sizeof buf, host);
	strftime(when, sizeof when, "%H:%M:%S", localtime_r(&t, &tm));
	printf("%s  %-7s  %s\n", when, kind, buf);
}

static void on_host(void *ctx, const struct fp_answer *host)
{
	struct watch *w = ctx;
	const struct fp_host *h = &host->host;

	if (h->last_seen < w->since)
		return;
	if (h->first_seen >= w->since)
		say(w, host, "new", h->first_seen);
	else if (w->all)
		say(w, host, "seen", h->last_seen);
	if (h->os_changed >= w->since)
		say(w, host, "changed", h->os_changed);
	if (h->shared >= w->since)
		say(w, host, "shared", h->shared);
}

/* The store's now, in seconds. */
static uint32_t now_of(struct fp_store *store)
{
	struct fp_info info;

	if (fp_info(store, &info) == 0 && !info.live)
		return (uint32_t)(info.now_ns / 1000000000);
	return (uint32_t)time(NULL);
}

/* Once through; how it ended. */
static int look_through(struct scan *s)
{
	int rc;

	scan_begin(s);
	do {
		const int64_t begin = scan_clock();

		rc = scan_some(s, SLICE);
		if (rc == 1)
			scan_sleep(3 * (scan_clock() - begin));
	} while (rc == 1);
	return rc;
}

static int follow(struct fp_store *store, struct watch *w)
{
	struct scan s = { .store = store, .host = on_host, .ctx = w };

	w->since = now_of(store);
	for (;;) {
		/* Times are of seconds, and records come a moment later than what they tell of: a second is looked at twice. */
		const uint32_t next = now_of(store) - 2;
		const int64_t begin = scan_clock();

		if (look_through(&s) == 0 && next > w->since)
			w->since = next;
		if (fflush(stdout) != 0)
			return CLI_ERROR;
		free(w->before.slot);
		w->before = w->now;
		w->now = (struct said){ NULL, 0, 0 };
		scan_sleep(LEAST_NS - (scan_clock() - begin));
	}
}

int cmd_watch(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "store", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' }, { "all", no_argument, NULL, 'a' }, { 0 },
	};
	struct watch w = { .json = false };
	const char *dir = NULL;
	struct fp_store *store;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 's')
			dir = optarg;
		else if (c == 'j')
			w.json = true;
		else if (c == 'a')
			w.all = true;
		else
			return cli_usage("watch");
	}
	if (optind != argc)
		return cli_usage("watch");
	if (cli_open_store(&store, dir) != 0)
		return CLI_ERROR;
	const int status = follow(store, &w);

	fp_close(&store);
	return status;
}
