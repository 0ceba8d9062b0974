#!/usr/bin/perl
# fingerpost_remote: other machines that answer, answer late, wrongly, not at all, are down. What a message gets of it, and
# that it never waits longer than the deadline; what is remembered; who is left alone, and for how long.
use strict;
use warnings;

use Test::More;
use FakeRemote;
use IO::Socket::IP;
use JSON::PP;
use POSIX qw(strftime);
use SaTest qw(store_with need_spamassassin sa check message received);
use Time::HiRes qw(sleep time);

plan skip_all => 'SpamAssassin is not installed' unless need_spamassassin();

my $store = store_with([ '192.0.2.1', label => 'win:Windows:XP', match => 'exact', distance => 5, mss => 1460, confirmed => 1 ],
    [ '192.0.2.2', label => 'win:Windows:XP', match => 'exact', mss => 1460, age => 7200 ]);
my $XP = 'Windows XP, (distance 5, link: ethernet/modem)';
my @warned;
$SIG{__WARN__} = sub { push @warned, @_ };
# The deadline is 200 ms; the rest is for a busy machine.
my $GUARD = 0.5;

sub from { my ($sa, $ip, %how) = @_; my $begin = time; my $got = check($sa, message(received($ip, %how))); $got->{took} = time - $begin; return $got }
sub logged_from {
    my ($sa, $ip) = @_;
    my @lines;
    no warnings qw(redefine once);
    local *Mail::SpamAssassin::Plugin::Fingerpost::dbg = sub { my ($format, @args) = @_; push @lines, @args ? sprintf($format, @args) : $format; return 1 };
    local *Mail::SpamAssassin::Plugin::Fingerpost::would_log = sub { return 1 };
    my $got = from($sa, $ip);
    return ($got, @lines);
}
# Patience unless a test is about it.
sub with { return sa("fingerpost_store $store\nfingerpost_remote_failures 1000 1h\nfingerpost_remote_keep 0\n" . join '', map { "$_\n" } @_) }

# ---- p0f-analyzer ------------------------------------------------------------------------------

