/* conf - the settings table and its readers. */
#include "core/conf.h"

#include "core/err.h"
#include "core/nearest.h"
#include "core/policyrule.h"
#include "core/probation.h"
#include "core/util.h"
#include "core/where.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum type { T_BOOL, T_NUMBER, T_SIZE, T_SECONDS, T_MODE, T_TEXT, T_LIST, T_CHOICE, T_CPUS, T_CIDRS, T_WHERE, T_HTTP, T_RULES };

static const char *const type_name[] = {
	[T_BOOL] = "yes or no", [T_NUMBER] = "a number", [T_SIZE] = "bytes, with k, M or G",
	[T_SECONDS] = "a time in s, m, h or d",
	[T_MODE] = "an octal mode", [T_TEXT] = "a text", [T_LIST] = "a list",
	[T_CHOICE] = "one of a few words", [T_CPUS] = "CPUs such as 0 2-3",
	[T_CIDRS] = "CIDR blocks such as 10.0.0.0/8",
	[T_WHERE] = WHERE_PLAIN,
	[T_HTTP] = "ADDR:PORT, [ADDR]:PORT, unix:PATH or off",
	[T_RULES] = "a rule, CONDITION... : ACTION",
};

static const char *const fanout_words[] = { "hash", "cpu", "qm", NULL }; /* in the order of enum capture_fanout */
static const char *const handshake_words[] = {
	[PROBATION_AUTO] = "auto", [PROBATION_REQUIRE] = "require", [PROBATION_IGNORE] = "ignore", NULL
};
static const char *const words_words[] = { "v2", "v3", NULL };

struct row {
	const char *name;
	enum type type;
	size_t offset;
	uint64_t min, max;
	bool can_auto;           /* "auto" is CONF_AUTO */
	const char *const *words;
	const char *preset;
	const char *text;
};

#define AT(field) offsetof(struct conf, field)
#define GIB (UINT64_C(1) << 30)

