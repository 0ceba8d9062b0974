=head1 NAME

Mail::SpamAssassin::Plugin::Fingerpost::Words - a host in words, and words as a host

=head1 DESCRIPTION

A host is the hash that L<Fingerpost> answers. C<header_text> says it as p0f 2
did, byte for byte as the daemon's own services do (fp_words_v2() in C); the other
way, C<host_of_text> and C<host_of_json> make a host of what another machine
says. What comes from there is not trusted: every piece is checked, and what
does not fit is left out.

=cut

package Mail::SpamAssassin::Plugin::Fingerpost::Words;

use strict;
use warnings;
# use bytes;
use re 'taint';

use Exporter 'import';
use Time::Local ();

our @EXPORT_OK = qw(printable os_of link_words header_text host_of_text host_of_json);

# p0f 2's words for a link, by MTU.
my %LINK = (
  576 => 'sometimes modem',
  1280 => 'gif tunnel',
  1420 => 'GPRS, T1, FreeS/WAN',
  1476 => 'IPSec/GRE',
  1480 => 'IPv6/IPIP',
  1492 => 'pppoe (DSL)',
  1496 => 'vLAN',
  1500 => 'ethernet/modem',
  16436 => 'loopback',
  65535 => 'loopback',
);
$LINK{$_} = 'sometimes DSL' for 1452 .. 1462;

