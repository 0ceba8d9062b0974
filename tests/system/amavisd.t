#!/usr/bin/perl
# The plugin in a real amavisd, which calls SpamAssassin in its own processes: a message handed over by AM.PDP as a milter
# does, the rules that hit out of the answer. Other checks of amavisd's are switched off.
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use SaTest qw(make_store);
use Spamd;
use Test::More;
use Time::HiRes qw(sleep time);

my $amavisd = '/usr/sbin/amavisd';
if (my $why = Spamd::unable()) { plan skip_all => $why }
plan skip_all => "$amavisd is not there (package amavisd-new)" unless -x $amavisd;
plan skip_all => 'not root: amavisd cannot become its user' unless $> == 0;
my ($uid, $gid) = (getpwnam 'amavis')[ 2, 3 ];
plan skip_all => 'there is no user amavis' unless defined $uid;

my $sa = Spamd->new;
my $store = "$sa->{dir}/store";
my $home = tempdir(CLEANUP => 1);
chown $uid, $gid, $home;
make_store($store,
    [ '192.0.2.1', label => 'win:Windows:XP', match => 'exact', distance => 5, mss => 1460, confirmed => 1 ],
    [ '2001:db8::25', label => 'unix:FreeBSD:9.x or newer', match => 'exact', distance => 3, mss => 1440, confirmed => 1 ]);
$sa->configure("fingerpost_store $store\n");

# Two ports: mail from outside, and mail that starts here.
my ($in, $own) = (Spamd::free_port(), Spamd::free_port());
open my $conf, '>', "$sa->{dir}/amavisd.conf" or die $!;
print {$conf} <<"END";
use strict;
(\$MYHOME, \$TEMPBASE, \$db_home) = ('$home', '$home', '$home/db');
(\$daemon_user, \$daemon_group, \$max_servers, \$max_requests) = ('amavis', 'amavis', 2, 5);
(\$pid_file, \$lock_file, \$unix_socketname, \$enable_db, \$enable_zmq) = ('$home/pid', '$home/lock', undef, 0, 0);
(\$mydomain, \$myhostname, \$forward_method, \$notify_method) = ('example.org', 'mx.example.org', undef, undef);
(\$log_level, \$do_syslog, \$logfile, \$sa_debug) = (0, 0, '$home/log', 'fingerpost');
\@local_domains_maps = \@bypass_virus_checks_maps = \@bypass_banned_checks_maps = \@bypass_header_checks_maps = (1);
\@decoders = ();
(\$inet_socket_bind, \$inet_socket_port) = ('127.0.0.1', [ $in, $own ]);
\$policy_bank{IN} = { protocol => 'AM.PDP', inet_acl => ['127.0.0.1'] };
\$policy_bank{OWN} = { %{\$policy_bank{IN}}, originating => 1 };
(\$interface_policy{$in}, \$interface_policy{$own}) = ('IN', 'OWN');
(\$sa_local_tests_only, \$sa_configpath, \$sa_siteconfigpath) = (1, '$sa->{dir}/rules', '$sa->{dir}/site');
(\$sa_tag_level_deflt, \$sa_tag2_level_deflt, \$sa_kill_level_deflt, \$final_spam_destiny) = (-999, 900, 999, D_PASS);
1;
END
close $conf;

my $pid = fork // die "fork: $!\n";
if (!$pid) {
    open STDOUT, '>', "$sa->{dir}/amavisd.out";
    open STDERR, '>&', \*STDOUT;
    delete $ENV{PERL5LIB};
    { no warnings 'exec'; exec $amavisd, '-c', "$sa->{dir}/amavisd.conf", 'foreground' }
    POSIX::_exit(127);
}
END { if ($pid) { my $status = $?; kill TERM => $pid; waitpid $pid, 0; $? = $status } }

sub connected {
    my ($port, $limit) = @_;
    for (my $end = time + $limit; time < $end && !waitpid $pid, POSIX::WNOHANG(); sleep 0.1) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
        return $socket if $socket;
    }
    diag Spamd::slurp("$sa->{dir}/amavisd.out");
    die "amavisd does not answer\n";
}

my $n = 0;
sub scored {
    my ($port, $message, $client) = @_;
    my $dir = "$home/m" . $n++;
    mkdir $dir;
    open my $out, '>', "$dir/email.txt" or die $!;
    print {$out} $message;
    close $out;
    chown $uid, $gid, $dir, "$dir/email.txt";
    my $socket = connected($port, 30);
    print {$socket} map { "$_\r\n" } 'request=AM.PDP', 'protocol_name=ESMTP', 'sender=<someone@client.example>', 'recipient=<postmaster@example.org>',
        "tempdir=$dir", 'tempdir_removed_by=client', "mail_file=$dir/email.txt", 'delivery_care_of=client', "client_address=$client", '';
    my $answer = '';
    while (my $line = <$socket>) { last if $line =~ /^\r?\n/; $answer .= $line }
    my ($status) = $answer =~ /^insheader=\d+ X-Spam-Status (.*)$/m;
    my ($score, $tests) = ($status // '') =~ /score=(\S+?)%20.*tests=\[(.*?)\]/;
    return "$score " . join ' ', map { /^(\w+)=/ ? $1 : () } split /,(?:%20|%0a)*/, $tests  if defined $tests;
    return $answer;
}

connected($in, 60);
for my $server (sort keys %Spamd::server) {
    is(scored($in, Spamd::message($server, '192.0.2.1'), '192.0.2.1'), '1.001 FINGERPOST_WINDOWS_EOL L_P0F_WXP', "$server, Windows XP");
    is(scored($in, Spamd::message($server, '2001:db8::25'), '2001:db8::25'), '-1 L_P0F_Unix', "$server, FreeBSD by IPv6");
    like(scored($in, "X-P0f-OS-Fingerprint: FreeBSD\n" . Spamd::message($server, '192.0.2.99'), '192.0.2.99'), qr/^0 *$/, "$server, never seen, with a forged header");
}
like(scored($own, Spamd::message('Postfix', '192.0.2.1'), '192.0.2.1'), qr/^0 *$/, 'mail that starts here is left alone');
my $log = Spamd::slurp("$home/log") . Spamd::slurp("$sa->{dir}/amavisd.out");
unlike($log, qr/WARN.*ingerpost|ingerpost.*(?:fail|error)/i, 'no complaint in its log');

done_testing;
