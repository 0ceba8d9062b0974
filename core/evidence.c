/*
 * evidence - habits that show over several connections, as likelihoods.
 *
 * A habit that a client has (a range of ports, or a NAT that takes any) it has in all its connections: so each is a mixture over habits of
 * products over connections, not a product of mixtures. Where the numbers come from: docs/signatures.md.
 */
#include "core/evidence.h"
#include "core/util.h"

#include <stdlib.h>

#define COUNT_MAX 7
#define DOUBT_MAX 3
#define PORT_STEP 64     /* a port taken "a little above" the last */
#define ID_STEP 256      /* and an IP id, which counts other packets too */
#define TTL_STEP 2       /* hops that routing explains */
#define DOUBT_P 0.05    /* of each: several machines, or somebody between */
#define LAPSE 0.02      /* a connection that breaks its own habit: bound by hand, or through another way */

enum port_class { PORT_LOW, PORT_MID, PORT_LINUX, PORT_HIGH, PORT_TOP, PORT_CLASSES };

static const struct {
	uint16_t first, last;
} port_class[PORT_CLASSES] = {
	{ 1024, 5000 }, { 5001, 32767 }, { 32768, 49151 }, { 49152, 60999 }, { 61000, 65535 },
};

/* Systems that behave alike. */
struct habit {
	uint8_t from, to;        /* codes of candidate.h */
	uint16_t first, last;    /* range of source ports, by default */
	float nat;               /* behind something that takes other ports */
	float even, odd;         /* takes ports of one parity alone */
	float port_near;         /* takes the next port */
	float id_near;           /* counts IP ids */
	float clock[CLOCK_OTHER + 1], again[AGAIN_OTHER + 1]; /* index 0 unused */
};

static const struct habit habits[] = {
	/* from, to  ports         nat  even odd   port id      2    10   100  250  1000 other      1    3    1+1  1+2  3+3  3+6  other */
	{ 2, 3,   1025, 5000,    .2f, 0,   0,    .7f, .7f, { 0, .01f, .8f, .1f, .01f, .03f, .05f }, { 0, .03f, .4f, .01f, .02f, .01f, .4f, .13f } },
	{ 4, 4,   49152, 65535,  .2f, 0,   0,    .5f, .6f, { 0, .01f, .03f, .8f, .02f, .1f, .04f }, { 0, .04f, .4f, .01f, .02f, .02f, .4f, .11f } },
	{ 1, 6,   49152, 65535,  .2f, 0,   0,    .4f, .5f, { 0, .01f, .02f, .3f, .02f, .6f, .05f }, { 0, .25f, .2f, .01f, .25f, .01f, .2f, .08f } },
	{ 17, 17, 1024, 60999,   .2f, 0,   0,    .5f, .2f, { 0, .01f, .02f, .9f, .02f, .03f, .02f }, { 0, .03f, .4f, .01f, .02f, .02f, .4f, .12f } },
	{ 18, 18, 32768, 60999,  .2f, 0,   0,    .2f, .05f, { 0, .01f, .02f, .2f, .5f, .25f, .02f }, { 0, .05f, .4f, .01f, .04f, .02f, .4f, .08f } },
	{ 16, 19, 32768, 60999,  .2f, .6f, .1f,  .3f, .05f, { 0, .01f, .01f, .1f, .2f, .66f, .02f }, { 0, .45f, .02f, .02f, .4f, .01f, .02f, .08f } },
	{ 24, 24, 32768, 60999,  .5f, .35f, .03f, .15f, .05f, { 0, .01f, .01f, .3f, .05f, .6f, .03f }, { 0, .45f, .02f, .02f, .4f, .01f, .02f, .08f } },
	{ 32, 32, 32768, 60999,  .2f, .6f, .05f, .3f, .05f, { 0, .01f, .01f, .05f, .1f, .8f, .03f }, { 0, .45f, .02f, .02f, .4f, .01f, .02f, .08f } },
	{ 40, 40, 49152, 65535,  .2f, 0,   0,    .1f, .05f, { 0, .01f, .02f, .02f, .02f, .9f, .03f }, { 0, .45f, .02f, .42f, .02f, .01f, .01f, .07f } },
	{ 48, 48, 49152, 65535,  .5f, 0,   0,    .1f, .05f, { 0, .01f, .02f, .02f, .02f, .9f, .03f }, { 0, .45f, .02f, .42f, .02f, .01f, .01f, .07f } },
	{ 56, 56, 10000, 65535,  .1f, 0,   0,    .02f, .05f, { 0, .01f, .03f, .1f, .02f, .8f, .04f }, { 0, .25f, .2f, .25f, .02f, .2f, .02f, .06f } },
	{ 64, 64, 1024, 49151,   .1f, 0,   0,    .02f, .02f, { 0, .6f, .02f, .02f, .02f, .3f, .04f }, { 0, .05f, .1f, .02f, .05f, .02f, .1f, .66f } },
	{ 72, 72, 49152, 65535,  .1f, 0,   0,    .1f, .05f, { 0, .9f, .02f, .02f, .01f, .03f, .02f }, { 0, .05f, .1f, .02f, .05f, .02f, .1f, .66f } },
	{ 80, 80, 32768, 65535,  .1f, 0,   0,    .4f, .6f, { 0, .01f, .02f, .8f, .02f, .1f, .05f }, { 0, .3f, .2f, .02f, .2f, .02f, .1f, .16f } },
	/* Whatever else there is: anything. */
	{ 0, 255, 1024, 65535,   .5f, 0,   0,    .3f, .3f, { 0, .16f, .16f, .17f, .17f, .17f, .17f }, { 0, .15f, .15f, .14f, .14f, .14f, .14f, .14f } },
};

