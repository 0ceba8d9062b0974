/*
 * metrics - what Prometheus reads.
 *
 * Threads  one. Numbers are read one by one while they grow.
 */
#ifndef FP_METRICS_H
#define FP_METRICS_H

#include "api/stats.h"

void metrics_text(struct body *b, const struct service *s);

#endif
