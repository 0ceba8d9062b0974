/*
 * model - how likely each system is, given one SYN: what systems send (a table, signatures/model.tsv) times how
 * common they are (a prior). docs/signatures.md says where the numbers come from and how far they go.
 *
 * Owner    model_load() or model_parse() makes it, model_free() ends it; a sigdb may carry it (sigdb_model()).
 * Threads  any number of readers; nothing in it ever changes.
 * Cost     one index look-up and a few dozen multiplications a row of the layout in hand; no allocation.
 */
#ifndef FP_MODEL_H
#define FP_MODEL_H

#include "core/sigdb.h"

#define MODEL_CANDIDATES 24 /* rows of candidate.h, at most */

struct model;

struct model_candidate {
	uint8_t code; /* of candidate.h */
	float p;
};

/*
 * Probabilities, and what the way did. Of the likeliest family all candidates first, then of the next, and so on. A generation of Windows or Linux is
 * a candidate only where no other comes into question; else the system's name alone stands for all of them.
 */
struct model_answer {
	struct model_candidate candidate[MODEL_CANDIDATES];
	uint8_t n;             /* 0: silence; nothing is likely enough to be said */
	/* The same before anything was left unsaid: every generation by itself, in the order of candidate.h. */
	uint8_t n_spread;
	uint8_t vague;         /* the systems (bits, model.c numbers them) whose window is in no row: no generation of theirs is named */
	struct model_candidate spread[MODEL_CANDIDATES];
	float kernel_p;        /* of the first candidate's kernel: Android and ChromeOS with Linux, iOS with macOS */
	uint16_t path;         /* enum fp_path */
	uint8_t how;           /* enum model_how */
};

enum model_how {
	MODEL_NOTHING,  /* no row is for such options */
	MODEL_LAYOUT,   /* rows for this very layout */
	MODEL_UNDONE,   /* rows for the layout before something on the way changed it */
	MODEL_ORDER,    /* rows for the same options in the same order, whatever stands between and behind them */
};

/*
 * The table and a prior, files; on failure *out is NULL and *err says where and what was expected: FP_ECONFIG, -errno,
 * -ENOMEM.
 */
int model_load(struct model **out, const char *table, const char *prior, struct sig_error *err);
int model_parse(struct model **out, const char *table, const char *prior, struct sig_error *err); /* texts */
void model_free(struct model **mp); /* sets NULL; NULL is fine */

/* obs is a SYN. Always fills *out. */
void model_judge(const struct model *m, const struct tcp_obs *obs, struct model_answer *out);

/*
 * Makes candidates and kernel_p anew of a spread that was weighed by something else in between (core/evidence.h), or silence. The path stays,
 * but for silence.
 */
void model_settle(struct model_answer *answer);

/*
 * Gives an observation the layout that it had before something on the way overwrote options of it with NOPs; false: nothing
 * did, or not that we know.
 */
bool model_undo(const struct model *m, struct tcp_obs *obs);

/*
 * The probability of a name as signatures give it ("Windows", "Mac OS X"), all its generations together; a flavor that names
 * a second system ("or iOS", "Android or ...") adds that one's. Negative: the answer says nothing of the name.
 */
float model_name_p(const struct model_answer *answer, const char *name, const char *flavor);

/* The names of a candidate's code, as docs/interface.md has them; NULL: none. */
const char *model_candidate(unsigned code, const char **flavor);
unsigned model_candidate_code(const char *name, const char *flavor); /* 0: none */

/* Whether a candidate stands for a code: its own, or a generation's where it is a system without one ("Windows"). */
bool model_covers(unsigned candidate, unsigned code);

/* A number for all candidates of one kernel; 0 for no candidate. */
unsigned model_kernel(unsigned code);

/* ---- In words, for `fingerpost explain` --------------------------------------------------------- */

enum model_field {
	MODEL_WEIGHT, MODEL_TTL, MODEL_WINDOW, MODEL_SCALE, MODEL_ID, MODEL_ECN, MODEL_MSS, MODEL_ODD, MODEL_FIELDS
};

/* The best row for one candidate: the probability of what was seen in each field, and who says so. */
struct model_reason {
	uint8_t code;
	float prior;
	float field[MODEL_FIELDS];
	float likelihood;     /* of all of the candidate's rows together */
	uint16_t path;        /* what must have happened on the way */
	const char *layout, *source;
};

/* Fills up to max, unordered; returns how many candidates have rows for such options. */
size_t model_explain(const struct model *m, const struct tcp_obs *obs, struct model_reason *out, size_t max);

#endif
