#!/usr/bin/perl
# The Perl module alone: what it answers, what it says when it cannot, forks, threads, taint.
use strict;
use warnings;

use Test::More;
use SaTest qw(store_with tree);
use Fingerpost;

my $dir = store_with(
    [ '192.0.2.7', label => 'win:Windows:7 or 8', match => 'exact', distance => 10, mss => 1460, ttl => 118, win => 8192,
      wscale => 8, layout => 'mss,nop,ws,nop,nop,sok', quirks => 'df,id+', confirmed => 1, connections => 3, handshakes => 3,
      since => 60, age => 5, path => 4, sharing => 3, shared => 1000, clock_hz => 1000, uptime_min => 720, origin => 'mx2',
      candidate => '5:0.5', candidate => '16:0.25' ],
    [ '192.0.2.8', win => 64240, mss => 1460 ],
    [ '2001:db8::5', label => 'unix:Linux:3.11 and newer', match => 'generic', distance => 3, mss => 1440 ],
    [ '192.0.2.9', label => 'unix:Solaris:', match => 'fuzzy', synack => 1, random_ttl => 1, distance => 9,
      clock_hz => 100, uptime_min => 5, uptime_doubtful => 1 ],
);

my $store = Fingerpost->new($dir);
isa_ok($store, 'Fingerpost');
is($store->error, '', 'no error before the first look-up');

my $host = $store->lookup('192.0.2.7');
is(ref $host, 'HASH', 'a known address') or diag $store->error;
is($store->error, '', 'and no error after it');
my %want = (
    ip => '192.0.2.7', name => 'Windows', flavor => '7 or 8', class => 'win', match => 'exact', distance => 10,
    distance_bound => 0, link => 'Ethernet or modem', mss => 1460, ttl => 118, win => 8192, win_multiple => 0, win_unit => '',
    wscale => 8, olen => 0, layout => 'mss,nop,ws,nop,nop,sok', confirmed => 1, server => 0, connections => 3, handshakes => 3,
    sharing => 3, shared => 1000, clock_hz => 1000, uptime_min => 720, origin => 'mx2', payload => 0, version => 4,
    os_changed => undef, bad_sw => 0,
);
is($host->{$_}, $want{$_}, "$_ of a known address") for sort keys %want;
is_deeply($host->{quirks}, [ 'df', 'id+' ], 'quirks by name');
is_deeply($host->{path}, ['mss clamped'], 'path by name');
is_deeply([ map { [ $_->{name}, $_->{flavor}, sprintf '%.1f', $_->{p} ] } @{$host->{candidates}} ],
    [ [ 'Windows', '10 or later', 0.5 ], [ 'Linux', undef, '0.2' ] ], 'candidates by name');
cmp_ok($host->{age}, '>=', 5, 'age counts from last_seen');
cmp_ok($host->{age}, '<', 60, 'age is no more than that');
is($host->{last_seen} - $host->{first_seen}, 55, 'first and last seen');

# A glance, and the rest of it when asked for.
{
    my %glance = map { $_ => $store->glance($_) } '192.0.2.7', '192.0.2.8', '192.0.2.9', '2001:db8::5';
    my @rows = (
        [ '192.0.2.7', text => 'Windows 7 or 8 (up: 12 hrs), (distance 10, link: ethernet/modem)', 'recognised' ],
        [ '192.0.2.7', os => 'Windows 7 or 8', 'name and flavor' ],
        [ '192.0.2.7', name => 'Windows', 'the name alone' ],
        [ '192.0.2.7', match => 'exact', 'how' ],
        [ '192.0.2.7', confirmed => 1, 'handshake' ],
        [ '192.0.2.7', sharing => 3, 'signs of sharing' ],
        [ '192.0.2.7', shared => 1000, 'and when' ],
        [ '192.0.2.7', server => undef, 'a client' ],
        [ '192.0.2.8', text => 'UNKNOWN [64240:64:0:40:.:.:?:?], (link: ethernet/modem)', 'not recognised' ],
        [ '192.0.2.8', os => undef, 'no system' ],
        [ '192.0.2.8', match => 'none', 'none' ],
        [ '192.0.2.8', confirmed => 0, 'no handshake' ],
        [ '192.0.2.8', sharing => undef, 'no sign' ],
        [ '192.0.2.9', text => 'Solaris, (distance 9, link: unspecified) [fuzzy]', 'fuzzy is said behind the words' ],
        [ '192.0.2.9', server => 1, 'a server' ],
        [ '192.0.2.9', os => 'Solaris', 'a name without flavor' ],
        [ '2001:db8::5', text => 'Linux 3.11 and newer, (distance 3, link: ethernet/modem) [generic]', 'generic, and IPv6' ],
    );
    is($glance{$_->[0]}->{$_->[1]}, $_->[2], "glance at $_->[0], $_->[1]: $_->[3]") for @rows;
    for my $ip (sort keys %glance) {
        my ($details, $whole) = (Fingerpost::details($glance{$ip}), $store->lookup($ip));
        delete @{$_}{qw(age)} for $details, $whole;
        is(defined $glance{$ip}->{likely}, @{$whole->{candidates}} > 0, "whether $ip has candidates, at a glance");
        is_deeply($details, $whole, "details of $ip are the whole answer");
    }
    is($store->glance('203.0.113.1'), undef, 'glance at an address never seen');
    is($store->error, 'not found', 'and why');
    ok(!eval { Fingerpost::details($_); 1 }, 'no glance') for undef, {}, [], { answer => 'short' }, { answer => undef };
}

