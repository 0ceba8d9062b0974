#!/usr/bin/perl
# An interface that goes down, or away and comes back, under a daemon that has given up all rights: said once, counted, survived.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Net;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $net  = Net->new;
my $port = 30000;

sub sends { # sends ADDRESS: a SYN from there; again until it is known or ten seconds have passed, for a wire may be up and not yet carry
    my ($d, $from) = @_;
    my $end = time + 10;
    until ($d->lookup($from)) {
        return 0 if time > $end;
        eval { $net->send_packets([ Wire::syn('Linux', to => '192.0.2.1', from => $from, sport => $port++) ]) };
        sleep 0.1;
    }
    return 1;
}

my $d = Daemon->start(prefix => [ $net->inside('mx') ], options => [ '-i', 'mx0', '--http', 'off' ]);
ok(sends($d, '192.0.2.11'), 'before: a SYN is seen') or diag $d->log;

$net->ip("-n $net->{mx} link set mx0 down");
ok($d->wait_for(sub { $d->log =~ /interface mx0 is down/ }, 5), 'down: it says so') or diag $d->log;
sleep 0.5;
$net->ip("-n $net->{mx} link set mx0 up");
ok(sends($d, '192.0.2.12'), 'up again: a SYN is seen') or diag $d->log;
ok($d->wait_for(sub { $d->log =~ /interface mx0 is up again/ }, 5), 'and it says so');

$net->ip("-n $net->{mx} link del mx0");
ok($d->wait_for(sub { $d->log =~ /interface mx0 is gone/ }, 5), 'gone: it says so') or diag $d->log;
sleep 0.7;
ok(!$d->ended, 'and goes on');
$net->ip("-n $net->{mx} link add mx0 type veth peer name out0 netns $net->{out}");
$net->ip("-n $net->{out} link set out0 up");
$net->ip("-n $net->{mx} link set mx0 up");
($net->{mx_mac}) = `ip -n $net->{mx} link show mx0` =~ m{link/ether (\S+)};
ok(sends($d, '192.0.2.13'), 'back: a SYN is seen') or diag $d->log;
is(scalar(() = $d->log =~ /mx0 is gone/g), 1, 'gone was said once');
# One that goes away is down before, and may be found so.
cmp_ok(scalar(() = $d->log =~ /mx0 is down/g), '<=', 2, 'down too');

sleep 1.2;
my $n = $d->stats;
is($n->{outages}, 2, 'and counted');
is($n->{kernel_seen}, $n->{kernel_dropped} + $n->{frames}, 'the equations hold');

# One of another kind under the name is not taken for it.
$net->ip("-n $net->{mx} link del mx0");
$d->wait_for(sub { (() = $d->log =~ /mx0 is gone/g) == 2 }, 5);
$net->ip("-n $net->{mx} tuntap add mx0 mode tun");
ok($d->wait_for(sub { $d->ended }, 5), 'another kind of interface under that name: it ends');
is($d->{status}, 1, 'with exit 1') or diag $d->log;
like($d->log, qr/another kind/, 'and says why');

done_testing;
