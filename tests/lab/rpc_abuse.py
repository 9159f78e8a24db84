#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Misuses the control socket in every way that a client can, and checks after each that others
are served.

usage: rpc_abuse.py SOCKET
"""
import json
import socket
import sys
import time

PATH = sys.argv[1]
REQUEST = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "rpc_get_methods"}).encode() + b"\n"


def connect(timeout=5):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.connect(PATH)
    return s


def line(s):
    data = b""
    while not data.endswith(b"\n"):
        more = s.recv(65536)
        if not more:
            return None
        data += more
    return json.loads(data)


def ask():
    with connect() as s:
        s.sendall(REQUEST)
        return line(s)


def served(after):
    """An answer within 2 s; until then the clients that have vanished may still fill the room."""
    begin = time.monotonic()
    answer = ask()
    while answer and "too many clients" in str(answer) and time.monotonic() - begin < 2:
        time.sleep(0.05)
        answer = ask()
    if not answer or answer.get("id") != 7 or "result" not in answer:
        sys.exit("why: after %s: %r" % (after, answer))
    if time.monotonic() - begin > 2:
        sys.exit("why: after %s: an answer took %.1f s" % (after, time.monotonic() - begin))


def garbage():
    """What is not JSON, and what is no request: an error in return, or the end of the line."""
    for bad, code in ((b"GET / HTTP/1.1\r\n", -32700), (b"\x00\xff\xfe{]\n", -32700),
                      (b'{"jsonrpc": "2.0", "id": 1}\n', -32600), (b"[]\n", -32600),
                      (b'{"jsonrpc": "2.0", "id": 1, "method": "no_such"}\n', -32601),
                      (b"[" * 5000 + b"\n", -32700)):
        with connect() as s:
            s.sendall(bad)
            try:
                answer = line(s)
            except ConnectionResetError:
                answer = None
        if answer is not None and answer.get("error", {}).get("code") != code:
            sys.exit("why: %r gives %r, not error %d" % (bad[:40], answer, code))


def huge_line():
    """64 MiB without an end: refused long before."""
    sent = 0
    with connect() as s:
        try:
            while sent < 64 << 20:
                sent += s.send(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            return
    sys.exit("why: sluiced took a line of %d bytes" % sent)


def half_line():
    with connect() as s:
        s.sendall(REQUEST[:20])


def vanishing():
    for _ in range(100):
        with connect() as s:
            s.sendall(REQUEST * 10)


def slow():
    with connect() as s:
        for i in range(len(REQUEST)):
            s.sendall(REQUEST[i:i + 1])
            time.sleep(0.01)
        if line(s).get("id") != 7:
            sys.exit("why: a slow request was not answered")


def deaf():
    """Asks and asks, and never reads."""
    s = connect(timeout=1)
    try:
        for _ in range(20000):
            s.sendall(REQUEST)
    except (BrokenPipeError, ConnectionResetError, TimeoutError):
        pass
    return s


def main():
    served("nothing")
    for abuse in (garbage, huge_line, half_line, vanishing, slow):
        abuse()
        served(abuse.__name__)
    kept = [deaf()]
    served("deaf")
    kept += [connect() for _ in range(100)]
    served("100 idle clients")
    for s in kept[1:]:
        try:
            s.sendall(REQUEST[:20])
        except (BrokenPipeError, ConnectionResetError):
            pass  # it had to give way
    served("half requests in all places")
    for s in kept:
        s.close()
    served("all of them")


if __name__ == "__main__":
    main()
