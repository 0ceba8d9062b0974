/* record - the bytes of the store, in and out. docs/store-format.md in code. */
#include "store/record.h"
#include "core/err.h"
#include "core/quirk.h"

#include <string.h>

#define QUIRK_BITS 17
#define BAD_SW_SHIFT 17

_Static_assert(QUIRK_COUNT == QUIRK_BITS, "quirks have 17 bits in the record");
_Static_assert(FP_CANDIDATES == 2, "the record has room for two candidates");

/* ---- Where everything lies -------------------------------------------------------------------- */

/* X(NAME, bytes): in order, without a gap. */
#define HOST_FIELDS(X)                                                                            \
	X(SUM, 8) X(VERSION, 1) X(FLAGS, 1) X(ORIGIN, 2) X(LABEL, 4) X(LAYOUT, 2) X(APP, 2)       \
	X(FIRST_SEEN, 4) X(LAST_SEEN, 4) X(VERDICT_SEEN, 4) X(OS_CHANGED, 4) X(SHARED, 4)         \
	X(CONNECTIONS, 4) X(HANDSHAKES, 3) X(QUIRKS, 3) X(MSS, 2) X(WIN, 2) X(WIN_HOW, 2)         \
	X(PATH, 2) X(CLOCK_HZ, 2) X(UPTIME, 3) X(TTL, 1) X(WSCALE, 1) X(OLEN, 1) X(DISTANCE, 1)   \
	X(SHARING, 1) X(CANDIDATES, 4)

#define X(name, bytes) AT_##name, AFTER_##name = AT_##name + (bytes) - 1,
enum { HOST_FIELDS(X) HOST_END };
#undef X

_Static_assert(HOST_END == RECORD_BYTES, "a host has 72 bytes");
_Static_assert(AT_LABEL == 12 && AT_FIRST_SEEN == 20 && AT_CONNECTIONS == 40 && AT_QUIRKS == 47 &&
    AT_WIN_HOW == 54 && AT_UPTIME == 60 && AT_DISTANCE == 66 && AT_CANDIDATES == 68,
    "docs/store-format.md says where each field lies");

enum {
	FLAG_CONFIRMED = 1 << 0,
	FLAG_SYNACK = 1 << 1,
	FLAG_IPV6 = 1 << 2,
	FLAG_PAYLOAD = 1 << 3,
	FLAG_MATCH_SHIFT = 4, /* two bits */
	FLAG_UPTIME_DOUBTFUL = 1 << 6,
	FLAG_RANDOM_TTL = 1 << 7,
};

/* ---- Numbers ---------------------------------------------------------------------------------- */

static inline uint64_t get(const uint8_t *p, unsigned bytes)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < bytes; i++)
		x |= (uint64_t)p[i] << 8 * i;
	return x;
}

static inline void put(uint8_t *p, unsigned bytes, uint64_t x)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(x >> 8 * i);
}

static inline uint32_t at_most(uint32_t x, uint32_t top)
{
	return x < top ? x : top;
}

/*
 * Every step is a bijection of the state for a given word and of the word for a given state, so two inputs that
 * differ in one word never agree. Against accident, not malice: whoever can write the file needs no collision.
 */
static uint64_t checksum(const uint8_t key[RECORD_KEY_BYTES], const uint8_t *p, size_t size)
{
	uint64_t h = 0x46696e676572706fu ^ size; /* "Fingerpo" */

	for (size_t i = 0; i < RECORD_KEY_BYTES + size; i += 8) {
		h ^= i < RECORD_KEY_BYTES ? get(key + i, 8) : get(p + i - RECORD_KEY_BYTES, 8);
		h *= 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio, odd */
		h ^= h >> 32;
	}
	h *= 0xff51afd7ed558ccdu; /* MurmurHash3's last steps */
	return h ^ h >> 33;
}

static void seal(const uint8_t key[RECORD_KEY_BYTES], uint8_t *bytes, size_t size)
{
	bytes[AT_VERSION] = RECORD_VERSION;
	put(bytes + AT_SUM, 8, checksum(key, bytes + 8, size - 8));
}

