/*
 * probation - whether what an unconfirmed host says goes to the store at once, or only once the host has completed a
 * handshake: the meter of a matcher.
 *
 * A client whose mail is scored has completed a handshake; the sources of a flood of forged SYNs have not. So where more
 * than `rate` changes a second are of hosts that never did, none of them is believed.
 *
 * Owner    probation_init() allocates, probation_free() frees. One thread. Time is packet time, so a file is judged alike
 *          each time.
 */
#ifndef FP_PROBATION_H
#define FP_PROBATION_H

#include <stdbool.h>
#include <stdint.h>

#define PROBATION_AUTO_S 600 /* so long after a source's last handshake its unconfirmed hosts are on probation */
#define PROBATION_PART 4     /* a fourth of a matcher's table is for hosts that never completed a handshake */

/* Whose hosts are on it: those of a source that shows handshakes, all, none. */
enum probation_mode { PROBATION_AUTO, PROBATION_REQUIRE, PROBATION_IGNORE };

struct probation {
	enum probation_mode mode;
	unsigned queues_live;  /* the first so many see a wire, or a sensor's; to the others, files, AUTO is IGNORE */
	uint32_t rate;         /* changes a second */
	unsigned queue;        /* of the batch in hand */
	bool on;               /* its unconfirmed hosts are on probation */
	int64_t *handshake_s;  /* of each queue: when it last showed one; 0 = never */
	int64_t second;        /* that `n` is of */
	uint32_t n, n_before;  /* changes of unconfirmed hosts in it, and in the one before */
};

int probation_init(struct probation *p, enum probation_mode mode, unsigned queues, unsigned queues_live, uint32_t rate); /* -ENOMEM */
void probation_free(struct probation *p);

/* A batch of that queue begins: p->on says how it is to be judged. */
void probation_batch(struct probation *p, unsigned queue, int64_t time_ns);
void probation_handshake(struct probation *p, int64_t time_ns);

/* Counts a change of an unconfirmed host; whether there are too many. A second after too many begins as the one before ended. */
bool probation_withholds(struct probation *p, int64_t time_ns);

#endif
