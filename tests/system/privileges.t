#!/usr/bin/perl
# What each process may do, seen from outside: /proc says how it is confined, and a daemon built for it (cmd/hook.h) tries
# what an intruder would begin with.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Net;
use Test::More;
use Wire;

my $unable = Net::unable();
plan skip_all => $unable if $unable;

my $hooked = 'build/plain/hooks/fingerpostd';
my $made = `make -s $hooked 2>&1`;
is($?, 0, 'the daemon with hooks is built') or diag $made;

my $dir = Daemon::scratch();
chmod 0755, $dir;
my $net = Net->new;
Wire::pcap("$dir/a.pcap", [ map { Wire::syn('Linux', from => "192.0.2.$_", to => '192.0.2.1', sport => 20000 + $_, seq => $_) } 10 .. 30 ]);
my $n = 0;
my ($nobody, $nogroup) = (scalar getpwnam('nobody'), scalar getgrnam('nogroup'));

# landlock_create_ruleset(2) asked for its version
my $abi = syscall(444, 0, 0, 1);
cmp_ok($abi, '>=', 2, "this kernel has Landlock ($abi), which half of these tests are about");

sub status_of { my ($pid, $field) = @_; return (Daemon::slurp("/proc/$pid/status") =~ /^$field:\s+(.*?)\s*$/m)[0] }
sub threads { my $pid = shift; return map { Daemon::slurp($_) =~ s/\n//r } glob "/proc/$pid/task/*/comm" }

# What sockets a process holds: kinds of /proc/PID/net that list the inodes of its descriptors.
sub sockets {
    my $pid = shift;
    my %inode = map { (readlink($_) // '') =~ /\Asocket:\[(\d+)\]\z/ ? ($1 => 1) : () } glob "/proc/$pid/fd/*";
    my %kinds;
    for (split /\n/, Daemon::slurp("/proc/$pid/net/packet")) { my @f = split; $kinds{packet} = 1 if $inode{ $f[8] // '' } }
    for my $table (qw(tcp tcp6)) {
        for (split /\n/, Daemon::slurp("/proc/$pid/net/$table")) { my @f = split; $kinds{listening} = 1 if $inode{ $f[9] // '' } && $f[3] eq '0A' }
    }
    return join ' ', sort keys %kinds;
}

# Why it is what it says, argv before the daemon, options.
for my $way (
    [ 'started as root', [], [ '-u', 'nobody' ], 1 ],
    [ 'never root', [ 'setpriv', "--reuid=$nobody", "--regid=$nogroup", '--clear-groups', '--inh-caps=-all,+net_raw', '--ambient-caps=+net_raw',
        '--bounding-set=-all,+net_raw' ], [], 0 ],
) {
    my ($why, $prefix, $options, $root) = @$way;
    my $home = "$dir/home" . $n++;
    mkdir $home;
    chown $nobody, $nogroup, $home if !$root;
    my $d = Daemon->start(dir => $dir, store => "$home/store", prefix => [ $net->inside('mx'), @$prefix ],
        options => [ '-i', 'mx0', '--http', '127.0.0.1:8025', '-o', "$home/p0f.log", @$options ]);
    like($d->log, qr/ready/, "$why: runs") or diag $d->log;
    my ($packets, $services) = $d->children;
    for ([ supervisor => $d->pid, '' ], [ packets => $packets, 'packet' ], [ services => $services, 'listening' ]) {
        my ($who, $pid, $sockets) = @$_;
        is(status_of($pid, 'Seccomp'), 2, "$why, $who: a filter of system calls");
        is(status_of($pid, 'NoNewPrivs'), 1, "$why, $who: no new privileges");
        is(status_of($pid, "Cap$_"), '0000000000000000', "$why, $who: Cap$_") for qw(Eff Prm Inh Amb);
        is(status_of($pid, 'Uid'), join("\t", ($nobody) x 4), "$why, $who: its user, with no way back");
        is(status_of($pid, 'Gid'), join("\t", ($nogroup) x 4), "$why, $who: its group");
        unlike(status_of($pid, 'Groups') // '', qr/\b0\b/, "$why, $who: not root's groups");
        is(sockets($pid), $sockets, "$why, $who: sockets") unless $who eq 'supervisor';
        my $place = readlink "/proc/$pid/root";
        is($place, $root && $who ne 'packets' ? "$home/store" : '/', "$why, $who: its root");
    }
    ok((grep { $_ eq 'log' } threads($packets)), "$why: threads of packets have their names");
    ok((grep { $_ eq 'control' } threads($services)), "$why: those of services as well");
    # All of that after services was started again, out of a supervisor that has given up everything.
    kill KILL => $services;
    ok($d->wait_for(sub { my (undef, $again) = $d->children; $again && $again != $services && (status_of($again, 'Seccomp_filters') // 0) >= 2 }, 10),
        "$why: services is started again, under both filters");
    my $curl = sub { my @r = Daemon::run([ $net->inside('mx'), 'curl', '-sf', 'http://127.0.0.1:8025/healthz' ]); return $r[0] };
    ok($d->wait_for(sub { $curl->() eq '0' }, 10), "$why: and answers");
    kill HUP => $d->pid;
    ok($d->wait_for(sub { $d->log =~ /signatures read/ }, 5), "$why: signature files are read again");
    unlike($d->log, qr/signal 31/, "$why: nothing of ours was forbidden");
    is(($d->stop)[0], 0, "$why: ends in order");
}

# A damaged store is checked in a child, set aside and begun anew: the writer's most.
{
    my $store = "$dir/damaged";
    my @argv = ("$Daemon::BIN/fingerpostd", '-u', 'nobody', '-r', "$dir/a.pcap", '--store', $store);
    is((Daemon::run(\@argv))[0], 0, 'a store is made');
    open my $out, '+<', "$store/data.mdb" or die;
    seek $out, 8192, 0;
    print $out "\xff" x 4096;
    close $out;
    unlink "$store/stamp";
    my ($status, undef, $err) = Daemon::run(\@argv);
    is($status, 0, 'a damaged one is replaced') or diag $err;
    like($err, qr/set aside/, 'and set aside');
    my ($answer) = Daemon::cli('lookup', '--store', $store, '192.0.2.10');
    is($answer, 0, 'the new one has what was read');
}

# ---- What must fail ----------------------------------------------------------------------------------------
# PROCESS:ACT:ARGUMENT, what comes of it: 31 is death by SIGSYS; else the words of the error.

my ($gone, $denied, $never) = (qr/Function not implemented/, qr/Permission denied/, qr/Operation not permitted/);
my $kill = $abi >= 6 ? $never : qr/./;
my @acts = (
    [ 'packets:exec:/bin/true' => 31 ], [ 'packets:socket:inet' => 31 ], [ 'packets:socket:packet' => 31 ], [ 'packets:socket:unix' => 31 ],
    [ 'packets:connect:25' => 31 ], [ 'packets:accept:0' => 31 ], [ 'packets:ptrace:' => 31 ], [ 'packets:unshare:' => 31 ],
    [ 'packets:setuid:' => 31 ], [ 'packets:clone:' => $gone ], [ 'packets:code:' => $gone ], [ 'packets:limit:' => $gone ],
    [ 'packets:securebits:' => $gone ], [ 'packets:read:/etc/passwd' => $denied ], [ "packets:write:$dir/new" => $denied ],
    [ 'packets:write:STORE/new' => qr/done/ ], [ 'packets:fork:' => qr/done/ ], [ 'packets:kill:' => $kill ],
    [ 'services:exec:/bin/true' => 31 ], [ 'services:socket:inet' => 31 ], [ 'services:socket:packet' => 31 ], [ 'services:connect:25' => 31 ],
    [ 'services:ptrace:' => 31 ], [ 'services:unshare:' => 31 ], [ 'services:setuid:' => 31 ], [ 'services:clone:' => $gone ],
    [ 'services:fork:' => $gone ], [ 'services:code:' => $gone ], [ 'services:kill:' => $gone ], [ 'services:limit:' => $gone ],
    [ 'services:read:/data.mdb' => qr/done/ ], [ 'services:read:/etc/passwd' => qr/No such file/ ], [ 'services:write:/data.mdb' => $gone ],
    [ 'services:write:/new' => $gone ], [ 'services:unlink:/data.mdb' => 31 ],
    [ 'supervisor:exec:/bin/true' => 31 ], [ 'supervisor:socket:packet' => 31 ], [ 'supervisor:connect:25' => 31 ], [ 'supervisor:ptrace:' => 31 ],
    [ 'supervisor:setuid:' => 31 ], [ 'supervisor:write:/data.mdb' => $gone ], [ 'supervisor:read:/etc/passwd' => qr/No such file/ ],
);
{
    local $Daemon::BIN = 'build/plain/hooks';
    for (@acts, [ 'packets:read:/etc/passwd' => qr/done/, 'no' ]) {
        my ($act, $want, $confine) = @$_;
        my $store = "$dir/act" . $n++;
        (local $ENV{FP_TEST_TRY} = $act) =~ s/STORE/$store/;
        my $d = Daemon->start(dir => $dir, store => $store, options => [ '-u', 'nobody', '-r', "$dir/a.pcap", '--stay', '--http', "unix:$store.http",
            '-f', 'build/share/fingerpost.fp', ($confine ? ('--set', "confine=$confine") : ()) ]);
        my ($who, $tried) = split /:/, $ENV{FP_TEST_TRY}, 2;
        my $heard = $d->wait_for(sub { $d->log =~ /hook: \Q$tried\E: |was killed by|hook: no such/ || $d->ended }, 10);
        # A child's death is said by the supervisor, the supervisor's by its status.
        my $got = $d->log =~ /the $who process was killed by signal (\d+)/ ? $1 : $d->ended && $d->{status} =~ /\Asignal (\d+)/ ? $1
            : $d->log =~ /hook: \Q$tried\E: (.*)/ ? $1 : 'nothing';
        my $name = $act =~ s/\Q$dir\E/.../r . ($confine ? " with confine = $confine" : '');
        if (ref $want) { like($got, $want, $name) or diag $d->log }
        else           { is($got, $want, $name) or diag $d->log }
        $d->stop;
    }
}
done_testing;