/* Checksum before version: a damaged byte must not pass for another format. */
static int sealed(const uint8_t key[RECORD_KEY_BYTES], const uint8_t *bytes, size_t size, size_t want)
{
	if (size < 16 || size % 8 != 0)
		return FP_EFORMAT;
	if (get(bytes + AT_SUM, 8) != checksum(key, bytes + 8, size - 8))
		return size == want ? FP_EDAMAGED : FP_EFORMAT;
	if (bytes[AT_VERSION] != RECORD_VERSION)
		return FP_EVERSION;
	return size == want ? 0 : FP_EFORMAT;
}

unsigned record_version(const void *bytes, size_t size)
{
	return size > AT_VERSION ? ((const uint8_t *)bytes)[AT_VERSION] : 0;
}

/* ---- Keys ------------------------------------------------------------------------------------- */

void record_key(uint8_t key[RECORD_KEY_BYTES], enum record_kind kind, uint32_t id)
{
	memset(key, 0, RECORD_KEY_BYTES);
	key[0] = 0xff;
	key[1] = (uint8_t)kind;
	for (int i = 0; i < 4; i++)
		key[12 + i] = (uint8_t)(id >> (24 - 8 * i));
}

bool record_key_is_host(const uint8_t key[RECORD_KEY_BYTES])
{
	return key[0] != 0xff;
}

/* ---- Host ------------------------------------------------------------------------------------- */

void record_encode(uint8_t out[RECORD_BYTES], const struct fp_addr *addr, const struct fp_host *host)
{
	put(out + AT_FLAGS, 1,
	    (host->confirmed ? FLAG_CONFIRMED : 0u) | (host->synack ? FLAG_SYNACK : 0u) |
	    (host->ipv6 ? FLAG_IPV6 : 0u) | (host->payload ? FLAG_PAYLOAD : 0u) |
	    (host->match & 3u) << FLAG_MATCH_SHIFT |
	    (host->uptime_doubtful ? FLAG_UPTIME_DOUBTFUL : 0u) |
	    (host->random_ttl ? FLAG_RANDOM_TTL : 0u));
	put(out + AT_ORIGIN, 2, host->origin);
	put(out + AT_LABEL, 4, host->label);
	put(out + AT_LAYOUT, 2, host->layout);
	put(out + AT_APP, 2, host->app);
	put(out + AT_FIRST_SEEN, 4, host->first_seen);
	put(out + AT_LAST_SEEN, 4, host->last_seen);
	put(out + AT_VERDICT_SEEN, 4, host->verdict_seen);
	put(out + AT_OS_CHANGED, 4, host->os_changed);
	put(out + AT_SHARED, 4, host->shared);
	put(out + AT_CONNECTIONS, 4, host->connections);
	put(out + AT_HANDSHAKES, 3, at_most(host->handshakes, 0xffffff));
	put(out + AT_QUIRKS, 3, (host->quirks & ((1u << QUIRK_BITS) - 1)) |
	    at_most(host->bad_sw, 2) << BAD_SW_SHIFT);
	put(out + AT_MSS, 2, host->mss);
	put(out + AT_WIN, 2, host->win);
	put(out + AT_WIN_HOW, 2, at_most(host->win_unit, FP_WIN_MTU) |
	    at_most(host->win_multiple, 1023) << 2 | (host->ecn & 15u) << 12);
	put(out + AT_PATH, 2, host->path);
	put(out + AT_CLOCK_HZ, 2, host->clock_hz);
	put(out + AT_UPTIME, 3, at_most(host->uptime_min, 0xffffff));
	out[AT_TTL] = host->ttl;
	out[AT_WSCALE] = host->wscale;
	out[AT_OLEN] = host->olen;
	out[AT_DISTANCE] = host->distance;
	out[AT_SHARING] = host->sharing;
	for (int i = 0; i < FP_CANDIDATES; i++) {
		out[AT_CANDIDATES + 2 * i] = host->candidate[i].code;
		out[AT_CANDIDATES + 2 * i + 1] = host->candidate[i].p;
	}
	seal(addr->b, out, RECORD_BYTES);
}

