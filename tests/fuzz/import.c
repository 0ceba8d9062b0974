/* fuzz: signatures of p0f 2 or pf.os, by the first byte; what is printed must load. */
#include "core/sigdb.h"
#include "core/sigimport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	char *text;
	size_t n, room;
};

static void print(void *ctx, const char *line)
{
	struct result *r = ctx;
	const size_t len = strlen(line);

	if (r->room - r->n < len + 1) {
		r->room = r->room * 2 + len + 1;
		r->text = realloc(r->text, r->room);
		if (r->text == NULL)
			abort();
	}
	memcpy(r->text + r->n, line, len);
	r->text[r->n + len] = '\n';
	r->n += len + 1;
}

static void say(void *ctx, unsigned line, bool left_out, const char *text)
{
	(void)ctx;
	(void)left_out;
	if (line == 0 || text[0] == '\0')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result r = { 0 };
	struct sig_error err;
	struct sigdb *db;

	if (size == 0)
		return 0;
	struct sigimport i = {
		.from = data[0] & 1 ? SIGIMPORT_PF_OS : SIGIMPORT_P0F2, .synack = data[0] & 2, .name = "fuzz", .print = print, .say = say, .ctx = &r,
	};

	if (sigimport_run(&i, (const char *)data + 1, size - 1) != 0)
		abort();
	if (sigdb_parse(&db, "imported", r.text, r.n, &err) != 0) {
		fprintf(stderr, "line %u: %s\n", err.line, err.text);
		abort();
	}
	sigdb_free(&db);
	free(r.text);
	return 0;
}
