/*
 * track - replays a capture through part of the way that a packet takes, without threads and without a store: what each
 * stage adds.
 *
 *   track [-s STAGE] [-m HOSTS] [-f SIGNATURES]... FILE
 *
 * STAGE: read, decode, match (a verdict for each SYN and SYN+ACK), track (flows and hosts), matcher (the default: and what is new of a host is
 * said, to a sink that counts). Prints one JSON object; CPU time of this thread, the making of tables not counted.
 */
#include "capture/capture.h"
#include "core/clock.h"
#include "core/matcher.h"
#include "core/paths.h"
#include "core/util.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH TRACK_BATCH

enum stage { READ, DECODE, MATCH, TRACK, MATCHER, STAGES };
static const char *const stage_name[STAGES] = { "read", "decode", "match", "track", "matcher" };

struct bench {
	enum stage stage;
	struct sigdb *db;
	_Atomic(const struct sigdb *) a_db;
	struct track *track;
	struct matcher *matcher;
	uint64_t frames, observed, recognised, events, deltas;
	size_t n;
	struct tcp_obs batch[BATCH];
};

static void on_segment(void *ctx, enum track_result result, const struct track_event *ev, size_t events)
{
	(void)result;
	(void)ev;
	((struct bench *)ctx)->events += events;
}

static void take_batch(struct bench *b)
{
	struct verdict v;

	if (b->stage == MATCH)
		for (size_t i = 0; i < b->n; i++) {
			if (b->batch[i].kind == OBS_ACK)
				continue;
			match_tcp(b->db, MATCH_CORRECT, &b->batch[i], 0, &v);
			b->recognised += v.label != NULL;
		}
	else if (b->stage == TRACK)
		track_batch(b->track, b->db, b->batch, b->n, on_segment, b);
	else if (b->stage == MATCHER)
		matcher_batch(b->matcher, 0, b->batch, b->n);
	b->n = 0;
}

static void on_frame(void *ctx, const struct capture_frame *frame)
{
	static const struct pkt_conf conf = { false };
	struct bench *b = ctx;
	struct tcp_obs *obs = &b->batch[b->n];

	b->frames++;
	if (b->stage == READ ||
	    pkt_wanted(&conf, frame->link, frame->bytes, frame->caplen, frame->len, frame->time_ns, obs) != PKT_OK)
		return;
	b->observed++;
	if (b->stage > DECODE && ++b->n == BATCH)
		take_batch(b);
}

static size_t take(void *ctx, unsigned matcher, const struct delta *deltas, size_t n)
{
	(void)matcher;
	(void)deltas;
	((struct bench *)ctx)->deltas += n;
	return n;
}

static int make(struct bench *b, uint32_t hosts)
{
	static struct sink sink = { .take = take };
	static const struct hash_key key = { { 1, 2 } }; /* the same tables each time */
	struct counters *counters;
	int rc = counters_create(&counters, 1, 1);

	sink.ctx = b;
	atomic_init(&b->a_db, b->db);
	if (rc == 0 && b->stage == TRACK)
		rc = track_create(&b->track, &(struct track_conf){ .flows_max = 65536, .hosts_max = hosts, .mode = MATCH_CORRECT, .key = key });
	if (rc == 0 && b->stage == MATCHER)
		rc = matcher_create(&b->matcher, &(struct matcher_conf){ .queues = 1, .bulk = true, .flows_max = 65536, .hosts_max = hosts, .key = key,
		    .sink = &sink, .counters = counters, .a_sigdb = &b->a_db });
	return rc;
}

static int replay(struct bench *b, const char *path)
{
	const struct capture_handler handler = { .ctx = b, .frame = on_frame };
	struct capture *c;
	char err[CAPTURE_ERR];
	const int64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int rc = capture_open_file(&c, path, "", err);

	if (rc == 0)
		rc = capture_run(c, &handler, err);
	if (rc != 0) {
		fprintf(stderr, "track: %s\n", err);
		return 1;
	}
	take_batch(b);
	while (b->matcher != NULL && matcher_tick(b->matcher, true))
		;
	const double ns = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start);

	printf("{\"stage\":\"%s\",\"packets\":%" PRIu64 ",\"observed\":%" PRIu64 ",\"recognised\":%" PRIu64 ",\"events\":%" PRIu64
	    ",\"deltas\":%" PRIu64 ",\"ns_a_packet\":%.1f}\n", stage_name[b->stage], b->frames, b->observed, b->recognised, b->events,
	    b->deltas, ns / (double)(b->frames > 0 ? b->frames : 1));
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: track [-s read|decode|match|track|matcher] [-m HOSTS] [-f SIGNATURES]... FILE\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct bench b = { .stage = MATCHER };
	const char *files[16];
	char own[PATH_MAX];
	size_t n = 0;
	unsigned long hosts = 1000000;
	struct sig_error err;
	int opt;

	while ((opt = getopt(argc, argv, "s:m:f:")) != -1) {
		if (opt == 's') {
			for (b.stage = READ; b.stage < STAGES && strcmp(optarg, stage_name[b.stage]) != 0; b.stage++)
				;
			if (b.stage == STAGES)
				return usage();
		} else if (opt == 'm') {
			hosts = strtoul(optarg, NULL, 10);
		} else if (opt == 'f' && n < ARRAY_LEN(files)) {
			files[n++] = optarg;
		} else {
			return usage();
		}
	}
	if (optind + 1 != argc)
		return usage();
	if (n == 0) {
		paths_signatures(own, sizeof own);
		files[n++] = own;
	}
	if (sigdb_load(&b.db, files, n, &err) != 0) {
		fprintf(stderr, "track: %s:%u: %s\n", err.file, err.line, err.text);
		return 2;
	}
	if (make(&b, (uint32_t)hosts) != 0) {
		fprintf(stderr, "track: out of memory\n");
		return 1;
	}
	const int rc = replay(&b, argv[optind]);

	track_destroy(&b.track);
	matcher_destroy(&b.matcher);
	sigdb_free(&b.db);
	return rc;
}
