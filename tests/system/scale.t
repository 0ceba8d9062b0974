#!/usr/bin/perl
# A large store under a daemon that writes it: what people and readers do with it meanwhile hinders nobody. HOSTS=N: so many
# (make soak: a million); fewer without.
use strict;
use warnings;
use lib 'tests/lib', 'build/perl/lib', 'build/perl/arch';
use Daemon;
use Fingerpost;
use JSON::PP;
use Net;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $hosts = $ENV{HOSTS} // 100_000;
my ($at_once, $open) = (64, 1000);
my $dir = Daemon::scratch();
chmod 0755, $dir;
my $net = Net->new;
system $net->inside('mx'), qw(ip route add blackhole 4.0.0.0/6);
my @prefix = $net->inside('mx');
# The capture's hosts are of a day long gone.
my @set = ('--set', 'hosts.max=' . 2 * $hosts, '--set', 'store.mode=0644', '--set', 'hosts.keep_unconfirmed=3650d');

# ---- The store ------------------------------------------------------------------------------------------------------

my ($made) = Daemon::run([ 'build/plain/bench/gen', '-n', 2 * $hosts, '-m', $hosts, '-o', "$dir/all.pcap" ], limit => 300);
is($made, 0, "a capture of $hosts hosts");
my ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", @set, '--store', "$dir/store", '-r', "$dir/all.pcap" ], limit => 300);
is($status, 0, 'is read into a store') or diag $err;
unlink "$dir/all.pcap";
my $filled = 512 * (stat "$dir/store/data.mdb")[12];

# Addresses of it, and what it says of them before anything else writes: one in a few hundred.
my (@known, %name);
{
    open my $dump, '-|', "$Daemon::BIN/fingerpost", 'dump', '--store', "$dir/store", '--csv' or die "$!\n";
    my $n = 0;
    while (<$dump>) { if ($n++ && $n % int(1 + $hosts / 500) == 0 && /\A([^,]+),"?([^,"]*)/ && $1 !~ /\A[4-7]\./) { push @known, $1; $name{$1} = $2 } }
    is($n, $hosts + 1, 'dump --csv has a header and every host');
}

my $from = time;
my $d = Daemon->start(dir => $dir, prefix => \@prefix, options => [ '-i', 'mx0', '--http', 'off', '--set', 'handshake=ignore', @set ]);
like($d->log, qr/ready/, 'a live daemon takes it over') or diag $d->log;
my $asked = Fingerpost->new($d->store);
sleep 0.001 until $asked->lookup($known[0]) || time > $from + 20;
note sprintf 'saw: clean start of a daemon on %d hosts | %.0f ms until a reader has an answer, the start of its processes counted', $hosts, 1000 * (time - $from);

# Twenty thousand SYNs a second, of forty thousand hosts in turn, each time from another port.
my $storm = fork // die "fork: $!\n";
if (!$storm) {
    open STDOUT, '>', '/dev/null';
    exec $net->inside('out'), 'sh', '-c', 'i=0; while [ $i -lt 64 ] && build/plain/tests/flood out0 "$1" 40000 20000 $((i * 67108864)); do i=$((i + 1)); done', 'sh', $net->{mx_mac} or die;
}
END { my $s = $?; kill KILL => $storm if $storm; $? = $s }
sleep 2;

# ---- Commands on it -------------------------------------------------------------------------------------------------

my $written = $d->stats;
my $begin = time;
for my $form ('--json', '--csv') {
    my ($start, $first, $lines, $private) = (time, undef, 0, 0);
    my $pid = open my $dump, '-|', "$Daemon::BIN/fingerpost", 'dump', '--store', $d->store, $form or die "$!\n";
    while (<$dump>) {
        $first //= time - $start;
        $lines++;
        if ($lines % 20_000 == 0 && Daemon::slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m && $1 > $private) { $private = $1 }
    }
    ok(close $dump, "dump $form beside a writer ends well");
    my $took = time - $start;
    cmp_ok($lines, '>=', $hosts, 'has every host that was there');
    cmp_ok($first, '<', 0.2 + $took / 4, 'streams: the first line comes long before the last');
    cmp_ok($private, '<', 4096, 'and keeps nothing: KiB of memory of its own');
    note sprintf 'saw: dump %s of %d hosts beside 20 000 SYNs a second | %.1f s, first line after %.0f ms, %d KiB of own memory', $form, $lines, $took,
        1000 * $first, $private;
}
my (undef, $top) = Daemon::cli('top', '--once', '--store', $d->store);
cmp_ok($top =~ /^ +(\d+) +100\.0% .* all$/m ? $1 : 0, '>=', $hosts, 'top counts them all') or diag $top;
my (undef, $stats) = Daemon::cli('stats', '--store', $d->store);
for my $word (qw(pages pages_live pages_max map_full rotations store_failed)) { like($stats, qr/^$word \d+$/m, "stats has $word") }

