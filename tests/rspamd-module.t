#!/usr/bin/perl
# docs/clients/rspamd.lua with a stand-in for rspamd: what symbols which client gets. The real one: tests/system/clients/rspamd.t.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(getcwd);
use Daemon;
use Test::More;
use Wire;

my $dir = Daemon::scratch();
my @seen = ([ 'Windows XP', '198.51.100.7' ], [ 'Windows 10', '2001:db8:7::7' ]);
# The first came two hours before the others.
my @packets = map { [ 1_700_000_000, $_ ] } Wire::handshake('Linux', to => '192.0.2.1', from => '198.51.100.9', sport => 30000, seq => 7);
push @packets, map { [ 1_700_007_200, $_ ] } map { Wire::handshake($_->[0], to => $_->[1] =~ /:/ ? '2001:db8::1' : '192.0.2.1', from => $_->[1], sport => 30000, seq => 7) } @seen;
Wire::pcap("$dir/a.pcap", \@packets);
# Of a signature file that knows neither, and of no model: "seen and not recognised".
open my $sig, '>', "$dir/one.fp" or die;
print $sig "classes = win,unix,other\n[tcp:request]\nlabel = s:unix:FreeBSD:5 or later\nsig = *:64:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0\n";
close $sig;
for (my %stores = (store => [], unknown => [ '-f', "$dir/one.fp" ]); my ($name, $options) = each %stores;) {
    my ($status, undef, $err) = Daemon::run([ "$Daemon::BIN/fingerpostd", '--store', "$dir/$name", '-r', "$dir/a.pcap", @$options ]);
    is($status, 0, "a store: $name") or diag $err;
}

# Rspamd as far as the module speaks with it: settings in, symbols and log lines out.
my $rspamd = q{
local settings, client, flags = loadstring("return " .. arg[1])(), arg[2], arg[3] or ""
local said = {}
local function say(text) said[#said + 1] = text end
package.loaded.rspamd_logger = { errx = function(_, format, ...) say("log " .. string.format(format, ...)) end }
package.loaded.lua_util = { is_skip_local_or_authed = function(_, conf) return flags:find "local" and not conf[1] or flags:find "authed" and not conf[2] end }
local callback, registered = nil, {}
rspamd_config = {
	get_all_opt = function(_, name) return name == "fingerpost" and settings or nil end,
	register_symbol = function(_, s)
		callback = callback or s.callback
		assert(s.callback or s.parent == 1, s.name)
		registered[s.name] = true
		return 1
	end,
}
assert(pcall(dofile, "docs/clients/rspamd.lua"))
local ip = { is_valid = function() return client ~= "none" end, to_string = function() return client end }
if callback then
	callback { get_from_ip = function() return ip end, insert_result = function(_, symbol, weight, option)
		assert(registered[symbol], symbol .. " was not registered")
		say(string.format("%s %s %s", symbol, weight == 1 and "1" or weight > 0 and weight < 1 and "p" or "?", option or ""))
	end }
end
table.sort(said)
print(table.concat(said, "\n"))
};
open my $script, '>', "$dir/rspamd.lua" or die;
print $script $rspamd;
close $script;
$ENV{FINGERPOST_LIBRARY} = getcwd . '/build/lib/libfingerpost.so';
sub symbols {
    my ($settings, @more) = @_;
    my ($status, $out, $err) = Daemon::run([ 'luajit', "$dir/rspamd.lua", $settings, @more ]);
    return $status eq '0' ? $out =~ s/\n\z//r : "$status $err";
}

my $store = qq{store = "$dir/store"};
my $xp = qr/^FINGERPOST 1 Windows XP or 2003, \(distance 0, link: ethernet\/modem\)\nFINGERPOST_WINDOWS p Windows\N* p=[01]\.\d\d\z/;
like(symbols("{ $store }", '198.51.100.7'), $xp, 'the words, and a symbol that weighs its probability');
like(symbols("{ $store }", '2001:db8:7::7'), qr/^FINGERPOST_WINDOWS p Windows\N* p=/m, 'IPv6');
unlike(symbols("{ $store, min_probability = 1.01 }", '198.51.100.7'), qr/FINGERPOST_WINDOWS/, 'one that is not likely enough has none');
is(symbols("{ $store }", '203.0.113.1'), '', 'never seen: nothing');
is(symbols("{ $store }", '198.51.100.9'), '', 'an old record: nothing');
like(symbols(qq<{ $store, max_age = "3h" }>, '198.51.100.9'), qr/^FINGERPOST_LINUX p Linux/m, 'but by setting');
is(symbols("{ $store }", 'none'), '', 'no address: nothing');
is(symbols("{ $store }", '198.51.100.7', $_), '', "$_: nothing") for 'local', 'authed';
like(symbols("{ $store, check_local = true }", '198.51.100.7', 'local'), $xp, 'but by setting');
like(symbols(qq<{ store = "$dir/unknown" }>, '198.51.100.7'), qr/^FINGERPOST 1 UNKNOWN .*^FINGERPOST_UNKNOWN 1 $/ms, 'seen and not recognised is another thing');
is(symbols(qq<{ store = "$dir/none" }>, '198.51.100.7'), '', 'no store: nothing');
like(symbols(qq<{ $store, max_age = "soon" }>, '198.51.100.7'), qr/^log fingerpost: no symbols: .*max_age is no time: soon\z/, 'a setting that is nonsense is said');
$ENV{FINGERPOST_LIBRARY} = "$dir/none.so";
like(symbols("{ $store }", '198.51.100.7'), qr/^log fingerpost: no symbols: .*none\.so/, 'without the library: a line in the log, no symbol');
done_testing;
