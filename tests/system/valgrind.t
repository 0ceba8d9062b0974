#!/usr/bin/perl
# The whole daemon and the command line under valgrind: no invalid access, nothing uninitialised, nothing leaked.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Test::More;
use Wire;

plan skip_all => 'no valgrind' unless grep { -x "$_/valgrind" } '/usr/bin', '/usr/local/bin';

my $dir = Daemon::scratch();
my $n = 1;
Wire::pcap("$dir/a.pcap", [ map { my $s = $_; map { Wire::handshake($s, from => '192.0.2.' . ++$n, to => '192.0.2.1', sport => 1024 + $n) } 1 .. 5 } sort keys %Wire::SYSTEM ]);
my @valgrind = ('valgrind', '-q', '--vgdb=no', '--error-exitcode=99', '--leak-check=full', '--errors-for-leak-kinds=definite,possible',
    '--trace-children=yes', '--child-silent-after-fork=no');

for (
    [ 'the daemon', "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/store", '--matchers', 2, '--set', 'confine=no' ],
    [ 'the daemon again, on its own store', "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/store", '--matchers', 0, '--set', 'confine=no' ],
    [ 'classify', "$Daemon::BIN/fingerpost", 'classify', '-r', "$dir/a.pcap" ],
    [ 'classify as JSON', "$Daemon::BIN/fingerpost", 'classify', '--format', 'json', '-r', "$dir/a.pcap" ],
    [ 'lookup', "$Daemon::BIN/fingerpost", 'lookup', '--store', "$dir/store", '192.0.2.2', '192.0.2.3' ],
    [ 'dump', "$Daemon::BIN/fingerpost", 'dump', '--json', '--store', "$dir/store" ],
    [ 'stats', "$Daemon::BIN/fingerpost", 'stats', '--store', "$dir/store" ],
) {
    my ($why, @argv) = @$_;
    my ($status, $out, $err) = Daemon::run([ @valgrind, @argv ], limit => 120);
    is($status, 0, "$why: silent") or diag $err;
    unlike($err, qr/^==\d+==/m, "$why: says nothing");
}
done_testing;
