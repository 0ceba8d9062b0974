/* util - the few macros that every file may use. */
#ifndef FP_UTIL_H
#define FP_UTIL_H

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

/* What two threads write must not share one; 128, since x86 fetches lines in pairs. */
#define CACHELINE 128

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
