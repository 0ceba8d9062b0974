-- rspamd.lua - symbols of rspamd by what the store says of the client's system: one by the likeliest names, weighed by their probability.
-- Asks the store itself, each time: no daemon, no wait, no cache. docs/clients/rspamd.md says how it is pasted in; settings are those
-- of DEFAULT below, in a section `fingerpost { … }` of rspamd.conf.local. Whatever fails, there is no symbol, and a line in the log.
local lua_util = require "lua_util"
local logger = require "rspamd_logger"

local N = "fingerpost"
local DEFAULT = {
	store = false,         -- directory; without: FINGERPOST_STORE, else /var/lib/fingerpost
	max_age = 3600,        -- seconds (or "1h"); an older record is another machine's
	min_probability = 0.5, -- a less likely name has no symbol
	check_local = false,   -- clients in local_addrs too
	check_authed = false,  -- those who gave a password too
}
-- The names of candidates (docs/interface.md), each the symbol FINGERPOST_NAME.
local NAMES = { "Windows", "Linux", "Android", "ChromeOS", "macOS", "iOS", "FreeBSD", "OpenBSD", "NetBSD", "Solaris", "HP-UX", "AIX", "Tru64",
	"proxy", "appliance", "other" }

local function symbol_of(name) return "FINGERPOST_" .. (name:upper():gsub("%W", "_")) end

local known = {}
for _, name in ipairs(NAMES) do known[name] = true end

-- Seconds from a number, or from text as the settings of both programs have it.
local function seconds(value)
	local number, unit = tostring(value):match "^(%d+%.?%d*)([smhd]?)$"
	return number and tonumber(number) * ({ s = 1, m = 60, h = 3600, d = 86400 })[unit ~= "" and unit or "s"]
end

local function settings()
	local given, s = rspamd_config:get_all_opt(N) or {}, {}
	for name, default in pairs(DEFAULT) do
		if given[name] ~= nil then s[name] = given[name] else s[name] = default end
	end
	s.max_age = seconds(s.max_age) or error("max_age is no time: " .. tostring(given.max_age))
	s.min_probability = tonumber(s.min_probability) or error("min_probability is no number: " .. tostring(given.min_probability))
	return s
end

-- Probability by name, and the text of its likeliest flavor. A signature file without a calibrated model gives none: its label is
-- then all there is to go by, and counts in full where it is p0f's exact match.
local function likely(host)
	local p, text = {}, {}
	for _, c in ipairs(host:candidates()) do
		p[c.name] = (p[c.name] or 0) + c.p
		text[c.name] = text[c.name] or (c.flavor ~= "" and c.name .. " " .. c.flavor or c.name)
	end
	if next(p) == nil and known[host.name] and host.match == 1 then
		p[host.name], text[host.name] = 1, host.name .. " " .. host.flavor
	end
	return p, text
end

local function check(task, store, s)
	local ip = task:get_from_ip()
	if not (ip and ip:is_valid()) or lua_util.is_skip_local_or_authed(task, { s.check_local, s.check_authed }, ip) then return end
	local host = store:lookup(ip:to_string())
	-- Counts alone are no verdict.
	if not host or host.age_s > s.max_age or host.verdict_seen == 0 then return end
	task:insert_result(N:upper(), 1, host:words())
	local p, text = likely(host)
	for name, probability in pairs(p) do
		if known[name] and probability >= s.min_probability then
			task:insert_result(symbol_of(name), probability, string.format("%s p=%.2f", text[name], probability))
		end
	end
	if host.name == "" then task:insert_result("FINGERPOST_UNKNOWN", 1) end
end

local function register(module, s)
	-- Opened before the workers are forked: a handle may be, and looks for its store when it is asked.
	local store = module.open(s.store or nil)
	local function guarded(task)
		local ok, why = pcall(check, task, store, s)
		if not ok then logger.errx(task, "%s: %s", N, why) end
	end
	local id = rspamd_config:register_symbol {
		name = N:upper(), type = "normal", callback = guarded, flags = "empty,nostat", group = N, score = 0.0,
		description = "What system the client runs",
	}
	local function virtual(symbol, description)
		rspamd_config:register_symbol { name = symbol, type = "virtual", parent = id, group = N, score = 0.0, description = description }
	end
	for _, name in ipairs(NAMES) do virtual(symbol_of(name), "The client's system is " .. name .. ", as likely as the symbol's weight says") end
	virtual("FINGERPOST_UNKNOWN", "The client was seen, and its system not recognised")
end

local ok, why = pcall(function()
	local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""
	-- Beside us where it is installed, one folder up in the source.
	local path = package.path
	package.path = here .. "?.lua;" .. here .. "../?.lua;" .. path
	local loaded, module = pcall(require, "fingerpost")
	package.path = path
	if not loaded then error(module, 0) end
	register(module, settings())
end)
if not ok then logger.errx(rspamd_config, "%s: no symbols: %s", N, why) end
