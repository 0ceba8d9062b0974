/*
 * hash - the two hashes in use, each for its own purpose.
 *
 * Tables over what the network sends are keyed with SipHash-1-3 and a key drawn at
 * start, so that nobody outside can choose addresses that collide (Aumasson and
 * Bernstein, "SipHash: a fast short-input PRF", 2012; 1-3 rounds as in many kernels).
 * Ids that must mean the same on every machine are FNV-1a of a text (no key).
 */
#ifndef FP_HASH_H
#define FP_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k[2];
};

/* Fills *key from the system's random source; 0 or -errno. */
int hash_key_random(struct hash_key *key);

/* The same of 16 bytes, an address: several of them a packet. */
uint64_t hash_addr(const struct hash_key *key, const void *addr);

uint64_t hash_siphash13(const struct hash_key *key, const void *data, size_t len);

/* FNV-1a, 32 bit. Never 0, which means "absent" wherever ids are kept: 0 becomes 1. */
uint32_t hash_id(const void *data, size_t len);

#endif
