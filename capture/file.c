/*
 * file - savefiles, FIFOs and standard input as a capture: pcap and pcapng by our own readers; older kinds by libpcap, which reads
 * through us, so that a FIFO is never read twice.
 */
#include "capture/capture_int.h"
#include "capture/filter.h"
#include "capture/inner.h"
#include "capture/parts.h"
#include "capture/pcapfile.h"
#include "capture/pcapngfile.h"
#include "core/err.h"
#include "core/pkt.h"

#include <assert.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAM_BYTES 65536 /* of libpcap's reads */

#define FILTERS 8 /* programs kept: a pcapng file may mix link types, though hardly so many */

enum kind { KIND_PCAP, KIND_PCAPNG, KIND_LIBPCAP };

struct file {
	struct capture base;
	struct source source;
	enum kind kind;
	struct pcapfile pcap;
	struct pcapngfile pcapng;
	FILE *stream;               /* libpcap's view of source */
	pcap_t *reader;             /* libpcap */
	char *filter;               /* FILTER; NULL: none */
	char *hello_filter;         /* of a stream: FILTER, until its kind is known; "" = none. NULL: it is known */
	unsigned hello_waits;       /* tenths of a second that a stream has said nothing */
	struct {
		uint32_t link;
		struct bpf_program program;
	} compiled[FILTERS];
	unsigned n_compiled, current; /* of the last frame */
	struct inner inner;
	struct capture_stats stats;
	const struct capture_handler *handler; /* of the run */
	struct parts *parts;        /* several threads read it; NULL: one */
};

#define PARTS_EACH 8 /* fewer for a thread are not worth its start */

static void waiting(void *ctx, bool idle)
{
	struct file *f = ctx;

	if (f->hello_filter != NULL && idle && ++f->hello_waits >= CAPTURE_HELLO_S * 10)
		capture_stop(&f->base);
	f->stats.bytes = f->source.bytes;
	f->stats.bytes_total = f->source.total;
	if (f->handler != NULL)
		capture_flush(f->handler, &f->stats, idle);
}

/* ---- FILTER, a program for each link type ------------------------------------------------- */

static int compile(struct file *f, uint32_t link, char err[CAPTURE_ERR])
{
	/* LINKTYPE_ and DLT_ numbers differ for raw IP alone, of those we read. */
	const int dlt = link == PKT_LINK_RAW ? DLT_RAW : (int)link;
	const unsigned place = f->n_compiled < FILTERS ? f->n_compiled : (f->current + 1) % FILTERS;

	if (f->n_compiled == FILTERS)
		pcap_freecode(&f->compiled[place].program);
	const int rc = filter_compile(&f->compiled[place].program, &(struct filter_conf){ .dlt = dlt, .text = f->filter }, err);

	if (rc != 0) {
		/* Its place holds nothing: the last one moves there. */
		if (f->n_compiled == FILTERS)
			f->compiled[place] = f->compiled[--f->n_compiled];
		return rc;
	}
	f->compiled[place].link = link;
	if (f->n_compiled < FILTERS)
		f->n_compiled++;
	f->current = place;
	return 0;
}

/* Makes `current` the one for such frames. */
static int choose(struct file *f, uint32_t link, char err[CAPTURE_ERR])
{
	if (f->n_compiled > 0 && f->compiled[f->current].link == link)
		return 0;
	for (unsigned i = 0; i < f->n_compiled; i++)
		if (f->compiled[i].link == link) {
			f->current = i;
			return 0;
		}
	return compile(f, link, err);
}

/* Whether FILTER passes it: 1, 0, or FP_ECONFIG where it cannot be made for such frames. */
static int passes(struct file *f, const struct capture_frame *frame, char err[CAPTURE_ERR])
{
	const struct pcap_pkthdr h = { .caplen = frame->caplen, .len = frame->len };
	const enum inner_verdict inner = inner_judge(&f->inner, frame);
	char why[CAPTURE_ERR];

	if (choose(f, frame->link, why) != 0) {
		snprintf(err, CAPTURE_ERR, "%s: link type %u: %.400s. All before it was read", f->base.name, frame->link, why);
		return FP_ECONFIG;
	}
	return inner == INNER_PASSES ||
	    (inner == INNER_NONE && pcap_offline_filter(&f->compiled[f->current].program, &h, frame->bytes) != 0);
}

static int hand_over(struct file *f, const struct capture_frame *frame, char err[CAPTURE_ERR])
{
	const int passed = f->filter != NULL ? passes(f, frame, err) : 1;

	if (passed < 0)
		return passed;
	f->stats.kernel_seen++;
	if (passed)
		f->handler->frame(f->handler->ctx, frame);
	else
		f->stats.filtered++;
	return 0;
}

/* ---- Runs --------------------------------------------------------------------------------- */

