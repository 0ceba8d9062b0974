/*
 * merge - one host's record and what was newly learned of it to the record that follows.
 *
 * Pure; any thread. The writer uses it for deltas of its own matchers, sharing for records of other
 * machines, so restarts, evictions and clusters all go one way.
 */
#ifndef FP_MERGE_H
#define FP_MERGE_H

#include "core/host.h"

/*
 * *old is the record (all zero, FP_DISTANCE_UNKNOWN in distance: none), *delta what was learned
 * since the last delta: counts are added; first and last seen by minimum and maximum; the verdict
 * with its whole signature by confirmation first (an unconfirmed one never replaces a confirmed
 * one), then by time; os_changed, shared and the clock by the later.
 */
void merge_delta(struct fp_host *old, const struct fp_host *delta);

/* A host of which nothing is known. */
void merge_empty(struct fp_host *host);

#endif
