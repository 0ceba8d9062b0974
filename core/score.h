/*
 * score - how much a host's new signature speaks against its last one: p0f's points for host change and address
 * sharing (docs/p0f3-matching.md section 13). Pure.
 */
#ifndef FP_SCORE_H
#define FP_SCORE_H

#include "core/face.h"

struct score {
	uint8_t points;
	uint32_t reason; /* enum track_reason */
};

struct score_about {
	bool correct;                /* else p0f 3.09b's answers */
	bool server;                 /* a SYN+ACK */
	const struct track_kept *now;
	const struct track_kept *ref;     /* the host's last of the same kind; NULL: none */
	const struct face_what *what, *ref_what; /* theirs */
	const struct sig_label *os;       /* the system the host is known for; NULL: none */
	uint16_t port, last_port;         /* its own now; its client's before, 0: none */
};

struct score score_signature(const struct score_about *about);

/* A tool was recognised: does it run on the host's system? */
struct score score_tool(const struct sig_label *tool, const struct sig_label *os);

/* The last 32 scorings of a host as a client and as a server. 36 bytes. */
struct scores {
	uint32_t at_least[2][4]; /* [server][6, 3, 2, 1 points]: newest in the lowest bit */
	uint32_t reasons;        /* of all since the last finding */
};

enum score_finding { SCORE_NOTHING, SCORE_CHANGE, SCORE_SHARING };

/* Adds one scoring and judges; hits[] are p0f's raw_hits, *reason what is to be reported. SHARING clears what it found. */
enum score_finding scores_add(struct scores *s, bool server, struct score score, uint8_t hits[4], uint32_t *reason);

/* Nothing is kept that a fresh one would not have. */
bool scores_empty(const struct scores *s);

#endif
