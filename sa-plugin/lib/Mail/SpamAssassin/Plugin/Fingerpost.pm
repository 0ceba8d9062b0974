=head1 NAME

Mail::SpamAssassin::Plugin::Fingerpost - the operating system of the client that sent a message

=head1 SYNOPSIS

  loadplugin Mail::SpamAssassin::Plugin::Fingerpost

  fingerpost_store   /var/lib/fingerpost
  fingerpost_max_age 1h

  header   L_P0F_WXP  X-P0f-OS-Fingerprint =~ /^Windows XP(?![^(]*\b2000 SP)/
  describe L_P0F_WXP  Remote system is Windows XP
  score    L_P0F_WXP  1.0

  header   MY_PHONE   eval:fingerpost_os('^(?:Android|iOS)\b')
  describe MY_PHONE   Sent by a telephone
  score    MY_PHONE   0.5

=head1 DESCRIPTION

C<fingerpostd> watches the TCP connections that reach a mail server and writes
down which operating system each client runs. This plugin takes the address of
the client that handed us the message, finds it in the daemon's store, and
gives the answer to rules: as the pseudo-header C<X-P0f-OS-Fingerprint> in the
words of p0f 2, which the rules of p0f-analyzer and amavisd match, as C<eval:>
rules, and as tags for reports. A look-up reads mapped memory; nothing is asked
over a socket and nothing waits, unless C<fingerpost_remote> names other
machines to be asked about clients that this one has not seen.

B<The client> is the last external relay: the host that handed the message to
the outermost of C<internal_networks>. That path must be right, as for every
rule about relays. See C<fingerpost_client>.

B<The header> reads

  Windows XP, (distance 5, link: ethernet/modem)
  Linux 3.11 and newer (up: 12 hrs), (distance 11, link: pppoe (DSL))
  Windows NT kernel, (distance 9, link: ethernet/modem) [generic]
  UNKNOWN [65535:55:1:60:M1460,S,T,N,W7:.:?:?], (link: ethernet/modem)

C<[generic]> and C<[fuzzy]> say that the signature fits only roughly. C<UNKNOWN> is a client whose SYN was seen and not recognised. Where no SYN was
seen, where the last one is older than C<fingerpost_max_age>, where there is no
store or anything is wrong with it, there is no header, no rule hits, and the
message goes on: one line under C<-D fingerpost> says why.

A C<X-P0f-OS-Fingerprint> that comes with the message was written by its sender
and would hide ours. It is not shown to rules, whether we have an answer or
not. (It stays in the message.) C<X-Amavis-OS-Fingerprint> is left alone: it is
amavisd's.

=head1 ADMINISTRATOR SETTINGS

None of these may stand in a user's own file.

=over 4

=item fingerpost_store DIR		(default: /var/lib/fingerpost)

The daemon's store. spamd's children need the right to read its files
C<data.mdb> and C<stamp>: the group C<fingerpost>, or C<store.mode = 0644> in
F<fingerpost.conf> where spamd takes on the user of each message. Without this
setting the environment's FINGERPOST_STORE is asked first.

=item fingerpost_max_age TIME		(default: 1h)

A client last seen longer ago counts as never seen: a dynamic address of last
week is another machine today. Seconds, or a number with s, m, h, d, w.

=item fingerpost_client last_external | first_untrusted | header NAME	(default: last_external)

Which relay is the client. C<last_external> goes by C<internal_networks>,
C<first_untrusted> by C<trusted_networks>: the nearest relay that is not
trusted, where trusted hosts of others hand mail to us and their clients are to
be judged. C<header> takes the address out of the topmost header of that name,
for front-ends that write one; the front-end must put it above, or in the place
of, any that a sender wrote.

=item fingerpost_authenticated 0 | 1	(default: 0)

By default a message whose client has authenticated itself to us, or which the
caller has marked as originating here, is left alone: the systems of one's own
users are no sign of spam. With 1 that client is judged like any other.

=item fingerpost_remote udp:ADDRESS[:PORT] | http://ADDRESS[:PORT][/PATH] [TOKEN]

Another machine to be asked where the store has no answer: by the protocol of
p0f-analyzer (port 2345), or over the HTTP API of C<fingerpostd> (port 8025),
with TOKEN where it wants one. ADDRESS is an address, IPv6 in brackets; a name
would have to be resolved, which waits. The setting may be repeated: all are asked at
once, an answer of the first is taken before one of the second. They are asked
when the message's relays are known, and what they say is taken before the
first rule about it runs.

p0f-analyzer wants the client's port too, which few servers write down (Exim
can: C<log_selector = +incoming_port>). Where the Received line has none, port 1
is asked for: C<fingerpostd> answers by the address then. Its answer says no
class, age, candidates, handshakes or sharing: rules about these are false.