# Names of more than one word, where text does not say where the version begins.
my $NAME = qr/^(Mac OS X|Mac OS|[^ ,(\[]+)(?: (.+))?\z/;

# Labels come from a signature file, or from another machine, which may hold anything.
sub printable {
  my ($text) = @_;
  $text = '' if !defined $text;
  $text =~ tr/\x20-\x7e/?/c;
  return $text;
}

# "Windows 7 or 8"; empty where not recognised.
sub os_of {
  my ($host) = @_;
  return '' if !defined $host->{name};
  return printable(defined $host->{flavor} ? "$host->{name} $host->{flavor}" : $host->{name});
}

sub link_words {
  my ($host) = @_;
  return $host->{link_words} if defined $host->{link_words};
  return 'unspecified' if !$host->{mss};
  my $mtu = $host->{mss} + ($host->{version} == 6 ? 60 : 40);
  return $LINK{$mtu} // "unknown-$mtu";
}

# The header's text: p0f 2's words (the distance of a known system only), and behind them, where no regex of old
# looks, how sure it is unless it is. $os is os_of($host), where the caller has it.
sub header_text {
  my ($host, $os) = @_;

  return printable($host->{text}) if defined $host->{text};

  my $text = $os // os_of($host);
  my ($distance, $sure) = ('', '');

  if ($text eq '') {
    $text = 'UNKNOWN [' . printable(_signature($host)) . ':?:?]';
  }
  else {
    $distance = "distance $host->{distance}, " if defined $host->{distance};
    $sure = " [$host->{match}]" if ($host->{match} // '') =~ /^(?:generic|fuzzy)\z/;
  }
  if (defined $host->{uptime_min}) {
    $text .= sprintf(' (up: %d hrs)', $host->{uptime_min} / 60);
  }
  return $text . ", (${distance}link: " . link_words($host) . ")$sure";
}

# A SYN in p0f 2's notation: wss:ttl:D:size:options:quirks.
sub _signature {
  my ($host) = @_;
  my %quirk = map { $_ => 1 } @{$host->{quirks}};
  my %unit = (mss => 'S', mtu => 'T');
  my ($size, @options) = ($host->{version} == 6 ? 60 : 40);

  foreach my $option (split /,/, $host->{layout}) {
    if ($option eq 'mss') { $size += 4; push @options, 'M' . ($host->{mss} // 0) }
    elsif ($option eq 'ws') { $size += 3; push @options, "W$host->{wscale}" }
    elsif ($option eq 'sok') { $size += 2; push @options, 'S' }
    elsif ($option eq 'ts') { $size += 10; push @options, $quirk{'ts1-'} ? 'T0' : 'T' }
    elsif ($option eq 'nop') { $size += 1; push @options, 'N' }
    elsif ($option =~ /^eol\+(\d+)/) { $size += 1 + $1; push @options, 'E' }
    elsif ($option =~ /^\?(\d+)/) { $size += 2; push @options, "?$1" }
    else { $size += 2; push @options, '?5' } # sack
  }
  my $quirks = join('',
    $quirk{'opt+'} ? 'P' : (),
    $host->{version} == 4 && ($quirk{df} ? !$quirk{'id+'} : $quirk{'id-'}) ? 'Z' : (),
    $host->{olen} ? 'I' : (),
    $quirk{'uptr+'} ? 'U' : (),
    $quirk{'ack+'} ? 'A' : (),
    $quirk{'ts2+'} ? 'T' : (),
    $quirk{'urgf+'} || $quirk{'pushf+'} ? 'F' : (),
    $host->{payload} ? 'D' : (),
    $quirk{bad} ? '!' : ());

  return join(':', $unit{$host->{win_unit}} ? $unit{$host->{win_unit}} . $host->{win_multiple} : $host->{win},
    $host->{ttl}, $quirk{df} ? 1 : 0, $size + $host->{olen}, join(',', @options) || '.', $quirks || '.');
}

# ---------------------------------------------------------------------------
# The other way

# p0f's raw signature into the host: ver:ttl+dist:olen:mss:wsize,scale:olayout:quirks:pclass. False: it is none.
sub _put_signature {
  my ($host, $signature) = @_;

  return 0 if $signature !~ /^([46]):(\d{1,3})\+[\d?]+:(\d{1,3}):(\d{1,5}|\*):(?:(mss|mtu)\*)?(\d{1,5}),(\d{1,3}):([a-z0-9+?,]*):([a-z0-9+,-]*):(\+|0)\z/;
  @{$host}{qw(version ttl olen mss win_unit wscale layout payload)}
    = ($1, $2, $3, $4 eq '*' ? 0 : $4, $5 // '', $7, $8, $10 eq '+' ? 1 : 0);
  $host->{$5 ? 'win_multiple' : 'win'} = $6;
  $host->{quirks} = [ split /,/, $9 ];
  return 1;
}

sub _put_name {
  my ($host, $os) = @_;
  @{$host}{qw(name flavor)} = ($1, $2)  if $os =~ $NAME;
  return;
}

# A text of p0f-analyzer: in the words of p0f 2, which are kept as they are, or of p0f 3. Undef: it is none.
sub host_of_text {
  my ($text) = @_;

  return if $text eq '' || length $text > 1000 || $text =~ /[^\x20-\x7e]/;
  my %host = (quirks => [], candidates => [], path => []);

  if ($text =~ /^([^;]+); (?=.*\b(?:dist|link|raw_sig): )/) {
    my $os = $1;
    my %value = map { /^([a-z_]+): (.*)\z/ ? ($1 => $2) : () } split /; /, $text;
    _put_name(\%host, $os)  if $os ne '???';
    return if !_put_signature(\%host, $value{raw_sig} // '') && $os eq '???';
    $host{distance} = $value{dist}  if ($value{dist} // '') =~ /^\d{1,2}\z/;
    $host{link} = $value{link};
    $host{mss} = $value{raw_mtu} - (($host{version} // 4) == 6 ? 60 : 40)  if ($value{raw_mtu} // '') =~ /^[1-9]\d{2,4}\z/;
    $host{version} //= 4;
    $host{match} = $os eq '???' ? 'none' : ($value{params} // '') =~ /\b(fuzzy|generic)\b/ ? $1 : 'exact';
    return \%host;
  }

  # p0f 2, whose own labels hold brackets and commas.
  my ($os, $uptime, $distance, $link, $sure)
    = $text =~ /^(.+?)(?: \(up: (\d+) hrs\))?, \((?:distance (\d{1,3}), )?link: ([^()]*(?:\([^()]*\))?[^()]*)\)(?: \[(generic|fuzzy)\])?\z/
    or return;
  $host{text} = $text;
  if ($os !~ /^UNKNOWN\b/) {
    _put_name(\%host, $os);
    $host{match} = $sure;
  }
  else {
    $host{match} = 'none';
  }
  $host{uptime_min} = 60 * $uptime  if defined $uptime;
  $host{distance} = $distance;
  $host{link_words} = $link;
  return \%host;
}

# The host object of the HTTP API, with the server's idea of now. Undef: it is none, or unknown there.
sub host_of_json {
  my ($object, $now) = @_;

  return if ref $object ne 'HASH' || ref $object->{os} ne 'HASH';
  my %host = (quirks => [], candidates => [], path => []);

  foreach my $row ([ name => 'name' ], [ flavor => 'flavor' ], [ class => 'class' ]) {
    my ($key, $from) = @$row;
    my $value = $object->{os}->{$from};
    $host{$key} = printable($value)  if defined $value && !ref $value && length $value <= 128;
  }
  foreach my $key (qw(link origin)) {
    my $value = $object->{$key};
    $host{$key} = printable($value)  if defined $value && !ref $value && length $value <= 64;
  }
  foreach my $key (qw(distance uptime_min clock_hz mtu connections handshakes sharing)) {
    my $value = $object->{$key};
    $host{$key} = $value  if defined $value && !ref $value && $value =~ /^\d{1,10}\z/;
  }
  foreach my $key (qw(first_seen last_seen shared os_changed)) {
    $host{$key} = _unix_time($object->{$key});
  }
  return if !$host{last_seen};
  $host{age} = $now > $host{last_seen} ? $now - $host{last_seen} : 0;
  $host{sharing} //= 0;
  $host{confirmed} = $object->{confirmed} ? 1 : 0;
  # A host of which no SYN was seen.
  $host{server} = ($host{connections} // 1) == 0 ? 1 : 0;

  my $match = $object->{os}->{match} // '';
  $host{match} = $match  if $match =~ /^(?:exact|generic|fuzzy|none)\z/;
  my $has_signature = _put_signature(\%host, !ref $object->{signature} ? $object->{signature} // '' : '');
  return if !defined $host{name} && !$has_signature;
  $host{version} //= 4;
  $host{mss} //= $host{mtu} - ($host{version} == 6 ? 60 : 40)  if $host{mtu};

  foreach my $candidate (ref $object->{candidates} eq 'ARRAY' ? @{$object->{candidates}} : ()) {
    next if ref $candidate ne 'HASH' || grep { !defined || ref } @{$candidate}{qw(name p)};
    next if $candidate->{p} !~ /^(?:0(?:\.\d+)?|1(?:\.0+)?)\z/ || @{$host{candidates}} >= 8;
    push @{$host{candidates}}, { name => printable($candidate->{name}), p => $candidate->{p} };
  }
  return \%host;
}

# RFC 3339, UTC.
sub _unix_time {
  my ($text) = @_;
  return if !defined $text || ref $text || $text !~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z\z/;
  return eval { Time::Local::timegm($6, $5, $4, $3, $2 - 1, $1) };
}

1;
