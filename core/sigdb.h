/*
 * sigdb - signature files in memory: immutable once loaded, indexed, shared by all threads.
 *
 * Owner    sigdb_load() makes it, sigdb_free() ends it; a reload makes a new one (see matcher.h).
 * Threads  any number of readers; nothing in it ever changes.
 * Grammar  p0f 3 (docs/p0f3-matching.md sections 5 and 6).
 */
#ifndef FP_SIGDB_H
#define FP_SIGDB_H

#include "core/obs.h"

#include <stdbool.h>

enum sig_direction { SIG_REQUEST, SIG_RESPONSE, SIG_DIRECTIONS };

#define SIG_TEXT_MAX 128 /* a label's text with its NUL: longer ones are an error at load */

struct sig_label {
	uint32_t id;       /* hash_id() of text: labels of the same text have the same, others never; the same on every machine */
	uint32_t line;     /* in its file, for messages */
	bool generic;      /* type g */
	bool app;          /* class "!": an application or tool, no system */
	const char *text;  /* "class:name:flavor": what the store keeps */
	const char *klass; /* "win", "unix", ..., "!" */
	const char *name;  /* "Windows"; spelled as where the file names it first, as p0f does */
	const char *flavor;/* "7 or 8", may be empty */
	uint32_t name_no;  /* number of the name in this sigdb: equal where names differ in case only */
	uint32_t class_no; /* of the class */
	const uint32_t *sys; /* of a "!" label: where it runs: numbers of names, or of classes with SIG_SYS_CLASS */
	uint32_t sys_n;
};

#define SIG_SYS_CLASS 0x80000000u

struct sigdb;

/* Where the first error of a load is described. */
struct sig_error {
	char file[128];
	unsigned line;
	char text[384]; /* one line: what was read, what was expected */
};

/* "FILE:LINE: TEXT", or "FILE: TEXT" of a file that has no lines. buf is enough with SIG_ERROR_LINE bytes. Returns buf. */
#define SIG_ERROR_LINE (sizeof(struct sig_error) + 16)
const char *sig_error_line(const struct sig_error *err, char buf[SIG_ERROR_LINE]);

/*
 * Loads the files in order as if they were one. On failure *out is NULL and *err says file, line
 * and what was expected: FP_ECONFIG for a wrong line, duplicate or colliding label id, -errno where
 * a file cannot be read, -ENOMEM.
 */
int sigdb_load(struct sigdb **out, const char *const *files, size_t n_files, struct sig_error *err);

/* The same, but reads on behind an error: each is said. What an error makes of the lines behind it is not said again. */
int sigdb_load_saying(struct sigdb **out, const char *const *files, size_t n_files, void (*say)(void *ctx, const struct sig_error *err),
    void *ctx);

int sigdb_parse_saying(struct sigdb **out, const char *name, const char *text, size_t len,
    void (*say)(void *ctx, const struct sig_error *err), void *ctx);

/* The same as sigdb_load() from memory; name stands for the file in messages. */
int sigdb_parse(struct sigdb **out, const char *name, const char *text, size_t len, struct sig_error *err);

void sigdb_free(struct sigdb **dbp); /* sets NULL; NULL is fine */

/* All labels, in file order; *n their number. For the store, which keeps their texts. */
const struct sig_label *sigdb_labels(const struct sigdb *db, size_t *n);

/* Link name of an MTU ("Ethernet or modem") or NULL; first match wins. */
const char *sigdb_link(const struct sigdb *db, unsigned mtu);

/*
 * A model travels with its signatures: taken over (*mp becomes NULL), freed with them. Before any other thread sees the sigdb.
 * sigdb_model(): NULL where there is none. In opinion.c.
 */
struct model;
void sigdb_adopt(struct sigdb *db, struct model **mp);
const struct model *sigdb_model(const struct sigdb *db);

/* Signatures by direction, for messages ("91 request, 101 response"). */
size_t sigdb_count(const struct sigdb *db, enum sig_direction direction);

/* HTTP signatures, which are read and checked but not matched: how many, and their texts in file order. */
size_t sigdb_http_count(const struct sigdb *db, enum sig_direction direction);
const char *sigdb_http(const struct sigdb *db, enum sig_direction direction, size_t n);

#endif
