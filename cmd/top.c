/*
 * top - `fingerpost top`: what a store has, and what goes on in it: rates by the daemon's counters, systems by counting, the hosts
 * seen last. On a terminal again each second, else once.
 *
 * Counting a million hosts takes a second or two of CPU: on a terminal some ten thousand a second are counted, and the numbers shown
 * are those of the last whole count.
 */
#include "cmd/cli.h"
#include "cmd/scan.h"

#include "store/render.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SLICE 4000
#define SYSTEMS_MAX 512
#define LAST_MAX 10
#define SCAN_SHARE_NS INT64_C(100000000) /* of each second on a terminal */

struct system {
	char name[2 * FP_LABEL_TEXT];
	uint64_t hosts, confirmed;
};

struct count {
	struct system system[SYSTEMS_MAX];
	size_t n;
	uint64_t hosts, confirmed, unrecognised, others; /* others: of more systems than there is room for */
	struct fp_answer last[LAST_MAX];                 /* the youngest first */
	size_t n_last;
};

static const char *const rate_name[] = { "frames", "syn", "handshakes", "recognised", "withheld", "written", "kernel_dropped", "ring_dropped",
	"store_failed" };
#define RATES (sizeof rate_name / sizeof *rate_name)

struct top {
	struct fp_store *store;
	struct count *now, *whole;
	bool any_whole, terminal, colour;
	uint64_t before[RATES];
	int64_t before_ns;
	double rate[RATES];
	bool rates;
};

/* ---- Counting ------------------------------------------------------------------------------------- */

static struct system *system_of(struct count *c, const struct fp_answer *host)
{
	char name[2 * FP_LABEL_TEXT];

	if (snprintf(name, sizeof name, "%s%s%s", host->name, host->flavor[0] != '\0' ? " " : "", host->flavor) < 0)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->system[i].name, name) == 0)
			return &c->system[i];
	if (c->n == SYSTEMS_MAX)
		return NULL;
	memcpy(c->system[c->n].name, name, sizeof name);
	return &c->system[c->n++];
}

static void keep_last(struct count *c, const struct fp_answer *host)
{
	size_t i = c->n_last < LAST_MAX ? c->n_last : LAST_MAX - 1;

	if (c->n_last == LAST_MAX && host->host.last_seen <= c->last[i].host.last_seen)
		return;
	for (; i > 0 && c->last[i - 1].host.last_seen < host->host.last_seen; i--)
		c->last[i] = c->last[i - 1];
	c->last[i] = *host;
	if (c->n_last < LAST_MAX)
		c->n_last++;
}

static void on_host(void *ctx, const struct fp_answer *host)
{
	struct top *t = ctx;
	struct count *c = t->now;

	c->hosts++;
	c->confirmed += host->host.confirmed;
	keep_last(c, host);
	if (host->name[0] == '\0') {
		c->unrecognised++;
		return;
	}
	struct system *s = system_of(c, host);

	if (s == NULL) {
		c->others++;
		return;
	}
	s->hosts++;
	s->confirmed += host->host.confirmed;
}

static int by_hosts(const void *a, const void *b)
{
	const struct system *x = a, *y = b;

	return x->hosts != y->hosts ? (x->hosts < y->hosts ? 1 : -1) : strcmp(x->name, y->name);
}

/* Goes on counting until then; a count that is whole takes the place of the one before. */
static int count_until(struct top *t, struct scan *s, int64_t until_ns)
{
	int rc;

	do {
		rc = scan_some(s, SLICE);
		if (rc == 0) {
			struct count *old = t->whole;

			qsort(t->now->system, t->now->n, sizeof *t->now->system, by_hosts);
			t->whole = t->now;
			t->now = old;
			memset(t->now, 0, sizeof *t->now);
			t->any_whole = true;
			scan_begin(s);
		}
	} while (rc == 1 && scan_clock() < until_ns);
	return rc;
}

static void count_rates(struct top *t)
{
	const int64_t now = scan_clock();

	for (size_t i = 0; i < RATES; i++) {
		const uint64_t n = scan_counter(t->store, rate_name[i]);

		/* A daemon that was started again counts from nought. */
		t->rate[i] = t->before_ns != 0 && n >= t->before[i] ? (double)(n - t->before[i]) * 1e9 / (double)(now - t->before_ns) : 0;
		t->before[i] = n;
	}
	t->rates = t->before_ns != 0;
	t->before_ns = now;
}

/* ---- Showing -------------------------------------------------------------------------------------- */

