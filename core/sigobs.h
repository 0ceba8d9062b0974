/*
 * sigobs - a raw signature, as p0f and we print it, back to the observation that it was printed of: for people who ask about
 * one, and for tests.
 */
#ifndef FP_SIGOBS_H
#define FP_SIGOBS_H

#include "core/obs.h"

#define SIGOBS_WHY 128

/*
 * ver:ttl[+dist]:olen:mss:win,scale:layout:quirks:pclass of a SYN. The TTL is the observed one; "*" for the version means
 * 4, for the MSS 1460, for the scale 0; a window may be mss*N or mtu*N. The two ECN bits of TCP stand for the quirk "ecn".
 * 0, or FP_ECONFIG with one line in why.
 */
int sigobs_parse(const char *raw, struct tcp_obs *out, char why[SIGOBS_WHY]);

#endif
