/* Log: what reaches the terminal, and how often. */
#include "tests/test.h"

#include "core/log.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int pipe_fd[2], saved_stderr;

static void capture_begin(void)
{
	assert_int_equal(pipe2(pipe_fd, O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(pipe_fd[1], STDERR_FILENO);
}

static void capture_end(char *buf, size_t size)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_fd[1]);

	const ssize_t n = read(pipe_fd[0], buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	close(pipe_fd[0]);
}

static void test_lines(void **state)
{
	char got[8192];

	(void)state;
	capture_begin();
	log_init("fingerpostd", LOG_INFO);
	log_error("store %s: gone", "/x");
	log_warning("two");
	log_info("three");
	log_debug("four");
	capture_end(got, sizeof got);
	assert_string_equal(got, "fingerpostd: error: store /x: gone\nfingerpostd: warning: two\nfingerpostd: three\n");
}

static void test_escapes(void **state)
{
	char got[8192];

	(void)state;
	capture_begin();
	log_info("%s", "a\nfake: line\r\x1b[31mred\x7f\xff");
	capture_end(got, sizeof got);
	assert_string_equal(got, "fingerpostd: a\\x0afake: line\\x0d\\x1b[31mred\\x7f\\xff\n");
}

static void test_long(void **state)
{
	char text[5000], got[8192];

	(void)state;
	memset(text, '\x01', sizeof text);
	text[sizeof text - 1] = '\0';
	capture_begin();
	log_info("%s", text);
	capture_end(got, sizeof got);
	assert_int_equal(got[strlen(got) - 1], '\n');
	assert_in_range(strlen(got), 4000, 4200);
}

static void test_limited(void **state)
{
	static struct log_limit limit;
	char got[8192];

	(void)state;
	capture_begin();
	for (int i = 0; i < 1000; i++)
		log_limited(&limit, 3600, LOG_WARNING, "disk full");
	atomic_store(&limit.a_next_ns, 0); /* an hour later */
	log_limited(&limit, 3600, LOG_WARNING, "disk full");
	log_limited(&limit, 3600, LOG_WARNING, "disk full");
	capture_end(got, sizeof got);
	assert_string_equal(got, "fingerpostd: warning: disk full\n"
	                         "fingerpostd: warning: disk full (999 more of these were left out)\n");
	assert_int_equal(atomic_load(&limit.a_suppressed), 1);
}

/* The journal's two ways: fields by its socket, and, where that takes nothing, its stream with the level in front. */
static void test_journal(void **state)
{
	static struct log_limit limit;
	char got[8192];
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	capture_begin();
	log_init("fingerpostd[packets]", LOG_INFO);
	log_journal(pair[1]);
	log_error("store /x: gone\nPRIORITY=7");

	ssize_t n = read(pair[0], got, sizeof got - 1);

	got[n > 0 ? n : 0] = '\0';
	assert_string_equal(got, "PRIORITY=3\nSYSLOG_IDENTIFIER=fingerpostd\nFINGERPOST_PROCESS=packets\n"
	                         "MESSAGE=store /x: gone\\x0aPRIORITY=7\n");
	atomic_store(&limit.a_suppressed, 12);
	log_limited(&limit, 3600, LOG_WARNING, "ring full");
	n = read(pair[0], got, sizeof got - 1);
	got[n > 0 ? n : 0] = '\0';
	assert_non_null(strstr(got, "\nFINGERPOST_SUPPRESSED=12\nMESSAGE=ring full\n"));
	close(pair[0]);
	log_info("nobody reads the socket");
	capture_end(got, sizeof got);
	assert_string_equal(got, "<6>fingerpostd[packets]: nobody reads the socket\n");
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_limited),
		cmocka_unit_test(test_journal), /* last: it stays so */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
