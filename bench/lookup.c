/*
 * lookup - the store by itself: bytes a host, look-ups alone and beside a writer, a walk over all, starts.
 *
 *   lookup [HOSTS [UPDATES_A_SECOND [SECONDS [MAP_MB]]]]       1000000, 100000, 10, by default of hosts.max
 *
 * Fills a store below TMPDIR with hosts of random addresses through the daemon's own writer, measures, removes it. One JSON
 * object. bytes_host: allocated blocks; content: up to the last page. Nanoseconds of a look-up hold one
 * clock_gettime(). Updates come from this process, so on few CPUs they and the look-ups share them.
 */
#include "core/clock.h"
#include "core/merge.h"
#include "core/sigdb.h"
#include "store/reader.h"
#include "store/validate.h"
#include "store/writer.h"
#include "core/counters.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES 500000
#define SIGNATURES                                                                     \
	"classes = win,unix,other\n[mtu]\nlabel = Ethernet or modem\nsig = 1500\n[tcp:request]\n"                \
	"label = s:win:Windows:10 or later\nsig = *:128:0:*:65535,8:mss,nop,ws,nop,nop,sok:df,id+:0\n" \
	"label = s:unix:Linux:3.11 and newer\nsig = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0\n"

static uint64_t hosts = 1000000, rate = 100000, seconds = 10, map_bytes;
static char dir[128];
static struct counters *counters;
static struct writer *writer;
static struct sigdb *db;
static uint32_t label[2];
static _Atomic bool a_stop;

static uint64_t now_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

static void fail(const char *what)
{
	fprintf(stderr, "lookup: %s\n", what);
	exit(1);
}

/* Distinct: multiplying by an odd number permutes the 32-bit numbers. 1..223 in front, no multicast. */
static struct fp_addr addr_of(uint64_t n)
{
	const uint32_t x = (uint32_t)n * 2654435761u;
	const uint8_t b[4] = { (uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8), (uint8_t)x };

	return fp_addr_from_v4(b);
}

static struct delta delta_of(uint64_t n, uint32_t when)
{
	struct delta d;

	memset(&d, 0, sizeof d);
	merge_empty(&d.what);
	d.addr = addr_of(n);
	d.time_ns = when * INT64_C(1000000000);
	d.what.first_seen = d.what.last_seen = d.what.verdict_seen = when;
	d.what.label = label[n & 1];
	d.what.match = FP_MATCH_EXACT;
	d.what.mss = 1460;
	d.what.connections = 1;
	d.what.confirmed = true;
	memcpy(d.layout, "\x02\x01\x03\x01\x01\x04", 6);
	d.layout_len = 6;
	return d;
}

static void push(const struct delta *d, size_t n)
{
	const struct sink *sink = writer_sink(writer);

	while (n > 0) {
		const size_t took = sink->take(sink->ctx, 0, d, n);

		d += took;
		n -= took;
		if (n > 0)
			nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	}
}

static void *run(void *arg)
{
	(void)arg;
	if (writer_run(writer) != 0)
		fail("the writer failed");
	return NULL;
}

static uint64_t start(pthread_t *thread, bool live)
{
	const struct writer_conf conf = { .dir = dir, .hosts_max = hosts, .map_bytes = map_bytes, .live = live, .matchers = 1, .ring_slots = 8192,
		.counters = counters };
	char why[WRITER_WHY];
	const uint64_t began = now_ns();

	if (writer_open(&writer, &conf, why) != 0)
		fail(why);

	const uint64_t took = now_ns() - began;

	if (writer_labels(writer, db) != 0 || pthread_create(thread, NULL, run, NULL) != 0)
		fail("no thread");
	return took;
}

static void stop(pthread_t thread)
{
	writer_stop(writer);
	pthread_join(thread, NULL);
	writer_close(&writer);
}

static double per_host(double bytes)
{
	return bytes / (double)hosts;
}

static uint64_t allocated(void)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof path, "%s/data.mdb", dir);
	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static uint64_t content(struct fp_store *s)
{
	struct fp_info info;

	return fp_info(s, &info) == 0 ? info.bytes : 0;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(const char *name, struct fp_store *s, uint64_t offset, int want)
{
	static uint32_t took[SAMPLES];
	static uint64_t salt;
	uint64_t wrong = 0, sum = 0;

	salt++;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct fp_addr addr = addr_of(offset + mix(i + salt * SAMPLES) % hosts);
		struct fp_answer a;
		const uint64_t began = now_ns();
		const int rc = fp_lookup(s, &addr, &a);
		const uint64_t ns = now_ns() - began;

		took[i] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
		sum += ns;
		wrong += rc != want;
	}
	qsort(took, SAMPLES, sizeof *took, by_value);
	printf(",\"%s\":{\"p50_ns\":%u,\"p99_ns\":%u,\"p999_ns\":%u,\"mean_ns\":%" PRIu64 ",\"unexpected\":%" PRIu64 "}", name,
	    took[SAMPLES / 2], took[SAMPLES / 100 * 99], took[SAMPLES / 1000 * 999], sum / SAMPLES, wrong);
}

