/* scan - slices of a store. */
#include "cmd/scan.h"

#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROW_MAX 2048

void scan_begin(struct scan *s)
{
	memset(&s->at, 0, sizeof s->at);
}

int scan_some(struct scan *s, unsigned n)
{
	struct fp_answer host;

	for (; n > 0; n--) {
		const int rc = fp_next(s->store, &s->at, &host);

		if (rc == FP_ENOTFOUND)
			return 0;
		if (rc != 0)
			return rc;
		s->at = host.addr;
		s->host(s->ctx, &host);
	}
	return 1;
}

uint64_t scan_counter(struct fp_store *store, const char *name)
{
	const size_t len = strlen(name);
	char row[ROW_MAX];
	uint64_t sum = 0;

	for (unsigned n = 0; fp_counters(store, n, row, sizeof row) == 0; n++)
		for (const char *line = row; line != NULL; line = strchr(line, '\n')) {
			line += *line == '\n';
			if (strncmp(line, name, len) == 0 && line[len] == ' ')
				sum += strtoull(line + len + 1, NULL, 10);
		}
	return sum;
}

void scan_sleep(int64_t ns)
{
	if (ns > 0)
		nanosleep(&(struct timespec){ ns / 1000000000, ns % 1000000000 }, NULL);
}

int64_t scan_clock(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}
