/* pulse - heartbeats of threads. */
#include "core/pulse.h"

#include "core/clock.h"

#include <stddef.h>
#include <stdio.h>

static int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC_COARSE);
}

struct pulse *pulse_add(struct pulse_board *board, const char *name)
{
	const uint32_t n = atomic_load_explicit(&board->a_count, memory_order_relaxed);

	if (n >= PULSE_MAX)
		return NULL;
	struct pulse *p = &board->pulse[n];

	snprintf(p->name, sizeof p->name, "%s", name);
	pulse_beat(p);
	atomic_store_explicit(&p->a_state, PULSE_RUNNING, memory_order_relaxed);
	/* Publishes the name; pairs with the acquire in pulse_late(). */
	atomic_store_explicit(&board->a_count, n + 1, memory_order_release);
	return p;
}

void pulse_beat(struct pulse *p)
{
	if (p != NULL)
		atomic_store_explicit(&p->a_beat_ms, now_ms(), memory_order_relaxed);
}

void pulse_end(struct pulse *p)
{
	if (p != NULL)
		atomic_store_explicit(&p->a_state, PULSE_ENDED, memory_order_relaxed);
}

int64_t pulse_age_ms(const struct pulse *p)
{
	const int64_t age = now_ms() - atomic_load_explicit(&p->a_beat_ms, memory_order_relaxed);

	return age > 0 ? age : 0;
}

const struct pulse *pulse_late(const struct pulse_board *board)
{
	const uint32_t n = atomic_load_explicit(&board->a_count, memory_order_acquire);
	const int64_t now = now_ms();

	for (uint32_t i = 0; i < n; i++) {
		const struct pulse *p = &board->pulse[i];

		if (atomic_load_explicit(&p->a_state, memory_order_relaxed) == PULSE_RUNNING &&
		    now - atomic_load_explicit(&p->a_beat_ms, memory_order_relaxed) > PULSE_LATE_MS)
			return p;
	}
	return NULL;
}
