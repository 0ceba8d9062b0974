/*
 * fingerpostd - the supervisor: reads settings, opens what needs rights, forks the two processes that do the work,
 * and then only waits. See daemon.h for who does what.
 */
#include "cmd/daemon.h"

#include "cmd/check.h"
#include "cmd/hook.h"
#include "cmd/notify.h"
#include "core/err.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVICES_AGAIN_S 1 /* a services process that dies is started again, but not in a tight loop */

/* A child and the end of the socketpair that we hold. */
struct child {
	pid_t pid; /* 0: none */
	int fd;
	bool ready;
};

struct supervisor {
	struct daemon d;
	struct child packets, services;
	bool announced;
	bool stopping;
	int status;
	const struct pulse *late; /* the thread that was last said to stand still */
	int detached_fd; /* -1: not detached; else one byte lets the first process go */
};

/* ---- Signals -------------------------------------------------------------------------------------- */

int daemon_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	return fd >= 0 ? fd : -errno;
}

int daemon_next_signal(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	log_error("%s", text);
}

/* ---- Children ------------------------------------------------------------------------------------- */

/* What packets has no use for: all that services alone may answer on. */
static void close_services(struct daemon *d)
{
	if (d->http_fd >= 0)
		close(d->http_fd);
	if (d->control_fd >= 0) {
		close(d->control_fd);
		close(d->command_fd[1]);
	}
	sockets_close(&d->sockets);
	intake_close_sockets(&d->intake);
	keep_close(&d->keep);
}

/* What services has no use for: captures, the log, the store's lock, ends of sockets that are packets' and the supervisor's. */
static void close_packets(struct daemon *d)
{
	for (size_t i = 0; i < d->n_live + d->n_files; i++)
		capture_close(&d->capture[i]);
	logfile_close(&d->log);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	if (d->keep.channel[0] >= 0)
		close(d->keep.channel[0]);
	if (d->command_fd[0] >= 0)
		close(d->command_fd[0]);
	intake_close_packets(&d->intake);
}

static int start_child(struct supervisor *s, struct child *c, int (*body)(struct daemon *, int, pid_t), const char *name)
{
	const pid_t self = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	c->pid = fork();
	if (c->pid < 0) {
		const int rc = -errno;

		c->pid = 0;
		close(pair[0]);
		close(pair[1]);
		return rc;
	}
	if (c->pid == 0) {
		close(pair[0]);
		if (s->packets.fd >= 0)
			close(s->packets.fd);
		if (s->services.fd >= 0)
			close(s->services.fd);
		if (body == packets_main)
			close_services(&s->d);
		else
			close_packets(&s->d);
		log_init(name, LOG_INFO);
		_exit(body(&s->d, pair[1], self));
	}
	close(pair[1]);
	c->fd = pair[0];
	c->ready = false;
	return 0;
}

static int start_packets(struct supervisor *s)
{
	return start_child(s, &s->packets, packets_main, "fingerpostd[packets]");
}

static int start_services(struct supervisor *s)
{
	int rc = keep_before_fork(&s->d.keep);

	if (rc == 0)
		rc = start_child(s, &s->services, services_main, "fingerpostd[services]");
	keep_after_fork(&s->d.keep);
	return rc;
}

static void announce(struct supervisor *s)
{
	struct daemon *d = &s->d;
	char what[512] = "", served[256] = "", sockets[512], receiving[256];

	for (unsigned q = 0; q < d->n_live; q++)
		snprintf(what + strlen(what), sizeof what - strlen(what), "%s%s", q > 0 ? ", " : "capturing on ",
		    d->queue_name[q]);
	for (size_t f = 0; f < d->n_files; f++)
		snprintf(what + strlen(what), sizeof what - strlen(what), "%s%s",
		    f > 0 ? ", " : *what != '\0' ? ", reading " : "reading ", d->opt.files.item[f]);
	intake_describe(&d->opt, &d->intake, receiving, sizeof receiving);
	snprintf(what + strlen(what), sizeof what - strlen(what), "%s%s", *what != '\0' && *receiving != '\0' ? ", " : "", receiving);
	if (d->http_fd >= 0)
		snprintf(served, sizeof served, "HTTP on %s", d->opt.conf.http_listen);
	sockets_describe(&d->opt, &d->sockets, sockets, sizeof sockets);
	s->announced = true;
	log_info("ready: %s%s%s%s; store %s; %s%s%s; %zu signatures for SYN", what,
	    *d->opt.conf.filter != '\0' ? " (" : "", d->opt.conf.filter, *d->opt.conf.filter != '\0' ? ")" : "",
	    d->opt.conf.store_dir, *served == '\0' && *sockets == '\0' ? "no service" : served, *served != '\0' && *sockets != '\0' ? ", " : "", sockets,
	    sigdb_count(d->sigdb, SIG_REQUEST));
	notify_ready(what);
	if (s->detached_fd >= 0) {
		(void)!write(s->detached_fd, "R", 1);
		close(s->detached_fd);
		s->detached_fd = -1;
	}
}

