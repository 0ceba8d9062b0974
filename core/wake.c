/* wake - futex behind a Dekker handshake. */
#include "core/wake.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* TSan does not model fences; all that is shared here is atomic anyway. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

static void futex(struct wake *w, int op, uint32_t value, const struct timespec *timeout)
{
	syscall(SYS_futex, &w->a_asleep, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
}

void wake_up(struct wake *w)
{
	/* What was published before this load is seen by ready() after the other fence, or we see the announcement. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->a_asleep, memory_order_relaxed) == 0)
		return;
	if (atomic_exchange_explicit(&w->a_asleep, 0, memory_order_relaxed) != 0)
		futex(w, FUTEX_WAKE, 1, NULL);
}

void wake_sleep(struct wake *w, bool (*ready)(void *ctx), void *ctx, int timeout_ms)
{
	const struct timespec ts = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };

	atomic_store_explicit(&w->a_asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* partner: wake_up() */
	if (timeout_ms != 0 && !ready(ctx))
		futex(w, FUTEX_WAIT, 1, timeout_ms < 0 ? NULL : &ts);
	atomic_store_explicit(&w->a_asleep, 0, memory_order_relaxed);
}
