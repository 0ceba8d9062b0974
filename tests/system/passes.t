#!/usr/bin/perl
# What the kernel passes to us on a wire, to the packet: of tagged frames, whose outermost tag the kernel takes away before any filter sees it, those
# that FILTER wants; of a conversation the handshake, and with handshake = ignore not even its ACK.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Net;
use Test::More;
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $net = Net->new;
my @tag = ('81000064', '88a800c8', '8100012c', '91000190');

sub daemon { return Daemon->start(prefix => [ $net->inside('mx') ], options => [ '-i', 'mx0', '--http', 'off', @_, 'tcp port 25' ]) }

# ---- Tags --------------------------------------------------------------------------------------------------

my $d = daemon();
my @frames = (    # why, address, port, tags
    [ 'no tag',             '198.51.100.1',  25 ],
    [ 'one tag',            '198.51.100.2',  25, $tag[0] ],
    [ 'one tag, IPv6',      '2001:db8:1::3', 25, $tag[0] ],
    [ 'two tags',           '198.51.100.4',  25, @tag[ 1, 2 ] ],
    [ 'two tags, IPv6',     '2001:db8:1::5', 25, @tag[ 1, 2 ] ],
    [ 'four tags',          '198.51.100.6',  25, @tag[ 1, 3, 2, 0 ] ],
    [ 'another port',       '198.51.100.7',  80 ],
    [ 'another port, tag',  '198.51.100.8',  80, $tag[0] ],
    [ 'another port, tags', '198.51.100.9',  80, @tag[ 1, 2 ] ],
);
sub syn { my ($from, $port) = @_; return Wire::syn('Windows 10', from => $from, to => $from =~ /:/ ? '2001:db8::1' : '192.0.2.1', dport => $port) }
$net->send_packets([ map { my (undef, $from, $port, @tags) = @$_; [ syn($from, $port), @tags ] } @frames ]);
my @wanted = grep { $_->[2] == 25 } @frames;
$d->wait_for(sub { @wanted == grep { $d->lookup($_->[1]) } @wanted }, 5);
is(($d->stop)[0], 0, 'stops in order');
for (@frames) {
    my ($why, $from, $port) = @$_;
    my $host = $d->lookup($from);
    if ($port == 25) { is($host && $host->{os}{name}, 'Windows', "$why: seen, and named") or diag $d->log }
    else { ok(!$host, "$why: not seen") }
}
is($d->stats->{kernel_seen}, scalar @wanted, 'what FILTER does not want stays in the kernel, tagged or not');

# ---- A conversation ------------------------------------------------------------------------------------------

my $server = $net->smtp_server(25);
for (
    [ 'auto',    1, sub { $_[0] > 4 } ],     # SYN, SYN+ACK, and ACKs without payload to port 25, the handshake's and later ones
    [ 'require', 1, sub { $_[0] > 4 } ],
    [ 'ignore',  0, sub { $_[0] == 4 } ],    # SYN and SYN+ACK, twice
) {
    my ($mode, $handshake, $passes) = @$_;
    $d = daemon('--set', "handshake=$mode");
    ok($net->smtp_client('192.0.2.2', '192.0.2.1', 25), "handshake = $mode: a conversation") for 1, 2;
    $d->wait_for(sub { ($d->lookup('192.0.2.2') // { connections => 0 })->{connections} >= 2 }, 5);
    is(($d->stop)[0], 0, "handshake = $mode: stops in order");
    my $n = $d->stats;
    ok($passes->($n->{kernel_seen}), "handshake = $mode: $n->{kernel_seen} packets of two conversations came through the filter");
    is($n->{handshakes}, 2 * $handshake, "handshake = $mode: handshakes seen");
    is($n->{kernel_seen}, $n->{frames} + $n->{kernel_dropped}, "handshake = $mode: kernel_seen");
}
kill TERM => $server;
waitpid $server, 0;
done_testing;
