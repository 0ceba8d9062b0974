#!/usr/bin/perl
# Debian's rspamd, its p0f module unchanged, behind Postfix's milter, with the lines of docs/clients/rspamd.md.
use strict;
use warnings;
use lib 'tests/lib';
use MailClient;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = MailClient->new('rspamd');
diag join ' ', map { chomp(my $v = $_); $v } `rspamd --version | head -1`, 'behind Postfix', `postconf -h mail_version`;
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
smtpd_milters = inet:127.0.0.1:11332
milter_default_action = accept
CF
close $cf;
MailClient::paste($c->{recipe}, '/etc/rspamd/local.d/p0f.conf');
my %local = (
    'milter_headers.conf' => "use = [\"x-spamd-result\"];\n",
    # No questions to the internet that is not there; a file that we can look at.
    'options.inc'         => "dns { nameserver = [\"127.0.0.1:1\"]; timeout = 0.1s; retransmits = 1; }\ndisable_hyperscan = true;\n",
    'rbl.conf'            => "enabled = false;\n",
    'actions.conf'        => "greylist = null;\n",
    'fuzzy_check.conf'    => "enabled = false;\n",
    'asn.conf'            => "enabled = false;\n",
    'logging.inc'         => "type = \"file\";\nfilename = \"/var/log/rspamd/rspamd.log\";\n",
);
for my $file (sort keys %local) {
    MailClient::paste({ "/etc/rspamd/local.d/$file" => $local{$file} }, "/etc/rspamd/local.d/$file");
}
mkdir '/run/rspamd';
system 'chown _rspamd /run/rspamd';
$c->spawn("$c->{dir}/rspamd.out", qw(rspamd -f -u _rspamd -g _rspamd));
ok($c->wait_port(11332), 'rspamd listens') or diag Daemon::slurp("$c->{dir}/rspamd.out"), Daemon::slurp('/var/log/rspamd/rspamd.log');
ok($c->run('postfix', 'start') && $c->wait_port(25), 'and Postfix before it');
END { system 'postfix stop >/dev/null 2>&1' if $c }

sub mail { my ($subject) = $c->send('reader@mx.example', @_); return $c->delivered('/var/mail/reader', $subject) }

my $head = mail();
like($head, qr/^X-Spamd-Result:/m, 'nobody there: rspamd judges, and mail flows') or diag Daemon::slurp('/var/log/rspamd/rspamd.log');
like($head, qr/P0F_FAIL/, 'it says that there is no p0f');

my $d = $c->start_daemon;
$head = mail();
my $result = qr/OS_LINUX\(0\.00\)\[Linux [^\]]*\].*P0F\(0\.00\)\[link=Ethernet or modem,distance=0\]/;
like($head, $result, 'the symbol of our answer in what was delivered') or diag Daemon::slurp('/var/log/rspamd/rspamd.log');
diag $head =~ /(OS_LINUX[^\]]*\])/;
unlike($head, qr/P0F_FAIL/, 'and no failure');
my $n = $d->stats;
mail() for 1 .. 3;
ok($d->wait_for(sub { $d->stats->{p0f_queries} >= $n->{p0f_queries} + 3 }, 5), 'one query a message');

kill KILL => $d->pid;
$d->wait_for(sub { $d->ended });
$head = mail();
like($head, qr/^X-Spamd-Result:.*P0F_FAIL/m, 'killed: rspamd judges, and mail flows');
$d = $c->start_daemon;
like(mail(), $result, 'started again: the symbol is back');
$d->stop;
done_testing;
