#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the first inputs of the fuzz targets: the shapes that real stacks send, and lives of
connections.

    tests/fuzz/seeds.py        writes into tests/fuzz/corpus/
"""
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"

SRC4, DST4 = bytes([198, 51, 100, 7]), bytes([192, 0, 2, 2])
SRC6 = bytes.fromhex("20010db8000000000000000000000007")
DST6 = bytes.fromhex("20010db8000000000000000000000002")
SYN, RST, PSH, ACK, FIN = 2, 4, 8, 16, 1

MSS = struct.pack(">BBH", 2, 4, 1460)
WS = bytes([3, 3, 7])
SACKOK = bytes([4, 2])
TS = struct.pack(">BBII", 8, 10, 0x01020304, 0x05060708)
NOP, EOL = b"\1", b"\0"


def sack(n):
    return bytes([5, 2 + 8 * n]) + b"".join(struct.pack(">II", i << 12, i << 12 | 99) for i in range(n))


OPTIONS = {
    "linux": MSS + SACKOK + TS + NOP + WS,
    "windows": MSS + NOP + WS + NOP + NOP + SACKOK,
    "macos": MSS + NOP + WS + NOP + NOP + TS + SACKOK + EOL + EOL,
    "freebsd": MSS + NOP + WS + SACKOK + TS,
    "openbsd": MSS + NOP + NOP + SACKOK + NOP + WS + NOP + NOP + TS,
    "mss": MSS,
    "wscale": WS + NOP,
    "wscale_255": bytes([3, 3, 255, 0]),
    "ts": NOP + NOP + TS,
    "ts_odd": NOP + TS + NOP,
    "ts_twice": TS + TS,
    "ts_sack": NOP + NOP + TS + NOP + NOP + sack(3),
    "sack_1": NOP + NOP + sack(1),
    "sack_4": NOP + NOP + sack(4),
    "sack_odd": NOP + sack(2) + NOP,
    "unknown": bytes([34, 4, 1, 2, 253, 6, 1, 2, 3, 4]) + MSS,
    "eol": MSS + EOL + WS,
    "length_0": bytes([8, 0, 1, 1]),
    "length_1": bytes([30, 1, 1, 1]),
    "length_long": bytes([1, 1, 8, 10]),
    "length_foreign": bytes([2, 3, 9, 3, 4, 9, 9, 4, 3, 1]),
}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(v6, flags=ACK, options=b"", payload=b"", seq=1000, ack=2000):
    options += b"\0" * (-len(options) % 4)
    head = struct.pack(">HHIIBBHHH", 40000, 80, seq, ack, (20 + len(options)) // 4 << 4, flags, 0xFFFF, 0, 0)
    segment = head + options + payload
    addrs = SRC6 + DST6 if v6 else SRC4 + DST4
    total = checksum(addrs + struct.pack(">II", len(segment), 6) + segment)
    return segment[:16] + struct.pack(">H", total) + segment[18:]


def ipv4(segment, options=b"", fragment=0x4000):
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(segment), 0, fragment, 64, 6, 0)
    head += SRC4 + DST4 + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + segment


def ipv6(segment, extensions=()):
    """Extensions are (type, bytes after the next-header byte)."""
    kinds = [kind for kind, _ in extensions] + [6]
    chain = b"".join(bytes([kinds[i + 1]]) + rest for i, (_, rest) in enumerate(extensions))
    return struct.pack(">IHBB", 6 << 28, len(chain) + len(segment), kinds[0], 64) + SRC6 + DST6 + chain + segment


def frame(packet, tags=()):
    tagged = b"".join(struct.pack(">HH", kind, vid) for kind, vid in tags)
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]) + tagged + struct.pack(">H", kind) + packet


def wire_seeds():
    for name, options in OPTIONS.items():
        syn = SYN if "sack_" not in name and not name.startswith("ts") else ACK
        yield f"v4_{name}", frame(ipv4(tcp(False, syn, options)))
    yield "v6_linux", frame(ipv6(tcp(True, SYN, OPTIONS["linux"])))
    yield "v6_data", frame(ipv6(tcp(True, PSH | ACK, OPTIONS["ts"], b"odd")))
    yield "v4_data", frame(ipv4(tcp(False, PSH | ACK, OPTIONS["ts_sack"], b"GET / HTTP/1.1\r\n\r\n")))
    yield "v4_fin", frame(ipv4(tcp(False, FIN | ACK)))
    yield "v4_rst", frame(ipv4(tcp(False, RST)))
    yield "v4_vlan", frame(ipv4(tcp(False)), [(0x8100, 5)])
    yield "v6_qinq", frame(ipv6(tcp(True)), [(0x88A8, 5), (0x8100, 6)])
    yield "v4_options", frame(ipv4(tcp(False), bytes([148, 4, 0, 0])))
    yield "v4_source_route", frame(ipv4(tcp(False), bytes([131, 7, 4, 1, 2, 3, 4, 0])))
    yield "v4_fragment", frame(ipv4(tcp(False), fragment=0x2000))
    pad = bytes([0]) + bytes(6)
    yield "v6_extensions", frame(ipv6(tcp(True), [(0, pad), (60, pad), (43, pad)]))
    yield "v6_ah", frame(ipv6(tcp(True), [(51, bytes([4]) + bytes(22))]))
    yield "v6_atomic", frame(ipv6(tcp(True), [(44, bytes(7))]))
    yield "v6_fragment", frame(ipv6(tcp(True), [(44, bytes([0, 0, 1, 0, 0, 0, 1]))]))
    yield "v6_hidden", frame(ipv6(tcp(True), [(44, bytes([0, 0, 1, 0, 0, 0, 1])), (60, pad)]))


def icmp(v6, kind, code, quoted, word=1400, more=b""):
    head = struct.pack(">BBHI", kind, code, 0, word)
    message = head + quoted + more
    pseudo = SRC6 + DST6 + struct.pack(">II", len(message), 58) if v6 else b""
    message = message[:2] + struct.pack(">H", checksum(pseudo + message)) + message[4:]
    if v6:
        return frame(struct.pack(">IHBB", 6 << 28, len(message), 58, 64) + SRC6 + DST6 + message)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(message), 0, 0, 64, 1, 0) + DST4 + SRC4
    return frame(ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + message)


HOST4, HOST6 = bytes([192, 0, 2, 1]), bytes.fromhex("20010db8000000000000000000000001")
GROUP6 = bytes.fromhex("ff0200000000000000000001ff000002")  # DST6's solicited-node group


def ask4(kind, data, options=b""):
    """An ICMP message from HOST4 to DST4."""
    message = struct.pack(">BBH", kind, 0, 0) + data
    message = message[:2] + struct.pack(">H", checksum(message)) + message[4:]
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(message), 7, 0x4000, 64, 1, 0)
    head += HOST4 + DST4 + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + message


def ask6(kind, data, src=HOST6, dst=DST6, hops=255):
    """An ICMPv6 message."""
    message = struct.pack(">BBH", kind, 0, 0) + data
    total = checksum(src + dst + struct.pack(">II", len(message), 58) + message)
    message = message[:2] + struct.pack(">H", total) + message[4:]
    return struct.pack(">IHBB", 6 << 28, len(message), 58, hops) + src + dst + message


def arp(op, sender, target, tags=()):
    packet = struct.pack(">HHBBH", 1, 0x800, 6, 4, op) + bytes([2, 0, 0, 0, 0, 1]) + sender + bytes(6) + target
    tagged = b"".join(struct.pack(">HH", kind, vid) for kind, vid in tags)
    return bytes([255] * 6 + [2, 0, 0, 0, 0, 1]) + tagged + struct.pack(">H", 0x806) + packet


def ask_seeds():
    mac, nonce, whom = bytes([1, 1, 2, 0, 0, 0, 0, 1]), bytes([14, 1]) + bytes(6), bytes(4) + DST6
    yield "arp", arp(1, HOST4, DST4) + bytes(18)
    yield "arp_probe", arp(1, bytes(4), DST4)
    yield "arp_gratuitous", arp(1, DST4, DST4)
    yield "arp_reply", arp(2, HOST4, DST4)
    yield "arp_qinq", arp(1, HOST4, DST4, [(0x88A8, 5), (0x8100, 6)])
    yield "ns", frame(ask6(135, whom + mac, dst=GROUP6))
    yield "ns_bare", frame(ask6(135, whom))
    yield "ns_dad", frame(ask6(135, whom + nonce, bytes(16), GROUP6))
    yield "ns_vlan", frame(ask6(135, whom + mac + nonce, dst=GROUP6), [(0x8100, 5)])
    yield "ns_option_0", frame(ask6(135, whom + bytes(8)))
    yield "echo_v4", frame(ask4(8, bytes.fromhex("12340007") + b"odd")) + bytes(11)
    yield "echo_v4_options", frame(ask4(8, bytes.fromhex("12340007"), NOP * 4))
    yield "echo_v4_zeros", frame(ask4(8, bytes(20)))
    yield "echo_v6", frame(ask6(128, bytes.fromhex("12340007") + b"odd", hops=64))


def icmp_seeds():
    pad = bytes([0]) + bytes(6)
    for n in (0, 8, 12, 20, 32, 60, 500):
        yield f"v4_too_big_{n}", icmp(False, 3, 4, ipv4(tcp(False, PSH | ACK, OPTIONS["ts_sack"], bytes(400)))[:20 + n])
        yield f"v6_too_big_{n}", icmp(True, 2, 0, ipv6(tcp(True, PSH | ACK, OPTIONS["ts_sack"], bytes(400)))[:40 + n])
    for kind in (3, 11, 12):
        quoted = ipv4(tcp(False, ACK, OPTIONS["ts"]))
        yield f"v4_kind_{kind}", icmp(False, kind, 0, quoted + bytes(128 - len(quoted)), 32 << 16, bytes.fromhex("2000dfff00040101"))
    for kind in (1, 3, 4):
        quoted = ipv6(tcp(True, ACK, OPTIONS["ts"]))
        yield f"v6_kind_{kind}", icmp(True, kind, 0, quoted + bytes(128 - len(quoted)), 16 << 24, bytes.fromhex("2000dfff00040101"))
    yield "v4_options", icmp(False, 3, 1, ipv4(tcp(False), bytes([148, 4, 0, 0])))
    yield "v6_extensions", icmp(True, 2, 0, ipv6(tcp(True), [(0, pad), (60, pad)]))
    yield "v6_first_fragment", icmp(True, 2, 0, ipv6(tcp(True), [(44, bytes([0, 0, 1, 0, 0, 0, 1]))]))
    yield "v4_segment", frame(ipv4(tcp(False, PSH | ACK, payload=bytes(1400))))
    yield "v6_segment", frame(ipv6(tcp(True, PSH | ACK, payload=bytes(1400))))


# The world of pipeline_fuzz.c: four bytes; then its steps: op, side and client in a byte; flags; a; b.
def step(op, client=0, inside=False, flags=0, a=0, b=0):
    ops = ["syn", "ack", "syn_ack", "segment", "off", "rst", "raw", "tick", "wait", "flush", "starve", "unsent", "advance",
           "apply", "icmp", "ours"]
    return bytes([ops.index(op) | (16 if inside else 0) | client << 5, flags, a, b])


def world(little=False, workers=0, rounds=False, handed=False, wire=0, host=0, backlog=0, short=0, rate=0):
    """A NIC that verifies checksums, and the choices of pipeline/world.c."""
    return bytes([1 | little << 1 | workers << 2 | rounds << 4 | handed << 5, wire, host, backlog | short << 2 | rate << 5])


def opened(client, options=15, server=15):
    """A client's handshake, and its server's."""
    return (
        step("syn", client, flags=options, a=64, b=30) + step("flush")
        + step("ack", client) + step("flush")
        + step("syn_ack", client, flags=server, a=64, b=30) + step("flush")
        + step("segment", client, inside=True) + step("flush")
    )


def data(client, inside):
    return step("segment", client, inside, PSH, 100) + step("flush") + step("segment", client, not inside) + step("flush")


def closed(client, first):
    return (
        step("segment", client, first, FIN) + step("flush") + step("segment", client, not first, FIN)
        + step("flush") + step("segment", client, first) + step("flush")
    )


def pipeline_seeds():
    for client in range(8):
        yield f"life_{client}", opened(client) + data(client, False) + data(client, True) + closed(client, client % 2 == 0)
    yield "reused", opened(0) + closed(0, True) + opened(0) + data(0, True)
    yield "learned", opened(0) + closed(0, False) + step("wait", a=40) + opened(0) + data(0, False)
    yield "no_options", opened(0, 0, 0) + data(0, False) + closed(0, True)
    yield "sack_refused", opened(0, 15, 11) + data(0, False)
    yield "early", (
        step("syn", flags=15, a=9) + step("flush")
        + b"".join(step("ack", flags=PSH, a=50) for _ in range(6)) + step("flush")
        + step("syn_ack", flags=15, a=64) + data(0, True)
    )
    yield "silent_server", step("syn", flags=15) + step("flush") + step("ack", flags=PSH, a=9) + step("flush") + step("wait", a=60)
    yield "refused", step("syn") + step("flush") + step("ack") + step("flush") + step("rst", inside=True)
    yield "reset", opened(1) + step("rst", 1, True) + step("flush") + data(1, False)
    yield "doubtful_reset", opened(1) + step("rst", 1, False, 0, 20, 0) + step("wait", a=20)
    yield "idle", opened(0) + data(0, False) + step("wait", a=63) + step("wait", a=63)
    yield "starved", opened(0) + opened(1) + step("wait", a=29) + step("starve", a=1) + step("tick", a=255)
    yield "unsent", opened(0) + step("segment", flags=PSH, a=9) + step("unsent", a=9) + data(0, True)
    yield "tracked", opened(2) + step("syn", 2, True) + step("flush") + step("syn_ack", 2, True) + data(2, True)
    for client in range(3):
        yield f"icmp_{client}", opened(client) + b"".join(
            step("segment", client, inside, PSH, 100) + step("flush")
            + b"".join(step("icmp", client, not inside, kind, n) for kind in range(4) for n in (8, 20, 60))
            + step("icmp", client, not inside, 32, 8, 100)
            for inside in (False, True)
        ) + closed(client, True) + step("icmp", client, True, 0, 60)
    raw = frame(ipv4(tcp(False, SYN, OPTIONS["linux"])))
    yield "raw", step("raw", a=len(raw)) + raw + step("flush")
    yield "one_burst", b"".join(step("syn", c, flags=15) for c in range(8)) + step("flush") + b"".join(
        step("ack", c, flags=PSH, a=20) for c in range(8)
    )


# Segments of strangers, before a flush: the kinds of pipeline/ends.c.
STRANGER_SYN, STRANGER_SYN_ACK, STRANGER_ACK, STRANGER_STRAY, STRANGER_RST, STRANGER_FIN, STRANGER_DATA, STRANGER_RESET = range(8)


def strangers(client, kind, n=32, first=0):
    return step("flush", client, flags=kind, a=n, b=first)


def world_seeds():
    whole = opened(0) + data(0, False) + data(0, True) + closed(0, True)
    full = opened(1) + b"".join(step("segment", 1, inside, PSH, 255) + step("flush") for inside in (0, 1, 1, 0)) + closed(1, True)
    ours = b"".join(
        step("ours", a=server) + step("syn", c, flags=15, a=64, b=255) + step("flush") + step("ack", c) + step("flush")
        + step("segment", c, flags=PSH, a=255) + step("flush") + step("segment", c) + step("flush")
        for server in (1, 2, 5) for c in (0, 6)
    )
    for mtu in (1, 2, 9, 47, 122, 123, 128, 140, 170, 255):
        for short in (0, 1, 5):
            yield f"world_mtu_{mtu}_{short}", world(wire=mtu, host=mtu, short=short) + whole + full + ours + step("wait", a=40)
    for workers in (1, 2, 3):
        yield f"world_workers_{workers}", world(workers=workers, rounds=True, handed=True) + whole + b"".join(
            step("segment", 1, inside, PSH, 100) + step("flush") + step("icmp", 1, not inside, 0, 60) for inside in (0, 1)
        ) + step("icmp", 3, True, 0, 60) + step("unsent", b=1) + step("icmp", 3, True, 0, 60) + step("flush")
    for backlog in range(4):
        # A flood, the server's answers to it, and one in the crowd that is real.
        for client in (0, 1, 2, 4):
            yield f"world_flood_{backlog}_{client}", world(backlog=backlog) + b"".join(
                strangers(client, STRANGER_SYN | 240, first=n) + strangers(client, STRANGER_SYN_ACK | 240, first=n) for n in (0, 2, 4)
            ) + strangers(client, STRANGER_ACK | 8, 3, 4) + strangers(client, STRANGER_DATA, 3, 4) + opened(client) + data(client, True) + (
                strangers(client, STRANGER_FIN, 2, 4) + strangers(client, STRANGER_RST, 32, 2) + strangers(client, STRANGER_RESET, 3, 4)
            )
        yield f"world_strays_{backlog}", world(backlog=backlog, little=True, rate=backlog, workers=backlog) + b"".join(
            strangers(client, kind, first=4 * kind) for client in range(4) for kind in range(2, 8)
        ) + opened(0)


# Where the first of the requests of pipeline_fuzz.c's put_requests begin.
GET, POST, CLOSE = 0, 84, 129


# Conversations with the servers in the box: http, echo, discard, daytime, chargen.
def ours_seeds():
    def said(client, where, n=27):
        return step("segment", client, flags=PSH, a=n, b=where) + step("flush") + step("segment", client) + step("flush")

    def shaken(client):
        return step("syn", client, flags=15, a=64, b=30) + step("flush") + step("ack", client) + step("flush")

    fin = lambda client: step("segment", client, flags=FIN) + step("flush") + step("segment", client) + step("flush")
    for server, name in enumerate(("http", "echo", "discard", "daytime", "chargen")):
        ours = step("ours", a=1 + server)
        for client in range(8):
            yield f"ours_{name}_{client}", ours + shaken(client) + said(client, GET) + said(client, POST, 200) + said(client, GET, 120) + fin(client)
        yield f"ours_{name}_early", ours + step("syn", flags=15) + step("flush") + step("ack", flags=PSH | FIN, a=27) + step("flush") + fin(0)
        yield f"ours_{name}_closed_window", (
            ours + shaken(0) + b"".join(step("segment", flags=PSH | 0xC4, a=255, b=GET) + step("flush") for _ in range(8))
            + step("wait", a=5) + step("segment", flags=PSH) + step("flush") + step("wait", a=30)
        )
        yield f"ours_{name}_starved", (
            ours + shaken(1) + step("starve", a=1, b=9) + said(1, GET) + said(1, GET, 255) + step("starve", a=0, b=5)
            + fin(1) + step("tick", a=50) + step("tick", a=50)
        )
        yield f"ours_{name}_full", ours + shaken(2) + step("ours", a=1 + server, b=31) + said(2, GET) + step("wait", a=2) + ours + fin(2)
        yield f"ours_{name}_deaf", ours + shaken(3) + step("ours", flags=1, a=1 + server) + said(3, GET) + step("wait", a=20) + ours + fin(3)
        yield f"ours_{name}_reset", ours + shaken(4) + said(4, GET) + step("rst", 4) + shaken(4) + said(4, CLOSE) + step("wait", a=60)
        yield f"ours_{name}_icmp", ours + shaken(0) + said(0, GET) + b"".join(step("icmp", 0, False, kind, 60) for kind in range(4)) + fin(0)
        yield f"ours_{name}_applied", (
            ours + shaken(0) + said(0, GET) + step("apply", flags=32, a=0xE4, b=0x60) + said(0, GET) + shaken(1)
            + step("apply", flags=128, a=0xFF) + said(0, GET) + shaken(2) + step("apply", a=0xFF) + fin(0) + shaken(0)
        )
    # More than there are endpoints and blocks for.
    yield "ours_many", b"".join(
        step("ours", a=1 + server) + b"".join(step("syn", c, flags=15) for c in range(8)) + step("flush")
        + b"".join(step("ack", c, flags=PSH, a=30) for c in range(8)) + step("flush")
        for server in range(5)
    ) + step("wait", a=40)
    yield "ours_half_open", b"".join(
        step("ours", a=1 + server) + b"".join(step("syn", c, flags=15) for c in (1, 3, 5, 7)) for server in range(5)
    ) + step("wait", a=5)
    asks = arp(1, HOST4, bytes([192, 0, 2, 12])), frame(ask6(135, bytes(4) + bytes.fromhex("20010db800060000000000000000000c")))
    yield "ours_asked", b"".join(step("raw", a=len(f), b=4) + f for f in asks) + step("flush")


def http_seeds():
    host = b"Host: x\r\n"
    yield "get", b"GET / HTTP/1.1\r\n" + host + b"\r\n"
    yield "lf", b"GET /?q HTTP/1.1\nHost: [2001:db8::2]:80\n\n"
    yield "absolute", b"HEAD http://x?q HTTP/1.0\r\nConnection: a, Keep-Alive\r\n\r\n"
    yield "body", b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1048576\r\nContent-Length: 1048576\r\n\r\nGET"
    yield "long", b"GET /x HTTP/1.2\r\n" + host + b"Content-Length: 18446744073709551616\r\nConnection: close\r\n\r\n"
    yield "chunked", b"PUT * HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n"
    yield "folded", b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n c\r\n\r\n"
    yield "preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


# Settings of impair_fuzz.c, then a frame.
def impair_seeds():
    long4 = frame(ipv4(tcp(False, payload=bytes(1000))))
    long6 = frame(ipv6(tcp(True, payload=bytes(1400))), [(0x8100, 5)])
    pad = bytes([0]) + bytes(6)
    everything = bytes([0b01010101, 3, 100, 50, 10, 2, 50, 4])
    for name, settings in {
        "nothing": bytes(8),
        "everything": everything,
        "mtu": bytes([0, 0, 0, 0, 0, 0, 1, 0]),
        "tcp_only": bytes([2, 0, 0, 0, 0, 0, 0, 2]),
    }.items():
        yield f"{name}_v4", settings + long4
        yield f"{name}_v6", settings + long6
    yield "extensions", everything + frame(ipv6(tcp(True), [(0, pad), (60, pad), (43, pad)]))
    yield "fragment", everything + frame(ipv6(tcp(True), [(44, bytes([0, 0, 9, 0, 0, 0, 1]))]))
    yield "arp", everything + bytes([255] * 6 + [2, 0, 0, 0, 0, 1, 8, 6]) + bytes(28)


def write(target, seeds):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds:
        (folder / name).write_bytes(data)


write("wire", wire_seeds())
write("wire", ask_seeds())
write("options", [(name, bytes([i % 2]) + data) for i, (name, data) in enumerate(OPTIONS.items())])
write("icmp", icmp_seeds())
write("pipeline", ((name, world(little=i % 2 == 1) + data) for i, (name, data) in enumerate(pipeline_seeds())))
write("pipeline", ((name, world(little=i % 2 == 1) + data) for i, (name, data) in enumerate(ours_seeds())))
write("pipeline", world_seeds())
write("http", http_seeds())
write("impair", impair_seeds())
