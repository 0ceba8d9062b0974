/*
 * candidate - the systems that a probability can be about: one row each, for the record (which keeps the code),
 * for the model and for printing. docs/store-format.md repeats the table.
 *
 * CANDIDATE_ROWS(X) expands X(code, "name", "flavor"). Codes are stored: rows are only ever added, a code
 * is never used again. Names are those of docs/interface.md; code 0 means none.
 */
#ifndef FP_CANDIDATE_H
#define FP_CANDIDATE_H

#define CANDIDATE_ROWS(X)              \
	X(1, "Windows", "")            \
	X(2, "Windows", "9x")          \
	X(3, "Windows", "NT 5")        \
	X(4, "Windows", "NT 6")        \
	X(5, "Windows", "10 or later") \
	X(6, "Windows", "Server")      \
	X(16, "Linux", "")             \
	X(17, "Linux", "2.4 or older") \
	X(18, "Linux", "2.6")          \
	X(19, "Linux", "3 or later")   \
	X(24, "Android", "")           \
	X(32, "ChromeOS", "")          \
	X(40, "macOS", "")             \
	X(48, "iOS", "")               \
	X(56, "FreeBSD", "")           \
	X(64, "OpenBSD", "")           \
	X(72, "NetBSD", "")            \
	X(80, "Solaris", "")           \
	X(88, "HP-UX", "")             \
	X(96, "AIX", "")               \
	X(104, "Tru64", "")            \
	X(112, "proxy", "")            \
	X(120, "appliance", "")        \
	X(128, "other", "")

#endif
