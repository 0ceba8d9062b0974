/* wire - see wire.h. */
#include "tests/differential/wire.h"

#include <stdlib.h>
#include <string.h>

/* ---- Chance: xorshift64*, the same everywhere -------------------------------------------------- */

static uint64_t state = 88172645463325252u;

void random_seed(uint64_t seed)
{
	state = (seed + 1) * 0x9e3779b97f4a7c15u;
	for (int i = 0; i < 8; i++)
		random_next();
}

uint64_t random_next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1du;
}

uint32_t below(uint32_t n)
{
	return (uint32_t)((random_next() >> 32) * n >> 32);
}

bool one_in(uint32_t n)
{
	return below(n) == 0;
}

/* ---- Signatures -------------------------------------------------------------------------------- */

enum field { VER, ITTL, OLEN, MSS, WIN, LAYOUT, QUIRKS, PCLASS, FIELDS };

struct signature {
	char field[FIELDS][96]; /* WIN with the scale */
};

static bool parse(struct signature *sig, const char *text)
{
	memset(sig, 0, sizeof *sig);
	for (int i = 0; i < FIELDS; i++) {
		const size_t n = strcspn(text, ":\r\n");

		if (n >= sizeof sig->field[i] || (text[n] != ':' && i != PCLASS))
			return false;
		memcpy(sig->field[i], text, n);
		text += n + (text[n] == ':');
	}
	return true;
}

bool signatures_load(struct signatures *s, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	int section = -1;
	bool tool = false;

	memset(s, 0, sizeof *s);
	if (f == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL) {
		const char *text = line + strspn(line, " \t");

		if (text[0] == '[')
			section = strncmp(text, "[tcp:request]", 13) == 0 ? 0 : strncmp(text, "[tcp:response]", 14) == 0 ? 1 : -1;
		if (strncmp(text, "label", 5) == 0)
			tool = strstr(text, ":!:") != NULL;
		if (section < 0 || strncmp(text, "sig", 3) != 0)
			continue;
		text += 3 + strspn(text + 3, " \t=");
		s->item[section] = realloc(s->item[section], (s->n[section] + 1) * sizeof *s->item[section]);
		if (s->item[section] == NULL)
			abort();
		if (!parse(&s->item[section][s->n[section]], text))
			continue;
		if (tool && section == 0 && s->n_tools < sizeof s->tool / sizeof s->tool[0])
			s->tool[s->n_tools++] = (uint32_t)s->n[0];
		s->n[section]++;
	}
	fclose(f);
	return s->n[0] > 0 && s->n[1] > 0;
}

static bool has(const char *list, const char *word)
{
	const size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += n)
		if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

/* ---- A segment as its signature says ------------------------------------------------------------ */

static void put_byte(struct segment *s, unsigned byte)
{
	if (s->n_options < sizeof s->options)
		s->options[s->n_options++] = (uint8_t)byte;
}

static void put(struct segment *s, uint32_t value, unsigned bytes)
{
	while (bytes-- > 0)
		put_byte(s, value >> 8 * bytes & 255);
}

static void put_option(struct segment *s, const char *word, unsigned scale, const struct fill *fill, const char *quirks)
{
	if (strcmp(word, "mss") == 0) {
		put(s, 0x0204, 2);
		put(s, fill->mss, 2);
	} else if (strcmp(word, "nop") == 0) {
		put(s, 1, 1);
	} else if (strcmp(word, "ws") == 0) {
		put(s, 0x0303, 2);
		put(s, scale, 1);
	} else if (strcmp(word, "sok") == 0) {
		put(s, 0x0402, 2);
	} else if (strcmp(word, "sack") == 0) {
		put(s, 0x050a, 2);
		put(s, 1, 4);
		put(s, 2, 4);
	} else if (strcmp(word, "ts") == 0) {
		put(s, 0x080a, 2);
		put(s, has(quirks, "ts1-") ? 0 : fill->ts1, 4);
		put(s, has(quirks, "ts2+") ? fill->ts2 | 1 : (s->flags & ACK) ? fill->ts2 : 0, 4);
	} else if (word[0] == '?') {
		put(s, (uint32_t)atoi(word + 1), 1);
		put(s, 4, 1);
		put(s, 0x1234, 2);
	} else if (strncmp(word, "eol+", 4) == 0) {
		for (int n = atoi(word + 4); n >= 0; n--)
			put(s, has(quirks, "opt+") && n == 1 ? 7 : 0, 1);
	}
}

