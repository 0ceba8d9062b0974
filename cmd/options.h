/*
 * options - the daemon's command line: one table, from which parsing and --help come.
 *
 * Owner  options_parse() fills, options_free() frees.
 */
#ifndef FP_OPTIONS_H
#define FP_OPTIONS_H

#include "core/conf.h"

struct options {
	struct conf conf;
	struct conf_list files;  /* -r, in order */
	bool live;               /* capture on conf.interface: -i was given, or there is neither -r nor --listen */
	bool receiving;          /* captures of sensors: --listen */
	bool stay;
	bool test;
	bool detach;
	bool list;
	bool http_named;         /* --http stood on the command line */
	bool p0f_named, text_named, analyzer_named, policy_named; /* and so did their options */
};

enum options_result {
	OPTIONS_RUN,  /* go on */
	OPTIONS_DONE, /* help or version was printed: exit 0 */
	OPTIONS_WRONG /* all errors were reported: exit 2 */
};

enum options_result options_parse(struct options *out, int argc, char **argv, struct conf_report *report);
/* Whether a service is wanted: reading files only, no other than those named on the command line are. */
bool options_serve(const struct options *o, bool named);

void options_free(struct options *o);

#endif
