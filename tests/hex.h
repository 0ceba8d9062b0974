/* hex - bytes from text, for tables of tests. Blanks are skipped. */
#ifndef FP_TESTS_HEX_H
#define FP_TESTS_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline size_t hex_bytes(uint8_t *out, size_t size, const char *text)
{
	size_t n = 0;

	while (*text != '\0') {
		if (*text == ' ') {
			text++;
			continue;
		}
		const char pair[3] = { text[0], text[1], '\0' };

		if (n == size || text[1] == '\0')
			abort();
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
		text += 2;
	}
	return n;
}

#endif