=item fingerpost_remote_deadline TIME	(default: 200ms)

No message waits longer than that for other machines, all of them together.
C<ms> may be written too.

=item fingerpost_remote_keep TIME	(default: 60s)

So long each process of spamd remembers an answer, for a thousand clients at
the most. 0: not at all.

=item fingerpost_remote_failures N TIME	(default: 5 30s)

A machine that fails N times running (no answer in time, no connection,
nonsense) is left alone for TIME by the process that saw it; then it is asked
once, and fails or is back.

=item fingerpost_classic 0 | 1		(default: 1)

0 switches the four classic rules off (L_P0F_WXP, L_P0F_W, L_P0F_UNKN,
L_P0F_Unix), wherever it stands and whatever scores are given to them: it is
applied when all configuration has been read.

=item fingerpost_unix_linux 0 | 1	(default: 0)

1 counts Linux as Unix in C<fingerpost_unix()>, and so in L_P0F_Unix as
shipped.

=back

=head1 EVAL RULES

All are rules of type C<header> and are false where there is no answer.

=over 4

=item fingerpost_os('REGEX')

The system's name and version, "Windows 7 or 8", matches. Never true for an
unrecognised one. REGEX as in header rules, the slashes may be left out.

=item fingerpost_class('win')

The class of the signature file: win, unix, other.

=item fingerpost_unix()

The system is FreeBSD, OpenBSD, NetBSD, Solaris, HP-UX or Tru64; with
C<fingerpost_unix_linux 1> also Linux.

=item fingerpost_match('exact')

How it was recognised: exact, generic, fuzzy, or none. Several may be named.

=item fingerpost_probability('Windows', 0.9)

The candidate of that name has at least this probability. Versions of one system
are taken together; C<Windows:Server> means that one alone, C<iOS|Android> the
two together. False where no probabilities were computed.

=item fingerpost_distance(MIN, MAX)

So many hops away, ends included. False where the distance is not known.

=item fingerpost_link('REGEX')

The kind of link, in p0f 3's words ("Ethernet or modem") or in those of the
header ("ethernet/modem").

=item fingerpost_shared(SCORE)

There are signs, of this score at least, that several machines share the
address.

=item fingerpost_unconfirmed()

The client that the answer is of never completed a handshake that was seen.
Mail needs one: the daemon does not see both directions, or it is not this
client.

=item fingerpost_first_seen_within('1h')

The address was seen for the first time at most so long ago.

=item fingerpost_helo_mismatch()

The client's greeting names a system that it is not: C<DESKTOP-4K2AB7C> from
Linux, C<ubuntu> from Windows. Only where the system was recognised, and not by
a fuzzy match.

=back

=head1 TEMPLATE TAGS

  _FINGERPOST_          the text of the header
  _FINGERPOSTIP_        the client's address
  _FINGERPOSTOS_        Windows 7 or 8; UNKNOWN
  _FINGERPOSTCLASS_     win
  _FINGERPOSTMATCH_     exact, generic, fuzzy, none
  _FINGERPOSTPROB_      Windows 0.94, Linux 0.03
  _FINGERPOSTDISTANCE_  hops
  _FINGERPOSTLINK_      ethernet/modem
  _FINGERPOSTAGE_       seconds

They are not set where there is no answer. spamd's result line in the log gets
C<fingerpost=Windows_7_or_8> behind its other items, for C<fingerpost sa-report>.

=head1 SEE ALSO

L<Fingerpost>, F<docs/spamassassin.md>, F<fingerpost.cf>

=cut

package Mail::SpamAssassin::Plugin::Fingerpost;

use strict;
use warnings;
# use bytes;
use re 'taint';

use File::Spec ();
use Time::HiRes ();

use Mail::SpamAssassin::Plugin;
use Mail::SpamAssassin::Conf;
use Mail::SpamAssassin::Logger;
use Mail::SpamAssassin::Util qw(compile_regexp untaint_var);

