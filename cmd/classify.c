/* classify - reads a capture through decode, match and track, and prints in capture order. */
#include "cmd/classify.h"
#include "cmd/printers.h"
#include "capture/capture.h"
#include "core/err.h"
#include "core/opinion.h"
#include "core/p0flog.h"
#include "core/paths.h"
#include "core/pkt.h"
#include "core/sigtext.h"
#include "core/util.h"
#include "store/reader.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define P0F_SIGNATURES "/etc/p0f/p0f.fp"
#define SIGFILES_MAX 32
#define STDOUT_BYTES 65536
#define THREADS_AUTO 4 /* the one that reads keeps no more of them busy */
#define THREADS_MAX 64

/* Untouched memory costs nothing; p0f's own limits are not imitated. */
#define FLOWS_MAX (1u << 20)
#define HOSTS_MAX (1u << 20)

/* p0f's -t. */
#define P0F_FLOW_AGE_S 30
#define P0F_HOST_AGE_S (120 * 60)

enum exit_status { EXIT_DONE = 0, EXIT_PARTWAY = 1, EXIT_USAGE = 2 };

enum format { FORMAT_P0F, FORMAT_JSON, FORMAT_TSV };

struct classify {
	const char *file, *filter, *model, *prior;
	const char *sigfiles[SIGFILES_MAX];
	size_t n_sigfiles;
	enum format format;
	enum match_mode mode;
	char default_sigfile[PATH_MAX];
	bool own_database;     /* no -f: ours */

	struct pkt_conf pkt;
	struct sigdb *db;
	struct track *track;
	struct printers *printers;
	unsigned threads;      /* that print; 0: a CPU each, THREADS_AUTO at most */
	uint64_t unknown_link; /* frames of a link type that we do not read */
	uint32_t unknown_link_number;
	struct capture *capture;
};

static const char usage[] =
    "usage: fingerpost classify -r FILE|- [-f SIGFILE]... [--format p0f|json|tsv] [--prior P] [--compat p0f]\n"
    "                           [--decapsulate] [--threads N] ['FILTER']\n"
    "  -r, --read FILE        a pcap or pcapng file, a FIFO, or - for standard input\n"
    "  -f, --signatures FILE  signature file in p0f 3's format; repeatable, in order; default: our own database\n"
    "      --format FORMAT    p0f: p0f's log lines (default); json: an object a line; tsv: a table with a header row\n"
    "      --prior P          how common systems are, for probabilities: flat (default), mail, or a file\n"
    "      --model FILE       what systems send, instead of our own table\n"
    "      --compat p0f       answer as p0f 3.09b does, its documented defects included\n"
    "      --decapsulate      look into GRE, VXLAN, GENEVE and IP in IP; FILTER then speaks of what they carry\n"
    "      --threads N        that print: it is most of the work; default: a CPU each, 4 at most\n"
    "  FILTER                 a pcap expression; without one, all TCP\n";

static int complain(const char *fmt, ...) PRINTF_LIKE(1, 2);

