#!/usr/bin/perl
# make install and install-service, for those without a package of ours: everything in its place below prefix, the unit names what was
# installed and is no more exposed than it may be, settings that are there stay.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Test::More;

my $root = Daemon::scratch();
my @make = ('make', '--no-print-directory', "DESTDIR=$root", 'prefix=/opt/fingerpost');
my ($status, $out, $err) = Daemon::run([ @make, 'install', 'install-service' ], limit => 300);
is($status, 0, 'make install install-service') or diag $err;
my @there = split /\n/, `cd $root && find . -type f | sed 's/^.//'`;
my %there = map { $_ => 1 } @there;
is(join(' ', grep { !m{\A/opt/fingerpost/|\A/etc/(?:fingerpost|logrotate\.d)/} } @there), '', 'nothing stands elsewhere');
ok($there{"/opt/fingerpost/$_"}, $_) for qw(bin/fingerpost sbin/fingerpostd sbin/fingerpost-grant lib/libfingerpost.so.1 lib/libfingerpost-classify.so.1
    include/fingerpost.h lib/pkgconfig/fingerpost.pc share/fingerpost/fingerpost.fp share/fingerpost/model.tsv share/fingerpost/fingerpost.cf
    share/man/man8/fingerpostd.8 share/man/man8/fingerpost-grant.8 share/man/man1/fingerpost.1 share/man/man5/fingerpost.conf.5
    share/man/man5/fingerpost-signatures.5 share/man/man3/libfingerpost.3 share/bash-completion/completions/fingerpost
    share/zsh/site-functions/_fingerpost lib/sysusers.d/fingerpost.conf lib/tmpfiles.d/fingerpost.conf);

# What was installed finds its own files: this one runs from nowhere near the tree.
($status, undef, $err) = Daemon::run([ "$root/opt/fingerpost/sbin/fingerpostd", '--test', '-c', "$root/etc/fingerpost/fingerpost.conf" ]);
is($status, 0, 'the daemon finds its signatures below prefix, and its settings are sound') or diag $err;

my $unit = "$root/opt/fingerpost/lib/systemd/system/fingerpost.service";
my ($start) = Daemon::slurp($unit) =~ /^ExecStart=(\S+)/m;
ok(-x "$root$start", "the unit starts what is there: $start");
SKIP: {
    skip 'no systemd-analyze', 1 unless grep { -x "$_/systemd-analyze" } qw(/usr/bin /bin);
    ($status, $out, $err) = Daemon::run([ 'systemd-analyze', 'security', '--no-pager', '--offline=true', '--threshold=17', $unit ]);
    is($status, 0, 'the unit is exposed by 1.7 at the most') or diag $out, $err;
    note grep { /Overall/ } split /^/, $out;
}

open my $f, '>>', "$root/etc/fingerpost/fingerpost.conf" or die;
print $f "# mine\n";
close $f;
is((Daemon::run([ @make, 'install-service' ], limit => 300))[0], 0, 'installed again');
like(Daemon::slurp("$root/etc/fingerpost/fingerpost.conf"), qr/^# mine$/m, 'the settings stay as they were changed');
done_testing;