/* ---- Taking it in --------------------------------------------------------------------------- */

static enum port_class class_of(unsigned port)
{
	unsigned c = PORT_LOW;

	for (unsigned below = PORT_LOW; below < PORT_TOP; below++)
		c += port > port_class[below].last;
	return (enum port_class)c;
}

static unsigned counts(const struct evidence *e, unsigned n[PORT_CLASSES])
{
	unsigned all = 0;

	for (enum port_class c = PORT_LOW; c < PORT_CLASSES; c++)
		all += n[c] = evidence_get(e, (enum evidence_field)c);
	return all;
}

#define FIELD(f) (3u * (f))
#define COUNTS 0x00ffffffu  /* of the bits: what is counted */
#define HALVED 0x006db6dbu  /* where a halved count may have bits */
#define DOUBT FIELD(EVIDENCE_DOUBT)

static void bump(struct evidence *e, enum evidence_field f)
{
	if (evidence_get(e, f) < COUNT_MAX)
		e->bits += 1u << FIELD(f);
}

static void put(struct evidence *e, enum evidence_field f, unsigned value)
{
	e->bits = (e->bits & ~(7u << FIELD(f))) | value << FIELD(f);
}

/* What was long ago weighs ever less. */
static void halve(struct evidence *e)
{
	const uint32_t doubt = e->bits >> DOUBT;

	e->bits = (e->bits & ~COUNTS & ~(3u << DOUBT)) | ((e->bits & COUNTS) >> 1 & HALVED) | doubt / 2 << DOUBT;
}

/* How far a counter of 16 bits went on, without a step back or none at all. */
static bool is_near(uint16_t now, uint16_t last, unsigned step)
{
	return (uint16_t)(now - last - 1) < step;
}

void evidence_syn(struct evidence *e, const struct evidence_syn *now, const struct evidence_syn *last)
{
	const enum evidence_field port = (enum evidence_field)class_of(now->port);

	if (last != NULL && llabs(now->ms - last->ms) > EVIDENCE_HOURS * INT64_C(3600000)) {
		e->bits = 0;
		last = NULL;
	}
	if (last != NULL && now->other) /* what the one does says nothing of the other */
		e->bits &= 3u << DOUBT;
	if (evidence_get(e, port) == COUNT_MAX)
		halve(e);
	e->bits += 1u << FIELD(port);
	if (now->port & 1)
		bump(e, EVIDENCE_ODD);
	if (last == NULL)
		return;
	if ((now->other || abs(now->ttl - last->ttl) > TTL_STEP) && e->bits >> DOUBT < DOUBT_MAX)
		e->bits += 1u << DOUBT;
	if (now->other)
		return;
	if (is_near(now->port, last->port, PORT_STEP))
		bump(e, EVIDENCE_PORT_NEAR);
	if (now->id != 0 && last->id != 0 && is_near(now->id, last->id, ID_STEP))
		bump(e, EVIDENCE_ID_NEAR);
}

void evidence_clock(struct evidence *e, unsigned hz)
{
	static const struct {
		uint16_t from, to;
		uint8_t is;
	} clocks[] = { { 2, 2, CLOCK_2 }, { 9, 11, CLOCK_10 }, { 95, 105, CLOCK_100 }, { 240, 260, CLOCK_250 }, { 950, 1050, CLOCK_1000 } };

	unsigned is = CLOCK_OTHER;

	for (size_t i = 0; i < ARRAY_LEN(clocks); i++)
		if (hz >= clocks[i].from && hz <= clocks[i].to)
			is = clocks[i].is;
	put(e, EVIDENCE_CLOCK, is);
}

/* The n-th of a row of seconds; timers may be a tick early, the way a little late. */
static bool about(int64_t ms, int64_t seconds)
{
	return ms >= seconds * 1000 - 250 && ms <= seconds * 1000 + 450;
}

