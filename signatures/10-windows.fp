; Windows, client and server. How to read "source:" is said in 00-head.fp.
;
; What one SYN carries: the option layout says NT kernel; window and scale say the generation. Client and
; server of one generation send the same SYN (Server 2019, 2022 and 2025 with 10 and 11; Server 2016 with
; 10 before 1709). ECE+CWR hints at a server (on by default since Server 2012, off in clients), but anyone
; can switch it, so it changes no name here.
;
; Flavors: "10 or later" kernel 10.0; "7 to Server 2016" the kernels that open with 8192 (Vista and Server
; 2008 do, too); "XP ..." kernel 5; "kernel N or later" where the samples contradict one another.

[tcp:request]

; The receive window opens with the largest multiple of its own MSS that fits 16 bits (64240 on Ethernet), or
; with 65535. 8192 before 1709. The scale is the auto-tuning level: 8 normal, 4, 2 and 14 by setting.
label = s:win:Windows:10 or later
; source: labelled: Satori (GPL-2.0) s00116 s00121 s00126 s00131 s00135 s00140; huginn-net (MIT or Apache-2.0) s00506
; source: labelled: peace-maker (LGPL-2.0) s00514; nDPI (LGPL-3.0) s00529
; source: vendor: Microsoft, performance tuning of network adapters (scale 8 is the normal level)
sig   = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: nDPI (LGPL-3.0) s00531 s00532; RFC 3168 6.1.1
sig   = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0
; source: labelled: Satori (GPL-2.0) s00119 s00125 s00143; huginn-net (MIT or Apache-2.0) s00505
sig   = *:128:0:*:65535,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: as the entry before, ECN on (the default of Server since 2012); RFC 3168 6.1.1
sig   = *:128:0:*:65535,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0
; source: derived: largest multiple of the MSS in 16 bits (as 64202 and 64766 in the samples), MTU 1496 to 1465 and IPv6
sig   = *:128:0:*:mss*45,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: as the entry before, ECN on (RFC 3168 6.1.1)
sig   = *:128:0:*:mss*45,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0
; source: derived: largest multiple of the MSS in 16 bits for MTU 1464 to 1435
sig   = *:128:0:*:mss*46,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00120 s00127 s00134 s00157 s00133 s00139
sig   = *:128:0:*:mss*47,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: largest multiple of the MSS in 16 bits for MTU 1405 to 1378
sig   = *:128:0:*:mss*48,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00141
sig   = *:128:0:*:mss*52,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00100 s00101; huginn-net (MIT or Apache-2.0) s00504
sig   = *:128:0:*:65535,3:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: 64240 as above, auto-tuning highly restricted (scale 2)
; source: vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,2:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: 64240 as above, auto-tuning restricted (scale 4); vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,4:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: 64240 as above, auto-tuning experimental (scale 14); vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,14:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00118 s00123 s00132 s00136; RFC 7323 (timestamps are off by default, a setting)
sig   = *:128:0:*:mss*44,8:mss,nop,ws,sok,ts:df,id+:0

label = s:win:Windows:7 to Server 2016
; source: labelled: Satori (GPL-2.0) s00098 s00097 s00149 s00150 s00162; p0f 3.09b (LGPL-2.1) s00473
; source: labelled: huginn-net (MIT or Apache-2.0) s00502
sig   = *:128:0:*:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: as the entry before, ECN on (the default of Server 2012 to 2016); RFC 3168 6.1.1
sig   = *:128:0:*:8192,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0
; source: labelled: Satori (GPL-2.0) s00160; PRADS (GPL-2.0+) s00424; p0f 3.09b (LGPL-2.1) s00472
; source: labelled: huginn-net (MIT or Apache-2.0) s00501; nDPI (LGPL-3.0) s00530; scale 2: auto-tuning highly restricted
sig   = *:128:0:*:8192,2:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00102; p0f 3.09b (LGPL-2.1) s00474; huginn-net (MIT or Apache-2.0) s00503
sig   = *:128:0:*:8192,2:mss,nop,ws,sok,ts:df,id+:0
; source: derived: 8192 with scale 8 as above, timestamps on as in the entry before (RFC 7323)
sig   = *:128:0:*:8192,8:mss,nop,ws,sok,ts:df,id+:0

