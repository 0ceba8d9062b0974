#!/usr/bin/perl
# Debian's amavisd-new behind Postfix, with the lines of docs/clients/amavisd.md.
use strict;
use warnings;
use lib 'tests/lib';
use MailClient;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = MailClient->new('amavisd');
chomp(my $version = `amavisd-new -V 2>/dev/null || amavisd -V`);
diag "$version behind Postfix " . `postconf -h mail_version`;
MailClient::postfix();
MailClient::paste($c->{recipe}, $_) for '/etc/postfix/main.cf', '/etc/postfix/master.cf', '/etc/amavis/conf.d/60-fingerpost';
MailClient::paste({ '/etc/amavis/conf.d/50-user' => <<'CF' }, '/etc/amavis/conf.d/50-user');
use strict;
$myhostname = 'mx.example';
@local_domains_maps = (['.']);
@bypass_virus_checks_maps = (1);
@bypass_spam_checks_maps = (1);
$max_servers = 1;
$do_syslog = 0;
$LOGFILE = '/var/log/amavis.log';
$log_level = 2;
1;
CF
system 'touch /var/log/amavis.log; chown amavis /var/log/amavis.log';
my $amavisd = -x '/usr/sbin/amavisd-new' ? 'amavisd-new' : 'amavisd';
mkdir '/run/amavis';
system 'chown amavis:amavis /run/amavis';
$c->spawn("$c->{dir}/amavis.out", $amavisd, 'foreground');
ok($c->wait_port(10024), 'amavisd listens') or diag Daemon::slurp("$c->{dir}/amavis.out"), Daemon::slurp('/var/log/amavis.log');
ok($c->run('postfix', 'start') && $c->wait_port(25), 'and Postfix before it');
END { system 'postfix stop >/dev/null 2>&1' if $c }

sub mail { my ($subject) = $c->send('reader@mx.example'); return $c->delivered('/var/mail/reader', $subject, 60) }
sub logs { return join '', map { Daemon::slurp($_) } '/var/log/amavis.log', '/var/log/postfix.log' }
my $ours = qr/^X-Amavis-OS-Fingerprint: Linux [^\n]*, \(distance 0, link: ethernet\/modem\)/m;

my $head = mail();
like($head, qr/^X-Virus-Scanned:|^Received: .*10024/m, 'nobody there: amavisd scans, and mail flows') or diag logs();
unlike($head, qr/^X-Amavis-OS-Fingerprint: \S/m, 'without a fingerprint');
my $d = $c->start_daemon;
$head = mail();
like($head, $ours, 'our answer is in what was delivered') or diag logs();
diag $head =~ /^(X-Amavis-OS.*)$/m;
$d->killed;
$head = mail();
like($head, qr/^Subject:/m, 'killed: mail flows');
unlike($head, qr/^X-Amavis-OS-Fingerprint: \S/m, 'without a fingerprint');
$d = $c->start_daemon;
like(mail(), $ours, 'started again: it is back');
$d->stop;
done_testing;
