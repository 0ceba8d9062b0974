/* commands - forget: the tables first, so that nothing of them comes after the store was cleared; compact: the writer's. */
#include "cmd/commands.h"

#include "core/err.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(struct commands *c, const struct command *cmd, int rc, uint64_t result)
{
	struct command_answer a;

	memset(&a, 0, sizeof a);
	a = (struct command_answer){ .magic = COMMAND_MAGIC, .number = cmd->number, .rc = rc, .result = result };
	/* Who asked may be gone: it is done all the same. write(): packets may read sockets and send on none (privilege.c). */
	(void)!write(c->fd, &a, sizeof a);
}

static bool sound(const struct command *cmd)
{
	return cmd->magic == COMMAND_MAGIC &&
	    (cmd->kind == COMMAND_COMPACT || (cmd->kind == COMMAND_FORGET && cmd->block.bits <= 128));
}

static void begin(struct commands *c)
{
	int rc;

	if (c->now.kind == COMMAND_FORGET) {
		for (unsigned m = 0; m < c->matchers; m++)
			matcher_forget(c->matcher[m], &c->now.block);
		c->state = COMMANDS_MATCHERS;
		return;
	}
	if ((rc = writer_compact(c->writer)) != 0)
		answer(c, &c->now, rc, 0);
	else
		c->state = COMMANDS_WRITER;
}

bool commands_read(struct commands *c)
{
	struct command cmd;
	const ssize_t n = recv(c->fd, &cmd, sizeof cmd, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n != sizeof cmd || !sound(&cmd))
		return n > 0;
	if (c->state != COMMANDS_IDLE) {
		answer(c, &cmd, FP_EBUSY, 0);
		return true;
	}
	c->now = cmd;
	begin(c);
	return true;
}

static bool matchers_done(struct commands *c)
{
	uint32_t hosts;

	c->tick_ended(c->ctx);
	for (unsigned m = 0; m < c->matchers; m++)
		if (!matcher_forgotten(c->matcher[m], &hosts))
			return false;
	return true;
}

bool commands_step(struct commands *c)
{
	uint64_t result = 0;
	int rc = 0;

	if (c->state == COMMANDS_MATCHERS && matchers_done(c)) {
		rc = writer_forget(c->writer, &c->now.block);
		c->state = rc == 0 ? COMMANDS_WRITER : COMMANDS_IDLE;
		if (rc != 0)
			answer(c, &c->now, rc, 0);
	} else if (c->state == COMMANDS_WRITER && writer_answered(c->writer, &rc, &result)) {
		c->state = COMMANDS_IDLE;
		answer(c, &c->now, rc, result);
	}
	return c->state != COMMANDS_IDLE;
}
