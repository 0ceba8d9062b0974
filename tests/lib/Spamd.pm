package Spamd;

# Spamd - a real spamd with our plugin for a test, on a free port of the loopback, with a configuration of its own and nothing
# of the machine's, SpamAssassin's other rules cut away, so that a score is ours to the last digit. What a mail server writes;
# messages through the real spamc, or many at once by the protocol.

use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

my ($program, $client) = ('/usr/sbin/spamd', '/usr/bin/spamc');
my $tree = POSIX::getcwd();

# Why spamd cannot be run here, '' if it can.
sub unable {
    -x $_ or return "$_ is not there (packages spamassassin, spamd, spamc)" for $program, $client, '/usr/bin/spamassassin';
    return '';
}

# ---- Messages ----------------------------------------------------------------------------------

# What each server writes, word for word but for names and addresses.
our %server = (
    'Postfix' => sub { <<"END" },
Received: from $_[0] (unknown [${\ literal($_[1]) }])
	(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
	 key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)
	(No client certificate requested)
	by mx.example.org (Postfix) with ESMTPS id 4XyKlm3PqRz9sT2
	for <postmaster\@example.org>; Tue, 24 Nov 2026 10:00:00 +0000 (UTC)
END
    'Exim' => sub { <<"END" },
Received: from [$_[1]] (helo=$_[0])
	by mx.example.org with esmtps  (TLS1.3) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
	(Exim 4.96)
	(envelope-from <someone\@client.example>)
	id 1vNqXk-0003Gf-2b
	for postmaster\@example.org;
	Tue, 24 Nov 2026 10:00:00 +0000
END
    'Sendmail' => sub { <<"END" },
Received: from $_[0] ([${\ literal($_[1]) }])
	by mx.example.org (8.17.1.9/8.17.1.9/Debian-2) with ESMTPS id 5AOA00xX012345
	(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO)
	for <postmaster\@example.org>; Tue, 24 Nov 2026 10:00:00 GMT
END
);

# RFC 5321 4.1.3
sub literal { my ($ip) = @_; return $ip =~ /:/ ? "IPv6:$ip" : $ip }

# A message that the server (of %server) took from an address; @more header lines below its own.
sub message {
    my ($server, $ip, @more) = @_;
    return join('', $server{$server}->('mail.client.example', $ip), @more)
        . "From: someone\@client.example\nTo: postmaster\@example.org\nSubject: hello\n"
        . "Date: Tue, 24 Nov 2026 10:00:00 +0000\nMessage-ID: <1\@client.example>\n\nA line of text.\n";
}

# ---- spamd -------------------------------------------------------------------------------------

my %running; # pid => 1
END {
    my $status = $?;
    kill 'TERM', keys %running if %running;
    waitpid $_, 0 for keys %running;
    $? = $status;
}

sub free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0) or die "no port: $!\n";
    return $socket->sockport;
}

# A place for configurations and logs. perl: where lib/ and arch/ of our modules are.
sub new {
    my ($class, %o) = @_;
    my $self = bless { dir => tempdir(CLEANUP => 1), perl => "$tree/build/perl", starts => 0, %o }, $class;
    chmod 0755, $self->{dir};
    mkdir "$self->{dir}/$_" for 'rules', 'site';
    return $self;
}

# pre: lines behind loadplugin, in a .pre file; text: the end of local.cf.
sub configure {
    my ($self, $text, $pre) = @_;
    my $dir = $self->{dir};
    open my $out, '>', "$dir/site/local.pre" or die $!;
    print {$out} "loadplugin Mail::SpamAssassin::Plugin::Check\n",
        "loadplugin Mail::SpamAssassin::Plugin::Fingerpost $self->{perl}/lib/Mail/SpamAssassin/Plugin/Fingerpost.pm\n", $pre // '';
    close $out;
    open $out, '>', "$dir/site/local.cf" or die $!;
    print {$out} <<"END";
util_rb_tld org example
trusted_networks 198.51.100.1
internal_networks 198.51.100.1
use_bayes 0
report_safe 0
clear_report_template
report _SUMMARY_
add_header all Status _YESNO_, score=_SCORE_ tests=_TESTS_ version=_VERSION_
add_header all P0f =_HEADER(X-P0f-OS-Fingerprint)_=
$text
END
    close $out;
    system('cp', "$tree/sa-plugin/fingerpost.cf", "$dir/rules/") == 0 or die;
    return;
}

