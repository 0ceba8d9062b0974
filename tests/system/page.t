#!/usr/bin/perl
# The page in a real browser: it loads, charts move with live traffic, hosts come, search finds one, hostile strings are text, nothing
# is wrong in the console, keyboard and themes work; axe-core finds no serious fault where it can be had (npm). PICTURES=DIR keeps pictures.
use strict;
use warnings;
use utf8;
use lib 'tests/lib';
use Browser;
use Daemon;
use File::Copy qw(copy);
use Net;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

if (my $why = Net::unable() || Browser::unable()) { plan skip_all => $why }

my $net = Net->new;
my $dir = Daemon::scratch();
chmod 0755, $dir;
my $pictures = $ENV{PICTURES} // $dir;

# Links come from files, which may say anything there; names are held to letters by the parser, so bad ones are put before the page below.
open my $fp, '>', "$dir/hostile.fp" or die;
print $fp <<'END';
classes = win,unix,other
[mtu]
label = "><b onmouseover=window.broken=1>link</b>
sig   = 1151
[tcp:request]
label = s:unix:Hostile:
sig   = *:64:0:*:12345,3:nop,ws,mss,ts,nop,nop:df,id+:0
END
close $fp;
my $d = Daemon->start(dir => $dir, prefix => [ $net->inside('mx') ], options => [ '-i', 'mx0', '-f', 'build/share/fingerpost.fp', '-f', "$dir/hostile.fp", '--http', '127.0.0.1:8025' ]);
like($d->log, qr/ready/, 'the daemon is ready') or BAIL_OUT($d->log);

