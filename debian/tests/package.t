#!/usr/bin/perl
# make check-package: the packages, built twice and equal, sound to lintian, and lived with in a system that has nothing else:
# installed, used, booted, upgraded, removed, purged. As root; takes minutes; a base system is kept in build/ for the next time.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd;
use Daemon;
use File::Temp qw(tempdir);
use Test::More;

plan skip_all => 'no root: a chroot cannot be made' if $> != 0;
for my $tool (qw(debootstrap lintian dpkg-buildpackage)) {
    plan skip_all => "no $tool" unless grep { -x "$_/$tool" } qw(/usr/sbin /usr/bin /sbin /bin);
}
my ($suite, $mirror) = mirror();
plan skip_all => 'apt is told of no Debian archive' unless $mirror;

# The archive that this machine's own apt uses.
sub mirror {
    my ($suite) = Daemon::slurp('/etc/os-release') =~ /^VERSION_CODENAME=(\w+)/m;
    for my $file (glob('/etc/apt/sources.list /etc/apt/sources.list.d/*')) {
        my $text = Daemon::slurp($file) =~ s/^#.*\n//mgr;
        for (split /\n\n+/, $text) {
            return ($suite, $1, $file) if /^Suites:.*\b\Q$suite\E(?:\s|\z)/m && /^URIs:\s*(\S+)/m;
        }
        return ($suite, $1, $file) if $text =~ /^deb (?:\[[^\]]*\] )?(\S+) \Q$suite\E /m;
    }
    return;
}

