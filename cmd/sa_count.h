/*
 * sa_count - counts spamd's result lines by the system that sent the message, and by rule of ours.
 *
 * Owner    sa_counts_new() allocates, sa_counts_free() frees (sets NULL; NULL is fine).
 * Input    a log is anybody's text: any byte, any length. A line that is no result line is passed over.
 * Errors   -ENOMEM; what was counted before stays.
 */
#ifndef FP_SA_COUNT_H
#define FP_SA_COUNT_H

#include <stddef.h>
#include <stdint.h>

struct sa_counts;

struct sa_count {
	uint64_t spam, ham;
};

/* rules: shell patterns of the rules to be counted, n of them; not copied. */
int sa_counts_new(struct sa_counts **out, const char *const *rules, size_t n);
void sa_counts_free(struct sa_counts **rp);

/* One line of a log, without its newline. 1: a result; 0: something else. */
int sa_counts_line(struct sa_counts *r, const char *line, size_t len);

/* All results; of which the plugin knew the system. */
struct sa_count sa_counts_total(const struct sa_counts *r);
struct sa_count sa_counts_tagged(const struct sa_counts *r);

/* Rows in order of their names; NULL past the last. kind 's': systems, 'r': rules. */
const char *sa_counts_row(struct sa_counts *r, char kind, size_t n, struct sa_count *out);

/*
 * How many times likelier in spam than in ham, as a natural logarithm, each count with a half added (Haldane,
 * Anscombe), so that 0 is no infinity. FP_ENOTFOUND: the counts are too few to say, *out untouched: fewer than `least`
 * messages in the row, or among all spam, or among all ham.
 */
int sa_log_odds(double *out, struct sa_count row, struct sa_count total, uint64_t least);

/* The score to begin with: half the log-odds, since the rest of SpamAssassin sees part of the same; -3.0 to 3.0. */
double sa_score(double log_odds);

#endif