static void put_layout(struct segment *s, const struct signature *sig, unsigned scale, const struct fill *fill)
{
	char words[96], *save = NULL;

	strcpy(words, sig->field[LAYOUT]);
	for (char *word = strtok_r(words, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save))
		put_option(s, word, scale, fill, sig->field[QUIRKS]);
	if (has(sig->field[QUIRKS], "bad") && s->n_options > 1)
		s->options[s->n_options - 1] = 99;
	while (s->n_options % 4 != 0)
		put(s, 1, 1);
}

static void put_quirks(struct segment *s, const char *quirks)
{
	if (has(quirks, "df"))
		s->fragment |= 0x4000;
	s->id = has(quirks, "id+") || (!has(quirks, "df") && !has(quirks, "id-")) ? (uint16_t)(1 + below(65535)) : 0;
	if (has(quirks, "0+"))
		s->fragment |= 0x8000;
	if (has(quirks, "ecn"))
		s->flags |= ECE | CWR;
	if (has(quirks, "flow"))
		s->flow = 1 + below(0xfffff);
	if (has(quirks, "seq-"))
		s->seq = 0;
	if (has(quirks, "ack+"))
		s->ack = (uint32_t)random_next() | 1;
	if (has(quirks, "ack-"))
		s->ack = 0;
	if (has(quirks, "uptr+"))
		s->urgent = 1;
	if (has(quirks, "urgf+"))
		s->flags |= URG;
	if (has(quirks, "pushf+"))
		s->flags |= PSH;
}

static uint16_t window(const char *text, uint16_t mss)
{
	const unsigned n = (unsigned)atoi(text + strcspn(text, "0123456789"));

	if (text[0] == '*')
		return one_in(4) ? (uint16_t)(mss * (1 + below(44))) : (uint16_t)below(65536);
	if (text[0] == '%')
		return (uint16_t)(n * (1 + below(65535 / n)));
	if (strncmp(text, "mss", 3) == 0)
		return (uint16_t)(n * mss);
	if (strncmp(text, "mtu", 3) == 0)
		return (uint16_t)(n * (mss + 40u));
	return (uint16_t)n;
}

void segment_of(struct segment *out, const struct signatures *s, bool response, size_t number, bool v6, const struct fill *given)
{
	const struct signature *sig = &s->item[response][number % s->n[response]];
	const char *scale = strchr(sig->field[WIN], ',');
	struct fill fill = *given;
	int ttl = atoi(sig->field[ITTL]);

	out->v6 = v6;
	out->flags = response ? SYN | ACK : SYN;
	if (sig->field[MSS][0] != '*')
		fill.mss = (uint16_t)atoi(sig->field[MSS]);
	if (strchr(sig->field[ITTL], '+') != NULL)
		ttl += atoi(strchr(sig->field[ITTL], '+') + 1);
	out->ttl = (uint8_t)(ttl > fill.hops ? ttl - fill.hops : ttl);
	out->ip_options = (uint8_t)(atoi(sig->field[OLEN]) / 4 * 4);
	out->win = window(sig->field[WIN], fill.mss);
	put_quirks(out, sig->field[QUIRKS]);
	put_layout(out, sig, scale == NULL || scale[1] == '*' ? below(15) : (unsigned)atoi(scale + 1), &fill);
	if (sig->field[PCLASS][0] == '+') {
		out->payload = (const uint8_t *)"payload";
		out->n_payload = 7;
	}
}

void segment_timestamps(struct segment *s, uint32_t ts1, uint32_t ts2)
{
	s->n_options = 0;
	put(s, 0x0101080a, 4);
	put(s, ts1, 4);
	put(s, ts2, 4);
}

/* ---- Changes ------------------------------------------------------------------------------------ */

static void mutate_ip(struct segment *s)
{
	switch (below(13)) {
	case 0:
		s->fragment ^= 0x4000;
		break;
	case 1:
		s->id = one_in(2) ? 0 : (uint16_t)below(65536);
		break;
	case 2:
		s->tos ^= (uint8_t)(1u << below(8));
		break;
	case 3:
		s->ttl = (uint8_t)(s->ttl + below(7) - 3);
		break;
	case 4:
		s->ttl = (uint8_t)below(256);
		break;
	case 5:
		s->fragment ^= 0x8000;
		break;
	case 6:
		s->fragment |= one_in(2) ? 0x2000 : (uint16_t)(1u << below(13));
		break;
	case 7:
		s->ip_options = (uint8_t)(4 * below(11));
		break;
	case 8:
	case 9:
		s->flow = one_in(2) ? 0 : below(0x100000);
		break;
	case 10:
		s->length_off = (int16_t)(below(9) - 4);
		break;
	case 11:
		s->extension = true;
		break;
	case 12:
		s->ttl = (uint8_t)(s->ttl - 36);
		break;
	}
}

