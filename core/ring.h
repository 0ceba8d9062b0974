/*
 * ring - bounded queue of fixed-size slots, one producer, one consumer, copied in batches.
 *
 * Owner    ring_create() allocates and touches all of it, ring_destroy() frees; neither side running.
 * Threads  one thread pushes, one pops. Neither blocks; ring_wait() of wake.h is how a consumer sleeps.
 * Errors   0 or a negative FP_E*.
 * Source   Lamport, "Specifying concurrent program modules", 1983; indices run freely and wrap at 2^32.
 */
#ifndef FP_RING_H
#define FP_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

/* slots: a power of two, 2..2^30, all usable. slot_bytes: 1..4096. first: both indices start there (tests: near the wrap). */
int ring_create(struct ring **out, uint32_t slots, uint32_t slot_bytes, uint32_t first);
void ring_destroy(struct ring **rp); /* sets NULL; NULL is fine */

/* Copies up to n items; returns how many fitted. What did not fit is the caller's to count or to keep. */
size_t ring_push(struct ring *r, const void *items, size_t n);

/* Copies out up to n items; returns how many there were. */
size_t ring_pop(struct ring *r, void *items, size_t n);

/* From either side, a moment's truth. */
bool ring_empty(const struct ring *r);
size_t ring_used(const struct ring *r);

#endif
