/* modelfile - the text of a model (signatures/model.tsv, prior-*.tsv) to its tables; docs/signatures.md has the grammar. */
#include "core/err.h"
#include "core/host.h"
#include "core/model_int.h"
#include "core/sigtext.h"
#include "core/util.h"
#include "core/whole.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (4u << 20)
#define ROWS_MAX 4096u
#define GROUPS_MAX 1024u
#define TTL_OWN 0.96f      /* of a cell that names one class alone */
#define SCALE_SHARE (1.0f / SCALES)

/* How likely it is that a middlebox writes NOPs over an option: rare, but what is left looks like nothing else. */
#define UNDO_P 0.003f

enum column { COL_CANDIDATE, COL_WEIGHT, COL_LAYOUT, COL_TTL, COL_WINDOW, COL_SCALE, COL_ID, COL_ECN, COL_MSS, COL_ODD, COL_SOURCE, COLUMNS };

static const char *const column_name[COLUMNS] = {
	"candidate", "weight", "layout", "ttl", "window", "scale", "id", "ecn", "mss", "odd", "source",
};

struct reader {
	struct model *m;
	struct row preset;        /* the row "default": what "*" means */
	struct sig_error *err;
	const char *name;
	unsigned line;
	struct layout *of_row;    /* layout of each row, until rows are grouped */
	struct {
		struct token t[ROW_TOKENS];
		uint8_t n;
	} *tokens_of;             /* tokens of each row, until then */
};

