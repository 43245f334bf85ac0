# SPDX-License-Identifier: Apache-2.0
"""
A client of the broker in plain Python, that trusts nothing: it holds every
frame against the published limits, every message against the .proto, and every
number against the one before.
"""

import collections
import functools
import socket
import time

from tb_protocol import MAX_FROM_BROKER, broker_pb2, event_pb2, frame, parse_prefix, unknown_fields
from tb_wait import TIMEOUT

KINDS = {
    "fork": event_pb2.EVENT_KIND_FORK,
    "exec": event_pb2.EVENT_KIND_EXEC,
    "exit": event_pb2.EVENT_KIND_EXIT,
    "comm": event_pb2.EVENT_KIND_COMM_CHANGE,
    "uid": event_pb2.EVENT_KIND_UID_CHANGE,
    "gid": event_pb2.EVENT_KIND_GID_CHANGE,
    "sid": event_pb2.EVENT_KIND_NEW_SESSION,
    "ptrace": event_pb2.EVENT_KIND_PTRACE,
    "coredump": event_pb2.EVENT_KIND_COREDUMP,
}
ALL_KINDS = tuple(KINDS.values())

# A part of a snapshot, its length included.
MAX_PART = 64 * 1024

# Kinds of messages that may come between a request and its reply.
STREAM = ("event_batch", "snapshot_part", "snapshot_end", "named")

# Replies that begin a stream, and all kinds of messages that have the number of one. An Error may have it.
BEGINS = ("subscribed", "subscribed_samples")
NUMBERED = STREAM + BEGINS + ("sample_part", "sample_loss", "unsubscribed", "restarted")


class Closed(Exception):
    """The broker closed the connection."""


class Cut(Exception):
    """This side closed the connection, having received as many bytes as it was to."""


class BrokerError(Exception):
    def __init__(self, error):
        super().__init__(str(error))
        self.error = error


# An event as a test sees it: its number and its batch' clock offset with it.
Numbered = collections.namedtuple("Numbered", "number event offset")

# Where a connection has got to, and another can go on: the fields of Resume.
Place = collections.namedtuple("Place", "epoch feed next_number")


@functools.lru_cache(maxsize=4096)
def parse(data):
    """
    The message of these bytes, which nobody changes: subscribers of one feed are
    sent the same, and it need not be taken apart for each of them.
    """
    message = broker_pb2.ServerMessage.FromString(data)
    assert message.WhichOneof("body"), f"an empty message: {data.hex()}"
    assert not unknown_fields(message), unknown_fields(message)
    return message


class Source:
    """The counters of one kernel source, of both its parts. A part that is withheld is 0 here."""

    def __init__(self, *parts):
        self.parts = parts

    def __getattr__(self, name):
        for part in self.parts:
            if name in part.DESCRIPTOR.fields_by_name:
                return getattr(part, name)
        raise AttributeError(name)


class Status(Source):
    """A BrokerStatus with the counters of its parts as if they were its own."""

    def __init__(self, message):
        super().__init__(message, message.machine, message.service)
        self.message = message
        self.withheld = not message.HasField("service")
        self.machine_withheld = not message.HasField("machine")
        self.connector = Source(message.machine.connector, message.service.connector)
        self.taskstats = Source(message.machine.taskstats, message.service.taskstats)


