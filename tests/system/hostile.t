#!/usr/bin/perl
# Capture files that lie: about the length of a record or block, of what follows it, of times, interfaces and options; with damaged frames between sound
# ones. `classify` ends by itself, by no signal, in the memory that an honest file takes, and every sound packet that can be found is
# named: all of them where the lie leaves the records where they are, else those before it.
#
# HOSTILE_FILES: how many (200); HOSTILE_SEED: others. With FINGERPOST, a program built with sanitizers, memory is not held down.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Test::More;
use Wire;

my $files   = $ENV{HOSTILE_FILES} || 200;
my $program = $ENV{FINGERPOST} // 'build/bin/fingerpost';
my $dir     = Daemon::scratch();
my $ethernet = pack 'H*', '0200000000020200000000010800';
srand($ENV{HOSTILE_SEED} // 1);

# ---- Frames ---------------------------------------------------------------------------------------------

my $host = 0;
sub sound {
    my $from = sprintf '10.%d.%d.%d', $host >> 16, $host >> 8 & 255, $host & 255;
    $host++;
    return ($from, $ethernet . Wire::syn('Linux', from => $from, to => '198.51.100.2', hops => 7));
}

sub damaged {
    my $frame = $ethernet . Wire::syn('Windows 7', from => '192.0.2.7', to => '198.51.100.2');
    substr($frame, 12 + int rand(length($frame) - 12), 1) = chr int rand 256 for 1 .. 1 + int rand 5;
    $frame = substr $frame, 0, int rand length $frame if rand(3) < 1;
    $frame .= join '', map { chr int rand 256 } 1 .. rand 80 if rand(4) < 1;
    return $frame;
}

# ---- Files ----------------------------------------------------------------------------------------------

sub record {
    my ($frame, %lie) = @_;
    my $n = length $frame;
    return pack('VVVV', $lie{s} // 1_700_000_000, $lie{us} // 5, $lie{caplen} // $n, $lie{len} // ($lie{caplen} // $n)) . $frame;
}
sub block { my ($type, $body, %lie) = @_; my $n = 12 + length $body; return pack('VV', $type, $lie{total} // $n) . $body . pack 'V', $lie{after} // $lie{total} // $n }
sub packet_block {
    my ($frame, %lie) = @_;
    my $n = length $frame;
    return block(6, pack('VVVVV', $lie{interface} // 0, 0x60a00, 0, $lie{caplen} // $n, $n) . $frame . "\0" x (-$n % 4) . ($lie{options} // ''), %lie);
}
sub interface_block { return block(1, pack 'vvV', 1, 0, $_[0] // 65535) }

my %begin = (
    pcap   => sub { my %lie = @_; pack 'VvvlVVV', 0xa1b2c3d4, 2, 4, 0, 0, $lie{snaplen} // 65535, 1 },
    pcapng => sub { my %lie = @_; block(0x0a0d0d0a, pack 'VvvVV', 0x1a2b3c4d, 1, 0, 0xffffffff, 0xffffffff) . interface_block($lie{snaplen}) },
);
my %put = (pcap => \&record, pcapng => \&packet_block);

# A lie: the kind of file, what the file's head says, what stands at some place among the records, whether what follows can be found,
# and the status.
my $some = "\1" x 60;
my @lies = (
    [ 'nothing but the truth', 'pcap', {}, sub { '' }, 1, 0 ],
    [ 'nothing but the truth', 'pcapng', {}, sub { '' }, 1, 0 ],
    (map { my $n = $_; [ "a record of $n bytes", 'pcap', {}, sub { record($some, caplen => $n) }, 0, 1 ] } 262145, 0x7fffffff, 0x80000000, 0xffffffff),
    [ 'a record that claims more than there is', 'pcap', {}, sub { record($some, caplen => 262144) }, 0, 1 ],
    [ 'a record that claims a part of what follows', 'pcap', {}, sub { record($some, caplen => 60 + 1 + int rand 40) }, 0 ],
    [ 'shorter on the wire than captured', 'pcap', {}, sub { record($some, len => int rand 60) }, 1, 0 ],
    [ '4 GiB on the wire', 'pcap', {}, sub { record($some, len => 0xffffffff) }, 1, 0 ],
    [ 'a record of nothing', 'pcap', {}, sub { record('', len => 0) }, 1, 0 ],
    [ 'a second of many microseconds', 'pcap', {}, sub { record($some, us => 0xffffffff) }, 1, 0 ],
    [ 'the year 1970', 'pcap', {}, sub { record($some, s => 0) }, 1, 0 ],
    [ 'the year 2106', 'pcap', {}, sub { record($some, s => 0xffffffff) }, 1, 0 ],
    (map { [ "snap length $_", 'pcap', { snaplen => $_ }, sub { '' }, 1, 0 ] } 0, 0x7fffffff, 0xffffffff),
    (map { my $n = $_; [ "a block of $n bytes", 'pcapng', {}, sub { packet_block($some, total => $n) }, 0, 1 ] } 0, 5, 11, 0x7ffffffc, 0xfffffff0),
    [ 'a block that claims more than there is', 'pcapng', {}, sub { packet_block($some, total => 200_000) }, 0, 1 ],
    [ 'another length behind a block', 'pcapng', {}, sub { packet_block($some, after => int rand 1000) }, 0 ],
    (map { my $n = $_; [ "$n captured bytes in a block of 92", 'pcapng', {}, sub { packet_block($some, caplen => $n) }, 0 ] } 61, 0x7fffffff, 0xffffffff),
    (map { my $n = $_; [ "a packet of interface $n", 'pcapng', {}, sub { packet_block($some, interface => $n) }, 0 ] } 1, 0xffffffff),
    [ 'an option longer than its block', 'pcapng', {}, sub { packet_block($some, options => pack 'vvV', 2, 65535, 4) }, 0 ],
    [ 'a block of another kind, of a million bytes', 'pcapng', {}, sub { block(0x0bad, "\0" x 1_000_000) }, 0 ],
    [ 'an interface of any snap length', 'pcapng', {}, sub { interface_block(0xffffffff) }, 1, 0 ],
    [ 'many interfaces', 'pcapng', {}, sub { join '', map { interface_block($_) } 1 .. 300 }, 1, 0 ],
    [ 'a second section', 'pcapng', {}, sub { $begin{pcapng}->() }, 1, 0 ],
);

# The file's name; sound packets' addresses that must be named.
sub lie {
    my ($lie) = @_;
    my (undef, $kind, $head, $what, $whole) = @$lie;
    my $records = 30;
    my $place = int rand $records;
    my ($bytes, @sound) = $begin{$kind}->(%$head);
    my @must;
    for my $n (0 .. $records - 1) {
        if ($n == $place) { @must = @sound; $bytes .= $what->() }
        $bytes .= $put{$kind}->(damaged()) if rand(2) < 1;
        my ($from, $frame) = sound();
        push @sound, $from;
        $bytes .= $put{$kind}->($frame);
    }
    my $file = "$dir/lie";
    open my $out, '>:raw', $file or die "$file: $!\n";
    print $out $bytes;
    close $out or die "$file: $!\n";
    return ($file, $whole ? @sound : @must);
}

# ---- What an honest file takes --------------------------------------------------------------------------

sub classify {
    my ($file, $kib) = @_;
    my @command = ($program, 'classify', '--format', 'tsv', '-f', 'build/share/fingerpost.fp', '-r', $file);
    unshift @command, 'sh', '-c', 'ulimit -v "$1" && shift && exec "$@"', 'sh', $kib if $kib;
    return Daemon::run(\@command);
}

my ($honest) = lie($lies[0]);
my $limit;
if (!$ENV{FINGERPOST}) {
    my ($low, $high) = (1024, 16 << 20);
    while ($high - $low > 2048) {
        my $middle = int(($low + $high) / 2);
        if ((classify($honest, $middle))[0] eq '0') { $high = $middle } else { $low = $middle }
    }
    $limit = $high + 8192;
    note "an honest file takes $high KiB of addresses; liars get $limit";
    cmp_ok($high, '<', 4 << 20, 'an honest file needs no more than 4 GiB of addresses');
}

# ---- The liars ------------------------------------------------------------------------------------------

my ($named, $wanted, $wrong) = (0, 0, 0);
for my $n (0 .. $files - 1) {
    my $lie = $lies[$n % @lies];
    my ($file, @must) = lie($lie);
    my ($status, $out, $err) = classify($file, $limit);
    my %linux = map { /\A\S+\t(10\.\S+)\t.*\tsyn\tLinux\t.*\texact\t/ ? ($1 => 1) : () } split /\n/, $out;
    my @missing = grep { !$linux{$_} } @must;
    $wanted += @must;
    $named += @must - @missing;
    next if !@missing && $status =~ /\A[01]\z/ && $status eq ($lie->[5] // $status);
    $wrong++;
    diag "file $n, $lie->[1], $lie->[0]: status $status, " . @missing . " of " . @must . " sound packets not named\n$err";
    rename $file, "build/hostile.$n" if $wrong <= 5;
}
is($wrong, 0, "$files files: each ends as it should") or diag 'see build/hostile.*';
is($named, $wanted, 'every sound packet that can be found is named');
cmp_ok($wanted, '>', $files * 10, 'and there were some');
note "$files lying files, $named of $wanted sound packets named";
done_testing;