static unsigned rows_of_terminal(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

static void show_head(const struct top *t)
{
	struct fp_info info;
	char when[32];
	const time_t now = time(NULL);
	struct tm tm;

	strftime(when, sizeof when, "%H:%M:%S", localtime_r(&now, &tm));
	printf("%sfingerpost top%s  %s", t->colour ? "\033[1m" : "", t->colour ? "\033[0m" : "", when);
	if (fp_info(t->store, &info) == 0)
		printf("  %s store, %" PRIu64 " KiB, written %lld s ago", info.live ? "live" : "files", info.bytes / 1024,
		    (long long)(now - info.written_ns / 1000000000));
	else
		printf("  no store that can be read just now");
	printf("\n");
	if (t->rates) {
		printf("a second:");
		for (size_t i = 0; i < RATES; i++)
			printf("  %s %.0f", rate_name[i], t->rate[i]);
		printf("\n");
	}
}

static void show_system(const struct count *c, const char *name, uint64_t hosts, uint64_t confirmed)
{
	printf("%10" PRIu64 " %5.1f%% %10" PRIu64 "  %s\n", hosts, c->hosts > 0 ? 100.0 * (double)hosts / (double)c->hosts : 0.0,
	    confirmed, name);
}

static void show(const struct top *t)
{
	const struct count *c = t->whole;
	unsigned rows = t->terminal ? rows_of_terminal() : UINT32_MAX;
	const size_t fixed = 7 + c->n_last;
	size_t room = rows > fixed + 1 ? rows - fixed : 1;
	char line[RENDER_HOST_MAX];

	if (t->terminal)
		fputs("\033[H\033[2J", stdout);
	show_head(t);
	if (!t->any_whole) {
		printf("\ncounting: %" PRIu64 " hosts so far\n", t->now->hosts);
		return;
	}
	printf("\n     hosts  share  confirmed  system\n");
	show_system(c, "all", c->hosts, c->confirmed);
	for (size_t i = 0; i < c->n && room > 0; i++, room--)
		show_system(c, c->system[i].name, c->system[i].hosts, c->system[i].confirmed);
	if (c->unrecognised > 0)
		printf("%10" PRIu64 " %5.1f%%             not recognised\n", c->unrecognised, 100.0 * (double)c->unrecognised / (double)c->hosts);
	if (c->others > 0)
		printf("%10" PRIu64 "                    of further systems\n", c->others);
	if (c->n_last > 0)
		printf("\nseen last:\n");
	for (size_t i = 0; i < c->n_last; i++) {
		render_line(line, sizeof line, &c->last[i]);
		printf("%.*s\n", t->terminal ? 110 : RENDER_HOST_MAX, line);
	}
}

static int once(struct top *t, struct scan *s)
{
	int rc;

	for (int tries = 0; (rc = count_until(t, s, INT64_MAX)) != 0 && tries < 50; tries++)
		scan_sleep(100000000);
	if (rc != 0) {
		cli_say("the store cannot be read: %s", fp_strerror(rc));
		return CLI_ERROR;
	}
	show(t);
	return fflush(stdout) == 0 ? CLI_YES : CLI_ERROR;
}

static int again_and_again(struct top *t, struct scan *s)
{
	for (;;) {
		const int64_t begin = scan_clock();

		count_rates(t);
		(void)count_until(t, s, begin + SCAN_SHARE_NS); /* what fails now may not in a second */
		show(t);
		if (fflush(stdout) != 0)
			return CLI_ERROR;
		scan_sleep(begin + 1000000000 - scan_clock());
	}
}

int cmd_top(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "store", required_argument, NULL, 's' }, { "once", no_argument, NULL, 'o' }, { 0 },
	};
	struct top t = { .terminal = isatty(STDOUT_FILENO) };
	struct scan s = { .host = on_host, .ctx = &t };
	const char *dir = NULL;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 's')
			dir = optarg;
		else if (c == 'o')
			t.terminal = false;
		else
			return cli_usage("top");
	}
	if (optind != argc)
		return cli_usage("top");
	if (cli_open_store(&t.store, dir) != 0)
		return CLI_ERROR;
	t.colour = t.terminal && getenv("NO_COLOR") == NULL;
	t.now = calloc(1, sizeof *t.now);
	t.whole = calloc(1, sizeof *t.whole);
	s.store = t.store;

	const int status = t.now == NULL || t.whole == NULL ? CLI_ERROR : t.terminal ? again_and_again(&t, &s) : once(&t, &s);

	free(t.now);
	free(t.whole);
	fp_close(&t.store);
	return status;
}
