/* opening - what the supervisor opens before it forks: everything that needs a right, or can be refused. */
#include "cmd/daemon.h"

#include "cmd/listen.h"
#include "cmd/storedir.h"
#include "core/err.h"
#include "core/log.h"
#include "core/opinion.h"
#include "core/paths.h"
#include "core/probation.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_one_live(struct daemon *d, const char *interface, unsigned number)
{
	const struct conf *c = &d->opt.conf;
	char err[CAPTURE_ERR];
	const struct capture_live conf = {
		.interface = interface, .filter = c->filter, .promiscuous = c->promiscuous,
		.decapsulate = c->decapsulate, .no_acks = c->handshake == PROBATION_IGNORE,
		.timeout_ms = (unsigned)c->timeout_ms, .buffer_bytes = (unsigned)c->buffer_bytes,
		/* A group is this process's own: the number must differ from those of other daemons. */
		.fanout_group = c->queues > 1 ? ((unsigned)getpid() * 16 + number) % 65535 + 1 : 0,
		.fanout_mode = (int)c->fanout,
	};

	for (unsigned q = 0; q < c->queues; q++) {
		const int rc = capture_open_live(&d->capture[d->n_live], &conf, err);

		if (rc != 0) {
			log_error("%s", err);
			return rc;
		}
		snprintf(d->queue_name[d->n_live], sizeof d->queue_name[0], "%.20s/%u", interface, q);
		d->n_live++;
	}
	return 0;
}

static int open_live(struct daemon *d)
{
	const struct conf_list *names = &d->opt.conf.interface;
	char route[64];

	if (names->n == 0) {
		const int rc = capture_default_interface(route, sizeof route);

		if (rc != 0) {
			log_error("no interface was named and there is no default route; name one with -i, "
			    "or a file with -r");
			return FP_ECONFIG;
		}
		return open_one_live(d, route, 0);
	}
	for (size_t i = 0; i < names->n; i++) {
		const int rc = open_one_live(d, names->item[i], (unsigned)i);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int open_captures(struct daemon *d)
{
	const struct options *o = &d->opt;
	const size_t interfaces = o->live ? (o->conf.interface.n > 0 ? o->conf.interface.n : 1) : 0;
	char err[CAPTURE_ERR];

	if (interfaces * o->conf.queues + 1 + INTAKE_STREAMS > DAEMON_QUEUES_MAX) {
		log_error("%zu interfaces with %llu queues each are too many: at most %d in all", interfaces,
		    (unsigned long long)o->conf.queues, DAEMON_QUEUES_MAX - 1 - INTAKE_STREAMS);
		return FP_ECONFIG;
	}
	d->capture = calloc(interfaces * o->conf.queues + o->files.n + 1, sizeof *d->capture);
	if (d->capture == NULL)
		return -ENOMEM;
	if (o->live) {
		const int rc = open_live(d);

		if (rc != 0)
			return rc;
	}
	for (; d->n_files < o->files.n; d->n_files++) {
		const int rc = capture_open_file(&d->capture[d->n_live + d->n_files], o->files.item[d->n_files],
		    o->conf.filter, err);

		if (rc != 0) {
			log_error("%s", err);
			return rc;
		}
		if (o->conf.decapsulate)
			capture_file_decapsulate(d->capture[d->n_live + d->n_files]);
	}
	d->queues = (unsigned)d->n_live;
	for (; o->receiving && d->n_streams < INTAKE_STREAMS; d->n_streams++)
		snprintf(d->queue_name[d->queues++], sizeof d->queue_name[0], "stream/%u", d->n_streams);
	if (d->n_files > 0)
		snprintf(d->queue_name[d->queues++], sizeof d->queue_name[0], "files");
	return 0;
}

#define READERS_MAX 8 /* by default: one keeps several matchers busy */

/* At least one matcher by default; none where there is one CPU only. A reader that waits costs nothing: as many as there are CPUs. */
static void choose_threads(struct daemon *d)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const long captures = d->queues > d->n_streams ? (long)(d->queues - d->n_streams) : 1;
	uint64_t n = d->opt.conf.matchers;

	if (n == CONF_AUTO)
		n = cpus <= 1 ? 0 : cpus > captures ? (uint64_t)(cpus - captures) : 1;
	if (n == 0 && d->n_streams > 0)
		n = 1; /* streams come and go: not each has tables of its own */
	d->readers = (unsigned)(d->opt.conf.readers != CONF_AUTO ? d->opt.conf.readers : cpus < 1 ? 1 : cpus < READERS_MAX ? (uint64_t)cpus : READERS_MAX);
	d->match_in_capture = n == 0;
	d->matchers = d->match_in_capture ? d->queues : (unsigned)(n < 64 ? n : 64);
}

static int open_shared(struct daemon *d)
{
	const int rc = counters_create(&d->counters, d->queues, d->matchers);

	if (rc != 0)
		return rc;
	d->shared = mmap(NULL, sizeof *d->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d->shared == MAP_FAILED)
		return -errno;
	keep_init(&d->keep, &d->shared->keep);
	news_init(&d->shared->news);
	d->packets_pulse = pulse_add(&d->shared->pulses, "packets");
	return 0;
}

static int open_http(struct daemon *d)
{
	const char *http = d->opt.conf.http_listen;
	char why[SOCKETS_WHY];

	d->http_fd = -1;
	if (strcmp(http, "off") == 0 || *http == '\0')
		return 0;
	if (!options_serve(&d->opt, d->opt.http_named))
		return 0;
	int rc = listen_open(&d->http_fd, http, why);
	const char *path = rc == 0 ? listen_path(http) : NULL;

	if (path != NULL)
		rc = sockets_give_away(path, &d->opt, &d->account, why);
	if (rc != 0)
		log_error("http.listen: %s", why);
	return rc;
}

/* For commands of the store's owner; a daemon that runs by itself is none the worse without. */
static int open_control(struct daemon *d)
{
	char where[PATH_MAX + 16], why[LISTEN_WHY];
	const mode_t before = umask(0177);

	snprintf(where, sizeof where, "unix:%s/control", d->opt.conf.store_dir);
	if (listen_open(&d->control_fd, where, why) != 0) {
		log_warning("store %s: no control socket, so no forget and compact: %s", d->opt.conf.store_dir, why);
		d->control_fd = -1;
	}
	umask(before);
	if (d->control_fd < 0)
		return 0;
	if (d->account.drop && lchown(where + 5, d->account.uid, d->account.gid) != 0)
		log_warning("%s cannot be given to %s: %s", where + 5, d->account.user, strerror(errno));
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, d->command_fd) == 0 ? 0 : -errno;
}

