#!/usr/bin/perl
# Haraka with haraka-plugin-p0f, from npm, with the lines of docs/clients/haraka.md.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(getcwd);
use File::Copy qw(copy);
use File::Path qw(make_path);
use MailClient;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = MailClient->new('haraka');
# The plugin does not ask about addresses that ipaddr.js calls reserved, and those for documentation are.
my $public = '9.9.9.50';
$c->net->address($public);
$c->net->ip("-n $c->{net}{mx} route add 9.9.9.0/24 dev mx0");
my $app = '/opt/haraka';
make_path($app);
copy('tests/system/clients/haraka/package.json', "$app/package.json") or die "package.json: $!\n";
$ENV{npm_config_cache} = getcwd . '/build/clients/npm';
my ($status, $out, $err) = Daemon::run([ 'sh', '-c', "cd $app && exec npm install --omit=optional --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline" ], limit => 300);
is($status, '0', 'Haraka and its plugin from npm') or BAIL_OUT("npm: $out$err");
my %version = map { $_ => Daemon::slurp("$app/node_modules/$_/package.json") =~ /"version": "([^"]*)"/ ? $1 : '?' } 'Haraka', 'haraka-plugin-p0f';
diag join ' ', %version, 'node', `node --version`;

system("$app/node_modules/.bin/haraka -i /etc/haraka >/dev/null 2>&1");
my %conf = ('smtp.ini' => "listen=0.0.0.0:25\nnodes=0\n", plugins => "p0f\nrcpt_to.in_host_list\nqueue/test\n", me => "mx.example\n",
    host_list => "mx.example\n");
for my $file (sort keys %conf) {
    open my $out, '>', "/etc/haraka/config/$file" or die "$file: $!\n";
    print $out $conf{$file};
}
MailClient::paste($c->{recipe}, $_) for '/etc/haraka/config/p0f.ini', '/etc/haraka/config/p0f.timeout';
make_path('/tmp/queue');

sub start_haraka {
    my $pid = $c->spawn("$c->{dir}/haraka.log", 'env', 'TMPDIR=/tmp/queue', "$app/node_modules/.bin/haraka", '-c', '/etc/haraka');
    ok($c->wait_port(25), 'Haraka listens') or diag Daemon::slurp("$c->{dir}/haraka.log");
    return $pid;
}

# What Haraka took is a file of its own.
sub mail {
    my ($subject, $took) = $c->send('reader@mx.example', from => $public, @_);
    my $head = '';
    $c->wait_for(sub { ($head) = grep { /^Subject: \Q$subject\E\r?$/m } map { Daemon::slurp($_) } glob '/tmp/queue/*.eml'; $head });
    return ($head // '', $took);
}
my $ours = qr/^X-p0f-Result: os="Linux [^"\n]*" link_type="Ethernet or modem" total_conn=\d+/m;

# ---- Absent ------------------------------------------------------------------------------------------------------

my $haraka = start_haraka();
my ($head, $took) = mail();
like($head, qr/^Subject:/m, 'nobody there: mail flows') or diag Daemon::slurp("$c->{dir}/haraka.log");
unlike($head, qr/X-p0f-Result/, 'without a header');

# ---- There: found within the five seconds after which the plugin tries again ------------------------------------------

my $d = $c->start_daemon;
ok($c->wait_for(sub { (mail())[0] =~ $ours }, 20), 'our answer is in what Haraka delivered')
    or diag Daemon::slurp("$c->{dir}/haraka.log");
($head, $took) = mail();
diag $head =~ /^(X-p0f-Result.*?)\r?$/m;
note sprintf 'it took %.2f s', $took;
sleep 1.2; # counters reach the store each second
my $n = $d->stats;
mail() for 1 .. 5;
ok($d->wait_for(sub { $d->stats->{p0f_queries} == $n->{p0f_queries} + 5 && $d->stats->{clients} == $n->{clients} }, 5), 'over one connection, kept');

# ---- The process behind the socket dies ---------------------------------------------------------------------------------

sleep 1.2; # a connection that has lasted a second has a copy in the supervisor
kill KILL => $d->services;
$d->wait_for(sub { $d->log =~ /started again/ }, 5);
sleep 1.5;
like((mail())[0], $ours, 'a services process that was killed: Haraka does not notice');

# ---- The daemon dies: the plugin does not get over it, whoever its server was ----------------------------------------------

$d->killed;
$took = time;
eval { mail() };
like($@, qr/421 plugin timeout/, 'a daemon that was killed: Haraka answers 421, as the recipe says');
note sprintf 'after %.2f s', time - $took;
$d = $c->start_daemon;
kill TERM => $haraka;
waitpid $haraka, 0;
$haraka = start_haraka();
ok($c->wait_for(sub { (mail())[0] =~ $ours }, 20), 'after a restart of Haraka it is there in any case');
$d->stop;
done_testing;
