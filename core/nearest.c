/* nearest - the distance of Damerau and Levenshtein, no letter edited twice ("optimal string alignment"). */
#include "core/nearest.h"

#include <stddef.h>
#include <string.h>

#define WORD_MAX 63

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t nearest_distance(const char *a, const char *b)
{
	uint32_t rows[3][WORD_MAX + 1];
	uint32_t *before = rows[0], *above = rows[1], *row = rows[2];
	const size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return UINT32_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = (uint32_t)j;
	for (size_t i = 1; i <= n; i++) {
		uint32_t *spare = before;

		before = above;
		above = row;
		row = spare;
		row[0] = (uint32_t)i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[m];
}

void nearest_offer(struct nearest *n, const char *typed, const char *name)
{
	const uint32_t d = nearest_distance(typed, name);

	if (d < n->distance)
		*n = (struct nearest){ name, d };
}
