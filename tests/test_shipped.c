/*
 * The shipped signatures, each turned into the packet that it describes: it must be found again under its own name. One that is not
 * is shadowed by, or contradicts, another.
 */
#include "tests/sigdb_help.h"

#include "core/match.h"
#include "core/sigdb_int.h"

#include <string.h>

/* A packet for a signature; false where a wildcard lets too much open. */
static bool packet_of(const struct sig *sig, const struct sig_key *key, uint8_t ipver, struct tcp_obs *obs)
{
	const bool ts = memchr(key->layout, 8, key->layout_len) != NULL;
	unsigned mss = sig->mss != SIG_ANY ? (unsigned)sig->mss : ipver == 4 ? 1460 : 1440;

	if (sig->wsize == SIG_WIN_ANY || sig->wsize == SIG_WIN_MOD || sig->wscale == SIG_ANY)
		return false;
	if (sig->wsize == SIG_WIN_MSS && sig->mss == SIG_ANY && mss * sig->win > 65535)
		mss = 65535 / sig->win;
	*obs = (struct tcp_obs){
		.kind = key->direction == SIG_REQUEST ? OBS_SYN : OBS_SYNACK, .ipver = ipver, .ttl = sig->ittl, .olen = key->olen,
		.mss = (uint16_t)mss, .wscale = (uint8_t)sig->wscale, .layout_len = key->layout_len, .eol_pad = key->eol_pad,
		.quirks = ipver == 4 ? sig->quirks_v4 : sig->quirks_v6, .payload_len = sig->payload == 1,
		.ts1 = ts && !(sig->quirks & QUIRK_TS1_MINUS),
		.win = (uint16_t)(sig->wsize == SIG_WIN_VALUE ? sig->win : sig->wsize == SIG_WIN_MSS ? sig->win * mss : sig->win * (mss + (ipver == 4 ? 40u : 60u))),
	};
	memcpy(obs->layout, key->layout, sizeof obs->layout);
	return true;
}

static void test_each_is_found(void **state)
{
	struct sigdb *db = sigdb_shipped();
	unsigned tried = 0;

	(void)state;
	for (uint32_t b = 0; b < db->n_buckets; b++)
		for (uint32_t i = 0; i < db->buckets[b].n; i++)
			for (uint8_t ipver = 4; ipver <= 6; ipver += 2) {
				const struct sig *sig = &db->sigs[db->buckets[b].first + i];
				struct sig_key key = { .direction = 0 };
				struct tcp_obs obs;
				struct verdict v;

				memcpy(&key, &db->buckets[b].key, offsetof(struct sig_key, direction) + 1); /* the same bytes: sig_words() */
				if ((sig->ipver != 0 && sig->ipver != ipver) || !packet_of(sig, &key, ipver, &obs))
					continue;
				match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
				tried++;
				if (v.label == NULL || strcmp(v.label->text, sig->label->text) != 0)
					fail_msg("%s, file %u line %u, IPv%u: the packet is called %s", sig->label->text, sig->line >> 24,
					    sig->line & 0xffffff, ipver, v.label != NULL ? v.label->text : "nothing");
			}
	assert_true(tried > 300);
	sigdb_free(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_is_found) };

	return cmocka_run_group_tests_name("shipped", tests, NULL, NULL);
}
