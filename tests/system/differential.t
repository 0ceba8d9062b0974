#!/usr/bin/perl
# Generated traffic (tests/differential/) through Debian's p0f and through `fingerpost classify --compat p0f`: the same log, byte for byte, but
# for p0f's HTTP lines. DIFFERENTIAL_PACKETS (100000) in files of 25000, DIFFERENTIAL_SEED (1) and those that follow it.
use strict;
use warnings;
use File::Path qw(make_path);
use Test::More;

my $packets  = $ENV{DIFFERENTIAL_PACKETS} || 100_000;
my $seed     = $ENV{DIFFERENTIAL_SEED} // 1;
my $a_file   = 25_000;
my $program  = $ENV{FINGERPOST} // 'build/bin/fingerpost';
my $generate = 'build/plain/tests/differential/generate';
my $database = '/etc/p0f/p0f.fp';
my $dir      = 'build/differential';
my ($p0f)    = grep { -x } map { "$_/p0f" } split(/:/, $ENV{PATH}), '/usr/sbin';

plan skip_all => 'p0f is not installed' unless $p0f && -r $database;
-x $generate or system('make', '-s', $generate) == 0 or die "$generate cannot be built\n";
make_path($dir);
$ENV{TZ} = 'UTC';

sub slurp { open my $f, '<:raw', $_[0] or die "$_[0]: $!"; local $/; return <$f> // '' }

my (%kind, %reason, $read, $lines);
$read = $lines = 0;
for my $n (0 .. int(($packets + $a_file - 1) / $a_file) - 1) {
    my $name = "$dir/" . ($seed + $n);
    my $count = $packets - $n * $a_file < $a_file ? $packets - $n * $a_file : $a_file;
    system($generate, $database, $seed + $n, $count, "$name.pcap") == 0 or die "$generate: $?";
    unlink "$name.p0f";
    system("$p0f -m 4000,20000 -r $name.pcap -f $database -o $name.p0f >$name.out 2>&1") == 0 or die "p0f: ", slurp("$name.out");
    system("$program classify --compat p0f -r $name.pcap -f $database >$name.log") == 0 or die "$program: $?";
    my $want = join '', grep { !/\] mod=http / } split /^/, slurp("$name.p0f");
    my $got  = slurp("$name.log");
    if ($got eq $want) {
        pass("seed " . ($seed + $n) . ": $count packets");
        unlink map { "$name.$_" } qw(pcap p0f out log);
    }
    else {
        fail("seed " . ($seed + $n) . ": $count packets; see $name.*");
        my @w = split /^/, $want;
        my @g = split /^/, $got;
        my $i = 0;
        $i++ while $i < @w && $i < @g && $w[$i] eq $g[$i];
        diag 'line ', $i + 1, "\n  p0f: ", $w[$i] // "(end)\n", '  we:  ', $g[$i] // "(end)\n";
    }
    $read += $count;
    for (split /^/, $want) {
        $lines++;
        $kind{$1}++ if /\] mod=([^|]+)/;
        $reason{$_}++ for /\|reason=([^|]*)/ ? split(/ /, $1) : ();
    }
}

# A generator that brings nothing about would prove nothing.
cmp_ok($kind{$_} // 0, '>', 0, "there was: $_")
    for 'syn', 'syn+ack', 'mtu', 'uptime', 'host change', 'ip sharing', 'sendsyn probe', 'sendsyn response';
cmp_ok($reason{$_} // 0, '>', 0, "there was a reason: $_") for qw(app_vs_os os_diff sig_diff x_known tstamp ttl port mtu fuzzy);
note "$read packets, $lines lines: ", join ', ', map { "$kind{$_} $_" } sort keys %kind;
note 'reasons: ', join ', ', map { "$reason{$_} $_" } sort keys %reason;
done_testing;
