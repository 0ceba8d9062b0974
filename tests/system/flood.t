#!/usr/bin/perl
# A flood of forged SYNs on a wire that shows handshakes: it costs the store nothing, displaces no confirmed host, and real
# clients get through and are known while it lasts.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Net;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $flood = 'build/plain/tests/flood';
my $net   = Net->new;
my @from  = map { "192.0.2.$_" } 11 .. 40;
$net->address(@from);
my $server = $net->smtp_server(25);
# Forged sources need no route back, and the server's own answers to them would only cost time.
system $net->inside('mx'), qw(ip route add blackhole 4.0.0.0/6);

my $d = Daemon->start(prefix => [ $net->inside('mx') ], options => [
    '-i', 'mx0', '--http', 'off', '--set', 'hosts.max=100k', '--set', 'probation.rate=500', '--set', 'capture.buffer=64M' ]);
like($d->log, qr/ready/, 'the daemon is ready') or diag $d->log;

# ---- Before it: SYNs that come slowly are stored at once; a handshake makes the wire one that shows them -----------

$net->send_packets([ map { Wire::syn('Windows XP', to => '192.0.2.1', from => "198.51.100.$_", sport => 30000, seq => 7) } 1 .. 20 ], 0.001);
ok($d->wait_for(sub { $d->lookup('198.51.100.20') }, 5), 'a handful of SYNs without handshake is stored');
$net->smtp_client($_, '192.0.2.1', 25) for @from[ 0 .. 9 ];
ok($d->wait_for(sub { 10 == grep { ($d->lookup($_) // {})->{confirmed} } @from[ 0 .. 9 ] }, 5), 'ten clients with handshakes are confirmed');
my $file = $d->store . '/data.mdb';
sleep 1.2;
my $before = $d->stats;

# ---- The flood: 240 000 sources, forty thousand a second -----------------------------------------------------------

my $count = 240_000;
my $pid = fork // die "fork: $!\n";
if (!$pid) { open STDOUT, '>', '/dev/null'; exec $net->inside('out'), $flood, 'out0', $net->{mx_mac}, $count, 40_000 or die }
sleep 1.5;
my @late = @from[ 10 .. 14 ];
my $through = grep { $net->smtp_client($_, '192.0.2.1', 25) } @late;
is($through, scalar @late, 'real clients get through to the server meanwhile');
ok($d->wait_for(sub { @late == grep { ($d->lookup($_) // {})->{confirmed} } @late }, 5), 'and are known, confirmed, while it lasts');
waitpid $pid, 0;
is($?, 0, 'the flood was sent');
$d->wait_for(sub { my $n = $d->stats; $n->{kernel_seen} - $before->{kernel_seen} >= $count }, 20);
sleep 1.3;
my $n = $d->stats;
my $seen = $n->{syn} - $before->{syn};
note "SYNs judged: $seen; withheld: $n->{withheld}; hosts in the store: $before->{hosts}, then $n->{hosts}; tracked: $n->{tracked}; "
    . "lost: $n->{kernel_dropped} in the kernel, $n->{ring_dropped} in rings";
cmp_ok($seen, '>', 60_000, 'the daemon has judged a good part of it');
is($n->{confirmed_evicted}, 0, 'no confirmed host was displaced');
cmp_ok($n->{tracked}, '<=', 25_000 + $n->{tracked_confirmed} + 4, 'forged ones have a fourth of the table and no more');
cmp_ok($n->{hosts} - $before->{hosts}, '<=', 1100, 'the store has what two seconds at probation.rate bring, and no more');
cmp_ok($n->{withheld}, '>=', $seen - 1200, 'the rest is counted as withheld');
is($n->{changed}, $n->{coalesced} + $n->{written} + $n->{store_failed}, 'and the equation of changes holds');
is($n->{observed}, $n->{ring_dropped} + $n->{matched}, 'and that of observations');
is(scalar(grep { ($d->lookup($_) // {})->{confirmed} } @from[ 0 .. 14 ]), 15, 'all confirmed hosts are in the store');

# ---- After it ---------------------------------------------------------------------------------------------------------

sleep 2.1;
$net->send_packets([ Wire::syn('Windows XP', to => '192.0.2.1', from => '198.51.100.99', sport => 30000, seq => 7) ]);
ok($d->wait_for(sub { $d->lookup('198.51.100.99') }, 5), 'two seconds later a single SYN is stored again');
is(($d->stop)[0], 0, 'it ends in order');

# ---- A file with as many forged sources, judged as a wire would be ---------------------------------------------------

my $dir = Daemon::scratch();
my @packets = map { Wire::handshake('Linux', to => '192.0.2.1', from => "203.0.113.$_", sport => 30000, seq => 7) } 1 .. 50;
my $at = 1_700_000_000;
my $pcap = Wire::pcap("$dir/handshakes.pcap", \@packets);
my ($status, undef, $err) = Daemon::run([ 'build/plain/bench/gen', '-n', 300_000, '-m', 300_000, '-t', 10_000, '-o', "$dir/syn.pcap" ]);
SKIP: {
    skip 'bench/gen was not built', 5 if $status ne '0';
    my @set = ('--store', "$dir/store", '-r', $pcap, '-r', "$dir/syn.pcap", '--set', 'hosts.max=100k');
    ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", @set, '--set', 'handshake=require', '--set', 'probation.rate=500' ]);
    is($status, 0, 'handshake = require, from files') or diag $err;
    my (undef, $out) = Daemon::cli('dump', '--store', "$dir/store", '--json');
    my @lines = split /\n/, $out;
    is(scalar(grep { /"confirmed":true/ } @lines), 50, 'every host with a handshake is there');
    cmp_ok(scalar @lines, '<=', 1500, 'and of 300 000 without one but those that came before the rate was seen');
    system 'rm', '-r', "$dir/store";
    ($status) = Daemon::run([ "$Daemon::BIN/fingerpostd", @set ]);
    is($status, 0, 'the same without a word: files are judged whole');
    (undef, $out) = Daemon::cli('dump', '--store', "$dir/store", '--json');
    is(scalar(() = $out =~ /\n/g), 100_000, 'up to hosts.max');
}

kill TERM => $server;
waitpid $server, 0;
done_testing;
