; SYN+ACK: each set of options that a server may echo. Made by build-responses, which says how: change that. "source:" is said in 00-head.fp.

[tcp:response]

label = s:unix:Linux:3.x or 4.x
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 20 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*20,0:mss,sok,ts:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 20 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*20,*:mss,nop,nop,ts,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 20 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*20,0:mss,nop,nop,ts:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 20 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*20,*:mss,nop,nop,sok,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 20 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*20,0:mss,nop,nop,sok:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 20 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*20,*:mss,nop,ws:df:0

label = s:unix:Linux:2.6 or 3.x
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 10 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*10,0:mss,sok,ts:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 10 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*10,*:mss,nop,nop,ts,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 10 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*10,0:mss,nop,nop,ts:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 10 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*10,*:mss,nop,nop,sok,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 10 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*10,0:mss,nop,nop,sok:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 10 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*10,*:mss,nop,ws:df:0

label = s:unix:Linux:2.4 or 2.6
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 4 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*4,0:mss,sok,ts:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 4 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*4,*:mss,nop,nop,ts,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 4 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*4,0:mss,nop,nop,ts:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 4 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*4,*:mss,nop,nop,sok,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 4 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*4,0:mss,nop,nop,sok:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), 4 segments; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:mss*4,*:mss,nop,ws:df:0

label = g:unix:Linux:
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), any window; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), any window; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,ecn:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), any window; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:*,*:mss,nop,nop,ts,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), any window; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:*,*:mss,nop,nop,ts,nop,ws:df,ecn:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), any window; each option set as seen on our own stack, Linux 6.18
sig   = 4:64:0:*:*,*:mss,nop,nop,sok,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), any window; each option set as seen on our own stack, Linux 6.18
sig   = 4:64:0:*:*,*:mss,nop,nop,sok,nop,ws:df,ecn:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), any window; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:*,*:mss,nop,ws:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(), any window; each option set as seen on our own stack, Linux 6.18
sig   = *:64:0:*:*,*:mss,nop,ws:df,ecn:0

label = g:win:Windows:
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:65535,8:mss,nop,ws,sok,ts:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:65535,8:mss,nop,ws,sok,ts:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:65535,8:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:65535,8:mss,nop,ws,nop,nop,ts:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:65535,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:65535,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:8192,8:mss,nop,ws,sok,ts:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:8192,8:mss,nop,ws,sok,ts:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:8192,8:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:8192,8:mss,nop,ws,nop,nop,ts:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:8192,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,8:mss,nop,ws,sok,ts:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,8:mss,nop,ws,sok,ts:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,ts:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*45,8:mss,nop,ws,sok,ts:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*45,8:mss,nop,ws,sok,ts:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*45,8:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*45,8:mss,nop,ws,nop,nop,ts:df,id+,ecn:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*45,8:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN; vendor: Microsoft, performance tuning of network adapters
sig   = *:128:0:*:mss*45,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:65535,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:65535,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:65535,0:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:65535,0:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:65535,0:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*44,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*44,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*44,0:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*44,0:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*44,0:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:16384,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:16384,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:16384,0:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:16384,0:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:16384,0:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*12,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*12,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*12,0:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*12,0:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*12,0:mss,nop,ws,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*6,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*6,0:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*6,0:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*6,0:mss,nop,ws,nop,nop,ts:df,id+,ts1-:0
; source: derived: the options and windows as in its SYN (PRADS, Satori: 2000 to 2003); vendor: Microsoft, Tcp1323Opts, TcpWindowSize
sig   = *:128:0:*:mss*6,0:mss,nop,ws,nop,nop,sok:df,id+:0

label = g:unix:Linux:
; source: derived: kernel: net/mptcp/options.c mptcp_synack_options(); place seen in SYNs of our own stack, Linux 6.18 (RFC 8684)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?30:df:0
; source: derived: kernel: net/mptcp/options.c mptcp_synack_options(); place seen in SYNs of our own stack, Linux 6.18 (RFC 8684)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?30:df,ecn:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(); place seen in SYNs of our own stack, Linux 6.18 (RFC 7413)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?34,nop,nop:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(); place seen in SYNs of our own stack, Linux 6.18 (RFC 7413)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?34,nop,nop:df,ecn:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(); place seen in SYNs of our own stack, Linux 6.18 (experimental Fast Open)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?254:df:0
; source: derived: kernel: net/ipv4/tcp_output.c tcp_synack_options(); place seen in SYNs of our own stack, Linux 6.18 (experimental Fast Open)
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws,?254:df,ecn:0

label = g:unix:FreeBSD:7 or later
; source: derived: kernel: sys/netinet/tcp_syncache.c syncache_respond(), tcp_output.c tcp_addoptions() (FreeBSD)
sig   = *:64:0:*:65535,*:mss,nop,ws,sok,ts:df:0
; source: derived: kernel: sys/netinet/tcp_syncache.c syncache_respond(), tcp_output.c tcp_addoptions() (FreeBSD)
sig   = 4:64:0:*:65535,*:mss,nop,ws,sok,ts:df,id+:0

label = g:unix:Mac OS X:or iOS
; source: derived: kernel: xnu bsd/netinet/tcp_output.c tcp_output()
sig   = *:64:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0
; source: derived: kernel: xnu bsd/netinet/tcp_output.c tcp_output()
sig   = 4:64:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0

label = g:unix:OpenBSD:3.x or later
; source: derived: kernel: sys/netinet/tcp_input.c syn_cache_respond() (OpenBSD)
sig   = *:64:0:*:16384,*:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0
; source: derived: kernel: sys/netinet/tcp_input.c syn_cache_respond() (OpenBSD)
sig   = *:64:0:*:16384,*:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: kernel: sys/netinet/tcp_input.c syn_cache_respond() (OpenBSD)
sig   = 4:64:0:*:16384,*:mss,nop,nop,sok,nop,ws:df,id+:0

label = g:unix:NetBSD:2.x or later
; source: derived: kernel: sys/netinet/tcp_syncache.c syn_cache_respond() (NetBSD)
sig   = *:64:0:*:32768,*:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0
; source: derived: kernel: sys/netinet/tcp_syncache.c syn_cache_respond() (NetBSD)
sig   = 4:64:0:*:32768,*:mss,nop,ws,sok,nop,nop,nop,nop,ts:df,id+:0
; source: derived: kernel: sys/netinet/tcp_syncache.c syn_cache_respond() (NetBSD)
sig   = *:64:0:*:32768,*:mss,nop,ws,nop,nop,ts:df:0
; source: derived: kernel: sys/netinet/tcp_syncache.c syn_cache_respond() (NetBSD)
sig   = 4:64:0:*:32768,*:mss,nop,ws,nop,nop,ts:df,id+:0
; source: derived: kernel: sys/netinet/tcp_syncache.c syn_cache_respond() (NetBSD)
sig   = *:64:0:*:32768,*:mss,nop,ws,sok,nop,nop:df:0
; source: derived: kernel: sys/netinet/tcp_syncache.c syn_cache_respond() (NetBSD)
sig   = 4:64:0:*:32768,*:mss,nop,ws,sok,nop,nop:df,id+:0
