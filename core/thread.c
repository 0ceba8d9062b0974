/* thread - the name goes along with what the thread is to do. */
#include "core/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

struct start {
	void *(*body)(void *);
	void *arg;
	char name[16];
};

static void *named(void *arg)
{
	const struct start s = *(struct start *)arg;

	free(arg);
	prctl(PR_SET_NAME, s.name);
	return s.body(s.arg);
}

int thread_start(pthread_t *out, void *(*body)(void *), void *arg, const char *name)
{
	struct start *s = malloc(sizeof *s);

	if (s == NULL)
		return -ENOMEM;
	*s = (struct start){ .body = body, .arg = arg };
	snprintf(s->name, sizeof s->name, "%.15s", name);
	const int rc = pthread_create(out, NULL, named, s);

	if (rc != 0)
		free(s);
	return -rc;
}
