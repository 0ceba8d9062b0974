/*
 * policyrule - one line of the policy service's rule table: which clients it is about, and what Postfix is to do with them.
 *
 *   class=win p>=0.9 handshake=yes : PREPEND X-System: {}
 *
 * Before the colon conditions that must all hold, in any order; after it an action as access(5) has them, in which "{}" stands
 * for the text of the system. Conditions:
 *
 *   class=WORD      class of the label: win, unix, other; "none": seen and not recognised
 *   os=NAME         name of the label or of the likeliest candidate, "_" for a blank: Windows, Mac_OS_X
 *   p>=N, p<N       probability of the likeliest candidate, 0 to 1; where there is none, neither holds
 *   handshake=yes   the client completed one (no: it has not)
 *   family=4, 6     version of IP
 */
#ifndef FP_POLICYRULE_H
#define FP_POLICYRULE_H

#include <stdbool.h>
#include <stddef.h>

#define POLICYRULE_ACTION 512 /* longest action with its NUL */
#define POLICYRULE_WHY 160

struct policyrule {
	char klass[16], os[64]; /* "" = any */
	int p_least, p_below;   /* percent; -1 = any */
	int handshake;          /* 0, 1; -1 = any */
	unsigned family;        /* 4, 6; 0 = any */
	char action[POLICYRULE_ACTION];
};

/* What is known of a client. Names are "" and p is -1 where absent. */
struct policy_client {
	const char *klass, *name, *candidate;
	int p;                  /* percent */
	bool handshake;
	unsigned family;
};

/* FP_ECONFIG with why, a part of a sentence. */
int policyrule_parse(struct policyrule *out, const char *text, char why[POLICYRULE_WHY]);

bool policyrule_holds(const struct policyrule *rule, const struct policy_client *client);

#endif
