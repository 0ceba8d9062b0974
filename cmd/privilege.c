/* privilege - accounts, capabilities, parent-death signal, and the two lists: system calls (seccomp), files (Landlock). */
#include "cmd/privilege.h"

#include "core/err.h"
#include "core/util.h"

#include <asm/termbits.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int privilege_account(struct account *out, const char *user, const char *group, char why[PRIVILEGE_WHY])
{
	const bool named = *user != '\0';
	const struct passwd *pw;

	*out = (struct account){ .uid = geteuid(), .gid = getegid() };
	if (geteuid() != 0)
		return 0;
	pw = getpwnam(named ? user : PRIVILEGE_DEFAULT_USER);
	if (pw == NULL && named) {
		snprintf(why, PRIVILEGE_WHY, "user \"%s\" does not exist", user);
		return FP_ECONFIG;
	}
	if (pw == NULL)
		return 0;
	out->drop = pw->pw_uid != 0;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	snprintf(out->user, sizeof out->user, "%s", pw->pw_name);
	if (*group != '\0') {
		const struct group *gr = getgrnam(group);

		if (gr == NULL) {
			snprintf(why, PRIVILEGE_WHY, "group \"%s\" does not exist", group);
			return FP_ECONFIG;
		}
		out->gid = gr->gr_gid;
	}
	return 0;
}

/* A container may have taken the right to do it: then what protects files are their modes, and Landlock. */
static int change_root(const char *root, char why[PRIVILEGE_WHY])
{
	if (chroot(root) != 0) {
		snprintf(why, PRIVILEGE_WHY, "%s cannot become this process's root: %s", root, strerror(errno));
		return 1;
	}
	return chdir("/") == 0 ? 0 : -errno;
}

int privilege_drop(const struct account *account, const char *root, char why[PRIVILEGE_WHY])
{
	int rc = 0;

	/* Reads /etc/group: before there is another root. */
	if (account->drop && initgroups(account->user, account->gid) != 0) {
		snprintf(why, PRIVILEGE_WHY, "cannot take the groups of %s: %s", account->user, strerror(errno));
		return -errno;
	}
	if (root != NULL && geteuid() == 0 && (rc = change_root(root, why)) < 0)
		return rc;
	if (account->drop && (setresgid(account->gid, account->gid, account->gid) != 0 ||
	    setresuid(account->uid, account->uid, account->uid) != 0)) {
		snprintf(why, PRIVILEGE_WHY, "cannot become %s: %s", account->user, strerror(errno));
		return -errno;
	}
	/* Also of one who stays root, and of a service that was given CAP_NET_RAW alone. */
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
		snprintf(why, PRIVILEGE_WHY, "cannot drop capabilities");
		return -EPERM;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		snprintf(why, PRIVILEGE_WHY, "cannot set no_new_privs: %s", strerror(errno));
		return -errno;
	}
	return rc;
}

/* ---- System calls --------------------------------------------------------------------------------- */

enum { S = 1 << PRIVILEGE_SUPERVISOR, P = 1 << PRIVILEGE_PACKETS, V = 1 << PRIVILEGE_SERVICES };

struct allowed {
	unsigned roles;
	const char *names; /* blanks between; what an architecture does not have is passed over */
};

/*
 * What libc, threads, LMDB, libpcap's reading and libmicrohttpd call. The supervisor starts services again, and a filter is
 * never loosened: so it has whatever services has (V implies S, see may()).
 */
static const struct allowed allowed[] = {
	{ S | P | V, "read readv pread64 write writev close lseek _llseek fcntl fcntl64 fstat fstat64 newfstatat fstatat64 statx" },
	{ S | P | V, "stat stat64 lstat lstat64 access faccessat faccessat2 readlink readlinkat getcwd" },
	{ S | P | V, "munmap mremap brk madvise" },
	{ S | P | V, "futex futex_time64 futex_wait futex_wake futex_waitv set_robust_list rseq set_tid_address membarrier getcpu" },
	{ S | P | V, "sched_yield sched_getaffinity sched_getparam sched_getscheduler" },
	{ S | P | V, "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create1 epoll_ctl epoll_wait "
	             "epoll_pwait epoll_pwait2 eventfd2 timerfd_create timerfd_settime timerfd_settime64" },
	{ S | P | V, "rt_sigaction rt_sigprocmask rt_sigreturn sigreturn sigaltstack restart_syscall tgkill signalfd4" },
	{ S | P | V, "nanosleep clock_nanosleep clock_nanosleep_time64 clock_gettime clock_gettime64 clock_getres "
	             "clock_getres_time64 gettimeofday time times" },
	{ S | P | V, "getpid getppid gettid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 uname sysinfo "
	             "getrusage getrlimit ugetrlimit getrandom exit exit_group" },
	{ S | P | V, "getsockopt recvfrom recvmsg recvmmsg recvmmsg_time64 recv" },

	/* The writer: files of its directory; the child that checks the store; threads that are pinned. */
	{ P, "pwrite64 pwritev preadv fsync fdatasync sync_file_range msync ftruncate ftruncate64 truncate fallocate fadvise64 flock "
	     "fchmod statfs statfs64 fstatfs fstatfs64 getdents64 rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir" },
	{ P, "sched_setaffinity" },
	/* To an interface that is back: capture/link.c. It holds packet sockets, and can make no other. */
	{ P, "bind" },
	{ S | P, "wait4 waitid waitpid kill" },

	/* Those who answer. */
	{ V, "accept accept4 getsockname getpeername shutdown sendto send sendmsg sendmmsg sendfile sendfile64 pipe2" },

	/* Starting services again: its pair of sockets, and what it does to itself before it answers. */
	{ S, "socketpair sendmsg capget capset seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self" },
};

