#!/usr/bin/perl
# `fingerpost watch` and `top` on a store that lives: what comes is said once, what is there is counted, and a store of many hosts
# is shown without hindering the daemon.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use JSON::PP;
use Net;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $net = Net->new;
my $sport = 20000;
sub send_syns { my ($system, @from) = @_; return $net->send_packets([ map { Wire::syn($system, to => '192.0.2.1', from => $_, sport => $sport++, seq => 7) } @from ], 0.0005) }

my $d = Daemon->start(prefix => [ $net->inside('mx') ], options => [ '-i', 'mx0', '--http', 'off' ]);
like($d->log, qr/ready/, 'the daemon is ready') or diag $d->log;
send_syns('Windows XP', '198.51.100.1');
$d->wait_for(sub { $d->lookup('198.51.100.1') }, 5);
sleep 1.1;

# Runs a command beside us, its output in a file: (pid, file).
sub beside {
    my @argv = @_;
    my $out = Daemon::scratch() . '/out';
    my $pid = fork // die "fork: $!\n";
    return ($pid, $out) if $pid;
    open STDOUT, '>', $out or die;
    open STDERR, q(>), "$out.err" or die;
    exec @argv or die;
}
sub watch { return beside("$Daemon::BIN/fingerpost", 'watch', '--store', $d->store, @_) }
sub end_it { my $pid = shift; kill TERM => $pid; waitpid $pid, 0; return }

my ($pid, $out) = watch();
my ($json_pid, $json_out) = watch('--json', '--all');
sleep 0.6;
send_syns('FreeBSD', map { "198.51.100.$_" } 10 .. 29);
ok($d->wait_for(sub { (() = Daemon::slurp($out) =~ /\n/g) >= 20 }, 5), 'twenty new hosts are said');
sleep 3.5;
my @lines = split /\n/, Daemon::slurp($out);
is(scalar @lines, 20, 'each of them once, and the one that was there before not at all') or diag join "\n", @lines;
like($lines[0], qr/\A\d\d:\d\d:\d\d  new +198\.51\.100\.10  FreeBSD/, 'with what they are');
send_syns('FreeBSD', '198.51.100.1');
send_syns('Windows XP', '198.51.100.1');
ok($d->wait_for(sub { Daemon::slurp($json_out) =~ /"event":"seen","host":\{"ip":"198\.51\.100\.1"/ }, 5), '--all: one that is seen again');
sleep 1;
is(scalar(grep { !eval { decode_json($_)->{host}{ip} } } split /\n/, Daemon::slurp($json_out)), 0, '--json: an object a line');
end_it($_) for $pid, $json_pid;

my ($status, $top) = Daemon::cli('top', '--store', $d->store);
is($status, 0, 'top, not on a terminal: once');
like($top, qr/^ +21 +100\.0% +0  all$/m, 'all hosts') or diag $top;
like($top, qr/^ +20 +95\.2% .*FreeBSD/m, 'by system');
like($top, qr/^seen last:\n198\.51\.100\.1  /m, 'the hosts seen last, the youngest first');

# On a terminal it draws again each second.
my ($top_pid, $top_out) = beside('script', '-qfec', "env TERM=vt100 $Daemon::BIN/fingerpost top --store " . $d->store, '/dev/null');
$d->wait_for(sub { Daemon::slurp($top_out) =~ /a second:/ }, 20);
kill INT => $top_pid;
waitpid $top_pid, 0;
my $drawn = Daemon::slurp($top_out);
cmp_ok(scalar(() = $drawn =~ /\e\[H\e\[2J/g), '>=', 2, 'on a terminal it draws again');
like($drawn, qr/a second:  frames \d+  syn \d+/, 'with rates') or diag $drawn;
(undef, $drawn) = Daemon::run([ 'env', 'NO_COLOR=1', 'timeout', '-s', 'INT', '2', 'script', '-qec', "$Daemon::BIN/fingerpost top --store " . $d->store, '/dev/null' ], limit => 10);
unlike($drawn, qr/\e\[1m/, 'NO_COLOR is honoured');
is(($d->stop)[0], 0, 'the daemon ends in order');
is((Daemon::cli('top', '--store', '/nonexistent'))[0], 2, 'no store: exit 2');
is((Daemon::cli('watch', '--store', '/nonexistent'))[0], 2, 'for both');
done_testing;
