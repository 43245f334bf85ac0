# SPDX-License-Identifier: Apache-2.0
"""
The client: where programs begin.

It keeps one idle connection for its next stream or question. Each stream has a connection of its
own, so that a stream that is read slowly delays no other.
"""

from __future__ import annotations

import os
import threading
from typing import Iterable, Optional, Union

from . import errors
from .frames import encode
from .requests import EventsRequest, Filter, Name, SamplesRequest
from .session import Session
from .status import Status
from .stream import Connection, Stream, resolve
from .v1 import broker_pb2
from .values import Event, Link, Sample, SnapshotEnd, Task, TaskSample

ANSWER_S = 60.0

StreamValue = Union[Event, Task, SnapshotEnd, Link]


class Client:
    """A client of one broker. It is a context manager; its streams outlive it."""

    def __init__(
        self, path: Optional[os.PathLike | str] = None, name: Optional[str] = None, version: Optional[str] = None
    ) -> None:
        self.path = resolve(path)
        self.info = broker_pb2.ClientInfo(name=name or "", version=version or "") if name else None
        self._lock = threading.Lock()
        self._request_id = 0
        self._asked = False
        self._connection: Optional[Connection] = Connection(self.path)
        self.welcome: broker_pb2.Welcome = self._connection.welcome

    # -- connections --------------------------------------------------------------------

    def _take(self) -> Connection:
        """A connection for a new stream: the idle one if it is still good."""
        with self._lock:
            connection, asked = self._connection, self._asked
            self._connection, self._asked = None, False
        if connection and not asked and connection.idle:
            return connection
        if connection:
            connection.socket.close()
        return Connection(self.path)

    def _ask(self, answer: str, **request):
        """Sends a request and waits for its answer. A connection that the broker closed is replaced once."""
        with self._lock:
            for last in (False, True):
                fresh = self._connection is None
                try:
                    if self._connection is None or not self._connection.idle:
                        self._close_connection()
                        self._connection = Connection(self.path)
                        self.welcome = self._connection.welcome
                    self._asked = True
                    return self._exchange(self._connection, answer, request)
                except errors.BrokerError as e:
                    if e.closing:
                        self._close_connection()
                    raise
                except (OSError, errors.ProtocolError) as e:
                    self._close_connection()
                    if last or fresh or not isinstance(e, ConnectionError):
                        raise
            return None

    def _exchange(self, connection: Connection, answer: str, request: dict):
        self._request_id += 1
        message = broker_pb2.ClientMessage(request_id=self._request_id, client=self.info, **request)
        connection.socket.sendall(encode(message.SerializeToString()))
        while True:
            reply = connection.read(ANSWER_S)
            body = reply.WhichOneof("body")
            if body == "error" and (reply.error.closing or reply.error.request_id == self._request_id):
                raise errors.of_message(reply.error)
            if body == answer and getattr(reply, body).request_id == self._request_id:
                return getattr(reply, body)

    def _close_connection(self) -> None:
        if self._connection:
            self._connection.socket.close()
            self._connection = None
        self._asked = False

    def close(self) -> None:
        """Closes the idle connection. Streams stay open."""
        with self._lock:
            self._close_connection()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # -- streams ------------------------------------------------------------------------

    def events(
        self,
        kinds: Iterable[str] = (),
        *,
        snapshot: bool = False,
        threads: bool = False,
        programs: bool = False,
        strict: bool = False,
        max_delay_ms: int = 0,
        groups: Iterable[str] = (),
        uids: Iterable[int] = (),
        pids: Iterable[int] = (),
        subtrees: Iterable[int] = (),
        comms: Iterable[Name] = (),
        cgroups: Iterable[Name] = (),
        cpus: Optional[str] = None,
        nonzero: bool = False,
        reconnect: bool = True,
        resync: bool = True,
    ) -> Stream[StreamValue]:
        """
        Subscribes to events. Without `kinds`: fork, exec and exit. Losses always come too.

        With `snapshot` the live tasks come first. After a loss of this reader the snapshot comes again, behind a Link
        with the state `restarted`; not without `resync`. With `strict` such a loss raises FellBehind instead. With
        `reconnect` the stream outlives the broker. `groups` selects the groups of statistics that exits have, such as "cpu";
        "none" leaves out all statistics. The other arguments are the criteria of the filter.
        """
        criteria = Filter(uids, pids, subtrees, comms, cgroups, cpus, nonzero)
        request = EventsRequest(kinds, threads, snapshot, programs, strict, max_delay_ms, criteria, groups)
        return Stream(self, self._take(), Session(request, reconnect, resync, self.info))

    def samples(
        self,
        interval_ms: int = 1000,
        *,
        threads: bool = False,
        groups: Iterable[str] = (),
        uids: Iterable[int] = (),
        pids: Iterable[int] = (),
        subtrees: Iterable[int] = (),
        comms: Iterable[Name] = (),
        cgroups: Iterable[Name] = (),
        reconnect: bool = True,
    ) -> Stream[Union[Sample, Link]]:
        """
        Subscribes to samples: at each interval the totals of the tasks that ran, started or ended.

        `groups` selects groups of statistics, such as "cpu" and "io"; without it all groups come.
        """
        criteria = Filter(uids, pids, subtrees, comms, cgroups)
        request = SamplesRequest(interval_ms, threads, groups, criteria)
        return Stream(self, self._take(), Session(request, reconnect, False, self.info))

    # -- questions ----------------------------------------------------------------------

    def stats(self, pids: Iterable[int] = (), tids: Iterable[int] = ()) -> list[TaskSample]:
        """The statistics of processes and of single tasks up to now, in the order of the question."""
        answer = self._ask("task_stats_reply", get_task_stats=broker_pb2.GetTaskStats(pids=list(pids), tids=list(tids)))
        return [TaskSample(pb) for pb in answer.samples]

    def ping(self) -> int:
        """Asks for a sign of life. Returns the broker's time, in nanoseconds since 1970."""
        return self._ask("pong", ping=broker_pb2.Ping()).time_ns

    def status(self) -> Status:
        """The counters of the broker."""
        return Status(self._ask("broker_status", get_broker_status=broker_pb2.GetBrokerStatus()))


def connect(
    path: Optional[os.PathLike | str] = None, *, name: Optional[str] = None, version: Optional[str] = None
) -> Client:
    """
    Connects to the broker: on `path`, on $TASKBROKER_SOCKET, or on /run/taskbroker.sock.

    `name` and `version` say which program this is: `taskbroker status` shows them.
    """
    return Client(path, name, version)
