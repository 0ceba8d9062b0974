package FakeRemote;

# FakeRemote - another machine, in a process of its own on the loopback: p0f-analyzer's UDP or the HTTP API, well or ill
# behaved. What it does is said by functions that get (address asked, question) and return a list of [ seconds to wait, bytes ];
# with HTTP an undef instead of bytes closes the connection. It counts questions in a file.

use strict;
use warnings;
use Fcntl qw(O_APPEND O_CREAT O_WRONLY);
use File::Temp ();
use IO::Select;
use IO::Socket::IP;
use POSIX ();
use Time::HiRes qw(time);

my %running;
END { my $status = $?; stop($_) for values %running; $? = $status }

# kind: udp or http. Further: port, host.
sub start {
    my ($class, $kind, $behave, %o) = @_;
    my $self = bless { kind => $kind, count => File::Temp->new }, $class;
    my $socket = IO::Socket::IP->new(LocalHost => $o{host} // '127.0.0.1', LocalPort => $o{port} // 0, ReuseAddr => 1,
        $kind eq 'udp' ? (Type => SOCK_DGRAM, Proto => 'udp') : (Type => SOCK_STREAM, Listen => 50)) or die "fake server: $@\n";
    $self->{port} = $socket->sockport;
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        %running = ();
        $SIG{PIPE} = 'IGNORE';
        $SIG{TERM} = sub { POSIX::_exit(0) };
        $kind eq 'udp' ? $self->serve_udp($socket, $behave) : $self->serve_http($socket, $behave);
    }
    $running{$self->{pid}} = $self;
    return $self;
}

sub stop {
    my $self = shift;
    delete $running{$self->{pid}} or return;
    kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
}

sub port { return $_[0]{port} }
sub value { return ($_[0]{kind} eq 'udp' ? 'udp:' : 'http://') . '127.0.0.1:' . $_[0]{port} }

# How many questions have come.
sub asked { return -s $_[0]{count}->filename }
sub count { my $self = shift; sysopen my $f, $self->{count}->filename, O_WRONLY | O_APPEND | O_CREAT; syswrite $f, '.' }

sub later { my ($queue, @what) = @_; push @$queue, \@what; @$queue = sort { $a->[0] <=> $b->[0] } @$queue }
sub left { my $queue = shift; my $left = @$queue ? $queue->[0][0] - time : undef; return defined $left && $left < 0 ? 0 : $left }

sub serve_udp {
    my ($self, $socket, $behave) = @_;
    my @queue;
    while (1) {
        if (IO::Select->new($socket)->can_read(left(\@queue))) {
            my $peer = recv $socket, my $question, 4096, 0;
            my ($ip) = $question =~ /^\[(.*?)\]/;
            $self->count;
            later(\@queue, time + $_->[0], $_->[1], $peer) for $behave->($ip // '', $question);
        }
        while (@queue && $queue[0][0] <= time) {
            my (undef, $bytes, $peer) = @{shift @queue};
            send $socket, $bytes, 0, $peer;
        }
    }
}

sub serve_http {
    my ($self, $socket, $behave) = @_;
    my $select = IO::Select->new($socket);
    my (@queue, %got);
    while (1) {
        for my $ready ($select->can_read(left(\@queue))) {
            if ($ready == $socket) {
                my $c = $socket->accept or next;
                $select->add($c);
                next;
            }
            if (!sysread $ready, $got{$ready}, 4096, length($got{$ready} // '')) { $select->remove($ready); delete $got{$ready}; close $ready; next }
            next if $got{$ready} !~ /\r\n\r\n/;
            my ($ip) = $got{$ready} =~ m{^GET \S*/v1/hosts/(\S+) HTTP/1\.[01]\r\n};
            $self->count;
            later(\@queue, time + $_->[0], $_->[1], $ready) for $behave->($ip // '', delete $got{$ready});
        }
        while (@queue && $queue[0][0] <= time) {
            my (undef, $bytes, $c) = @{shift @queue};
            next if !$c->opened;
            if (defined $bytes) { syswrite $c, $bytes } else { $select->remove($c); close $c }
        }
    }
}

1;
