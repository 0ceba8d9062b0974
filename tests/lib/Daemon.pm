package Daemon;

# Daemon - starts fingerpostd for a test, and ends it: what several scripts do alike.

use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

our $BIN = 'build/bin';
my $started = 0;

# A fresh directory that goes away with the test.
sub scratch { return tempdir('fingerpost-test.XXXXXX', TMPDIR => 1, CLEANUP => 1) }

# Runs a program to its end, at most `limit` seconds: (exit status, standard output, standard error).
sub run {
    my ($argv, %o) = @_;
    my $dir = scratch();
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<', $o{stdin} // '/dev/null' or die;
        open STDOUT, '>', "$dir/out" or die;
        open STDERR, '>', "$dir/err" or die;
        exec @$argv or die "$argv->[0]: $!\n";
    }
    my $end = time + ($o{limit} // 60);
    my $status;
    while (1) {
        if (waitpid($pid, WNOHANG) == $pid) { $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8; last }
        if (time > $end) { kill KILL => $pid; waitpid $pid, 0; $status = 'timeout'; last }
        sleep 0.005;
    }
    return ($status, slurp("$dir/out"), slurp("$dir/err"));
}

sub slurp {
    my $file = shift;
    open my $in, '<:raw', $file or return '';
    local $/;
    return scalar(<$in>) // '';
}

sub cli { return run([ "$BIN/fingerpost", @_ ]) }

# Starts fingerpostd with the given options and waits until it is ready, or has ended.
# prefix: words before it ('ip', 'netns', 'exec', NAME).
sub start {
    my ($class, %o) = @_;
    my $self = bless { dir => $o{dir} // scratch() }, $class;
    $self->{store} = $o{store} // "$self->{dir}/store";
    $self->{log} = "$self->{dir}/log." . $started++;
    my @argv = (@{ $o{prefix} // [] }, "$BIN/fingerpostd", '--store', $self->{store}, @{ $o{options} // [] });
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        open STDIN,  '<', '/dev/null' or die;
        open STDOUT, '>>', $self->{log} or die;
        open STDERR, '>>', $self->{log} or die;
        exec @argv or die "$argv[0]: $!\n";
    }
    $self->wait_for(sub { $self->log =~ /^fingerpostd: ready/m || $self->ended }, $o{limit} // 20);
    return $self;
}

sub log   { return slurp($_[0]{log}) }
sub store { return $_[0]{store} }
sub pid   { return $_[0]{pid} }

# Processes of a daemon, or of the one of that number: the packets process, then that of the services.
sub children { my $pid = ref $_[0] ? $_[0]{pid} : $_[0]; return split ' ', slurp("/proc/$pid/task/$pid/children") }
sub services { return (children($_[0]))[1] }

# Exit status once it has ended, undef while it runs.
sub ended {
    my $self = shift;
    if (!defined $self->{status} && waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
        $self->{status} = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
    }
    return defined $self->{status} ? 1 : 0;
}

# Waits until the function says yes: true, or false after so many seconds.
sub wait_for {
    my ($self, $done, $limit) = @_;
    my $end = time + ($limit // 10);
    until ($done->()) {
        return 0 if time > $end;
        sleep 0.005;
    }
    return 1;
}

# Sends a signal and returns (status, seconds until it had ended).
sub stop {
    my ($self, $signal) = @_;
    return $self->{status} if defined $self->{status};
    my $from = time;
    kill $signal // 'TERM', $self->{pid};
    $self->wait_for(sub { $self->ended }, 30) or kill KILL => $self->{pid};
    return ($self->{status}, time - $from);
}

# Killed: no farewell. False where it has not ended after so many seconds.
sub killed { my ($self, $limit) = @_; kill KILL => $self->{pid}; return $self->wait_for(sub { $self->ended }, $limit) }

# What `fingerpost lookup --json` says, as a hash; undef: not known.
sub lookup {
    my ($self, $address) = @_;
    require JSON::PP;
    my ($status, $out) = cli('lookup', '--store', $self->{store}, '--json', $address);
    return $status eq '0' ? JSON::PP::decode_json($out) : undef;
}

# Counters of `fingerpost stats`, summed over rows.
sub stats {
    my $self = shift;
    my ($status, $out) = cli('stats', '--store', $self->{store});
    my %n;
    $n{$1} += $2 while $out =~ /^(\S+) (-?\d+)$/mg;
    return \%n;
}

# The equations of docs/interface.md as tests: those of a source of frames, then all of them. Of a daemon that has ended, or is idle.
sub frames_add_up {
    my ($n, $why) = @_;
    require Test::More;
    Test::More::is($_->[1], $_->[2], "$why: $_->[0]") for frame_equations($n);
}

sub all_adds_up {
    my ($n, $why) = @_;
    require Test::More;
    Test::More::is($_->[1], $_->[2], "$why: $_->[0]") for equations($n);
}

# The same as lists: a counter's name, what it says, and what makes it up.
sub frame_equations {
    my ($n) = @_;
    my $undecodable = 0;
    $undecodable += $n->{$_} for grep { /\Aundecodable/ } keys %$n;
    return ([ kernel_seen => $n->{kernel_seen}, $n->{kernel_dropped} + $n->{frames} ],
        [ frames => $n->{frames}, $n->{filtered} + $undecodable + $n->{ignored} + $n->{observed} ]);
}

sub equations {
    my ($n) = @_;
    return (frame_equations($n), [ observed => $n->{observed}, $n->{ring_dropped} + $n->{matched} ],
        [ matched => $n->{matched}, $n->{table_refused} + $n->{applied} ],
        [ changed => $n->{changed}, $n->{coalesced} + $n->{written} + $n->{store_failed} + ($n->{pending} // 0) ]);
}

# CPU time of these processes, in seconds.
sub cpu_s {
    my $ticks = 0;
    for (@_) {
        my @f = split ' ', slurp("/proc/$_/stat") =~ s/\A.*\) //sr;
        $ticks += $f[11] + $f[12];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# GET over a Unix socket: (status code, body).
sub http {
    my ($socket, $path) = @_;
    my $s = IO::Socket::UNIX->new(Peer => $socket, Timeout => 5) or return (0, "connect: $!");
    print $s "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    local $/;
    my $answer = <$s> // '';
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    return ($head =~ m{\AHTTP/1\.[01] (\d+)} ? $1 : 0, $body // '');
}

sub DESTROY {
    my $self = shift;
    local ($?, $!);
    return if defined $self->{status} || !$self->{pid};
    kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
}

1;
