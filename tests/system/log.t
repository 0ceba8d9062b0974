#!/usr/bin/perl
# p0f's log of the daemon against classify's on the same packets: one matcher gives the same file, several the same lines with those of
# each client in order. Then rotation, a disk that is full, and a log that cannot be opened.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $dir = Daemon::scratch();
my $to  = '192.0.2.1';
my $signatures = 'build/share/fingerpost.fp';
my @daemon = ("$Daemon::BIN/fingerpostd", '--http', 'off', '-f', $signatures);

# ---- The same as classify's ------------------------------------------------------------------------------

my @systems = ('Windows XP', 'Windows 10', 'Linux', 'FreeBSD', 'OpenBSD', 'unheard of');
my (@packets, $now);
srand 7;
for my $n (1 .. 1500) {
    my $host = 1 + int rand 200;
    my %ends = (from => $host % 9 ? "198.51.100.$host" : "2001:db8::$host", to => $host % 9 ? $to : '2001:db8:1::1', sport => 1024 + int rand 60000);
    # Most hosts keep their system; some change, which is worth a line of its own.
    my $system = $systems[ ($host + ($host < 20 ? int rand 3 : 0)) % @systems ];
    my %more = (hops => $host % 20, ts => $n * 10, seq => 1 + int rand 2**31);
    push @packets, $host % 4 ? Wire::syn($system, %ends, %more) : Wire::handshake($system, %ends, %more);
}
Wire::pcap("$dir/a.pcap", \@packets, gap => 0.02);
my ($status, $classify) = Daemon::cli('classify', '-f', $signatures, '-r', "$dir/a.pcap");
my @want = split /^/, $classify;
my %kinds;
$kinds{$1}++ while $classify =~ /mod=([^|]+)/g;
ok($kinds{$_}, "the packets make lines of kind $_: " . ($kinds{$_} // 0)) for 'syn', 'syn+ack', 'mtu', 'uptime', 'host change';

sub by_client {
    my %of;
    /cli=([^\/]+)/ and push @{ $of{$1} }, $_ for @_;
    return \%of;
}
for my $matchers (1, 3, 0) {
    ($status, undef, my $err) = Daemon::run([ @daemon, '-r', "$dir/a.pcap", '--store', "$dir/s$matchers", '--matchers', $matchers, '-o', "$dir/log$matchers" ]);
    is($status, 0, "--matchers $matchers: exit 0") or diag $err;
    my @got = split /^/, Daemon::slurp("$dir/log$matchers");
    is(scalar @got, scalar @want, "--matchers $matchers: as many lines as classify prints");
    if ($matchers != 3) { is(join('', @got), $classify, "--matchers $matchers: the same file") }
    else { is_deeply(by_client(@got), by_client(@want), '--matchers 3: each client\'s lines, in order') }
    my $n = (bless { store => "$dir/s$matchers", status => 0 }, 'Daemon')->stats;
    is($n->{log_lines}, scalar @want, "--matchers $matchers: lines are counted");
    is($n->{log_dropped}, 0, "--matchers $matchers: none is lost");
}
is((stat "$dir/log1")[2] & 07777, 0640, 'the log is made with mode 0640');
Daemon::run([ @daemon, '-r', "$dir/a.pcap", '--store', "$dir/again", '--set', "log.p0f=$dir/log1" ]);
is(Daemon::slurp("$dir/log1"), $classify x 2, 'by its setting; an existing file is appended to');

# ---- Rotation ---------------------------------------------------------------------------------------------

system 'mkfifo', "$dir/fifo";
my $d = bless { dir => $dir, store => "$dir/rotate", log => "$dir/err" }, 'Daemon';
$d->{pid} = fork // die "fork: $!\n";
if (!$d->{pid}) {
    open STDOUT, '>', "$dir/err" or die;
    open STDERR, '>&', \*STDOUT or die;
    exec @daemon, '-r', "$dir/fifo", '--store', "$dir/rotate", '-o', "$dir/rotated" or die;
}
open my $in, '>:raw', "$dir/fifo" or die "fifo: $!\n";
$in->autoflush(1);
my $whole = Daemon::slurp("$dir/a.pcap");
my $record = sub { my $n = shift; my $bytes = Wire::syn('Linux', from => "198.51.100.$n", to => $to); return pack('VVVV', 1_700_000_000 + $n, 0, (length $bytes) x 2) . $bytes };
print $in substr($whole, 0, 24), $record->(1);
my $lines = sub { my @l = split /^/, Daemon::slurp(shift); return join ' ', map { /mod=syn\|cli=198\.51\.100\.(\d+)/ ? $1 : () } @l };
ok($d->wait_for(sub { $lines->("$dir/rotated") eq '1' }, 5), 'a line stands in the log while packets still come');
rename "$dir/rotated", "$dir/rotated.1";
print $in $record->(2);
ok($d->wait_for(sub { $lines->("$dir/rotated.1") eq '1 2' }, 5), 'moved away, the file is still written to');
kill HUP => $d->{pid};
ok($d->wait_for(sub { -e "$dir/rotated" }, 5), 'SIGHUP makes another');
print $in $record->(3);
ok($d->wait_for(sub { $lines->("$dir/rotated") eq '3' }, 5), 'which takes the lines from then on');
is($lines->("$dir/rotated.1"), '1 2', 'the old one has what it had');
rename "$dir/rotated", "$dir/rotated.2";
mkdir "$dir/rotated";
kill HUP => $d->{pid};
ok($d->wait_for(sub { $d->log =~ /cannot be opened again/ }, 5), 'a log that cannot be opened again is said');
print $in $record->(4);
ok($d->wait_for(sub { $lines->("$dir/rotated.2") eq '3 4' }, 5), 'and the old one is kept');
close $in;
ok($d->wait_for(sub { $d->ended }, 10), 'the end of the file ends it');
is($d->{status}, 0, 'exit 0');

# ---- A full disk --------------------------------------------------------------------------------------------

my @many = map { Wire::syn($systems[$_ % 5], from => sprintf('10.1.%d.%d', $_ >> 8, $_ & 255), to => $to) } 1 .. 20_000;
Wire::pcap("$dir/many.pcap", \@many);
(undef, my $all) = Daemon::cli('classify', '-f', $signatures, '-r', "$dir/many.pcap");
($status, undef, my $err) = Daemon::run([ @daemon, '-r', "$dir/many.pcap", '--store', "$dir/full", '--matchers', 1, '-o', '/dev/full' ]);
is($status, 0, 'a full disk is no reason to stop');
is(scalar(() = $err =~ /No space left/g), 1, 'it is said once');
like($err, qr/\d+ bytes of the log could not be written/, 'and what was left at the end');
my $n = (bless { store => "$dir/full", status => 0 }, 'Daemon')->stats;
is($n->{syn}, 20_000, 'every SYN was judged all the same');
is($n->{log_lines}, scalar(split /^/, $all), 'every line was counted');
my ($left) = $err =~ /(\d+) bytes of the log could/;
my @kept = do { my $bytes = 0; grep { ($bytes += length) <= $left } split /^/, $all };
is($n->{log_dropped}, $n->{log_lines} - @kept, 'and those that found no room');
cmp_ok($n->{log_dropped}, '>', 1000, '(they were many)');

# A disk that has room again: what waited is written, and no line is torn.
SKIP: {
    require Net;
    if (my $why = Net::unable()) { skip $why, 1 }
    mkdir "$dir/small";
    system('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', "$dir/small") == 0 or die "mount failed\n";
    my $mounted = bless {}, 'Mounted';
    open my $filler, '>', "$dir/small/filler" or die;
    print $filler 'x' x 49_000;
    close $filler;
    Wire::pcap("$dir/some.pcap", [ map { Wire::syn('Windows 10', from => sprintf('10.1.%d.%d', $_ >> 8, $_ & 255), to => $to) } 0 .. 999 ]);
    (undef, my $some) = Daemon::cli('classify', '-f', $signatures, '-r', "$dir/some.pcap");
    my $c = bless { dir => $dir, store => "$dir/room", log => "$dir/room.err" }, 'Daemon';
    $c->{pid} = fork // die "fork: $!\n";
    if (!$c->{pid}) {
        open STDOUT, '>', "$dir/room.err" or die;
        open STDERR, '>&', \*STDOUT or die;
        exec @daemon, '-r', "$dir/fifo", '--store', "$dir/room", '--matchers', 1, '-o', "$dir/small/log" or die;
    }
    open my $feed, '>:raw', "$dir/fifo" or die "fifo: $!\n";
    $feed->autoflush(1);
    my $bytes = Daemon::slurp("$dir/some.pcap");
    # by systems whose SYNs are of one length
    my $record = (length($bytes) - 24) / 1000;
    is($record, int $record, 'records of one size') or diag $record;
    print $feed substr($bytes, 0, 24 + 200 * $record);
    ok($c->wait_for(sub { $c->log =~ /No space left/ }, 10), 'the disk is full') or diag $c->log;
    isnt(substr(Daemon::slurp("$dir/small/log"), -1), "\n", '(in the middle of a line)');
    system('mount', '-o', 'remount,size=1m', "$dir/small") == 0 or die "remount failed\n";
    ok($c->wait_for(sub { $c->log =~ /takes lines again/ }, 10), 'and has room again: that is said');
    print $feed substr($bytes, 24 + 200 * $record);
    close $feed;
    ok($c->wait_for(sub { $c->ended }, 10), 'the end');
    is(Daemon::slurp("$dir/small/log"), $some, 'the log has every line, whole');

    sub Mounted::DESTROY { local ($?, $!); system 'umount', "$dir/small" }
}

# ---- A log that cannot be opened ----------------------------------------------------------------------------

($status, undef, $err) = Daemon::run([ @daemon, '-r', "$dir/a.pcap", '--store', "$dir/none", '-o', "$dir/nowhere/log" ]);
is($status, 2, 'a log in no directory: exit 2');
like($err, qr{\Q$dir\E/nowhere/log cannot be opened}, 'and why');
($status) = Daemon::run([ @daemon, '-r', "$dir/a.pcap", '--store', "$dir/none", '-o', $dir ]);
is($status, 2, 'a directory: exit 2');
done_testing;
