/* pcapngfile - one pass over the blocks; a frame is handed out where it lies in the buffer. */
#include "capture/pcapngfile.h"
#include "core/err.h"

#include <byteswap.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SECTION 0x0a0d0d0au /* the same in both byte orders */
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET 2u           /* obsolete, still found */
#define BLOCK_SIMPLE 3u
#define BLOCK_ENHANCED 6u

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define BLOCK_MIN 12u      /* type, length, length again */
#define SECTION_MIN 28u
#define INTERFACE_MIN 20u
#define SIMPLE_HEADER 12u  /* up to the frame's bytes */
#define PACKET_HEADER 28u  /* of both other kinds */

#define OPTION_END 0
#define OPTION_RESOLUTION 9
#define OPTION_OFFSET 14
#define OPTIONS_READ 4096u /* of an interface: what stands behind is description */

#define RESOLUTION_DEFAULT 6 /* microseconds */

/* What next_block() did, beside errors and the end. */
enum { END = 0, FRAME = 1, OTHER = 2 };

static inline uint16_t number16(const struct pcapngfile *f, const uint8_t *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof n);
	return f->swapped ? bswap_16(n) : n;
}

static inline uint32_t number32(const struct pcapngfile *f, const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof n);
	return f->swapped ? bswap_32(n) : n;
}

static inline uint64_t number64(const struct pcapngfile *f, const uint8_t *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof n);
	return f->swapped ? bswap_64(n) : n;
}

static int wrong(struct pcapngfile *f, const char *what)
{
	f->wrong = what;
	return FP_EFORMAT;
}

bool pcapngfile_magic(const uint8_t bytes[4])
{
	return bytes[0] == 0x0a && bytes[1] == 0x0d && bytes[2] == 0x0d && bytes[3] == 0x0a;
}

/* Fewer than n bytes stand ready: why. */
static int short_of(const struct pcapngfile *f, size_t have)
{
	if (f->source->failed != 0)
		return f->source->failed;
	return f->source->ended && have > 0 ? FP_ETRUNC : END;
}

/* n bytes from the start of the block: 1, else what to return. */
static int want(struct pcapngfile *f, size_t n)
{
	const size_t have = source_want(f->source, n);

	return have >= n ? 1 : short_of(f, have);
}

/* What is left of the last block: 1, else what to return. */
static int skip_rest(struct pcapngfile *f)
{
	while (f->to_skip > 0) {
		const size_t n = f->to_skip < SOURCE_BYTES ? (size_t)f->to_skip : SOURCE_BYTES;
		const size_t have = source_want(f->source, n);

		if (have < n) {
			const int rc = short_of(f, 1); /* in the middle, even where no byte is left */

			return rc;
		}
		source_skip(f->source, n);
		f->offset += n;
		f->to_skip -= n;
	}
	return 1;
}

/* ---- Time --------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 wide;

/* ns since 1970 of a time in units of the interface; beyond 2262, or before 1970, the nearest that we can say. */
static int64_t time_of(const struct pcapng_interface *i, uint64_t units)
{
	const wide last = INT64_MAX;
	const unsigned exponent = i->resolution & 0x7f;
	wide ns = units;

	if (i->resolution & 0x80) {
		ns = ns * 1000000000 >> exponent;
	} else {
		for (unsigned e = exponent; e < 9; e++)
			ns *= 10;
		for (unsigned e = 9; e < exponent && ns > 0; e++)
			ns /= 10;
	}
	if (ns > last)
		ns = last;
	if (i->offset_s >= 0) {
		ns += (wide)i->offset_s * 1000000000;
		return ns > last ? INT64_MAX : (int64_t)ns;
	}
	const wide back = (wide)(-(i->offset_s + 1)) * 1000000000 + 1000000000;

	return ns > back ? (int64_t)(ns - back) : 0;
}

/* ---- Blocks ------------------------------------------------------------------------------- */

/* h: all of the block's header is there; the byte order is not known yet. Fills *total. */
static int section(struct pcapngfile *f, uint32_t *total)
{
	uint32_t magic;
	int rc;

	if ((rc = want(f, SECTION_MIN)) != 1)
		return rc;
	const uint8_t *h = source_bytes(f->source);

	memcpy(&magic, h + 8, sizeof magic);
	if (magic != BYTE_ORDER_MAGIC && magic != bswap_32(BYTE_ORDER_MAGIC))
		return wrong(f, "a section that says no byte order");
	f->swapped = magic != BYTE_ORDER_MAGIC;
	if (number16(f, h + 12) != 1)
		return wrong(f, "a section of another version than 1");
	f->n = 0;
	*total = number32(f, h + 4);
	return *total >= SECTION_MIN ? OTHER : wrong(f, "a section shorter than its header");
}

static void interface_options(const struct pcapngfile *f, struct pcapng_interface *i, const uint8_t *at, const uint8_t *end)
{
	while (end - at >= 4) {
		const unsigned code = number16(f, at), len = number16(f, at + 2);

		at += 4;
		if (code == OPTION_END || len > (size_t)(end - at))
			return;
		if (code == OPTION_RESOLUTION && len == 1)
			i->resolution = at[0];
		else if (code == OPTION_OFFSET && len == 8)
			i->offset_s = (int64_t)number64(f, at);
		if (((len + 3u) & ~3u) > (size_t)(end - at))
			return;
		at += (len + 3u) & ~3u;
	}
}

