/*
 * model and opinion: what the shipped table says of SYNs whose sender is known by documentation, that the way is undone and
 * flagged, that it is silent where it should be, and what is refused of a table.
 */
#include "tests/test.h"

#include "core/host.h"
#include "core/opinion.h"
#include "core/sigobs.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE FP_TREE "/signatures/model.tsv"
#define FLAT FP_TREE "/signatures/prior-flat.tsv"
#define MAIL FP_TREE "/signatures/prior-mail.tsv"

static struct model *flat, *mail;
static struct sigdb *db; /* the shipped signatures, with the flat model */

static int load(void **state)
{
	struct sig_error err;
	struct model *m;
	glob_t g;

	(void)state;
	if (model_load(&flat, TABLE, FLAT, &err) != 0 || model_load(&mail, TABLE, MAIL, &err) != 0 || model_load(&m, TABLE, FLAT, &err) != 0 ||
	    glob(FP_TREE "/signatures/*.fp", 0, NULL, &g) != 0 ||
	    sigdb_load(&db, (const char *const *)g.gl_pathv, g.gl_pathc, &err) != 0) {
		fprintf(stderr, "%s:%u: %s\n", err.file, err.line, err.text);
		return -1;
	}
	globfree(&g);
	sigdb_adopt(db, &m);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	model_free(&flat);
	model_free(&mail);
	sigdb_free(&db);
	return 0;
}

static struct tcp_obs syn(const char *raw)
{
	char why[SIGOBS_WHY];
	struct tcp_obs obs;

	if (sigobs_parse(raw, &obs, why) != 0)
		fail_msg("%s: %s", raw, why);
	return obs;
}

/* ---- Who it is ------------------------------------------------------------------------------ */

