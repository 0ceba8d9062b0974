#!/usr/bin/perl
# A capture file through the whole daemon into the store, and out again by the command line: the answers, the counters'
# equations, and what is said of input that is wrong.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use JSON::PP;
use Test::More;
use Wire;

my $dir = Daemon::scratch();
my $to  = '192.0.2.1';

# ---- A file with a client of each system ----------------------------------------------------------------

my @expect = (    # why, system sent, address, name as the store has it
    [ 'Windows XP', 'Windows XP', '192.0.2.11',   'Windows' ],
    [ 'Windows 7',  'Windows 7',  '192.0.2.12',   'Windows' ],
    [ 'Windows 10', 'Windows 10', '192.0.2.13',   'Windows' ],
    [ 'IPv6',       'Windows 10', '2001:db8::13', 'Windows' ],
    [ 'Linux',      'Linux',      '192.0.2.14',   'Linux' ],
    [ 'Android',    'Android',    '192.0.2.15',   'Android' ],
    [ 'FreeBSD',    'FreeBSD',    '192.0.2.18',   'FreeBSD' ],
    [ 'OpenBSD',    'OpenBSD',    '192.0.2.19',   'OpenBSD' ],
    [ 'Solaris',    'Solaris',    '192.0.2.21',   'Solaris' ],
    [ 'unknown',    'unheard of', '192.0.2.22',   undef ],
);
my @packets = map { Wire::syn($_->[1], from => $_->[2], to => $_->[2] =~ /:/ ? '2001:db8::1' : $to, hops => 7) } @expect;
push @packets, Wire::handshake('Linux', from => '192.0.2.99', to => $to, hops => 1);
push @packets, Wire::packet(from => '192.0.2.98', to => $to, flags => 24, ack => 1, payload => 'data');    # none of our business
push @packets, substr(Wire::syn('Linux', from => '192.0.2.97', to => $to), 0, 30);                        # cut
Wire::pcap("$dir/a.pcap", \@packets);

my ($status, $out, $err) =
    Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/store" ]);
is($status, 0, 'a file is read to its end, exit 0') or diag $err;

my $d = bless { store => "$dir/store", status => 0 }, 'Daemon';
for (@expect) {
    my ($why, $system, $address, $name) = @$_;
    my $host = $d->lookup($address);
    ok($host, "$why: $address is known");
    is($host->{os}{name}, $name, "$why: named");
    is($host->{distance}, 7, "$why: distance") if defined $name;
    is($host->{connections}, 1, "$why: connections");
    ok(!$host->{confirmed}, "$why: not confirmed, no handshake was seen");
}
my $linux = $d->lookup('192.0.2.99');
is($linux->{handshakes}, 1, 'a completed handshake is counted');
ok($linux->{confirmed}, 'and confirms the host');
is($linux->{link}, 'Ethernet or modem', 'the link by its MTU');
is($linux->{mtu}, 1500, 'the MTU');
like($linux->{signature}, qr/\A4:63\+1:0:1460:mss\*44,7:mss,sok,ts,nop,ws:df,id\+:0\z/, 'the raw signature');
like($linux->{first_seen}, qr/\A2023-11-14T22:13:20Z\z/, 'times are the packets\' own');
ok(!$d->lookup('192.0.2.98'), 'a host of which only data was seen is not known');

my ($lookup_status, $json) = Daemon::cli('lookup', '--store', "$dir/store", '--json', '192.0.2.250');
is($lookup_status, 1, 'lookup of an unknown address: exit 1');
is($json, qq({"ip":"192.0.2.250","os":null}\n), 'and the JSON for it');
is((Daemon::cli('lookup', '--store', "$dir/store", 'nonsense'))[0], 2, 'lookup of no address: exit 2');

my (undef, $dump) = Daemon::cli('dump', '--store', "$dir/store", '--json');
my @dumped = map { decode_json($_)->{ip} } split /\n/, $dump;
my %dumped = map { $_ => 1 } @dumped;
is(scalar(grep { !$dumped{ $_->[2] } } @expect), 0, 'dump has every host');
my (undef, $csv) = Daemon::cli('dump', '--store', "$dir/store", '--csv');
is(scalar(split /\n/, $csv), @dumped + 1, 'dump --csv: a header and a line a host');

