/*
 * pathword - what the way did to a packet, in words: one row each, for whoever prints fp_host.path.
 *
 * PATH_ROWS(X) expands X(BIT, "words"); the order is that of the bits and of printing. Programs read these
 * words (docs/interface.md): none changes.
 */
#ifndef FP_PATHWORD_H
#define FP_PATHWORD_H

#define PATH_ROWS(X)                                       \
	X(FP_PATH_TS_REMOVED, "timestamp removed")         \
	X(FP_PATH_DF_CLEARED, "df cleared")                \
	X(FP_PATH_MSS_CLAMPED, "mss clamped")              \
	X(FP_PATH_WIN_REWRITTEN, "window rewritten")       \
	X(FP_PATH_SACK_REMOVED, "sack removed")            \
	X(FP_PATH_WS_REMOVED, "window scale removed")      \
	X(FP_PATH_TTL_RESTARTED, "ttl restarted")          \
	X(FP_PATH_PROXY, "proxy")                          \
	X(FP_PATH_TUNNEL, "tunnel")

#endif
