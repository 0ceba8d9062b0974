/*
 * sink - what core asks of a store: take what a matcher has learned.
 *
 * A function table, so that core knows no LMDB and tests can stand in for a store.
 */
#ifndef FP_SINK_H
#define FP_SINK_H

#include "core/host.h"
#include "core/obs.h"

/* What a matcher learned of one address since it last said so; two cache lines and a bit. */
struct delta {
	struct fp_addr addr;
	struct fp_host what;      /* counts are increments; layout is 0: the bytes below say it */
	int64_t time_ns;          /* newest packet in it: the store's clock where files are read */
	uint8_t eol_pad;
	uint8_t layout_len;
	uint8_t layout[OBS_OPTIONS_MAX];
};

struct sink {
	void *ctx;
	/*
	 * Takes up to n deltas of matcher number `matcher`, in order, by copy. Never blocks. Returns how many
	 * were taken; the matcher keeps the rest and offers them again.
	 * Called by that matcher's thread only.
	 */
	size_t (*take)(void *ctx, unsigned matcher, const struct delta *deltas, size_t n);
	/*
	 * For how many deltas there is room that can wait, such as counts of hosts that are known: the rest is kept free for
	 * news, so that they wait for little else. NULL: it does not matter. Called as take().
	 */
	size_t (*room)(void *ctx, unsigned matcher);
};

#endif
