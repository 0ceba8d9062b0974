/* tracklayout - option layouts as numbers: a dozen are seen every day. */
#include "core/track_int.h"

static uint16_t layout_find(struct track *t, const struct layout *l, uint32_t *hash)
{
	struct layout kinds = *l;
	struct table_walk w;
	uint32_t n;

	kinds.eol_pad = 0;
	*hash = (uint32_t)hash_siphash13(&t->conf.key, &kinds, sizeof kinds);
	w = table_walk(&t->layout_index, *hash);
	while ((n = table_next(&t->layout_index, &w)) != TABLE_NONE)
		if (memcmp(&t->layouts[n], l, sizeof *l) == 0)
			return (uint16_t)(n + 1);
	if (t->n_layouts == LAYOUTS_MAX)
		return 0;
	n = t->n_layouts++;
	t->layouts[n] = *l;
	table_insert(&t->layout_index, *hash, n);
	return (uint16_t)(n + 1);
}

/* A few layouts are most of the traffic: those are remembered under a hash that costs nothing. */
uint16_t layout_number(struct track *t, uint32_t *hash)
{
	struct layout l = { .len = t->obs->layout_len, .eol_pad = t->obs->eol_pad };
	uint64_t first;

	memcpy(l.kinds, t->obs->layout, sizeof l.kinds);
	memcpy(&first, l.kinds, sizeof first);

	struct layout_memo *memo = &t->layout_memo[(first ^ l.len ^ (uint64_t)l.eol_pad << 8) * 0x9e3779b97f4a7c15u >> 58];

	if (memo->number == 0 || memcmp(&memo->layout, &l, sizeof l) != 0) {
		memo->layout = l;
		memo->number = layout_find(t, &l, &memo->hash);
	}
	*hash = memo->hash;
	return memo->number;
}

const uint8_t *track_layout(const struct track *t, uint16_t n, uint8_t *len, uint8_t *eol_pad)
{
	if (n == 0 || n > t->n_layouts)
		return NULL;
	*len = t->layouts[n - 1].len;
	*eol_pad = t->layouts[n - 1].eol_pad;
	return t->layouts[n - 1].kinds;
}
