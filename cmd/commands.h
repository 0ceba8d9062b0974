/*
 * commands - the packets process's side of core/command.h: has matchers and the writer do what people ask, without ever
 * waiting for them.
 *
 * Threads  the main thread of packets.
 */
#ifndef FP_COMMANDS_H
#define FP_COMMANDS_H

#include "core/command.h"
#include "core/matcher.h"
#include "store/writer.h"

struct commands {
	int fd;                      /* socketpair to services; -1: nobody asks */
	struct writer *writer;
	struct matcher **matcher;
	unsigned matchers;
	/* Whose thread has ended is ticked by us. */
	void (*tick_ended)(void *ctx);
	void *ctx;

	enum { COMMANDS_IDLE, COMMANDS_MATCHERS, COMMANDS_WRITER } state;
	struct command now;
};

/* fd is readable: takes a command. Returns false where it is one no more: the other end is gone for good. */
bool commands_read(struct commands *c);

/* Goes on with the one in hand; whether there is one still. To be called each few milliseconds. */
bool commands_step(struct commands *c);

#endif