# ---- The equations -------------------------------------------------------------------------------------

my $n = $d->stats;
is($n->{frames}, scalar @packets, 'every frame is counted');
is($n->{filtered}, 1, 'the data segment is filtered');
is($n->{'undecodable{bad_ip}'}, 1, 'the one that is shorter than its header says is undecodable');
Daemon::all_adds_up($n, 'one file');

# ---- Again, and with other numbers of threads: the store remembers and adds ------------------------------

for my $matchers (0, 1, 3) {
    ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/m$matchers",
        '--matchers', $matchers ]);
    is($status, 0, "matchers $matchers: exit 0") or diag $err;
    my $m = bless { store => "$dir/m$matchers", status => 0 }, 'Daemon';
    is($m->lookup('192.0.2.14')->{os}{name}, 'Linux', "matchers $matchers: named");
    Daemon::all_adds_up($m->stats, "matchers $matchers");
}
Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '-r', "$dir/a.pcap", '--store', "$dir/store" ]);
ok($d->lookup('192.0.2.99')->{connections} >= 2, 'a second run adds to the counts of the first');

# ---- A large file by several threads: what one thread makes of it, to the byte of what is stored ----------

SKIP: {
    skip 'build/plain/bench/gen is not built', 10 unless -x 'build/plain/bench/gen';
    my $large = "$dir/large.pcap";    # dialogues: what is made of them depends on their order
    system('build/plain/bench/gen', '-d', '-n', 120_000, '-m', 2000, '-o', $large) == 0 or die 'gen failed';
    cmp_ok(-s $large, '>', 16 << 20, 'large enough for four readers');
    my (%dump, %stats);
    for ([ 1, 1 ], [ 2, 1 ], [ 4, 2 ], [ 4, 0 ]) {
        my ($readers, $matchers) = @$_;
        my $why = "readers $readers, matchers $matchers";
        ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', $large, '--store', "$dir/r$readers$matchers", '--set', "readers=$readers",
            '--matchers', $matchers ]);
        is($status, 0, "$why: exit 0") or diag $err;
        my $m = bless { store => "$dir/r$readers$matchers", status => 0 }, 'Daemon';
        Daemon::all_adds_up($m->stats, $why);
        $stats{$why} = join ' ', map { "$_ " . ($m->stats->{$_} // '-') } qw(kernel_seen frames filtered observed matched syn synack handshakes hosts);
        # The server is known by its SYN+ACKs, of which each matcher has those of its clients: which of them speaks last is nobody's promise.
        $dump{$why} = join "\n", grep { !/\A\{"ip":"(?:192\.0\.2\.25|2001:db8::25)"/ } split /\n/, (Daemon::cli('dump', '--json', '--store', $m->store))[1];
    }
    my ($first, @others) = sort keys %dump;
    like($stats{$first}, qr/kernel_seen 120000 .* handshakes 57\d\d /, 'all of it was seen');
    is($stats{$_}, $stats{$first}, "$_: counted as by $first") for @others;
    is(scalar(split /\n/, $dump{$first}), 2000, 'every client is in the store');
    ok($dump{$_} eq $dump{$first}, "$_: the same hosts as by $first") for @others;

    # Printed by one thread or several: the same, in the same order, and what came before the end of a file that is cut.
    for my $format (qw(p0f json tsv)) {
        my ($one, $three) = map { [ Daemon::cli('classify', '--format', $format, '--threads', $_, '-r', $large) ] } 1, 3;
        is($three->[0], 0, "classify --format $format --threads 3: exit 0");
        cmp_ok(length $one->[1], '>', 1_000_000, "classify --format $format: some text");
        ok($one->[1] eq $three->[1], "classify --format $format: the same by three threads");
    }
    is((Daemon::cli('classify', '--threads', $_, '-r', $large))[0], 2, "classify --threads $_") for 0, 65, '2x';

    my $cut = "$dir/cut-large.pcap";
    open my $c, '>:raw', $cut; print $c substr(Daemon::slurp($large), 0, -7); close $c;
    ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', $cut, '-r', "$dir/a.pcap", '--store', "$dir/rcut", '--set', 'readers=4' ]);
    is($status, 1, 'a large file cut short: exit 1');
    like($err, qr/cut-large\.pcap: ends in the middle of record 120000/, 'which record is said');
    my ($part_status, $part) = Daemon::cli('classify', '--format', 'tsv', '--threads', 3, '-r', $cut);
    is($part_status, 1, 'classify of it: exit 1');
    ok($part eq (Daemon::cli('classify', '--format', 'tsv', '-r', $large))[1], 'all that came before is printed');
    my $m = bless { store => "$dir/rcut", status => 0 }, 'Daemon';
    is($m->stats->{frames}, 119_999 + @packets, 'what came before is counted, and the next file is read');
    Daemon::all_adds_up($m->stats, 'cut');
}

# ---- Standard input and a FIFO ---------------------------------------------------------------------------

($status) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', '-', '--store', "$dir/stdin" ], stdin => "$dir/a.pcap");
is($status, 0, '-r - reads standard input');
ok((bless { store => "$dir/stdin", status => 0 }, 'Daemon')->lookup('192.0.2.14'), 'and stores what it says');
system "mkfifo $dir/fifo";
if (!(my $pid = fork)) { open my $f, '>:raw', "$dir/fifo"; print $f Daemon::slurp("$dir/a.pcap"); close $f; POSIX::_exit(0) }
($status) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/fifo", '--store', "$dir/ff" ]);
is($status, 0, '-r FIFO');
ok((bless { store => "$dir/ff", status => 0 }, 'Daemon')->lookup('192.0.2.14'), 'and stores what it says');

# ---- Input that is wrong: status, and what is said ------------------------------------------------------

open my $f, '>', "$dir/empty"; close $f;
open $f, '>', "$dir/text"; print $f "this is no capture, it is a text of some length\n"; close $f;
open $f, '>:raw', "$dir/cut.pcap"; print $f substr(Daemon::slurp("$dir/a.pcap"), 0, -20); close $f;
open $f, '>', "$dir/bad.fp"; print $f "classes = win\n[tcp:request]\nlabel = s:win:Windows:X\nsig = 4:128:0:*:zzz,0:mss:df:0\n"; close $f;
open $f, '>', "$dir/bad.conf"; print $f "queues = 0\nhosts.mx = 3\n"; close $f;

my $plain = "$dir/plainfile"; open $f, '>', $plain; close $f;
for (
    [ 'an empty file',        2, qr/empty/,               '-r', "$dir/empty" ],
    [ 'not a capture',        2, qr/text/,                '-r', "$dir/text" ],
    [ 'a file not there',     2, qr/absent/,              '-r', "$dir/absent" ],
    [ 'a file cut short',     1, qr/cut\.pcap/,           '-r', "$dir/cut.pcap" ],
    [ 'a signature error',    2, qr/bad\.fp:4: /,         '-r', "$dir/a.pcap", '-f', "$dir/bad.fp" ],
    [ 'no signature file',    2, qr/absent\.fp/,          '-r', "$dir/a.pcap", '-f', "$dir/absent.fp" ],
    [ 'a setting',            2, qr/bad\.conf:1: queues.*\n.*bad\.conf:2: unknown setting "hosts\.mx".*"hosts\.max"/, '-c', "$dir/bad.conf" ],
    [ 'an unknown option',    2, qr/unknown option --colour/, '--colour' ],
    [ 'an option not built',  2, qr/unknown option --no-such-option/, '--no-such-option' ],
    [ 'an option mistyped',   2, qr/unknown option --stroe; the nearest is --store/, 'tcp port 25', '--stroe=x' ],
    [ 'a letter that is none', 2, qr/unknown option -Z/,  '-Z' ],
    [ 'a value missing',      2, qr/option -r needs a value/, '-r' ],
    [ 'a value too many',     2, qr/--stay takes no value/, '--stay=1' ],
    [ 'one age of two',       2, qr/-t 30: expected SECONDS,MINUTES/, '-t', '30' ],
    [ 'ages that are none',   2, qr/flows\.keep: "x".*\n.*hosts\.keep: "ym"/, '-t', 'x,y' ],
    [ 'an interface',         2, qr/nosuchif0/,           '-i', 'nosuchif0' ],
    [ 'a bad filter',         2, qr/tcp prot 25/,         '-r', "$dir/a.pcap", 'tcp prot 25' ],
    [ 'two filters',          2, qr/quotes/,              '-r', "$dir/a.pcap", 'tcp', 'port' ],
    [ 'a user not there',     2, qr/nobodyatall/,         '-r', "$dir/a.pcap", '-u', 'nobodyatall' ],
    [ 'a store of no parent', 2, qr/mkdir -p/,            '-r', "$dir/a.pcap", '--store', "$dir/no/such/store" ],
    [ 'a store that is a file', 2, qr/no directory/,      '-r', "$dir/a.pcap", '--store', $plain ],
    [ 'HTTP for all the world', 2, qr/http\.token/,      '-r', "$dir/a.pcap", '--http', '0.0.0.0:0' ],
    [ 'an address to listen on', 2, qr/nowhere/,          '-r', "$dir/a.pcap", '--http', 'nowhere' ],
) {
    my ($why, $want, $says, @argv) = @$_;
    next if $why eq 'a user not there' && $> != 0;
    unshift @argv, '--store', "$dir/wrong" unless grep { $_ eq '--store' } @argv;
    ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", @argv ]);
    is($status, $want, "$why: exit $want");
    like($err, $says, "$why: said");
}
ok((bless { store => "$dir/wrong", status => 0 }, 'Daemon')->lookup('192.0.2.11'), 'a file cut short: what came before is stored');

# ---- Who owns the store, and who may not --------------------------------------------------------------------

SKIP: {
    skip 'not root: cannot become somebody else', 8 if $> != 0;
    chmod 0755, $dir;
    ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/given", '-u', 'nobody' ]);
    is($status, 0, '-u nobody: exit 0') or diag $err;
    my $nobody = getpwnam 'nobody';
    is((stat "$dir/given/$_")[4], $nobody, "$_ was given to nobody") for 'data.mdb', 'stamp', '.';
    is((stat "$dir/given/data.mdb")[2] & 0777, 0640, 'the store is for its group');
    is((stat "$dir/given/lock.mdb")[2] & 0777, 0600, 'its lock for its owner alone');
    mkdir "$dir/roots", 0755;
    my @as_nobody = ('setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups');
    ($status, undef, $err) = Daemon::run([ @as_nobody, "$Daemon::BIN/fingerpostd", '-r', "$dir/a.pcap", '--store', "$dir/roots" ]);
    is($status, 2, 'a directory that we may not write: exit 2');
    like($err, qr{\Q$dir\E/roots}, 'which is named');
    like((Daemon::run([ @as_nobody, "$Daemon::BIN/fingerpost", 'lookup', '--store', "$dir/store", '192.0.2.11' ]))[2],
        qr/no right to read it; join its group/, 'a store that we may not read: the remedy is said');
}

# ---- --test, --help, --version ----------------------------------------------------------------------------

my @test = ("$Daemon::BIN/fingerpostd", '--test');
is((Daemon::run([ @test, '-c', '/dev/null' ]))[0], 0, '--test of sound settings');
is((Daemon::run([ @test, '-c', '/dev/null', '-i', 'any', '-t', '30,120', '-m', '1000,10000', 'vlan and tcp port 25' ]))[0], 0, 'of options, p0f\'s among them');

# Every error of a file, with its line, what was read and what is right: of this table each row is one.
my @wrong = (
    [ 'interface = nosuchif0',      qr/interface: "nosuchif0" does not exist; there are: any, .*\blo\b/ ],
    [ 'filter = tcp prot 25',       qr/filter: "tcp prot 25": .*syntax error/ ],
    [ 'hosts.mx = 3',               qr/unknown setting "hosts\.mx"; the nearest is "hosts\.max"/ ],
    [ 'queues = 0',                 qr/queues: "0" is wrong: allowed is a number from 1 to 64/ ],
    [ 'hosts.keep = 30 days',       qr/hosts\.keep: "30 days" is wrong: allowed is a time in s, m, h or d from 1s to 36500d/ ],
    [ 'matchers 4',                 qr/"matchers 4": expected name = value/ ],
    [ 'words = v5',                 qr/words: "v5" is wrong: allowed are v2, v3/ ],
    [ 'listen = 192.0.2.1',         qr/listen: "192\.0\.2\.1" is wrong: allowed are ADDR:PORT/ ],
    [ 'http.listen = 0.0.0.0:8025', qr/http\.listen: 0\.0\.0\.0:8025 can be reached from other machines: set http\.token/ ],
    [ 'user = nobodyatall',         qr/user: "nobodyatall" does not exist/ ],
    [ 'group = nogroupatall',       qr/group: "nogroupatall" does not exist/ ],
    [ 'sockets.group = nogroup2',   qr/sockets\.group: "nogroup2" does not exist/ ],
    [ 'prior = mial',               qr/prior: "mial" is wrong: allowed are mail, flat, or a file/ ],
    [ "signatures = $dir/bad.fp $dir/absent.fp", undef ],
);
open $f, '>', "$dir/bad.fp"; print $f "classes = win\n[tcp:request]\nlabel = s:wni:Windows:X\nsig = 4:128:0:*:zzz,0:mss:df:0\nsgi = 1\n"; close $f;
open $f, '>', "$dir/bad.conf"; print $f map { "$_->[0]\n" } @wrong; close $f;
($status, $out, $err) = Daemon::run([ @test, '-c', "$dir/bad.conf" ]);
is($status, 2, '--test of wrong ones');
is($out, '', 'which are not said to be sound');
for my $n (0 .. $#wrong) {
    my ($line, $says) = @{ $wrong[$n] };
    like($err, qr/\Q$dir\E\/bad\.conf:@{[ $n + 1 ]}: $says/, "--test: $line") if $says;
}
like($err, qr/bad\.fp:3: .*"wni".*\n.*bad\.fp:4: .*"zzz".*\n.*bad\.fp:5: .*"sgi".*\n.*absent\.fp: No such file/, '--test: every error of every signature file');
is(scalar(() = $err =~ /\n/g), @wrong + 3, 'and nothing else') or diag $err;
($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '-c', "$dir/bad.conf", '--set', 'filter=tcp prot 26' ]);
is($status, 2, 'at a start they are errors too');
like($err, qr/bad\.conf:3: unknown setting.*bad\.conf:1: interface/s, 'said alike');
is((Daemon::cli('check-signatures', "$dir/bad.fp"))[2] =~ tr/\n//, 3, 'check-signatures says every error');
for my $program ("$Daemon::BIN/fingerpostd", "$Daemon::BIN/fingerpost") {
    my ($s, $help) = Daemon::run([ $program, '--help' ]);
    is($s, 0, "$program --help");
    like($help, qr/\Ausage: /, 'begins with the usage');
    cmp_ok(scalar(split /\n/, $help), '<=', 40, 'fits a screen');
    like((Daemon::run([ $program, '--version' ]))[1], qr/\A\w+ \d+\.\d+/, "$program --version");
}
($status, undef, $err) = Daemon::cli('lokup', '192.0.2.1');
is($status, 2, 'an unknown command');
like($err, qr/"lokup"; the nearest is lookup/, 'the nearest is said');
is((Daemon::cli('dump', '--store', "$dir/nothing"))[0], 2, 'dump without a store');
like((Daemon::cli('dump', '--store', "$dir/nothing"))[2], qr{$dir/nothing}, 'names it');

done_testing;
