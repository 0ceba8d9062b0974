/* sigdb - from the lines of signature files to an immutable index; duplicates found as p0f finds them. */
#include "core/sigdb.h"
#include "core/err.h"
#include "core/match_int.h"
#include "core/sigdb_int.h"
#include "core/util.h"
#include "core/whole.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- Texts -------------------------------------------------------------------------------- */

#define ARENA_CHUNK 16384

struct arena {
	struct arena *older;
	size_t used, size;
	_Alignas(8) char bytes[];
};

void *arena_alloc(struct arena **ap, size_t size)
{
	struct arena *a = *ap;

	size = (size + 7) & ~(size_t)7;
	if (a == NULL || a->size - a->used < size) {
		const size_t chunk = size > ARENA_CHUNK ? size : ARENA_CHUNK;

		a = malloc(sizeof *a + chunk);
		if (a == NULL)
			return NULL;
		*a = (struct arena){ .older = *ap, .size = chunk };
		*ap = a;
	}
	void *p = a->bytes + a->used;

	a->used += size;
	return p;
}

char *arena_text(struct arena **ap, const char *text, size_t len)
{
	char *p = arena_alloc(ap, len + 1);

	if (p != NULL) {
		memcpy(p, text, len);
		p[len] = '\0';
	}
	return p;
}

void arena_free(struct arena **ap)
{
	for (struct arena *a = *ap, *older; a != NULL; a = older) {
		older = a->older;
		free(a);
	}
	*ap = NULL;
}

/* ---- Numbers by hash ---------------------------------------------------------------------- */

/* Which of our arrays' entries has a hash: open addressing, doubled when half full. */
struct numbers {
	struct number {
		uint32_t hash, n; /* n: index + 1, 0 = free */
	} *slot;
	uint32_t cap, used;
};

/* The next entry of that hash; *at begins as the hash. Returns its index + 1, 0 at the end. */
static uint32_t numbers_next(const struct numbers *m, uint32_t hash, uint32_t *at)
{
	if (m->cap == 0)
		return 0;
	for (;; ++*at) {
		const struct number *s = &m->slot[*at & (m->cap - 1)];

		if (s->n == 0)
			return 0;
		if (s->hash == hash) {
			++*at;
			return s->n;
		}
	}
}

static int numbers_add(struct numbers *m, uint32_t hash, uint32_t index)
{
	if (m->used * 2 >= m->cap) {
		struct numbers bigger = { .cap = m->cap ? m->cap * 2 : 64 };

		bigger.slot = calloc(bigger.cap, sizeof *bigger.slot);
		if (bigger.slot == NULL)
			return -ENOMEM;
		for (uint32_t i = 0; i < m->cap; i++)
			if (m->slot[i].n != 0)
				numbers_add(&bigger, m->slot[i].hash, m->slot[i].n - 1);
		free(m->slot);
		*m = bigger;
	}
	uint32_t i = hash;

	while (m->slot[i & (m->cap - 1)].n != 0)
		i++;
	m->slot[i & (m->cap - 1)] = (struct number){ hash, index + 1 };
	m->used++;
	return 0;
}

/* ---- Builder ------------------------------------------------------------------------------ */

/* A growing array. */
struct list {
	void *items;
	size_t n, cap;
};

static void *list_add(struct list *l, size_t item_bytes)
{
	if (l->n == l->cap) {
		const size_t cap = l->cap ? l->cap * 2 : 32;
		void *items = reallocarray(l->items, cap, item_bytes);

		if (items == NULL)
			return NULL;
		l->items = items;
		l->cap = cap;
	}
	return memset((char *)l->items + item_bytes * l->n++, 0, item_bytes);
}

/* A bucket while it grows: its signatures are chained in file order. */
struct chain {
	struct sig_words key;
	uint32_t first, last, n;
};

struct chained_sig {
	struct sig sig;
	uint32_t next; /* index + 1 */
};