static const struct {
	const char *why, *raw, *name, *flavor; /* name "": silence; flavor NULL: any */
	double kernel_min;
} who[] = {
	{ "Windows 10 and 11", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows", "10 or later", .98 },
	{ "the same behind PPPoE", "4:118:0:1452:mss*45,8:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows", "10 or later", .98 },
	{ "the same, IPv6 with a flow label", "6:118:0:1440:64800,8:mss,nop,ws,nop,nop,sok:flow:0", "Windows", "10 or later", .98 },
	{ "65535", "4:118:0:1400:65535,8:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows", "10 or later", .98 },
	{ "ECE and CWR are a server's default", "4:118:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0", "Windows", "Server", .98 },
	{ "8192 by size: Vista to 10", "4:118:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows", "", .98 },
	{ "the same without scaling by size", "4:118:0:1460:8192,2:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows", "", .98 },
	{ "XP, or a later one with auto-tuning off", "4:118:0:1460:65535,0:mss,nop,nop,sok:df,id+:0", "Windows", "", .95 },
	{ "2003 with timestamps that begin at 0", "4:118:0:1460:65535,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-:0", "Windows", NULL, .8 },
	{ "a window that no row names", "4:118:0:1460:12345,8:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows", NULL, .95 },
	{ "an added option", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok,?253,nop,nop:df,id+:0", "Windows", NULL, .9 },
	{ "Linux", "4:54:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0", "Linux", "3 or later", .98 },
	{ "Linux, IPv6", "6:54:0:1440:64800,7:mss,sok,ts,nop,ws:flow:0", "Linux", "3 or later", .98 },
	{ "Linux 2.6", "4:54:0:1460:5840,6:mss,sok,ts,nop,ws:df,id+:0", "Linux", "2.6", .98 },
	{ "Linux without timestamps", "4:54:0:1460:64240,7:mss,nop,nop,sok,nop,ws:df,id+:0", "Linux", "3 or later", .95 },
	{ "segments of 2.6 with the scale of 2.4", "4:54:0:1460:5840,0:mss,sok,ts,nop,ws:df,id+:0", "Linux", "", .95 },
	{ "a window and scale of nobody's", "4:54:0:1460:7777,13:mss,sok,ts,nop,ws:df,id+:0", "Linux", NULL, .9 },
	{ "Android", "4:50:0:1410:65535,9:mss,sok,ts,nop,ws:df,id+:0", "Android", "", .98 },
	{ "an iPhone in a mobile network", "4:50:0:1340:65535,7:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn:0", "iOS", "", .98 },
	{ "a Mac, or an iPhone at home", "4:54:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn:0", "macOS", "", .98 },
	{ "an iPhone whose timestamps a carrier took", "4:54:0:1360:65535,6:mss,nop,ws,sok,eol+1:df:0", "iOS", "", .7 },
	{ "FreeBSD since 11", "4:54:0:1460:65535,6:mss,nop,ws,sok,ts:df:0", "FreeBSD", "", .95 },
	{ "FreeBSD, IPv6", "6:54:0:1440:65535,6:mss,nop,ws,sok,ts:flow:0", "FreeBSD", "", .9 },
	{ "OpenBSD", "4:54:0:1460:16384,6:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0", "OpenBSD", "", .95 },
	{ "NetBSD", "4:54:0:1460:32768,3:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0", "NetBSD", "", .95 },
	{ "illumos", "4:54:0:1460:64240,1:mss,nop,nop,sok,nop,ws:df,id+:0", "Solaris", "", .6 },
	{ "a load balancer", "4:250:0:1460:4380,0:mss,sok,ts,nop,ws::0", "proxy", "", .6 },
	{ "a port scanner", "4:40:0:1460:1024,0:mss:df,id+:0", "", NULL, 0 },
	{ "options of nobody's", "4:64:0:1460:8192,8:ws,ts,mss:df,id+:0", "", NULL, 0 },
	{ "no options at all", "4:64:0:0:512,0::df,id+:0", "", NULL, 0 },
};

static void test_who(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		const struct tcp_obs obs = syn(who[i].raw);
		struct model_answer a;
		const char *flavor = "", *name = "";

		model_judge(flat, &obs, &a);
		if (a.n > 0)
			name = model_candidate(a.candidate[0].code, &flavor);
		if (strcmp(name, who[i].name) != 0 || (who[i].flavor != NULL && strcmp(flavor, who[i].flavor) != 0) ||
		    (double)a.kernel_p < who[i].kernel_min)
			fail_msg("%s: %s \"%s\", kernel %.3f; want %s \"%s\", %.2f", who[i].why, name, flavor, (double)a.kernel_p,
			    who[i].name, who[i].flavor != NULL ? who[i].flavor : "any", who[i].kernel_min);
	}
}

/* A generation and its system are never both in one answer, and what stands for what is one table. */
static void test_generations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		const struct tcp_obs obs = syn(who[i].raw);
		struct model_answer a;

		model_judge(mail, &obs, &a);
		for (unsigned j = 0; j < a.n; j++)
			for (unsigned k = 0; k < a.n; k++)
				if (j != k && model_covers(a.candidate[j].code, a.candidate[k].code))
					fail_msg("%s: %u and %u", who[i].why, a.candidate[j].code, a.candidate[k].code);
	}
	assert_true(model_covers(model_candidate_code("Windows", ""), model_candidate_code("Windows", "NT 5")));
	assert_true(model_covers(model_candidate_code("Linux", ""), model_candidate_code("Linux", "3 or later")));
	assert_true(model_covers(model_candidate_code("iOS", ""), model_candidate_code("iOS", "")));
	assert_false(model_covers(model_candidate_code("Windows", ""), model_candidate_code("Windows", "Server")));
	assert_false(model_covers(model_candidate_code("Linux", ""), model_candidate_code("Android", "")));
	assert_false(model_covers(model_candidate_code("Windows", "NT 5"), model_candidate_code("Windows", "")));
}

