/* model_int - what lies in a model: shared by modelfile.c (the text) and model.c (judging). */
#ifndef FP_MODEL_INT_H
#define FP_MODEL_INT_H

#include "core/model.h"

#define TOKENS_MAX 64  /* different windows that the rows of one layout name: bits of a word */
#define ROW_TOKENS 12
#define ROW_ODD 2
#define ALTS_MAX 8     /* ways in which one layout can have come about */
#define OTHER_MULTIPLES 24.0f /* so many numbers of segments share what a row gives "mss*" */
#define OTHER_WINDOWS 64.0f /* a window that a row does not name shares what is left with so many others */

enum token_kind { TOKEN_VALUE, TOKEN_FIT, TOKEN_MSS, TOKEN_MSS_ANY };

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
	float window[ROW_TOKENS]; /* of token[]; the first that fits counts */
	float window_other;       /* of any one window that none of them names */
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

/* Rows of one layout. */
struct group {
	struct layout layout;
	uint32_t first, n;        /* in model.rows */
	float mass;               /* how much of all SYNs has this layout, by weights and prior */
	uint32_t core;            /* order of its known options, in base 8 */
	struct token token[TOKENS_MAX];
	uint8_t n_tokens;
	char text[128];
};

/* One way in which a layout can have come about. */
struct alt {
	uint16_t group;
	uint16_t path;            /* enum fp_path: what was done to the group's layout */
	float factor;             /* how likely that is */
};

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
	char *text;               /* of the table: sources point into it */
};

/* MSS, WS, SOK, TS in their order, a base-8 digit each; 0: none of them. */
uint32_t layout_core(const struct layout *l);

uint32_t layout_hash(const struct layout *l);

int modelfile_table(struct model *m, const char *name, struct sig_error *err); /* of m->text, which it cuts up */
int modelfile_prior(struct model *m, const char *name, const char *text, struct sig_error *err);

#endif