static int fail(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int fail(struct reader *r, const char *fmt, ...)
{
	va_list args;

	snprintf(r->err->file, sizeof r->err->file, "%s", r->name);
	r->err->line = r->line;
	va_start(args, fmt);
	vsnprintf(r->err->text, sizeof r->err->text, fmt, args);
	va_end(args);
	return FP_ECONFIG;
}

/* ---- Cells ---------------------------------------------------------------------------------- */

/* A probability or weight; false: it is none. */
static bool read_number(const char *text, float top, float *out)
{
	char *end;
	const float v = strtof(text, &end);

	*out = v;
	return end != text && *end == '\0' && v >= 0 && v <= top;
}

struct pair {
	char *word;
	float p;
};

/* "a:.5 b:.2" to pairs; *rest is what they leave of 1. Cuts the text up. */
static int read_pairs(struct reader *r, enum column col, char *cell, struct pair *pair, unsigned max, unsigned *n, float *rest)
{
	float sum = 0;

	*n = 0;
	for (char *save, *item = strtok_r(cell, " ", &save); item != NULL; item = strtok_r(NULL, " ", &save)) {
		char *colon = strrchr(item, ':');

		if (*n == max)
			return fail(r, "%s: more than %u values", column_name[col], max);
		pair[*n] = (struct pair){ item, 1 };
		if (colon != NULL) {
			*colon = '\0';
			if (!read_number(colon + 1, 1, &pair[*n].p))
				return fail(r, "%s: \"%s\" is no probability", column_name[col], colon + 1);
		}
		sum += pair[(*n)++].p;
	}
	if (sum > 1.0005f)
		return fail(r, "%s: probabilities add up to %.4f", column_name[col], (double)sum);
	*rest = sum < 1 ? 1 - sum : 0;
	return 0;
}

/* A cell over named classes; what is left belongs to the others, in equal parts. */
static int read_classes(struct reader *r, enum column col, char *cell, const char *const *word, unsigned n_words, float *out,
    const float *preset)
{
	struct pair pair[16];
	bool named[16] = { false };
	unsigned n, others = n_words;
	float rest;

	if (strcmp(cell, "*") == 0) {
		memcpy(out, preset, n_words * sizeof *out);
		return 0;
	}
	const bool alone = strchr(cell, ':') == NULL;

	if (read_pairs(r, col, cell, pair, 16, &n, &rest) != 0)
		return FP_ECONFIG;
	if (alone && col == COL_TTL && n == 1) {
		pair[0].p = TTL_OWN;
		rest = 1 - TTL_OWN;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned w = 0;

		while (w < n_words && strcmp(word[w], pair[i].word) != 0)
			w++;
		if (w == n_words || named[w])
			return fail(r, "%s: \"%s\" is unknown here, or stands twice", column_name[col], pair[i].word);
		named[w] = true;
		out[w] = pair[i].p;
		others--;
	}
	for (unsigned w = 0; w < n_words; w++)
		if (!named[w])
			out[w] = rest / (float)others;
	return 0;
}

static int read_scale(struct reader *r, char *cell, float *out)
{
	struct pair pair[SCALES];
	unsigned n;
	float rest;

	if (strcmp(cell, "-") == 0) { /* the layout has none */
		for (unsigned i = 0; i < SCALES; i++)
			out[i] = 1;
		return 0;
	}
	if (read_pairs(r, COL_SCALE, cell, pair, SCALES, &n, &rest) != 0)
		return FP_ECONFIG;
	for (unsigned i = 0; i < SCALES; i++)
		out[i] = rest * SCALE_SHARE;
	for (unsigned i = 0; i < n; i++) {
		char *end;
		const unsigned long v = strtoul(pair[i].word, &end, 10);

		if (*end != '\0' || !isdigit((unsigned char)pair[i].word[0]) || v >= SCALES)
			return fail(r, "scale: \"%s\" is none", pair[i].word);
		out[v] = pair[i].p;
	}
	return 0;
}

static bool read_token(const char *word, struct token *out)
{
	const bool mss = strncmp(word, "mss*", 4) == 0;
	const char *digits = mss ? word + 4 : word;
	char *end;

	if (strcmp(word, "fit") == 0) {
		*out = (struct token){ TOKEN_FIT, 0 };
		return true;
	}
	if (mss && *digits == '\0') {
		*out = (struct token){ TOKEN_MSS_ANY, 0 };
		return true;
	}
	const unsigned long v = strtoul(digits, &end, 10);

	*out = (struct token){ mss ? TOKEN_MSS : TOKEN_VALUE, (uint16_t)v };
	return isdigit((unsigned char)*digits) && *end == '\0' && v <= (mss ? MULTIPLES - 1 : 65535);
}

static int read_window(struct reader *r, char *cell, struct row *row)
{
	const uint32_t at = (uint32_t)(row - r->m->rows);
	struct pair pair[ROW_TOKENS];
	unsigned n;
	float rest;

	if (read_pairs(r, COL_WINDOW, cell, pair, ROW_TOKENS, &n, &rest) != 0)
		return FP_ECONFIG;
	for (unsigned i = 0; i < n; i++) {
		if (!read_token(pair[i].word, &r->tokens_of[at].t[i]))
			return fail(r, "window: \"%s\": a number, fit, mss*N or mss* is expected", pair[i].word);
		row->window[i] = r->tokens_of[at].t[i].kind == TOKEN_MSS_ANY ? pair[i].p / OTHER_MULTIPLES : pair[i].p;
	}
	row->n_tokens = r->tokens_of[at].n = (uint8_t)n;
	row->window_other = rest / OTHER_WINDOWS;
	return 0;
}

static int read_odd(struct reader *r, char *cell, struct row *row)
{
	struct pair pair[ROW_ODD];
	unsigned n;
	float rest;

	row->n_odd = 0;
	if (strcmp(cell, "*") == 0 || strcmp(cell, "-") == 0)
		return 0;
	/* Several quirks may hold at once: their probabilities need not add up to 1. */
	for (char *save, *item = strtok_r(cell, " ", &save); item != NULL; item = strtok_r(NULL, " ", &save)) {
		unsigned q = 0;

		if (read_pairs(r, COL_ODD, item, pair, 1, &n, &rest) != 0)
			return FP_ECONFIG;
		while (q < QUIRK_COUNT && strcmp(fp_quirk_name(q), pair[0].word) != 0)
			q++;
		if (q == QUIRK_COUNT || row->n_odd == ROW_ODD)
			return fail(r, "odd: \"%s\" is no quirk, or one too many", pair[0].word);
		row->odd[row->n_odd] = 1u << q;
		row->odd_p[row->n_odd++] = pair[0].p;
	}
	return 0;
}

static int read_layout(struct reader *r, const char *cell, struct layout *out)
{
	char buf[160];

	*out = (struct layout){ .len = 0 };
	if (strcmp(cell, "-") == 0) /* no options at all */
		return 0;
	snprintf(buf, sizeof buf, "%s", cell);
	for (char *save, *item = strtok_r(buf, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save)) {
		unsigned kind = 0;

		if (out->len == OBS_OPTIONS_MAX)
			return fail(r, "layout: more than %d options", OBS_OPTIONS_MAX);
		if (sscanf(item, "eol+%u", &kind) == 1) {
			out->eol_pad = (uint8_t)kind;
			kind = 0;
		} else if (sscanf(item, "?%u", &kind) != 1) {
			for (kind = 1; kind < 256; kind++)
				if (sigtext_option_name(kind) != NULL && strcmp(sigtext_option_name(kind), item) == 0)
					break;
		}
		if (kind > 255)
			return fail(r, "layout: \"%s\" is no option", item);
		out->kinds[out->len++] = (uint8_t)kind;
	}
	return 0;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static int read_candidate(struct reader *r, char *cell, uint8_t *code)
{
	char *colon = strchr(cell, ':');
	const char *flavor = "";

	if (colon != NULL) {
		*colon = '\0';
		flavor = colon + 1;
	}
	*code = (uint8_t)model_candidate_code(cell, flavor);
	if (*code == 0)
		return fail(r, "\"%s%s%s\" is no candidate: docs/store-format.md lists them", cell, *flavor != '\0' ? ":" : "", flavor);
	return 0;
}

static int read_row(struct reader *r, char *const cell[COLUMNS])
{
	static const char *const ttls[] = { "32", "64", "128", "255" };
	static const char *const ids[] = { "id+", "id0", "nodf", "id-" };
	static const char *const ecns[] = { "no", "tcp", "acc", "ip" };
	static const char *const msses[] = { "none", "eth", "dsl", "tun", "low", "tiny", "jumbo" };
	const bool preset = strcmp(cell[COL_CANDIDATE], "default") == 0;
	struct row *row = preset ? &r->preset : &r->m->rows[r->m->n_rows];
	const struct row *of = &r->preset;

	if (r->m->n_rows == ROWS_MAX)
		return fail(r, "more than %u rows", ROWS_MAX);
	if (*cell[COL_SOURCE] == '\0')
		return fail(r, "a row names its source");
	row->source = cell[COL_SOURCE];
	if (read_classes(r, COL_ID, cell[COL_ID], ids, ID_CLASSES, row->id, of->id) != 0 ||
	    read_classes(r, COL_ECN, cell[COL_ECN], ecns, ECN_CLASSES, row->ecn, of->ecn) != 0 ||
	    read_classes(r, COL_MSS, cell[COL_MSS], msses, MSS_CLASSES, row->mss, of->mss) != 0)
		return FP_ECONFIG;
	if (preset)
		return 0;
	if (read_candidate(r, cell[COL_CANDIDATE], &row->code) != 0)
		return FP_ECONFIG;
	if (!read_number(cell[COL_WEIGHT], 1, &row->weight) || row->weight <= 0)
		return fail(r, "weight: \"%s\" is not above 0 and at most 1", cell[COL_WEIGHT]);
	if (read_layout(r, cell[COL_LAYOUT], &r->of_row[r->m->n_rows]) != 0 ||
	    read_classes(r, COL_TTL, cell[COL_TTL], ttls, TTL_CLASSES, row->ttl, of->ttl) != 0 ||
	    read_window(r, cell[COL_WINDOW], row) != 0 || read_scale(r, cell[COL_SCALE], row->scale) != 0 ||
	    read_odd(r, cell[COL_ODD], row) != 0)
		return FP_ECONFIG;
	r->m->n_rows++;
	return 0;
}

/* Cuts a line into cells at tabs; how many. */
static unsigned cut(char *line, char **cell, unsigned max)
{
	unsigned n = 0;

	while (n < max) {
		cell[n++] = line;
		if ((line = strchr(line, '\t')) == NULL)
			break;
		*line++ = '\0';
	}
	return n;
}

/* The next line of *at that says something, without its newline; NULL at the end. */
static char *next_line(struct reader *r, char **at)
{
	while (**at != '\0') {
		char *line = *at, *end = strchr(line, '\n');

		*at = end != NULL ? end + 1 : line + strlen(line);
		if (end != NULL)
			*end = '\0';
		r->line++;
		if (*line != '#' && *line != '\0')
			return line;
	}
	return NULL;
}

/* ---- Groups and the index ------------------------------------------------------------------- */

static int group_of(struct reader *r, const struct layout *l, uint32_t *out)
{
	struct model *m = r->m;
	char *text;

	for (*out = 0; *out < m->n_groups; ++*out)
		if (memcmp(&m->groups[*out].layout, l, sizeof *l) == 0)
			return 0;
	if (m->n_groups == GROUPS_MAX)
		return fail(r, "more than %u layouts", GROUPS_MAX);
	m->groups[m->n_groups] = (struct group){ .layout = *l, .core = layout_core(l) };
	text = m->groups[m->n_groups++].text;
	sigtext_layout(text, sizeof m->groups->text, l->kinds, l->len, l->eol_pad);
	return 0;
}

static bool token_before(struct token a, struct token b)
{
	return a.kind != b.kind ? a.kind < b.kind : a.value < b.value;
}

/* The group's tokens are all those of its rows, in order. */
static int gather_tokens(struct reader *r, struct group *g, uint32_t at)
{
	for (unsigned i = 0; i < r->tokens_of[at].n; i++) {
		const struct token t = r->tokens_of[at].t[i];
		unsigned n = 0, last;

		while (n < g->n_tokens && token_before(g->token[n], t))
			n++;
		if (n < g->n_tokens && !token_before(t, g->token[n]))
			continue;
		if (g->n_tokens == TOKENS_MAX)
			return fail(r, "the rows of %s name more than %d windows", g->text, TOKENS_MAX);
		for (last = g->n_tokens++; last > n; last--)
			g->token[last] = g->token[last - 1];
		g->token[n] = t;
	}
	return 0;
}

static void number_tokens(struct group *g)
{
	for (unsigned n = 0; n < g->n_tokens; n++) {
		const struct token t = g->token[n];

		g->n_values += t.kind == TOKEN_VALUE;
		if (t.kind == TOKEN_FIT)
			g->fit_token = (uint8_t)(n + 1);
		else if (t.kind == TOKEN_MSS_ANY)
			g->any_token = (uint8_t)(n + 1);
		else if (t.kind == TOKEN_MSS)
			g->mss_token[t.value] = (uint8_t)(n + 1);
	}
}

/* The row's tokens by the group's numbers, in the group's order. */
static void place_tokens(const struct reader *r, const struct group *g, struct row *row, uint32_t at)
{
	float p[TOKENS_MAX];
	unsigned out = 0;

	for (unsigned n = 0; n < g->n_tokens; n++) {
		p[n] = -1;
		for (unsigned i = 0; i < r->tokens_of[at].n; i++)
			if (g->token[n].kind == r->tokens_of[at].t[i].kind && g->token[n].value == r->tokens_of[at].t[i].value)
				p[n] = row->window[i];
	}
	for (unsigned n = 0; n < g->n_tokens; n++)
		if (p[n] >= 0 && out < ROW_TOKENS) {
			row->token[out] = (uint8_t)n;
			row->window[out++] = p[n];
		}
	row->n_tokens = (uint8_t)out;
}

/* Rows of one layout side by side. */
static int group_rows(struct reader *r)
{
	struct model *m = r->m;
	struct row *sorted = calloc(m->n_rows, sizeof *sorted);
	uint32_t *of = calloc(m->n_rows, sizeof *of), n = 0;
	int rc = sorted == NULL || of == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; i < m->n_rows && rc == 0; i++)
		rc = group_of(r, &r->of_row[i], &of[i]);
	for (uint32_t i = 0; i < m->n_rows && rc == 0; i++)
		rc = gather_tokens(r, &m->groups[of[i]], i);
	for (uint32_t g = 0; g < m->n_groups && rc == 0; g++) {
		m->groups[g].first = n;
		number_tokens(&m->groups[g]);
		for (unsigned place = 0; place < MODEL_CANDIDATES; place++)
			for (uint32_t i = 0; i < m->n_rows; i++)
				if (of[i] == g && candidate_place(m->rows[i].code) == place) {
					sorted[n] = m->rows[i];
					place_tokens(r, &m->groups[g], &sorted[n++], i);
				}
		m->groups[g].n = n - m->groups[g].first;
	}
	free(of);
	if (rc != 0) {
		free(sorted);
		return rc;
	}
	free(m->rows);
	m->rows = sorted;
	return 0;
}

static void slot_add(struct model *m, const struct layout *l, struct alt alt)
{
	uint32_t i = layout_hash(l) & m->slot_mask;

	while (m->slots[i].n != 0 && memcmp(&m->slots[i].layout, l, sizeof *l) != 0)
		i = (i + 1) & m->slot_mask;
	m->slots[i].layout = *l;
	if (m->slots[i].n < ALTS_MAX)
		m->slots[i].alt[m->slots[i].n++] = alt;
}

static const struct {
	uint8_t kind, bytes;
	uint16_t path;
} removable[] = {
	{ 8, 10, FP_PATH_TS_REMOVED },
	{ 4, 2, FP_PATH_SACK_REMOVED },
	{ 3, 3, FP_PATH_WS_REMOVED },
};

/* The layout with the options of `which` (bits of removable) overwritten with NOPs; false: it has not all of them, or no room. */
static bool overwritten(const struct layout *l, unsigned which, struct layout *out, uint16_t *path)
{
	*out = (struct layout){ .eol_pad = l->eol_pad };
	*path = 0;
	for (unsigned i = 0; i < l->len; i++) {
		unsigned nops = 0;

		for (unsigned j = 0; j < ARRAY_LEN(removable); j++)
			if (which >> j & 1 && l->kinds[i] == removable[j].kind) {
				nops = removable[j].bytes;
				*path |= removable[j].path;
			}
		if (out->len + (nops > 0 ? nops : 1) > OBS_OPTIONS_MAX)
			return false;
		if (nops == 0)
			out->kinds[out->len++] = l->kinds[i];
		for (; nops > 0; nops--)
			out->kinds[out->len++] = 1;
	}
	return __builtin_popcount(*path) == __builtin_popcount(which);
}

static int index_layouts(struct model *m)
{
	const unsigned ways = 1u << ARRAY_LEN(removable);
	uint32_t size = 64;

	while (size < m->n_groups * ways * 2)
		size *= 2;
	m->slots = calloc(size, sizeof *m->slots);
	if (m->slots == NULL)
		return -ENOMEM;
	m->slot_mask = size - 1;
	for (uint32_t g = 0; g < m->n_groups; g++) {
		uint16_t *chain = &m->by_core[m->groups[g].core % CORE_SLOTS];

		slot_add(m, &m->groups[g].layout, (struct alt){ (uint16_t)g, 0, 1 });
		m->groups[g].next_core = *chain;
		*chain = (uint16_t)(g + 1);
	}
	for (uint32_t g = 0; g < m->n_groups; g++)
		for (unsigned which = 1; which < ways; which++) {
			struct layout l;
			uint16_t path;

			/* A bare MSS has nothing to lose; and what is known by a sample or two would explain anything. */
			if (m->groups[g].core >> 3 != 0 && m->groups[g].mass >= RARE_MASS && overwritten(&m->groups[g].layout, which, &l, &path))
				slot_add(m, &l, (struct alt){ (uint16_t)g, path, UNDO_P });
		}
	return 0;
}

/* ---- Lanes ---------------------------------------------------------------------------------- */

static void put(struct group *g, unsigned block, uint32_t row, float p)
{
	((float *)(g->lanes + (size_t)block * g->blocks))[row] = p;
}

static void lay_row(struct group *g, uint32_t i, const struct row *row, float prior)
{
	const float base = row->weight * prior * row_odd_p(row, 0);
	const uint8_t candidate = (uint8_t)candidate_place(row->code);

	for (unsigned t = 0; t < TTL_CLASSES; t++)
		for (unsigned d = 0; d <= ID_ANY; d++)
			for (unsigned e = 0; e < ECN_CLASSES; e++)
				put(g, head_block(t, d, e), i, base * row->ttl[t] * (d == ID_ANY ? 1 : row->id[d]) * row->ecn[e]);
	for (unsigned m = 0; m < MSS_CLASSES; m++)
		for (unsigned s = 0; s <= SCALE_ANY; s++)
			put(g, size_block(m, s), i, row->mss[m] * (s == SCALE_ANY ? 1 : row->scale[s]));
	put(g, BLOCK_OTHER, i, row->window_other);
	for (unsigned n = 0; n < row->n_tokens; n++) {
		put(g, BLOCK_TOKEN + row->token[n], i, row->window[n]);
		g->token_places[row->token[n]] |= 1u << candidate;
	}
	if (i % LANES == 0)
		g->block_candidate[i / LANES] = candidate;
	else if (g->block_candidate[i / LANES] != candidate)
		g->block_candidate[i / LANES] = BLOCK_MIXED;
	g->candidate[i] = candidate;
	g->places |= 1u << candidate;
	g->mass += row->weight * prior;
}

/* Everything that judging needs, side by side. Rows of padding have weight 0. */
static int lay_out(struct model *m)
{
	size_t n_lanes = 0, n_rows = 0;
	lanes *at;
	uint8_t *candidate;

	for (uint32_t g = 0; g < m->n_groups; g++) {
		m->groups[g].blocks = (uint16_t)((m->groups[g].n + LANES - 1) / LANES);
		n_lanes += (size_t)m->groups[g].blocks * (BLOCK_TOKEN + m->groups[g].n_tokens);
		n_rows += (size_t)m->groups[g].blocks * LANES;
	}
	m->lanes = at = aligned_alloc(sizeof(lanes), n_lanes * sizeof(lanes));
	m->candidates = candidate = calloc(n_rows + n_rows / LANES, 1);
	if (at == NULL || candidate == NULL)
		return -ENOMEM;
	memset(at, 0, n_lanes * sizeof *at);
	for (unsigned code = 1; code < 256; code++) {
		if (model_candidate(code, NULL) == NULL)
			continue;
		m->floor[candidate_place(code)] = FLOOR * m->prior[code];
		m->floor_sum += FLOOR * m->prior[code];
		for (unsigned of = 1; of < 256; of++)
			if (model_kernel(of) == model_kernel(code))
				m->kin[of] |= 1u << candidate_place(code);
	}
	for (uint32_t i = 0; i < m->n_groups; i++) {
		struct group *g = &m->groups[i];

		g->lanes = at;
		g->candidate = candidate;
		at += (size_t)g->blocks * (BLOCK_TOKEN + g->n_tokens);
		candidate += (size_t)g->blocks * LANES;
		g->block_candidate = candidate;
		candidate += g->blocks;
		for (uint32_t row = 0; row < g->n; row++)
			lay_row(g, row, &m->rows[g->first + row], m->prior[m->rows[g->first + row].code]);
	}
	return 0;
}

/* Of m->text, which it cuts up. */
static int modelfile_table(struct model *m, const char *name, struct sig_error *err)
{
	struct reader r = { .m = m, .err = err, .name = name };
	char *at = m->text, *line, *cell[COLUMNS];
	int rc = 0;

	m->rows = calloc(ROWS_MAX, sizeof *m->rows);
	m->groups = calloc(GROUPS_MAX, sizeof *m->groups);
	r.of_row = calloc(ROWS_MAX, sizeof *r.of_row);
	r.tokens_of = calloc(ROWS_MAX, sizeof *r.tokens_of);
	if (m->rows == NULL || m->groups == NULL || r.of_row == NULL || r.tokens_of == NULL)
		rc = -ENOMEM;
	if (rc == 0 && ((line = next_line(&r, &at)) == NULL || strncmp(line, "candidate\tweight\tlayout\t", 24) != 0))
		rc = fail(&r, "the first line names the columns: candidate, weight, layout, ...");
	while (rc == 0 && (line = next_line(&r, &at)) != NULL) {
		const unsigned n = cut(line, cell, COLUMNS);

		rc = n == COLUMNS ? read_row(&r, cell) : fail(&r, "%u cells instead of %d", n, COLUMNS);
	}
	if (rc == 0 && m->n_rows == 0)
		rc = fail(&r, "no row");
	if (rc == 0)
		rc = group_rows(&r);
	free(r.of_row);
	free(r.tokens_of);
	return rc;
}

static int modelfile_prior(struct model *m, const char *name, const char *text, struct sig_error *err)
{
	struct reader r = { .m = m, .err = err, .name = name };
	char *copy = strdup(text), *at = copy, *line, *cell[2];
	float total = 0;
	int rc = copy == NULL ? -ENOMEM : 0;

	while (rc == 0 && (line = next_line(&r, &at)) != NULL) {
		uint8_t code = 0;
		float p = 0;

		if (cut(line, cell, 2) != 2 || !read_number(cell[1], 1e9f, &p))
			rc = fail(&r, "a candidate, a tab and a number are expected");
		else if ((rc = read_candidate(&r, cell[0], &code)) == 0 && m->prior[code] != 0)
			rc = fail(&r, "%s stands twice", cell[0]);
		m->prior[code] = p;
		total += p;
	}
	if (rc == 0 && !(total > 0))
		rc = fail(&r, "no candidate is possible");
	for (unsigned i = 0; i < ARRAY_LEN(m->prior) && rc == 0; i++)
		m->prior[i] /= total;
	free(copy);
	return rc;
}

/* ---- Life ----------------------------------------------------------------------------------- */

int model_parse(struct model **out, const char *table, const char *prior, struct sig_error *err)
{
	struct model *m = calloc(1, sizeof *m);
	int rc = -ENOMEM;

	*out = NULL;
	memset(err, 0, sizeof *err);
	if (m != NULL && (m->text = strdup(table)) != NULL) {
		rc = modelfile_table(m, "model", err);
		if (rc == 0)
			rc = modelfile_prior(m, "prior", prior, err);
		if (rc == 0)
			rc = lay_out(m);
		if (rc == 0)
			rc = index_layouts(m);
	}
	if (rc != 0)
		model_free(&m);
	*out = m;
	return rc;
}

int model_load(struct model **out, const char *table, const char *prior, struct sig_error *err)
{
	char *texts[2] = { NULL, NULL };
	size_t len;
	const char *const files[2] = { table, prior };
	int rc = 0;

	*out = NULL;
	for (int i = 0; i < 2 && rc == 0; i++)
		if ((rc = whole_file(files[i], TEXT_MAX, &texts[i], &len)) != 0) {
			memset(err, 0, sizeof *err);
			snprintf(err->file, sizeof err->file, "%s", files[i]);
			snprintf(err->text, sizeof err->text, "%s", fp_strerror(rc));
		}
	if (rc == 0 && (rc = model_parse(out, texts[0], texts[1], err)) != 0) /* it does not know where its texts came from */
		snprintf(err->file, sizeof err->file, "%s", strcmp(err->file, "prior") == 0 ? prior : table);
	free(texts[0]);
	free(texts[1]);
	return rc;
}

void model_free(struct model **mp)
{
	struct model *m = *mp;

	if (m == NULL)
		return;
	free(m->rows);
	free(m->groups);
	free(m->slots);
	free(m->lanes);
	free(m->candidates);
	free(m->text);
	free(m);
	*mp = NULL;
}
