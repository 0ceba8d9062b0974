/*
 * sigimport - signatures of p0f 2 (p0f.fp, p0fa.fp) and of OpenBSD's pf.os in p0f 3's grammar.
 *
 * Every line is converted, or it is said why it was not. The result is what sigdb_load() takes: each signature is read back
 * by our own reader, and one that an earlier one covers is left out, as it could never have matched there either.
 *
 * Source   docs/p0f3-matching.md section 16.
 */
#ifndef FP_SIGIMPORT_H
#define FP_SIGIMPORT_H

#include <stdbool.h>
#include <stddef.h>

enum sigimport_from { SIGIMPORT_P0F2, SIGIMPORT_PF_OS };

struct sigimport {
	enum sigimport_from from;
	bool synack;              /* the file is of SYN+ACKs (p0fa.fp) */
	const char *name;         /* of the file */
	/* A line of the result, without newline. */
	void (*print)(void *ctx, const char *text);
	/* Of line `line`: why it was left out, or what of it was lost on the way. */
	void (*say)(void *ctx, unsigned line, bool left_out, const char *text);
	void *ctx;
	unsigned entries, converted; /* counted here */
};

/* -ENOMEM; else 0, whatever the lines hold. */
int sigimport_run(struct sigimport *i, const char *text, size_t len);

#endif
