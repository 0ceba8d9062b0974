/*
 * file - savefiles, FIFOs and standard input as a capture: classic pcap by our own reader, everything else by
 * libpcap, which reads through us, so that a FIFO is never read twice.
 */
#include "capture/capture_int.h"
#include "capture/filter.h"
#include "capture/pcapfile.h"
#include "core/err.h"
#include "core/pkt.h"

#include <assert.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_BYTES 65536 /* of libpcap's reads */

struct file {
	struct capture base;
	struct source source;
	struct pcapfile pcap;       /* own reader */
	FILE *stream;               /* libpcap's view of source */
	pcap_t *reader;             /* libpcap; NULL: own reader */
	bool filtering;
	struct bpf_program filter;
	struct capture_stats stats;
	const struct capture_handler *handler; /* of the run */
};

static void waiting(void *ctx, bool idle)
{
	struct file *f = ctx;

	if (f->handler != NULL)
		f->handler->flush(f->handler->ctx, &f->stats, idle);
}

static void hand_over(struct file *f, const struct capture_frame *frame)
{
	f->stats.kernel_seen++;
	if (f->filtering) {
		const struct pcap_pkthdr h = { .caplen = frame->caplen, .len = frame->len };

		if (pcap_offline_filter(&f->filter, &h, frame->bytes) == 0) {
			f->stats.filtered++;
			return;
		}
	}
	f->handler->frame(f->handler->ctx, frame);
}

/* ---- Runs --------------------------------------------------------------------------------- */

static bool stopped(const struct file *f)
{
	return atomic_load_explicit(&f->base.a_stop, memory_order_relaxed);
}

static int run_own(struct file *f, char err[CAPTURE_ERR])
{
	struct capture_frame frame;
	int rc;

	while ((rc = pcapfile_next(&f->pcap, &frame)) == 1 && !stopped(f))
		hand_over(f, &frame);
	if (rc == FP_ETRUNC)
		snprintf(err, CAPTURE_ERR, "%s: ends in the middle of record %llu: was it copied whole? All before it was read", f->base.name,
		    (unsigned long long)f->pcap.records + 1);
	else if (rc == FP_EFORMAT)
		snprintf(err, CAPTURE_ERR, "%s: damaged at byte %llu: record %llu claims more than %u bytes. All before it was read",
		    f->base.name, (unsigned long long)f->pcap.offset, (unsigned long long)f->pcap.records + 1, PCAPFILE_RECORD_MAX);
	else if (rc < 0)
		snprintf(err, CAPTURE_ERR, "%s: %s", f->base.name, fp_strerror(rc));
	return rc < 0 ? rc : 0;
}

/* Nanoseconds stand in tv_usec: so it was opened. A pcapng file may name any 64-bit time; ours ends in 2262. */
static int64_t time_of(const struct timeval *tv)
{
	const int64_t last_s = INT64_MAX / 1000000000 - 1;

	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000000)
		return 0;
	return tv->tv_sec > last_s ? last_s * 1000000000 : (int64_t)tv->tv_sec * 1000000000 + tv->tv_usec;
}

static int run_libpcap(struct file *f, char err[CAPTURE_ERR])
{
	const uint32_t link = (uint32_t)pcap_datalink(f->reader);
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	int rc;

	while ((rc = pcap_next_ex(f->reader, &h, &bytes)) == 1 && !stopped(f)) {
		const struct capture_frame frame = {
			.bytes = bytes,
			.caplen = h->caplen,
			.len = h->len,
			.link = link,
			.time_ns = time_of(&h->ts),
		};

		hand_over(f, &frame);
	}
	if (rc != PCAP_ERROR || stopped(f))
		return 0;
	snprintf(err, CAPTURE_ERR, "%s: %s. All before it was read", f->base.name, pcap_geterr(f->reader));
	return f->source.ended ? FP_ETRUNC : FP_EFORMAT;
}

static int file_run(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR])
{
	struct file *f = (struct file *)c;

	f->handler = handler;
	const int rc = f->reader != NULL ? run_libpcap(f, err) : run_own(f, err);

	handler->flush(handler->ctx, &f->stats, false);
	f->handler = NULL;
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

static int compile_filter(struct file *f, const char *text, char err[CAPTURE_ERR])
{
	/* LINKTYPE_ and DLT_ numbers differ for raw IP alone, of those we read. */
	const int dlt = f->reader != NULL ? pcap_datalink(f->reader) : f->pcap.link == PKT_LINK_RAW ? DLT_RAW : (int)f->pcap.link;
	const int rc = filter_compile(&f->filter, &(struct filter_conf){ .dlt = dlt, .text = text }, err);

	f->filtering = rc == 0;
	return rc;
}

uint32_t capture_file_link(const struct capture *c)
{
	const struct file *f = (const struct file *)c;

	return f->reader != NULL ? (uint32_t)pcap_datalink(f->reader) : f->pcap.link;
}

int capture_file_filter(struct capture *c, const char *filter, char err[CAPTURE_ERR])
{
	struct file *f = (struct file *)c;

	assert(!f->filtering);
	return compile_filter(f, filter, err);
}

static void file_close(struct capture *c)
{
	struct file *f = (struct file *)c;

	if (f->reader != NULL)
		pcap_close(f->reader);
	if (f->stream != NULL)
		fclose(f->stream);
	if (f->filtering)
		pcap_freecode(&f->filter);
	source_close(&f->source);
	free(f);
}

static const struct capture_ops file_ops = { .run = file_run, .close = file_close };

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
	if ((rc = capture_init(c, &file_ops, strcmp(path, "-") == 0 ? "standard input" : path, false)) != 0 ||
	    (rc = source_open(&f->source, path, &f->base.a_stop)) != 0)
		goto fail;
	f->source.waiting = waiting;
	f->source.waiting_ctx = f;
	if (source_want(&f->source, 4) >= 4 && pcapfile_magic(source_bytes(&f->source)))
		rc = pcapfile_begin(&f->pcap, &f->source);
	else if ((rc = f->source.failed) == 0)
		rc = open_libpcap(f, err);
	if (rc == FP_ETRUNC) {
		snprintf(err, CAPTURE_ERR, "%s: ends inside its header: is no whole pcap file", f->base.name);
		rc = FP_EFORMAT;
	}
	if (rc == 0 && filter != NULL && filter[0] != '\0')
		rc = compile_filter(f, filter, err);
	if (rc != 0)
		goto fail;
	*out = c;
	return 0;
fail:
	if (err[0] == '\0')
		snprintf(err, CAPTURE_ERR, "%s: %s", path, fp_strerror(rc));
	capture_close(&c);
	return rc;
}
