/*
 * packets - the process that sees packets: capture threads, matcher threads, the writer. The one place where these
 * threads are made, and the one order in which they start and stop.
 *
 *   start   writer, matchers, captures       stop   captures, matchers, writer
 */
#include "cmd/commands.h"
#include "cmd/hook.h"
#include "cmd/packets_int.h"
#include "cmd/progress.h"

#include "core/clock.h"
#include "core/err.h"
#include "core/log.h"
#include "core/opinion.h"
#include "core/paths.h"
#include "core/pkt.h"
#include "core/thread.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define RING_SLOTS 65536u  /* of 128 bytes: absorbs 20 ms at 3 million a second */
#define DELTA_SLOTS 16384u
#define RELOAD_WAIT_MS 5000
#define COMMAND_STEP_MS 5
#define PROGRESS_MS 500

/* ---- Other threads -------------------------------------------------------------------------------- */

void packets_tell(struct packets *p)
{
	const uint64_t one = 1;

	(void)!write(p->event_fd, &one, sizeof one);
}

static void *writer_thread(void *arg)
{
	struct packets *p = arg;

	p->writer_result = writer_run(p->writer);
	if (p->writer_result != 0)
		atomic_store_explicit(&p->a_writer_dead, true, memory_order_release);
	packets_tell(p);
	return NULL;
}

struct matcher_arg {
	struct packets *p;
	struct matcher *m;
};

static void *matcher_thread(void *arg)
{
	const struct matcher_arg a = *(struct matcher_arg *)arg;

	free(arg);
	matcher_run(a.m, &a.p->a_stop);
	return NULL;
}

int packets_thread(struct packets *p, pthread_t *thread, void *(*body)(void *), void *arg, const char *name, int pin)
{
	const int rc = thread_start(thread, body, arg, name);

	if (rc != 0) {
		log_error("cannot start thread %s: %s", name, strerror(-rc));
		return rc;
	}
	if (pin >= 0 && p->n_cpu > 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(p->cpu[(unsigned)pin % p->n_cpu], &set);
		const int no = pthread_setaffinity_np(*thread, sizeof set, &set);

		if (no != 0)
			log_warning("thread %s cannot be pinned to CPU %u: %s; it runs anywhere", name,
			    p->cpu[(unsigned)pin % p->n_cpu], strerror(no));
	}
	return 0;
}

static int start_matchers(struct packets *p)
{
	for (unsigned m = 0; m < p->d->matchers; m++) {
		struct matcher_arg *arg = malloc(sizeof *arg);
		char name[24];

		if (arg == NULL)
			return -ENOMEM;
		*arg = (struct matcher_arg){ p, p->matcher[m] };
		snprintf(name, sizeof name, "matcher %u", m);
		const int rc = packets_thread(p, &p->matcher_thread[m], matcher_thread, arg, name,
		    (int)(p->d->queues - p->d->n_streams + m));

		if (rc != 0) {
			free(arg);
			return rc;
		}
	}
	return 0;
}