static const struct row table[] = {
	{ "interface", T_LIST, AT(interface), 0, 0, false, NULL, "",
	  "where to capture; empty: the interface of the default route" },
	{ "filter", T_TEXT, AT(filter), 0, 0, false, NULL, "",
	  "pcap expression for what to look at; empty: all TCP" },
	{ "promiscuous", T_BOOL, AT(promiscuous), 0, 0, false, NULL, "no",
	  "also what is sent to others (mirror ports)" },
	{ "decapsulate", T_BOOL, AT(decapsulate), 0, 0, false, NULL, "no",
	  "look into GRE, VXLAN, GENEVE and IP in IP, as clouds mirror traffic; whoever can send us such a packet can then speak for any address" },
	{ "listen", T_WHERE, AT(listen), 0, 0, false, NULL, "",
	  "where sensors may send captures (tcpdump -U -w - | nc): ADDR:PORT or a path" },
	{ "listen.allow", T_CIDRS, AT(listen_allow), 0, 0, false, NULL, "127.0.0.0/8 ::1",
	  "addresses from which captures are taken" },
	{ "queues", T_NUMBER, AT(queues), 1, 64, false, NULL, "1", "capture threads for each interface" },
	{ "matchers", T_NUMBER, AT(matchers), 0, 64, true, NULL, "auto",
	  "matcher threads; 0: match in the capture threads" },
	{ "readers", T_NUMBER, AT(readers), 1, 64, true, NULL, "auto",
	  "threads that read one large pcap file; auto: as many as there are CPUs, 8 at most" },
	{ "cpus", T_CPUS, AT(cpus), 0, 0, false, NULL, "",
	  "CPUs to pin to, capture threads first, then matchers; empty: all that we may use" },
	{ "fanout", T_CHOICE, AT(fanout), 0, 0, false, fanout_words, "hash",
	  "how queues share the traffic: hash, cpu or qm; only hash keeps a flow on one queue" },
	{ "capture.timeout_ms", T_NUMBER, AT(timeout_ms), 1, 1000, false, NULL, "1",
	  "a block of packets is handed over after so many ms at the latest" },
	{ "capture.buffer", T_SIZE, AT(buffer_bytes), 1 << 20, 2 * GIB - (1 << 20), false, NULL, "32M",
	  "the kernel's ring of each queue" },
	{ "ignore", T_CIDRS, AT(ignore), 0, 0, false, NULL, "",
	  "clients that are never judged" },
	{ "signatures", T_LIST, AT(signatures), 0, 0, false, NULL, "",
	  "signature files, in order; empty: our own" },
	{ "prior", T_TEXT, AT(prior), 0, 0, false, NULL, "mail",
	  "how common systems are, for probabilities: mail, flat, or a file like prior-mail.tsv" },
	{ "log.p0f", T_TEXT, AT(log_p0f), 0, 0, false, NULL, "",
	  "p0f's log, a line for each thing seen, appended to this file; empty: none" },
	{ "hosts.max", T_NUMBER, AT(hosts_max), 16, 100000000, false, NULL, "1000000",
	  "hosts remembered, in the tables and in the store" },
	{ "hosts.keep", T_SECONDS, AT(hosts_keep_s), 1, 36500 * 86400ull, false, NULL, "30d",
	  "hosts not seen for so long leave the store; files expire nothing" },
	{ "hosts.keep_unconfirmed", T_SECONDS, AT(hosts_keep_unconfirmed_s), 1, 36500 * 86400ull, false, NULL, "1h",
	  "the same for hosts that never completed a handshake" },
	{ "handshake", T_CHOICE, AT(handshake), 0, 0, false, handshake_words, "auto",
	  "whether hosts that never completed one are on probation: auto, where handshakes are seen; require; ignore" },
	{ "probation.rate", T_NUMBER, AT(probation_rate), 1, 100000000, false, NULL, "1000",
	  "above so many changes a second, hosts on probation reach the store only once confirmed" },
	{ "flows.max", T_NUMBER, AT(flows_max), 16, 10000000, false, NULL, "65536",
	  "handshakes under way that are remembered" },
	{ "flows.keep", T_SECONDS, AT(flows_keep_s), 0, 86400, false, NULL, "0",
	  "and are forgotten so long after their SYN; 0: when another needs the place" },
	{ "store.dir", T_TEXT, AT(store_dir), 0, 0, false, NULL, "/var/lib/fingerpost", "where the store is" },
	{ "store.mode", T_MODE, AT(store_mode), 0400, 0666, false, NULL, "0640",
	  "who may read it: 0640 its group, 0644 everybody" },
	{ "store.map", T_SIZE, AT(map_bytes), 1 << 20, 1024 * GIB, true, NULL, "auto",
	  "most that the store's file may grow to; auto: four times what hosts.max needs" },
	{ "store.durable", T_BOOL, AT(durable), 0, 0, false, NULL, "no",
	  "sync each commit to disk; no: every 5 seconds" },
	{ "http.listen", T_HTTP, AT(http_listen), 0, 0, false, NULL, "127.0.0.1:8025",
	  "where the HTTP service answers" },
	{ "http.token", T_TEXT, AT(http_token), 0, 0, false, NULL, "",
	  "bearer token that every HTTP request must carry; needed to listen beyond loopback" },
	{ "http.hosts", T_LIST, AT(http_hosts), 0, 0, false, NULL, "",
	  "further names that a request's Host may have, such as a front-end's" },
	{ "http.origins", T_LIST, AT(http_origins), 0, 0, false, NULL, "",
	  "pages of other origins (https://dashboard.example.org) that may read answers (CORS); empty: none" },
	{ "http.open", T_BOOL, AT(http_open), 0, 0, false, NULL, "no",
	  "listen beyond loopback without a token: whoever reaches the port reads everything" },
	{ "p0f.socket", T_WHERE, AT(p0f_socket), 0, 0, false, NULL, "",
	  "paths of sockets that answer p0f 3 queries; empty: none" },
	{ "p0f.clients", T_NUMBER, AT(p0f_clients), 1, 100000, false, NULL, "1000",
	  "clients at a time, for each kind of socket; one more is closed at once" },
	{ "text.socket", T_WHERE, AT(text_socket), 0, 0, false, NULL, "",
	  "paths of sockets that take an address and answer with a line of text; empty: none" },
	{ "analyzer.listen", T_WHERE, AT(analyzer_listen), 0, 0, false, NULL, "",
	  "p0f-analyzer's protocol: ADDR:PORT for UDP, or paths; empty: nowhere" },
	{ "analyzer.allow", T_CIDRS, AT(analyzer_allow), 0, 0, false, NULL, "127.0.0.1 ::1",
	  "who may ask by UDP" },
	{ "policy.listen", T_WHERE, AT(policy_listen), 0, 0, false, NULL, "",
	  "Postfix policy service: ADDR:PORT or paths; empty: nowhere" },
	{ "policy.rules", T_RULES, AT(policy_rules), 0, 0, false, NULL, "",
	  "what the policy service answers, a rule a line, the first that holds; none holds: a header" },
	{ "words", T_CHOICE, AT(words), 0, 0, false, words_words, "v2",
	  "wording of text, analyzer and policy answers: p0f 2's, which rules know, or p0f 3's" },
	{ "serve.max_age", T_SECONDS, AT(serve_max_age_s), 1, 3650 * 86400, false, NULL, "1h",
	  "an older record is not known to these sockets: addresses pass from hand to hand" },
	{ "sockets.mode", T_MODE, AT(sockets_mode), 0600, 0666, false, NULL, "0666",
	  "who may ask at sockets that are paths" },
	{ "sockets.group", T_TEXT, AT(sockets_group), 0, 0, false, NULL, "",
	  "group of sockets that are paths; empty: the account's own" },
	{ "user", T_TEXT, AT(user), 0, 0, false, NULL, "",
	  "account to run as when started as root; empty: fingerpost if it exists" },
	{ "log.addresses", T_BOOL, AT(log_addresses), 0, 0, false, NULL, "yes",
	  "whether lines to the log may name a client's address" },
	{ "confine", T_BOOL, AT(confine), 0, 0, false, NULL, "yes",
	  "system calls and files beyond what each process needs are refused; no: for debuggers" },
	{ "group", T_TEXT, AT(group), 0, 0, false, NULL, "", "group to run as; empty: the account's own" },
};

