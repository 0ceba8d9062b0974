/* quality - how the label of a system was found: the same word in records, verdicts and libraries. */
#ifndef FP_QUALITY_H
#define FP_QUALITY_H

enum fp_match {
	FP_MATCH_NONE,    /* seen, not recognised */
	FP_MATCH_EXACT,
	FP_MATCH_GENERIC,
	FP_MATCH_FUZZY,
};

#endif
