/* probation - the meter. */
#include "core/probation.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND 1000000000

int probation_init(struct probation *p, enum probation_mode mode, unsigned queues, unsigned queues_live, uint32_t rate)
{
	*p = (struct probation){ .mode = mode, .queues_live = queues_live, .rate = rate };
	p->handshake_s = calloc(queues, sizeof *p->handshake_s);
	return p->handshake_s != NULL ? 0 : -ENOMEM;
}

void probation_free(struct probation *p)
{
	free(p->handshake_s);
	p->handshake_s = NULL;
}

/* The time of a wire may be set back: a handshake of the future is not believed for longer than one of the past. */
static bool shows_handshakes(const struct probation *p, unsigned queue, int64_t now_s)
{
	const int64_t last_s = p->handshake_s[queue];

	return last_s != 0 && now_s - last_s <= PROBATION_AUTO_S && last_s - now_s <= PROBATION_AUTO_S;
}

void probation_batch(struct probation *p, unsigned queue, int64_t time_ns)
{
	p->queue = queue;
	p->on = p->mode == PROBATION_REQUIRE ||
	    (p->mode == PROBATION_AUTO && queue < p->queues_live && shows_handshakes(p, queue, time_ns / SECOND));
}

void probation_handshake(struct probation *p, int64_t time_ns)
{
	p->handshake_s[p->queue] = time_ns / SECOND;
}

bool probation_withholds(struct probation *p, int64_t time_ns)
{
	const int64_t now_s = time_ns / SECOND;

	if (now_s != p->second) {
		p->n_before = now_s == p->second + 1 ? p->n : 0;
		p->n = 0;
		p->second = now_s;
	}
	if (p->n < UINT32_MAX)
		p->n++;
	return p->n > p->rate || p->n_before > p->rate;
}
