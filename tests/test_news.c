/* What the writer tells beside the store: events, hosts by system, minutes and hours. */
#include "tests/test.h"

#include "core/news.h"
#include "store/values.h"
#include "tests/store_help.h"

#define DAY 86400u
#define T0 (20000 * DAY)

struct fixture {
	struct help h;
	struct news_board *board;
	struct fp_store *store;
};

static void fixture_start(struct fixture *f)
{
	memset(f->board, 0, sizeof *f->board);
	news_init(f->board);
	f->h.conf.news = f->board;
	if (help_start(&f->h) != 0)
		fail_msg("%s", f->h.why);
}

static void fixture_open(struct fixture *f)
{
	f->board = calloc(1, sizeof *f->board);
	assert_non_null(f->board);
	help_init(&f->h);
	fixture_start(f);
	assert_int_equal(fp_open(&f->store, f->h.dir), 0);
}

static void fixture_close(struct fixture *f)
{
	fp_close(&f->store);
	help_end(&f->h);
	free(f->board);
}

static bool settled(const struct fixture *f)
{
	return counters_pending(f->h.counters) == 0 && atomic_load(&f->board->a_counted);
}

/* Until everything pushed is in and every host counted. */
static void settle(const struct fixture *f)
{
	for (int i = 0; i < 4000 && !settled(f); i++)
		help_nap(5);
	assert_true(settled(f));
}

static uint64_t hosts_of(const struct fixture *f, const char *label)
{
	const uint32_t rows = atomic_load(&f->board->a_labels), id = label != NULL ? label_id(label) : 0;

	for (uint32_t i = 0; i < rows; i++)
		if (atomic_load(&f->board->count[i].a_label) == id)
			return atomic_load(&f->board->count[i].a_hosts);
	return 0;
}

static void test_events(void **state)
{
	static const struct fp_cidr one = { .bits = 128 };
	struct fixture f;
	struct news n;
	struct delta d;

	(void)state;
	fixture_open(&f);
	help_push_range(&f.h, 0, 3, T0);
	settle(&f);
	assert_int_equal(news_last(f.board), 3);
	for (uint64_t i = 1; i <= 3; i++) {
		const struct fp_addr addr = help_addr((uint32_t)i - 1);

		assert_true(news_get(f.board, i, &n));
		assert_int_equal(n.kind, NEWS_NEW);
		assert_true(fp_addr_equal(&n.addr, &addr));
		assert_int_equal(n.time_s, T0);
	}
	help_push_range(&f.h, 0, 3, T0 + 5); /* seen again is no event */
	settle(&f);
	assert_int_equal(news_last(f.board), 3);
	d = help_delta(1, T0 + 10);
	d.what.os_changed = T0 + 10;
	d.what.shared = T0 + 10;
	help_push(&f.h, &d, 1);
	settle(&f);
	assert_int_equal(news_last(f.board), 5);
	assert_true(news_get(f.board, 4, &n));
	assert_int_equal(n.kind, NEWS_CHANGED);
	assert_true(news_get(f.board, 5, &n));
	assert_int_equal(n.kind, NEWS_SHARED);
	assert_false(news_get(f.board, 6, &n));
	assert_false(news_get(f.board, 0, &n));
	assert_int_equal(atomic_load(&f.board->commit.a_sum_ns) > 0, 1);

	/* Who is forgotten is not told of any more. */
	struct fp_cidr block = one;
	uint64_t gone = 0;
	int rc = 0;

	block.net = help_addr(1);
	assert_int_equal(writer_forget(f.h.writer, &block), 0);
	while (!writer_answered(f.h.writer, &rc, &gone))
		help_nap(2);
	assert_int_equal(gone, 1);
	assert_false(news_get(f.board, 2, &n) || news_get(f.board, 4, &n) || news_get(f.board, 5, &n));
	assert_true(news_get(f.board, 1, &n) && news_get(f.board, 3, &n));
	fixture_close(&f);
}