our @ISA = qw(Mail::SpamAssassin::Plugin);

my $HEADER = 'X-P0f-OS-Fingerprint';
my $HEADER_KEY = lc $HEADER;

# Tags are put into words when a report wants them, which for most messages is never.
my %TAG = (
  FINGERPOST         => sub { $_[0]->{fingerpost}->{text} },
  FINGERPOSTIP       => sub { _whole($_[0])->{ip} },
  FINGERPOSTOS       => sub { $_[0]->{fingerpost}->{os} || 'UNKNOWN' },
  FINGERPOSTCLASS    => sub { printable(_whole($_[0])->{class}) },
  FINGERPOSTMATCH    => sub { $_[0]->{fingerpost}->{host}->{match} },
  FINGERPOSTPROB     => sub { join(', ', map { sprintf('%s %.2f', $_->{name}, $_->{p}) } @{_whole($_[0])->{candidates}}) },
  FINGERPOSTDISTANCE => sub { _whole($_[0])->{distance} },
  FINGERPOSTLINK     => sub { link_words(_whole($_[0])) },
  FINGERPOSTAGE      => sub { my $age = $_[0]->{fingerpost}->{host}->{age}; return defined $age ? int $age : undef },
);
my @TAG = sort keys %TAG;
my @TAG_CODE = @TAG{@TAG};

my @CLASSIC = qw(L_P0F_WXP L_P0F_W L_P0F_UNKN L_P0F_Unix);

# Other machines that a message may have to wait for.
my $REMOTE_MAX = 8;

# The library is mapped and all code read when the configuration is, before spamd forks and a chroot, a change of
# user or an upgrade hides them; the store is opened by a child's first look-up. Loaded by path, this file finds the
# modules beside itself.
my $have_library = _load_library();

# Rules and what is wrong with their arguments: undef, or what is wanted.
my %EVAL = (
  fingerpost_os => sub { _want_regex(@_) },
  fingerpost_class => sub { @_ == 1 ? undef : 'a class' },
  fingerpost_unix => sub { @_ ? 'no argument' : undef },
  fingerpost_match => sub { @_ && !(grep { !/^(?:exact|generic|fuzzy|none)\z/ } @_) ? undef : 'exact, generic, fuzzy or none' },
  fingerpost_probability => sub { @_ == 2 && _is_number($_[1]) && $_[1] <= 1 ? undef : 'a name and a probability up to 1' },
  fingerpost_distance => sub { @_ == 2 && !(grep { !/^\d{1,3}\z/ } @_) && $_[0] <= $_[1] ? undef : 'the least and the greatest number of hops' },
  fingerpost_link => sub { _want_regex(@_) },
  fingerpost_shared => sub { @_ == 1 && _is_number($_[0]) ? undef : 'a score' },
  fingerpost_unconfirmed => sub { @_ ? 'no argument' : undef },
  fingerpost_first_seen_within => sub { @_ == 1 && defined _seconds($_[0]) ? undef : 'a time such as 1h' },
  fingerpost_helo_mismatch => sub { @_ ? 'no argument' : undef },
);

# constructor: settings, eval rules
sub new {
  my ($class, $mailsaobject) = @_;

  $class = ref($class) || $class;
  my $self = $class->SUPER::new($mailsaobject);
  bless ($self, $class);

  $self->{bad_rule} = {};
  $self->set_config($mailsaobject->{conf});
  $self->register_eval_rule($_, $Mail::SpamAssassin::Conf::TYPE_HEAD_EVALS) for sort keys %EVAL;

  if (!$have_library) {
    info("fingerpost: the Perl module Fingerpost cannot be loaded, plugin does nothing");
  }
  return $self;
}

