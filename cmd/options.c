/* options - the daemon's command line. */
#include "cmd/options.h"

#include "core/counters.h"
#include "core/err.h"
#include "core/nearest.h"
#include "core/quirk.h"
#include "core/util.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_FILE "/etc/fingerpost/fingerpost.conf"

/* What an option does where it is not simply a setting. */
enum action { SETTING, FLAG_PROMISCUOUS, READ_FILE, CONFIG, SET, STAY, TEST, DETACH, LIST, LIMITS, AGES, TABLE, VERSION, HELP };

static const struct entry {
	char letter;
	const char *name;     /* long form; NULL: none */
	const char *argument; /* NULL: none */
	enum action action;
	const char *setting;  /* of SETTING */
	const char *help;     /* NULL: for our own tools, not for people */
} table[] = {
	{ 'c', "config", "FILE", CONFIG, NULL, "settings (" DEFAULT_FILE ")" },
	{ 'i', "interface", "NAME", SETTING, "interface", "capture there; repeatable; \"any\" allowed" },
	{ 'r', "read", "FILE", READ_FILE, NULL, "read a pcap file, FIFO or -, exit; repeatable" },
	{ 0, "listen", "WHERE", SETTING, "listen", "ADDR:PORT or PATH: sensors; repeatable" },
	{ 0, "stay", NULL, STAY, NULL, "after the last -r, keep serving" },
	{ 'f', "signatures", "FILE", SETTING, "signatures", "signature file; repeatable, in order" },
	{ 0, "store", "DIR", SETTING, "store.dir", "where the store is (/var/lib/fingerpost)" },
	{ 's', "p0f-socket", "PATH", SETTING, "p0f.socket", "p0f 3 query socket" },
	{ 0, "text-socket", "PATH", SETTING, "text.socket", "an address in, one line of text out" },
	{ 0, "analyzer", "WHERE", SETTING, "analyzer.listen", "p0f-analyzer: ADDR:PORT for UDP, or PATH" },
	{ 0, "policy", "WHERE", SETTING, "policy.listen", "Postfix policy service: ADDR:PORT or PATH" },
	{ 'o', "log", "FILE", SETTING, "log.p0f", "p0f's log, appended to FILE" },
	{ 0, "http", "WHERE", SETTING, "http.listen", "ADDR:PORT, unix:PATH or off (127.0.0.1:8025)" },
	{ 'u', "user", "NAME", SETTING, "user", "run as this account (fingerpost, if it exists)" },
	{ 0, "queues", "N", SETTING, "queues", "capture threads for each interface" },
	{ 0, "matchers", "N", SETTING, "matchers", "matcher threads; 0: match in the capture threads" },
	{ 0, "cpus", "LIST", SETTING, "cpus", "CPUs to pin to, such as 0,2-3" },
	{ 'S', NULL, "N", SETTING, "p0f.clients", "clients of query sockets at a time (1000)" },
	{ 'm', NULL, "FLOWS,HOSTS", LIMITS, NULL, "flows and hosts remembered: flows.max, hosts.max" },
	{ 't', NULL, "SECONDS,MINUTES", AGES, NULL, "how long: flows.keep in seconds, hosts.keep in minutes" },
	{ 'p', NULL, NULL, FLAG_PROMISCUOUS, NULL, "promiscuous: also what is sent to others" },
	{ 0, "set", "NAME=VALUE", SET, NULL, "any setting of the file; repeatable" },
	{ 0, "test", NULL, TEST, NULL, "read settings and signatures, say all errors" },
	{ 'd', NULL, NULL, DETACH, NULL, "detach from the terminal" },
	{ 'L', NULL, NULL, LIST, NULL, "list interfaces" },
	{ 0, "table", NULL, TABLE, NULL, NULL },
	{ 0, "version", NULL, VERSION, NULL, "print the version" },
	{ 'h', "help", NULL, HELP, NULL, "print this" },
};

