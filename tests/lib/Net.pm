package Net;

# Net - two network namespaces joined by a veth pair: a mail exchanger ("mx", 192.0.2.1, 2001:db8::1) and everybody else
# ("out"), who has every other address that a test wants. Nothing outside them is touched; they go with the object.

use strict;
use warnings;
use Time::HiRes qw(sleep);

my $made = 0;

# Why namespaces cannot be made here, '' if they can.
sub unable {
    return 'no root to make network namespaces' if $> != 0;
    return 'no ip(8)' unless grep { -x "$_/ip" } qw(/sbin /usr/sbin /bin /usr/bin);
    my $name = "fp-probe-$$";
    return 'network namespaces cannot be made here' if system("ip netns add $name 2>/dev/null");
    my $entered = system("ip netns exec $name true 2>/dev/null") == 0;
    system "ip netns del $name";
    return $entered ? '' : 'network namespaces cannot be entered here';
}

sub new {
    my ($class, %o) = @_;
    my $tag = $$ . '-' . $made++;
    my $self = bless { mx => "fp-mx-$tag", out => "fp-out-$tag", mx_if => 'mx0', out_if => 'out0' }, $class;
    $self->ip("netns add $self->{$_}") for qw(mx out);
    my $queues = $o{queues} ? "numrxqueues $o{queues} numtxqueues $o{queues}" : '';
    # Made inside, so that no interface ever shows outside.
    $self->ip("-n $self->{mx} link add mx0 $queues type veth peer name out0 $queues netns $self->{out}");
    for ([ mx => 'mx0', 1 ], [ out => 'out0', 2 ]) {
        my ($ns, $if, $n) = @$_;
        $self->ip("-n $self->{$ns} link set lo up");
        # Duplicate address detection would make the first second of IPv6 useless.
        system "ip netns exec $self->{$ns} sysctl -qw net.ipv6.conf.$if.accept_dad=0 net.ipv6.conf.$if.router_solicitations=0 2>/dev/null";
        $self->ip("-n $self->{$ns} addr add 192.0.2.$n/24 dev $if");
        $self->ip("-n $self->{$ns} addr add 2001:db8::$n/64 dev $if nodad");
        $self->ip("-n $self->{$ns} link set $if up");
    }
    sleep 0.05 until `ip -n $self->{mx} link show mx0` =~ /LOWER_UP/;
    ($self->{mx_mac}) = `ip -n $self->{mx} link show mx0` =~ m{link/ether (\S+)} or die "no address on mx0\n";
    return $self;
}

sub ip {
    my ($self, $words) = @_;
    system("ip $words") == 0 or die "ip $words failed\n";
}

# Words that run a command inside a namespace ('mx' or 'out').
sub inside { my ($self, $where) = @_; return ('ip', 'netns', 'exec', $self->{$where}) }

# Gives the outside further addresses.
sub address {
    my ($self, @addresses) = @_;
    $self->ip("-n $self->{out} addr add $_" . (/:/ ? '/64' : '/24') . ' dev out0' . (/:/ ? ' nodad' : '')) for @addresses;
}

# Puts IP packets on the wire from outside, in order, `gap` seconds apart; waits until all are sent. [ PACKET, TAG... ]: tagged, as Wire::sender() says.
sub send_packets {
    my ($self, $packets, $gap) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        require Wire;
        # setns(2), by number: x86-64 308, others 268
        require POSIX;
        open my $ns, '<', "/run/netns/$self->{out}" or POSIX::_exit(1);
        my $number = `uname -m` =~ /x86_64/ ? 308 : 268;
        syscall($number, fileno $ns, 0x40000000) == 0 or POSIX::_exit(2);
        my $send = Wire::sender($self->{out_if}, $self->{mx_mac});
        for (@$packets) { $send->(ref $_ ? @$_ : $_); sleep $gap if $gap }
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    die 'packets were not sent: ' . ($? >> 8) . "\n" if $?;
}

# A server in mx that takes connections on a port, greets as SMTP, and closes at QUIT. Returns its pid.
sub smtp_server {
    my ($self, $port) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    exec $self->inside('mx'), $^X, '-MIO::Socket::IP', '-e', q{
        my $l = IO::Socket::IP->new(LocalPort => $ARGV[0], Listen => 50, ReuseAddr => 1, V6Only => 0, LocalHost => '::') or die "listen: $@";
        while (my $c = $l->accept) {
            print $c "220 mx.example ESMTP\r\n";
            while (my $line = <$c>) {
                if ($line =~ /^QUIT/i) { print $c "221 bye\r\n"; last }
                elsif ($line =~ /^DATA/i) { print $c "354 go on\r\n"; while (<$c>) { last if /^\.\r?$/ } print $c "250 taken\r\n" }
                else { print $c "250 ok\r\n" }
            }
            close $c;
        }
    }, $port or die;
}

# One SMTP conversation by the kernel's own TCP, from an address of the outside. True: the server answered to the end.
sub smtp_client {
    my ($self, $from, $to, $port) = @_;
    return system($self->inside('out'), $^X, '-MIO::Socket::IP', '-e', q{
        my ($from, $to, $port) = @ARGV;
        my $s = IO::Socket::IP->new(PeerHost => $to, PeerPort => $port, LocalHost => $from, Timeout => 5) or die "connect: $@";
        for ('', "EHLO client.example", "MAIL FROM:<a\@client.example>", "RCPT TO:<b\@mx.example>", "QUIT") {
            print $s "$_\r\n" if $_ ne '';
            my $answer = <$s> // die 'no answer';
        }
    }, $from, $to, $port) == 0;
}

sub DESTROY {
    my $self = shift;
    local ($?, $!);
    system "ip netns del $self->{$_} 2>/dev/null" for qw(mx out);
}

1;
