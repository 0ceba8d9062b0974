; Fingerpost's signature database: which operating system sent this SYN.
;
; Part of Fingerpost, Apache-2.0 (see LICENSE). The grammar is that of p0f 3, so that p0f 3.09b reads the
; database as well; whatever else we say stands in comments. The shipped file is these files joined in the
; order of their names. README.md beside them says how to read and how to add entries.
;
; Sources. The comment line before every sig says where its fact comes from:
;   labelled: NAME (LICENCE) sNNNNN ...   rows of the labelled samples, by id, under their original source:
;       Satori        xnih/satori, fingerprints/tcp.xml @73fa88f, GPL-2.0
;       PRADS         gamelinux/prads, etc/tcp-syn.fp @81334aa, GPL-2.0+
;       p0f 3.09b     the p0f project, p0f.fp, LGPL-2.1
;       nDPI          ntop/nDPI, src/lib/ndpi_os_fingerprint.c.inc @3b1286a, LGPL-3.0
;       huginn-net    biandratti/huginn-net, huginn-net-db/config/p0f.fp @3982114, MIT or Apache-2.0
;       peace-maker   peace-maker/p0f3-database, p0f.fp @7687e77, LGPL-2.0
;       prackema      prackema/p0f_signature_generator, scripts/ml/data @9f1c000, LGPL-2.1
;     Taken from them: facts (the values of header fields and the system that sent them); no wording, no selection.
;   kernel: PATH NAME                     the system's public source: the function that decides the value
;   vendor: TITLE                         the vendor's documentation
;   RFC n                                 a standard
;   seen: own stack, Linux V, WHAT        captured by us in network namespaces, WHAT differing from the defaults
;   derived: ...                          not seen; follows from the rule named
;
; Order. A matcher takes the first exact specific (s) entry; else the first exact generic (g); else the first
; fuzzy one of either type. So no two specific entries overlap under different labels, and the order of
; specific entries matters for fuzzy matches alone. Inside a layout: specific before generic, common before
; rare, and a wildcard window or scale is always generic. Across files: systems met on a mail server first.
; Version '*' means the same on IPv4 and IPv6. Version 4 is used only where the IP id decides, which IPv6 lacks.

classes = win,unix,other
