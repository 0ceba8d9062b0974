/* fuzz: a signature file; one that loads is asked for its labels and links, one that does not is read to its end, for all its errors. */
#include "core/sigdb.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void heard(void *ctx, const struct sig_error *err)
{
	(void)err;
	++*(unsigned *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned errors = 0;
	struct sig_error err;
	struct sigdb *db;
	size_t n;

	if (sigdb_parse(&db, "fuzz", (const char *)data, size, &err) != 0) {
		if (db != NULL || memchr(err.text, '\0', sizeof err.text) == NULL || memchr(err.file, '\0', sizeof err.file) == NULL)
			abort();
		if (sigdb_parse_saying(&db, "fuzz", (const char *)data, size, heard, &errors) == 0 || db != NULL || errors == 0)
			abort();
		return 0;
	}
	const struct sig_label *labels = sigdb_labels(db, &n);

	for (size_t i = 0; i < n; i++)
		if (strlen(labels[i].text) >= SIG_TEXT_MAX)
			abort();
	for (unsigned mtu = 0; mtu < 70000; mtu += 97)
		sigdb_link(db, mtu);
	sigdb_free(&db);
	return 0;
}
