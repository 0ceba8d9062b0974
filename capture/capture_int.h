/* capture_int - what kinds of capture have in common; for files of this folder only. */
#ifndef FP_CAPTURE_INT_H
#define FP_CAPTURE_INT_H

#include "capture/capture.h"

struct capture_ops {
	int (*run)(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR]);
	void (*stop)(struct capture *c);
	void (*close)(struct capture *c); /* frees c too; copes with a half-built one */
};

/* First member of each kind's own struct. */
struct capture {
	uint32_t magic;
	const struct capture_ops *ops;
	bool live;
	char name[128]; /* interface or path, for messages */
};

void capture_init(struct capture *c, const struct capture_ops *ops, const char *name, bool live);

#endif
