/*
 * capture - where frames come from: interfaces, files, FIFOs, standard input. Shows no pcap type.
 *
 * Owner    capture_open_*() makes one (before privileges go), capture_close() ends it.
 * Threads  capture_run() is one thread's body; capture_stop() from any thread or a signal handler.
 * Errors   0 or negative; a message for people in err[CAPTURE_ERR].
 */
#ifndef FP_CAPTURE_H
#define FP_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_ERR 512

struct capture;

struct capture_frame {
	const uint8_t *bytes; /* valid during the call only */
	uint32_t caplen;
	uint32_t len;
	uint32_t link;        /* enum pkt_link, or another LINKTYPE_ number */
	int64_t time_ns;
	bool rejected;        /* live, in a tunnel, and FILTER does not want it: to be counted only */
};

struct capture_live {
	const char *interface; /* "any" allowed */
	const char *filter;    /* pcap expression; "" = none. Of what passes, SYN, SYN+ACK and bare ACKs are taken: capture/filter.h */
	bool no_acks;          /* SYN and SYN+ACK only: handshakes are of no interest */
	bool decapsulate;      /* tunnels pass too; FILTER is applied to what they carry */
	bool promiscuous;
	unsigned timeout_ms;   /* a block of frames is handed over after that at the latest */
	unsigned buffer_bytes; /* of the kernel's ring, each queue */
	unsigned fanout_group; /* 0 = alone; else queues of one group share the traffic */
	int fanout_mode;       /* enum capture_fanout */
};

enum capture_fanout { CAPTURE_FANOUT_HASH, CAPTURE_FANOUT_CPU, CAPTURE_FANOUT_QM };

int capture_open_live(struct capture **out, const struct capture_live *conf, char err[CAPTURE_ERR]);

/* path: a pcap or pcapng file, a FIFO, "-" = standard input. FP_EFORMAT: not a capture. */
int capture_open_file(struct capture **out, const char *path, const char *filter, char err[CAPTURE_ERR]);

/* Of a file: its link type (of pcapng the first interface's), and a filter set after opening, when that is known; before the run. */
uint32_t capture_file_link(const struct capture *c);
int capture_file_filter(struct capture *c, const char *filter, char err[CAPTURE_ERR]);

/* Of a file, before the run: FILTER is applied to the innermost packet of a tunnel. */
void capture_file_decapsulate(struct capture *c);

/*
 * A stream that a sensor sends over a descriptor, which is the capture's from now on, also where this fails; name is for messages. Nothing is
 * read before the run: what is no capture, or says nothing for CAPTURE_HELLO_S seconds, fails there.
 */
#define CAPTURE_HELLO_S 30
int capture_adopt(struct capture **out, int fd, const char *name, const char *filter, char err[CAPTURE_ERR]);

/* Counts that only the source knows; for files kernel_seen is what was read. */
struct capture_stats {
	uint64_t kernel_seen;
	uint64_t kernel_dropped;
	uint64_t outages;  /* times the interface went down or away */
	uint64_t filtered; /* rejected by FILTER in user space (files) */
	uint64_t bytes, bytes_total; /* of a file: read so far, and its size, 0 where there is none */
};

/*
 * Frames are handed over in blocks: frame() for each, then flush() once, so that batches end with the block
 * and a lone frame is not held back; flush() also runs when nothing came for a while.
 */
struct capture_handler {
	void *ctx;
	void (*frame)(void *ctx, const struct capture_frame *frame);
	void (*flush)(void *ctx, const struct capture_stats *stats, bool idle); /* NULL: nobody wants to know */
};

/* Until the end of the file (0), capture_stop() (0), or an error: FP_ETRUNC, FP_EFORMAT or FP_ECAPTURE, what came before was handed over. */
int capture_run(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR]);

/*
 * Several threads on one file. capture_parts(): how many of n are of use, 1 where capture_run() is to read it: a file that is small, or no classic pcap
 * that is there as a whole. Else each of so many threads calls capture_run_part(), with a handler of its own: frame() of different threads runs at the same
 * time; flush() follows the frames of a part, by one thread at a time, in the order of the file, and sees the counts of all so far. A frame's
 * bytes stay as they are until that flush(). What capture_run() would return comes from the one thread that met it, 0 from the others.
 */
#define CAPTURE_PART_BYTES (1u << 19)
unsigned capture_parts(struct capture *c, unsigned n);
int capture_run_part(struct capture *c, const struct capture_handler *handler, char err[CAPTURE_ERR]);

/* Async-signal-safe; the run drains what the kernel holds and returns. */
void capture_stop(struct capture *c);

const char *capture_name(const struct capture *c);
bool capture_is_whole(const struct capture *c); /* a file that is there to its end: reading it never waits for a sender */

void capture_close(struct capture **cp); /* sets NULL; NULL is fine */

/* Whether FILTER is one, as far as can be known before a capture is opened: FP_ECONFIG with err, -ENOMEM. */
int capture_check_filter(const char *filter, char err[CAPTURE_ERR]);

/* Prints the interfaces one a line with what they are (option -L). */
int capture_list(char err[CAPTURE_ERR]);

/* The interface of the default route; FP_ENOTFOUND. */
int capture_default_interface(char *name, size_t size);

#endif
