/*
 * nearest - of the names that there are the one that a mistyped one is most like.
 *
 * Threads  pure.
 */
#ifndef FP_NEAREST_H
#define FP_NEAREST_H

#include <stdint.h>

/*
 * Typing errors between two words: letters added, left out, changed, two changed places. UINT32_MAX: a word of more than 63 bytes,
 * which is like nothing.
 */
uint32_t nearest_distance(const char *a, const char *b);

/* One pass over the names: begin with NEAREST_NONE, offer each; name is then the first of the likest, NULL: none was offered. */
struct nearest {
	const char *name;
	uint32_t distance;
};
#define NEAREST_NONE ((struct nearest){ 0, UINT32_MAX })
void nearest_offer(struct nearest *n, const char *typed, const char *name);

#endif
