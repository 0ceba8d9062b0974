/*
 * matcher_help - a matcher whose store is stood in for by an array that may refuse, and what clients send it, for the tests of the
 * matcher.
 */
#ifndef FP_MATCHER_HELP_H
#define FP_MATCHER_HELP_H

#include "tests/test.h"

#include "core/matcher.h"

#include <stdlib.h>
#include <string.h>

static const char signatures[] =
    "classes = win,unix,other\n"
    "[tcp:request]\n"
    "label = s:unix:Linux:new\n"
    "sig = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0\n"
    "label = s:win:Windows:10\n"
    "sig = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+:0\n";

#define SENT_MAX 100000

struct store {
	struct delta sent[SENT_MAX];
	size_t n;
	size_t room; /* for what can wait */
	bool refuses;
};

static inline size_t take(void *ctx, unsigned matcher, const struct delta *deltas, size_t n)
{
	struct store *s = ctx;

	(void)matcher;
	if (s->refuses || s->n + n > SENT_MAX)
		return 0;
	memcpy(&s->sent[s->n], deltas, n * sizeof *deltas);
	s->n += n;
	return n;
}

static inline size_t room_of(void *ctx, unsigned matcher)
{
	const struct store *s = ctx;

	(void)matcher;
	return s->room;
}

struct fixture {
	struct store *store;
	struct sink sink;
	struct sigdb *db;
	struct counters *counters;
	struct matcher *m;
	_Atomic(const struct sigdb *) a_sigdb;
};

/* What of conf is not set is set as most tests want it. */
static inline void begin_conf(struct fixture *f, struct matcher_conf conf)
{
	struct sig_error err;

	memset(f, 0, sizeof *f);
	f->store = calloc(1, sizeof *f->store);
	assert_non_null(f->store);
	f->store->room = SIZE_MAX;
	f->sink = (struct sink){ f->store, take, room_of };
	assert_int_equal(sigdb_parse(&f->db, "test", signatures, sizeof signatures - 1, &err), 0);
	atomic_init(&f->a_sigdb, f->db);
	assert_int_equal(counters_create(&f->counters, 1, 1), 0);

	conf.queues = 1;
	conf.flows_max = conf.flows_max != 0 ? conf.flows_max : 1024;
	conf.sink = &f->sink;
	conf.counters = f->counters;
	conf.a_sigdb = &f->a_sigdb;
	assert_int_equal(matcher_create(&f->m, &conf), 0);
}

static inline void begin_mode(struct fixture *f, uint32_t hosts_max, uint32_t ring_slots, bool bulk)
{
	begin_conf(f, (struct matcher_conf){
	    .ring_slots = ring_slots, .hosts_max = hosts_max, .bulk = bulk, .handshake = PROBATION_IGNORE });
}

static inline void begin_with(struct fixture *f, uint32_t hosts_max, uint32_t ring_slots)
{
	begin_mode(f, hosts_max, ring_slots, false);
}

static inline void end(struct fixture *f)
{
	matcher_destroy(&f->m);
	sigdb_free(&f->db);
	counters_destroy(&f->counters);
	free(f->store);
}

static inline uint64_t count(struct fixture *f, enum counter c)
{
	return counters_get(f->counters, c, COUNTERS_SUM);
}

/* Every change is in a delta, or joined with one that is, or still unsent. */
static inline void assert_accounted(struct fixture *f, uint64_t unsent)
{
	assert_int_equal(count(f, C_CHANGED), count(f, C_COALESCED) + count(f, C_DELTAS) + unsent);
}

enum system { LINUX, WINDOWS };

static inline struct tcp_obs segment(enum obs_kind kind, unsigned client, uint16_t port, uint32_t seq, int64_t ms)
{
	const uint8_t from[4] = { 192, 0, (uint8_t)(client >> 8), (uint8_t)client }, to[4] = { 198, 51, 100, 1 };
	struct tcp_obs o = {
		.time_ns = (1700000000000 + ms) * 1000000, .src = fp_addr_from_v4(from), .dst = fp_addr_from_v4(to),
		.seq = seq, .src_port = port, .dst_port = 25, .kind = (uint8_t)kind, .ipver = 4, .tot_hdr = 40,
	};

	return o;
}

static inline struct tcp_obs syn(enum system system, unsigned client, uint16_t port, uint32_t seq, int64_t ms)
{
	static const uint8_t linux_layout[] = { 2, 4, 8, 1, 3 }, windows_layout[] = { 2, 1, 3, 1, 1, 4 };
	struct tcp_obs o = segment(OBS_SYN, client, port, seq, ms);

	o.quirks = QUIRK_DF | QUIRK_ID_PLUS;
	o.win = 64240;
	o.mss = 1460;
	o.ttl = system == LINUX ? 60 : 120;
	o.wscale = system == LINUX ? 7 : 8;
	o.ts1 = system == LINUX ? 1000 : 0;
	o.layout_len = system == LINUX ? sizeof linux_layout : sizeof windows_layout;
	memcpy(o.layout, system == LINUX ? linux_layout : windows_layout, o.layout_len);
	return o;
}

/* The server's answer and the client's acknowledgement of it. */
static inline void complete(struct fixture *f, unsigned client, uint16_t port, uint32_t seq, int64_t ms)
{
	struct tcp_obs answer = segment(OBS_ACK, client, port, 9000, ms), ack = answer;

	answer.kind = OBS_SYNACK;
	answer.src = ack.dst;
	answer.dst = ack.src;
	answer.src_port = ack.dst_port;
	answer.dst_port = ack.src_port;
	answer.ack = seq + 1;
	answer.ttl = 64;
	ack.seq = seq + 1;
	ack.ack = 9001;
	ack.time_ns += 1000000;
	ack.ttl = 60;
	matcher_batch(f->m, 0, &answer, 1);
	matcher_batch(f->m, 0, &ack, 1);
}

/* The deltas of a client, in order; returns how many, *last the last (zeros where there is none). */
static inline size_t deltas_of(const struct fixture *f, unsigned client, struct delta *last, struct fp_host *sum)
{
	const struct tcp_obs o = segment(OBS_SYN, client, 0, 0, 0);
	size_t n = 0;

	memset(last, 0, sizeof *last);
	memset(sum, 0, sizeof *sum);
	for (size_t i = 0; i < f->store->n; i++) {
		const struct delta *d = &f->store->sent[i];

		if (!fp_addr_equal(&d->addr, &o.src))
			continue;
		*last = *d;
		sum->connections += d->what.connections;
		sum->handshakes += d->what.handshakes;
		n++;
	}
	return n;
}

#endif