my $watched = fork // die "fork: $!\n";
if (!$watched) { open STDOUT, '>', "$dir/watch" or die; exec "$Daemon::BIN/fingerpost", 'watch', '--json', '--store', $d->store or die }
sleep 1;
$net->send_packets([ Wire::syn('FreeBSD', to => '192.0.2.1', from => '198.51.100.1', sport => 20000, seq => 7) ]);
ok($d->wait_for(sub { Daemon::slurp("$dir/watch") =~ /"event":"new","host":\{"ip":"198\.51\.100\.1"/ }, 20 + $hosts / 20_000), 'watch says a new host');
kill TERM => $watched;
waitpid $watched, 0;
my $after = $d->stats;
my $rate = ($after->{written} - $written->{written}) / (time - $begin);
cmp_ok($rate, '>', 2000, 'the writer wrote on meanwhile');
is($after->{store_failed}, 0, 'and lost nothing');
note sprintf 'saw: the writer beside dump, top, stats, watch | %.0f changes a second, %d pages before, %d after, none lost', $rate, $written->{pages}, $after->{pages};

# ---- Many readers ---------------------------------------------------------------------------------------------------

# Children that each run a function of the store's handle and say how it went in a byte.
sub children {
    my ($n, $work) = @_;
    pipe my $out, my $in or die "$!\n";
    my @pids = map {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) { close $out; my $says = eval { $work->($in) } // 'x'; syswrite $in, $says; POSIX::_exit(0) }
        $pid
    } 1 .. $n;
    close $in;
    return ($out, @pids);
}
sub right { my ($s, $a) = @_; my $h = $s->lookup($a); return $h && ($h->{name} // '') eq $name{$a} }
sub all_of { my ($out, $bytes) = @_; my $said = ''; while (length $said < $bytes) { sysread $out, $said, $bytes, length $said or last } return $said }

my $lookups = 4000;
my ($out, @pids) = children($at_once, sub {
    my $s = Fingerpost->new($d->store);
    srand $$;
    for (1 .. $lookups) { right($s, $known[ rand @known ]) or return 'n' }
    return 'y';
});
$begin = time;
my $said = all_of($out, $at_once);
waitpid $_, 0 for @pids;
is($said =~ tr/y//, $at_once, "$at_once readers at once: every answer is right") or diag $said;
note sprintf 'saw: %d readers at once beside the storm | %d look-ups of Perl in %.1f s, all right', $at_once, $at_once * $lookups, time - $begin;

# All have it open, at the same time, and look up once more when all have.
pipe my $gate, my $opener or die "$!\n";
($out, @pids) = children($open, sub {
    my $in = shift;
    close $opener;
    my $s = Fingerpost->new($d->store);
    syswrite $in, right($s, $known[ $$ % @known ]) ? 'o' : 'n';
    sysread $gate, my $x, 1; # until it is closed
    return right($s, $known[ ($$ + 1) % @known ]) ? 'y' : 'n';
});
$said = all_of($out, $open);
is($said =~ tr/o//, $open, "$open processes have the store open");
my $held = $d->stats;
sleep 2;
my $later = $d->stats;
cmp_ok($later->{written} - $held->{written}, '>', 2000, 'the writer goes on beside them');
close $opener;
$said = all_of($out, $open);
waitpid $_, 0 for @pids;
is($said =~ tr/y//, $open, 'and each has an answer again, on a store that was changed meanwhile');
note sprintf 'saw: %d readers with the store open | all answered, twice; %d changes written meanwhile, pages %d, then %d', $open,
    $later->{written} - $held->{written}, $held->{pages}, $later->{pages};

# ---- Where they stand ------------------------------------------------------------------------------------------------

my $one = $known[0];
my @lookup = ("$Daemon::BIN/fingerpost", 'lookup', '--store');
my $ro = "$dir/ro";
mkdir $ro;
($status, my $text) = Daemon::run([ 'unshare', '-m', 'sh', '-c', 'mount --bind "$1" "$2" && mount -o remount,ro,bind "$2" && shift 2 && "$@"', 'sh', $d->store, $ro,
        @lookup, $ro, $one ]);
is($status, 0, 'on a read-only mount') or diag $text;
($out, @pids) = children(1, sub {
    my $s = Fingerpost->new('/store');
    chroot $dir or return 'r';
    chdir '/';
    POSIX::setgid(65534);
    POSIX::setuid(65534);
    return right($s, $one) && !-e '/proc/self' ? 'y' : 'n';
});
is(all_of($out, 1), 'y', 'in a chroot, as another user');
waitpid $_, 0 for @pids;
($status, $text) = Daemon::run([ qw(setpriv --reuid=nobody --regid=nogroup --clear-groups), @lookup, $d->store, $one ]);
is($status, 0, 'the command as another user') or diag $text;

kill KILL => $storm;
waitpid $storm, 0;
undef $storm;
is(($d->stop)[0], 0, 'the daemon ends in order');
note sprintf 'saw: the store of %d hosts | %.0f bytes a host filled, %.0f after the storm', $hosts, $filled / $hosts, 512 * (stat "$dir/store/data.mdb")[12] / $after->{hosts};
done_testing;