static int complain(const char *fmt, ...)
{
	va_list args;

	fputs("fingerpost classify: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

/* ---- Printing ----------------------------------------------------------------------------- */

static const char *match_name(uint8_t match)
{
	static const char *const names[] = {
		[MATCH_NONE] = "none", [MATCH_EXACT] = "exact", [MATCH_GENERIC] = "generic", [MATCH_FUZZY] = "fuzzy",
	};

	return names[match];
}

/* RFC 3339 with nanoseconds. */
static const char *time_text(int64_t time_ns, char buf[40])
{
	const time_t seconds = (time_t)(time_ns / 1000000000);
	struct tm tm;
	size_t n = 0;

	if (gmtime_r(&seconds, &tm) != NULL)
		n = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 40 - n, ".%09dZ", (int)(time_ns % 1000000000));
	return buf;
}

static void print_json_string(FILE *out, const char *text)
{
	if (text == NULL || text[0] == '\0') {
		fputs_unlocked("null", out);
		return;
	}
	putc_unlocked('"', out);
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			fprintf(out, "\\u%04x", (unsigned char)*p);
		else
			putc_unlocked(*p, out);
	putc_unlocked('"', out);
}

/* The fingerprinted end of an event and the other one. */
struct ends {
	char ip[FP_ADDR_TEXT], peer[FP_ADDR_TEXT];
	uint16_t port, peer_port;
};

static void ends_of(const struct track_event *e, struct ends *out)
{
	fp_addr_text(e->server ? &e->srv : &e->cli, out->ip);
	fp_addr_text(e->server ? &e->cli : &e->srv, out->peer);
	out->port = e->server ? e->srv_port : e->cli_port;
	out->peer_port = e->server ? e->cli_port : e->srv_port;
}

/* Candidates and path as in a host, but all of the candidates that are worth saying. */
static void print_opinion(const struct classify *c, FILE *out, const struct tcp_obs *obs)
{
	struct model_answer a = { .n = 0 };
	const char *flavor, *word, *comma = "";

	if (c->mode != MATCH_COMPAT_P0F)
		opinion_judge(c->db, obs, &a);
	fputs_unlocked("\"candidates\":[", out);
	for (unsigned i = 0; i < a.n; i++) {
		fprintf(out, "%s{\"name\":\"%s\",\"flavor\":", i > 0 ? "," : "", model_candidate(a.candidate[i].code, &flavor));
		print_json_string(out, flavor);
		fprintf(out, ",\"p\":%.3f}", (double)a.candidate[i].p);
	}
	fputs_unlocked("],\"path\":[", out);
	for (unsigned bit = 0; (word = fp_path_name(bit)) != NULL; bit++)
		if (a.path >> bit & 1) {
			fprintf(out, "%s\"%s\"", comma, word);
			comma = ",";
		}
	putc_unlocked(']', out);
}

static void print_json(const struct classify *c, FILE *out, const struct track_event *e)
{
	const struct verdict *v = &e->verdict;
	const struct sig_label *l = v->label;
	char when[40], raw[SIGTEXT_RAW];
	struct ends ends;

	ends_of(e, &ends);
	p0flog_raw_sig(c->mode, e->obs, v, raw, sizeof raw);
	fprintf(out, "{\"time\":\"%s\",\"ip\":\"%s\",\"port\":%u,\"peer\":\"%s\",\"peer_port\":%u,\"kind\":\"%s\",\"os\":{\"name\":",
	    time_text(e->time_ns, when), ends.ip, ends.port, ends.peer, ends.peer_port, e->kind == TRACK_SYN ? "syn" : "syn+ack");
	print_json_string(out, l != NULL ? l->name : NULL);
	fputs_unlocked(",\"flavor\":", out);
	print_json_string(out, l != NULL ? l->flavor : NULL);
	fputs_unlocked(",\"class\":", out);
	print_json_string(out, l != NULL ? l->klass : NULL);
	fprintf(out, ",\"match\":\"%s\"},", match_name(v->match));
	print_opinion(c, out, e->obs);
	fprintf(out, ",\"signature\":\"%s\",\"distance\":", raw);
	if (v->dist >= 0)
		fprintf(out, "%d", v->dist);
	else
		fputs_unlocked("null", out);
	fputs_unlocked(",\"link\":", out);
	print_json_string(out, v->link);
	if (v->mtu != 0)
		fprintf(out, ",\"mtu\":%u}\n", v->mtu);
	else
		fputs_unlocked(",\"mtu\":null}\n", out);
}

static void print_tsv(const struct classify *c, FILE *out, const struct track_event *e)
{
	const struct verdict *v = &e->verdict;
	const struct sig_label *l = v->label;
	char when[40], raw[SIGTEXT_RAW], dist[8] = "", p[16] = "";
	struct model_answer a;
	struct ends ends;

	ends_of(e, &ends);
	p0flog_raw_sig(c->mode, e->obs, v, raw, sizeof raw);
	if (v->dist >= 0)
		snprintf(dist, sizeof dist, "%d", v->dist);
	if (l != NULL && c->mode != MATCH_COMPAT_P0F) {
		opinion_judge(c->db, e->obs, &a);
		if (a.n > 0) {
			const float named = model_name_p(&a, l->name, l->flavor);

			snprintf(p, sizeof p, "%.3f", named > 0 ? (double)named : 0.0);
		}
	}
	fprintf(out, "%s\t%s\t%u\t%s\t%u\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", time_text(e->time_ns, when), ends.ip, ends.port, ends.peer,
	    ends.peer_port, e->kind == TRACK_SYN ? "syn" : "syn+ack", l != NULL ? l->name : "???", l != NULL ? l->flavor : "",
	    l != NULL ? l->klass : "", match_name(v->match), p, dist, v->link != NULL ? v->link : "", raw);
}

static void print_event(struct printer *printer, const struct track_event *e)
{
	const struct classify *c = printer->ctx;
	char line[P0FLOG_LINE];
	size_t n;

	switch (c->format) {
	case FORMAT_P0F:
		if ((n = p0flog_line(&printer->log, e, line)) > 0)
			fwrite_unlocked(line, 1, n, printer->out);
		break;
	case FORMAT_JSON:
		if (e->kind == TRACK_SYN || e->kind == TRACK_SYNACK)
			print_json(c, printer->out, e);
		break;
	case FORMAT_TSV:
		if (e->kind == TRACK_SYN || e->kind == TRACK_SYNACK)
			print_tsv(c, printer->out, e);
		break;
	}
}

/* ---- Frames ------------------------------------------------------------------------------- */

static bool of_loopback(uint32_t link)
{
	return link == PKT_LINK_NULL || link == PKT_LINK_LOOP;
}

/*
 * What libpcap's filter "tcp" passes of a loopback's frames in a file: there, and only there, it knows the numbers that other systems have for
 * IPv6, and cannot be asked for this filter without libpcap's own reader.
 */
static bool loopback_tcp(const struct capture_frame *f)
{
	static const uint8_t ipv6[] = { 24, 28, 30 }; /* NetBSD and OpenBSD; FreeBSD; macOS */
	const uint8_t *b = f->bytes, *ip = b + 4;
	uint8_t family;

	if (f->caplen < 4 + 20 || b[1] != 0 || b[2] != 0 || (b[0] != 0 && b[3] != 0))
		return false;
	family = b[0] | b[3]; /* in whichever order */
	if (family == 2)
		return ip[9] == 6;
	if (memchr(ipv6, family, sizeof ipv6) == NULL)
		return false;
	return ip[6] == 6 || (ip[6] == 44 && f->caplen > 4 + 40 && ip[40] == 6);
}

/* Whether p0f counts a frame that it cannot read: of tagged frames only Ethernet's pass its filter, which ours is. */
static bool p0f_counts(uint32_t link, enum pkt_result rc)
{
	return link == PKT_LINK_ETHERNET || rc != PKT_NOT_IP;
}

static void on_frame(void *ctx, const struct capture_frame *f)
{
	struct classify *c = ctx;
	struct track_event ev[TRACK_EVENTS_MAX];
	struct tcp_obs obs;
	size_t n = 0;
	enum pkt_result rc;

	if (c->mode == MATCH_COMPAT_P0F && c->filter == NULL && of_loopback(f->link) && !loopback_tcp(f))
		return;
	pkt_guess(&c->pkt, f->link, f->bytes, f->caplen < f->len ? f->caplen : f->len);
	rc = pkt_decode(&c->pkt, f->link, f->bytes, f->caplen, f->len, f->time_ns, &obs);

	if (rc == PKT_UNKNOWN_LINK) {
		c->unknown_link++;
		c->unknown_link_number = f->link;
	}
	if (rc != PKT_OK) {
		if (c->mode == MATCH_COMPAT_P0F && p0f_counts(f->link, rc))
			track_dropped(c->track, f->time_ns);
		return;
	}
	track_observe_payload(c->track, c->db, &obs, f->bytes + obs.payload_at, ev, &n);
	for (size_t i = 0; i < n; i++)
		printers_add(c->printers, &ev[i]);
}

static void on_flush(void *ctx, const struct capture_stats *stats, bool idle)
{
	(void)stats;
	(void)idle;
	printers_flush(((struct classify *)ctx)->printers);
}

/* ---- Command line ------------------------------------------------------------------------- */

static int read_options(struct classify *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "read", required_argument, NULL, 'r' },
		{ "signatures", required_argument, NULL, 'f' },
		{ "format", required_argument, NULL, 'F' },
		{ "model", required_argument, NULL, 'M' },
		{ "prior", required_argument, NULL, 'P' },
		{ "compat", required_argument, NULL, 'C' },
		{ "decapsulate", no_argument, NULL, 'D' },
		{ "threads", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static const char *const formats[] = { [FORMAT_P0F] = "p0f", [FORMAT_JSON] = "json", [FORMAT_TSV] = "tsv" };
	int option;

	optind = 0; /* the caller may have parsed options of its own */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":r:f:h", longs, NULL)) != -1)
		switch (option) {
		case 'r':
			if (c->file != NULL)
				return complain("-r is given twice: one capture at a time");
			c->file = optarg;
			break;
		case 'f':
			if (c->n_sigfiles == SIGFILES_MAX)
				return complain("more than %d signature files", SIGFILES_MAX);
			c->sigfiles[c->n_sigfiles++] = optarg;
			break;
		case 'F': {
			size_t i = 0;

			while (i < ARRAY_LEN(formats) && strcmp(formats[i], optarg) != 0)
				i++;
			if (i == ARRAY_LEN(formats))
				return complain("--format %s: p0f, json or tsv is expected", optarg);
			c->format = (enum format)i;
			break;
		}
		case 'M':
			c->model = optarg;
			break;
		case 'P':
			c->prior = optarg;
			break;
		case 'C':
			if (strcmp(optarg, "p0f") != 0)
				return complain("--compat %s: p0f is expected", optarg);
			c->mode = MATCH_COMPAT_P0F;
			break;
		case 'T': {
			char *end;
			const unsigned long n = strtoul(optarg, &end, 10);

			if (*end != '\0' || n < 1 || n > THREADS_MAX)
				return complain("--threads %s: a number from 1 to %d is expected", optarg, THREADS_MAX);
			c->threads = (unsigned)n;
			break;
		}
		case 'D':
			c->pkt.decapsulate = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_DONE);
		case ':':
			return complain("option %s wants an argument", argv[optind - 1]);
		default:
			complain("unknown option %s", argv[optind - 1]);
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	if (optind < argc)
		c->filter = argv[optind++];
	if (optind < argc)
		return complain("\"%s\" is one word too many: put the filter in quotes", argv[optind]);
	if (c->file == NULL) {
		complain("-r FILE is missing");
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int load_signatures(struct classify *c)
{
	struct sig_error err = { 0 };
	char line[SIG_ERROR_LINE];

	if (c->n_sigfiles == 0 && c->mode == MATCH_COMPAT_P0F && access(P0F_SIGNATURES, R_OK) == 0) {
		c->sigfiles[c->n_sigfiles++] = P0F_SIGNATURES;
	} else if (c->n_sigfiles == 0) {
		if (paths_signatures(c->default_sigfile, sizeof c->default_sigfile) != 0)
			return complain("no signature database: %s is not there; name one with -f", c->default_sigfile);
		c->sigfiles[c->n_sigfiles++] = c->default_sigfile;
		c->own_database = true;
	}
	if (sigdb_load(&c->db, c->sigfiles, c->n_sigfiles, &err) == 0 && (c->mode == MATCH_COMPAT_P0F ||
	    opinion_load(c->db, c->model, c->prior != NULL ? c->prior : "flat", c->own_database, &err) == 0))
		return EXIT_DONE;
	return complain("%s", sig_error_line(&err, line));
}

/*
 * p0f sees only what its own filter passes, and counts each such frame towards its next look at ages, also those that it cannot read. Of link
 * types for which libpcap knows no such filter p0f reads nothing; we read them all.
 */
static int p0f_filter(struct classify *c, char err[CAPTURE_ERR])
{
	const uint32_t link = capture_file_link(c->capture);
	const bool ethernet = link == PKT_LINK_ETHERNET;
	const char *user = c->filter != NULL ? c->filter : "";
	char *text;
	int rc = 0;

	if (user[0] == '\0' && of_loopback(link))
		return 0;
	if (user[0] == '\0')
		rc = asprintf(&text, "tcp%s", ethernet ? " or (vlan and tcp)" : "");
	else if (ethernet)
		rc = asprintf(&text, "(tcp and (%s)) or (vlan and tcp and (%s))", user, user);
	else
		rc = asprintf(&text, "tcp and (%s)", user);
	if (rc < 0)
		return -ENOMEM;
	rc = capture_file_filter(c->capture, text, err);
	free(text);
	return user[0] != '\0' ? rc : 0;
}

static unsigned threads(const struct classify *c)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->threads > 0)
		return c->threads;
	return cpus < 1 ? 1 : cpus < THREADS_AUTO ? (unsigned)cpus : THREADS_AUTO;
}

