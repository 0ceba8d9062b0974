/* log - one write() a line, nothing unprintable in it. */
#include "core/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE 1024

static const char *log_name = "fingerpost";
static enum log_level log_level = LOG_INFO;

/* Information needs no word: it is what a log is of. */
static const char *const level_word[] = { "error: ", "warning: ", "", "debug: " };

void log_init(const char *name, enum log_level level)
{
	log_name = name;
	log_level = level;
}

static void emit(enum log_level level, const char *text)
{
	char out[64 + 4 * LINE + 1];
	int n = snprintf(out, 64, "%.40s: %s", log_name, level_word[level]);

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p >= 0x20 && *p < 0x7f)
			out[n++] = (char)*p;
		else
			n += sprintf(out + n, "\\x%02x", *p);
	}
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
	emit(level, text);
	errno = saved;
}

void log_limited(struct log_limit *limit, unsigned every_s, enum log_level level, const char *fmt, ...)
{
	const int saved = errno;
	char text[LINE];
	struct timespec ts;
	va_list ap;
	int n;

	if (level > log_level)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);

	const int64_t now = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
	int64_t next = atomic_load_explicit(&limit->a_next_ns, memory_order_relaxed);

	if (now < next || !atomic_compare_exchange_strong_explicit(&limit->a_next_ns, &next,
	        now + every_s * INT64_C(1000000000), memory_order_relaxed, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&limit->a_suppressed, 1, memory_order_relaxed);
		return;
	}

	const uint64_t left_out = atomic_exchange_explicit(&limit->a_suppressed, 0, memory_order_relaxed);

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (left_out > 0) {
		if (n < 0 || n > LINE - 64)
			n = LINE - 64;
		snprintf(text + n, sizeof text - (size_t)n, " (%" PRIu64 " more of these were left out)", left_out);
	}
	emit(level, text);
	errno = saved;
}
