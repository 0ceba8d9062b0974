/* ittl - the initial TTL by its usual values: the nearest not below the observed one; p0f's guess (docs/p0f3-matching.md section 8). */
#ifndef FP_ITTL_H
#define FP_ITTL_H

#include <stdint.h>

struct ittl {
	uint8_t initial; /* 32, 64, 128 or 255 */
	uint8_t hops;    /* initial - ttl */
};

static inline struct ittl ittl_guess(uint8_t ttl)
{
	const uint8_t initial = ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;

	return (struct ittl){ .initial = initial, .hops = (uint8_t)(initial - ttl) };
}

#endif
