#!/usr/bin/perl
# What happens to daemon and readers when things break: killed under load, readers killed and stopped inside look-ups, files
# damaged, removed, of another owner, a member of the reading group who means ill, times that go backwards. Damage byte by byte
# and a full disk are in tests/test_writer.c. FAULTS=N: so many rounds of what is random (make soak); a few without.
use strict;
use warnings;
use lib 'tests/lib', 'build/perl/lib', 'build/perl/arch';
use Daemon;
use Fcntl qw(:flock);
use List::Util qw(max);
use Net;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $rounds = $ENV{FAULTS} // 6;
my $flood  = 'build/plain/tests/flood';
my $net    = Net->new;
system $net->inside('mx'), qw(ip route add blackhole 4.0.0.0/6);
my @prefix = $net->inside('mx');
# Every SYN is stored, so that the writer has all there is to do, and handshakes are seen too.
my @live = ('-i', 'mx0', '--http', 'off', '--set', 'probation.rate=10000000', '--set', 'hosts.max=200k');
my $sport = 1024;

sub syn { return Wire::syn('Windows XP', to => '192.0.2.1', from => $_[0], sport => 1024 + $sport++ % 60000, seq => $sport) }

# Runs beside us until it is ended: returns its pid.
sub beside {
    my @argv = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    exec @argv or POSIX::_exit(127);
}
sub end_it { my $pid = shift; kill KILL => $pid; waitpid $pid, 0; return }
sub storm { return beside($net->inside('out'), $flood, 'out0', $net->{mx_mac}, 400_000_000, 20_000, int rand 1e6) }
sub damaged { my $d = shift; return scalar grep { /damaged/ } glob($d->store . '/data.mdb*') }

# A reader in its own process that looks up as fast as it can, until it is ended.
sub reader {
    my $store = shift;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    require Fingerpost;
    my $r = Fingerpost->new($store);
    my $n = 0;
    while (1) { $r->lookup(join '.', 4, $n++ % 4, int rand 256, int rand 256); }
}

# ---- SIGKILL of the daemon under load -------------------------------------------------------------------------------