static void *field(struct conf *c, const struct row *row)
{
	return (char *)c + row->offset;
}

void conf_list_free(struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->item[i]);
	free(list->item);
	*list = (struct conf_list){ NULL, 0 };
}

static int list_add(struct conf_list *list, const char *text, size_t len)
{
	char **item = realloc(list->item, (list->n + 2) * sizeof *item);

	if (item == NULL)
		return -ENOMEM;
	list->item = item;
	if ((item[list->n] = strndup(text, len)) == NULL)
		return -ENOMEM;
	item[++list->n] = NULL;
	return 0;
}

int conf_list_add(struct conf_list *list, const char *text)
{
	return list_add(list, text, strlen(text));
}

static void say(struct conf_report *report, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct conf_report *report, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	report->errors++;
	if (report->say != NULL)
		report->say(report->ctx, text);
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(name, table[i].name) == 0)
			return &table[i];
	return NULL;
}

static const char *nearest_name(const char *name)
{
	struct nearest n = NEAREST_NONE;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		nearest_offer(&n, name, table[i].name);
	return n.name != NULL ? n.name : table[0].name;
}

/* What a number of a type may end in, the largest first. Of bytes k is 1024; counts of things take decimal ones, as people write them. */
static const struct {
	enum type type;
	char suffix;
	uint64_t factor;
} units[] = {
	{ T_SIZE, 'G', GIB }, { T_SIZE, 'M', 1 << 20 }, { T_SIZE, 'k', 1 << 10 },
	{ T_SECONDS, 'd', 86400 }, { T_SECONDS, 'h', 3600 }, { T_SECONDS, 'm', 60 }, { T_SECONDS, 's', 1 },
	{ T_NUMBER, 'G', 1000000000 }, { T_NUMBER, 'M', 1000000 }, { T_NUMBER, 'k', 1000 },
};

/* A whole number, with one of its type's units or none; false: it is none, or too large. */
static bool number(const char *text, enum type type, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	const uint64_t n = strtoull(text, &end, 10);

	if (errno != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (units[i].type == type && units[i].suffix == end[0] && end[1] == '\0') {
			if (n > UINT64_MAX / units[i].factor)
				return false;
			*out = n * units[i].factor;
			return true;
		}
	*out = n;
	return *end == '\0';
}

/* "3" or "0-7". */
static bool cpu_range(const char *text, unsigned *first, unsigned *last)
{
	int end = 0;

	if (!isdigit((unsigned char)text[0]))
		return false;
	if (sscanf(text, "%4u%n", first, &end) != 1)
		return false;
	*last = *first;
	if (text[end] == '-') {
		text += end + 1;
		if (!isdigit((unsigned char)text[0]) || sscanf(text, "%4u%n", last, &end) != 1)
			return false;
	}
	return text[end] == '\0' && *first <= *last && *last < 1024;
}

size_t conf_cpus(const struct conf_list *list, unsigned *cpu, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		unsigned first, last;

		if (cpu_range(list->item[i], &first, &last))
			for (; first <= last && n < max; first++)
				cpu[n++] = first;
	}
	return n;
}

static bool item_ok(enum type type, const char *item)
{
	struct fp_cidr cidr;
	struct where w;
	unsigned first, last;

	switch (type) {
	case T_WHERE:
		return where_parse(&w, item, true) == 0;
	case T_CIDRS:
		return fp_cidr_parse(&cidr, item) == 0;
	case T_CPUS:
		return cpu_range(item, &first, &last);
	default:
		return true;
	}
}

