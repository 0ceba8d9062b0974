/*
 * err - one list of error codes for every part.
 *
 * A call returns 0 or a negative code: -errno for what the system said, an own
 * code (from -1000) for what it cannot say. The value comes through an out
 * parameter, which a failed call leaves NULL or untouched.
 */
#ifndef FP_ERR_H
#define FP_ERR_H

enum {
	FP_OK = 0,

	FP_EFULL = -1000,  /* no room: ring, table or map; the caller counts the loss */
	FP_EFORMAT = -1001,/* bytes are not what they should be (file, record, packet) */
	FP_EVERSION = -1002,/* a format of another version; the message names both */
	FP_ENOTFOUND = -1003,/* no such key */
	FP_ESTALE = -1004, /* read too slowly to be trusted; asked again once, then this */
	FP_ENOSTORE = -1005,/* no store there, or none with a stamp that matches it */
	FP_EBUSY = -1006,  /* another process owns it */
	FP_ETRUNC = -1007, /* input ended in the middle of something */
	FP_EOVERFLOW = -1008,/* the caller's buffer is too small */
	FP_ECONFIG = -1009,/* a setting or a signature is wrong; the message says where */
	FP_EDAMAGED = -1010,/* checksum or structure does not hold */
	FP_ECAPTURE = -1011,/* libpcap refused; the message has its words */
	FP_ELMDB = -1012,  /* LMDB failed in a way that has no code above */
};

/* Static text for any code, own or -errno; never NULL. Thread-safe. */
const char *fp_strerror(int code);

#endif
