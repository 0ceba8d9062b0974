#!/usr/bin/perl
# More than can be taken: what is lost is lost at the edge and counted to the last packet, in each queue; what was taken is all in the store, and
# when it is over, packets are seen as before. And of little: no thread keeps a CPU busy to wait for it.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use List::Util qw(sum0);
use Net;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $net = Net->new(queues => 2);
my $n   = 20_000;    # of 160 bytes in the ring each: three times what two rings of a mebibyte hold

sub address { my $i = shift; return sprintf '10.%d.%d.%d', $i >> 16, $i >> 8 & 255, $i & 255 }
my @flood = map { Wire::syn('Linux', from => address($_), to => '192.0.2.1', sport => 1024 + $_ % 60000, seq => $_) } 1 .. $n;

for my $queues (1, 2) {
    my $d = Daemon->start(prefix => [ $net->inside('mx') ], options => [ '-i', 'mx0', '--http', 'off', '--queues', $queues,
        '--set', 'capture.buffer=1M', 'tcp port 25' ]);
    my ($packets) = $d->children;
    kill STOP => $packets;
    $net->send_packets(\@flood);
    kill CONT => $packets;
    $net->send_packets([ Wire::syn('Windows 10', from => '192.0.2.77', to => '192.0.2.1') ]);
    ok($d->wait_for(sub { $d->lookup('192.0.2.77') }, 20), "queues $queues: when it is over, a SYN is seen as before") or diag $d->log;
    is(($d->stop)[0], 0, "queues $queues: stops in order");
    my $s = $d->stats;
    is($s->{kernel_seen}, $n + 1, "queues $queues: every packet that was sent is accounted for");
    cmp_ok($s->{kernel_dropped}, '>', 0, "queues $queues: some were lost");
    cmp_ok($s->{kernel_dropped}, '<', $n, "queues $queues: not all");
    is($s->{frames}, $n + 1 - $s->{kernel_dropped}, "queues $queues: kernel_seen = kernel_dropped + frames");
    my $undecodable = sum0 map { $s->{$_} } grep { /\Aundecodable/ } keys %$s;
    is($s->{frames}, $s->{filtered} + $undecodable + $s->{ignored} + $s->{observed}, "queues $queues: frames");
    is($s->{observed}, $s->{ring_dropped} + $s->{matched}, "queues $queues: observed");
    is($s->{syn}, $s->{applied}, "queues $queues: what was taken was judged");
    is($s->{hosts}, $s->{applied}, "queues $queues: and is in the store");
}

# ---- Little -------------------------------------------------------------------------------------------------

my $d = Daemon->start(prefix => [ $net->inside('mx') ], options => [ '-i', 'mx0', '--http', 'off', '--queues', 2, '--matchers', 2, 'tcp port 25' ]);
my ($packets) = $d->children;
sleep 0.5;    # what a start costs is behind it
my ($cpu, $before) = (Daemon::cpu_s($packets), $d->stats->{syn} // 0);
$net->send_packets([ @flood[ 0 .. 99 ] ], 0.02);
cmp_ok(Daemon::cpu_s($packets) - $cpu, '<', 0.5, 'of two seconds with fifty SYNs each, threads that wait take a fraction')
    or diag 'CPU: ' . (Daemon::cpu_s($packets) - $cpu);
note sprintf 'CPU: %.2f s of 2', Daemon::cpu_s($packets) - $cpu;
ok($d->wait_for(sub { ($d->stats->{syn} // 0) - $before == 100 }, 10), 'and none is missed');
is(($d->stop)[0], 0, 'stops in order');

done_testing;
