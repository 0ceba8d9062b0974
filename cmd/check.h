/*
 * check - settings that are each of their type, and yet wrong: before anything is opened, all that is wrong is said.
 *
 * Errors  each is reported with the place where the setting was set; FP_ECONFIG where there was one.
 */
#ifndef FP_CHECK_H
#define FP_CHECK_H

#include "cmd/options.h"

/* What can be known of the settings without a right, a socket or a file made. */
int check_settings(const struct options *o, struct conf_report *report);

/* The same, and signature files and prior too: --test. Errors that report->errors counts already are errors. */
int check_all(const struct options *o, struct conf_report *report);

#endif
