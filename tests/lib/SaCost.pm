package SaCost;

# SaCost - a plugin of SpamAssassin for tests: CPU time that the Fingerpost plugin's hooks and eval rules take in a real
# spamd, one line a message in the log: "cost: N us CPU in M calls, of K us in SpamAssassin". It puts itself around the plugin's methods; what the
# measuring itself costs is taken off.

use strict;
use warnings;
use Mail::SpamAssassin::Logger;
use Mail::SpamAssassin::Plugin;
use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID);

our @ISA = qw(Mail::SpamAssassin::Plugin);

our $inside = 0;
my ($spent, $calls, %of) = (0, 0);

# What the measuring itself costs at this place is seen by measuring nothing in the same way just before.
sub nothing { return }
sub around {
    my ($method, $name) = @_;
    return sub {
        return $method->(@_) if $inside;
        local $inside = 1;
        my $before = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
        nothing(@_);
        my $begin = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
        my @got = wantarray ? $method->(@_) : scalar $method->(@_);
        my $end = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
        my $took = ($end - $begin) - ($begin - $before);
        $spent += $took;
        $of{$name} += $took;
        $calls++;
        return wantarray ? @got : $got[0];
    };
}

sub new {
    my ($class, $main) = @_;
    my $self = $class->SUPER::new($main);
    no strict 'refs';
    no warnings 'redefine';
    my $plugin = 'Mail::SpamAssassin::Plugin::Fingerpost';
    for my $name (grep { /^(?:extract_metadata|check_rules_at_priority|check_cleanup|fingerpost_\w+)\z/ && defined &{"${plugin}::$_"} } keys %{"${plugin}::"}) {
        *{"${plugin}::$name"} = around(\&{"${plugin}::$name"}, $name);
    }
    return $self;
}

my $started;
sub check_start { ($spent, $calls, %of) = (0, 0); $started = clock_gettime(CLOCK_PROCESS_CPUTIME_ID); return }
sub check_end {
    my $whole = clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $started;
    info('cost: %.1f us CPU in %d calls, of %.1f us in SpamAssassin: %s', $spent * 1e6, $calls, $whole * 1e6,
        join(', ', map { sprintf '%s %.1f', $_, $of{$_} * 1e6 } sort { $of{$b} <=> $of{$a} } keys %of));
    return;
}

1;
