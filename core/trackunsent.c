/* trackunsent - hosts with something unsent, in the order of their addresses. */
#include "core/track_int.h"

#include <stdlib.h>

/* An IPv4 address as a number, and whose it is. */
struct v4 {
	uint32_t addr, host;
};

/* By one byte. from and to are of n. */
static void order_by_byte(const struct v4 *from, struct v4 *to, size_t n, unsigned shift)
{
	size_t at[257] = { 0 };

	for (size_t i = 0; i < n; i++)
		at[(from[i].addr >> shift & 255) + 1]++;
	for (unsigned b = 0; b < 256; b++)
		at[b + 1] += at[b];
	for (size_t i = 0; i < n; i++)
		to[at[from[i].addr >> shift & 255]++] = from[i];
}

static int order_by_address(const void *a, const void *b, void *ctx)
{
	const struct track *t = ctx;

	return memcmp(t->hosts[*(const uint32_t *)a].addr.b, t->hosts[*(const uint32_t *)b].addr.b, sizeof t->hosts->addr.b);
}

/* Those below IPv4's place among the mapped addresses, IPv4, the rest. */
static void give_in_order(const struct track *t, const struct v4 *v4, size_t n4, const uint32_t *v6, size_t n6,
    void (*give)(void *ctx, uint64_t ref), void *ctx)
{
	size_t i = 0;

	for (; i < n6 && n4 > 0 && memcmp(t->hosts[v6[i]].addr.b, t->hosts[v4->host].addr.b, sizeof t->hosts->addr.b) < 0; i++)
		give(ctx, track_host_ref(t, &t->hosts[v6[i]]));
	for (size_t k = 0; k < n4; k++)
		give(ctx, track_host_ref(t, &t->hosts[v4[k].host]));
	for (; i < n6; i++)
		give(ctx, track_host_ref(t, &t->hosts[v6[i]]));
}

void track_unsent_hosts(struct track *t, void (*give)(void *ctx, uint64_t ref), void *ctx)
{
	const size_t max = t->hosts_used;
	struct v4 *v4 = table_memory(2 * max, sizeof *v4);
	uint32_t *v6 = table_memory(max, sizeof *v6);
	size_t n4 = 0, n6 = 0;

	for (uint32_t i = 0; i < max; i++) {
		const struct track_host *h = &t->hosts[i];

		if (!h->unsent.dirty)
			continue;
		if (v4 == NULL || v6 == NULL)
			give(ctx, track_host_ref(t, h));
		else if (fp_addr_is_v4(&h->addr))
			v4[n4++] = (struct v4){ (uint32_t)h->addr.b[12] << 24 | (uint32_t)h->addr.b[13] << 16 | (uint32_t)h->addr.b[14] << 8 |
			    h->addr.b[15], i };
		else
			v6[n6++] = i;
	}
	if (v4 != NULL && v6 != NULL) {
		for (unsigned shift = 0; shift < 32; shift += 16) {
			order_by_byte(v4, v4 + max, n4, shift);
			order_by_byte(v4 + max, v4, n4, shift + 8);
		}
		qsort_r(v6, n6, sizeof *v6, order_by_address, t);
		give_in_order(t, v4, n4, v6, n6, give, ctx);
	}
	table_memory_free(v4, 2 * max, sizeof *v4);
	table_memory_free(v6, max, sizeof *v6);
}
