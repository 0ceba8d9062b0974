; OpenBSD. How to read "source:" is said in 00-head.fp.
;
; What one SYN carries. tcp_output() writes MSS; NOP, NOP, SACK; NOP, scale; NOP, NOP, timestamps. The window is
; 16384; the scale is what SB_MAX needs: 256 KB gives 3, 2 MB gives 6. The IP id is random. A pf firewall with
; "no-df" takes DF away: the match is then fuzzy.

[tcp:request]

label = s:unix:OpenBSD:5 or later
; source: labelled: text quoted on the web (fact) s00439
; source: kernel: sys/sys/socketvar.h SB_MAX (2 MB), sys/netinet/tcp_output.c (OpenBSD)
sig   = *:64:0:*:16384,6:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0

label = s:unix:OpenBSD:4.x or 5.x
; source: labelled: p0f 3.09b (LGPL-2.1) s00484; kernel: sys/sys/socketvar.h SB_MAX (256 KB) (OpenBSD)
sig   = *:64:0:*:16384,3:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0

label = s:unix:OpenBSD:3.x or 4.x
; source: labelled: Satori (GPL-2.0) s00078; PRADS (GPL-2.0+) s00246 s00248; p0f 3.09b (LGPL-2.1) s00483
sig   = *:64:0:*:16384,0:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0

label = s:unix:OpenBSD:3.x
; source: labelled: PRADS (GPL-2.0+) s00247
sig   = *:64:0:*:57344,0:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00249
sig   = *:64:0:*:32768,0:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0

; Generic: the layout with a window of 16384 and any scale (other windows occur on proxies built from the same code).
label = g:unix:OpenBSD:3.x or later
; source: kernel: sys/netinet/tcp_output.c tcp_output() (OpenBSD)
sig   = *:64:0:*:16384,*:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0
