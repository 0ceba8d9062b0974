/* tracklabel - signatures were replaced: hosts keep their labels by id. */
#include "core/track_int.h"

static const struct sig_label *relabel(const struct sig_label *old, const struct sigdb *fresh)
{
	const struct sig_label *best = NULL;
	size_t n;
	const struct sig_label *labels = sigdb_labels(fresh, &n);

	if (old == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (labels[i].id == old->id && (best == NULL || (labels[i].generic == old->generic && best->generic != old->generic)))
			best = &labels[i];
	return best;
}

/* The labels of old that have numbers, by these, as numbers of the new ones. */
static void renumber(const struct track *t, const struct sig_label *old, size_t n_old, uint16_t number[UINT16_MAX + 1])
{
	memset(number, 0, (UINT16_MAX + 1) * sizeof *number);
	for (size_t n = 0; n < n_old && n < UINT16_MAX; n++) {
		const struct sig_label *now = relabel(&old[n], t->db);

		if (now != NULL)
			number[n + 1] = os_number(t, now);
	}
}

void track_relabel(struct track *t, const struct sigdb *fresh)
{
	const struct sig_label *const old = t->labels;
	const size_t n_old = t->n_labels;
	uint16_t number[UINT16_MAX + 1];

	if (t->db == NULL)
		return; /* nothing was judged by it */
	if (t->answers != NULL)
		match_cache_clear(t->answers); /* the old one is freed, and another may come to lie where it lay */
	t->db = NULL;
	track_use(t, fresh);
	renumber(t, old, n_old, number);
	for (uint32_t i = 0; i < t->faces_used; i++) {
		struct face *f = &t->faces[i];
		const size_t n = f->users > 0 && f->what.label != NULL ? (size_t)(f->what.label - old) + 1 : 0;

		if (n > UINT16_MAX)
			f->what.label = relabel(f->what.label, fresh);
		else if (n != 0)
			f->what.label = os_label(t, number[n]);
	}
	face_relabelled(t);
	for (uint32_t i = 0; i < t->hosts_used; i++)
		t->hosts[i].os = number[t->hosts[i].os];
}
