#!/usr/bin/perl
# Clients that never connect again (Haraka) over the death of the process behind their connection, and over a restart of the whole
# daemon by a service manager that keeps descriptors: a stand-in for systemd, tests/lib/manager.py.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use IO::Handle;
use IO::Select;
use IPC::Open2;
use P0fSocket;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $dir = Daemon::scratch();
my $known = '192.0.2.7';
my $sock = "$dir/p0f";
Wire::pcap("$dir/one.pcap", [ Wire::syn('Windows XP', from => $known, to => '192.0.2.1', hops => 5) ]);
my $log = "$dir/manager.log";
my $pid = open2(my $said, my $tell, 'sh', '-c', 'exec "$@" 2>>"$0"', $log, 'tests/lib/manager.py', "$dir/notify", "$Daemon::BIN/fingerpostd",
    '--store', "$dir/store", '-r', "$dir/one.pcap", '--stay', '--http', 'off', '-s', $sock);
my $ended = 0;
END { my $status = $?; kill TERM => $pid if $pid && !$ended; $? = $status }

# Lines of the manager up to one that matches.
my (@heard, $rest);
sub hear {
    my ($until, $limit) = @_;
    my $end = time + ($limit // 20);
    while (1) {
        while (@heard) { my $line = shift @heard; return $1 // 1 if $line =~ $until }
        return unless IO::Select->new($said)->can_read($end - time);
        sysread($said, $rest //= '', 4096, length $rest) or return;
        push @heard, $1 while $rest =~ s/\A(.*)\n//;
    }
}
sub ask {
    my ($s, $address) = @_;
    syswrite $s, P0fSocket::query($address // $known);
    return P0fSocket::fields(P0fSocket::reply($s, 10))->{os_name};
}
sub is_closed { my $s = shift; return IO::Select->new($s)->can_read(5) && !sysread $s, my $x, 1 }

my $daemon = hear(qr/^pid (\d+)/);
ok(hear(qr/^ready/), 'the daemon is ready') or diag Daemon::slurp($log);
sleep 1.2;

# ---- The process behind the sockets dies -----------------------------------------------------------------------

my $lasting = P0fSocket->open($sock);
is(ask($lasting), 'Windows', 'a client');
my $half = P0fSocket->open($sock);
sleep 2.5; # they have lasted: the supervisor has copies
syswrite $half, substr P0fSocket::query($known), 0, 10;
my $young = P0fSocket->open($sock);
is(ask($young), 'Windows', 'a client that came just now');
kill KILL => Daemon::services($daemon);
ok(is_closed($young), 'whose connection dies with the process');
syswrite $lasting, P0fSocket::query($known); # before there is another process
is(P0fSocket::fields(P0fSocket::reply($lasting, 10))->{os_name}, 'Windows', 'one that lasted is served on by the next');
ok(is_closed($half), 'one whose query was half read is closed: the other half would be taken for a query');

# ---- The daemon is restarted ---------------------------------------------------------------------------------------

my @many = map { P0fSocket->open($sock) } 1 .. 20;
is(ask($_), 'Windows', 'a new client') for $many[0];
my $gone = P0fSocket->open($sock);
ask($gone);
close $gone;
for my $round (1 .. 3) {
    syswrite $lasting, P0fSocket::query($known) x 5; # asked before the end
    print $tell "stop\n";
    is(hear(qr/^ended (\d+)/), 0, "restart $round: it ends");
    is(length join('', map { P0fSocket::reply($lasting) } 1 .. 5), 5 * 232, 'what was asked before is answered');
    syswrite $many[1], 'x' x 21 . P0fSocket::query('192.0.2.99'); # asked while nobody is there
    print $tell "start\n";
    $daemon = hear(qr/^pid (\d+)/);
    ok(hear(qr/^ready/), 'and is ready again');
    is(P0fSocket::fields(P0fSocket::reply($many[1], 10))->{status}, 0, 'what was asked in between is answered, in order');
    is(P0fSocket::fields(P0fSocket::reply($many[1], 10))->{status}, 0x20, 'all of it') or diag Daemon::slurp($log);
    my $from = time;
    Daemon::wait_for(undef, sub { ask($many[1]) eq 'Windows' }, 10); # the store is checked at start
    diag sprintf 'known again %.0f ms after "ready"', 1000 * (time - $from);
    is(scalar(grep { ask($_) eq 'Windows' } $lasting, @many), 21, 'and so is everybody who was connected');
}
like(Daemon::slurp($log), qr/21 connections of p0f clients live on/, 'the log tells');

# One who is served on is one like any other: he can leave, and be refused nothing.
close $_ for @many;
is(ask($lasting), 'Windows', 'others leave');
close $lasting;
print $tell "stop\n";
is(hear(qr/^ended (\d+)/), 0, 'the end');
print $tell "start\n";
hear(qr/^ready/);
is(scalar(() = Daemon::slurp($log) =~ /live on/g), 3, 'nobody is left to be kept');

# ---- Numbers that are no descriptors ------------------------------------------------------------------------------------

my ($status, undef, $err) = Daemon::run([ 'sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=9 LISTEN_FDNAMES=p0f-client:p0f-client:x exec "$@"', 'sh',
    "$Daemon::BIN/fingerpostd", '--store', "$dir/store2", '-r', "$dir/one.pcap", '-s', "$dir/p0f2" ]);
is($status, 0, 'a manager that says what is not so: it runs');
unlike($err, qr/live on/, 'and takes nothing for a client');
print $tell "quit\n";
waitpid $pid, 0;
$ended = 1;
is($?, 0, 'the manager ends');
done_testing;
