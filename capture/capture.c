/* capture - what every kind of capture does alike. */
#include "capture/capture_int.h"

#include <assert.h>
#include <stdio.h>

#define MAGIC 0x63617074u

void capture_init(struct capture *c, const struct capture_ops *ops, const char *name, bool live)
{
	c->magic = MAGIC;
	c->ops = ops;
	c->live = live;
	snprintf(c->name, sizeof c->name, "%s", name);
}

int capture_run(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR])
{
	assert(c->magic == MAGIC);
	err[0] = '\0';
	return c->ops->run(c, handler, err);
}

void capture_stop(struct capture *c)
{
	assert(c->magic == MAGIC);
	c->ops->stop(c);
}

void capture_close(struct capture **cp)
{
	struct capture *c = *cp;

	if (c == NULL)
		return;
	assert(c->magic == MAGIC);
	c->magic = 0;
	c->ops->close(c);
	*cp = NULL;
}

const char *capture_name(const struct capture *c)
{
	assert(c->magic == MAGIC);
	return c->name;
}

bool capture_is_live(const struct capture *c)
{
	assert(c->magic == MAGIC);
	return c->live;
}
