/*
 * sigdb_int - what lies in a sigdb: shared by sigfile.c (grammar), sigdb.c (building, index) and match.c (the pass).
 */
#ifndef FP_SIGDB_INT_H
#define FP_SIGDB_INT_H

#include "core/hash.h"
#include "core/sigdb.h"

#include <stddef.h>
#include <string.h>

#define SIG_ANY (-1)

enum sig_wsize { SIG_WIN_ANY, SIG_WIN_VALUE, SIG_WIN_MOD, SIG_WIN_MSS, SIG_WIN_MTU };

/* One "sig =" line of a tcp section; numbers as in docs/p0f3-matching.md section 6. */
struct sig {
	const struct sig_label *label; /* set when loading ends; label_no before */
	uint32_t label_no;
	uint32_t line;     /* in its file; above 24 bits the number of the file */
	uint32_t quirks;   /* as written */
	uint32_t quirks_v4, quirks_v6; /* as wanted of an IPv4, IPv6 packet: what the version cannot have is masked under '*' */
	int32_t mss;       /* SIG_ANY */
	uint16_t win;
	int16_t wscale;    /* SIG_ANY */
	uint8_t wsize;     /* enum sig_wsize */
	uint8_t ipver;     /* 4, 6, 0 = '*' */
	uint8_t ittl;
	bool random_ttl;   /* "n-" */
	int8_t payload;    /* 0, 1, SIG_ANY */
};

/* What all signatures of a bucket share. */
struct sig_key {
	uint8_t layout[OBS_OPTIONS_MAX]; /* 0 beyond layout_len */
	uint8_t layout_len;
	uint8_t eol_pad;
	uint8_t olen;
	uint8_t direction;
};

/* The same as numbers: compared and hashed. */
struct sig_words {
	uint64_t w[4];
};

/* Signatures of one key, in file order. */
struct sig_bucket {
	struct sig_words key;
	uint32_t first, n;             /* in sigdb.sigs */
	uint32_t first_block, n_blocks;/* in sigdb.blocks */
	uint64_t ttl_edges[4];         /* a bit a TTL: from there on some signature judges TTLs otherwise than just below */
};

/* ---- The index of a bucket: sets of its signatures, a bit each, 64 a block (sigindex.c) ------------ */

#define SIG_BLOCK 64
#define SIG_SCALES 16   /* window scales 0..14, and all above */
#define SIG_VARIANTS 4  /* quirks as wanted: 2 in correct mode, plus 1 of IPv6 */
#define SIG_TIMES_MAX 1000 /* mss*1000 is p0f's most */
#define SIG_TIMES_SETS 48  /* so many n of mss*n have a set of their own; a file with more pays with time */

/* Those of a block that want this number; of quirks also, that take TTLs from low to high. */
struct sig_entry {
	uint64_t mask;
	uint32_t want;
	uint8_t ttl_low, ttl_high;
};

struct sig_list {
	uint32_t at, end; /* in sigdb.entries */
};

struct sig_block {
	uint64_t scale[SIG_SCALES];
	uint64_t big_scale; /* names a scale above 14: to be compared */
	uint64_t payload[2];
	uint64_t mss_any;
	uint64_t win_any, win_value;
	uint64_t win_mss;   /* mss*n of an n that has a set */
	uint64_t win_rest;  /* other multiples: to be compared */
	uint64_t generic;
	uint32_t times;     /* its sets, in sigdb.times_sets: one for each number in times_no, from 1 on */
	uint32_t first;     /* in sigdb.sigs: bit 0 */
	struct sig_list quirks[SIG_VARIANTS], windows, msses;
};

struct sigdb {
	struct sig *sigs;            /* by bucket, file order inside */
	struct sig_bucket *buckets;
	struct sig_block *blocks;
	struct sig_entry *entries;
	uint64_t *times_sets;
	uint8_t times_no[SIG_TIMES_MAX + 1]; /* of the n of mss*n; 0 = none */
	uint8_t n_times;
	struct sig_label *labels;
	uint16_t *link_of;           /* for each MTU 0..65535 its number in links, 0 = none */
	const char **links;
	uint32_t *slots;             /* open addressing: bucket number + 1, 0 = free */
	unsigned slot_bits;          /* their number is 2 to the power of it, at least 3 */
	uint32_t n_sigs, n_buckets, n_labels;
	uint32_t n_dir[SIG_DIRECTIONS];
	const char **http[SIG_DIRECTIONS];
	uint32_t n_http[SIG_DIRECTIONS];
	struct model *model;         /* NULL: none; see opinion.c */
	bool model_names;            /* it may name what no signature does */
	void (*model_free)(struct model **mp); /* so that the engine needs no model to link */
	const struct sig_label *model_label[256]; /* by candidate's code: what to call it where no signature does; NULL: nothing */
	struct arena *arena;         /* holds every text and list */
};

