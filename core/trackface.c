/* trackface - what signatures consist of, each once: bounded, found by content, there as long as a host or a flow names it. */
#include "core/track_int.h"

#define SHED_MAX 16 /* so many hosts go at most to make room for one */

/* Keyed: who sends SYNs chooses nearly all of it. */
static uint32_t face_hash(const struct track *t, const struct face_what *what)
{
	return (uint32_t)hash_siphash13(&t->conf.key, what, sizeof *what);
}

static inline bool same_what(const struct face_what *a, const struct face_what *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static uint32_t face_find(const struct track *t, uint32_t hash, const struct face_what *what)
{
	struct table_walk w = table_walk(&t->face_index, hash);
	uint32_t n;

	while ((n = table_next(&t->face_index, &w)) != TABLE_NONE)
		if (same_what(&t->faces[n].what, what))
			break;
	return n;
}

static uint32_t face_add(struct track *t, uint32_t hash, const struct face_what *what)
{
	uint32_t n;

	if (t->faces_free != 0) {
		n = t->faces_free - 1;
		t->faces_free = t->faces[n].what.quirks;
	} else if (t->faces_used < t->faces_max) {
		n = t->faces_used++;
	} else {
		return TABLE_NONE;
	}
	t->faces[n] = (struct face){ .what = *what, .born = ++t->faces_born };
	table_insert(&t->face_index, hash, n);
	return n;
}

/* Hosts that never completed a handshake, the oldest first, until one took its face along. */
static uint32_t face_add_shedding(struct track *t, uint32_t hash, const struct face_what *what, const struct flow *in_use)
{
	uint32_t n = face_add(t, hash, what);

	for (unsigned i = 0; n == TABLE_NONE && i < SHED_MAX && host_shed(t, in_use); i++)
		n = face_add(t, hash, what);
	return n;
}

uint32_t face_take(struct track *t, const struct face_what *what, const struct flow *in_use)
{
	const uint32_t hash = face_hash(t, what);
	uint32_t n = face_find(t, hash, what);

	if (n == TABLE_NONE)
		n = face_add_shedding(t, hash, what, in_use);
	if (n == TABLE_NONE)
		return 0;
	t->faces[n].users++;
	return n + 1;
}

void face_gone(struct track *t, uint32_t n)
{
	table_remove(&t->face_index, face_hash(t, &t->faces[n].what), n);
	t->faces[n].what.quirks = t->faces_free;
	t->faces_free = n + 1;
}

void face_relabelled(struct track *t)
{
	table_clear(&t->face_index);
	for (uint32_t n = 0; n < t->faces_used; n++)
		if (t->faces[n].users > 0)
			table_insert(&t->face_index, face_hash(t, &t->faces[n].what), n);
}

static bool same_face(const struct face_what *a, const struct face_what *b)
{
	const uint32_t label_a = a->label != NULL ? a->label->id : 0, label_b = b->label != NULL ? b->label->id : 0;

	return label_a == label_b && a->quirks == b->quirks && a->layout == b->layout && a->mss == b->mss && a->win == b->win && a->ecn == b->ecn &&
	    a->wscale == b->wscale && a->olen == b->olen && a->match == b->match;
}

bool kept_same(const struct track *t, const struct track_kept *a, const struct track_kept *b)
{
	return a->ttl == b->ttl && (a->face == b->face ||
	    (a->face != 0 && b->face != 0 && same_face(&t->faces[a->face - 1].what, &t->faces[b->face - 1].what)));
}

void kept_sig(const struct track *t, const struct track_kept *k, struct track_sig *out)
{
	const struct face_what *w = &t->faces[k->face - 1].what;

	*out = (struct track_sig){
		.label = w->label,
		.time_ns = (int64_t)k->s * 1000000000 + (int64_t)k->ms * 1000000,
		.quirks = w->quirks,
		.ts1 = k->ts1,
		.sig_line = w->sig_line,
		.layout = w->layout,
		.mss = w->mss,
		.win = w->win,
		.win_multiple = w->win_multiple,
		.dist = (int16_t)kept_dist(k, w),
		.ttl = k->ttl,
		.wscale = w->wscale,
		.olen = w->olen,
		.ipver = w->ipver,
		.dscp = w->dscp,
		.win_unit = w->win_unit,
		.ecn = w->ecn,
		.match = w->match,
		.payload = w->payload,
		.random_ttl = w->random_ttl,
	};
}

bool track_event_sig(const struct track *t, const struct track_event *e, struct track_sig *out)
{
	if (e->sig == NULL)
		return false;
	kept_sig(t, e->sig, out);
	out->src_port = e->server ? e->srv_port : e->cli_port;
	return true;
}
