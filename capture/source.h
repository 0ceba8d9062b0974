/*
 * source - bytes of a file, FIFO or standard input, in large reads; what was looked at can be read again.
 *
 * Owner    source_open() makes it, source_close() ends it.
 * Threads  one; *a_stop may be set by any, and ends a wait for bytes within a tenth of a second.
 */
#ifndef FP_SOURCE_H
#define FP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_BYTES (1u << 20) /* of one read */

struct source {
	int fd;
	bool regular;            /* a file: never makes us wait */
	bool ended;
	int failed;              /* -errno of a read */
	uint8_t *buf;
	size_t at, end, size;
	uint64_t bytes, total;   /* read so far; size of a file, 0: not known */
	const _Atomic bool *a_stop;
	/* Called before a wait and after each read of a file (idle false), and each tenth of a second of a wait (idle true). May be NULL. */
	void (*waiting)(void *ctx, bool idle);
	void *waiting_ctx;
};

/* path "-" is standard input. -errno. */
int source_open(struct source *s, const char *path, const _Atomic bool *a_stop);
/* The same of a descriptor, which is the source's from now on, also where this fails. */
int source_adopt(struct source *s, int fd, const _Atomic bool *a_stop);
void source_close(struct source *s);

/*
 * Makes at least n bytes (at most SOURCE_BYTES) stand at source_bytes(); returns how many do: fewer than n at the end, at an error (s->failed) or when stopped.
 * Pointers into it end with the next call.
 */
size_t source_want(struct source *s, size_t n);

static inline const uint8_t *source_bytes(const struct source *s)
{
	return s->buf + s->at;
}

static inline size_t source_have(const struct source *s)
{
	return s->end - s->at;
}

static inline void source_skip(struct source *s, size_t n)
{
	s->at += n;
}

#endif