/* Keeps the rate by the millisecond. What it was too late for it does not make up for: the rate is never more than was asked. */
static void *update(void *arg)
{
	static struct delta d[1024];
	uint64_t began = now_ns(), from = 0, done = 0;

	(void)arg;
	while (!atomic_load(&a_stop)) {
		const uint64_t now = now_ns();
		uint64_t n = (now - began) / 1000 * rate / 1000000 - (done - from);

		if (n > 1024) {
			n = 1024;
			began = now;
			from = done + n;
		}
		for (uint64_t i = 0; i < n; i++)
			d[i] = delta_of(mix(done + i) % hosts, 1700000100);
		push(d, n);
		done += n;
		if (n < 1024)
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	struct sig_error err;
	struct fp_store *s;
	struct fp_answer a;
	struct fp_addr at = { { 0 } };
	struct validate_report report;
	pthread_t thread, updater;
	uint64_t began, ns, n = 0;
	size_t labels;
	char path[160];

	if (argc > 1)
		hosts = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		rate = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		seconds = strtoull(argv[3], NULL, 10);
	if (argc > 4)
		map_bytes = strtoull(argv[4], NULL, 10) << 20;
	snprintf(dir, sizeof dir, "%.64s/fp-bench-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL || counters_create(&counters, 1, 1) != 0)
		fail("no directory");
	if (sigdb_parse(&db, "bench", SIGNATURES, strlen(SIGNATURES), &err) != 0)
		fail(err.text);

	const struct sig_label *l = sigdb_labels(db, &labels);

	label[0] = l[0].id;
	label[1] = l[1].id;

	/* As `-r FILE` fills a new store. */
	start(&thread, false);
	began = now_ns();
	for (uint64_t i = 0; i < hosts; i += 64) {
		struct delta d[64];
		size_t k = 0;

		for (; k < 64 && i + k < hosts; k++)
			d[k] = delta_of(i + k, 1700000000);
		push(d, k);
	}
	stop(thread);
	ns = now_ns() - began;
	printf("{\"name\":\"store\",\"hosts\":%" PRIu64 ",\"fill_s\":%.2f,\"fill_rate\":%.0f", hosts, (double)ns / 1e9,
	    (double)hosts / ((double)ns / 1e9));

	if (fp_open(&s, dir) != 0 || (at = addr_of(0), fp_lookup(s, &at, &a)) != 0)
		fail("no host in the store");
	printf(",\"bytes_host\":%.1f,\"content_host\":%.1f", per_host((double)allocated()), per_host((double)content(s)));
	measure("lookup", s, 0, 0);
	measure("lookup_unknown", s, hosts, FP_ENOTFOUND);

	memset(&at, 0, sizeof at);
	began = now_ns();
	while (fp_next(s, &at, &a) == 0) {
		at = a.addr;
		n++;
	}
	ns = now_ns() - began;
	printf(",\"next_ns\":%.0f,\"next_hosts\":%" PRIu64, (double)ns / (double)(n != 0 ? n : 1), n);

	snprintf(path, sizeof path, "%s/data.mdb", dir);

	const int fd = open(path, O_RDONLY);

	began = now_ns();
	validate_file(fd, &report);
	printf(",\"validate_ms\":%.0f,\"validate_rc\":%d", (double)(now_ns() - began) / 1e6, report.rc);
	close(fd);

	printf(",\"clean_start_ms\":%.1f", (double)start(&thread, true) / 1e6);
	if (rate > 0) {
		struct timespec until = { (time_t)seconds, 0 };
		uint64_t commits;

		pthread_create(&updater, NULL, update, NULL);
		nanosleep(&until, NULL);
		commits = counters_get(counters, C_COMMITS, 0);
		began = now_ns();
		n = counters_get(counters, C_WRITTEN, 0);
		measure("lookup_beside_updates", s, 0, 0);
		ns = now_ns() - began;
		printf(",\"updates_per_s\":%.0f,\"commits_per_s\":%.0f",
		    (double)(counters_get(counters, C_WRITTEN, 0) - n) / ((double)ns / 1e9),
		    (double)(counters_get(counters, C_COMMITS, 0) - commits) / ((double)ns / 1e9));
		atomic_store(&a_stop, true);
		pthread_join(updater, NULL);
		printf(",\"bytes_host_updated\":%.1f,\"content_host_updated\":%.1f", per_host((double)allocated()),
		    per_host((double)content(s)));
	}
	began = now_ns();
	stop(thread);
	printf(",\"stop_ms\":%.0f", (double)(now_ns() - began) / 1e6);
	printf(",\"failed\":%" PRIu64 "}\n", counters_get(counters, C_STORE_FAILED, 0));
	fp_close(&s);
	for (const char *const *f = (const char *const[]){ "data.mdb", "lock.mdb", "lock", "stamp", NULL }; *f != NULL; f++) {
		snprintf(path, sizeof path, "%s/%s", dir, *f);
		unlink(path);
	}
	rmdir(dir);
	sigdb_free(&db);
	counters_destroy(&counters);
	return 0;
}
