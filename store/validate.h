/*
 * validate - whether a data.mdb at rest is sound: every page walked, every record checked, without LMDB, which
 * trusts its file and dies of a damaged one.
 *
 * Nobody may be writing. Every byte is suspect; only the disk itself can still raise a signal (SIGBUS), so a daemon lets a
 * child do it.
 */
#ifndef FP_VALIDATE_H
#define FP_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct validate_report {
	int rc;              /* what validate_file() returned */
	unsigned version;    /* of the store, where it could be read; 0 else */
	bool clean;          /* its meta says that the writer ended in order */
	uint64_t store_id;
	uint64_t inode;
	uint64_t hosts;
	uint64_t others;     /* labels, layouts, meta, ... */
	uint64_t pages;      /* up to the last page in use */
	uint64_t page;       /* where the damage is; 0 = not of one page */
	char why[128];       /* "" when sound */
};

/*
 * 0: sound. FP_ENOTFOUND: nothing in it yet (no file content, or LMDB's empty tree). FP_EDAMAGED.
 * FP_EVERSION: a sound store of another version. FP_EFORMAT: a sound LMDB file that is none of ours. -errno.
 * Allocates by mmap() alone, so it may run in a forked child of a process with threads.
 */
int validate_file(int fd, struct validate_report *report);

struct validate_child;

/* Starts a child that validates the file; fd may be closed then. -errno. */
int validate_start(struct validate_child **out, int fd);

/*
 * Waits up to wait_ms (-1 = for ever). False: not done yet. True: *report is filled (a child that died is
 * FP_EDAMAGED) and *cp is NULL.
 */
bool validate_done(struct validate_child **cp, int wait_ms, struct validate_report *report);

void validate_cancel(struct validate_child **cp); /* ends the child; sets NULL; NULL is fine */

#endif
