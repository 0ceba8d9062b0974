#!/usr/bin/perl
# Several queues on one interface. By hash both directions of a connection come to one queue: shown by queues that match for themselves and so see
# a handshake only where all of it is theirs. By cpu and qm nothing is lost either. The equations hold in each queue.
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

my $net  = Net->new(queues => 2);
my $each = 40;
my $server = $net->smtp_server(25);

# Connections of the kernel's TCP, one after the other, over IPv4 and IPv6; each closed when the server has greeted.
sub connections {
    my ($n) = @_;
    return system $net->inside('out'), $^X, '-MIO::Socket::IP', '-e', q{
        my $n = shift;
        for (1 .. 100) { last if IO::Socket::IP->new(PeerHost => '192.0.2.1', PeerPort => 25, LocalHost => '192.0.2.2', Timeout => 2); select undef, undef, undef, 0.05 }
        for my $i (1 .. $n) {
            for (['192.0.2.1', '192.0.2.2'], ['2001:db8::1', '2001:db8::2']) {
                my $s = IO::Socket::IP->new(PeerHost => $_->[0], PeerPort => 25, LocalHost => $_->[1], Timeout => 5) or die "connect: $@";
                my $line = <$s> // die 'no greeting';
            }
        }
    }, $n;
}

# Counters of each queue.
sub queues {
    my ($d) = @_;
    my (undef, $out) = Daemon::cli('stats', '--store', $d->store);
    my (@queue, $in);
    for (split /\n/, $out) {
        if (/^(\w+) (\d+)$/ && $1 eq 'queue') { push @queue, $in = {} }
        elsif (/^(?:matcher|writer|services) \d+$/) { undef $in }
        elsif ($in && /^(\S+) (\d+)$/) { $in->{$1} = $2 }
    }
    return @queue;
}

sub equations {
    my ($why, @queue) = @_;
    for my $q (0 .. $#queue) {
        my $n = $queue[$q];
        Daemon::frames_add_up($n, "$why, queue $q");
        is($n->{observed}, $n->{ring_dropped} + $n->{matched}, "$why, queue $q: observed");
    }
}

is(connections(0), 0, 'the server is up');
for my $mode (qw(hash cpu qm)) {
    for my $matchers ($mode eq 'hash' ? (0, 1) : (1)) {
        my $why = "$mode, matchers $matchers";
        my $d = Daemon->start(prefix => [ $net->inside('mx') ],
            options => [ '-i', 'mx0', '--queues', 2, '--set', "fanout=$mode", '--matchers', $matchers, '--http', 'off', 'tcp port 25' ]);
        my $before = $d->stats->{handshakes} // 0;
        is(connections($each), 0, "$why: connections");
        $d->wait_for(sub { my $n = $d->stats; ($n->{syn} // 0) >= 2 * $each + 1 && $n->{kernel_seen} == $n->{frames} + $n->{kernel_dropped} }, 10);
        sleep 1.3;
        is(($d->stop)[0], 0, "$why: stops in order");
        my $n = $d->stats;
        my @queue = queues($d);
        # One more, by which the server was found to be up.
        is($n->{syn}, 2 * $each + 1, "$why: every SYN was judged") or diag $d->log;
        is($n->{handshakes}, 2 * $each + 1, "$why: every handshake was seen whole, by one queue") if $mode eq 'hash';
        is(scalar @queue, 2, "$why: two queues") or next;
        cmp_ok($_->{observed}, '>', 0, "$why: each has its share") for $mode eq 'hash' ? @queue : ();
        is(sum0(map { $_->{kernel_dropped} + $_->{ring_dropped} } @queue), 0, "$why: nothing was lost");
        equations($why, @queue);
    }
}

kill TERM => $server;
waitpid $server, 0;
done_testing;