static void test_sums(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		const struct tcp_obs obs = syn(who[i].raw);
		struct model_answer a;
		double sum = 0;

		model_judge(mail, &obs, &a);
		for (unsigned j = 0; j < a.n; j++) {
			sum += (double)a.candidate[j].p;
			for (unsigned k = 0; k < j; k++)
				assert_true(a.candidate[k].code != a.candidate[j].code);
		}
		if (sum > 1.0001 || (a.n > 0 && (double)a.kernel_p > sum + .0001))
			fail_msg("%s: probabilities add up to %.4f, kernel %.4f", who[i].why, sum, (double)a.kernel_p);
	}
}

/* On a mail server a phone is less likely, a server more: the same SYN, another answer. */
static void test_prior(void **state)
{
	const struct tcp_obs obs = syn("4:54:0:1460:65535,10:mss,sok,ts,nop,ws:df,id+:0");
	struct model_answer f, m;

	(void)state;
	model_judge(flat, &obs, &f);
	model_judge(mail, &obs, &m);
	assert_string_equal(model_candidate(f.candidate[0].code, NULL), "Android");
	assert_string_equal(model_candidate(m.candidate[0].code, NULL), "Linux");
	assert_true(model_name_p(&f, "Android", "") > model_name_p(&m, "Android", ""));
	/* A flavor that names two systems is right about either. */
	assert_true(fabsf(model_name_p(&f, "Linux", "Android or large buffers") - f.kernel_p) < .02f);
	assert_true(model_name_p(&f, "OpenBSD", "") < 0);
}

/* ---- The way -------------------------------------------------------------------------------- */

