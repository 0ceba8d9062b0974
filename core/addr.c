/* addr - parsing and printing of addresses. */
#include "core/addr.h"
#include "core/err.h"
#include "core/out.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct fp_addr fp_addr_from_v4(const void *four_bytes)
{
	struct fp_addr a;

	memcpy(a.b, v4_prefix, 12);
	memcpy(a.b + 12, four_bytes, 4);
	return a;
}

bool fp_addr_is_v4(const struct fp_addr *addr)
{
	return memcmp(addr->b, v4_prefix, 12) == 0;
}

bool fp_addr_equal(const struct fp_addr *a, const struct fp_addr *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

int fp_addr_parse(struct fp_addr *out, const char *text)
{
	char buf[FP_ADDR_TEXT];
	size_t len = strlen(text);
	struct fp_addr a;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len > 5 && strncasecmp(text, "IPv6:", 5) == 0) {
		text += 5;
		len -= 5;
	}
	if (len >= sizeof buf)
		return FP_EFORMAT;
	memcpy(buf, text, len);
	buf[len] = '\0';

	if (inet_pton(AF_INET, buf, a.b + 12) == 1)
		memcpy(a.b, v4_prefix, 12);
	else if (inet_pton(AF_INET6, buf, a.b) != 1)
		return FP_EFORMAT;
	*out = a;
	return 0;
}

const char *fp_addr_text(const struct fp_addr *addr, char buf[FP_ADDR_TEXT])
{
	struct out o = out_begin(buf, FP_ADDR_TEXT);

	if (!fp_addr_is_v4(addr)) {
		inet_ntop(AF_INET6, addr->b, buf, FP_ADDR_TEXT);
		return buf;
	}
	for (int i = 12; i < 16; i++) {
		if (i > 12)
			out_char(&o, '.');
		out_number(&o, addr->b[i]);
	}
	out_end(&o);
	return buf;
}

const char *fp_addr_text_p0f(const struct fp_addr *addr, char buf[FP_ADDR_TEXT])
{
	struct out o = out_begin(buf, FP_ADDR_TEXT);

	if (fp_addr_is_v4(addr))
		return fp_addr_text(addr, buf);
	for (int i = 0; i < 16; i += 2) {
		if (i > 0)
			out_char(&o, ':');
		out_hex(&o, (unsigned)(addr->b[i] << 8 | addr->b[i + 1]), 1);
	}
	out_end(&o);
	return buf;
}

int fp_cidr_parse(struct fp_cidr *out, const char *text)
{
	char buf[FP_ADDR_TEXT + 4];
	struct fp_cidr c;
	char *slash, *end;
	long bits;

	if (strlen(text) >= sizeof buf)
		return FP_EFORMAT;
	strcpy(buf, text);
	slash = strchr(buf, '/');
	if (slash != NULL)
		*slash = '\0';
	if (fp_addr_parse(&c.net, buf) != 0)
		return FP_EFORMAT;

	const long offset = fp_addr_is_v4(&c.net) && strchr(buf, ':') == NULL ? 96 : 0;

	if (slash == NULL) {
		c.bits = 128;
	} else {
		bits = strtol(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits + offset > 128)
			return FP_EFORMAT;
		c.bits = (uint8_t)(bits + offset);
	}
	for (unsigned i = c.bits; i < 128; i++)
		if (c.net.b[i / 8] & (0x80u >> i % 8))
			return FP_EFORMAT;
	*out = c;
	return 0;
}

bool fp_cidr_has(const struct fp_cidr *cidr, const struct fp_addr *addr)
{
	const unsigned whole = cidr->bits / 8, rest = cidr->bits % 8;

	if (memcmp(cidr->net.b, addr->b, whole) != 0)
		return false;
	return rest == 0 ||
	    ((cidr->net.b[whole] ^ addr->b[whole]) & (uint8_t)(0xff00u >> rest)) == 0;
}
