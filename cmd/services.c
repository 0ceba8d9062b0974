/*
 * services - the process that answers: HTTP, and the sockets of mail software. It has no raw socket, and reads the store like any other reader.
 */
#include "cmd/daemon.h"

#include "api/control.h"
#include "api/http.h"
#include "cmd/hook.h"
#include "core/err.h"
#include "core/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int give_up(struct daemon *d, pid_t supervisor)
{
	const char *const dir = d->opt.conf.store_dir;
	char why[PRIVILEGE_WHY];
	/* Nothing that is needed later has a path but the store: it becomes the root, where we may. */
	const bool chroots = d->reader_dir == NULL && geteuid() == 0;
	int rc = privilege_drop(&d->account, chroots ? dir : NULL, why);

	if (rc != 0)
		log_msg(rc > 0 ? LOG_WARNING : LOG_ERROR, "%s", why);
	if (chroots && rc == 0)
		d->reader_dir = "/";
	if (rc < 0 || (rc = privilege_die_with(supervisor)) != 0)
		return rc;
	if (d->reader_dir == NULL)
		d->reader_dir = dir;
	if (d->opt.conf.confine && (rc = privilege_confine(PRIVILEGE_SERVICES, d->reader_dir, NULL, 0, NULL, why)) < 0)
		log_error("%s", why);
	return rc < 0 ? rc : 0;
}

static int start_http(struct daemon *d, struct fp_store *store, struct http **http)
{
	char why[HTTP_WHY];
	const char *names[DAEMON_QUEUES_MAX];

	if (d->http_fd < 0)
		return 0;
	for (unsigned q = 0; q < d->queues; q++)
		names[q] = d->queue_name[q];
	const struct http_conf conf = {
		.news = &d->shared->news,
		.listen_fd = d->http_fd, .store = store, .counters = d->counters,
		.pulses = &d->shared->pulses, .pulse = d->http_pulse, .queue_names = names, .started_s = d->started_s,
		.token = *d->opt.conf.http_token != '\0' ? d->opt.conf.http_token : NULL,
		.hosts = (const char *const *)d->opt.conf.http_hosts.item,
		.origins = (const char *const *)d->opt.conf.http_origins.item,
	};
	const int rc = http_start(http, &conf, why);

	if (rc != 0)
		log_error("HTTP: %s", why);
	return rc;
}

static int start_control(struct daemon *d, struct control **control)
{
	const int rc = d->control_fd >= 0 ? control_start(control, d->control_fd, d->command_fd[1], d->opt.conf.log_addresses) : 0;

	if (rc != 0)
		log_error("commands cannot be served: %s", fp_strerror(rc));
	return rc;
}

static int start(struct daemon *d, struct fp_store **store, struct http **http, struct sockets_service **sockets,
    struct intake_door **door)
{
	int rc = fp_open(store, d->reader_dir);

	if (rc != 0) {
		log_error("store %s: %s", d->opt.conf.store_dir, fp_strerror(rc));
		return rc;
	}
	if ((rc = start_http(d, *store, http)) != 0)
		return rc;
	rc = sockets_start(sockets, &d->sockets, &d->opt, d->reader_dir, d->counters, &d->shared->a_commits, &d->keep,
	    &d->shared->news.query, d->sockets_pulse);
	if (rc != 0)
		log_error("the sockets cannot be served: %s", fp_strerror(rc));
	else if ((rc = intake_start(door, &d->intake, &d->opt.conf)) != 0)
		log_error("streams cannot be received: %s", fp_strerror(rc));
	return rc;
}

static void wait_for_end(struct daemon *d, int signal_fd, int parent_fd)
{
	struct pollfd fds[2] = { { .fd = signal_fd, .events = POLLIN }, { .fd = parent_fd, .events = POLLIN } };

	for (;;) {
		pulse_beat(d->services_pulse);
		if (poll(fds, 2, DAEMON_BEAT_MS) < 0 && errno != EINTR)
			return;
		if (fds[1].revents != 0)
			return;
		for (int sig; (sig = daemon_next_signal(signal_fd)) != 0;)
			if (sig == SIGTERM || sig == SIGINT)
				return;
	}
}

int services_main(struct daemon *d, int parent_fd, pid_t supervisor)
{
	const int signal_fd = daemon_signals();
	struct fp_store *store = NULL;
	struct http *http = NULL;
	struct sockets_service *sockets = NULL;
	struct intake_door *door = NULL;
	struct control *control = NULL;
	int status = EXIT_FAILED;

	if (signal_fd < 0)
		log_error("cannot make an event descriptor: %s", fp_strerror(signal_fd));
	else if (give_up(d, supervisor) == 0 && start(d, &store, &http, &sockets, &door) == 0 &&
	    start_control(d, &control) == 0) {
		(void)!write(parent_fd, "R", 1);
		hook_try("services");
		wait_for_end(d, signal_fd, parent_fd);
		status = EXIT_DONE;
	}
	intake_stop(&door);
	control_stop(&control);
	sockets_stop(&sockets);
	http_stop(&http);
	fp_close(&store);
	return status;
}
