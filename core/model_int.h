/* model_int - what lies in a model: shared by modelfile.c (the text) and model.c (judging). */
#ifndef FP_MODEL_INT_H
#define FP_MODEL_INT_H

#include "core/model.h"

#define TOKENS_MAX 64  /* different windows that the rows of one layout name: bits of a word */
#define ROW_TOKENS 24
#define MULTIPLES 66   /* no window holds more segments of 1000 bytes; with smaller ones "mss*N" is not told apart */
#define ROW_ODD 2
#define ALTS_MAX 8     /* ways in which one layout can have come about */
#define OTHER_MULTIPLES 24.0f /* so many numbers of segments share what a row gives "mss*" */
#define OTHER_WINDOWS 64.0f /* a window that a row does not name shares what is left with so many others */

/* Several may fit one window: it can have come about in each of these ways, and what they say adds up. */
enum token_kind { TOKEN_VALUE, TOKEN_MSS, TOKEN_FIT, TOKEN_MSS_ANY };

struct token {
	uint8_t kind;   /* enum token_kind */
	uint16_t value; /* the window, or how many segments */
};

/* Classes that the cells of a row speak of; each array in a row is indexed by one. */
enum ttl_class { TTL_32, TTL_64, TTL_128, TTL_255, TTL_CLASSES };
enum id_class { ID_PLUS, ID_ZERO, ID_NODF, ID_MINUS, ID_CLASSES };
enum ecn_class { ECN_NO, ECN_TCP, ECN_ACC, ECN_IP, ECN_CLASSES };
enum mss_class { MSS_NONE, MSS_ETH, MSS_DSL, MSS_TUN, MSS_LOW, MSS_TINY, MSS_JUMBO, MSS_CLASSES };
#define SCALES 16 /* 15: above 14 */

/* One stack, compiled: the probability of each class of each field. */
struct row {
	float weight;
	float ttl[TTL_CLASSES], scale[SCALES], id[ID_CLASSES], ecn[ECN_CLASSES], mss[MSS_CLASSES];
	float window[ROW_TOKENS]; /* of token[] */
	float window_other;       /* of any one window, named or not */
	uint8_t token[ROW_TOKENS];/* bits of the group's tokens */
	uint8_t n_tokens;
	uint8_t code;
	uint8_t n_odd;
	float odd_p[ROW_ODD];
	uint32_t odd[ROW_ODD];    /* enum quirk */
	const char *source;
};

struct layout {
	uint8_t kinds[OBS_OPTIONS_MAX];
	uint8_t len, eol_pad;
	uint8_t zero[6];
};
_Static_assert(sizeof(struct layout) == 32, "compared whole");

/* Four rows at once: gcc and clang turn it into what the machine has. */
typedef float lanes __attribute__((vector_size(16)));
#define LANES 4

#define ID_ANY ID_CLASSES /* IPv6 has neither DF nor id */
#define SCALE_ANY SCALES  /* something on the way has taken it */

/*
 * Tables of a group, each of group.blocks lanes, all rows side by side: a row's probability is one of the first times one of the second times
 * the sum of the windows that fit. Fields are multiplied out where that is once, at load.
 */
enum lane_block {
	BLOCK_HEAD,                        /* weight, prior, no odd quirk; hop limit, id, ECN: head_block() */
	BLOCK_SIZE = BLOCK_HEAD + TTL_CLASSES * (ID_CLASSES + 1) * ECN_CLASSES, /* MSS, scale: size_block() */
	BLOCK_OTHER = BLOCK_SIZE + MSS_CLASSES * (SCALES + 1), /* any window */
	BLOCK_NONE,                        /* zeros: no window */
	BLOCK_TOKEN                        /* one for each of the group's tokens; 0: the row does not name it */
};

static inline unsigned head_block(unsigned ttl, unsigned id, unsigned ecn)
{
	return BLOCK_HEAD + (ttl * (ID_CLASSES + 1) + id) * ECN_CLASSES + ecn;
}

static inline unsigned size_block(unsigned mss, unsigned scale)
{
	return BLOCK_SIZE + mss * (SCALES + 1) + scale;
}

#define BLOCK_MIXED 255 /* rows of several candidates */

/* Rows of one layout. */
struct group {
	struct layout layout;
	uint32_t first, n;        /* in model.rows */
	float mass;               /* how much of all SYNs has this layout, by weights and prior */
	uint16_t next_core;       /* number plus 1 of the next group in its chain of model.by_core; 0: the last */
	uint32_t core;            /* order of its known options, in base 8 */
	struct token token[TOKENS_MAX]; /* in the order of enum token_kind */
	uint8_t n_tokens, n_values;     /* of kind TOKEN_VALUE, the first */
	uint8_t mss_token[MULTIPLES];   /* number of the token "mss*N" plus 1, by N; 0: none */
	uint8_t fit_token, any_token;   /* numbers plus 1 */
	uint16_t blocks;                /* lanes a block */
	uint32_t places;                /* bits of the candidates that have rows here, by place in the table */
	uint32_t token_places[TOKENS_MAX]; /* and of those whose rows name the token */
	lanes *lanes;
	uint8_t *candidate;             /* of each row: place in candidate.h's table; rows of one stand together, padded as lanes are */
	uint8_t *block_candidate;       /* of each block: all its rows', or BLOCK_MIXED */
	char text[128];
};

/* One way in which a layout can have come about. */
struct alt {
	uint16_t group;
	uint16_t path;            /* enum fp_path: what was done to the group's layout */
	float factor;             /* how likely that is */
};

#define RARE_MASS 0.002f /* a layout that fewer SYNs than that have is known by a sample or two */
#define CORE_SLOTS 127

/* What no row foresees may still be anybody, in proportion to the prior. */
#define FLOOR 1e-10f

struct slot {
	struct layout layout;
	struct alt alt[ALTS_MAX];
	uint8_t n;                /* 0: free */
};

struct model {
	struct row *rows;
	struct group *groups;
	uint32_t n_rows, n_groups;
	struct slot *slots;
	uint32_t slot_mask;
	float prior[256];         /* by code */
	uint32_t kin[256];        /* by code: candidates of the same kernel, bits by place in the table */
	float floor[MODEL_CANDIDATES], floor_sum; /* a little of it, by place in the table of candidates */
	uint16_t by_core[CORE_SLOTS];  /* chains of groups whose options come in one order; numbers plus 1 */
	void *lanes;              /* of all groups */
	uint8_t *candidates;
	char *text;               /* of the table: sources point into it */
};

/* MSS, WS, SOK, TS in their order, a base-8 digit each; 0: none of them. */
uint32_t layout_core(const struct layout *l);

uint32_t layout_hash(const struct layout *l);

/* Of a row: the probability of odd quirks, of none too. */
float row_odd_p(const struct row *r, uint32_t odd);

/* Where a code stands in candidate.h's table. */
unsigned candidate_place(unsigned code);

#endif
