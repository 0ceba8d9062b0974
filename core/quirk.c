/* quirk - their names, for both libraries, which declare this function alike. */
#include "core/quirk.h"

#include <stddef.h>

const char *fp_quirk_name(unsigned n)
{
	static const char *const names[] = {
#define X(constant, name, version, source) name,
		QUIRK_ROWS(X)
#undef X
	};

	return n < QUIRK_COUNT ? names[n] : NULL;
}
