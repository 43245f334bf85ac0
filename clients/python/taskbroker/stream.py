# SPDX-License-Identifier: Apache-2.0
"""
The stream: a session with a socket. It is an iterator, for `for` and for `async for`.

It owns the socket, and waits for it or for the time of the next attempt to connect. It reads
only when values are asked for: a slow program makes the broker wait, and then lose.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import time
from typing import Generic, Iterator, NamedTuple, Optional, TypeVar

from . import errors
from .frames import FrameReader
from .session import Session, check_welcome, parse
from .v1 import broker_pb2

DEFAULT_PATH = "/run/taskbroker.sock"
ENVIRONMENT = "TASKBROKER_SOCKET"
CONNECT_S = 5.0
WELCOME_S = 10.0
RECEIVE_BYTES = 256 * 1024

V = TypeVar("V")


def resolve(path: Optional[os.PathLike | str]) -> str:
    """The path of the socket: the given one, the variable's, or the usual one."""
    return os.fspath(path) if path else os.environ.get(ENVIRONMENT) or DEFAULT_PATH


def open_socket(path: str, seconds: float) -> socket.socket:
    """Connects. A full queue of the listener is tried again for a while."""
    deadline = time.monotonic() + seconds
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        while True:
            try:
                sock.connect(path)
                return sock
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
    except BaseException:
        sock.close()
        raise


