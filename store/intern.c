/* intern - open addressing, linear probing, at most half full. */
#include "store/intern.h"
#include "core/err.h"
#include "core/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint8_t *bytes;
	uint32_t id; /* 0 = free */
	uint8_t len;
};

struct intern {
	struct hash_key key;
	struct entry *slot;
	size_t slots, used; /* slots: a power of two */
};

int intern_create(struct intern **out)
{
	struct intern *in = calloc(1, sizeof *in);
	int rc;

	*out = NULL;
	if (in == NULL)
		return -ENOMEM;
	if ((rc = hash_key_random(&in->key)) != 0) {
		free(in);
		return rc;
	}
	in->slots = 256;
	in->slot = calloc(in->slots, sizeof *in->slot);
	if (in->slot == NULL) {
		free(in);
		return -ENOMEM;
	}
	*out = in;
	return 0;
}

void intern_destroy(struct intern **ip)
{
	if (*ip == NULL)
		return;
	for (size_t i = 0; i < (*ip)->slots; i++)
		free((*ip)->slot[i].bytes);
	free((*ip)->slot);
	free(*ip);
	*ip = NULL;
}

/* Where the bytes are, or the free slot where they belong. */
static size_t place(const struct intern *in, const struct entry *slot, size_t slots, const void *bytes,
    size_t len)
{
	size_t at = hash_siphash13(&in->key, bytes, len) & (slots - 1);

	while (slot[at].id != 0 && (slot[at].len != len || memcmp(slot[at].bytes, bytes, len) != 0))
		at = (at + 1) & (slots - 1);
	return at;
}

uint32_t intern_find(const struct intern *in, const void *bytes, size_t len)
{
	return in->slot[place(in, in->slot, in->slots, bytes, len)].id;
}

static int grow(struct intern *in)
{
	struct entry *wider = calloc(2 * in->slots, sizeof *wider);

	if (wider == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->slots; i++)
		if (in->slot[i].id != 0)
			wider[place(in, wider, 2 * in->slots, in->slot[i].bytes, in->slot[i].len)] = in->slot[i];
	free(in->slot);
	in->slot = wider;
	in->slots *= 2;
	return 0;
}

int intern_add(struct intern *in, const void *bytes, size_t len, uint32_t id)
{
	int rc;

	if (id == 0 || len > 255)
		return -EINVAL;
	if (2 * (in->used + 1) > in->slots && (rc = grow(in)) != 0)
		return rc;

	uint8_t *copy = malloc(len + 1);

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, bytes, len);
	copy[len] = 0;
	in->slot[place(in, in->slot, in->slots, bytes, len)] =
	    (struct entry){ .bytes = copy, .id = id, .len = (uint8_t)len };
	in->used++;
	return 0;
}
