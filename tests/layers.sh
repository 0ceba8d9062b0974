#!/bin/sh
# Who may know whom (README, "Map of the source"): TAP. Greps every include and what the reader's library exports and needs.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0

ok() { # ok DESCRIPTION OFFENDERS: passes where the second is empty
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/#   /'
	fi
}

# Files of the given places that include what the pattern names.
including() { # including PATTERN PATH...
	pattern=$1
	shift
	grep -rnE "^#include [<\"]($pattern)" --include='*.c' --include='*.h' "$@" 2>/dev/null
}

# Quoted includes of the given files that do not begin as allowed.
beyond() { # beyond ALLOWED PATH...
	allowed=$1
	shift
	grep -nE '^#include "' -r --include='*.c' --include='*.h' "$@" 2>/dev/null | grep -vE "#include \"($allowed)"
}

ok 'core knows core alone' "$(beyond 'core/' core)"
ok 'core knows libc alone' \
	"$(including '(pcap|lmdb|microhttpd|cap-ng|seccomp|systemd|hiredis|jansson)' core)"
ok 'capture knows core and capture' "$(beyond 'core/|capture/' capture)"
ok 'libpcap is known to capture alone' "$(including 'pcap' core store api cmd tests sa-plugin)"
ok 'the reader and the record know addresses, errors, hosts and tables of names alone' \
	"$(beyond 'store/(reader|view|walk|record|lmdbfile|form|values)\.h|core/(addr|err|host|quirk|pathword|candidate)\.h' store/words.c store/form.h store/reader.[ch] store/view.[ch] store/walk.[ch] store/record.[ch] store/lmdbfile.h)"
ok 'rendering knows the reader and core, libc alone' \
	"$(beyond 'store/(render|reader|form)\.h|core/' store/render.c store/render.h; including 'lmdb' store/render.c)"
ok 'the store knows core and store' "$(beyond 'core/|store/' store)"
ok 'LMDB is known to store alone' "$(including 'lmdb' core capture api cmd sa-plugin)"
ok 'services know core, the reader and rendering' "$(beyond 'core/|api/|store/(reader|render|values)\.h' api)"
ok 'libmicrohttpd is known to the parts of api/http alone' \
	"$(including 'microhttpd' core capture store api cmd sa-plugin bench | grep -v '^api/http_int\.h:'; including 'api/http_int\.h' core capture store api cmd sa-plugin bench | grep -vE '^api/http(_[a-z]+)?\.c:')"
ok 'zlib is known to api/gzip.c alone' "$(including 'zlib' core capture store api cmd sa-plugin bench | grep -v '^api/gzip\.c:')"
ok 'libcap-ng and libseccomp are known to cmd/privilege.c alone' \
	"$(including '(cap-ng|seccomp)' core capture store api cmd sa-plugin | grep -v '^cmd/privilege\.c:')"
ok 'libsystemd is known to cmd/notify.c alone' \
	"$(including 'systemd' core capture store api cmd sa-plugin | grep -v '^cmd/notify\.c:')"
ok 'hiredis is known to store/share.c alone' \
	"$(including 'hiredis' core capture store api cmd sa-plugin | grep -v '^store/share\.c:')"
ok 'the plugin knows the public header alone' \
	"$(grep -nE '^#include' sa-plugin/*.xs 2>/dev/null | grep -vE '("(EXTERN|perl|XSUB)\.h"|<fingerpost\.h>)$')"
ok 'only main files, the log and usage text write to standard error' \
	"$(grep -nE '(fprintf|fputs|vfprintf)\(.*stderr|perror\(' -r core capture store api --include='*.c' | grep -v '^core/log\.c:')"
ok 'only cmd ends the process' \
	"$(grep -nwE '(exit|_exit|abort)\(' -r core capture api store --include='*.c' | grep -vE '^store/(validate|writer)\.c:.*_exit\(')"

# What a library exports is what its map lists, and it needs libc alone.
library() { # library NAME MAP
	file=build/lib/$1.so.1
	[ -e "$file" ] || { ok "$1 was built" "$file"; return; }
	listed=$(sed -n 's/^\t\(fp_[a-z0-9_]*\);.*/\1/p' "$2" | sort)
	exported=$(nm -D --defined-only "$file" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort)
	ok "$1 exports what its map lists" "$(
		printf '%s\n' "$listed" >"${TMPDIR:-/tmp}/layers.$$"
		printf '%s\n' "$exported" | diff "${TMPDIR:-/tmp}/layers.$$" - | grep '^[<>]'
		rm -f "${TMPDIR:-/tmp}/layers.$$")"
	ok "$1 needs libc alone" "$(objdump -p "$file" | awk '$1 == "NEEDED" { print $2 }' | grep -vE '^(libc\.so|ld-linux)')"
}
library libfingerpost store/libfingerpost.map
library libfingerpost-classify core/libfingerpost-classify.map
ok 'libfingerpost-classify keeps no state: nothing in it can be written' \
	"$(objdump -h build/lib/libfingerpost-classify.a | awk '$2 ~ /^\.(data|bss|tdata|tbss)$/ && $3 !~ /^0+$/')"
for archive in libfingerpost libfingerpost-classify; do
	ok "the names of $archive.a are all fp_..." "$(nm -g --defined-only build/lib/$archive.a | awk 'NF == 3 && $3 !~ /^fp_/')"
done

# Each header compiles alone.
alone=
for header in core/*.h capture/*.h store/*.h api/*.h cmd/*.h; do
	echo "#include \"$header\"" |
		${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -fsyntax-only -x c - 2>/dev/null || alone="$alone $header"
done
ok 'each header compiles alone' "$alone"
echo "1..$n"
