/* pcapfile - one pass, records handed out where they lie in the buffer. */
#include "capture/pcapfile.h"
#include "core/err.h"

#include <byteswap.h>
#include <string.h>

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du

static uint32_t load32(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof n);
	return n;
}

bool pcapfile_magic(const uint8_t bytes[4])
{
	const uint32_t m = load32(bytes);

	return m == MAGIC_US || m == MAGIC_NS || m == bswap_32(MAGIC_US) || m == bswap_32(MAGIC_NS);
}

int pcapfile_begin(struct pcapfile *f, struct source *source)
{
	*f = (struct pcapfile){ .source = source };
	if (source_want(source, PCAPFILE_HEADER) < PCAPFILE_HEADER)
		return source->failed != 0 ? source->failed : FP_ETRUNC;

	const uint8_t *h = source_bytes(source);
	const uint32_t magic = load32(h);

	if (!pcapfile_magic(h))
		return FP_EFORMAT;
	f->swapped = magic != MAGIC_US && magic != MAGIC_NS;
	f->nanoseconds = magic == MAGIC_NS || magic == bswap_32(MAGIC_NS);
	f->snaplen = pcapfile_number(f, h + 16);
	f->link = pcapfile_number(f, h + 20) & 0xffff; /* above: bits about a frame check sequence */
	f->offset = PCAPFILE_HEADER;
	source_skip(source, PCAPFILE_HEADER);
	return 0;
}

/* Why there were fewer bytes than wanted. */
static int ended(const struct pcapfile *f, size_t have)
{
	if (f->source->failed != 0)
		return f->source->failed;
	return f->source->ended && have > 0 ? FP_ETRUNC : 0;
}

int pcapfile_next(struct pcapfile *f, struct capture_frame *frame)
{
	struct source *s = f->source;
	size_t have = source_have(s);

	if (have < PCAPFILE_RECORD_HEADER && (have = source_want(s, PCAPFILE_RECORD_HEADER)) < PCAPFILE_RECORD_HEADER)
		return ended(f, have);

	const uint8_t *h = source_bytes(s);
	const uint32_t caplen = pcapfile_caplen(f, h);

	if (caplen > PCAPFILE_RECORD_MAX)
		return FP_EFORMAT;
	if (have < PCAPFILE_RECORD_HEADER + caplen) {
		have = source_want(s, PCAPFILE_RECORD_HEADER + caplen);
		if (have < PCAPFILE_RECORD_HEADER + caplen)
			return ended(f, have);
		h = source_bytes(s);
	}
	pcapfile_frame(f, h, frame);
	source_skip(s, PCAPFILE_RECORD_HEADER + caplen);
	f->records++;
	f->offset += PCAPFILE_RECORD_HEADER + caplen;
	return 1;
}
