=head1 NAME

Mail::SpamAssassin::Plugin::Fingerpost::Remote - asks other machines what they saw

=head1 SYNOPSIS

  my $remote = Mail::SpamAssassin::Plugin::Fingerpost::Remote->new([ $server, ... ],
    deadline => 0.2, keep => 60, failures => 5, pause => 30);

  my $query = $remote->ask('192.0.2.7', 4711);  # address, port if known: sends, and does not wait
  $remote->collect($query, 0);                # takes what has come
  $remote->collect($query, 1);                # waits, to the query's deadline at the most
  $query->{done}; $query->{host}; $query->{from}; $query->{why};

=head1 DESCRIPTION

All servers are asked at once, each over a socket of its own that lives as long
as the query. Their order is that of preference: a server's answer is taken as
soon as those before it have said that they know nothing, have failed, or are
being left alone; at the deadline the first answer that is there is taken.

A server that fails so many times running is left alone for a while, then asked
once: what comes of it decides. No answer in time, a refusal, and an answer that
makes no sense are failures; "not known" is an answer.

Answers are kept for a while, a bounded number; "not known" is not kept, as the
client may connect there in the next moment.

Nothing here waits but C<collect>, and that not beyond the deadline. Whatever
comes over the net is bounded in size and is checked.

=cut

package Mail::SpamAssassin::Plugin::Fingerpost::Remote;

use strict;
use warnings;
# use bytes;
use re 'taint';

use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Socket qw(inet_pton pack_sockaddr_in pack_sockaddr_in6 AF_INET AF_INET6 MSG_NOSIGNAL SOCK_DGRAM SOCK_STREAM SOL_SOCKET SO_ERROR);
use Time::HiRes ();

use Mail::SpamAssassin::Util qw(untaint_var);
use Mail::SpamAssassin::Plugin::Fingerpost::Words qw(host_of_text host_of_json);

my $ANALYZER_PORT = 2345;
my $HTTP_PORT = 8025;
my $ANSWER_MAX = 65_536;
# Of a generation; there are two.
my $KEPT_MAX = 500;

# How each kind of server is spoken to.
my %KIND = (
  udp => { type => SOCK_DGRAM, send => \&_send_udp, receive => \&_receive_udp },
  http => { type => SOCK_STREAM, send => \&_send_http, receive => \&_receive_http },
);

