#!/usr/bin/perl
# Captures that arrive while they are read (tcpdump -U -w - | fingerpostd -r -, a sensor through nc): what arrives is soon in the
# store although the stream stays open; a stream that breaks leaves what came before; and the line on a terminal.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $dir  = Daemon::scratch();
my $head = Daemon::slurp(Wire::pcap("$dir/none.pcap", []));

sub record { my ($packet) = @_; return pack('VVVV', int time, 0, length $packet, length $packet) . $packet }
sub syn { return Wire::syn('Linux', from => $_[0], to => '198.51.100.1', sport => 20000 + int rand 40000, seq => int rand 2**32) }

# Starts fingerpostd on a FIFO, its standard error where `log` says; returns the daemon and the end to write to.
sub on_fifo {
    my ($name, @prefix) = @_;
    system 'mkfifo', "$dir/$name" and die;
    my $d = bless { dir => $dir, store => "$dir/$name.store", log => "$dir/$name.log" }, 'Daemon';
    $d->{pid} = fork // die "fork: $!\n";
    if (!$d->{pid}) {
        open STDIN,  '<', '/dev/null' or die;
        open STDOUT, '>', $d->{log} or die;
        open STDERR, '>&', \*STDOUT or die;
        exec @prefix, "build/bin/fingerpostd --store $d->{store} -r $dir/$name" or die if @prefix;
        exec "$Daemon::BIN/fingerpostd", '--store', $d->{store}, '-r', "$dir/$name" or die;
    }
    open my $out, '>:raw', "$dir/$name" or die "$dir/$name: $!\n";
    $out->autoflush;
    print $out $head;
    return ($d, $out);
}

my ($d, $out) = on_fifo('fifo');
$d->wait_for(sub { $d->log =~ /ready/ || $d->ended }, 20);
print $out record(syn('192.0.2.9'));
ok($d->wait_for(sub { $d->lookup('192.0.2.9') }, 10), 'a SYN on an open stream is in the store') or diag $d->log;
my @ms;
for my $i (10 .. 19) {
    my $from = time;
    print $out record(syn("192.0.2.$i"));
    $d->wait_for(sub { $d->lookup("192.0.2.$i") }, 10) or last;
    push @ms, 1000 * (time - $from);
}
is(scalar @ms, 10, 'each that follows too');
@ms = sort { $a <=> $b } @ms;
note sprintf 'from the stream to a look-up by the command line: p50 %.1f ms, max %.1f ms', @ms[ $#ms / 2, -1 ];
cmp_ok($ms[-1], '<', 2000, 'soon: two seconds as a guard');

# Half a record: nothing more than before, and no end.
my $record = record(syn('192.0.2.30'));
print $out substr $record, 0, 30;
sleep 0.3;
ok(!$d->ended, 'in the middle of a record it waits');
print $out substr $record, 30;
ok($d->wait_for(sub { $d->lookup('192.0.2.30') }, 10), 'and takes it when the rest has come');
print $out substr record(syn('192.0.2.31')), 0, 40;
close $out;
ok($d->wait_for(sub { $d->ended }, 10), 'the stream breaks off: it ends');
is($d->{status}, 1, 'with exit 1');
like($d->log, qr/ends in the middle of record 13/, 'and says where') or diag $d->log;
is(scalar(grep { $d->lookup("192.0.2.$_") } 9 .. 19, 30), 12, 'what came before is kept');

# On a terminal.
SKIP: {
    skip 'no script(1)', 3 unless grep { -x "$_/script" } qw(/usr/bin /bin);
    my ($t, $to) = on_fifo('tty', 'script', '-qe', '/dev/null', '-c');
    print $to record(syn("192.0.2.$_")) for 1 .. 20;
    $t->wait_for(sub { $t->log =~ /packets, / }, 10);
    like($t->log, qr{\rtty: 20 packets, \d+/s\e\[K}, 'a line says how many packets came, and how fast') or diag $t->log;
    close $to;
    ok($t->wait_for(sub { $t->ended }, 10), 'it ends');
    like($t->log, qr/\r\e\[K[^\r]*20 packets seen/, 'and the line makes room for what is said at the end');
}

done_testing;
