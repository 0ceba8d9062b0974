=head1 NAME

Fingerpost - what the Fingerpost store knows of an address

=head1 SYNOPSIS

  use Fingerpost;

  my $store = Fingerpost->new('/var/lib/fingerpost');
  my $host  = $store->lookup('192.0.2.7');

  if ($host) {
      printf "%s %s, seen %d s ago\n",
          $host->{name} // 'not recognised', $host->{flavor} // '', $host->{age};
  }
  else {
      print $store->error, "\n";    # "not found", "no usable store", ...
  }

=head1 DESCRIPTION

C<fingerpostd> watches TCP connections and writes down which operating system
each client address runs. This module reads what it wrote: it maps the store's
file and finds an address in it in about a microsecond. It asks no daemon,
takes no lock, waits for nobody, and needs the right to read the files
C<data.mdb> and C<stamp>, nothing else.

Whatever is wrong with the store, the answer is C<undef>: code on the path of
mail can treat all errors alike.

=head1 METHODS

=over 4

=item Fingerpost->new( [DIR] )

An object for the store in DIR; by default the one that the environment
variable FINGERPOST_STORE names, else F</var/lib/fingerpost>. Nothing is opened
until the first C<lookup>, so the store need not be there yet. Dies only where
DIR is too long or memory is out.

=item $store->lookup( ADDRESS )

A reference to a fresh hash, or C<undef>: see C<error>. ADDRESS is IPv4 or
IPv6 in any usual spelling: C<192.0.2.7>, C<2001:db8::1>, C<[2001:db8::1]>,
C<IPv6:2001:db8::1>, and C<::ffff:192.0.2.7>, which is the IPv4 address.

=item $store->glance( ADDRESS )

As C<lookup>, at a third of the cost, for whoever asks of each message: a hash
with C<text>, the host in the words of p0f 2 ("Windows XP, (distance 5, link:
ethernet/modem)", behind them C<[generic]> or C<[fuzzy]> where that is how it
was recognised), C<os> (name and flavor, printable), and of the fields below
C<name>, C<match>, C<age>, C<confirmed>, C<server>, C<shared> and C<sharing>.
C<likely> is a short string, the same for hosts with the same candidates and
probabilities. What is not known, and a C<server> of 0, is not there.

=item Fingerpost::details( GLANCE )

The whole answer of which C<glance> gave the first half, as C<lookup> gives it.

=item $store->error

Why the last C<lookup> or C<glance> said C<undef>: "not found" where the
address was never seen, otherwise what is wrong. Empty after an answer.

=back

=head1 THE ANSWER

What is not known is C<undef>. Times are Unix seconds.

  ip              the address as text, IPv4 never as mapped
  name            "Windows"; undef: seen and not recognised
  flavor          "7 or 8"
  class           "win", "unix", "other"
  match           "exact", "generic", "fuzzy"; "none": not recognised
  age             seconds since last seen, by the store's idea of now
  first_seen, last_seen, verdict_seen, os_changed, shared
  sharing         score of the last sign that several machines share it
  connections, handshakes
  confirmed       1: the client that the verdict is of completed a handshake
  server          1: seen as a server only, by its SYN+ACK
  distance        hops
  distance_bound  1: the distance is an upper bound
  link            "Ethernet or modem"
  uptime_min, clock_hz
  bad_sw          0, 1 odd, 2 lies about its software
  candidates      list of hashes: name, flavor, p (a probability), the likeliest
                  first; empty where none were computed
  path            list of what the way did to its packets: "mss clamped"
  origin          the machine that supplied the verdict; undef: this one

The packet's signature in pieces: C<version> (4, 6), C<ttl>, C<olen>, C<mss>,
C<win>, C<win_multiple> with C<win_unit> ("mss", "mtu" or ""), C<wscale>,
C<layout> ("mss,sok,ts,nop,ws"), C<quirks> (list of p0f's names), C<payload>.

=head1 PROCESSES, THREADS, TAINT

An object made before C<fork> serves parent and children. It may outlive any
number of starts and stops of the daemon and a new store in the place of the
old: it notices within a second. An object is not carried into a new Perl
thread: make one there. DIR may be tainted: it is opened for reading only. The
answer is not tainted; its texts are those of the signature file.

=head1 SEE ALSO

L<Mail::SpamAssassin::Plugin::Fingerpost>

=cut

package Fingerpost;

use strict;
use warnings;

our $VERSION = '0.1.0';

require XSLoader;
XSLoader::load('Fingerpost', $VERSION);

sub new {
  my ($class, $dir) = @_;
  return $class->_open($dir);
}

# A handle in two threads would be closed twice.
sub CLONE_SKIP { return 1 }

1;