static const struct {
	const char *why, *raw, *name; /* name: of the signature found */
	unsigned path;
} ways[] = {
	{ "nothing was done", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows", 0 },
	{ "nothing was done to Linux", "4:54:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0", "Linux", 0 },
	{ "timestamps overwritten", "4:54:0:1460:29200,7:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+:0", "Linux",
	  FP_PATH_TS_REMOVED },
	{ "timestamps of an iPhone overwritten", "4:54:0:1460:65535,6:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df:0",
	  "Mac OS X", FP_PATH_TS_REMOVED },
	{ "SACK overwritten", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,nop,nop:df,id+:0", "Windows", FP_PATH_SACK_REMOVED },
	{ "scale overwritten: what it was is lost", "4:118:0:1460:64240,0:mss,nop,nop,nop,nop,nop,nop,sok:df,id+:0", "Windows", FP_PATH_WS_REMOVED },
	{ "all of an iPhone's overwritten", "4:54:0:1460:65535,0:mss,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,eol+1:df,id+:0",
	  "Mac OS X", FP_PATH_TS_REMOVED | FP_PATH_SACK_REMOVED | FP_PATH_WS_REMOVED },
	{ "DF cleared", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok::0", "Windows", FP_PATH_DF_CLEARED },
	{ "IPv6 has no DF", "6:118:0:1440:64800,8:mss,nop,ws,nop,nop,sok::0", "Windows", 0 },
	{ "MSS clamped, the window still counts 1460", "4:54:0:1300:64240,7:mss,sok,ts,nop,ws:df,id+:0", "Linux",
	  FP_PATH_MSS_CLAMPED },
	{ "an MSS of its own", "4:54:0:1370:64390,7:mss,sok,ts,nop,ws:df,id+:0", "Linux", 0 },
	{ "hops restarted: Windows at 64", "4:60:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows",
	  FP_PATH_TTL_RESTARTED | FP_PATH_TUNNEL },
	{ "Linux at 128", "4:120:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0", "Linux", FP_PATH_TTL_RESTARTED },
	{ "Linux at 255", "4:250:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0", "Linux", FP_PATH_TTL_RESTARTED | FP_PATH_PROXY },
	{ "a proxy's own", "4:250:0:1460:4380,0:mss,sok,ts,nop,ws::0", "Linux", FP_PATH_PROXY },
	{ "a window that Windows never opens with", "4:118:0:1460:12345,8:mss,nop,ws,nop,nop,sok:df,id+:0", "Windows", FP_PATH_WIN_REWRITTEN },
	{ "nor Linux: no whole segments", "4:54:0:1460:30001,7:mss,sok,ts,nop,ws:df,id+:0", "Linux", FP_PATH_WIN_REWRITTEN },
	{ "nor an iPhone", "4:54:0:1460:32000,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0", "Mac OS X", FP_PATH_WIN_REWRITTEN },
	{ "timestamps overwritten, and the window", "4:54:0:1460:30001,7:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+:0", "Linux",
	  FP_PATH_TS_REMOVED | FP_PATH_WIN_REWRITTEN },
	{ "any number of segments may be a setting", "4:54:0:1460:48180,7:mss,sok,ts,nop,ws:df,id+:0", "Linux", 0 },
	{ "FreeBSD's window is a setting", "4:54:0:1460:40001,6:mss,nop,ws,sok,ts:df:0", "FreeBSD", 0 },
	{ "a window that is no sign of anybody", "4:118:0:1460:65535,0:mss,nop,nop,sok:df,id+:0", "Windows", 0 },
	{ "WireGuard's MTU", "4:54:0:1380:62100,7:mss,sok,ts,nop,ws:df,id+:0", "Linux", FP_PATH_TUNNEL },
};

static void test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const struct tcp_obs obs = syn(ways[i].raw);
		struct model_answer a;
		struct verdict v;

		match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
		opinion_name(db, &obs, &v);
		opinion_judge(db, &obs, &a);
		if (a.path != ways[i].path)
			fail_msg("%s: path %x, want %x", ways[i].why, a.path, ways[i].path);
		if (v.label == NULL || strcmp(v.label->name, ways[i].name) != 0)
			fail_msg("%s: named %s, want %s", ways[i].why, v.label != NULL ? v.label->text : "nothing", ways[i].name);
	}
}

/* What signatures know stays; what they do not gets a name without a version, and only where the model is sure. */
static const struct {
	const char *why, *raw, *text; /* "": no name */
	enum match_quality match;
} named[] = {
	{ "an exact match", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0", "win:Windows:10 or later", MATCH_EXACT },
	{ "no signature, sure of Windows", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok,?253,nop,nop:df,id+:0", "win:Windows:", MATCH_FUZZY },
	{ "no signature, sure of Linux", "4:54:0:1460:64240,7:mss,sok,ts,nop,ws,?200,nop,nop:df,id+:0", "unix:Linux:", MATCH_FUZZY },
	{ "no signature, not sure", "4:54:0:1460:33333,0:mss:df,id+:0", "", MATCH_NONE },
	{ "undone and known to the letter", "4:54:0:1460:65535,6:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df:0",
	  "unix:Mac OS X:or iOS", MATCH_FUZZY },
};

static void test_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		const struct tcp_obs obs = syn(named[i].raw);
		struct verdict v;

		match_tcp(db, MATCH_CORRECT, &obs, 0, &v);
		opinion_name(db, &obs, &v);
		const char *text = v.label != NULL ? v.label->text : "";

		if (strcmp(text, named[i].text) != 0 || v.match != named[i].match)
			fail_msg("%s: \"%s\" (%d), want \"%s\" (%d)", named[i].why, text, v.match, named[i].text, named[i].match);
	}
}

/* ---- Records -------------------------------------------------------------------------------- */

static void test_host(void **state)
{
	static struct opinion_cache cache;
	const struct tcp_obs obs = syn("4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok::0");
	struct track_sig sig = {
		.quirks = obs.quirks, .mss = obs.mss, .win = obs.win, .ttl = obs.ttl, .wscale = obs.wscale, .ipver = 4,
	};
	const struct evidence none = { 0 };
	struct fp_host host = { 0 }, again = { 0 }, other = { 0 };

	(void)state;
	opinion_host(&cache, db, &sig, &none, obs.layout, obs.layout_len, obs.eol_pad, &host);
	assert_string_equal(model_candidate(host.candidate[0].code, NULL), "Windows");
	assert_true(host.candidate[0].p > 150);
	assert_int_equal(host.path, FP_PATH_DF_CLEARED);
	sig.ttl = 110; /* other hops, the same cell */
	opinion_host(&cache, db, &sig, &none, obs.layout, obs.layout_len, obs.eol_pad, &again);
	assert_memory_equal(&again, &host, sizeof host);
	assert_int_equal(cache.hits, 1);
	assert_int_equal(cache.misses, 1);
	sig.win = 8192;
	opinion_host(&cache, db, &sig, &none, obs.layout, obs.layout_len, obs.eol_pad, &other);
	assert_int_not_equal(other.candidate[0].code, host.candidate[0].code);
	opinion_host(&cache, db, &sig, &none, NULL, 0, 0, &again); /* the layout was not kept: nothing is said anew */
	assert_int_equal(cache.misses, 2);
}

static void test_explain(void **state)
{
	const struct tcp_obs obs = syn("4:54:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0");
	struct model_reason why[MODEL_CANDIDATES];
	const size_t n = model_explain(flat, &obs, why, MODEL_CANDIDATES);
	bool linux_seen = false;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (why[i].code != model_candidate_code("Linux", "3 or later"))
			continue;
		linux_seen = true;
		assert_string_equal(why[i].layout, "mss,sok,ts,nop,ws");
		assert_true(why[i].field[MODEL_WINDOW] > .3f);
		assert_true(why[i].likelihood > 0);
		assert_non_null(strstr(why[i].source, "kernel:"));
	}
	assert_true(linux_seen);
	assert_true(n <= MODEL_CANDIDATES);
	assert_int_equal(model_explain(flat, &obs, why, 1), 1);
}