struct sig_builder {
	struct arena *arena;
	struct list classes, names; /* const char * */
	struct list labels;         /* struct sig_label */
	struct list sigs;           /* struct chained_sig, in file order */
	struct list chains;
	struct list links;          /* const char * */
	struct list http[SIG_DIRECTIONS];
	struct list files;          /* const char *: their names, the one now read last */
	struct numbers by_name, by_label, by_key;
	uint16_t *link_of;
	uint32_t n_dir[SIG_DIRECTIONS];
};

int sig_builder_create(struct sig_builder **out)
{
	struct sig_builder *b = calloc(1, sizeof *b);

	*out = NULL;
	if (b == NULL)
		return -ENOMEM;
	b->link_of = calloc(65536, sizeof *b->link_of);
	if (b->link_of == NULL) {
		free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

void sig_builder_destroy(struct sig_builder **bp)
{
	struct sig_builder *b = *bp;

	if (b == NULL)
		return;
	free(b->classes.items);
	free(b->names.items);
	free(b->labels.items);
	free(b->sigs.items);
	free(b->chains.items);
	free(b->links.items);
	free(b->files.items);
	for (unsigned d = 0; d < SIG_DIRECTIONS; d++)
		free(b->http[d].items);
	free(b->by_name.slot);
	free(b->by_label.slot);
	free(b->by_key.slot);
	free(b->link_of);
	arena_free(&b->arena);
	free(b);
	*bp = NULL;
}

static int list_add_text(struct sig_builder *b, struct list *l, const char *text, size_t len)
{
	char *copy = arena_text(&b->arena, text, len);
	const char **slot = copy != NULL ? list_add(l, sizeof *slot) : NULL;

	if (slot == NULL)
		return -ENOMEM;
	*slot = copy;
	return 0;
}

static bool text_is(const char *text, const char *s, size_t len)
{
	return strncmp(text, s, len) == 0 && text[len] == '\0';
}

bool sig_builder_class_find(const struct sig_builder *b, const char *name, size_t len, uint32_t *number)
{
	const char *const *classes = b->classes.items;

	for (size_t i = 0; i < b->classes.n; i++)
		if (text_is(classes[i], name, len)) {
			*number = (uint32_t)i;
			return true;
		}
	return false;
}

int sig_builder_class(struct sig_builder *b, const char *name, size_t len)
{
	uint32_t known;

	return sig_builder_class_find(b, name, len, &known) ? 0 : list_add_text(b, &b->classes, name, len);
}

static uint32_t hash_caseless(const char *text, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint32_t)tolower((unsigned char)text[i])) * 16777619u;
	return h;
}

int sig_builder_name(struct sig_builder *b, const char *name, size_t len, uint32_t *number)
{
	const char *const *names = b->names.items;
	const uint32_t hash = hash_caseless(name, len);
	uint32_t at = hash, n;
	int rc;

	while ((n = numbers_next(&b->by_name, hash, &at)) != 0)
		if (strncasecmp(names[n - 1], name, len) == 0 && names[n - 1][len] == '\0') {
			*number = n - 1;
			return 0;
		}
	*number = (uint32_t)b->names.n;
	if ((rc = list_add_text(b, &b->names, name, len)) != 0)
		return rc;
	return numbers_add(&b->by_name, hash, *number);
}

/* "line 7", and of which file where it is another than the one now read. */
static const char *where(const struct sig_builder *b, uint32_t line, char *buf, size_t size)
{
	const char *const *files = b->files.items;
	const size_t file = line >> 24;

	if (file == ((b->files.n - 1) & 0xff))
		snprintf(buf, size, "line %u", (unsigned)(line & 0xffffff));
	else
		snprintf(buf, size, "line %u of %.120s", (unsigned)(line & 0xffffff), files[file]);
	return buf;
}

