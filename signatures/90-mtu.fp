; Link types by MTU (MSS + 40, or + 60 on IPv6). How to read "source:" is said in 00-head.fp.
;
; The MTU says what the narrowest link known to the sender is, or what a router clamped the MSS to; it is a hint.
; The names follow the words that mail software already matches on. The first entry of a number wins; no
; number stands twice.

[mtu]

label = Ethernet or modem
; source: RFC 894
sig   = 1500
; source: RFC 1122 3.3.3 (the size to use when nothing else is known)
sig   = 576

label = DSL
; source: RFC 2516 7 (PPPoE)
sig   = 1492

label = cloud network
; source: vendor: Google Cloud, maximum transmission unit of VPC networks (1460)
sig   = 1460
; source: vendor: Google Cloud, maximum transmission unit of VPC networks (8896)
sig   = 8896
; source: vendor: Amazon EC2, network MTU (9001)
sig   = 9001

label = IPIP or SIT
; source: RFC 2003 (20 bytes); RFC 4213 (20 bytes)
sig   = 1480

label = GRE
; source: RFC 2784 over IPv4 (24 bytes)
sig   = 1476

label = VXLAN
; source: RFC 7348 over IPv4 (50 bytes)
sig   = 1450
; source: RFC 7348 over IPv4 and 9000
sig   = 8950

label = WireGuard
; source: vendor: WireGuard, wg-quick (80 bytes under 1500)
sig   = 1420
; source: derived: the same under PPPoE, 80 bytes under 1492
sig   = 1412

label = generic tunnel or VPN
; source: RFC 8200 5 (the least of IPv6)
sig   = 1280
; source: vendor: Cisco, GRE and IPsec fragmentation (1400 advised)
sig   = 1400

label = IPv6 over PPPoE
; source: derived: RFC 4213 under RFC 2516 (1492 less 20)
sig   = 1472

label = jumbo Ethernet
; source: seen: own stack, Linux 6.18, MTU 9000
sig   = 9000

label = loopback
; source: seen: own stack, Linux 6.18, lo (MSS 65495)
sig   = 65535
; source: kernel: drivers/net/loopback.c of older Linux; labelled: p0f 3.09b (LGPL-2.1) s00459 s00461 (MSS 16396)
sig   = 16436
; source: kernel: xnu bsd/net/if_loop.c LOMTU; FreeBSD sys/net/if_loop.c LOMTU
sig   = 16384
