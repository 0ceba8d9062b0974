/*
 * track - flows and hosts: what must be remembered between segments, so that a SYN+ACK knows its SYN, an ACK
 * completes a handshake, and a host that changes or is shared is noticed. What p0f keeps in its
 * flow and host tables, with p0f's scoring (docs/p0f3-matching.md sections 11 to 13).
 *
 * Owner    track_create() makes all tables; nothing is allocated after. track_destroy() frees.
 * Threads  one thread at a time (a matcher's, or classify's).
 * Bounds   flows_max and hosts_max; who was not used lately makes room, confirmed hosts last (as p0f, or with host_age_s: the least
 *          recently used). With probation_max a part of hosts_max is kept for hosts that never completed a handshake,
 *          and while track_probation() is on they have no more than that: so neither a flood displaces confirmed
 *          hosts, nor they all newcomers.
 */
#ifndef FP_TRACK_H
#define FP_TRACK_H

#include "core/evidence.h"
#include "core/hash.h"
#include "core/match.h"

struct track;
struct track_host;
struct track_kept;

/* What a SYN or SYN+ACK said. Quirks as the mode reads them. */
struct track_sig {
	const struct sig_label *label; /* NULL: not recognised. Valid while its sigdb is: see track_relabel() */
	int64_t time_ns;      /* of one that was kept: whole milliseconds */
	uint32_t quirks;
	uint32_t ts1;
	uint32_t sig_line;
	uint16_t layout;      /* number of its layout in this track; 0 = none left */
	uint16_t mss, win, win_multiple;
	int16_t dist;         /* -1 unknown */
	uint16_t src_port;    /* 0 of one that a host kept */
	uint8_t ttl, wscale, olen, ipver;
	uint8_t dscp : 6;
	uint8_t win_unit : 2; /* enum win_unit */
	uint8_t ecn : 4;      /* enum obs_ecn */
	uint8_t match : 2;    /* enum match_quality */
	bool payload : 1;
	bool random_ttl : 1;
};

enum track_event_kind {
	TRACK_SYN,        /* a SYN was judged: sig, verdict */
	TRACK_SYNACK,     /* a SYN+ACK was judged: sig, verdict */
	TRACK_HANDSHAKE,  /* the client acknowledged what we saw the server send: sig is its SYN's, the host's from now on; NULL: of a tool beside a system */
	TRACK_HOST_CHANGE,/* p0f's host change: reason, hits */
	TRACK_SHARING,    /* p0f's ip sharing: reason, hits */
	TRACK_MTU,        /* verdict.mtu, verdict.link */
	TRACK_UPTIME,     /* clock and uptime */
	/*
	 * Of one SYN: SYN, HOST_CHANGE or SHARING, MTU, UPTIME, in this order, which is p0f's log's; of a SYN+ACK the
	 * same, and HANDSHAKE where the ACK had overtaken it.
	 */
};

struct track_event {
	enum track_event_kind kind;
	bool server;               /* whom it speaks of: the flow's server, else its client */
	bool sendsyn;              /* p0f-sendsyn's probe or the answer to one */
	struct fp_addr cli, srv;
	uint16_t cli_port, srv_port;
	int64_t time_ns;
	struct track_host *host;   /* of whom it speaks; valid until the next call, as are the next two */
	struct track_unsent *unsent; /* its */
	const struct track_kept *sig; /* the segment's, for track_event_sig(); of a HANDSHAKE see there; of an UPTIME found later NULL */
	const struct tcp_obs *obs; /* the segment itself */
	struct verdict verdict;
	/* TRACK_UPTIME */
	uint16_t clock_hz;         /* rounded as p0f does */
	double raw_hz;
	uint32_t uptime_min, up_mod_days;
	bool uptime_doubtful;      /* the timestamps begin at a random number: the clock is right, the uptime fiction */
	/* TRACK_HOST_CHANGE, TRACK_SHARING */
	uint32_t reason;           /* enum track_reason */
	uint8_t score;
	uint8_t hits[4];
};

