/*
 * command - what the services process asks the packets process to do: a datagram over their socketpair, and its answer.
 *
 * Both ends are the same program; the receiver checks it all the same: who has broken into services is not to get further.
 */
#ifndef FP_COMMAND_H
#define FP_COMMAND_H

#include "core/addr.h"

#include <stdint.h>

#define COMMAND_MAGIC 0x46706344u

enum command_kind { COMMAND_FORGET = 1, COMMAND_COMPACT = 2 };

struct command {
	uint32_t magic;
	uint32_t number;       /* the answer repeats it */
	uint32_t kind;         /* enum command_kind */
	struct fp_cidr block;  /* forget */
};

struct command_answer {
	uint32_t magic;
	uint32_t number;
	int32_t rc;            /* 0, FP_EBUSY, ... */
	uint64_t result;       /* hosts forgotten; bytes of the store */
};

#endif
