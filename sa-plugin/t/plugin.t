#!/usr/bin/perl
# The plugin in SpamAssassin in this process: whose address, which header, which rules, what score; forgeries; and
# that nothing happens where nothing is known.
use strict;
use warnings;

use Test::More;
use SaTest qw(store_with v2_of make_store need_spamassassin sa check message received rules_of tree);

plan skip_all => 'SpamAssassin is not installed' unless need_spamassassin();

my @windows_xp = (label => 'win:Windows:XP', match => 'exact', distance => 5, mss => 1460, confirmed => 1, handshakes => 1);
my @linux = (label => 'unix:Linux:3.11 and newer', match => 'exact', distance => 11, mss => 1452, confirmed => 1, handshakes => 1);
my $store = store_with(
    [ '192.0.2.1', @windows_xp ],
    [ '192.0.2.2', label => 'win:Windows:10 or later', match => 'exact', distance => 12, mss => 1460, confirmed => 1 ],
    [ '192.0.2.3', mss => 1460, ttl => 55, distance => 9, win => 65535, wscale => 7, layout => 'mss,sok,ts,nop,ws', quirks => 'df,id+',
      confirmed => 1 ],
    [ '192.0.2.4', label => 'unix:FreeBSD:9.x or newer', match => 'exact', distance => 3, mss => 1460, confirmed => 1 ],
    [ '192.0.2.5', @linux, clock_hz => 1000, uptime_min => 12 * 60 + 59 ],
    [ '192.0.2.6', @windows_xp, age => 3700, since => 7200 ],
    [ '192.0.2.7', label => 'unix:Solaris:10', match => 'exact', mss => 0, confirmed => 1 ],
    [ '192.0.2.8', label => 'unix:Mac OS X:10.x', match => 'fuzzy', distance => 2, mss => 1400 ],
    [ '192.0.2.9', @windows_xp, synack => 1 ],
    [ '192.0.2.10', mss => 1460, ttl => 200, olen => 8, win => 40 * 1460, win_unit => 'mss', win_multiple => 40, layout => 'mss,?19,eol+1',
      quirks => 'id-,opt+,ack+,uptr+,pushf+,ts2+,bad', payload => 1 ],
    [ '192.0.2.11', label => "win:Windows:XP\x07\xe9 <evil>", match => 'generic', mss => 1460, distance => 1 ],
    [ '192.0.2.12', label => 'unix:HP-UX:11.x', match => 'exact', mss => 1460, distance => 1, confirmed => 1 ],
    [ '192.0.2.13', label => 'unix:AIX:', match => 'exact', mss => 1460, distance => 1, confirmed => 1 ],
    [ '2001:db8::25', @windows_xp, mss => 1440 ],
    [ '198.51.100.1', @windows_xp ],
    [ '203.0.113.9', @windows_xp ],
);
my $use = "fingerpost_store $store\n";
my $sa = sa($use);

