; Solaris and illumos (OmniOS, SmartOS). How to read "source:" is said in 00-head.fp.
;
; What one SYN carries. Up to 9 the receive buffer of 24 or 48 KB rounded up to whole segments (24820, 49640) and
; options before the MSS; 10 has 49640 with scale 0. illumos has 128000 bytes, 128480 when rounded, written
; into the SYN already shifted by the scale of 1: 64240; tcp_xmit_mp_aux_iss() writes MSS; NOP, NOP, SACK;
; NOP, scale, as Linux does without timestamps, where the scale of 1 is all that tells them apart. Solaris 2.5 to 7
; with nothing but an MSS is left out: any bare SYN would match it fuzzily.

[tcp:request]

label = s:unix:Solaris:11 or illumos
; source: derived: kernel: usr/src/uts/common/inet/tcp/tcp_output.c tcp_xmit_mp_aux_iss(), TCP_RECV_HIWATER 128000 (illumos)
sig   = *:64:0:*:mss*44,1:mss,nop,nop,sok,nop,ws:df,id+:0

label = s:unix:Solaris:10
; source: labelled: PRADS (GPL-2.0+) s00259; p0f 3.09b (LGPL-2.1) s00486
sig   = *:64:0:*:mss*34,0:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00260
sig   = *:64:0:*:32850,1:mss,nop,nop,ts,nop,ws,nop,nop,sok:df,id+:0

label = s:unix:Solaris:9
; source: labelled: PRADS (GPL-2.0+) s00255
sig   = *:64:0:*:mss*34,0:mss,nop,nop,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00256
sig   = *:64:0:*:mss*34,0:mss,nop,nop,nop,nop:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00261
sig   = *:64:0:*:32850,1:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+:0

label = s:unix:Solaris:8
; source: labelled: PRADS (GPL-2.0+) s00251; Satori (GPL-2.0) s00091
sig   = *:64:0:*:mss*17,0:nop,nop,sok,mss:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00254
sig   = *:64:0:*:mss*23,0:nop,nop,sok,mss:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00485; PRADS (GPL-2.0+) s00391 (a proxy, the same values)
sig   = *:64:0:*:32850,1:nop,ws,nop,nop,ts,nop,nop,sok,mss:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00250
sig   = *:64:0:*:mss*17,3:nop,ws,nop,nop,ts,nop,nop,sok,mss:df,id+,ts1-:0

; Generic: the options before the MSS.
label = g:unix:Solaris:8
; source: labelled: PRADS (GPL-2.0+) s00251 s00254 (layout)
sig   = *:64:0:*:*,0:nop,nop,sok,mss:df,id+:0

; Without a flavor: as in 10-windows.fp.
label = g:unix:Solaris:
; source: labelled: PRADS (GPL-2.0+) s00259; p0f 3.09b (LGPL-2.1) s00486 (any scale)
sig   = *:64:0:*:mss*34,*:mss,nop,ws,nop,nop,sok:df,id+:0
