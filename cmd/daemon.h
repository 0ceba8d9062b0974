/*
 * daemon - what the supervisor opens before it forks, and what its two children do with it.
 *
 *   supervisor   settings, captures, listening sockets, the store's directory and lock; then only waits
 *   packets      capture threads, matchers, the writer; no listening socket
 *   services     all that answers; no raw socket, the store read-only like any other reader's
 */
#ifndef FP_DAEMON_H
#define FP_DAEMON_H

#include "capture/capture.h"
#include "cmd/intake.h"
#include "cmd/logfile.h"
#include "cmd/keep.h"
#include "cmd/options.h"
#include "cmd/privilege.h"
#include "cmd/sockets.h"
#include "core/counters.h"
#include "core/news.h"
#include "core/pulse.h"
#include "core/sigdb.h"

#include <limits.h>

/* Exit statuses, docs/interface.md. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_REFUSED = 2 };

#define DAEMON_QUEUES_MAX 256

/* Shared by the three processes; made before the fork. */
struct daemon_shared {
	struct pulse_board pulses;
	_Atomic uint64_t a_commits; /* grows with every commit of the writer */
	struct news_board news;
	struct keep_shared keep;
};

struct daemon {
	struct options opt;
	struct account account;
	const char *const *signature_files;
	size_t n_signature_files;
	char default_file[PATH_MAX]; /* where no signature file is named */
	const char *default_files[1];
	struct sigdb *sigdb;
	struct capture **capture;  /* live ones first, one a queue; then the files */
	size_t n_live, n_files;
	unsigned queues;           /* rows of COUNTER_QUEUE: one each live capture, one each stream, one for all files */
	unsigned n_streams;        /* of these */
	unsigned readers;          /* threads that read one large file, at most */
	struct intake intake;
	bool want_services;
	unsigned matchers;         /* objects; matcher threads too, unless match_in_capture */
	bool match_in_capture;
	char queue_name[DAEMON_QUEUES_MAX][32];
	struct logfile *log;       /* p0f's; NULL: none is wanted */
	int lock_fd;               /* the store directory's */
	int http_fd;               /* -1: no such service */
	int control_fd;            /* DIR/control, listening; -1: none */
	int command_fd[2];         /* socketpair: packets, services (core/command.h); -1: none */
	const char *reader_dir;    /* the store as services see it: "/" where its directory is their root; NULL: by its name */
	struct sockets sockets;
	struct keep keep;
	struct counters *counters;
	struct daemon_shared *shared;
	/* Of threads that the supervisor knows beforehand: services starts anew, and two processes cannot add to one board. */
	struct pulse *packets_pulse, *services_pulse, *http_pulse, *sockets_pulse;
	int64_t started_s;
};

/* Opens all of it by d->opt, which check_settings() found sound, before anything changes. An error, which was logged. */
int daemon_open(struct daemon *d);

/*
 * Bodies of the children; return the exit status. parent_fd: one byte is written when the child is ready, end of
 * file says that the supervisor is gone. supervisor: its pid.
 */
int packets_main(struct daemon *d, int parent_fd, pid_t supervisor);
int services_main(struct daemon *d, int parent_fd, pid_t supervisor);

/* Blocks the signals that the processes wait for and returns a signalfd of them; negative: -errno. */
int daemon_signals(void);

#define DAEMON_BEAT_MS 1000 /* how long the main threads wait at the most: they have a pulse like all others */

/* The next signal that signalfd has, 0: none. */
int daemon_next_signal(int fd);

#endif
