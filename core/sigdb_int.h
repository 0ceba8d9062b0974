/*
 * sigdb_int - what lies in a sigdb: shared by sigfile.c (grammar), sigdb.c (building, index) and match.c (the pass).
 */
#ifndef FP_SIGDB_INT_H
#define FP_SIGDB_INT_H

#include "core/hash.h"
#include "core/sigdb.h"

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

/* What all signatures of a bucket share, padded with 0: an observation has the same. */
struct sig_key {
	uint8_t layout[OBS_OPTIONS_MAX];
	uint8_t layout_len;
	uint8_t eol_pad;
	uint8_t olen;
	uint8_t direction;
	uint8_t zero[4];
};
_Static_assert(sizeof(struct sig_key) == 32, "compared as four words");

/* Signatures of one key, in file order. */
struct sig_bucket {
	struct sig_key key;
	uint32_t first, n; /* in sigdb.sigs */
};

struct sigdb {
	struct sig *sigs;            /* by bucket, file order inside */
	struct sig_bucket *buckets;
	struct sig_label *labels;
	uint16_t *link_of;           /* for each MTU 0..65535 its number in links, 0 = none */
	const char **links;
	uint32_t *slots;             /* open addressing: bucket number + 1, 0 = free */
	uint32_t slot_mask;
	uint32_t n_sigs, n_buckets, n_labels;
	uint32_t n_dir[SIG_DIRECTIONS];
	const char **http[SIG_DIRECTIONS];
	uint32_t n_http[SIG_DIRECTIONS];
	struct model *model;         /* NULL: none; see opinion.c */
	const struct sig_label *model_label[256]; /* by candidate's code: what to call it where no signature does; NULL: nothing */
	struct arena *arena;         /* holds every text and list */
};

static inline uint64_t sig_key_word(const struct sig_key *key, unsigned i)
{
	uint64_t w;

	memcpy(&w, (const uint8_t *)key + 8 * i, 8);
	return w;
}

static inline bool sig_key_equal(const struct sig_key *a, const struct sig_key *b)
{
	return ((sig_key_word(a, 0) ^ sig_key_word(b, 0)) | (sig_key_word(a, 1) ^ sig_key_word(b, 1)) |
	        (sig_key_word(a, 2) ^ sig_key_word(b, 2)) | (sig_key_word(a, 3) ^ sig_key_word(b, 3))) == 0;
}

/* Needs no key: the table holds what the file holds, and is three quarters empty, whatever arrives. */
static inline uint32_t sig_key_hash(const struct sig_key *key)
{
	uint64_t h = sig_key_word(key, 0) * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 29 ^ sig_key_word(key, 1)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 29 ^ sig_key_word(key, 2)) * 0x94d049bb133111ebu;
	h = (h ^ h >> 29 ^ sig_key_word(key, 3)) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}

/* The bucket of a key, or NULL. */
static inline const struct sig_bucket *sigdb_bucket(const struct sigdb *db, const struct sig_key *key)
{
	for (uint32_t i = sig_key_hash(key) & db->slot_mask; db->slots[i] != 0; i = (i + 1) & db->slot_mask) {
		const struct sig_bucket *b = &db->buckets[db->slots[i] - 1];

		if (sig_key_equal(&b->key, key))
			return b;
	}
	return NULL;
}

/* ---- Building, sigfile.c and sigdb.c ------------------------------------------------------- */

/* Texts that live as long as the sigdb. */
char *arena_text(struct arena **ap, const char *text, size_t len);
void *arena_alloc(struct arena **ap, size_t size);
void arena_free(struct arena **ap);

struct sig_builder;

int sig_builder_create(struct sig_builder **out);
void sig_builder_destroy(struct sig_builder **bp);

/* Reads one file's text into it. FP_ECONFIG with *err filled; -ENOMEM. */
int sigfile_read(struct sig_builder *b, const char *name, const char *text, size_t len, struct sig_error *err);

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
