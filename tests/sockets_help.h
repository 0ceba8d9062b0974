/* sockets_help - a loop over sockets of its own and a store of a few hosts, for tests of what mail software asks. */
#ifndef FP_SOCKETS_HELP_H
#define FP_SOCKETS_HELP_H

#include "tests/test.h"

#include "api/loop.h"
#include "core/merge.h"
#include "core/quirk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * Hosts by the last byte of their address: 7 Windows XP, 8 seen and not recognised, 9 seen without a verdict, 10 too old, 11 as 7
 * once a_commits is not 0. Nobody else was seen.
 */
static _Atomic uint64_t a_commits;
static _Atomic unsigned a_lookups;

int fp_open(struct fp_store **out, const char *dir)
{
	(void)dir;
	*out = NULL;
	return 0;
}

void fp_close(struct fp_store **store)
{
	(void)store;
}

int fp_lookup(struct fp_store *store, const struct fp_addr *addr, struct fp_answer *out)
{
	const uint8_t n = addr->b[15];

	(void)store;
	atomic_fetch_add(&a_lookups, 1);
	if (n < 7 || n > 11 || (n == 11 && atomic_load(&a_commits) == 0))
		return FP_ENOTFOUND;
	*out = (struct fp_answer){ .addr = *addr, .age_s = n == 10 ? 3601 : 3600, .layout = "mss,nop,nop,sok",
		.link = "Ethernet or modem" };
	merge_empty(&out->host);
	out->host.first_seen = 1764000000;
	out->host.last_seen = 1764000100;
	out->host.verdict_seen = n == 9 ? 0 : 1764000100;
	out->host.connections = 3;
	out->host.mss = 1460;
	out->host.win = 65535;
	out->host.ttl = 123;
	out->host.distance = 5;
	out->host.quirks = QUIRK_DF | QUIRK_ID_PLUS;
	out->host.confirmed = true;
	if (n != 8) {
		out->host.match = FP_MATCH_GENERIC;
		out->host.candidate[0] = (struct fp_candidate){ 3, 230 };
		strcpy(out->klass, "win");
		strcpy(out->name, "Windows");
		strcpy(out->flavor, "XP");
	}
	return 0;
}

/* Stands in for all of the reader that is asked for, or the linker takes the real one. */
const char *fp_candidate(unsigned code, const char **flavor)
{
	*flavor = "NT 5";
	return code == 3 ? "Windows" : NULL;
}

#define V2_XP "Windows XP, (distance 5, link: ethernet/modem)"
#define V2_UNKNOWN "UNKNOWN [65535:123:1:48:M1460,N,N,S:.:?:?], (link: ethernet/modem)"

struct fixture {
	struct loop *loop;
	struct counters *counters;
	struct loop_socket socket;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char path[64];
};

static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* base: what is not as usual; its socket and counters are ours. */
static inline void fixture_start(struct fixture *f, enum loop_kind kind, const struct loop_conf *base)
{
	struct loop_conf conf = base != NULL ? *base : (struct loop_conf){ 0 };
	static struct fp_cidr allow[2];
	static unsigned n;

	fp_cidr_parse(&allow[0], "127.0.0.1");
	fp_cidr_parse(&allow[1], "::1");
	f->socket.kind = kind;
	assert_int_equal(counters_create(&f->counters, 1, 1), 0);
	atomic_store(&a_commits, 0);
	if (f->addr.ss_family == 0) {
		struct sockaddr_un *un = (struct sockaddr_un *)&f->addr;

		un->sun_family = AF_UNIX;
		snprintf(f->path, sizeof f->path, "/tmp/fp-test-sockets.%d.%u", (int)getpid(), n++);
		strcpy(un->sun_path, f->path);
		unlink(f->path);
		f->addr_len = sizeof *un;
	}
	f->socket.fd = socket(f->addr.ss_family, (kind == LOOP_ANALYZER ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(f->socket.fd >= 0);
	assert_int_equal(bind(f->socket.fd, (struct sockaddr *)&f->addr, f->addr_len), 0);
	if (kind != LOOP_ANALYZER)
		assert_int_equal(listen(f->socket.fd, 512), 0);
	assert_int_equal(getsockname(f->socket.fd, (struct sockaddr *)&f->addr, &f->addr_len), 0);
	conf.a_commits = &a_commits;
	conf.row = counters_row(f->counters, COUNTER_SERVICES, 0);
	conf.max_age_s = 3600;
	conf.clients_max = conf.clients_max != 0 ? conf.clients_max : 1000;
	conf.allow = allow;
	conf.n_allow = 2;
	conf.sockets = &f->socket;
	conf.n_sockets = 1;
	assert_int_equal(loop_start(&f->loop, &conf), 0);
}

static inline void fixture_stop(struct fixture *f)
{
	loop_stop(&f->loop);
	close(f->socket.fd);
	if (f->path[0] != '\0')
		unlink(f->path);
	counters_destroy(&f->counters);
	memset(f, 0, sizeof *f);
}

static inline uint64_t count(struct fixture *f, enum counter c)
{
	return counters_get(f->counters, c, COUNTERS_SUM);
}

static inline int client(const struct fixture *f)
{
	const int fd = socket(f->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&f->addr, f->addr_len) != 0)
		fail_msg("connect: %s", strerror(errno));
	return fd;
}

/* So many bytes, fewer at the end of the stream or after two seconds. */
static inline size_t get(int fd, void *buf, size_t n)
{
	const int64_t end = clock_ms() + 2000;
	size_t at = 0;

	while (at < n && clock_ms() < end) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 100) <= 0)
			continue;
		const ssize_t got = recv(fd, (char *)buf + at, n - at, 0);

		if (got <= 0)
			break;
		at += (size_t)got;
	}
	return at;
}

static inline void put(int fd, const void *buf, size_t n)
{
	assert_int_equal(send(fd, buf, n, MSG_NOSIGNAL), n);
}

/* Whether the other side closes within two seconds; what it says until then is read. */
static inline bool closed(int fd)
{
	const int64_t end = clock_ms() + 2000;
	char buf[4096];

	while (clock_ms() < end) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 100) > 0 && recv(fd, buf, sizeof buf, 0) <= 0)
			return true;
	}
	return false;
}

static inline void nap(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

#endif