class Connection:
    """A connection whose Welcome was read."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.socket = open_socket(path, CONNECT_S)
        except OSError as e:
            raise errors.of_connect(path, e) from e
        self.frames = FrameReader()
        try:
            self.welcome = self._greet()
        except BaseException:
            self.socket.close()
            raise

    def _greet(self) -> broker_pb2.Welcome:
        message = self.read(WELCOME_S)
        body = message.WhichOneof("body")
        if body == "error":
            raise errors.of_message(message.error)
        if body != "welcome":
            raise errors.ProtocolError("The first message of the broker is not a Welcome.")
        check_welcome(message.welcome)
        return message.welcome

    def read(self, seconds: float) -> broker_pb2.ServerMessage:
        """Waits for the next message."""
        deadline = time.monotonic() + seconds
        while (data := self.frames.next()) is None:
            wait(self.socket, select.POLLIN, max(0.0, deadline - time.monotonic()))
            try:
                received = self.socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise errors.ConnectionClosed("The broker does not answer in time.") from None
                continue
            except ConnectionError as e:
                raise errors.ConnectionClosed("The broker closed the connection.") from e
            if not received:
                raise errors.ConnectionClosed("The broker closed the connection.")
            self.frames.feed(received)
        return parse(data)

    @property
    def idle(self) -> bool:
        """Whether the connection still waits for its first request."""
        return not wait(self.socket, select.POLLIN, 0)


def wait(sock: socket.socket, events: int, seconds: Optional[float]) -> bool:
    """Waits for a socket. Returns whether it is ready."""
    poll = select.poll()
    poll.register(sock, events)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


class Wait(NamedTuple):
    """The thing that a stream waits for: its socket, or a time."""

    sock: Optional[socket.socket]
    events: int
    seconds: Optional[float]


class Stream(Generic[V]):
    """
    The values of a subscription: `for value in stream`, or `async for value in stream`.

    It is a context manager. It ends with an exception: of the broker, or of the connection if it does not reconnect.
    """

    def __init__(self, client, connection: Connection, session: Session) -> None:
        # the client is kept open as long as its streams
        self._client = client
        self._path = connection.path
        self._socket: Optional[socket.socket] = connection.socket
        self._session = session
        self._retry_at = 0.0
        session.begin(connection.frames, connection.welcome)
        try:
            while not session.subscribed and not session.error:
                self._block(self._advance(), None)
            if session.error and not session.values:
                raise session.error
        except BaseException:
            self.close()
            raise

    @property
    def welcome(self) -> broker_pb2.Welcome:
        """The Welcome of the present connection, or of the last one."""
        return self._session.welcome

    @property
    def starts(self) -> Optional[broker_pb2.FilterStarts]:
        """The processes that the numbers of the filter name."""
        return self._session.starts

    def fileno(self) -> int:
        """The socket, for select(): -1 while there is no connection. It changes with each connection."""
        return self._socket.fileno() if self._socket else -1

    def close(self) -> None:
        """Ends the subscription."""
        if self._socket:
            self._socket.close()
            self._socket = None
        self._session.fail(errors.ConnectionClosed("The stream was closed."))
        self._session.values.clear()

    # -- moving bytes -------------------------------------------------------------------

    def _advance(self) -> Optional[Wait]:
        """Does all that is possible without waiting. None: there are values, or an error."""
        session = self._session
        if session.values or session.error:
            return None
        if self._socket is None:
            return self._connect()
        if session.outgoing:
            try:
                sent = self._socket.send(session.outgoing, socket.MSG_NOSIGNAL)
                del session.outgoing[:sent]
            except BlockingIOError:
                return Wait(self._socket, select.POLLIN | select.POLLOUT, None)
            except ConnectionError:
                # the last message of the broker has the reason, and may be unread
                session.outgoing.clear()
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return Wait(self._socket, select.POLLIN, None)
        except ConnectionError:
            data = b""
        if data:
            session.receive(data)
        if session.error and self._socket:
            # the values before the error are still to come, but no more bytes
            self._socket.close()
            self._socket = None
        elif not data or session.drop:
            self._disconnect()
        return None if session.values or session.error else Wait(None, 0, 0.0)

    def _disconnect(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None
        if self._session.closed():
            self._retry_at = time.monotonic() + self._session.next_wait()

    def _connect(self) -> Optional[Wait]:
        seconds = self._retry_at - time.monotonic()
        if seconds > 0:
            return Wait(None, 0, seconds)
        try:
            self._socket = open_socket(self._path, 0)
            self._session.connected()
        except OSError as e:
            if e.errno in (errno.EACCES, errno.EPERM):
                self._session.fail(errors.of_connect(self._path, e))
                return None
            self._retry_at = time.monotonic() + self._session.next_wait()
        return Wait(None, 0, 0.0)

    @staticmethod
    def _block(waiting: Optional[Wait], limit: Optional[float]) -> None:
        if waiting is None:
            return
        seconds = waiting.seconds if limit is None or waiting.seconds is None else min(limit, waiting.seconds)
        if waiting.sock is None:
            time.sleep(seconds or 0)
        else:
            wait(waiting.sock, waiting.events, limit)

    # -- taking values ------------------------------------------------------------------

    def poll(self, timeout: Optional[float] = 0.0) -> list[V]:
        """Returns the values that are there, after at most `timeout` seconds; None waits until there are some."""
        deadline = None if timeout is None else time.monotonic() + timeout
        session = self._session
        while not session.values:
            waiting = self._advance()
            if session.values:
                break
            if session.error:
                raise session.error
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0 and waiting and (waiting.sock or waiting.seconds):
                return []
            self._block(waiting, None if left is None else max(0.0, left))
        values = list(session.values)
        session.values.clear()
        return values  # type: ignore[return-value]

    def __iter__(self) -> Iterator[V]:
        values = self._session.values
        while True:
            while values:
                yield values.popleft()  # type: ignore[misc]
            if self._session.error:
                raise self._session.error
            self._block(self._advance(), None)

    async def __aiter__(self):
        values = self._session.values
        while True:
            while values:
                yield values.popleft()
            if self._session.error:
                raise self._session.error
            waiting = self._advance()
            if waiting:
                await _await(waiting)

    def __enter__(self) -> Stream[V]:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    async def __aenter__(self) -> Stream[V]:
        return self

    async def __aexit__(self, *_) -> None:
        self.close()


async def _await(waiting: Wait) -> None:
    """Waits as _block() does, and lets the loop run."""
    if waiting.sock is None:
        await asyncio.sleep(waiting.seconds or 0)
        return
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    fd = waiting.sock.fileno()

    def set_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(fd, set_ready)
    if waiting.events & select.POLLOUT:
        loop.add_writer(fd, set_ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)
        loop.remove_writer(fd)
