/*
 * index: match_tcp() against match_tcp_linear(), which holds every signature of the bucket against the packet. Our own database and files of
 * random signatures (crowded: few layouts, more than 64 signatures each, every kind of window), packets made from signatures and
 * then changed a little, both modes.
 */
#include "tests/sigdb_help.h"

#include "core/match_int.h"
#include "core/matchcache.h"
#include "core/sigtext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 150000
#define BUCKETS_SEEN_MIN 8

static uint64_t seed;

static unsigned rnd(unsigned n)
{
	return (unsigned)(test_random(&seed) >> 33) % n;
}

#define PICK(...) ((const int[]){ __VA_ARGS__ }[rnd(sizeof(const int[]){ __VA_ARGS__ } / sizeof(int))])

/* A packet that one signature is about, near enough for others to want it too. */
static struct tcp_obs packet_for(const struct sigdb *db, uint16_t *syn_mss)
{
	const struct sig_bucket *b = &db->buckets[rnd(db->n_buckets)];
	const struct sig *s = &db->sigs[b->first + rnd(b->n)];
	struct tcp_obs obs = { .seq = 1 };

	memcpy(obs.layout, b->key.w, OBS_OPTIONS_MAX);
	memcpy(&obs.layout_len, &(uint32_t){ (uint32_t)b->key.w[3] }, 4);
	obs.ipver = s->ipver != 0 ? s->ipver : (uint8_t)PICK(4, 4, 6);
	if (rnd(10) == 0)
		obs.ipver = 10 - obs.ipver;
	obs.quirks = s->quirks;
	if (obs.ipver == 6)
		obs.quirks = (obs.quirks & ~(uint32_t)(QUIRK_DF | QUIRK_ID_PLUS | QUIRK_ID_MINUS | QUIRK_ZERO_PLUS)) | (rnd(2) ? QUIRK_FLOW : 0);
	while (rnd(3) == 0)
		obs.quirks ^= (uint32_t)PICK(QUIRK_DF, QUIRK_ID_PLUS, QUIRK_ID_MINUS, QUIRK_ECN, QUIRK_FLOW, QUIRK_SEQ_MINUS, QUIRK_ACK_PLUS, QUIRK_OPT_PLUS);
	obs.ack = rnd(4) ? 0 : 0x01000000u << rnd(4);
	obs.flags = rnd(8) == 0 ? OBS_OPT_LAST : 0;
	obs.ttl = (uint8_t)(s->ittl - rnd(45) + (rnd(6) == 0 ? rnd(80) : 0));
	obs.mss = s->mss != SIG_ANY && rnd(5) ? (uint16_t)s->mss : (uint16_t)PICK(1460, 1440, 1400, 1380, 1379, 536, 512, 100, 99, 0, 65535, 8961, 1448, 1500);
	obs.wscale = s->wscale != SIG_ANY && rnd(5) ? (uint8_t)s->wscale : (uint8_t)PICK(0, 1, 2, 7, 8, 14, 15, 16, 200);
	obs.payload_len = s->payload != SIG_ANY && rnd(8) ? (uint32_t)s->payload * 9 : rnd(2) * 9;
	obs.ts1 = rnd(2) ? 12345 : 0;
	if (obs.ipver == 6 && obs.olen == 0 && rnd(6) == 0)
		obs.olen = 8;
	obs.tot_hdr = (uint16_t)(PICK(40, 44, 52, 60, 64, 61, 80));
	*syn_mss = rnd(4) == 0 ? (uint16_t)PICK(1460, 1400, 12, 5, 13, 65535, 1331) : 0;

	const int divisor = PICK(obs.mss, obs.mss - 12, 1460, 1448, 1440, 1428, obs.mss + 40, obs.mss + obs.tot_hdr, obs.mss + 60, 1500, *syn_mss, *syn_mss - 12);

	switch (s->wsize) {
	case SIG_WIN_VALUE:
		obs.win = s->win;
		break;
	case SIG_WIN_MOD:
		obs.win = (uint16_t)(s->win * (1 + rnd(65535u / s->win)));
		break;
	case SIG_WIN_ANY:
		obs.win = (uint16_t)(rnd(3) ? rnd(65536) : (unsigned)(divisor * (int)rnd(50)));
		break;
	default:
		obs.win = (uint16_t)(divisor * s->win);
	}
	if (rnd(12) == 0)
		obs.win = (uint16_t)PICK(0, 1, 65535, 8192, 1024);
	return obs;
}

static void describe(char *buf, size_t size, const struct verdict *v)
{
	snprintf(buf, size, "%s line %u match %u dist %d guess %u random %d win %u*%u mtu %u %s", v->label != NULL ? v->label->text : "-", v->sig_line,
	    v->match, v->dist, v->dist_guess, v->random_ttl, v->win_unit, v->win_multiple, v->mtu, v->link != NULL ? v->link : "-");
}

static struct match_cache cache;

