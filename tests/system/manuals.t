#!/usr/bin/perl
# Manuals against the programs: every option, setting, counter, command, function and field is in them; they are clean; --help fits
# a screen; completion offers what there is. What the programs have is taken from --help, their errors, the shipped header and the
# library's symbols, not from the table that the manuals are made of.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd ();
use Daemon;
use Test::More;

my $man = 'build/share/man';
my %page = map { my $name = $_; $name => scalar(`MANPAGER=cat MANWIDTH=200 mandoc -Tascii $man/$name | col -bx 2>/dev/null`) } map { m{([^/]+)\z} } glob "$man/*";
is(join(' ', sort keys %page), 'fingerpost-grant.8 fingerpost-signatures.5 fingerpost.1 fingerpost.conf.5 fingerpostd.8 libfingerpost.3', 'the pages');

# ---- Clean -----------------------------------------------------------------------------------------------------

for my $name (sort keys %page) {
    is(scalar `mandoc -Tlint -Wwarning $man/$name 2>&1`, '', "$name: mandoc finds nothing");
    is(scalar `LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -l $man/$name 2>&1 >/dev/null`, '', "$name: neither does groff");
    unlike($page{$name}, qr/\@[A-Z]+\@|As named/, "$name: nothing left to fill in");
}
for my $from (sort keys %page) {
    my $source = Daemon::slurp("$man/$from");
    while ($source =~ /^\.Xr (finger\S+|libfinger\S+) (\d)/mg) {
        ok($page{"$1.$2"}, "$from: there is a $1($2)");
    }
}

# ---- Options and commands ----------------------------------------------------------------------------------------