static int interface(struct pcapngfile *f, uint32_t total)
{
	const uint32_t read = total < OPTIONS_READ ? total : OPTIONS_READ;
	int rc;

	if (total < INTERFACE_MIN)
		return wrong(f, "an interface shorter than its header");
	if ((rc = want(f, read)) != 1)
		return rc;
	if (f->n == PCAPNG_INTERFACES_MAX)
		return wrong(f, "more than 65536 interfaces");
	if (f->n == f->room) {
		const uint32_t room = f->room ? f->room * 2 : 8;
		struct pcapng_interface *bigger = reallocarray(f->interface, room, sizeof *bigger);

		if (bigger == NULL)
			return -ENOMEM;
		f->interface = bigger;
		f->room = room;
	}
	const uint8_t *h = source_bytes(f->source);
	struct pcapng_interface *i = &f->interface[f->n++];

	*i = (struct pcapng_interface){ .link = number16(f, h + 8), .snaplen = number32(f, h + 12), .resolution = RESOLUTION_DEFAULT };
	/* The length once more stands at the end, if that was read. */
	interface_options(f, i, h + 16, h + read - (read == total ? 4 : 0));
	return OTHER;
}

/* A frame of caplen bytes, which begin at `header` in the block. */
static int hand_out(struct pcapngfile *f, uint32_t total, uint32_t header, uint32_t caplen, uint32_t number, struct capture_frame *frame)
{
	int rc;

	if (caplen > PCAPFILE_RECORD_MAX || caplen > total - header - 4)
		return wrong(f, "a frame longer than its block, or than 262144 bytes");
	if (number >= f->n)
		return wrong(f, "a frame of an interface that is not described");
	if ((rc = want(f, header + caplen)) != 1)
		return rc;
	frame->bytes = source_bytes(f->source) + header;
	frame->caplen = caplen;
	frame->link = f->interface[number].link;
	frame->time_ns = f->last_ns;
	f->records++;
	return FRAME;
}

static int packet(struct pcapngfile *f, uint32_t type, uint32_t total, struct capture_frame *frame)
{
	int rc;

	if (total < PACKET_HEADER + 4)
		return wrong(f, "a packet block shorter than its header");
	if ((rc = want(f, PACKET_HEADER)) != 1)
		return rc;
	const uint8_t *h = source_bytes(f->source);
	const uint32_t number = type == BLOCK_ENHANCED ? number32(f, h + 8) : number16(f, h + 8);

	if (number < f->n)
		f->last_ns = time_of(&f->interface[number], (uint64_t)number32(f, h + 12) << 32 | number32(f, h + 16));
	frame->len = number32(f, h + 24);
	return hand_out(f, total, PACKET_HEADER, number32(f, h + 20), number, frame);
}

/* Of the first interface, without time: that of the frame before. Its length is what the snap length left. */
static int simple_packet(struct pcapngfile *f, uint32_t total, struct capture_frame *frame)
{
	int rc;

	if (total < SIMPLE_HEADER + 4)
		return wrong(f, "a packet block shorter than its header");
	if ((rc = want(f, SIMPLE_HEADER)) != 1)
		return rc;
	uint32_t caplen = frame->len = number32(f, source_bytes(f->source) + 8);

	if (f->n > 0 && f->interface[0].snaplen != 0 && caplen > f->interface[0].snaplen)
		caplen = f->interface[0].snaplen;
	if (caplen > total - SIMPLE_HEADER - 4)
		caplen = total - SIMPLE_HEADER - 4;
	return hand_out(f, total, SIMPLE_HEADER, caplen, 0, frame);
}

/* One block: END, FRAME, OTHER, or an error. */
static int next_block(struct pcapngfile *f, struct capture_frame *frame)
{
	int rc;

	if ((rc = skip_rest(f)) != 1 || (rc = want(f, BLOCK_MIN)) != 1)
		return rc;
	const uint8_t *h = source_bytes(f->source);
	const uint32_t type = number32(f, h);
	uint32_t total = number32(f, h + 4);

	if (type == BLOCK_SECTION)
		rc = section(f, &total);
	else if (total < BLOCK_MIN)
		rc = wrong(f, "a block shorter than its header");
	else if (type == BLOCK_INTERFACE)
		rc = interface(f, total);
	else if (type == BLOCK_ENHANCED || type == BLOCK_PACKET)
		rc = packet(f, type, total, frame);
	else if (type == BLOCK_SIMPLE)
		rc = simple_packet(f, total, frame);
	else
		rc = OTHER;
	if (rc <= 0)
		return rc;
	if (total % 4 != 0)
		return wrong(f, "a block whose length is no multiple of 4");
	f->to_skip = total;
	return rc;
}

int pcapngfile_begin(struct pcapngfile *f, struct source *source)
{
	struct capture_frame none;
	int rc;

	*f = (struct pcapngfile){ .source = source };
	do
		rc = next_block(f, &none);
	while (rc == OTHER && f->n == 0);
	return rc < 0 ? rc : 0;
}

int pcapngfile_next(struct pcapngfile *f, struct capture_frame *frame)
{
	int rc;

	do
		rc = next_block(f, frame);
	while (rc == OTHER);
	return rc;
}

void pcapngfile_end(struct pcapngfile *f)
{
	free(f->interface);
	f->interface = NULL;
	f->n = f->room = 0;
}

uint32_t pcapngfile_link(const struct pcapngfile *f)
{
	return f->n > 0 ? f->interface[0].link : 0;
}