/* In p0f's order of printing. */
#define TRACK_REASONS(X)                                                            \
	X(REASON_APP_VS_OS, "app_vs_os") X(REASON_OS_DIFF, "os_diff")               \
	X(REASON_SIG_DIFF, "sig_diff") X(REASON_X_KNOWN, "x_known")                 \
	X(REASON_TSTAMP, "tstamp") X(REASON_TTL, "ttl") X(REASON_PORT, "port")      \
	X(REASON_MTU, "mtu") X(REASON_FUZZY, "fuzzy")

enum track_reason_index {
#define X(constant, name) constant##_INDEX,
	TRACK_REASONS(X)
#undef X
	REASON_COUNT
};

enum track_reason {
#define X(constant, name) constant = 1 << constant##_INDEX,
	TRACK_REASONS(X)
#undef X
};

/* What the event's signature says; false: it has none. Until the next call. */
bool track_event_sig(const struct track *t, const struct track_event *e, struct track_sig *out);

#define TRACK_EVENTS_MAX 8 /* of one segment */

struct track_conf {
	uint32_t flows_max;
	uint32_t hosts_max;
	uint32_t probation_max; /* of these, kept for hosts never confirmed; below hosts_max; 0 = no such part */
	enum match_mode mode;
	bool no_mtu;               /* no TRACK_MTU: who does not print a log has the MTU in the verdict */
	struct hash_key key;
	/* p0f's -t: flows that old since their SYN and hosts unseen so long are forgotten; 0 = never. Looked at every 50 segments. */
	uint32_t flow_age_s, host_age_s;
	/* A host is about to be forgotten: last chance to send what is unsent. May be NULL. */
	void (*evict)(void *ctx, struct track_host *host);
	/* A host's signature is about to give way to one that says something else, while it is unsent and confirmed. May be NULL. */
	void (*replace)(void *ctx, struct track_host *host);
	void *evict_ctx;
};

/* flows_max at least 1, hosts_max at least 2, both below 2^31. -EINVAL, -ENOMEM. */
int track_create(struct track **out, const struct track_conf *conf);
void track_destroy(struct track **tp); /* sets NULL; NULL is fine */

enum track_result {
	TRACK_APPLIED, /* judged; n events, possibly none (a repeat, a stray ACK) */
	TRACK_REFUSED, /* no room in a table for what it says, which others say of hosts that must not go: nothing changed */
};

/* Takes one segment; *n events are written to ev. */
enum track_result track_observe(struct track *t, const struct sigdb *db, const struct tcp_obs *obs,
    struct track_event ev[TRACK_EVENTS_MAX], size_t *n);

/*
 * Compat mode: the same with the segment's payload, obs->payload_len bytes: p0f keeps a flow that begins to speak while it may be HTTP. Without the
 * bytes, nothing is taken for HTTP.
 */
enum track_result track_observe_payload(struct track *t, const struct sigdb *db, const struct tcp_obs *obs, const uint8_t *payload,
    struct track_event ev[TRACK_EVENTS_MAX], size_t *n);

/* Compat mode: a frame that p0f counts towards its next look at ages, and drops. */
void track_dropped(struct track *t, int64_t time_ns);

#define TRACK_BATCH 32 /* 64 were measured to cost a twentieth more: what was loaded for the first is gone when the last comes */

/* The same for n segments, at most TRACK_BATCH, in order; on() is told of each. Faster than one by one: it looks ahead. */
void track_batch(struct track *t, const struct sigdb *db, const struct tcp_obs *obs, size_t n,
    void (*on)(void *ctx, enum track_result result, const struct track_event *ev, size_t events), void *ctx);

/* Signatures were replaced: every kept pointer to a label of the old sigdb is turned into the one of the same id in the new, or NULL. */
void track_relabel(struct track *t, const struct sigdb *fresh);

