#!/usr/bin/perl
# Debian's Postfix with the lines of docs/clients/postfix.md: our header in what it delivers, and mail that flows whatever we do.
use strict;
use warnings;
use lib 'tests/lib';
use MailClient;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = MailClient->new('postfix');
diag 'Postfix ' . `postconf -h mail_version`;
system 'useradd -m reader' and die "useradd failed\n";
open my $cf, '>', '/etc/postfix/main.cf' or die;
print $cf <<'CF';
compatibility_level = 3.6
myhostname = mx.example
mydestination = mx.example
mynetworks = 127.0.0.0/8
inet_interfaces = all
mail_spool_directory = /var/mail
maillog_file = /var/log/postfix.log
smtpd_recipient_restrictions = permit
smtpd_relay_restrictions = reject_unauth_destination
CF
close $cf;
MailClient::paste($c->{recipe}, '/etc/postfix/main.cf');
sub mail { my @more = @_; my ($subject, $took) = $c->send('reader@mx.example', headers => \@more); return ($c->delivered('/var/mail/reader', $subject), $took) }
my $ours = qr/^X-P0f-OS-Fingerprint: Linux [^\n]*, \(distance 0, link: ethernet\/modem\)$/m;

# ---- Absent ---------------------------------------------------------------------------------------------------

ok($c->run('postfix', 'start'), 'Postfix starts') or diag Daemon::slurp('/var/log/postfix.log');
END { system 'postfix stop >/dev/null 2>&1' if $c }
ok($c->wait_port(25), 'and listens');
my ($head, $took) = mail();
like($head, qr/^Subject: message/m, 'nobody there: mail flows') or diag Daemon::slurp('/var/log/postfix.log');
unlike($head, qr/X-P0f/, 'without a header');
note sprintf 'it took %.2f s', $took;

# ---- There ----------------------------------------------------------------------------------------------------

my $d = $c->start_daemon;
($head, $took) = mail();
like($head, $ours, 'our answer is in what Postfix delivered');
diag $head =~ /^(X-P0f.*)$/m;
note sprintf 'it took %.2f s', $took;
$head = $c->delivered('/var/mail/reader', scalar $c->send_local('reader@mx.example'));
like($head, qr/^Subject: message/m, 'a client that was never seen');
unlike($head, qr/X-P0f/, 'has no header, not an empty one');
($head) = mail('X-P0f-OS-Fingerprint: FreeBSD 9 or later, (distance 1, link: ethernet/modem)');
my @values = $head =~ /^X-P0f-OS-Fingerprint: (\S+)/mg;
is("@values", 'Linux FreeBSD', 'a sender\'s own header stands below ours');

# ---- Killed, stopped in mid-answer, started again --------------------------------------------------------------------

kill KILL => $d->pid;
$d->wait_for(sub { $d->ended });
($head) = mail();
like($head, qr/^Subject: message/m, 'killed: mail flows');
unlike($head, qr/X-P0f/, 'without a header');
$d = $c->start_daemon;
like((mail())[0], $ours, 'started again: the header is back');
my ($services) = (split ' ', Daemon::slurp('/proc/' . $d->pid . '/task/' . $d->pid . '/children'))[1];
kill STOP => $services;
($head, $took) = mail();
kill CONT => $services;
like($head, qr/^Subject: message/m, 'one that hangs: mail flows');
cmp_ok($took, '<', 10, 'after its timeout of two seconds');

# ---- A rule, and a path -----------------------------------------------------------------------------------------------

$d->stop;
open my $conf, '>', '/etc/fingerpost/fingerpost.conf' or die;
print $conf "policy.listen = /var/spool/postfix/private/fingerpost\npolicy.rules = class=unix family=4 : REJECT we know: {}\n";
close $conf;
$c->run('postconf', '-e', 'smtpd_data_restrictions = check_policy_service { unix:private/fingerpost, timeout=2s, try_limit=1, default_action=DUNNO }');
$c->run('postfix', 'reload');
$d = $c->start_daemon;
eval { $c->send('reader@mx.example') };
like($@, qr/554 .*we know: Linux/, 'a rule decides, over a path');
$d->stop;
done_testing;
