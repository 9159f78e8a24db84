#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""frames.py FROM TO: sends frames of every kind out of one device and says what comes to the other.

Prints a line for each: "NAME ok", "NAME lost", or what came instead. The tag that the kernel takes
off a frame is put back before comparing.
"""
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
AUXDATA = struct.Struct("=IIIHHHH")
VLAN_VALID, TPID_VALID = 1 << 4, 1 << 6
MACS = bytes.fromhex("020000000002 020000000001")
MARK = b"sluice frames "


def frame(name, tags, size):
    """`size` bytes of payload of a type that is for experiments (IEEE 802, 88b5)."""
    head = MACS + b"".join(struct.pack("!HH", *tag) for tag in tags) + b"\x88\xb5"
    text = MARK + name.encode() + b" "
    return head + text + bytes(i & 0xFF for i in range(size - len(text)))


FRAMES = {
    "short": ([], 46),
    "full": ([], 1500),
    "tagged": ([(0x8100, 0x6005)], 100),
    "tagged-full": ([(0x8100, 5)], 1500),
    "qinq": ([(0x88A8, 7), (0x8100, 5)], 100),
    "qinq-full": ([(0x88A8, 7), (0x8100, 5)], 1492),
    "too-long": ([(0x88A8, 7), (0x8100, 5)], 1500),
}


def receive(conn):
    data, controls, _, _ = conn.recvmsg(4096, 256)
    for level, kind, value in controls:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(value[:AUXDATA.size])
            if status & VLAN_VALID:
                tpid = tpid if status & TPID_VALID else 0x8100
                data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
    return data


def main(source, sink):
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    out.bind((source, 0))
    conn = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    conn.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    conn.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    conn.bind((sink, ETH_P_ALL))
    conn.settimeout(1)
    for name, (tags, size) in FRAMES.items():
        sent = frame(name, tags, size)
        out.send(sent)
        try:
            got = receive(conn)
            while MARK not in got:
                got = receive(conn)
            print(name, "ok" if got == sent else "came as " + got[:40].hex())
        except TimeoutError:
            print(name, "lost")


main(*sys.argv[1:])