/* What of a signature a host's last word to the store said. */
enum track_said {
	TRACK_SAID_NOTHING,   /* another one, or none */
	TRACK_SAID,           /* this very signature, but for its time */
	TRACK_SAID_CONFIRMED, /* and that a handshake of it was completed */
};

/* The matcher's own words in a host: what of it is not yet sent. */
struct track_unsent {
	uint16_t connections; /* increments */
	uint16_t handshakes;
	uint16_t clock_hz : 11;
	uint16_t dirty : 1;   /* something of this is not sent */
	uint16_t queued : 1;  /* stands in the matcher's line of those to send */
	uint16_t confirmed : 1; /* a handshake of the kept signature was completed */
	uint16_t os_changed : 1;/* these two: see struct track_unsent_event */
	uint16_t shared : 1;
	uint16_t uptime_low;  /* minutes, */
	uint8_t uptime_high;  /* of 24 bits, as in the record */
	uint8_t said : 2;     /* enum track_said; the track forgets it when it keeps another signature */
	uint8_t uptime_doubtful : 1; /* with the uptime */
};
_Static_assert(sizeof(struct track_unsent) == 10, "kept for every host");

/* More of it, which few have. */
struct track_unsent_event {
	uint32_t time_s;      /* unix s of what os_changed and shared say; 0: neither */
	uint8_t sharing;
};

struct track_unsent *track_host_unsent(struct track_host *host);
/* A place for it, which stays until track_event_sent(), or until the host goes. NULL: none left. */
struct track_unsent_event *track_event_unsent(struct track *t, struct track_host *host);
/* What is there; NULL: nothing. */
const struct track_unsent_event *track_event_of(const struct track *t, const struct track_host *host);
void track_event_sent(struct track *t, struct track_host *host);

const struct fp_addr *track_host_addr(const struct track_host *host);
/*
 * What its last SYN (or, of a server only, SYN+ACK) said; false where there was none: the server of a SYN that nobody answered. SYNs of tools
 * (label->app) count only until there is one of a system.
 */
bool track_host_sig(const struct track *t, const struct track_host *host, struct track_sig *out, bool *synack);
/* When first and last seen by this track, packet time in ns, whole seconds. */
void track_host_seen(const struct track_host *host, int64_t *first_ns, int64_t *last_ns);
/* What its SYNs add up to; nothing in compat mode. */
struct evidence track_host_evidence(const struct track *t, const struct track_host *host);
/* A number that names the host while it is there, and another's after; and back; NULL: nobody's now. */
uint32_t track_host_number(const struct track *t, const struct track_host *host);
struct track_host *track_host_at(struct track *t, uint32_t number);
void track_host_soon(const struct track *t, uint32_t number); /* a hint: that host is asked for next but a few */
/* The host of an address, NULL if not held. Does not touch its age. */
struct track_host *track_find(struct track *t, const struct fp_addr *addr);

/* The hosts with something unsent, in the order of their addresses: fills line, which has room for hosts_max; returns how many. */
struct track_in_line {
	uint32_t host; /* number */
	uint32_t key;  /* the caller's, when it is filled */
};
uint32_t track_unsent_hosts(const struct track *t, struct track_in_line *line);

/* Option kinds of layout number n (track_sig.layout); NULL for 0. */
const uint8_t *track_layout(const struct track *t, uint16_t n, uint8_t *len, uint8_t *eol_pad);

/* Whether unconfirmed hosts are held to probation_max from now on. */
void track_probation(struct track *t, bool on);
/* Whether the host has ever completed a handshake here. */
bool track_host_confirmed(const struct track_host *host);

/* Forgets all hosts of a block as if they were evicted; returns how many. */
uint32_t track_forget(struct track *t, const struct fp_cidr *block);

struct track_stats {
	uint64_t flows, hosts, confirmed, flows_evicted, hosts_evicted, confirmed_evicted, bytes;
};
void track_stats(const struct track *t, struct track_stats *out);

#endif
