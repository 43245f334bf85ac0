# SPDX-License-Identifier: Apache-2.0
"""
Subscribers that keep up with a storm: one thread takes what comes for all of them,
and it is taken apart when all is over.
"""

import collections
import os
import queue
import selectors
import socket
import subprocess
import threading
import time

import support
from tb_client import Client
from tb_protocol import parse_prefix

CHUNK = 1 << 18


class Tap:
    """In the place of a client's socket: what the recorder has received of it."""

    def __init__(self, recorder, real):
        self.recorder, self.real = recorder, real
        self.chunks = queue.SimpleQueue()
        self.timeout = None
        self.n_bytes = 0

    def settimeout(self, timeout):
        self.timeout = timeout

    def recv(self, _):
        try:
            return self.chunks.get(timeout=self.timeout)
        except queue.Empty:
            raise socket.timeout("nothing came for long") from None

    def wait_bytes(self, n, ended=lambda: False):
        """Until so many more have come, or there is nothing more to come."""
        deadline = time.monotonic() + support.TIMEOUT
        n += self.n_bytes
        while self.n_bytes < n and not ended():
            assert time.monotonic() < deadline, "nothing comes"
            time.sleep(0.001)

    def sendall(self, data):
        self.real.sendall(data)

    def close(self):
        self.recorder.drop(self)


class Recorder:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.orders = collections.deque()
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        self.selector.register(self.wake_read, selectors.EVENT_READ)
        self.ends = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _order(self, act, tap):
        self.orders.append((act, tap))
        os.write(self.wake_write, b"x")

    def tap(self, real):
        real.setblocking(False)
        tap = Tap(self, real)
        self._order(lambda: self.selector.register(real, selectors.EVENT_READ, tap), tap)
        return tap

    def drop(self, tap):
        self._order(lambda: self._drop(tap), tap)

    def _drop(self, tap):
        if tap.real.fileno() >= 0:
            if tap.real in self.selector.get_map():
                self.selector.unregister(tap.real)
            tap.real.close()

    def close(self):
        self.ends = True
        os.write(self.wake_write, b"x")
        self.thread.join(support.TIMEOUT)
        for key in list(self.selector.get_map().values()):
            if key.data:
                key.data.real.close()
        os.close(self.wake_read)
        os.close(self.wake_write)

    def _run(self):
        while not self.ends:
            for key, _ in self.selector.select():
                if key.data is None:
                    os.read(self.wake_read, 4096)
                    while self.orders:
                        self.orders.popleft()[0]()
                    break
                try:
                    data = key.fileobj.recv(CHUNK)
                except BlockingIOError:
                    continue
                except ConnectionResetError:
                    data = b""
                if not data:
                    self.selector.unregister(key.fileobj)
                key.data.n_bytes += len(data)
                key.data.chunks.put(data)


class Recording(Client):
    """A subscription whose messages a recorder takes off the socket at once; the test reads them later."""

    def __init__(self, recorder, broker, **arguments):
        super().__init__(broker.path, welcome=False)
        self.arguments = arguments
        self.ask(**arguments)
        self.socket = recorder.tap(self.socket)

    def begin(self):
        """Up to the snapshot's end."""
        self.greet()
        self.answered()
        self.snapshot()
        return self

    def until_number(self, number):
        """Reads until all before that number is there."""
        while self.next_number < number:
            self.receive()
        assert self.next_number == number, f"next is {self.next_number}, due was {number}"

    def rest(self, n):
        """The next bytes of the stream, as they came."""
        while len(self.buffer) < n:
            data = self.socket.recv(None)
            assert data, "the broker closed the connection"
            self.buffer += data
        return bytes(self.buffer[:n])


class Framed(Recording):
    """Knows at which byte of the stream each of its batches begins."""

    def begin(self):
        super().begin()
        self.offset = 0
        self.received = bytearray()
        self.offsets = {self.next_number: 0}
        return self

    def until_number(self, number):
        while self.next_number < number:
            while (prefix := parse_prefix(self.buffer)) is None or len(self.buffer) < sum(prefix):
                self.rest(len(self.buffer) + 1)
            n = sum(prefix)
            self.received += self.buffer[:n]
            self.offset += n
            self.receive()
            self.offsets[self.next_number] = self.offset
        assert self.next_number == number, f"next is {self.next_number}, due was {number}"


class Control:
    """Knows when a broker has reported all that has happened, by the exit of a child that it makes."""

    def __init__(self, broker):
        self.broker = broker
        self.client = broker.client()
        self.client.subscribe(["exit"], filter={"pids": [os.getpid()]})

    def close(self):
        self.client.close()

    def barrier(self):
        with subprocess.Popen(["/bin/true"]) as child:
            pass
        self.client.until(lambda e: e.WhichOneof("kind") == "exit" and e.tid == child.pid)

    def place(self, **arguments):
        """The feed of that subscription, and the number of its next event."""
        arguments = {key: value for key, value in arguments.items() if key not in ("snapshot", "strict", "max_delay_ms")}
        with self.broker.client() as client:
            client.subscribe(**arguments)
            return client.feed, client.next_number

    def end_of(self, recording):
        """Returns a number; the events of all that happened until now are before it."""
        feed, number = self.place(**recording.arguments)
        assert feed == recording.feed, f"the same subscription has feed {feed}, and had {recording.feed}"
        return number
