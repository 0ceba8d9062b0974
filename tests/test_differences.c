/*
 * test_differences - every line of docs/differences-from-p0f.md, with packets that show it: what compat mode says, which is what p0f 3.09b says, and
 * what the default mode says.
 */
#include "tests/test.h"

#include "core/opinion.h"
#include "core/pkt.h"
#include "core/track.h"
#include "core/util.h"
#include "tests/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT FP_TREE "/docs/differences-from-p0f.md"

/* 192.0.2.1:40000 > 198.51.100.2:25 and back; the IP length, id and fragment word, TTL, then TCP. */
#define V4(length, id, ttl) "4500" length id ttl "060000" "c0000201" "c6336402"
#define V4_BACK(length, id, ttl) "4500" length id ttl "060000" "c6336402" "c0000201"
#define V6(flow, length, next, ttl) "600" flow length next ttl "20010db8000000000000000000000001" "20010db8000000000000000000000002"
#define PORTS "9c400019"
#define BACK "00199c40"
#define SYN_AT(seq, ack, win) PORTS seq ack "6002" win "00000000" "020405b4"
#define SYN SYN_AT("00000001", "00000000", "0400")
#define SYNACK BACK "00000100" "00000002" "6012" "0400" "00000000" "020405b4"
#define ACK PORTS "00000002" "00000101" "5010" "0400" "00000000"
/* With a timestamp: options mss,nop,nop,ts or nop,nop,ts. */
#define SYN_TS(port, ts) port "0019" "00000001" "00000000" "9002" "0400" "00000000" "020405b4" "0101080a" ts "00000000"
#define ACK_TS(seq, ts) PORTS seq "00000101" "8010" "0400" "00000000" "0101080a" ts "00000000"

#define PLAIN V4("002c", "12344000", "40") SYN

#define HEAD "classes = win,unix\n[tcp:request]\n"
#define A "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss:df,id+:0\nsig = *:64:0:*:1024,0:mss,nop,nop,ts:df,id+:0\n"
#define B "label = s:win:B:\nsig = *:128:0:*:1024,0:mss:df,id+:0\nsig = *:128:0:*:1024,0:mss,nop,nop,ts:df,id+:0\n"
#define ANSWERS "[tcp:response]\nlabel = s:unix:S:\nsig = *:64:0:*:1024,0:mss:df,id+:0\n"
#define TOOL "label = s:!:T:\nsys = @unix\nsig = *:64:0:*:1024,0:mss:df,id+:0\n"

struct frame {
	int ms;
	unsigned link;
	const char *hex;
};

