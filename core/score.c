/* score - p0f's table, row by row. */
#include "core/score.h"
#include "core/track.h"

#include <stdlib.h>
#include <string.h>

#define QUIRKS_OF_THE_WAY (QUIRK_ECN | QUIRK_DF | QUIRK_ID_PLUS | QUIRK_ID_MINUS)

#define RADICAL 8
#define TTL_NEAR 9        /* hops: beyond, p0f looks at rises only */
#define TTL_LOCAL 5       /* hops: within, every change is odd */
#define TTL_SMALL 2       /* a change that routing explains */
#define PORT_DROP 64
#define DAY_MS (24 * 3600 * 1000ull)
#define GRACE_MS 100      /* segments of that distance may come out of order */
#define HZ_MAX 1500       /* of any timestamp clock */

static void add(struct score *s, unsigned points, uint32_t reason)
{
	s->points = (uint8_t)(s->points + points);
	s->reason |= reason;
}

static bool same_name(const struct sig_label *a, const struct sig_label *b)
{
	return a->name_no == b->name_no;
}

static void score_unknown(struct score *s, const struct score_about *a)
{
	const struct face_what *now = a->what, *ref = a->ref_what;

	if ((now->quirks ^ ref->quirks) & ~(uint32_t)QUIRKS_OF_THE_WAY)
		add(s, 2, REASON_SIG_DIFF);
	else if (!a->server && now->layout_hash != ref->layout_hash)
		add(s, 1, REASON_SIG_DIFF); /* of a SYN+ACK it is the client's choice */
	if (!a->server && now->label != ref->label)
		add(s, 1, REASON_X_KNOWN);
}

/* Returns whether the difference is radical. */
static bool score_known(struct score *s, const struct score_about *a)
{
	const struct face_what *now = a->what, *ref = a->ref_what;

	if (!same_name(now->label, ref->label)) {
		add(s, RADICAL, REASON_OS_DIFF);
		return true;
	}
	if (a->server)
		return false;
	if (now->label != ref->label)
		add(s, 2, REASON_OS_DIFF);
	else if (now->sig_line != ref->sig_line)
		add(s, 1, REASON_OS_DIFF);
	else if ((now->match == MATCH_FUZZY) != (ref->match == MATCH_FUZZY))
		add(s, 1, REASON_FUZZY);
	return false;
}

static void score_ttl(struct score *s, const struct score_about *a)
{
	const int change = a->now->ttl - a->ref->ttl;
	const int dist = kept_dist(a->now, a->what);
	const bool far = dist > TTL_NEAR || dist < 0;

	if (change == 0 || a->what->random_ttl || a->ref_what->random_ttl)
		return;
	/* p0f forgets that a difference may be negative: of a far host it sees no fall. */
	if (far && (a->correct ? abs(change) : change) <= 1)
		return;
	add(s, (dist > TTL_LOCAL || dist < 0) && abs(change) <= TTL_SMALL ? 1 : 4, REASON_TTL);
}

/* A clock that goes on as it should halves the doubts, one that jumps adds to them. */
static void score_timestamps(struct score *s, const struct score_about *a)
{
	const uint64_t gap_ms = kept_ms(a->now) - kept_ms(a->ref);
	const uint32_t ticks = a->now->ts1 - a->ref->ts1;

	if (s->points == 0 || a->now->ts1 == 0 || a->ref->ts1 == 0 || gap_ms >= DAY_MS)
		return;

	const uint64_t max = (gap_ms < GRACE_MS ? GRACE_MS : gap_ms) * HZ_MAX / 1000;
	const bool stepped_back = gap_ms < GRACE_MS && ~ticks <= GRACE_MS * HZ_MAX / 1000;

	if (ticks > max && !stepped_back)
		add(s, 4, REASON_TSTAMP);
	else
		s->points /= 2;
}

struct score score_signature(const struct score_about *a)
{
	struct score s = { 0, 0 };
	const bool other_os = a->what->label != NULL && a->os != NULL && !same_name(a->what->label, a->os);
	bool radical = false;

	if (a->ref == NULL) {
		if (other_os)
			add(&s, RADICAL, REASON_OS_DIFF);
		return s;
	}
	if (a->what == a->ref_what)
		; /* the same but for TTL and port */
	else if (a->what->label == NULL || a->ref_what->label == NULL)
		score_unknown(&s, a);
	else
		radical = score_known(&s, a);
	if (!radical && other_os) {
		add(&s, RADICAL, REASON_OS_DIFF);
		radical = true;
	}
	if (!radical)
		score_ttl(&s, a);
	if (!a->server && a->last_port != 0 && a->port < a->last_port && a->last_port - a->port >= PORT_DROP)
		add(&s, 1, REASON_PORT);
	if (a->what->mss != a->ref_what->mss)
		add(&s, 1, REASON_MTU);
	score_timestamps(&s, a);
	return s;
}

struct score score_tool(const struct sig_label *tool, const struct sig_label *os)
{
	for (uint32_t i = 0; i < tool->sys_n; i++)
		if (tool->sys[i] == os->name_no || tool->sys[i] == (os->class_no | SIG_SYS_CLASS))
			return (struct score){ 0, 0 };
	return (struct score){ 4, REASON_APP_VS_OS };
}

enum score_finding scores_add(struct scores *s, bool server, struct score score, uint8_t hits[4], uint32_t *reason)
{
	static const uint8_t levels[4] = { 6, 3, 2, 1 };
	static const uint8_t limits[4] = { 2, 4, 6, 8 };
	uint32_t *ring = s->at_least[server];
	bool over = false;

	for (unsigned i = 0; i < 4; i++)
		ring[i] = ring[i] << 1 | (score.points >= levels[i]);
	s->reasons |= score.reason;
	if (score.points == 0)
		return SCORE_NOTHING;
	for (unsigned i = 0; i < 4; i++) {
		hits[i] = (uint8_t)__builtin_popcount(ring[i]);
		over |= hits[i] > limits[i];
	}
	if (over) {
		*reason = s->reasons;
		memset(ring, 0, sizeof s->at_least[server]);
		s->reasons = 0;
		return SCORE_SHARING;
	}
	*reason = score.reason;
	return score.points > 1 ? SCORE_CHANGE : SCORE_NOTHING;
}

bool scores_empty(const struct scores *s)
{
	static const struct scores none;

	return memcmp(s, &none, sizeof none) == 0;
}
