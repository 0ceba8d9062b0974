/* trackunsent - hosts with something unsent, in the order of their addresses, sorted where the caller wants them: no memory but that. */
#include "core/track_int.h"

#include <stdlib.h>

#define FEW 24 /* sorted by insertion */

/* Where an address stands: below IPv4's place among the mapped ones, IPv4, above. */
enum place { BELOW, V4, ABOVE, PLACES };

static enum place place_of(const struct fp_addr *addr)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	const int order = memcmp(addr->b, mapped, sizeof mapped);

	return order < 0 ? BELOW : order == 0 ? V4 : ABOVE;
}

static uint32_t v4_key(const struct fp_addr *addr)
{
	return (uint32_t)addr->b[12] << 24 | (uint32_t)addr->b[13] << 16 | (uint32_t)addr->b[14] << 8 | addr->b[15];
}

static void sort_few(struct track_in_line *line, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		const struct track_in_line x = line[i];
		uint32_t at = i;

		for (; at > 0 && line[at - 1].key > x.key; at--)
			line[at] = line[at - 1];
		line[at] = x;
	}
}

/* By key, in place, a byte at a time from the highest: who stands in another's part changes places with whom it meets there. */
static void sort_by_key(struct track_in_line *line, uint32_t n, unsigned shift)
{
	uint32_t count[256] = { 0 }, at[256], end[256], sum = 0;

	if (n <= FEW) {
		sort_few(line, n);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		count[line[i].key >> shift & 255]++;
	for (unsigned b = 0; b < 256; b++) {
		at[b] = sum;
		end[b] = sum += count[b];
	}
	for (unsigned b = 0; b < 256; b++)
		while (at[b] < end[b]) {
			struct track_in_line x = line[at[b]];

			for (unsigned c; (c = x.key >> shift & 255) != b;) {
				const struct track_in_line met = line[at[c]];

				line[at[c]++] = x;
				x = met;
			}
			line[at[b]++] = x;
		}
	for (unsigned b = 0; b < 256 && shift > 0; b++)
		if (count[b] > 1)
			sort_by_key(line + end[b] - count[b], count[b], shift - 8);
}

static int order_by_address(const void *a, const void *b, void *ctx)
{
	const struct track *t = ctx;
	const struct track_in_line *x = a, *y = b;

	return memcmp(t->hosts[x->host].addr.b, t->hosts[y->host].addr.b, sizeof t->hosts->addr.b);
}

uint32_t track_unsent_hosts(const struct track *t, struct track_in_line *line)
{
	uint32_t n[PLACES] = { 0 }, at[PLACES];

	for (uint32_t i = 0; i < t->hosts_used; i++)
		if (t->hosts[i].unsent.dirty)
			n[place_of(&t->hosts[i].addr)]++;
	at[BELOW] = 0;
	at[V4] = n[BELOW];
	at[ABOVE] = n[BELOW] + n[V4];
	for (uint32_t i = 0; i < t->hosts_used; i++) {
		const struct track_host *h = &t->hosts[i];

		if (h->unsent.dirty)
			line[at[place_of(&h->addr)]++] = (struct track_in_line){ i, v4_key(&h->addr) };
	}
	qsort_r(line, n[BELOW], sizeof *line, order_by_address, (void *)t);
	sort_by_key(line + n[BELOW], n[V4], 24);
	qsort_r(line + n[BELOW] + n[V4], n[ABOVE], sizeof *line, order_by_address, (void *)t);
	return n[BELOW] + n[V4] + n[ABOVE];
}
