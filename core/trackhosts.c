/* trackhosts - the table of hosts: found by address, bounded, those never confirmed go first. */
#include "core/track_int.h"

#define CHANCES_MAX 64       /* so many hosts in use are passed over at most when one has to go */

uint32_t host_find(const struct track *t, uint32_t hash, const struct fp_addr *addr)
{
	uint32_t at = hash, n;

	while ((n = table_next(&t->host_index, hash, &at)) != TABLE_NONE)
		if (same_addr(&t->hosts[n].addr, addr))
			break;
	return n;
}

static struct age *host_age(struct track *t, const struct track_host *h)
{
	return h->flags & HOST_CONFIRMED ? &t->hosts_confirmed : &t->hosts_new;
}

void host_forget(struct track *t, uint32_t n)
{
	struct track_host *h = &t->hosts[n];

	if (t->conf.evict != NULL)
		t->conf.evict(t->conf.evict_ctx, h);
	table_remove(&t->host_index, host_hash(t, &h->addr), n);
	age_remove(host_age(t, h), host_links(t), n);
	if (h->synack != 0)
		pool_give(&t->synacks, h->synack);
	if (h->scores != 0)
		pool_give(&t->scores, h->scores);
	h->synack = h->scores = 0;
	h->sig.label = h->os = NULL; /* track_relabel() looks at every item */
	h->flags = 0;
	h->generation++;
	t->stats.hosts--;
	h->age.older = t->hosts_free;
	t->hosts_free = n + 1;
}

/*
 * Who goes first of a list, but not the one in use: the oldest, and where uses are only marked the oldest that was not used since it became the
 * youngest last ("clock": a mark costs nothing, a move in the list two cache misses a packet). TABLE_NONE: there is none.
 */
static uint32_t age_victim(struct track *t, struct age *age, uint32_t in_use)
{
	for (int chances = 0;; chances++) {
		uint32_t n = age->oldest;

		if (n != TABLE_NONE && n == in_use)
			n = t->hosts[n].age.newer;
		if (n == TABLE_NONE || !(t->hosts[n].flags & HOST_USED) || chances == CHANCES_MAX)
			return n;
		t->hosts[n].flags &= (uint8_t)~HOST_USED;
		age_touch(age, host_links(t), n);
	}
}

/* Of those never confirmed first. */
static uint32_t host_victim(struct track *t, uint32_t in_use)
{
	const uint32_t n = age_victim(t, &t->hosts_new, in_use);

	return n != TABLE_NONE ? n : age_victim(t, &t->hosts_confirmed, in_use);
}

static void host_evict(struct track *t, uint32_t n)
{
	if (t->hosts[n].flags & HOST_CONFIRMED)
		t->stats.confirmed_evicted++;
	host_forget(t, n);
	t->stats.hosts_evicted++;
}

static uint32_t host_slot(struct track *t, uint32_t in_use)
{
	const uint32_t on_probation = t->probation && t->hosts_new.n >= t->conf.probation_max ?
	    age_victim(t, &t->hosts_new, in_use) : TABLE_NONE;

	if (on_probation != TABLE_NONE)
		host_evict(t, on_probation);
	if (t->hosts_free == 0 && t->hosts_used < t->conf.hosts_max)
		return t->hosts_used++;
	if (t->hosts_free == 0)
		host_evict(t, host_victim(t, in_use));
	const uint32_t n = t->hosts_free - 1;

	t->hosts_free = t->hosts[n].age.older;
	return n;
}

static uint32_t host_add(struct track *t, const struct fp_addr *addr, uint32_t hash, uint32_t in_use)
{
	const uint32_t n = host_slot(t, in_use);
	struct track_host *h = &t->hosts[n];

	*h = (struct track_host){ .addr = *addr, .first_s = t->now_s, .last_s = t->now_s, .generation = h->generation };
	table_insert(&t->host_index, hash, n);
	age_add(&t->hosts_new, host_links(t), n);
	t->stats.hosts++;
	return n;
}

static uint32_t host_used(struct track *t, uint32_t n)
{
	struct track_host *h = &t->hosts[n];

	if (t->exact)
		age_touch(host_age(t, h), host_links(t), n);
	else
		h->flags |= HOST_USED;
	/* Times may go backwards: files in any order, a clock that is set. */
	if (t->exact || t->now_s > h->last_s)
		h->last_s = t->now_s;
	else if (t->now_s < h->first_s)
		h->first_s = t->now_s;
	return n;
}

uint32_t host_touch(struct track *t, const struct fp_addr *addr, uint32_t hash, uint32_t in_use)
{
	const uint32_t n = host_find(t, hash, addr);

	return n != TABLE_NONE ? host_used(t, n) : host_add(t, addr, hash, in_use);
}

uint32_t server_touch(struct track *t, const struct fp_addr *addr, uint32_t in_use)
{
	const struct track_host *h = &t->hosts[t->server];

	if (h->generation == t->server_generation && same_addr(&h->addr, addr))
		return host_used(t, t->server);
	t->server_hash = addr_hash(t, addr);
	t->server_addr = *addr;
	t->server = host_touch(t, addr, (uint32_t)t->server_hash, in_use);
	t->server_generation = t->hosts[t->server].generation;
	return t->server;
}