; No window scale: kernel 5 by default, later kernels with auto-tuning off. The samples give 64240 to XP and to
; 10 alike, 8192 to everything from 98 to Server 2016; of 65535 most, and of 16384 and 17520 all are kernel 5.
; The texts begin with XP, so that mail rules on "Windows XP" see them; 2000 and 2003 cannot be told apart from XP.
label = s:win:Windows:kernel 5 or later
; source: labelled: Satori (GPL-2.0) s00096 s00138 s00168 s00170; PRADS (GPL-2.0+) s00320
sig   = *:128:0:*:mss*44,0:mss,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00099 s00151 s00153 s00154 s00155 s00156 s00161; PRADS (GPL-2.0+) s00313 s00323
; source: labelled: p0f 3.09b (LGPL-2.1) s00471; huginn-net (MIT or Apache-2.0) s00500
sig   = *:128:0:*:8192,0:mss,nop,nop,sok:df,id+:0

label = s:win:Windows:XP or 2003
; source: labelled: Satori (GPL-2.0) s00165 s00166; PRADS (GPL-2.0+) s00310; p0f 3.09b (LGPL-2.1) s00467
; source: vendor: Microsoft, TcpWindowSize of Server 2003 (at most 65535)
sig   = *:128:0:*:65535,0:mss,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00167; PRADS (GPL-2.0+) s00321
sig   = *:128:0:*:64512,0:mss,nop,nop,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00328 s00329
sig   = *:128:0:*:65520,0:mss,nop,nop,sok:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00468
sig   = *:128:0:*:65535,0:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00163 s00164; p0f 3.09b (LGPL-2.1) s00469
sig   = *:128:0:*:65535,1:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00470; PRADS (GPL-2.0+) s00326
sig   = *:128:0:*:65535,2:mss,nop,ws,nop,nop,sok:df,id+:0

label = s:win:Windows:XP or 2000
; source: labelled: Satori (GPL-2.0) s00169 s00171; p0f 3.09b (LGPL-2.1) s00466
sig   = *:128:0:*:16384,0:mss,nop,nop,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00319; vendor: Microsoft, TcpWindowSize of Windows 2000 (17520, 12 segments)
sig   = *:128:0:*:mss*12,0:mss,nop,nop,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00322
sig   = *:128:0:*:32767,0:mss,nop,nop,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00317
sig   = *:128:0:*:40320,0:mss,nop,nop,sok:df,id+:0

label = s:win:Windows:XP or older
; source: labelled: PRADS (GPL-2.0+) s00318; vendor: Microsoft, KB 224829 (8760, six segments, up to NT 4; slow links later)
sig   = *:128:0:*:mss*6,0:mss,nop,nop,sok:df,id+:0

; Generic. The two layouts are written by every NT kernel; other systems that use them stand with their own
; windows and initial TTL in 20, 50 and 60. Old Windows with timestamps on begins with a timestamp of 0.
label = g:win:Windows:kernel 6 or later
; source: labelled: Satori (GPL-2.0) s00128; vendor: Microsoft, performance tuning of network adapters (scale 8 is the normal level)
sig   = *:128:0:*:*,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: vendor: Microsoft, performance tuning of network adapters (scale 2: highly restricted)
sig   = *:128:0:*:*,2:mss,nop,ws,nop,nop,sok:df,id+:0
; source: vendor: Microsoft, performance tuning of network adapters (scale 4: restricted)
sig   = *:128:0:*:*,4:mss,nop,ws,nop,nop,sok:df,id+:0
; source: vendor: Microsoft, performance tuning of network adapters (scale 14: experimental)
sig   = *:128:0:*:*,14:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: Satori (GPL-2.0) s00118 s00123 (layout)
; source: vendor: Microsoft, performance tuning of network adapters (scale 8 is the normal level)
sig   = *:128:0:*:*,8:mss,nop,ws,sok,ts:df,id+:0
; source: labelled: nDPI (LGPL-3.0) s00531 s00532 (layout with ECN)
sig   = *:128:0:*:*,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0

; Without a flavor: what is called Windows by its options alone, and what the model (docs/signatures.md) names.
label = g:win:Windows:
; source: labelled: Satori (GPL-2.0) s00118 s00123 s00102 (layout; any window and scale)
sig   = *:128:0:*:*,*:mss,nop,ws,sok,ts:df,id+:0

label = g:win:Windows:kernel 5 or later
; source: labelled: PRADS (GPL-2.0+) s00302 s00303 s00305 s00316 (any window, layout and TTL in common)
sig   = *:128:0:*:*,0:mss,nop,nop,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00304 s00330 (any window and scale)
sig   = *:128:0:*:*,*:mss,nop,ws,nop,nop,sok:df,id+:0
; source: labelled: nDPI (LGPL-3.0) s00533 s00534
sig   = *:128:0:*:*,0:mss,nop,ws,nop,nop,sok:df,id+,ecn:0

label = g:win:Windows:XP or older
; source: labelled: PRADS (GPL-2.0+) s00287 s00301 s00306
sig   = *:128:0:*:*,*:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-:0
