# SPDX-License-Identifier: Apache-2.0
"""Several streams on one connection: each is held against the .proto as if it were alone."""

import collections

from tb_client import BEGINS, BrokerError, Client
from tb_protocol import broker_pb2


class Stream(Client):
    """One of the streams of a connection. It has the methods of a client with one stream, and no socket."""

    def __init__(self, connection):
        self.connection = connection
        self.welcome = connection.welcome
        self.reset_stream()
        self.samples = collections.deque()      # SamplePart and SampleLoss

    def receive(self, timeout=None):
        """The next message of this stream."""
        while True:
            message = self.connection.receive(timeout)
            if message.stream == self.stream:
                return message

    def dispatch(self, message, body, data):
        super().dispatch(message, body, data)
        if body.startswith("sample_"):
            self.samples.append(getattr(message, body))

    def sample(self):
        """The next SamplePart or SampleLoss."""
        while not self.samples:
            self.receive()
        return self.samples.popleft()


class Streams(Client):
    """A connection that hands each frame to the stream that it belongs to."""

    def __init__(self, path, **kw):
        self.streams = {}
        self.beginning = {}     # by request_id
        self.last_stream = 0
        super().__init__(path, **kw)

    def dispatch(self, message, body, data):
        if message.stream == 0:
            return
        if body in BEGINS:
            assert message.stream == self.last_stream + 1, message
            self.last_stream = message.stream
            self.streams[message.stream] = self.beginning.pop(getattr(message, body).request_id)
        self.streams[message.stream].dispatch(message, body, data)

    def reply(self, kind):
        """Reads up to a message of that kind, or an Error; all streams go on."""
        while True:
            message = self.receive()
            body = message.WhichOneof("body")
            if body == "error":
                raise BrokerError(message.error)
            if body == kind:
                return getattr(message, body)

    def begin(self, kinds=(), **kw):
        """A stream of events, once it has begun."""
        stream = Stream(self)
        self.ask(kinds, **kw)
        stream.asked = self.asked
        self.beginning[self.asked[0]] = stream
        stream.accept(self.await_reply("subscribed", self.asked[0]))
        return stream

    def begin_samples(self, request):
        """A stream of samples, once it has begun. `request` is a SubscribeSamples."""
        ident = self.send(broker_pb2.ClientMessage(request_id=self.next_id, subscribe_samples=request))
        self.next_id += 1
        stream = self.beginning[ident] = Stream(self)
        stream.next_number = self.await_reply("subscribed_samples", ident).next_number
        return stream

    def await_reply(self, kind, ident):
        """Reads up to the reply with that request_id, or a BrokerError; all streams go on."""
        while True:
            message = self.receive()
            body = message.WhichOneof("body")
            reply = getattr(message, body)
            if body in (kind, "error") and reply.request_id == ident:
                if body == "error":
                    self.beginning.pop(ident, None)
                    raise BrokerError(reply)
                return reply

    def unsubscribe(self, stream):
        """Ends a stream; no frame of it comes behind the reply."""
        request = broker_pb2.ClientMessage()
        request.unsubscribe.stream = stream.stream
        self.await_reply("unsubscribed", self.send(request))

    def change_filter(self, stream, starts=None, **filter):
        """The Restarted of a stream that has another filter now."""
        request = broker_pb2.ClientMessage()
        request.change_filter.stream = stream.stream
        if filter:
            request.change_filter.filter.CopyFrom(broker_pb2.Filter(**filter))
        if starts:
            request.change_filter.starts.CopyFrom(starts)
        return self.await_reply("restarted", self.send(request))

    def get_snapshot(self, stream):
        """The Restarted of a stream that begins anew with a snapshot."""
        request = broker_pb2.ClientMessage()
        request.get_snapshot.stream = stream.stream
        wanted, stream.snapshot_wanted = stream.snapshot_wanted, True
        restarted = self.await_reply("restarted", self.send(request))
        stream.snapshot_wanted = wanted
        return restarted
