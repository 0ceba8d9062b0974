#!/usr/bin/perl
# Instructions a packet, against the last line of bench/history.tsv: a tenth more is a failure. Whoever has a reason for more says so in a new line
# (bench/history prints it). Of the engine alone, against what it may take.
use strict;
use warnings;
use lib 'tests/lib';
use Cost;
use Test::More;

if (my $why = Cost::unable()) { plan skip_all => $why }

my ($last) = reverse Cost::history();
ok($last, 'bench/history.tsv has a line') or BAIL_OUT('nothing to hold it against');
my $compiler = Cost::compiler();
for (
    [ 'a SYN', 'syn_instructions', 'matcher' ],
    [ 'a packet of an SMTP dialogue', 'smtp_instructions', 'matcher', '-d' ],
) {
    my ($what, $column, $stage, @kind) = @$_;
    my $n = Cost::instructions($stage, @kind);
    note "$what: $n instructions, $last->{$column} at $last->{version} ($last->{date}, $last->{compiler}; here $compiler)";
    # Another compiler's code is compared loosely, so that only what is really wrong fails there.
    my $limit = $last->{$column} * ($compiler eq $last->{compiler} ? 1.1 : 1.5);
    cmp_ok($n, '<=', $limit, "$what: instructions did not rise by a tenth");
    cmp_ok($n, '>', 100, "$what: and it was counted");
}

my $p0f = '/etc/p0f/p0f.fp';
SKIP: {
    skip "$p0f is not installed (Debian's package p0f)", 2 unless -r $p0f;
    my $n = Cost::engine_instructions($p0f);
    note "decode and match in memory: $n instructions a SYN";
    cmp_ok($n, '<=', 250 * ($compiler =~ /\Agcc/ ? 1 : 1.5), 'decode and match in memory: at most 250 instructions a SYN');
    cmp_ok($n, '>', 100, 'and it was counted');
}
done_testing;
