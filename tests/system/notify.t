#!/usr/bin/perl
# What the service manager and the journal are told, by sockets of our own in their place.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use IO::Select;
use IO::Socket::UNIX;
use Net;
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $dir = Daemon::scratch();
chmod 0755, $dir;
Wire::pcap("$dir/a.pcap", [ map { Wire::syn('Linux', from => "192.0.2.$_", to => '192.0.2.1', sport => 20000 + $_, seq => $_) } 10 .. 20 ]);

# Datagrams of the next so many seconds, or until one matches.
sub hear {
    my ($socket, $seconds, $until) = @_;
    my ($select, $end, @heard) = (IO::Select->new($socket), time + $seconds);
    while ((my $left = $end - time) > 0) {
        next unless $select->can_read($left);
        $socket->recv(my $text, 4096);
        push @heard, [ time, $text ];
        last if $until && $text =~ $until;
    }
    return @heard;
}
sub all { return join '|', map { $_->[1] } @_ }

for my $name ("$dir/notify", "\0fingerpost-test-$$") {
    my $why = $name =~ /\A\0/ ? 'an abstract socket' : 'a path';
    my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $name) or die "$name: $!";
    chmod 0666, $name if $name !~ /\A\0/;
    local $ENV{NOTIFY_SOCKET} = $name =~ s/\A\0/@/r;
    local $ENV{WATCHDOG_USEC} = 30_000_000;
    my $d = Daemon->start(dir => $dir, options => [ '-r', "$dir/a.pcap", '--stay', '--http', "unix:$dir/http" ]);
    my @heard = hear($manager, 10, qr/READY=1/);
    like(all(@heard), qr/READY=1\nSTATUS=reading \S+a\.pcap/, "$why: ready, and what it does");
    @heard = hear($manager, 3.5);
    my $alive = grep { $_->[1] eq 'WATCHDOG=1' } @heard;
    cmp_ok($alive, '>=', 3, "$why: a sign of life each second ($alive in 3.5 s)");
    cmp_ok($alive, '<=', 10, "$why: and not many more");
    if ($name !~ /\A\0/) {
        # Each of the children stopped: a thread of it stands still, and there is no sign of life.
        my @children = $d->children;
        kill STOP => $children[1];
        @heard = hear($manager, 20, qr/stands still/);
        like(all(@heard), qr/STATUS=thread (?:services|http) stands still/, 'services stopped: said which');
        is(scalar(grep { $_->[1] =~ /WATCHDOG/ } hear($manager, 2.5)), 0, 'and no sign of life');
        kill CONT => $children[1];
        like(all(hear($manager, 5, qr/WATCHDOG/)), qr/WATCHDOG=1/, 'it moves on: signs of life again');
        kill STOP => $children[0];
        @heard = hear($manager, 20, qr/stands still/);
        like(all(@heard), qr/STATUS=thread (?:packets|writer|matcher|capture)/, 'packets stopped: said which');
        kill CONT => $children[0];
        hear($manager, 5, qr/WATCHDOG/);
    }
    is(($d->stop)[0], 0, "$why: ends in order");
    like(all(hear($manager, 1)), qr/STOPPING=1/, "$why: and says that it does");
    unlink $name if $name !~ /\A\0/;
}

# WATCHDOG_PID of another process: nothing is expected of us.
{
    my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$dir/other") or die;
    local @ENV{qw(NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID)} = ("$dir/other", 30_000_000, 1);
    my $d = Daemon->start(dir => $dir, options => [ '-r', "$dir/a.pcap", '--stay', '--http', "unix:$dir/http2" ]);
    my $said = all(hear($manager, 2.5));
    like($said, qr/READY=1/, "another process's watchdog: ready");
    unlike($said, qr/WATCHDOG/, 'and no more');
    $d->stop;
}

# A start that is refused: the manager is told why, before all that is said of it.
for ([ 'a wrong setting', qr/\bSTATUS=--set: unknown setting "store\.mdoe"/m, '--set', 'store.mdoe=1' ],
    [ 'a store that cannot be', qr/\bSTATUS=store \S+: its parent/m, '--store', "$dir/no/such/store" ]) {
    my ($why, $says, @options) = @$_;
    my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$dir/refused") or die;
    local $ENV{NOTIFY_SOCKET} = "$dir/refused";
    my ($status) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", @options ]);
    is($status, 2, "$why: refused");
    like(all(hear($manager, 0.5)), $says, 'and the manager shows it');
    unlink "$dir/refused";
}

# The journal's stream: a level before each line, for standard error alone.
{
    my $d = Daemon->start(dir => $dir, options => [ '-r', "$dir/a.pcap", '--http', 'off' ]);
    $d->wait_for(sub { $d->ended });
    unlike($d->log, qr/^</m, 'a file: no level before a line');
    my @stat = stat $d->{log};
    open my $log, '>', "$dir/stream" or die;
    @stat = stat $log;
    my $pid = fork // die;
    if (!$pid) {
        $ENV{JOURNAL_STREAM} = "$stat[0]:$stat[1]";
        open STDERR, '>&', $log or die;
        exec "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/stream-store", '--http', 'off' or die;
    }
    waitpid $pid, 0;
    my $said = Daemon::slurp("$dir/stream");
    SKIP: {
        skip 'a journal is running here and has the lines', 1 if -S '/run/systemd/journal/socket' && $said eq '';
        like($said, qr/^<6>fingerpostd: ready/m, 'the stream: levels') or diag $said;
    }
}

# ---- One source ------------------------------------------------------------------------------------------------------

Wire::pcap("$dir/one.pcap", [ map { Wire::syn('Linux', from => $_ % 50 ? '198.51.100.7' : "192.0.2." . $_ / 50, to => '192.0.2.1', sport => 1024 + $_, seq => $_) } 1 .. 3000 ]);
Wire::pcap("$dir/many.pcap", [ map { Wire::syn('Linux', from => '10.1.' . ($_ >> 8) . '.' . ($_ & 255), to => '192.0.2.1', sport => 1024 + $_, seq => $_) } 1 .. 3000 ]);
for ([ 'one.pcap', 1, 'said once' ], [ 'many.pcap', 0, 'not said' ]) {
    my ($file, $times, $how) = @$_;
    my (undef, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/$file", '--store', "$dir/$file.store" ]);
    is(scalar(() = $err =~ /nearly all connections come from/g), $times, "$file: one source is $how") or diag $err;
    like($err, qr/from 198\.51\.100\.7, .*ignore/, 'with its address and the remedy') if $times;
}
my (undef, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/one.pcap", '--store', "$dir/quiet", '--set', 'log.addresses=no' ]);
like($err, qr/nearly all connections come from one address/, 'log.addresses = no: said without the address');
unlike($err, qr/198\.51\.100\.7/, 'nowhere');
done_testing;
