/*
 * hook - in the build for tests alone (-DFP_TEST_HOOKS): a process tries what it must not be able to do.
 *
 * The environment's FP_TEST_TRY="PROCESS:ACT:ARGUMENT" says which and what; tests/system/privileges.t has the acts. One line
 * on standard error says how it ended, if the process lives to say it.
 */
#ifndef FP_HOOK_H
#define FP_HOOK_H

#ifdef FP_TEST_HOOKS
void hook_try(const char *process);
#else
static inline void hook_try(const char *process)
{
	(void)process;
}
#endif

#endif
