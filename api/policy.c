/* policy - Postfix asks, and is told DUNNO, a header, or what a rule says. */
#include "api/policy.h"

#include "api/loop_int.h"

#include <stdio.h>
#include <string.h>

#define LINE 2048               /* further bytes of a line are not looked at: certificates have long names */
#define REQUEST (64 << 10)      /* no request of Postfix is nearly that long */
#define TEXT 1024
#define INSTANCE 128

enum { NOT_FOR_US = 1 };

struct state {
	struct fp_addr addr;
	bool has_addr, ours;        /* of the request that is being read */
	bool skip;                  /* the rest of this line */
	size_t bytes;
	char instance[INSTANCE];
	char prepended[INSTANCE];   /* instance that has its header */
};

/* ---- Actions ------------------------------------------------------------------------------------ */

/* The action of a rule, with the text for each "{}". */
static size_t fill_in(char out[POLICY_ACTION], const char *action, const char *text)
{
	size_t at = 0;

	while (*action != '\0' && at < POLICY_ACTION - 1) {
		if (action[0] == '{' && action[1] == '}') {
			const int n = snprintf(out + at, POLICY_ACTION - at, "%s", text);

			at += (size_t)n < POLICY_ACTION - at ? (size_t)n : POLICY_ACTION - 1 - at;
			action += 2;
		} else {
			out[at++] = *action++;
		}
	}
	out[at] = '\0';
	return at;
}

size_t policy_action(char out[POLICY_ACTION], const struct policyrule *rules, size_t n_rules, const struct fp_answer *host,
    const char *text)
{
	const struct fp_candidate *likeliest = &host->host.candidate[0];
	const char *flavor, *candidate = fp_candidate(likeliest->code, &flavor);
	const struct policy_client client = {
		.klass = host->klass, .name = host->name, .candidate = candidate != NULL ? candidate : "",
		.p = candidate != NULL ? likeliest->p * 100 / 255 : -1, .handshake = host->host.confirmed,
		.family = fp_addr_is_v4(&host->addr) ? 4 : 6,
	};

	for (size_t i = 0; i < n_rules; i++)
		if (policyrule_holds(&rules[i], &client))
			return fill_in(out, rules[i].action, text);
	return fill_in(out, "PREPEND " POLICY_HEADER ": {}", text);
}

/* ---- Requests ----------------------------------------------------------------------------------- */

static bool is(const char *line, size_t n, const char *name, const char **value, size_t *len)
{
	const size_t name_len = strlen(name);

	if (n <= name_len || memcmp(line, name, name_len) != 0 || line[name_len] != '=')
		return false;
	*value = line + name_len + 1;
	*len = n - name_len - 1;
	return true;
}

static void attribute(struct state *s, const char *line, size_t n)
{
	const char *value;
	char text[FP_ADDR_TEXT + 8];
	size_t len;

	if (is(line, n, "request", &value, &len)) {
		s->ours = len == strlen("smtpd_access_policy") && memcmp(value, "smtpd_access_policy", len) == 0;
	} else if (is(line, n, "client_address", &value, &len)) {
		snprintf(text, sizeof text, "%.*s", len < sizeof text ? (int)len : 0, value);
		s->has_addr = fp_addr_parse(&s->addr, text) == 0;
	} else if (is(line, n, "instance", &value, &len)) {
		snprintf(s->instance, sizeof s->instance, "%.*s", len < sizeof s->instance ? (int)len : 0, value);
	}
}

static void begin(struct state *s)
{
	s->has_addr = s->ours = s->skip = false;
	s->bytes = 0;
	s->instance[0] = '\0';
}

static bool has_header(const struct state *s)
{
	return s->instance[0] != '\0' && strcmp(s->instance, s->prepended) == 0;
}

static ptrdiff_t take(void *state, const uint8_t *bytes, size_t n, bool ended, struct ask *ask, bool *asked)
{
	struct state *s = state;
	const char *line = (const char *)bytes, *newline = memchr(bytes, '\n', n);
	size_t len = newline != NULL ? (size_t)(newline - line) : n;
	const ptrdiff_t used = (ptrdiff_t)(len + (newline != NULL));

	(void)ended;
	if (newline == NULL && n < LINE)
		return 0;
	if ((s->bytes += (size_t)used) > REQUEST)
		return -1;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (newline != NULL && len == 0 && !s->skip) {
		*asked = true;
		ask->addr = s->addr;
		ask->kind = s->ours && s->has_addr && !has_header(s) ? 0 : NOT_FOR_US;
		return used;
	}
	if (!s->skip)
		attribute(s, line, len);
	s->skip = newline == NULL;
	return used;
}

static size_t reply(void *state, const struct loop_conf *conf, const struct ask *ask, const struct fp_answer *host, uint8_t *out)
{
	struct state *s = state;
	char action[POLICY_ACTION] = "DUNNO", text[TEXT];

	(void)ask;
	if (host != NULL && loop_words(conf, host, text, sizeof text) > 0)
		policy_action(action, conf->rules, conf->n_rules, host, text);
	if (strncmp(action, "PREPEND ", 8) == 0)
		memcpy(s->prepended, s->instance, sizeof s->prepended);
	begin(s);
	return (size_t)sprintf((char *)out, "action=%s\n\n", action);
}

const struct proto policy_proto = {
	.kind = LOOP_POLICY, .counter = C_POLICY_QUERIES, .in_max = LINE, .reply_max = POLICY_ACTION + 16,
	.out_max = POLICY_ACTION + 16, .asks = 1, .state_bytes = sizeof(struct state), .take = take, .reply = reply,
};
