/*
 * forget - `fingerpost forget` and `fingerpost compact`: by the daemon that has the store, through DIR/control; where there is none
 * by ourselves, as its writer.
 */
#include "cmd/cli.h"

#include "store/writer.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX 128

enum what { FORGET, COMPACT };

/* ---- By the daemon ------------------------------------------------------------------------------- */

/* FP_ENOTFOUND: nobody listens there; else 0 and its answer, or -errno. */
static int ask_daemon(const char *dir, const char *line, char answer[ANSWER_MAX])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (snprintf(un.sun_path, sizeof un.sun_path, "%s/control", dir) >= (int)sizeof un.sun_path) {
		close(fd);
		return FP_ENOTFOUND;
	}
	if (connect(fd, (struct sockaddr *)&un, sizeof un) != 0)
		rc = errno == ENOENT || errno == ECONNREFUSED ? FP_ENOTFOUND : -errno;
	else if (send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
		rc = -errno;
	while (rc == 0 && n < ANSWER_MAX - 1) {
		const ssize_t got = recv(fd, answer + n, ANSWER_MAX - 1 - n, 0);

		if (got <= 0) {
			rc = got < 0 ? -errno : 0;
			break;
		}
		n += (size_t)got;
	}
	close(fd);
	answer[n] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	return rc == 0 && n == 0 ? -EPIPE : rc;
}

/* ---- By ourselves -------------------------------------------------------------------------------- */

/* What we write must be the daemon's to write as well. */
static int become_owner(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return -errno;
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	return setgroups(0, NULL) == 0 && setgid(st.st_gid) == 0 && setuid(st.st_uid) == 0 ? 0 : -errno;
}

static void *run(void *arg)
{
	struct writer *w = arg;

	return writer_run(w) == 0 ? NULL : w;
}

static int write_ourselves(const char *dir, enum what what, const struct fp_cidr *block, uint64_t *result, char why[WRITER_WHY])
{
	const struct writer_conf conf = { .dir = dir, .tool = true };
	char path[PATH_MAX];
	struct writer *w;
	struct stat st;
	pthread_t thread;
	void *failed = NULL;
	int rc = become_owner(dir), done = -ECANCELED;

	snprintf(path, sizeof path, "%s/data.mdb", dir);
	if (rc != 0 || stat(path, &st) != 0) {
		snprintf(why, WRITER_WHY, "store %s: %s", dir, rc != 0 ? fp_strerror(rc) : "there is none");
		return FP_ENOSTORE;
	}
	struct writer_conf ours = conf;

	ours.mode = st.st_mode & 0666;
	rc = writer_open(&w, &ours, why);
	if (rc != 0)
		return rc;
	rc = what == FORGET ? writer_forget(w, block) : writer_compact(w);
	if (rc == 0 && (rc = -pthread_create(&thread, NULL, run, w)) == 0) {
		writer_stop(w);
		pthread_join(thread, &failed);
		writer_answered(w, &done, result);
		rc = done != 0 ? done : failed != NULL ? FP_EDAMAGED : 0;
	}
	if (rc != 0)
		snprintf(why, WRITER_WHY, "store %s: %s", dir, fp_strerror(rc));
	writer_close(&w);
	return rc;
}

/* ---- The commands -------------------------------------------------------------------------------- */

static int report(enum what what, const char *block, unsigned long long result)
{
	if (what == COMPACT)
		printf("the store has %llu bytes now\n", result);
	else
		printf("%s: %llu host%s forgotten\n", block, result, result == 1 ? "" : "s");
	return CLI_YES;
}

static int run_command(enum what what, const char *dir, const char *text, const struct fp_cidr *block)
{
	char line[ANSWER_MAX], answer[ANSWER_MAX], why[WRITER_WHY] = "";
	unsigned long long number;
	uint64_t result = 0;
	int rc;

	if (what == FORGET)
		snprintf(line, sizeof line, "forget %s\n", text);
	else
		snprintf(line, sizeof line, "compact\n");
	rc = ask_daemon(dir, line, answer);
	if (rc == 0 && sscanf(answer, "ok %llu", &number) == 1)
		return report(what, text, number);
	if (rc == 0) {
		cli_say("the daemon says: %s", strncmp(answer, "error ", 6) == 0 ? answer + 6 : answer);
		return CLI_ERROR;
	}
	if (rc != FP_ENOTFOUND) {
		cli_say("%s/control: %s%s", dir, fp_strerror(rc), rc == -EACCES ? "; only its owner and root may ask for that" : "");
		return CLI_ERROR;
	}
	rc = write_ourselves(dir, what, block, &result, why);
	if (rc == 0)
		return report(what, text, result);
	cli_say("%s", why);
	return CLI_ERROR;
}

/* Options of both; NULL in *dir where none was named. False: they are wrong. */
static bool options(int argc, char **argv, const char **dir)
{
	static const struct option longs[] = { { "store", required_argument, NULL, 's' }, { 0 } };

	*dir = NULL;
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c != 's')
			return false;
		*dir = optarg;
	}
	return true;
}

int cmd_forget(int argc, char **argv)
{
	struct fp_cidr block;
	const char *dir;

	if (!options(argc, argv, &dir) || optind + 1 != argc)
		return cli_usage("forget");
	if (fp_cidr_parse(&block, argv[optind]) != 0) {
		cli_say("\"%s\" is no address and no block such as 192.0.2.0/24", argv[optind]);
		return CLI_ERROR;
	}
	return run_command(FORGET, cli_store_dir(dir), argv[optind], &block);
}

int cmd_compact(int argc, char **argv)
{
	const char *dir;

	if (!options(argc, argv, &dir) || optind != argc)
		return cli_usage("compact");
	return run_command(COMPACT, cli_store_dir(dir), NULL, &(struct fp_cidr){ .bits = 0 });
}
