/* capture - what all sources share: dispatch. */
#include "capture/capture_int.h"

#include <stdlib.h>

int capture_run(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR])
{
	err[0] = '\0';
	return c->ops->run(c, handler, err);
}

void capture_stop(struct capture *c)
{
	atomic_store_explicit(&c->a_stop, true, memory_order_release);
	if (c->ops->stop != NULL)
		c->ops->stop(c);
}

const char *capture_name(const struct capture *c)
{
	return c->name;
}

bool capture_is_live(const struct capture *c)
{
	return c->live;
}

void capture_close(struct capture **cp)
{
	struct capture *c = *cp;

	if (c == NULL)
		return;
	free(c->name);
	c->name = NULL;
	c->ops->close(c); /* and the memory itself, which is the source's */
	*cp = NULL;
}