static void mutate_tcp(struct segment *s)
{
	static const uint16_t windows[] = { 0, 1, 512, 1024, 1337, 5840, 8192, 14600, 16384, 26000, 29200, 32768, 64240, 65535 };

	switch (below(10)) {
	case 0:
		s->win = windows[below(sizeof windows / sizeof windows[0])];
		break;
	case 1:
		s->win = (uint16_t)below(65536);
		break;
	case 2:
		s->flags ^= (uint8_t)(1u << below(8));
		break;
	case 3:
		s->flags ^= one_in(2) ? ECE : CWR;
		break;
	case 4:
		s->reserved = (uint8_t)(1u << below(4));
		break;
	case 5:
		s->seq = 0;
		break;
	case 6:
		s->ack = one_in(2) ? (uint32_t)random_next() : 0;
		break;
	case 7:
		s->urgent = (uint16_t)below(3);
		break;
	case 8:
		s->payload = (const uint8_t *)"0123456789abcdef";
		s->n_payload = (uint16_t)below(17);
		break;
	case 9:
		s->flags ^= PSH;
		break;
	}
}

/* Where an option's length is, and its end. */
static unsigned option_at(const struct segment *s, unsigned number, unsigned *end)
{
	unsigned i = 0;

	while (i < s->n_options) {
		const unsigned n = s->options[i] < 2 || i + 1 == s->n_options ? 1 : s->options[i + 1] < 2 ? 2 : s->options[i + 1];

		*end = i + n < s->n_options ? i + n : s->n_options;
		if (number-- == 0)
			break;
		i = *end;
	}
	return i;
}

static void mutate_value(struct segment *s)
{
	static const uint16_t sizes[] = { 0, 1, 99, 100, 536, 1000, 1220, 1300, 1331, 1360, 1380, 1400, 1440, 1452, 1460, 8960, 65495, 65535 };
	unsigned end = 0;
	const unsigned at = option_at(s, below(8), &end);

	if (at >= s->n_options)
		return;
	if (s->options[at] == 2 && end - at == 4) {
		const uint16_t mss = sizes[below(sizeof sizes / sizeof sizes[0])];

		s->options[at + 2] = (uint8_t)(mss >> 8);
		s->options[at + 3] = (uint8_t)mss;
	} else if (s->options[at] == 3 && end - at == 3) {
		s->options[at + 2] = (uint8_t)below(18);
	} else if (s->options[at] == 8 && end - at == 10) {
		memset(s->options + at + 2 + 4 * below(2), one_in(2) ? 0 : (int)below(256), 4);
	} else {
		s->options[at] = (uint8_t)below(12);
	}
}

static void mutate_options(struct segment *s)
{
	uint8_t one[40];
	unsigned end = 0, at;

	switch (below(8)) {
	case 0: /* a byte is another */
		if (s->n_options > 0)
			s->options[below(s->n_options)] = (uint8_t)(one_in(2) ? below(10) : below(256));
		break;
	case 1: /* the end is missing */
		s->n_options = (uint8_t)(s->n_options > 4 ? s->n_options - 4 * (1 + below(s->n_options / 4)) : 0);
		break;
	case 2: /* more follows */
		for (unsigned n = 4 * (1 + below(3)); n > 0; n--)
			put_byte(s, one_in(3) ? below(256) : one_in(2) ? 0 : 1);
		break;
	case 3: /* an option moves to the end */
		at = option_at(s, below(6), &end);
		if (at >= s->n_options)
			break;
		memcpy(one, s->options + at, end - at);
		memmove(s->options + at, s->options + end, s->n_options - end);
		memcpy(s->options + s->n_options - (end - at), one, end - at);
		break;
	case 4: /* an option becomes NOPs */
		at = option_at(s, below(6), &end);
		if (at < s->n_options)
			memset(s->options + at, 1, end - at);
		break;
	case 5: /* all at random */
		s->n_options = (uint8_t)(4 * below(11));
		for (unsigned i = 0; i < s->n_options; i++)
			s->options[i] = (uint8_t)(one_in(2) ? below(12) : below(256));
		break;
	default:
		mutate_value(s);
	}
}

