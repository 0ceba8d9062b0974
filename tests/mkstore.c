/*
 * mkstore - writes a store with the hosts that a test wants: no daemon, no capture, no matcher.
 *
 *   mkstore DIR [live|files] < LINES
 *   mkstore --v2 DIR                  prints address, tab, fp_words_v2() of every host
 *
 * A line is tab-separated: an address and NAME=VALUE of the host's fields; or `link`, an MTU and its
 * text. `age` and `since` are seconds before now of last_seen and first_seen. DIR is made; a store that
 * stands there already gets the lines beside what it has.
 */
#include "core/err.h"
#include "core/quirk.h"
#include "store/record.h"
#include "store/render.h"

#include <lmdb.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static MDB_txn *txn;
static MDB_dbi dbi;

static void die(const char *what, const char *which)
{
	fprintf(stderr, "mkstore: %s: %s\n", what, which);
	exit(2);
}

static void must(int rc, const char *what)
{
	if (rc != 0)
		die(what, mdb_strerror(rc));
}

static void put(const uint8_t key[RECORD_KEY_BYTES], const void *bytes, size_t size)
{
	MDB_val k = { RECORD_KEY_BYTES, (void *)key }, v = { size, (void *)bytes };

	must(mdb_put(txn, dbi, &k, &v, 0), "mdb_put");
}

static void put_text(enum record_kind kind, uint32_t id, const char *text)
{
	uint8_t key[RECORD_KEY_BYTES];

	record_key(key, kind, id);
	put(key, text, strlen(text));
}

/* Any number does that is the same for the same text (FNV-1a). */
static uint32_t text_id(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return h != 0 ? h : 1;
}

static uint32_t quirks_of(char *names)
{
	static const char *const name[] = {
#define X(constant, text, version, source) text,
		QUIRK_ROWS(X)
#undef X
	};
	uint32_t bits = 0;

	for (char *save = NULL, *t = strtok_r(names, ",", &save); t != NULL; t = strtok_r(NULL, ",", &save)) {
		unsigned i = 0;

		while (i < QUIRK_COUNT && strcmp(name[i], t) != 0)
			i++;
		if (i == QUIRK_COUNT)
			die("no such quirk", t);
		bits |= UINT32_C(1) << i;
	}
	return bits;
}