sub from { return check($_[0], message(@_[ 1 .. $#_ ])) }

sub expect {
    my ($got, $name, $header, $hits, $score) = @_;
    is($got->{header}, $header, "$name: header");
    is($got->{hits}, $hits, "$name: rules");
    cmp_ok(abs($got->{score} - $score), '<', 0.0045, "$name: score $score") or diag "got $got->{score}";
    return;
}

# ---- One client of each kind -------------------------------------------------------------------
{
    my @rows = (
        [ '192.0.2.1', 'Windows XP', 'Windows XP, (distance 5, link: ethernet/modem)', 'FINGERPOST_WINDOWS_EOL L_P0F_WXP', 1.0 ],
        [ '192.0.2.2', 'other Windows', 'Windows 10 or later, (distance 12, link: ethernet/modem)', 'L_P0F_W', 0.1 ],
        [ '192.0.2.3', 'not recognised', 'UNKNOWN [65535:55:1:60:M1460,S,T,N,W7:.:?:?], (link: ethernet/modem)', 'L_P0F_UNKN', 0.8 ],
        [ '192.0.2.4', 'FreeBSD', 'FreeBSD 9.x or newer, (distance 3, link: ethernet/modem)', 'L_P0F_Unix', -1.0 ],
        [ '192.0.2.5', 'Linux', 'Linux 3.11 and newer (up: 12 hrs), (distance 11, link: pppoe (DSL))', '', 0 ],
        [ '192.0.2.7', 'Solaris, no MSS, no distance', 'Solaris 10, (link: unspecified)', 'L_P0F_Unix', -1.0 ],
        [ '192.0.2.8', 'Mac, unconfirmed', 'Mac OS X 10.x, (distance 2, link: unknown-1440) [fuzzy]', 'FINGERPOST_UNCONFIRMED', 0 ],
        [ '192.0.2.10', 'p0f 2 signature with everything', 'UNKNOWN [S40:200:0:56:M1460,?19,E:PZIUATFD!:?:?], (link: ethernet/modem)',
          'FINGERPOST_UNCONFIRMED L_P0F_UNKN', 0.8 ],
        [ '192.0.2.12', 'HP-UX', 'HP-UX 11.x, (distance 1, link: ethernet/modem)', 'L_P0F_Unix', -1.0 ],
        [ '192.0.2.13', 'AIX is not in the rule of 2007', 'AIX, (distance 1, link: ethernet/modem)', '', 0 ],
        [ '2001:db8::25', 'IPv6', 'Windows XP, (distance 5, link: ethernet/modem)', 'FINGERPOST_WINDOWS_EOL L_P0F_WXP', 1.0 ],
        [ '::ffff:192.0.2.1', 'IPv4 mapped', 'Windows XP, (distance 5, link: ethernet/modem)', 'FINGERPOST_WINDOWS_EOL L_P0F_WXP', 1.0 ],
        [ '192.0.2.200', 'never seen', undef, '', 0 ],
        [ '192.0.2.6', 'seen too long ago', undef, '', 0 ],
        [ '192.0.2.9', 'seen as a server only', undef, '', 0 ],
    );
    for my $row (@rows) {
        my ($ip, $name, @want) = @$row;
        expect(from($sa, received($ip)), $name, @want);
    }
    my $got = from($sa, received('192.0.2.11'));
    is($got->{header}, 'Windows XP?? <evil>, (distance 1, link: ethernet/modem) [generic]', 'no odd byte of a label reaches the header');
    unlike($got->{rewritten}, qr/X-P0f/i, 'the pseudo-header is not written into the message');
}

# ---- The same words as the daemon's services -------------------------------------------------
# Exim's line socket, the analyzer and the policy service say it by store/words.c.
{
    my $seed = 20261124;
    my $random = sub { $seed = ($seed * 1103515245 + 12345) % 2**31; return ($seed >> 8) % $_[0] };
    my $one_of = sub { return $_[ $random->(scalar @_) ] };
    my @options = qw(mss nop ws sok sack ts ?19 ?255 eol+0 eol+3);
    my @quirks = qw(df id+ id- ecn 0+ flow seq- ack+ ack- uptr+ urgf+ pushf+ ts1- ts2+ opt+ exws bad);
    my @many;
    for my $n (0 .. 299) {
        my @fields = (ttl => 1 + $random->(255), win => $random->(65536), olen => $one_of->(0, 0, 0, 8), wscale => $random->(16),
            mss => $one_of->(0, 1460, 1452, 1440, 1380, 1412, 1220, 1240, 536, 16396, 1 + $random->(9000)), payload => $one_of->(0, 0, 1));
        push @fields, label => $one_of->('win:Windows:XP', 'unix:Linux:3.11 and newer', 'unix:Solaris:', "other:\x01odd,(\xff:x\x7f"), match => $one_of->('exact', 'generic', 'fuzzy')
            if $random->(2);
        push @fields, distance => $random->(255) if $random->(3);
        push @fields, win_unit => $one_of->('mss', 'mtu'), win_multiple => 1 + $random->(1000) if $random->(2);
        push @fields, clock_hz => 1000, uptime_min => $random->(100_000), uptime_doubtful => $one_of->(0, 0, 1) if $random->(2);
        push @fields, layout => join(',', map { $one_of->(@options) } 1 .. 1 + $random->(6)) if $random->(5);
        my @some = grep { !$random->(4) } @quirks;
        push @fields, quirks => join(',', @some) if @some;
        push @many, [ $n % 3 ? '198.18.' . int($n / 100) . '.' . $n % 100 : "2001:db8::$n", @fields ];
    }
    my $dir = store_with(@many);
    my %want = v2_of($dir);
    my $reader = Fingerpost->new($dir);
    my (@differ, $unsure);
    for my $ip (sort keys %want) {
        my $host = $reader->lookup($ip);
        # How sure it is stands behind: the header's own addition.
        $want{$ip} .= " [$host->{match}]", $unsure++ if $host->{match} =~ /generic|fuzzy/;
        my $is = Mail::SpamAssassin::Plugin::Fingerpost::Words::header_text($host);
        push @differ, "$ip: '$is', not '$want{$ip}'" if $is ne $want{$ip};
        # What a message is judged by: the words put together in C, the system cut out of them.
        my $glance = $reader->glance($ip);
        my ($text, $os) = ($glance->{text}, $glance->{os} // '');
        push @differ, "$ip at a glance: '$text', not '$want{$ip}'" if $text ne $want{$ip};
        push @differ, "$ip at a glance: '$os'" if $os ne Mail::SpamAssassin::Plugin::Fingerpost::Words::os_of($host);
    }
    is(scalar keys %want, scalar @many, 'all hosts were rendered');
    cmp_ok($unsure, '>', 20, 'some of them not surely recognised');
    is("@differ[0 .. ($#differ > 2 ? 2 : $#differ)]", '', 'same words as fp_words_v2()');
}

# ---- Whose address -----------------------------------------------------------------------------
{
    my $inner = "Received: from mx.example.org (mx.example.org [198.51.100.1])\n\tby store.example.org (Postfix) with ESMTP id 12345678\n"
        . "\tfor <a\@example.org>; Tue, 24 Nov 2026 10:00:01 +0000 (UTC)\n";
    expect(from($sa, $inner, received('192.0.2.1')), 'behind an internal relay', 'Windows XP, (distance 5, link: ethernet/modem)',
        'FINGERPOST_WINDOWS_EOL L_P0F_WXP', 1.0);
    expect(from($sa, received('192.0.2.4'), received('192.0.2.1')), 'the sender\'s own Received lines do not count',
        'FreeBSD 9.x or newer, (distance 3, link: ethernet/modem)', 'L_P0F_Unix', -1.0);
    expect(from($sa), 'no Received line', undef, '', 0);
    expect(from($sa, $inner), 'from an internal host', undef, '', 0);
    expect(from($sa, received('192.0.2.1', auth => 1)), 'authenticated submission', undef, '', 0);
    expect(from($sa, received('192.0.2.4', auth => 1), received('192.0.2.1')), 'authenticated, with forged lines below', undef, '', 0);
    # An internal host that authenticates itself to another one is not the client.
    my $inner_auth = $inner =~ s/with ESMTP/with ESMTPSA/r;
    expect(from($sa, $inner_auth, received('192.0.2.1')), 'internal hop with authentication', 'Windows XP, (distance 5, link: ethernet/modem)',
        'FINGERPOST_WINDOWS_EOL L_P0F_WXP', 1.0);

    my $mail = $sa->parse(message(received('192.0.2.1')), 0, { originating => 1 });
    rules_of($sa);
    my $status = $sa->check($mail);
    is($status->get('X-P0f-OS-Fingerprint', undef), undef, 'the caller says that it originates here');
    $status->finish;

    my $other = sa($use . "fingerpost_authenticated 1\n");
    expect(from($other, received('192.0.2.1', auth => 1)), 'fingerpost_authenticated 1', 'Windows XP, (distance 5, link: ethernet/modem)',
        'FINGERPOST_WINDOWS_EOL L_P0F_WXP', 1.0);
    $other->finish;

    # 203.0.113.9 is trusted, not internal: a list server that hands us mail of its clients.
    my @path = (received('203.0.113.9'), "Received: from c (c [192.0.2.4]) by lists.example.net (Postfix) with ESMTP id 9; Tue, 24 Nov 2026 09:59:00 +0000\n");
    $other = sa($use . "trusted_networks 203.0.113.9\n");
    expect(from($other, @path), 'last external', 'Windows XP, (distance 5, link: ethernet/modem)', 'FINGERPOST_WINDOWS_EOL L_P0F_WXP', 1.0);
    $other->finish;
    $other = sa($use . "trusted_networks 203.0.113.9\nfingerpost_client first_untrusted\n");
    expect(from($other, @path), 'first untrusted', 'FreeBSD 9.x or newer, (distance 3, link: ethernet/modem)', 'L_P0F_Unix', -1.0);
    $other->finish;

    $other = sa($use . "fingerpost_client header X-Client\n");
    for my $value ('192.0.2.4', '[192.0.2.4]:4711', ' IPv6:::ffff:192.0.2.4') {
        expect(from($other, "X-CLIENT:$value\n", received('192.0.2.1'), "X-Client: 192.0.2.3\n"), "address in a header: $value",
            'FreeBSD 9.x or newer, (distance 3, link: ethernet/modem)', 'L_P0F_Unix', -1.0);
    }
    expect(from($other, received('192.0.2.1')), 'no such header', undef, '', 0);
    expect(from($other, "X-Client: nobody\n", received('192.0.2.1')), 'no address in it', undef, '', 0);
    $other->finish;
}

# ---- Forgeries ---------------------------------------------------------------------------------
{
    my @forgeries = (
        [ 'plain', "X-P0f-OS-Fingerprint: FreeBSD\n" ],
        [ 'in odd case', "x-P0F-os-FINGERPRINT: FreeBSD 9.x, (distance 1, link: x)\n" ],
        [ 'folded', "X-P0f-OS-Fingerprint:\n FreeBSD\n\t9.x\n" ],
        [ 'blank before the colon', "X-P0f-OS-Fingerprint \t: FreeBSD\n" ],
        [ 'several', "X-P0f-OS-Fingerprint: FreeBSD\nX-p0f-os-fingerprint: Solaris\n" ],
        [ 'encoded', "X-P0f-OS-Fingerprint: =?utf-8?B?RnJlZUJTRA==?=\n" ],
        [ 'empty', "X-P0f-OS-Fingerprint:\n" ],
        [ 'with CR', "X-P0f-OS-Fingerprint: FreeBSD\r\n" ],
    );
    my $exists = sa($use . "header T_EXISTS exists:X-P0f-OS-Fingerprint\nscore T_EXISTS 0.001\n"
        . "header T_RAW X-P0f-OS-Fingerprint:raw =~ /BSD|Solaris|=/\nscore T_RAW 0.001\n"
        . "header T_ALL ALL =~ /^x-p0f/mi\nscore T_ALL 0.001\n");
    for my $row (@forgeries) {
        my ($name, $lines) = @$row;
        for my $where ('above', 'below') {
            my @mail = $where eq 'above' ? ($lines, received('192.0.2.200')) : (received('192.0.2.200'), $lines);
            expect(from($exists, @mail), "forged $name, $where, client never seen", undef, '', 0);
            $_ =~ s/192\.0\.2\.200/192.0.2.1/ for @mail;
            expect(from($exists, @mail), "forged $name, $where, client known", 'Windows XP, (distance 5, link: ethernet/modem)',
                'FINGERPOST_WINDOWS_EOL L_P0F_WXP T_EXISTS', 1.0);
        }
    }
    # A first message without the header must not change what happens to the second: SpamAssassin's own
    # delete_header() compiles its pattern once.
    my $got = from($exists, "X-P0f-OS-Fingerprint: FreeBSD\n");
    expect($got, 'forged, no Received line', undef, '', 0);
    like($got->{rewritten}, qr/^X-P0f-OS-Fingerprint: FreeBSD/m, 'the message itself is left as it came');
    $got = from($exists, "X-Amavis-OS-Fingerprint: Linux\n", "X-Other: 1\n", received('192.0.2.1'), "X-P0f-OS-Fingerprint: FreeBSD\n");
    like($got->{all}, qr/^X-Amavis-OS-Fingerprint: Linux\nX-Other: 1\nReceived: .*\nFrom: /s, 'other headers keep their order');
    $exists->finish;
}

# ---- Nothing to read ---------------------------------------------------------------------------
{
    my @lines;
    for my $row ([ 'no store', "$store.none" ], [ 'a file', __FILE__ ], [ 'an empty directory', tree() . '/tests/lib' ]) {
        my $other = sa("fingerpost_store $row->[1]\n");
        my $logged = logged(sub { expect(from($other, received('192.0.2.1'), "X-P0f-OS-Fingerprint: FreeBSD\n"), $row->[0], undef, '', 0) });
        is(scalar(() = $logged =~ /fingerpost:/g), 1, "$row->[0]: one line") or diag $logged;
        $other->finish;
    }
    my $other = sa("fingerpost_store $store\nfingerpost_max_age 2h\n");
    expect(from($other, received('192.0.2.6')), 'fingerpost_max_age 2h', 'Windows XP, (distance 5, link: ethernet/modem)',
        'FINGERPOST_WINDOWS_EOL L_P0F_WXP', 1.0);
    $other->finish;

    my $line = logged(sub { from($sa, received('192.0.2.1')) });
    like($line, qr/fingerpost: 192\.0\.2\.1, store \Q$store\E: "Windows XP, \(distance 5, link: ethernet\/modem\)", age \d+ s, \d+ us$/m,
        'one line says address, source, answer, age, time');
    is(scalar(() = $line =~ /fingerpost:/g), 1, 'and no other');

    # A store that comes after spamd has started.
    my $late = "$store.late";
    $other = sa("fingerpost_store $late\n");
    expect(from($other, received('192.0.2.1')), 'the store is not there yet', undef, '', 0);
    make_store($late, [ '192.0.2.1', @windows_xp ]);
    my $got;
    for (1 .. 40) {
        $got = from($other, received('192.0.2.1'));
        last if defined $got->{header};
        select undef, undef, undef, 0.1;
    }
    is($got->{header}, 'Windows XP, (distance 5, link: ethernet/modem)', 'the store is found when it comes');
    $other->finish;
}

# ---- Ten thousand messages ---------------------------------------------------------------------
# From the message to the answer, without the rules: descriptors and memory stand still.
{
    my $rss = sub { open my $f, '<', '/proc/self/statm' or return 0; return (split ' ', scalar <$f>)[1] * 4 };
    my $other = sa($use . "fingerpost_remote udp:127.0.0.1:9\nfingerpost_remote http://127.0.0.1:9\nfingerpost_remote_failures 100 1s\n");
    my @mail = map { message(received("192.0.2.$_"), "X-P0f-OS-Fingerprint: FreeBSD\n") } 1 .. 8, 200, 201;
    my ($descriptors, $memory, $known) = (0, 0, 0);
    for my $n (0 .. 9_999) {
        my $mail = $other->parse($mail[ $n % @mail ]);
        my $pms = Mail::SpamAssassin::PerMsgStatus->new($other, $mail);
        $pms->extract_message_metadata;
        $known++ if defined $pms->get('X-P0f-OS-Fingerprint', undef);
        $pms->finish;
        $mail->finish;
        ($descriptors, $memory) = (scalar(() = glob "/proc/$$/fd/*"), $rss->()) if $n == 1000;
    }
    is($known, 7000, '10 000 messages, of which 7000 are of known clients');
    is(scalar(() = glob "/proc/$$/fd/*"), $descriptors, 'no descriptor is left');
    cmp_ok($rss->() - $memory, '<', 2048, 'memory stands still');
    $other->finish;
}

# ---- Tags --------------------------------------------------------------------------------------
{
    my $tags = from($sa, received('192.0.2.1'))->{tags};
    is($tags->{''}, 'Windows XP, (distance 5, link: ethernet/modem)', '_FINGERPOST_');
    is($tags->{IP}, '192.0.2.1', '_FINGERPOSTIP_');
    is($tags->{OS}, 'Windows XP', '_FINGERPOSTOS_');
    is($tags->{CLASS}, 'win', '_FINGERPOSTCLASS_');
    is($tags->{MATCH}, 'exact', '_FINGERPOSTMATCH_');
    is($tags->{DISTANCE}, 5, '_FINGERPOSTDISTANCE_');
    is($tags->{LINK}, 'ethernet/modem', '_FINGERPOSTLINK_');
    like($tags->{AGE}, qr/^\d+$/, '_FINGERPOSTAGE_');
    is(from($sa, received('192.0.2.3'))->{tags}->{OS}, 'UNKNOWN', '_FINGERPOSTOS_ of one not recognised');
    is(from($sa, received('192.0.2.200'))->{tags}->{OS}, undef, '_FINGERPOSTOS_ of one never seen');
}
$sa->finish;

done_testing;

sub logged {
    my ($code) = @_;
    my @lines;
    no warnings qw(redefine once);
    local *Mail::SpamAssassin::Plugin::Fingerpost::dbg = sub { my ($format, @args) = @_; push @lines, @args ? sprintf($format, @args) : $format; return 1 };
    local *Mail::SpamAssassin::Plugin::Fingerpost::would_log = sub { return 1 };
    $code->();
    return join("\n", @lines) . "\n";
}