/* Of these --help says the name alone, so that it fits a screen of 24 lines: tests/system/manuals.t counts them. */
static const char *const rare[] = { "analyzer", "policy", "text-socket", "queues", "matchers", "cpus", "m", "S", "t" };

static bool is_rare(const struct entry *e)
{
	const char letter[2] = { e->letter, '\0' };

	for (size_t i = 0; i < ARRAY_LEN(rare); i++)
		if (strcmp(e->name != NULL ? e->name : letter, rare[i]) == 0)
			return true;
	return false;
}

/* "-c, --config FILE" */
static void left_column(char *buf, size_t size, const struct entry *e)
{
	snprintf(buf, size, "%c%c%s%s%s %s", e->letter ? '-' : ' ', e->letter ? e->letter : ' ',
	    e->name == NULL ? "" : e->letter ? ", " : "  ", e->name ? "--" : "", e->name ? e->name : "",
	    e->argument ? e->argument : "");
}

static void print_help(void)
{
	bool more = false;

	puts("usage: fingerpostd [options] ['FILTER']\n"
	     "Watches TCP connections and records which operating system each client runs.");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char left[64];

		if (table[i].help == NULL || is_rare(&table[i]))
			continue;
		left_column(left, sizeof left, &table[i]);
		printf("  %-29s %s\n", left, table[i].help);
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].help == NULL || !is_rare(&table[i]))
			continue;
		if (table[i].name != NULL)
			printf("%s--%s", more ? " " : "Also: ", table[i].name);
		else
			printf("%s-%c", more ? " " : "Also: ", table[i].letter);
		more = true;
	}
	puts("");
	puts("FILTER is a pcap expression, such as 'tcp port 25'. All of it: man fingerpostd.");
}

/*
 * Everything that manuals, completion and the shipped settings file are made of (docs/man/generate), a line a row, tabs
 * between: the program itself is the source.
 */
static void print_table(void)
{
	struct conf_info c;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct entry *e = &table[i];
		const char letter[2] = { e->letter, '\0' };

		if (e->help != NULL)
			printf("option\t%s\t%s\t%s\t%s\t%s\n", letter, e->name != NULL ? e->name : "",
			    e->argument != NULL ? e->argument : "", e->setting != NULL ? e->setting : "", e->help);
	}
	for (size_t n = 0; conf_row(n, &c); n++)
		printf("setting\t%s\t%s\t%s\t%s\t%s\n", c.name, c.type, c.allowed, c.preset, c.text);
	for (int n = 0; n < COUNTER_COUNT; n++) {
		static const char *const owner[] = { "queue", "matcher", "writer", "services" };
		const struct counter_info *info = counter_info((enum counter)n);

		printf("counter\t%s\t%s\t%s\t%s\n", owner[info->owner], info->name,
		    info->cause != NULL ? info->cause : "", info->text);
	}
#define X(constant, name, version, source) puts("quirk\t" name "\t" #version "\t" source);
	QUIRK_ROWS(X)
#undef X
}

static void say(struct conf_report *report, const char *fmt, const char *what)
{
	char text[256];

	snprintf(text, sizeof text, fmt, what);
	report->errors++;
	report->say(report->ctx, text);
}

/* --set NAME=VALUE */
static void set_pair(struct conf *conf, const char *pair, struct conf_report *report)
{
	const char *equals = strchr(pair, '=');
	char name[64];

	if (equals == NULL || (size_t)(equals - pair) >= sizeof name) {
		say(report, "--set %s: expected NAME=VALUE", pair);
		return;
	}
	snprintf(name, sizeof name, "%.*s", (int)(equals - pair), pair);
	conf_set(conf, "--set", name, equals + 1, false, report);
}

/* "A,B": A with its unit into buf; NULL: there is no comma. Returns B. */
static const char *first_of_two(char buf[48], const char *value)
{
	const char *comma = strchr(value, ',');

	if (comma == NULL || comma - value >= 40)
		return NULL;
	snprintf(buf, 48, "%.*s", (int)(comma - value), value);
	return comma + 1;
}

