/* Counters: the table is whole, rows add up, the equations can be read from them. */
#include "tests/test.h"

#include "core/counters.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_info *a = counter_info((enum counter)i);

		assert_non_null(a->name);
		assert_non_null(a->text);
		for (int j = 0; j < i; j++) {
			const struct counter_info *b = counter_info((enum counter)j);

			if (strcmp(a->name, b->name) == 0 &&
			    (a->cause == NULL || b->cause == NULL || strcmp(a->cause, b->cause) == 0))
				fail_msg("%s stands twice", a->name);
		}
	}
	assert_string_equal(counter_info(counter_undecodable(PKT_SHORT_IP))->name, "undecodable");
	assert_string_equal(counter_info(counter_undecodable(PKT_SHORT_IP))->cause, "short_ip");
	assert_string_equal(counter_info(counter_undecodable(PKT_UNKNOWN_LINK))->cause, "unknown_link");
}

static void test_rows(void **state)
{
	struct counters *c;

	(void)state;
	assert_int_equal(counters_create(&c, 2, 3), 0);
	assert_int_equal(counters_rows(c, COUNTER_QUEUE), 2);
	assert_int_equal(counters_rows(c, COUNTER_MATCHER), 3);
	assert_int_equal(counters_rows(c, COUNTER_WRITER), 1);
	assert_int_equal(counters_rows(c, COUNTER_SERVICES), 1);
	/* Each on its own lines. */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal((uintptr_t)counters_row(c, COUNTER_MATCHER, i) % CACHELINE, 0);

	for (unsigned i = 0; i < 3; i++)
		counter_add(counters_row(c, COUNTER_MATCHER, i), C_CHANGED, 10 + i);
	assert_int_equal(counters_get(c, C_CHANGED, 1), 11);
	assert_int_equal(counters_get(c, C_CHANGED, COUNTERS_SUM), 33);
	counter_add(counters_row(c, COUNTER_MATCHER, 0), C_COALESCED, 3);
	counter_add(counters_row(c, COUNTER_WRITER, 0), C_WRITTEN, 20);
	counter_add(counters_row(c, COUNTER_WRITER, 0), C_STORE_FAILED, 4);
	assert_int_equal(counters_pending(c), 6);
	counter_set(counters_row(c, COUNTER_WRITER, 0), C_WRITTEN, 26);
	assert_int_equal(counters_pending(c), 0);
	counters_destroy(&c);
	assert_null(c);
}

/* `matched` is a queue's, counted by matchers. */
static void test_matched(void **state)
{
	struct counters *c;

	(void)state;
	assert_int_equal(counters_create(&c, 2, 2), 0);
	for (unsigned m = 0; m < 2; m++)
		for (unsigned q = 0; q < 2; q++)
			atomic_store(counters_matched(c, q, m), 100 * m + 10 * q + 1);
	assert_int_equal(counters_get(c, C_MATCHED, 0), 1 + 101);
	assert_int_equal(counters_get(c, C_MATCHED, 1), 11 + 111);
	assert_int_equal(counters_get(c, C_MATCHED, COUNTERS_SUM), 1 + 101 + 11 + 111);
	/* Two matchers write no common line. */
	assert_true((uintptr_t)counters_matched(c, 0, 1) - (uintptr_t)counters_matched(c, 1, 0) >=
	    CACHELINE - sizeof(uint64_t));
	counters_destroy(&c);
}

static void test_shared_over_fork(void **state)
{
	struct counters *c;
	int status = -1;

	(void)state;
	assert_int_equal(counters_create(&c, 1, 1), 0);

	const pid_t pid = fork();

	if (pid == 0) {
		counter_add(counters_row(c, COUNTER_QUEUE, 0), C_FRAMES, 7);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(counters_get(c, C_FRAMES, 0), 7);
	counters_destroy(&c);
}

static void test_text(void **state)
{
	struct counters *c;
	char buf[2000];

	(void)state;
	assert_int_equal(counters_create(&c, 1, 1), 0);
	counter_add(counters_row(c, COUNTER_QUEUE, 0), C_FRAMES, 7);
	counter_add(counters_row(c, COUNTER_QUEUE, 0), counter_undecodable(PKT_SHORT_IP), UINT64_MAX);
	atomic_store(counters_matched(c, 0, 0), 5);

	const int n = counters_text(c, COUNTER_QUEUE, 0, buf, sizeof buf);

	assert_int_equal(n, strlen(buf));
	assert_non_null(strstr(buf, "\nframes 7\n"));
	assert_non_null(strstr(buf, "\nmatched 5\n"));
	assert_non_null(strstr(buf, "\nundecodable{short_ip} 18446744073709551615\n"));
	assert_null(strstr(buf, "commits"));
	for (int size = 0; size <= n; size++)
		assert_int_equal(counters_text(c, COUNTER_QUEUE, 0, buf, (size_t)size), FP_EOVERFLOW);
	assert_int_equal(counters_text(c, COUNTER_QUEUE, 0, buf, (size_t)n + 1), n);
	counters_destroy(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_matched),
		cmocka_unit_test(test_shared_over_fork),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
