/* capture_int - what every kind of source has in common; each embeds it as its first member. */
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
	const struct capture_ops *ops;
	char *name;
	bool live;
	_Atomic bool a_stop; /* set by anybody, looked at by the run */
};

#endif
