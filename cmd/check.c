/* check - what the table of settings cannot see: filters, accounts, interfaces, files. */
#include "cmd/check.h"

#include "capture/capture.h"
#include "core/err.h"
#include "core/opinion.h"
#include "core/paths.h"
#include "core/sigdb.h"
#include "core/util.h"
#include "core/where.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <net/if.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void wrong(const struct options *o, struct conf_report *report, const char *setting, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* "FILE:LINE: SETTING: what is wrong with it" */
static void wrong(const struct options *o, struct conf_report *report, const char *setting, const char *fmt, ...)
{
	char text[512];
	va_list args;
	size_t n = (size_t)snprintf(text, sizeof text, "%.200s: %s: ", conf_where(&o->conf, setting), setting);

	va_start(args, fmt);
	vsnprintf(text + n, sizeof text - n, fmt, args);
	va_end(args);
	report->errors++;
	report->say(report->ctx, text);
}

static void check_filter(const struct options *o, struct conf_report *report)
{
	char err[CAPTURE_ERR];

	if (*o->conf.filter != '\0' && capture_check_filter(o->conf.filter, err) != 0)
		wrong(o, report, "filter", "%s", err + (strncmp(err, "filter ", 7) == 0 ? 7 : 0));
}

static void check_interfaces(const struct options *o, struct conf_report *report)
{
	const struct conf_list *names = &o->conf.interface;
	struct if_nameindex *all = if_nameindex();

	for (size_t i = 0; o->live && all != NULL && i < names->n; i++) {
		char there[128] = "any";
		bool found = strcmp(names->item[i], "any") == 0;

		for (const struct if_nameindex *f = all; f->if_index != 0; f++) {
			found = found || strcmp(names->item[i], f->if_name) == 0;
			if (strlen(there) + IF_NAMESIZE + 3 < sizeof there)
				snprintf(there + strlen(there), sizeof there - strlen(there), ", %s", f->if_name);
		}
		if (!found)
			wrong(o, report, "interface", "\"%s\" does not exist; there are: %s; fingerpostd -L lists them", names->item[i], there);
	}
	if (all != NULL)
		if_freenameindex(all);
}

static void check_accounts(const struct options *o, struct conf_report *report)
{
	const struct conf *c = &o->conf;

	if (*c->user != '\0' && getpwnam(c->user) == NULL)
		wrong(o, report, "user", "\"%s\" does not exist; make it, or name another with -u", c->user);
	if (*c->group != '\0' && getgrnam(c->group) == NULL)
		wrong(o, report, "group", "\"%s\" does not exist", c->group);
	if (*c->sockets_group != '\0' && getgrnam(c->sockets_group) == NULL)
		wrong(o, report, "sockets.group", "\"%s\" does not exist", c->sockets_group);
}

static void check_http(const struct options *o, struct conf_report *report)
{
	const struct conf *c = &o->conf;
	struct where w;

	if (options_serve(o, o->http_named) && where_parse(&w, c->http_listen, false) == 0 && !where_is_local(&w) &&
	    *c->http_token == '\0' && !c->http_open)
		wrong(o, report, "http.listen", "%s can be reached from other machines: set http.token, or http.open = yes if "
		    "everybody may read everything", c->http_listen);
}

int check_settings(const struct options *o, struct conf_report *report)
{
	const unsigned before = report->errors;

	check_filter(o, report);
	check_interfaces(o, report);
	check_accounts(o, report);
	check_http(o, report);
	return report->errors == before ? 0 : FP_ECONFIG;
}

/* ---- Files ---------------------------------------------------------------------------------------- */

static void say_file(void *ctx, const struct sig_error *err)
{
	struct conf_report *report = ctx;
	char line[SIG_ERROR_LINE];

	report->errors++;
	report->say(report->ctx, sig_error_line(err, line));
}

static void check_signatures(const struct options *o, struct conf_report *report)
{
	const struct conf_list *named = &o->conf.signatures;
	char ours[PATH_MAX];
	const char *const one[] = { ours };
	const bool prior_there =
	    strcmp(o->conf.prior, "mail") == 0 || strcmp(o->conf.prior, "flat") == 0 || access(o->conf.prior, R_OK) == 0;
	struct sig_error err;
	struct sigdb *db;

	const char *const *files = named->n > 0 ? (const char *const *)named->item : one;

	if (!prior_there)
		wrong(o, report, "prior", "\"%s\" is wrong: allowed are mail, flat, or a file that can be read: %s", o->conf.prior,
		    strerror(errno));
	paths_signatures(ours, sizeof ours);
	if (sigdb_load_saying(&db, files, named->n > 0 ? named->n : 1, say_file, report) != 0)
		return;
	if (prior_there && opinion_load(db, NULL, o->conf.prior, named->n == 0, &err) != 0)
		say_file(report, &err);
	sigdb_free(&db);
}

int check_all(const struct options *o, struct conf_report *report)
{
	check_settings(o, report);
	check_signatures(o, report);
	return report->errors == 0 ? 0 : FP_ECONFIG;
}
