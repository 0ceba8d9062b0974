/*
 * wake - how a thread that drains rings sleeps when they are empty, and is never left asleep.
 *
 * The consumer announces that it will sleep, looks at its rings once more, and sleeps on a futex;
 * the producer looks at the announcement after it has published. Each does its store before its load with
 * a full fence between, so at least one sees the other (Dekker). Awake consumers cost the
 * producer one load.
 */
#ifndef FP_WAKE_H
#define FP_WAKE_H

#include "core/util.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wake {
	_Alignas(CACHELINE) _Atomic uint32_t a_asleep; /* futex word: 1 while the consumer sleeps or is about to */
};

/* Producer, after publishing: wakes the consumer if it sleeps. Any thread. */
void wake_up(struct wake *w);

/*
 * Consumer: sleeps until woken or timeout_ms passed (-1 = for ever); does not sleep where ready(ctx) says so after the announcement.
 */
void wake_sleep(struct wake *w, bool (*ready)(void *ctx), void *ctx, int timeout_ms);

#endif