int sig_builder_label(struct sig_builder *b, const struct sig_label *label, const char *flavor, size_t flavor_len,
    const char *name, size_t name_len, char *text, size_t size)
{
	const char *klass = label->app ? "!" : ((const char *const *)b->classes.items)[label->class_no];
	char whole[SIG_TEXT_MAX], at_line[160];
	const int len = snprintf(whole, sizeof whole, "%s:%.*s:%.*s", klass, (int)name_len, name, (int)flavor_len, flavor);

	if (len < 0 || (size_t)len >= sizeof whole) {
		snprintf(text, size, "a label of at most %d characters is expected", SIG_TEXT_MAX - 1);
		return FP_ECONFIG;
	}
	const uint32_t id = hash_id(whole, (size_t)len);
	uint32_t at = id, n;
	bool known = false;

	while ((n = numbers_next(&b->by_label, id, &at)) != 0) {
		const struct sig_label *other = (struct sig_label *)b->labels.items + (n - 1);

		if (strcmp(other->text, whole) != 0) {
			snprintf(text, size, "label has the same id as \"%s\" of %s; word one of the two otherwise",
			    other->text, where(b, other->line, at_line, sizeof at_line));
			return FP_ECONFIG;
		}
		known = true;
	}
	int rc;
	struct sig_label *l;

	if (!known && (rc = numbers_add(&b->by_label, id, (uint32_t)b->labels.n)) != 0)
		return rc;
	if ((l = list_add(&b->labels, sizeof *l)) == NULL)
		return -ENOMEM;
	*l = *label;
	l->id = id;
	l->klass = klass;
	l->name = ((const char *const *)b->names.items)[label->name_no];
	l->text = arena_text(&b->arena, whole, (size_t)len);
	l->flavor = l->text != NULL ? l->text + len - flavor_len : NULL;
	return l->text != NULL ? 0 : -ENOMEM;
}

int sig_builder_sys(struct sig_builder *b, const uint32_t *sys, uint32_t n)
{
	struct sig_label *l = (struct sig_label *)b->labels.items + (b->labels.n - 1);
	uint32_t *copy = arena_alloc(&b->arena, n * sizeof *copy);

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, sys, n * sizeof *copy);
	l->sys = copy;
	l->sys_n = n;
	return 0;
}

static struct chain *chain_of(struct sig_builder *b, const struct sig_key *key, int *rc)
{
	const struct sig_words words = sig_words(key->layout);
	const uint32_t hash = (uint32_t)(sig_words_hash(&words) >> 32);
	uint32_t at = hash, n;
	struct chain *c;

	while ((n = numbers_next(&b->by_key, hash, &at)) != 0) {
		c = (struct chain *)b->chains.items + (n - 1);
		if (sig_words_equal(&c->key, &words))
			return c;
	}
	c = list_add(&b->chains, sizeof *c);
	if (c == NULL || numbers_add(&b->by_key, hash, (uint32_t)b->chains.n - 1) != 0) {
		*rc = -ENOMEM;
		return NULL;
	}
	c->key = words;
	return c;
}

int sig_builder_tcp(struct sig_builder *b, const struct sig_key *key, const struct sig *sig, char *text, size_t size)
{
	const struct sig_label *labels = b->labels.items;
	int rc = 0;
	struct chain *c = chain_of(b, key, &rc);

	if (c == NULL)
		return rc;
	struct chained_sig *all = b->sigs.items;

	for (uint32_t n = c->first; n != 0; n = all[n - 1].next)
		if (match_covers(&all[n - 1].sig, labels[all[n - 1].sig.label_no].generic, sig)) {
			char at_line[160];

			snprintf(text, size, "signature is already covered by %s (\"%s\"): one of the two must go, or change places",
			    where(b, all[n - 1].sig.line, at_line, sizeof at_line), labels[all[n - 1].sig.label_no].text);
			return FP_ECONFIG;
		}
	struct chained_sig *s = list_add(&b->sigs, sizeof *s);

	if (s == NULL)
		return -ENOMEM;
	all = b->sigs.items;
	s->sig = *sig;
	s->sig.label_no = (uint32_t)b->labels.n - 1;
	if (c->n++ == 0)
		c->first = (uint32_t)b->sigs.n;
	else
		all[c->last - 1].next = (uint32_t)b->sigs.n;
	c->last = (uint32_t)b->sigs.n;
	b->n_dir[key->direction]++;
	return 0;
}

