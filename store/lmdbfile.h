/*
 * lmdbfile - where LMDB's data format version 1 keeps what a reader needs, for whoever walks the file
 * without LMDB: walk.c on a live file, validate.c on one at rest. Offsets of lmdb 0.9's mdb.c on a
 * 64-bit little-endian machine with pages of 4096 bytes: MDB_page, MDB_meta, MDB_db, MDB_node.
 */
#ifndef FP_LMDBFILE_H
#define FP_LMDBFILE_H

#include <stdint.h>

enum {
	LMDB_PAGE = 4096,
	LMDB_METAS = 2,          /* pages 0 and 1 */
	LMDB_DEPTH_MAX = 12,     /* far more than 2^48 bytes of pages need */
	LMDB_MAGIC = (int)0xBEEFC0DE,
	LMDB_FORMAT = 1,

	/* A page's head. */
	PAGE_NO = 0,             /* u64 */
	PAGE_FLAGS = 10,         /* u16 */
	PAGE_LOWER = 12,         /* u16: end of the node offsets that begin at PAGE_HEAD */
	PAGE_UPPER = 14,         /* u16: begin of the nodes */
	PAGE_SPAN = 12,          /* u32, overflow pages: how many there are */
	PAGE_HEAD = 16,
	PAGE_BRANCH = 1,
	PAGE_LEAF = 2,
	PAGE_OVERFLOW = 4,
	PAGE_META = 8,

	/* Behind a meta page's head. */
	META_MAGIC = 16,         /* u32 */
	META_FORMAT = 20,        /* u32 */
	META_FREE = 40,          /* struct MDB_db: the tree of free pages */
	META_MAIN = 88,          /* and ours */
	META_LAST_PAGE = 136,    /* u64 */
	META_TXN = 144,          /* u64 */

	/* Inside a struct MDB_db. */
	DB_PAGE_SIZE = 0,        /* u32; of the free tree: the page size of the file */
	DB_FLAGS = 4,            /* u16 */
	DB_DEPTH = 6,            /* u16 */
	DB_BRANCHES = 8,         /* u64 each */
	DB_LEAVES = 16,
	DB_OVERFLOWS = 24,
	DB_ENTRIES = 32,
	DB_ROOT = 40,

	/* A node: u16 low, u16 high, u16 flags, u16 key size, key, data. */
	NODE_FLAGS = 4,
	NODE_KEY_SIZE = 6,
	NODE_HEAD = 8,
	NODE_BIG = 1,            /* the data is the number of an overflow page */
	FLAG_INTEGER_KEY = 8,
};

#define LMDB_NO_PAGE (~UINT64_C(0))

/*
 * Every field is read exactly once: the page may change under the hand that reads it. LMDB aligns nodes to two
 * bytes; where a hostile page has an odd offset, one byte is dropped rather than read askew.
 */
typedef uint16_t lmdb_u16 __attribute__((may_alias));
typedef uint32_t lmdb_u32 __attribute__((may_alias, aligned(2)));
typedef uint64_t lmdb_u64 __attribute__((may_alias, aligned(2)));
#define L16(p) (*(const volatile lmdb_u16 *)(p))
#define L32(p) (*(const volatile lmdb_u32 *)(p))
#define L64(p) (*(const volatile lmdb_u64 *)(p))

/* A branch node has its page number in 48 bits where a leaf node has its data's size and flags. */
static inline uint64_t lmdb_child(const uint8_t *node)
{
	return L16(node) | (uint64_t)L16(node + 2) << 16 | (uint64_t)L16(node + 4) << 32;
}

#endif
