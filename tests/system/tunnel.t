#!/usr/bin/perl
# Packets in tunnels: nobody looks inside unless asked; then FILTER speaks of what they carry, in classify, in the daemon over
# files, and on a wire, where the kernel has to let them pass. The counters add up.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use IO::Socket::UNIX;
use Net;
use Socket qw(inet_pton AF_INET);
use Test::More;
use Wire;

my $dir = Daemon::scratch();
my $to  = '192.0.2.1';

sub ipv4 { my ($protocol, $payload) = @_; my $h = pack 'CCnnnCCna4a4', 0x45, 0, 20 + length $payload, 1, 0, 64, $protocol, 0, map { inet_pton(AF_INET, $_) } '192.0.2.2', $to; substr($h, 10, 2) = pack 'n', Wire::checksum($h); return $h . $payload }
sub ether { my $ip = shift; return "\2\0\0\0\0\2\2\0\0\0\0\1" . pack('n', ord($ip) >> 4 == 6 ? 0x86dd : 0x0800) . $ip }
sub udp    { my ($port, $payload) = @_; return pack('nnnn', 50000, $port, 8 + length $payload, 0) . $payload }
sub vxlan  { return ipv4(17, udp(4789, pack('NN', 0x08000000, 0x4200) . ether(shift))) }
sub geneve { return ipv4(17, udp(6081, pack('CCnN', 1, 0, 0x0800, 0x4200) . pack('N', 0) . shift)) }
sub gre    { return ipv4(47, pack('nnN', 0x2000, 0x0800, 7) . shift) }
sub ipip   { return ipv4(4, shift) }

my @mail = ([ vxlan => \&vxlan, '198.51.100.1' ], [ geneve => \&geneve, '198.51.100.2' ], [ gre => \&gre, '198.51.100.3' ], [ ipip => \&ipip, '198.51.100.4' ]);
my @packets = map { $_->[1]->(Wire::syn('Windows 10', from => $_->[2], to => $to, hops => 3)) } @mail;
push @packets, vxlan(Wire::syn('Linux', from => '198.51.100.9', to => $to, dport => 80));     # not mail
push @packets, Wire::syn('OpenBSD', from => '198.51.100.20', to => $to);                       # no tunnel
push @packets, Wire::syn('OpenBSD', from => '198.51.100.21', to => $to, dport => 80);
push @packets, ipv4(17, udp(53, 'x' x 40));                                                    # no tunnel either
Wire::pcap("$dir/t.pcap", \@packets);
my $mail = 'tcp port 25';

sub sources {
    my ($status, $out) = Daemon::cli('classify', '--format', 'tsv', '-r', "$dir/t.pcap", @_);
    my (undef, @rows) = split /\n/, $out;
    return join ' ', map { /^\S+\t198\.51\.100\.(\d+)\t/ ? $1 : '?' } @rows;
}
is(sources(), '20 21', 'classify: nobody looks into tunnels');
is(sources($mail), '20', 'and FILTER speaks of frames');
is(sources('--decapsulate'), '1 2 3 4 9 20 21', '--decapsulate: every kind');
is(sources('--decapsulate', $mail), '1 2 3 4 20', 'and FILTER speaks of what they carry');
is(sources('--decapsulate', 'src host 198.51.100.9 or src host 198.51.100.21'), '9 21', 'addresses too');
is(sources('--decapsulate', 'udp'), '', 'a FILTER that wants no TCP');

sub known { my ($d, $n) = @_; return $d->lookup("198.51.100.$n") ? 1 : 0 }
for ([ 'no', '20', 7 ], [ 'yes', '1 2 3 4 20', 3 ]) {
    my ($setting, $want, $filtered) = @$_;
    my ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/t.pcap", '--store', "$dir/$setting", '--set', "decapsulate=$setting", $mail ]);
    is($status, 0, "fingerpostd -r, decapsulate = $setting") or diag $err;
    my $d = bless { store => "$dir/$setting", status => 0 }, 'Daemon';
    is(join(' ', grep { known($d, $_) } 1 .. 4, 9, 20, 21), $want, 'its hosts');
    is($d->stats->{filtered}, $filtered, 'what FILTER rejects is counted');
    Daemon::frames_add_up($d->stats, "decapsulate = $setting");
}

# A sensor's stream, of which nothing is known when it is taken on.
{
    my $d = Daemon->start(dir => $dir, store => "$dir/stream", options => [ '--listen', "$dir/sensor", '--http', 'off', '--set', 'decapsulate=yes', $mail ]);
    my $sensor = IO::Socket::UNIX->new(Peer => "$dir/sensor") or die "connect: $!";
    print $sensor Daemon::slurp("$dir/t.pcap");
    close $sensor;
    ok($d->wait_for(sub { $d->log =~ /its stream ended after 8 packets/ }, 5), 'a stream with packets in tunnels is read') or diag $d->log;
    $d->stop;
    is(join(' ', grep { known($d, $_) } 1 .. 4, 9, 20, 21), '1 2 3 4 20', 'FILTER speaks of what they carry there too');
}

SKIP: {
    if (my $why = Net::unable()) { skip $why, 1 }
    my $net = Net->new;
    my $d = Daemon->start(prefix => [ $net->inside('mx') ], options => [ '-i', 'mx0', '--http', 'off', '--set', 'decapsulate=yes', $mail ]);
    like($d->log, qr/ready: capturing on mx0/, 'on a wire') or diag $d->log;
    $net->send_packets(\@packets, 0.002);
    ok($d->wait_for(sub { known($d, 4) && known($d, 20) }, 5), 'packets in tunnels are seen');
    is(join(' ', grep { known($d, $_) } 1 .. 4, 9, 20, 21), '1 2 3 4 20', 'those that FILTER speaks of');
    is($d->lookup('198.51.100.1')->{os}{name}, 'Windows', 'and named');
    $d->wait_for(sub { my $n = $d->stats; $n->{kernel_seen} == $n->{kernel_dropped} + $n->{frames} && $n->{observed} >= 5 }, 5);
    Daemon::frames_add_up($d->stats, 'on a wire');
    $d->stop;
}
done_testing;
