/* trackbatch - many segments, one after the other, with what they need under way ahead of them. */
#include "core/track_int.h"

/* Nothing here is more than a hint but the hashes: what it loads may be another's by the time its turn comes. */

static void ahead_hash(const struct track *t, struct ahead *a, const struct tcp_obs *obs)
{
	const uint64_t src = obs->kind == OBS_SYN ? hash_addr(&t->conf.key, obs->src.b) : addr_hash(t, &obs->src);

	a->host = (uint32_t)src;
	a->flow = flow_hash(t, src, obs);
	a->batch = true;
	table_prefetch(&t->flow_index, a->flow);
	if (obs->kind != OBS_SYN)
		return;
	table_prefetch(&t->host_index, a->host);
	if (t->answers != NULL)
		match_soon(t->answers, obs);
}

static void ahead_find(const struct track *t, struct ahead *a, const struct tcp_obs *obs)
{
	struct table_walk w = table_walk(&t->flow_index, a->flow);

	a->flow_item = table_next(&t->flow_index, &w);
	if (a->flow_item != TABLE_NONE)
		__builtin_prefetch(&t->flows[a->flow_item], 1);
	a->host_item = TABLE_NONE;
	if (obs->kind != OBS_SYN)
		return;
	w = table_walk(&t->host_index, a->host);
	a->host_item = table_next(&t->host_index, &w);
	if (a->host_item != TABLE_NONE)
		host_soon(t, a->host_item);
}

/*
 * A load that nothing depends on, where a prefetch was measured to do less: 50 ns a packet for the points, whose memory is rarely in the TLB; for
 * buckets and hosts it is the other way round.
 */
static inline void load(const void *p)
{
	(void)*(const volatile uint8_t *)p;
}

/* What hangs on what was found: a flow's client, a host's neighbours in age and its points. */
static void ahead_follow(const struct track *t, const struct ahead *a)
{
	if (a->flow_item != TABLE_NONE)
		host_soon(t, t->flows[a->flow_item].host[CLIENT]);
	if (a->host_item == TABLE_NONE)
		return;
	const struct track_host *h = &t->hosts[a->host_item];

	if (h->aside != 0)
		load(aside_item(t, h->aside));
	if (!t->exact)
		return;
	if (h->age.newer != TABLE_NONE)
		__builtin_prefetch(&t->hosts[h->age.newer].age, 1);
	if (h->age.older != TABLE_NONE)
		__builtin_prefetch(&t->hosts[h->age.older].age, 1);
}

/* The flows that have to go where each of n segments begins one: they are removed from their buckets. */
static void ahead_evict(const struct track *t, size_t n)
{
	uint32_t f = t->flows_age.oldest;

	if (t->flows_free != 0 || t->flows_used < t->conf.flows_max)
		return;
	for (; n > 0 && f != TABLE_NONE; n--, f = t->flows[f].age.newer)
		table_prefetch(&t->flow_index, t->flows[f].hash);
}

void track_batch(struct track *t, const struct sigdb *db, const struct tcp_obs *obs, size_t n,
    void (*on)(void *ctx, enum track_result result, const struct track_event *ev, size_t events), void *ctx)
{
	assert(t->magic == TRACK_MAGIC && n <= TRACK_BATCH);
	t->payload = NULL;
	track_use(t, db);
	t->ev = t->batch_ev;
	/* A miss costs as much as all the rest of a segment: the loads of a whole batch are under way together. */
	memset(t->made, 0, sizeof t->made);
	for (size_t i = 0; i < n; i++)
		ahead_hash(t, &t->ahead[i], &obs[i]);
	ahead_evict(t, n);
	for (size_t i = 0; i < n; i++)
		ahead_find(t, &t->ahead[i], &obs[i]);
	for (size_t i = 0; i < n; i++)
		ahead_follow(t, &t->ahead[i]);
	for (size_t i = 0; i < n; i++) {
		const enum track_result result = track_segment(t, &obs[i], &t->ahead[i]);

		on(ctx, result, t->batch_ev, t->n_events);
	}
}
