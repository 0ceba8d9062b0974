#!/usr/bin/perl
# The plugin in a real spamd: Received lines of Postfix, Exim and Sendmail through spamc; children that come and go, run
# as a user, take on the user of each message; a store that is absent, unreadable, put in the place of another; many
# messages over many children. SpamAssassin's other rules are cut away, so that a score is ours to the last digit.
use strict;
use warnings;

use Test::More;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);
use SaTest qw(make_store need_spamassassin tree);

my ($spamd, $spamc) = ('/usr/sbin/spamd', '/usr/bin/spamc');
plan skip_all => 'SpamAssassin is not installed' unless need_spamassassin();
-x $_ or plan skip_all => "$_ is not there (packages spamd, spamc)" for $spamd, $spamc;

my $tree = tree();
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
mkdir "$dir/$_" for 'rules', 'site';
my $store = "$dir/store";
my $user = 'nobody';
my $root = $> == 0;

# ---- The messages ------------------------------------------------------------------------------

# What each server writes, word for word but for names and addresses.
my %server = (
    'Postfix' => sub { <<"END" },
Received: from $_[0] (unknown [${\ literal($_[1]) }])
	(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
	 key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)
	(No client certificate requested)
	by mx.example.org (Postfix) with ESMTPS id 4XyKlm3PqRz9sT2
	for <postmaster\@example.org>; Tue, 24 Nov 2026 10:00:00 +0000 (UTC)
END
    'Exim' => sub { <<"END" },
Received: from [$_[1]] (helo=$_[0])
	by mx.example.org with esmtps  (TLS1.3) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
	(Exim 4.96)
	(envelope-from <someone\@client.example>)
	id 1vNqXk-0003Gf-2b
	for postmaster\@example.org;
	Tue, 24 Nov 2026 10:00:00 +0000
END
    'Sendmail' => sub { <<"END" },
Received: from $_[0] ([${\ literal($_[1]) }])
	by mx.example.org (8.17.1.9/8.17.1.9/Debian-2) with ESMTPS id 5AOA00xX012345
	(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO)
	for <postmaster\@example.org>; Tue, 24 Nov 2026 10:00:00 GMT
END
);

# RFC 5321 4.1.3
sub literal { my ($ip) = @_; return $ip =~ /:/ ? "IPv6:$ip" : $ip }

sub message {
    my ($server, $ip, @more) = @_;
    return join('', $server{$server}->('mail.client.example', $ip), @more)
        . "From: someone\@client.example\nTo: postmaster\@example.org\nSubject: hello\n"
        . "Date: Tue, 24 Nov 2026 10:00:00 +0000\nMessage-ID: <1\@client.example>\n\nA line of text.\n";
}

my @xp = (label => 'win:Windows:XP', match => 'exact', distance => 5, mss => 1460, confirmed => 1, handshakes => 1);
my @hosts = (
    [ '192.0.2.1', @xp ],
    [ '192.0.2.2', label => 'win:Windows:10 or later', match => 'exact', distance => 12, mss => 1460, confirmed => 1 ],
    [ '192.0.2.3', mss => 1460, ttl => 55, distance => 9, win => 65535, wscale => 7, layout => 'mss,sok,ts,nop,ws', quirks => 'df,id+', confirmed => 1 ],
    [ '192.0.2.4', label => 'unix:FreeBSD:9.x or newer', match => 'exact', distance => 3, mss => 1460, confirmed => 1 ],
    [ '192.0.2.5', label => 'unix:Linux:3.11 and newer', match => 'exact', distance => 11, mss => 1452, confirmed => 1 ],
    [ '192.0.2.6', @xp, age => 3700 ],
    [ '2001:db8::25', @xp, mss => 1440 ],
);
my @clients = (
    [ '192.0.2.1', 'Windows XP, (distance 5, link: ethernet/modem)', 'FINGERPOST_WINDOWS_EOL,L_P0F_WXP', '1.0' ],
    [ '192.0.2.2', 'Windows 10 or later, (distance 12, link: ethernet/modem)', 'L_P0F_W', '0.1' ],
    [ '192.0.2.3', 'UNKNOWN [65535:55:1:60:M1460,S,T,N,W7:.:?:?], (link: ethernet/modem)', 'L_P0F_UNKN', '0.8' ],
    [ '192.0.2.4', 'FreeBSD 9.x or newer, (distance 3, link: ethernet/modem)', 'L_P0F_Unix', '-1.0' ],
    [ '192.0.2.5', 'Linux 3.11 and newer, (distance 11, link: pppoe (DSL))', 'none', '0.0' ],
    [ '192.0.2.6', '', 'none', '0.0' ],
    [ '192.0.2.7', '', 'none', '0.0' ],
    [ '2001:db8::25', 'Windows XP, (distance 5, link: ethernet/modem)', 'FINGERPOST_WINDOWS_EOL,L_P0F_WXP', '1.0' ],
);

