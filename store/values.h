/*
 * values - what the store has beside hosts, for services of ours: texts, minutes and hours. Not part of the library's interface.
 *
 * Threads, errors, life: as reader.h.
 */
#ifndef FP_VALUES_H
#define FP_VALUES_H

#include "store/reader.h"
#include "store/record.h"

/* Text number id of a kind (RECORD_LABEL), NUL-terminated. FP_ENOTFOUND: none. */
int store_text(struct fp_store *store, enum record_kind kind, uint32_t id, char *buf, size_t size);

/*
 * Of minutes or hours (kind) the first one after number *id, which becomes its number: the count of its rows, or an error; FP_ENOTFOUND:
 * that was the last. Each call sees the store as it is then.
 */
int store_period_next(struct fp_store *store, enum record_kind kind, uint32_t *id, struct record_period_row rows[RECORD_PERIOD_ROWS]);

#endif
