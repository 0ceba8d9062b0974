#!/usr/bin/perl
# The corpus of public captures: `classify --compat p0f` says of every file what Debian's p0f says, field for field and in the same order (the corpus's
# own compare.py decides). synthetic/ holds the same traffic under tags, tunnels and extension headers, which p0f cannot read: there the
# default mode must give the verdict on the plain packet. What differs stands below with its reason, and must differ just so. A line a
# file is left in build/corpus/agreement.tsv (`make corpus` shows it).
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use Test::More;

my ($corpus) = grep { defined && -r "$_/MANIFEST.tsv" } $ENV{FP_CORPUS}, '../shared/corpus';
my $program  = $ENV{FINGERPOST} // 'build/bin/fingerpost';
my $database = '/etc/p0f/p0f.fp';
my $dir      = 'build/corpus';

plan skip_all => 'no corpus: name it in FP_CORPUS' unless $corpus;
plan skip_all => "$database is not installed (Debian's package p0f)" unless -r $database;

# file => [ what compare.py -v says but for the summary, why ]; docs/differences-from-p0f.md says more
my %differs = (
    'tcpdump/mptcp-dss-oobr.pcap' => [ <<'END', 'snaplen: 74 bytes recorded in a file of snap length 73: libpcap cuts one, and p0f drops what is cut' ],
extra    syn|127.0.0.1/57370|127.0.0.1/23|cli|os=???|0|tos:0x04|4:64+0:0:16396:mss*2,0:mss,sok,ts,?30,eol+0:df,id+:0
extra    mtu|127.0.0.1/57370|127.0.0.1/23|cli|loopback|16436
END
);
# One packet of the plain traffic, in all of its copies that are IPv4: `ack+` of docs/differences-from-p0f.md.
my $plain = <<'END';
differs in os,dist,params,raw_sig
want syn|172.16.16.128/53936|172.16.16.150/135|cli|os=???|20|none|4:44+20:0:1460:1,10:ws,nop,mss,ts,sok::0
got  syn|172.16.16.128/53936|172.16.16.150/135|cli|app=NMap OS detection|<= 20|random_ttl|4:44+20:0:1460:1,10:ws,nop,mss,ts,sok:ack+:0
missing  mtu|172.16.16.128/53936|172.16.16.150/135|cli|Ethernet or modem|1500
END

open my $in, '<', "$corpus/MANIFEST.tsv" or die "$corpus/MANIFEST.tsv: $!";
my (undef, @rows) = <$in>;
my %packets = map { (split /\t/)[0, 6] } @rows;
my @files = map { /\A([^\t]+)/ } @rows;
cmp_ok(scalar @files, '>', 200, 'the corpus is whole');

remove_tree($dir);
my (%log, @pairs, %status);
for my $file (@files) {
    my $log = $log{$file} = "$dir/$file.log";
    my @compat = $file =~ m{\Asynthetic/} ? () : ('--compat', 'p0f');
    make_path(dirname($log));
    if (!(my $pid = fork)) {
        open STDOUT, '>', $log or die "$log: $!";
        open STDERR, '>', "$log.err" or die "$log.err: $!";
        exec $program, 'classify', '-r', "$corpus/$file", '-f', $database, @compat or die "$program: $!";
    }
    else {
        waitpid $pid, 0;
        $status{$file} = $?;
    }
    push @pairs, $log, "$corpus/expected/$file.p0f";
}

# What compare.py -v says of each file: nothing where all is equal.
my (%says, %count, $of, $counted);
open my $compare, '-|', 'python3', "$corpus/compare.py", '-v', @pairs or die "compare.py: $!";
while (<$compare>) {
    if (m{\A\Q$dir\E/(.*)\.log: equal (\d+) differing (\d+) missing (\d+) extra (\d+)}) { $of = $1; $says{$of} = ''; $count{$of} = [ $2, $3, $4, $5 ] }
    elsif (/\Afiles (\d+), .* logs absent (\d+)/)                    { $counted = $1 - $2; $of = undef }
    elsif (/\A *((?:differs|want|got|missing|extra|order).*\n)/ && $of) { $says{$of} .= $1 }
}
close $compare;
is($counted, scalar @files, 'every file was compared');

# An extension header counts as olen (README of the corpus): that alone may differ there.
sub without_olen {
    my ($left, $want) = ('', '');
    for (split /^/, $_[0]) {
        if    (/\Awant /)                   { $want = $_ }
        elsif ($_ eq "differs in raw_sig\n") { }
        elsif (/\Agot  (.*\|6:[^:]*):\d+:(.*)/s) { $left .= $_ if $want ne "want $1:0:$2" }
        else                                { $left .= $_ }
    }
    return $left;
}

sub lines { open my $f, '<', $_[0] or return 0; return scalar(grep { /\S/ } <$f>) }

my ($equal, $listed) = (0, 0);
open my $table, '>', "$dir/agreement.tsv" or die "$dir/agreement.tsv: $!";
print $table join("\t", qw(file mode packets p0f_events equal differing missing extra result)), "\n";
for my $file (@files) {
    my $synthetic = $file =~ m{\Asynthetic/};
    my $says      = $says{$file} // '';

    $says = without_olen($says) if $file =~ m{\Asynthetic/v6-};
    my $because = $differs{$file} // ($synthetic && $says ne '' ? [ $plain, 'ack+' ] : undef);
    if ($because) {
        is($says, $because->[0], "$file: differs as it should: $because->[1]");
        $listed++;
    }
    else {
        is($says, '', $file . ($synthetic ? ' (default mode)' : ''));
        $equal++ if $says eq '';
    }
    my $events = lines("$corpus/expected/$file.p0f");
    my $result = $says eq '' ? ($count{$file} ? 'equal but for olen' : 'equal') : $because ? "as listed: $because->[1]" : 'DIFFERS';
    print $table join("\t", $file, $synthetic ? 'default' : 'compat', $packets{$file}, $events, @{ $count{$file} // [ $events, 0, 0, 0 ] }, $result), "\n";
    # Several of them are cut or damaged on purpose: that is 1, and what came before counts.
    ok(0, "$file: status $status{$file}") unless $status{$file} == 0 || $status{$file} == 1 << 8;
}
close $table or die "$dir/agreement.tsv: $!";
note "$equal files equal, $listed differ as listed, of " . @files;
done_testing;
