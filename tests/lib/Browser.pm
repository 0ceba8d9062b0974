package Browser;

# Browser - Debian's Chromium without a screen, driven through its WebDriver (chromedriver) over HTTP. Perl's own modules only.

use strict;
use warnings;
use Daemon;
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(sleep time);

# Why there is no browser here, '' if there is one.
sub unable {
    for my $program (qw(chromium chromedriver)) {
        return "no $program" unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
    }
    return '';
}

# size => [ width, height ]
sub new {
    my ($class, %o) = @_;
    my $free = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "no port: $@\n";
    my $self = bless { dir => Daemon::scratch(), port => $free->sockport, http => HTTP::Tiny->new(timeout => 30) }, $class;
    close $free;
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        setpgrp;
        @ENV{qw(HOME TMPDIR XDG_CONFIG_HOME XDG_CACHE_HOME)} = ($self->{dir}) x 4;
        open STDIN,  '<', '/dev/null' or die;
        open STDOUT, '>', "$self->{dir}/driver.log" or die;
        open STDERR, '>&', \*STDOUT or die;
        exec 'chromedriver', "--port=$self->{port}" or die "chromedriver: $!\n";
    }
    my $end = time + 20;
    until (eval { $self->call(GET => '/status')->{ready} }) {
        die 'chromedriver does not start: ' . Daemon::slurp("$self->{dir}/driver.log") if time > $end;
        sleep 0.05;
    }
    my ($width, $height) = @{ $o{size} // [ 1280, 900 ] };
    # No sandbox of its own: it runs as root in a namespace. /dev/shm may be small.
    my @args = ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', '--hide-scrollbars', "--window-size=$width,$height", "--user-data-dir=$self->{dir}/profile");
    my $session = $self->call(POST => '/session', { capabilities => { alwaysMatch => {
        'goog:chromeOptions' => { args => \@args, binary => '/usr/bin/chromium' }, 'goog:loggingPrefs' => { browser => 'ALL' } } } });
    $self->{session} = "/session/$session->{sessionId}";
    return $self;
}

sub call {
    my ($self, $method, $path, $body) = @_;
    my %request = (headers => { 'Content-Type' => 'application/json' });
    $request{content} = encode_json($body) if defined $body;
    my $answer = $self->{http}->request($method, "http://127.0.0.1:$self->{port}$path", \%request);
    my $value = eval { decode_json($answer->{content})->{value} };
    die "$path: " . (ref $value ? "$value->{error}: $value->{message}" : $answer->{content}) . "\n" unless $answer->{success};
    return $value;
}

sub go { my ($self, $url) = @_; return $self->call(POST => "$self->{session}/url", { url => $url }) }

# What the function's body returns in the page; a promise is waited for.
sub js {
    my ($self, $body, @args) = @_;
    return $self->call(POST => "$self->{session}/execute/sync", { script => $body, args => \@args });
}

# Until the expression is true in the page: what it was, '' after so many seconds.
sub wait_js {
    my ($self, $expression, $limit) = @_;
    my $end = time + ($limit // 10);
    my $got;
    until ($got = $self->js("return $expression")) {
        return '' if time > $end;
        sleep 0.05;
    }
    return $got;
}

# DevTools' own commands.
sub devtools { my ($self, $command, $params) = @_; return $self->call(POST => "$self->{session}/goog/cdp/execute", { cmd => $command, params => $params // {} }) }

# Keys as a person presses them; "\t", "\n" and letters.
sub keys {
    my ($self, $text) = @_;
    my %key = ("\t" => "\x{E004}", "\n" => "\x{E007}", ' ' => ' ');
    my @actions = map { my $k = $key{$_} // $_; ({ type => 'keyDown', value => $k }, { type => 'keyUp', value => $k }) } split //, $text;
    return $self->call(POST => "$self->{session}/actions", { actions => [ { type => 'key', id => 'keyboard', actions => \@actions } ] });
}

# Errors and warnings of the console since the last call.
sub console {
    my $self = shift;
    return map { $_->{message} } grep { $_->{level} =~ /SEVERE|WARNING/ } @{ $self->call(POST => "$self->{session}/se/log", { type => 'browser' }) };
}

# The whole page as PNG.
sub picture {
    my ($self, $file) = @_;
    my $shot = $self->devtools('Page.captureScreenshot', { format => 'png', captureBeyondViewport => JSON::PP::true });
    open my $out, '>:raw', $file or die "$file: $!\n";
    print $out decode_base64($shot->{data});
    close $out;
    return -s $file;
}

sub DESTROY {
    my $self = shift;
    local ($?, $!, $@);
    return unless $self->{pid};
    eval { $self->call(DELETE => $self->{session}) } if $self->{session};
    kill KILL => -$self->{pid}; # its own group: the browser, too
    waitpid $self->{pid}, 0;
}

1;
