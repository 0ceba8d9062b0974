/*
 * linebuf - for LD_PRELOAD under p0f: leaves standard output fully buffered where p0f asks for a write() a line. Nothing else of
 * p0f changes, so that what it costs can be told apart from what its output costs.
 */
#include <stdio.h>

void setlinebuf(FILE *f);
void setlinebuf(FILE *f)
{
	(void)f;
}

/* glibc's setlinebuf() is a setvbuf(); p0f may have been built with either. */
__attribute__((constructor)) static void buffer(void)
{
	static char room[1 << 20];

	setvbuf(stdout, room, _IOFBF, sizeof room);
}
