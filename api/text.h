/*
 * text - the line protocol: an address and a newline in, one line of text out, close. For shell scripts and Exim's
 * ${readsocket}, which may close its side after sending. The line is empty where the address is not known, or none.
 *
 * Threads  any; pure.
 */
#ifndef FP_TEXT_H
#define FP_TEXT_H

#include "core/addr.h"

#define TEXT_LINE 128 /* longest line in, with its newline */

/* n bytes without the newline; blanks and a carriage return around the address are fine. False: no address. */
bool text_parse(const uint8_t *line, size_t n, struct fp_addr *addr);

#endif
