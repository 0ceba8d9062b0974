/* progress - the line alone; packets.c says when. */
#include "cmd/progress.h"

#include <stdio.h>
#include <string.h>

/* Three digits that matter, with the suffix that leaves them readable. */
static void count_text(char *buf, size_t size, double n)
{
	static const char *const suffix[] = { "", " k", " M", " G" };
	unsigned s = 0;

	while (n >= 10000 && s + 1 < sizeof suffix / sizeof *suffix) {
		n /= 1000;
		s++;
	}
	snprintf(buf, size, s == 0 || n >= 100 ? "%.0f%s" : n >= 10 ? "%.1f%s" : "%.2f%s", n, suffix[s]);
}

int progress_text(char *buf, size_t size, const struct progress *p)
{
	const char *base = strrchr(p->name, '/');
	char packets[32], rate[32], left[64] = "";

	count_text(packets, sizeof packets, (double)p->packets);
	count_text(rate, sizeof rate, p->rate);
	if (p->total > 0) {
		const double share = p->done < p->total ? (double)p->done / (double)p->total : 1;
		int n = snprintf(left, sizeof left, ", %d %%", (int)(100 * share));

		/* Too early to tell: the first percent says little. */
		if (share >= 0.01 && p->seconds > 0) {
			const unsigned s = (unsigned)(p->seconds / share - p->seconds + 0.5);

			if (s < 3600)
				snprintf(left + n, sizeof left - (size_t)n, ", %u:%02u left", s / 60, s % 60);
			else
				snprintf(left + n, sizeof left - (size_t)n, ", %u:%02u:%02u left", s / 3600, s / 60 % 60, s % 60);
		}
	}
	return snprintf(buf, size, "%s: %s packets, %s/s%s", base != NULL ? base + 1 : p->name, packets, rate, left);
}
