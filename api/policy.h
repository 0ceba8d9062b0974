/*
 * policy - Postfix's policy delegation (SMTPD_POLICY_README): name=value lines and a blank one in, "action=..." and a blank line
 * out; connections are kept. What is known of client_address is prepended as a header, or the first rule that holds
 * (core/policyrule.h) says what is done; never seen, or any other request: DUNNO. A message gets its header once, however often
 * its instance is asked about.
 *
 * Threads  any; pure.
 */
#ifndef FP_POLICY_H
#define FP_POLICY_H

#include "core/policyrule.h"
#include "store/reader.h"

#define POLICY_HEADER "X-P0f-OS-Fingerprint"
#define POLICY_ACTION 2048

/* The action for a client, text being its system in words; NUL-terminated, at most POLICY_ACTION bytes. Returns its length. */
size_t policy_action(char out[POLICY_ACTION], const struct policyrule *rules, size_t n_rules, const struct fp_answer *host,
    const char *text);

#endif
