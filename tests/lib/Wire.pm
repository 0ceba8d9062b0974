package Wire;

# Wire - TCP segments of known systems as bytes, for a capture file or an interface. Used by the system tests and by
# the demo: one table of systems, right checksums, no module beyond Perl's own.

use strict;
use warnings;
use Socket qw(inet_pton AF_INET AF_INET6);

# name => [ TTL it starts with, IP id ('' = none: 0), DF, window, options as p0f words ].
# Sources: signatures/, which say where each was seen.
our %SYSTEM = (
    'Windows XP'          => [ 128, 4711, 1, 65535, 'mss1460,nop,nop,sok' ],
    'Windows 7'           => [ 128, 4712, 1, 8192,  'mss1460,nop,ws8,nop,nop,sok' ],
    'Windows 10'          => [ 128, 4713, 1, 64240, 'mss1460,nop,ws8,nop,nop,sok' ],
    'Linux'               => [ 64,  4714, 1, 64240, 'mss1460,sok,ts,nop,ws7' ],
    'Android'             => [ 64,  4715, 1, 65535, 'mss1460,sok,ts,nop,ws6' ],
    'macOS'               => [ 64,  0,    1, 65535, 'mss1460,nop,ws6,nop,nop,ts,sok,eol1' ],
    'iOS'                 => [ 64,  0,    1, 65535, 'mss1460,nop,ws5,nop,nop,ts,sok,eol1' ],
    'FreeBSD'             => [ 64,  0,    1, 65535, 'mss1460,nop,ws6,sok,ts' ],
    'OpenBSD'             => [ 64,  4719, 1, 16384, 'mss1460,nop,nop,sok,nop,ws6,nop,nop,ts' ],
    'NetBSD'              => [ 64,  0,    1, 32768, 'mss1460,nop,ws3,sok,nop,nop,nop,nop,ts' ],
    'Solaris'             => [ 64,  4721, 1, 64240, 'mss1460,nop,nop,sok,nop,ws1' ],
    'unheard of'          => [ 64,  4722, 1, 12345, 'nop,ws3,mss1111,ts' ],
);

sub options {
    my ($words, $ts) = @_;
    my $bytes = '';
    for my $w (split /,/, $words) {
        $bytes .= $w eq 'nop'          ? "\1"
                : $w eq 'sok'          ? "\4\2"
                : $w eq 'ts'           ? pack('CCNN', 8, 10, $ts, 0)
                : $w =~ /\Amss(\d+)\z/ ? pack('CCn', 2, 4, $1)
                : $w =~ /\Aws(\d+)\z/  ? pack('CCC', 3, 3, $1)
                : $w =~ /\Aeol(\d+)\z/ ? "\0" x (1 + $1)
                :                        die "option $w\n";
    }
    $bytes .= "\1" while length($bytes) % 4;
    return $bytes;
}

# RFC 1071
sub checksum {
    my $bytes = shift;
    $bytes .= "\0" if length($bytes) % 2;
    my $sum = 0;
    $sum += $_ for unpack 'n*', $bytes;
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    return ~$sum & 0xffff;
}