sub run_ok {
    my ($argv, $name, $limit) = @_;
    my ($status, $out, $err) = Daemon::run($argv, limit => $limit // 600);
    is($status, 0, $name) or diag substr($out, -3000), substr($err, -3000);
    return $status eq '0' ? $out : '';
}

# ---- Built twice, elsewhere and later: equal ------------------------------------------------------------------

my $top = getcwd;
run_ok([ 'make', '-s', 'deb' ], 'make deb', 900);
my $again = tempdir('fingerpost-again.XXXXXX', TMPDIR => 1, CLEANUP => 1);
run_ok([ 'make', '-s', 'deb', "DEB=$again/other-place", 'DEB_BUILD_OPTIONS=nocheck' ], 'make deb in another place', 900);
my @debs = sort map { m{([^/]+)\z} } glob 'build/deb/*.deb';
cmp_ok(scalar @debs, '>=', 5, "@debs");
for my $deb (@debs) {
    is(scalar `sha256sum < build/deb/$deb`, scalar `sha256sum < $again/other-place/$deb`, "$deb is the same, byte by byte");
}
run_ok([ 'sh', '-c', 'lintian --allow-root --fail-on error,warning build/deb/*.changes >&2' ], 'lintian: no error, no warning');
my ($exposure) = run_ok([ 'systemd-analyze', 'security', '--no-pager', '--offline=true', '--threshold=17', 'debian/fingerpost.service' ], 'the unit is exposed by 1.7 at the most')
    =~ /Overall exposure level for \S+: (\S+)/;
note "exposure $exposure";

# ---- A system with nothing else ---------------------------------------------------------------------------------

my $kept = "build/package-base-$suite.tar";
my $root = tempdir('fingerpost-root.XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $root;
my @mounted;
END { local $?; system 'umount', '-l', $_ for reverse @mounted }

sub inside { my (@argv) = @_; return ('chroot', $root, 'env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8',
    (map { defined $ENV{$_} ? "$_=$ENV{$_}" : () } qw(http_proxy https_proxy no_proxy)), @argv) }

sub apt { my @words = @_; return [ inside('apt-get', '-qq', '-y', '-o', 'Dpkg::Use-Pty=0', @words) ] }

sub copy_apt {
    # As this machine has it, but for archives of others, whose keys and transports a bare system lacks.
    my $file = (mirror())[2];
    system "rm -rf $root/etc/apt/sources.list $root/etc/apt/sources.list.d/* && cp -a /etc/apt/apt.conf.d /etc/apt/trusted.gpg.d /etc/apt/auth.conf.d $root/etc/apt/ 2>/dev/null; "
        . "mkdir -p $root/etc/apt/sources.list.d $root/usr/share/keyrings && cp $file $root" . ($file =~ m{\.list\.d/} ? '/etc/apt/sources.list.d/' : '/etc/apt/')
        . " && cp -n /usr/share/keyrings/debian* $root/usr/share/keyrings/; cp /etc/resolv.conf /etc/hosts $root/etc/";
    # Hooks of this machine's packages are not there.
    unlink grep { Daemon::slurp($_) =~ m{/usr/|Hook|Pre-Install|Post-Invoke}i } glob "$root/etc/apt/apt.conf.d/*";
}

if (!-e $kept) {
    my ($proxy) = `apt-config dump Acquire::http::Proxy` =~ /"(.*)"/;
    local $ENV{http_proxy} = $proxy if $proxy && !$ENV{http_proxy};
    run_ok([ 'debootstrap', '--variant=minbase', $suite, $root, $mirror ], 'debootstrap', 900);
    copy_apt();
    run_ok(apt('update'), 'apt-get update');
    # What the packages and their test need of others; policy-rc.d: a chroot starts nothing.
    Daemon::run([ 'sh', '-c', "printf '#!/bin/sh\\nexit 101\\n' > $root/usr/sbin/policy-rc.d; chmod 755 $root/usr/sbin/policy-rc.d" ]);
    run_ok(apt('--no-install-recommends', 'install', qw(gcc iproute2 libc6-dev logrotate passwd perl pkg-config procps spamassassin spamc spamd systemd systemd-sysv)), 'what the test needs of others', 900);
    Daemon::run([ 'sh', '-c', "rm -rf $root/var/cache/apt/archives/*.deb" ]);
    run_ok([ 'tar', '-C', $root, '-cf', "$kept.new", '.' ], 'kept for the next time');
    rename "$kept.new", $kept;
} else {
    run_ok([ 'tar', '-C', $root, '-xf', $kept ], 'the base system kept from before');
    copy_apt();
}
mount_all();
sub mount_all {
    # A chroot's / must be a mount of its own: ip netns makes it a slave.
    for ([ '', '--bind', $root ], [ '/proc', '-t', 'proc', 'proc' ], [ '/sys', '--rbind', '/sys' ], [ '/dev', '--rbind', '/dev' ], [ '/run', '-t', 'tmpfs', 'tmpfs' ]) {
        my ($at, @how) = @$_;
        system('mount', @how, "$root$at") == 0 or BAIL_OUT("$root$at cannot be mounted");
        system 'mount', '--make-rslave', "$root$at";
        push @mounted, "$root$at";
    }
}

# Everything but what dpkg and apt write of themselves.
sub files {
    my @out = split /\n/, `cd $root && find . -xdev \\( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./src -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log -o -path ./root \\) -prune -o -print | sort`;
    # Nor what spamd makes in the home of its own account when it scores.
    return join "\n", grep { !m{\A\./etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-\z|\A\./var/lib/systemd/deb-systemd-helper|\A\./var/lib/spamassassin/\.spamassassin} } @out;
}
sub accounts { return join '', map { join '', sort split /^/, Daemon::slurp("$root/etc/$_") } qw(passwd group shadow gshadow) }

my ($files, $accounts) = (files(), accounts());
my $log = files_log();
sub files_log { return join "\n", grep { !m{/(?:apt|dpkg|alternatives|term|history)} } split /\n/, `cd $root && find var/log | sort` }

system "mkdir -p $root/src/build && cp -a tests debian $root/src/ && cp build/deb/*.deb $root/src/build/";
unlink glob "$root/src/build/*dbgsym*";
run_ok([ inside('sh', '-c', 'apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install /src/build/*.deb') ], 'the packages are installed');

# ---- Used -------------------------------------------------------------------------------------------------------

my ($status, $out, $err) = Daemon::run([ inside('sh', '-c', 'cd /src && debian/tests/installed') ], limit => 600);
is($status, 0, 'installed: ' . (() = $out =~ /^ok /mg) . ' tests') or diag $out, $err;
note $_ for grep { /X-Spam|score/ } split /\n/, $out;
like($out, qr/^ok .*hits its rule/m, 'a message was scored by spamd in there');

# ---- Booted: the unit, by a service manager of its own, over a layer that is thrown away -----------------------------------------------------------

my $hosts = `chroot $root /usr/bin/fingerpost lookup 192.0.2.11`;
like($hosts, qr/Windows XP/, 'the store has what was seen');
is(scalar(() = `chroot $root ls /var/lib/fingerpost` =~ /^stamp$/mg), 1, 'with a stamp');
my $out_dir = Daemon::scratch();
umount_all();
sub umount_all { system 'umount', '-l', $_ for reverse @mounted; @mounted = () }
{
    open my $unit, '>', "$root/etc/systemd/system/booted.service" or die;
    print $unit "[Unit]\nDescription=the test\nAfter=multi-user.target\n[Service]\nType=oneshot\nWorkingDirectory=/src\n",
        "ExecStart=/bin/sh -c 'debian/tests/booted > /out/booted.tap 2>&1; journalctl -b --no-pager -u fingerpost > /out/booted.log; systemctl poweroff'\n",
        "[Install]\nWantedBy=multi-user.target\n";
    close $unit;
    system "ln -sf /etc/systemd/system/booted.service $root/etc/systemd/system/multi-user.target.wants/ 2>/dev/null || { mkdir -p $root/etc/systemd/system/multi-user.target.wants; ln -sf /etc/systemd/system/booted.service $root/etc/systemd/system/multi-user.target.wants/; }; "
        . "ln -sf /dev/null $root/etc/systemd/system/spamd.service; mv $root/usr/sbin/policy-rc.d $root/src/";
    my ($how, $said, $complaint) = Daemon::run([ 'systemd-nspawn', '-q', '--register=no', '--keep-unit', '--private-network', '--kill-signal=SIGRTMIN+3',
        '--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self', '--volatile=overlay', "--bind=$out_dir:/out", '-D', $root, '-b' ], limit => 300);
    my $tap = Daemon::slurp("$out_dir/booted.tap");
    SKIP: {
        skip 'systemd cannot be booted in a container here: ' . ($complaint =~ /(.*)/)[0], 1 if $tap eq '';
        unlike($tap, qr/^not ok|^# Looks like/m, 'booted: the unit, ' . (() = $tap =~ /^ok /mg) . ' tests') or diag $tap, Daemon::slurp("$out_dir/booted.log");
        like($tap, qr/^1\.\.\d+$/m, 'booted: to its end');
    }
    note $_ for grep { /\A# / } split /\n/, $tap;
    system "rm -f $root/etc/systemd/system/booted.service $root/etc/systemd/system/multi-user.target.wants/booted.service $root/etc/systemd/system/spamd.service; mv $root/src/policy-rc.d $root/usr/sbin/";
}

mount_all();

# ---- Upgraded, removed, purged -----------------------------------------------------------------------------------

system "cd $root/src && dpkg-deb -R build/fingerpost_*.deb next && sed -i 's/^Version: .*/&+next/' next/DEBIAN/control && echo '# changed' >> next/lib/systemd/system/fingerpost.service && dpkg-deb -b next build/next.deb >/dev/null";
Daemon::run([ inside('sh', '-c', 'echo "queues = 1" >> /etc/fingerpost/fingerpost.conf') ]);
my $inode = (stat "$root/var/lib/fingerpost/data.mdb")[1];
run_ok([ inside('dpkg', '-i', '/src/build/next.deb') ], 'upgraded');
is((stat "$root/var/lib/fingerpost/data.mdb")[1], $inode, 'the store is the same file');
like(scalar(`chroot $root /usr/bin/fingerpost lookup 192.0.2.11`), qr/Windows XP/, 'and knows what it knew');
like(Daemon::slurp("$root/etc/fingerpost/fingerpost.conf"), qr/^queues = 1$/m, 'the settings stay as they were changed');

my @names = qw(fingerpost libfingerpost1 libfingerpost-classify1 libfingerpost-dev libfingerpost-perl spamassassin-fingerpost);
run_ok(apt('remove', @names), 'removed');
ok(-e "$root/var/lib/fingerpost/data.mdb", 'the store outlives removal');
ok(-e "$root/etc/fingerpost/fingerpost.conf", 'so do the settings');
run_ok([ inside('spamassassin', '--lint', '-L') ], 'SpamAssassin goes on without the plugin');
run_ok([ inside('dpkg', '--purge', @names) ], 'purged');
run_ok(apt('--purge', 'autoremove'), 'and what they needed');
system "sed -i '/^# test of fingerpost\$/,\$d' $root/etc/spamassassin/local.cf";
my %before = map { $_ => 1 } split /\n/, $files;
my @left = grep { !$before{$_} } split /\n/, files();
is("@left", '', 'nothing is left of it');
my %now = map { $_ => 1 } split /\n/, files();
is(join(' ', grep { !$now{$_} } keys %before), '', 'and nothing of others is gone');
is(accounts(), $accounts, 'no account and no group is left');
unlike(files_log(), qr/fingerpost/, 'no log is left');
done_testing;