static int open_services(struct daemon *d)
{
	char why[SOCKETS_WHY];
	int rc = open_http(d);

	if (rc == 0 && options_serve(&d->opt, false))
		rc = open_control(d);
	if (rc != 0)
		return rc;
	if ((rc = sockets_open(&d->sockets, &d->opt, &d->account, why)) != 0)
		log_error("%s", why);
	if (rc == 0 && (rc = intake_open(&d->intake, &d->opt, &d->account, why)) != 0)
		log_error("%s", why);
	d->want_services = rc == 0 && (d->http_fd >= 0 || d->sockets.n > 0 || d->control_fd >= 0 || d->intake.n > 0);
	if (d->sockets.n > 0)
		keep_take_over(&d->keep);
	if (d->want_services)
		d->services_pulse = pulse_add(&d->shared->pulses, "services");
	if (rc == 0 && d->http_fd >= 0)
		d->http_pulse = pulse_add(&d->shared->pulses, "http");
	if (rc == 0 && d->sockets.n > 0)
		d->sockets_pulse = pulse_add(&d->shared->pulses, "sockets");
	return rc;
}

static int load_signatures(struct daemon *d)
{
	char line[SIG_ERROR_LINE];
	struct sig_error err;

	if (d->opt.conf.signatures.n > 0) {
		d->signature_files = (const char *const *)d->opt.conf.signatures.item;
		d->n_signature_files = d->opt.conf.signatures.n;
	} else {
		/* One that is not there is said by the loader, by its name. */
		paths_signatures(d->default_file, sizeof d->default_file);
		d->default_files[0] = d->default_file;
		d->signature_files = d->default_files;
		d->n_signature_files = 1;
	}
	int rc = sigdb_load(&d->sigdb, d->signature_files, d->n_signature_files, &err);

	if (rc == 0)
		rc = opinion_load(d->sigdb, NULL, d->opt.conf.prior, d->opt.conf.signatures.n == 0, &err);
	if (rc != 0)
		log_error("%s", sig_error_line(&err, line));
	return rc;
}

static int open_account(struct daemon *d)
{
	const struct conf *c = &d->opt.conf;
	char why[PRIVILEGE_WHY];
	const int rc = privilege_account(&d->account, c->user, c->group, why);

	if (rc != 0)
		log_error("%s; make it, or name another with -u", why);
	else if (geteuid() == 0 && !d->account.drop)
		log_warning("running as root: there is no user " PRIVILEGE_DEFAULT_USER
		    "; useradd --system " PRIVILEGE_DEFAULT_USER " mends that");
	return rc;
}

int daemon_open(struct daemon *d)
{
	char why[STOREDIR_WHY] = "", log_why[LOGFILE_WHY];
	int rc;

	if ((rc = load_signatures(d)) != 0 || (rc = open_account(d)) != 0 || (rc = open_captures(d)) != 0)
		return rc;
	choose_threads(d);
	if ((rc = open_shared(d)) != 0) {
		log_error("cannot make shared memory: %s", fp_strerror(rc));
		return rc;
	}
	rc = storedir_take(&d->lock_fd, d->opt.conf.store_dir, (mode_t)d->opt.conf.store_mode, &d->account, why);
	if (rc != 0) {
		log_error("%s", why);
		return rc;
	}
	if (*d->opt.conf.log_p0f != '\0' && (rc = logfile_open(&d->log, d->opt.conf.log_p0f, &d->account, log_why)) != 0) {
		log_error("%s", log_why);
		return rc;
	}
	return open_services(d);
}