# Traffic until we end: some systems, a completed handshake each, an address each.
my @systems = ('Windows XP', 'Windows 10', 'Linux', 'Android', 'macOS', 'iOS', 'FreeBSD', 'OpenBSD');
my $traffic = fork // die;
if (!$traffic) {
    for my $n (0 .. 100_000) {
        my $from = sprintf '198.51.%d.%d', $n / 200 % 256, $n % 200 + 1;
        $net->send_packets([ Wire::handshake($systems[ $n % 23 % @systems ], from => $from, to => '192.0.2.1', sport => 20000 + $n % 40000, seq => $n * 7 + 1, hops => $n % 20) ], 0);
        sleep 0.02;
    }
    POSIX::_exit(0);
}
$net->send_packets([ Wire::syn('unheard of', from => '203.0.113.66', to => '192.0.2.1', sport => 40000, seq => 5) ], 0);
ok($d->wait_for(sub { ($d->lookup('203.0.113.66') // {})->{os}{name} }, 5), 'the hostile host is known');
is($d->lookup('203.0.113.66')->{os}{name}, 'Hostile', 'by its name');

my $axe = axe(); # as long as there is a network
# The browser is where the daemon's loopback is. setns(2), by number: x86-64 308, others 268.
open my $ns, '<', "/run/netns/$net->{mx}" or die "netns: $!\n";
syscall(`uname -m` =~ /x86_64/ ? 308 : 268, fileno $ns, 0x40000000) == 0 or die "setns: $!\n";
my $b = Browser->new(size => [ 1280, 900 ]);
my $from = time;
$b->go('http://127.0.0.1:8025/');
note sprintf 'loaded in %.2f s', time - $from;

# ---- It lives -------------------------------------------------------------------------------------------------

ok($b->wait_js(q{document.getElementById('state-text').textContent === 'watching'}), 'it says that the daemon is watching');
my $paint = $b->js(q{return performance.getEntriesByName('first-contentful-paint')[0]?.startTime});
# Under a second where the machine is not busy with something else; a limit that holds under load, too.
diag sprintf 'first paint after %d ms', $paint;
cmp_ok($paint, '<', 5000, 'it is painted soon');
my $bytes = $b->js(q{return performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
    .filter((e) => !/\/v1\//.test(e.name)).reduce((n, e) => n + e.transferSize, 0)});
cmp_ok($bytes, '<=', 200 * 1024, "the page has $bytes bytes on the wire");
is($b->js(q{return performance.getEntriesByType('resource').filter((e) => !e.name.startsWith(location.origin)).length}), 0, 'nothing comes from elsewhere');
ok($b->wait_js(q{Chart.getChart(document.querySelector('#queues canvas'))?.data.datasets[0].data.filter((v) => v > 0).length >= 3}), 'the chart of the queue moves');
ok($b->wait_js(q{Chart.getChart(document.querySelector('#queues canvas')).data.datasets[1].data.some((v) => v > 0)}), 'verdicts, too');
is($b->js(q{return Chart.getChart(document.querySelector('#queues canvas')).data.datasets[2].label}), 'dropped', 'and drops have their own');
like($b->js(q{return document.getElementById('queue-0-now').textContent}), qr/\A[\d.,]+ packets, [\d.,]+ verdicts, 0 dropped a second\z/, 'in words beside it');
ok($b->wait_js(q{document.querySelectorAll('#newest tbody tr').length >= 5}), 'newest hosts are listed');
my $newest = $b->js(q{return document.querySelector('#newest tbody td:nth-child(3)').textContent});
ok($b->wait_js(qq{document.querySelector('#newest tbody td:nth-child(3)').textContent !== '$newest'}), 'and others come by themselves');
ok($b->wait_js(q{[...document.querySelectorAll('#systems th[scope=row]')].some((t) => t.textContent === 'Windows')}, 20), 'systems are counted');
ok($b->wait_js(q{Chart.getChart('shares')?.data.datasets.length >= 3}, 20), 'and drawn over time');

# As if packets were lost: in red, in words, and in the chart.
my $drops = $b->js(q{
    const s = structuredClone(before.stats), lost = 5000;
    s.queues[0].kernel_dropped += lost; s.sum.kernel_dropped += lost;
    drawStats(s);
    const chart = Chart.getChart(document.querySelector('#queues canvas')), line = document.querySelector('#queue-0-now .drops');
    return [document.getElementById('tile-drops-box').className, line.textContent, getComputedStyle(line).color, chart.data.datasets[2].data.at(-1) > 0, chart.data.datasets[2].borderColor];
});
is("$drops->[0] $drops->[3]", 'alarm 1', 'lost packets raise an alarm, and a bar');
like($drops->[1], qr/\A[\d.,]+ dropped a second\z/, 'in words');
is("$drops->[2] $drops->[4]", 'rgb(179, 20, 29) #b3141d', 'in red');

# ---- Search, by keyboard alone ----------------------------------------------------------------------------------

$b->keys('/');
is($b->js(q{return document.activeElement.id}), 'search-address', 'the key / goes to the search');
$b->keys("198.51.0.2\n");
ok($b->wait_js(q{/^198\.51\.0\.2: Windows/.test(document.querySelector('#found h3')?.textContent)}), 'search finds a host');
is($b->js(q{return document.activeElement.id}), 'found', 'and the keyboard is at the answer');
my $found = $b->js(q{return document.getElementById('found').innerText});
like($found, qr/$_/, "with $_") for 'completed: the address is not forged', 'How sure', 'Time to live', 'selective acknowledgement allowed', 'Ethernet or modem', 'Connections';
cmp_ok($b->js(q{return document.querySelectorAll('#found meter').length}), '>=', 1, 'and how sure as a picture');
# A day of two systems, as history would have it: areas one above the other.
my $areas = $b->js(q{
    const hosts = (f) => Array.from({ length: 1440 }, (_, i) => i < 100 || i > 1430 ? null : f(i));
    drawHistory({ by: 'minute', step_s: 60, from: new Date(Date.now() - 864e5).toISOString(), count: 1440, systems: [
        { name: 'Windows', class: 'win', hosts: hosts((i) => 50 + 30 * Math.sin(i / 200)) }, { name: null, class: null, hosts: hosts(() => 30) } ] });
    const canvas = document.getElementById('shares'), chart = Chart.getChart(canvas), { left, right, top, bottom } = chart.chartArea, r = chart.currentDevicePixelRatio;
    const height = Math.floor((bottom - top) * r);
    const column = canvas.getContext('2d').getImageData(Math.floor((left + right) / 2 * r) + 3, Math.floor(top * r), 1, height).data;
    const at = (share) => column.slice(4 * Math.floor((1 - share) * height)).slice(0, 4).join();
    return [chart.data.labels.length, at(0.2), at(0.9)];
});
is($areas->[0], 1331, 'history is drawn from its first value to its last');
isnt($areas->[1], $areas->[2], "as areas: $areas->[1] below, $areas->[2] above");
unlike("$areas->[1] $areas->[2]", qr/(?:\A| )(?:0,0,0,0)/, 'both of them filled');
$b->picture("$pictures/light.png");

# ---- Hostile strings are text ------------------------------------------------------------------------------------

# As a daemon would say it whose store somebody else wrote: every text of a host.
my $script = '<script>window.broken=1</script>';
$b->js(q{
    const [script] = arguments, real = window.fetch, bad = `"><img src=x onerror=window.broken=1>`;
    window.fetch = async (url, options) => {
        const answer = await real(url, options);
        if (!String(url).includes('203.0.113.66')) return answer;
        const host = await answer.json();
        host.os.name = script; host.os.flavor = bad; host.os.class = script; host.origin = bad; host.path = [ script, bad ];
        host.candidates = [ { name: script, flavor: bad, p: 0.5 } ]; host.signature = `4:1+2:${script}:1:2,3:${bad}:df,${script}:0`;
        addNewest({ event: script, time: host.last_seen, host });
        return new Response(JSON.stringify(host));
    };
}, $script);
$b->keys("/203.0.113.66\n");
ok($b->wait_js(q{document.querySelector('#found h3')?.textContent.startsWith('203.0.113.66: <script>window.broken=1</script> "><img src=x')}), 'a hostile label is shown as text');
like($b->js(q{return document.getElementById('found').innerText}), qr/"><b onmouseover=window\.broken=1>link<\/b>/, 'a hostile link, too');
ok($b->wait_js(q{document.querySelector('#newest tbody').innerText.includes('<script>window.broken=1</script>')}), 'and in the list');
is($b->js(q{return document.querySelectorAll('main script, main img, main b').length}), 0, 'no element came of it');
$b->js(q{document.getElementById('search-address').value = '<img src=x onerror=window.broken=1>'; document.getElementById('search').requestSubmit()});
ok($b->wait_js(q{document.getElementById('found').textContent.includes('“<img src=x onerror=window.broken=1>” is no IPv4 or IPv6 address')}), 'a hostile question is shown as text');
$b->js(q{document.getElementById('search-address').value = '192.0.2.250'; document.getElementById('search').requestSubmit()});
ok($b->wait_js(q{document.getElementById('found').textContent === 'Nothing is known of 192.0.2.250.'}), 'one that is not known');
ok(!$b->js(q{return window.broken}), 'nothing of it ran');
# Two answers of ours that are no success (400, 404) are all that the console has.
my @console = grep { !m{/v1/hosts/(?:%3Cimg.*|192\.0\.2\.250) - Failed to load resource: the server responded with a status of 40[04]} } $b->console;
is(join("\n", @console), '', 'the console has no error');

# ---- Themes, sizes, keyboard ----------------------------------------------------------------------------------------

my $ground = q{getComputedStyle(document.body).backgroundColor};
$b->devtools('Emulation.setEmulatedMedia', { features => [ { name => 'prefers-color-scheme', value => 'dark' } ] });
is($b->js("return $ground"), 'rgb(18, 22, 28)', 'dark where the system is dark');
ok($b->wait_js(q{Chart.getChart('shares').options.plugins.legend.labels.color === '#e8ecf1'}), 'charts, too');
$b->keys("/198.51.0.4\n");
$b->wait_js(q{/^198\.51\.0\.4: /.test(document.querySelector('#found h3')?.textContent)});
$b->picture("$pictures/dark.png");
$b->js(q{document.getElementById('theme').click()});
is($b->js("return $ground"), 'rgb(246, 247, 249)', 'light by choice');
for (1 .. 2) { $b->js(q{document.getElementById('theme').click()}) }
is($b->js(q{return document.getElementById('theme').textContent}), 'Theme: as the system', 'and back');
for my $size ([ 'phone', 390, 844, 2 ], [ 'wall', 3840, 2160, 1 ]) {
    my ($name, $width, $height, $scale) = @$size;
    $b->devtools('Emulation.setDeviceMetricsOverride', { width => $width, height => $height, deviceScaleFactor => $scale, mobile => $width < 500 ? JSON::PP::true : JSON::PP::false });
    sleep 0.3;
    cmp_ok($b->js(q{return document.documentElement.scrollWidth}), '<=', $width, "$name: nothing sticks out");
    $b->picture("$pictures/$name.png");
}
$b->devtools('Emulation.clearDeviceMetricsOverride');
$b->js(q{document.getElementById('pause').click()});
my $standing = $b->js(q{return document.querySelector('#newest tbody').innerText});
sleep 0.8;
is($b->js(q{return document.querySelector('#newest tbody').innerText}), $standing, 'the list stands still where it is told to');
$b->js(q{document.getElementById('pause').click()});
$b->go('http://127.0.0.1:8025/');
$b->wait_js(q{document.querySelectorAll('#newest tbody tr').length > 0});
my %met;
for (1 .. 14) {
    $b->keys("\t");
    $met{ $b->js(q{const e = document.activeElement; return e.id || e.className || e.tagName}) }++;
}
is(join(' ', grep { !$met{$_} } 'skip', qw(theme search-address scroll address)), '', 'the keyboard gets everywhere');

# ---- axe-core -------------------------------------------------------------------------------------------------------
# From npm, as the only thing here that is not Debian's: where it cannot be had there is one check less, and a line that says so.

sub axe {
    my $home = 'build/npm';
    my $file = "$home/node_modules/axe-core/axe.min.js";
    return $file if -s $file;
    mkdir 'build';
    mkdir $home;
    copy('tests/system/page/package.json', "$home/package.json") or return;
    my ($status, $out, $err) = Daemon::run([ 'sh', '-c', "cd $home && exec npm install --ignore-scripts --no-audit --no-fund --prefer-offline" ], limit => 20);
    note $out, $err;
    return -s $file ? $file : undef;
}
if (!$axe) { diag 'axe-core cannot be had from npm: the page was not held against it' }
else {
    for my $scheme (qw(dark light)) {
        $b->devtools('Emulation.setEmulatedMedia', { features => [ { name => 'prefers-color-scheme', value => $scheme } ] });
        sleep 0.2;
        $b->js(Daemon::slurp($axe) . '; return 1') if $scheme eq 'dark';
        my $result = $b->js(q{return axe.run({ resultTypes: ['violations'] }).then((r) => ({ version: r.testEngine.version, passes: r.passes.length,
            bad: r.violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3).join(' | ')}`) }))});
        is(join("\n", grep { /\A(?:serious|critical) / } @{ $result->{bad} }), '', "axe-core $result->{version}, $scheme: nothing serious, $result->{passes} rules passed");
        diag map { "axe: $_\n" } grep { !/\A(?:serious|critical) / } @{ $result->{bad} };
    }
}

# ---- The daemon goes and comes back ---------------------------------------------------------------------------------

kill KILL => $traffic;
waitpid $traffic, 0;
undef $traffic;
$d->stop;
ok($b->wait_js(q{/no answer/.test(document.getElementById('state-text').textContent)}), 'a daemon that is gone is said to be');
is($b->js(q{return document.getElementById('state').className}), 'problem', 'in red');
$d = Daemon->start(dir => $dir, options => [ '-i', 'mx0', '--http', '127.0.0.1:8025' ]);
ok($b->wait_js(q{document.getElementById('state-text').textContent === 'watching'}), 'and when it is back');
$d->stop;
undef $b;
done_testing;

END { kill KILL => $traffic if $traffic }