class Client:
    def _connect(self, path):
        """A queue of connections that others have filled is tried again, as a connect() that blocks would wait."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return self.socket.connect(path)
            except BlockingIOError:
                assert time.monotonic() < deadline, "the queue of connections stays full"
                time.sleep(0.01)

    def __init__(self, path, welcome=True, rcvbuf=None, limit=None):
        """
        `limit`: bytes to receive, after which this side cuts the connection.
        Without `welcome`, nothing is read yet: greet() does it.
        """
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(TIMEOUT)
        self._connect(str(path))
        self.buffer = bytearray()
        self.next_id = 1
        self.reset_stream()
        self.n_received = 0     # times that something was received: wake-ups, for a client that waits
        self.n_bytes = 0        # that were received
        self.limit = limit
        self.welcome = None
        if welcome:
            self.greet()

    def reset_stream(self):
        """No stream has begun."""
        self.stream = None
        self.feed = None
        self.next_number = None
        self.events = collections.deque()
        self.n_batches = 0
        self.reader_lost = 0
        self.resumed = False
        self.named = None               # the starts of the last Named
        self.snapshot_due = self.snapshot_wanted = False
        self.snapshot_tasks = []
        self.snapshot_bytes = []        # one entry a part; clients that share a snapshot get the same bytes
        self.snapshot_end = None

    def greet(self):
        """The broker speaks first."""
        message = self.receive()
        assert message.WhichOneof("body") == "welcome", message
        self.welcome = message.welcome

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- frames -------------------------------------------------------------

    def send_raw(self, data):
        self.socket.sendall(data)

    def receive(self, timeout=None):
        """The next ServerMessage, whatever it is. Closed at the end."""
        deadline = time.monotonic() + (TIMEOUT if timeout is None else timeout)
        while True:
            prefix = parse_prefix(self.buffer)
            if prefix:
                n_prefix, n = prefix
                assert 0 < n <= MAX_FROM_BROKER, f"a message of {n} bytes"
                if len(self.buffer) >= n_prefix + n:
                    data = bytes(self.buffer[n_prefix:n_prefix + n])
                    del self.buffer[:n_prefix + n]
                    message = parse(data)
                    body = message.WhichOneof("body")
                    assert body == "error" or (message.stream > 0) == (body in NUMBERED), message
                    assert body != "snapshot_part" or n_prefix + n <= MAX_PART, f"a part of {n} bytes"
                    self.dispatch(message, body, data)
                    return message
            room = 1 << 18 if self.limit is None else min(1 << 18, self.limit - self.n_bytes)
            if room == 0:
                self.close()
                raise Cut(f"after {self.n_bytes} bytes")
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.socket.recv(room)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Closed(f"closed by the broker, {len(self.buffer)} bytes of a frame left")
            self.n_received += 1
            self.n_bytes += len(data)
            self.buffer += data

    def dispatch(self, message, body, data):
        """Takes a message of the stream, which has the stream's number."""
        if body in BEGINS:
            self.stream = message.stream
        assert body not in NUMBERED or message.stream == self.stream, f"of stream {message.stream}: {message}"
        if body == "event_batch":
            self._batch(message.event_batch)
        elif body == "snapshot_part":
            self._part(message.snapshot_part)
            self.snapshot_bytes.append(data)
        elif body == "snapshot_end":
            self._end(message.snapshot_end)
        elif body == "named":
            self.named = message.named.starts
        elif body == "restarted":
            self._restart(message.restarted)
        elif body == "unsubscribed":
            self.stream = None

    def _restart(self, restarted):
        """The stream begins anew, with a snapshot if it began with one, or if that was asked for."""
        self.feed = restarted.feed
        self.next_number = restarted.next_number
        self.snapshot_due = self.snapshot_wanted
        self.snapshot_tasks = []
        self.snapshot_end = None

    def _part(self, part):
        """Tasks of a snapshot that was asked for."""
        assert self.snapshot_due, "a part of a snapshot that nobody asked for"
        assert part.tasks, "a part without tasks"
        self.snapshot_tasks.extend(part.tasks)

    def _end(self, end):
        assert self.snapshot_due, "the end of a snapshot that nobody asked for"
        assert end.task_count == len(self.snapshot_tasks), f"{end.task_count} tasks were sent, {len(self.snapshot_tasks)} came"
        assert len({task.tid for task in self.snapshot_tasks}) == end.task_count, "a task was sent twice"
        assert end.number + 1 == self.next_number, (
            f"the snapshot is of number {end.number}, the first event of {self.next_number}"
        )
        assert end.time_ns > 0
        self.snapshot_due = False
        self.snapshot_end = end

    def _batch(self, batch):
        """Numbers run on within a batch and from batch to batch, save for a Loss of this reader's."""
        assert batch.events, "a batch without events"
        assert not self.snapshot_due, "events before the snapshot's end"
        assert self.next_number is not None, "events without a subscription"
        assert batch.first_number == self.next_number, (
            f"batch begins with number {batch.first_number}, due was {self.next_number}"
        )
        self.n_batches += 1
        number = batch.first_number
        for i, event in enumerate(batch.events):
            assert event.WhichOneof("kind"), f"event {number} says nothing: {event}"
            self.events.append(Numbered(number, event, batch.realtime_offset_ns))
            if event.WhichOneof("kind") == "loss" and event.loss.source == event_pb2.LOSS_SOURCE_READER:
                assert i == len(batch.events) - 1, "after a loss of this reader's numbers jump: it ends its batch"
                assert event.loss.count > 0
                self.reader_lost += event.loss.count
                number += event.loss.count
            else:
                number += 1
        self.next_number = number

    # -- requests -----------------------------------------------------------

    def send(self, message):
        if not message.request_id:
            message.request_id = self.next_id
            self.next_id += 1
        self.send_raw(frame(message))
        return message.request_id

    def reply(self, kind):
        """Reads up to a message of that kind, or an Error; keeps the subscription's messages before it."""
        while True:
            message = self.receive()
            body = message.WhichOneof("body")
            if body == kind:
                return getattr(message, body)
            if body == "error":
                raise BrokerError(message.error)
            assert body in STREAM, f"waited for {kind}, got {message}"

    def error(self):
        """Reads up to the Error that must come; events on the way are kept."""
        while True:
            message = self.receive()
            if message.WhichOneof("body") == "error":
                return message.error
            assert message.WhichOneof("body") in STREAM, message

    def expect_close(self):
        """Nothing more comes, and the connection ends."""
        try:
            message = self.receive()
        except Closed:
            assert not self.buffer, f"a torn frame at the end: {bytes(self.buffer[:64]).hex()}"
            return
        raise AssertionError(f"the connection must end here, but: {message}")

    def ask(
        self,
        kinds=(),
        threads=False,
        max_delay_ms=0,
        strict=False,
        snapshot=False,
        resume=None,
        filter=None,
        programs=False,
        starts=None,
        groups=0,
    ):
        """
        Sends a Subscribe; answered() reads the reply. `filter` is a dictionary of
        Filter's fields, `resume` a Place, `starts` a dictionary of FilterStarts' fields.
        """
        request = broker_pb2.ClientMessage()
        request.subscribe.SetInParent()
        request.subscribe.kinds.extend(KINDS.get(k, k) for k in kinds)
        request.subscribe.threads = threads
        request.subscribe.max_delay_ms = max_delay_ms
        request.subscribe.strict = strict
        request.subscribe.snapshot = snapshot
        request.subscribe.programs = programs
        request.subscribe.groups = groups
        if filter is not None:
            request.subscribe.filter.CopyFrom(broker_pb2.Filter(**filter))
        if starts is not None:
            request.subscribe.starts.CopyFrom(broker_pb2.FilterStarts(**starts))
        if resume is not None:
            request.subscribe.resume.CopyFrom(broker_pb2.Resume(**resume._asdict()))
        self.asked = (self.send(request), snapshot and resume is None, resume)

    def answered(self):
        """The reply to ask(): Subscribed, or a BrokerError."""
        message = self.receive()
        body = message.WhichOneof("body")
        if body == "error":
            assert message.error.request_id in (0, self.asked[0])
            raise BrokerError(message.error)
        assert body == "subscribed", message
        return self.accept(message.subscribed)

    def accept(self, subscribed):
        """Takes the Subscribed that answers ask()."""
        ident, snapshot, resume = self.asked
        assert subscribed.request_id == ident
        assert subscribed.resumed == (resume is not None)
        if resume is not None:
            assert (subscribed.feed, subscribed.next_number) == (resume.feed, resume.next_number)
        self.resumed = subscribed.resumed
        self.snapshot_due = self.snapshot_wanted = snapshot
        self.feed = subscribed.feed
        self.next_number = subscribed.next_number
        return subscribed

    def subscribe(self, kinds=(), **kw):
        self.ask(kinds, **kw)
        return self.answered()

    def snapshot(self):
        """Reads the snapshot to its end: its tasks."""
        while self.snapshot_due:
            message = self.receive()
            if message.WhichOneof("body") == "error":
                raise BrokerError(message.error)
        return self.snapshot_tasks

    def place(self):
        """Where another connection has to go on."""
        return Place(self.welcome.epoch, self.feed, self.next_number)

    def ask_status(self):
        request = broker_pb2.ClientMessage()
        request.get_broker_status.SetInParent()
        return self.send(request)

    def status(self):
        ident = self.ask_status()
        status = self.reply("broker_status")
        assert status.request_id == ident
        return Status(status)

    # -- events -------------------------------------------------------------

    def next(self, timeout=None):
        """The next event, with its number."""
        while not self.events:
            message = self.receive(timeout)
            body = message.WhichOneof("body")
            if body == "error":
                raise BrokerError(message.error)
            assert body in STREAM, message
        return self.events.popleft()

    def event(self):
        return self.next().event

    def events_left(self):
        """Returns the events that have been read but not yet asked for."""
        out = [n.event for n in self.events]
        self.events.clear()
        return out

    def take(self, n):
        return [self.event() for _ in range(n)]

    def until(self, predicate):
        """All events up to and including the first for which predicate holds."""
        out = []
        while True:
            out.append(self.event())
            if predicate(out[-1]):
                return out

    def until_mark(self, count):
        """
        The events up to FakeKernel.mark(), which every subscription gets, and the number
        of the mark.
        """
        out = []
        while True:
            number, event, _ = self.next()
            if event.WhichOneof("kind") == "loss" and event.loss.count == count:
                return out, number
            out.append(event)

    def until_marker(self, tid):
        """All events before the fork of that task, which the test sends last."""
        return self.until(lambda e: e.WhichOneof("kind") == "fork" and e.tid == tid)[:-1]


def what(event):
    return event.WhichOneof("kind")


def brief(events):
    """(kind, tid) of each: what most tests compare."""
    return [(what(e), e.tid) for e in events]