/* -m FLOWS,HOSTS as p0f has it */
static void set_limits(struct conf *conf, const char *value, struct conf_report *report)
{
	char flows[48];
	const char *hosts = first_of_two(flows, value);

	if (hosts == NULL) {
		say(report, "-m %s: expected FLOWS,HOSTS, such as 1000,10000", value);
		return;
	}
	conf_set(conf, "-m", "flows.max", flows, false, report);
	conf_set(conf, "-m", "hosts.max", hosts, false, report);
}

/* -t SECONDS,MINUTES as p0f has it: of all hosts, so that those that never completed a handshake are not kept longer. */
static void set_ages(struct conf *conf, const char *value, struct conf_report *report)
{
	char seconds[48], minutes[48];
	const char *second = first_of_two(seconds, value);

	if (second == NULL || strlen(second) > 40) {
		say(report, "-t %s: expected SECONDS,MINUTES, such as 30,120", value);
		return;
	}
	snprintf(minutes, sizeof minutes, "%sm", second);
	conf_set(conf, "-t", "flows.keep", seconds, false, report);
	if (conf_set(conf, "-t", "hosts.keep", minutes, false, report) == 0 && conf->hosts_keep_unconfirmed_s > conf->hosts_keep_s)
		conf_set(conf, "-t", "hosts.keep_unconfirmed", minutes, false, report);
}

/* getopt's two tables, made of ours; a long option's value is its index + 1000. */
static void getopt_tables(char *letters, struct option *longs)
{
	*letters++ = ':';
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].letter != 0) {
			*letters++ = table[i].letter;
			if (table[i].argument != NULL)
				*letters++ = ':';
		}
		if (table[i].name != NULL)
			*longs++ = (struct option){ table[i].name,
				table[i].argument != NULL ? required_argument : no_argument, NULL, 1000 + (int)i };
	}
	*letters = '\0';
	*longs = (struct option){ NULL, 0, NULL, 0 };
}

