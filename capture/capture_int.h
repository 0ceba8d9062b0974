/* capture_int - what every kind of source has in common; each embeds it as its first member. For this folder only. */
#ifndef FP_CAPTURE_INT_H
#define FP_CAPTURE_INT_H

#include "capture/capture.h"

#include <stdatomic.h>

struct capture_ops {
	int (*run)(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR]);
	void (*stop)(struct capture *c); /* after a_stop was set; async-signal-safe; may be NULL */
	void (*close)(struct capture *c); /* frees all, c itself included; the name is gone already */
};

struct capture {
	uint32_t magic;
	const struct capture_ops *ops;
	char *name;          /* interface or path, for messages */
	bool whole;          /* see capture_is_whole() */
	_Atomic bool a_stop; /* set by anybody, looked at by the run */
};

static inline void capture_flush(const struct capture_handler *handler, const struct capture_stats *stats, bool idle)
{
	if (handler->flush != NULL)
		handler->flush(handler->ctx, stats, idle);
}

/* -ENOMEM: c can be closed all the same. */
int capture_init(struct capture *c, const struct capture_ops *ops, const char *name);

#endif
