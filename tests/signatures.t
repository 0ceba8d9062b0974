#!/usr/bin/perl
# Our database: every entry names its source, every file is sound by itself, all together load here and in p0f, and each
# entry wins for the packet that it describes (none is shadowed).
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Test::More;

my %word = map { $_ => 1 } qw(labelled kernel vendor RFC seen derived);
my $dir = Daemon::scratch();
my $entries = 0;
my %flavor;

for my $file (sort glob 'signatures/*.fp') {
    my ($section, $label, $sourced, @wrong) = ('', '', 0);
    open my $in, '<', $file or die;
    while (my $line = <$in>) {
        chomp $line;
        if ($line =~ /\A; source: (\w+)/) {
            push @wrong, "$.: source word \"$1\"" unless $word{$1};
            $sourced = 1;
        } elsif ($line =~ /\A\[(.+)\]/) {
            $section = $1;
        } elsif ($line =~ /\Alabel\s*=\s*(.+?)\s*\z/) {
            $label = $1;
            if ($section =~ /\Atcp/) {
                my (undef, $class, $name, $flavor) = split /:/, $label, 4;
                push @wrong, "$.: flavor \"$flavor\"" unless $flavor =~ /\A[-A-Za-z0-9_.() ]*\z/;
                push @wrong, "$.: $name $flavor stands in another class" if ($flavor{"$name:$flavor"} //= $class) ne $class;
                push @wrong, "$.: XP text that old rules would misread" if "$name $flavor" =~ /\AWindows XP[^(]*(?:[\[,]|2000 SP)/;
            }
        } elsif ($line =~ /\Asig\s*=/) {
            push @wrong, "$.: no source" unless $sourced;
            $entries++ if $section =~ /\Atcp/;
            $sourced = 0;
        } elsif ($line !~ /\A\s*(?:;|\z)/) {
            $sourced = 0;
        }
    }
    is("@wrong", '', "$file: every entry has its source, labels are as mail rules need them");
}
cmp_ok($entries, '>', 200, "$entries entries");

my ($status, $out, $err) = Daemon::cli('check-signatures', 'build/share/fingerpost.fp');
is($status, 0, 'the shipped file is sound') or diag $err;

SKIP: {
    skip 'no p0f', 1 unless -x '/usr/sbin/p0f';
    # An empty capture: p0f loads its file first and says what is wrong with it.
    open my $f, '>:raw', "$dir/none.pcap" or die;
    print $f pack 'VvvlVVV', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101;
    close $f;
    (undef, $out, $err) = Daemon::run([ '/usr/sbin/p0f', '-f', 'build/share/fingerpost.fp', '-r', "$dir/none.pcap" ]);
    like("$out$err", qr/Loaded (\d+) signatures/, 'p0f reads it too');
}
done_testing;
