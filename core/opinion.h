/*
 * opinion - signatures and model together: a name for SYNs that no signature knows to the letter, candidates with
 * probabilities, and what the way did. All of it in correct mode only.
 *
 * Threads  the functions are pure but for the cache, which is its owner's.
 */
#ifndef FP_OPINION_H
#define FP_OPINION_H

#include "core/evidence.h"
#include "core/host.h"
#include "core/match.h"
#include "core/model.h"
#include "core/track.h"

/*
 * Gives a sigdb our model with a prior: "mail", "flat" (prior-mail.tsv, prior-flat.tsv beside the model) or a file's name.
 * table: another model than ours, NULL: ours. names: opinion_name() may name what no signature does; false where an operator
 * brought files of his own, whose silence is meant: the model then gives candidates alone. 0, or as model_load() with *err filled; FP_ECONFIG also where a file of ours
 * is not there.
 */
int opinion_load(struct sigdb *db, const char *table, const char *prior, bool names, struct sig_error *err);

/*
 * A SYN that no signature has to the letter is matched again as it was before the way changed it; and else named by the
 * model, where that is sure of the kernel: by the sigdb's broadest generic label of the name. What a fuzzy match said
 * gives way to a sure model of another mind. Without a model: nothing.
 */
void opinion_name(const struct sigdb *db, const struct tcp_obs *obs, struct verdict *v);

/* Of a SYN; out->n is 0 without a model or for a SYN+ACK. Adds the tunnels that the MTU names. */
void opinion_judge(const struct sigdb *db, const struct tcp_obs *obs, struct model_answer *out);

#define OPINION_CELLS 2048 /* a power of two */
#define OPINION_SPREAD 8

/* Answers by what a signature consists of: clients are many, stacks few. Zeroed by the owner. */
struct opinion_cache {
	const struct sigdb *db; /* whose answers these are */
	struct opinion_cell {
		uint64_t key[4];
		struct fp_candidate candidate[FP_CANDIDATES];
		uint16_t path;
		bool used;
		bool sure;            /* nothing that evidence could change: one habit */
		uint8_t vague, n_spread; /* of the answer; the likeliest only */
		struct model_candidate spread[OPINION_SPREAD];
	} cell[OPINION_CELLS];
	uint64_t hits, misses;
};

/*
 * Puts candidates and path of a kept signature into a host, weighed by what its SYNs add up to. kinds: of its layout; NULL: not kept, nothing is
 * said.
 */
void opinion_host(struct opinion_cache *cache, const struct sigdb *db, const struct track_sig *sig, const struct evidence *evidence,
    const uint8_t *kinds, uint8_t len, uint8_t eol_pad, struct fp_host *host);

#endif
