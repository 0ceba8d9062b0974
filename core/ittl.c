/* ittl - the initial TTL by its usual values; p0f's guess (docs/p0f3-matching.md section 8). */
#include "core/ittl.h"

struct ittl ittl_guess(uint8_t ttl)
{
	const uint8_t initial = ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;

	return (struct ittl){ .initial = initial, .hops = (uint8_t)(initial - ttl) };
}