static bool stopped(const struct file *f)
{
	return atomic_load_explicit(&f->base.a_stop, memory_order_relaxed);
}

/* After so many records, at that byte. */
static void say_pcap(const struct file *f, int rc, uint64_t records, uint64_t offset, char err[CAPTURE_ERR])
{
	if (rc == FP_ETRUNC)
		snprintf(err, CAPTURE_ERR, "%s: ends in the middle of record %llu: was it copied whole? All before it was read", f->base.name,
		    (unsigned long long)records + 1);
	else if (rc == FP_EFORMAT)
		snprintf(err, CAPTURE_ERR, "%s: damaged at byte %llu: record %llu claims more than %u bytes. All before it was read",
		    f->base.name, (unsigned long long)offset, (unsigned long long)records + 1, PCAPFILE_RECORD_MAX);
	else
		snprintf(err, CAPTURE_ERR, "%s: %s", f->base.name, fp_strerror(rc));
}

static int run_pcap(struct file *f, char err[CAPTURE_ERR])
{
	struct capture_frame frame = { .rejected = false };
	int rc, filtered = 0;

	while ((rc = pcapfile_next(&f->pcap, &frame)) == 1 && !stopped(f) && filtered == 0)
		filtered = hand_over(f, &frame, err);
	if (rc < 0)
		say_pcap(f, rc, f->pcap.records, f->pcap.offset, err);
	return rc < 0 ? rc : filtered;
}

static int run_pcapng(struct file *f, char err[CAPTURE_ERR])
{
	struct capture_frame frame = { .rejected = false };
	int rc, filtered = 0;

	while ((rc = pcapngfile_next(&f->pcapng, &frame)) == 1 && !stopped(f) && filtered == 0)
		filtered = hand_over(f, &frame, err);
	if (rc == FP_ETRUNC)
		snprintf(err, CAPTURE_ERR, "%s: ends in the middle of a block, at byte %llu: was it copied whole? All before it was read", f->base.name,
		    (unsigned long long)f->pcapng.offset);
	else if (rc == FP_EFORMAT)
		snprintf(err, CAPTURE_ERR, "%s: damaged at byte %llu: %s. All before it was read", f->base.name,
		    (unsigned long long)f->pcapng.offset, f->pcapng.wrong);
	else if (rc < 0)
		snprintf(err, CAPTURE_ERR, "%s: %s", f->base.name, fp_strerror(rc));
	return rc < 0 ? rc : filtered;
}

/* Nanoseconds stand in tv_usec: so it was opened. Our time ends in 2262. */
static int64_t time_of(const struct timeval *tv)
{
	const int64_t last_s = INT64_MAX / 1000000000 - 1;

	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000000)
		return 0;
	return tv->tv_sec > last_s ? last_s * 1000000000 : (int64_t)tv->tv_sec * 1000000000 + tv->tv_usec;
}

static int run_libpcap(struct file *f, char err[CAPTURE_ERR])
{
	const uint32_t link = capture_file_link(&f->base);
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	int rc, filtered = 0;

	while ((rc = pcap_next_ex(f->reader, &h, &bytes)) == 1 && !stopped(f) && filtered == 0) {
		const struct capture_frame frame = {
			.bytes = bytes,
			.caplen = h->caplen,
			.len = h->len,
			.link = link,
			.time_ns = time_of(&h->ts),
		};

		filtered = hand_over(f, &frame, err);
	}
	if (rc != PCAP_ERROR || stopped(f))
		return filtered;
	snprintf(err, CAPTURE_ERR, "%s: %s. All before it was read", f->base.name, pcap_geterr(f->reader));
	return f->source.ended ? FP_ETRUNC : FP_EFORMAT;
}

static int hello(struct file *f, char err[CAPTURE_ERR]);

static int file_run(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR])
{
	struct file *f = (struct file *)c;
	int rc;

	f->handler = handler;
	if (f->hello_filter != NULL && (rc = hello(f, err)) != 0) {
		f->handler = NULL;
		return rc;
	}
	rc = f->kind == KIND_PCAP ? run_pcap(f, err) : f->kind == KIND_PCAPNG ? run_pcapng(f, err) : run_libpcap(f, err);

	capture_flush(handler, &f->stats, false);
	f->handler = NULL;
	return rc;
}

/* ---- Several threads ---------------------------------------------------------------------- */

unsigned capture_parts(struct capture *c, unsigned n)
{
	struct file *f = (struct file *)c;
	const uint64_t most = f->source.total / (PARTS_EACH * CAPTURE_PART_BYTES);

	if (most < n)
		n = (unsigned)most;
	/* Standard input may be a file that begins before us. */
	if (!c->whole || f->kind != KIND_PCAP || n < 2 || lseek(f->source.fd, 0, SEEK_CUR) != (off_t)f->source.bytes ||
	    parts_create(&f->parts, &f->pcap, f->source.fd, f->source.total, &c->a_stop) != 0)
		return 1;
	return n;
}

