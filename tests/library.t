#!/usr/bin/perl
# libfingerpost as its users find it: the example compiled with what pkg-config says, shared and static; the ABI; the Python
# and Lua modules of docs/.
use strict;
use warnings;
use Cwd qw(getcwd);
use lib 'tests/lib';
use Daemon;
use Test::More;
use Wire;

my $top = getcwd;
my $dir = Daemon::scratch();
my $store = "$dir/store";
my $cc = $ENV{CC} // 'cc';
my @packets = map { Wire::handshake('Windows XP', to => '192.0.2.1', from => "198.51.100.$_", sport => 30000, seq => 7) } 1 .. 20;
push @packets, Wire::handshake('Windows 10', to => '2001:db8::1', from => '2001:db8:7::7', sport => 30000, seq => 7);
Wire::pcap("$dir/a.pcap", \@packets);
my ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '--store', $store, '-r', "$dir/a.pcap" ]);
is($status, 0, 'a store') or diag $err;
my ($count) = map { scalar(() = $_->[1] =~ /\n/g) } [ Daemon::cli('dump', '--store', $store, '--json') ];
$ENV{PKG_CONFIG_PATH} = "$top/build/lib/pkgconfig";

sub sh { my ($s, $out, $e) = Daemon::run([ 'sh', '-c', $_[0] ]); return ($s, $out, $e) }

# ---- C -----------------------------------------------------------------------------------------------------------------

sub example_says {
    my ($program, $how) = @_;
    my (undef, $out, $e) = Daemon::run([ $program, '-s', $store, '198.51.100.7', '2001:db8:7::99', '203.0.113.1', 'nonsense' ]);
    like($out, qr/^198\.51\.100\.7: Windows XP or 2003, seen 0 s ago, 1 connections$/m, "$how: a host") or diag $out, $e;
    like($out, qr/^2001:db8:7::99: Windows .*\(of its neighbour 2001:db8:7::7\)$/m, "$how: an unknown IPv6 address from its /64");
    like($out, qr/^203\.0\.113\.1: unknown \(/m, "$how: an unknown one");
    like($out, qr/^nonsense: no address$/m, "$how: no address");
    like($out, qr/^$count hosts$/m, "$how: all hosts in turn");
    return;
}

($status, undef, $err) = sh("$cc -Wall -Wextra -Werror -std=c99 -pedantic docs/example.c \$(pkg-config --cflags --libs fingerpost) -o $dir/shared");
is($status, 0, 'the example compiles with what pkg-config says, as C99') or diag $err;
$ENV{LD_LIBRARY_PATH} = 'build/lib';
example_says("$dir/shared", 'shared');
($status, undef, $err) = sh("$cc docs/example.c \$(pkg-config --cflags fingerpost) build/lib/libfingerpost.a -o $dir/static");
is($status, 0, 'and links statically') or diag $err;
delete $ENV{LD_LIBRARY_PATH};
example_says("$dir/static", 'static');
($status, my $needs) = sh("ldd $dir/static");
unlike($needs, qr/lmdb|pcap|fingerpost/, 'which needs libc alone');
($status, undef, $err) = sh("printf '#include <fingerpost.h>\\nint main() { return fp_abi() == FP_ABI ? 0 : 1; }\\n' > $dir/a.cc && c++ -Wall -Wextra -Werror \$(pkg-config --cflags fingerpost) $dir/a.cc build/lib/libfingerpost.a -o $dir/cc");
is($status, 0, 'C++ takes the header, and links') or diag $err;

# ---- ABI ---------------------------------------------------------------------------------------------------------------

my (undef, $soname) = sh('objdump -p build/lib/libfingerpost.so');
my ($n) = $soname =~ /SONAME\s+libfingerpost\.so\.(\d+)/;
my ($abi) = Daemon::slurp('build/include/fingerpost.h') =~ /^#define FP_ABI (\d+)$/m;
is($n, $abi, 'the number of the shared library is the header\'s FP_ABI');
my (undef, $symbols) = sh('nm -D --defined-only build/lib/libfingerpost.so');
is(scalar(grep { / T / && !/\@\@FINGERPOST_1$/ } split /\n/, $symbols), 0, 'every call has its version');
is((sh('pkg-config --modversion fingerpost'))[1], (Daemon::cli('--version'))[1] =~ s/.* //r, 'pkg-config knows the version');

# ---- Python, Lua -------------------------------------------------------------------------------------------------------

my %module = (
    'Python' => [ 'python3', '-c', q{
import sys
sys.path.insert(0, "docs")
import fingerpost
s = fingerpost.Store(sys.argv[1])
h = s.lookup("198.51.100.7")
print(h.address, h.klass, h.name, h.flavor, h.connections, h.handshakes, h.confirmed, h.age_s, h.distance, h.layout, h.link, h.near_bits, h.mss)
print(s.lookup("203.0.113.1"), s.lookup("2001:db8:7::99"))
n = s.lookup("2001:db8:7::99", near=True)
print(n.address, n.near_bits)
print(sum(1 for h in s))
try: s.lookup("nonsense")
except ValueError as e: print("ValueError")
} ],
    'Lua' => [ 'luajit', '-e', q{
package.path = "docs/?.lua;" .. package.path
local s = require("fingerpost").open(arg[1])
local h = s:lookup("198.51.100.7")
print(table.concat({ h.address, h.klass, h.name, h.flavor, h.connections, h.handshakes, h.confirmed and "True" or "False", h.age_s, h.distance, h.layout, h.link, h.near_bits, h.mss }, " "))
local c = h:candidates()
assert(#c > 0 and c[1].name == "Windows" and c[1].p > 0 and c[1].p <= 1, "candidates")
assert(h:words() == "Windows XP or 2003, (distance 0, link: ethernet/modem)", h:words())
local function none(x) return x == nil and "None" or "?" end
print(none(s:lookup("203.0.113.1")) .. " " .. none(s:lookup("2001:db8:7::99")))
local n = s:lookup("2001:db8:7::99", true)
print(n.address .. " " .. n.near_bits)
local count = 0
for h in s:hosts() do count = count + 1 end
print(count)
print(pcall(s.lookup, s, "nonsense") and "?" or "ValueError")
} ],
);
for my $language (sort keys %module) {
    local $ENV{FINGERPOST_LIBRARY} = "$top/build/lib/libfingerpost.so";
    my @argv = @{ $module{$language} };
    @argv = ($argv[0], do { my $f = "$dir/t.lua"; open my $h, '>', $f or die; print $h $argv[2]; close $h; $f }) if $language eq 'Lua';
    (my $s, my $out, $err) = Daemon::run([ @argv, $store ]);
    is($s, 0, "$language: the module runs") or diag $err;
    is($out, "198.51.100.7 win Windows XP or 2003 1 1 True 0 0 mss,nop,nop,sok Ethernet or modem 0 1460\nNone None\n2001:db8:7::7 64\n$count\nValueError\n",
        "$language: says what the store says");
}
done_testing;
