/*
 * lines - whole lines of text from one thread to another: a bounded ring of bytes, one producer, one consumer.
 *
 * Owner    lines_create(), lines_destroy(); neither side running.
 * Threads  one pushes, one looks and takes. Neither blocks, neither allocates.
 * Source   the ring of ring.h, with bytes for slots.
 */
#ifndef FP_LINES_H
#define FP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

/* bytes: a power of two, 64..2^30. first: both indices start there (tests: near the wrap). */
int lines_create(struct lines **out, uint32_t bytes, uint32_t first);
void lines_destroy(struct lines **lp); /* sets NULL; NULL is fine */

/* A whole line with its newline, or nothing of it: false, no room. */
bool lines_push(struct lines *l, const char *line, size_t len);

/* What stands there, oldest first, in two pieces (the ring's end may lie between); returns the sum of their lengths. Ends with a newline. */
struct lines_piece {
	const char *at;
	size_t len;
};
size_t lines_look(const struct lines *l, struct lines_piece piece[2]);

/* The consumer is done with the first n bytes of that. */
void lines_take(struct lines *l, size_t n);

/* From either side, a moment's truth. */
size_t lines_used(const struct lines *l);

#endif
