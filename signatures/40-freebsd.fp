; FreeBSD, and what is built on it (pfSense, OPNsense, TrueNAS ...). "source:" is said in 00-head.fp.
;
; What one SYN carries. tcp_addoptions() writes MSS; NOP, scale; SACK; timestamps. The window is 65535; the scale
; is what kern.ipc.maxsockbuf needs: 256 KB (up to 8.x) gives 3, 2 MB (since 9.0) gives 6, and a larger
; setting 7 and more. Since 11.0 a packet with DF has IP id 0, unless a packet filter gives it one on the way, so
; the id names no version. 6.x used Apple's layout: see 30-apple.fp. Left out rather than guessed: 4.7 to 5.2 with
; 65535 or 32768, which Mac OS X 10.2 to 10.4 sent as well, and RFC 1323 off, where the options of an iPhone are the same.

[tcp:request]

label = s:unix:FreeBSD:9 or later
; source: labelled: text quoted on the web (fact) s00437 s00438; nDPI (LGPL-3.0) s00515
; source: kernel: sys/netinet/ip_id.c ip_rfc6864 (FreeBSD)
sig   = *:64:0:*:65535,6:mss,nop,ws,sok,ts:df:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00481; huginn-net (MIT or Apache-2.0) s00511
sig   = 4:64:0:*:65535,6:mss,nop,ws,sok,ts:df,id+:0
; source: derived: kern.ipc.maxsockbuf 4 MB (sys/netinet/tcp_usrreq.c tcp_connect() (FreeBSD))
sig   = *:64:0:*:65535,7:mss,nop,ws,sok,ts:df:0
; source: derived: kern.ipc.maxsockbuf 8 MB (sys/netinet/tcp_usrreq.c tcp_connect() (FreeBSD))
sig   = *:64:0:*:65535,8:mss,nop,ws,sok,ts:df:0
; source: derived: kern.ipc.maxsockbuf 16 MB (sys/netinet/tcp_usrreq.c tcp_connect() (FreeBSD))
sig   = *:64:0:*:65535,9:mss,nop,ws,sok,ts:df:0
; source: derived: kern.ipc.maxsockbuf 32 MB (sys/netinet/tcp_usrreq.c tcp_connect() (FreeBSD))
sig   = *:64:0:*:65535,10:mss,nop,ws,sok,ts:df:0
; source: derived: kern.ipc.maxsockbuf 64 MB (sys/netinet/tcp_usrreq.c tcp_connect() (FreeBSD))
sig   = *:64:0:*:65535,11:mss,nop,ws,sok,ts:df:0
; source: derived: as scale 7 above, IP id set (before 11.0, or by a packet filter)
sig   = 4:64:0:*:65535,7:mss,nop,ws,sok,ts:df,id+:0
; source: derived: as scale 8 above, IP id set (before 11.0, or by a packet filter)
sig   = 4:64:0:*:65535,8:mss,nop,ws,sok,ts:df,id+:0
; source: derived: as scale 9 above, IP id set (before 11.0, or by a packet filter)
sig   = 4:64:0:*:65535,9:mss,nop,ws,sok,ts:df,id+:0
; source: derived: as scale 10 above, IP id set (before 11.0, or by a packet filter)
sig   = 4:64:0:*:65535,10:mss,nop,ws,sok,ts:df,id+:0
; source: derived: as scale 11 above, IP id set (before 11.0, or by a packet filter)
sig   = 4:64:0:*:65535,11:mss,nop,ws,sok,ts:df,id+:0
; source: derived: as scale 6 above, net.inet.tcp.ecn.enable 1 (RFC 3168 6.1.1)
sig   = *:64:0:*:65535,6:mss,nop,ws,sok,ts:df,ecn:0

label = s:unix:FreeBSD:7 or 8
; source: labelled: Satori (GPL-2.0) s00038 s00080; p0f 3.09b (LGPL-2.1) s00482
sig   = *:64:0:*:65535,3:mss,nop,ws,sok,ts:df,id+:0
; source: labelled: Satori (GPL-2.0) s00079
sig   = *:64:0:*:49152,3:mss,nop,ws,sok,ts:df,id+:0

label = s:unix:FreeBSD:5.x
; source: labelled: PRADS (GPL-2.0+) s00234
sig   = *:64:0:*:65535,1:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00231
sig   = 4:64:0:*:65535,0:mss,nop,ws,nop,nop,ts:df:0
; source: labelled: PRADS (GPL-2.0+) s00232
sig   = 4:64:0:*:65535,1:mss,nop,ws,nop,nop,ts:df:0
; source: labelled: PRADS (GPL-2.0+) s00233
sig   = 4:64:0:*:65535,2:mss,nop,ws,nop,nop,ts:df:0

label = s:unix:FreeBSD:4.x
; source: labelled: PRADS (GPL-2.0+) s00223
sig   = *:64:0:*:16384,0:mss,nop,ws,nop,nop,ts:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00224
sig   = 4:64:0:*:16384,0:mss,nop,ws,nop,nop,ts:df:0
; source: labelled: PRADS (GPL-2.0+) s00227
sig   = *:64:0:*:57344,0:mss,nop,ws,nop,nop,ts:df,id+:0

; Generic: the layout at initial TTL 64; Windows with timestamps has TTL 128 (10-windows.fp).
label = g:unix:FreeBSD:7 or later
; source: kernel: sys/netinet/tcp_output.c tcp_addoptions() (FreeBSD)
sig   = *:64:0:*:65535,*:mss,nop,ws,sok,ts:df:0
; source: kernel: sys/netinet/tcp_output.c tcp_addoptions() (FreeBSD), before 11.0
sig   = 4:64:0:*:65535,*:mss,nop,ws,sok,ts:df,id+:0

; Without a flavor: as in 10-windows.fp.
label = g:unix:FreeBSD:
; source: derived: timestamps off (sys/netinet/tcp_output.c tcp_addoptions() (FreeBSD)); macOS writes the same with 65535
sig   = 4:64:0:*:49152,*:mss,nop,ws,sok,eol+1:df,id+:0