/*
 * What no line of ours calls once it runs, and injected code would: that process dies. Everything else that is not allowed
 * answers ENOSYS, so that a libc that tries a newer call first falls back as on an older kernel.
 */
static const struct allowed deadly[] = {
	{ S | P | V, "execve execveat ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd" },
	{ S | P | V, "socket connect listen" },
	{ S | V, "bind" },
	{ P, "accept accept4 sendto sendmsg sendmmsg" },
	{ S | P | V, "mount umount2 pivot_root chroot unshare setns fsopen move_mount open_tree mknod mknodat" },
	{ S | P | V, "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid setdomainname sethostname" },
	{ S | P | V, "bpf perf_event_open userfaultfd io_uring_setup init_module finit_module delete_module kexec_load "
	             "kexec_file_load keyctl add_key request_key open_by_handle_at memfd_create personality" },
	{ V, "rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir link linkat symlink symlinkat truncate ftruncate "
	     "fallocate chmod fchmod fchmodat chown fchown fchownat lchown" },
};

static bool may(const struct allowed *row, enum privilege_role role)
{
	return (row->roles & 1u << role) != 0 || (role == PRIVILEGE_SUPERVISOR && (row->roles & V) != 0);
}

static int add_names(scmp_filter_ctx f, uint32_t action, const char *names)
{
	char name[64];

	for (size_t len; *names != '\0'; names += len) {
		names += strspn(names, " ");
		len = strcspn(names, " ");
		snprintf(name, sizeof name, "%.*s", (int)len, names);
		const int nr = seccomp_syscall_resolve_name(name);
		const int rc = nr != __NR_SCMP_ERROR ? seccomp_rule_add_array(f, action, nr, 0, NULL) : 0;

		/* -EDOM: this architecture has no such call. */
		if (rc != 0 && rc != -EDOM)
			return rc;
	}
	return 0;
}

/* A call that is allowed where its argument number `arg`, under the mask, is the value. */
static int add_masked(scmp_filter_ctx f, const char *name, unsigned arg, uint64_t mask, uint64_t value)
{
	const int nr = seccomp_syscall_resolve_name(name);
	const struct scmp_arg_cmp cmp = { .arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value };
	const int rc = nr != __NR_SCMP_ERROR ? seccomp_rule_add_array(f, SCMP_ACT_ALLOW, nr, 1, &cmp) : 0;

	return rc == -EDOM ? 0 : rc;
}

static int add_one_of(scmp_filter_ctx f, const char *name, unsigned arg, const uint64_t *values, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_masked(f, name, arg, UINT32_MAX, values[i]);
	return rc;
}

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))

/* Calls that are right or wrong by what they are asked for. clone3 hides that, and is not there: libc takes clone then. */
static int add_by_argument(scmp_filter_ctx f, enum privilege_role role)
{
	static const uint64_t options[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_DUMPABLE,
		PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_CAPBSET_READ, 0x53564d41 /* PR_SET_VMA: names of mappings */ };
	static const uint64_t supervisor_options[] = { PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_GET_KEEPCAPS, PR_SET_KEEPCAPS,
		PR_GET_SECUREBITS, PR_GET_SECCOMP, PR_SET_SECCOMP };
	static const uint64_t packets_levels[] = { SOL_SOCKET, SOL_PACKET };
	static const uint64_t services_levels[] = { SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6 };
	static const uint64_t requests[] = { SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, FIONREAD, FIONBIO, TCGETS };
	const bool packets = role == PRIVILEGE_PACKETS;
	int rc = 0;

	/* No code but what is mapped already. */
	if ((rc = add_masked(f, "mmap", 2, PROT_EXEC, 0)) != 0 || (rc = add_masked(f, "mmap2", 2, PROT_EXEC, 0)) != 0 ||
	    (rc = add_masked(f, "mprotect", 2, PROT_EXEC, 0)) != 0)
		return rc;
	/* Services: threads. The others fork as well. Nobody makes a namespace. */
	if ((rc = add_masked(f, "clone", CLONE_FLAGS, role == PRIVILEGE_SERVICES ? NAMESPACES | CLONE_THREAD : NAMESPACES,
	         role == PRIVILEGE_SERVICES ? CLONE_THREAD : 0)) != 0)
		return rc;
	/* Who does not write opens to read. */
	if ((rc = add_masked(f, "openat", 2, packets ? 0 : WRITING, O_RDONLY)) != 0 ||
	    (rc = add_masked(f, "open", 1, packets ? 0 : WRITING, O_RDONLY)) != 0)
		return rc;
	if ((rc = add_one_of(f, "prctl", 0, options, ARRAY_LEN(options))) != 0 ||
	    (role == PRIVILEGE_SUPERVISOR &&
	        (rc = add_one_of(f, "prctl", 0, supervisor_options, ARRAY_LEN(supervisor_options))) != 0))
		return rc;
	if ((rc = packets ? add_one_of(f, "setsockopt", 1, packets_levels, ARRAY_LEN(packets_levels))
	                  : add_one_of(f, "setsockopt", 1, services_levels, ARRAY_LEN(services_levels))) != 0)
		return rc;
	if ((rc = add_one_of(f, "ioctl", 1, requests, ARRAY_LEN(requests))) != 0)
		return rc;
	/* Limits are read, not set: the second argument of prlimit64 that matters is the new limit's address. */
	return add_masked(f, "prlimit64", 2, UINT64_MAX, 0);
}

