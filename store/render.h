/*
 * render - a host as JSON, CSV or text in the caller's buffer. libc only.
 *
 * Each returns the length written, without the NUL, or FP_EOVERFLOW. No byte of network or label
 * leaves unescaped. Times are RFC 3339 UTC; absent is null (JSON) or empty (CSV).
 */
#ifndef FP_RENDER_H
#define FP_RENDER_H

#include "store/reader.h"

#define RENDER_HOST_MAX 8192 /* any host in any form fits, every byte of its texts escaped */

/* The host object of docs/interface.md, one line, no newline. */
int render_json(char *buf, size_t size, const struct fp_answer *host);
/* {"ip":ADDRESS,"os":null} */
int render_json_unknown(char *buf, size_t size, const struct fp_addr *addr);

int render_csv_header(char *buf, size_t size);
int render_csv(char *buf, size_t size, const struct fp_answer *host);

/* For people: one line, "192.0.2.7  Windows 10 or later (exact), distance 10, Ethernet or modem, ...". */
int render_line(char *buf, size_t size, const struct fp_answer *host);

/*
 * p0f 3's words as p0f-analyzer 1.502 gives them: "Linux 3.11 and newer; dist: 0; link: Ethernet or modem; params: none; ...",
 * "???; dist: ...". Keys are sorted; raw_freq and uptime where they are known.
 */
int render_v3(char *buf, size_t size, const struct fp_answer *host);

/* A JSON string with its quotes. */
int render_json_string(char *buf, size_t size, const char *text);

/* "4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0" */
int render_signature(char *buf, size_t size, const struct fp_answer *host);

#endif
