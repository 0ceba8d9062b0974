/*
 * stacks - whom a mail server meets today, as SYNs: one row a stack, with its share of the hosts.
 *
 * The shares are a judgement, not a measurement: most connections to port 25 come from other mail servers (Linux,
 * then Windows and the BSDs), a part from desktops and phones on submission, a part from scanners and bots on
 * old systems. Nothing is to be read out of them as a prior. `make bench` prints what p0f names of them.
 *
 * Sources by letter: k = Linux source, net/ipv4/tcp_output.c (tcp_select_initial_window, tcp_syn_options); p = p0f 3.09b's
 * p0f.fp; h = additions to it by huginn-net and peace-maker/p0f3-database; s = Satori tcp.xml; n = nDPI's table
 * of operating systems; f = FreeBSD source, sys/netinet/tcp_output.c; g = p0f_signature_generator's raw packets;
 * z = sources of ZMap and masscan; a = PRADS tcp-syn.fp.
 */
#ifndef BENCH_STACKS_H
#define BENCH_STACKS_H

#include <stdint.h>

enum {
	DF = 1,      /* IPv4: don't fragment */
	ID = 2,      /* IPv4: a non-zero identification */
	FLOW = 4,    /* IPv6: a flow label */
	ECN = 8,     /* ECE and CWR set: asks for ECN (RFC 3168 6.1) */
	TS_ZERO = 16,/* own timestamp 0 */
};

#define WIN_ROUND (-1) /* the largest multiple of the MSS below 65536 */
#define WIN_MSS(n) (-1000 - (n)) /* n times the MSS */
#define NO_SCALE (-1)
#define ETHERNET 0     /* the MSS of the host's access (1460 on plain Ethernet); else it is fixed */

struct stack {
	const char *name;
	char source;
	uint16_t share4, share6; /* hosts in ten thousand of each family */
	uint8_t ttl;
	uint8_t flags;
	int win;
	uint16_t mss;
	int8_t wscale;
	const char *options;
};

#define LINUX "mss,sok,ts,nop,ws"
#define WINDOWS "mss,nop,ws,nop,nop,sok"
#define APPLE "mss,nop,ws,nop,nop,ts,sok,eol+1"
#define FREEBSD "mss,nop,ws,sok,ts"
#define OPENBSD "mss,nop,nop,sok,nop,ws,nop,nop,ts"

