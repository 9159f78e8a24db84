#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A flood of TCP segments of any kind at a constant rate, over IPv4 or IPv6 (hping3 speaks IPv4 only).

usage: flood.py [--rate N] [--seconds N] [--frames N] [--flags MIX,...] [--payload N,...] [--timestamps]
                [--from-service] [--via ADDRESS] DEVICE ADDRESS PORT

A MIX is a word of the letters F, S, R, P, A and U, or "none". Several mixes and several payload lengths
are sent in turn, each mix with each length. The default is a SYN without payload.

The segments go from random addresses and ports to ADDRESS and PORT, or, with --from-service, from
ADDRESS and PORT to random addresses and ports. PORT 0 stands for random ports. The frames go to the
link-layer address of ADDRESS, or of the neighbour that --via names. --from-service needs --via.

A comparison needs the same load for every subject. hping3 sends as fast as it can, or paces itself
by signals, and some signals get lost when the CPU is shared. This program makes up for delays of up
to 50 ms. It prepares the Ethernet frames before it starts, and sends them round and round. Each frame
has its own address, port and sequence number, and right checksums. The program ends after --seconds or
at SIGTERM, and prints how many frames were sent in how many seconds. DEVICE must be on the subnet of
the neighbour.
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

SYN, ACK = 2, 16
LETTERS = {"F": 1, "S": SYN, "R": 4, "P": 8, "A": ACK, "U": 32}

# Within the documentation prefix (RFC 3849), off the lab's own subnet (2001:db8::/64).
SOURCES6 = ipaddress.ip_address("2001:db8:f00d::").packed[:6]


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def stranger(version):
    """A random address that a router would let pass: IPv4 of 1.0.0.0/8 to 126.0.0.0/8."""
    if version == 6:
        return SOURCES6 + os.urandom(10)
    while True:
        address = os.urandom(4)
        if 1 <= address[0] <= 126 and address[0] != 10:
            return address


def segment(src, dst, flags, payload, timestamps):
    """A TCP segment from `src` to `dst`, each an address and a port: random numbers, right checksum."""
    seq, ack, tsval, tsecr = struct.unpack("!IIII", os.urandom(16))
    options = b""
    if flags & SYN:
        options += struct.pack("!BBH", 2, 4, 1460 if len(src[0]) == 4 else 1440)
        options += b"\x04\x02" if timestamps else b"\x04\x02\x01\x01"  # SACK permitted
    if timestamps:
        options += (b"" if flags & SYN else b"\x01\x01") + struct.pack("!BBII", 8, 10, tsval, tsecr)
    offset = (20 + len(options)) // 4
    tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, ack if flags & ACK else 0, offset << 4, flags,
                      64240, 0, 0) + options + os.urandom(payload)
    pseudo = src[0] + dst[0] + struct.pack("!II", len(tcp), socket.IPPROTO_TCP)
    return tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]


def packet(src, dst, *kind):
    """An IP packet with such a segment."""
    tcp = segment(src, dst, *kind)
    if len(src[0]) == 16:
        return struct.pack("!IHBB", 6 << 28, len(tcp), socket.IPPROTO_TCP, 64) + src[0] + dst[0] + tcp
    ip = struct.pack("!BBH2sHBBH", 0x45, 0, 20 + len(tcp), os.urandom(2), 0, 64, socket.IPPROTO_TCP, 0)
    return ip[:10] + struct.pack("!H", checksum(ip + src[0] + dst[0])) + src[0] + dst[0] + tcp


def packets(args):
    """So many packets as asked for, of all kinds in turn."""
    kinds = [(flags, payload) for flags in args.flags for payload in args.payload]
    for i in range(args.frames):
        there = (stranger(args.address.version), int.from_bytes(os.urandom(2), "big") or 1)
        here = (args.address.packed, args.port or int.from_bytes(os.urandom(2), "big") or 1)
        ends = (here, there) if args.from_service else (there, here)
        yield packet(*ends, *kinds[i % len(kinds)], args.timestamps)


def neighbour(device, address):
    """The link-layer address of ADDRESS, as the kernel has it after a ping."""
    subprocess.run(["ping", "-c", "1", "-W", "2", str(address)], stdout=subprocess.DEVNULL, check=False)
    text = subprocess.run(["ip", "neighbour", "show", str(address), "dev", device],
                          capture_output=True, text=True, check=True).stdout
    found = re.search(r"lladdr (\S+)", text)
    if not found:
        sys.exit("flood: %s does not answer on %s" % (address, device))
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


def mixes(text):
    try:
        return [0 if word == "none" else sum(LETTERS[letter] for letter in set(word))
                for word in text.split(",")]
    except KeyError:
        raise argparse.ArgumentTypeError("flags are letters of FSRPAU, or none")


def lengths(text):
    return [int(word) for word in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description="a flood of TCP segments from or to random addresses")
    parser.add_argument("--rate", type=float, help="frames a second (default: all that it can)")
    parser.add_argument("--seconds", type=float, default=10, help="stop after (default 10)")
    parser.add_argument("--frames", type=int, default=16384, help="different frames (default 16384)")
    parser.add_argument("--flags", type=mixes, default=[SYN], metavar="MIX,...",
                        help="letters of FSRPAU, or none (default S)")
    parser.add_argument("--payload", type=lengths, default=[0], metavar="N,...",
                        help="bytes of payload (default 0)")
    parser.add_argument("--timestamps", action="store_true", help="with the timestamps option")
    parser.add_argument("--from-service", action="store_true",
                        help="from ADDRESS and PORT to random addresses")
    parser.add_argument("--via", type=ipaddress.ip_address, metavar="ADDRESS",
                        help="the neighbour to whom the frames go (default ADDRESS)")
    parser.add_argument("device")
    parser.add_argument("address", type=ipaddress.ip_address)
    parser.add_argument("port", type=int)
    args = parser.parse_args()
    if args.from_service and not args.via:
        parser.error("--from-service needs --via")

    dst_mac = neighbour(args.device, args.via or args.address)
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((args.device, 0))
    src_mac = out.getsockname()[4]
    head = dst_mac + src_mac + (b"\x08\x00" if args.address.version == 4 else b"\x86\xdd")
    frames = [head + ip for ip in packets(args)]
    print("flooding", flush=True)
    print("sent %d frames in %.3f s" % flood(out, frames, args.rate, args.seconds), flush=True)


if __name__ == "__main__":
    main()
