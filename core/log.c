/* log - one write() a line, nothing unprintable in it. */
#include "core/log.h"

#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE 1024

static const char *log_name = "fingerpost";
static enum log_level log_level = LOG_INFO;

static bool journal;        /* standard error is the journal's */
static int journal_fd = -1; /* connected datagram socket of the journal; -1: lines to standard error */

static atomic_flag error_seen = ATOMIC_FLAG_INIT;
static char first_error[256]; /* written by whoever set error_seen */

/* syslog(3)'s numbers */
static const int priority[] = { 3, 4, 6, 7 };

/* Information needs no word: it is what a log is of. */
static const char *const level_word[] = { "error: ", "warning: ", "", "debug: " };

void log_init(const char *name, enum log_level level)
{
	log_name = name;
	log_level = level;
}

void log_journal(int fd)
{
	journal = true;
	journal_fd = fd;
	if (fd >= 0) /* a journal that is busy makes nobody wait: standard error gets the line */
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

const char *log_first_error(void)
{
	return first_error;
}

/* What nobody may send to a terminal, or use to forge a line or a field, is shown as \xNN. buf: four times the text and NUL. */
static size_t escape(char *buf, const char *text)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p >= 0x20 && *p < 0x7f)
			buf[n++] = (char)*p;
		else
			n += (size_t)sprintf(buf + n, "\\x%02x", *p);
	}
	buf[n] = '\0';
	return n;
}

/* One datagram of fields: systemd.journal-fields(7). False: it was not taken. */
static bool to_journal(enum log_level level, const char *text, uint64_t left_out)
{
	const char *process = strchr(log_name, '[');
	const int name_len = process != NULL ? (int)(process - log_name) : (int)strlen(log_name);
	char out[256 + 4 * LINE];
	int n;

	if (journal_fd < 0)
		return false;
	n = snprintf(out, sizeof out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%.*s\nFINGERPOST_PROCESS=%.*s\n", priority[level],
	    name_len, log_name, process != NULL ? (int)strcspn(process + 1, "]") : 10, process != NULL ? process + 1 : "supervisor");
	if (left_out > 0)
		n += snprintf(out + n, sizeof out - (size_t)n, "FINGERPOST_SUPPRESSED=%" PRIu64 "\n", left_out);
	n += snprintf(out + n, sizeof out - (size_t)n, "MESSAGE=%s\n", text);
	return write(journal_fd, out, (size_t)n) == n;
}

static void emit(enum log_level level, const char *raw, uint64_t left_out)
{
	char text[4 * LINE + 1], out[160 + 4 * LINE];

	escape(text, raw);
	if (level == LOG_ERROR && !atomic_flag_test_and_set_explicit(&error_seen, memory_order_relaxed))
		snprintf(first_error, sizeof first_error, "%.250s", text);
	if (to_journal(level, text, left_out))
		return;
	/* sd-daemon(3): the journal takes the level from a number in front. */
	int n = journal ? snprintf(out, 24, "<%d>", priority[level]) : 0;

	n += snprintf(out + n, sizeof out - (size_t)n, "%.40s: %s%s", log_name, level_word[level], text);
	if (left_out > 0)
		n += snprintf(out + n, sizeof out - (size_t)n, " (%" PRIu64 " more of these were left out)", left_out);
	out[n++] = '\n';

	/* One call a line, so that lines of several threads do not mix. A log that takes nothing is nobody's error. */
	const ssize_t written = write(STDERR_FILENO, out, (size_t)n);

	(void)written;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	const int saved = errno;
	char text[LINE];
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	emit(level, text, 0);
	errno = saved;
}

void log_limited(struct log_limit *limit, unsigned every_s, enum log_level level, const char *fmt, ...)
{
	const int saved = errno;
	char text[LINE];
	va_list ap;

	if (level > log_level)
		return;

	const int64_t now = clock_ns(CLOCK_MONOTONIC);
	int64_t next = atomic_load_explicit(&limit->a_next_ns, memory_order_relaxed);

	if (now < next || !atomic_compare_exchange_strong_explicit(&limit->a_next_ns, &next,
	        now + every_s * INT64_C(1000000000), memory_order_relaxed, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&limit->a_suppressed, 1, memory_order_relaxed);
		return;
	}

	const uint64_t left_out = atomic_exchange_explicit(&limit->a_suppressed, 0, memory_order_relaxed);

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	emit(level, text, left_out);
	errno = saved;
}
