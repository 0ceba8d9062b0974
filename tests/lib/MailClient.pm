package MailClient;

# MailClient - what the tests with real clients of mail do alike: a mail exchanger in a namespace with our daemon beside it, set up by
# the very lines of docs/clients/NAME.md; messages from outside by the kernel's TCP; and looking at what was delivered.

use strict;
use warnings;
use Daemon;
use File::Path qw(make_path);
use Net;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

our $MX   = '192.0.2.1';
our $FROM = '192.0.2.50';
my $sent  = 0;

# Blocks of a recipe: a line that ends in a file's name in backquotes and a colon, then indented lines. File => text.
sub recipe {
    my $name = shift;
    my (%block, $file);
    open my $in, '<', "docs/clients/$name.md" or die "docs/clients/$name.md: $!\n";
    while (<$in>) {
        if (/`(\/[^`]+)`[^`]*:$/) { $file = $1 }
        elsif (defined $file && /^    (.*)/) { $block{$file} .= "$1\n" }
        elsif (defined $file && /\S/) { undef $file }
    }
    return \%block;
}

# Puts a block where the recipe says: at the end of the file that is there, or into a new one.
sub paste {
    my ($block, $file) = @_;
    (my $dir = $file) =~ s{/[^/]*\z}{};
    make_path($dir);
    open my $out, '>>', $file or die "$file: $!\n";
    print $out $block->{$file} // die "the recipe has nothing for $file\n";
    close $out or die "$file: $!\n";
}

# Who gets the mail.
sub reader { system 'useradd -m reader' and die "useradd failed\n"; return }

# Postfix for mx.example and its reader, with further lines.
sub postfix {
    my @lines = @_;
    reader();
    open my $cf, '>', '/etc/postfix/main.cf' or die "main.cf: $!\n";
    print $cf map { "$_\n" } 'compatibility_level = 3.6', 'myhostname = mx.example', 'mydestination = mx.example', 'mynetworks = 127.0.0.0/8',
        'inet_interfaces = all', 'mail_spool_directory = /var/mail', 'maillog_file = /var/log/postfix.log', @lines;
    close $cf or die "main.cf: $!\n";
}

sub new {
    my ($class, $name) = @_;
    if (my $why = Net::unable()) { plan skip_all => $why }
    my $self = bless { net => Net->new, recipe => recipe($name), pids => [] }, $class;
    $self->{net}->address($FROM);
    make_path('/run/fingerpost');
    paste($self->{recipe}, '/etc/fingerpost/fingerpost.conf');
    $self->{dir} = Daemon::scratch();
    chmod 0755, $self->{dir};
    return $self;
}

sub net { return $_[0]{net} }

# Our daemon, as the recipe has it.
sub start_daemon {
    my $self = shift;
    my $d = Daemon->start(dir => $self->{dir}, prefix => [ $self->{net}->inside('mx') ],
        options => [ '-c', '/etc/fingerpost/fingerpost.conf', '-i', 'mx0', 'tcp port 25' ]);
    like($d->log, qr/: ready: /, 'fingerpostd with the recipe\'s settings') or diag $d->log;
    # A fresh store's first record takes its time; mail servers are not asked about that.
    $self->{net}->send_packets([ Wire::syn('Linux', from => '192.0.2.49', to => $MX) ]);
    ok($d->wait_for(sub { $d->lookup('192.0.2.49') }, 10), 'which sees the wire');
    return $self->{daemon} = $d;
}

# Mail that flows, header or not, when the daemon is killed, is started again, and has stopped in mid-answer. mail: sends a message; the head of what was
# delivered, and how many seconds it took. Returns the daemon that runs then.
sub outlives {
    my ($self, $d, $mail, $ours) = @_;
    $d->killed;
    my ($head) = $mail->();
    like($head, qr/^Subject: message/m, 'killed: mail flows');
    unlike($head, qr/X-P0f/, 'without a header');
    $d = $self->start_daemon;
    like(($mail->())[0], $ours, 'started again: the header is back');
    my $services = $d->services;
    kill STOP => $services;
    ($head, my $took) = $mail->();
    kill CONT => $services;
    like($head, qr/^Subject: message/m, 'one that hangs: mail flows');
    cmp_ok($took, '<', 10, 'after its timeout of two seconds');
    return $d;
}

