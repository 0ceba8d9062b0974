/* trackflows - the table of flows: found by both ends, the oldest goes. */
#include "core/track_int.h"

#define SENDSYN_WIN 1337     /* p0f-sendsyn marks its probes */
#define SENDSYN_MSS 1331

static struct age_links flow_links(const struct track *t)
{
	return (struct age_links){ &t->flows[0].age, sizeof t->flows[0] };
}

static bool flow_is(const struct track *t, const struct flow *f, const struct tcp_obs *obs, enum side from)
{
	const enum side to = from == CLIENT ? SERVER : CLIENT;

	return f->port[from] == obs->src_port && f->port[to] == obs->dst_port && host_is(t, f->host[from], &obs->src) &&
	    host_is(t, f->host[to], &obs->dst);
}

static uint64_t *mark(struct track *t, uint32_t hash)
{
	return &t->made[hash % FLOW_MARKS / 64];
}

/* Whose flow is it of, if it is? */
static bool flow_side(const struct track *t, const struct flow *f, enum side *from)
{
	*from = flow_is(t, f, t->obs, CLIENT) ? CLIENT : SERVER;
	return *from == CLIENT || flow_is(t, f, t->obs, SERVER);
}

uint32_t flow_find(const struct track *t, const struct ahead *a, enum side *from)
{
	struct table_walk w;
	uint32_t n;

	if (a->batch && a->flow_item == TABLE_NONE && !(t->made[a->flow % FLOW_MARKS / 64] >> a->flow % 64 & 1))
		return TABLE_NONE;
	w = table_walk(&t->flow_index, a->flow);
	while ((n = table_next(&t->flow_index, &w)) != TABLE_NONE)
		if (t->flows[n].hash == a->flow && flow_side(t, &t->flows[n], from))
			break;
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
	face_drop(t, f->said.face);
	f->age.older = t->flows_free;
	t->flows_free = n + 1;
}

/* host_touch() of the address that a SYN goes to. */
static uint32_t server_touch(struct track *t, const struct fp_addr *addr, uint32_t in_use)
{
	struct server *s = &t->servers[server_slot(addr)];

	if (s->host != TABLE_NONE && same_addr(addr, &s->addr) && host_is(t, s->host, addr))
		return host_used(t, s->host);
	s->hash = addr_hash(t, addr);
	s->addr = *addr;
	return s->host = host_touch(t, addr, (uint32_t)s->hash, s->host, in_use);
}

uint32_t flow_create(struct track *t, const struct ahead *a)
{
	const struct tcp_obs *obs = t->obs;
	const uint32_t client = host_touch(t, &obs->src, a->host, a->host_item, TABLE_NONE);
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
		.port = { obs->src_port, obs->dst_port },
		.next_seq = { obs->seq + 1, 0 },
		.hash = a->flow,
		.said = t->kept,
		.syn_mss = obs->mss,
		.flags = obs->win == SENDSYN_WIN && obs->mss == SENDSYN_MSS ? FLOW_SENDSYN : 0,
	};
	face_hold(t, t->kept.face);
	table_insert(&t->flow_index, a->flow, n);
	*mark(t, a->flow) |= UINT64_C(1) << a->flow % 64;
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

	while ((n = t->flows_age.oldest) != TABLE_NONE && too_old(t, t->flows[n].said.s, now_s))
		flow_forget(t, n);
}
