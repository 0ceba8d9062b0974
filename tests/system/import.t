#!/usr/bin/perl
# fingerpost import-signatures: what is printed is a file that classify takes, what is not said in it is explained by line.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Test::More;
use Wire;

my $dir = Daemon::scratch();
sub put { my ($name, $text) = @_; open my $f, '>', "$dir/$name" or die; print $f $text; close $f; return "$dir/$name" }

my $file = put('two.fp', "# written for this test\nS44:64:1:60:M*,S,T,N,W7:.:Linux:4.20 or later\n65535:128:1:48:M*,N,N,S:.:Windows:XP\n"
    . "512:64:0:44:M*:X:Odd:reserved\n-nonsense\n");
my ($status, $out, $err) = Daemon::cli('import-signatures', '--from', 'p0f2', $file);
is($status, 1, 'exit 1: not every entry was converted');
is($err, "$file:4: left out: p0f 3 has no word for reserved bits of the TCP header (X)\n$file:5: left out: 8 fields with a colon between are expected, found 1\n"
    . "$file: 2 of 4 entries converted\n", 'each that was not is explained, by its line');
my $imported = put('imported.fp', $out);
is((Daemon::cli('check-signatures', $imported))[0], 0, 'what was printed is sound');
Wire::pcap("$dir/a.pcap", [ Wire::syn('Linux', from => '192.0.2.1', to => '192.0.2.2'), Wire::syn('Windows XP', from => '192.0.2.3', to => '192.0.2.2') ]);
(undef, $out) = Daemon::cli('classify', '-f', $imported, '--format', 'tsv', '-r', "$dir/a.pcap");
like($out, qr{^\S+\t192\.0\.2\.1\t\S+\t\S+\t\S+\tsyn\tLinux\t4\.20 or later\tunix\texact\t}m, "and names packets");
like($out, qr/^\S+\t192\.0\.2\.3\t\S+\t\S+\t\S+\tsyn\tWindows\tXP\twin\texact\t/m, 'to the letter');

my $pf = put('pf.os', "16384:64:1:64:M*,N,N,S,N,W6,N,N,T:OpenBSD:6:x:OpenBSD\n");
($status, $out, $err) = Daemon::run([ "$Daemon::BIN/fingerpost", 'import-signatures', '--from', 'pf.os', '-' ], stdin => $pf);
is($status, 0, 'pf.os, from standard input');
like($out, qr/^label = s:unix:OpenBSD:6 x\nsig = 4:64:0:\*:16384,6:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id\+:0$/m, 'converted');
($status, $out) = Daemon::cli('import-signatures', '--from', 'p0f2', '--synack', put('a.fp', "512:64:0:44:M*:A:Thing:x\n"));
like($out, qr/^\[tcp:response\]$/m, '--synack: a file of SYN+ACKs');
is((Daemon::cli('import-signatures', '--from', 'p0f3', $file))[0], 2, 'another grammar: exit 2');
is((Daemon::cli('import-signatures', $file))[0], 2, 'none named: exit 2');
is((Daemon::cli('import-signatures', '--from', 'p0f2', "$dir/nowhere"))[0], 2, 'no such file: exit 2');
is((Daemon::cli('import-signatures', '--from', 'p0f2', put('none', "# nothing\n")))[0], 2, 'no entry in it: exit 2');
done_testing;
