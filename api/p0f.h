/*
 * p0f - the query protocol of p0f 3's API socket, to the byte (docs/client-protocols.md section 1), and what its clients do with
 * it: queries of 24 bytes, which are 21 and padding, are put in step again; v4-mapped addresses are IPv4.
 *
 * Threads  any; pure.
 */
#ifndef FP_P0F_H
#define FP_P0F_H

#include "store/reader.h"

#define P0F_QUERY 21
#define P0F_REPLY 232

enum p0f_status { P0F_BAD_QUERY = 0x00, P0F_OK = 0x10, P0F_NO_MATCH = 0x20 };

/* P0F_QUERY bytes. False: neither magic nor type of a query. */
bool p0f_parse(const uint8_t query[P0F_QUERY], struct fp_addr *addr);

/* host is looked at with P0F_OK only. */
void p0f_reply(uint8_t out[P0F_REPLY], enum p0f_status status, const struct fp_answer *host);

#endif
