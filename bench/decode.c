/*
 * decode - what one SYN costs from its bytes to its verdict, in memory, on one core: pkt_decode() and match_cached(), as the daemon does
 * it, or match_tcp() each time (-c).
 *
 *   decode [-c] [-r ROUNDS] [-f SIGFILE] FILE
 *
 * Reads the capture into memory, runs over it ROUNDS times, and prints one JSON object: ns a packet (least, median and most of
 * the rounds) of decoding alone and of both, and what was found. With -r 0 one round of both: for callgrind, which counts
 * the instructions of what --toggle-collect names, pkt_decode, match_cached or match_tcp (bench/engine).
 */
#include "capture/capture.h"
#include "core/clock.h"
#include "core/matchcache.h"
#include "core/pkt.h"
#include "core/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS_MAX 101

struct frame {
	size_t at; /* in bytes */
	uint32_t caplen, len;
	uint32_t link;
};

struct input {
	struct frame *frame;
	size_t n, room;
	uint8_t *bytes;
	size_t used, size;
};

struct found {
	uint64_t decoded, by_match[4], sum; /* sum: so that no work is optimised away */
};

static void *grow(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	if (p == NULL) {
		fputs("decode: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static void on_frame(void *ctx, const struct capture_frame *f)
{
	struct input *in = ctx;

	if (in->n == in->room)
		in->frame = grow(in->frame, (in->room = in->room * 2 + 4096) * sizeof *in->frame);
	if (in->size - in->used < f->caplen)
		in->bytes = grow(in->bytes, in->size = in->size * 2 + f->caplen + 65536);
	memcpy(in->bytes + in->used, f->bytes, f->caplen);
	in->frame[in->n++] = (struct frame){ in->used, f->caplen, f->len, f->link };
	in->used += f->caplen;
}

__attribute__((noinline)) static void decode_alone(const struct input *in, struct found *out)
{
	const struct pkt_conf conf = { 0 };
	struct tcp_obs obs;

	for (size_t i = 0; i < in->n; i++) {
		const struct frame *f = &in->frame[i];

		if (pkt_decode(&conf, f->link, in->bytes + f->at, f->caplen, f->len, 0, &obs) != PKT_OK)
			continue;
		out->decoded++;
		out->sum += obs.quirks + obs.win;
	}
}

__attribute__((noinline)) static void decode_and_match(const struct input *in, const struct sigdb *db, struct match_cache *cache, struct found *out)
{
	const struct pkt_conf conf = { 0 };
	struct tcp_obs obs;
	struct verdict v;

	for (size_t i = 0; i < in->n; i++) {
		const struct frame *f = &in->frame[i];

		if (pkt_decode(&conf, f->link, in->bytes + f->at, f->caplen, f->len, 0, &obs) != PKT_OK)
			continue;
		if (cache != NULL)
			match_cached(cache, db, &obs, 0, &v);
		else
			match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
		out->decoded++;
		out->by_match[v.match & 3]++;
		out->sum += v.sig_line + v.mtu;
	}
}

static double now_ns(void)
{
	return (double)clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_spread(const char *name, double *ns, int rounds)
{
	qsort(ns, (size_t)rounds, sizeof *ns, by_size);
	printf(",\"%s\":{\"min\":%.1f,\"median\":%.1f,\"max\":%.1f}", name, ns[0], ns[rounds / 2], ns[rounds - 1]);
}

int main(int argc, char **argv)
{
	const char *signatures = "/etc/p0f/p0f.fp";
	int rounds = 11, opt;
	double alone[ROUNDS_MAX], both[ROUNDS_MAX];
	char err[CAPTURE_ERR];
	struct sig_error sig_err = { 0 };
	struct found found = { 0 }, ignored = { 0 };
	struct input in = { 0 };
	struct capture *c;
	struct match_cache *cache = aligned_alloc(128, sizeof *cache);
	struct sigdb *db;

	if (cache == NULL)
		return 1;
	match_cache_clear(cache);
	while ((opt = getopt(argc, argv, "cr:f:")) != -1)
		switch (opt) {
		case 'c': free(cache); cache = NULL; break;
		case 'r': rounds = atoi(optarg); break;
		case 'f': signatures = optarg; break;
		default: return 2;
		}
	if (optind != argc - 1 || rounds < 0 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: decode [-c] [-r ROUNDS] [-f SIGFILE] FILE\n");
		return 2;
	}
	if (sigdb_load(&db, &signatures, 1, &sig_err) != 0) {
		fprintf(stderr, "decode: %s:%u: %s\n", sig_err.file, sig_err.line, sig_err.text);
		return 2;
	}
	const struct capture_handler handler = { .ctx = &in, .frame = on_frame };

	if (capture_open_file(&c, argv[optind], "", err) != 0 || capture_run(c, &handler, err) != 0 || in.n == 0) {
		fprintf(stderr, "decode: %s\n", err);
		return 2;
	}
	capture_close(&c);
	if (rounds == 0)
		decode_and_match(&in, db, cache, &found);
	for (int r = 0; r < rounds; r++) {
		const double start = now_ns();

		decode_alone(&in, &ignored);
		const double middle = now_ns();

		found = (struct found){ 0 };
		decode_and_match(&in, db, cache, &found);
		alone[r] = (middle - start) / (double)in.n;
		both[r] = (now_ns() - middle) / (double)in.n;
	}
	printf("{\"packets\":%zu,\"decoded\":%" PRIu64 ",\"exact\":%" PRIu64 ",\"generic\":%" PRIu64 ",\"fuzzy\":%" PRIu64 ",\"none\":%" PRIu64 ",\"rounds\":%d",
	    in.n, found.decoded, found.by_match[MATCH_EXACT], found.by_match[MATCH_GENERIC], found.by_match[MATCH_FUZZY],
	    found.by_match[MATCH_NONE], rounds);
	if (rounds > 0) {
		print_spread("decode_ns_a_packet", alone, rounds);
		print_spread("decode_and_match_ns_a_packet", both, rounds);
	}
	if (cache != NULL)
		printf(",\"misses\":%" PRIu64, cache->misses);
	printf(",\"sum\":%" PRIu64 "}\n", found.sum + ignored.sum % 2);
	sigdb_free(&db);
	free(cache);
	free(in.frame);
	free(in.bytes);
	return 0;
}
