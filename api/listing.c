/*
 * listing - /v1/hosts: the addresses asked for, or hosts page by page.
 *
 * Pages come in two parts. First the last changed, newest first, by the numbers of their events; then all others by address, those left
 * out that the first part has shown. A cursor says where one is, no more: nothing is held between two pages, and each look-up sees the
 * store as it is. No host is left out; one that changes meanwhile may come twice.
 */
#include "api/answers.h"
#include "api/recent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define LOOK_MAX 3000 /* hosts that a page looks at: what suits few ends sooner, with a cursor to go on */

enum part { NEWEST, BY_ADDRESS };

struct cursor {
	enum part part;
	uint64_t epoch, top;   /* of the events when the listing began */
	uint64_t at;           /* NEWEST: the next to look at; BY_ADDRESS: the oldest that was shown */
	struct fp_addr after;
};

struct listing {
	char os[REQUEST_VALUE_MAX], klass[REQUEST_VALUE_MAX];
	bool by_os, by_class, by_ip, begun;
	int64_t since_s;
	unsigned limit;
	struct cursor cursor;
	unsigned n, looked;
};

/* ---- Parameters ------------------------------------------------------------------------------- */

/* All hex: "0-EPOCH-TOP-AT" or "1-EPOCH-TOP-AT-ADDRESS". */
static bool parse_cursor(const char *text, struct cursor *c)
{
	char address[33] = "", pair[3] = "";
	unsigned part;
	int len = 0;

	if (strspn(text, "0123456789abcdef-") != strlen(text) ||
	    sscanf(text, "%1u-%16" SCNx64 "-%16" SCNx64 "-%16" SCNx64 "%n", &part, &c->epoch, &c->top, &c->at, &len) != 4 || part > BY_ADDRESS)
		return false;
	c->part = (enum part)part;
	if (c->part == NEWEST)
		return text[len] == '\0';
	if (text[len] != '-' || strlen(text + len + 1) != 32 || strchr(text + len + 1, '-') != NULL)
		return false;
	memcpy(address, text + len + 1, 32);
	for (int i = 0; i < 16; i++) {
		memcpy(pair, address + 2 * i, 2);
		c->after.b[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

bool answer_time(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	const char *end;

	if (*text != '\0' && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 10) {
		*out = strtoll(text, NULL, 10);
		return true;
	}
	/* strptime() is lenient with blanks. */
	if (strlen(text) != 20 || strspn(text, "0123456789-T:Z") != 20)
		return false;
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (end == NULL || *end != '\0')
		return false;
	*out = timegm(&tm);
	return *out >= 0;
}

static bool parse_limit(const char *text, unsigned *out)
{
	if (*text == '\0' || strlen(text) > 4 || strspn(text, "0123456789") != strlen(text))
		return false;
	*out = (unsigned)strtoul(text, NULL, 10);
	return *out >= 1 && *out <= LIMIT_MAX;
}

/* What is wrong with a parameter, or NULL; ip is the caller's. */
static const char *take(struct listing *l, const struct request_param *p)
{
	if (strcmp(p->name, "os") == 0) {
		snprintf(l->os, sizeof l->os, "%s", p->value);
		l->by_os = true;
	} else if (strcmp(p->name, "class") == 0) {
		snprintf(l->klass, sizeof l->klass, "%s", p->value);
		l->by_class = true;
	} else if (strcmp(p->name, "since") == 0) {
		if (!answer_time(p->value, &l->since_s))
			return "this is no time like 2026-11-23T09:10:11Z, nor seconds since 1970";
	} else if (strcmp(p->name, "limit") == 0) {
		if (!parse_limit(p->value, &l->limit))
			return "this is no number from 1 to 1000";
	} else if (strcmp(p->name, "cursor") == 0) {
		if (!parse_cursor(p->value, &l->cursor))
			return "this is no cursor that an answer here gave";
		l->begun = true;
	} else {
		return "there is no such parameter here: ip, or os, class, since, limit, cursor";
	}
	return NULL;
}

/* ---- Addresses asked for ---------------------------------------------------------------------- */

static bool put_asked(const struct service *s, struct listing *l, const char *value, struct answer *out)
{
	struct fp_addr addr;

	if (fp_addr_parse(&addr, value) != 0) {
		answer_problem(out, 400, "ip", "this is no IPv4 or IPv6 address");
		return false;
	}
	if (l->n >= ROUTE_HOSTS_MAX) {
		answer_problem(out, 400, "ip", "more than %d addresses in one request", ROUTE_HOSTS_MAX);
		return false;
	}
	if (l->n++ > 0)
		body_printf(&out->body, ",");
	const int rc = answer_put_host(s, &out->body, &addr);

	if (rc != 0 && rc != FP_ENOTFOUND)
		answer_store_problem(out, rc);
	return rc == 0 || rc == FP_ENOTFOUND;
}

/* ---- Pages ------------------------------------------------------------------------------------ */

static bool suits(const struct listing *l, const struct fp_answer *host)
{
	if ((int64_t)host->host.last_seen < l->since_s)
		return false;
	if (l->by_os && strcasecmp(host->name, l->os) != 0)
		return false;
	return !l->by_class || strcasecmp(host->klass, l->klass) == 0;
}

static void put_one(struct listing *l, const struct fp_answer *host, struct body *b)
{
	if (!suits(l, host))
		return;
	if (l->n++ > 0)
		body_printf(b, ",");
	body_json_host(b, &host->addr, host);
}

static bool more(const struct listing *l)
{
	return l->n < l->limit && l->looked < LOOK_MAX;
}

/* Those of the last events; an error, 1: the page is full, 0: on with the others. */
static int put_newest(const struct service *s, struct listing *l, struct body *b)
{
	struct cursor *c = &l->cursor;
	const uint64_t end = c->top > NEWS_KEPT ? c->top - NEWS_KEPT : 0;
	struct fp_answer host;
	struct fp_addr addr;

	for (; c->at > end && recent_get(s->recent, c->at, &addr); c->at--) {
		if (!more(l))
			return 1;
		l->looked++;
		if (recent_newest(s->recent, &addr) != c->at)
			continue; /* shown already; or changed since the listing began, and still to come by its address */
		const int rc = fp_lookup(s->store, &addr, &host);

		if (rc != 0 && rc != FP_ENOTFOUND)
			return rc;
		if (rc == 0)
			put_one(l, &host, b);
	}
	/* So far down they were shown. */
	c->at++;
	c->part = BY_ADDRESS;
	return 0;
}

static int put_by_address(const struct service *s, struct listing *l, struct body *b)
{
	struct cursor *c = &l->cursor;
	struct fp_answer host;

	while (more(l)) {
		const int rc = fp_next(s->store, &c->after, &host);

		if (rc != 0)
			return rc; /* FP_ENOTFOUND: that was the last */
		l->looked++;
		c->after = host.addr;
		const uint64_t newest = s->recent != NULL ? recent_newest(s->recent, &host.addr) : 0;

		if (newest == 0 || newest < c->at || newest > c->top)
			put_one(l, &host, b);
	}
	return 1;
}

static void put_cursor(const struct cursor *c, struct body *b)
{
	body_printf(b, "\"%d-%" PRIx64 "-%" PRIx64 "-%" PRIx64, c->part, c->epoch, c->top, c->at);
	if (c->part == BY_ADDRESS) {
		body_printf(b, "-");
		for (int i = 0; i < 16; i++)
			body_printf(b, "%02x", c->after.b[i]);
	}
	body_printf(b, "\"");
}

static void put_page(const struct service *s, struct listing *l, struct answer *out)
{
	struct cursor *c = &l->cursor;
	const uint64_t last = s->news != NULL ? recent_update(s->recent) : 0, epoch = s->news != NULL ? s->news->epoch : 0;
	int rc = 0;

	if (!l->begun)
		*c = (struct cursor){ .part = s->news != NULL ? NEWEST : BY_ADDRESS, .epoch = epoch, .top = last, .at = last };
	/* Another daemon's events: what the first part showed is not known any more. */
	if (c->epoch != epoch || c->top > last || c->at > c->top + 1) {
		c->epoch = epoch;
		c->top = c->at = 0;
		if (c->part == NEWEST)
			c->part = BY_ADDRESS;
	}
	if (c->top == 0)
		c->at = 1;
	if (c->part == NEWEST)
		rc = put_newest(s, l, &out->body);
	if (rc == 0)
		rc = put_by_address(s, l, &out->body);
	if (rc != 1 && rc != FP_ENOTFOUND) {
		answer_store_problem(out, rc);
		return;
	}
	body_printf(&out->body, "],\"next\":");
	if (rc == 1)
		put_cursor(c, &out->body);
	else
		body_printf(&out->body, "null");
	body_printf(&out->body, "}\n");
}

void answer_hosts(const struct service *s, const char *rest, const char *query, struct answer *out)
{
	struct listing l = { .limit = LIMIT_DEFAULT };
	struct request_param param;
	bool pages = false;
	int rc;

	(void)rest;
	body_printf(&out->body, "{\"hosts\":[");
	while ((rc = request_param_next(&param, &query)) != 0) {
		if (rc < 0 && param.name[0] == '\0') {
			answer_problem(out, 400, NULL, "the query is malformed");
			return;
		}
		const bool ip = strcmp(param.name, "ip") == 0;
		const char *wrong = ip ? NULL : take(&l, &param);

		if (rc < 0)
			wrong = "the value is malformed or too long";
		else if (wrong == NULL && ((ip && pages) || (!ip && l.by_ip)))
			wrong = "ip=ADDRESS stands alone: what it names is answered whatever it is";
		if (wrong != NULL) {
			answer_problem(out, 400, param.name, "%s", wrong);
			return;
		}
		l.by_ip = l.by_ip || ip;
		pages = pages || !ip;
		if (ip && !put_asked(s, &l, param.value, out))
			return;
	}
	if (!l.by_ip)
		put_page(s, &l, out);
	else
		body_printf(&out->body, "]}\n");
	if (out->status == 200)
		answer_tag(out);
}
