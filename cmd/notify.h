/* notify - what the service manager is told. Alone knows libsystemd; without a manager nothing happens. */
#ifndef FP_NOTIFY_H
#define FP_NOTIFY_H

void notify_ready(const char *status); /* READY=1 with a line of text */
void notify_stopping(void);

#endif