/* The frames of a part; only its own thread sees them. Of classic pcap there is one link type, and FILTER is compiled for it. */
static uint64_t part_frames(struct file *f, const struct part *b, const struct capture_handler *handler, uint64_t *filtered, char err[CAPTURE_ERR])
{
	struct capture_frame frame = { .rejected = false };
	uint64_t n = 0;

	for (const uint8_t *at = b->at; at < b->end; at += PCAPFILE_RECORD_HEADER + frame.caplen) {
		pcapfile_frame(&f->pcap, at, &frame);
		n++;
		if (f->filter == NULL || passes(f, &frame, err) == 1)
			handler->frame(handler->ctx, &frame);
		else
			++*filtered;
	}
	return n;
}

int capture_run_part(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR])
{
	struct file *f = (struct file *)c;
	struct part b;
	int rc = part_make(&b);

	err[0] = '\0';
	while (rc == 0 && parts_take(f->parts, &b)) {
		uint64_t filtered = 0;
		const uint64_t n = part_frames(f, &b, handler, &filtered, err);

		if (!parts_turn(f->parts, &b))
			break;
		f->stats.kernel_seen += n;
		f->stats.filtered += filtered;
		f->stats.bytes = b.next;
		f->stats.bytes_total = f->source.total;
		capture_flush(handler, &f->stats, false);
		rc = b.rc;
		parts_pass(f->parts, &b);
		if (rc != 0)
			say_pcap(f, rc, b.records + n, b.next, err);
	}
	part_free(&b);
	return rc;
}

/* ---- Opening ------------------------------------------------------------------------------ */

/* libpcap's reads. */
static ssize_t stream_read(void *cookie, char *buf, size_t size)
{
	struct source *s = &((struct file *)cookie)->source;
	size_t n = source_want(s, 1);

	if (n > size)
		n = size;
	memcpy(buf, source_bytes(s), n);
	source_skip(s, n);
	return (ssize_t)n;
}

/* What to say of a file that libpcap does not take either; its first n bytes are b. */
static int no_capture(const struct file *f, const uint8_t b[4], size_t n, const char *libpcap_says, char err[CAPTURE_ERR])
{
	if (n == 0)
		snprintf(err, CAPTURE_ERR, "%s: is empty: a pcap or pcapng file is expected, as tcpdump -w writes", f->base.name);
	else if (n >= 2 && b[0] == 0x1f && b[1] == 0x8b)
		snprintf(err, CAPTURE_ERR, "%s: is compressed: gunzip it, or pipe it in: gzip -dc FILE | ... -r -", f->base.name);
	else
		snprintf(err, CAPTURE_ERR, "%s: is no pcap or pcapng file (%s): record with tcpdump -w", f->base.name, libpcap_says);
	return FP_EFORMAT;
}

static int open_libpcap(struct file *f, char err[CAPTURE_ERR])
{
	static const cookie_io_functions_t functions = { .read = stream_read };
	const size_t n = source_have(&f->source) < 4 ? source_have(&f->source) : 4;
	char said[PCAP_ERRBUF_SIZE] = "";
	uint8_t begins[4];

	memcpy(begins, source_bytes(&f->source), n);
	if (n < 4)
		return no_capture(f, begins, n, "too short", err);
	f->stream = fopencookie(f, "r", functions);
	if (f->stream == NULL)
		return -ENOMEM;
	setvbuf(f->stream, NULL, _IOFBF, STREAM_BYTES);
	f->reader = pcap_fopen_offline_with_tstamp_precision(f->stream, PCAP_TSTAMP_PRECISION_NANO, said);
	if (f->reader == NULL)
		return no_capture(f, begins, n, said, err);
	f->stream = NULL; /* closed with the reader */
	return 0;
}

uint32_t capture_file_link(const struct capture *c)
{
	const struct file *f = (const struct file *)c;

	if (f->kind == KIND_PCAPNG)
		return pcapngfile_link(&f->pcapng);
	if (f->kind == KIND_PCAP)
		return f->pcap.link;

	const int dlt = pcap_datalink(f->reader);

	return dlt == DLT_RAW ? PKT_LINK_RAW : (uint32_t)dlt;
}

int capture_file_filter(struct capture *c, const char *filter, char err[CAPTURE_ERR])
{
	struct file *f = (struct file *)c;

	assert(f->filter == NULL);
	f->filter = strdup(filter);
	if (f->filter == NULL)
		return -ENOMEM;
	const int rc = compile(f, capture_file_link(c), err);

	if (rc != 0) {
		free(f->filter);
		f->filter = NULL;
	}
	return rc;
}

