#!/usr/bin/perl
# Candidates with probabilities from a capture to classify, the record and JSON; the prior; explain, unknown, learn; and that the
# shipped model is made of what stacks.tsv says.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use JSON::PP;
use List::Util qw(sum0);
use Test::More;
use Wire;

my $dir = Daemon::scratch();
my $to  = '192.0.2.1';

# ---- The shipped model -------------------------------------------------------------------------------

# Every hand-written row is in it, but for its weight (which leaves room for the labelled ones); whoever edits one and
# forgets `make signatures` is told so here.
sub rows {
    my $file = shift;
    open my $in, '<', $file or die "$file: $!";
    my @rows;
    while (<$in>) {
        chomp;
        next if /\A(?:#|\z)/;
        my @f = split /\t/, $_, -1;
        splice @f, 1, 1;
        push @rows, join "\t", @f;
    }
    return @rows;
}
my %shipped = map { $_ => 1 } rows('signatures/model.tsv');
is_deeply([ grep { !$shipped{$_} } rows('signatures/stacks.tsv') ], [], 'every row of stacks.tsv stands in model.tsv');
is_deeply([ grep { !/\t(?:labelled|kernel|vendor|RFC \d+|seen|derived|judgement|source)\b[^\t]*\z/ } keys %shipped ], [], 'every row names its source');

my $responses = `signatures/build-responses`;
is($responses, Daemon::slurp('signatures/70-responses.fp'), '70-responses.fp is what build-responses writes');

# ---- classify ----------------------------------------------------------------------------------------

my @clients = (    # system, address, first candidate, its family's least probability
    [ 'Windows 10', '192.0.2.13',   'Windows', .98 ],
    [ 'Windows 10', '2001:db8::13', 'Windows', .98 ],
    [ 'Linux',      '192.0.2.14',   'Linux',   .80 ],
    [ 'Android',    '192.0.2.15',   'Android', .80 ],
    [ 'FreeBSD',    '192.0.2.18',   'FreeBSD', .90 ],
    [ 'OpenBSD',    '192.0.2.19',   'OpenBSD', .90 ],
    [ 'NetBSD',     '192.0.2.20',   'NetBSD',  .90 ],
);
Wire::pcap("$dir/a.pcap", [
    (map { Wire::syn($_->[0], from => $_->[1], to => $_->[1] =~ /:/ ? '2001:db8::1' : $to, hops => 7) } @clients),
    Wire::syn('unheard of', from => '192.0.2.22', to => $to, hops => 7),
    Wire::syn('unheard of', from => '192.0.2.23', to => $to, hops => 7),
    Wire::syn('Windows 10', from => '192.0.2.24', to => $to, hops => 7, df => 0),
]);
my ($status, $out, $err) = Daemon::cli('classify', '-r', "$dir/a.pcap", '--format', 'json');
is($status, 0, 'classify') or diag $err;
my %seen = map { $_->{ip} => $_ } map { decode_json($_) } split /\n/, $out;
for (@clients) {
    my ($system, $ip, $name, $least) = @$_;
    my @c = @{ $seen{$ip}{candidates} };
    is($c[0]{name}, $name, "$ip: the likeliest is $name");
    cmp_ok(sum0(map { $_->{p} } grep { $_->{name} eq $name } @c), '>=', $least, "$ip: sure of it");
    cmp_ok(sum0(map { $_->{p} } @c), '<=', 1.001, "$ip: probabilities");
    is_deeply($seen{$ip}{path}, [], "$ip: nothing was done on the way");
}
is_deeply($seen{'192.0.2.22'}{candidates}, [], 'options of nobody: silence');
is_deeply($seen{'192.0.2.24'}{path}, ['df cleared'], 'DF cleared on the way is said');

($status, $out) = Daemon::cli('classify', '-r', "$dir/a.pcap", '--format', 'tsv');
my @lines = map { [ split /\t/, $_, -1 ] } split /\n/, $out;
my ($col) = grep { $lines[0][$_] eq 'p' } 0 .. $#{ $lines[0] };
my ($windows) = grep { $_->[1] eq '192.0.2.13' } @lines;
cmp_ok($windows->[$col], '>=', .98, 'tsv: the probability of the name');
my ($nobody) = grep { $_->[1] eq '192.0.2.22' } @lines;
is($nobody->[$col], '', 'tsv: no name, no probability');

($status, $out) = Daemon::cli('classify', '-r', "$dir/a.pcap", '--format', 'json', '--compat', 'p0f');
unlike($out, qr/"p":/, '--compat p0f: no candidates');

# Another prior, another answer: nobody uses Windows here.
open my $f, '>', "$dir/prior" or die;
print $f "# ours\nLinux:3 or later\t1\nAndroid\t1\n";
close $f;
($status, $out) = Daemon::cli('classify', '-r', "$dir/a.pcap", '--format', 'json', '--prior', "$dir/prior");
my ($none) = map { $_->{candidates} } grep { $_->{ip} eq '192.0.2.13' } map { decode_json($_) } split /\n/, $out;
is_deeply($none, [], 'a prior without Windows: a Windows SYN is nobody\'s');
($status, $out, $err) = Daemon::cli('classify', '-r', "$dir/a.pcap", '--prior', "$dir/none");
is($status, 2, 'a prior that is not there: exit 2');
like($err, qr{\Q$dir/none\E}, 'and it is named');

# ---- The record --------------------------------------------------------------------------------------

($status, $out, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/store" ]);
is($status, 0, 'into a store') or diag $err;
my $d = bless { store => "$dir/store", status => 0 }, 'Daemon';
my $host = $d->lookup('192.0.2.24');
is($host->{candidates}[0]{name}, 'Windows', 'the record has the candidate');
cmp_ok($host->{candidates}[0]{p}, '>', .3, 'and how likely it is');
is_deeply($host->{path}, ['df cleared'], 'and what the way did');
($status, $out, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/store2", '--set', "prior=$dir/none" ]);
is($status, 2, 'setting prior: a file that is not there is exit 2');

# ---- Evidence over connections ---------------------------------------------------------------------------

# One SYN leaves it open; several of a client say more: ports, their order, IP ids, when it asks again, its clock.
{
    my ($n, @packets) = (0);
    my $at = 1_700_000_000;
    my $client = sub {
        my ($ip, $system, $each, $times, %more) = @_;
        for my $i (0 .. $times - 1) {
            my %how = (from => $ip, to => $to, hops => 7, seq => ++$n * 1000, $each->($i));
            my $later = $at + 20 * $i + ($how{late} // 0);
            delete $how{late};
            push @packets, [ $later, Wire::syn($system, %how) ];
            push @packets, map { [ $later + $_, Wire::syn($system, %how) ] } @{ $more{again} // [] };
        }
    };
    my @scattered = (40001, 3023, 61200, 20011, 9000, 52345, 33021, 1999);
    $client->('192.0.2.41', 'Windows XP', sub { (sport => 1100 + 2 * $_[0], id => 100 + 9 * $_[0]) }, 6);
    $client->('192.0.2.42', 'Windows XP', sub { (sport => 1100, id => 100) }, 1);
    $client->('192.0.2.43', 'Windows XP', sub { (sport => 50_000 + 3 * $_[0], id => 100 + 9 * $_[0]) }, 6);
    $client->('192.0.2.44', 'Android', sub { (sport => 33_000 + 2 * ($_[0] * 1237 % 12_000), id => $_[0] * 7919 % 65_536) }, 8);
    $client->('192.0.2.45', 'Android', sub { (sport => $scattered[ $_[0] ], id => $_[0] * 7919 % 65_536) }, 8);
    $client->('192.0.2.46', 'Android', sub { (sport => 33_000, id => 3) }, 1);
    $client->('192.0.2.47', 'Windows 10', sub { (sport => 50_000 + $_[0], id => $_[0]) }, 4);
    $client->('192.0.2.48', 'Windows 10', sub { (sport => 50_000 + $_[0], id => $_[0], hops => 7 + 4 * ($_[0] % 2)) }, 4);
    $client->('192.0.2.49', 'macOS', sub { (sport => 50_000) }, 1, again => [ 1, 2, 3 ]);
    Wire::pcap("$dir/several.pcap", [ sort { $a->[0] <=> $b->[0] } @packets ]);
    ($status, $out, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/several.pcap", '--store', "$dir/several" ]);
    is($status, 0, 'clients that connect several times') or diag $err;
    my $s = bless { store => "$dir/several", status => 0 }, 'Daemon';
    my $p = sub { my ($ip, $name, $flavor) = @_; my $sum = 0;
        $_->{name} eq $name && (!defined $flavor || ($_->{flavor} // '') eq $flavor) and $sum += $_->{p} for @{ $s->lookup("192.0.2.$ip")->{candidates} }; return $sum };
    cmp_ok($p->(42, 'Windows', ''), '>', .75, 'one SYN: XP, or a later one whose auto-tuning is off');
    cmp_ok($p->(41, 'Windows', 'NT 5'), '>', .9, 'six with ports from 1100 on: XP');
    cmp_ok($p->(43, 'Windows', 'NT 5'), '<', .5, 'six with ports from 50000 on: not XP');
    cmp_ok($p->(43, 'Windows'), '>', .9, '... but Windows');
    cmp_ok($p->(44, 'Linux'), '>', $p->(46, 'Linux') + .03, 'even ports of Linux\'s range speak for Linux itself');
    cmp_ok($p->(45, 'Android'), '>', $p->(46, 'Android') + .05, 'ports of anywhere for a telephone behind a carrier');
    cmp_ok($p->(48, 'Windows'), '<', $p->(47, 'Windows') - .04, 'hops that change lower what is said');
    cmp_ok($p->(49, 'macOS') + $p->(49, 'iOS'), '>', .98, 'asked again each second: Apple');
}

# ---- explain -----------------------------------------------------------------------------------------

($status, $out) = Daemon::cli('explain', '4:118+10:0:1460:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+:0');
is($status, 0, 'explain a signature');
like($out, qr/^signature: Windows 10 or later \(to the letter\)$/m, 'what the signatures say');
like($out, qr/^Windows 10 or later: \d+\.\d %/m, 'a candidate');
like($out, qr/^  for +window 64240, 44 segments of 1460 /m, 'what speaks for it');
like($out, qr/^  source +vendor:/m, 'who says so');
($status, $out) = Daemon::cli('explain', '--store', "$dir/store", '192.0.2.24');
is($status, 0, 'explain an address');
like($out, qr/^the way: +df cleared$/m, 'the way');
like($out, qr/^  against +no DF, IP id not 0 /m, 'what speaks against it');
($status, $out) = Daemon::cli('explain', '--store', "$dir/store", '192.0.2.22');
like($out, qr/^answer: +none/m, 'silence is explained');
($status, $out, $err) = Daemon::cli('explain', '--store', "$dir/store", '192.0.2.250');
is($status, 1, 'an address that is not known: exit 1');
($status, $out, $err) = Daemon::cli('explain', '4:118:0:1460:64240,8:mss,zzz:df:0');
is($status, 2, 'a signature that is none: exit 2');
like($err, qr/zzz/, 'and why');

# ---- unknown, learn ----------------------------------------------------------------------------------

($status, $out) = Daemon::cli('unknown', '--store', "$dir/store");
is($status, 0, 'unknown');
like($out, qr/\Ahosts\tconnections\tsignature\n2\t2\t4:64\+0:0:1111:12345,\d:\S+:df,id\+:0\n\z/, 'what nothing names, counted');

($status, $out) = Daemon::cli('learn', '--label', 'Windows:Server 2025', '-r', "$dir/a.pcap", 'src host 192.0.2.13 or src host 2001:db8::13');
is($status, 0, 'learn');
like($out, qr/^label = s:win:Windows:Server 2025$/m, 'the label');
like($out, qr/^; source: seen: own stack, Windows Server 2025, .*so far called Windows 10 or later, exactly\nsig   = \*:128:0:\*:mss\*44,8:mss,nop,ws,nop,nop,sok:df,id\+:0$/m,
    'an entry with its source and what it is called so far');
open $f, '>', "$dir/learned.fp" or die;
print $f "classes = win,unix,other\n[tcp:request]\n$out";
close $f;
($status, undef, $err) = Daemon::cli('check-signatures', "$dir/learned.fp");
is($status, 0, 'what was learned is sound') or diag $err;
($status, undef, $err) = Daemon::cli('learn', '--label', "Windows:x,y", '-r', "$dir/a.pcap");
is($status, 2, 'a label that no file can hold is refused');
($status, undef, $err) = Daemon::cli('learn', '--label', 'Windows:x', '-r', "$dir/a.pcap", 'src host 192.0.2.77');
is($status, 1, 'nothing to learn of: exit 1');

done_testing;
