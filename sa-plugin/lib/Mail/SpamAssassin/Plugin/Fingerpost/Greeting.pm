=head1 NAME

Mail::SpamAssassin::Plugin::Fingerpost::Greeting - what a client's greeting says of its system

=head1 DESCRIPTION

Installers give machines names, and machines greet by them: DESKTOP-4K2AB7C is
Windows, C<ubuntu> is Linux. C<contradicts(HELO, HOST)> is 1 where the greeting
claims one system and the host (the hash that L<Fingerpost> answers) is surely
another. Only the first label counts, and only as a whole: C<mx-ubuntu-7> was named
by a person, who may mean anything.

=cut

package Mail::SpamAssassin::Plugin::Fingerpost::Greeting;

use strict;
use warnings;
# use bytes;
use re 'taint';

use Exporter 'import';

our @EXPORT_OK = qw(contradicts);

# What a greeting's first label says of the system: names that installers give.
my @CLAIM = (
  [ qr/^(?:win|desktop|laptop)-[a-z0-9]{7,11}\z/, 'Windows' ],
  [ qr/^(?:windows|win(?:2k|nt|xp|vista|7|8|10|11|20\d\d))(?:server|srv)?\d?\z/, 'Windows' ],
  [ qr/^(?:debian|ubuntu|centos|fedora|rhel|almalinux|rocky|raspberrypi|archlinux|opensuse|linux)\d{0,2}\z/, 'Linux' ],
  [ qr/^(freebsd|openbsd|netbsd)\d{0,2}\z/, undef ],
  [ qr/^android-[0-9a-f]{8,16}\z/, 'Linux' ],
  [ qr/^(?:[a-z0-9]+s-)?(?:i?mac(?:book)?(?:-?(?:pro|air|mini))?|iphone|ipad)(?:-\d+)?\z/, 'Apple' ],
);

# Most greetings claim nothing: none of the words from which those above are made.
my $ANY = qr/^(?:win|desktop-|laptop-|debian|ubuntu|centos|fedora|rhel|almalinux|rocky|raspberrypi|archlinux|opensuse|linux|freebsd|openbsd|netbsd|android-)|mac|iphone|ipad/;

# Systems that are one family to a greeting: the same kernel under several names.
my %FAMILY = (
  'android' => 'Linux', 'chromeos' => 'Linux', 'linux' => 'Linux',
  'mac os x' => 'Apple', 'macos' => 'Apple', 'ios' => 'Apple', 'mac os' => 'Apple',
  'windows' => 'Windows',
  'freebsd' => 'FreeBSD', 'openbsd' => 'OpenBSD', 'netbsd' => 'NetBSD', 'solaris' => 'Solaris',
  'hp-ux' => 'HP-UX', 'aix' => 'AIX', 'tru64' => 'Tru64',
);
my %BSD = map { lc $_ => $_ } qw(FreeBSD OpenBSD NetBSD);

# Recognised, and not by a fuzzy match.
sub contradicts {
  my ($helo, $host) = @_;

  return 0 if !defined $helo || !defined $host->{name};
  my $dot = index $helo, '.';
  my $label = lc($dot < 0 ? $helo : substr $helo, 0, $dot);
  return 0 if $label !~ $ANY;
  return 0 if ($host->{match} // '') !~ /^(?:exact|generic)\z/;
  my $is = $FAMILY{lc $host->{name}}  or return 0;

  foreach my $claim (@CLAIM) {
    my ($regex, $says) = @$claim;
    next if $label !~ $regex;
    $says = $BSD{$1} if !defined $says;
    return $says ne $is ? 1 : 0;
  }
  return 0;
}

1;