# An IP packet. Named: from, to (addresses), sport, dport, ttl, id, df, flags (SYN 2, ACK 16, ...), seq, ack, win,
# options (bytes), payload.
sub packet {
    my %p = (sport => 40000, dport => 25, ttl => 64, id => 0, df => 1, flags => 2, seq => 1000, ack => 0, win => 0,
        options => '', payload => '', @_);
    my $v6  = $p{from} =~ /:/;
    my ($src, $dst) = map { inet_pton($v6 ? AF_INET6 : AF_INET, $_) // die "address $_\n" } @p{qw(from to)};
    my $tcp = pack('nnNNCCnnn', @p{qw(sport dport seq ack)}, (5 + length($p{options}) / 4) << 4, $p{flags}, $p{win}, 0, 0)
        . $p{options} . $p{payload};
    my $pseudo = $src . $dst . ($v6 ? pack('NN', length $tcp, 6) : pack('Cxn', 0) ^ pack('CCn', 0, 6, length $tcp));
    substr($tcp, 16, 2) = pack 'n', checksum($pseudo . $tcp);
    return pack('NnCC', 6 << 28, length $tcp, 6, $p{ttl}) . $src . $dst . $tcp if $v6;
    my $ip = pack('CCnnnCCn', 0x45, 0, 20 + length $tcp, $p{id}, $p{df} ? 0x4000 : 0, $p{ttl}, 6, 0) . $src . $dst;
    substr($ip, 10, 2) = pack 'n', checksum($ip);
    return $ip . $tcp;
}

# The SYN of a system of the table, so many hops away. Further names as for packet().
sub syn {
    my ($system, %p) = @_;
    my ($ttl, $id, $df, $win, $options) = @{ $SYSTEM{$system} // die "system $system\n" };
    my $hops = delete $p{hops} // 0;
    return packet(ttl => $ttl - $hops, id => $id, df => $df, win => $win, options => options($options, delete $p{ts} // 123456), %p);
}

# SYN, SYN+ACK of a server, and the ACK that completes the handshake.
sub handshake {
    my ($system, %p) = @_;
    my $isn = $p{seq} // 1000;
    my %back = (from => $p{to}, to => $p{from}, sport => $p{dport} // 25, dport => $p{sport} // 40000);
    return (
        syn($system, %p),
        packet(%back, flags => 18, seq => 5000, ack => $isn + 1, win => 65160, options => options('mss1460,nop,nop,sok', 1)),
        packet(%p, flags => 16, seq => $isn + 1, ack => 5001, win => 1000, hops => undef),
    );
}

# Writes a classic pcap file of raw IP packets (link type 101), `gap` seconds apart. A packet may be
# [ TIME, BYTES ]. Returns the file's name.
sub pcap {
    my ($file, $packets, %o) = @_;
    my $time = $o{start} // 1_700_000_000;
    open my $out, '>:raw', $file or die "$file: $!\n";
    print $out pack 'VvvlVVV', 0xa1b2c3d4, 2, 4, 0, 0, 65535, $o{link} // 101;
    for my $p (@$packets) {
        my $bytes = ref $p ? $p->[1] : $p;
        $time = $p->[0] if ref $p;
        print $out pack('VVVV', int $time, int(($time - int $time) * 1e6 + 0.5), length $bytes, length $bytes), $bytes;
        $time += $o{gap} // 0.001;
    }
    close $out or die "$file: $!\n";
    return $file;
}

# A socket that puts Ethernet frames on an interface: returns a function that takes an IP packet, and tags that go before it, outermost
# first, each eight hex digits ("81000064": 802.1Q, network 100).
sub sender {
    my ($interface, $to_mac) = @_;
    # AF_PACKET 17, SOCK_RAW 3
    socket my $socket, 17, 3, 0 or die "packet socket: $!\n";
    # SIOCGIFINDEX, SIOCGIFHWADDR: of this thread's namespace, which /sys need not show
    my $ask = sub { my $ifr = pack 'a16x24', $interface; ioctl $socket, $_[0], $ifr or die "$interface: $!\n"; substr $ifr, 16 };
    my $index = unpack 'i', $ask->(0x8933);
    my $from  = substr $ask->(0x8927), 2, 6;
    my $to    = pack 'H12', $to_mac =~ tr/://dr;
    # struct sockaddr_ll
    bind $socket, pack 'Sniscca8', 17, 0, $index, 0, 0, 6, '' or die "bind to $interface: $!\n";
    return sub {
        my ($packet, @tags) = @_;
        my $type = ord($packet) >> 4 == 6 ? 0x86dd : 0x0800;
        defined send $socket, $to . $from . pack('H*', join '', @tags) . pack('n', $type) . $packet, 0 or die "send on $interface: $!\n";
    };
}

1;