static int open_all(struct classify *c)
{
	const bool compat = c->mode == MATCH_COMPAT_P0F;
	struct track_conf track = {
		.flows_max = FLOWS_MAX,
		.hosts_max = HOSTS_MAX,
		.mode = c->mode,
		.flow_age_s = compat ? P0F_FLOW_AGE_S : 0,
		.host_age_s = compat ? P0F_HOST_AGE_S : 0,
	};
	char err[CAPTURE_ERR];
	int rc;

	if ((rc = load_signatures(c)) != EXIT_DONE)
		return rc;
	c->pkt.compat = compat;
	if ((rc = hash_key_random(&track.key)) != 0 || (rc = track_create(&c->track, &track)) != 0)
		return complain("%s", fp_strerror(rc));
	struct printer first = { .ctx = c };

	p0flog_init(&first.log, c->mode);
	if (printers_make(&c->printers, threads(c) - 1, &first, print_event) != 0)
		return complain("%s", fp_strerror(-ENOMEM));
	if (capture_open_file(&c->capture, c->file, compat ? NULL : c->filter, err) != 0 || (compat && p0f_filter(c, err) != 0))
		return complain("%s", err);
	if (c->pkt.decapsulate)
		capture_file_decapsulate(c->capture);
	return EXIT_DONE;
}

