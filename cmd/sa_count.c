/*
 * sa_count - result lines of spamd, counted.
 *
 * A result line of spamd (SpamAssassin 3.0 and later), behind whatever syslog or a file puts before it:
 *
 *   spamd: result: Y 6 - RULE,RULE scantime=0.4,size=3138,user=jm,...,mid=<x@y>,autolearn=no,fingerpost=Windows_XP
 *
 * The last item is the plugin's. A Message-ID is the sender's, but spamd writes no blank and no comma of it.
 */
#include "cmd/sa_count.h"

#include "core/err.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 128 /* of a rule or a system; what is longer is none */
#define ROWS_MAX 4096      /* of a kind; a log of lies does not fill the memory */

struct row {
	char *name;
	struct sa_count count;
};

struct rows {
	struct row *row; /* sorted by name */
	size_t n, room;
};

struct sa_counts {
	const char *const *rule;
	size_t rules;
	struct sa_count total, tagged;
	struct rows system, hit;
	int error;
};

/* ---- Rows ------------------------------------------------------------------------------------- */

/* Where the name is or belongs. */
static size_t find(const struct rows *t, const char *name)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(t->row[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add(struct rows *t, const char *name, bool spam)
{
	const size_t at = find(t, name);

	if (at == t->n || strcmp(t->row[at].name, name) != 0) {
		if (t->n == ROWS_MAX)
			return 0;
		if (t->n == t->room) {
			const size_t room = t->room > 0 ? 2 * t->room : 64;
			struct row *more = realloc(t->row, room * sizeof *more);

			if (more == NULL)
				return -ENOMEM;
			t->row = more;
			t->room = room;
		}
		char *copy = strdup(name);

		if (copy == NULL)
			return -ENOMEM;
		memmove(t->row + at + 1, t->row + at, (t->n - at) * sizeof *t->row);
		t->row[at] = (struct row){ copy, { 0, 0 } };
		t->n++;
	}
	if (spam)
		t->row[at].count.spam++;
	else
		t->row[at].count.ham++;
	return 0;
}

static void rows_free(struct rows *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->row[i].name);
	free(t->row);
}

int sa_counts_new(struct sa_counts **out, const char *const *rules, size_t n)
{
	struct sa_counts *r = calloc(1, sizeof *r);

	*out = r;
	if (r == NULL)
		return -ENOMEM;
	r->rule = rules;
	r->rules = n;
	return 0;
}

void sa_counts_free(struct sa_counts **rp)
{
	if (*rp == NULL)
		return;
	rows_free(&(*rp)->system);
	rows_free(&(*rp)->hit);
	free(*rp);
	*rp = NULL;
}

/* ---- A line ----------------------------------------------------------------------------------- */

/* Text between two places of the line. */
struct span {
	const char *at, *end;
};

/* Cuts off what stands before the next `separator`, or all. False: nothing is left. */
static bool next(struct span *rest, char separator, struct span *out)
{
	if (rest->at >= rest->end)
		return false;
	const char *stop = memchr(rest->at, separator, (size_t)(rest->end - rest->at));

	*out = (struct span){ rest->at, stop != NULL ? stop : rest->end };
	rest->at = stop != NULL ? stop + 1 : rest->end;
	return true;
}

static bool begins(struct span s, const char *with)
{
	const size_t len = strlen(with);

	return (size_t)(s.end - s.at) >= len && memcmp(s.at, with, len) == 0;
}

/* As a string, if it is printable and not too long to be a name. */
static bool name_of(struct span s, char name[NAME_MAX_BYTES])
{
	const size_t len = (size_t)(s.end - s.at);

	if (len == 0 || len >= NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s.at[i] <= 0x20 || s.at[i] >= 0x7f)
			return false;
	memcpy(name, s.at, len);
	name[len] = '\0';
	return true;
}

static bool wanted(const struct sa_counts *r, const char *rule)
{
	for (size_t i = 0; i < r->rules; i++)
		if (fnmatch(r->rule[i], rule, 0) == 0)
			return true;
	return false;
}

static int rules_of(struct sa_counts *r, struct span list, bool spam)
{
	char name[NAME_MAX_BYTES];
	int rc = 0;

	for (struct span one; rc == 0 && next(&list, ',', &one);)
		if (name_of(one, name) && wanted(r, name))
			rc = add(&r->hit, name, spam);
	return rc;
}

/* "fingerpost=Windows_XP": the last such item, since what a sender has a hand in comes before it. */
static int system_of(struct sa_counts *r, struct span items, bool spam)
{
	static const char tag[] = "fingerpost=";
	struct span found = { NULL, NULL };
	char name[NAME_MAX_BYTES];

	for (struct span one; next(&items, ',', &one);)
		if (begins(one, tag))
			found = (struct span){ one.at + sizeof tag - 1, one.end };
	if (found.at == NULL || !name_of(found, name))
		return 0;
	for (char *c = name; *c != '\0'; c++)
		if (*c == '_')
			*c = ' ';
	if (spam)
		r->tagged.spam++;
	else
		r->tagged.ham++;
	return add(&r->system, name, spam);
}

int sa_counts_line(struct sa_counts *r, const char *line, size_t len)
{
	static const char mark[] = "spamd: result: ";
	const char *at = memmem(line, len, mark, sizeof mark - 1);
	struct span rest, verdict, score, dash, rules, items;
	int rc;

	if (at == NULL)
		return 0;
	rest = (struct span){ at + sizeof mark - 1, line + len };
	if (!next(&rest, ' ', &verdict) || verdict.end - verdict.at != 1 || (*verdict.at != 'Y' && *verdict.at != '.'))
		return 0;
	/* A score of one digit has a blank before it. */
	do
		if (!next(&rest, ' ', &score))
			return 0;
	while (score.at == score.end);
	if (!next(&rest, ' ', &dash) || !begins(dash, "-") || dash.end - dash.at != 1)
		return 0;
	/* No rule hit: the field is empty, two blanks stand together. */
	if (!next(&rest, ' ', &rules) || !next(&rest, ' ', &items) || !begins(items, "scantime="))
		return 0;

	const bool spam = *verdict.at == 'Y';

	if (spam)
		r->total.spam++;
	else
		r->total.ham++;
	if ((rc = rules_of(r, rules, spam)) == 0)
		rc = system_of(r, items, spam);
	return rc < 0 ? rc : 1;
}

struct sa_count sa_counts_total(const struct sa_counts *r)
{
	return r->total;
}

struct sa_count sa_counts_tagged(const struct sa_counts *r)
{
	return r->tagged;
}

const char *sa_counts_row(struct sa_counts *r, char kind, size_t n, struct sa_count *out)
{
	const struct rows *t = kind == 's' ? &r->system : &r->hit;

	if (n >= t->n)
		return NULL;
	*out = t->row[n].count;
	return t->row[n].name;
}

/* ---- What follows ----------------------------------------------------------------------------- */

int sa_log_odds(double *out, struct sa_count row, struct sa_count total, uint64_t least)
{
	if (row.spam + row.ham < least || total.spam < least || total.ham < least)
		return FP_ENOTFOUND;
	/* Odds of the row in spam against its odds in ham. */
	*out = log(((double)row.spam + 0.5) / ((double)(total.spam - row.spam) + 0.5)) -
	    log(((double)row.ham + 0.5) / ((double)(total.ham - row.ham) + 0.5));
	return 0;
}

double sa_score(double log_odds)
{
	const double score = round(log_odds * 5) / 10;

	return score > 3 ? 3 : score < -3 ? -3 : score + 0.0; /* no -0.0 */
}
