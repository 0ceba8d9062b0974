/* err - text of error codes. */
#include "core/err.h"

#include <string.h>

static const struct {
	int code;
	const char *text;
} table[] = {
	{ FP_OK, "success" },
	{ FP_EFULL, "no room left" },
	{ FP_EFORMAT, "wrong format" },
	{ FP_EVERSION, "format of another version" },
	{ FP_ENOTFOUND, "not found" },
	{ FP_ESTALE, "read too slowly to be trusted" },
	{ FP_ENOSTORE, "no usable store" },
	{ FP_EBUSY, "owned by another process" },
	{ FP_ETRUNC, "input ends in the middle" },
	{ FP_EOVERFLOW, "buffer too small" },
	{ FP_ECONFIG, "wrong setting" },
	{ FP_EDAMAGED, "damaged" },
	{ FP_ECAPTURE, "capture failed" },
	{ FP_ELMDB, "LMDB failed" },
};

const char *fp_strerror(int code)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].code == code)
			return table[i].text;
	if (code < 0 && code > -1000) {
		/* glibc's static strings: strerror() itself may write a buffer. */
		const char *text = strerrordesc_np(-code);

		if (text != NULL)
			return text;
	}
	return "unknown error";
}
