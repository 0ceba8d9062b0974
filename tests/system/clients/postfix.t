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
MailClient::postfix('smtpd_recipient_restrictions = permit', 'smtpd_relay_restrictions = reject_unauth_destination');
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

$d = $c->outlives($d, \&mail, $ours);

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
