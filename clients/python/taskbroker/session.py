# SPDX-License-Identifier: Apache-2.0
"""
The session: what outlives a connection. It has no socket.

It takes received bytes and makes values of them, in the order of the protocol, and it queues
the requests. After a lost connection it asks to continue at the place where the stream was. If
the broker cannot do that, it subscribes anew. The module `stream` moves the bytes and waits.
"""

from __future__ import annotations

import collections
import time
from typing import Deque, Optional

from google.protobuf.message import DecodeError

from . import errors
from .frames import FrameReader, encode
from .v1 import broker_pb2, event_pb2
from .values import EVENT_CLASSES, SOURCE_FILTER, SOURCE_READER, Link, Loss, Sample, SnapshotEnd, Task, TaskSample, Value

FIRST_WAIT_S = 0.1
LAST_WAIT_S = 5.0

RESYNC_REASON = "Events were lost: the stream begins again with a new snapshot."


def check_welcome(welcome: broker_pb2.Welcome) -> None:
    if welcome.protocol != 1:
        raise errors.ProtocolError("The broker speaks another version of the protocol; this package knows version 1.")


def parse(data: bytes) -> broker_pb2.ServerMessage:
    """Decodes a frame's message."""
    try:
        return broker_pb2.ServerMessage.FromString(data)
    except DecodeError as e:
        raise errors.ProtocolError("The program that listens there sent a malformed message.") from e


