/*
 * page - the files of the page at /, as they lie in the program: packed by gzip. Made by api/page/build of what is in api/page, and
 * of Chart.js, which is Debian's (libjs-chart.js).
 */
#ifndef FP_PAGE_H
#define FP_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct page_file {
	const char *path, *type, *etag;
	const uint8_t *packed;
	size_t packed_len, len;
};

extern const struct page_file page_files[];
extern const size_t page_file_count;

#endif
