#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The two ends of the lab's connections.

  peer.py serve BEHAVIOUR PORT [ARG...]           on the server, both families, until ended
  peer.py BEHAVIOUR ADDRESS PORT [ARG...]         on the client

Servers print one line for each thing that happens to a connection ("accepted ...",
"ended: eof after 12 bytes", "ended: reset after 0 bytes"), clients what they saw. All times are in
seconds.
"""
import hashlib
import socket
import struct
import sys
import threading
import time

CHUNK = 1 << 16


def say(*words):
    print(*words, flush=True)


def read_all(conn, digest=None):
    """Reads to the end of the stream; returns how it ended and how many bytes came."""
    count = 0
    try:
        while True:
            data = conn.recv(CHUNK)
            if not data:
                return "eof", count
            count += len(data)
            if digest:
                digest.update(data)
    except ConnectionResetError:
        return "reset", count
    except TimeoutError:
        return "timeout", count


def read_line(conn):
    line = b""
    while not line.endswith(b"\n"):
        data = conn.recv(1)
        if not data:
            break
        line += data
    return line.decode(errors="replace").strip()


def drip(conn, count, interval):
    """Sends `count` numbered lines, one each `interval`."""
    for i in range(count):
        time.sleep(interval)
        conn.sendall(b"piece %d\n" % i)


# Both ends of a transfer that goes both ways at once.
def exchange(conn, path):
    def send():
        with open(path, "rb") as f:
            conn.sendfile(f)
        conn.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send, daemon=True)
    digest = hashlib.sha256()
    sender.start()
    how, count = read_all(conn, digest)
    sender.join()
    say(how, count, digest.hexdigest())


# Servers: (connection, arguments).
def serve_exchange(conn, path):
    exchange(conn, path)


def serve_echo(conn):
    """Each line comes back as it was."""
    with conn.makefile("rwb", buffering=0) as f:
        for line in f:
            f.write(line)


def serve_banner(conn):
    """Speaks first, as SSH and SMTP do; then one line each way."""
    conn.sendall(b"220 ready\n")
    conn.sendall(b"heard " + read_line(conn).encode() + b"\n")
    say("ended:", *read_all(conn))


def serve_hold(conn):
    """Greets, and then only listens."""
    conn.sendall(b"hello\n")
    how, count = read_all(conn)
    say("ended: %s after %d bytes" % (how, count))


def serve_late(conn, count, interval):
    """Reads to the client's FIN, and goes on sending for long after."""
    how, size = read_all(conn)
    say("half-closed: %s after %d bytes" % (how, size))
    drip(conn, int(count), float(interval))


def serve_never(conn):
    """Reads to the client's FIN, and then neither sends nor closes."""
    how, size = read_all(conn)
    say("half-closed: %s after %d bytes" % (how, size))
    time.sleep(3600)


def serve_digest(conn):
    """Reads all, answers with the SHA-256 of it."""
    digest = hashlib.sha256()
    how, count = read_all(conn, digest)
    conn.sendall(("%d %s\n" % (count, digest.hexdigest())).encode())


def serve(behaviour, port, *args):
    act = globals()["serve_" + behaviour]

    def run(conn, peer):
        say("accepted %s %d" % (peer[0], peer[1]))
        try:
            with conn:
                act(conn, *args)
        except OSError as error:
            say("ended: %s" % type(error).__name__)

    listener = socket.create_server(("::", int(port)), family=socket.AF_INET6,
                                    dualstack_ipv6=True, backlog=512)
    say("listening")
    while True:
        conn, peer = listener.accept()
        threading.Thread(target=run, args=(conn, peer), daemon=True).start()


# Clients.
def connect(address, port, source_port=0, timeout=30):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    conn = socket.socket(family, socket.SOCK_STREAM)
    conn.settimeout(timeout)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if source_port:
        conn.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", int(source_port)))
    conn.connect((address, int(port)))
    return conn


def client_exchange(address, port, path):
    exchange(connect(address, port), path)


def client_echo(address, port, *lines):
    """Sends lines, and checks that each comes back."""
    with connect(address, port) as conn:
        for line in lines or ("hello",):
            conn.sendall(line.encode() + b"\n")
            answer = read_line(conn)
            if answer != line:
                sys.exit("sent %r, got %r back" % (line, answer))
    say("ok")


def client_requests(address, port, count, at_once):
    """So many connections, a few at once: each sends a line and gets it back. Prints how many did."""
    left, good, failed = list(range(int(count))), [], []

    def work():
        while left:
            line = "request %d" % left.pop()
            try:
                with connect(address, port, timeout=20) as conn:
                    conn.sendall(line.encode() + b"\n")
                    (good if read_line(conn) == line else failed).append(line)
            except OSError as error:
                failed.append("%s: %s" % (line, type(error).__name__))

    threads = [threading.Thread(target=work) for _ in range(int(at_once))]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for line in failed:
        say(line)
    say("%d of %s in %.1f s" % (len(good), count, time.monotonic() - begin))


def client_banner(address, port):
    """Says nothing until the server has spoken."""
    begin = time.monotonic()
    with connect(address, port) as conn:
        say(read_line(conn))
        say("after %.3f" % (time.monotonic() - begin))
        conn.sendall(b"thanks\n")
        say(read_line(conn))


def client_early(address, port, size):
    """Sends at once, whether or not the server is there yet; prints how long the handshake and
    the answer took."""
    data = bytes(i * 7 & 0xFF for i in range(int(size)))
    begin = time.monotonic()
    with connect(address, port) as conn:
        say("connected %.3f" % (time.monotonic() - begin))
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        answer = read_line(conn)
        say("answered %.3f" % (time.monotonic() - begin))
    expect = "%d %s" % (len(data), hashlib.sha256(data).hexdigest())
    if answer != expect:
        sys.exit("the server got %r, sent was %r" % (answer, expect))
    say("ok")


def client_ending(address, port, *send):
    """Connects, sends what it is told to, and prints how the connection ends and when."""
    begin = time.monotonic()
    try:
        with connect(address, port) as conn:
            if send:
                conn.sendall(" ".join(send).encode() + b"\n")
            how, _ = read_all(conn)
    except ConnectionRefusedError:
        how = "refused"
    except ConnectionResetError:
        how = "reset"
    say("%s %.3f" % (how, time.monotonic() - begin))


def client_abort(address, port):
    """Connects, is greeted, and closes with a RST (linger 0)."""
    conn = connect(address, port)
    say(read_line(conn))
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def client_hold(address, port, source_port, seconds):
    """Is greeted from a port of its own, then says nothing for so long, or until it ends."""
    conn = connect(address, port, source_port)
    say(read_line(conn))
    conn.settimeout(float(seconds))
    say("ended: %s after %d bytes" % read_all(conn))


def client_late(address, port, count, interval):
    """Reads to the server's FIN, then goes on sending for long after."""
    with connect(address, port) as conn:
        how, size = read_all(conn)
        say("half-closed: %s after %d bytes" % (how, size))
        drip(conn, int(count), float(interval))


def client_half(address, port):
    """Closes its direction, and waits for what the other side does."""
    begin = time.monotonic()
    with connect(address, port) as conn:
        conn.shutdown(socket.SHUT_WR)
        say("%s after %d bytes" % read_all(conn))
    say("%.3f" % (time.monotonic() - begin))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
        return
    try:
        globals()["client_" + sys.argv[1]](*sys.argv[2:])
    except OSError as error:
        sys.exit("%s: %s" % (type(error).__name__, error))


if __name__ == "__main__":
    main()
