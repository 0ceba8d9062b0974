package SaTest;

# What the tests of the Perl module and of the SpamAssassin plugin share: a store with given hosts, and
# SpamAssassin in this process with a configuration of its own and nothing of the machine's.

use strict;
use warnings;

use Cwd ();
use Exporter 'import';
use File::Temp ();

our @EXPORT_OK = qw(make_store store_with newer_format v2_of tree need_spamassassin sa check message received rules_of);

my $serial = 0;
my $tree = Cwd::getcwd();
my $mkstore = "$tree/build/plain/tests/mkstore";

sub tree { return $tree }

# The texts by MTU that signature files give.
my @links = ("link\t1500\tEthernet or modem", "link\t1492\tDSL", "link\t1280\tgeneric tunnel or VPN");

# Puts hosts into the store DIR: [ ADDRESS, field => value, ... ], ... See tests/mkstore.c.
sub make_store {
    my ($dir, @hosts) = @_;
    my $mode = @hosts && !ref $hosts[0] ? shift @hosts : 'live';

    open my $pipe, '|-', $mkstore, $dir, $mode or die "$mkstore: $!\n";
    print {$pipe} "$_\n" for @links;
    for my $host (@hosts) {
        my ($address, @fields) = @$host;
        my @texts;
        while (my ($name, $value) = splice @fields, 0, 2) { push @texts, "$name=$value" }
        print {$pipe} join("\t", $address, @texts), "\n";
    }
    close $pipe or die "mkstore failed\n";
    return $dir;
}

# The same in a directory of its own, which goes when the test ends.
sub store_with {
    my $dir = File::Temp::tempdir(CLEANUP => 1);
    chmod 0755, $dir;
    return make_store("$dir/store", @_);
}

# Makes the store one of a format that is yet to come: docs/store-format.md, the stamp's version and checksum.
sub newer_format {
    my ($dir) = @_;
    no warnings 'portable'; # 64 bits
    open my $file, '+<:raw', "$dir/stamp" or die "$dir/stamp: $!\n";
    read $file, my $stamp, 40;
    substr($stamp, 8, 1) = chr(1 + ord substr $stamp, 8, 1);
    my @words = (0, 0, unpack 'x8 Q<*', $stamp);
    my $h = 0x46696e676572706f ^ (length($stamp) - 8);
    my $times = sub { use integer; return $_[0] * $_[1] };
    my $unsigned = sub { return unpack 'Q', pack 'q', $_[0] };
    for my $word (@words) {
        $h = $unsigned->($times->($h ^ $word, unpack 'q', pack 'Q', 0x9e3779b97f4a7c15));
        $h ^= $h >> 32;
    }
    $h = $unsigned->($times->($h, unpack 'q', pack 'Q', 0xff51afd7ed558ccd));
    $h ^= $h >> 33;
    seek $file, 0, 0;
    print {$file} pack('Q<', $h), substr $stamp, 8;
    close $file or die "$dir/stamp: $!\n";
    return;
}

# Every host of a store in the words of the daemon's services: address => text.
sub v2_of {
    my ($dir) = @_;
    my @lines = qx($mkstore --v2 $dir);
    chomp @lines;
    return map { split /\t/, $_, 2 } @lines;
}

# False where SpamAssassin is not installed.
sub need_spamassassin {
    return eval { require Mail::SpamAssassin; 1 };
}

# SpamAssassin with our plugin, our rules file, and TEXT after both, as local.cf stands.
sub sa {
    my ($text, %more) = @_;
    my $pre = "loadplugin Mail::SpamAssassin::Plugin::Check\n"
        . "loadplugin Mail::SpamAssassin::Plugin::Fingerpost $tree/build/perl/lib/Mail/SpamAssassin/Plugin/Fingerpost.pm\n"
        . "trusted_networks 198.51.100.1 2001:db8:ffff::1\ninternal_networks 198.51.100.1 2001:db8:ffff::1\n"
        . "util_rb_tld com org net example\nuse_bayes 0\nreport_safe 0\nclear_headers\n";
    my $sa = Mail::SpamAssassin->new({
        config_text        => $pre . _read("$tree/sa-plugin/fingerpost.cf") . $text . "\n",
        local_tests_only   => 1,
        dont_copy_prefs    => 1,
        require_rules      => 0,
        userprefs_filename => '/nonexistent',
        home_dir_for_helpers => '/nonexistent',
        %more,
    });
    $sa->init(0);
    return $sa;
}

# Scores a message: { header, hits (rule names), score, tags => sub, rewritten }.
sub check {
    my ($sa, $text) = @_;
    rules_of($sa);
    my $mail = $sa->parse($text);
    my $status = $sa->check($mail);
    my %got = (
        header    => scalar $status->get('X-P0f-OS-Fingerprint', undef),
        all       => scalar $status->get('ALL'),
        hits      => join(' ', sort grep { /^(?:L_P0F|FINGERPOST|T_)/ } @{$status->{test_names_hit}}),
        score     => $status->get_score,
        tags      => { map { $_ => $status->get_tag("FINGERPOST$_") } qw(IP OS CLASS MATCH PROB DISTANCE LINK AGE), '' },
        rewritten => $status->rewrite_mail,
    );
    chomp $got{header} if defined $got{header};
    $status->finish;
    $mail->finish;
    return \%got;
}

# SpamAssassin compiles rules into subroutines of its package, one set a process, and its finish_tests() leaves some:
# those of another object go here.
my $compiled = '';
sub rules_of {
    my ($sa) = @_;
    $sa->{satest} ||= ++$serial;
    return if $compiled eq $sa->{satest};
    $sa->call_plugins('finish_tests', { main => $sa, conf => $sa->{conf} });
    no strict 'refs';
    for my $name (grep { /^_\w+_tests_/ } keys %Mail::SpamAssassin::Plugin::Check::) {
        undef &{"Mail::SpamAssassin::Plugin::Check::$name"};
    }
    $compiled = $sa->{satest};
    return;
}

# The Received line of our own machine for a client, as Postfix writes it.
sub received {
    my ($ip, %how) = @_;
    my $helo = $how{helo} // 'client.example';
    my $auth = $how{auth} ? "\n\t(Authenticated sender: user)" : '';
    my $with = $how{auth} ? 'ESMTPSA' : 'ESMTP';
    my $literal = $ip =~ /:/ && $ip !~ /^::ffff:/i ? "IPv6:$ip" : $ip;

    return "Received: from $helo (unknown [$literal])$auth\n\tby mx.example.org (Postfix) with $with id 4F1B2C3D4E\n"
        . "\tfor <postmaster\@example.org>; Tue, 24 Nov 2026 10:00:00 +0000 (UTC)\n";
}

# A message with these header lines on top.
sub message {
    my (@lines) = @_;
    return join('', @lines)
        . "From: someone\@client.example\nTo: postmaster\@example.org\nSubject: hello\n"
        . "Date: Tue, 24 Nov 2026 10:00:00 +0000\nMessage-ID: <1\@client.example>\n\nA line of text.\n";
}

sub _read {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

1;
