/*
 * histogram - how long something took, counted by duration; in memory shared between the processes.
 *
 * Threads  one writes a histogram (plain adds, no locked instruction); anybody reads.
 */
#ifndef FP_HISTOGRAM_H
#define FP_HISTOGRAM_H

#include "core/util.h"

#include <stdatomic.h>
#include <stdint.h>

/* X(ns, "seconds"): upper bounds, inclusive; what took longer falls into one more. */
#define HISTOGRAM_BOUNDS(X)                                                                                     \
	X(1000, "1e-06") X(2500, "2.5e-06") X(5000, "5e-06") X(10000, "1e-05") X(25000, "2.5e-05")                \
	X(50000, "5e-05") X(100000, "0.0001") X(250000, "0.00025") X(500000, "0.0005") X(1000000, "0.001")        \
	X(2500000, "0.0025") X(5000000, "0.005") X(10000000, "0.01") X(25000000, "0.025") X(50000000, "0.05")     \
	X(100000000, "0.1") X(250000000, "0.25") X(1000000000, "1")

#define X(ns, text) +1
enum { HISTOGRAM_BUCKETS = 0 HISTOGRAM_BOUNDS(X) + 1 };
#undef X

struct histogram {
	_Alignas(CACHELINE) _Atomic uint64_t a_bucket[HISTOGRAM_BUCKETS]; /* not cumulative */
	_Atomic uint64_t a_sum_ns;
};

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
#define X(bound, text) bound,
	static const uint64_t bounds[] = { HISTOGRAM_BOUNDS(X) };
#undef X
	unsigned i = 0;

	while (i < HISTOGRAM_BUCKETS - 1 && ns > bounds[i])
		i++;
	atomic_store_explicit(&h->a_bucket[i], atomic_load_explicit(&h->a_bucket[i], memory_order_relaxed) + 1, memory_order_relaxed);
	atomic_store_explicit(&h->a_sum_ns, atomic_load_explicit(&h->a_sum_ns, memory_order_relaxed) + ns, memory_order_relaxed);
}

#endif
