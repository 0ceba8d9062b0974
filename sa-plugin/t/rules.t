#!/usr/bin/perl
# Settings and rules of the plugin: eval rules and their arguments, the classic switch, the rules that other sites
# have, lint, SpamAssassin's severity of perlcritic.
use strict;
use warnings;

use Test::More;
use File::Temp qw(tempdir);
use SaTest qw(store_with need_spamassassin sa check message received rules_of tree);

plan skip_all => 'SpamAssassin is not installed' unless need_spamassassin();

# A rule with missing arguments is warned of by SpamAssassin, not by Perl.
my @careless;
$SIG{__WARN__} = sub { push @careless, @_ if $_[0] =~ /uninitialized/; warn @_ };

my @xp = (label => 'win:Windows:XP', match => 'exact', distance => 5, mss => 1460, confirmed => 1, handshakes => 1);
my $store = store_with(
    [ '192.0.2.1', @xp, candidate => '3:0.5', candidate => '5:0.45', since => 100 ],
    [ '192.0.2.2', label => 'win:Windows:10 or later', match => 'generic', distance => 12, mss => 1452, since => 100_000 ],
    [ '192.0.2.3', mss => 1460, distance => 9, confirmed => 1 ],
    [ '192.0.2.4', label => 'unix:FreeBSD:9.x', match => 'fuzzy', mss => 1460, confirmed => 1, shared => time, sharing => 7 ],
    [ '192.0.2.5', label => 'unix:Linux:3.11 and newer', match => 'exact', distance => 3, mss => 1460, confirmed => 1 ],
    [ '192.0.2.6', label => 'unix:Android:', match => 'exact', distance => 3, mss => 1460, confirmed => 1 ],
    [ '192.0.2.7', label => 'unix:Mac OS X:10.x', match => 'exact', distance => 10, mss => 1460, confirmed => 1 ],
    [ '192.0.2.8', label => 'win:Windows:7 or 8', match => 'exact', distance => 11, mss => 1460, confirmed => 1 ],
    [ '192.0.2.9', label => 'win:Windows:NT kernel 5.x', match => 'exact', mss => 1460, confirmed => 1 ],
    [ '192.0.2.11', label => 'unix:Linux:(Android)', match => 'exact', mss => 1460, confirmed => 1 ],
    [ '192.0.2.12', label => 'win:Windows:NT kernel', match => 'generic', mss => 1460, confirmed => 1 ],
    [ '192.0.2.13', label => 'unix:iOS:iPhone or iPad', match => 'exact', mss => 1460, confirmed => 1 ],
    [ '192.0.2.14', label => 'other:Symbian:handset', match => 'exact', mss => 1460, confirmed => 1 ],
    [ '192.0.2.15', label => 'unix:Linux:Android or large buffers', match => 'exact', mss => 1460, confirmed => 1 ],
    [ '192.0.2.10', label => 'unix:Tru64:', match => 'exact', mss => 1460, confirmed => 1 ],
    # By probability: codes of docs/store-format.md.
    [ '192.0.2.21', label => 'unix:Mac OS X:or iOS', match => 'exact', mss => 1460, confirmed => 1, candidate => '48:0.82', candidate => '40:0.17' ],
    [ '192.0.2.22', label => 'unix:Mac OS X:or iOS', match => 'exact', mss => 1460, confirmed => 1, candidate => '40:0.6', candidate => '48:0.39' ],
    [ '192.0.2.23', label => 'win:Windows:10 or later', match => 'exact', mss => 1460, confirmed => 1, candidate => '5:0.82', candidate => '6:0.17' ],
    [ '192.0.2.24', label => 'win:Windows:10 or later', match => 'exact', mss => 1460, confirmed => 1, candidate => '6:0.7', candidate => '5:0.29' ],
    [ '192.0.2.25', label => 'win:Windows:10 or later', match => 'exact', mss => 1460, confirmed => 1, candidate => '5:0.8' ],
    [ '192.0.2.26', label => 'other:BIG-IP:', match => 'exact', mss => 1460, confirmed => 1, candidate => '112:0.75' ],
    [ '192.0.2.27', label => 'unix:Linux:4.19 or later', match => 'exact', mss => 1460, confirmed => 1, candidate => '19:0.97' ],
    [ '192.0.2.28', label => 'unix:Linux:Android or large buffers', match => 'exact', mss => 1460, confirmed => 1, candidate => '19:0.6', candidate => '24:0.39' ],
    [ '192.0.2.29', label => 'unix:FreeBSD:9 or later', match => 'exact', mss => 1460, confirmed => 1, candidate => '56:0.98' ],
    [ '192.0.2.30', mss => 1460, confirmed => 1, candidate => '112:0.75' ],
);
my $use = "fingerpost_store $store\n";

