/*
 * thread - a thread with a name, as ps and top show it.
 *
 * It names itself: by another's hand that is a file in /proc, which is out of reach of a process that is confined.
 * Errors  0 or -errno.
 */
#ifndef FP_THREAD_H
#define FP_THREAD_H

#include <pthread.h>

/* name: its first 15 bytes are kept. */
int thread_start(pthread_t *out, void *(*body)(void *), void *arg, const char *name);

#endif
