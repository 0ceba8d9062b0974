/* hook - acts that an intruder would begin with. Not in what is installed. */
#include "cmd/hook.h"

#ifdef FP_TEST_HOOKS
#include "core/log.h"
#include "core/util.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static long try_exec(const char *arg)
{
	char *const argv[] = { (char *)arg, NULL };

	return execv(arg, argv);
}

static long try_socket(const char *arg)
{
	const int domain = strcmp(arg, "packet") == 0 ? AF_PACKET : strcmp(arg, "unix") == 0 ? AF_UNIX : AF_INET;

	return socket(domain, domain == AF_PACKET ? SOCK_RAW : SOCK_STREAM, 0);
}

static long try_connect(const char *arg)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arg)) };

	return connect(STDERR_FILENO, (const struct sockaddr *)&to, sizeof to);
}

static long try_accept(const char *arg)
{
	return accept4(atoi(arg), NULL, NULL, 0);
}

/* What the packets process is only making is waited for, so that "not there" means out of reach. */
static long try_read(const char *arg)
{
	long fd = open(arg, O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < 100 && fd < 0 && errno == ENOENT; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
		fd = open(arg, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

static long try_write(const char *arg)
{
	return open(arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static long try_unlink(const char *arg)
{
	return unlink(arg);
}

static long try_ptrace(const char *arg)
{
	(void)arg;
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static long try_fork(const char *arg)
{
	(void)arg;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_unshare(const char *arg)
{
	(void)arg;
	return unshare(CLONE_NEWUSER);
}

static long try_clone(const char *arg)
{
	(void)arg;
	return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);
}

static long try_setuid(const char *arg)
{
	(void)arg;
	return setresuid(0, 0, 0);
}

static long try_code(const char *arg)
{
	(void)arg;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long try_kill(const char *arg)
{
	(void)arg;
	return kill(getppid(), SIGKILL);
}

static long try_limit(const char *arg)
{
	const struct rlimit none = { 0, 0 };

	(void)arg;
	return setrlimit(RLIMIT_CORE, &none);
}

static long try_dumpable(const char *arg)
{
	(void)arg;
	return prctl(PR_SET_SECUREBITS, 0);
}

static const struct {
	const char *name;
	long (*act)(const char *arg);
} acts[] = {
	{ "exec", try_exec }, { "socket", try_socket }, { "connect", try_connect }, { "accept", try_accept }, { "read", try_read },
	{ "write", try_write }, { "unlink", try_unlink }, { "ptrace", try_ptrace }, { "fork", try_fork }, { "unshare", try_unshare },
	{ "clone", try_clone }, { "setuid", try_setuid }, { "code", try_code }, { "kill", try_kill }, { "limit", try_limit },
	{ "securebits", try_dumpable },
};

void hook_try(const char *process)
{
	const char *what = getenv("FP_TEST_TRY");
	const size_t len = strlen(process);

	if (what == NULL || strncmp(what, process, len) != 0 || what[len] != ':')
		return;
	what += len + 1;
	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		const size_t n = strlen(acts[i].name);

		if (strncmp(what, acts[i].name, n) != 0 || what[n] != ':')
			continue;
		log_info("hook: trying %s", what);
		errno = 0;
		const long rc = acts[i].act(what + n + 1);

		log_info("hook: %s: %s", what, rc < 0 ? strerror(errno) : "done");
		return;
	}
	log_error("hook: no such act: %s", what);
}
#endif