static void hear(struct supervisor *s, struct child *c)
{
	char byte;

	if (c->fd >= 0 && read(c->fd, &byte, 1) == 1)
		c->ready = true;
	else if (c->fd >= 0) {
		close(c->fd); /* it is ending: SIGCHLD follows */
		c->fd = -1;
	}
	if (!s->announced && s->packets.ready && (s->services.ready || !s->d.want_services))
		announce(s);
}

static void pass_on(const struct child *c, int sig)
{
	if (c->pid > 0)
		kill(c->pid, sig);
}

static void begin_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	notify_stopping();
	/* Services answer until the store is at rest. */
	pass_on(s->packets.pid > 0 ? &s->packets : &s->services, SIGTERM);
}

static void forget(struct child *c)
{
	c->pid = 0;
	c->ready = false;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static const char *describe(int wait_status, char buf[64])
{
	if (WIFSIGNALED(wait_status))
		snprintf(buf, 64, "was killed by signal %d", WTERMSIG(wait_status));
	else
		snprintf(buf, 64, "ended with status %d", WEXITSTATUS(wait_status));
	return buf;
}

static void reap(struct supervisor *s)
{
	char how[64];
	int st;

	for (pid_t pid; (pid = waitpid(-1, &st, WNOHANG)) > 0;) {
		if (pid == s->packets.pid) {
			forget(&s->packets);
			s->status = WIFEXITED(st) ? WEXITSTATUS(st) : EXIT_FAILED;
			if (WIFSIGNALED(st))
				log_error("the packets process %s", describe(st, how));
			s->stopping = true;
			pass_on(&s->services, SIGTERM);
		} else if (pid == s->services.pid) {
			forget(&s->services);
			keep_hear(&s->d.keep);
			if (s->stopping)
				continue;
			if (!s->announced) {
				/* It never ran: what is wrong will not mend itself. */
				if (WIFSIGNALED(st))
					log_error("the services process %s", describe(st, how));
				s->status = EXIT_FAILED;
				begin_stop(s);
				continue;
			}
			log_error("the services process %s; it is started again", describe(st, how));
		}
	}
}

static void on_signal(struct supervisor *s, int sig)
{
	if (sig == SIGTERM || sig == SIGINT)
		begin_stop(s);
	else if (sig == SIGCHLD)
		reap(s);
	else
		pass_on(&s->packets, sig); /* SIGHUP, SIGUSR1 */
}

/* The manager hears of us while every thread of every process moves; else it hears which one does not, and acts. */
static void sign_of_life(struct supervisor *s)
{
	const struct pulse *late;
	char text[96];

	if (!s->announced || s->stopping || notify_watchdog_ms() == 0)
		return;
	late = pulse_late(&s->d.shared->pulses);
	if (late == NULL) {
		s->late = NULL;
		notify_alive();
	} else if (late != s->late) {
		s->late = late;
		snprintf(text, sizeof text, "thread %s stands still", late->name);
		log_error("%s; the service manager is told no more", text);
		notify_status(text);
	}
}

/* Both children run: nothing is left to open. Whoever is started again comes out of here, so what it needs stays. */
static int give_up(struct supervisor *s)
{
	struct daemon *d = &s->d;
	const bool chroots = geteuid() == 0;
	char why[PRIVILEGE_WHY];
	int rc = privilege_drop(&d->account, chroots ? d->opt.conf.store_dir : NULL, why);

	if (rc < 0)
		goto failed;
	if (chroots && rc == 0)
		d->reader_dir = "/";
	d->account.drop = false;
	if (!d->opt.conf.confine)
		return 0;
	rc = privilege_confine(PRIVILEGE_SUPERVISOR, d->reader_dir != NULL ? d->reader_dir : d->opt.conf.store_dir, NULL, 0, NULL, why);
	if (rc < 0)
		goto failed;
	if (rc > 0)
		log_info("this kernel has no Landlock: files are protected by their modes alone");
	return 0;
failed:
	log_error("%s", why);
	return rc;
}

static int supervise(struct supervisor *s, int signal_fd)
{
	time_t started = time(NULL);

	while (s->packets.pid > 0 || s->services.pid > 0) {
		struct pollfd fds[4] = {
			{ .fd = signal_fd, .events = POLLIN }, { .fd = s->packets.fd, .events = POLLIN },
			{ .fd = s->services.fd, .events = POLLIN }, { .fd = s->d.keep.channel[0], .events = POLLIN },
		};

		if (poll(fds, 4, SERVICES_AGAIN_S * 1000) < 0 && errno != EINTR)
			break;
		sign_of_life(s);
		if (fds[1].revents != 0)
			hear(s, &s->packets);
		if (fds[2].revents != 0)
			hear(s, &s->services);
		if (fds[3].revents != 0)
			keep_hear(&s->d.keep);
		for (int sig; (sig = daemon_next_signal(signal_fd)) != 0;)
			on_signal(s, sig);
		if (s->d.want_services && s->services.pid == 0 && !s->stopping &&
		    time(NULL) - started >= SERVICES_AGAIN_S) {
			started = time(NULL);
			if (start_services(s) != 0)
				log_error("the services process cannot be started: %s", strerror(errno));
		}
	}
	keep_hand_over(&s->d.keep);
	return s->status;
}

/* ---- Main ----------------------------------------------------------------------------------------- */

/* -d: the first process waits until the daemon is ready, and tells by its status. */
static void detach(struct supervisor *s)
{
	int pair[2];
	char byte;

	if (pipe2(pair, O_CLOEXEC) != 0)
		return;
	const pid_t pid = fork();

	if (pid > 0) {
		int st = 0;

		close(pair[1]);
		if (read(pair[0], &byte, 1) == 1)
			_exit(EXIT_DONE);
		waitpid(pid, &st, 0);
		_exit(WIFEXITED(st) ? WEXITSTATUS(st) : EXIT_FAILED);
	}
	close(pair[0]);
	s->detached_fd = pair[1];
	setsid();
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		close(null);
	}
}

