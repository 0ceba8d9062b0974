-- fingerpost - libfingerpost for LuaJIT, by its ffi (rspamd has it); copy it or put it on package.path.
--
--   local fingerpost = require "fingerpost"
--   local store = fingerpost.open()              -- or open("/var/lib/fingerpost")
--   local host = store:lookup("192.0.2.7")       -- nil: unknown, whatever the reason
--   if host and host.age_s < 3600 then print(host.name, host.flavor, host.connections, host.confirmed) end
--   for _, c in ipairs(host:candidates()) do print(c.name, c.flavor, c.p) end      -- the likeliest first; none: no calibrated model
--   print(host:words())                          -- in p0f 2's words: "Windows XP, (distance 5, link: ethernet/modem)"
--   for host in store:hosts() do print(host.address, host.name) end
local ffi = require "ffi"
local ABI = 1 -- FP_ABI of <fingerpost.h>, of which this is a copy

ffi.cdef [[
struct fp_addr { uint8_t b[16]; };
struct fp_candidate { uint8_t code, p; };
struct fp_host {
	uint32_t label; uint16_t layout, app, origin;
	uint32_t first_seen, last_seen, verdict_seen, os_changed, shared, connections, handshakes, quirks;
	uint16_t mss, win, win_multiple, path, clock_hz; uint32_t uptime_min;
	uint8_t win_unit, ecn, ttl, wscale, olen, distance, sharing, bad_sw, match;
	struct fp_candidate candidate[2];
	bool confirmed, synack, ipv6, payload, random_ttl, uptime_doubtful;
};
struct fp_answer {
	struct fp_addr addr; struct fp_host host; uint8_t near_bits; int64_t age_s;
	char klass[128], name[128], flavor[128], layout[128], link[64], origin[64];
};
struct fp_store;
unsigned fp_abi(void);
int fp_open(struct fp_store **, const char *);
void fp_close(struct fp_store **);
int fp_lookup(struct fp_store *, const struct fp_addr *, struct fp_answer *);
int fp_lookup_near(struct fp_store *, const struct fp_addr *, struct fp_answer *);
int fp_next(struct fp_store *, const struct fp_addr *, struct fp_answer *);
int fp_addr_parse(struct fp_addr *, const char *);
const char *fp_addr_text(const struct fp_addr *, char *);
const char *fp_candidate(unsigned, const char **);
int fp_words_v2(char *, size_t, const struct fp_answer *);
]]
local WORDS_MAX = 1024 -- FP_WORDS_MAX

local lib = ffi.load(os.getenv "FINGERPOST_LIBRARY" or "libfingerpost.so." .. ABI)
assert(lib.fp_abi() == ABI, "libfingerpost is of another ABI")

local TEXTS = { klass = true, name = true, flavor = true, layout = true, link = true, origin = true }

local function candidates(answer)
	local flavor, list = ffi.new "const char *[1]", {}
	for i = 0, 1 do
		local c = answer.host.candidate[i]
		local name = lib.fp_candidate(c.code, flavor)
		if name == nil then break end
		list[#list + 1] = { name = ffi.string(name), flavor = ffi.string(flavor[0]), p = c.p / 255 }
	end
	return list
end

local function words(answer)
	local buf = ffi.new("char[?]", WORDS_MAX)
	local n = lib.fp_words_v2(buf, WORDS_MAX, answer)
	return n > 0 and ffi.string(buf, n) or ""
end

-- A table that looks numbers up in struct fp_host; texts are "" where absent.
local function host_of(answer)
	local buf = ffi.new "char[46]"
	local host = { address = ffi.string(lib.fp_addr_text(answer.addr, buf)), age_s = tonumber(answer.age_s), near_bits = answer.near_bits }
	for text in pairs(TEXTS) do host[text] = ffi.string(answer[text]) end
	function host.candidates() return candidates(answer) end
	function host.words() return words(answer) end
	return setmetatable(host, { __index = function(_, name) return answer.host[name] end })
end

local Store = {}
Store.__index = Store

-- near: an unknown IPv6 address is answered from its /64; near_bits is 64 then.
function Store:lookup(address, near)
	local addr, answer = ffi.new "struct fp_addr", ffi.new "struct fp_answer"
	if lib.fp_addr_parse(addr, address) ~= 0 then error(address .. " is no address") end
	local ask = near and lib.fp_lookup_near or lib.fp_lookup
	return ask(self.handle[0], addr, answer) == 0 and host_of(answer) or nil
end

function Store:hosts()
	local at = ffi.new "struct fp_addr"
	return function()
		local answer = ffi.new "struct fp_answer"
		if lib.fp_next(self.handle[0], at, answer) ~= 0 then return nil end
		ffi.copy(at, answer.addr, 16)
		return host_of(answer)
	end
end

local M = {}

function M.open(directory)
	local handle = ffi.new "struct fp_store *[1]"
	local rc = lib.fp_open(handle, directory)
	if rc ~= 0 then error("the store cannot be opened: " .. rc) end
	ffi.gc(handle, lib.fp_close)
	return setmetatable({ handle = handle }, Store)
end

return M