$host = $store->lookup('192.0.2.8');
is($host->{name}, undef, 'seen and not recognised: no name');
is($host->{match}, 'none', 'and match says so');
is_deeply($host->{candidates}, [], 'no candidates');
is($host->{distance}, undef, 'a distance that is not known is undef');

$host = $store->lookup('192.0.2.9');
is($host->{flavor}, undef, 'an empty flavor is undef');
is("$host->{server} $host->{distance_bound} $host->{match}", '1 1 fuzzy', 'server, bound, fuzzy');
is($host->{uptime_min}, undef, 'a doubtful uptime is none');

for my $spelling ('2001:db8::5', '[2001:db8::5]', 'IPv6:2001:DB8:0:0::5', '2001:0db8:0000:0000:0000:0000:0000:0005') {
    $host = $store->lookup($spelling);
    is($host && $host->{ip}, '2001:db8::5', "spelled $spelling");
}
is($host->{version}, 6, 'version of IPv6');
for my $spelling ('::ffff:192.0.2.7', '[192.0.2.7]', '::ffff:c000:207') {
    $host = $store->lookup($spelling);
    is($host && $host->{ip}, '192.0.2.7', "spelled $spelling");
}

is($store->lookup('203.0.113.1'), undef, 'an address never seen');
is($store->error, 'not found', 'error says not found');
for my $bad ('', 'localhost', '192.0.2', '192.0.2.7/32', "192.0.2.7\0", "192.0.2.7\n", '192.0.2.7 ', undef, 'x' x 5000, "\x{263a}") {
    is($store->lookup($bad), undef, 'no address: ' . (defined $bad ? substr(($bad =~ s/[^ -~]/?/gr), 0, 20) : 'undef'));
    is($store->error, 'wrong format', 'error says wrong format');
}
ok($store->lookup('192.0.2.7'), 'an error is not remembered');

my $none = Fingerpost->new("$dir/nowhere");
is($none->lookup('192.0.2.7'), undef, 'no store');
isnt($none->error, '', 'error says why: ' . $none->error);
is(Fingerpost->new(undef)->error, '', 'the default store needs not be there');
ok(!eval { Fingerpost->new('x' x 10000); 1 }, 'a name that is too long dies');
like($@, qr/^Fingerpost: /, 'and says who');
ok(!eval { Fingerpost::lookup('Fingerpost', '192.0.2.7'); 1 }, 'not a class method');
ok(!eval { Fingerpost::lookup(bless({}, 'Other'), '192.0.2.7'); 1 }, 'nor anybody else\'s');

# A store that comes later is found.
{
    my $later = Fingerpost->new("$dir.later");
    is($later->lookup('192.0.2.7'), undef, 'a store that is not there yet');
    rename $dir, "$dir.later" or die "rename: $!";
    my $got;
    for (1 .. 40) {
        last if $got = $later->lookup('192.0.2.7');
        select undef, undef, undef, 0.1;
    }
    ok($got, 'is found when it is') or diag $later->error;
    rename "$dir.later", $dir or die "rename: $!";
}

# Taint mode: the directory may come from a file, the address from a message.
{
    my $out = do {
        local $ENV{STORE} = $dir;
        local $ENV{ADDRESS} = '192.0.2.7';
        my $tree = tree();
        qx($^X -T -I$tree/build/perl/lib -I$tree/build/perl/arch -MFingerpost -MScalar::Util=tainted -e '
            print tainted(\$ENV{STORE}) && tainted(\$ENV{ADDRESS}) ? "tainted " : "no taint mode ";
            my \$host = Fingerpost->new(\$ENV{STORE})->lookup(\$ENV{ADDRESS}) or exit 1;
            print tainted(\$host->{name}) ? "tainted" : "clean", " \$host->{name}"' 2>&1);
    };
    is($out, 'tainted clean Windows', 'taint mode');
}

# A handle made before fork serves both sides.
{
    ok($store->lookup('192.0.2.7'), 'before fork');
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $ok = $store->lookup('192.0.2.7') && $store->lookup('2001:db8::5') ? 0 : 1;
        require POSIX;
        undef $store;
        POSIX::_exit($ok);
    }
    waitpid $pid, 0;
    is($?, 0, 'in the child');
    ok($store->lookup('192.0.2.7'), 'in the parent after the child is gone');
}

# Nothing is left behind: neither descriptors nor memory.
{
    my $fds = () = glob "/proc/$$/fd/*";
    for (1 .. 200) { my $s = Fingerpost->new($dir); $s->lookup('192.0.2.7') for 1 .. 3 }
    my $after = () = glob "/proc/$$/fd/*";
    cmp_ok($after, '<=', $fds, 'no descriptor is left by 200 objects');

    my $rss = sub { open my $f, '<', '/proc/self/statm' or return 0; return (split ' ', scalar <$f>)[1] * 4 };
    $store->lookup('192.0.2.7') for 1 .. 2000;
    my $before = $rss->();
    $store->lookup('192.0.2.7') for 1 .. 100_000;
    cmp_ok($rss->() - $before, '<', 1024, 'memory stands still over 100 000 look-ups');
}

# A thread does not inherit the handle.
SKIP: {
    skip 'this perl has no threads', 1 unless eval { require Config; $Config::Config{useithreads} && require threads };
    my $inside = threads->create(sub { return ref \$store eq 'SCALAR' && !ref $store ? 'none' : ref $store })->join;
    ok($store->lookup('192.0.2.7'), "and goes on here (in the thread: $inside)");
}

done_testing;
