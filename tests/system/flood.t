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

# ---- A million forged sources, from a file that is judged as a wire would be ---------------------------------------------------

my $dir = Daemon::scratch();
my $real = 3000;
my $forged = 1_000_000;
sub address { my $i = shift; return sprintf '10.9.%d.%d', $i >> 8, $i & 255 }    # none of the generator's
my $handshakes = Wire::pcap("$dir/handshakes.pcap",
    [ map { Wire::handshake('Linux', to => '192.0.2.1', from => address($_), sport => 30000, seq => 7) } 1 .. $real ]);
# And then a SYN of another system in the name of each: later than the flood, which begins in 2025.
my $spoofed = Wire::pcap("$dir/spoofed.pcap",
    [ map { Wire::syn('Windows XP', to => '192.0.2.1', from => address($_), sport => 30001, seq => 8) } 1 .. $real ], start => 1_770_000_000);
my ($status, undef, $err) = Daemon::run([ 'build/plain/bench/gen', '-n', $forged, '-m', $forged, '-t', 10_000, '-o', "$dir/syn.pcap" ]);
SKIP: {
    skip 'bench/gen was not built', 16 if $status ne '0';
    my @daemon = ("$Daemon::BIN/fingerpostd", '--store', "$dir/store", '-r', $handshakes);
    ($status, undef, $err) = Daemon::run(
        [ @daemon, '-r', "$dir/syn.pcap", '-r', $spoofed, '--set', 'handshake=require', '--set', 'probation.rate=500' ], limit => 120);
    is($status, 0, 'handshake = require, from files') or diag $err;
    my %n;
    for (split /\n/, (Daemon::cli('stats', '--store', "$dir/store"))[1]) { $n{$1} += $2 if /^(\w+) (\d+)$/ }
    note "SYNs judged: $n{syn}; withheld: $n{withheld}; tracked: $n{tracked}, of these confirmed: $n{tracked_confirmed}; evicted: $n{hosts_evicted}, "
        . "of these confirmed: $n{confirmed_evicted}; hosts in the store: $n{hosts}; tables: $n{table_bytes} bytes";
    is($n{syn}, $forged + 2 * $real, 'every SYN was judged');
    is($n{table_refused} + $n{ring_dropped}, 0, 'none was refused, none lost');
    is($n{confirmed_evicted}, 0, 'no confirmed host was displaced');
    is($n{tracked_confirmed}, $real, 'all of them are in the table still');
    cmp_ok($n{hosts_evicted}, '>=', $forged - 250_001, 'forged ones displaced each other');
    cmp_ok($n{tracked}, '<=', 250_000 + $real, 'in a fourth of the table');
    cmp_ok($n{withheld}, '>=', $forged - 1000, 'what they said was withheld');
    cmp_ok($n{hosts}, '<=', $real + 1001, 'the store has none but those that came before the rate was seen');
    is($n{changed}, $n{coalesced} + $n{written} + $n{store_failed}, 'the equation of changes holds');
    cmp_ok($n{table_bytes}, '<=', 128 * 1_000_000, 'all tables together take no more than 128 bytes a host of hosts.max');
    my @lines = split /\n/, (Daemon::cli('dump', '--store', "$dir/store", '--json'))[1];
    my @confirmed = grep { /"confirmed":true/ } @lines;
    is(scalar @confirmed, $real, 'every host with a handshake is there, confirmed');
    is(scalar(grep { /"name":"Linux"/ && /"handshakes":1,/ } @confirmed), $real, 'and is what it was: SYNs in its name changed nothing');
    is(scalar(grep { /"connections":2,/ } @confirmed), $real, 'though they are counted');
    system 'rm', '-r', "$dir/store";
    Daemon::run([ 'build/plain/bench/gen', '-n', 200_000, '-m', 200_000, '-t', 10_000, '-o', "$dir/syn.pcap" ]);
    ($status) = Daemon::run([ @daemon, '-r', "$dir/syn.pcap", '--set', 'hosts.max=100k' ]);
    is($status, 0, 'the same without a word: files are judged whole');
    is(scalar(() = (Daemon::cli('dump', '--store', "$dir/store", '--json'))[1] =~ /\n/g), 100_000, 'up to hosts.max');
}

kill TERM => $server;
waitpid $server, 0;
done_testing;