static int start_queues(struct packets *p)
{
	atomic_store(&p->a_capturing, p->d->queues - p->d->n_streams);
	for (unsigned q = 0; q < p->d->queues; q++) {
		char name[24];

		snprintf(name, sizeof name, "capture %u", q);
		const int rc = packets_thread(p, &p->queue[q].thread, p->queue[q].stream ? queue_stream_thread : queue_thread, &p->queue[q], name,
		    p->queue[q].stream ? -1 : p->queue[q].live ? (int)q : (int)p->d->n_live);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* ---- What they are made of ------------------------------------------------------------------------ */

static int open_store(struct packets *p)
{
	const struct conf *c = &p->d->opt.conf;
	char why[WRITER_WHY];
	/* Four times what hosts.max needs: about 160 bytes a host, freed pages that wait included. */
	const uint64_t map = c->map_bytes != CONF_AUTO ? c->map_bytes : (64 << 20) + c->hosts_max * 640;
	const struct writer_conf conf = {
		.dir = c->store_dir, .mode = (mode_t)c->store_mode, .map_bytes = map, .hosts_max = c->hosts_max,
		.keep_s = (uint32_t)c->hosts_keep_s, .keep_unconfirmed_s = (uint32_t)c->hosts_keep_unconfirmed_s,
		.locked = true, .durable = c->durable, .live = p->d->opt.live || p->d->opt.receiving, .matchers = p->d->matchers,
		.ring_slots = DELTA_SLOTS, .counters = p->d->counters, .a_commits = &p->d->shared->a_commits,
		.news = &p->d->shared->news,
		.pulse = pulse_add(&p->d->shared->pulses, "writer"),
	};
	const int rc = writer_open(&p->writer, &conf, why);

	if (rc != 0) {
		log_error("%s", why);
		return rc;
	}
	return writer_labels(p->writer, p->d->sigdb);
}

/* Nothing arrives while we run: what is learned may be held until the end. */
static bool only_whole_files(const struct daemon *d)
{
	for (size_t i = 0; i < d->n_files; i++)
		if (!capture_is_whole(d->capture[d->n_live + i]))
			return false;
	return d->n_live == 0 && d->n_streams == 0;
}

static int start_log(struct packets *p)
{
	const int rc = p->d->log != NULL ? logfile_start(p->d->log, p->d->matchers) : 0;

	if (rc != 0)
		log_error("cannot start the log: %s", fp_strerror(rc));
	return rc;
}

static int make_matchers(struct packets *p)
{
	struct daemon *d = p->d;
	const uint32_t share = d->matchers;

	p->matcher = calloc(d->matchers, sizeof *p->matcher);
	p->matcher_thread = calloc(d->matchers, sizeof *p->matcher_thread);
	if (p->matcher == NULL || p->matcher_thread == NULL)
		return -ENOMEM;
	for (unsigned m = 0; m < d->matchers; m++) {
		char name[24];

		snprintf(name, sizeof name, "matcher %u", m);
		const struct matcher_conf conf = {
			.number = m, .queues = d->queues, .small_queues = d->queues - (unsigned)d->n_live, .ring_slots = d->match_in_capture ? 0 : RING_SLOTS,
			.flows_max = (uint32_t)(d->opt.conf.flows_max / share + 1),
			.hosts_max = (uint32_t)(d->opt.conf.hosts_max / share + 1), .flow_keep_s = (uint32_t)d->opt.conf.flows_keep_s,
			.handshake = (enum probation_mode)d->opt.conf.handshake, .queues_live = (unsigned)d->n_live + d->n_streams,
			.probation_rate = (uint32_t)(d->opt.conf.probation_rate / share + 1),
			.bulk = only_whole_files(d), .key = p->key, .sink = writer_sink(p->writer), .counters = d->counters,
			.pulse = d->match_in_capture ? NULL : pulse_add(&d->shared->pulses, name),
			.log = d->log != NULL ? logfile_ring(d->log, m) : NULL,
			.log_wake = d->log != NULL ? logfile_wake(d->log) : NULL,
			.log_stuck = d->log != NULL ? logfile_stuck(d->log) : NULL,
			.a_sigdb = &p->a_sigdb,
		};
		const int rc = matcher_create(&p->matcher[m], &conf);

		if (rc != 0) {
			log_error("cannot make tables for %llu hosts and %llu flows: %s; lower hosts.max or flows.max",
			    (unsigned long long)d->opt.conf.hosts_max, (unsigned long long)d->opt.conf.flows_max,
			    fp_strerror(rc));
			return rc;
		}
	}
	return 0;
}

static int make_queues(struct packets *p)
{
	struct daemon *d = p->d;

	p->queue = calloc(d->queues, sizeof *p->queue);
	if (p->queue == NULL)
		return -ENOMEM;
	for (unsigned n = 0; n < d->queues; n++) {
		struct queue *q = &p->queue[n];
		const bool live = n < d->n_live;
		char name[40];

		snprintf(name, sizeof name, "capture %s", d->queue_name[n]);
		*q = (struct queue){
			.p = p, .number = n, .live = live, .stream = !live && n < d->n_live + d->n_streams, .a_fd = -1, .wake_fd = -1,
			.capture = &d->capture[live ? n : d->n_live], .n = live ? 1 : d->n_files,
			.row = counters_row(d->counters, COUNTER_QUEUE, n),
			.pulse = pulse_add(&d->shared->pulses, name),
			.batch = calloc(d->matchers, sizeof *q->batch),
		};
		pthread_mutex_init(&q->lock, NULL);
		if (q->batch == NULL)
			return -ENOMEM;
		if (q->stream && (q->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
			return -errno;
	}
	return 0;
}

static int take_settings(struct packets *p)
{
	const struct conf_list *ignore = &p->d->opt.conf.ignore;

	p->pkt.decapsulate = p->d->opt.conf.decapsulate;
	p->n_cpu = (unsigned)conf_cpus(&p->d->opt.conf.cpus, p->cpu, sizeof p->cpu / sizeof *p->cpu);
	p->ignore = calloc(ignore->n + 1, sizeof *p->ignore);
	if (p->ignore == NULL)
		return -ENOMEM;
	for (; p->n_ignore < ignore->n; p->n_ignore++)
		fp_cidr_parse(&p->ignore[p->n_ignore], ignore->item[p->n_ignore]); /* checked when set */
	return hash_key_random(&p->key);
}

/* ---- While it runs -------------------------------------------------------------------------------- */

static void log_rows(struct daemon *d, enum counter_owner owner, const char *what)
{
	for (unsigned n = 0; n < counters_rows(d->counters, owner); n++) {
		char text[2000];

		if (counters_text(d->counters, owner, n, text, sizeof text) < 0)
			continue;
		for (char *c = text; *c != '\0'; c++)
			if (*c == '\n')
				*c = c[1] != '\0' ? ',' : '\0';
		log_info("%s %s: %s", what, owner == COUNTER_QUEUE ? d->queue_name[n] : "", text);
	}
}

static void log_counters(struct daemon *d)
{
	log_rows(d, COUNTER_QUEUE, "queue");
	log_rows(d, COUNTER_MATCHER, "matcher");
	log_rows(d, COUNTER_WRITER, "writer");
}

static bool all_have(struct packets *p, const struct sigdb *db)
{
	for (unsigned m = 0; m < p->d->matchers; m++)
		if (matcher_sigdb_seen(p->matcher[m]) != db)
			return false;
	return true;
}

/* SIGHUP: a file with an error changes nothing. The old sigdb goes when every matcher works with the new. */
static void reload(struct packets *p)
{
	struct daemon *d = p->d;
	struct sigdb *fresh, *old = d->sigdb;
	char line[SIG_ERROR_LINE];
	struct sig_error err;
	int waited_ms = 0;

	if (sigdb_load(&fresh, d->signature_files, d->n_signature_files, &err) != 0 ||
	    opinion_load(fresh, NULL, d->opt.conf.prior, d->opt.conf.signatures.n == 0, &err) != 0) {
		sigdb_free(&fresh);
		log_error("%s; the signatures stay as they were", sig_error_line(&err, line));
		return;
	}
	if (writer_labels(p->writer, fresh) != 0) {
		log_error("the labels of the new signatures do not fit; the old ones stay");
		sigdb_free(&fresh);
		return;
	}
	/* Release: a matcher that sees the pointer sees the tables; pairs with take_sigdb(). */
	atomic_store_explicit(&p->a_sigdb, fresh, memory_order_release);
	d->sigdb = fresh;
	for (; !all_have(p, fresh) && waited_ms < RELOAD_WAIT_MS; waited_ms += 10) {
		for (unsigned m = 0; m < d->matchers && !d->match_in_capture; m++)
			wake_up(matcher_wake(p->matcher[m]));
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	if (all_have(p, fresh))
		sigdb_free(&old); /* else a matcher is stuck: its sigdb is left to it */
	log_info("signatures read: %zu for SYN, %zu for SYN+ACK", sigdb_count(fresh, SIG_REQUEST),
	    sigdb_count(fresh, SIG_RESPONSE));
}

/* A line on the terminal while files are read, each half second from the first second on. */
struct shown {
	struct queue *q;        /* that reads files; NULL: nobody looks */
	size_t file;
	int64_t start_ms, last_ms;
	uint64_t packets;       /* at the last look */
	bool any;
};

static void show(struct packets *p, struct shown *s)
{
	struct queue *q = s->q;
	const int64_t now = clock_ms(CLOCK_MONOTONIC);
	const size_t file = atomic_load_explicit(&q->a_file, memory_order_relaxed);
	const uint64_t packets = counters_get(p->d->counters, C_FRAMES, q->number);
	char text[300];

	if (file != s->file) {
		s->file = file;
		s->start_ms = now;
	}
	const struct progress now_at = {
		.name = capture_name(q->capture[file]), .packets = packets,
		.done = atomic_load_explicit(&q->a_bytes, memory_order_relaxed),
		.total = atomic_load_explicit(&q->a_bytes_total, memory_order_relaxed),
		.seconds = (double)(now - s->start_ms) / 1000,
		.rate = now > s->last_ms ? (double)(packets - s->packets) * 1000 / (double)(now - s->last_ms) : 0,
	};

	s->last_ms = now;
	s->packets = packets;
	progress_text(text, sizeof text, &now_at);
	fprintf(stderr, "\r%s\033[K", text); /* to the end of the line: what stood there may have been longer */
	s->any = true;
}

/* Without matcher threads: who ticks the matcher of a capture that has ended. */
static void tick_ended(void *ctx)
{
	struct packets *p = ctx;

	for (unsigned q = 0; q < p->d->queues && p->d->match_in_capture; q++)
		if (atomic_load_explicit(&p->queue[q].a_ended, memory_order_acquire))
			matcher_tick(p->matcher[q], false);
}

/* Until a signal says stop, the last capture has ended, or the writer failed. */
static void wait_for_end(struct packets *p, int signal_fd, int parent_fd)
{
	struct commands commands = {
		.fd = p->d->command_fd[0], .writer = p->writer, .matcher = p->matcher, .matchers = p->d->matchers,
		.tick_ended = tick_ended, .ctx = p,
	};
	struct pollfd fds[5] = {
		{ .fd = signal_fd, .events = POLLIN }, { .fd = p->event_fd, .events = POLLIN },
		{ .fd = parent_fd, .events = POLLIN }, { .fd = commands.fd, .events = POLLIN },
		{ .fd = p->d->intake.from_services, .events = POLLIN },
	};
	bool busy = false;
	const bool files = p->d->n_files > 0 && p->d->n_live == 0 && isatty(STDERR_FILENO);
	struct shown shown = { .q = files ? &p->queue[p->d->queues - 1] : NULL, .start_ms = clock_ms(CLOCK_MONOTONIC), .last_ms = clock_ms(CLOCK_MONOTONIC) };

	for (;;) {
		pulse_beat(p->d->packets_pulse);
		const int ready = poll(fds, 5, busy ? COMMAND_STEP_MS : shown.q == NULL ? DAEMON_BEAT_MS : shown.any ? PROGRESS_MS : 2 * PROGRESS_MS);

		if (ready < 0 && errno != EINTR)
			return;
		if (shown.any && (ready != 0 || atomic_load(&p->a_capturing) == 0)) {
			fputs("\r\033[K", stderr); /* what is said next stands alone */
			shown.any = false;
		}
		if (atomic_load(&p->a_capturing) == 0)
			shown.q = NULL;
		if (ready == 0 && shown.q != NULL)
			show(p, &shown);
		if (fds[3].revents != 0 && !commands_read(&commands))
			fds[3].fd = -1;
		busy = commands_step(&commands);
		if (fds[2].revents != 0) /* nothing is ever sent to us: the supervisor is gone */
			return;
		for (int sig; (sig = daemon_next_signal(signal_fd)) != 0;) {
			if (sig == SIGTERM || sig == SIGINT)
				return;
			if (sig == SIGHUP && p->d->log != NULL)
				logfile_reopen(p->d->log);
			if (sig == SIGHUP)
				reload(p);
			if (sig == SIGUSR1)
				log_counters(p->d);
		}
		if (fds[4].revents != 0 && !queue_take_stream(p) && (fds[4].revents & POLLHUP) != 0)
			fds[4].fd = -1;
		if (fds[1].revents != 0) {
			uint64_t n;

			(void)!read(p->event_fd, &n, sizeof n);
			if (atomic_load_explicit(&p->a_writer_dead, memory_order_acquire))
				return;
			if (atomic_load_explicit(&p->a_capturing, memory_order_acquire) == 0 && !p->d->opt.stay && !p->d->opt.receiving)
				return;
		}
	}
}

static void stop_log(struct logfile *log)
{
	const uint64_t left = logfile_stop(log);

	if (left > 0)
		log_error("%llu bytes of the log could not be written", (unsigned long long)left);
}

/* Upstream first: what each stage has taken, the next one gets. */
static int stop_threads(struct packets *p)
{
	struct daemon *d = p->d;
	int status = EXIT_DONE;

	atomic_store_explicit(&p->a_stopping, true, memory_order_release);
	for (size_t i = 0; i < d->n_live + d->n_files; i++)
		capture_stop(d->capture[i]);
	for (unsigned q = (unsigned)d->n_live; q < d->n_live + d->n_streams; q++)
		queue_stop_stream(&p->queue[q]);
	for (unsigned q = 0; q < d->queues; q++) {
		pthread_join(p->queue[q].thread, NULL);
		if (p->queue[q].result != 0)
			status = EXIT_FAILED;
	}
	atomic_store_explicit(&p->a_stop, true, memory_order_release);
	for (unsigned m = 0; m < d->matchers && !d->match_in_capture; m++) {
		wake_up(matcher_wake(p->matcher[m]));
		pthread_join(p->matcher_thread[m], NULL);
	}
	if (d->log != NULL)
		stop_log(d->log);
	writer_stop(p->writer);
	pthread_join(p->writer_thread, NULL);
	return p->writer_result != 0 ? EXIT_FAILED : status;
}

static void report(struct daemon *d)
{
	struct counters *c = d->counters;
#define N(counter) (unsigned long long)counters_get(c, counter, COUNTERS_SUM)
	log_info("%llu packets seen, %llu lost in the kernel, %llu lost in rings, %llu SYNs judged, %llu recognised; "
	    "%llu hosts in the store", N(C_KERNEL_SEEN), N(C_KERNEL_DROPPED), N(C_RING_DROPPED), N(C_SYN),
	    N(C_RECOGNISED), N(C_HOSTS));
#undef N
}

static void destroy(struct packets *p)
{
	for (unsigned m = 0; p->matcher != NULL && m < p->d->matchers; m++)
		matcher_destroy(&p->matcher[m]);
	for (unsigned q = 0; p->queue != NULL && q < p->d->queues; q++) {
		free(p->queue[q].batch);
		if (p->queue[q].wake_fd >= 0)
			close(p->queue[q].wake_fd);
	}
	writer_close(&p->writer);
	logfile_close(&p->d->log);
	free(p->queue);
	free(p->matcher);
	free(p->matcher_thread);
	free(p->ignore);
	if (p->event_fd >= 0)
		close(p->event_fd);
}

/* Threads inherit the mask: only the main thread's signalfd takes signals. */
static int start(struct packets *p)
{
	int rc;

	if ((rc = take_settings(p)) != 0 || (rc = open_store(p)) != 0 || (rc = start_log(p)) != 0 ||
	    (rc = make_matchers(p)) != 0 ||
	    (rc = make_queues(p)) != 0)
		return rc;
	atomic_init(&p->a_sigdb, p->d->sigdb);
	if ((rc = packets_thread(p, &p->writer_thread, writer_thread, p, "writer", -1)) != 0)
		return rc;
	if (!p->d->match_in_capture && (rc = start_matchers(p)) != 0)
		return rc;
	return start_queues(p);
}

/* Files that a reload reads again: signatures, the model, how common systems are. */
static int confine(const struct daemon *d)
{
	const char **files = calloc(d->n_signature_files + 2, sizeof *files);
	char model[PATH_MAX], why[PRIVILEGE_WHY];
	size_t n = 0;

	if (files == NULL)
		return -ENOMEM;
	for (; n < d->n_signature_files; n++)
		files[n] = d->signature_files[n];
	if (paths_share("model.tsv", model, sizeof model) == 0)
		files[n++] = model;
	if (strcmp(d->opt.conf.prior, "mail") != 0 && strcmp(d->opt.conf.prior, "flat") != 0)
		files[n++] = d->opt.conf.prior;
	const int rc = privilege_confine(PRIVILEGE_PACKETS, d->opt.conf.store_dir, files, n,
	    d->log != NULL ? d->opt.conf.log_p0f : NULL, why);

	free(files);
	if (rc < 0)
		log_error("%s", why);
	return rc < 0 ? rc : 0;
}

int packets_main(struct daemon *d, int parent_fd, pid_t supervisor)
{
	struct packets p = { .d = d, .event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	const int signal_fd = daemon_signals();
	char why[PRIVILEGE_WHY];
	int status;

	if (signal_fd < 0 || p.event_fd < 0) {
		log_error("cannot make an event descriptor: %s", strerror(errno));
		return EXIT_FAILED;
	}
	/* No other root: signature files are read again, and the writer names its files by path. Landlock holds both. */
	if (privilege_drop(&d->account, NULL, why) < 0) {
		log_error("%s", why);
		return EXIT_FAILED;
	}
	if (privilege_die_with(supervisor) != 0)
		return EXIT_FAILED;
	if (d->opt.conf.confine && confine(d) != 0)
		return EXIT_FAILED;
	if (start(&p) != 0) {
		/* Threads that did start end with the process; nothing was taken yet. */
		return EXIT_REFUSED;
	}
	(void)!write(parent_fd, "R", 1);
	hook_try("packets");
	wait_for_end(&p, signal_fd, parent_fd);
	status = stop_threads(&p);
	report(d);
	destroy(&p);
	return status;
}
