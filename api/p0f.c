/* p0f - p0f 3's API socket. */
#include "api/p0f.h"

#include "api/loop_int.h"

#include <string.h>

#define QUERY_MAGIC UINT32_C(0x50304601)
#define REPLY_MAGIC UINT32_C(0x50304602)
#define PADDING 3        /* of struct p0f_api_query where a compiler pads it */
#define PIPELINE 128     /* queries of one client in line */
#define REPLIES 16       /* a write: below a page, so that a Unix socket takes them whole or not at all */
#define TEXT_BYTES 32

enum { BAD_QUERY = 1 };

/* Where the fields of a reply are; numbers are in host order. */
enum reply_at {
	AT_MAGIC = 0, AT_STATUS = 4, AT_FIRST_SEEN = 8, AT_LAST_SEEN = 12, AT_TOTAL_CONN = 16, AT_UPTIME_MIN = 20,
	AT_UP_MOD_DAYS = 24, AT_LAST_NAT = 28, AT_LAST_CHG = 32, AT_DISTANCE = 36, AT_BAD_SW = 38, AT_OS_MATCH_Q = 39,
	AT_OS_NAME = 40, AT_OS_FLAVOR = 72, AT_LINK_TYPE = 168,
};

struct state {
	unsigned padding;    /* noughts skipped since the last query */
};

bool p0f_parse(const uint8_t query[P0F_QUERY], struct fp_addr *addr)
{
	uint32_t magic;

	memcpy(&magic, query, sizeof magic);
	if (magic != QUERY_MAGIC)
		return false;
	if (query[4] == 4)
		*addr = fp_addr_from_v4(query + 5);
	else if (query[4] == 6)
		memcpy(addr->b, query + 5, sizeof addr->b); /* v4-mapped is how IPv4 is held here */
	else
		return false;
	return true;
}

static void put32(uint8_t *out, uint32_t value)
{
	memcpy(out, &value, sizeof value);
}

static void put_text(uint8_t *out, const char *text)
{
	memcpy(out, text, strnlen(text, TEXT_BYTES - 1));
}

void p0f_reply(uint8_t out[P0F_REPLY], enum p0f_status status, const struct fp_answer *host)
{
	memset(out, 0, P0F_REPLY);
	put32(out + AT_MAGIC, REPLY_MAGIC);
	put32(out + AT_STATUS, status);
	if (status != P0F_OK)
		return;

	const struct fp_host *h = &host->host;
	const int16_t distance = h->distance; /* 255 is p0f's word for unknown too */

	put32(out + AT_FIRST_SEEN, h->first_seen);
	put32(out + AT_LAST_SEEN, h->last_seen);
	put32(out + AT_TOTAL_CONN, h->connections);
	if (h->clock_hz != 0 && !h->uptime_doubtful) {
		put32(out + AT_UPTIME_MIN, h->uptime_min);
		put32(out + AT_UP_MOD_DAYS, (uint32_t)(UINT32_MAX / ((uint64_t)h->clock_hz * 86400)));
	}
	put32(out + AT_LAST_NAT, h->shared);
	put32(out + AT_LAST_CHG, h->os_changed);
	memcpy(out + AT_DISTANCE, &distance, sizeof distance);
	out[AT_BAD_SW] = h->bad_sw;
	out[AT_OS_MATCH_Q] = h->match == FP_MATCH_FUZZY ? 1 : h->match == FP_MATCH_GENERIC ? 2 : 0;
	put_text(out + AT_OS_NAME, host->name);
	put_text(out + AT_OS_FLAVOR, host->flavor);
	put_text(out + AT_LINK_TYPE, host->link);
}

static ptrdiff_t take(void *state, const uint8_t *bytes, size_t n, bool ended, struct ask *ask, bool *asked)
{
	struct state *s = state;

	(void)ended;
	/* No magic begins with nought, in either byte order: between two queries it is padding. */
	if (n > 0 && bytes[0] == 0 && s->padding < PADDING) {
		s->padding++;
		return 1;
	}
	if (n < P0F_QUERY)
		return 0;
	s->padding = 0;
	*asked = true;
	if (!p0f_parse(bytes, &ask->addr))
		ask->kind = BAD_QUERY;
	return P0F_QUERY;
}

static size_t reply(void *state, const struct loop_conf *conf, const struct ask *ask, const struct fp_answer *host, uint8_t *out)
{
	(void)state;
	if (ask->kind == BAD_QUERY)
		counter_add(conf->row, C_QUERIES_MALFORMED, 1);
	p0f_reply(out, ask->kind == BAD_QUERY ? P0F_BAD_QUERY : host != NULL ? P0F_OK : P0F_NO_MATCH, host);
	return P0F_REPLY;
}

const struct proto p0f_proto = {
	.kind = LOOP_P0F, .counter = C_P0F_QUERIES, .in_max = 2048, .reply_max = P0F_REPLY, .out_max = REPLIES * P0F_REPLY,
	.asks = PIPELINE, .state_bytes = sizeof(struct state), .take = take, .reply = reply,
};
