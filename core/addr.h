/*
 * addr - an IP address as everybody here holds it: 16 bytes in network order,
 * IPv4 mapped into ::ffff:0:0/96 (RFC 4291 2.5.5.2). It is the key of a host.
 */
#ifndef FP_ADDR_H
#define FP_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_addr {
	uint8_t b[16];
};

#define FP_ADDR_TEXT 46 /* longest text with its NUL (INET6_ADDRSTRLEN) */

/*
 * Any usual spelling: dotted IPv4, IPv6 with or without "::", v4-mapped (which is
 * the IPv4 address), "[...]" around it, "IPv6:" before it (RFC 5321 4.1.3).
 * No zone, no prefix length, no port. FP_EFORMAT: anything else; *out untouched.
 */
int fp_addr_parse(struct fp_addr *out, const char *text);

/* RFC 5952 text, IPv4 dotted. Returns buf. */
const char *fp_addr_text(const struct fp_addr *addr, char buf[FP_ADDR_TEXT]);

/* p0f's text: IPv6 as eight groups without "::" and without leading noughts. Returns buf. */
const char *fp_addr_text_p0f(const struct fp_addr *addr, char buf[FP_ADDR_TEXT]);

/* From the four bytes of an IPv4 header field, network order. */
struct fp_addr fp_addr_from_v4(const void *four_bytes);

/* Whether it is IPv4: inside ::ffff:0:0/96. */
bool fp_addr_is_v4(const struct fp_addr *addr);
/* Whether both are the same address. */
bool fp_addr_equal(const struct fp_addr *a, const struct fp_addr *b);

/* A CIDR block: "10.0.0.0/8", "2001:db8::/32" or a single address. */
struct fp_cidr {
	struct fp_addr net;
	uint8_t bits; /* 0..128, of the mapped form: IPv4 /8 is 104 */
};

/* FP_EFORMAT also where host bits are set: the writer of the list meant something else. */
int fp_cidr_parse(struct fp_cidr *out, const char *text);
bool fp_cidr_has(const struct fp_cidr *cidr, const struct fp_addr *addr);

#endif
