/*
 * gzip - packs an answer, and unpacks what lies here packed. Alone knows zlib.
 *
 * Errors   0 or a negative FP_E*; a failed call leaves the body as it was.
 */
#ifndef FP_GZIP_H
#define FP_GZIP_H

#include "api/body.h"

#include <stdint.h>

int gzip_pack(struct body *b);
/* Appends; len: bytes that it must become. */
int gzip_unpack(struct body *b, const uint8_t *packed, size_t packed_len, size_t len);

#endif