my $dir = Daemon::scratch();
my $storm = storm();
my ($lost, $late, $unready, $set_aside, $slowest, $markers) = (0, 0, 0, 0, 0, 0);
my ($hosts, $d) = (0);
for my $round (1 .. $rounds) {
    my $from = time;
    $d = Daemon->start(dir => $dir, prefix => \@prefix, options => \@live);
    $unready++ unless $d->log =~ /ready/;
    $slowest = max($slowest, time - $from);
    # What was readable before the kill is readable after it, and counts go on.
    if ($markers) {
        my (undef, $known) = Daemon::cli('lookup', '--store', $d->store, '--json', map { "198.51.100.$_" } 1 .. $markers);
        $lost += $markers - (() = $known =~ /"connections":[1-9]/g);
    }
    $markers = $round if $round < 250;
    # With a handshake: the storm fills the store many times over, and those it may displace are unconfirmed ones.
    my $mine = "198.51.100.$markers";
    my $tries = 0;
    do {
        $net->send_packets([ Wire::handshake('Windows XP', to => '192.0.2.1', from => $mine, sport => 1024 + $sport++ % 60000, seq => $sport) ], 0.001);
    } until ($d->wait_for(sub { ($d->lookup($mine) // {})->{confirmed} }, 1) || ++$tries == 8); # the kernel may lose one of a storm
    $late++ if $tries == 8;
    sleep 0.1 + rand 0.4;
    $d->killed(5);
    $set_aside = damaged($d);
}
is($unready, 0, "$rounds x SIGKILL under load: each start is ready");
is($lost, 0, 'nothing that was readable is lost');
is($late, 0, 'and new hosts are seen each time');
is($set_aside, 0, 'no store was damaged');
$d = Daemon->start(dir => $dir, prefix => \@prefix, options => \@live);
my ($status, $dump) = Daemon::cli('dump', '--store', $d->store, '--json');
is($status, 0, 'a whole dump beside the storm');
my $lines = () = $dump =~ /\n/g;
cmp_ok($lines, '>', 1000, "every record of it verifies: $lines hosts");
note sprintf 'saw: SIGKILL of the daemon under load | %d kills: each start ready, the slowest after %.2f s; nothing that was readable was lost; no store damaged; %d hosts verify',
    $rounds, $slowest, $lines;

# ---- Readers killed and stopped inside look-ups ---------------------------------------------------------------------

my $died = 0;
for my $round (1 .. $rounds) {
    my @pids = map { reader($d->store) } 1 .. 6;
    sleep 0.2;
    kill((rand() < 0.5 ? 'STOP' : 'CONT') => $_) for @pids;
    sleep 0.1;
    for (@pids) { $died++ if waitpid($_, POSIX::WNOHANG()) == $_ }
    end_it($_) for @pids;
}
is($died, 0, 'no reader died of itself');
note sprintf 'saw: SIGSTOP, SIGCONT and SIGKILL of readers inside look-ups | %d readers: none died of itself, nobody noticed', 6 * $rounds;
my @stopped = map { reader($d->store) } 1 .. 6;
sleep 0.3;
kill STOP => @stopped;
sleep 1.2;
my $before = $d->stats;
sleep 4;
my $after = $d->stats;
cmp_ok($after->{written} - $before->{written}, '>', 20_000, 'six readers stand still inside look-ups: the writer goes on');
# Were they to pin anything, each change would leave a page or more.
cmp_ok($after->{pages} - $before->{pages}, '<', 0.6 * ($after->{written} - $before->{written}),
    "and the file does not grow for it: $before->{pages}, then $after->{pages} pages");
note sprintf 'saw: six readers stopped inside look-ups for 5 s | %d changes written meanwhile; the file had %d pages, then %d',
    $after->{written} - $before->{written}, $before->{pages}, $after->{pages};
kill CONT => @stopped;
sleep 0.5;
is(scalar(grep { waitpid($_, POSIX::WNOHANG()) == 0 } @stopped), 6, 'they go on when they are let');
end_it($_) for @stopped;

# ---- A member of the reading group who means ill ---------------------------------------------------------------------

my $gid = getgrnam 'nogroup';
my $shared = Daemon::scratch();
chmod 0755, $shared;
(($d->stop)[0] eq '0') or diag 'the daemon did not stop in order';
mkdir "$shared/store", 0750 or die;
chown 0, $gid, "$shared/store" or die;
$d = Daemon->start(dir => $shared, prefix => \@prefix, options => \@live);
sleep 0.5;
chown 0, $gid, map { $d->store . "/$_" } qw(data.mdb stamp);
my $evil = fork // die "fork: $!\n";
if (!$evil) {
    POSIX::setgid($gid);
    $) = "$gid $gid";
    POSIX::setuid(scalar getpwnam 'nobody');
    my $s = $d->store;
    my @could;
    open my $data, '<', "$s/data.mdb" or push @could, 'not even read';
    open my $stamp, '<', "$s/stamp" or push @could, 'not even read the stamp';
    flock $data, LOCK_EX;   # whoever would wait for these would wait for ever
    flock $stamp, LOCK_EX;
    for (qw(data.mdb stamp lock lock.mdb)) {
        push @could, "write $_" if open my $h, '+<', "$s/$_";
        push @could, "truncate $_" if truncate "$s/$_", 0;
        push @could, "remove $_" if unlink "$s/$_";
        push @could, "chmod $_" if chmod 0666, "$s/$_";
    }
    push @could, 'read lock.mdb' if open my $h, '<', "$s/lock.mdb";
    push @could, 'make a file' if open $h, '>', "$s/mine";
    push @could, 'make next/' if mkdir "$s/next";
    require IO::Socket::UNIX;
    push @could, 'command' if IO::Socket::UNIX->new(Peer => "$s/control");
    open my $say, '>', "/tmp/fp-evil.$$" or POSIX::_exit(3);
    print $say join ', ', @could;
    close $say;
    sleep 600;
    POSIX::_exit(0);
}
$d->wait_for(sub { -e "/tmp/fp-evil.$evil" }, 5);
sleep 0.1;
is(Daemon::slurp("/tmp/fp-evil.$evil"), '', 'a member of the reading group can read, and nothing else');
unlink "/tmp/fp-evil.$evil";
$net->send_packets([ syn('198.51.100.251') ]);
ok($d->wait_for(sub { $d->lookup('198.51.100.251') }, 5), 'his locks hinder nobody');
is(($d->stop)[0], 0, 'nor the end');
$d = Daemon->start(dir => $shared, prefix => \@prefix, options => \@live);
like($d->log, qr/ready/, 'nor the next start');
is((Daemon::cli('compact', '--store', $d->store))[0], 0, 'nor a new store in the place of his');
$net->send_packets([ syn('198.51.100.252') ]);
ok($d->wait_for(sub { $d->lookup('198.51.100.252') }, 5), 'and it sees');
end_it($evil);

note 'saw: a member of the reading group who means ill | can read data.mdb and stamp, and lock them, which hinders nobody: no write, no removal, no command';

# ---- Removed under the daemon -----------------------------------------------------------------------------------------

unlink glob($d->store . '/*');
ok($d->wait_for(sub { -e $d->store . '/stamp' && $d->lookup('198.51.100.252') }, 10), 'its files removed: the store is there again, with what was in it');
$net->send_packets([ syn('198.51.100.253') ]);
ok($d->wait_for(sub { $d->lookup('198.51.100.253') }, 10), 'and goes on');
system 'rm', '-rf', $d->store;
ok($d->wait_for(sub { $d->ended }, 10), 'its directory removed, which it has no right to make again: it ends');
is($d->{status}, 1, 'as one that failed');
like($d->log, qr/was removed and cannot be made again/, 'and says why');
$d = Daemon->start(dir => $shared, prefix => \@prefix, options => \@live);
$net->send_packets([ syn('198.51.100.254') ]);
ok($d->wait_for(sub { $d->lookup('198.51.100.254') }, 10), 'whoever starts it again has a store');
is(($d->stop)[0], 0, 'and it ends in order');
end_it($storm);

note 'saw: the directory removed under the daemon | its files: made anew with what was in them; a directory that it may not make again: it ends, and says why';

# ---- Wrong owners and modes --------------------------------------------------------------------------------------------

my @nobody = ('setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--inh-caps=-all,+net_raw', '--ambient-caps=+net_raw');
sub refused {
    my ($why, $like, $prepare) = @_;
    my $home = Daemon::scratch();
    chmod 0755, $home;
    mkdir "$home/store";
    $prepare->("$home/store");
    my $e = Daemon->start(dir => $home, prefix => [ @prefix, @nobody ], options => [ '-i', 'mx0', '--http', 'off' ]);
    $e->wait_for(sub { $e->ended }, 5);
    is($e->{status}, 2, "$why: refused") or $e->stop;
    like($e->log, $like, 'and says what and what to do') or diag $e->log;
}
refused('a directory that is not ours to write', qr/store.*(?:lock cannot be opened|must be a directory).*(?:denied)/, sub { chmod 0755, $_[0] });
my @ids = ((getpwnam 'nobody')[2], $gid);
refused('a data.mdb of another owner', qr{data\.mdb cannot be opened for writing: Permission denied}, sub {
    chown @ids, $_[0];
    open my $h, '>', "$_[0]/data.mdb";
    chmod 0400, "$_[0]/data.mdb";
});
refused('a directory where data.mdb should be', qr/data\.mdb.*must be a file/, sub { chown @ids, $_[0]; mkdir "$_[0]/data.mdb" });
refused('a link where data.mdb should be', qr/data\.mdb cannot be opened/, sub { chown @ids, $_[0]; symlink '/etc/passwd', "$_[0]/data.mdb" });

note 'saw: wrong owners, modes and kinds of file (4 cases) | refused with exit 2, each with the file and what it must be';

# ---- Bytes at rest: any of it random, and service again at once --------------------------------------------------------

my $home = Daemon::scratch();
Wire::pcap("$home/a.pcap", [ map { syn("198.51.100.$_") } 1 .. 200 ]);
for my $percent (1, 10, 100) {
    for (1 .. max(1, $rounds / 20)) {
        my ($made) = Daemon::run([ "$Daemon::BIN/fingerpostd", '--store', "$home/store", '-r', "$home/a.pcap" ]);
        my $bytes = Daemon::slurp("$home/store/data.mdb");
        open my $h, '+<:raw', "$home/store/data.mdb" or die;
        for my $at (map { int rand 200_000 } 1 .. 2000 * $percent) { seek $h, $at, 0; print $h chr int rand 256 }
        close $h;
        my ($read) = Daemon::cli('dump', '--store', "$home/store", '--json');
        like($read, qr/\A[02]\z/, "$percent %: a reader ends by itself");
        my ($again, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '--store', "$home/store", '-r', "$home/a.pcap" ]);
        is($again, 0, 'the daemon serves again') or diag $err;
        is((Daemon::cli('lookup', '--store', "$home/store", '198.51.100.77'))[0], 0, 'with new answers');
        system 'rm', '-r', "$home/store";
    }
}

note sprintf 'saw: 1, 10, 100 %% of data.mdb random, the daemon and commands on it | %d stores: no signal, served again by the next run', 3 * max(1, int($rounds / 20));

# ---- Times that go backwards --------------------------------------------------------------------------------------------

Wire::pcap("$home/new.pcap", [ map { syn('198.51.100.9') } 1 .. 5 ], start => 1_700_000_000);
Wire::pcap("$home/old.pcap", [ map { syn('198.51.100.9') } 1 .. 7 ], start => 1_600_000_000);
for my $order ([ 'new', 'old' ], [ 'old', 'new' ]) {
    for my $at_once (0, 1) {
        system 'rm', '-rf', "$home/store";
        my @r = map { ('-r', "$home/$_.pcap") } @$order;
        if ($at_once) { Daemon::run([ "$Daemon::BIN/fingerpostd", '--store', "$home/store", @r ]) }
        else { Daemon::run([ "$Daemon::BIN/fingerpostd", '--store', "$home/store", splice @r, 0, 2 ]) for 1 .. 2 }
        my (undef, $out) = Daemon::cli('lookup', '--store', "$home/store", '--json', '198.51.100.9');
        like($out, qr/"connections":12\b/, "@$order, " . ($at_once ? 'at once' : 'one after the other') . ': every connection counts');
        like($out, qr/"first_seen":"2020-09-13.*"last_seen":"2023-11-14/, 'first and last seen are what they were');
    }
}
note 'saw: clock set back (captures of 2020 and 2023, in either order, at once and one after the other) | every connection counts once; first and last seen are right';
done_testing;