static int set_list(struct conf_list *list, const struct row *row, const char *where, const char *value,
    bool append, struct conf_report *report)
{
	int rc = 0;

	if (!append)
		conf_list_free(list);
	while (*value != '\0' && rc == 0) {
		const size_t gap = strspn(value, " \t,");
		const size_t len = strcspn(value + gap, " \t,");

		value += gap;
		if (len == 0)
			break;
		rc = list_add(list, value, len);
		if (rc == 0 && !item_ok(row->type, list->item[list->n - 1])) {
			say(report, "%s: %s: \"%s\" is wrong: allowed are %s", where, row->name,
			    list->item[list->n - 1], type_name[row->type]);
			rc = FP_ECONFIG;
		}
		value += len;
	}
	return rc;
}

/* A rule has blanks of its own: one a setting. */
static int set_rules(struct conf_list *list, const struct row *row, const char *where, const char *value, bool append,
    struct conf_report *report)
{
	char why[POLICYRULE_WHY];
	struct policyrule rule;

	if (!append)
		conf_list_free(list);
	if (*value == '\0')
		return 0;
	if (policyrule_parse(&rule, value, why) == 0)
		return conf_list_add(list, value);
	say(report, "%s: %s: \"%s\" is wrong: %s", where, row->name, value, why);
	return FP_ECONFIG;
}

/* A bound as a person would write it in the file. */
static void put_bound(char buf[24], const struct row *row, uint64_t n)
{
	snprintf(buf, 24, row->type == T_MODE ? "0%" PRIo64 : "%" PRIu64, n);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (units[i].type == row->type && n > 0 && n % units[i].factor == 0) {
			snprintf(buf, 24, "%" PRIu64 "%c", n / units[i].factor, units[i].suffix);
			return;
		}
}

static int set_number(uint64_t *out, const struct row *row, const char *where, const char *value,
    struct conf_report *report)
{
	char low[24], high[24], *end;
	uint64_t n;
	bool ok;

	if (row->can_auto && strcmp(value, "auto") == 0) {
		*out = CONF_AUTO;
		return 0;
	}
	if (row->type == T_MODE) {
		n = strtoull(value, &end, 8);
		ok = isdigit((unsigned char)value[0]) && *end == '\0';
	} else {
		ok = number(value, row->type, &n);
	}
	if (ok && n >= row->min && n <= row->max) {
		*out = n;
		return 0;
	}
	put_bound(low, row, row->min);
	put_bound(high, row, row->max);
	say(report, "%s: %s: \"%s\" is wrong: allowed is %s from %s to %s%s", where, row->name, value, type_name[row->type], low, high,
	    row->can_auto ? ", or auto" : "");
	return FP_ECONFIG;
}

static int set_choice(uint64_t *out, const struct row *row, const char *where, const char *value,
    struct conf_report *report)
{
	char allowed[128] = "";

	for (size_t i = 0; row->words[i] != NULL; i++) {
		if (strcmp(row->words[i], value) == 0) {
			*out = i;
			return 0;
		}
		snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s",
		    i > 0 ? ", " : "", row->words[i]);
	}
	say(report, "%s: %s: \"%s\" is wrong: allowed are %s", where, row->name, value, allowed);
	return FP_ECONFIG;
}

static int set_bool(bool *out, const struct row *row, const char *where, const char *value,
    struct conf_report *report)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true", "0", "1" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(words[i], value) == 0) {
			*out = i & 1;
			return 0;
		}
	say(report, "%s: %s: \"%s\" is wrong: allowed are yes and no", where, row->name, value);
	return FP_ECONFIG;
}

