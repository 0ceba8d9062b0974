/* parts - blocks in order behind two turnstiles: who walks, and who gives back. */
#include "capture/parts.h"

#include "core/err.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BLOCK CAPTURE_PART_BYTES
#define WAIT_MS 100
/* The header of the last record that begins in a block, and the rest of that record. */
#define BUFFER_BYTES (BLOCK + PCAPFILE_RECORD_HEADER + PCAPFILE_RECORD_MAX)

struct parts {
	struct pcapfile file; /* how it is written; its source is not touched */
	int fd;
	uint64_t total;
	const _Atomic bool *a_stop;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t moved; /* one of the turns has gone on */
	uint64_t taken;       /* blocks so far */
	uint64_t walked, passed; /* blocks that are through: whose turn it is */
	uint64_t at;          /* where the next record begins */
	uint64_t records;     /* before that */
	bool over;            /* nothing follows: the end, or what cannot be read */
	bool broken;          /* a part was passed on that ends in an error: none is after it */
};

/* So that each block has a record's beginning, or is the end. */
_Static_assert(BLOCK > PCAPFILE_RECORD_HEADER + PCAPFILE_RECORD_MAX, "a record may be longer than a block");

int parts_create(struct parts **out, const struct pcapfile *f, int fd, uint64_t total, const _Atomic bool *a_stop)
{
	struct parts *p = calloc(1, sizeof *p);
	pthread_condattr_t attr;

	*out = NULL;
	if (p == NULL)
		return -ENOMEM;
	p->file = *f;
	p->fd = fd;
	p->total = total;
	p->a_stop = a_stop;
	p->at = f->offset;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->moved, &attr);
	pthread_condattr_destroy(&attr);
	*out = p;
	return 0;
}

void parts_destroy(struct parts **pp)
{
	struct parts *p = *pp;

	if (p == NULL)
		return;
	pthread_cond_destroy(&p->moved);
	pthread_mutex_destroy(&p->lock);
	free(p);
	*pp = NULL;
}

int part_make(struct part *b)
{
	*b = (struct part){ .buf = malloc(BUFFER_BYTES) };
	return b->buf != NULL ? 0 : -ENOMEM;
}

void part_free(struct part *b)
{
	free(b->buf);
	b->buf = NULL;
}

/* ---- Turns -------------------------------------------------------------------------------- */

/* With the lock: until *turn is n. False: it never will be, or stopped. */
static bool wait_turn(struct parts *p, const uint64_t *turn, uint64_t n)
{
	while (*turn != n && !p->broken && !atomic_load_explicit(p->a_stop, memory_order_acquire)) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += WAIT_MS * 1000000L;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&p->moved, &p->lock, &until);
	}
	return *turn == n && !p->broken && !atomic_load_explicit(p->a_stop, memory_order_acquire);
}

bool parts_turn(struct parts *p, const struct part *b)
{
	pthread_mutex_lock(&p->lock);
	const bool mine = wait_turn(p, &p->passed, b->number);

	pthread_mutex_unlock(&p->lock);
	return mine;
}

void parts_pass(struct parts *p, const struct part *b)
{
	pthread_mutex_lock(&p->lock);
	p->passed = b->number + 1;
	p->broken |= b->rc != 0;
	pthread_cond_broadcast(&p->moved);
	pthread_mutex_unlock(&p->lock);
}

/* ---- Blocks ------------------------------------------------------------------------------- */

/* n bytes of the file at `from`, which it has, to `to`. A file that has become shorter: FP_ETRUNC. */
static int read_at(const struct parts *p, uint8_t *to, uint64_t from, size_t n)
{
	for (size_t done = 0; done < n;) {
		const ssize_t got = pread(p->fd, to + done, n - done, (off_t)(from + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : FP_ETRUNC;
		done += (size_t)got;
	}
	return 0;
}

/*
 * Of the block whose bytes from `begins` on stand in b->buf: from record to record, the first at b->offset, until one begins behind the block.
 * Sets b and returns where its last record begins.
 */
static uint64_t walk(const struct parts *p, struct part *b, uint64_t begins, uint64_t *records)
{
	uint64_t at = b->offset, last = at;

	while (at < begins + BLOCK && b->rc == 0 && at < p->total) {
		const uint8_t *h = b->buf + (at - begins);
		const uint64_t left = p->total - at;
		const uint64_t bytes = left < PCAPFILE_RECORD_HEADER ? 0 : PCAPFILE_RECORD_HEADER + (uint64_t)pcapfile_caplen(&p->file, h);

		if (bytes > PCAPFILE_RECORD_HEADER + PCAPFILE_RECORD_MAX)
			b->rc = FP_EFORMAT;
		else if (bytes == 0 || bytes > left)
			b->rc = FP_ETRUNC;
		if (b->rc != 0)
			break;
		last = at;
		at += bytes;
		++*records;
	}
	b->next = at;
	return last;
}

/* The walk in its turn, which tells the next block where it begins. False: there is nothing more, or stopped. */
static bool walk_in_turn(struct parts *p, struct part *b, uint64_t begins, uint64_t *last)
{
	uint64_t records;

	pthread_mutex_lock(&p->lock);
	const bool mine = wait_turn(p, &p->walked, b->number) && !p->over;

	b->offset = p->at;
	b->records = records = p->records;
	pthread_mutex_unlock(&p->lock);
	if (!mine)
		return false;
	*last = walk(p, b, begins, &records);

	pthread_mutex_lock(&p->lock);
	p->at = b->next;
	p->records = records;
	p->over = b->rc != 0 || b->next >= p->total;
	p->walked++;
	pthread_cond_broadcast(&p->moved);
	pthread_mutex_unlock(&p->lock);
	return true;
}

bool parts_take(struct parts *p, struct part *b)
{
	uint64_t last = 0;

	pthread_mutex_lock(&p->lock);
	b->number = p->taken++;
	pthread_mutex_unlock(&p->lock);

	const uint64_t begins = p->file.offset + b->number * BLOCK;
	const uint64_t left = begins < p->total ? p->total - begins : 0;
	const size_t n = left < BLOCK + PCAPFILE_RECORD_HEADER ? (size_t)left : BLOCK + PCAPFILE_RECORD_HEADER;

	b->rc = read_at(p, b->buf, begins, n);
	if (n == 0 || !walk_in_turn(p, b, begins, &last))
		return false;

	/* What the last record has behind the block. */
	const int rc = b->next > begins + n ? read_at(p, b->buf + n, begins + n, (size_t)(b->next - begins - n)) : 0;

	if (rc != 0) {
		b->next = last;
		b->rc = rc;
	}
	b->at = b->buf + (b->offset - begins);
	b->end = b->buf + (b->next - begins);
	return true;
}
