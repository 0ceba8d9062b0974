/*
 * pulse - whether every thread still moves: one beat each, in memory shared between the processes, for
 * /healthz and the watchdog.
 *
 * Threads  a thread beats its own pulse at least once a second, also when idle; anybody reads.
 */
#ifndef FP_PULSE_H
#define FP_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PULSE_MAX 256       /* threads of both processes */
#define PULSE_LATE_MS 10000 /* without a beat for so long a thread is stuck */

enum pulse_state { PULSE_UNUSED, PULSE_RUNNING, PULSE_ENDED };

struct pulse {
	char name[24];               /* "capture eth0/0", "matcher 1", "writer"; set before the thread starts */
	_Atomic int64_t a_beat_ms;   /* coarse monotonic clock */
	_Atomic uint32_t a_state;    /* enum pulse_state; PULSE_ENDED: in order, as at the end of a file */
};

struct pulse_board {
	_Atomic uint32_t a_count;
	struct pulse pulse[PULSE_MAX];
};

/* A pulse for a thread about to start; NULL when all are in use. One thread at a time registers. */
struct pulse *pulse_add(struct pulse_board *board, const char *name);

void pulse_beat(struct pulse *p);
void pulse_end(struct pulse *p);

/* Since its last beat; never negative. */
int64_t pulse_age_ms(const struct pulse *p);

/* The first thread that is late (its pulse), or NULL: all move. */
const struct pulse *pulse_late(const struct pulse_board *board);

#endif