/* ---- Tables --------------------------------------------------------------------------------- */

#define COLUMNS "candidate\tweight\tlayout\tttl\twindow\tscale\tid\tecn\tmss\todd\tsource\n"
#define PRESET "default\t1\t-\t-\t-\t-\tid+:.9\tno:.9\teth:.9\t-\tjudgement\n"
#define ROW "Linux\t1\tmss,sok,ts,nop,ws\t64\tfit:.9\t7:.9\t*\t*\t*\t*\tkernel\n"

static const struct {
	const char *why, *table, *prior, *file, *says; /* says NULL: sound */
	unsigned line;
} tables[] = {
	{ "sound", COLUMNS PRESET ROW, "Linux\t1\n", "", NULL, 0 },
	{ "comments and empty lines", "# a\n\n" COLUMNS "# b\n" PRESET ROW, "# c\nLinux\t1\n", "", NULL, 0 },
	{ "no columns", ROW, "Linux\t1\n", "model", "columns", 1 },
	{ "no rows", COLUMNS PRESET, "Linux\t1\n", "model", "no row", 2 },
	{ "a cell short", COLUMNS "Linux\t1\tmss\n", "Linux\t1\n", "model", "3 cells", 2 },
	{ "an unknown candidate", COLUMNS PRESET "Beos\t1\tmss\t64\t1:.9\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "Beos", 3 },
	{ "an unknown flavor", COLUMNS PRESET "Linux:7\t1\tmss\t64\t1:.9\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "Linux:7", 3 },
	{ "more than certain", COLUMNS PRESET "Linux\t1\tmss\t64\t1:.9 2:.2\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "add up to 1.1", 3 },
	{ "no probability", COLUMNS PRESET "Linux\t1\tmss\t64\t1:x\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "no probability", 3 },
	{ "a weight of nothing", COLUMNS PRESET "Linux\t0\tmss\t64\t1:.9\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "weight", 3 },
	{ "an unknown option", COLUMNS PRESET "Linux\t1\tmss,foo\t64\t1:.9\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "foo", 3 },
	{ "a TTL class", COLUMNS PRESET "Linux\t1\tmss\t60\t1:.9\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "60", 3 },
	{ "a class twice", COLUMNS PRESET "Linux\t1\tmss\t64:.5 64:.1\t1:.9\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "twice", 3 },
	{ "a window", COLUMNS PRESET "Linux\t1\tmss\t64\tbig:.9\t-\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "big", 3 },
	{ "a scale", COLUMNS PRESET "Linux\t1\tmss\t64\t1:.9\t99:1\t*\t*\t*\t*\tx\n", "Linux\t1\n", "model", "99", 3 },
	{ "a quirk", COLUMNS PRESET "Linux\t1\tmss\t64\t1:.9\t-\t*\t*\t*\tqq:.5\tx\n", "Linux\t1\n", "model", "qq", 3 },
	{ "no source", COLUMNS PRESET "Linux\t1\tmss\t64\t1:.9\t-\t*\t*\t*\t*\t\n", "Linux\t1\n", "model", "source", 3 },
	{ "a prior without number", COLUMNS PRESET ROW, "Linux\n", "prior", "number", 1 },
	{ "a prior of somebody unknown", COLUMNS PRESET ROW, "Linux\t1\nBeos\t1\n", "prior", "Beos", 2 },
	{ "a prior twice", COLUMNS PRESET ROW, "Linux\t1\nLinux\t2\n", "prior", "twice", 2 },
	{ "an empty prior", COLUMNS PRESET ROW, "", "prior", "possible", 0 },
	{ "less than nothing", COLUMNS PRESET ROW, "Linux\t-1\n", "prior", "number", 1 },
};

static void test_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct sig_error err;
		struct model *m;
		const int rc = model_parse(&m, tables[i].table, tables[i].prior, &err);

		if (tables[i].says == NULL) {
			if (rc != 0)
				fail_msg("%s: %s:%u: %s", tables[i].why, err.file, err.line, err.text);
		} else if (rc != FP_ECONFIG || m != NULL || strcmp(err.file, tables[i].file) != 0 || err.line != tables[i].line ||
		    strstr(err.text, tables[i].says) == NULL) {
			fail_msg("%s: %d, %s:%u: \"%s\"; want %s:%u \"%s\"", tables[i].why, rc, err.file, err.line, err.text,
			    tables[i].file, tables[i].line, tables[i].says);
		}
		model_free(&m);
	}
}

/* Any bytes for a SYN: a probability is one, and nothing is read out of bounds (the sanitizers watch). */
static void test_any_syn(void **state)
{
	uint64_t seed = 10;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct tcp_obs obs;
		struct model_answer a;

		for (size_t j = 0; j < sizeof obs / 8; j++) {
			const uint64_t r = test_random(&seed);

			memcpy((uint8_t *)&obs + 8 * j, &r, 8);
		}
		obs.kind = OBS_SYN;
		obs.ipver = i & 1 ? 4 : 6;
		obs.layout_len %= OBS_OPTIONS_MAX + 1;
		if (i % 4 != 0) { /* layouts that rows are for */
			static const uint8_t some[4][8] = { { 2, 1, 3, 1, 1, 4 }, { 2, 4, 8, 1, 3 }, { 2, 1, 3, 4, 8 }, { 2 } };
			static const uint8_t len[4] = { 6, 5, 5, 1 };

			memset(obs.layout, 0, sizeof obs.layout);
			memcpy(obs.layout, some[i / 4 % 4], 8);
			obs.layout_len = len[i / 4 % 4];
			obs.eol_pad = 0;
		}
		model_judge(flat, &obs, &a);
		for (unsigned j = 0; j < a.n; j++)
			assert_true(a.candidate[j].p > 0 && a.candidate[j].p <= 1.0001f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who), cmocka_unit_test(test_generations), cmocka_unit_test(test_sums), cmocka_unit_test(test_prior), cmocka_unit_test(test_ways),
		cmocka_unit_test(test_named), cmocka_unit_test(test_host), cmocka_unit_test(test_explain), cmocka_unit_test(test_tables),
		cmocka_unit_test(test_any_syn),
	};

	return cmocka_run_group_tests_name("model", tests, load, unload);
}
