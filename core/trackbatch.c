/* trackbatch - many segments, one after the other, with what they need under way ahead of them. */
#include "core/track_int.h"

/* Nothing here is more than a hint but the hashes: what it loads may be another's by the time its turn comes. */

static void ahead_hash(const struct track *t, struct ahead *a, const struct tcp_obs *obs)
{
	const uint64_t src = addr_hash(t, &obs->src);

	a->host = (uint32_t)src;
	a->flow = flow_hash(t, src, obs);
	__builtin_prefetch(&t->flow_index.slot[a->flow & t->flow_index.mask]);
	if (obs->kind == OBS_SYN)
		__builtin_prefetch(&t->host_index.slot[a->host & t->host_index.mask]);
}

static void ahead_find(const struct track *t, struct ahead *a, const struct tcp_obs *obs)
{
	uint32_t at = a->flow;

	a->flow_item = table_next(&t->flow_index, a->flow, &at);
	if (a->flow_item != TABLE_NONE) {
		__builtin_prefetch(&t->flows[a->flow_item], 1);
		__builtin_prefetch((const char *)(&t->flows[a->flow_item] + 1) - 1, 1);
	}
	a->host_item = TABLE_NONE;
	if (obs->kind != OBS_SYN)
		return;
	at = a->host;
	a->host_item = table_next(&t->host_index, a->host, &at);
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

	if (h->scores != 0) {
		const struct scores *points = pool_item(&t->scores, h->scores);

		load(points);
		load((const char *)(points + 1) - 1);
	}
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
		__builtin_prefetch(&t->flow_index.slot[t->flows[f].hash & t->flow_index.mask], 1);
}

void track_batch(struct track *t, const struct sigdb *db, const struct tcp_obs *obs, size_t n,
    void (*on)(void *ctx, enum track_result result, const struct track_event *ev, size_t events), void *ctx)
{
	assert(t->magic == TRACK_MAGIC && n <= TRACK_BATCH);
	t->payload = NULL;
	t->db = db;
	t->ev = t->batch_ev;
	/* A miss costs as much as all the rest of a segment: the loads of a whole batch are under way together. */
	for (size_t i = 0; i < n; i++)
		ahead_hash(t, &t->ahead[i], &obs[i]);
	ahead_evict(t, n);
	for (size_t i = 0; i < n; i++)
		ahead_find(t, &t->ahead[i], &obs[i]);
	for (size_t i = 0; i < n; i++)
		ahead_follow(t, &t->ahead[i]);
	for (size_t i = 0; i < n; i++) {
		const enum track_result result = track_segment(t, &obs[i], t->ahead[i].flow, t->ahead[i].host);

		on(ctx, result, t->batch_ev, t->n_events);
	}
}
