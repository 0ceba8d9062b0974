/*
 * conf - settings: one table (name, type, range, default, unit, text), from which the file, --set, the help
 * and the manual are read.
 *
 * Owner    conf_init() fills defaults, conf_free() frees what it holds.
 * Threads  written before threads start, read-only after.
 * Errors   every error is reported through struct conf_report, so that a test run shows all of them.
 */
#ifndef FP_CONF_H
#define FP_CONF_H

#include "core/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts, owned by conf. */
struct conf_list {
	char **item; /* NULL-terminated, also when empty; NULL when never set */
	size_t n;
};

#define CONF_AUTO UINT64_MAX /* a number left to us */

enum conf_words { CONF_WORDS_V2, CONF_WORDS_V3 };

struct conf {
	struct conf_list interface;
	char *filter;
	struct conf_list listen;  /* ADDR:PORT or paths, where sensors send captures */
	struct conf_list listen_allow; /* CIDR blocks; checked */
	uint64_t queues;
	uint64_t matchers;        /* CONF_AUTO; 0 = match in the capture thread */
	uint64_t readers;         /* CONF_AUTO */
	struct conf_list cpus;    /* "0", "2-3"; checked */
	uint64_t fanout;          /* enum capture_fanout */
	bool promiscuous;
	bool decapsulate;
	uint64_t timeout_ms;
	uint64_t buffer_bytes;
	struct conf_list ignore;  /* CIDR blocks; checked */
	struct conf_list signatures;
	char *prior;
	char *log_p0f;
	uint64_t hosts_max;
	uint64_t hosts_keep_s, hosts_keep_unconfirmed_s;
	uint64_t flows_max, flows_keep_s; /* 0: until the place is needed */
	uint64_t handshake;       /* enum probation_mode */
	uint64_t probation_rate;
	char *store_dir;
	uint64_t store_mode;
	uint64_t map_bytes;       /* CONF_AUTO: by hosts_max */
	bool durable;
	char *http_listen;
	char *http_token;         /* "" = none */
	struct conf_list http_hosts, http_origins;
	bool http_open;           /* beyond loopback without a token */
	struct conf_list p0f_socket, text_socket; /* paths */
	struct conf_list analyzer_listen, policy_listen; /* ADDR:PORT or paths */
	struct conf_list analyzer_allow; /* CIDR blocks; checked */
	struct conf_list policy_rules; /* core/policyrule.h; checked */
	uint64_t p0f_clients;     /* of each kind of socket */
	uint64_t words;           /* enum conf_words */
	uint64_t serve_max_age_s;
	uint64_t sockets_mode;
	char *sockets_group;      /* "" = the account's */
	char *user;               /* "" = the default account if it exists */
	char *group;              /* "" = the user's */
	bool confine;
	bool log_addresses;
	char **set_at;            /* conf_where()'s, by row */
};

struct conf_report {
	void (*say)(void *ctx, const char *text); /* one line, without newline */
	void *ctx;
	unsigned errors;          /* grows with each */
};

/* Appends a copy of a text; -ENOMEM. conf_list_free() frees all and leaves an empty list. */
int conf_list_add(struct conf_list *list, const char *text);
void conf_list_free(struct conf_list *list);

int conf_init(struct conf *c); /* -ENOMEM */
void conf_free(struct conf *c);

/*
 * Sets one; where ("fingerpost.conf:7", "--set") begins a message. append: a list grows, else it is replaced.
 * FP_ECONFIG after a report, -ENOMEM.
 */
int conf_set(struct conf *c, const char *where, const char *name, const char *value, bool append,
    struct conf_report *report);

/* Where a setting was set last, the `where` of that call; "default": nowhere. Owned by conf. */
const char *conf_where(const struct conf *c, const char *name);

/* Reads a file of `name = value` lines, to its end whatever is wrong in it. FP_ECONFIG, -errno, after reports. */
int conf_read(struct conf *c, const char *path, struct conf_report *report);

/* Row n of the table for help and manuals; false past the last. */
struct conf_info {
	const char *name, *type, *preset, *text;
	char allowed[160]; /* "1 to 64", "0 to 64 or auto", "hash, cpu or qm"; "" where the type says all */
};
bool conf_row(size_t n, struct conf_info *out);

/* CPU numbers of a list as conf_list cpus has it: returns how many, at most max. */
size_t conf_cpus(const struct conf_list *list, unsigned *cpu, size_t max);

#endif
