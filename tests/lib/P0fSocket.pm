package P0fSocket;

# P0fSocket - p0f 3's query socket, asked from Perl: of our daemon or of p0f itself.

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(inet_pton AF_INET AF_INET6);

our @FIELDS = qw(magic status first_seen last_seen total_conn uptime_min up_mod_days last_nat last_chg distance bad_sw
    os_match_q os_name os_flavor http_name http_flavor link_type language);

sub query {
    my $address = shift;
    my ($type, $family) = $address =~ /:/ ? (6, AF_INET6) : (4, AF_INET);
    return pack 'L C a16', 0x50304601, $type, inet_pton($family, $address);
}

sub open {
    my ($class, $path) = @_;
    return IO::Socket::UNIX->new(Peer => $path) // die "$path: $!\n";
}

# The 232 bytes of a reply, shorter where none comes within so many seconds.
sub reply {
    my ($socket, $limit) = @_;
    my $reply = '';
    while (length $reply < 232 && IO::Select->new($socket)->can_read($limit // 5)) {
        last unless sysread $socket, $reply, 232 - length $reply, length $reply;
    }
    return $reply;
}

sub fields {
    my %f;
    @f{@FIELDS} = unpack 'L9 s C2 (Z32)6', shift;
    return \%f;
}

# One question on a connection of its own.
sub ask {
    my ($path, $address) = @_;
    my $socket = P0fSocket->open($path);
    syswrite $socket, query($address);
    return fields(reply($socket));
}

1;
