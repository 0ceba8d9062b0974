/*
 * periods - minutes and hours by system. A host counts once in each: its record says when it was seen before, so no set of addresses
 * is needed. What comes late (files hold back hosts for seconds, and clocks differ) is added to the minute it belongs to.
 */
#include "core/err.h"
#include "store/news_int.h"
#include "store/writer_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLEAR_MAX 64          /* old ones a commit deletes of each kind */
#define AHEAD_S 60            /* live: a packet further ahead of the clock has no minute */

/* What came for a minute or an hour since it was last put. */
struct period {
	uint32_t number;           /* unix time / length; 0: unused */
	uint16_t n, room;
	struct record_period_row *row;
	bool dirty, put, begun;
};

struct kind {
	enum record_kind kind;
	uint32_t length_s, kept;
	struct period *period;     /* kept of them, by number */
	uint32_t newest;
};

struct periods {
	struct kind kind[2];
	bool live, some_put;
	uint32_t most_s;           /* live: a packet of a later time has no minute */
};

/* Live, a clock that was wrong for a moment must not end what was kept so far. */
static void set_most(struct periods *p)
{
	p->most_s = p->live ? (uint32_t)(clock_ns(CLOCK_REALTIME) / SECOND) + AHEAD_S : UINT32_MAX;
}

int periods_create(struct periods **out, bool live)
{
	struct periods *p = calloc(1, sizeof *p);

	*out = p;
	if (p == NULL)
		return -ENOMEM;
	p->live = live;
	set_most(p);
	p->kind[0] = (struct kind){ .kind = RECORD_MINUTE, .length_s = 60, .kept = RECORD_MINUTES_KEPT };
	p->kind[1] = (struct kind){ .kind = RECORD_HOUR, .length_s = 3600, .kept = RECORD_HOURS_KEPT };
	for (int k = 0; k < 2; k++)
		if ((p->kind[k].period = calloc(p->kind[k].kept, sizeof *p->kind[k].period)) == NULL)
			return -ENOMEM;
	return 0;
}

void periods_destroy(struct periods **pp)
{
	struct periods *p = *pp;

	if (p == NULL)
		return;
	for (int k = 0; k < 2; k++) {
		for (uint32_t i = 0; p->kind[k].period != NULL && i < p->kind[k].kept; i++)
			free(p->kind[k].period[i].row);
		free(p->kind[k].period);
	}
	free(p);
	*pp = NULL;
}

