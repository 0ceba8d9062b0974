#!/usr/bin/perl
# libfingerpost-classify as others meet it: installed, found by pkg-config, linked shared and static, from C and C++; the example
# server names its clients, the kernel's own TCP on loopback, by the SYN that the kernel kept for it.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use IO::Socket::IP;
use Test::More;
use Time::HiRes qw(sleep time);

my $dir = Daemon::scratch();
my $root = "$dir/root";

my ($status, $out, $err) = Daemon::run([ 'make', '--no-print-directory', 'install', "DESTDIR=$root", 'prefix=/usr' ], limit => 300);
is($status, 0, 'make install') or diag $err;

# What pkg-config says, of where it was installed to.
$ENV{PKG_CONFIG_PATH} = "$root/usr/lib/pkgconfig";
sub pkg_config { return split ' ', qx(pkg-config --define-variable=prefix=$root/usr --define-variable=libdir=$root/usr/lib @_ fingerpost-classify) }

my @cc = split ' ', $ENV{CC} // 'gcc';
my @warn = qw(-std=c11 -Wall -Wextra -Werror -D_GNU_SOURCE);
my @flags = pkg_config('--cflags');
($status, undef, $err) = Daemon::run([ @cc, @warn, 'docs/examples/save_syn.c', @flags, pkg_config('--libs'), '-o', "$dir/shared" ]);
is($status, 0, 'the example compiles against the shared library') or diag $err;
($status, undef, $err) = Daemon::run([ @cc, @warn, 'docs/examples/save_syn.c', @flags, "$root/usr/lib/libfingerpost-classify.a", '-o', "$dir/static" ]);
is($status, 0, 'and against the archive, with no further library') or diag $err;
open my $f, '>', "$dir/both.c" or die;
print $f "#include <fingerpost.h>\n#include <fingerpost-classify.h>\n",
    "int main(void) { struct fp_store *s; struct fp_signatures *g; fp_signatures_parse(&g, \"x\", \"\", 0, 0); fp_signatures_free(&g); return fp_open(&s, \"/nonexistent\") == FP_ENOSTORE ? 0 : 0; }\n";
close $f;
($status, undef, $err) = Daemon::run([ @cc, @warn, "$dir/both.c", @flags, "$root/usr/lib/libfingerpost-classify.a", "$root/usr/lib/libfingerpost.a", '-o', "$dir/both" ]);
is($status, 0, 'one program may have both headers and both archives') or diag $err;
is((Daemon::run([ "$dir/both" ]))[0], 0, 'and runs');
open $f, '>', "$dir/plus.c" or die;
print $f "#include <fingerpost.h>\n#include <fingerpost-classify.h>\n",
    "int main() { fp_verdict v; return fp_classify(0, 0, 9999, \"\", 0, 0, &v) == 0; }\n";
close $f;
($status, undef, $err) = Daemon::run([ 'g++', '-x', 'c++', '-Wall', "$dir/plus.c", '-x', 'none', @flags, pkg_config('--libs'), '-o', "$dir/plus" ]);
is($status, 0, 'C++ takes the headers') or diag $err;

# ---- The example serves ---------------------------------------------------------------------------------

my $signatures = join '', pkg_config('--variable=signatures');
ok(-s $signatures, "pkg-config names the installed database: $signatures");

sub serve {
    my ($program, @files) = @_;
    my $probe = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1);
    my $port = $probe->sockport;
    close $probe;
    my $log = "$program.$port.log";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $ENV{LD_LIBRARY_PATH} = "$root/usr/lib";
        open STDOUT, '>', $log or die;
        open STDERR, '>&', \*STDOUT or die;
        exec $program, $port, @files or die;
    }
    my $end = time + 10;
    sleep 0.01 until Daemon::slurp($log) =~ /^listening/ || time > $end;
    return ($pid, $port, $log);
}

# Stops what serve() started, and has it gone.
sub end { my ($pid) = @_; kill TERM => $pid; waitpid $pid, 0; return }

for my $how ('shared', 'static') {
    my ($pid, $port, $log) = serve("$dir/$how", $signatures);
    for (['127.0.0.1', 4], ['::1', 6]) {
        my ($host, $version) = @$_;
        my $s = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Timeout => 5);
        ok($s, "$how, $host: connects") or next;
        my $line = <$s> // '';
        like($line, qr/\A\Q$host\E\tLinux\b[^\t]*\t0 hops\t[^\t]+\t$version:64\+0:0:\d+:\S+\n\z/, "$how, $host: named by its SYN");
        like(Daemon::slurp($log), qr/^\Q$line\E/m, "$how, $host: and logged");
    }
    end($pid);
}

# The same kernel, another answer: what the file says is what counts.
open $f, '>', "$dir/own.fp" or die;
print $f "classes = unix\n[tcp:request]\nlabel = g:unix:Penguin:of ours\nsig = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0\n";
close $f;
my ($pid, $port) = serve("$dir/shared", "$dir/own.fp");
my $s = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port, Timeout => 5) or die "connect: $@\n";
like(scalar <$s> // '', qr/\tPenguin of ours\t/, 'signatures of one\'s own');
end($pid);

# What cannot be loaded.
open $f, '>', "$dir/bad.fp" or die;
print $f "classes = unix\n[tcp:request]\nlabel = s:unix:X:\nsig = 4:64:0\n";
close $f;
($status, undef, $err) = Daemon::run([ 'env', "LD_LIBRARY_PATH=$root/usr/lib", "$dir/shared", 1, "$dir/bad.fp" ]);
is($status, 2, 'a wrong signature file is refused');
like($err, qr{\A\Q$dir\E/bad\.fp:4: .*expected}, 'with file, line and what was expected');
done_testing;
