#!/usr/bin/perl
# The 82 golden vectors of docs/p0f3-matching.md: what p0f 3.09b-3 logs for hand-made packets, and what we log.
# The savefile is built as they were: link type 101, packets 50 ms apart, each case from the next whole second on.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my $program = $ENV{FINGERPOST} // 'build/bin/fingerpost';
my $database = '/etc/p0f/p0f.fp';
my $vectors = 'tests/data/p0f3-vectors.tsv';

plan skip_all => "$database is not installed (Debian's package p0f)" unless -r $database;

open my $in, '<', $vectors or die "$vectors: $!";
my @cases = map { chomp; [ split /\t/, $_, -1 ] } grep { /\t/ } <$in>;
close $in;
# A line of column names, should there be one.
shift @cases if @cases && $cases[0][1] !~ /\A[0-9a-f]/;

my $dir = tempdir(CLEANUP => 1);
my ($second, $file) = (1_500_000_000, "$dir/vectors.pcap");
my %case_at;    # second => number of the case that begins there
open my $pcap, '>:raw', $file or die "$file: $!";
print $pcap pack 'LSSlLLL', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101;
for my $n (0 .. $#cases) {
    my $ms = 0;
    $case_at{$second} = $n;
    for my $hex (split m{/}, $cases[$n][1]) {
        my $bytes = pack 'H*', $hex;
        print $pcap pack('LLLL', $second + int($ms / 1000), $ms % 1000 * 1000, length $bytes, length $bytes), $bytes;
        $ms += 50;
    }
    $second += 1 + int(($ms - 50) / 1000);
}
close $pcap;

local $ENV{TZ} = 'UTC';
open my $run, '-|', $program, 'classify', '-r', $file, '-f', $database, '--compat', 'p0f' or die "$program: $!";
my @lines = <$run>;
close $run;
is $?, 0, 'exit status';

# Lines back to their case by its second; then the vectors' short form.
my @got = map { [] } @cases;
my @starts = sort { $a <=> $b } keys %case_at;
use Time::Local qw(timegm);
for (@lines) {
    chomp;
    my ($y, $mo, $d, $h, $mi, $s, $rest) = m{\A\[(\d+)/(\d+)/(\d+) (\d+):(\d+):(\d+)\] (.*)} or do { fail "log line: $_"; next };
    my $t = timegm($s, $mi, $h, $d, $mo - 1, $y);
    my ($start) = grep { $_ <= $t } reverse @starts;
    my ($mod) = $rest =~ /\Amod=([^|]*)/;
    my @fields = grep { !/\A(?:mod|cli|srv|subj)=/ } split /\|/, $rest;
    push @{ $got[ $case_at{$start} ] }, "$mod\{@fields}";
}
for my $n (0 .. $#cases) {
    my $got = join ' ; ', @{ $got[$n] };
    is $got eq '' ? '(nothing)' : $got, $cases[$n][2], $cases[$n][0];
}
done_testing;
