#!/usr/bin/perl
# p0f's -m and -t: what is taken, what is refused, and what an age of flows does.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Test::More;
use Wire;

my $dir = Daemon::scratch();

# A handshake that takes 60 s, a hundred other segments between its SYN and its end: ages are looked at in passing.
my ($syn, $synack, $ack) = Wire::handshake('Linux', from => '192.0.2.1', to => '198.51.100.1', seq => 7);
my @others = map { Wire::syn('FreeBSD', from => "192.0.2.$_", to => '198.51.100.1', seq => $_) } 2 .. 101;
my $t = 1_700_000_000;
my $file = Wire::pcap("$dir/slow.pcap", [ [ $t, $syn ], [ $t, $synack ], (map { [ $t + 60, $_ ] } @others), [ $t + 60, $ack ] ]);

my @rows = (
    # why, options, exit, handshakes or what is said
    [ 'no age: the flow is held while there is room', [], 0, 1 ],
    [ 'a flow may take longer',       [ '-t', '120,60' ], 0, 1 ],
    [ 'a flow that took too long',    [ '-t', '30,60' ],  0, 0 ],
    [ 'the same as a setting',        [ '--set', 'flows.keep=30s' ], 0, 0 ],
    [ 'one number',                   [ '-t', '30' ],     2, qr/-t 30: expected SECONDS,MINUTES/ ],
    [ 'minutes with a unit',          [ '-t', '30,2h' ],  2, qr/-t: hosts\.keep: "2hm" is wrong/ ],
    [ 'no number',                    [ '-t', 'x,1' ],    2, qr/-t: flows\.keep: "x" is wrong/ ],
    [ 'no age at all',                [ '-t', '0,1' ],    0, 1 ],
    [ 'not a minute',                 [ '-t', '30,0' ],   2, qr/-t: hosts\.keep: "0m" is wrong/ ],
    [ 'room for as many flows as come', [ '-m', '200,200' ], 0, 1 ],
    [ 'room for few: the oldest gave way', [ '-m', '16,200' ], 0, 0 ],
    [ 'one number',                   [ '-m', '1000' ],   2, qr/-m 1000: expected FLOWS,HOSTS/ ],
    [ 'too few hosts',                [ '-m', '1000,1' ], 2, qr/-m: hosts\.max: "1" is wrong/ ],
);
for my $n (0 .. $#rows) {
    my ($why, $options, $exit, $want) = @{ $rows[$n] };
    my $store = "$dir/store$n";
    my ($status, undef, $err) = Daemon::run([ 'build/bin/fingerpostd', '-r', $file, '--store', $store, '--matchers', 0, @$options ]);
    is($status, $exit, "$why: exit") or diag $err;
    if ($exit) {
        like($err, $want, "$why: what is said");
        next;
    }
    my (undef, $out) = Daemon::cli('lookup', '--json', '--store', $store, '192.0.2.1');
    like($out, qr/"handshakes":$want,/, "$why: handshakes");
}

done_testing;