/* As many as the store has, whatever happens to them: come, change, go, a restart, a compaction, less room. */
static void test_systems(void **state)
{
	const struct fp_cidr half = { .net = help_addr(0), .bits = 96 + 16 };
	struct fixture f;
	struct fp_cidr block = half;
	uint64_t number;
	int rc = 0;

	(void)state;
	fixture_open(&f);
	help_push_range(&f.h, 0, 20000, T0);
	settle(&f);
	assert_int_equal(hosts_of(&f, LABEL_WINDOWS), 10000);
	assert_int_equal(hosts_of(&f, LABEL_LINUX), 10000);

	struct delta d = help_delta(4, T0 + 1); /* was Windows */

	d.what.label = label_id(LABEL_LINUX);
	help_push(&f.h, &d, 1);
	d = help_delta(6, T0 + 1);
	d.what.label = 0;
	help_push(&f.h, &d, 1);
	settle(&f);
	assert_int_equal(hosts_of(&f, LABEL_WINDOWS), 9998);
	assert_int_equal(hosts_of(&f, LABEL_LINUX), 10001);
	assert_int_equal(hosts_of(&f, NULL), 1);

	/* 10.0.0.0/16: every 256th host. */
	assert_int_equal(writer_forget(f.h.writer, &block), 0);
	while (!writer_answered(f.h.writer, &rc, &number))
		help_nap(2);
	const uint64_t left = 20000 - number;

	assert_true(number > 70 && number < 90);
	assert_int_equal(hosts_of(&f, LABEL_WINDOWS) + hosts_of(&f, LABEL_LINUX) + hosts_of(&f, NULL), left);

	/* A restart counts anew, while changes come. */
	assert_int_equal(help_stop(&f.h), 0);
	fixture_start(&f);
	help_push_range(&f.h, 30000, 31000, T0 + 2);
	settle(&f);
	assert_int_equal(hosts_of(&f, LABEL_WINDOWS) + hosts_of(&f, LABEL_LINUX) + hosts_of(&f, NULL), left + 1000);
	assert_int_equal(hosts_of(&f, NULL), 1);
	assert_int_equal(writer_compact(f.h.writer), 0);
	while (!writer_answered(f.h.writer, &rc, &number))
		help_nap(2);
	settle(&f);
	assert_int_equal(hosts_of(&f, LABEL_WINDOWS) + hosts_of(&f, LABEL_LINUX) + hosts_of(&f, NULL), left + 1000);

	/* Less room: the writer evicts. */
	assert_int_equal(help_stop(&f.h), 0);
	f.h.conf.hosts_max = 19000;
	fixture_start(&f);
	help_push_range(&f.h, 40000, 40100, T0 + 3);
	for (int i = 0; i < 1000 && counters_get(f.h.counters, C_HOSTS, 0) > 19000; i++)
		help_nap(10);
	settle(&f);
	assert_int_equal(hosts_of(&f, LABEL_WINDOWS) + hosts_of(&f, LABEL_LINUX) + hosts_of(&f, NULL), 19000);
	fixture_close(&f);
}

/* ---- Minutes and hours -------------------------------------------------------------------------- */

static struct record_period_row period(struct fixture *f, enum record_kind kind, uint32_t time_s, const char *label, int *rc)
{
	const uint32_t want = time_s / (kind == RECORD_HOUR ? 3600 : 60), id = label != NULL ? label_id(label) : 0;
	struct record_period_row rows[RECORD_PERIOD_ROWS], none = { 0 };
	uint32_t number = want - 1;

	*rc = store_period_next(f->store, kind, &number, rows);
	if (*rc >= 0 && number != want)
		*rc = FP_ENOTFOUND;
	for (int i = 0; i < *rc; i++)
		if (rows[i].label == id)
			return rows[i];
	return none;
}

static unsigned periods(struct fixture *f, enum record_kind kind)
{
	struct record_period_row rows[RECORD_PERIOD_ROWS];
	uint32_t number = 0;
	unsigned n = 0;

	while (store_period_next(f->store, kind, &number, rows) >= 0)
		n++;
	return n;
}

static void check(struct fixture *f, enum record_kind kind, uint32_t time_s, const char *label, uint32_t hosts, uint32_t first, uint32_t connections)
{
	int rc;
	const struct record_period_row row = period(f, kind, time_s, label, &rc);

	if (rc < 0 || row.hosts != hosts || row.first != first || row.connections != connections)
		fail_msg("%c %u %s: %s: hosts %u first %u connections %u, want %u %u %u", kind, time_s, label != NULL ? label : "-", fp_strerror(rc < 0 ? rc : 0),
		    row.hosts, row.first, row.connections, hosts, first, connections);
}

/* Stops, so that all is in the store, and begins anew on it. */
static void again(struct fixture *f)
{
	assert_int_equal(help_stop(&f->h), 0);
	fixture_start(f);
	fp_close(&f->store); /* else it looks at the stamp once a second */
	assert_int_equal(fp_open(&f->store, f->h.dir), 0);
}

