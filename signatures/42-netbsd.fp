; NetBSD. How to read "source:" is said in 00-head.fp.
;
; What one SYN carries. tcp_output() writes MSS; NOP, scale; SACK, NOP, NOP; NOP, NOP, timestamps: no other
; system of today does. The window is 32768. Small packets have IP id 0 (IP_MINFRAGSIZE in ip_output()). The
; scale is what kern.sbmax needs: 256 KB gives 3, 512 KB 4, 1 MB 5, 2 MB 6. NetBSD 1.6 to 3.0 began each
; connection with a timestamp of 0, which tells it from FreeBSD 4 and Mac OS X 10.2; later ones begin with 1.

[tcp:request]

label = s:unix:NetBSD:4 or later
; source: derived: kern.sbmax 256 KB (kernel: sys/netinet/tcp_output.c, sys/netinet/ip_output.c (NetBSD))
sig   = *:64:0:*:32768,3:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0
; source: derived: kern.sbmax 512 KB (kernel: sys/netinet/tcp_output.c, sys/netinet/ip_output.c (NetBSD))
sig   = *:64:0:*:32768,4:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0
; source: derived: kern.sbmax 1 MB (kernel: sys/netinet/tcp_output.c, sys/netinet/ip_output.c (NetBSD))
sig   = *:64:0:*:32768,5:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0
; source: derived: kern.sbmax 2 MB (kernel: sys/netinet/tcp_output.c, sys/netinet/ip_output.c (NetBSD))
sig   = *:64:0:*:32768,6:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0
; source: derived: kern.sbmax 4 MB (kernel: sys/netinet/tcp_output.c, sys/netinet/ip_output.c (NetBSD))
sig   = *:64:0:*:32768,7:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0

label = s:unix:NetBSD:2.x or 3.x
; source: labelled: PRADS (GPL-2.0+) s00244 s00245
sig   = *:64:0:*:32768,0:mss,nop,ws,sok,nop,nop,nop,nop,ts:df,id+,ts1-:0

label = s:unix:NetBSD:1.x or 2.0
; source: labelled: PRADS (GPL-2.0+) s00240
sig   = *:64:0:*:16384,0:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: labelled: PRADS (GPL-2.0+) s00241
sig   = *:64:0:*:65535,1:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: labelled: PRADS (GPL-2.0+) s00242
sig   = *:64:0:*:65535,0:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: labelled: PRADS (GPL-2.0+) s00243
sig   = *:64:0:*:32768,0:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: labelled: PRADS (GPL-2.0+) s00239
sig   = 4:64:0:*:16384,0:mss,nop,ws,nop,nop,ts::0

; Generic: the layout. A game console built from the same code has its own entry in 60-other.fp.
label = g:unix:NetBSD:2.x or later
; source: kernel: sys/netinet/tcp_output.c, sys/netinet/ip_output.c (NetBSD)
sig   = *:64:0:*:*,*:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0
; source: kernel: sys/netinet/tcp_output.c, sys/netinet/ip_output.c (NetBSD); IP id set by a packet filter
sig   = 4:64:0:*:*,*:mss,nop,ws,sok,nop,nop,nop,nop,ts:df,id+:0
