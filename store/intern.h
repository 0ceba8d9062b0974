/*
 * intern - byte strings to small numbers, in memory: the writer's side of layouts and other texts that the store numbers.
 *
 * Keyed hash: the strings come from the network. One thread. Grows by doubling; never forgets.
 */
#ifndef FP_INTERN_H
#define FP_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct intern;

int intern_create(struct intern **out);
void intern_destroy(struct intern **ip); /* sets NULL; NULL is fine */

/* The number of these bytes, 0 where they have none. */
uint32_t intern_find(const struct intern *in, const void *bytes, size_t len);

/* id: not 0; len: at most 255; not yet in it. -ENOMEM: nothing changed. */
int intern_add(struct intern *in, const void *bytes, size_t len, uint32_t id);

#endif
