#!/usr/bin/perl
# The plugin in a real spamd: Received lines of Postfix, Exim and Sendmail through spamc; children that come and go, run
# as a user, take on the user of each message; a store that is absent, unreadable, put in the place of another, of a format
# to come. What a daemon on a wire adds to it, and many messages: spamd-live.t.
use strict;
use warnings;

use Test::More;
use SaTest qw(make_store newer_format);
use Spamd;
use Time::HiRes qw(sleep time);

if (my $why = Spamd::unable()) { plan skip_all => $why }

my $spamd = Spamd->new;
my $store = "$spamd->{dir}/store";
my $user = 'nobody';
my $root = $> == 0;
sub message { return Spamd::message(@_) }
sub start { my ($config, @options) = @_; return $spamd->start(config => "fingerpost_store $store\n$config", options => \@options) }

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

# ---- Servers, clients, forgeries, one debug line a message -------------------------------------
make_store($store, @hosts);
my @as_user = $root ? ('-u', $user) : ();
{
    my $d = start('', @as_user, '-m', 5, '--max-conn-per-child', 7, '-D', 'fingerpost');
    my $sent = 0;
    for my $server (sort keys %Spamd::server) {
        for my $row (@clients) {
            my ($ip, @want) = @$row;
            is_deeply($d->scored(message($server, $ip)), \@want, "$server, $ip" . ($root ? ", spamd -u $user" : ''));
            $sent++;
        }
    }
    for my $forged ("X-P0f-OS-Fingerprint: FreeBSD\n", "x-p0f-OS-FINGERPRINT:\n\tFreeBSD 9.x,\n\t(distance 1, link: x)\n") {
        is_deeply($d->scored($forged . message('Postfix', '192.0.2.7')), [ '', 'none', '0.0' ], 'forged, client never seen');
        is_deeply($d->scored($forged . message('Exim', '192.0.2.1')), [ @{$clients[0]}[1 .. 3] ], 'forged, client known');
        $sent += 2;
    }
    my $auth = message('Postfix', '192.0.2.1') =~ s/\(No client certificate requested\)/(Authenticated sender: someone)/r =~ s/ESMTPS/ESMTPSA/r;
    is_deeply($d->scored($auth), [ '', 'none', '0.0' ], 'authenticated submission');
    $sent++;
    $d->stop;
    my $log = $d->log;
    # spamd scores a message of its own before it forks.
    my @lines = grep { / fingerpost: / } split /^/, $log;
    like(shift @lines, qr/fingerpost: no answer: no external relay$/, 'the store is not opened before the fork');
    is(scalar @lines, $sent, '-D fingerpost: one line a message');
    like($log, qr/fingerpost: 192\.0\.2\.1, store \S+: "Windows XP, \(distance 5, link: ethernet\/modem\)", age \d+ s, \d+ us/, 'which says it all');
    is($d->warnings, '', 'no warning in the log');
}

# ---- Rights: unreadable, then readable; the user of each message -------------------------------
SKIP: {
    skip 'not root: spamd cannot change its user', 4 unless $root;
    my $d = start('', '-m', 3);
    chmod 0600, "$store/data.mdb", "$store/stamp";
    is_deeply($d->scored(message('Postfix', '192.0.2.1'), '-u', $user), [ '', 'none', '0.0' ], "spamd becomes $user, who may not read the store");
    chmod 0644, "$store/data.mdb", "$store/stamp";
    my $got;
    for (1 .. 30) {
        $got = $d->scored(message('Postfix', '192.0.2.1'), '-u', $user);
        last if $got->[0] ne '';
        sleep 0.1;
    }
    is_deeply($got, [ @{$clients[0]}[1 .. 3] ], "spamd becomes $user, who may");
    is_deeply($d->scored(message('Exim', '192.0.2.4'), '-u', 'daemon'), [ @{$clients[3]}[1 .. 3] ], 'and another user');
    $d->stop;
    is($d->warnings, '', 'no warning in the log');
}

# ---- The store comes, is put in the place of another, goes -------------------------------------
{
    rename $store, "$store.kept" or die $!;
    my $d = start("fingerpost_classic 0\n", @as_user, '-m', 2);
    is_deeply($d->scored(message('Postfix', '192.0.2.1')), [ '', 'none', '0.0' ], 'no store');
    rename "$store.kept", $store or die $!;
    my $wait_for = sub {
        my ($ip, $text) = @_;
        my ($end, $got) = time + 10;
        # Each child looks for itself.
        my $right = 0;
        while (time < $end && $right < 8) {
            $got = $d->scored(message('Postfix', $ip));
            $right = $got->[0] eq $text ? $right + 1 : 0;
            sleep 0.1 if !$right;
        }
        return $got->[0];
    };
    is($wait_for->('192.0.2.1', $clients[0][1]), $clients[0][1], 'the store comes');
    is_deeply($d->scored(message('Postfix', '192.0.2.1')), [ $clients[0][1], 'FINGERPOST_WINDOWS_EOL', '0.0' ], 'fingerpost_classic 0: header, no score');
    my $dir = $spamd->{dir};
    make_store("$dir/new", [ '192.0.2.1', label => 'unix:NetBSD:', match => 'exact', mss => 1460 ]);
    rename "$store/data.mdb", "$store/data.old";
    rename "$dir/new/data.mdb", "$store/data.mdb" or die $!;
    rename "$dir/new/stamp", "$store/stamp" or die $!;
    is($wait_for->('192.0.2.1', 'NetBSD, (link: ethernet/modem)'), 'NetBSD, (link: ethernet/modem)', 'another in its place');
    unlink "$store/data.mdb", "$store/stamp";
    is($wait_for->('192.0.2.1', ''), '', 'the store is taken away');
    $d->stop;
    system('rm', '-r', $store) == 0 or die;
    make_store($store, @hosts);
}

# ---- A library that is older than the store ----------------------------------------------------
{
    my $d = start('', @as_user, '-m', 2, '-D', 'fingerpost');
    is_deeply($d->scored(message('Postfix', '192.0.2.1')), [ @{$clients[0]}[1 .. 3] ], 'a store of our format');
    newer_format($store);
    my $got;
    for (1 .. 30) {
        $got = $d->scored(message('Postfix', '192.0.2.1'));
        last if $got->[0] eq '';
        sleep 0.1;
    }
    is_deeply($got, [ '', 'none', '0.0' ], 'an upgraded daemon writes another: mail goes on without us');
    $d->stop;
    like($d->log, qr/fingerpost: 192\.0\.2\.1, store \S+: no answer: format of another version,/, 'and the debug line says why');
    is($d->warnings, '', 'no warning in the log');
    system('rm', '-r', $store) == 0 or die;
    make_store($store, @hosts);
}

# ---- The command line --------------------------------------------------------------------------
{
    my $dir = $spamd->{dir};
    $spamd->configure("fingerpost_store $store\n");
    open my $in, '>', "$dir/message" or die $!;
    print {$in} message('Sendmail', '192.0.2.1');
    close $in;
    my $out = qx(/usr/bin/spamassassin -L -t -x -C $dir/rules --siteconfigpath=$dir/site < $dir/message 2>&1);
    is_deeply(Spamd::of_output($out), [ @{$clients[0]}[1 .. 3] ], 'spamassassin -t');
    like($out, qr/^ *1\.0 L_P0F_WXP +Remote system is running Windows XP$/m, 'and its report');
}

done_testing;
