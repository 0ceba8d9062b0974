/* text - an address in, a line out. */
#include "api/text.h"

#include "api/loop_int.h"

#include <string.h>

#define REPLY 1024   /* the longest wording is half of that */
#define IDLE_S 30    /* nobody connects here to stay */

enum { NO_ADDRESS = 1 };

bool text_parse(const uint8_t *line, size_t n, struct fp_addr *addr)
{
	char text[TEXT_LINE];

	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	while (n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	if (n >= sizeof text || memchr(line, '\0', n) != NULL)
		return false;
	memcpy(text, line, n);
	text[n] = '\0';
	return fp_addr_parse(addr, text) == 0;
}

static ptrdiff_t take(void *state, const uint8_t *bytes, size_t n, bool ended, struct ask *ask, bool *asked)
{
	const uint8_t *newline = memchr(bytes, '\n', n);
	const size_t len = newline != NULL ? (size_t)(newline - bytes) : n;

	(void)state;
	if (newline == NULL && n >= TEXT_LINE)
		return -1;
	/* Who closes his side after the address has sent all there is. */
	if (newline == NULL && (!ended || n == 0))
		return 0;
	*asked = true;
	if (!text_parse(bytes, len, &ask->addr))
		ask->kind = NO_ADDRESS;
	return (ptrdiff_t)(len + (newline != NULL));
}

static size_t reply(void *state, const struct loop_conf *conf, const struct ask *ask, const struct fp_answer *host, uint8_t *out)
{
	size_t n = 0;

	(void)state;
	if (ask->kind == NO_ADDRESS)
		counter_add(conf->row, C_QUERIES_MALFORMED, 1);
	if (host != NULL)
		n = loop_words(conf, host, (char *)out, REPLY - 1);
	out[n] = '\n';
	return n + 1;
}

const struct proto text_proto = {
	.kind = LOOP_TEXT, .counter = C_TEXT_QUERIES, .in_max = TEXT_LINE, .reply_max = REPLY, .out_max = REPLY, .asks = 1,
	.once = true, .idle_s = IDLE_S, .take = take, .reply = reply,
};