sub hits { my ($sa, $ip, %how) = @_; return check($sa, message(received($ip, %how)))->{hits} }

# A rule for each call, in one configuration; which of them hit for whom.
sub evals {
    my ($helo, @rows) = @_;
    my $text = $use . "fingerpost_classic 0\nscore FINGERPOST_UNCONFIRMED 0\nscore FINGERPOST_WINDOWS_EOL 0\n"
        . "score FINGERPOST_SHARED 0\nscore FINGERPOST_NO_SERVER 0\nscore FINGERPOST_HELO 0\n";
    my $n = 0;
    for my $row (@rows) {
        $n++;
        $text .= "header T_$n eval:$row->[0]\nscore T_$n 0.001\n";
    }
    my $sa = sa($text);
    my %got;
    for my $host (1 .. 8, 99) {
        $got{$_} .= " $host" for hits($sa, "192.0.2.$host", helo => $helo) =~ /T_(\d+)/g;
    }
    $n = 0;
    for my $row (@rows) {
        $n++;
        is($got{$n} // '', $row->[1] eq '' ? '' : " $row->[1]", "$row->[0]" . ($helo ? " greeted by $helo" : ''));
    }
    $sa->finish;
    return;
}

# ---- Eval rules --------------------------------------------------------------------------------
evals(undef,
    [ q{fingerpost_os('^Windows')}, '1 2 8' ],
    [ q{fingerpost_os('/^windows xp$/i')}, '1' ],
    [ q{fingerpost_os("UNKNOWN|^$")}, '' ],
    [ q{fingerpost_class('win')}, '1 2 8' ],
    [ q{fingerpost_class(unix)}, '4 5 6 7' ],
    [ q{fingerpost_unix()}, '4' ],
    [ q{fingerpost_match('exact')}, '1 5 6 7 8' ],
    [ q{fingerpost_match('generic', 'fuzzy')}, '2 4' ],
    [ q{fingerpost_match('none')}, '3' ],
    [ q{fingerpost_probability('Windows', 0.9)}, '1' ],
    [ q{fingerpost_probability('windows', 0.99)}, '' ],
    [ q{fingerpost_probability('Linux', 0)}, '' ],
    [ q{fingerpost_probability('Windows:NT 5', 0.49)}, '1' ],
    [ q{fingerpost_probability('Windows:NT 5', 0.6)}, '' ],
    [ q{fingerpost_probability('macOS|windows:10 OR later|Windows:NT 5', 0.94)}, '1' ],
    [ q{fingerpost_probability('Windows:', 0)}, '' ],
    [ q{fingerpost_distance(5, 9)}, '1 3' ],
    [ q{fingerpost_distance('0', '255')}, '1 2 3 5 6 7 8' ],
    [ q{fingerpost_link('ethernet')}, '1 3 4 5 6 7 8' ],
    [ q{fingerpost_link('/^Ethernet or modem$/')}, '1 3 4 5 6 7 8' ],
    [ q{fingerpost_link('DSL')}, '2' ],
    [ q{fingerpost_shared(7)}, '4' ],
    [ q{fingerpost_shared(8)}, '' ],
    [ q{fingerpost_unconfirmed()}, '2' ],
    [ q{fingerpost_first_seen_within('1h')}, '1 3 4 5 6 7 8' ],
    [ q{fingerpost_first_seen_within('2d')}, '1 2 3 4 5 6 7 8' ],
    [ q{fingerpost_first_seen_within('50')}, '3 4 5 6 7 8' ],
    [ q{fingerpost_helo_mismatch()}, '' ],
);
evals('DESKTOP-4K2AB7C.lan', [ q{fingerpost_helo_mismatch()}, '5 6 7' ]);
evals('ubuntu', [ q{fingerpost_helo_mismatch()}, '1 2 7 8' ]);
evals('openbsd.example.org', [ q{fingerpost_helo_mismatch()}, '1 2 5 6 7 8' ]);
evals('iPhone', [ q{fingerpost_helo_mismatch()}, '1 2 5 6 8' ]);
evals('windows.example.org.linux', [ q{fingerpost_helo_mismatch()}, '5 6 7' ]);
evals('mx-ubuntu-7.example.org', [ q{fingerpost_helo_mismatch()}, '' ]);

# Wrong arguments are SpamAssassin's kind of error: said once when the configuration is read; the rule is false.
for my $wrong (
    q{fingerpost_os()}, q{fingerpost_os('(')}, q{fingerpost_os('a','b')}, q{fingerpost_class()}, q{fingerpost_match('sure')},
    q{fingerpost_match()}, q{fingerpost_probability('Windows')}, q{fingerpost_probability('Windows', 'much')},
    q{fingerpost_probability('Windows', 90)}, q{fingerpost_distance(9, 5)}, q{fingerpost_distance(5)}, q{fingerpost_distance('a', 'b')},
    q{fingerpost_link('[')}, q{fingerpost_shared()}, q{fingerpost_shared('lots')}, q{fingerpost_unconfirmed(1)},
    q{fingerpost_first_seen_within('soon')}, q{fingerpost_first_seen_within()}, q{fingerpost_helo_mismatch('x')}, q{fingerpost_unix('x')},
) {
    my @said;
    my $sa = sa($use . "header T_X eval:$wrong\nscore T_X 1\ndescribe T_X x\n", lint_callback => sub { my %o = @_; push @said, $o{msg} });
    is(scalar(grep { /T_X.*wants/ } @said), 1, "refused: $wrong") or diag "@said";
    unlike(hits($sa, '192.0.2.1'), qr/T_X/, "and false: $wrong");
    $sa->finish;
}

# ---- The classic switch ------------------------------------------------------------------------
for my $where (
    [ 'before the scores', "fingerpost_classic 0\nscore L_P0F_WXP 2\n" ],
    [ 'after them', "score L_P0F_WXP 2\nscore L_P0F_W 1 2 3 4\nfingerpost_classic 0\n" ],
    [ 'as no', "fingerpost_classic no\n" ],
) {
    my $sa = sa($use . $where->[1] . "meta T_META L_P0F_WXP || L_P0F_UNKN\nscore T_META 1\n");
    is(hits($sa, '192.0.2.1'), 'FINGERPOST_WINDOWS FINGERPOST_WINDOWS_EOL', "fingerpost_classic 0 $where->[0]: Windows XP");
    is(hits($sa, '192.0.2.3'), '', "fingerpost_classic 0 $where->[0]: not recognised");
    is(hits($sa, '192.0.2.4'), 'FINGERPOST_SHARED', "fingerpost_classic 0 $where->[0]: FreeBSD");
    ok(defined check($sa, message(received('192.0.2.1')))->{header}, 'the header is there all the same');
    $sa->finish;
}
{
    # A user's own file may give scores; it does not switch on what the administrator switched off.
    my $dir = tempdir(CLEANUP => 1);
    open my $prefs, '>', "$dir/user_prefs" or die $!;
    print {$prefs} "score L_P0F_WXP 5\nfingerpost_classic 1\nfingerpost_store /etc\n";
    close $prefs;
    my @said;
    my $sa = sa($use . "fingerpost_classic 0\n");
    local $SIG{__WARN__} = sub { push @said, @_ };
    $sa->read_scoreonly_config("$dir/user_prefs");
    is(hits($sa, '192.0.2.1'), 'FINGERPOST_WINDOWS FINGERPOST_WINDOWS_EOL', 'user_prefs: a score does not undo the switch');
    is($sa->{conf}->{fingerpost_store}, $store, 'user_prefs: settings of the administrator are not a user\'s');
    is($sa->{conf}->{fingerpost_classic}, 0, 'user_prefs: nor is the switch');
    $sa->finish;
}

# ---- Linux as Unix, other sites' rules ---------------------------------------------------------
{
    my $sa = sa($use . "fingerpost_unix_linux 1\n");
    is(hits($sa, '192.0.2.5'), 'L_P0F_Unix', 'fingerpost_unix_linux 1: Linux');
    is(hits($sa, '192.0.2.4'), 'FINGERPOST_SHARED L_P0F_Unix', 'fingerpost_unix_linux 1: FreeBSD');
    is(hits($sa, '192.0.2.6'), 'FINGERPOST_NO_SERVER', 'fingerpost_unix_linux 1: Android is not Linux here');
    $sa->finish;

    # What administrators have had since 2007, in a file that is read after ours.
    $sa = sa($use . 'header L_P0F_Unix X-P0f-OS-Fingerprint =~ /^((Free|Open|Net)BSD)|Linux|Solaris|HP-UX|Tru64/' . "\nscore L_P0F_Unix -0.7\n"
        . "header   L_P0F_WXP    X-P0f-OS-Fingerprint =~ /^Windows XP/\nscore L_P0F_WXP 1.5\n"
        . "header L_P0F_D5 X-P0f-OS-Fingerprint =~ /\\bdistance 5(?![0-9])/\nscore L_P0F_D5 -0.5\n"
        . "header __L_P0F_EXISTS exists:X-P0f-OS-Fingerprint\nmeta T_NONE !__L_P0F_EXISTS\nscore T_NONE 0.001\n");
    my $got = check($sa, message(received('192.0.2.5')));
    is("$got->{hits} $got->{score}", 'L_P0F_Unix -0.7', 'the Unix rule of 2007 with Linux');
    $got = check($sa, message(received('192.0.2.1')));
    like("$got->{hits} $got->{score}", qr/^FINGERPOST_WINDOWS_EOL L_P0F_D5 L_P0F_WXP 1\.00/, 'own regex and score, a rule by distance');
    is(hits($sa, '192.0.2.10'), 'L_P0F_Unix', 'Tru64');
    is(hits($sa, '192.0.2.99'), 'T_NONE', 'exists: is false for a client never seen');
    $sa->finish;

    $sa = sa($use . "include " . tree() . "/sa-plugin/fingerpost-amavisd.cf\n");
    is(hits($sa, '192.0.2.5'), 'L_P0F_D1234 L_P0F_Linux', 'amavisd set: Linux, 3 hops');
    is(hits($sa, '192.0.2.8'), 'FINGERPOST_WINDOWS_EOL L_P0F_D11 L_P0F_W', 'amavisd set: 11 hops are not 1');
    is(hits($sa, '192.0.2.2'), 'FINGERPOST_UNCONFIRMED L_P0F_W', 'amavisd set: 12 hops');
    $sa->finish;
}

# ---- The modern set ----------------------------------------------------------------------------
{
    my $sa = sa($use);
    is(hits($sa, '192.0.2.6'), 'FINGERPOST_NO_SERVER', 'Android');
    is(hits($sa, '192.0.2.11'), 'FINGERPOST_NO_SERVER', 'Linux (Android)');
    is(hits($sa, '192.0.2.13'), 'FINGERPOST_NO_SERVER', 'iOS');
    is(hits($sa, '192.0.2.14'), 'FINGERPOST_NO_SERVER', 'an old telephone');
    is(hits($sa, '192.0.2.15'), '', 'Linux that may be Android or may not');
    is(hits($sa, '192.0.2.12'), 'L_P0F_W', 'Windows NT kernel of no version');
    is(hits($sa, '192.0.2.8'), 'FINGERPOST_WINDOWS_EOL L_P0F_W', 'Windows 7 or 8');
    is(hits($sa, '192.0.2.9'), 'FINGERPOST_WINDOWS_EOL L_P0F_W', 'Windows NT kernel 5.x');
    is(hits($sa, '192.0.2.2'), 'FINGERPOST_UNCONFIRMED L_P0F_W', 'Windows 10 or later');
    is(hits($sa, '192.0.2.4'), 'FINGERPOST_SHARED L_P0F_Unix', 'shared');
    is(hits($sa, '192.0.2.5', helo => 'WIN-AB12CD34EF5'), 'FINGERPOST_HELO', 'greeting');
    $sa->finish;
}

# ---- By probability ----------------------------------------------------------------------------
# What the classic rules weigh already is not weighed again; without them it is.
for my $classic (1, 0) {
    my $sa = sa($use . "fingerpost_classic $classic\n");
    my $old = sub { $classic ? $_[0] : $_[1] };
    is(hits($sa, '192.0.2.21'), 'FINGERPOST_PHONE', "classic $classic: very likely a telephone");
    is(hits($sa, '192.0.2.22'), '', "classic $classic: a Mac or a telephone, nobody knows");
    is(hits($sa, '192.0.2.23'), $old->('L_P0F_W', 'FINGERPOST_WINDOWS'), "classic $classic: a Windows that is hardly a server");
    is(hits($sa, '192.0.2.24'), $old->('L_P0F_W', ''), "classic $classic: a Windows that is likely a server");
    is(hits($sa, '192.0.2.25'), $old->('L_P0F_W', ''), "classic $classic: not sure enough of Windows");
    is(hits($sa, '192.0.2.26'), 'FINGERPOST_PROXY', "classic $classic: a proxy");
    is(hits($sa, '192.0.2.30'), $old->('L_P0F_UNKN', 'FINGERPOST_PROXY'), "classic $classic: a proxy without a name");
    is(hits($sa, '192.0.2.27'), 'FINGERPOST_UNIX', "classic $classic: Linux");
    is(hits($sa, '192.0.2.28'), '', "classic $classic: Linux or Android");
    is(hits($sa, '192.0.2.29'), $old->('L_P0F_Unix', 'FINGERPOST_UNIX'), "classic $classic: FreeBSD");
    is(hits($sa, '192.0.2.1'), $old->('FINGERPOST_WINDOWS_EOL L_P0F_WXP', 'FINGERPOST_WINDOWS FINGERPOST_WINDOWS_EOL'), "classic $classic: XP");
    $sa->finish;
}

# The scores are what docs/spamassassin.md derives: c times half the log-odds of P = p s + (1 - p) / 2, to one decimal, where c is 2/3 without
# network tests and 0.4 with them. Its table has p and s.
{
    open my $doc, '<', tree() . '/docs/spamassassin.md' or die $!;
    my %of = map { /^\| (FINGERPOST_\w+) \| (0\.\d+) \| (0\.\d+) \|/ ? ($1 => [ $2, $3 ]) : () } <$doc>;
    open my $in, '<', tree() . '/sa-plugin/fingerpost.cf' or die $!;
    my %score = map { /^score\s+(FINGERPOST_\w+)\s+(\S+ \S+ \S+ \S+)$/ ? ($1 => $2) : () } <$in>;
    is_deeply([ sort keys %of ], [ sort keys %score ], 'the table of the documentation has the rules with four scores');
    for my $rule (sort keys %of) {
        my ($p, $s) = @{ $of{$rule} };
        my $odds = $p * $s + (1 - $p) / 2;
        my ($alone, $net) = map { sprintf '%.1f', $_ * log($odds / (1 - $odds)) / 2 } 2 / 3, 0.4;
        is($score{$rule}, "$alone $net $alone $net", "$rule: the score that the probability gives");
    }
}

# Every rule has a description; a negative score is marked.
for my $file ('fingerpost.cf', 'fingerpost-amavisd.cf') {
    open my $in, '<', tree() . "/sa-plugin/$file" or die $!;
    my %rule;
    while (<$in>) { $rule{$2}{$1} = $3 if /^(header|meta|describe|score|tflags)\s+(\S+)\s+(.*)/ }
    for my $name (grep { !/^__/ } sort keys %rule) {
        ok($rule{$name}{describe} && defined $rule{$name}{score}, "$file: $name has a description and a score");
        cmp_ok(length $rule{$name}{describe}, '<=', 50, "$file: description of $name fits SpamAssassin's 50 letters") if $rule{$name}{describe};
        is(($rule{$name}{tflags} // '') =~ /\bnice\b/ ? 1 : 0, $rule{$name}{score} =~ /^-/ ? 1 : 0, "$file: $name is nice where negative");
    }
}

# ---- Settings ----------------------------------------------------------------------------------
for my $wrong ("fingerpost_client nobody", 'fingerpost_client', 'fingerpost_client header', 'fingerpost_client header A:B', 'fingerpost_max_age soon', 'fingerpost_max_age -1',
    'fingerpost_classic maybe', 'fingerpost_unix_linux 2', 'fingerpost_nothing 1') {
    my @said;
    my $sa = sa($use . "$wrong\n", lint_callback => sub { my %o = @_; push @said, $o{msg} });
    cmp_ok(scalar(grep { /\bfingerpost_/ } @said), '>=', 1, "refused: $wrong") or diag "@said";
    $sa->finish;
}

# ---- Without the library -----------------------------------------------------------------------
my $tree = tree();
my $plugin = "$tree/build/perl/lib/Mail/SpamAssassin/Plugin/Fingerpost.pm";
my $dir = tempdir(CLEANUP => 1);
my $spamassassin = '/usr/bin/spamassassin';
sub lint {
    my ($loaded, $config, @perl) = @_;
    mkdir "$dir/$_" for 'site', 'none';
    open my $out, '>', "$dir/site/local.cf" or die $!;
    print {$out} "loadplugin Mail::SpamAssassin::Plugin::Check\n", $loaded ? "loadplugin Mail::SpamAssassin::Plugin::Fingerpost $loaded\n" : '',
        "util_rb_tld org\ninclude $tree/sa-plugin/fingerpost.cf\ninclude $tree/sa-plugin/fingerpost-amavisd.cf\n$config";
    close $out;
    my $said = qx($^X -T @perl $spamassassin -C $dir/site --siteconfigpath=$dir/none -p /dev/null -x --lint 2>&1);
    return ($? >> 8) . ":$said";
}
SKIP: {
    skip 'no /usr/bin/spamassassin', 6 unless -x $spamassassin;
    is(lint($plugin, $use), '0:', '--lint is silent, in taint mode');
    is(lint($plugin, "fingerpost_store $store.none\n"), '0:', '--lint is silent without a store');
    is(lint(undef, "${use}score L_P0F_WXP 2\n", "-I$tree/build/perl/lib", "-I$tree/build/perl/arch"), '0:', 'installed, the rules file loads the plugin itself');
    like(lint($plugin, "${use}fingerpost_client nobody\n"), qr/^[1-9]\d*:.*fingerpost_client nobody/s, '--lint speaks of a wrong setting');
    like(lint($plugin, $use . "header X eval:fingerpost_os('(')\n"), qr/^[1-9]\d*:.*fingerpost_os\(\) wants/s, '--lint speaks of a wrong argument');
    # The plugin alone, without module and library beside it.
    mkdir "$dir/alone";
    system('cp', $plugin, "$dir/alone/Fingerpost.pm") == 0 or die;
    is(lint("$dir/alone/Fingerpost.pm", $use), '0:', '--lint is silent where the module is missing');
}

# ---- Style -------------------------------------------------------------------------------------
SKIP: {
    skip 'perlcritic is not installed (libperl-critic-perl)', 1 unless eval { require Perl::Critic };
    # SpamAssassin's own plugins pass 5; ASN.pm and RelayCountry.pm do not pass 4.
    my $plugins = "$tree/sa-plugin/lib/Mail/SpamAssassin/Plugin";
    my @found = map { Perl::Critic->new(-severity => 4, -profile => '')->critique($_) }
        "$tree/sa-plugin/lib/Fingerpost.pm", "$plugins/Fingerpost.pm", glob "$plugins/Fingerpost/*.pm";
    is("@found", '', 'perlcritic, severity 4');
}

is("@careless", '', 'no value is used that is not there');

done_testing;
