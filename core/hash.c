/* hash - SipHash-1-3 and FNV-1a. */
#include "core/hash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

int hash_key_random(struct hash_key *key)
{
	return getrandom(key->k, sizeof key->k, 0) == (ssize_t)sizeof key->k ? 0 : -errno;
}

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x); /* one load: this runs several times a packet */
	return le64toh(x);
}

/* What is left, fewer than eight bytes. */
static inline uint64_t load_rest(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)p[i] << 8 * i;
	return x;
}

static inline struct sip sip_begin(const struct hash_key *key)
{
	/* The four constants spell "somepseudorandomlygeneratedbytes" (paper, 2.1). */
	return (struct sip){
		key->k[0] ^ 0x736f6d6570736575u, key->k[1] ^ 0x646f72616e646f6du,
		key->k[0] ^ 0x6c7967656e657261u, key->k[1] ^ 0x7465646279746573u,
	};
}

static inline void sip_take(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	s->v0 ^= m;
}

static inline uint64_t sip_end(struct sip *s, uint64_t last)
{
	sip_take(s, last);
	s->v2 ^= 0xff;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t hash_addr(const struct hash_key *key, const void *addr)
{
	const uint8_t *p = addr;
	struct sip s = sip_begin(key);

	sip_take(&s, load64(p));
	sip_take(&s, load64(p + 8));
	return sip_end(&s, UINT64_C(16) << 56);
}

uint64_t hash_siphash13(const struct hash_key *key, const void *data, size_t len)
{
	struct sip s = sip_begin(key);
	const uint8_t *p = data;
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8)
		sip_take(&s, load64(p));
	return sip_end(&s, (uint64_t)len << 56 | load_rest(p, left));
}

uint32_t hash_id(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h != 0 ? h : 1;
}
