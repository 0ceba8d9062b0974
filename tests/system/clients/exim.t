#!/usr/bin/perl
# Debian's Exim with the lines of docs/clients/exim.md.
use strict;
use warnings;
use lib 'tests/lib';
use MailClient;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = MailClient->new('exim');
diag +(split /\n/, `exim4 --version`)[0];
MailClient::reader();
MailClient::paste($c->{recipe}, $_) for '/etc/exim4/acl_connect', '/etc/exim4/acl_data';
open my $cf, '>', '/etc/exim4/exim4.conf' or die;
print $cf <<'CF';
primary_hostname = mx.example
keep_environment =
tls_advertise_hosts =
domainlist local_domains = mx.example
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_connect = connect
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
connect:
.include /etc/exim4/acl_connect
  accept
rcpt:
  accept domains = +local_domains
data:
.include /etc/exim4/acl_data
  accept
begin routers
local:
  driver = accept
  check_local_user
  transport = file
begin transports
file:
  driver = appendfile
  file = /var/mail/$local_part_data
  delivery_date_add
  group = mail
  mode = 0660
CF
close $cf;
$c->spawn("$c->{dir}/exim.log", qw(exim4 -bdf -oX 25));
ok($c->wait_port(25), 'Exim listens') or diag Daemon::slurp("$c->{dir}/exim.log"), Daemon::slurp('/var/log/exim4/mainlog'), Daemon::slurp('/var/log/exim4/paniclog');

sub mail { my ($subject, $took) = $c->send('reader@mx.example'); return ($c->delivered('/var/mail/reader', $subject), $took) }
my $ours = qr/^X-P0f-OS-Fingerprint: Linux [^\n]*, \(distance 0, link: ethernet\/modem\)$/m;

my ($head, $took) = mail();
like($head, qr/^Subject: message/m, 'nobody there: mail flows') or diag Daemon::slurp('/var/log/exim4/mainlog'), Daemon::slurp('/var/log/exim4/paniclog'), Daemon::slurp("$c->{dir}/exim.log");
unlike($head, qr/X-P0f/, 'without a header');

my $d = $c->start_daemon;
($head, $took) = mail();
like($head, $ours, 'our answer is in what Exim delivered') or diag Daemon::slurp('/var/log/exim4/mainlog');
diag $head =~ /^(X-P0f.*)$/m;
note sprintf 'it took %.2f s', $took;

$head = $c->delivered('/var/mail/reader', scalar $c->send_local('reader@mx.example'));
like($head, qr/^Subject: message/m, 'a client that was never seen');
unlike($head, qr/X-P0f/, 'has no header, not an empty one');

# New clients, each asked about at accept().
my @new = map { "192.0.2.$_" } 101 .. 110;
$c->net->address(@new);
my $known = 0;
for my $address (@new) {
    my ($subject) = $c->send('reader@mx.example', from => $address);
    $known++ if $c->delivered('/var/mail/reader', $subject) =~ $ours;
}
diag "$known of 10 new clients were known";
cmp_ok($known, '>=', 8, 'new clients are known when Exim asks about them'); # of 10; tests/system/sockets.t holds us to 19 of 20

$d = $c->outlives($d, \&mail, $ours);
$d->stop;
done_testing;