# ---- spamd -------------------------------------------------------------------------------------

my %running; # pid => 1
END {
    my $status = $?;
    kill 'TERM', keys %running if %running;
    waitpid $_, 0 for keys %running;
    $? = $status;
}

sub free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0) or die "no port: $!\n";
    return $socket->sockport;
}

sub configure {
    my ($text) = @_;
    open my $out, '>', "$dir/site/local.pre" or die $!;
    print {$out} "loadplugin Mail::SpamAssassin::Plugin::Check\n",
        "loadplugin Mail::SpamAssassin::Plugin::Fingerpost $tree/build/perl/lib/Mail/SpamAssassin/Plugin/Fingerpost.pm\n";
    close $out;
    open $out, '>', "$dir/site/local.cf" or die $!;
    print {$out} <<"END";
util_rb_tld org example
trusted_networks 198.51.100.1
internal_networks 198.51.100.1
use_bayes 0
report_safe 0
clear_report_template
report _SUMMARY_
add_header all Status _YESNO_, score=_SCORE_ tests=_TESTS_ version=_VERSION_
add_header all P0f =_HEADER(X-P0f-OS-Fingerprint)_=
fingerpost_store $store
$text
END
    close $out;
    system('cp', "$tree/sa-plugin/fingerpost.cf", "$dir/rules/") == 0 or die;
    return;
}

my $n = 0;
sub start {
    my ($config, @options) = @_;
    configure($config);
    my %d = (port => free_port(), log => "$dir/log." . $n++);
    $d{pid} = fork // die "fork: $!";
    if (!$d{pid}) {
        $running{$_} = 0 for keys %running;
        %running = ();
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$d{log}.err";
        delete $ENV{PERL5LIB};
        { no warnings 'exec'; exec $spamd, '-L', '-x', '-C', "$dir/rules", '--siteconfigpath', "$dir/site", '-i', '127.0.0.1', '-A', '127.0.0.1', '-p', $d{port},
            '-s', $d{log}, '-r', "$d{log}.pid", @options }
        POSIX::_exit(127);
    }
    $running{$d{pid}} = 1;
    my $end = time + 60;
    while (time < $end) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $d{port});
        if ($socket) {
            print {$socket} "PING SPAMC/1.5\r\n\r\n";
            my $line = <$socket>;
            return \%d if defined $line && $line =~ /PONG/;
        }
        last if waitpid($d{pid}, POSIX::WNOHANG()) != 0;
        sleep 0.1;
    }
    delete $running{$d{pid}};
    diag read_file("$d{log}.err"), -e $d{log} ? read_file($d{log}) : '';
    die "spamd does not answer\n";
}

sub stop {
    my ($d) = @_;
    kill 'TERM', $d->{pid};
    waitpid $d->{pid}, 0;
    delete $running{$d->{pid}};
    return;
}

sub read_file { my ($path) = @_; local (@ARGV, $/) = $path; return scalar(<>) // '' }

# What spamd logged as warning or error.
sub warnings_of { my ($d) = @_; return join '', grep { /\] (?:warn|error):(?! config: path "\S+\/\.spamassassin" is inaccessible)/ } split /^/, read_file($d->{log}) }

# Through the real spamc: header, rules, score.
sub scored {
    my ($d, $message, @options) = @_;
    open my $in, '>', "$dir/message" or die $!;
    print {$in} $message;
    close $in;
    my $options = join ' ', @options;
    my $out = qx($spamc -d 127.0.0.1 -p $d->{port} -t 30 $options < $dir/message);
    return of_output($out);
}

