#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many slow transfers at once, each over a connection of its own.

  transfers.py serve PORT                          on the server, both families, until ended
  transfers.py COUNT KIND PORT ADDRESS [ADDRESS...]  on the client: COUNT transfers to each address

KIND is `down` (the server sends), `up` (the client sends) or `both` (the server sends back what the
client sends). The sender sends a block each second; the receiver checks every byte. Each transfer begins
at a random time within a second, so that not all of them send at once.

The client prints "running" when all connections are open. From the K-th SIGUSR1 on it prints every
second "mark K: M of N": how many transfers have got on since that signal. For `up` the server
tells with a line after each block. SIGTERM: the client ends all transfers, waits until the server has
told how many bytes it sent or received, and prints "whole W of N".
"""
import asyncio
import random
import signal
import sys

BLOCK = 512
INTERVAL = 1.0
PATIENCE = 30  # seconds for the end of a transfer
PATTERN = bytes(i * 7 & 0xFF for i in range(BLOCK))


def say(*words):
    print(*words, flush=True)


def block(number):
    return number.to_bytes(8, "big") + PATTERN[8:]


async def receive_block(reader, number):
    """Returns whether the next block is there; raises when it is not the right one."""
    try:
        data = await reader.readexactly(BLOCK)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise ValueError("half a block")
        return False
    if data != block(number):
        raise ValueError("block %d is not what was sent" % number)
    return True


# The server's side: a line of the client says which kind of transfer, and each ends with a line that
# says how many blocks it had.
async def serve_down(reader, writer):
    ended = asyncio.create_task(reader.read())
    number = 0
    while not ended.done():
        writer.write(block(number))
        number += 1
        await asyncio.wait([ended], timeout=INTERVAL)
    ended.result()
    return number


async def serve_both(reader, writer):
    number = 0
    while await receive_block(reader, number):
        writer.write(block(number))
        number += 1
    return number


async def serve_up(reader, writer):
    number = 0
    while await receive_block(reader, number):
        number += 1
        writer.write(b"got %d\n" % number)
    return number


SERVE = {b"down\n": serve_down, b"both\n": serve_both, b"up\n": serve_up}


async def accept(reader, writer):
    try:
        number = await SERVE[await reader.readline()](reader, writer)
        writer.write(b"%d blocks\n" % number)
        writer.write_eof()
        await writer.drain()
    except (OSError, KeyError, ValueError) as error:
        say("ended:", error)
    finally:
        writer.close()


async def serve(port):
    server = await asyncio.start_server(accept, ("0.0.0.0", "::"), port, backlog=1024)
    say("listening")
    await server.serve_forever()


class Transfer:
    """The client's side of one."""

    ending = asyncio.Event()

    def __init__(self):
        self.moved = 0.0
        self.sent = self.received = 0

    async def open(self, kind, address, port):
        await asyncio.sleep(random.random() * INTERVAL)
        self.kind = kind
        self.reader, self.writer = await asyncio.open_connection(address, port)
        self.writer.write(kind.encode() + b"\n")
        return self

    def move(self):
        self.moved = asyncio.get_running_loop().time()

    async def send(self):
        while not self.ending.is_set():
            if self.kind != "down":
                self.writer.write(block(self.sent))
                self.sent += 1
            try:
                await asyncio.wait_for(self.ending.wait(), INTERVAL)
            except asyncio.TimeoutError:
                pass
        self.writer.write_eof()

    async def receive(self):
        """Returns whether all has come that was sent, and was told at the end."""
        tail = b""
        while True:
            if self.kind == "up":
                data = await self.reader.readline()
                if data != b"got %d\n" % (self.received + 1):
                    tail = data
                    break
            else:
                try:
                    data = await self.reader.readexactly(BLOCK)
                except asyncio.IncompleteReadError as error:
                    tail = error.partial
                    break
                if data != block(self.received):
                    raise ValueError("block %d is not what was sent" % self.received)
            self.received += 1
            self.move()
        return tail == b"%d blocks\n" % self.received and self.sent in (0, self.received)

    async def run(self):
        try:
            sending = asyncio.create_task(self.send())
            whole = await self.receive()
            await sending
            return whole
        except (OSError, ValueError) as error:
            say("ended:", error)
            return False


class Marks:
    """What SIGUSR1 asks for."""

    count = 0

    def set(self):
        self.count += 1
        self.begin = asyncio.get_running_loop().time()

    async def tell(self, transfers):
        while True:
            await asyncio.sleep(1)
            if self.count > 0:
                moved = sum(t.moved > self.begin for t in transfers)
                say("mark %d: %d of %d" % (self.count, moved, len(transfers)))


async def client(count, kind, port, *addresses):
    loop, marks = asyncio.get_running_loop(), Marks()
    loop.add_signal_handler(signal.SIGUSR1, marks.set)
    loop.add_signal_handler(signal.SIGTERM, Transfer.ending.set)
    transfers, runs = [], []

    async def begin(address):
        transfers.append(await Transfer().open(kind, address, port))
        runs.append(asyncio.create_task(transfers[-1].run()))

    await asyncio.gather(*(begin(address) for address in addresses for _ in range(count)))
    say("running")
    telling = asyncio.create_task(marks.tell(transfers))
    await Transfer.ending.wait()
    await asyncio.wait(runs, timeout=PATIENCE)
    whole = sum(run.done() and run.result() for run in runs)
    say("whole %d of %d" % (whole, len(transfers)))
    telling.cancel()
    for run in runs:
        run.cancel()


if len(sys.argv) == 3 and sys.argv[1] == "serve":
    asyncio.run(serve(int(sys.argv[2])))
elif len(sys.argv) >= 5:
    asyncio.run(client(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
else:
    sys.exit(__doc__)