void evidence_again(struct evidence *e, unsigned nth, int64_t after_ms)
{
	const unsigned before = evidence_get(e, EVIDENCE_AGAIN);

	if (nth == 1)
		put(e, EVIDENCE_AGAIN, about(after_ms, 1) ? AGAIN_1 : about(after_ms, 3) ? AGAIN_3 : AGAIN_OTHER);
	else if (nth == 2 && before == AGAIN_1)
		put(e, EVIDENCE_AGAIN, about(after_ms, 2) ? AGAIN_1_2 : about(after_ms, 3) ? AGAIN_1_3 : AGAIN_OTHER);
	else if (nth == 2 && before == AGAIN_3)
		put(e, EVIDENCE_AGAIN, about(after_ms, 6) ? AGAIN_3_6 : about(after_ms, 9) ? AGAIN_3_9 : AGAIN_OTHER);
}

/* ---- Likelihoods ---------------------------------------------------------------------------- */

static const struct habit *habit_of(unsigned code)
{
	const struct habit *h = habits;

	while (code < h->from || code > h->to)
		h++;
	return h;
}

/* Of tens of connections: a float would not hold it. */
static double power(double p, unsigned n)
{
	double out = 1;

	for (; n > 0; n--)
		out *= p;
	return out;
}

/* The part of a range of ports that lies in a class. */
static double share(enum port_class c, unsigned first, unsigned last)
{
	const unsigned from = port_class[c].first > first ? port_class[c].first : first;
	const unsigned to = port_class[c].last < last ? port_class[c].last : last;

	return from > to ? 0 : (double)(to - from + 1) / (double)(last - first + 1);
}

static double ports(const struct habit *h, const unsigned n[PORT_CLASSES])
{
	double own = 1, any = 1;

	for (enum port_class c = PORT_LOW; c < PORT_CLASSES; c++) {
		const double of_any = share(c, 1024, 65535);

		own *= power((1 - LAPSE) * share(c, h->first, h->last) + LAPSE * of_any, n[c]);
		any *= power(of_any, n[c]);
	}
	return (1 - (double)h->nat) * own + (double)h->nat * any;
}

/* Of n connections a were of the kind that those with the habit (of them there is `usual`) nearly always show, others with `chance`. */
static double two_ways(double usual, double always, double chance, unsigned a, unsigned n)
{
	return usual * power(always, a) * power(1 - always, n - a) + (1 - usual) * power(chance, a) * power(1 - chance, n - a);
}

static double parity(const struct habit *h, unsigned odd, unsigned n)
{
	const double even = (double)h->even, uneven = (double)h->odd;

	return even * power(1 - LAPSE, n - odd) * power(LAPSE, odd) + uneven * power(1 - LAPSE, odd) * power(LAPSE, n - odd) +
	    (1 - even - uneven) * power(.5, n);
}

static unsigned at_most(unsigned n, unsigned top)
{
	return n < top ? n : top;
}

double evidence_likelihood(const struct evidence *e, unsigned code)
{
	const struct habit *h = habit_of(code);
	const unsigned id_near = evidence_get(e, EVIDENCE_ID_NEAR);
	unsigned n[PORT_CLASSES];
	const unsigned all = counts(e, n);
	double p = ports(h, n) * parity(h, at_most(evidence_get(e, EVIDENCE_ODD), all), all);

	if (all > 1) {
		p *= two_ways((double)h->port_near, .8, .02, at_most(evidence_get(e, EVIDENCE_PORT_NEAR), all - 1), all - 1);
		if (id_near > 0) /* ids that are 0, or not there, are no jumps */
			p *= two_ways((double)h->id_near, .8, .02, at_most(id_near, all - 1), all - 1);
	}
	if (evidence_get(e, EVIDENCE_CLOCK) != CLOCK_UNKNOWN)
		p *= (double)h->clock[at_most(evidence_get(e, EVIDENCE_CLOCK), CLOCK_OTHER)];
	if (evidence_get(e, EVIDENCE_AGAIN) != AGAIN_UNKNOWN)
		p *= (double)h->again[evidence_get(e, EVIDENCE_AGAIN)];
	return p;
}

bool evidence_same(unsigned a, unsigned b)
{
	return habit_of(a) == habit_of(b);
}

bool evidence_says(const struct evidence *e)
{
	unsigned n[PORT_CLASSES];

	return counts(e, n) > 1 || e->bits >> FIELD(EVIDENCE_CLOCK) != 0; /* clock, again, doubt */
}

void evidence_weigh(const struct evidence *e, struct model_candidate *c, unsigned n)
{
	const double doubt = 1 - DOUBT_P * (double)(e->bits >> DOUBT);
	double said = 0, weighed = 0, p[MODEL_CANDIDATES];

	for (unsigned i = 0; i < n; i++) {
		said += (double)c[i].p;
		p[i] = (double)c[i].p * evidence_likelihood(e, c[i].code);
		weighed += p[i];
	}
	for (unsigned i = 0; i < n && weighed > 0; i++)
		c[i].p = (float)(p[i] / weighed * said * doubt);
}
