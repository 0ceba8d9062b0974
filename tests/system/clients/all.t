#!/usr/bin/perl
# Real clients of mail, each in a root of its own with the recipe of docs/clients/: tests/system/clients/NAME.t. For `make check-clients`;
# CLIENTS="NAME..." says which (haraka comes from npm).
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use Test::More;

for my $name (split ' ', $ENV{CLIENTS} // 'postfix exim rspamd amavisd qpsmtpd') {
    SKIP: {
        my ($status, $out, $err) = Daemon::run([ 'tests/system/clients/in-root', $name ], limit => 400);
        skip $out =~ s/\n//r, 1 if $status eq '77';
        my ($failed, $passed) = (scalar(() = $out =~ /^not ok /mg), scalar(() = $out =~ /^ok /mg));
        is("$status, $failed", '0, 0', "$name: $passed things seen") or diag $out, $err;
        note $out, $err;
        diag map { "$name: $_\n" } grep { /X-(?:P0f|p0f|Amavis)|OS_LINUX|FINGERPOST_LINUX|new clients/ } split /\n/, $err;
    }
}
done_testing;
