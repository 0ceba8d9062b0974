#!/usr/bin/perl
# Captures that sensors send: several at once over TCP and a Unix socket, each with its own counters; one that is wrong is cut off without harm to the
# others; strangers are refused; at the end all is in the store.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

# A stream that the daemon has cut off is one to write to like any other.
$SIG{PIPE} = 'IGNORE';

my $dir  = Daemon::scratch();
my $head = Daemon::slurp(Wire::pcap("$dir/none.pcap", []));

sub record { my ($packet) = @_; return pack('VVVV', int time, 0, length $packet, length $packet) . $packet }
sub syn { return Wire::syn($_[1] // 'Linux', from => $_[0], to => '198.51.100.1', sport => 20000 + int rand 40000, seq => int rand 2**32) }

my $path = "$dir/sensors";
my $port = do { my $s = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 1) or die $@; $s->sockport };
sub tcp { my $s = IO::Socket::IP->new(PeerHost => $_[0] // '127.0.0.1', PeerPort => $port, Timeout => 5, LocalHost => $_[1] // $_[0] // '127.0.0.1') or die "connect: $@"; $s->autoflush; return $s }
sub unix { my $s = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!"; $s->autoflush; return $s }

my $d = Daemon->start(dir => $dir, options => [ '--listen', "127.0.0.1:$port", '--listen', $path, '--http', 'off',
    '--set', 'listen.allow=127.0.0.1 127.0.0.2' ]);
like($d->log, qr/ready: receiving on 127\.0\.0\.1:$port, \Q$path\E/, 'says where it receives, and captures nowhere') or diag $d->log;

# ---- Several at once ------------------------------------------------------------------------------------

my @sensor = (tcp(), tcp('127.0.0.1', '127.0.0.2'), unix());
print $_ $head for @sensor;
my @ms;
for my $i (1 .. 10) {
    for my $s (0 .. $#sensor) {
        my ($from, $address) = (time, "192.0.$s.$i");
        print { $sensor[$s] } record(syn($address, $s == 1 ? 'Windows 10' : 'Linux'));
        $d->wait_for(sub { $d->lookup($address) }, 10) or last;
        push @ms, 1000 * (time - $from);
    }
}
is(scalar @ms, 30, 'what each of three sensors sends is in the store while its stream is open') or diag $d->log;
@ms = sort { $a <=> $b } @ms;
note sprintf 'from the sensor to a look-up by the command line: p50 %.1f ms, max %.1f ms', @ms[ $#ms / 2, -1 ];
is($d->lookup('192.0.1.3')->{os}{name}, 'Windows', 'and judged');

# ---- Wrong ones -----------------------------------------------------------------------------------------

my $text = tcp();
print $text "GET / HTTP/1.1\r\nHost: mx\r\n\r\n";
is(sysread($text, my $nothing, 1), 0, 'a stream that is no capture is closed');
ok($d->wait_for(sub { $d->log =~ /is no pcap or pcapng file.*cut off/ }, 5), 'and it is said') or diag $d->log;
my $huge = unix();
print $huge $head, record(syn('192.0.9.1')), pack('VVVV', 0, 0, 0x7fffffff, 0x7fffffff);
is(sysread($huge, $nothing, 1), 0, 'a record of impossible length ends its stream');
ok($d->wait_for(sub { $d->lookup('192.0.9.1') }, 5), 'what came before it is kept');
my $cut = unix();
print $cut $head, substr record(syn('192.0.9.2')), 0, 40;
close $cut;
ok($d->wait_for(sub { $d->log =~ /in the middle of record 1/ }, 5), 'one that breaks off is said');
my $stranger = tcp('127.0.0.1', '127.0.0.3');
is(sysread($stranger, $nothing, 1), 0, 'a stranger is refused');
ok($d->wait_for(sub { $d->log =~ /127\.0\.0\.3:\d+ refused: not in listen\.allow/ }, 5), 'and it is said');

print { $sensor[0] } record(syn('192.0.0.100'));
ok($d->wait_for(sub { $d->lookup('192.0.0.100') }, 10), 'the others went on');

# ---- As many as there are places, and one more; the place of one that ended is free again ---------------

my @more = map { unix() } 1 .. 13;
print $_ $head for @more;
ok($d->wait_for(sub { (() = $d->log =~ /its stream begins/g) >= 17 }, 10), 'sixteen at a time') or diag $d->log;
my $late = unix();
is(sysread($late, $nothing, 1), 0, 'one more is refused');
like($d->log, qr/refused: 16 are being received/, 'and it is said');
close $more[0];
my $again;
for (1 .. 50) {
    $again = unix();
    print $again $head, record(syn('192.0.9.3'));
    last if $d->wait_for(sub { $d->lookup('192.0.9.3') }, 0.5);
}
ok($d->lookup('192.0.9.3'), 'a place that is free again is used');

# ---- Counters, and the end ------------------------------------------------------------------------------

my $services = $d->services;
kill KILL => $services;
ok($d->wait_for(sub { $d->log =~ /services process.*started again/ }, 5), 'services are killed');
print { $sensor[1] } record(syn('192.0.9.4'));
ok($d->wait_for(sub { $d->lookup('192.0.9.4') }, 10), 'streams go on without them');
close $more[1];
my $after;
for (1 .. 50) {
    $after = eval { tcp() } or sleep(0.1), next;
    print $after $head, record(syn('192.0.9.5'));
    last if $d->wait_for(sub { $d->lookup('192.0.9.5') }, 0.5);
}
ok($d->lookup('192.0.9.5'), 'and new ones are accepted when they are back') or diag $d->log;

print { $sensor[2] } map { record(syn("198.18.0.$_")) } 1 .. 200;
my ($status, $seconds) = $d->stop;
is($status, 0, 'SIGTERM: exit 0') or diag $d->log;
cmp_ok($seconds, '<', 10, 'soon');
my (undef, $stats) = Daemon::cli('stats', '--store', $d->store);
my @queue = $stats =~ /^queue \d+\n((?:(?!queue|matcher)\S+ \d+\n)+)/mg;
is(scalar @queue, 16, 'counters of each place');
cmp_ok(scalar(grep { /^frames [1-9]/m } @queue), '>=', 3, 'each sensor has its own');
my $n = $d->stats;
is($n->{kernel_seen}, $n->{kernel_dropped} + $n->{frames}, 'the equations hold: kernel_seen');
is($n->{observed}, $n->{ring_dropped} + $n->{matched}, 'observed');
is($n->{ring_dropped}, 0, 'and nothing was lost');

($status, undef, my $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '--listen', 'nowhere', '--store', "$dir/x" ]);
is($status, 2, 'an address that is none: exit 2');
like($err, qr/nowhere/, 'and which');
done_testing;
