# SPDX-License-Identifier: Apache-2.0
"""A connection that can break while the client and the broker are both well."""

import fcntl
import socket
import sys
import termios
import threading
import time

from tb_wait import TIMEOUT

# Until a connection is cut, of whose bytes some were not read.
READ_TIMEOUT = 0.5


class Relay:
    """
    Stands between clients and the broker. `limits`: for each connection, after how
    many of the broker's bytes it breaks; where they end, and without any, none does.
    """

    def __init__(self, path, to, limits=()):
        self.path, self.to = path, to
        self.limits = iter(limits)
        self.pairs = []
        self.n_cut = 0
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            broker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                broker.connect(str(self.to))
            except OSError:
                # no broker at present: the client comes again
                client.close()
                broker.close()
                continue
            self.pairs.append((client, broker))
            for a, b, limit in ((client, broker, None), (broker, client, next(self.limits, None))):
                threading.Thread(target=self._pump, args=(a, b, limit), daemon=True).start()

    def _pump(self, source, sink, limit):
        try:
            while limit != 0 and (data := source.recv(65536 if limit is None else min(65536, limit))):
                sink.sendall(data)
                if limit is not None:
                    limit -= len(data)
            if limit == 0:
                self._wait_read(sink)
                self.n_cut += 1
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _wait_read(sink):
        """A client that gets an answer and the end at once takes it for no answer: give it time to read, if it will."""
        deadline = time.monotonic() + READ_TIMEOUT
        while int.from_bytes(fcntl.ioctl(sink, termios.TIOCOUTQ, bytes(4)), sys.byteorder) and time.monotonic() < deadline:
            time.sleep(0.001)

    def cut(self):
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs.clear()

    def close(self):
        # close() alone would leave accept() waiting.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(TIMEOUT)
        self.cut()