static const struct {
	const char *id;
	const char *file;      /* signatures */
	struct frame frame[6];
	const char *p0f, *ours;
} rows[] = {
	{ "tags", HEAD A, { { 0, 1, "020000000002 020000000001 8100 0064 0800" PLAIN } }, "", "syn A exact 0" },
	{ "tags", HEAD A, { { 0, 1, "020000000002 020000000001 88a8 0064 8100 0065 0800" PLAIN } }, "", "syn A exact 0" },
	{ "tags", HEAD A, { { 0, 1, "020000000002 020000000001 8847 00010140" PLAIN } }, "", "syn A exact 0" },
	{ "tags", HEAD A, { { 0, 1, "020000000002 020000000001 8864 1100 0001 003e 0021" PLAIN } }, "", "syn A exact 0" },
	{ "link-header", HEAD A, { { 0, 9, "0021" PLAIN } }, "", "syn A exact 0" }, /* PPP without address and control */
	{ "link-header", HEAD A, { { 0, 129, "be50a8e7d4000166" PLAIN } }, "syn A exact 0", "" }, /* ARCNET */
	{ "extension-header", HEAD A, { { 0, 101, V6("00000", "0020", "00", "40") "0600010400000000" SYN } }, "", "syn A exact 0" },
	{ "snapped", HEAD "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss:df,id+:+\n", { { 0, 101, V4("0040", "12344000", "40") SYN } }, "", "syn A exact 0" },
	{ "v4-mapped", HEAD A, { { 0, 101, "60000000" "0018" "06" "40" "00000000000000000000ffffc0000201" "20010db8000000000000000000000002" SYN } },
	  "syn A exact 0", "" },
	{ "v4-mapped", HEAD A, { { 0, 101, "60000000" "0018" "06" "40" "20010db8000000000000000000000001" "ff020000000000000000000000000001" SYN } },
	  "syn A exact 0", "" },
	{ "ack+", HEAD A, { { 0, 101, V4("002c", "12344000", "40") SYN_AT("00000001", "00000007", "0400") } }, "syn A exact 0", "syn ??? none 0" },
	{ "opt+", HEAD "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss,eol+3:df,id+:0\n",
	  { { 0, 101, V4("0030", "12344000", "40") PORTS "00000001" "00000000" "7002" "0400" "00000000" "020405b4" "00000007" } }, "syn A exact 0", "syn ??? none 0" },
	{ "version", HEAD "label = s:unix:A:\nsig = 4:64:0:*:1024,0:mss::0\n", { { 0, 101, V6("00000", "0018", "06", "40") SYN } }, "syn A exact 0", "syn ??? none 0" },
	{ "flow", HEAD A, { { 0, 101, V6("12345", "0018", "06", "40") SYN } }, "syn ??? none 0", "syn A exact 0" },
	{ "0+", HEAD "label = s:unix:A:\nsig = *:64:0:*:1024,0:mss:0+:0\n", { { 0, 101, V6("00000", "0018", "06", "40") SYN } }, "syn ??? none 0", "syn A exact 0" },
	{ "divisors", HEAD "label = s:unix:A:\nsig = *:64:0:*:mtu*25,0:mss:df,id+:0\n", /* MSS 1000, window 26000 */
	  { { 0, 101, V4("002c", "12344000", "40") PORTS "00000001" "00000000" "6002" "6590" "00000000" "020403e8" } }, "syn ??? none 0", "syn A exact 0" },
	{ "fuzzy-best", HEAD "label = g:unix:G:\nsig = *:64:0:*:*,*:mss:df,id+:0\n" A, { { 0, 101, V4("002c", "12340000", "40") SYN } }, "syn G fuzzy 0", "syn A fuzzy 0" },
	{ "fuzzy-best", HEAD "label = s:unix:N:\nsig = *:64:0:*:*,0:mss:df:0\n" A, { { 0, 101, V4("002c", "12340000", "78") SYN } }, "syn N fuzzy 8", "syn N fuzzy 8" },
	{ "fuzzy-best", HEAD A "label = s:unix:N:\nsig = *:64:0:*:*,0:mss:df:0\n", { { 0, 101, V4("002c", "12340000", "40") SYN } }, "syn A fuzzy 0", "syn N fuzzy 0" },
	{ "fuzzy-tool", HEAD TOOL "label = s:unix:N:\nsig = *:64:0:*:*,0:mss:df,id+:0\n", { { 0, 101, V4("002c", "12340000", "3c") SYN } }, "syn ??? none 0", "syn N fuzzy 4" },
	/* Linux with MPTCP: an option that the signatures do not know. */
	{ "model", HEAD "label = g:unix:Linux:\nsig = *:64:0:*:1024,0:mss:df,id+:0\n", { { 0, 101, "4500004012344000 40 060000 c0000201 c6336402" PORTS "00000001" "00000000"
	  "b002" "ffff" "00000000" "020405b4" "0402080a0001000000000000" "01" "030308" "1e040081" } }, "syn ??? none 0", "syn Linux fuzzy 0" },
	{ "tool-distance", HEAD TOOL, { { 0, 101, V4("002c", "12340000", "3c") SYN } }, "syn ??? none 0", "syn ??? none 4" },
	{ "far", HEAD A, { { 0, 101, V4("002c", "12344000", "be") PORTS "00000001" "00000000" "5002" "0400" "00000000" "00000000" } }, "syn ??? none 65", "syn ??? none ?" },
	{ "ttl-fall", HEAD A, { { 0, 101, V4("002c", "12344000", "30") SYN }, { 100, 101, V4("002c", "12344000", "28") SYN_AT("00000009", "00000000", "0400") } },
	  "syn A exact 16, syn A exact 24", "syn A exact 16, syn A exact 24, change ttl" },
	{ "synack-alone", HEAD A ANSWERS, { { 0, 101, V4_BACK("002c", "12344000", "3c") SYNACK } }, "", "syn+ack S exact 4" },
	{ "tool-flow", HEAD TOOL ANSWERS, { { 0, 101, PLAIN }, { 1, 101, V4_BACK("002c", "12344000", "3c") SYNACK }, { 2, 101, V4("0028", "12344000", "40") ACK } },
	  "syn T exact 0", "syn T exact 0, syn+ack S exact 4, handshake T" },
	{ "early-ack", HEAD A ANSWERS, { { 0, 101, PLAIN }, { 1, 101, V4("0028", "12344000", "40") ACK }, { 2, 101, V4_BACK("002c", "12344000", "3c") SYNACK } },
	  "syn A exact 0", "syn A exact 0, syn+ack S exact 4, handshake A" },
	{ "spoken", HEAD A ANSWERS, { { 0, 101, V4("0038", "12344000", "40") SYN_TS("9c40", "00010000") }, { 1, 101, V4_BACK("002c", "12344000", "3c") SYNACK },
	  { 2, 101, V4("0037", "12344000", "40") PORTS "00000002" "00000101" "5018" "0400" "00000000" "45484c4f20636c69656e74206f660d" },
	  { 1000, 101, V4("0034", "12344000", "40") ACK_TS("00000011", "00010064") } },
	  "syn A exact 0, syn+ack S exact 4", "syn A exact 0, syn+ack S exact 4, handshake A, uptime 100" },
	{ "own-clock", HEAD A ANSWERS, { { 0, 101, V4("0038", "12344000", "40") SYN_TS("9c40", "00010000") }, { 1, 101, V4_BACK("002c", "12344000", "3c") SYNACK },
	  { 2, 101, V4("0038", "12344000", "40") SYN_TS("9c41", "40000000") }, { 1000, 101, V4("0034", "12344000", "40") ACK_TS("00000002", "00010064") } },
	  "syn A exact 0, syn+ack S exact 4, syn A exact 0", "syn A exact 0, syn+ack S exact 4, syn A exact 0, handshake A, uptime 100" },
	{ "own-syn", HEAD A B ANSWERS, { { 0, 101, PLAIN }, { 1, 101, V4("002c", "12344000", "80") "9c410019" "00000001" "00000000" "6002" "0400" "00000000" "020405b4" },
	  { 2, 101, V4_BACK("002c", "12344000", "3c") SYNACK }, { 3, 101, V4("0028", "12344000", "40") ACK },
	  { 4, 101, V4("002c", "12344000", "3e") "9c420019" "00000001" "00000000" "6002" "0400" "00000000" "020405b4" } },
	  "syn A exact 0, syn B exact 0, change os_diff, syn+ack S exact 4, syn A exact 2, change os_diff",
	  "syn A exact 0, syn B exact 0, change os_diff, syn+ack S exact 4, handshake A, syn A exact 2, change ttl" },
	{ "ages", HEAD A, { { 0, 101, PLAIN }, { 31000, 0, NULL }, { 31000, 101, PLAIN } }, "syn A exact 0, syn A exact 0", "syn A exact 0" },
	{ "uptime", HEAD A ANSWERS, { { 0, 101, V4("0038", "12344000", "40") SYN_TS("9c40", "00010000") }, { 1, 101, V4_BACK("002c", "12344000", "3c") SYNACK },
	  { 1000, 101, V4("0034", "12344000", "40") ACK_TS("00000002", "000103e8") } },
	  "syn A exact 0, syn+ack S exact 4, uptime 1000", "syn A exact 0, syn+ack S exact 4, handshake A, uptime 1000 doubtful" },
};