sub set_config {
  my ($self, $conf) = @_;
  my @cmds;

  push @cmds, {
    setting => 'fingerpost_store',
    is_admin => 1,
    default => undef,
    type => $Mail::SpamAssassin::Conf::CONF_TYPE_STRING,
  }, {
    setting => 'fingerpost_max_age',
    is_admin => 1,
    default => 3600,
    type => $Mail::SpamAssassin::Conf::CONF_TYPE_DURATION,
  }, {
    setting => 'fingerpost_client',
    is_admin => 1,
    default => 'last_external',
    type => $Mail::SpamAssassin::Conf::CONF_TYPE_STRING,
    code => sub {
      my ($conf_, $key, $value) = @_;
      if ($value !~ /^(?:last_external|first_untrusted|header\s+[!-9;-~]+)\z/) {
        return $value eq '' ? $Mail::SpamAssassin::Conf::MISSING_REQUIRED_VALUE : $Mail::SpamAssassin::Conf::INVALID_VALUE;
      }
      $conf_->{$key} = untaint_var($value);
      return;
    },
  }, {
    setting => 'fingerpost_remote',
    is_admin => 1,
    default => [],
    type => $Mail::SpamAssassin::Conf::CONF_TYPE_STRING,
    code => sub {
      my ($conf_, $key, $value) = @_;
      return $Mail::SpamAssassin::Conf::MISSING_REQUIRED_VALUE  if $value eq '';
      return  if !$have_library;
      my $server = Mail::SpamAssassin::Plugin::Fingerpost::Remote::server_of($value);
      return $Mail::SpamAssassin::Conf::INVALID_VALUE  if !$server || @{$conf_->{$key}} >= $REMOTE_MAX;
      $conf_->{$key} = [ @{$conf_->{$key}}, $server ];
      return;
    },
  }, {
    setting => 'fingerpost_remote_failures',
    is_admin => 1,
    default => [ 5, 30 ],
    type => $Mail::SpamAssassin::Conf::CONF_TYPE_STRING,
    code => sub {
      my ($conf_, $key, $value) = @_;
      return $Mail::SpamAssassin::Conf::MISSING_REQUIRED_VALUE  if $value eq '';
      my ($n, $pause) = $value =~ /^([1-9]\d{0,3})\s+(\S+)\z/;
      $pause = _seconds($pause // '');
      return $Mail::SpamAssassin::Conf::INVALID_VALUE  if !defined $pause;
      $conf_->{$key} = [ $n + 0, $pause ];
      return;
    },
  }, (map {
    +{
      setting => $_->[0],
      is_admin => 1,
      default => $_->[1],
      type => $Mail::SpamAssassin::Conf::CONF_TYPE_STRING,
      code => sub {
        my ($conf_, $key, $value) = @_;
        return $Mail::SpamAssassin::Conf::MISSING_REQUIRED_VALUE  if $value eq '';
        my $seconds = _seconds($value);
        return $Mail::SpamAssassin::Conf::INVALID_VALUE  if !defined $seconds;
        $conf_->{$key} = $seconds;
        return;
      },
    }
  } [ fingerpost_remote_deadline => 0.2 ], [ fingerpost_remote_keep => 60 ]), map {
    +{
      setting => $_->[0],
      is_admin => 1,
      default => $_->[1],
      type => $Mail::SpamAssassin::Conf::CONF_TYPE_BOOL,
    }
  } [ fingerpost_authenticated => 0 ], [ fingerpost_classic => 1 ], [ fingerpost_unix_linux => 0 ];

  $conf->{parser}->register_commands(\@cmds);
  return;
}

# All settings are known now, a user's scores too: what is switched off has score 0 in every set, which is
# SpamAssassin's own way of not running a rule.
sub finish_parsing_end {
  my ($self, $opts) = @_;
  my $conf = $opts->{conf};

  if (!$conf->{fingerpost_classic}) {
    foreach my $scores (grep { ref } $conf->{scores}, @{$conf->{scoreset} || []}) {
      foreach my $rule (@CLASSIC) {
        $scores->{$rule} = 0 if exists $scores->{$rule} || $conf->{test_types}->{$rule};
      }
    }
  }
  $self->_check_arguments($conf);
  $conf->{fingerpost_first_priority} = _first_priority($conf);
  if (@{$conf->{fingerpost_remote}} && !$self->{remote}) {
    my ($failures, $pause) = @{$conf->{fingerpost_remote_failures}};
    $self->{remote} = Mail::SpamAssassin::Plugin::Fingerpost::Remote->new($conf->{fingerpost_remote},
      deadline => $conf->{fingerpost_remote_deadline}, keep => $conf->{fingerpost_remote_keep},
      failures => $failures, pause => $pause);
  }
  return;
}

sub user_conf_parsing_end {
  my ($self, $opts) = @_;
  return $self->finish_parsing_end($opts);
}

sub _check_arguments {
  my ($self, $conf) = @_;

  foreach my $rules (values %{$conf->{head_evals} || {}}) {
    foreach my $rule (sort keys %$rules) {
      my ($function, $args) = @{$rules->{$rule}};
      my $check = $EVAL{$function}  or next;
      my $wanted = $check->(@$args);
      if (defined $wanted) {
        $conf->{parser}->lint_warn("fingerpost: rule $rule: $function() wants $wanted", $rule);
        $self->{bad_rule}->{$rule} = 1;
      } else {
        delete $self->{bad_rule}->{$rule};
      }
    }
  }
  return;
}

# The priority of the first rule that wants our answer: until then other machines may take their time.
sub _first_priority {
  my ($conf) = @_;
  my @of_ours;

  foreach my $priority (keys %{$conf->{head_evals} || {}}) {
    push @of_ours, $priority  if grep { $EVAL{$_->[0]} } values %{$conf->{head_evals}->{$priority}};
  }
  foreach my $priority (keys %{$conf->{head_tests} || {}}) {
    push @of_ours, $priority  if grep { ($conf->{test_opt_header}->{$_} // '') =~ /^\Q$HEADER\E(?::|\z)/i }
      keys %{$conf->{head_tests}->{$priority}};
  }
  my ($first) = sort { $a <=> $b } @of_ours;
  return $first;
}

# Relays have been parsed, no rule has run.
sub extract_metadata {
  my ($self, $opts) = @_;
  my ($msg, $pms, $conf) = @{$opts}{qw(msg permsgstatus conf)};
  $conf ||= $self->{main}->{conf};

  my $started = would_log('dbg', 'fingerpost') ? Time::HiRes::time() : undef;
  my $forged = _hide_forged($msg) ? ', a header of the sender hidden' : '';

  if (!$have_library) {
    dbg("fingerpost: no answer: no module%s", $forged);
    return;
  }

  my ($relay, $ip, $why) = _client($msg, $conf);
  if (!defined $ip) {
    dbg("fingerpost: no answer: %s%s", $why, $forged);
    return;
  }

  my $host;
  ($host, $why) = $self->_look_up($conf, $ip);
  my $case = { relay => $relay, ip => $ip, started => $started, forged => $forged };

  if (!$host && $self->{remote}) {
    $case->{store_why} = $why;
    $case->{query} = $self->{remote}->ask($ip, _port($msg, $ip));
    $pms->{fingerpost_asked} = $case;
    $self->_collect($pms, 0);
    return;
  }
  _answer($pms, $case, $host, $why);
  return;
}

# What other machines say is taken at the last moment at which all rules see it, and SpamAssassin's own work and
# queries of the network go on until then. There we wait, to the deadline at the most.
sub check_rules_at_priority {
  my ($self, $opts) = @_;
  my $pms = $opts->{permsgstatus};

  if ($pms->{fingerpost_asked}) {
    my $first = $pms->{conf}->{fingerpost_first_priority};
    $self->_collect($pms, defined $first && $opts->{priority} >= $first);
  }
  return;
}

# No rule of ours has run, a report may still want tags: but nobody waits for those of a message that is through.
sub check_cleanup {
  my ($self, $opts) = @_;
  my $pms = $opts->{permsgstatus};

  if ($pms->{fingerpost_asked}) {
    $self->_collect($pms, !$pms->{shortcircuited} && !$pms->{deadline_exceeded});
    delete $pms->{fingerpost_asked};
  }
  return;
}

sub _collect {
  my ($self, $pms, $wait) = @_;
  my $case = $pms->{fingerpost_asked};
  my $query = $case->{query};

  $self->{remote}->collect($query, $wait)  or return;
  delete $pms->{fingerpost_asked};

  my ($host, $why);
  if ($query->{host}) {
    $case->{from} = "remote $query->{from}";
    ($host, $why) = _of_use($pms->{conf}, $query->{host});
  }
  else {
    $why = "$case->{store_why}; $query->{why}";
  }
  _answer($pms, $case, $host, $why);
  return;
}

# Says what there is to say: to rules, to reports, to the log.
sub _answer {
  my ($pms, $case, $host, $why) = @_;
  my ($os, $text) = ('');

  if ($host) {
    # What another machine said comes without words.
    $os = $host->{answer} ? $host->{os} // '' : os_of($host);
    $text = $host->{answer} ? $host->{text} : header_text($host, $os);
  }

  if (defined $case->{started}) {
    dbg("fingerpost: %s, %s: %s, age %s, %d us%s", $case->{ip}, $case->{from} // 'store ' . ($pms->{conf}->{fingerpost_store} // '(default)'),
      defined $text ? "\"$text\"" : "no answer: $why", $host && defined $host->{age} ? sprintf('%d s', $host->{age}) : '-',
      (Time::HiRes::time() - $case->{started}) * 1e6, $case->{forged});
  }
  return if !defined $text;

  @{$case}{qw(host os text)} = ($host, $os, $text);
  $pms->{fingerpost} = $case;
  $pms->{msg}->put_metadata($HEADER, $text);
  # As set_tag() does, in one go: nine calls cost more than all the rest of this.
  @{$pms->{tag_data}}{@TAG} = @TAG_CODE;
  if ($pms->{tagrun_actions} && %{$pms->{tagrun_actions}}) {
    $pms->tag_is_ready($_)  foreach @TAG;
  }
  $pms->set_spamd_result_item(sub { return 'fingerpost=' . (($os || 'UNKNOWN') =~ tr/ ,/_/r) });
  return;
}

# All that is known, where a glance is not enough.
sub _whole {
  my ($pms) = @_;
  my $case = $pms->{fingerpost};

  return $case->{whole} ||= $case->{host}->{answer} ? Fingerpost::details($case->{host}) : $case->{host};
}

# A real header hides the pseudo-header of its name. delete_header() compiles its pattern once, for the first
# name that anybody deletes, and that is not ours: so the header goes by hand, on every message.
sub _hide_forged {
  my ($msg) = @_;

  return 0  if !exists $msg->{headers}->{$HEADER_KEY} && !exists $msg->{raw_headers}->{$HEADER_KEY};
  delete $msg->{headers}->{$HEADER_KEY};
  delete $msg->{raw_headers}->{$HEADER_KEY};
  $msg->{header_order} = [ grep { lc($_) ne $HEADER_KEY } @{$msg->{header_order}} ];
  return 1;
}

# The relay to be judged (undef where a header names it), its address, or why there is none.
sub _client {
  my ($msg, $conf) = @_;
  my $meta = $msg->{metadata};
  my $choice = $conf->{fingerpost_client};

  if (index($choice, 'header') == 0 && $choice =~ /^header\s+(\S+)/) {
    my ($value) = $msg->raw_header($1);
    return (undef, undef, "no header $1")  if !defined $value;
    if ($value =~ /((?:IPv6:)?[0-9a-f:]*:[0-9a-f:.]+|\d{1,3}(?:\.\d{1,3}){3})/i) {
      return (undef, $1);
    }
    return (undef, undef, "no address in header $1");
  }

  my $submitter = _submitter($msg, $conf);
  if ($submitter) {
    return ($submitter, $submitter->{ip})  if $conf->{fingerpost_authenticated};
    return (undef, undef, "authenticated client $submitter->{ip}");
  }

  my $relays = $choice eq 'first_untrusted' ? $meta->{relays_untrusted} : $meta->{relays_external};
  my $relay = $relays && $relays->[0];
  if (!$relay || !defined $relay->{ip} || $relay->{ip} eq '') {
    return (undef, undef, $choice eq 'first_untrusted' ? 'no untrusted relay' : 'no external relay');
  }
  return ($relay, $relay->{ip});
}

# Of the client's connection, where the server wrote it down: "from [192.0.2.7] (port=4711 helo=...", "([192.0.2.7]:4711 helo=...".
sub _port {
  my ($msg, $ip) = @_;

  foreach my $received ($msg->header('Received')) {
    my ($port) = $received =~ /\[(?:IPv6:)?\Q$ip\E\](?::|\s*\(port=)(\d{1,5})\b/i;
    return $port  if $port && $port <= 65535;
    last if $received =~ /\Q$ip\E/i;
  }
  return;
}

# The client that submitted the message with a password, or that the caller vouches for. SpamAssassin counts an
# authenticated client as internal; an internal host that authenticates itself to another of ours is none.
sub _submitter {
  my ($msg, $conf) = @_;
  my $meta = $msg->{metadata};

  foreach my $relay (@{$meta->{relays_internal} || []}, @{$meta->{relays_trusted} || []}) {
    next if !$relay->{auth};
    my $known = $conf->{internal_networks_configured} ? $conf->{internal_networks}
      : $conf->{trusted_networks_configured} ? $conf->{trusted_networks} : undef;
    next if $known ? $known->contains_ip($relay->{ip}) : $relay->{ip_private};
    return $relay;
  }
  my $first = $meta->{relays_external} && $meta->{relays_external}->[0];
  if ($first && ($first->{auth} || $msg->{suppl_attrib}->{originating})) {
    return $first;
  }
  return;
}

# What may be used of it, or why nothing may.
sub _look_up {
  my ($self, $conf, $ip) = @_;
  my $name = $conf->{fingerpost_store} // '(default)';

  if (!$self->{store} || $self->{store_name} ne $name) {
    my $store = eval { Fingerpost->new($conf->{fingerpost_store}) };
    return (undef, 'cannot use the store')  if !$store;
    $self->{store} = $store;
    $self->{store_name} = $name;
  }

  my $host = $self->{store}->glance($ip);
  return (undef, $self->{store}->error)  if !$host;
  return _of_use($conf, $host);
}

sub _of_use {
  my ($conf, $host) = @_;

  return (undef, 'seen as a server only')  if $host->{server};
  return (undef, "seen $host->{age} s ago, too long")  if defined $host->{age} && $host->{age} > $conf->{fingerpost_max_age};
  return $host;
}

# ---------------------------------------------------------------------------
# Eval rules

# The answer, if there is one and the rule's arguments are in order.
sub _host {
  my ($self, $pms) = @_;
  return if !$pms->{fingerpost};
  return if %{$self->{bad_rule}} && defined $pms->{current_rule_name} && $self->{bad_rule}->{$pms->{current_rule_name}};
  return $pms->{fingerpost}->{host};
}

sub fingerpost_os {
  my ($self, $pms, $regex) = @_;
  my $case = $pms->{fingerpost}  or return 0;
  my $os = $case->{os};
  my $seen = $self->{matched}->{$regex // return 0};
  return $seen->{$os}  if $seen && defined $seen->{$os}; # a rule with bad arguments has no result
  return 0 if $os eq '' || !$self->_host($pms);
  return $self->_matches($regex, $os);
}

sub fingerpost_class {
  my ($self, $pms, $class) = @_;
  $self->_host($pms)  or return 0;
  my $host = _whole($pms);
  return defined $host->{class} && lc $host->{class} eq lc $class ? 1 : 0;
}

sub fingerpost_unix {
  my ($self, $pms) = @_;
  $self->_host($pms)  or return 0;
  my $os = $pms->{fingerpost}->{os};
  return 1 if $self->_matches('/^(?:(?:Free|Open|Net)BSD|Solaris|HP-UX|Tru64)\b/', $os);
  return $self->{main}->{conf}->{fingerpost_unix_linux} && $os =~ /^Linux\b/ ? 1 : 0;
}

sub fingerpost_match {
  my ($self, $pms, @wanted) = @_;
  my $host = $self->_host($pms)  or return 0;
  my $match = $host->{match} // '';
  return (grep { $_ eq $match } @wanted) ? 1 : 0;
}

sub fingerpost_probability {
  my ($self, $pms, $name, $least) = @_;
  my $case = $pms->{fingerpost}  or return 0;
  return 0  if !defined $least;
  # Most clients of a site have the same few distributions. Of another machine's answer we have the candidates themselves.
  my $likely = $case->{host}->{likely} // ($case->{host}->{answer} ? return 0 : undef);
  my $seen = defined $likely ? $self->{probable}->{$name}->{$least} ||= {} : {};

  return $seen->{$likely}  if defined $likely && defined $seen->{$likely};
  $self->_host($pms)  or return 0;
  my $result = _probable(_whole($pms), $name, $least);
  if (defined $likely) {
    %$seen = ()  if keys %$seen >= 1000;
    $seen->{$likely} = $result;
  }
  return $result;
}

sub _probable {
  my ($host, $name, $least) = @_;
  my $sum = 0;
  my %wanted = map { $_ => 1 } split /\|/, lc $name;

  # Versions of one system share its name.
  for my $candidate (@{$host->{candidates} || []}) {
    my $system = lc $candidate->{name};
    my $version = $system . ':' . lc($candidate->{flavor} // '');
    $sum += $candidate->{p}  if $wanted{$system} || $wanted{$version};
  }
  return $sum > 0 && $sum >= $least ? 1 : 0;
}

sub fingerpost_distance {
  my ($self, $pms, $least, $most) = @_;
  $self->_host($pms)  or return 0;
  my $host = _whole($pms);
  return 0 if !defined $host->{distance};
  return $host->{distance} >= $least && $host->{distance} <= $most ? 1 : 0;
}

sub fingerpost_link {
  my ($self, $pms, $regex) = @_;
  $self->_host($pms)  or return 0;
  my $host = _whole($pms);
  return $self->_matches($regex, link_words($host)) || $self->_matches($regex, printable($host->{link}));
}

sub fingerpost_shared {
  my ($self, $pms, $score) = @_;
  my $host = $self->_host($pms)  or return 0;
  return $host->{shared} && $host->{sharing} >= $score ? 1 : 0;
}

sub fingerpost_unconfirmed {
  my ($self, $pms) = @_;
  my $host = $self->_host($pms)  or return 0;
  return defined $host->{confirmed} && !$host->{confirmed} ? 1 : 0;
}

sub fingerpost_first_seen_within {
  my ($self, $pms, $time) = @_;
  $self->_host($pms)  or return 0;
  my $host = _whole($pms);
  return 0 if grep { !defined } @{$host}{qw(first_seen last_seen age)};
  return $host->{last_seen} - $host->{first_seen} + $host->{age} <= _seconds($time) ? 1 : 0;
}

sub fingerpost_helo_mismatch {
  my ($self, $pms) = @_;
  my $host = $self->_host($pms)  or return 0;
  my $relay = $pms->{fingerpost}->{relay};

  return $relay ? contradicts($relay->{helo}, $host) : 0;
}

# ---------------------------------------------------------------------------

# Systems and links are a few dozen words, and a look at an earlier result is cheaper than a regex.
sub _matches {
  my ($self, $text, $subject) = @_;
  my $seen = $self->{matched}->{$text} ||= {};

  if (!exists $seen->{$subject}) {
    if (!exists $self->{regex}->{$text}) {
      my ($regex) = compile_regexp($text, 2);
      $self->{regex}->{$text} = $regex;
    }
    my $regex = $self->{regex}->{$text};
    %$seen = ()  if keys %$seen >= 1000; # of another machine, which may say anything
    $seen->{$subject} = $regex && $subject =~ $regex ? 1 : 0;
  }
  return $seen->{$subject};
}

sub _want_regex {
  my @args = @_;

  return 'a regular expression' if @args != 1 || $args[0] eq '';
  my ($regex, $error) = compile_regexp($args[0], 2);
  return $regex ? undef : "a regular expression: $error";
}

sub _is_number {
  my ($text) = @_;
  return $text =~ /^\d+(?:\.\d*)?\z/;
}

# As in settings: "90", "1.5h", "200ms".
sub _seconds {
  my ($text) = @_;
  my %unit = (ms => 0.001, s => 1, m => 60, h => 3600, d => 86400, w => 604800);

  return if $text !~ /^(\d+(?:\.\d*)?)\s*(ms|[smhdw])?\z/i;
  return untaint_var($1) * ($2 ? $unit{lc $2} : 1);
}

# 1 where the XS module is there.
sub _load_library {
  my ($volume, $dirs) = File::Spec->splitpath(File::Spec->rel2abs(__FILE__));
  my $lib = File::Spec->catpath($volume, File::Spec->catdir($dirs, (File::Spec->updir) x 3), '');
  my $arch = File::Spec->catdir($lib, File::Spec->updir, 'arch');

  local @INC = @INC;
  unshift @INC, map { untaint_var($_) } $lib, $arch  if -f File::Spec->catfile($lib, 'Fingerpost.pm');
  return eval {
    require Fingerpost;
    require Mail::SpamAssassin::Plugin::Fingerpost::Words;
    require Mail::SpamAssassin::Plugin::Fingerpost::Greeting;
    require Mail::SpamAssassin::Plugin::Fingerpost::Remote;
    Mail::SpamAssassin::Plugin::Fingerpost::Words->import(qw(printable os_of link_words header_text));
    Mail::SpamAssassin::Plugin::Fingerpost::Greeting->import(qw(contradicts));
    1;
  } ? 1 : 0;
}

1;