my $long = 'Linux ' . 'x' x 2000 . ', (link: ethernet/modem)';
# Last number of the address => [ why, header, rules, function of the question that says what is sent ]
my %udp = (
    10 => [ 'p0f 2\'s words', 'Windows 2000 SP4, XP SP1+, (distance 7, link: ethernet/modem)', 'FINGERPOST_WINDOWS_EOL L_P0F_W',
        sub { [ 0, "$_[0] Windows 2000 SP4, XP SP1+, (distance 7, link: ethernet/modem)\r\n" ] } ],
    11 => [ 'uptime, brackets', 'Linux 2.6 (newer, 3) (up: 12 hrs), (distance 11, link: pppoe (DSL))', 'T_DSL T_FAR',
        sub { [ 0, "$_[0] Linux 2.6 (newer, 3) (up: 12 hrs), (distance 11, link: pppoe (DSL))\r\n" ] } ],
    12 => [ 'seen, not recognised', 'UNKNOWN [S44:64:1:60:M1460,S,T,N,W7:.:?:?], (link: ethernet/modem)', 'L_P0F_UNKN',
        sub { [ 0, "$_[0] UNKNOWN [S44:64:1:60:M1460,S,T,N,W7:.:?:?], (link: ethernet/modem)\r\n" ] } ],
    13 => [ 'p0f 3\'s words', 'FreeBSD 9.x or newer, (distance 0, link: ethernet/modem)', 'L_P0F_Unix',
        sub { [ 0, "$_[0] FreeBSD 9.x or newer; dist: 0; link: Ethernet or modem; params: none; raw_mtu: 1500; "
            . "raw_sig: 4:64+0:0:1460:65535,6:mss,nop,ws,sok,ts:df:0\r\n" ] } ],
    14 => [ 'p0f 3, not recognised', 'UNKNOWN [S20:64:1:60:M1460,S,T,N,W7:Z:?:?], (link: ethernet/modem)', 'L_P0F_UNKN',
        sub { [ 0, "$_[0] ???; dist: 0; link: Ethernet or modem; params: none; raw_mtu: 1500; raw_sig: 4:64+0:0:1460:mss*20,7:mss,sok,ts,nop,ws:df:0\r\n" ] } ],
    15 => [ 'unsure', 'Windows NT kernel, (distance 3, link: ethernet/modem) [fuzzy]', 'L_P0F_W',
        sub { [ 0, "$_[0] Windows NT kernel, (distance 3, link: ethernet/modem) [fuzzy]\r\n" ] } ],
    20 => [ 'not known', undef, '', sub { [ 0, "$_[0] \r\n" ] } ],
    21 => [ 'silent', undef, '', sub { () } ],
    22 => [ 'late', undef, '', sub { [ 0.6, "$_[0] $XP\r\n" ] } ],
    23 => [ 'another nonce', undef, '', sub { [ 0, "$_[0]x $XP\r\n" ] } ],
    24 => [ 'another nonce, then the right one', $XP, 'FINGERPOST_WINDOWS_EOL L_P0F_WXP',
        sub { ([ 0, "$_[0]x FreeBSD, (link: x)\r\n" ], [ 0, '' ], [ 0.05, "$_[0] $XP\r\n" ]) } ],
    25 => [ 'another address', undef, '', sub { [ 0, ($_[0] =~ s/\d+\]/1]/r) . " $XP\r\n" ] } ],
    26 => [ 'noise', undef, '', sub { [ 0, join '', map { chr } 0 .. 255 ] } ],
    27 => [ 'nonsense behind the right beginning', undef, '', sub { [ 0, "$_[0] who knows\r\n" ] } ],
    28 => [ 'no line end', undef, '', sub { [ 0, "$_[0] $XP" ] } ],
    29 => [ 'a line in the middle', undef, '', sub { [ 0, "$_[0] Windows XP\r\nX-Evil: 1, (link: x)\r\n" ] } ],
    30 => [ 'control bytes', undef, '', sub { [ 0, "$_[0] Windows\x07XP, (link: x)\r\n" ] } ],
    31 => [ 'too long', undef, '', sub { [ 0, "$_[0] $long\r\n" ] } ],
    40 => [ 'tells the port', 'UNKNOWN [1], (link: x)', 'L_P0F_UNKN', sub { [ 0, "$_[0] UNKNOWN [" . ($_[0] =~ /:(\d+) /)[0] . "], (link: x)\r\n" ] } ],
    32 => [ 'a storm of wrong answers', undef, '', sub { my $q = $_[0]; map { [ $_ / 5000, "${q}x $XP\r\n" ] } 1 .. 1500 } ],
);
my $extra = "header T_DSL eval:fingerpost_link('pppoe')\nscore T_DSL 0.001\nheader T_FAR eval:fingerpost_distance(11, 20)\nscore T_FAR 0.001\n"
    . "header T_CLASS eval:fingerpost_class('win')\nscore T_CLASS 0.001\nheader T_NEW eval:fingerpost_first_seen_within('1000d')\nscore T_NEW 0.001\n";