class Session:
    """The state of one stream. `error` is its end: it comes behind the values before it."""

    def __init__(
        self, request, reconnect: bool, resync: bool, info: Optional[broker_pb2.ClientInfo] = None
    ) -> None:
        self.request = request
        # the name of the program
        self.info = info
        self.reconnect = reconnect
        self.resync = resync and request.snapshot
        self.values: Deque[Value] = collections.deque()
        self.outgoing = bytearray()
        self.error: Optional[Exception] = None
        self.welcome = broker_pb2.Welcome()
        self.starts: Optional[broker_pb2.FilterStarts] = None
        self.subscribed = False
        # close the connection, and connect again
        self.drop = False
        self._frames = FrameReader()
        self._welcomed = False
        self._request_id = 0
        self._pending = 0
        self._resuming = False
        self._epoch = self._feed = self._next_number = 0
        self._resumable = False
        self._lost: Optional[Link] = None
        # the reasons of a lost connection, and of a stream that begins again
        self._closing_text = ""
        self._reason = ""
        self._tries = 0
        self._parts: list[TaskSample] = []
        self._samples_lost = 0
        self._handlers = {
            "welcome": self._on_welcome,
            "error": self._on_error,
            "subscribed": self._on_subscribed,
            "subscribed_samples": self._on_sampling,
            "event_batch": self._on_batch,
            "snapshot_part": self._on_part,
            "snapshot_end": self._on_end,
            "sample_part": self._on_sample,
            "sample_loss": self._on_sample_loss,
            "named": self._on_named,
        }

    # -- for the stream -----------------------------------------------------------------

    def now(self) -> int:
        """The time now, on the scale of all times."""
        if not self.welcome.boot_epoch_ns:
            return time.time_ns()
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) + self.welcome.boot_epoch_ns

    def begin(self, frames: FrameReader, welcome: broker_pb2.Welcome) -> None:
        """Begins on a connection whose Welcome was read."""
        self._frames, self._welcomed, self.welcome = frames, True, welcome
        self._subscribe(False)
        self._read_frames()

    def connected(self) -> None:
        """A new connection is there."""
        self._frames, self._welcomed = FrameReader(), False
        self.outgoing.clear()
        self.drop = False
        self._pending = 0
        self._parts.clear()

    def receive(self, data: bytes) -> None:
        """Takes received bytes. A fault becomes the error of the session."""
        self._frames.feed(data)
        self._read_frames()

    def closed(self) -> bool:
        """The connection has ended. Returns whether to connect again."""
        if self.error:
            return False
        partial = " in the middle of a message" if self._frames.partial else ""
        reason = self._closing_text or f"The broker closed the connection{partial}."
        self._closing_text = ""
        if not self.reconnect and not self.drop or not (self.subscribed or self._lost):
            self.error = errors.ConnectionClosed(reason)
            return False
        if not self._lost:
            now = self.now()
            self._lost = Link("lost", reason, now, now, None)
            # a stream that gives up its connection connects again at once
            self._tries = -1 if self.drop else 0
            if not self.drop:
                self.values.append(self._lost)
        return True

    def next_wait(self) -> float:
        """The seconds until the next attempt to connect."""
        tries = self._tries
        self._tries += 1
        return 0.0 if tries < 0 else min(LAST_WAIT_S, FIRST_WAIT_S * 2 ** min(tries, 16))

    def fail(self, error: Exception) -> None:
        self.error = self.error or error

    # -- frames -------------------------------------------------------------------------

    def _read_frames(self) -> None:
        try:
            while not self.error and not self.drop:
                data = self._frames.next()
                if data is None:
                    return
                self._message(data)
        except errors.ProtocolError as e:
            self.error = e

    def _message(self, data: bytes) -> None:
        message = parse(data)
        body = message.WhichOneof("body")
        if not self._welcomed and body not in ("welcome", "error"):
            raise errors.ProtocolError("The first message of the broker is not a Welcome.")
        # a member of a later protocol is passed over
        handler = self._handlers.get(body)
        if body == "error":
            self._on_error(message.error, message.stream)
        elif handler:
            handler(getattr(message, body))

    def _subscribe(self, resume: bool) -> None:
        place = None
        if resume:
            place = broker_pb2.Resume(epoch=self._epoch, feed=self._feed, next_number=self._next_number)
        self._request_id += 1
        self._pending, self._resuming = self._request_id, resume
        message = self.request.message(self._pending, self.starts, place)
        if self.info:
            message.client.CopyFrom(self.info)
        self.outgoing += encode(message.SerializeToString())

    def _on_welcome(self, welcome: broker_pb2.Welcome) -> None:
        if self._welcomed:
            raise errors.ProtocolError("The broker sent a second Welcome.")
        check_welcome(welcome)
        self._welcomed = True
        same = welcome.epoch == self._epoch
        self.welcome = welcome
        if not same:
            self._reason = "The broker was restarted."
        elif self.request.answer == "subscribed_samples":
            self._reason = "The samples of the time between are not known."
        elif not self._reason:
            self._reason = "The connection broke before the subscription had begun."
        self._subscribe(same and self._resumable)

    def _on_error(self, error: broker_pb2.Error, stream: int) -> None:
        """An Error with the number of the stream ends the stream, also if the connection stays open."""
        refused = bool(self._pending) and error.request_id == self._pending
        made = errors.of_message(error)
        if refused and self._resuming and isinstance(made, errors.ResumeImpossible):
            self._reason = "The broker had given up the stream by then."
            self._subscribe(False)
            return
        # a quota is for the program until the first answer; later it is free again when others leave
        retryable = made.retryable or isinstance(made, errors.QuotaReached) and self.subscribed
        if self._lost and refused and retryable:
            self.drop = True
            return
        if not refused and error.closing and retryable and self.reconnect:
            self._closing_text = f"The broker closed the connection: {error.message}"
            return
        if refused or error.closing or stream:
            self.error = made

    def _answered(self, request_id: int) -> bool:
        """An answer to the subscription: reports that the connection is back, if it was lost."""
        if request_id != self._pending:
            return False
        self._pending = 0
        self._epoch = self.welcome.epoch
        if self._lost:
            state = "resumed" if self._resuming else "restarted"
            reason = None if self._resuming else self._reason
            self.values.append(Link(state, reason, self.now(), self._lost.time_ns, max(self._tries, 0)))
            self._lost = None
        self._reason = ""
        self.subscribed = True
        return True

    def _on_subscribed(self, subscribed: broker_pb2.Subscribed) -> None:
        if not self._answered(subscribed.request_id):
            return
        self.starts = subscribed.starts if subscribed.HasField("starts") else None
        self._feed, self._next_number = subscribed.feed, subscribed.next_number
        self._resumable = subscribed.resumed or not self.request.snapshot

    def _on_sampling(self, sampling: broker_pb2.SubscribedSamples) -> None:
        if self._answered(sampling.request_id):
            self.starts = sampling.starts if sampling.HasField("starts") else None

    # -- the stream of events -----------------------------------------------------------

    def _on_batch(self, batch: event_pb2.EventBatch) -> None:
        number = batch.first_number
        append = self.values.append
        for pb in batch.events:
            cls = EVENT_CLASSES.get(pb.WhichOneof("kind"))  # type: ignore[arg-type]
            if cls is None:
                # a kind of a later protocol has a number too
                number += 1
                continue
            append(cls(pb, number))
            number += 1
            if cls is Loss:
                number += self._on_loss(pb.loss)
        self._next_number = number

    def _on_loss(self, loss: event_pb2.Loss) -> int:
        """Returns the numbers that the loss takes beside its own."""
        if self.resync and loss.source in (SOURCE_READER, SOURCE_FILTER):
            self.drop, self._reason, self._resumable = True, RESYNC_REASON, False
        return loss.count - 1 if loss.source == SOURCE_READER and loss.count else 0

    def _on_named(self, named: broker_pb2.Named) -> None:
        """A number of the filter has got its process: a later subscription names the same one."""
        self.starts = named.starts

    def _on_part(self, part: broker_pb2.SnapshotPart) -> None:
        self.values.extend(map(Task, part.tasks))

    def _on_end(self, end: broker_pb2.SnapshotEnd) -> None:
        self._resumable = True
        self.values.append(SnapshotEnd(end))

    # -- the stream of samples ----------------------------------------------------------

    def _on_sample(self, part) -> None:
        self._parts.extend(map(TaskSample, part.samples))
        if part.last:
            self.values.append(Sample(part, self._parts, self._samples_lost))
            self._parts, self._samples_lost = [], 0

    def _on_sample_loss(self, loss) -> None:
        self._parts = []
        self._samples_lost += loss.count