static int run(struct supervisor *s, struct conf_report *report)
{
	int signal_fd;

	if (check_settings(&s->d.opt, report) != 0)
		return EXIT_REFUSED;
	if (s->d.opt.detach)
		detach(s);
	if (daemon_open(&s->d) != 0)
		return EXIT_REFUSED;
	signal_fd = daemon_signals();
	if (signal_fd < 0)
		return EXIT_FAILED;
	if (start_packets(s) != 0 || (s->d.want_services && start_services(s) != 0)) {
		log_error("cannot fork: %s", strerror(errno));
		pass_on(&s->packets, SIGTERM);
		return EXIT_FAILED;
	}
	/* The children have them; what nobody reads is closed, so that it ends with them. */
	for (size_t i = 0; i < s->d.n_live + s->d.n_files; i++)
		capture_close(&s->d.capture[i]);
	if (give_up(s) != 0) {
		s->status = EXIT_FAILED;
		begin_stop(s);
	} else {
		hook_try("supervisor");
	}
	return supervise(s, signal_fd);
}

int main(int argc, char **argv)
{
	static struct supervisor s = { .packets.fd = -1, .services.fd = -1, .detached_fd = -1,
		.d = { .lock_fd = -1, .http_fd = -1, .control_fd = -1, .command_fd = { -1, -1 },
		    .intake = { .to_packets = -1, .from_services = -1 } } };
	struct conf_report report = { .say = say };
	char err[CAPTURE_ERR];
	int status;

	log_init("fingerpostd", LOG_INFO);
	notify_open();
	s.d.started_s = time(NULL);
	switch (options_parse(&s.d.opt, argc, argv, &report)) {
	case OPTIONS_DONE:
		options_free(&s.d.opt);
		return EXIT_DONE;
	case OPTIONS_WRONG:
		/* What else is wrong is said as well. */
		(s.d.opt.test ? check_all : check_settings)(&s.d.opt, &report);
		notify_status(log_first_error());
		options_free(&s.d.opt);
		return EXIT_REFUSED;
	case OPTIONS_RUN:
		break;
	}
	if (s.d.opt.test) {
		status = check_all(&s.d.opt, &report) == 0 ? EXIT_DONE : EXIT_REFUSED;
		if (status == EXIT_DONE)
			puts("settings and signatures are sound");
	} else if (s.d.opt.list) {
		status = capture_list(err) == 0 ? EXIT_DONE : EXIT_FAILED;
		if (status != EXIT_DONE)
			log_error("%s", err);
	} else {
		status = run(&s, &report);
	}
	for (size_t i = 0; s.d.capture != NULL && i < s.d.n_live + s.d.n_files; i++)
		capture_close(&s.d.capture[i]);
	/* A manager shows what it was told last. */
	if (status == EXIT_REFUSED)
		notify_status(log_first_error());
	free(s.d.capture);
	sigdb_free(&s.d.sigdb);
	counters_destroy(&s.d.counters);
	options_free(&s.d.opt);
	return status;
}
