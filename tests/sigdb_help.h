/* sigdb_help - signatures for tests, out of a text and out of the shipped files; the test fails where they cannot be read. */
#ifndef FP_SIGDB_HELP_H
#define FP_SIGDB_HELP_H

#include "tests/test.h"

#include "core/sigdb.h"

#include <glob.h>
#include <string.h>

static inline struct sigdb *sigdb_of(const char *text)
{
	struct sig_error err;
	struct sigdb *db;

	if (sigdb_parse(&db, "text", text, strlen(text), &err) != 0)
		fail_msg("line %u: %s", err.line, err.text);
	return db;
}

static inline struct sigdb *sigdb_shipped(void)
{
	struct sig_error err;
	struct sigdb *db;
	glob_t g;

	assert_int_equal(glob(FP_TREE "/signatures/*.fp", 0, NULL, &g), 0);
	if (sigdb_load(&db, (const char *const *)g.gl_pathv, g.gl_pathc, &err) != 0)
		fail_msg("%s:%u: %s", err.file, err.line, err.text);
	globfree(&g);
	return db;
}

#endif
