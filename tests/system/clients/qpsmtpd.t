#!/usr/bin/perl
# Debian's qpsmtpd with its plugin ident/p0f, which sends each query twice, with the lines of docs/clients/qpsmtpd.md.
use strict;
use warnings;
use lib 'tests/lib';
use MailClient;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = MailClient->new('qpsmtpd');
my ($maildir, $log) = ('/var/mail/qpsmtpd', '/var/log/qpsmtpd/qpsmtpd.log');
diag 'qpsmtpd ', `dpkg-query -W -f '\${Version}' qpsmtpd`;
system("install -d -o qpsmtpd /var/log/qpsmtpd /run/qpsmtpd && install -d -o qpsmtpd $maildir") == 0 or die "no folders\n";
unlink '/etc/qpsmtpd/plugins', $log;
MailClient::paste($c->{recipe}, $_) for '/etc/qpsmtpd/plugins', '/etc/qpsmtpd/plugin_dirs', '/usr/local/share/qpsmtpd/plugins/p0f_header';
my %other = ('/etc/qpsmtpd/plugins' => "rcpt_ok\nqueue/maildir $maildir\n", '/etc/qpsmtpd/rcpthosts' => "mx.example\n");
MailClient::paste(\%other, $_) for sort keys %other;
$ENV{QPSMTPD_CONFIG} = '/etc/qpsmtpd';
$c->spawn("$c->{dir}/qpsmtpd.out", qw(qpsmtpd-forkserver --port 25 --listen-address 0.0.0.0 --user qpsmtpd --no-rdns));
ok($c->wait_port(25), 'qpsmtpd listens') or diag Daemon::slurp("$c->{dir}/qpsmtpd.out"), Daemon::slurp($log);

sub mail { my ($subject, $took) = $c->send('reader@mx.example', @_); return ($c->delivered($maildir, $subject), $took) }

my ($head, $took) = eval { mail() };
diag $@, Daemon::slurp("$c->{dir}/qpsmtpd.out"), Daemon::slurp($log) if $@;
like($head, qr/^Subject: message/m, 'nobody there: mail flows') or diag Daemon::slurp("$c->{dir}/qpsmtpd.out"), Daemon::slurp($log);
unlike($head, qr/X-P0f/, 'without the header');
like(Daemon::slurp($log), qr/could not open socket/, 'its log says why');

my $d = $c->start_daemon;
my $known = qr/^X-P0f-OS-Fingerprint: Linux \S/m;
($head, my $usual) = mail();
like($head, $known, 'our answer in what was delivered') or diag Daemon::slurp($log);
diag $head =~ /^(X-P0f.*)/m;
my $n = $d->stats;
my @new = map { "192.0.2.$_" } 101 .. 120;
my $met = 0;
for my $address (@new) {
    $c->net->address($address);
    ($head) = mail(from => $address);
    $met += $head =~ $known;
}
diag "new clients known when they came: $met of 20";
cmp_ok($met, '>=', 19, 'new clients are known when they come');
ok($d->wait_for(sub { $d->stats->{p0f_queries} >= $n->{p0f_queries} + 40 }, 5), 'each query came twice, and was answered twice');

$d->killed;
($head, $took) = mail();
like($head, qr/^Subject: message/m, 'killed: mail flows');
cmp_ok($took - $usual, '<', 5, 'and waits for nobody');
$d = $c->start_daemon;
like((mail())[0], $known, 'started again: the header is back');
$d->stop;
done_testing;