static void compare(const struct sigdb *db, const char *what, unsigned n)
{
	unsigned by_match[4] = { 0 };

	match_cache_clear(&cache);
	for (unsigned i = 0; i < n; i++) {
		const uint64_t was = seed;
		uint16_t syn_mss;
		const struct tcp_obs obs = packet_for(db, &syn_mss);

		for (int mode = MATCH_CORRECT; mode <= MATCH_COMPAT_P0F; mode++) {
			struct verdict a, b;
			char got[400], want[400];

			match_tcp(db, (enum match_mode)mode, &obs, syn_mss, &a);
			match_tcp_linear(db, (enum match_mode)mode, &obs, syn_mss, &b);
			describe(got, sizeof got, &a);
			describe(want, sizeof want, &b);
			if (a.label != b.label || strcmp(got, want) != 0)
				fail_msg("%s, mode %d, seed %llu: got %s\nwant %s", what, mode, (unsigned long long)was, got, want);
			by_match[a.match]++;
			if (mode != MATCH_CORRECT)
				continue;
			/* The same packet at other TTLs too: what was kept for one must not answer for another that is judged otherwise. */
			for (unsigned more = 0; more < 4; more++) {
				struct tcp_obs other = obs;

				other.ttl = more == 0 ? obs.ttl : (uint8_t)(more == 1 ? rnd(256) : obs.ttl + 216 + rnd(81));
				match_cached(&cache, db, &other, syn_mss, &a);
				match_tcp_linear(db, MATCH_CORRECT, &other, syn_mss, &b);
				describe(got, sizeof got, &a);
				describe(want, sizeof want, &b);
				if (a.label != b.label || strcmp(got, want) != 0)
					fail_msg("%s, kept, seed %llu, TTL %u for %u: got %s\nwant %s", what, (unsigned long long)was, other.ttl, obs.ttl, got, want);
			}
		}
	}
	if (cache.misses == 0 || cache.misses > n * 4 - n / 20)
		fail_msg("%s: %llu misses of %u: the cache shows nothing", what, (unsigned long long)cache.misses, 4 * n);
	for (unsigned m = 0; m < 4; m++)
		if (by_match[m] < n / 100)
			fail_msg("%s: match %u came out %u times of %u: the packets show nothing", what, m, by_match[m], 2 * n);
}

static void test_own_database(void **state)
{
	struct sigdb *db = sigdb_shipped();

	(void)state;
	seed = 4711;
	assert_true(db->n_buckets >= BUCKETS_SEEN_MIN);
	compare(db, "own database", PACKETS);
	sigdb_free(&db);
}

/* One random signature line; several may be refused as covered. */
static int random_sig(char *buf, size_t size, unsigned crowd)
{
	static const char *const layouts[] = { "mss", "mss,sok,ts,nop,ws", "mss,nop,ws,eol+1", "", "nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,mss" };
	char win[24], mss[12] = "*", scale[12] = "*", quirks[64] = "";
	uint32_t q = 0;

	switch (rnd(6)) {
	case 0: snprintf(win, sizeof win, "*"); break;
	case 1: snprintf(win, sizeof win, "%%%u", 2 + rnd(3000)); break;
	case 2: case 3: snprintf(win, sizeof win, "mss*%u", 1 + (rnd(3) ? rnd(50) : rnd(1000))); break;
	case 4: snprintf(win, sizeof win, "mtu*%u", 1 + rnd(40)); break;
	default: snprintf(win, sizeof win, "%d", PICK(0, 1024, 8192, 16384, 29200, 65535, 5840));
	}
	if (rnd(3) == 0)
		snprintf(mss, sizeof mss, "%d", PICK(1460, 1440, 1400, 536, 100, 0));
	if (rnd(3) != 0)
		snprintf(scale, sizeof scale, "%d", PICK(0, 1, 2, 7, 8, 14, 15, 200));
	if (rnd(2))
		q |= QUIRK_DF;
	if (rnd(2))
		q |= QUIRK_ID_PLUS;
	while (rnd(3) == 0)
		q |= (uint32_t)PICK(QUIRK_ECN, QUIRK_ID_MINUS, QUIRK_SEQ_MINUS, QUIRK_ACK_PLUS, QUIRK_ZERO_PLUS, QUIRK_OPT_PLUS);
	sigtext_quirks(quirks, sizeof quirks, q);
	return snprintf(buf, size, "sig = %s:%d%s:0:%s:%s,%s:%s:%s:%s\n", rnd(4) ? "*" : "4", PICK(64, 64, 128, 255, 32, 60), rnd(6) ? "" : "-", mss, win,
	    scale, layouts[rnd(crowd)], quirks, (const char *[]){ "0", "0", "0", "+", "*" }[rnd(5)]);
}

static void test_random_databases(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 12; round++) {
		const unsigned crowd = 1 + round % 5, wanted = round < 6 ? 300 : 20;
		char *text = malloc(1 << 20), line[400];
		size_t len;
		unsigned good = 0;

		seed = 1000 + round;
		assert_non_null(text);
		len = (size_t)sprintf(text, "classes = win,unix\n[mtu]\nlabel = Ethernet\nsig = 1500\n[tcp:%s]\n", round % 3 == 2 ? "response" : "request");
		for (unsigned tries = 0; good < wanted && tries < 20 * wanted; tries++) {
			const size_t was = len;
			struct sig_error err;
			struct sigdb *db;

			len += (size_t)(rnd(7) ? sprintf(text + len, "label = %s:unix:S:%u\n", rnd(2) ? "s" : "g", tries)
			                       : sprintf(text + len, "label = s:!:T:%u\nsys = @unix\n", tries));
			random_sig(line, sizeof line, crowd);
			len += (size_t)sprintf(text + len, "%s", line);
			/* Now and then it is covered by another: then not that one. */
			if (sigdb_parse(&db, "random", text, len, &err) != 0) {
				len = was;
				text[len] = '\0';
				continue;
			}
			sigdb_free(&db);
			good++;
		}
		assert_true(good >= wanted / 2);

		struct sigdb *db = sigdb_of(text);

		compare(db, "random database", PACKETS / 10);
		sigdb_free(&db);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_own_database), cmocka_unit_test(test_random_databases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
