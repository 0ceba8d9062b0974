/*
 * view - mappings of data.mdb, and the handle that has one. Part of libfingerpost.
 *
 * Owner    the handle has the views: the current one, and those retired, whose memory is kept until it is closed.
 * Threads  any number; each works for itself, and the first to swap a view wins.
 */
#ifndef FP_VIEW_H
#define FP_VIEW_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#ifndef LIMIT_NS
#define LIMIT_NS (SECOND / 10)       /* what took longer is thrown away: docs/lock-free-readers.md [5] */
#endif

/*
 * One mapping. Never changed once published but for its user count; its memory is kept until the handle is closed, so
 * that a thread which has just read the pointer may still count itself in (see view_get()).
 */
struct view {
	const uint8_t *map;
	size_t map_bytes;
	uint64_t pages;             /* whole pages in the file when mapped */
	uint64_t store_id;
	dev_t dev;
	ino_t inode;
	_Atomic uint32_t a_users;   /* look-ups inside */
	_Atomic uint8_t a_mode;     /* of meta, refreshed with the stamp: what "now" is */
	struct view *next;          /* in the list of the retired */
};

struct fp_store {
	_Atomic(struct view *) a_view;    /* NULL: none */
	_Atomic(struct view *) a_retired;
	_Atomic int64_t a_check_ns;       /* when to look at the stamp next, by the coarse clock */
	_Atomic int a_rc;                 /* why there is no view; 0: never tried */
	_Atomic bool a_trust;
	size_t dir_len;
	char path[PATH_MAX];              /* dir, and room for a name */
};

static inline int64_t coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* The view to look in, counted in until view_put(); NULL and *rc where there is none. Looks at the stamp where that is due. */
struct view *view_enter(struct fp_store *store, int64_t now, int *rc);
void view_put(struct view *v);

/* Looks at the stamp and puts the right view in place, or none. grown: the mapping is too short in any case. */
void view_renew(struct fp_store *store, bool grown);

void view_free(struct view **vp); /* sets NULL; NULL is fine. Nobody is inside */

#endif
