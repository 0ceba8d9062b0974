#!/usr/bin/perl
# make demo: ends by itself with every answer right, on a wire and without one, and leaves nothing behind.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Net;
use Test::More;
use Time::HiRes qw(sleep);

# Namespaces whose maker is gone: their names say who it was. (Other tests may be running.)
sub left_behind {
    return scalar grep { my ($pid) = /\Afp-(?:mx|out)-(\d+)-/; $pid && !-e "/proc/$pid" } map { (split)[0] } `ip netns list 2>/dev/null`;
}

my $before = left_behind();

SKIP: {
    my $why = Net::unable();
    skip $why, 6 if $why;
    my ($status, $out, $err) = Daemon::run(['cmd/demo'], limit => 120);
    is($status, 0, 'on a wire: exit 0') or diag $out, $err;
    like($out, qr/every client has the right header and score/, 'every answer is right');
    like($out, qr/^Windows XP\s+192\.0\.2\.11\s.*L_P0F_WXP\s+1\.0$/m, 'Windows XP: 1.0');
    like($out, qr/^FreeBSD\s.*L_P0F_Unix\s+-1\.0$/m, 'FreeBSD: -1.0');
    like($out, qr/kernel_seen (\d+) = kernel_dropped 0 \+ frames \1$/m, 'the counters add up');
    is(left_behind(), $before, 'no namespace is left');
}

SKIP: {
    skip 'not root: the demo above ran without a wire', 2 if $> != 0;
    my ($status, $out, $err) = Daemon::run(['setpriv', '--bounding-set=-sys_admin,-net_admin', '--inh-caps=-sys_admin,-net_admin', 'cmd/demo'], limit => 120);
    is($status, 0, 'without the right to make namespaces: exit 0') or diag $out, $err;
    like($out, qr/the same clients are read from a capture.*every client has the right header and score/s, 'and says what it does instead');
}

SKIP: {
    my $why = Net::unable();
    skip $why, 2 if $why;
    my $dir = Daemon::scratch();
    my $pid = fork // die;
    if (!$pid) { $ENV{HOLD} = 60; open STDOUT, '>', "$dir/out"; open STDERR, '>&', \*STDOUT; exec 'cmd/demo' }
    Daemon->wait_for(sub { Daemon::slurp("$dir/out") =~ /holding/ }, 60);
    kill INT => $pid;
    waitpid $pid, 0;
    is($? >> 8, 130, 'Ctrl-C ends it');
    is(left_behind(), $before, 'and it cleans up');
}
done_testing;
