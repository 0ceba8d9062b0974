/* packets_int - what the threads of the packets process share: packets.c makes and ends them, queue.c is the body of those that capture. */
#ifndef FP_PACKETS_INT_H
#define FP_PACKETS_INT_H

#include "cmd/daemon.h"
#include "core/majority.h"
#include "core/matcher.h"
#include "store/writer.h"

#include <pthread.h>

#define QUEUE_BATCH 32 /* observations a push: three to four times faster than one at a time */

struct packets;

/* One capture thread: one live capture, or all files in turn. */
struct queue {
	struct packets *p;
	unsigned number;
	struct capture **capture;
	size_t n;
	bool live;
	struct counter_row *row;
	struct pulse *pulse;
	_Atomic bool a_ended;     /* its thread is over: its matcher, if it has one, is the main thread's */
	struct majority sources;
	pthread_t thread;
	int result;               /* of the capture that failed, or 0 */
	/* for the progress line: which file, and how far */
	_Atomic size_t a_file;
	_Atomic uint64_t a_bytes, a_bytes_total;
	/* of a stream's thread: the stream that it is to read; -1: it has none */
	bool stream;
	_Atomic int a_fd;
	int wake_fd;
	char peer[INTAKE_PEER];
	pthread_mutex_t lock;     /* of: */
	struct capture *reading;
	struct {
		size_t n;
		struct tcp_obs obs[QUEUE_BATCH];
	} *batch;                 /* one a matcher */
};

struct packets {
	struct daemon *d;
	struct hash_key key;
	struct fp_cidr *ignore;
	size_t n_ignore;
	struct pkt_conf pkt;
	_Atomic(const struct sigdb *) a_sigdb;
	struct writer *writer;
	struct matcher **matcher;
	pthread_t *matcher_thread;
	struct queue *queue;
	pthread_t writer_thread;
	int writer_result;
	unsigned cpu[256], n_cpu;
	int event_fd;              /* a thread ended */
	_Atomic bool a_stop;       /* for matchers */
	_Atomic bool a_stopping;   /* for streams: no further one */
	_Atomic unsigned a_capturing;
	_Atomic bool a_writer_dead;
	_Atomic bool a_majority_said;
};

/* A thread with a name, pinned to the pin-th of our CPUs; -1: anywhere. Says what went wrong. */
int packets_thread(struct packets *p, pthread_t *thread, void *(*body)(void *), void *arg, const char *name, int pin);

/* What becomes of a frame: C_OBSERVED, *obs is for a matcher; else the counter that it belongs to. */
enum counter queue_judge(const struct packets *p, const struct capture_frame *frame, struct tcp_obs *obs);
/* One for a matcher, at the end of the queue's batch; whose turn it is alone. */
void queue_add(struct queue *q, const struct tcp_obs *obs);
/* Towards the word that one address hides many. */
void queue_majority(struct queue *q, struct majority *m, const struct tcp_obs *obs);
/* Batches go, and what the file's reader counted since `last` is added. */
void queue_file_flush(struct queue *q, struct capture_stats *last, const struct capture_stats *stats, bool idle);

/* A file by n threads, the caller's among them (readers.c): as capture_run(). */
int readers_run(struct queue *q, struct capture *c, unsigned n, char err[CAPTURE_ERR]);

/* Bodies of capture threads: of an interface or of files, and of streams. */
void *queue_thread(void *queue);
void *queue_stream_thread(void *queue);

/* A stream that services accepted: to the first thread that has none. False: there was none, or no more can come. */
bool queue_take_stream(struct packets *p);
/* The stream under way ends, and no further one begins. */
void queue_stop_stream(struct queue *q);

/* A thread has ended. */
void packets_tell(struct packets *p);

#endif