/* optopt is the letter that there is not, 0 in a long option, and that of one that takes no value and was given one. */
static void unknown_option(const char *word, struct conf_report *report)
{
	struct nearest n = NEAREST_NONE;
	char typed[64], text[200];

	if (optopt >= 1000) {
		say(report, "option --%s takes no value", table[optopt - 1000].name);
		return;
	}
	if (optopt != 0) {
		say(report, "unknown option -%s; --help lists those there are", (const char[]){ (char)optopt, '\0' });
		return;
	}
	snprintf(typed, sizeof typed, "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].name != NULL && table[i].help != NULL)
			nearest_offer(&n, typed, table[i].name);
	snprintf(text, sizeof text, "unknown option --%s; the nearest is --%s; --help lists those there are", typed,
	    n.name != NULL ? n.name : "help");
	say(report, "%s", text);
}

static const struct entry *next_option(int argc, char **argv, struct conf_report *report, bool *end)
{
	char letters[2 * ARRAY_LEN(table) + 2];
	struct option longs[ARRAY_LEN(table) + 1];

	getopt_tables(letters, longs);
	opterr = 0;
	const int c = getopt_long(argc, argv, letters, longs, NULL);

	*end = c == -1;
	if (c == -1)
		return NULL;
	if (c == '?')
		unknown_option(argv[optind - 1], report);
	else if (c == ':' && optopt < 1000)
		say(report, "option -%s needs a value; --help says which", (const char[]){ (char)optopt, '\0' });
	else if (c == ':')
		say(report, "option --%s needs a value; --help says which", table[optopt - 1000].name);
	else if (c >= 1000)
		return &table[c - 1000];
	else
		for (size_t i = 0; i < ARRAY_LEN(table); i++)
			if (table[i].letter == c)
				return &table[i];
	return NULL;
}

/* The file named by -c, wherever it stands, is read before all other options: they stand over it. */
static void read_settings(struct options *o, int argc, char **argv, struct conf_report *report)
{
	const char *path = NULL;

	for (int i = 1; i < argc && path == NULL; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if ((strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0) && i + 1 < argc)
			path = argv[i + 1];
		else if (strncmp(argv[i], "--config=", 9) == 0)
			path = argv[i] + 9;
		else if (strncmp(argv[i], "-c", 2) == 0 && argv[i][2] != '\0')
			path = argv[i] + 2;
	}
	if (path != NULL || access(DEFAULT_FILE, F_OK) == 0)
		conf_read(&o->conf, path != NULL ? path : DEFAULT_FILE, report);
}

static enum options_result apply(struct options *o, const struct entry *e, bool again, struct conf_report *report)
{
	char where[40];

	switch (e->action) {
	case SETTING:
		if (e->name != NULL)
			snprintf(where, sizeof where, "--%s", e->name);
		else
			snprintf(where, sizeof where, "-%c", e->letter);
		conf_set(&o->conf, where, e->setting, optarg, again, report);
		break;
	case FLAG_PROMISCUOUS:
		o->conf.promiscuous = true;
		break;
	case READ_FILE:
		if (conf_list_add(&o->files, optarg) != 0)
			say(report, "%s", "out of memory");
		break;
	case CONFIG:
		break; /* read already */
	case SET:
		set_pair(&o->conf, optarg, report);
		break;
	case STAY:
		o->stay = true;
		break;
	case TEST:
		o->test = true;
		break;
	case DETACH:
		o->detach = true;
		break;
	case LIST:
		o->list = true;
		break;
	case LIMITS:
		set_limits(&o->conf, optarg, report);
		break;
	case AGES:
		set_ages(&o->conf, optarg, report);
		break;
	case TABLE:
		print_table();
		return OPTIONS_DONE;
	case VERSION:
		puts("fingerpostd " FP_VERSION);
		return OPTIONS_DONE;
	case HELP:
		print_help();
		return OPTIONS_DONE;
	}
	return OPTIONS_RUN;
}

/* Services that are asked for by an option of their own are wanted with -r too. */
static void mark_named(struct options *o, const struct entry *e)
{
	const struct {
		const char *setting;
		bool *named;
	} services[] = {
		{ "http.listen", &o->http_named }, { "p0f.socket", &o->p0f_named }, { "text.socket", &o->text_named },
		{ "analyzer.listen", &o->analyzer_named }, { "policy.listen", &o->policy_named },
	};

	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (e->action == SETTING && strcmp(e->setting, services[i].setting) == 0)
			*services[i].named = true;
}

enum options_result options_parse(struct options *o, int argc, char **argv, struct conf_report *report)
{
	bool seen[ARRAY_LEN(table)] = { false };
	bool end = false;

	memset(o, 0, sizeof *o);
	if (conf_init(&o->conf) != 0) {
		say(report, "%s", "out of memory");
		return OPTIONS_WRONG;
	}
	read_settings(o, argc, argv, report);
	optind = 1;
	while (!end) {
		const struct entry *e = next_option(argc, argv, report, &end);

		if (e == NULL)
			continue;
		if (apply(o, e, seen[e - table], report) == OPTIONS_DONE)
			return OPTIONS_DONE;
		seen[e - table] = true;
		o->live |= e->action == SETTING && strcmp(e->setting, "interface") == 0;
		mark_named(o, e);
	}
	if (argc - optind == 1)
		conf_set(&o->conf, "FILTER", "filter", argv[optind], false, report);
	else if (argc - optind > 1)
		say(report, "\"%s\": one FILTER is expected; put the expression in quotes", argv[optind + 1]);
	o->receiving = o->conf.listen.n > 0;
	o->live |= o->files.n == 0 && (!o->receiving || o->conf.interface.n > 0);
	return report->errors == 0 ? OPTIONS_RUN : OPTIONS_WRONG;
}

bool options_serve(const struct options *o, bool named)
{
	return o->live || o->receiving || o->stay || named;
}

void options_free(struct options *o)
{
	conf_free(&o->conf);
	conf_list_free(&o->files);
}
