/*
 * texts - what hosts name by number: labels and links of the signatures, option layouts.
 */
#include "core/err.h"
#include "core/log.h"
#include "core/sigdb.h"
#include "store/intern.h"
#include "store/writer_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int put_text(struct writer *w, MDB_txn *txn, enum record_kind kind, uint32_t id, const char *text)
{
	uint8_t key[RECORD_KEY_BYTES];
	MDB_val k = { RECORD_KEY_BYTES, key }, v;

	record_key(key, kind, id);
	if (mdb_get(txn, w->db.dbi, &k, &v) == 0 && v.mv_size == strlen(text)) {
		if (memcmp(v.mv_data, text, v.mv_size) == 0)
			return 0;
	}
	return env_put(w, txn, key, text, strlen(text));
}

static int texts_add(struct texts *t, enum record_kind kind, uint32_t id, const char *text)
{
	if (t->n == t->room) {
		const size_t room = t->room == 0 ? 256 : 2 * t->room;
		struct text *wider = realloc(t->text, room * sizeof *wider);

		if (wider == NULL)
			return -ENOMEM;
		t->text = wider;
		t->room = room;
	}
	t->text[t->n] = (struct text){ .kind = kind, .id = id };
	snprintf(t->text[t->n].text, sizeof t->text->text, "%s", text);
	t->n++;
	return 0;
}

void texts_free(struct texts **tp)
{
	if (*tp != NULL)
		free((*tp)->text);
	free(*tp);
	*tp = NULL;
}

int writer_labels(struct writer *w, const struct sigdb *db)
{
	struct texts *t = calloc(1, sizeof *t), *old;
	size_t n = 0;
	const struct sig_label *label = sigdb_labels(db, &n);
	int rc = t != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = texts_add(t, RECORD_LABEL, label[i].id, label[i].text);
	for (unsigned mtu = 1; rc == 0 && mtu <= UINT16_MAX; mtu++) {
		const char *link = sigdb_link(db, mtu);

		if (link != NULL && link[0] != '\0')
			rc = texts_add(t, RECORD_LINK, mtu, link);
	}
	if (rc != 0) {
		texts_free(&t);
		return rc;
	}
	pthread_mutex_lock(&w->labels_lock);
	old = w->labels;
	if (old != NULL) {
		/* Deltas of both may follow: labels of the older one are wanted too. */
		for (size_t i = 0; rc == 0 && i < old->n; i++)
			if (old->text[i].kind == RECORD_LABEL)
				rc = texts_add(t, RECORD_LABEL, old->text[i].id, old->text[i].text);
	}
	if (rc == 0) {
		w->labels = t;
		t = old;
		atomic_store_explicit(&w->a_labels, true, memory_order_release);
	}
	pthread_mutex_unlock(&w->labels_lock);
	texts_free(&t);
	wake_up(&w->wake);
	return rc;
}

/* Link texts are those of the newest signatures: others go. */
static int drop_links(struct writer *w, MDB_txn *txn, const struct texts *t)
{
	uint8_t from[RECORD_KEY_BYTES];
	MDB_cursor *cur;
	MDB_val k = { RECORD_KEY_BYTES, from }, v;
	size_t i = 0;
	int rc = mdb_cursor_open(txn, w->db.dbi, &cur);

	if (rc != 0)
		return err_from_mdb(rc);
	record_key(from, RECORD_LINK, 0);
	while (i < t->n && t->text[i].kind != RECORD_LINK)
		i++;
	for (rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE); rc == 0;
	     rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
		const uint8_t *key = k.mv_data;
		uint32_t mtu;

		if (k.mv_size != RECORD_KEY_BYTES || memcmp(key, from, 2) != 0)
			break;
		mtu = (uint32_t)key[14] << 8 | key[15];
		/* Both run upwards. */
		while (i < t->n && t->text[i].kind == RECORD_LINK && t->text[i].id < mtu)
			i++;
		if (i < t->n && t->text[i].kind == RECORD_LINK && t->text[i].id == mtu)
			continue;
		if ((rc = mdb_cursor_del(cur, 0)) != 0)
			break;
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : err_from_mdb(rc);
}

int texts_put(struct writer *w, MDB_txn *txn, const struct texts *t)
{
	int rc = drop_links(w, txn, t);

	for (size_t i = 0; rc == 0 && i < t->n; i++)
		rc = put_text(w, txn, t->text[i].kind, t->text[i].id, t->text[i].text);
	return rc;
}

/* Layouts that were numbered since the last commit that succeeded. */
int texts_put_layouts(struct writer *w, MDB_txn *txn)
{
	int rc = 0;

	for (uint32_t id = w->layouts_stored + 1; rc == 0 && id <= w->layouts; id++)
		rc = put_text(w, txn, RECORD_LAYOUT, id, w->layout[id]);
	return rc;
}

/*
 * The number of a layout, a new one where it has none. 0: no layout, or no number left (what only junk can bring about: real
 * stacks have some hundred).
 */
uint16_t texts_layout_id(struct writer *w, const struct delta *d)
{
	static struct log_limit limit;
	uint8_t raw[2 + OBS_OPTIONS_MAX];
	char text[SIGTEXT_LAYOUT];
	size_t len;
	uint32_t id;

	if (d->layout_len == 0 || d->layout_len > OBS_OPTIONS_MAX)
		return 0;
	raw[0] = d->eol_pad;
	raw[1] = d->layout_len;
	memcpy(raw + 2, d->layout, d->layout_len);
	id = intern_find(w->raw, raw, 2u + d->layout_len);
	if (id != 0)
		return (uint16_t)id;
	len = sigtext_layout(text, sizeof text, d->layout, d->layout_len, d->eol_pad);
	id = intern_find(w->text, text, len);
	if (id == 0) {
		/* Whoever forges SYNs with layouts of his own leaves half of the numbers to those who do not. */
		if (w->layouts >= (d->what.confirmed ? LAYOUTS_MAX : LAYOUTS_MAX / 2)) {
			log_limited(&limit, 3600, LOG_WARNING,
			    "store %s: %u option layouts are known, further ones are not kept", w->dir, w->layouts);
			return 0;
		}
		if (intern_add(w->text, text, len, w->layouts + 1) != 0)
			return 0;
		id = ++w->layouts;
		memcpy(w->layout[id], text, len + 1);
	}
	if (intern_add(w->raw, raw, 2u + d->layout_len, id) != 0)
		return 0;
	return (uint16_t)id;
}

/* ---- Between writer_labels() and the thread ----------------------------------------------------- */

struct texts *texts_take(struct writer *w)
{
	struct texts *t;

	if (!atomic_load_explicit(&w->a_labels, memory_order_acquire))
		return NULL;
	pthread_mutex_lock(&w->labels_lock);
	t = w->labels;
	w->labels = NULL;
	atomic_store_explicit(&w->a_labels, false, memory_order_relaxed);
	pthread_mutex_unlock(&w->labels_lock);
	return t;
}

/* Labels whose commit failed wait for the next, behind none that came meanwhile. */
void texts_return(struct writer *w, struct texts *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&w->labels_lock);
	if (w->labels == NULL) {
		w->labels = t;
		t = NULL;
	} else {
		for (size_t i = 0; i < t->n; i++)
			if (t->text[i].kind == RECORD_LABEL &&
			    texts_add(w->labels, RECORD_LABEL, t->text[i].id, t->text[i].text) != 0)
				break;
	}
	atomic_store_explicit(&w->a_labels, true, memory_order_release);
	pthread_mutex_unlock(&w->labels_lock);
	texts_free(&t);
}