for my $program (qw(fingerpostd fingerpost)) {
    my $help = `$Daemon::BIN/$program --help`;
    cmp_ok(scalar(() = $help =~ /\n/g), '<=', 24, "$program --help fits 24 lines");
    is(join('', map { length > 80 ? "$_\n" : () } split /\n/, $help), '', "$program --help fits 80 columns");
}
my $help = `$Daemon::BIN/fingerpostd --help`;
my %option = map { $_ => 1 } $help =~ /(?<![\w'-])(--?[A-Za-z][a-z0-9-]*)/g;
delete $option{'-'};
cmp_ok(scalar keys %option, '>', 20, 'options by --help: ' . keys %option);
my ($options) = $page{'fingerpostd.8'} =~ /^OPTIONS\n(.*?)^[A-Z]/ms;
for my $o (sort keys %option) {
    like($options, qr/^ {5}(?:.*, )?\Q$o\E(?:[ ,\n]|$)/m, "fingerpostd(8) has $o") or diag $options;
}
# Each is one indeed: an option that is none is called unknown.
for my $o (sort keys %option) {
    my (undef, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '--test', '-c', '/dev/null', $o ]);
    unlike($err, qr/unknown option \Q$o\E;/, "fingerpostd takes $o");
}
my @commands = `$Daemon::BIN/fingerpost --help` =~ /^  (\S+)/mg;
cmp_ok(scalar @commands, '>=', 5, "commands: @commands");
for my $c (@commands) {
    like($page{'fingerpost.1'}, qr/^ {5}fingerpost \Q$c\E\b/m, "fingerpost(1): usage of $c");
    like($page{'fingerpost.1'}, qr/^ {5}\Q$c\E(?:\s|$)/m, "fingerpost(1): what $c does");
    my (undef, undef, $usage) = Daemon::run([ "$Daemon::BIN/fingerpost", $c, '--no-such-option' ]);
    while ($usage =~ /(?<![\w-])(--?[a-z][a-z0-9-]*)/g) {
        my $o = $1;
        next if $o eq '--no-such-option';
        like($page{'fingerpost.1'}, qr/^ {5}(?:.*, )?\Q$o\E(?:[ ,\n]|$)/m, "fingerpost(1): what $o of $c means");
    }
}

# ---- Settings ----------------------------------------------------------------------------------------------------
# Their names out of the source that reads them.

my @settings = Daemon::slurp('core/conf.c') =~ /^\t\{ "([a-z0-9_.]+)", T_/mg;
cmp_ok(scalar @settings, '>', 20, 'settings: ' . @settings);
my $conf = Daemon::slurp('build/share/fingerpost.conf');
for my $s (@settings) {
    like($page{'fingerpost.conf.5'}, qr/^ {5}\Q$s\E(?:\s|$)/m, "fingerpost.conf(5) has $s");
    is(scalar(() = $conf =~ /^#\Q$s\E =/mg), 1, "the shipped file has $s, commented");
}
my ($status, $out, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '--test', '-c', 'build/share/fingerpost.conf' ]);
is($status, 0, 'the shipped file is sound') or diag $err;
my $dir = Daemon::scratch();
(my $uncommented = $conf) =~ s/^#([a-z0-9_.]+ = .+)$/$1/mg;
open my $f, '>', "$dir/all.conf" or die;
print $f $uncommented;
close $f;
($status, $out, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '--test', '-c', "$dir/all.conf" ]);
is($status, 0, 'and its commented defaults, taken literally, are allowed values') or diag $err;

# ---- Counters, quirks, signature grammar ---------------------------------------------------------------------------

for my $c (Daemon::slurp('core/counters.h') =~ /^\tX\(C_\w+, COUNTER_\w+, "(\w+)"/mg) {
    like($page{'fingerpostd.8'}, qr/^ {5}\Q$c\E /m, "fingerpostd(8) has the counter $c");
}
for my $q (Daemon::slurp('core/quirk.h') =~ /X\(QUIRK_\w+, "([^"]+)"/g) {
    like($page{'fingerpost-signatures.5'}, qr/^ {5}\Q$q\E(?:\s|$)/m, "fingerpost-signatures(5) has the quirk $q");
}
my ($fields) = Daemon::slurp('core/sigfile.c') =~ /tcp_fields\[\] = \{(.*?)\};/s;
for my $field (map { split /,/ } $fields =~ /"([a-z,]+)"/g) {
    like($page{'fingerpost-signatures.5'}, qr/^ {5}\Q$field\E(?:\s|$)/m, "fingerpost-signatures(5) has the field $field");
}
for my $key (qw(classes label sys sig ua_os), Daemon::slurp('core/sigfile.c') =~ /\{ "(\[[a-z:]+\])", SECTION/g) {
    like($page{'fingerpost-signatures.5'}, qr/^ {5}(?:.*, )?\Q$key\E(?:[ ,]|$)/m, "fingerpost-signatures(5) has $key");
}
my ($example) = Daemon::slurp("$man/fingerpost-signatures.5") =~ /^\.Bd -literal\n(.*?)^\.Ed$/ms;
open my $sig, '>', "$dir/example.fp" or die;
print $sig $example;
close $sig;
is((Daemon::cli('check-signatures', "$dir/example.fp"))[0], 0, 'its example is a sound file');

# ---- The library ----------------------------------------------------------------------------------------------------

my $library = $page{'libfingerpost.3'};
for my $symbol (map { / T (fp_\w+)/ ? $1 : () } `nm -D --defined-only build/lib/libfingerpost.so`) {
    like($library, qr/^ {5}\Q$symbol\E\(\)/m, "libfingerpost(3) explains $symbol");
    like($library, qr/\b\Q$symbol\E\((?!\))/, "libfingerpost(3) shows how to call $symbol");
}
for (['libfingerpost', 'store'], ['libfingerpost-classify', 'core']) {
    my ($name, $folder) = @$_;
    is(join(' ', sort(Daemon::slurp("debian/${name}1.symbols") =~ /^ (fp_\w+)\@/mg)), join(' ', sort(Daemon::slurp("$folder/$name.map") =~ /^\t(fp_\w+);/mg)),
        "the symbols of the package ${name}1 are those of the library");
}
my $header = Daemon::slurp('build/include/fingerpost.h') =~ s{/\*.*?\*/}{}gsr;
while ($header =~ /^struct (fp_\w+) \{(.*?)^\};/gms) {
    my ($struct, $body) = ($1, $2);
    my ($section) = $library =~ /^ {3}struct \Q$struct\E\n(.*?)(?=^ {0,3}\S)/ms;
    for my $field (map { /(\w+)(?:\[\w+\])?\s*\z/ ? $1 : () } map { split /,/ } grep { /\S/ } split /;/, $body) {
        like($section // '', qr/\b\Q$field\E\b/, "libfingerpost(3): $struct.$field");
    }
}
for my $code ($header =~ /\b(FP_E[A-Z]+) = -/g) { like($library, qr/\b\Q$code\E\b/, "libfingerpost(3): $code") }

# ---- Completion -----------------------------------------------------------------------------------------------------

sub complete {
    my ($function, @words) = @_;
    my $line = join ' ', map { "'$_'" } @words;
    return qx(bash -c '. build/share/completion/fingerpost; COMP_WORDS=($line); COMP_CWORD=$#words; $function; printf "%s\\n" "\${COMPREPLY[\@]}"' 2>&1);
}
like(complete('_fingerpostd', 'fingerpostd', '--si'), qr/^--signatures$/m, 'bash: an option');
like(complete('_fingerpostd', 'fingerpostd', '--set', 'store.m'), qr/^store\.mode=$/m, 'bash: a setting');
is(complete('_fingerpost', 'fingerpost', 'loo'), "lookup\n", 'bash: a command');
is(complete('_fingerpost', 'fingerpost', 'classify', '--format', 't'), "tsv\n", 'bash: a word');
is(complete('_fingerpost', 'fingerpost', 'import-signatures', '--from', 'pf'), "pf.os\n", 'bash: a word with a dot');
like(complete('_fingerpost', 'fingerpost', 'sa-report', 'READ'), qr/^README\.md$/m, 'bash: a file');
for my $o (sort keys %option) { like(Daemon::slurp('build/share/completion/_fingerpost'), qr/'\*\Q$o\E\[/, "zsh: $o") }

# A real zsh at a terminal of its own, with compadd telling what it is given: what a tabulator offers.
open my $script, '>', "$dir/zsh" or die;
print $script <<'ZSH';
zmodload zsh/zpty
zpty c zsh -f -i
zpty -w c "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w c 'compadd () { local -a got; builtin compadd -A got "$@"; (( $#got )) && print -rl -- "<"${^got}">"; builtin compadd "$@" }; print RE''ADY'
zpty -r c line '*READY*'
zpty -w -n c "$2"$'\t'
for (( i = 0; i < 200; i++ )); do
    while zpty -r -t c out; do print -r -- $out; said+=$out; done
    [[ $said == *'<'*'>'* ]] && break
    sleep 0.05
done
ZSH
close $script;
for (['fingerpostd --si', '--signatures'], ['fingerpostd --set flows.k', 'flows.keep='], ['fingerpost check', 'check-signatures'], ['fingerpost classify --format ts', 'tsv'],
    ['fingerpost classify --prior fl', 'flat'], ['fingerpost sa-report READM', 'README.md']) {
    my ($typed, $offered) = @$_;
    (undef, my $said) = Daemon::run([ 'zsh', '-f', "$dir/zsh", Cwd::getcwd() . '/build/share/completion', $typed ], limit => 30);
    like($said, qr/<\Q$offered\E>/, "zsh: $typed is completed by $offered");
}
done_testing;