int sig_builder_mtu(struct sig_builder *b, unsigned mtu, const char *link, size_t len)
{
	const char *const *links = b->links.items;

	if (b->link_of[mtu] != 0)
		return 0; /* first match wins */
	if (b->links.n == 0 || !text_is(links[b->links.n - 1], link, len)) {
		if (b->links.n == UINT16_MAX)
			return -ENOMEM;

		const int rc = list_add_text(b, &b->links, link, len);

		if (rc != 0)
			return rc;
	}
	b->link_of[mtu] = (uint16_t)b->links.n;
	return 0;
}

int sig_builder_http(struct sig_builder *b, enum sig_direction direction, const char *sig, size_t len)
{
	return list_add_text(b, &b->http[direction], sig, len);
}

uint32_t sig_builder_line(const struct sig_builder *b, unsigned line)
{
	return (uint32_t)((b->files.n - 1) & 0xff) << 24 | (line & 0xffffff);
}

/* Signatures laid out bucket by bucket, buckets found by hash. */
static int build_index(struct sig_builder *b, struct sigdb *db)
{
	const struct chain *chains = b->chains.items;
	const struct chained_sig *all = b->sigs.items;
	uint32_t at = 0;

	db->n_buckets = (uint32_t)b->chains.n;
	db->n_sigs = (uint32_t)b->sigs.n;
	db->slot_bits = 3;
	while (UINT64_C(1) << db->slot_bits < (uint64_t)db->n_buckets * 4)
		db->slot_bits++;
	const size_t slots = (size_t)1 << db->slot_bits;

	db->slots = calloc(slots, sizeof *db->slots);
	db->buckets = calloc(db->n_buckets + 1, sizeof *db->buckets);
	db->sigs = calloc(db->n_sigs + 1, sizeof *db->sigs);
	if (db->slots == NULL || db->buckets == NULL || db->sigs == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < db->n_buckets; i++) {
		db->buckets[i] = (struct sig_bucket){ .key = chains[i].key, .first = at, .n = chains[i].n };
		for (uint32_t n = chains[i].first; n != 0; n = all[n - 1].next) {
			db->sigs[at] = all[n - 1].sig;
			db->sigs[at].label = &db->labels[db->sigs[at].label_no];
			at++;
		}
		size_t s = sig_words_hash(&chains[i].key) >> (64 - db->slot_bits);

		while (db->slots[s] != 0)
			s = (s + 1) & (slots - 1);
		db->slots[s] = i + 1;
	}
	return sigindex_build(db);
}

int sig_builder_finish(struct sig_builder **bp, struct sigdb **out)
{
	struct sig_builder *b = *bp;
	struct sigdb *db = calloc(1, sizeof *db);
	int rc;

	*out = NULL;
	if (db == NULL)
		return -ENOMEM;
	db->n_labels = (uint32_t)b->labels.n;
	db->labels = b->labels.items;
	b->labels.items = NULL;
	db->links = b->links.items;
	b->links.items = NULL;
	db->link_of = b->link_of;
	b->link_of = NULL;
	db->arena = b->arena;
	b->arena = NULL;
	for (unsigned d = 0; d < SIG_DIRECTIONS; d++) {
		db->http[d] = b->http[d].items;
		b->http[d].items = NULL;
		db->n_http[d] = (uint32_t)b->http[d].n;
		db->n_dir[d] = b->n_dir[d];
	}
	if ((rc = build_index(b, db)) != 0)
		sigdb_free(&db);
	sig_builder_destroy(bp);
	*out = db;
	return rc;
}

/* ---- The contract ------------------------------------------------------------------------- */

void sigdb_free(struct sigdb **dbp)
{
	struct sigdb *db = *dbp;

	if (db == NULL)
		return;
	free(db->sigs);
	free(db->buckets);
	free(db->blocks);
	free(db->entries);
	free(db->times_sets);
	free(db->labels);
	free(db->links);
	free(db->link_of);
	free(db->slots);
	for (unsigned d = 0; d < SIG_DIRECTIONS; d++)
		free(db->http[d]);
	if (db->model != NULL)
		db->model_free(&db->model);
	arena_free(&db->arena);
	free(db);
	*dbp = NULL;
}

const char *sig_error_line(const struct sig_error *err, char buf[SIG_ERROR_LINE])
{
	if (err->line > 0)
		snprintf(buf, SIG_ERROR_LINE, "%s:%u: %s", err->file, err->line, err->text);
	else
		snprintf(buf, SIG_ERROR_LINE, "%s: %s", err->file, err->text);
	return buf;
}

