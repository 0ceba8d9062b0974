/*
 * values - what the store has beside hosts, for services of ours: labels, minutes and hours. Not part of the library's interface.
 *
 * Threads, errors, life: as reader.h.
 */
#ifndef FP_VALUES_H
#define FP_VALUES_H

#include "store/reader.h"
#include "store/record.h"

/* Label number id in its parts, as in struct fp_answer. FP_ENOTFOUND: none; nothing is written then, nor with any other error. */
int store_label(struct fp_store *store, uint32_t id, char klass[FP_LABEL_TEXT], char name[FP_LABEL_TEXT], char flavor[FP_LABEL_TEXT]);

/*
 * Of minutes or hours (kind) the first one after number *id, which becomes its number: the count of its rows, or an error; FP_ENOTFOUND:
 * that was the last. Each call sees the store as it is then.
 */
int store_period_next(struct fp_store *store, enum record_kind kind, uint32_t *id, struct record_period_row rows[RECORD_PERIOD_ROWS]);

#endif
