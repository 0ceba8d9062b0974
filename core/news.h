/*
 * news - what the writer tells the services beside the store: the last events (a host first seen, its system changed, several systems
 * behind one address), how many hosts of each system there are, and how long things take. In memory made before the forks.
 *
 * Threads  the writer's thread alone writes (but for query, which is the sockets' thread's, and lookup and request, which are HTTP's); anybody reads. An event is told after its
 *          host is in the store.
 * Limits   the last NEWS_SLOTS events; who comes later has lost the older ones, and can tell by the number.
 */
#ifndef FP_NEWS_H
#define FP_NEWS_H

#include "core/addr.h"
#include "core/histogram.h"

#include <stdbool.h>

#define NEWS_SLOTS 16384u
#define NEWS_LABELS 2048u /* signature files have some hundred */

enum news_kind { NEWS_NEW, NEWS_CHANGED, NEWS_SHARED, NEWS_KINDS };

struct news {
	uint64_t number; /* 1 is the first since the daemon started */
	struct fp_addr addr;
	uint32_t time_s; /* by packet time */
	enum news_kind kind;
};

struct news_slot {
	_Atomic uint64_t a_number; /* 0: being written */
	_Atomic uint64_t a_addr[2];
	_Atomic uint64_t a_what;   /* kind << 32 | time_s */
};

struct news_count {
	_Atomic uint32_t a_label;  /* 0: not recognised */
	_Atomic uint64_t a_hosts;
};

struct news_board {
	uint64_t epoch;                      /* drawn at start: numbers of another daemon mean nothing */
	_Alignas(CACHELINE) _Atomic uint64_t a_last; /* number of the newest event; 0: none */
	struct news_slot slot[NEWS_SLOTS];
	_Atomic uint32_t a_labels;           /* rows of count in use */
	_Atomic bool a_counted;              /* the hosts that were in the store at start are all in */
	struct news_count count[NEWS_LABELS];
	struct histogram commit, query, lookup, request;
};

void news_init(struct news_board *b);

/* The writer's. */
void news_tell(struct news_board *b, enum news_kind kind, const struct fp_addr *addr, uint32_t time_s);

/* Takes out what is told of these addresses. */
void news_forget(struct news_board *b, const struct fp_cidr *block);

/* Number of the newest event; 0: none yet. */
uint64_t news_last(const struct news_board *b);

/* Whether event `number` is still there; *out is it then. */
bool news_get(const struct news_board *b, uint64_t number, struct news *out);

/* "new", "changed", "shared" */
const char *news_kind_name(enum news_kind kind);

#endif
