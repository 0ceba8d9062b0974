package SaCost;

# SaCost - a plugin of SpamAssassin for tests: CPU time that the Fingerpost plugin's hooks and eval rules take in a real
# spamd, one line a message in the log: "cost: N us CPU in M calls". It puts itself around the plugin's methods; what the
# measuring itself costs is taken off.

use strict;
use warnings;
use Mail::SpamAssassin::Logger;
use Mail::SpamAssassin::Plugin;
use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID);

our @ISA = qw(Mail::SpamAssassin::Plugin);

our $inside = 0;
my ($spent, $calls) = (0, 0);

# Two looks at the clock before the call say what a look costs at this place.
sub around {
    my $method = shift;
    return sub {
        return $method->(@_) if $inside;
        local $inside = 1;
        my $before = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
        my $begin = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
        my @got = wantarray ? $method->(@_) : scalar $method->(@_);
        my $end = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
        $spent += ($end - $begin) - ($begin - $before);
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
        *{"${plugin}::$name"} = around(\&{"${plugin}::$name"});
    }
    return $self;
}

sub check_start { ($spent, $calls) = (0, 0); return }
sub check_end { info('cost: %.1f us CPU in %d calls', $spent * 1e6, $calls); return }

1;
