/*
 * record - the bytes of the store: keys, the 72 bytes of a host, meta, stamp. The one place that
 * knows them; docs/store-format.md says the same in words, tests/test_record.c holds golden bytes.
 *
 * Every number is little-endian, whatever the machine. Pure; any thread.
 *
 * In host, meta and stamp alike, in every version to come: bytes 0..7 are the checksum of key and
 * bytes 8.., byte 8 is the version.
 */
#ifndef FP_RECORD_H
#define FP_RECORD_H

#include "core/addr.h"
#include "core/host.h"

#define RECORD_VERSION 1
#define RECORD_BYTES 72
#define RECORD_KEY_BYTES 16
#define RECORD_VALUE_MAX 2000 /* no overflow pages: a reader need not follow them */

/* What stands behind a key that begins with 0xFF (multicast: never a client's address). */
enum record_kind {
	RECORD_META = 'M',     /* id 0: struct record_meta */
	RECORD_LABEL = 'L',    /* id of the text: "class:name:flavor" */
	RECORD_LAYOUT = 'O',   /* 1..65535: "mss,sok,ts,nop,ws" */
	RECORD_APP = 'A',      /* 1..65535: what a client said it runs */
	RECORD_ORIGIN = 'R',   /* 1..65535: name of a machine */
	RECORD_LINK = 'U',     /* an MTU: "Ethernet or modem" */
	RECORD_COUNTERS = 'C', /* row number: text, see docs/store-format.md */
	RECORD_MINUTE = 'N',   /* unix time / 60: what was seen in that minute, by label */
	RECORD_HOUR = 'H',     /* unix time / 3600: likewise */
};

/* All keys have 16 bytes: an address, or 0xFF, kind, ten noughts, id in big-endian order. */
void record_key(uint8_t key[RECORD_KEY_BYTES], enum record_kind kind, uint32_t id);
bool record_key_is_host(const uint8_t key[RECORD_KEY_BYTES]);

/* What does not fit saturates. */
void record_encode(uint8_t out[RECORD_BYTES], const struct fp_addr *addr, const struct fp_host *host);

/* 0; FP_EFORMAT: size or a number that cannot be; FP_EVERSION: another version; FP_EDAMAGED: the checksum over key and record. */
int record_decode(struct fp_host *out, const struct fp_addr *addr, const void *bytes, size_t size);

/* The version that host, meta or stamp bytes claim; 0 where there are too few. */
unsigned record_version(const void *bytes, size_t size);

/* What the store says of itself. */
enum record_mode {
	RECORD_LIVE = 1, /* now is the reader's clock */
	RECORD_FILES = 2 /* now is the newest packet's time, and stands still */
};

struct record_meta {
	uint64_t store_id;  /* drawn when the store was made; the stamp repeats it */
	uint8_t mode;       /* enum record_mode */
	bool clean;         /* the writer ended in order */
	int64_t now_ns;     /* newest packet */
	int64_t written_ns; /* the writer's clock when this was put */
};

#define RECORD_META_BYTES 48
void record_meta_encode(uint8_t out[RECORD_META_BYTES], const struct record_meta *meta);
int record_meta_decode(struct record_meta *out, const void *bytes, size_t size);

/* DIR/stamp: this data.mdb was checked. */
struct record_stamp {
	uint64_t store_id; /* of its meta */
	uint64_t inode;    /* of data.mdb: a copy has not been checked */
	int64_t clean_ns;  /* when data.mdb was last written, put by a stop in order; 0 while a daemon runs */
};

#define RECORD_STAMP_BYTES 40
void record_stamp_encode(uint8_t out[RECORD_STAMP_BYTES], const struct record_stamp *stamp);
int record_stamp_decode(struct record_stamp *out, const void *bytes, size_t size);

/* A minute or an hour: rows in the order of their labels. */
#define RECORD_PERIOD_ROWS 123 /* what fits into RECORD_VALUE_MAX; what more there is goes to RECORD_PERIOD_OTHERS */
#define RECORD_PERIOD_OTHERS UINT32_MAX
#define RECORD_MINUTES_KEPT 1440    /* a day */
#define RECORD_HOURS_KEPT (90 * 24) /* 90 days */
#define RECORD_PERIOD_BYTES (16 + RECORD_PERIOD_ROWS * 16)

struct record_period_row {
	uint32_t label;       /* 0: not recognised */
	uint32_t hosts;       /* that were seen, each once */
	uint32_t first;       /* of these, for the first time */
	uint32_t connections; /* SYNs, repeats not counted */
};

/* Returns the bytes used: at most RECORD_PERIOD_BYTES, for at most RECORD_PERIOD_ROWS rows. */
size_t record_period_encode(uint8_t *out, enum record_kind kind, uint32_t id, const struct record_period_row *rows, unsigned n);
/* Rows, or as record_decode(). */
int record_period_decode(struct record_period_row rows[RECORD_PERIOD_ROWS], enum record_kind kind, uint32_t id, const void *bytes, size_t size);

#endif