sub of_output {
    my ($out) = @_;
    my ($head) = split /\n\n/, $out =~ s/\r//gr, 2;
    $head =~ s/\n[ \t]+/ /g;
    my ($text) = $head =~ /^X-Spam-P0f: =(.*)=$/m;
    my ($score, $tests) = $head =~ /^X-Spam-Status: \S+ score=(\S+) .*?tests=(.*?) (?:autolearn|shortcircuit|version)/m;
    $tests =~ s/\s//g if defined $tests;
    return [ map { $_ // '(missing)' } $text, $tests, $score ];
}

# ---- Servers, clients, forgeries, one debug line a message -------------------------------------
make_store($store, @hosts);
my @as_user = $root ? ('-u', $user) : ();
my $many;
{
    my $d = start('', @as_user, '-m', 5, '--max-conn-per-child', 7, '-D', 'fingerpost');
    my $sent = 0;
    for my $server (sort keys %server) {
        for my $row (@clients) {
            my ($ip, @want) = @$row;
            is_deeply(scored($d, message($server, $ip)), \@want, "$server, $ip" . ($root ? ", spamd -u $user" : ''));
            $sent++;
        }
    }
    for my $forged ("X-P0f-OS-Fingerprint: FreeBSD\n", "x-p0f-OS-FINGERPRINT:\n\tFreeBSD 9.x,\n\t(distance 1, link: x)\n") {
        is_deeply(scored($d, $forged . message('Postfix', '192.0.2.7')), [ '', 'none', '0.0' ], 'forged, client never seen');
        is_deeply(scored($d, $forged . message('Exim', '192.0.2.1')), [ @{$clients[0]}[1 .. 3] ], 'forged, client known');
        $sent += 2;
    }
    my $auth = message('Postfix', '192.0.2.1') =~ s/\(No client certificate requested\)/(Authenticated sender: someone)/r =~ s/ESMTPS/ESMTPSA/r;
    is_deeply(scored($d, $auth), [ '', 'none', '0.0' ], 'authenticated submission');
    $sent++;
    stop($d);
    my $log = read_file($d->{log});
    # spamd scores a message of its own before it forks.
    my @lines = grep { / fingerpost: / } split /^/, $log;
    like(shift @lines, qr/fingerpost: no answer: no external relay$/, 'the store is not opened before the fork');
    is(scalar @lines, $sent, '-D fingerpost: one line a message');
    like($log, qr/fingerpost: 192\.0\.2\.1, store \S+: "Windows XP, \(distance 5, link: ethernet\/modem\)", age \d+ s, \d+ us/, 'which says it all');
    is(warnings_of($d), '', 'no warning in the log');
}

# ---- Rights: unreadable, then readable; the user of each message -------------------------------
SKIP: {
    skip 'not root: spamd cannot change its user', 4 unless $root;
    my $d = start('', '-m', 3);
    chmod 0600, "$store/data.mdb", "$store/stamp";
    is_deeply(scored($d, message('Postfix', '192.0.2.1'), '-u', $user), [ '', 'none', '0.0' ], "spamd becomes $user, who may not read the store");
    chmod 0644, "$store/data.mdb", "$store/stamp";
    my $got;
    for (1 .. 30) {
        $got = scored($d, message('Postfix', '192.0.2.1'), '-u', $user);
        last if $got->[0] ne '';
        sleep 0.1;
    }
    is_deeply($got, [ @{$clients[0]}[1 .. 3] ], "spamd becomes $user, who may");
    is_deeply(scored($d, message('Exim', '192.0.2.4'), '-u', 'daemon'), [ @{$clients[3]}[1 .. 3] ], 'and another user');
    stop($d);
    is(warnings_of($d), '', 'no warning in the log');
}

# ---- The store comes, is put in the place of another, goes -------------------------------------
{
    rename $store, "$store.kept" or die $!;
    my $d = start("fingerpost_classic 0\n", @as_user, '-m', 2);
    is_deeply(scored($d, message('Postfix', '192.0.2.1')), [ '', 'none', '0.0' ], 'no store');
    rename "$store.kept", $store or die $!;
    my $wait_for = sub {
        my ($ip, $text) = @_;
        my ($end, $got) = time + 10;
        # Each child looks for itself.
        my $right = 0;
        while (time < $end && $right < 8) {
            $got = scored($d, message('Postfix', $ip));
            $right = $got->[0] eq $text ? $right + 1 : 0;
            sleep 0.1 if !$right;
        }
        return $got->[0];
    };
    is($wait_for->('192.0.2.1', $clients[0][1]), $clients[0][1], 'the store comes');
    is_deeply(scored($d, message('Postfix', '192.0.2.1')), [ $clients[0][1], 'FINGERPOST_WINDOWS_EOL', '0.0' ], 'fingerpost_classic 0: header, no score');
    make_store("$dir/new", [ '192.0.2.1', label => 'unix:NetBSD:', match => 'exact', mss => 1460 ]);
    rename "$store/data.mdb", "$store/data.old";
    rename "$dir/new/data.mdb", "$store/data.mdb" or die $!;
    rename "$dir/new/stamp", "$store/stamp" or die $!;
    is($wait_for->('192.0.2.1', 'NetBSD, (link: ethernet/modem)'), 'NetBSD, (link: ethernet/modem)', 'another in its place');
    unlink "$store/data.mdb", "$store/stamp";
    is($wait_for->('192.0.2.1', ''), '', 'the store is taken away');
    stop($d);
    system('rm', '-r', $store) == 0 or die;
    make_store($store, @hosts);
}

# ---- Many messages over many children ----------------------------------------------------------
{
    # make soak sends 10 000.
    my ($total, $children, $at_once) = ($ENV{FINGERPOST_MESSAGES} || 500, 50, 50);
    my $d = start('', @as_user, '-m', $children, '--min-spare', 10, '--max-spare', $children, '--max-conn-per-child', 20, '-D', 'fingerpost');
    my (%open, %got, $sent, $longest);
    my $select = IO::Select->new;
    ($sent, $longest) = (0, 0);
    my $begin = time;
    while ($sent < $total || %open) {
        while ($sent < $total && keys %open < $at_once) {
            my $row = $clients[ $sent % @clients ];
            my $text = message((sort keys %server)[ $sent % 3 ], $row->[0]) =~ s/\n/\r\n/gr;
            my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $d->{port}) or last;
            print {$socket} "PROCESS SPAMC/1.5\r\nContent-length: " . length($text) . "\r\n\r\n$text";
            shutdown $socket, 1;
            $open{fileno $socket} = { socket => $socket, row => $row, text => '', begin => time };
            $select->add($socket);
            $sent++;
        }
        for my $socket ($select->can_read(1)) {
            my $one = $open{fileno $socket};
            next if sysread $socket, $one->{text}, 65536, length $one->{text};
            delete $open{fileno $socket};
            $select->remove($socket);
            close $socket;
            my ($status, $message) = split /\r?\n\r?\n/, $one->{text}, 2;
            my $is = of_output($message // '');
            my $want = [ @{$one->{row}}[1 .. 3] ];
            my $key = ($status // '') !~ m{^SPAMD/1\.1 0 EX_OK} ? 'failed' : "@$is" eq "@$want" ? 'right' : 'wrong';
            $got{$key}++;
            diag "@$is" if $key eq 'wrong' && $got{$key} < 4;
            $longest = time - $one->{begin} if time - $one->{begin} > $longest;
        }
        last if time - $begin > 60 + $total / 10;
    }
    my $took = time - $begin;
    is($got{right} // 0, $total, "$total messages over $children children") or diag explain \%got;

    # Of the children that are there now. (All their descriptors are more: each has inherited its elder siblings' sockets.)
    my $children_of = read_file("/proc/$d->{pid}/task/$d->{pid}/children");
    my ($most) = sort { $b <=> $a } map { scalar grep { (readlink // '') =~ m{^\Q$store\E/} } glob "/proc/$_/fd/*" } split ' ', $children_of;
    cmp_ok($most // 99, '<=', 1, 'descriptors that a child holds of the store');
    stop($d);
    my $log = read_file($d->{log});
    my %pids = map { $_ => 1 } $log =~ /\[(\d+)\] dbg: fingerpost: 192/g;
    my @us = sort { $a <=> $b } $log =~ /fingerpost: .*?, (\d+) us/g;
    my $median = $us[ @us / 2 ] // 0;
    cmp_ok($median, '<', 100, 'microseconds in the plugin, median');
    is(warnings_of($d), '', 'no warning in the log');
    diag sprintf '%d messages by %d children in %.1f s, longest %.2f s; plugin: median %d us, 99th percentile %d us',
        scalar @us, scalar keys %pids, $took, $longest, $median, $us[ @us * 0.99 ] // 0 if $ENV{VERBOSE};
}

# ---- The command line --------------------------------------------------------------------------
SKIP: {
    skip 'no /usr/bin/spamassassin', 2 unless -x '/usr/bin/spamassassin';
    configure('');
    open my $in, '>', "$dir/message" or die $!;
    print {$in} message('Sendmail', '192.0.2.1');
    close $in;
    my $out = qx(/usr/bin/spamassassin -L -t -x -C $dir/rules --siteconfigpath=$dir/site < $dir/message 2>&1);
    is_deeply(of_output($out), [ @{$clients[0]}[1 .. 3] ], 'spamassassin -t');
    like($out, qr/^ *1\.0 L_P0F_WXP +Remote system is running Windows XP$/m, 'and its report');
}

done_testing;