static int limit_calls(enum privilege_role role, char why[PRIVILEGE_WHY])
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc = f != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_LEN(allowed) && rc == 0; i++)
		if (may(&allowed[i], role))
			rc = add_names(f, SCMP_ACT_ALLOW, allowed[i].names);
	for (size_t i = 0; i < ARRAY_LEN(deadly) && rc == 0; i++)
		if ((deadly[i].roles & 1u << role) != 0)
			rc = add_names(f, SCMP_ACT_KILL_PROCESS, deadly[i].names);
	if (rc == 0)
		rc = add_by_argument(f, role);
	if (rc == 0)
		rc = seccomp_load(f);
	if (rc != 0)
		snprintf(why, PRIVILEGE_WHY, "cannot limit the system calls: %s; the setting confine = no leaves it out",
		    strerror(-rc));
	seccomp_release(f);
	return rc;
}

/* ---- Files ---------------------------------------------------------------------------------------- */

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define CHANGING (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)
#define OTHER (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* As the kernel has it today; older headers know the first member alone, older kernels take the first bytes. */
struct ruleset {
	uint64_t fs;
	uint64_t net;    /* ABI 4 */
	uint64_t scoped; /* ABI 6 */
};
#define SCOPE_ABI 6
#define SCOPED UINT64_C(3)           /* abstract sockets, signals: none but within */
#define REFER (UINT64_C(1) << 13)    /* ABI 2: moving between folders, which the writer does with a fresh store */
#define TRUNCATE (UINT64_C(1) << 14) /* ABI 3 */

static int add_beneath(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr attr = { .allowed_access = access };
	int rc = 0;

	attr.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (attr.parent_fd < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) != 0)
		rc = -errno;
	close(attr.parent_fd);
	return rc;
}

/* A file that is replaced by a rename, as editors do, is another file in the same folder. */
static int add_folder(int ruleset, const char *file)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof folder, "%s", file);
	return add_beneath(ruleset, dirname(folder), LANDLOCK_ACCESS_FS_READ_FILE);
}

static int limit_files(enum privilege_role role, const char *store, const char *const *files, size_t n_files,
    char why[PRIVILEGE_WHY])
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const uint64_t newer = REFER | (abi >= 3 ? TRUNCATE : 0);
	/* The supervisor signals the others; they signal nobody. */
	const struct ruleset attr = { .fs = READING | CHANGING | OTHER | newer,
		.scoped = role != PRIVILEGE_SUPERVISOR && abi >= SCOPE_ABI ? SCOPED : 0 };
	int rc;

	if (abi < 2)
		return 1;
	const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, abi >= SCOPE_ABI ? sizeof attr : sizeof attr.fs, 0);

	if (ruleset < 0)
		return 1;
	rc = add_beneath(ruleset, store, role == PRIVILEGE_PACKETS ? READING | CHANGING | newer : READING);
	for (size_t i = 0; i < n_files && rc == 0; i++)
		rc = add_folder(ruleset, files[i]);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		rc = -errno;
	close(ruleset);
	if (rc != 0)
		snprintf(why, PRIVILEGE_WHY, "cannot limit the files: %s; the setting confine = no leaves it out", strerror(-rc));
	return rc;
}

int privilege_confine(enum privilege_role role, const char *store, const char *const *files, size_t n_files,
    char why[PRIVILEGE_WHY])
{
#ifdef FP_SANITIZED
	/* Sanitizers open /proc, map code and trace themselves. */
	(void)role, (void)store, (void)files, (void)n_files, (void)why, (void)limit_files, (void)limit_calls;
	return 0;
#else
	const int files_rc = limit_files(role, store, files, n_files, why);
	const int rc = files_rc >= 0 ? limit_calls(role, why) : files_rc;

	return rc != 0 ? rc : files_rc;
#endif
}

int privilege_die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return -errno;
	/* It may have died before that line: then we have another parent by now. */
	return getppid() == parent ? 0 : -ESRCH;
}
