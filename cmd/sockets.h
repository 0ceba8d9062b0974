/*
 * sockets - the sockets of mail software: opened and given away by the supervisor while it may, served by the services process.
 *
 * Owner  sockets_open() opens, sockets_close() closes and forgets; each process closes its own copies.
 */
#ifndef FP_SOCKETS_H
#define FP_SOCKETS_H

#include "api/loop.h"
#include "cmd/keep.h"
#include "cmd/options.h"
#include "cmd/privilege.h"

#define SOCKETS_MAX 32
#define SOCKETS_WHY 320

struct sockets {
	struct loop_socket socket[SOCKETS_MAX];
	size_t n;
};

/* Those that the options want; paths get owner, group and mode. FP_ECONFIG, -errno with why. */
int sockets_open(struct sockets *s, const struct options *o, const struct account *account, char why[SOCKETS_WHY]);
void sockets_close(struct sockets *s);

/* A socket's path gets owner, group and mode of the settings. */
int sockets_give_away(const char *path, const struct options *o, const struct account *account, char why[SOCKETS_WHY]);

/* "p0f on /run/p0f.sock, ..." for the log; "" when there are none. */
void sockets_describe(const struct options *o, const struct sockets *s, char *buf, size_t size);

/* A thread that serves them; all settings are taken from o. The store's directory as this process sees it. Counters and commit number are the caller's. */
struct sockets_service;
int sockets_start(struct sockets_service **out, const struct sockets *s, const struct options *o, const char *store_dir,
    struct counters *counters, const _Atomic uint64_t *a_commits, struct keep *keep, struct histogram *lookup, struct pulse *pulse);
void sockets_stop(struct sockets_service **sp);

#endif
