#!/usr/bin/perl
# /metrics before Prometheus' own linter and a real Prometheus (Debian's): it scrapes a daemon with traffic, every query of the dashboard and
# every alert is understood, and what they name is there.
use strict;
use warnings;
use lib 'tests/lib';
use Daemon;
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

for my $program (qw(prometheus promtool)) {
    plan skip_all => "no $program" unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

my $dir = Daemon::scratch();
sub free_port { my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "no port: $@\n"; return $s->sockport }
sub spew { my ($file, $text) = @_; open my $out, '>', $file or die "$file: $!\n"; print $out $text; close $out; return $file }

my ($ours, $theirs) = (free_port(), free_port());
my $n = 0;
my $pcap = Wire::pcap("$dir/a.pcap", [ map { my $host = $_; map { Wire::handshake((sort keys %Wire::SYSTEM)[ $host % 12 ], from => "198.51.100.$host", to => '192.0.2.1', sport => 1025 + $n, seq => $n++ * 9) } 1 .. 3 } 1 .. 200 ], gap => 0.001);
my $d = Daemon->start(options => [ '-r', $pcap, '--stay', '--http', "127.0.0.1:$ours" ]);
my $http = HTTP::Tiny->new(timeout => 10);
ok($d->wait_for(sub { ($http->get("http://127.0.0.1:$ours/v1/os")->{content} // '') =~ /"hosts":201,"complete":true/ }, 10), 'a daemon with 200 clients and their server') or diag $d->log;
my $answer;
ok($d->wait_for(sub { $answer = $http->get("http://127.0.0.1:$ours/metrics"); $answer->{content} =~ /^fingerpost_store_usable 1$/m }, 5), 'its store is there for readers');
is($answer->{status}, 200, '/metrics');
my $text = spew("$dir/metrics", $answer->{content});
my ($status, $out, $err) = Daemon::run([ 'promtool', 'check', 'metrics' ], stdin => $text);
is("$status$out$err", '0', 'promtool check metrics has nothing to say');
my %there;
$there{$_}++ for $answer->{content} =~ /^(fingerpost_\w+)/mg;

# ---- What is in docs/ ---------------------------------------------------------------------------------------------------

($status, $out, $err) = Daemon::run([ 'promtool', 'check', 'rules', 'docs/prometheus/alerts.yml' ]);
is($status, 0, 'alerts.yml is sound') or diag $out, $err;
($status, $out, $err) = Daemon::run([ 'promtool', 'test', 'rules', 'docs/prometheus/alerts-test.yml' ]);
is($status, 0, 'each alert comes where it should, and only there') or diag $out, $err;
my $alerts = Daemon::slurp('docs/prometheus/alerts.yml');
my @alerts = $alerts =~ /^ +- alert: (\w+)/mg;
like(Daemon::slurp('docs/prometheus/alerts-test.yml'), qr/value: ${\scalar @alerts} \}/, 'all ' . @alerts . ' of them');
my $dashboard = decode_json(Daemon::slurp('docs/prometheus/dashboard.json'));
my @queries = map { map { $_->{expr} } @{ $_->{targets} } } @{ $dashboard->{panels} };
cmp_ok(scalar @queries, '>', 15, 'queries of the dashboard: ' . @queries);
my %named = map { $_ => 1 } map { /\b(fingerpost_\w+)/g } @queries, $alerts, Daemon::slurp('docs/prometheus/README.md') =~ s/`fingerpost_`//gr;
is(join(' ', grep { !$there{$_} } sort keys %named), '', keys(%named) . ' metrics that they name exist');

# ---- A real Prometheus ----------------------------------------------------------------------------------------------------

my $rules = "$dir/alerts.yml";
spew($rules, $alerts);
spew("$dir/prometheus.yml", <<"END");
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ alerts.yml ]
scrape_configs:
  - job_name: fingerpost
    static_configs: [ { targets: [ '127.0.0.1:$ours' ] } ]
END
my $pid = fork // die;
if (!$pid) {
    open STDOUT, '>', "$dir/prometheus.log" or die;
    open STDERR, '>&', \*STDOUT or die;
    exec 'prometheus', "--config.file=$dir/prometheus.yml", "--storage.tsdb.path=$dir/tsdb", "--web.listen-address=127.0.0.1:$theirs", '--log.level=warn' or die;
}
sub query {
    my $q = shift;
    my $r = $http->get("http://127.0.0.1:$theirs/api/v1/query?query=" . $q =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ger);
    return eval { decode_json($r->{content}) } // { status => $r->{content} };
}
sub value { my $r = query(shift); return $r->{status} eq 'success' ? $r->{data}{result}[0]{value}[1] : undef }
ok($d->wait_for(sub { (value('count_over_time(up{job="fingerpost"}[1m]) >= 3') // 0) >= 3 }, 30), 'scraped three times') or diag Daemon::slurp("$dir/prometheus.log");
is(value('up{job="fingerpost"}'), 1, 'it is up');
is(value("fingerpost_hosts"), 201, 'with its hosts');
is(value("sum(fingerpost_hosts_by_system)"), 201, 'by system, too');
is(value('sum(fingerpost_frames_total)'), 1800, 'and its packets');
cmp_ok(value('scrape_duration_seconds'), '<', 1, sprintf 'in %.1f ms', 1000 * (value('scrape_duration_seconds') // 99));
for my $q (@queries) {
    my $r = query($q =~ s/\$instance/.*/gr =~ s/\$__rate_interval/1m/gr);
    is($r->{status}, 'success', "understood: $q") or diag $r->{error};
    # Rates of a histogram that has not moved have no quantile.
    cmp_ok(scalar @{ $r->{data}{result} // [] }, '>=', 1, 'with an answer');
}
my $rule_state = decode_json($http->get("http://127.0.0.1:$theirs/api/v1/rules")->{content});
is(scalar(grep { $_->{health} eq 'ok' } map { @{ $_->{rules} } } @{ $rule_state->{data}{groups} }), scalar @alerts, 'every alert is evaluated');
is(join(' ', map { $_->{name} } grep { ($_->{state} // '') eq 'firing' } map { @{ $_->{rules} } } @{ $rule_state->{data}{groups} }), '', 'and none comes');
kill TERM => $pid;
waitpid $pid, 0;
is(($d->stop)[0], 0, 'the daemon ends in order');
done_testing;
