/* sockets - from settings to sockets, and to the thread that serves them. */
#include "cmd/sockets.h"

#include "cmd/listen.h"
#include "core/err.h"
#include "core/log.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors beside those of clients: store, sockets, HTTP's connections. */
#define DESCRIPTORS_BESIDE 512

struct kind {
	const char *setting, *name;
	const struct conf_list *where;
	bool named;
	enum loop_kind kind;
};

static void kinds_of(const struct options *o, struct kind kinds[LOOP_KINDS])
{
	kinds[LOOP_P0F] = (struct kind){ "p0f.socket", "p0f", &o->conf.p0f_socket, o->p0f_named, LOOP_P0F };
	kinds[LOOP_TEXT] = (struct kind){ "text.socket", "text", &o->conf.text_socket, o->text_named, LOOP_TEXT };
	kinds[LOOP_POLICY] = (struct kind){ "policy.listen", "policy", &o->conf.policy_listen, o->policy_named, LOOP_POLICY };
	kinds[LOOP_ANALYZER] =
	    (struct kind){ "analyzer.listen", "analyzer", &o->conf.analyzer_listen, o->analyzer_named, LOOP_ANALYZER };
}

static bool wanted(const struct options *o, const struct kind *k)
{
	return k->where->n > 0 && options_serve(o, k->named);
}

int sockets_give_away(const char *path, const struct options *o, const struct account *account, char why[SOCKETS_WHY])
{
	const char *group = o->conf.sockets_group;
	gid_t gid = account->gid;

	if (*group != '\0') {
		const struct group *gr = getgrnam(group);

		if (gr == NULL) {
			snprintf(why, SOCKETS_WHY, "sockets.group: group \"%s\" does not exist", group);
			return FP_ECONFIG;
		}
		gid = gr->gr_gid;
	}
	if (chown(path, account->uid, gid) != 0 || chmod(path, (mode_t)o->conf.sockets_mode) != 0) {
		const int rc = -errno;

		snprintf(why, SOCKETS_WHY, "%s: cannot be given to the group and mode of the settings: %s", path, strerror(-rc));
		return rc;
	}
	return 0;
}

static int open_one(struct sockets *s, const struct kind *k, const char *where, const struct options *o,
    const struct account *account, char why[SOCKETS_WHY])
{
	struct loop_socket *out = &s->socket[s->n];
	char said[LISTEN_WHY];

	if (s->n == SOCKETS_MAX) {
		snprintf(why, SOCKETS_WHY, "more than %d sockets", SOCKETS_MAX);
		return FP_ECONFIG;
	}
	const int rc = listen_open_path(&out->fd, where, k->kind == LOOP_ANALYZER, said);

	if (rc != 0) {
		snprintf(why, SOCKETS_WHY, "%s: %s", k->setting, said);
		return rc;
	}
	out->kind = k->kind;
	s->n++;
	return listen_path(where) != NULL ? sockets_give_away(listen_path(where), o, account, why) : 0;
}

/* A thousand clients are more than most systems give a process at first. */
static void raise_descriptors(const struct options *o, const struct sockets *s)
{
	const rlim_t want = DESCRIPTORS_BESIDE + o->conf.p0f_clients * (LOOP_KINDS - 1);
	struct rlimit have;

	if (s->n == 0 || getrlimit(RLIMIT_NOFILE, &have) != 0 || have.rlim_cur >= want)
		return;
	have.rlim_cur = have.rlim_max < want ? have.rlim_max : want;
	if (setrlimit(RLIMIT_NOFILE, &have) == 0 && have.rlim_cur < DESCRIPTORS_BESIDE + o->conf.p0f_clients)
		log_warning("%llu descriptors are allowed: fewer clients than p0f.clients can be served",
		    (unsigned long long)have.rlim_cur);
}

int sockets_open(struct sockets *s, const struct options *o, const struct account *account, char why[SOCKETS_WHY])
{
	struct kind kinds[LOOP_KINDS];

	s->n = 0;
	kinds_of(o, kinds);
	for (int k = 0; k < LOOP_KINDS; k++) {
		for (size_t i = 0; wanted(o, &kinds[k]) && i < kinds[k].where->n; i++) {
			const int rc = open_one(s, &kinds[k], kinds[k].where->item[i], o, account, why);

			if (rc != 0) {
				sockets_close(s);
				return rc;
			}
		}
	}
	raise_descriptors(o, s);
	return 0;
}

void sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		close(s->socket[i].fd);
	s->n = 0;
}

void sockets_describe(const struct options *o, const struct sockets *s, char *buf, size_t size)
{
	struct kind kinds[LOOP_KINDS];
	size_t at = 0;

	*buf = '\0';
	kinds_of(o, kinds);
	for (int k = 0; s->n > 0 && k < LOOP_KINDS; k++)
		for (size_t i = 0; wanted(o, &kinds[k]) && i < kinds[k].where->n && at < size; i++)
			at += (size_t)snprintf(buf + at, size - at, "%s%s on %s", at > 0 ? ", " : "", kinds[k].name,
			    kinds[k].where->item[i]);
}

/* ---- Serving ------------------------------------------------------------------------------------ */

struct sockets_service {
	struct loop *loop;
	struct loop_keep keep;
	struct fp_cidr *allow;
	struct policyrule *rules;
};

/* Both were checked when they were set. */
static int take_settings(struct sockets_service *s, struct loop_conf *conf, const struct conf *c)
{
	char why[POLICYRULE_WHY];

	s->allow = calloc(c->analyzer_allow.n + 1, sizeof *s->allow);
	s->rules = calloc(c->policy_rules.n + 1, sizeof *s->rules);
	if (s->allow == NULL || s->rules == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->analyzer_allow.n; i++)
		if (fp_cidr_parse(&s->allow[conf->n_allow], c->analyzer_allow.item[i]) == 0)
			conf->n_allow++;
	for (size_t i = 0; i < c->policy_rules.n; i++)
		if (policyrule_parse(&s->rules[conf->n_rules], c->policy_rules.item[i], why) == 0)
			conf->n_rules++;
	conf->allow = s->allow;
	conf->rules = s->rules;
	return 0;
}

int sockets_start(struct sockets_service **out, const struct sockets *sockets, const struct options *o, const char *store_dir,
    struct counters *counters, const _Atomic uint64_t *a_commits, struct keep *keep, struct histogram *lookup, struct pulse *pulse)
{
	struct loop_conf conf = {
		.store_dir = store_dir, .a_commits = a_commits, .row = counters_row(counters, COUNTER_SERVICES, 0),
		.max_age_s = (int64_t)o->conf.serve_max_age_s, .v3 = o->conf.words == CONF_WORDS_V3,
		.clients_max = (unsigned)o->conf.p0f_clients, .sockets = sockets->socket, .n_sockets = sockets->n,
		.lookup = lookup, .pulse = pulse,
	};
	int rc;

	*out = NULL;
	if (sockets->n == 0)
		return 0;
	struct sockets_service *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	keep_for_loop(keep, &s->keep);
	conf.keep = &s->keep;
	if ((rc = take_settings(s, &conf, &o->conf)) == 0)
		rc = loop_start(&s->loop, &conf);
	if (rc == 0)
		*out = s;
	else
		sockets_stop(&s);
	return rc;
}

void sockets_stop(struct sockets_service **sp)
{
	struct sockets_service *s = *sp;

	if (s == NULL)
		return;
	loop_stop(&s->loop);
	free(s->allow);
	free(s->rules);
	free(s);
	*sp = NULL;
}