static int run(struct classify *c)
{
	const struct capture_handler handler = { .ctx = c, .frame = on_frame, .flush = on_flush };
	char err[CAPTURE_ERR];
	int status = EXIT_DONE;

	setvbuf(stdout, NULL, _IOFBF, STDOUT_BYTES); /* flushed when the input pauses: on_flush() */
	if (c->format == FORMAT_TSV)
		puts("time\tip\tport\tpeer\tpeer_port\tkind\tname\tflavor\tclass\tmatch\tp\tdist\tlink\traw_sig");
	const int rc = capture_run(c->capture, &handler, err);

	printers_flush(c->printers);
	if (rc != 0) {
		complain("%s", err);
		status = EXIT_PARTWAY;
	}
	if (c->unknown_link > 0)
		complain("%s: %" PRIu64 " frames of link type %u were passed over: it is not one that we read", capture_name(c->capture),
		    c->unknown_link, c->unknown_link_number);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		complain("standard output: cannot be written");
		status = EXIT_PARTWAY;
	}
	return status;
}

int cmd_classify(int argc, char **argv)
{
	struct classify *c = calloc(1, sizeof *c);
	int status;

	if (c == NULL)
		return complain("%s", fp_strerror(-ENOMEM));
	status = read_options(c, argc, argv);
	if (status == EXIT_DONE)
		status = open_all(c);
	if (status == EXIT_DONE)
		status = run(c);
	capture_close(&c->capture);
	printers_free(&c->printers);
	track_destroy(&c->track);
	sigdb_free(&c->db);
	free(c);
	return status;
}
