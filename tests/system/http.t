#!/usr/bin/perl
# The HTTP API of a real daemon, confined as it is by default: pages, systems, history and events from the wire, over a restart of the process that
# answers and of the whole; who is forgotten is not told of any more.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use Net;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

if (my $why = Net::unable()) { plan skip_all => $why }

my $net = Net->new;
my $dir = Daemon::scratch();
chmod 0755, $dir;
my $socket = "$dir/http";
my @options = ('-i', 'mx0', '--http', "unix:$socket");
my $n = 0;
sub clients { my ($system, @hosts) = @_; return $net->send_packets([ map { Wire::handshake($system, from => "198.51.100.$_", to => '192.0.2.1', sport => 20000 + $n++, seq => 77 * $n) } @hosts ], 0.0005) }
sub get { my ($code, $body) = Daemon::http($socket, shift); return $code == 200 ? decode_json($body =~ s/\A[0-9a-f]+\r\n(?=\{)//r) : { status => $code } }

# A listener: what comes until a pattern fits, or three seconds.
sub listener {
    my ($id) = @_;
    my $s = IO::Socket::UNIX->new(Peer => $socket, Timeout => 5) or die "connect: $!\n";
    print $s "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n" . (defined $id ? "Last-Event-ID: $id\r\n" : '') . "\r\n";
    return { s => $s, text => '' };
}
sub hears {
    my ($l, $pattern) = @_;
    my ($select, $end) = (IO::Select->new($l->{s}), time + 3);
    until ($l->{text} =~ $pattern) {
        return 0 if time > $end;
        next unless $select->can_read(0.1);
        sysread($l->{s}, $l->{text}, 65536, length $l->{text}) or return $l->{text} =~ $pattern;
    }
    return 1;
}

my $d = Daemon->start(dir => $dir, prefix => [ $net->inside('mx') ], options => \@options);
like($d->log, qr/ready/, 'the daemon is ready') or BAIL_OUT($d->log);
my $l = listener();
ok(hears($l, qr/: fingerpost\n/), 'a listener is greeted at once');
clients('Windows XP', 1 .. 30);
ok(hears($l, qr/event: new\ndata: \{"event":"new",.*"ip":"198\.51\.100\.30"/), 'and hears of new hosts');
my @ids = $l->{text} =~ /^id: (\S+)$/mg;
my @ips = $l->{text} =~ /"ip":"([^"]+)"/g;
is(scalar(@{[ grep { /\A198/ } @ips ]}), 30, 'of each once');

clients('FreeBSD', 40 .. 49);
ok($d->wait_for(sub { get('/v1/os')->{hosts} == 41 }, 5), 'systems: 40 clients and their server');
my %by = map { ($_->{name} // '-') => $_->{hosts} } @{ get('/v1/os')->{systems} };
is("$by{Windows} $by{FreeBSD}", '30 10', 'by name');
my @all = map { $_->{ip} } @{ get('/v1/hosts?limit=1000')->{hosts} };
is(scalar @all, 41, 'a page of all');
is(join(' ', @all[ 0 .. 9 ]), join(' ', map { "198.51.100.$_" } reverse 40 .. 49), 'the newest first');
is(scalar @{ get('/v1/hosts?os=freebsd')->{hosts} }, 10, 'one system alone');
ok($d->wait_for(sub { my $h = get('/v1/history'); ($h->{systems}[0]{name} // '') eq 'Windows' && grep { ($_ // 0) > 0 } @{ $h->{systems}[0]{hosts} } }, 5), 'history has this minute');

# ---- The process that answers is killed: another goes on where it was ------------------------------------------------------

my $services = $d->services;
kill KILL => $services;
$d->wait_for(sub { $d->log =~ /started again/ }, 5);
clients('OpenBSD', 60);
ok($d->wait_for(sub { (get('/v1/hosts?limit=1')->{hosts}[0]{ip} // '') eq '198.51.100.60' }, 5), 'a services process that was killed: the next knows the newest');
$l = listener($ids[-1]);
ok(hears($l, qr/"ip":"198\.51\.100\.60"/), 'a listener comes back');
is(join(' ', $l->{text} =~ /"ip":"(198[^"]+)"/g), join(' ', map { "198.51.100.$_" } 40 .. 49, 60), 'and has missed nothing, nor heard anything twice');
unlike($l->{text}, qr/event: lost/, 'nor lost');

# ---- Forgotten ------------------------------------------------------------------------------------------------------------

is((Daemon::cli('forget', '--store', $d->store, '198.51.100.45'))[0], 0, 'one is forgotten');
$l = listener($ids[-1]);
ok(hears($l, qr/"ip":"198\.51\.100\.60"/), 'who listens from before');
unlike($l->{text}, qr/198\.51\.100\.45/, 'is not told of him');
like($l->{text}, qr/event: lost\ndata: \{"lost":1\}/, 'but that there is one less');
is(get('/v1/os')->{hosts}, 41, 'counted no more');

# ---- A restart: counts are made anew, history is there, numbers of events begin anew -------------------------------------------

sleep 1.2;
is(($d->stop)[0], 0, 'stopped while somebody listens');
$d = Daemon->start(dir => $dir, prefix => [ $net->inside('mx') ], options => \@options);
ok($d->wait_for(sub { my $os = get('/v1/os'); $os->{complete} && $os->{hosts} == 41 }, 5), 'after a restart the same hosts are counted');
my $h = get('/v1/history?by=hour');
is((grep { ($_->{name} // '') eq 'Windows' } @{ $h->{systems} })[0]{first}[-1] // (grep { ($_->{name} // '') eq 'Windows' } @{ $h->{systems} })[0]{first}[-2], 30, 'history is there');
is(scalar @{ get('/v1/hosts')->{hosts} }, 41, 'all hosts, by address');
$l = listener($ids[-1]);
ok(hears($l, qr/event: lost\ndata: \{"lost":null\}/), 'a listener from before is told that it missed some');
is(($d->stop)[0], 0, 'the daemon ends in order');
unlike($d->log, qr/error|killed/, 'and nothing was wrong') or diag $d->log;
done_testing;
