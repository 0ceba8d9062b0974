/* trackflows - the table of flows: found by both ends, the oldest goes. */
#include "core/track_int.h"

#define SENDSYN_WIN 1337     /* p0f-sendsyn marks its probes */
#define SENDSYN_MSS 1331

/* The hash of an address with a port mixed in: as secret as the first. */
static inline uint64_t end_hash(uint64_t addr, uint16_t port)
{
	const uint64_t x = (addr + port * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u; /* odd constants of splitmix64 */

	return x ^ x >> 29;
}

/* The same for both directions: a sum of its ends. */
uint32_t flow_hash(const struct track *t, uint64_t src, const struct tcp_obs *obs)
{
	const uint64_t sum = end_hash(src, obs->src_port) + end_hash(addr_hash(t, &obs->dst), obs->dst_port);

	return (uint32_t)(sum >> 32 ^ sum);
}

static bool flow_lives(const struct track *t, const struct flow *f)
{
	return t->hosts[f->host[CLIENT]].generation == f->generation[CLIENT] &&
	    t->hosts[f->host[SERVER]].generation == f->generation[SERVER];
}

static bool flow_is(const struct track *t, const struct flow *f, const struct tcp_obs *obs, enum side from)
{
	const enum side to = from == CLIENT ? SERVER : CLIENT;

	return f->port[from] == obs->src_port && f->port[to] == obs->dst_port &&
	    same_addr(&t->hosts[f->host[from]].addr, &obs->src) && same_addr(&t->hosts[f->host[to]].addr, &obs->dst);
}

uint32_t flow_find(const struct track *t, uint32_t hash, enum side *from)
{
	uint32_t at = hash, n;

	while ((n = table_next(&t->flow_index, hash, &at)) != TABLE_NONE) {
		const struct flow *f = &t->flows[n];

		*from = flow_is(t, f, t->obs, CLIENT) ? CLIENT : SERVER;
		if ((*from == CLIENT || flow_is(t, f, t->obs, SERVER)) && flow_lives(t, f))
			break;
	}
	return n;
}

void flow_forget(struct track *t, uint32_t n)
{
	struct flow *f = &t->flows[n];

	table_remove(&t->flow_index, f->hash, n);
	age_remove(&t->flows_age, flow_links(t), n);
	t->stats.flows--;
	if (!t->correct && f->http != 0)
		pool_give(&t->http, f->http);
	f->flags = FLOW_FREE;
	f->age.older = t->flows_free;
	t->flows_free = n + 1;
}

uint32_t flow_create(struct track *t, uint32_t hash, uint32_t src_hash)
{
	const struct tcp_obs *obs = t->obs;
	const uint32_t client = host_touch(t, &obs->src, src_hash, TABLE_NONE);
	const uint32_t server = server_touch(t, &obs->dst, client);
	uint32_t n;

	if (t->flows_free == 0 && t->flows_used < t->conf.flows_max) {
		n = t->flows_used++;
	} else {
		if (t->flows_free == 0) {
			flow_forget(t, t->flows_age.oldest);
			t->stats.flows_evicted++;
		}
		n = t->flows_free - 1;
		t->flows_free = t->flows[n].age.older;
	}
	t->flows[n] = (struct flow){
		.host = { client, server },
		.generation = { t->hosts[client].generation, t->hosts[server].generation },
		.port = { obs->src_port, obs->dst_port },
		.next_seq = { obs->seq + 1, 0 },
		.created_s = t->now_s,
		.hash = hash,
		.syn_mss = obs->mss,
		.flags = obs->win == SENDSYN_WIN && obs->mss == SENDSYN_MSS ? FLOW_SENDSYN : 0,
	};
	table_insert(&t->flow_index, hash, n);
	age_add(&t->flows_age, flow_links(t), n);
	t->stats.flows++;
	return n;
}

/* By the clock of the packets. In p0f one that is set back forgets everything; else several sources may be a little apart. */
static bool too_old(const struct track *t, uint32_t created_s, uint32_t now_s)
{
	return (t->conf.mode == MATCH_COMPAT_P0F || now_s > created_s) && now_s - created_s > t->conf.flow_age_s;
}

void flow_expire(struct track *t, uint32_t now_s)
{
	uint32_t n;

	while ((n = t->flows_age.oldest) != TABLE_NONE && too_old(t, t->flows[n].created_s, now_s))
		flow_forget(t, n);
}
