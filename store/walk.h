/*
 * walk - own walk of LMDB's tree in a mapping that another process writes. Part of libfingerpost.
 *
 * Every byte is bounded and nothing is waited for: whatever is in the pages, a walk ends within LMDB_DEPTH_MAX of them and
 * touches none outside the file. What it says is true only where the caller's clock says so too: docs/lock-free-readers.md.
 *
 * Threads  pure; any number in one mapping.
 */
#ifndef FP_WALK_H
#define FP_WALK_H

#include "store/lmdbfile.h"
#include "store/record.h"

#include <stddef.h>

/* What snap_take() says beside 0: the file has outgrown the mapping. */
#define WALK_GROWN 1

/* A snapshot: of one meta page, the two words that matter. */
struct snap {
	const uint8_t *map;
	uint64_t root;
	uint64_t end;       /* one past its last page: the file reaches so far */
};

/* 0; FP_EFORMAT, FP_EVERSION: LMDB's two meta pages are not of the format that the walk knows; FP_EDAMAGED: the file is too short. */
int metas_check(const uint8_t *map, uint64_t pages);

/* The newest snapshot in a mapping of so many pages, whose metas were checked when it was made: 0 or WALK_GROWN. */
int snap_take(const uint8_t *map, uint64_t pages, struct snap *s);

/*
 * A record with its key, or (next) the first one behind the key. 0, FP_ENOTFOUND, FP_EDAMAGED.
 * key is written too: the answer's.
 */
int walk(const struct snap *s, uint8_t key[RECORD_KEY_BYTES], bool next, uint8_t data[RECORD_VALUE_MAX], size_t *size);

/* A text of the store; "" where there is none or where it does not fit. */
int walk_text(const struct snap *s, enum record_kind kind, uint32_t id, char *buf, size_t room);

int walk_meta(const struct snap *s, struct record_meta *meta);

#endif
