; Linux of every distribution. How to read "source:" is said in 00-head.fp. Android stands in 25-android.fp.
;
; What one SYN carries. Options are written by tcp_options_write(): MSS; SACK with timestamps; NOP, window
; scale. The window is chosen by tcp_select_initial_window():
;   up to 2.6.38     4 segments (5840 on Ethernet)
;   up to 3.10       10 segments (14600)
;   up to 4.19       20 segments (29200), less when tcp_rmem[1] is small
;   since 4.20       half of tcp_rmem[1] (131072), rounded down to segments, at most 65535: 64240 is 44 x 1460
;   6.6 to 6.9       a quarter instead of a half, by another estimate of overhead: 32120 is 22 x 1460
; The scale follows tcp_rmem[2], which is 1/128 of memory, at most 6 MB (scale 7) and in 6.18 at most 32 MB
; (scale 10), or net.core.rmem_max where that is more; an administrator's sysctl moves it freely. So the scale
; names no version. Distributions take such changes back into older kernels (3.10 of RHEL 7 sends 29200): the
; flavors are ranges wide enough to be true of them, and 22 segments are not called 6.6.

[tcp:request]

label = s:unix:Linux:4.19 or later
; source: labelled: prackema (LGPL-2.1) s00001 s00002; Satori (GPL-2.0) s00022 s00093 s00094; peace-maker (LGPL-2.0) s00512
; source: labelled: nDPI (LGPL-3.0) s00517 s00521; seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, defaults (tcp_rmem[2] 32 MB)
sig   = *:64:0:*:mss*44,10:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: nDPI (LGPL-3.0) s00516; seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB, IPv6 or MTU 1492 to 1476
sig   = *:64:0:*:mss*45,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, defaults, IPv6
sig   = *:64:0:*:mss*45,10:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_ecn 1
sig   = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+,ecn:0
; source: seen: own stack, Linux 6.18, tcp_ecn 1, IPv6
sig   = *:64:0:*:mss*45,7:mss,sok,ts,nop,ws:df,id+,ecn:0
; source: seen: own stack, Linux 6.18, tcp_ecn 1, tcp_rmem[2] 32 MB
sig   = *:64:0:*:mss*44,10:mss,sok,ts,nop,ws:df,id+,ecn:0
; source: seen: own stack, Linux 6.18, tcp_ecn 1, tcp_rmem[2] 32 MB, IPv6
sig   = *:64:0:*:mss*45,10:mss,sok,ts,nop,ws:df,id+,ecn:0
; source: labelled: nDPI (LGPL-3.0) s00523; seen: own stack, Linux 6.18, tcp_rmem[2] 8 MB
sig   = *:64:0:*:mss*44,8:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 16 MB
sig   = *:64:0:*:mss*44,9:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 64 MB
sig   = *:64:0:*:mss*44,11:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 128 MB
sig   = *:64:0:*:mss*44,12:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 512 MB
sig   = *:64:0:*:mss*44,14:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 256 MB
sig   = *:64:0:*:mss*44,13:mss,sok,ts,nop,ws:df,id+:0
; source: derived: tcp_rmem[2] 2 to 4 MB: 256 to 512 MB of memory (net/ipv4/tcp.c tcp_init(), net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*44,6:mss,sok,ts,nop,ws:df,id+:0
; source: derived: tcp_rmem[2] 1 to 2 MB: 128 to 256 MB of memory (net/ipv4/tcp.c tcp_init(), net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*44,5:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 8 MB, IPv6
sig   = *:64:0:*:mss*45,8:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 16 MB, IPv6
sig   = *:64:0:*:mss*45,9:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 64 MB, IPv6
sig   = *:64:0:*:mss*45,11:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 256 MB, IPv6
sig   = *:64:0:*:mss*45,13:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB, MTU 1460 or 1450
sig   = *:64:0:*:mss*46,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB, MTU 1420
sig   = *:64:0:*:mss*47,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB, MTU 1400
sig   = *:64:0:*:mss*48,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB, MTU 1280
sig   = *:64:0:*:mss*52,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB, MTU 1280, IPv6
sig   = *:64:0:*:mss*53,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB, MTU 4000
sig   = *:64:0:*:mss*16,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[2] 6 MB, MTU 9000
sig   = *:64:0:*:mss*7,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, defaults, MTU 1460 or 1450
sig   = *:64:0:*:mss*46,10:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, defaults, MTU 1420
sig   = *:64:0:*:mss*47,10:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, defaults, MTU 1400
sig   = *:64:0:*:mss*48,10:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, defaults, MTU 9000
sig   = *:64:0:*:mss*7,10:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, loopback, tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*1,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, loopback, defaults
sig   = *:64:0:*:mss*1,10:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 87380 (as in older sysctl files), tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*29,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 87380 (as in older sysctl files), tcp_rmem[2] 16 MB
sig   = *:64:0:*:mss*29,9:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 87380 (as in older sysctl files), tcp_rmem[2] 32 MB
sig   = *:64:0:*:mss*29,10:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 87380, IPv6
sig   = *:64:0:*:mss*30,7:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 256 KB, tcp_rmem[2] 64 MB (more than phones have)
sig   = *:64:0:*:65535,11:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 256 KB, tcp_rmem[2] 128 MB (more than phones have)
sig   = *:64:0:*:65535,12:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 256 KB, tcp_rmem[2] 256 MB (more than phones have)
sig   = *:64:0:*:65535,13:mss,sok,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 256 KB, tcp_rmem[2] 512 MB (more than phones have)
sig   = *:64:0:*:65535,14:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: Satori (GPL-2.0) s00095; kernel: include/net/tcp.h TCP_DEFAULT_SCALING_RATIO of 6.6 to 6.9
; source: seen: own stack, Linux 6.18, tcp_rmem[1] 65536
sig   = *:64:0:*:mss*22,7:mss,sok,ts,nop,ws:df,id+:0
; source: derived: as the entry before with MSS 1440 (IPv6), 6.6 to 6.9
sig   = *:64:0:*:mss*23,7:mss,sok,ts,nop,ws:df,id+:0

label = s:unix:Linux:3.x or 4.x
; source: labelled: Satori (GPL-2.0) s00057 s00058 s00082 s00083 s00084; p0f 3.09b (LGPL-2.1) s00441; nDPI (LGPL-3.0) s00518 s00522
; source: kernel: net/ipv4/tcp_output.c tcp_select_initial_window()
sig   = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00440
sig   = *:64:0:*:mss*20,10:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: Satori (GPL-2.0) s00059; nDPI (LGPL-3.0) s00519
sig   = *:64:0:*:mss*20,5:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 20 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*20,6:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 20 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*20,8:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 20 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*20,9:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 20 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*20,4:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 20 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*20,11:mss,sok,ts,nop,ws:df,id+:0
; source: derived: loopback, half of tcp_rmem[1] 87380, since 20 segments of 65495 are more
; source: kernel: net/ipv4/tcp_output.c tcp_select_initial_window()
sig   = *:64:0:*:43690,7:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 20 segments as above, tcp_ecn 1
sig   = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+,ecn:0

label = s:unix:Linux:2.6 or 3.x
; source: labelled: PRADS (GPL-2.0+) s00434; p0f 3.09b (LGPL-2.1) s00445; kernel: net/ipv4/tcp_output.c tcp_select_initial_window()
sig   = *:64:0:*:mss*10,7:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00436 s00435; p0f 3.09b (LGPL-2.1) s00444; nDPI (LGPL-3.0) s00520
sig   = *:64:0:*:mss*10,6:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00443
sig   = *:64:0:*:mss*10,5:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00442
sig   = *:64:0:*:mss*10,4:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 10 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*10,8:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 10 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*10,9:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 10 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*10,10:mss,sok,ts,nop,ws:df,id+:0

label = s:unix:Linux:2.6
; source: labelled: PRADS (GPL-2.0+) s00196 s00195; p0f 3.09b (LGPL-2.1) s00447
sig   = *:64:0:*:mss*4,7:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00193 s00192 s00425; p0f 3.09b (LGPL-2.1) s00446 s00463
sig   = *:64:0:*:mss*4,6:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00191
sig   = *:64:0:*:mss*4,5:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00198; p0f 3.09b (LGPL-2.1) s00448
sig   = *:64:0:*:mss*4,8:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 4 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*4,3:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 4 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*4,4:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 4 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*4,9:mss,sok,ts,nop,ws:df,id+:0
; source: derived: 4 segments as above, scale from tcp_rmem[2] (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*4,10:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00194
; source: derived: jumbo frames and loopback: 2 segments (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*2,6:mss,sok,ts,nop,ws:df,id+:0

label = s:unix:Linux:2.4 or 2.6
; source: labelled: Satori (GPL-2.0) s00023; PRADS (GPL-2.0+) s00184 s00180 s00181; p0f 3.09b (LGPL-2.1) s00449
sig   = *:64:0:*:mss*4,0:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00187; p0f 3.09b (LGPL-2.1) s00450
sig   = *:64:0:*:mss*4,1:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00189; p0f 3.09b (LGPL-2.1) s00451
sig   = *:64:0:*:mss*4,2:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00183
sig   = *:64:0:*:mss*3,0:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00186
sig   = *:64:0:*:mss*3,1:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00188
sig   = *:64:0:*:mss*3,2:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00459
sig   = *:64:0:*:mss*2,2:mss,sok,ts,nop,ws:df,id+:0

label = s:unix:Linux:2.2 or small buffers
; source: labelled: Satori (GPL-2.0) s00047 s00048 s00050; PRADS (GPL-2.0+) s00200; p0f 3.09b (LGPL-2.1) s00454
sig   = *:64:0:*:mss*22,0:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00199; p0f 3.09b (LGPL-2.1) s00453
sig   = *:64:0:*:mss*20,0:mss,sok,ts,nop,ws:df,id+:0
; source: labelled: Satori (GPL-2.0) s00051; PRADS (GPL-2.0+) s00201; p0f 3.09b (LGPL-2.1) s00452
sig   = *:64:0:*:mss*11,0:mss,sok,ts,nop,ws:df,id+:0

; Settings that drop options: tcp_timestamps 0, tcp_sack 0, tcp_window_scaling 0, and options added:
; MPTCP (30), Fast Open (34, 254 experimental). The windows stay as above.
label = s:unix:Linux:4.19 or later
; source: seen: own stack, Linux 6.18, tcp_timestamps 0, tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*44,7:mss,nop,nop,sok,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_timestamps 0, tcp_rmem by default
sig   = *:64:0:*:mss*44,10:mss,nop,nop,sok,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_timestamps 0, tcp_rmem[2] 6 MB, IPv6
sig   = *:64:0:*:mss*45,7:mss,nop,nop,sok,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_sack 0, tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*44,7:mss,nop,nop,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_sack 0, tcp_rmem by default
sig   = *:64:0:*:mss*44,10:mss,nop,nop,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_sack 0, tcp_rmem[2] 6 MB, IPv6
sig   = *:64:0:*:mss*45,7:mss,nop,nop,ts,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_timestamps 0, tcp_sack 0, tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*44,7:mss,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_timestamps 0, tcp_sack 0, tcp_rmem by default
sig   = *:64:0:*:mss*44,10:mss,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_timestamps 0, tcp_sack 0, tcp_rmem[2] 6 MB, IPv6
sig   = *:64:0:*:mss*45,7:mss,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_window_scaling 0
sig   = *:64:0:*:mss*44,0:mss,sok,ts:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_window_scaling 0, IPv6
sig   = *:64:0:*:mss*45,0:mss,sok,ts:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_timestamps 0, tcp_window_scaling 0
sig   = *:64:0:*:mss*44,0:mss,nop,nop,sok:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_timestamps 0, tcp_window_scaling 0, IPv6
sig   = *:64:0:*:mss*45,0:mss,nop,nop,sok:df,id+:0
; source: seen: own stack, Linux 6.18, MPTCP, tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws,?30:df,id+:0
; source: seen: own stack, Linux 6.18, MPTCP, tcp_rmem by default
sig   = *:64:0:*:mss*44,10:mss,sok,ts,nop,ws,?30:df,id+:0
; source: seen: own stack, Linux 6.18, Fast Open, request for a cookie, tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws,?34,nop,nop:df,id+:0
; source: seen: own stack, Linux 6.18, Fast Open, request for a cookie, tcp_rmem by default
sig   = *:64:0:*:mss*44,10:mss,sok,ts,nop,ws,?34,nop,nop:df,id+:0
; source: seen: own stack, Linux 6.18, Fast Open, experimental option, tcp_rmem[2] 6 MB
sig   = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws,?254:df,id+:0
; source: seen: own stack, Linux 6.18, Fast Open, experimental option, tcp_rmem by default
sig   = *:64:0:*:mss*44,10:mss,sok,ts,nop,ws,?254:df,id+:0

label = s:unix:Linux:3.x or 4.x
; source: labelled: Satori (GPL-2.0) s00016
sig   = *:64:0:*:mss*20,9:mss,nop,nop,sok,nop,ws:df,id+:0
; source: derived: 20 segments, tcp_timestamps 0 (layout seen on our own stack)
sig   = *:64:0:*:mss*20,7:mss,nop,nop,sok,nop,ws:df,id+:0
; source: derived: 20 segments, tcp_sack 0 (layout seen on our own stack)
sig   = *:64:0:*:mss*20,7:mss,nop,nop,ts,nop,ws:df,id+:0
; source: derived: 20 segments, tcp_timestamps 0, tcp_sack 0 (layout seen on our own stack)
sig   = *:64:0:*:mss*20,7:mss,nop,ws:df,id+:0
; source: derived: as the entry before, tcp_rmem[2] 16 MB
sig   = *:64:0:*:mss*20,9:mss,nop,ws:df,id+:0

label = s:unix:Linux:2.4 or 2.6
; source: labelled: PRADS (GPL-2.0+) s00185 s00207
sig   = *:64:0:*:mss*4,0:mss,nop,nop,sok,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00214
sig   = *:64:0:*:mss*4,1:mss,nop,nop,sok,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00208
sig   = *:64:0:*:mss*4,2:mss,nop,nop,sok,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00212
sig   = *:64:0:*:mss*4,4:mss,nop,nop,ts,nop,ws:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00475 (values; the layout is that of Linux with tcp_sack 0 on our own stack)
sig   = *:64:0:*:mss*4,6:mss,nop,nop,ts,nop,ws:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00476 (values; as the entry before)
sig   = *:64:0:*:mss*4,7:mss,nop,nop,ts,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00202
sig   = *:64:0:*:mss*4,0:mss,nop,ws:df,id+:0
; source: labelled: Satori (GPL-2.0) s00081
sig   = *:64:0:*:mss*4,0:mss,sok,ts:df,id+:0

label = s:unix:Linux:2.2 or small buffers
; source: labelled: Satori (GPL-2.0) s00049; PRADS (GPL-2.0+) s00206
sig   = *:64:0:*:mss*22,0:mss,nop,nop,sok,nop,ws:df,id+:0

; Timestamps overwritten with NOPs by a firewall or carrier: ten more NOPs where the option was. Windows as above.
label = s:unix:Linux:2.4 or 2.6
; source: labelled: PRADS (GPL-2.0+) s00428 s00429; p0f 3.09b (LGPL-2.1) s00495
sig   = *:64:0:*:mss*4,2:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00426 s00427 s00430; p0f 3.09b (LGPL-2.1) s00494 (as the entry before)
sig   = *:64:0:*:mss*4,7:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+:0

; Generic: the layouts are written by no other kernel among the samples but Android's, with any window and scale.
label = g:unix:Linux:2.2 or later
; source: kernel: net/ipv4/tcp_output.c tcp_options_write(); labelled: Satori (GPL-2.0) s00046 s00085 s00086 s00087
; source: labelled: PRADS (GPL-2.0+) s00182 s00190 s00197
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0
; source: kernel: net/ipv4/tcp_output.c tcp_options_write(), tcp_ecn_send_syn()
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+,ecn:0
; source: seen: own stack, Linux 6.18, MPTCP (layout)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?30:df,id+:0
; source: seen: own stack, Linux 6.18, Fast Open (layout)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?34,nop,nop:df,id+:0
; source: seen: own stack, Linux 6.18, Fast Open, experimental option (layout)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?254:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00494 s00495 (layout)
sig   = *:64:0:*:*,*:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+:0
; source: seen: own stack, Linux 6.18, tcp_sack 0 (layout)
sig   = *:64:0:*:*,*:mss,nop,nop,ts,nop,ws:df,id+:0

; Without a flavor: as in 10-windows.fp.
label = g:unix:Linux:
; source: seen: own stack, Linux 6.18, tcp_window_scaling 0 (layout)
sig   = *:64:0:*:*,0:mss,sok,ts:df,id+:0

[tcp:response]

; SYN+ACK. A Linux server echoes what the SYN offered, with IP id 0 and DF, and counts the window in segments
; less the 12 bytes of timestamps, when these are on: 65160 is 45 x 1448. One entry for each set of options echoed.
label = s:unix:Linux:4.19 or later
; source: seen: own stack, Linux 6.18, all options
sig   = *:64:0:*:mss*45,*:mss,sok,ts,nop,ws:df:0
; source: seen: own stack, Linux 6.18, client without SACK
sig   = *:64:0:*:mss*45,*:mss,nop,nop,ts,nop,ws:df:0
; source: seen: own stack, Linux 6.18, client without scale
sig   = *:64:0:*:mss*45,0:mss,sok,ts:df:0
; source: seen: own stack, Linux 6.18, client with timestamps alone
sig   = *:64:0:*:mss*45,0:mss,nop,nop,ts:df:0
; source: seen: own stack, Linux 6.18, client without timestamps
sig   = *:64:0:*:mss*44,*:mss,nop,nop,sok,nop,ws:df:0
; source: seen: own stack, Linux 6.18, client with scale alone
sig   = *:64:0:*:mss*44,*:mss,nop,ws:df:0
; source: seen: own stack, Linux 6.18, client with SACK alone
sig   = *:64:0:*:mss*44,0:mss,nop,nop,sok:df:0
; source: seen: own stack, Linux 6.18, client without options
sig   = *:64:0:*:mss*44,0:mss:df:0
; source: seen: own stack, Linux 6.18, client without timestamps, IPv6
sig   = *:64:0:*:mss*45,*:mss,nop,nop,sok,nop,ws:df:0

label = s:unix:Linux:3.x or 4.x
; source: derived: 20 segments less 12 bytes each (28960)
; source: derived: layout and id as seen on our own stack (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*20,*:mss,sok,ts,nop,ws:df:0

label = s:unix:Linux:2.6 or 3.x
; source: derived: 10 segments less 12 bytes each (14480)
; source: derived: layout and id as seen on our own stack (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*10,*:mss,sok,ts,nop,ws:df:0

label = s:unix:Linux:2.4 or 2.6
; source: derived: 4 segments less 12 bytes each (5792)
; source: derived: layout and id as seen on our own stack (net/ipv4/tcp_output.c tcp_select_initial_window())
sig   = *:64:0:*:mss*4,*:mss,sok,ts,nop,ws:df:0
