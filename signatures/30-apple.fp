; macOS (written "Mac OS X", as mail rules know it), iOS, iPadOS, tvOS. "source:" is said in 00-head.fp.
;
; What one SYN carries. One kernel, one layout: MSS; NOP, scale; NOP, NOP, timestamps; SACK; EOL. The window is
; 65535. The scale is what the largest receive buffer needs (tcp_set_max_rwinscale()): 512 KB gives 3 or 4,
; 1 MB 5, 2 MB 5 or 6, 4 MB 6, 8 MB 7, by kernel and memory. From xnu-4570 (macOS 10.13, iOS 11) the IP id
; of a packet with DF is 0, before that it is not. So today's Macs and iPhones send the same SYN, and the
; text says so: "or iOS". iOS alone is named only where no Mac among samples and sources does it: scale 7,
; and scales 2 and 3 with id 0. FreeBSD 6 used the same layout and cannot be told from Mac OS X 10.4 to 10.6.

[tcp:request]

label = s:unix:Mac OS X:or iOS
; source: labelled: Satori (GPL-2.0) s00045; nDPI (LGPL-3.0) s00537
; source: kernel: xnu bsd/netinet/tcp_subr.c tcp_set_max_rwinscale() (4 MB)
sig   = *:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0
; source: labelled: nDPI (LGPL-3.0) s00536; kernel: xnu bsd/netinet/tcp_output.c (ECN offered when enabled)
sig   = *:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn:0
; source: labelled: Satori (GPL-2.0) s00072 s00073 s00044; kernel: xnu bsd/netinet/tcp_subr.c
sig   = *:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0
; source: derived: as the entry before, ECN offered (kernel: xnu bsd/netinet/tcp_output.c)
sig   = *:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn:0
; source: derived: 512 KB after xnu-4570, less than 4 GB of memory (xnu bsd/netinet/tcp_subr.c)
sig   = *:64:0:*:65535,4:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00479; huginn-net (MIT or Apache-2.0) s00509; Satori (GPL-2.0) s00013
sig   = 4:64:0:*:65535,4:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0
; source: labelled: huginn-net (MIT or Apache-2.0) s00508
sig   = 4:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0
; source: derived: Fast Open, request for a cookie (kernel: xnu bsd/netinet/tcp_output.c tcp_tfo_write_cookie())
sig   = *:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,?34:df:0
; source: derived: as the entry before, ECN offered
sig   = *:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,?34:df,ecn:0
; source: labelled: Satori (GPL-2.0) s00069 s00070 s00071 (every option but the MSS overwritten with NOPs)
sig   = *:64:0:*:65535,0:mss,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,eol+1:df,id+:0

label = s:unix:iOS:12 or later
; source: labelled: Satori (GPL-2.0) s00039 s00040 s00042
sig   = *:64:0:*:65535,7:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0
; source: derived: as the entry before, ECN offered (kernel: xnu bsd/netinet/tcp_output.c)
sig   = *:64:0:*:65535,7:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn:0

label = s:unix:iOS:11 or later
; source: labelled: Satori (GPL-2.0) s00043; id 0 since xnu-4570 (iOS 11)
sig   = 4:64:0:*:65535,3:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0
; source: labelled: Satori (GPL-2.0) s00041; as the entry before
sig   = 4:64:0:*:10240,3:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0

label = s:unix:iOS:3 or later
; source: labelled: PRADS (GPL-2.0+) s00283; p0f 3.09b (LGPL-2.1) s00480; huginn-net (MIT or Apache-2.0) s00510
sig   = 4:64:0:*:65535,2:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0

label = s:unix:Mac OS X:10.x
; source: labelled: Satori (GPL-2.0) s00068; huginn-net (MIT or Apache-2.0) s00507
; source: kernel: xnu bsd/netinet/tcp_subr.c (1 MB: 10.10 to 10.12)
sig   = 4:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0
; source: labelled: Satori (GPL-2.0) s00075; PRADS (GPL-2.0+) s00282; p0f 3.09b (LGPL-2.1) s00478
; source: kernel: xnu bsd/netinet/tcp_subr.c tcp_win_scale 3 (10.5 to 10.8)
sig   = *:64:0:*:65535,3:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0
; source: labelled: Satori (GPL-2.0) s00060
sig   = *:64:0:*:65535,2:mss,nop,ws,nop,nop,ts:df,id+:0
; source: labelled: Satori (GPL-2.0) s00067
sig   = *:64:0:*:10000,0:mss,nop,ws,nop,nop,ts:df,id+:0

label = s:unix:Mac OS X:10.x or FreeBSD 6
; source: labelled: Satori (GPL-2.0) s00074 s00036; PRADS (GPL-2.0+) s00281 s00236; p0f 3.09b (LGPL-2.1) s00477 (they conflict)
sig   = *:64:0:*:65535,1:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00280 s00235; Satori (GPL-2.0) s00012 (they conflict)
sig   = *:64:0:*:65535,0:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0

label = s:unix:Mac OS:9 or earlier
; source: labelled: PRADS (GPL-2.0+) s00277
sig   = *:255:0:*:32768,0:mss,ws,nop:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00274
sig   = *:255:0:*:mss*2,0:mss,ws,eol+0:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00275
sig   = *:255:0:*:16616,0:mss,ws,eol+0:df,id+:0

; Generic: the layout with any window and scale; Juniper's FreeBSD 6 has an entry of its own in 60-other.fp.
label = g:unix:Mac OS X:or iOS
; source: kernel: xnu bsd/netinet/tcp_output.c tcp_output()
sig   = *:64:0:*:*,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0
; source: kernel: xnu bsd/netinet/tcp_output.c tcp_output()
sig   = *:64:0:*:*,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn:0
; source: kernel: xnu bsd/netinet/tcp_output.c tcp_output(), before xnu-4570
sig   = 4:64:0:*:*,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0
