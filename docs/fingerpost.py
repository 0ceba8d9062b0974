"""fingerpost - libfingerpost for Python, by ctypes; copy it or put it on the path.

    import fingerpost
    store = fingerpost.Store()                # or Store("/var/lib/fingerpost")
    host = store.lookup("192.0.2.7")          # None: unknown, whatever the reason
    if host and host.age_s < 3600: print(host.name, host.flavor, host.connections, host.confirmed)
    for host in store: print(host.address, host.name)
"""
import ctypes as c
import ipaddress
import os

ABI = 1  # FP_ABI of <fingerpost.h>, of which the structs below are a copy


class Candidate(c.Structure):
    _fields_ = [("code", c.c_uint8), ("p", c.c_uint8)]


class Host(c.Structure):
    _fields_ = (
        [("label", c.c_uint32), ("layout", c.c_uint16), ("app", c.c_uint16), ("origin", c.c_uint16)]
        + [(n, c.c_uint32) for n in ("first_seen", "last_seen", "verdict_seen", "os_changed", "shared",
                                     "connections", "handshakes", "quirks")]
        + [(n, c.c_uint16) for n in ("mss", "win", "win_multiple", "path", "clock_hz")]
        + [("uptime_min", c.c_uint32)]
        + [(n, c.c_uint8) for n in ("win_unit", "ecn", "ttl", "wscale", "olen", "distance", "sharing", "bad_sw", "match")]
        + [("candidate", Candidate * 2)]
        + [(n, c.c_bool) for n in ("confirmed", "synack", "ipv6", "payload", "random_ttl", "uptime_doubtful")])


class Answer(c.Structure):
    _fields_ = [("addr", c.c_uint8 * 16), ("host", Host), ("near_bits", c.c_uint8), ("age_s", c.c_int64),
                ("klass_", c.c_char * 128), ("name_", c.c_char * 128), ("flavor_", c.c_char * 128),
                ("layout_", c.c_char * 128), ("link_", c.c_char * 64), ("origin_", c.c_char * 64)]

    def __getattr__(self, name):
        """Numbers are those of struct fp_host; texts are "" where absent."""
        if name in ("klass", "name", "flavor", "layout", "link", "origin"):
            return getattr(self, name + "_").decode("utf-8", "replace")
        return getattr(self.host, name)

    @property
    def address(self):
        a = ipaddress.IPv6Address(bytes(self.addr))
        return str(a.ipv4_mapped or a)


class Store:
    def __init__(self, directory=None, library=os.environ.get("FINGERPOST_LIBRARY", "libfingerpost.so.%d" % ABI)):
        self.lib = c.CDLL(library)
        if self.lib.fp_abi() != ABI:
            raise OSError("%s is of another ABI than %d" % (library, ABI))
        self.store = c.c_void_p()
        rc = self.lib.fp_open(c.byref(self.store), directory and os.fsencode(directory))
        if rc != 0:
            raise OSError("the store cannot be opened: %d" % rc)

    def __del__(self):
        if getattr(self, "store", None):
            self.lib.fp_close(c.byref(self.store))

    def lookup(self, address, near=False):
        """near: an unknown IPv6 address is answered from its /64; near_bits is 64 then."""
        key, answer = (c.c_uint8 * 16)(), Answer()
        if self.lib.fp_addr_parse(key, str(address).encode()) != 0:
            raise ValueError("%r is no address" % (address,))
        ask = self.lib.fp_lookup_near if near else self.lib.fp_lookup
        return answer if ask(self.store, key, c.byref(answer)) == 0 else None

    def __iter__(self):
        at = (c.c_uint8 * 16)()
        while True:
            answer = Answer()
            if self.lib.fp_next(self.store, at, c.byref(answer)) != 0:
                return
            at = answer.addr
            yield answer