void host_confirm(struct track *t, uint32_t n, uint32_t in_use)
{
	struct track_host *h = &t->hosts[n];

	/* p0f has one line of hosts, by their last SYN. */
	if (h->flags & HOST_CONFIRMED || !t->correct)
		return;
	if (t->conf.probation_max != 0 && t->hosts_confirmed.n >= t->conf.hosts_max - t->conf.probation_max) {
		const uint32_t oldest = age_victim(t, &t->hosts_confirmed, in_use);

		if (oldest != TABLE_NONE)
			host_evict(t, oldest);
	}
	age_remove(&t->hosts_new, host_links(t), n);
	h->flags |= HOST_CONFIRMED;
	age_add(&t->hosts_confirmed, host_links(t), n);
}

const struct track_sig *host_ref(const struct track *t, const struct track_host *h, enum side side)
{
	const struct track_sig *sig = &h->sig;

	if (!(h->flags & HOST_HAS_SIG))
		return NULL;
	if (side == SERVER && h->synack != 0)
		sig = pool_item(&t->synacks, h->synack);
	else if (!(h->flags & HOST_SIG_SYNACK) != (side == CLIENT))
		return NULL;
	return sig->label != NULL && sig->label->app ? NULL : sig;
}

void host_keep(struct track *t, struct track_host *h, enum side side, const struct track_sig *sig, uint32_t layout_hash)
{
	if (side == SERVER && h->flags & HOST_HAS_SIG && !(h->flags & HOST_SIG_SYNACK)) {
		if (h->synack == 0)
			h->synack = pool_take(&t->synacks);
		if (h->synack != 0)
			*(struct track_sig *)pool_item(&t->synacks, h->synack) = *sig;
		return;
	}
	if (side == CLIENT && h->flags & HOST_SIG_SYNACK) {
		h->synack = pool_take(&t->synacks);
		if (h->synack != 0)
			*(struct track_sig *)pool_item(&t->synacks, h->synack) = h->sig;
		h->flags &= (uint8_t)~HOST_SIG_SYNACK;
	}
	if (t->conf.replace != NULL && h->unsent.dirty && h->unsent.confirmed)
		t->conf.replace(t->conf.evict_ctx, h, sig);
	h->sig = *sig;
	h->flags |= side == SERVER ? HOST_HAS_SIG | HOST_SIG_SYNACK : HOST_HAS_SIG;
	if (side == CLIENT)
		h->layout_hash = layout_hash;
}

/* By the clock of the packets, unsigned, so that a clock set back forgets everything, as in p0f. */
void host_expire(struct track *t, uint32_t now_s)
{
	uint32_t n;

	while ((n = t->hosts_new.oldest) != TABLE_NONE && now_s - t->hosts[n].last_s > t->conf.host_age_s)
		host_forget(t, n);
	while ((n = t->hosts_confirmed.oldest) != TABLE_NONE && now_s - t->hosts[n].last_s > t->conf.host_age_s)
		host_forget(t, n);
}

void host_soon(const struct track *t, uint32_t n)
{
	const char *h = (const char *)&t->hosts[n];

	__builtin_prefetch(h, 1);
	__builtin_prefetch(h + sizeof(struct track_host) / 2, 1); /* CACHELINE is what two threads keep apart: a pair of these */
}

/* ---- Questions ---------------------------------------------------------------------------- */

struct track_unsent *track_host_unsent(struct track_host *host)
{
	return &host->unsent;
}

const struct fp_addr *track_host_addr(const struct track_host *host)
{
	return &host->addr;
}

const struct track_sig *track_host_sig(const struct track_host *host, bool *synack)
{
	*synack = host->flags & HOST_SIG_SYNACK;
	return host->flags & HOST_HAS_SIG ? &host->sig : NULL;
}

void track_host_seen(const struct track_host *host, int64_t *first_ns, int64_t *last_ns)
{
	*first_ns = host->first_s * INT64_C(1000000000);
	*last_ns = host->last_s * INT64_C(1000000000);
}

uint64_t track_host_ref(const struct track *t, const struct track_host *host)
{
	return (uint64_t)host->generation << 32 | (uint32_t)(host - t->hosts);
}

struct track_host *track_host_of(struct track *t, uint64_t ref)
{
	const uint32_t n = (uint32_t)ref;

	return n < t->hosts_used && t->hosts[n].generation == ref >> 32 ? &t->hosts[n] : NULL;
}

void track_host_soon(const struct track *t, uint64_t ref)
{
	if ((uint32_t)ref < t->hosts_used)
		host_soon(t, (uint32_t)ref);
}

struct track_host *track_find(struct track *t, const struct fp_addr *addr)
{
	const uint32_t n = host_find(t, host_hash(t, addr), addr);

	return n != TABLE_NONE ? &t->hosts[n] : NULL;
}
bool track_host_confirmed(const struct track_host *host)
{
	return host->flags & HOST_CONFIRMED;
}

static uint32_t forget_list(struct track *t, const struct age *age, const struct fp_cidr *block)
{
	uint32_t forgotten = 0;

	for (uint32_t n = age->oldest, newer; n != TABLE_NONE; n = newer) {
		newer = t->hosts[n].age.newer;
		if (!fp_cidr_has(block, &t->hosts[n].addr))
			continue;
		host_forget(t, n);
		/* Nothing of it is to stay in memory either. */
		memset(&t->hosts[n].sig, 0, sizeof t->hosts[n].sig);
		memset(&t->hosts[n].addr, 0, sizeof t->hosts[n].addr);
		forgotten++;
	}
	return forgotten;
}

uint32_t track_forget(struct track *t, const struct fp_cidr *block)
{
	return forget_list(t, &t->hosts_new, block) + forget_list(t, &t->hosts_confirmed, block);
}
