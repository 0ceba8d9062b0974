/* ittl - observed TTL to the initial one: the nearest usual value not below it. */
#ifndef FP_ITTL_H
#define FP_ITTL_H

#include <stdint.h>

struct ittl {
	uint8_t initial; /* 32, 64, 128 or 255 */
	uint8_t hops;    /* initial - ttl */
};

struct ittl ittl_guess(uint8_t ttl);

#endif
