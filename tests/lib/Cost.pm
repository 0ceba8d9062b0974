package Cost;

# Cost - instructions a packet, counted by callgrind: the one figure of speed that comes out the same on a busy machine. For
# tests/system/instructions.t and bench/history.

use strict;
use warnings;
use Daemon;

our $BUILT = 'build/plain/bench';

# Why it cannot be counted here, '' if it can.
sub unable {
    return 'no valgrind' unless grep { -x "$_/valgrind" } split /:/, $ENV{PATH};
    -x "$BUILT/$_" or return "$BUILT/$_ is not built: make $BUILT/$_" for qw(gen track decode);
    return '';
}

sub run_instructions {
    my ($stage, $file) = @_;
    my $dir = Daemon::scratch();
    my ($status, $out, $err) = Daemon::run([ 'valgrind', '--tool=callgrind', "--callgrind-out-file=$dir/out", "$BUILT/track", '-s', $stage, '-m', 20000, $file ],
        limit => 300);
    die "callgrind: status $status\n$err" if $status ne '0';
    return $err =~ /Collected\s*:\s*(\d+)/ ? $1 : die "callgrind said: $err";
}

# Instructions a packet of a stage of bench/track: what 20 000 packets more cost, so that the start does not count.
sub instructions {
    my ($stage, @kind) = @_;
    my $dir = Daemon::scratch();
    my @n = map {
        my $file = "$dir/$_.pcap";
        system("$BUILT/gen", @kind, '-n', $_, '-m', $_ / 5, '-o', $file) == 0 or die "gen failed\n";
        run_instructions($stage, $file);
    } 20_000, 40_000;
    return sprintf '%.0f', ($n[1] - $n[0]) / 20_000;
}

# Instructions a SYN of the engine alone: decode and match in memory, with these signatures.
sub engine_instructions {
    my ($signatures) = @_;
    my $dir = Daemon::scratch();
    my $packets = 200_000;
    system("$BUILT/gen", '-n', $packets, '-m', $packets / 5, '-o', "$dir/syn.pcap") == 0 or die "gen failed\n";
    my ($status, undef, $err) = Daemon::run([ 'valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', map({ "--toggle-collect=$_" } qw(pkt_decode match_cached)),
        "$BUILT/decode", '-r', 0, '-f', $signatures, "$dir/syn.pcap" ], limit => 300);
    die "callgrind: status $status\n$err" if $status ne '0';
    return $err =~ /Collected\s*:\s*(\d+)/ ? sprintf('%.0f', $1 / $packets) : die "callgrind said: $err";
}

# The compiler of the plain build, without its patch level: another one makes other code.
sub compiler {
    my $cc = $ENV{CC} && $ENV{CC} ne 'cc' ? $ENV{CC} : 'gcc';
    my ($version) = `$cc -dumpversion` =~ /\A(\d+)/ or return 'unknown';
    return ($cc =~ s{.*/}{}r) . " $version";
}

# Rows of bench/history.tsv as hashes, oldest first.
sub history {
    my @lines = grep { !/\A#/ } split /\n/, Daemon::slurp('bench/history.tsv');
    my @names = split /\t/, shift @lines // '';
    return map { my %row; @row{@names} = split /\t/; \%row } @lines;
}

1;
