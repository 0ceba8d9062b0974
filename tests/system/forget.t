#!/usr/bin/perl
# `fingerpost forget` and `compact`: through the daemon that has the store, by themselves where there is none, and what they say
# where neither can be.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use IO::Socket::UNIX;
use Net;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $net  = Net->new;
my @from = map { "192.0.2.$_" } 11 .. 30;
my $sport = 20000;
sub syns { return $net->send_packets([ map { Wire::syn('Windows XP', to => '192.0.2.1', from => $_, sport => $sport++, seq => 7) } @_ ], 0.0005) }
sub known { my $d = shift; return scalar grep { $d->lookup($_) } @_ }

for my $matchers (1, 0) {
    my $d = Daemon->start(prefix => [ $net->inside('mx') ], options => [ '-i', 'mx0', '--http', 'off', '--matchers', $matchers,
        '--set', 'log.addresses=' . ($matchers ? 'yes' : 'no') ]);
    like($d->log, qr/ready/, "matchers = $matchers: the daemon is ready") or diag $d->log;
    my @cli = ('--store', $d->store);
    syns(@from, @from, map { "198.51.100.$_" } 1 .. 9);
    ok($d->wait_for(sub { known($d, @from) == 20 && $d->lookup('198.51.100.9') }, 5), 'all clients are known');
    my $mode = (stat($d->store . '/control'))[2] & 07777;
    is($mode, 0600, 'control is for its owner');

    # Unsent counts in the matchers' tables must not bring a host back.
    my ($status, $out, $err) = Daemon::cli('forget', @cli, $from[3]);
    is($status, 0, 'forget an address') or diag $err;
    is($out, "$from[3]: 1 host forgotten\n", 'says how many');
    sleep 1.3;
    is($d->lookup($from[3]), undef, 'it is gone, and stays so');
    ($status, $out) = Daemon::cli('forget', @cli, '192.0.2.16/28');
    is($out, "192.0.2.16/28: 15 hosts forgotten\n", 'forget a block');
    if ($matchers) { like($d->log, qr{forget 192\.0\.2\.16/28: done, 15 hosts}, 'the log says which') }
    else           { like($d->log, qr/forget: done, 15 hosts/, 'log.addresses = no: how many'); unlike($d->log, qr/192\.0\.2\.\d/, 'and no address') }
    sleep 1.2;
    is(known($d, @from), 4, 'the others are there: of 192.0.2.11 to 30, those below 16 but one');
    syns($from[3]);
    ok($d->wait_for(sub { $d->lookup($from[3]) }, 5), 'who comes again is known again');
    is($d->lookup($from[3])->{connections}, 1, 'and begins anew: the tables had forgotten too');

    my $inode = (stat($d->store . '/data.mdb'))[1];
    ($status, $out, $err) = Daemon::cli('compact', @cli);
    is($status, 0, 'compact') or diag $err;
    like($out, qr/\Athe store has \d+ bytes now\n\z/, 'says how large the store is');
    isnt((stat($d->store . '/data.mdb'))[1], $inode, 'a new file is in place');
    ok(!-e $d->store . '/next', 'and nothing is left in next/');
    is($d->lookup('198.51.100.9')->{connections}, 1, 'with what was known');
    syns('198.51.100.77');
    ok($d->wait_for(sub { $d->lookup('198.51.100.77') }, 5), 'and the daemon goes on in it');

    ($status, undef, $err) = Daemon::cli('forget', @cli, 'nonsense');
    is($status, 2, 'no address: exit 2');
    ($status, undef, $err) = Daemon::cli('forget', @cli, '192.0.2.1/24');
    is($status, 2, 'host bits set: exit 2');

    # Somebody who talks nonsense to the socket, or nothing.
    my $s = IO::Socket::UNIX->new(Peer => $d->store . '/control', Timeout => 5);
    print $s "drop everything\n";
    like(scalar(<$s>), qr/\Aerror expected/, 'another line is refused');
    my $silent = IO::Socket::UNIX->new(Peer => $d->store . '/control');
    close $silent;
    is((Daemon::cli('forget', @cli, '203.0.113.1'))[0], 0, 'who connects and leaves hinders nobody');
    my @as = ('setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups');
    ($status, undef, $err) = Daemon::run([ @as, "$Daemon::BIN/fingerpost", 'forget', @cli, '203.0.113.1' ]);
    is($status, 2, 'another user may not');
    like($err, qr/owner and root|Permission denied|denied/, 'and is told so') or diag $err;

    is(($d->stop)[0], 0, 'the daemon ends in order');
    # ---- Without a daemon: the command is the writer
    ($status, $out, $err) = Daemon::cli('forget', @cli, '198.51.100.0/24');
    is($out, "198.51.100.0/24: 10 hosts forgotten\n", 'without a daemon the command does it') or diag $err;
    is($d->lookup('198.51.100.9'), undef, 'gone');
    ok($d->lookup($from[0]), 'others are read as before');
    ($status, $out, $err) = Daemon::cli('compact', @cli);
    is($status, 0, 'compact without a daemon') or diag $err;
    ok($d->lookup($from[0]), 'and all is there');
    like((Daemon::cli('stats', @cli))[1], qr/^store_mode live$/m, 'a live store stays one');
}

# ---- A daemon that only reads files has no control: the store is busy, and by whom ----------------------------------

my $dir = Daemon::scratch();
my $fifo = "$dir/fifo";
system('mkfifo', $fifo) == 0 or die;
my $d = Daemon->start(dir => $dir, options => [ '-r', $fifo ], limit => 1);
open my $hold, '>', $fifo or die;
syswrite $hold, pack 'VvvlVVV', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101; # a capture that has only begun
ok($d->wait_for(sub { -e "$dir/store/data.mdb" }, 5), 'a daemon that reads a FIFO');
my ($status, undef, $err) = Daemon::cli('forget', '--store', "$dir/store", '192.0.2.1');
is($status, 2, 'forget beside it: exit 2');
like($err, qr/belongs to process \d+/, 'says who has the store') or diag $err;
close $hold;
$d->wait_for(sub { $d->ended }, 10);
($status, undef, $err) = Daemon::cli('compact', '--store', "$dir/none");
is($status, 2, 'no store at all: exit 2');
ok(!-e "$dir/none", 'and none is made');
done_testing;
