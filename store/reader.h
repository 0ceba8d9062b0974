/*
 * reader - libfingerpost: what the store knows of an address, in about a microsecond.
 *
 * It maps DIR/data.mdb read-only and walks LMDB's tree by itself, every byte bounded: it needs no
 * LMDB, no lock, no daemon, and read access to `data.mdb` and `stamp` only. It never writes, waits or
 * raises a signal for what is in the file, and holds nothing between calls.
 *
 * Owner    fp_open() makes a handle, fp_close() ends it.
 * Threads  one handle may serve any number of threads. A handle opened before fork() serves both
 *          sides; no call is made for that.
 * Errors   0 or a negative FP_E* (core/err.h). Whatever is wrong, the answer is "unknown": a caller
 *          on the path of mail treats every error alike.
 * Life     the daemon may start, stop, be killed, replace its store: a handle notices within a second.
 */
#ifndef FP_READER_H
#define FP_READER_H

#include "core/addr.h"
#include "core/err.h"
#include "core/host.h"

/*
 * What a program that was not compiled with this header (Python, Lua, ...) holds against fp_abi(): it grows with every change of
 * a struct or a call below, and is the N of libfingerpost.so.N.
 */
#define FP_ABI 1

#define FP_LABEL_TEXT 128
#define FP_LAYOUT_TEXT 128
#define FP_LINK_TEXT 64
#define FP_NAME_TEXT 64

/* A host and the texts its numbers stand for. Text is "" where absent. */
struct fp_answer {
	struct fp_addr addr;
	struct fp_host host;
	uint8_t near_bits;           /* 0: of the address asked for; 64: of another one in its /64, see fp_lookup_near() */
	int64_t age_s;               /* since last seen, by the store's idea of now; never negative */
	char klass[FP_LABEL_TEXT];   /* "win", "unix", "other" */
	char name[FP_LABEL_TEXT];    /* "Windows"; "" = not recognised */
	char flavor[FP_LABEL_TEXT];  /* "10 or later" */
	char layout[FP_LAYOUT_TEXT]; /* "mss,nop,ws,nop,nop,sok" */
	char link[FP_LINK_TEXT];     /* "Ethernet or modem" */
	char origin[FP_NAME_TEXT];   /* machine that supplied the verdict; "" = this one */
};

struct fp_store;

/*
 * Remembers DIR (NULL: FINGERPOST_STORE, else /var/lib/fingerpost) and returns at once; files are
 * opened by the first look-up, and again when the daemon makes a new store. -ENOMEM, -ENAMETOOLONG.
 */
int fp_open(struct fp_store **out, const char *dir);

/*
 * FP_ENOTFOUND: never seen. FP_ENOSTORE: no store, none with a stamp that fits, no right to read it.
 * FP_ESTALE: twice too slow to be trusted. FP_EVERSION, FP_EFORMAT, FP_EDAMAGED: as they say.
 * *out is written on success only.
 */
int fp_lookup(struct fp_store *store, const struct fp_addr *addr, struct fp_answer *out);

/*
 * As fp_lookup(), but an IPv6 address that was never seen is answered from its /64, which is a customer's or a
 * machine's as a rule, with addresses that change daily: *out is then what is known of a neighbour (near_bits says so, addr
 * who it is), one that completed a handshake rather than another, the last seen of these. Of very many neighbours only
 * the first 16 in order of addresses are looked at.
 */
int fp_lookup_near(struct fp_store *store, const struct fp_addr *addr, struct fp_answer *out);

/*
 * The first host after *after in order of addresses (start with all noughts). FP_ENOTFOUND: that was the last.
 * Every call sees the store as it is now: a host that is not changed meanwhile is seen exactly once.
 */
int fp_next(struct fp_store *store, const struct fp_addr *after, struct fp_answer *out);

/* The name that a candidate's code stands for ("Windows") and its flavor ("10 or later", may be ""); NULL: none. */
const char *fp_candidate(unsigned code, const char **flavor);

/* p0f's name of bit n of fp_host.quirks ("df", "id+"); NULL: none. */
const char *fp_quirk_name(unsigned n);

/* What bit n of fp_host.path says ("mss clamped"); NULL: none. */
const char *fp_path_name(unsigned n);

#define FP_WORDS_MAX 1024 /* any host fits */

/*
 * The host in the words of p0f 2, which rules anchor on: "Windows XP, (distance 5, link: ethernet/modem)"; where the system was not
 * recognised, UNKNOWN and the signature. Returns the length of what is always printable ASCII, without the NUL, or FP_EOVERFLOW.
 */
int fp_words_v2(char *buf, size_t size, const struct fp_answer *host);

/* The store as a whole. */
struct fp_info {
	bool live;         /* ages are by this machine's clock; else by the newest packet */
	int64_t now_ns;    /* newest packet */
	int64_t written_ns;/* when the writer last put its counters */
	uint64_t bytes;    /* of data.mdb up to its last page */
	uint64_t commits;  /* LMDB's transaction number */
};
/* What the store says of itself. Errors as of fp_lookup(). */
int fp_info(struct fp_store *store, struct fp_info *out);

/* Row n of the counters that the daemon puts each second: text, NUL-terminated. FP_ENOTFOUND past the last. */
int fp_counters(struct fp_store *store, unsigned row, char *buf, size_t size);

/* FP_ABI of the library in use. */
unsigned fp_abi(void);

/* Uses a store without a matching stamp too: for tools that have checked it themselves. */
void fp_trust(struct fp_store *store);

/* Sets NULL; NULL is fine. No look-up may be running. */
void fp_close(struct fp_store **storep);

#endif