/* Of a key, or of an observation, which has the same bytes in the same order: its kind is the direction. */
static inline struct sig_words sig_words(const uint8_t layout[OBS_OPTIONS_MAX])
{
	struct sig_words k;
	uint32_t rest;

	for (int i = 0; i < 3; i++) /* not in one go, or it goes over memory */
		memcpy(&k.w[i], layout + 8 * i, 8);
	memcpy(&rest, layout + OBS_OPTIONS_MAX, sizeof rest);
	k.w[3] = rest;
	return k;
}

#define SAME_ORDER(of) \
	(offsetof(of, layout_len) == offsetof(of, layout) + OBS_OPTIONS_MAX && offsetof(of, eol_pad) == offsetof(of, layout_len) + 1 && \
	    offsetof(of, olen) == offsetof(of, eol_pad) + 1)
_Static_assert(SAME_ORDER(struct sig_key) && offsetof(struct sig_key, direction) == offsetof(struct sig_key, olen) + 1, "sig_words()");
_Static_assert(SAME_ORDER(struct tcp_obs) && offsetof(struct tcp_obs, kind) == offsetof(struct tcp_obs, olen) + 1, "sig_words()");
_Static_assert((int)SIG_REQUEST == (int)OBS_SYN && (int)SIG_RESPONSE == (int)OBS_SYNACK, "sig_words()");
#undef SAME_ORDER

static inline bool sig_words_equal(const struct sig_words *a, const struct sig_words *b)
{
	return ((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) | (a->w[3] ^ b->w[3])) == 0;
}

/* Its top bits depend on every bit. Needs no key: the table holds what the file holds, and is three quarters empty, whatever arrives. */
static inline uint64_t sig_words_hash(const struct sig_words *k)
{
	return (k->w[0] ^ k->w[3] << 32) * 0x9e3779b97f4a7c15u + (k->w[1] ^ k->w[2] << 1) * 0xbf58476d1ce4e5b9u;
}

/* The bucket of a key, or NULL. */
static inline const struct sig_bucket *sigdb_bucket(const struct sigdb *db, const struct sig_words *key)
{
	for (uint64_t i = sig_words_hash(key) >> (64 - db->slot_bits);; i = (i + 1) & ((UINT64_C(1) << db->slot_bits) - 1)) {
		if (db->slots[i] == 0)
			return NULL;
		const struct sig_bucket *b = &db->buckets[db->slots[i] - 1];

		if (sig_words_equal(&b->key, key))
			return b;
	}
}

static inline const char *sigdb_link_of(const struct sigdb *db, unsigned mtu)
{
	const uint16_t n = mtu < 65536 ? db->link_of[mtu] : 0;

	return n != 0 ? db->links[n - 1] : NULL;
}

/* blocks and entries of a sigdb whose signatures and buckets are there. -ENOMEM. */
int sigindex_build(struct sigdb *db);

/* ---- Building, sigfile.c and sigdb.c ------------------------------------------------------- */

/* Texts that live as long as the sigdb. */
char *arena_text(struct arena **ap, const char *text, size_t len);
void *arena_alloc(struct arena **ap, size_t size);
void arena_free(struct arena **ap);

struct sig_builder;

int sig_builder_create(struct sig_builder **out);
void sig_builder_destroy(struct sig_builder **bp);

/* Who hears of each error of a file; NULL: the first ends the reading. */
struct sig_hearer {
	void (*say)(void *ctx, const struct sig_error *err);
	void *ctx;
};

/* Reads one file's text into it. FP_ECONFIG with *err filled, the last one where all are heard; -ENOMEM. */
int sigfile_read(struct sig_builder *b, const char *name, const char *text, size_t len, const struct sig_hearer *hearer,
    struct sig_error *err);

/* The same of a part whose first line has a number of its own. */
int sigfile_read_at(struct sig_builder *b, const char *name, unsigned line, const char *text, size_t len, struct sig_error *err);

/* Whether the name of a system may have that letter. */
bool sigfile_name_has(char c);

/* What the grammar hands over; each 0 or -ENOMEM, and FP_ECONFIG with the words in text where it refuses. */
int sig_builder_class(struct sig_builder *b, const char *name, size_t len);
bool sig_builder_class_find(const struct sig_builder *b, const char *name, size_t len, uint32_t *number);
int sig_builder_name(struct sig_builder *b, const char *name, size_t len, uint32_t *number);
int sig_builder_label(struct sig_builder *b, const struct sig_label *label, const char *flavor, size_t flavor_len,
    const char *name, size_t name_len, char *text, size_t size);
/* sys of the newest label. */
int sig_builder_sys(struct sig_builder *b, const uint32_t *sys, uint32_t n);
int sig_builder_tcp(struct sig_builder *b, const struct sig_key *key, const struct sig *sig, char *text, size_t size);
int sig_builder_mtu(struct sig_builder *b, unsigned mtu, const char *link, size_t len);
int sig_builder_http(struct sig_builder *b, enum sig_direction direction, const char *sig, size_t len);

/* The number that line `line` of the file now read has in sig.line. */
uint32_t sig_builder_line(const struct sig_builder *b, unsigned line);

/* Turns what was read into a sigdb; the builder is spent. */
int sig_builder_finish(struct sig_builder **bp, struct sigdb **out);

#endif