static void test_periods(void **state)
{
	struct fixture f;
	int rc;

	(void)state;
	fixture_open(&f);
	help_push_range(&f.h, 0, 100, T0);        /* 50 of each, new */
	help_push_range(&f.h, 0, 100, T0 + 30);   /* the same minute: connections, no hosts */
	help_push_range(&f.h, 0, 10, T0 + 60);    /* the next: hosts, not new */
	help_push_range(&f.h, 0, 4, T0 + 3600);   /* the next hour */
	settle(&f);
	again(&f);
	check(&f, RECORD_MINUTE, T0, LABEL_WINDOWS, 50, 50, 100);
	check(&f, RECORD_MINUTE, T0, LABEL_LINUX, 50, 50, 100);
	check(&f, RECORD_MINUTE, T0 + 60, LABEL_WINDOWS, 5, 0, 5);
	check(&f, RECORD_HOUR, T0, LABEL_WINDOWS, 50, 50, 105);
	check(&f, RECORD_HOUR, T0 + 3600, LABEL_LINUX, 2, 0, 2);
	assert_int_equal(periods(&f, RECORD_MINUTE), 3);
	assert_int_equal(periods(&f, RECORD_HOUR), 2);

	/* What is there already is added to, late ones to the minute that is theirs. */
	help_push_range(&f.h, 200, 210, T0 + 20);
	help_push_range(&f.h, 300, 302, T0 + 61);
	settle(&f);
	again(&f);
	check(&f, RECORD_MINUTE, T0, LABEL_WINDOWS, 55, 55, 105);
	check(&f, RECORD_MINUTE, T0 + 60, LABEL_LINUX, 6, 1, 6);

	/* A day later minutes of before are gone, hours are not; and 90 days later those, too. */
	help_push_range(&f.h, 0, 2, T0 + DAY + 120);
	settle(&f);
	again(&f);
	period(&f, RECORD_MINUTE, T0, LABEL_WINDOWS, &rc);
	assert_int_equal(rc, FP_ENOTFOUND);
	assert_int_equal(periods(&f, RECORD_MINUTE), 2); /* an hour after T0, and now */
	check(&f, RECORD_HOUR, T0, LABEL_WINDOWS, 56, 56, 111);
	help_push_range(&f.h, 0, 2, T0); /* so late that nobody asks for it */
	help_push_range(&f.h, 0, 2, T0 + 91 * DAY);
	settle(&f);
	again(&f);
	assert_int_equal(periods(&f, RECORD_HOUR), 1);
	assert_int_equal(periods(&f, RECORD_MINUTE), 1);
	fixture_close(&f);
}

/* Systems by the hundred in one minute: what has no row of its own is counted with the others, nothing is lost. */
static void test_many_systems(void **state)
{
	struct fixture f;
	struct record_period_row rows[RECORD_PERIOD_ROWS];
	uint32_t number = 0, hosts = 0, others = 0;

	(void)state;
	fixture_open(&f);
	for (uint32_t i = 0; i < 1000; i++) {
		struct delta d = help_delta(i, T0);

		d.what.label = 0x1000 + i % 500;
		help_push(&f.h, &d, 1);
	}
	settle(&f);
	again(&f);
	const int n = store_period_next(f.store, RECORD_MINUTE, &number, rows);

	assert_int_equal(n, RECORD_PERIOD_ROWS);
	for (int i = 0; i < n; i++) {
		hosts += rows[i].hosts;
		others += rows[i].label == RECORD_PERIOD_OTHERS ? rows[i].hosts : 0;
		assert_true(i == 0 || rows[i].label > rows[i - 1].label);
	}
	assert_int_equal(hosts, 1000);
	assert_int_equal(others, 1000 - 2 * (RECORD_PERIOD_ROWS - 1));
	fixture_close(&f);
}

/* Live, a minute in which nothing came is there, and a packet of next year is not. */
static void test_live(void **state)
{
	const uint32_t now = (uint32_t)time(NULL);
	struct fixture f;
	int rc;

	(void)state;
	f.board = calloc(1, sizeof *f.board);
	help_init(&f.h);
	f.h.conf.live = true;
	fixture_start(&f);
	assert_int_equal(fp_open(&f.store, f.h.dir), 0);
	help_push_range(&f.h, 0, 2, now + 365 * DAY);
	settle(&f);
	again(&f);
	period(&f, RECORD_MINUTE, now, LABEL_WINDOWS, &rc);
	if (rc < 0)
		period(&f, RECORD_MINUTE, now + 60, LABEL_WINDOWS, &rc); /* it has ended meanwhile */
	assert_int_equal(rc, 0);
	period(&f, RECORD_MINUTE, now + 365 * DAY, LABEL_WINDOWS, &rc);
	assert_int_equal(rc, FP_ENOTFOUND);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_systems),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_many_systems),
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
