/*
 * p0fhttp - how long p0f 3.09b takes a flow for HTTP: it keeps a flow that has begun to speak only while what was said may be the first
 * request of an HTTP/1 client, and then its server's answer (docs/p0f3-matching.md section 14). For the compat mode of track alone;
 * nothing is learned of the request.
 *
 * Owner    the caller's memory, zeroed; one for each flow.
 * Threads  no state of its own.
 * Source   found out by experiment with Debian's p0f 3.09b-3; tests/test_p0fhttp.c has the cases.
 */
#ifndef FP_P0FHTTP_H
#define FP_P0FHTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P0FHTTP_BYTES 8192 /* kept of each direction */

struct p0fhttp {
	uint16_t len;      /* bytes kept of the message under way */
	uint16_t at;       /* where reading goes on: at the first line, or at the first header that is not complete */
	uint8_t headers;   /* complete ones so far */
	bool first_line;   /* of the request was read */
	bool answer;       /* the request is complete: the server speaks */
	bool overlong;     /* a header's value was too long: no further word */
	uint8_t data[P0FHTTP_BYTES];
};

/* n bytes in sequence, n > 0, of the server or the client. Returns false where p0f drops the flow. */
bool p0fhttp_take(struct p0fhttp *h, bool server, const uint8_t *bytes, size_t n);

#endif
