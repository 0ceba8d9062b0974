/*
 * request - what a client sent, read strictly: percent-encoding, query parameters, the Host header.
 *
 * Pure: libc only, no HTTP library. Every byte is hostile.
 * Source   RFC 3986 2.1 and 3.4, RFC 9110 7.2; WHATWG URL, application/x-www-form-urlencoded.
 */
#ifndef FP_REQUEST_H
#define FP_REQUEST_H

#include "core/addr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * text[0..len) without its percent-encoding, NUL-terminated. FP_EFORMAT: "%" without two hex digits, an encoded or
 * plain control character, a byte beyond ASCII that is not encoded; FP_EOVERFLOW: longer than size allows. spaces: "+" is a space (queries).
 */
int request_decode(char *out, size_t size, const char *text, size_t len, bool spaces);

#define REQUEST_NAME_MAX 32
#define REQUEST_VALUE_MAX 128

struct request_param {
	char name[REQUEST_NAME_MAX];
	char value[REQUEST_VALUE_MAX];
};

/*
 * The next name=value of a query at *at, which moves on: 1 one was read, 0 no more, FP_EFORMAT or FP_EOVERFLOW (name, as
 * far as it could be read, is filled; "" otherwise). "a" alone is "a="; an empty pair ("a=1&&b=2") is FP_EFORMAT.
 */
int request_param_next(struct request_param *out, const char **at);

/* May a request for this Host be answered? A browser that was lured to a foreign name that resolves to us sends that name. */
enum request_host {
	REQUEST_HOST_OURS,
	REQUEST_HOST_FOREIGN, /* 403 */
	REQUEST_HOST_BAD      /* no host at all: 400 */
};

/*
 * Ours are "localhost", 127.0.0.0/8, ::1, the address that the connection came to (local, NULL = a Unix socket), and
 * names[] (NULL-terminated, NULL = none); any port.
 */
enum request_host request_host(const char *host, const struct fp_addr *local, const char *const *names);

#endif
