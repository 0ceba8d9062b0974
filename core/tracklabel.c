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

/* One answer is remembered: neighbours often run the same. */
static void relabel_sig(struct track_sig *sig, const struct sigdb *fresh, const struct sig_label *memo[2])
{
	if (sig->label == NULL)
		return;
	if (sig->label != memo[0]) {
		memo[0] = sig->label;
		memo[1] = relabel(sig->label, fresh);
	}
	sig->label = memo[1];
}

void track_relabel(struct track *t, const struct sigdb *fresh)
{
	const struct sig_label *memo[2] = { NULL, NULL };

	if (t->answers != NULL)
		match_cache_clear(t->answers); /* the old one is freed, and another may come to lie where it lay */
	for (uint32_t i = 0; i < t->hosts_used; i++) {
		struct track_host *h = &t->hosts[i];

		relabel_sig(&h->sig, fresh, memo);
		if (h->os != NULL && h->os != memo[0]) {
			memo[0] = h->os;
			memo[1] = relabel(h->os, fresh);
		}
		if (h->os != NULL)
			h->os = memo[1];
		if (h->synack != 0)
			relabel_sig(pool_item(&t->synacks, h->synack), fresh, memo);
	}
	for (uint32_t i = 0; t->correct && i < t->flows_used; i++)
		if (!(t->flows[i].flags & FLOW_FREE))
			relabel_sig(&t->said[i].sig, fresh, memo);
}