/* ---- What a mode says ------------------------------------------------------------------------ */

struct said {
	char text[512];
};

static void say_event(struct said *out, const struct track *t, const struct track_event *e, bool compat)
{
	struct track_sig sig;
	static const char *const qualities[] = { "none", "exact", "generic", "fuzzy" };
	static const char *const reasons[REASON_COUNT] = {
#define X(constant, name) name,
		TRACK_REASONS(X)
#undef X
	};
	const size_t n = strlen(out->text);
	char *to = out->text + n, dist[8] = "?";
	size_t size = sizeof out->text - n;

	if (e->kind == TRACK_MTU || (compat && e->kind == TRACK_HANDSHAKE)) /* the log has no line for a handshake */
		return;
	if (n > 0) {
		strcpy(to, ", ");
		to += 2;
		size -= 2;
	}
	switch (e->kind) {
	case TRACK_SYN:
	case TRACK_SYNACK:
		if (e->verdict.dist >= 0)
			snprintf(dist, sizeof dist, "%d", e->verdict.dist);
		snprintf(to, size, "%s %s %s %s", e->kind == TRACK_SYN ? "syn" : "syn+ack", e->verdict.label != NULL ? e->verdict.label->name : "???",
		    qualities[e->verdict.match], dist);
		break;
	case TRACK_HANDSHAKE:
		snprintf(to, size, "handshake %s", !track_event_sig(t, e, &sig) ? "-" : sig.label != NULL ? sig.label->name : "???");
		break;
	case TRACK_UPTIME:
		snprintf(to, size, "uptime %u%s", e->clock_hz, e->uptime_doubtful && !compat ? " doubtful" : "");
		break;
	default:
		snprintf(to, size, e->kind == TRACK_SHARING ? "sharing" : "change");
		for (unsigned i = 0; i < REASON_COUNT; i++)
			if (e->reason & 1u << i)
				snprintf(to + strlen(to), size - strlen(to), " %s", reasons[i]);
	}
}