# Starts it and waits until it answers. config, pre: as configure(); options: of spamd.
sub start {
    my ($self, %o) = @_;
    my $dir = $self->{dir};
    $self->configure($o{config} // '', $o{pre});
    @{$self}{qw(port log)} = (free_port(), "$dir/log." . $self->{starts}++);
    $self->{pid} = fork // die "fork: $!";
    if (!$self->{pid}) {
        %running = ();
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$self->{log}.err";
        delete $ENV{PERL5LIB};
        { no warnings 'exec'; exec $program, '-L', '-x', '-C', "$dir/rules", '--siteconfigpath', "$dir/site", '-i', '127.0.0.1', '-A', '127.0.0.1',
            '-p', $self->{port}, '-s', $self->{log}, '-r', "$self->{log}.pid", @{$o{options} // []} }
        POSIX::_exit(127);
    }
    $running{$self->{pid}} = 1;
    my $end = time + 60;
    while (time < $end) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
        if ($socket) {
            print {$socket} "PING SPAMC/1.5\r\n\r\n";
            my $line = <$socket>;
            return $self if defined $line && $line =~ /PONG/;
        }
        last if waitpid($self->{pid}, POSIX::WNOHANG()) != 0;
        sleep 0.1;
    }
    delete $running{$self->{pid}};
    die "spamd does not answer\n", slurp("$self->{log}.err"), -e $self->{log} ? slurp($self->{log}) : '';
}

sub stop {
    my $self = shift;
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    delete $running{$self->{pid}};
    return;
}

sub slurp { my ($path) = @_; local (@ARGV, $/) = $path; return scalar(<>) // '' }
sub log { return slurp($_[0]{log}) }
sub children { my $pid = $_[0]{pid}; return split ' ', slurp("/proc/$pid/task/$pid/children") }

# What spamd logged as warning or error.
sub warnings { my $self = shift; return join '', grep { /\] (?:warn|error):(?! config: path "\S+\/\.spamassassin" is inaccessible)/ } split /^/, $self->log }

# Through the real spamc: [ header, rules, score ].
sub scored {
    my ($self, $message, @options) = @_;
    open my $in, '>', "$self->{dir}/message" or die $!;
    print {$in} $message;
    close $in;
    my $options = join ' ', @options;
    my $out = qx($client -d 127.0.0.1 -p $self->{port} -t 30 $options < $self->{dir}/message);
    return of_output($out);
}

sub of_output {
    my ($out) = @_;
    my ($head) = split /\n\n/, $out =~ s/\r//gr, 2;
    $head =~ s/\n[ \t]+/ /g;
    my ($text) = $head =~ /^X-Spam-P0f: =(.*)=$/m;
    my ($score, $tests) = $head =~ /^X-Spam-Status: \S+ score=(\S+) .*?tests=(.*?) (?:autolearn|shortcircuit|version)/m;
    $tests =~ s/\s//g if defined $tests;
    return [ map { $_ // '(missing)' } $text, $tests, $score ];
}

# Many messages, at_once at a time, by the protocol. next: the n-th message; got(n, result or undef where spamd did not
# answer in order, seconds); at: { n => what to do when so many have been answered }. Gives up after `limit` seconds.
sub many {
    my ($self, $total, %o) = @_;
    my (%open, %at);
    my ($sent, $done, $begin) = (0, 0, time);
    my $select = IO::Select->new;
    while ($done < $total && time - $begin < $o{limit}) {
        while ($sent < $total && keys %open < $o{at_once}) {
            my $text = $o{next}->($sent) =~ s/\n/\r\n/gr;
            my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}) or last;
            print {$socket} "PROCESS SPAMC/1.5\r\nContent-length: " . length($text) . "\r\n\r\n$text";
            shutdown $socket, 1;
            $open{fileno $socket} = { n => $sent++, text => '', begin => time };
            $select->add($socket);
        }
        for my $socket ($select->can_read(1)) {
            my $one = $open{fileno $socket};
            next if sysread $socket, $one->{text}, 65536, length $one->{text};
            delete $open{fileno $socket};
            $select->remove($socket);
            close $socket;
            my ($status, $message) = split /\r?\n\r?\n/, $one->{text}, 2;
            my $ok = ($status // '') =~ m{^SPAMD/1\.1 0 EX_OK} && defined $message;
            $o{got}->($one->{n}, $ok ? of_output($message) : undef, time - $one->{begin});
            my $what = ($o{at} // {})->{++$done};
            $what->() if $what;
        }
    }
    return time - $begin;
}

1;