int record_decode(struct fp_host *out, const struct fp_addr *addr, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	const int rc = sealed(addr->b, p, size, RECORD_BYTES);
	struct fp_host h;

	if (rc != 0)
		return rc;

	const unsigned flags = p[AT_FLAGS];
	const uint32_t quirks = (uint32_t)get(p + AT_QUIRKS, 3);
	const unsigned how = (unsigned)get(p + AT_WIN_HOW, 2);

	if ((how & 3) > FP_WIN_MTU || quirks >> BAD_SW_SHIFT > 2)
		return FP_EFORMAT;
	memset(&h, 0, sizeof h);
	h.confirmed = flags & FLAG_CONFIRMED;
	h.synack = flags & FLAG_SYNACK;
	h.ipv6 = flags & FLAG_IPV6;
	h.payload = flags & FLAG_PAYLOAD;
	h.match = flags >> FLAG_MATCH_SHIFT & 3;
	h.uptime_doubtful = flags & FLAG_UPTIME_DOUBTFUL;
	h.random_ttl = flags & FLAG_RANDOM_TTL;
	h.origin = (uint16_t)get(p + AT_ORIGIN, 2);
	h.label = (uint32_t)get(p + AT_LABEL, 4);
	h.layout = (uint16_t)get(p + AT_LAYOUT, 2);
	h.app = (uint16_t)get(p + AT_APP, 2);
	h.first_seen = (uint32_t)get(p + AT_FIRST_SEEN, 4);
	h.last_seen = (uint32_t)get(p + AT_LAST_SEEN, 4);
	h.verdict_seen = (uint32_t)get(p + AT_VERDICT_SEEN, 4);
	h.os_changed = (uint32_t)get(p + AT_OS_CHANGED, 4);
	h.shared = (uint32_t)get(p + AT_SHARED, 4);
	h.connections = (uint32_t)get(p + AT_CONNECTIONS, 4);
	h.handshakes = (uint32_t)get(p + AT_HANDSHAKES, 3);
	h.quirks = quirks & ((1u << QUIRK_BITS) - 1);
	h.bad_sw = (uint8_t)(quirks >> BAD_SW_SHIFT);
	h.mss = (uint16_t)get(p + AT_MSS, 2);
	h.win = (uint16_t)get(p + AT_WIN, 2);
	h.win_unit = how & 3;
	h.win_multiple = how >> 2 & 1023;
	h.ecn = (uint8_t)(how >> 12);
	h.path = (uint16_t)get(p + AT_PATH, 2);
	h.clock_hz = (uint16_t)get(p + AT_CLOCK_HZ, 2);
	h.uptime_min = (uint32_t)get(p + AT_UPTIME, 3);
	h.ttl = p[AT_TTL];
	h.wscale = p[AT_WSCALE];
	h.olen = p[AT_OLEN];
	h.distance = p[AT_DISTANCE];
	h.sharing = p[AT_SHARING];
	for (int i = 0; i < FP_CANDIDATES; i++) {
		h.candidate[i].code = p[AT_CANDIDATES + 2 * i];
		h.candidate[i].p = p[AT_CANDIDATES + 2 * i + 1];
	}
	*out = h;
	return 0;
}

/* ---- Meta and stamp --------------------------------------------------------------------------- */

/* After the checksum: version, mode, clean, noughts, "FPST"; then 64-bit numbers. */
static const char meta_magic[4] = { 'F', 'P', 'S', 'T' };

void record_meta_encode(uint8_t out[RECORD_META_BYTES], const struct record_meta *meta)
{
	uint8_t key[RECORD_KEY_BYTES];

	memset(out, 0, RECORD_META_BYTES);
	out[9] = meta->mode;
	out[10] = meta->clean;
	memcpy(out + 12, meta_magic, 4);
	put(out + 16, 8, meta->store_id);
	put(out + 24, 8, (uint64_t)meta->now_ns);
	put(out + 32, 8, (uint64_t)meta->written_ns);
	record_key(key, RECORD_META, 0);
	seal(key, out, RECORD_META_BYTES);
}