my $udp = FakeRemote->start('udp', sub { my ($ip, $question) = @_; my ($n) = $ip =~ /(\d+)\z/; return $udp{$n} ? $udp{$n}[3]->($question) : () });
{
    my $sa = with('fingerpost_remote ' . $udp->value, $extra);
    for my $n (sort { $a <=> $b } keys %udp) {
        my ($why, $header, $hits) = @{$udp{$n}};
        my $got = from($sa, "192.0.2.$n");
        is($got->{header}, $header, "UDP, $why: header");
        is($got->{hits}, $hits, "UDP, $why: rules");
        cmp_ok($got->{took}, '<', 0.2 + $GUARD, "UDP, $why: no longer than the deadline");
    }
    my $before = $udp->asked;
    is(from($sa, '192.0.2.1')->{header}, $XP, 'the store first');
    is($udp->asked, $before, 'and nobody else is asked then');
    is(from($sa, '192.0.2.2')->{header}, undef, 'too old in the store, silence elsewhere');
    is($udp->asked, $before + 1, 'but asked');
    is(from($sa, '192.0.2.10', auth => 1)->{header}, undef, 'authenticated');
    is($udp->asked, $before + 1, 'is nobody\'s business');
    my @ports = ([ 'Postfix', received('192.0.2.40'), 1 ],
        [ 'Exim', "Received: from [192.0.2.40] (port=39010 helo=a)\n\tby mx.example.org with esmtp (Exim 4.96) id 1vNqXk-0003Gf-2b; Tue, 24 Nov 2026 10:00:00 +0000\n", 39010 ],
        [ 'Exim with rDNS', "Received: from a.example ([192.0.2.40]:39011 helo=a)\n\tby mx.example.org with esmtp (Exim 4.96) id 1vNqXk-0003Gf-2b; Tue, 24 Nov 2026 10:00:00 +0000\n", 39011 ]);
    for my $row (@ports) {
        my ($name, $received, $port) = @$row;
        is(check($sa, message($received))->{header}, "UNKNOWN [$port], (link: x)", "$name: port asked for");
    }
    is(from($sa, '2001:db8::10')->{header}, 'Windows 2000 SP4, XP SP1+, (distance 7, link: ethernet/modem)', 'IPv6 asked for');
    $sa->finish;
}

# ---- The HTTP API ------------------------------------------------------------------------------

my %host = (ip => '192.0.2.0', os => { name => 'Windows', flavor => '7 or 8', class => 'win', match => 'exact' },
    candidates => [ { name => 'Windows', flavor => '10 or later', p => 0.94 } ],
    signature => '4:118+10:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0', path => ['mss clamped'], distance => 10,
    link => 'Ethernet or modem', mtu => 1500, uptime_min => undef, clock_hz => 1000, first_seen => '2026-11-23T09:10:11Z',
    last_seen => '2026-11-23T09:12:00Z', connections => 3, handshakes => 3, confirmed => JSON::PP::true, os_changed => undef,
    shared => undef, sharing => 0, origin => undef);