# Runs a command in the exchanger's namespace; its output is kept where it fails.
sub run {
    my ($self, @command) = @_;
    my ($status, $out, $err) = Daemon::run([ $self->{net}->inside('mx'), @command ], limit => 120);
    diag "@command: $status\n$out$err" if $status ne '0';
    return $status eq '0';
}

# Starts what stays in the foreground; ends with the test.
sub spawn {
    my ($self, $log, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<', '/dev/null' or die;
        open STDOUT, '>>', $log or die;
        open STDERR, '>&', \*STDOUT or die;
        exec $self->{net}->inside('mx'), @command or die "$command[0]: $!\n";
    }
    push @{ $self->{pids} }, $pid;
    return $pid;
}

sub wait_for { my (undef, $done, $limit) = @_; return Daemon::wait_for(undef, $done, $limit // 30) }

# Whether somebody listens on a port of the exchanger.
sub wait_port {
    my ($self, $port, $limit) = @_;
    return $self->wait_for(sub { system($self->{net}->inside('mx'), $^X, '-MIO::Socket::INET', '-e',
        'exit !IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0])', $port) == 0 }, $limit // 60);
}

# Sends a message from outside (where: from within) through the exchanger's port 25. Returns its subject, and how many seconds it took; dies with what the
# exchanger said where it was not taken.
sub send {
    my ($self, $to, %o) = @_;
    my $subject = 'message-' . ++$sent . "-$$";
    my $from = time;
    my ($status, undef, $err) = Daemon::run([ $self->{net}->inside($o{where} // 'out'), $^X, '-MIO::Socket::IP', '-e', q{
        my ($from, $to, $rcpt, $subject, @more) = @ARGV;
        my $s = IO::Socket::IP->new(PeerHost => $to, PeerPort => 25, LocalHost => $from, Timeout => 10) or die "connect: $@\n";
        my $hear = sub {
            my $answer;
            do { $answer = <$s> // die "closed by the server\n" } while $answer =~ /^\d\d\d-/;
            $answer =~ /^[23]/ or die $answer;
        };
        $hear->();
        for ('EHLO client.example', 'MAIL FROM:<sender@client.example>', "RCPT TO:<$rcpt>", 'DATA',
            join("\r\n", 'From: sender@client.example', "To: $rcpt", "Subject: $subject", @more, "Message-ID: <$subject\@client.example>",
                'Date: ' . localtime, '', 'A line of text.', '.'), 'QUIT') {
            print $s "$_\r\n";
            $hear->();
        }
    }, $o{from} // $FROM, $o{mx} // $MX, $to, $subject, @{ $o{headers} // [] } ], limit => 120);
    die "not taken ($status): $err" if $status ne '0';
    return wantarray ? ($subject, time - $from) : $subject;
}

# One from the machine itself, whose client is never seen on the wire.
sub send_local { my ($self, $to) = @_; return $self->send($to, where => 'mx', from => '127.0.0.1', mx => '127.0.0.1') }

# The header of a delivered message (lines unfolded) out of an mbox or maildir, '' where it did not come.
sub delivered {
    my ($self, $where, $subject, $limit) = @_;
    my $head = '';
    $self->wait_for(sub {
        for my $file (-d $where ? glob("$where/new/* $where/cur/*") : $where) {
            for my $message (split /^(?=From )/m, Daemon::slurp($file)) {
                my ($h) = split /\r?\n\r?\n/, $message, 2;
                $h =~ s/\r?\n[ \t]+/ /g;
                $head = $h if $h =~ /^Subject: \Q$subject\E\r?$/m;
            }
        }
        $head ne '';
    }, $limit // 30);
    return $head;
}

sub DESTROY {
    my $self = shift;
    local ($?, $!);
    kill TERM => $_ for @{ $self->{pids} };
    waitpid $_, 0 for @{ $self->{pids} };
}

1;