int record_meta_decode(struct record_meta *out, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint8_t key[RECORD_KEY_BYTES];

	record_key(key, RECORD_META, 0);

	const int rc = sealed(key, p, size, RECORD_META_BYTES);

	if (rc != 0)
		return rc;
	if (memcmp(p + 12, meta_magic, 4) != 0 || p[9] < RECORD_LIVE || p[9] > RECORD_FILES || p[10] > 1)
		return FP_EFORMAT;
	*out = (struct record_meta){
		.mode = p[9],
		.clean = p[10],
		.store_id = get(p + 16, 8),
		.now_ns = (int64_t)get(p + 24, 8),
		.written_ns = (int64_t)get(p + 32, 8),
	};
	return 0;
}

/* A stamp has no key: sixteen noughts stand for it. */
static const uint8_t stamp_key[RECORD_KEY_BYTES];
static const char stamp_magic[7] = { 'F', 'P', 's', 't', 'a', 'm', 'p' };

void record_stamp_encode(uint8_t out[RECORD_STAMP_BYTES], const struct record_stamp *stamp)
{
	memcpy(out + 9, stamp_magic, sizeof stamp_magic);
	put(out + 16, 8, stamp->store_id);
	put(out + 24, 8, stamp->inode);
	put(out + 32, 8, (uint64_t)stamp->clean_ns);
	seal(stamp_key, out, RECORD_STAMP_BYTES);
}

int record_stamp_decode(struct record_stamp *out, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	const int rc = sealed(stamp_key, p, size, RECORD_STAMP_BYTES);

	if (rc != 0)
		return rc;
	if (memcmp(p + 9, stamp_magic, sizeof stamp_magic) != 0)
		return FP_EFORMAT;
	*out = (struct record_stamp){
		.store_id = get(p + 16, 8),
		.inode = get(p + 24, 8),
		.clean_ns = (int64_t)get(p + 32, 8),
	};
	return 0;
}

/* ---- Minutes and hours ------------------------------------------------------------------------ */

#define PERIOD_HEAD 16
#define PERIOD_ROW 16

/* After checksum and version: nought, rows, the period's number again; then the rows. */
size_t record_period_encode(uint8_t *out, enum record_kind kind, uint32_t id, const struct record_period_row *rows, unsigned n)
{
	const size_t size = PERIOD_HEAD + (size_t)n * PERIOD_ROW;
	uint8_t key[RECORD_KEY_BYTES];

	memset(out, 0, PERIOD_HEAD);
	put(out + 10, 2, n);
	put(out + 12, 4, id);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = out + PERIOD_HEAD + i * PERIOD_ROW;

		put(p, 4, rows[i].label);
		put(p + 4, 4, rows[i].hosts);
		put(p + 8, 4, rows[i].first);
		put(p + 12, 4, rows[i].connections);
	}
	record_key(key, kind, id);
	seal(key, out, size);
	return size;
}

int record_period_decode(struct record_period_row rows[RECORD_PERIOD_ROWS], enum record_kind kind, uint32_t id, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint8_t key[RECORD_KEY_BYTES];

	record_key(key, kind, id);

	const int rc = sealed(key, p, size, size);

	if (rc != 0)
		return rc;

	const unsigned n = (unsigned)get(p + 10, 2);

	if (n > RECORD_PERIOD_ROWS || size != PERIOD_HEAD + (size_t)n * PERIOD_ROW || get(p + 12, 4) != id)
		return FP_EFORMAT;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *row = p + PERIOD_HEAD + i * PERIOD_ROW;

		rows[i] = (struct record_period_row){ .label = (uint32_t)get(row, 4), .hosts = (uint32_t)get(row + 4, 4),
			.first = (uint32_t)get(row + 8, 4), .connections = (uint32_t)get(row + 12, 4) };
	}
	return (int)n;
}
