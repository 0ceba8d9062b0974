/* notify - what the service manager is told. Alone knows libsystemd; without a manager nothing happens. */
#ifndef FP_NOTIFY_H
#define FP_NOTIFY_H

void notify_ready(const char *status); /* READY=1 with a line of text */
void notify_stopping(void);

/*
 * The manager's store of descriptors (sd_notify(3), FDSTORE): what is put there comes back at the next start. notify_kept(): the i-th that
 * came under this name, closed on exec; -1: no more.
 */
void notify_keep(int fd, const char *name);
int notify_kept(unsigned i, const char *name);

#endif