static void run(size_t row, bool compat, struct said *out)
{
	struct sig_error err;
	struct sigdb *db;
	struct track *t;
	struct pkt_conf pkt = { .compat = compat };
	const struct track_conf conf = {
		.flows_max = 16, .hosts_max = 16, .mode = compat ? MATCH_COMPAT_P0F : MATCH_CORRECT, .flow_age_s = compat ? 30 : 0, .host_age_s = compat ? 7200 : 0,
	};

	if (sigdb_parse(&db, "test", rows[row].file, strlen(rows[row].file), &err) != 0)
		fail_msg("%s: line %u: %s", rows[row].id, err.line, err.text);
	if (!compat && opinion_load(db, NULL, "flat", true, &err) != 0)
		fail_msg("%s: %s", err.file, err.text);
	assert_int_equal(track_create(&t, &conf), 0);
	out->text[0] = '\0';
	for (const struct frame *f = rows[row].frame; f < rows[row].frame + ARRAY_LEN(rows[row].frame) && (f->hex != NULL || f->ms > 0); f++) {
		const int64_t time_ns = (int64_t)1700000000 * 1000000000 + (int64_t)f->ms * 1000000;
		struct track_event ev[TRACK_EVENTS_MAX];
		struct tcp_obs obs;
		uint8_t bytes[256];
		size_t n, events = 0;

		for (int i = 0; f->hex == NULL && i < 50; i++) /* time passes, with frames of no interest */
			track_dropped(t, time_ns);
		if (f->hex == NULL)
			continue;
		n = hex_bytes(bytes, sizeof bytes, f->hex);
		pkt_guess(&pkt, f->link, bytes, n);
		if (pkt_decode(&pkt, f->link, bytes, n, strcmp(rows[row].id, "snapped") == 0 ? n + 20 : n, time_ns, &obs) != PKT_OK)
			continue;
		track_observe_payload(t, db, &obs, bytes + obs.payload_at, ev, &events);
		for (size_t i = 0; i < events; i++)
			say_event(out, t, &ev[i], compat);
	}
	track_destroy(&t);
	sigdb_free(&db);
}

static void test_rows(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int compat = 0; compat < 2; compat++) {
			const char *want = compat ? rows[i].p0f : rows[i].ours;
			struct said got;

			run(i, compat, &got);
			if (strcmp(got.text, want) != 0) {
				print_error("%s (%s): got \"%s\", want \"%s\"\n", rows[i].id, compat ? "p0f" : "default", got.text, want);
				wrong++;
			}
		}
	assert_int_equal(wrong, 0);
}

/* ---- The document ------------------------------------------------------------------------------ */

/* The ids of the document's table, in its order. */
static size_t read_ids(char ids[][32], size_t max)
{
	FILE *f = fopen(DOCUMENT, "r");
	char line[2048];
	size_t n = 0;

	if (f == NULL)
		fail_msg("%s cannot be opened", DOCUMENT);
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "| `", 3) == 0) {
			const size_t length = strcspn(line + 3, "`");

			assert_true(n < max && length < sizeof ids[n]);
			memcpy(ids[n], line + 3, length);
			ids[n++][length] = '\0';
		}
	fclose(f);
	return n;
}

static void test_document(void **state)
{
	char ids[64][32];
	const size_t n = read_ids(ids, ARRAY_LEN(ids));

	(void)state;
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		bool differs = false;

		for (size_t j = 0; j < i; j++)
			if (strcmp(ids[i], ids[j]) == 0)
				fail_msg("%s stands twice in " DOCUMENT, ids[i]);
		for (size_t r = 0; r < ARRAY_LEN(rows); r++)
			differs |= strcmp(ids[i], rows[r].id) == 0 && strcmp(rows[r].p0f, rows[r].ours) != 0;
		if (!differs)
			fail_msg("%s stands in " DOCUMENT " and no row here shows it", ids[i]);
	}
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		size_t i = 0;

		while (i < n && strcmp(ids[i], rows[r].id) != 0)
			i++;
		if (i == n)
			fail_msg("%s has a row here and no line in " DOCUMENT, rows[r].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_document) };

	return cmocka_run_group_tests_name("differences", tests, NULL, NULL);
}
