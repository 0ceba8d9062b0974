; Other systems, appliances, proxies and consoles that the samples know by more than a bare MSS, and one scanner.
; How to read "source:" is said in 00-head.fp.
;
; Left out on purpose: every system known only by "MSS and a window" (AIX 4, OS/2, Palm OS, Cisco IOS, printers
; ...). Such entries are hit fuzzily by port scanners and by any host whose options were stripped on the way.
; The entries of appliances are here, too, so that the generic ones of 10 to 42 do not take them for a desktop.

[tcp:request]

; Firmware that boots from the network: its own stack, no DF.
label = s:other:iPXE:
; source: seen: own stack, iPXE 1.0.0+git-20190125 (Debian's ipxe-qemu, ROMs for e1000 and virtio under qemu 7.2), fetching its boot file over HTTP
sig   = 4:64:0:*:65532,9:nop,nop,ts,nop,nop,sok,nop,ws,mss::0

label = s:unix:HP-UX:11
; source: labelled: PRADS (GPL-2.0+) s00339
sig   = *:64:0:*:32768,0:mss,ws,nop:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00338 s00340
sig   = 4:64:0:*:32768,0:mss,ws,nop::0

label = s:unix:AIX:5.3
; source: labelled: PRADS (GPL-2.0+) s00174
sig   = 4:64:0:*:65535,1:mss,nop,ws,nop,nop,ts,nop,nop,sok::0

label = s:unix:Tru64:4.x
; source: labelled: PRADS (GPL-2.0+) s00269; p0f 3.09b (LGPL-2.1) s00490
sig   = *:64:0:*:32768,0:mss,nop,ws:df,id+:0

label = s:unix:Tru64:5.x
; source: labelled: PRADS (GPL-2.0+) s00270
sig   = 4:64:0:*:32768,0:mss,nop,ws::0

label = s:other:OpenVMS:7.x or Tru64 5.1
; source: labelled: PRADS (GPL-2.0+) s00272; p0f 3.09b (LGPL-2.1) s00488
sig   = 4:64:0:*:61440,0:mss,nop,ws::0

label = s:other:OpenVMS:8.x
; source: labelled: p0f 3.09b (LGPL-2.1) s00487
sig   = 4:128:0:1460:3000,0:mss,nop,ws::0

label = s:unix:IRIX:6.5
; source: labelled: PRADS (GPL-2.0+) s00264
sig   = 4:60:0:*:49152,2:mss,nop,ws,nop,nop,sok::0
; source: labelled: PRADS (GPL-2.0+) s00265
sig   = 4:60:0:*:49152,3:mss,nop,ws,nop,nop,sok::0
; source: labelled: PRADS (GPL-2.0+) s00267
sig   = 4:60:0:*:49152,0:mss,nop,nop,sok::0
; source: labelled: PRADS (GPL-2.0+) s00266
sig   = 4:60:0:*:61440,0:mss,nop,nop,sok::0
; source: labelled: PRADS (GPL-2.0+) s00268
sig   = 4:60:0:*:49152,2:mss,nop,ws,nop,nop,ts,nop,nop,sok::0

label = s:other:NetWare:6
; source: labelled: PRADS (GPL-2.0+) s00361
sig   = *:128:0:*:6144,0:mss,ws,nop,sok,nop,nop:df,id+:0
; source: labelled: Satori (GPL-2.0) s00077
sig   = *:128:0:*:6144,0:mss,ws,nop:df,id+:0

label = s:other:Plan 9:4
; source: labelled: PRADS (GPL-2.0+) s00371
sig   = 4:255:0:*:65535,0:mss,ws,nop::0

label = s:other:QNX:6
; source: labelled: PRADS (GPL-2.0+) s00357
sig   = 4:64:0:*:16384,0:mss,nop,ws,nop,nop,ts:ts1-:0

label = s:other:PocketPC:2002
; source: labelled: PRADS (GPL-2.0+) s00417
sig   = *:128:0:*:32768,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-:0

label = s:other:BlackBerry:5 to 7
; source: labelled: PRADS (GPL-2.0+) s00215
sig   = *:255:0:*:65534,0:mss,ws,eol+0:df,id+:0

; Mail and web appliances.
label = s:other:AsyncOS:7 (mail appliance)
; source: labelled: PRADS (GPL-2.0+) s00378
sig   = *:64:0:*:16384,0:mss,sok,eol+1:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00379
sig   = 4:64:0:*:16384,0:mss,sok,eol+1:df:0

label = s:other:JunOS:9
; source: labelled: PRADS (GPL-2.0+) s00377
sig   = *:64:0:*:16384,0:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0

label = s:other:NetCache:proxy
; source: labelled: PRADS (GPL-2.0+) s00389
sig   = *:64:0:*:20480,0:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00390
sig   = *:64:0:*:mss*44,0:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00388
sig   = *:64:0:*:8192,0:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0

label = s:other:CacheFlow:proxy
; source: labelled: PRADS (GPL-2.0+) s00393
sig   = 4:64:0:*:8192,0:mss,nop,nop,nop,nop,nop,nop,ts::0
; source: labelled: PRADS (GPL-2.0+) s00392
sig   = 4:64:0:*:65535,0:mss,nop,ws,nop,nop,ts::0

label = s:other:Redline:load balancer
; source: labelled: PRADS (GPL-2.0+) s00399
sig   = 4:255:0:*:65535,0:mss,nop,nop,sok::0

label = s:other:Alteon:load balancer
; source: labelled: PRADS (GPL-2.0+) s00384; PRADS s00306 says 98, with a first timestamp of 0
sig   = *:128:0:*:60352,2:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+:0

label = s:other:FortiGate:firewall
; source: labelled: PRADS (GPL-2.0+) s00376
sig   = *:64:0:*:mss*4,0:ws,nop,sok,ts,mss:df,id+:0

; Handsets and consoles.
label = s:other:BlackBerry:5 to 7
; source: labelled: PRADS (GPL-2.0+) s00216 s00217
sig   = 4:128:0:*:65535,0:mss,nop,nop,sok::0
; source: labelled: PRADS (GPL-2.0+) s00219
sig   = *:128:0:*:65535,0:mss,nop,nop,sok,nop,nop,ts:df,id+:0
; source: labelled: p0f 3.09b (LGPL-2.1) s00491
sig   = 4:128:0:*:65535,0:mss,nop,nop,sok,nop,nop,ts::0
; source: labelled: PRADS (GPL-2.0+) s00220
sig   = *:128:0:*:65535,2:mss,nop,nop,sok,ws,nop,nop,nop,ts:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00221
sig   = *:255:0:*:32768,3:mss,sok,ws,eol+2:df,id+:0

label = s:other:Symbian:handset
; source: labelled: PRADS (GPL-2.0+) s00413
sig   = *:64:0:*:mss*36,0:mss,ts,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00412
sig   = *:64:0:*:mss*22,0:mss,ts,sok:df,id+:0
; source: labelled: PRADS (GPL-2.0+) s00414
sig   = *:64:0:*:mss*36,0:mss,ts,sok,ws,eol+0:df,id+:0

label = s:other:Nintendo:console
; source: labelled: p0f 3.09b (LGPL-2.1) s00492 s00493
sig   = *:64:0:*:32768,0:mss,nop,nop,sok:df,id+:0

label = s:other:PlayStation:3
; source: labelled: PRADS (GPL-2.0+) s00374
sig   = *:64:0:*:65535,0:mss,nop,ws,sok,nop,nop,nop,nop,ts:df,id+:0

; Nmap's operating system probes. A program, not a system: the host's record is left as it was.
label = s:!:Nmap:OS detection
sys   = @win,@unix,@other
; source: vendor: Nmap, TCP/IP fingerprinting methods supported by Nmap, packet 1
sig   = *:64-:0:1460:1,10:ws,nop,mss,ts,sok::0
; source: vendor: Nmap, TCP/IP fingerprinting methods supported by Nmap, packet 2
sig   = *:64-:0:1400:63,0:mss,ws,sok,ts,eol+0::0
; source: vendor: Nmap, TCP/IP fingerprinting methods supported by Nmap, packet 3
sig   = *:64-:0:640:4,5:ts,nop,nop,ws,nop,mss::0
; source: vendor: Nmap, TCP/IP fingerprinting methods supported by Nmap, packet 4
sig   = *:64-:0:0:4,10:sok,ts,ws,eol+0::0
; source: vendor: Nmap, TCP/IP fingerprinting methods supported by Nmap, packet 5
sig   = *:64-:0:536:16,10:mss,sok,ts,ws,eol+0::0
; source: vendor: Nmap, TCP/IP fingerprinting methods supported by Nmap, packet 6
sig   = *:64-:0:265:512,0:mss,sok,ts::0
; source: vendor: Nmap, TCP/IP fingerprinting methods supported by Nmap, ECN probe
sig   = *:64-:0:1460:3,10:ws,nop,mss,sok,nop,nop:ecn,uptr+:0
; source: vendor: Nmap, TCP/IP fingerprinting methods supported by Nmap, T5
sig   = *:64-:0:265:31337,10:ws,nop,mss,ts,sok::0