# What a value of fingerpost_remote means, or undef:
#   udp:ADDRESS[:PORT]   http://ADDRESS[:PORT][/PATH] [TOKEN]
# An address, no name: whoever resolves a name, waits.
sub server_of {
  my ($text) = @_;
  my ($kind, $host, $port, $path, $token);

  my $address = qr/\[([0-9a-f:.]+)\]|(\d{1,3}(?:\.\d{1,3}){3})/i;
  if ($text =~ m{^(?:udp|p0f):(?:$address)(?::(\d{1,5}))?\z}) {
    ($kind, $host, $port) = ('udp', $1 // $2, $3 // $ANALYZER_PORT);
  }
  elsif ($text =~ m{^http://(?:$address)(?::(\d{1,5}))?(/[!-~]*)?(?:\s+([!-~]+))?\z}) {
    ($kind, $host, $port, $path, $token) = ('http', $1 // $2, $3 // $HTTP_PORT, $4 // '', $5);
    $path =~ s{(?:/v1/hosts)?/*\z}{/v1/hosts/};
    eval { require JSON::PP; 1 } or return;
  }
  return if !$kind || $port < 1 || $port > 65535;

  $host = untaint_var($host);
  my $family = $host =~ /:/ ? AF_INET6 : AF_INET;
  my $packed = inet_pton($family, $host)  or return;
  $port = untaint_var($port);
  my $shown = $family == AF_INET6 ? "[$host]" : $host;
  return {
    kind => $kind, family => $family, path => $path, token => $token, authority => "$shown:$port",
    name => $kind eq 'udp' ? "udp:$shown:$port" : "http://$shown:$port",
    to => $family == AF_INET6 ? pack_sockaddr_in6($port, $packed) : pack_sockaddr_in($port, $packed),
  };
}

sub new {
  my ($class, $servers, %o) = @_;
  my $self = { %o, servers => [ map { +{ %$_, failed => 0, closed_until => 0 } } @$servers ], serial => 0 };
  $self->{kept} = $self->{kept_before} = {};
  $self->{kept_since} = 0;
  return bless $self, $class;
}

sub _now { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

sub ask {
  my ($self, $ip, $port) = @_;
  my $now = _now();
  my $query = { ip => $ip, until => $now + $self->{deadline}, jobs => [] };

  my $kept = $self->_kept($ip, $now);
  if ($kept) {
    @{$query}{qw(done host from)} = (1, $kept->{host}, "$kept->{from}, kept");
    return $query;
  }
  foreach my $server (@{$self->{servers}}) {
    my $job = { server => $server, ip => $ip, port => $port, state => 'waiting' };
    push @{$query->{jobs}}, $job;
    if ($now < $server->{closed_until}) {
      @{$job}{qw(state why)} = ('failed', 'left alone');
      next;
    }
    $self->_start($job);
  }
  $self->_settle($query, 0);
  return $query;
}

# Takes what has come; with $wait waits for it. True when the query is done.
sub collect {
  my ($self, $query, $wait) = @_;

  until ($query->{done}) {
    my $left = $wait ? $query->{until} - _now() : 0;
    $left = 0 if $left < 0;
    my ($read, $write) = ('', '');
    my @waiting = grep { $_->{state} eq 'waiting' } @{$query->{jobs}};
    vec($_->{sent} ? $read : $write, fileno $_->{socket}, 1) = 1  foreach @waiting;

    my $n = select($read, $write, undef, $left);
    next if $n < 0 && $! == EINTR;
    if ($n > 0) {
      foreach my $job (@waiting) {
        my $ready = vec($job->{sent} ? $read : $write, fileno $job->{socket}, 1)  or next;
        $job->{sent} ? $KIND{$job->{server}->{kind}}->{receive}->($self, $job) : $self->_connected($job);
      }
    }
    # Whoever sends without end is not listened to without end.
    $self->_settle($query, $n < 0 || _now() >= $query->{until} || ++$query->{rounds} > 1000);
    last if !$wait && $n <= 0;
  }
  return $query->{done};
}

# Decides, if it can be decided yet; must be when the time is over.
sub _settle {
  my ($self, $query, $over) = @_;

  return if $query->{done};
  foreach my $job (@{$query->{jobs}}) {
    _failed($self, $job, 'no answer in time')  if $over && $job->{state} eq 'waiting';
    return if $job->{state} eq 'waiting';
    next if $job->{state} ne 'known';
    @{$query}{qw(done host from)} = (1, $job->{host}, $job->{server}->{name});
    last;
  }
  $query->{why} = join('; ', map { "$_->{server}->{name}: " . ($_->{why} // $_->{state}) } @{$query->{jobs}})  if !$query->{host};
  $query->{done} = 1;
  $self->_keep($query)  if $query->{host};
  $query->{jobs} = [];
  return;
}

# ---------------------------------------------------------------------------
# One server, one question

sub _start {
  my ($self, $job) = @_;
  my $server = $job->{server};

  if (!socket($job->{socket}, $server->{family}, $KIND{$server->{kind}}->{type}, 0)) {
    return $self->_failed($job, "socket: $!");
  }
  my $flags = fcntl($job->{socket}, F_GETFL, 0);
  if (!defined $flags || !fcntl($job->{socket}, F_SETFL, $flags | O_NONBLOCK)) {
    return $self->_failed($job, "fcntl: $!");
  }
  if (connect($job->{socket}, $server->{to})) {
    return $KIND{$server->{kind}}->{send}->($self, $job);
  }
  return $! == EINPROGRESS ? undef : $self->_failed($job, "$!");
}

sub _connected {
  my ($self, $job) = @_;

  local $! = unpack('i', getsockopt($job->{socket}, SOL_SOCKET, SO_ERROR) // pack('i', 0));
  return $self->_failed($job, "$!")  if $!;
  return $KIND{$job->{server}->{kind}}->{send}->($self, $job);
}

# A question is a few hundred bytes: a socket that does not take it at once is one more failure.
sub _send {
  my ($self, $job, $bytes) = @_;

  my $n = send($job->{socket}, $bytes, MSG_NOSIGNAL);
  return $self->_failed($job, "$!")  if !defined $n || $n != length $bytes;
  $job->{sent} = 1;
  return;
}

sub _send_udp {
  my ($self, $job) = @_;

  # Also where a parent has called rand() before it forked.
  $job->{nonce} = sprintf('%x-%x-%x', $$, ++$self->{serial}, int rand 2**32);
  # Without a port nothing is known, by the protocol; with one that is nobody's it goes by the address.
  $job->{question} = "[$job->{ip}]:" . ($job->{port} // 1) . " $job->{nonce}";
  return $self->_send($job, $job->{question});
}

sub _receive_udp {
  my ($self, $job) = @_;

  # Nobody but the server can send to a connected socket; an answer to another question is not ours all the same.
  defined recv($job->{socket}, my $bytes, 4096, 0) or return _again() ? undef : $self->_failed($job, "$!");
  return if substr($bytes, 0, 1 + length $job->{question}) ne "$job->{question} ";
  my $text = substr($bytes, 1 + length $job->{question});
  return $self->_failed($job, 'an answer without end')  if $text !~ s/\r\n\z//;
  return $self->_answered($job, undef)  if $text eq '';
  my $host = host_of_text($text)  or return $self->_failed($job, 'an answer that makes no sense');
  return $self->_answered($job, $host);
}

sub _send_http {
  my ($self, $job) = @_;
  my $server = $job->{server};

  # 1.0: the answer ends with the connection.
  return $self->_send($job, "GET $server->{path}$job->{ip} HTTP/1.0\r\nHost: $server->{authority}\r\nAccept: application/json\r\n"
    . (defined $server->{token} ? "Authorization: Bearer $server->{token}\r\n" : '') . "Connection: close\r\n\r\n");
}

sub _receive_http {
  my ($self, $job) = @_;

  $job->{answer} //= '';
  my $n = sysread($job->{socket}, $job->{answer}, 16_384, length $job->{answer});
  return _again() ? undef : $self->_failed($job, "$!")  if !defined $n;
  return $self->_failed($job, 'an answer too long')  if length $job->{answer} > $ANSWER_MAX;
  my ($head, $body) = split /\r\n\r\n/, $job->{answer}, 2;
  my ($length) = defined $body ? $head =~ /^Content-Length:[ \t]*(\d{1,6})[ \t]*\r?$/im : ();
  return if $n > 0 && !(defined $length && length $body >= $length);

  my ($status) = $job->{answer} =~ m{^HTTP/1\.[01] (\d{3})\b};
  return $self->_failed($job, 'no HTTP')  if !defined $status || !defined $body;
  return $self->_answered($job, undef)  if $status == 404;
  return $self->_failed($job, "status $status")  if $status != 200;
  return $self->_failed($job, 'an answer cut short')  if defined $length && length $body < $length;

  my $object = eval { JSON::PP->new->utf8->max_size($ANSWER_MAX)->max_depth(8)->decode(substr($body, 0, $length // length $body)) };
  return $self->_answered($job, undef)  if ref $object eq 'HASH' && exists $object->{os} && !defined $object->{os};
  my $host = host_of_json($object, _date($head))  or return $self->_failed($job, 'an answer that makes no sense');
  return $self->_answered($job, $host);
}

# Ages are by the clock of the machine that saw the client.
sub _date {
  my ($head) = @_;
  my @months = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
  my %month = map { $months[$_] => $_ } 0 .. 11;

  if ($head =~ /^Date: \w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT\r?$/im && exists $month{$2}) {
    my @fields = ($6, $5, $4, $1, $month{$2}, $3);
    return eval { Time::Local::timegm(@fields) } // time;
  }
  return time;
}

sub _again { return $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR }

sub _answered {
  my ($self, $job, $host) = @_;

  @{$job->{server}}{qw(failed closed_until)} = (0, 0);
  close delete $job->{socket};
  $host->{ip} = $job->{ip}  if $host;
  $job->{host} = $host;
  $job->{state} = $host ? 'known' : 'unknown';
  $job->{why} = 'not known'  if !$host;
  return;
}

sub _failed {
  my ($self, $job, $why) = @_;
  my $server = $job->{server};

  close delete $job->{socket}  if $job->{socket};
  @{$job}{qw(state why)} = ('failed', $why);
  if (++$server->{failed} >= $self->{failures}) {
    $server->{closed_until} = _now() + $self->{pause};
    $job->{why} .= ", left alone for $self->{pause} s";
  }
  return;
}

# ---------------------------------------------------------------------------
# What is kept: two generations of answers, the elder goes when the younger is full or old.

sub _turn {
  my ($self, $now) = @_;

  return if keys %{$self->{kept}} < $KEPT_MAX && $now - $self->{kept_since} < $self->{keep};
  $self->{kept_before} = $now - $self->{kept_since} < 2 * $self->{keep} ? $self->{kept} : {};
  $self->{kept} = {};
  $self->{kept_since} = $now;
  return;
}

sub _kept {
  my ($self, $ip, $now) = @_;

  $self->_turn($now);
  my $kept = $self->{kept}->{$ip} || $self->{kept_before}->{$ip}  or return;
  my $for = $now - $kept->{at};
  return if $for >= $self->{keep};
  my %host = %{$kept->{host}};
  $host{age} += $for  if defined $host{age};
  return { host => \%host, from => $kept->{from} };
}

sub _keep {
  my ($self, $query) = @_;
  my $now = _now();

  return if !$self->{keep};
  $self->_turn($now);
  $self->{kept}->{$query->{ip}} = { host => $query->{host}, from => $query->{from}, at => $now };
  return;
}

1;