static void error_set(struct sig_error *err, const char *file, unsigned line, const char *text)
{
	snprintf(err->file, sizeof err->file, "%s", file);
	err->line = line;
	snprintf(err->text, sizeof err->text, "%s", text);
}

static int add_text(struct sig_builder *b, const char *name, const char *text, size_t len, const struct sig_hearer *hearer,
    struct sig_error *err)
{
	int rc = list_add_text(b, &b->files, name, strlen(name));

	if (rc == 0)
		rc = sigfile_read(b, name, text, len, hearer, err);
	if (rc != 0 && rc != FP_ECONFIG)
		error_set(err, name, 0, fp_strerror(rc));
	return rc;
}

#define SIGFILE_MAX (64u << 20) /* no honest file comes near */

static int add_file(struct sig_builder *b, const char *file, const struct sig_hearer *hearer, struct sig_error *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = whole_file(file, SIGFILE_MAX, &text, &len);

	if (rc != 0) {
		error_set(err, file, 0, fp_strerror(rc));
		if (hearer != NULL)
			hearer->say(hearer->ctx, err);
		return rc;
	}
	rc = add_text(b, file, text, len, hearer, err);
	free(text);
	return rc;
}

static int load(struct sigdb **out, const char *const *files, size_t n_files, const struct sig_hearer *hearer, struct sig_error *err)
{
	struct sig_builder *b;
	int rc = sig_builder_create(&b);

	*out = NULL;
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n_files && (rc == 0 || hearer != NULL); i++) {
		const int one = add_file(b, files[i], hearer, err);

		rc = one != 0 ? one : rc;
	}
	if (rc == 0 && (rc = sig_builder_finish(&b, out)) != 0)
		error_set(err, n_files > 0 ? files[0] : "", 0, fp_strerror(rc));
	sig_builder_destroy(&b);
	return rc;
}

int sigdb_load(struct sigdb **out, const char *const *files, size_t n_files, struct sig_error *err)
{
	return load(out, files, n_files, NULL, err);
}

int sigdb_load_saying(struct sigdb **out, const char *const *files, size_t n_files, void (*say)(void *ctx, const struct sig_error *err),
    void *ctx)
{
	const struct sig_hearer hearer = { say, ctx };
	struct sig_error err;

	return load(out, files, n_files, &hearer, &err);
}

static int parse(struct sigdb **out, const char *name, const char *text, size_t len, const struct sig_hearer *hearer,
    struct sig_error *err)
{
	struct sig_builder *b;
	int rc = sig_builder_create(&b);

	*out = NULL;
	if (rc == 0)
		rc = add_text(b, name, text, len, hearer, err);
	if (rc == 0)
		rc = sig_builder_finish(&b, out);
	sig_builder_destroy(&b);
	return rc;
}

int sigdb_parse(struct sigdb **out, const char *name, const char *text, size_t len, struct sig_error *err)
{
	return parse(out, name, text, len, NULL, err);
}

int sigdb_parse_saying(struct sigdb **out, const char *name, const char *text, size_t len,
    void (*say)(void *ctx, const struct sig_error *err), void *ctx)
{
	const struct sig_hearer hearer = { say, ctx };
	struct sig_error err;

	return parse(out, name, text, len, &hearer, &err);
}

const struct sig_label *sigdb_labels(const struct sigdb *db, size_t *n)
{
	*n = db->n_labels;
	return db->labels;
}

const char *sigdb_link(const struct sigdb *db, unsigned mtu)
{
	return sigdb_link_of(db, mtu);
}

size_t sigdb_count(const struct sigdb *db, enum sig_direction direction)
{
	return db->n_dir[direction];
}

size_t sigdb_http_count(const struct sigdb *db, enum sig_direction direction)
{
	return db->n_http[direction];
}

const char *sigdb_http(const struct sigdb *db, enum sig_direction direction, size_t n)
{
	return n < db->n_http[direction] ? db->http[direction][n] : NULL;
}