# The server's clock, far from ours: an age is by its own.
my $date = 'Mon, 23 Nov 2026 09:12:30 GMT';
sub http { my ($body, %o) = @_; return join "\r\n", 'HTTP/1.1 ' . ($o{status} // '200 OK'), 'Content-Type: application/json', 'Date: ' . ($o{date} // $date),
    defined $o{length} && $o{length} eq '' ? () : 'Content-Length: ' . ($o{length} // length $body), '', $body }
sub json { return encode_json({ %host, @_ }) }
my $W78 = 'Windows 7 or 8, (distance 10, link: ethernet/modem)';
my @W78 = ($W78, 'FINGERPOST_WINDOWS_EOL L_P0F_W T_CLASS T_NEW T_P');
my %none = (name => undef, flavor => undef, class => undef, match => 'none');
my %http = (
    10 => [ 'a host', @W78, sub { [ 0, http(json()) ] } ],
    11 => [ 'no length, ends with the connection', @W78, sub { ([ 0, http(json(), length => '') ], [ 0.01, undef ]) } ],
    12 => [ 'in pieces', @W78, sub { my @bytes = split //, http(json()); my $n = 0; map { [ $n++ / 10_000, $_ ] } @bytes } ],
    13 => [ 'seen, not recognised', 'UNKNOWN [8192:118:1:52:M1460,N,W8,N,N,S:.:?:?], (link: ethernet/modem)', 'L_P0F_UNKN T_NEW',
        sub { [ 0, http(json(os => \%none, candidates => [])) ] } ],
    14 => [ 'uptime, unconfirmed, shared', 'Linux (up: 2 hrs), (link: pppoe (DSL)) [generic]', 'FINGERPOST_SHARED FINGERPOST_UNCONFIRMED T_DSL T_NEW',
        sub { [ 0, http(json(os => { name => 'Linux', flavor => undef, class => 'unix', match => 'generic' }, uptime_min => 130, distance => undef,
            confirmed => JSON::PP::false, shared => '2026-11-23T09:11:00Z', sharing => 4, candidates => [], mtu => 1492,
            signature => '4:64+0:0:1452:65535,8:mss,nop,ws:df,id+:0')) ] } ],
    15 => [ 'markup and other bytes in a label', 'Win<d>?ows x?, (distance 10, link: ethernet/modem)', 'FINGERPOST_WINDOWS T_CLASS T_NEW T_P',
        sub { [ 0, http(json(os => { name => "Win<d>\nows", flavor => "x\x{e9}", class => 'win', match => 'exact' })) ] } ],
    20 => [ 'not known', undef, '', sub { [ 0, http('{"type":"about:blank","status":404}', status => '404 Not Found') ] } ],
    21 => [ 'not known, in the other form', undef, '', sub { [ 0, http('{"ip":"192.0.2.21","os":null}') ] } ],
    22 => [ 'too old', undef, '', sub { [ 0, http(json(), date => 'Mon, 23 Nov 2026 10:13:30 GMT') ] } ],
    23 => [ 'seen as a server only', undef, '', sub { [ 0, http(json(connections => 0)) ] } ],
    30 => [ 'silent', undef, '', sub { () } ],
    31 => [ 'late', undef, '', sub { [ 0.6, http(json()) ] } ],
    32 => [ 'stops in the middle', undef, '', sub { [ 0, substr http(json()), 0, 300 ] } ],
    33 => [ 'ends in the middle', undef, '', sub { ([ 0, substr http(json()), 0, 300 ], [ 0, undef ]) } ],
    34 => [ 'ends at once', undef, '', sub { [ 0, undef ] } ],
    35 => [ 'no HTTP', undef, '', sub { ([ 0, "220 mx ESMTP\r\n\r\nhello" ], [ 0, undef ]) } ],
    36 => [ 'no JSON', undef, '', sub { [ 0, http('<html>') ] } ],
    37 => [ 'JSON of another kind', undef, '', sub { [ 0, http('[1,2,{"os":3}]') ] } ],
    38 => [ 'a host of wrong types', undef, '', sub { [ 0, http(encode_json({ map { $_ => [ {} ] } keys %host })) ] } ],
    39 => [ 'nested too deep', undef, '', sub { [ 0, http('[' x 5000) ] } ],
    40 => [ 'an error', undef, '', sub { [ 0, http('{}', status => '503 Service Unavailable') ] } ],
    41 => [ 'without end', undef, '', sub { my $more = 'x' x 8000; ([ 0, http('', length => '') ], map { [ 0, $more ] } 1 .. 30) } ],
    42 => [ 'drips', undef, '', sub { my @bytes = split //, http(json()); my $n = 0; map { [ $n++ / 50, $_ ] } @bytes } ],
);
$extra .= "header T_P eval:fingerpost_probability('Windows', 0.9)\nscore T_P 0.001\n";
my $http = FakeRemote->start('http', sub { my ($ip, $question) = @_; my ($n) = $ip =~ /(\d+)\z/;
    return [ 0, http('{}', status => '401 Unauthorized') ] if $question !~ /^Authorization: Bearer s3cret\r$/m;
    return $http{$n} ? $http{$n}[3]->($question) : () });
{
    my $sa = with('fingerpost_remote ' . $http->value . ' s3cret', $extra);
    for my $n (sort { $a <=> $b } keys %http) {
        my ($why, $header, $hits) = @{$http{$n}};
        my $got = from($sa, "192.0.2.$n");
        is($got->{header}, $header, "HTTP, $why: header");
        is($got->{hits}, $hits, "HTTP, $why: rules");
        cmp_ok($got->{took}, '<', 0.2 + $GUARD, "HTTP, $why: no longer than the deadline");
    }
    my $got = from($sa, '192.0.2.10');
    is($got->{tags}{AGE}, 30, 'age by the clock of the machine that saw the client');
    is($got->{tags}{PROB}, 'Windows 0.94', 'candidates');
    is(from($sa, '2001:db8::10')->{header}, $W78, 'IPv6 asked for');
    $sa->finish;

    $sa = with('fingerpost_remote ' . $http->value . ' wrong');
    my ($refused, @lines) = logged_from($sa, '192.0.2.10');
    is($refused->{header}, undef, 'a wrong token');
    like("@lines", qr/status 401/, 'is said');
    $sa->finish;
    $sa = with('fingerpost_remote ' . $http->value . '/behind/a/proxy/ s3cret');
    is(from($sa, '192.0.2.10')->{header}, $W78, 'with a path before ours');
    $sa->finish;
}

# ---- Down, several, in order -------------------------------------------------------------------
sub free_port { my $s = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 1) or die; return $s->sockport }
{
    my $port = free_port();
    for my $kind ('udp:', 'http://') {
        my $sa = with("fingerpost_remote ${kind}127.0.0.1:$port");
        my ($got, @lines) = logged_from($sa, '192.0.2.10');
        is($got->{header}, undef, "$kind down: no header");
        cmp_ok($got->{took}, '<', 0.15, "$kind down: a refusal is not waited for");
        is(scalar @lines, 1, "$kind down: one line");
        like($lines[0], qr/^fingerpost: 192\.0\.2\.10, store \S+: no answer: not found; \Q$kind\E127\.0\.0\.1:$port: Connection refused, age -, \d+ us$/,
            "$kind down: which says why");
        $sa->finish;
    }
    my $sa = with("fingerpost_remote udp:127.0.0.1:$port", 'fingerpost_remote ' . $udp->value, 'fingerpost_remote ' . $http->value . ' s3cret');
    my ($got, @lines) = logged_from($sa, '192.0.2.10');
    is($got->{header}, 'Windows 2000 SP4, XP SP1+, (distance 7, link: ethernet/modem)', 'the first is down: the second before the third');
    like("@lines", qr/^fingerpost: 192\.0\.2\.10, remote \Q${\ $udp->value}\E: "Windows 2000.*", age -, \d+ us$/, 'and the line names it');
    is(from($sa, '192.0.2.20')->{header}, undef, 'nobody knows');
    $got = from($sa, '192.0.2.22');
    is($got->{header}, undef, 'late and too old');
    $sa->finish;

    # Silence of the first is waited for, then the second counts.
    $sa = with('fingerpost_remote ' . $udp->value, 'fingerpost_remote ' . $http->value . ' s3cret');
    $got = from($sa, '192.0.2.35');
    is($got->{header}, undef, 'silence and nonsense');
    $sa->finish;
    my $silent = FakeRemote->start('udp', sub { () });
    $sa = with('fingerpost_remote ' . $silent->value, 'fingerpost_remote ' . $http->value . ' s3cret');
    $got = from($sa, '192.0.2.10');
    is($got->{header}, $W78, 'the first is silent: at the deadline the second counts');
    cmp_ok($got->{took}, '>', 0.15, 'not before');
    cmp_ok($got->{took}, '<', 0.2 + $GUARD, 'nor long after');
    $sa->finish;
    # All at once: many that are silent cost one deadline.
    $sa = with('fingerpost_remote_deadline 100ms', map { 'fingerpost_remote ' . $silent->value } 1 .. 8);
    $got = from($sa, '192.0.2.10');
    cmp_ok($got->{took}, '>=', 0.1, 'eight silent ones: a deadline');
    cmp_ok($got->{took}, '<', 0.1 + $GUARD, 'and no more');
    $sa->finish;
}

# ---- Nobody waits without need -----------------------------------------------------------------
{
    my $silent = FakeRemote->start('udp', sub { () });
    # A rule of ours that runs early sees the answer all the same.
    my $sa = with('fingerpost_remote ' . $udp->value, "header T_EARLY eval:fingerpost_os('^Windows')\nscore T_EARLY 1\npriority T_EARLY -950\n"
        . "header T_HEADER x-p0f-os-fingerprint:raw =~ /XP SP1/\nscore T_HEADER 1\npriority T_HEADER -960\nmeta T_META L_P0F_W && T_EARLY\nscore T_META 1\n");
    is(from($sa, '192.0.2.10')->{hits}, 'FINGERPOST_WINDOWS_EOL L_P0F_W T_EARLY T_HEADER T_META', 'rules of any priority see the answer');
    $sa->finish;
    # A forged header does not stand in for an answer that has yet to come.
    $sa = with('fingerpost_remote ' . $udp->value);
    is(check($sa, message("X-P0f-OS-Fingerprint: FreeBSD\n", received('192.0.2.10')))->{hits}, 'FINGERPOST_WINDOWS_EOL L_P0F_W', 'forged, answer from elsewhere');
    is(check($sa, message("X-P0f-OS-Fingerprint: FreeBSD\n", received('192.0.2.21')))->{hits}, '', 'forged, no answer from elsewhere');
    $sa->finish;
    # A message that another rule has decided before ours waits for nobody.
    $sa = with('fingerpost_remote ' . $silent->value, 'loadplugin Mail::SpamAssassin::Plugin::Shortcircuit',
        "header T_STOP Subject =~ /hello/\nscore T_STOP 1\npriority T_STOP -500\nshortcircuit T_STOP on");
    my $got = from($sa, '192.0.2.10');
    is($got->{hits}, 'T_STOP', 'shortcircuit');
    cmp_ok($got->{took}, '<', 0.15, 'does not wait');
    $sa->finish;
}

# ---- What is kept ------------------------------------------------------------------------------
{
    my $sa = with('fingerpost_remote ' . $http->value . ' s3cret', 'fingerpost_remote_keep 1s');
    my $before = $http->asked;
    from($sa, '192.0.2.10');
    my ($got, @lines) = logged_from($sa, '192.0.2.10');
    is($got->{header}, $W78, 'kept: the same answer');
    is($http->asked, $before + 1, 'not asked again');
    like("@lines", qr/remote \S+, kept: /, 'and the line says so');
    sleep 1.1;
    $got = from($sa, '192.0.2.10');
    is($http->asked, $before + 2, 'asked again when it is old');
    from($sa, '192.0.2.20') for 1, 2;
    is($http->asked, $before + 4, '"not known" is not kept');
    $sa->finish;

    # The number is bounded, and what is kept grows older.
    my $remote = Mail::SpamAssassin::Plugin::Fingerpost::Remote->new([], deadline => 0.2, keep => 60, failures => 5, pause => 30);
    for my $n (0 .. 4999) { $remote->_keep({ ip => "k$n", host => { age => 10 }, from => 'x' }) }
    cmp_ok(keys(%{$remote->{kept}}) + keys(%{$remote->{kept_before}}), '<=', 1000, 'a thousand answers at the most');
    ok($remote->ask('k4999')->{host}, 'the newest are there');
    ok(!$remote->ask('k1')->{host}, 'the oldest are gone');
    sleep 0.05;
    cmp_ok($remote->ask('k4999')->{host}{age}, '>', 10.04, 'age goes on');
}

# ---- Left alone, and asked again ---------------------------------------------------------------
for my $kind (qw(udp http)) {
    my $port = free_port();
    my %answer = (udp => sub { [ 0, "$_[1] $XP\r\n" ] }, http => sub { [ 0, http(json()) ] });
    my %want = (udp => $XP, http => $W78);
    my $server = FakeRemote->start($kind, sub { () }, port => $port);
    my $sa = with('fingerpost_remote ' . $server->value, 'fingerpost_remote_failures 3 1s', 'fingerpost_remote_deadline 0.05');
    my @took = map { from($sa, '192.0.2.10')->{took} } 1 .. 3;
    cmp_ok($_, '>=', 0.05, "$kind: a silent server is waited for") for @took;
    is($server->asked, 3, "$kind: three failures");
    my ($got, @lines) = logged_from($sa, '192.0.2.10');
    is($server->asked, 3, "$kind: then it is left alone");
    cmp_ok($got->{took}, '<', 0.05, "$kind: at no cost");
    like("@lines", qr/left alone/, "$kind: and the line says so");
    sleep 1.1;
    from($sa, '192.0.2.10') for 1, 2;
    is($server->asked, 4, "$kind: after a while asked once: still silent, left alone again");
    $server->stop;
    $server = FakeRemote->start($kind, $answer{$kind}, port => $port);
    is(from($sa, '192.0.2.10')->{header}, undef, "$kind: it has come back, but the while is not over");
    sleep 1.1;
    is(from($sa, '192.0.2.10')->{header}, $want{$kind}, "$kind: over: it answers");
    is(from($sa, '192.0.2.10')->{header}, $want{$kind}, "$kind: and goes on");
    is($server->asked, 2, "$kind: asked each time");
    $server->stop;
    is(from($sa, '192.0.2.10')->{header}, undef, "$kind: one failure") for 1, 2;
    $server = FakeRemote->start($kind, $answer{$kind}, port => $port);
    is(from($sa, '192.0.2.10')->{header}, $want{$kind}, "$kind: two failures do not count for three");
    $sa->finish;
    $server->stop;
}

# ---- Nothing is left behind --------------------------------------------------------------------
{
    my $port = free_port();
    my $sa = with("fingerpost_remote udp:127.0.0.1:$port", "fingerpost_remote http://127.0.0.1:$port", 'fingerpost_remote ' . $udp->value,
        'fingerpost_remote ' . $http->value . ' s3cret', 'fingerpost_remote_deadline 5ms');
    from($sa, "192.0.2.$_") for 10, 21;
    my $open = () = glob "/proc/$$/fd/*";
    from($sa, "192.0.2.$_") for (10, 20, 30, 40, 99) x 20;
    is(scalar(() = glob "/proc/$$/fd/*"), $open, 'no descriptor is left by 100 messages');
    $sa->finish;
}

is("@warned", '', 'Perl has not warned');
local $SIG{__WARN__} = 'DEFAULT';

# ---- Settings ----------------------------------------------------------------------------------
for my $right ('udp:192.0.2.9', 'udp:192.0.2.9:2345', 'p0f:192.0.2.9:2345', 'udp:[2001:db8::9]:2345', 'http://192.0.2.9', 'http://[2001:db8::9]:8025/x/ token',
    'http://192.0.2.9:8025/v1/hosts/') {
    my @said;
    my $sa = sa("fingerpost_remote $right\n", lint_callback => sub { my %o = @_; push @said, $o{msg} });
    is(scalar(grep { /fingerpost/ } @said), 0, "understood: fingerpost_remote $right") or diag "@said";
    $sa->finish;
}
for my $wrong ('fingerpost_remote', 'fingerpost_remote udp:mx2.example:2345', 'fingerpost_remote udp:192.0.2.9:0', 'fingerpost_remote udp:192.0.2.9:65536',
    'fingerpost_remote udp:192.0.2.999', 'fingerpost_remote https://192.0.2.9', 'fingerpost_remote http://192.0.2.9 two tokens', 'fingerpost_remote 192.0.2.9',
    join("\n", ('fingerpost_remote udp:192.0.2.9') x 9), 'fingerpost_remote_deadline soon', 'fingerpost_remote_deadline', 'fingerpost_remote_keep -1',
    'fingerpost_remote_failures 5', 'fingerpost_remote_failures 0 30s', 'fingerpost_remote_failures 5 soon') {
    my @said;
    my $sa = sa("$wrong\n", lint_callback => sub { my %o = @_; push @said, $o{msg} });
    is(scalar(grep { /\bfingerpost_/ } @said), 1, 'refused: ' . ($wrong =~ s/\n.*//sr)) or diag "@said";
    $sa->finish;
}

done_testing;