static void field(struct fp_host *h, uint32_t now, char *name, char *value)
{
	static const char *const match[] = { "none", "exact", "generic", "fuzzy" };
	const unsigned n = (unsigned)strtoul(value, NULL, 0);

	if (strcmp(name, "label") == 0) {
		h->label = text_id(value);
		put_text(RECORD_LABEL, h->label, value);
	} else if (strcmp(name, "layout") == 0) {
		h->layout = (uint16_t)(text_id(value) | 1);
		put_text(RECORD_LAYOUT, h->layout, value);
	} else if (strcmp(name, "origin") == 0) {
		h->origin = (uint16_t)(text_id(value) | 1);
		put_text(RECORD_ORIGIN, h->origin, value);
	} else if (strcmp(name, "match") == 0) {
		for (unsigned i = 0; i < 4; i++)
			if (strcmp(match[i], value) == 0)
				h->match = (uint8_t)i;
	} else if (strcmp(name, "quirks") == 0) {
		h->quirks = quirks_of(value);
	} else if (strcmp(name, "win_unit") == 0) {
		h->win_unit = strcmp(value, "mss") == 0 ? FP_WIN_MSS : FP_WIN_MTU;
	} else if (strcmp(name, "candidate") == 0) {
		struct fp_candidate *c = &h->candidate[h->candidate[0].code != 0];

		c->code = (uint8_t)n;
		c->p = (uint8_t)(strtod(strchr(value, ':') + 1, NULL) * 255);
	} else if (strcmp(name, "age") == 0) {
		h->last_seen = h->verdict_seen = now - n;
	} else if (strcmp(name, "since") == 0) {
		h->first_seen = now - n;
#define NUMBER(f, type)                          \
	} else if (strcmp(name, #f) == 0) {      \
		h->f = (type)n;
	NUMBER(distance, uint8_t)
	NUMBER(mss, uint16_t)
	NUMBER(win, uint16_t)
	NUMBER(win_multiple, uint16_t)
	NUMBER(wscale, uint8_t)
	NUMBER(olen, uint8_t)
	NUMBER(ttl, uint8_t)
	NUMBER(clock_hz, uint16_t)
	NUMBER(uptime_min, uint32_t)
	NUMBER(connections, uint32_t)
	NUMBER(handshakes, uint32_t)
	NUMBER(shared, uint32_t)
	NUMBER(sharing, uint8_t)
	NUMBER(os_changed, uint32_t)
	NUMBER(path, uint16_t)
	NUMBER(bad_sw, uint8_t)
	NUMBER(confirmed, bool)
	NUMBER(synack, bool)
	NUMBER(payload, bool)
	NUMBER(random_ttl, bool)
	NUMBER(uptime_doubtful, bool)
#undef NUMBER
	} else {
		die("no such field", name);
	}
}

static void line(char *text, uint32_t now)
{
	char *save = NULL, *first = strtok_r(text, "\t", &save), *f;
	struct fp_host h = { .distance = FP_DISTANCE_UNKNOWN, .first_seen = now, .last_seen = now, .verdict_seen = now,
		.connections = 1, .ttl = 64 };
	uint8_t bytes[RECORD_BYTES];
	struct fp_addr addr;

	if (strcmp(first, "link") == 0) {
		const char *mtu = strtok_r(NULL, "\t", &save);

		put_text(RECORD_LINK, (uint32_t)strtoul(mtu, NULL, 10), save);
		return;
	}
	if (fp_addr_parse(&addr, first) != 0)
		die("no address", first);
	h.ipv6 = !fp_addr_is_v4(&addr);
	while ((f = strtok_r(NULL, "\t", &save)) != NULL) {
		char *value = strchr(f, '=');

		if (value == NULL)
			die("no NAME=VALUE", f);
		*value++ = '\0';
		field(&h, now, f, value);
	}
	record_encode(bytes, &addr, &h);
	put(addr.b, bytes, sizeof bytes);
}

static int print_v2(const char *dir)
{
	struct fp_answer host = { 0 };
	struct fp_store *store;
	int rc = fp_open(&store, dir);

	for (struct fp_addr after = { { 0 } }; rc == 0; after = host.addr) {
		char text[RENDER_HOST_MAX], ip[FP_ADDR_TEXT];

		rc = fp_next(store, &after, &host);
		if (rc == 0 && (rc = fp_words_v2(text, sizeof text, &host)) >= 0) {
			printf("%s\t%s\n", fp_addr_text(&host.addr, ip), text);
			rc = 0;
		}
	}
	fp_close(&store);
	if (rc != FP_ENOTFOUND)
		die(dir, fp_strerror(rc));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--v2") == 0)
		return print_v2(argv[2]);

	struct record_meta meta = { .mode = RECORD_LIVE, .clean = true };
	uint8_t key[RECORD_KEY_BYTES], bytes[RECORD_META_BYTES], stamp_bytes[RECORD_STAMP_BYTES];
	const time_t now = time(NULL);
	char path[4096], next[4096], buf[4096];
	struct stat st;
	MDB_env *env;
	int fd;

	if (argc < 2)
		die("usage", "mkstore DIR [live|files] < LINES");
	if (argc > 2 && strcmp(argv[2], "files") == 0)
		meta.mode = RECORD_FILES;
	if (mkdir(argv[1], 0755) != 0 && errno != EEXIST)
		die(argv[1], strerror(errno));
	must(mdb_env_create(&env), "mdb_env_create");
	must(mdb_env_set_mapsize(env, 64 << 20), "mdb_env_set_mapsize");
	must(mdb_env_open(env, argv[1], 0, 0644), argv[1]);
	must(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
	must(mdb_dbi_open(txn, NULL, 0, &dbi), "mdb_dbi_open");

	while (fgets(buf, sizeof buf, stdin) != NULL) {
		buf[strcspn(buf, "\n")] = '\0';
		if (buf[0] != '\0')
			line(buf, (uint32_t)now);
	}

	/* A store that stands keeps its name. */
	MDB_val k = { RECORD_KEY_BYTES, key }, v;
	struct record_meta old;

	record_key(key, RECORD_META, 0);
	if (mdb_get(txn, dbi, &k, &v) == 0 && record_meta_decode(&old, v.mv_data, v.mv_size) == 0)
		meta.store_id = old.store_id;
	else
		meta.store_id = (uint64_t)now << 24 ^ (uint64_t)getpid();
	meta.now_ns = meta.written_ns = (int64_t)now * 1000000000;
	record_meta_encode(bytes, &meta);
	put(key, bytes, sizeof bytes);
	must(mdb_txn_commit(txn), "mdb_txn_commit");
	mdb_env_close(env);

	snprintf(path, sizeof path, "%s/data.mdb", argv[1]);
	if (stat(path, &st) != 0)
		die(path, strerror(errno));
	const struct record_stamp stamp = { .store_id = meta.store_id, .inode = st.st_ino };

	record_stamp_encode(stamp_bytes, &stamp);
	snprintf(path, sizeof path, "%s/stamp", argv[1]);
	snprintf(next, sizeof next, "%s/stamp.new", argv[1]);
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, stamp_bytes, sizeof stamp_bytes) != (ssize_t)sizeof stamp_bytes || close(fd) != 0 ||
	    rename(next, path) != 0)
		die(path, strerror(errno));
	return 0;
}
