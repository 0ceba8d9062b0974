#!/usr/bin/perl
# Debian's rspamd, its p0f module unchanged and ours beside it, behind Postfix's milter, with the lines of docs/clients/rspamd.md.
use strict;
use warnings;
use lib 'tests/lib';
use MailClient;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = MailClient->new('rspamd');
diag join ' ', map { chomp(my $v = $_); $v } `rspamd --version | head -1`, 'behind Postfix', `postconf -h mail_version`;
MailClient::postfix('smtpd_milters = inet:127.0.0.1:11332', 'milter_default_action = accept');
MailClient::paste($c->{recipe}, $_) for '/etc/rspamd/local.d/p0f.conf', '/etc/rspamd/rspamd.local.lua', '/etc/rspamd/local.d/groups.conf';
# The module and its library where a package has them; the store where this test has it.
my $lua = '/usr/share/fingerpost/lua';
system("install -D -m 644 -t $lua docs/fingerpost.lua docs/clients/rspamd.lua && install -m 755 build/lib/libfingerpost.so /usr/local/lib/libfingerpost.so.1 && ldconfig") == 0
    or die "our module cannot be installed\n";
for ([ '/etc/rspamd/rspamd.conf.local', "fingerpost { store = \"$c->{dir}/store\"; max_age = 1h; }\n" ], [ '/etc/fingerpost/fingerpost.conf', "store.mode = 0644\n" ]) {
    MailClient::paste({ @$_ }, $_->[0]);
}
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
# It compiles ten thousand patterns first, which takes minutes where others want the CPU too.
ok($c->wait_port(11332, 240), 'rspamd listens') or diag Daemon::slurp("$c->{dir}/rspamd.out"), Daemon::slurp('/var/log/rspamd/rspamd.log');
ok($c->run('postfix', 'start') && $c->wait_port(25), 'and Postfix before it');
END { system 'postfix stop >/dev/null 2>&1' if $c }

sub mail { my ($subject) = $c->send('reader@mx.example', @_); return $c->delivered('/var/mail/reader', $subject) }

my $head = mail();
like($head, qr/^X-Spamd-Result:/m, 'nobody there: rspamd judges, and mail flows') or diag Daemon::slurp('/var/log/rspamd/rspamd.log');
like($head, qr/P0F_FAIL/, 'it says that there is no p0f');
unlike($head, qr/FINGERPOST/, 'without a store no symbol of ours');
unlike(Daemon::slurp('/var/log/rspamd/rspamd.log'), qr/fingerpost: no symbols/, 'though the module is there');

my $d = $c->start_daemon;
$head = mail();
my $result = qr/OS_LINUX\(0\.00\)\[Linux [^\]]*\].*P0F\(0\.00\)\[link=Ethernet or modem,distance=0\]/;
like($head, $result, 'the symbol of our answer in what was delivered') or diag Daemon::slurp('/var/log/rspamd/rspamd.log');
diag $1 while $head =~ /((?:OS_LINUX|FINGERPOST\w*)\([^\]]*\])/g;
unlike($head, qr/P0F_FAIL/, 'and no failure');
like($head, qr/\bFINGERPOST\(0\.00\)\[Linux [^\]]*link: ethernet\/modem/, 'our module: the words');
my ($score, $p) = $head =~ /FINGERPOST_LINUX\(([-.\d]+)\)\[Linux[^\]]* p=([.\d]+)\]/;
cmp_ok($p // 0, '>=', 0.5, 'a symbol by system, with its probability') or diag $head;
cmp_ok(abs(($score // 9) - -0.2 * ($p // 9)), '<', 0.006, 'its score is its weight times that');
$c->net->address('192.0.2.51');
like(mail(from => '192.0.2.51'), qr/FINGERPOST_LINUX/, 'a new client is known with its first message');
my $n = $d->stats;
mail() for 1 .. 3;
ok($d->wait_for(sub { $d->stats->{p0f_queries} >= $n->{p0f_queries} + 3 }, 5), 'one query a message');

$d->killed;
$head = mail();
like($head, qr/^X-Spamd-Result:.*P0F_FAIL/m, 'killed: rspamd judges, and mail flows');
like($head, qr/FINGERPOST_LINUX/, 'our module asks no daemon');
my ($status) = Daemon::run([ "$Daemon::BIN/fingerpost", 'forget', '--store', "$c->{dir}/store", $MailClient::FROM ]);
is($status, 0, 'a host is forgotten');
unlike(mail(), qr/FINGERPOST/, 'and at once its symbol is gone: nothing is kept beside the store');
$d = $c->start_daemon;
# The first one, on a busy machine, may come before the daemon has all its threads.
for (1 .. 3) { $head = mail(); last if $head =~ $result }
like($head, $result, 'started again: the symbol is back');
$d->stop;
done_testing;
