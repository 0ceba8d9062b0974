/* capture - what all sources share: names, dispatch. */
#include "capture/capture_int.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x63617074u

int capture_init(struct capture *c, const struct capture_ops *ops, const char *name)
{
	c->magic = MAGIC;
	c->ops = ops;
	c->name = strdup(name);
	return c->name != NULL ? 0 : -ENOMEM;
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
	atomic_store_explicit(&c->a_stop, true, memory_order_release);
	if (c->ops->stop != NULL)
		c->ops->stop(c);
}

const char *capture_name(const struct capture *c)
{
	assert(c->magic == MAGIC);
	return c->name;
}

bool capture_is_whole(const struct capture *c)
{
	assert(c->magic == MAGIC);
	return c->whole;
}

void capture_close(struct capture **cp)
{
	struct capture *c = *cp;

	if (c == NULL)
		return;
	assert(c->magic == MAGIC);
	c->magic = 0;
	free(c->name);
	c->name = NULL;
	c->ops->close(c); /* and the memory itself, which is the source's */
	*cp = NULL;
}
