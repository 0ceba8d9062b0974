/* trackhosts - the table of hosts: found by address, bounded, those never confirmed go first. */
#include "core/track_int.h"

#define CHANCES_MAX 64       /* so many hosts in use are passed over at most when one has to go */

uint32_t host_find(const struct track *t, uint32_t hash, const struct fp_addr *addr)
{
	struct table_walk w = table_walk(&t->host_index, hash);
	uint32_t n;

	while ((n = table_next(&t->host_index, &w)) != TABLE_NONE)
		if (same_addr(&t->hosts[n].addr, addr))
			break;
	return n;
}

void host_forget(struct track *t, uint32_t n)
{
	struct track_host *h = &t->hosts[n];

	if (t->conf.evict != NULL)
		t->conf.evict(t->conf.evict_ctx, h);
	table_remove(&t->host_index, host_hash(t, &h->addr), n);
	age_remove(host_age(t, h), host_links(t), n);
	if (h->aside != 0) {
		face_drop(t, aside_item(t, h->aside)->synack.face);
		pool_give(&t->aside, h->aside);
	}
	face_drop(t, h->sig.face);
	t->stats.hosts--;
	memset(h, 0, sizeof *h);
	if (t->evidence != NULL)
		t->evidence[n] = (struct host_evidence){ 0 };
	h->age = (struct age_link){ .newer = HOST_FREE, .older = t->hosts_free };
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
		if (n == TABLE_NONE || !(t->hosts[n].sig.flags & HOST_USED) || chances == CHANCES_MAX)
			return n;
		t->hosts[n].sig.flags &= ~HOST_USED & 63;
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
	if (t->hosts[n].sig.flags & HOST_CONFIRMED)
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

uint32_t host_add(struct track *t, const struct fp_addr *addr, uint32_t hash, uint32_t in_use)
{
	const uint32_t n = host_slot(t, in_use);
	struct track_host *h = &t->hosts[n];

	*h = (struct track_host){ .addr = *addr, .first_s = t->now_s, .last_s = t->now_s };
	table_insert(&t->host_index, hash, n);
	age_add(&t->hosts_new, host_links(t), n);
	t->stats.hosts++;
	return n;
}

void host_confirm(struct track *t, uint32_t n, uint32_t in_use)
{
	struct track_host *h = &t->hosts[n];

	/* p0f has one line of hosts, by their last SYN. */
	if (h->sig.flags & HOST_CONFIRMED || !t->correct)
		return;
	if (t->conf.probation_max != 0 && t->hosts_confirmed.n >= t->conf.hosts_max - t->conf.probation_max) {
		const uint32_t oldest = age_victim(t, &t->hosts_confirmed, in_use);

		if (oldest != TABLE_NONE)
			host_evict(t, oldest);
	}
	age_remove(&t->hosts_new, host_links(t), n);
	h->sig.flags |= HOST_CONFIRMED;
	age_add(&t->hosts_confirmed, host_links(t), n);
}

bool host_shed(struct track *t, const struct flow *in_use)
{
	uint32_t n = age_victim(t, &t->hosts_new, TABLE_NONE);

	while (n != TABLE_NONE && in_use != NULL && (n == in_use->host[CLIENT] || n == in_use->host[SERVER]))
		n = t->hosts[n].age.newer;
	if (n == TABLE_NONE)
		return false;
	host_evict(t, n);
	return true;
}

struct aside *aside_of(struct track *t, struct track_host *h)
{
	if (h->aside == 0)
		h->aside = pool_take(&t->aside) & ASIDE_MAX;
	return h->aside != 0 ? aside_item(t, h->aside) : NULL;
}

void aside_done(struct track *t, struct track_host *h)
{
	const struct aside *a = aside_item(t, h->aside);

	if (a->synack.face != 0 || a->event.time_s != 0 || !scores_empty(&a->scores))
		return;
	pool_give(&t->aside, h->aside);
	h->aside = 0;
}

static void keep_aside(struct track *t, struct track_host *h, const struct track_kept *sig)
{
	struct aside *a = aside_of(t, h);

	if (a != NULL)
		kept_copy(t, &a->synack, sig);
}

void host_keep_other(struct track *t, struct track_host *h, enum side side, const struct track_kept *sig)
{
	if (side == SERVER && h->sig.flags & HOST_HAS_SIG && !(h->sig.flags & HOST_SIG_SYNACK)) {
		keep_aside(t, h, sig);
		return;
	}
	if (side == CLIENT && h->sig.flags & HOST_SIG_SYNACK) {
		keep_aside(t, h, &h->sig);
		h->sig.flags &= ~HOST_SIG_SYNACK & 63;
		h->unsent.said = TRACK_SAID_NOTHING;
	}
	if (!kept_same(t, &h->sig, sig)) {
		if (t->conf.replace != NULL && h->unsent.dirty && h->unsent.confirmed)
			t->conf.replace(t->conf.evict_ctx, h);
		h->unsent.said = TRACK_SAID_NOTHING;
	}
	kept_copy(t, &h->sig, sig);
	h->sig.flags |= side == SERVER ? HOST_HAS_SIG | HOST_SIG_SYNACK : HOST_HAS_SIG;
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

/* ---- Questions ---------------------------------------------------------------------------- */

struct track_unsent *track_host_unsent(struct track_host *host)
{
	return &host->unsent;
}

const struct fp_addr *track_host_addr(const struct track_host *host)
{
	return &host->addr;
}

bool track_host_sig(const struct track *t, const struct track_host *host, struct track_sig *out, bool *synack)
{
	*synack = host->sig.flags & HOST_SIG_SYNACK;
	if (!(host->sig.flags & HOST_HAS_SIG))
		return false;
	kept_sig(t, &host->sig, out);
	return true;
}

struct track_unsent_event *track_event_unsent(struct track *t, struct track_host *host)
{
	struct aside *a = aside_of(t, host);

	return a != NULL ? &a->event : NULL;
}

const struct track_unsent_event *track_event_of(const struct track *t, const struct track_host *host)
{
	return host->aside != 0 ? &aside_item(t, host->aside)->event : NULL;
}

void track_event_sent(struct track *t, struct track_host *host)
{
	if (host->aside == 0)
		return;
	aside_item(t, host->aside)->event = (struct track_unsent_event){ 0 };
	aside_done(t, host);
}

struct evidence track_host_evidence(const struct track *t, const struct track_host *host)
{
	return t->evidence != NULL ? evidence_of(&t->evidence[host - t->hosts]) : (struct evidence){ 0 };
}

void track_host_seen(const struct track_host *host, int64_t *first_ns, int64_t *last_ns)
{
	*first_ns = host->first_s * INT64_C(1000000000);
	*last_ns = host->last_s * INT64_C(1000000000);
}

uint32_t track_host_number(const struct track *t, const struct track_host *host)
{
	return (uint32_t)(host - t->hosts);
}

struct track_host *track_host_at(struct track *t, uint32_t number)
{
	return number < t->hosts_used && t->hosts[number].age.newer != HOST_FREE ? &t->hosts[number] : NULL;
}

void track_host_soon(const struct track *t, uint32_t number)
{
	if (number < t->hosts_used)
		host_soon(t, number);
}

struct track_host *track_find(struct track *t, const struct fp_addr *addr)
{
	const uint32_t n = host_find(t, host_hash(t, addr), addr);

	return n != TABLE_NONE ? &t->hosts[n] : NULL;
}
bool track_host_confirmed(const struct track_host *host)
{
	return host->sig.flags & HOST_CONFIRMED;
}

static uint32_t forget_list(struct track *t, const struct age *age, const struct fp_cidr *block)
{
	uint32_t forgotten = 0;

	for (uint32_t n = age->oldest, newer; n != TABLE_NONE; n = newer) {
		newer = t->hosts[n].age.newer;
		if (!fp_cidr_has(block, &t->hosts[n].addr))
			continue;
		host_forget(t, n);
		forgotten++;
	}
	return forgotten;
}

uint32_t track_forget(struct track *t, const struct fp_cidr *block)
{
	return forget_list(t, &t->hosts_new, block) + forget_list(t, &t->hosts_confirmed, block);
}