static int set_text(char **out, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return -ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

static int set_http(char **out, const struct row *row, const char *where, const char *value, struct conf_report *report)
{
	struct where w;

	if (*value == '\0' || strcmp(value, "off") == 0 || where_parse(&w, value, false) == 0)
		return set_text(out, value);
	say(report, "%s: %s: \"%s\" is wrong: allowed is %s", where, row->name, value, type_name[row->type]);
	return FP_ECONFIG;
}

static int set_row(struct conf *c, const struct row *row, const char *where, const char *value, bool append,
    struct conf_report *report)
{
	switch (row->type) {
	case T_BOOL:
		return set_bool(field(c, row), row, where, value, report);
	case T_NUMBER:
	case T_SIZE:
	case T_SECONDS:
	case T_MODE:
		return set_number(field(c, row), row, where, value, report);
	case T_CHOICE:
		return set_choice(field(c, row), row, where, value, report);
	case T_TEXT:
		return set_text(field(c, row), value);
	case T_HTTP:
		return set_http(field(c, row), row, where, value, report);
	case T_LIST:
	case T_CPUS:
	case T_CIDRS:
	case T_WHERE:
		return set_list(field(c, row), row, where, value, append, report);
	case T_RULES:
		return set_rules(field(c, row), row, where, value, append, report);
	}
	return FP_ECONFIG;
}

int conf_set(struct conf *c, const char *where, const char *name, const char *value, bool append,
    struct conf_report *report)
{
	const struct row *row = find_row(name);

	if (row == NULL) {
		say(report, "%s: unknown setting \"%s\"; the nearest is \"%s\"", where, name, nearest_name(name));
		return FP_ECONFIG;
	}
	const int rc = set_row(c, row, where, value, append, report);

	return rc == 0 ? set_text(&c->set_at[row - table], where) : rc;
}

const char *conf_where(const struct conf *c, const char *name)
{
	const struct row *row = find_row(name);

	return row != NULL && c->set_at[row - table] != NULL ? c->set_at[row - table] : "default";
}

int conf_init(struct conf *c)
{
	struct conf_report nobody = { NULL, NULL, 0 };

	memset(c, 0, sizeof *c);
	if ((c->set_at = calloc(ARRAY_LEN(table), sizeof *c->set_at)) == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const int rc = set_row(c, &table[i], "default", table[i].preset, false, &nobody);

		if (rc != 0) {
			conf_free(c);
			return rc;
		}
	}
	return 0;
}

void conf_free(struct conf *c)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		void *at = field(c, &table[i]);

		if (c->set_at != NULL)
			free(c->set_at[i]);
		switch (table[i].type) {
		case T_TEXT:
		case T_HTTP:
			free(*(char **)at);
			*(char **)at = NULL;
			break;
		case T_LIST:
		case T_CPUS:
		case T_CIDRS:
		case T_WHERE:
		case T_RULES:
			conf_list_free(at);
			break;
		default:
			break;
		}
	}
	free(c->set_at);
	c->set_at = NULL;
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	for (len = strlen(text); len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL; len--)
		text[len - 1] = '\0';
	return text;
}

/* One line of a file; a list that stands on several lines is joined. */
static int read_line(struct conf *c, const char *where, char *line, bool seen[], struct conf_report *report)
{
	char *equals, *name;

	line[strcspn(line, "#")] = '\0';
	name = trim(line);
	if (*name == '\0')
		return 0;
	equals = strchr(name, '=');
	if (equals == NULL) {
		say(report, "%s: \"%s\": expected name = value", where, name);
		return FP_ECONFIG;
	}
	*equals = '\0';
	name = trim(name);

	const struct row *row = find_row(name);
	bool *again = row != NULL ? &seen[row - table] : NULL;
	const int rc = conf_set(c, where, name, trim(equals + 1), again != NULL && *again, report);

	if (again != NULL)
		*again = true;
	return rc;
}

int conf_read(struct conf *c, const char *path, struct conf_report *report)
{
	bool seen[ARRAY_LEN(table)] = { false };
	char *line = NULL, where[300];
	size_t size = 0;
	int rc = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		rc = -errno;
		say(report, "%s: cannot be read: %s", path, fp_strerror(rc));
		return rc;
	}
	for (unsigned n = 1; getline(&line, &size, f) >= 0; n++) {
		snprintf(where, sizeof where, "%s:%u", path, n);
		const int one = read_line(c, where, line, seen, report);

		if (one != 0)
			rc = one;
	}
	if (ferror(f)) {
		rc = -EIO;
		say(report, "%s: cannot be read: %s", path, fp_strerror(rc));
	}
	free(line);
	fclose(f);
	return rc;
}

static void put_allowed(char *buf, size_t size, const struct row *row)
{
	char low[24], high[24];

	buf[0] = '\0';
	if (row->type == T_CHOICE) {
		for (size_t i = 0; row->words[i] != NULL; i++)
			snprintf(buf + strlen(buf), size - strlen(buf), "%s%s", i == 0 ? "" : row->words[i + 1] != NULL ? ", " : " or ",
			    row->words[i]);
	} else if (row->min != row->max) {
		put_bound(low, row, row->min);
		put_bound(high, row, row->max);
		snprintf(buf, size, "%s to %s%s", low, high, row->can_auto ? ", or auto" : "");
	}
}

bool conf_row(size_t n, struct conf_info *out)
{
	if (n >= ARRAY_LEN(table))
		return false;
	*out = (struct conf_info){ table[n].name, type_name[table[n].type], table[n].preset, table[n].text, "" };
	put_allowed(out->allowed, sizeof out->allowed, &table[n]);
	return true;
}