/* The first row of at least this label, of n in order. */
static unsigned find(const struct record_period_row *row, unsigned n, uint32_t label)
{
	unsigned low = 0;

	while (low < n) {
		const unsigned middle = (low + n) / 2;

		if (row[middle].label < label)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

static uint32_t plus(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void add_row(struct record_period_row *to, const struct record_period_row *from)
{
	to->hosts = plus(to->hosts, from->hosts);
	to->first = plus(to->first, from->first);
	to->connections = plus(to->connections, from->connections);
}

/* Adds to the row of its label, into rows in order that have room for RECORD_PERIOD_ROWS. Returns how many there are then. */
static unsigned merge_row(struct record_period_row *row, unsigned n, struct record_period_row add)
{
	unsigned at = find(row, n, add.label);

	if (at == n || row[at].label != add.label) {
		/* The last row is kept for all that have none of their own. */
		const bool others = n > 0 && row[n - 1].label == RECORD_PERIOD_OTHERS;

		if (n - others >= RECORD_PERIOD_ROWS - 1 && add.label != RECORD_PERIOD_OTHERS) {
			add.label = RECORD_PERIOD_OTHERS;
			at = find(row, n, add.label);
		}
	}
	if (at < n && row[at].label == add.label) {
		add_row(&row[at], &add);
		return n;
	}
	memmove(&row[at + 1], &row[at], (n - at) * sizeof *row);
	row[at] = add;
	return n + 1;
}

static void period_add(struct period *p, const struct record_period_row *add)
{
	if (p->n == p->room && p->room < RECORD_PERIOD_ROWS) {
		const unsigned room = p->room == 0 ? 8 : 2 * p->room < RECORD_PERIOD_ROWS ? 2u * p->room : RECORD_PERIOD_ROWS;
		struct record_period_row *more = realloc(p->row, room * sizeof *more);

		if (more == NULL)
			return; /* a number of a minute, no more */
		p->row = more;
		p->room = (uint16_t)room;
	}
	p->n = (uint16_t)merge_row(p->row, p->n, *add);
	p->dirty = true;
}

/* The place of period `number`; NULL: too old, or too many come at once. */
static struct period *place(struct kind *k, uint32_t number)
{
	struct period *p = &k->period[number % k->kept];

	if (number > k->newest)
		k->newest = number;
	if (number == 0 || number + k->kept <= k->newest)
		return NULL;
	if (p->number != number) {
		if (p->number > number)
			return NULL;
		/* What was there is older than all that is kept. */
		p->number = number;
		p->n = 0;
		p->dirty = p->put = p->begun = false;
	}
	return p;
}

void periods_add(struct periods *p, const struct period_seen *seen)
{
	if (p == NULL || seen->time_s > p->most_s)
		return;
	for (int i = 0; i < 2; i++) {
		struct kind *k = &p->kind[i];
		const uint32_t number = seen->time_s / k->length_s;
		const bool again = seen->before_s != 0 && seen->before_s / k->length_s >= number;
		const struct record_period_row row = { .label = seen->label, .hosts = !again, .first = seen->before_s == 0,
			.connections = seen->connections };
		struct period *at = place(k, number);

		if (at != NULL)
			period_add(at, &row);
	}
}

/* ---- Into the store --------------------------------------------------------------------------- */

static int put_one(struct kind *k, struct period *p, struct writer *w, struct tally *t)
{
	struct record_period_row row[RECORD_PERIOD_ROWS];
	uint8_t key[RECORD_KEY_BYTES], bytes[RECORD_PERIOD_BYTES];
	MDB_val key_val = { sizeof key, key }, v;
	int n = 0;

	record_key(key, k->kind, p->number);
	if (mdb_get(t->txn, w->db.dbi, &key_val, &v) == 0 && (n = record_period_decode(row, k->kind, p->number, v.mv_data, v.mv_size)) < 0)
		n = 0; /* a damaged one is begun anew */
	for (unsigned i = 0; i < p->n; i++)
		n = (int)merge_row(row, (unsigned)n, p->row[i]);
	p->put = true;
	return env_put(w, t->txn, key, bytes, record_period_encode(bytes, k->kind, p->number, row, (unsigned)n));
}

/* Deletes what is older than what is kept. */
static int clear_old(const struct kind *k, struct writer *w, struct tally *t)
{
	uint8_t from[RECORD_KEY_BYTES], until[RECORD_KEY_BYTES];
	MDB_val key = { sizeof from, from }, v;
	MDB_cursor *cur;
	int rc = mdb_cursor_open(t->txn, w->db.dbi, &cur);

	if (rc != 0)
		return err_from_mdb(rc);
	record_key(from, k->kind, 0);
	record_key(until, k->kind, k->newest > k->kept ? k->newest - k->kept + 1 : 0);
	rc = mdb_cursor_get(cur, &key, &v, MDB_SET_RANGE);
	for (int n = 0; rc == 0 && n < CLEAR_MAX && memcmp(key.mv_data, until, sizeof until) < 0; n++)
		if ((rc = mdb_cursor_del(cur, 0)) == 0)
			rc = mdb_cursor_get(cur, &key, &v, MDB_NEXT); /* the one that took its place */
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : err_from_mdb(rc);
}

/* Live, a minute in which nothing came is none in which nobody looked. */
static void begin_now(struct kind *k)
{
	struct period *now = place(k, (uint32_t)(clock_ns(CLOCK_REALTIME) / SECOND) / k->length_s);

	if (now != NULL && !now->begun)
		now->begun = now->dirty = true;
}

int periods_put(struct periods *p, struct writer *w, struct tally *t)
{
	int rc = 0;

	set_most(p);
	for (int i = 0; i < 2 && rc == 0; i++) {
		struct kind *k = &p->kind[i];
		bool any = false;

		if (p->live)
			begin_now(k);
		for (uint32_t n = 0; n < k->kept && rc == 0; n++)
			if (k->period[n].dirty) {
				rc = put_one(k, &k->period[n], w, t);
				any = p->some_put = true;
			}
		if (rc == 0 && any)
			rc = clear_old(k, w, t);
	}
	return rc;
}

void periods_stored(struct periods *p)
{
	for (int i = 0; p != NULL && i < 2; i++)
		for (uint32_t n = 0; n < p->kind[i].kept && p->some_put; n++) {
			struct period *at = &p->kind[i].period[n];

			if (at->put) {
				at->put = at->dirty = false;
				at->n = 0;
			}
		}
	if (p != NULL)
		p->some_put = false;
}

void periods_failed(struct periods *p)
{
	for (int i = 0; p != NULL && p->some_put && i < 2; i++)
		for (uint32_t n = 0; n < p->kind[i].kept; n++)
			p->kind[i].period[n].put = false;
	if (p != NULL)
		p->some_put = false;
}
