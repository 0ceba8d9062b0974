/*
 * query - how many answers a second a p0f 3 socket gives, and how soon: so many clients, each with one question at a time, for so long.
 *
 *   query SOCKET CLIENTS SECONDS FILE [IDLE]     FILE: IPv4 addresses, one a line, to be asked about at random
 *
 * IDLE connections more are opened and never used. Prints one JSON line, times in microseconds. One thread: it must not be the measure of a
 * server that has a CPU of its own, so it writes to all clients that are due before it waits.
 */
#include "api/p0f.h"
#include "core/clock.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 1000
#define BUCKETS 200000 /* of a microsecond: the last takes all that is slower */

static uint32_t histogram[BUCKETS];

static int connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	return fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof un) == 0 ? fd : -1;
}

static struct client {
	int fd;
	int64_t asked_ns;
	size_t n;
	uint8_t reply[P0F_REPLY];
} client[CLIENTS_MAX];

static uint32_t *address; /* network order */
static size_t n_addresses;

static bool read_addresses(const char *path)
{
	FILE *in = fopen(path, "r");
	char line[64];
	size_t room = 0;

	while (in != NULL && fgets(line, sizeof line, in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (n_addresses == room && (address = realloc(address, (room = room * 2 + 1024) * sizeof *address)) == NULL)
			return false;
		n_addresses += inet_pton(AF_INET, line, &address[n_addresses]) == 1;
	}
	if (in != NULL)
		fclose(in);
	return n_addresses > 0;
}

static void ask(struct client *c)
{
	static uint64_t random = 88172645463325252u;
	const uint32_t magic = 0x50304601;
	uint8_t query[P0F_QUERY] = { 0 };

	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	const uint32_t addr = address[random % n_addresses];

	memcpy(query, &magic, 4);
	query[4] = 4;
	memcpy(query + 5, &addr, 4);
	c->asked_ns = clock_ns(CLOCK_MONOTONIC);
	c->n = 0;
	if (write(c->fd, query, sizeof query) != sizeof query)
		exit(1);
}

/* The microseconds below which so many thousandths of the answers lie. */
static unsigned quantile(uint64_t answers, unsigned thousandths)
{
	uint64_t seen = 0;
	unsigned us = 0;

	while (us < BUCKETS - 1 && (seen += histogram[us]) * 1000 < answers * thousandths)
		us++;
	return us;
}

int main(int argc, char **argv)
{
	struct epoll_event ev[64];
	uint64_t answers = 0, known = 0;
	int64_t worst_ns = 0;
	struct rlimit files;

	if (argc < 5 || !read_addresses(argv[4])) {
		fprintf(stderr, "usage: query SOCKET CLIENTS SECONDS FILE [IDLE]\n");
		return 2;
	}
	const int clients = atoi(argv[2]) < CLIENTS_MAX ? atoi(argv[2]) : CLIENTS_MAX, idle = argc > 5 ? atoi(argv[5]) : 0;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	const int ep = epoll_create1(0);

	for (int i = 0; i < idle; i++)
		if (connect_to(argv[1]) < 0) {
			fprintf(stderr, "query: idle connection %d failed\n", i);
			return 1;
		}
	for (int i = 0; i < clients; i++) {
		client[i].fd = connect_to(argv[1]);
		struct epoll_event add = { .events = EPOLLIN, .data.u32 = (uint32_t)i };

		if (client[i].fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, client[i].fd, &add) != 0) {
			fprintf(stderr, "query: cannot connect to %s\n", argv[1]);
			return 1;
		}
	}
	const int64_t from = clock_ns(CLOCK_MONOTONIC), end = from + atoi(argv[3]) * INT64_C(1000000000);

	for (int i = 0; i < clients; i++)
		ask(&client[i]);
	while (clock_ns(CLOCK_MONOTONIC) < end) {
		const int ready = epoll_wait(ep, ev, 64, 1000);

		for (int i = 0; i < ready; i++) {
			struct client *c = &client[ev[i].data.u32];
			const ssize_t got = read(c->fd, c->reply + c->n, sizeof c->reply - c->n);

			if (got <= 0) {
				fprintf(stderr, "query: the server closed a connection\n");
				return 1;
			}
			if ((c->n += (size_t)got) < sizeof c->reply)
				continue;
			const int64_t took = clock_ns(CLOCK_MONOTONIC) - c->asked_ns;

			answers++;
			known += c->reply[4] == P0F_OK;
			worst_ns = took > worst_ns ? took : worst_ns;
			histogram[took / 1000 < BUCKETS - 1 ? took / 1000 : BUCKETS - 1]++;
			ask(c);
		}
	}
	const double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - from) / 1e9;

	printf("{\"clients\":%d,\"idle\":%d,\"seconds\":%.2f,\"answers\":%llu,\"known\":%llu,\"answers_a_second\":%.0f,"
	       "\"p50_us\":%u,\"p99_us\":%u,\"p999_us\":%u,\"worst_us\":%.0f}\n", clients, idle, seconds,
	    (unsigned long long)answers, (unsigned long long)known, (double)answers / seconds, quantile(answers, 500),
	    quantile(answers, 990), quantile(answers, 999), (double)worst_ns / 1e3);
	return 0;
}
