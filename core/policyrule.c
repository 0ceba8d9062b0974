/* policyrule - reading and applying rules of the policy service. */
#include "core/policyrule.h"

#include "core/err.h"
#include "core/util.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int wrong(char why[POLICYRULE_WHY], const char *fmt, ...) PRINTF_LIKE(2, 3);

static int wrong(char why[POLICYRULE_WHY], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, POLICYRULE_WHY, fmt, args);
	va_end(args);
	return FP_ECONFIG;
}

/* "0.95", "1", ".5": at most 1, two digits behind the point count. No locale. */
static bool percent(const char *text, int *out)
{
	int n = 0, digits = 0;

	for (; isdigit((unsigned char)*text); text++, digits++)
		n = n < 1000 ? n * 10 + (*text - '0') : n;
	n *= 100;
	if (*text == '.') {
		text++;
		for (int unit = 10; isdigit((unsigned char)*text); text++, digits++, unit /= 10)
			n += (*text - '0') * unit;
	}
	*out = n;
	return digits > 0 && *text == '\0' && n <= 100;
}

static bool name(char *out, size_t size, const char *value)
{
	if (*value == '\0' || strlen(value) >= size)
		return false;
	for (; *value != '\0'; value++)
		*out++ = *value == '_' ? ' ' : *value;
	*out = '\0';
	return true;
}

/* Value of a condition that begins with key, else NULL. */
static const char *after(const char *word, const char *key)
{
	return strncmp(word, key, strlen(key)) == 0 ? word + strlen(key) : NULL;
}

static bool condition(struct policyrule *r, const char *word)
{
	const char *v;

	if ((v = after(word, "class=")) != NULL)
		return name(r->klass, sizeof r->klass, v);
	if ((v = after(word, "os=")) != NULL)
		return name(r->os, sizeof r->os, v);
	if ((v = after(word, "p>=")) != NULL)
		return percent(v, &r->p_least);
	if ((v = after(word, "p<")) != NULL)
		return percent(v, &r->p_below);
	if ((v = after(word, "handshake=")) != NULL) {
		r->handshake = strcmp(v, "yes") == 0;
		return r->handshake || strcmp(v, "no") == 0;
	}
	if ((v = after(word, "family=")) != NULL) {
		r->family = strcmp(v, "4") == 0 ? 4 : 6;
		return r->family == 4 || strcmp(v, "6") == 0;
	}
	return false;
}

int policyrule_parse(struct policyrule *out, const char *text, char why[POLICYRULE_WHY])
{
	struct policyrule r = { .p_least = -1, .p_below = -1, .handshake = -1 };
	const char *at = text;

	for (;;) {
		at += strspn(at, " \t");
		const size_t len = strcspn(at, " \t");
		char word[96];

		if (len == 0)
			return wrong(why, "no \" : \" with an action after it");
		if (len == 1 && *at == ':')
			break;
		snprintf(word, sizeof word, "%.*s", len < sizeof word ? (int)len : (int)sizeof word - 1, at);
		if (!condition(&r, word))
			return wrong(why, "\"%s\" is no condition; there are class=, os=, p>=, p<, handshake=yes or no, family=4 or 6", word);
		at += len;
	}
	at++;
	at += strspn(at, " \t");
	if (*at == '\0')
		return wrong(why, "no action after the colon");
	if (strlen(at) >= sizeof r.action)
		return wrong(why, "the action is longer than %zu bytes", sizeof r.action - 1);
	/* The protocol's lines end at control bytes, whoever wrote them. */
	for (const char *p = at; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return wrong(why, "a control byte in the action");
	strcpy(r.action, at);
	*out = r;
	return 0;
}

bool policyrule_holds(const struct policyrule *r, const struct policy_client *c)
{
	const char *klass = *c->klass != '\0' ? c->klass : "none";

	if (*r->klass != '\0' && strcasecmp(r->klass, klass) != 0)
		return false;
	if (*r->os != '\0' && strcasecmp(r->os, c->name) != 0 && strcasecmp(r->os, c->candidate) != 0)
		return false;
	if (r->p_least >= 0 && c->p < r->p_least)
		return false;
	if (r->p_below >= 0 && (c->p < 0 || c->p >= r->p_below))
		return false;
	if (r->handshake >= 0 && c->handshake != (r->handshake == 1))
		return false;
	return r->family == 0 || r->family == c->family;
}