void segment_mutate(struct segment *s)
{
	switch (below(4)) {
	case 0:
		mutate_ip(s);
		break;
	case 1:
		mutate_tcp(s);
		break;
	default:
		mutate_options(s);
	}
}

/* ---- Bytes -------------------------------------------------------------------------------------- */

static uint8_t *be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *be32(uint8_t *p, uint32_t v)
{
	return be16(be16(p, v >> 16), v);
}

static uint8_t *put_ipv4(uint8_t *p, const struct segment *s, unsigned tcp_bytes)
{
	*p++ = (uint8_t)(0x45 + s->ip_options / 4);
	*p++ = s->tos;
	p = be16(p, (uint32_t)(20 + s->ip_options + (int)tcp_bytes + s->length_off));
	p = be16(p, s->id);
	p = be16(p, s->fragment);
	*p++ = s->ttl;
	*p++ = 6;
	p = be16(p, 0);
	memcpy(p, s->src, 4);
	memcpy(p + 4, s->dst, 4);
	memset(p + 8, 1, s->ip_options);
	return p + 8 + s->ip_options;
}

static uint8_t *put_ipv6(uint8_t *p, const struct segment *s, unsigned tcp_bytes)
{
	p = be32(p, 6u << 28 | (uint32_t)s->tos << 20 | s->flow);
	p = be16(p, (uint32_t)((s->extension ? 8 : 0) + (int)tcp_bytes + s->length_off));
	*p++ = s->extension ? 60 : 6;
	*p++ = s->ttl;
	memcpy(p, s->src, 16);
	memcpy(p + 16, s->dst, 16);
	p += 32;
	if (s->extension) {
		memcpy(p, "\6\0\1\4\0\0\0\0", 8);
		p += 8;
	}
	return p;
}

static uint8_t *put_tcp(uint8_t *p, const struct segment *s)
{
	p = be16(be16(p, s->src_port), s->dst_port);
	p = be32(be32(p, s->seq), s->ack);
	*p++ = (uint8_t)((5 + s->n_options / 4) << 4 | s->reserved);
	*p++ = s->flags;
	p = be16(be16(be16(p, s->win), 0), s->urgent);
	memcpy(p, s->options, s->n_options);
	p += s->n_options;
	if (s->n_payload > 0)
		memcpy(p, s->payload, s->n_payload);
	return p + s->n_payload;
}

static uint8_t *put_link(uint8_t *p, uint32_t link, bool v6)
{
	switch (link) {
	case 0:
		memcpy(p, v6 ? one_in(8) ? "\12\0\0\0" : "\36\0\0\0" : "\2\0\0\0", 4);
		return p + 4;
	case 1:
		memset(p, 2, 12);
		p += 12;
		if (one_in(200))
			p = be32(p, 0x81000007); /* p0f counts it, and cannot read it */
		return be16(p, v6 ? 0x86dd : 0x0800);
	case 113:
		memset(p, 0, 14);
		return be16(p + 14, v6 ? 0x86dd : 0x0800);
	case 276: /* p0f does not know it, and looks for IP in the first frame */
		p = be16(p, v6 ? 0x86dd : 0x0800);
		memset(p, 0, 18);
		p[10] = one_in(3) ? 0x45 : 0;
		return p + 18;
	default:
		return p;
	}
}

void writer_begin(struct writer *w, FILE *file, uint32_t link)
{
	const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, link };

	*w = (struct writer){ .file = file, .link = link };
	fwrite(head, sizeof head, 1, file);
}

void writer_put(struct writer *w, const struct segment *s, uint64_t time_us)
{
	static uint8_t frame[70000];
	const unsigned tcp_bytes = 20u + s->n_options + s->n_payload;
	uint8_t *p = put_link(frame, w->link, s->v6);

	p = put_tcp(s->v6 ? put_ipv6(p, s, tcp_bytes) : put_ipv4(p, s, tcp_bytes), s);
	while (w->link == 1 && p < frame + 60)
		*p++ = one_in(2) ? 0 : 0x55; /* Ethernet's padding */

	const uint32_t wire = (uint32_t)(p - frame), caught = one_in(300) && wire > 60 ? wire - 1 - below(20) : wire;
	const uint32_t head[4] = { (uint32_t)(time_us / 1000000), (uint32_t)(time_us % 1000000), caught, wire };

	fwrite(head, sizeof head, 1, w->file);
	fwrite(frame, caught, 1, w->file);
	w->packets++;
}
