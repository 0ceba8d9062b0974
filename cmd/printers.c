/* printers - a ring of blocks; the caller fills its head and writes out its tail. */
#include "cmd/printers.h"

#include "core/util.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define EVENTS 128 /* of a block: 40 KiB */

enum state { FREE, FULL, TAKEN, DONE };

struct block {
	enum state state; /* under the lock */
	size_t n;
	struct track_event event[EVENTS];
	struct tcp_obs obs[EVENTS];
	char *text;       /* of the printer that made it; made again each time */
	size_t bytes;
	struct printer printer;
};

struct printers {
	void (*print)(struct printer *printer, const struct track_event *event);
	unsigned threads, started;
	pthread_t *thread;
	struct block *block;
	unsigned blocks;
	unsigned head, tail; /* the caller's; run freely */
	pthread_mutex_t lock;
	pthread_cond_t full, done;
	bool stop;           /* under the lock */
};

int printers_make(struct printers **out, unsigned threads, const struct printer *first,
    void (*print)(struct printer *printer, const struct track_event *event))
{
	struct printers *p = calloc(1, sizeof *p);

	*out = NULL;
	if (p == NULL)
		return -ENOMEM;
	p->print = print;
	p->threads = threads;
	p->blocks = 2 * threads + 2;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->full, NULL);
	pthread_cond_init(&p->done, NULL);
	p->thread = calloc(threads + 1, sizeof *p->thread);
	p->block = calloc(p->blocks, sizeof *p->block);
	for (unsigned i = 0; p->block != NULL && i < p->blocks; i++) {
		struct block *b = &p->block[i];

		b->printer = *first;
		b->printer.out = open_memstream(&b->text, &b->bytes);
	}
	for (unsigned i = 0; i < p->blocks; i++)
		if (p->thread == NULL || p->block == NULL || p->block[i].printer.out == NULL) {
			printers_free(&p);
			return -ENOMEM;
		}
	*out = p;
	return 0;
}

void printers_free(struct printers **pp)
{
	struct printers *p = *pp;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->full);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->thread[i], NULL);
	for (unsigned i = 0; p->block != NULL && i < p->blocks; i++) {
		if (p->block[i].printer.out != NULL)
			fclose(p->block[i].printer.out);
		free(p->block[i].text);
	}
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->full);
	pthread_mutex_destroy(&p->lock);
	free(p->block);
	free(p->thread);
	free(p);
	*pp = NULL;
}

/* ---- Printing ----------------------------------------------------------------------------- */

/* With the lock: the first that nobody has taken; NULL: none. Blocks are few. */
static struct block *take(struct printers *p)
{
	for (unsigned i = 0; i < p->blocks; i++) {
		struct block *b = &p->block[(p->tail + i) % p->blocks];

		if (b->state == FULL) {
			b->state = TAKEN;
			return b;
		}
	}
	return NULL;
}

/* With the lock, which is free meanwhile. */
static void print_block(struct printers *p, struct block *b)
{
	pthread_mutex_unlock(&p->lock);
	rewind(b->printer.out);
	for (size_t i = 0; i < b->n; i++)
		p->print(&b->printer, &b->event[i]);
	fflush(b->printer.out); /* sets text and bytes */
	pthread_mutex_lock(&p->lock);
	b->state = DONE;
	pthread_cond_signal(&p->done);
}

static void *printer_thread(void *arg)
{
	struct printers *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct block *b = take(p);

		if (b != NULL)
			print_block(p, b);
		else
			pthread_cond_wait(&p->full, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Writes the oldest block; until it is text, prints whichever nobody has taken. */
static void retire(struct printers *p)
{
	struct block *oldest = &p->block[p->tail % p->blocks];

	pthread_mutex_lock(&p->lock);
	while (oldest->state != DONE) {
		struct block *b = take(p);

		if (b != NULL)
			print_block(p, b);
		else
			pthread_cond_wait(&p->done, &p->lock);
	}
	oldest->state = FREE;
	p->tail++; /* under the lock: take() begins there */
	pthread_mutex_unlock(&p->lock);
	fwrite(oldest->text, 1, oldest->bytes, stdout);
	oldest->n = 0;
}

/* The block under way is for whoever comes first. */
static void hand_out(struct printers *p)
{
	pthread_mutex_lock(&p->lock);
	p->block[p->head % p->blocks].state = FULL;
	pthread_cond_signal(&p->full);
	pthread_mutex_unlock(&p->lock);
	p->head++;
	/* One that cannot be started is not missed: the caller prints. */
	if (p->started < p->threads && pthread_create(&p->thread[p->started], NULL, printer_thread, p) == 0)
		p->started++;
}

void printers_add(struct printers *p, const struct track_event *event)
{
	struct block *b = &p->block[p->head % p->blocks];

	b->event[b->n] = *event;
	if (event->obs != NULL) {
		b->obs[b->n] = *event->obs;
		b->event[b->n].obs = &b->obs[b->n];
	}
	if (++b->n < EVENTS)
		return;
	hand_out(p);
	if (p->head - p->tail == p->blocks)
		retire(p);
}

void printers_flush(struct printers *p)
{
	if (p->block[p->head % p->blocks].n > 0)
		hand_out(p);
	while (p->tail != p->head)
		retire(p);
	fflush(stdout);
}
