; Android. How to read "source:" is said in 00-head.fp.
;
; Android is a Linux kernel with its own buffer sizes. From 5.0 it asks for 60 segments of initial window
; (tcp_default_init_rwnd), which is more than 16 bits hold: 65535; later the receive buffers of its network
; configuration (512 KB and more for Wi-Fi, maximum 2 to 8 MB and more) lead to the same. A Linux server
; whose tcp_rmem[1] was raised to 256 KB or more sends the very same SYN (seen on our own stack), and guides to
; tuning advise it. A phone has no business delivering mail, such a server has; so the name Android is given only
; for scale 6 and 7 (maximum 2 to 8 MB, less than those guides set), and with scale 8 to 10 the text says both.

[tcp:request]

label = s:unix:Android:5 or later
; source: labelled: Satori (GPL-2.0) s00010; huginn-net (MIT or Apache-2.0) s00498
; source: vendor: AOSP, config_wifi_tcp_buffers and tcp_default_init_rwnd
sig   = *:64:0:*:65535,6:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: Satori (GPL-2.0) s00011; vendor: AOSP, config_wifi_tcp_buffers (maximum 4 MB: scale 7)
sig   = *:64:0:*:65535,7:mss,sok,ts,nop,ws:df,id+:0

label = s:unix:Linux:Android or large buffers
; source: labelled: Satori (GPL-2.0) s00009; huginn-net (MIT or Apache-2.0) s00499; peace-maker (LGPL-2.0) s00513
; source: labelled: nDPI (LGPL-3.0) s00526 s00527 s00528; seen: own stack, Linux 6.18, tcp_rmem[1] 256 KB, tcp_rmem[2] 8 MB
sig   = *:64:0:*:65535,8:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: nDPI (LGPL-3.0) s00525; seen: own stack, Linux 6.18, tcp_rmem[1] 256 KB, tcp_rmem[2] 16 MB
sig   = *:64:0:*:65535,9:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: nDPI (LGPL-3.0) s00524; seen: own stack, Linux 6.18, tcp_rmem[1] 256 KB, tcp_rmem[2] 32 MB
sig   = *:64:0:*:65535,10:mss,sok,ts,nop,ws:df,id+:0

; Small buffers: old Android (maximum 110208 bytes: scale 1), or any Linux program that set SO_RCVBUF to 64 KB.
label = s:unix:Linux:Android or small buffers
; source: labelled: p0f 3.09b (LGPL-2.1) s00464; huginn-net (MIT or Apache-2.0) s00496; seen: own stack, Linux 6.18, SO_RCVBUF 65536
sig   = *:64:0:*:mss*44,1:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00465; huginn-net (MIT or Apache-2.0) s00497
sig   = *:64:0:*:mss*44,3:mss,sok,ts,nop,ws:df,id+:0

; An early kernel port wrote the MSS third.
label = s:unix:Android:1.x or 2.x
; source: labelled: PRADS (GPL-2.0+) s00211
sig   = *:64:0:*:mss*4,1:sok,ts,mss,nop,ws:df,id+:0

label = g:unix:Android:1.x or 2.x
; source: labelled: PRADS (GPL-2.0+) s00211 (layout, any window and scale)
sig   = *:64:0:*:*,*:sok,ts,mss,nop,ws:df,id+:0

; Without a flavor: as in 10-windows.fp.
label = g:unix:Android:
; source: derived: 65535 as above, timestamps off (layout seen on our own stack, Linux 6.18, tcp_timestamps 0)
sig   = *:64:0:*:65535,*:mss,nop,nop,sok,nop,ws:df,id+:0