void capture_file_decapsulate(struct capture *c)
{
	struct file *f = (struct file *)c;
	/* A stream has its own until its kind is known. */
	const char *filter = f->filter != NULL ? f->filter : f->hello_filter;

	inner_open(&f->inner, filter != NULL ? filter : "");
}

static void file_close(struct capture *c)
{
	struct file *f = (struct file *)c;

	if (f->reader != NULL)
		pcap_close(f->reader);
	if (f->stream != NULL)
		fclose(f->stream);
	pcapngfile_end(&f->pcapng);
	for (unsigned i = 0; i < f->n_compiled; i++)
		pcap_freecode(&f->compiled[i].program);
	free(f->filter);
	inner_close(&f->inner);
	parts_destroy(&f->parts);
	source_close(&f->source);
	free(f->hello_filter);
	free(f);
}

static const struct capture_ops file_ops = { .run = file_run, .close = file_close };

static int open_kind(struct file *f, char err[CAPTURE_ERR])
{
	const uint8_t *magic = source_want(&f->source, 4) >= 4 ? source_bytes(&f->source) : NULL;
	int rc;

	if (f->source.failed != 0)
		return f->source.failed;
	if (magic != NULL && pcapfile_magic(magic)) {
		f->kind = KIND_PCAP;
		return pcapfile_begin(&f->pcap, &f->source);
	}
	if (magic != NULL && pcapngfile_magic(magic)) {
		f->kind = KIND_PCAPNG;
		rc = pcapngfile_begin(&f->pcapng, &f->source);
		if (rc == FP_EFORMAT)
			snprintf(err, CAPTURE_ERR, "%s: is no pcapng file that can be read: %s", f->base.name, f->pcapng.wrong);
		return rc;
	}
	f->kind = KIND_LIBPCAP;
	return open_libpcap(f, err);
}

/* What kind it is, and FILTER for it. */
static int begin(struct file *f, const char *filter, char err[CAPTURE_ERR])
{
	int rc = open_kind(f, err);

	if (rc == FP_ETRUNC) {
		snprintf(err, CAPTURE_ERR, "%s: ends inside its header: is no whole capture file", f->base.name);
		rc = FP_EFORMAT;
	}
	if (rc == 0 && filter != NULL && filter[0] != '\0')
		rc = capture_file_filter(&f->base, filter, err);
	return rc;
}

/* The first words of a stream, which is read in its run. Told to stop before them: 0 as well, and nothing is there to be read. */
static int hello(struct file *f, char err[CAPTURE_ERR])
{
	if (source_want(&f->source, 4) < 4 && atomic_load_explicit(&f->base.a_stop, memory_order_acquire)) {
		if (f->hello_waits < CAPTURE_HELLO_S * 10)
			return FP_ETRUNC;
		snprintf(err, CAPTURE_ERR, "%s: nothing came for %d seconds", f->base.name, CAPTURE_HELLO_S);
		return FP_EFORMAT;
	}
	const int rc = begin(f, f->hello_filter, err);

	free(f->hello_filter);
	f->hello_filter = NULL;
	return rc;
}

int capture_adopt(struct capture **out, int fd, const char *name, const char *filter, char err[CAPTURE_ERR])
{
	struct file *f = calloc(1, sizeof *f);
	int rc = -ENOMEM;

	*out = NULL;
	err[0] = '\0';
	if (f == NULL) {
		close(fd);
		return rc;
	}
	rc = source_adopt(&f->source, fd, &f->base.a_stop);
	if (capture_init(&f->base, &file_ops, name) != 0 || (f->hello_filter = strdup(filter)) == NULL)
		rc = -ENOMEM;
	f->source.waiting = waiting;
	f->source.waiting_ctx = f;
	*out = &f->base;
	if (rc != 0) {
		snprintf(err, CAPTURE_ERR, "%s: %s", name, fp_strerror(rc));
		capture_close(out);
	}
	return rc;
}

int capture_open_file(struct capture **out, const char *path, const char *filter, char err[CAPTURE_ERR])
{
	struct file *f = calloc(1, sizeof *f);
	struct capture *c = (struct capture *)f;
	int rc;

	*out = NULL;
	err[0] = '\0';
	if (f == NULL)
		return -ENOMEM;
	f->source.fd = -1;
	if ((rc = capture_init(c, &file_ops, strcmp(path, "-") == 0 ? "standard input" : path)) != 0 ||
	    (rc = source_open(&f->source, path, &f->base.a_stop)) != 0)
		goto fail;
	f->source.waiting = waiting;
	f->source.waiting_ctx = f;
	c->whole = f->source.regular;
	if ((rc = begin(f, filter, err)) != 0)
		goto fail;
	*out = c;
	return 0;
fail:
	if (err[0] == '\0')
		snprintf(err, CAPTURE_ERR, "%s: %s", path, fp_strerror(rc));
	capture_close(&c);
	return rc;
}