static const struct stack stacks[] = {
	/* Servers and most of everything: Linux 4.20 and later send the largest window below 64 KiB. */
	{ "Linux 4.20+, scale 7", 'k', 2950, 4900, 64, DF | ID | FLOW, WIN_ROUND, ETHERNET, 7, LINUX },
	{ "Linux 4.20+, scale 8", 'k', 260, 300, 64, DF | ID | FLOW, WIN_ROUND, ETHERNET, 8, LINUX },
	{ "Linux 4.20+, scale 9", 'k', 130, 180, 64, DF | ID | FLOW, WIN_ROUND, ETHERNET, 9, LINUX },
	{ "Linux 4.20+, scale 10", 'k', 190, 240, 64, DF | ID | FLOW, WIN_ROUND, ETHERNET, 10, LINUX },
	{ "Linux 4.20+, scale 12", 'k', 40, 60, 64, DF | ID | FLOW, WIN_ROUND, ETHERNET, 12, LINUX },
	{ "Linux 6.x, 32 KiB window", 's', 120, 90, 64, DF | ID | FLOW, 32120, ETHERNET, 7, LINUX },
	{ "Linux 4.20+, asks for ECN", 'k', 90, 120, 64, DF | ID | FLOW | ECN, WIN_ROUND, ETHERNET, 7, LINUX },
	{ "Linux 4.20+, no timestamps", 'k', 70, 30, 64, DF | ID | FLOW, WIN_ROUND, ETHERNET, 7, "mss,nop,nop,sok,nop,ws" },
	{ "Linux 3.11 to 4.19", 'p', 720, 420, 64, DF | ID | FLOW, WIN_MSS(20), ETHERNET, 7, LINUX },
	{ "Linux 3.11 to 4.19, scale 9", 'p', 60, 40, 64, DF | ID | FLOW, WIN_MSS(20), ETHERNET, 9, LINUX },
	{ "Linux 3.11 to 4.19, scale 10", 'p', 40, 20, 64, DF | ID | FLOW, WIN_MSS(20), ETHERNET, 10, LINUX },
	{ "Linux 4.x, larger receive buffer", 'k', 60, 40, 64, DF | ID | FLOW, 42340, ETHERNET, 11, LINUX },
	{ "Amazon's Linux, jumbo frames", 'k', 210, 120, 64, DF | ID | FLOW, 62727, 8961, 7, LINUX },
	{ "Google cloud Linux, 1420", 'k', 160, 40, 64, DF | ID | FLOW, WIN_ROUND, 1420, 7, LINUX },
	{ "Linux 3.1 to 3.10", 'p', 150, 60, 64, DF | ID, WIN_MSS(10), ETHERNET, 7, LINUX },
	{ "Linux 3.1 to 3.10, scale 4", 'p', 30, 10, 64, DF | ID, WIN_MSS(10), ETHERNET, 4, LINUX },
	{ "Linux 3.1 to 3.10, scale 5", 'p', 30, 10, 64, DF | ID, WIN_MSS(10), ETHERNET, 5, LINUX },
	{ "Linux 3.1 to 3.10, scale 6", 'p', 40, 10, 64, DF | ID, WIN_MSS(10), ETHERNET, 6, LINUX },
	{ "Linux 2.6", 'p', 130, 20, 64, DF | ID, WIN_MSS(4), ETHERNET, 7, LINUX },
	{ "Linux 2.6, scale 2", 'p', 40, 0, 64, DF | ID, WIN_MSS(4), ETHERNET, 2, LINUX },
	{ "Linux 2.4", 'p', 30, 0, 64, DF | ID, WIN_MSS(4), ETHERNET, 0, LINUX },
	/* Phones and tablets on submission. */
	{ "Android 10 and later, scale 8", 'n', 280, 520, 64, DF | ID | FLOW, 65535, ETHERNET, 8, LINUX },
	{ "Android 10 and later, scale 9", 'n', 220, 420, 64, DF | ID | FLOW, 65535, ETHERNET, 9, LINUX },
	{ "Android 10 and later, scale 10", 'n', 60, 90, 64, DF | ID | FLOW, 65535, ETHERNET, 10, LINUX },
	{ "Android, mobile network", 'n', 60, 120, 64, DF | ID | FLOW, 65535, 1364, 8, LINUX },
	{ "Android 5, 6", 'h', 60, 20, 64, DF | ID, 65535, ETHERNET, 6, LINUX },
	{ "iOS, macOS today", 'n', 360, 700, 64, DF | FLOW, 65535, ETHERNET, 6, APPLE },
	{ "iOS, macOS today, asks for ECN", 'n', 240, 480, 64, DF | FLOW | ECN, 65535, ETHERNET, 6, APPLE },
	{ "macOS 10.9 to 10.11", 'p', 60, 40, 64, DF | ID | FLOW, 65535, ETHERNET, 5, APPLE },
	{ "Mac OS X 10.6", 'p', 20, 0, 64, DF | ID, 65535, ETHERNET, 3, APPLE },
	{ "Mac OS X 10.x, scale 1", 'p', 15, 0, 64, DF | ID, 65535, ETHERNET, 1, APPLE },
	/* Windows. */
	{ "Windows 10 or later", 'h', 900, 420, 128, DF | ID, WIN_ROUND, ETHERNET, 8, WINDOWS },
	{ "Windows 10 or later, 64 KiB", 'h', 420, 160, 128, DF | ID, 65535, ETHERNET, 8, WINDOWS },
	{ "Windows 10 or later, identification 0", 's', 60, 0, 128, DF, WIN_ROUND, ETHERNET, 8, WINDOWS },
	{ "Windows 10 or later, timestamps", 's', 30, 20, 128, DF | ID, WIN_ROUND, ETHERNET, 8, FREEBSD },
	{ "Windows Server 2016 and later, ECN", 's', 110, 60, 128, DF | ID | ECN, 65535, ETHERNET, 8, WINDOWS },
	{ "Windows Vista to 8", 'p', 260, 20, 128, DF | ID, 8192, ETHERNET, 8, WINDOWS },
	{ "Windows Vista to 8, scale 2", 'p', 60, 0, 128, DF | ID, 8192, ETHERNET, 2, WINDOWS },
	{ "Windows Vista to 8, no scale", 'p', 90, 0, 128, DF | ID, 8192, ETHERNET, NO_SCALE, "mss,nop,nop,sok" },
	{ "Windows Server 2008 R2, 2012, ECN", 's', 30, 0, 128, DF | ID | ECN, 8192, ETHERNET, 8, WINDOWS },
	{ "Windows XP, 2003", 'p', 90, 0, 128, DF | ID, 65535, ETHERNET, NO_SCALE, "mss,nop,nop,sok" },
	{ "Windows XP, 2003, 16 KiB", 'p', 40, 0, 128, DF | ID, 16384, ETHERNET, NO_SCALE, "mss,nop,nop,sok" },
	{ "Windows XP, scale 0", 'p', 30, 0, 128, DF | ID, 65535, ETHERNET, 0, WINDOWS },
	{ "Windows XP, scale 2", 'p', 15, 0, 128, DF | ID, 65535, ETHERNET, 2, WINDOWS },
	/* The other Unixes. */
	{ "FreeBSD 9 and later", 'p', 190, 240, 64, DF | ID | FLOW, 65535, ETHERNET, 6, FREEBSD },
	{ "FreeBSD 9 and later, scale 7", 'f', 30, 40, 64, DF | ID | FLOW, 65535, ETHERNET, 7, FREEBSD },
	{ "FreeBSD 8", 'p', 20, 10, 64, DF | ID | FLOW, 65535, ETHERNET, 3, FREEBSD },
	{ "FreeBSD, no timestamps", 'f', 10, 10, 64, DF | ID | FLOW, 65535, ETHERNET, 6, "mss,nop,ws,sok,eol+1" },
	{ "OpenBSD 4 and later, scale 3", 'p', 20, 20, 64, DF | ID, 16384, ETHERNET, 3, OPENBSD },
	{ "OpenBSD 6 and later, scale 6", 's', 50, 60, 64, DF | ID | FLOW, 16384, ETHERNET, 6, OPENBSD },
	{ "NetBSD", 'a', 12, 10, 64, DF, 32768, ETHERNET, 3, "mss,nop,ws,sok,ts" },
	{ "Solaris 10, 11", 'p', 20, 10, 64, DF | ID, WIN_MSS(34), ETHERNET, 0, WINDOWS },
	{ "Solaris 8", 'p', 5, 0, 64, DF | ID, 32850, ETHERNET, 1, "nop,ws,nop,nop,ts,nop,nop,sok,mss" },
	{ "AIX", 'a', 8, 0, 64, ID, 65535, ETHERNET, 1, "mss,nop,ws,nop,nop,ts,nop,nop,sok" },
	{ "HP-UX 11", 'a', 5, 0, 64, DF | ID, 32768, ETHERNET, 0, "mss,ws,nop" },
	/* Appliances, and what stands between. */
	{ "mail appliance on FreeBSD 7", 'a', 40, 0, 64, DF, 16384, 1380, NO_SCALE, "mss,sok,eol+1" },
	{ "printer, camera: MSS only", 'p', 90, 0, 64, ID, WIN_MSS(4), ETHERNET, NO_SCALE, "mss" },
	{ "router, small stack: 255", 'a', 40, 0, 255, 0, 4128, ETHERNET, NO_SCALE, "mss" },
	{ "embedded stack (lwIP)", 'p', 40, 0, 255, ID, WIN_MSS(4), ETHERNET, NO_SCALE, "mss" },
	/* Scanners and bots. */
	{ "ZMap", 'z', 260, 0, 255, ID, 65535, 1460, NO_SCALE, "mss" },
	{ "ZMap before 4, no options", 'z', 120, 0, 255, ID, 65535, 0, NO_SCALE, "" },
	{ "masscan", 'z', 210, 0, 255, ID, 1024, 1460, NO_SCALE, "mss" },
	{ "Nmap, half-open", 'p', 60, 20, 64, ID, 1024, 1460, NO_SCALE, "mss" },
	{ "bot with raw sockets, timestamp 0", 'p', 40, 0, 64, DF | ID | TS_ZERO, 5840, 1460, 7, LINUX },
};

#endif
