# SPDX-License-Identifier: Apache-2.0
"""
The kernel's side of TASKSTATS_CMD_GET, played over a pair of datagram sockets, and a
client's side of live statistics: questions, and samples put together from their parts.
"""

import errno
import os
import select
import socket
import struct
import threading
import time

import tb_fields
from tb_client import STREAM, BrokerError
from tb_kernel import AGGR_PID, TASKSTATS_CMD_NEW, aggregate, nlmsg, taskstats_message
from tb_protocol import broker_pb2
from tb_wait import TIMEOUT

REQUEST = struct.Struct("=IHHIIBBHHHI")
NLMSG_ERROR = 2
CMD_GET, ATTR_PID = 1, 1


class FakeStats:
    """`live` has the Stats of each live task, by tid; any other tid is not alive."""

    def __init__(self, version=16):
        self.version = version
        self.live = {}
        self.hooks = {}                 # tid: called, once, before that task is answered for
        self.drop = set()               # tids whose replies get lost
        self.asked = []                 # the tids of each datagram
        self.ours, self.broker = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for s in (self.ours, self.broker):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        self.ours.settimeout(TIMEOUT)
        self.stop = os.eventfd(0)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while self.stop not in select.select([self.ours, self.stop], [], [])[0]:
            try:
                self._answer(os.read(self.ours.fileno(), 1 << 16))
            except OSError:
                return

    def _answer(self, data):
        assert len(data) % REQUEST.size == 0, data.hex()
        requests = [REQUEST.unpack_from(data, at) for at in range(0, len(data), REQUEST.size)]
        self.asked.append([r[-1] for r in requests])
        for n, _, flags, seq, _, command, _, _, n_attr, attr, tid in requests:
            assert (n, flags, command, n_attr, attr) == (REQUEST.size, 1, CMD_GET, 8, ATTR_PID)
            if tid in self.hooks:
                self.hooks.pop(tid)()
            if tid in self.drop:
                continue
            stats = self.live.get(tid)
            if stats is None:
                self.ours.send(nlmsg(NLMSG_ERROR, seq, struct.pack("=i", -errno.ESRCH) + data[:16]))
            else:
                nest = aggregate(AGGR_PID, tid, tb_fields.pack(stats, self.version))
                self.ours.send(taskstats_message(seq, [nest], command=TASKSTATS_CMD_NEW))

    def close(self):
        os.eventfd_write(self.stop, 1)
        self.thread.join(TIMEOUT)
        os.close(self.stop)
        self.ours.close()
        self.broker.close()


class Sample:
    """One sample, of all its parts."""

    def __init__(self):
        self.tasks = []
        self.last = None
        self.lost = 0

    def by(self, field="pid"):
        return {getattr(t, field): t for t in self.tasks}


def ask_stats(client, pids=(), tids=()):
    request = broker_pb2.ClientMessage()
    request.get_task_stats.SetInParent()
    request.get_task_stats.pids.extend(pids)
    request.get_task_stats.tids.extend(tids)
    return client.send(request)


def get_stats(client, pids=(), tids=()):
    ident = ask_stats(client, pids, tids)
    reply = client.reply("task_stats_reply")
    assert reply.request_id == ident
    assert len(reply.samples) == len(pids) + len(tids)
    return list(reply.samples)


def ask_samples(client, **kw):
    return sampling(client, **kw).next_number


def sampling(client, interval_ms=100, scope=0, filter=None, groups=0, starts=None):
    """The reply to a request for samples."""
    request = broker_pb2.ClientMessage()
    request.subscribe_samples.interval_ms = interval_ms
    request.subscribe_samples.scope = scope
    request.subscribe_samples.groups = groups
    if filter is not None:
        request.subscribe_samples.filter.CopyFrom(broker_pb2.Filter(**filter))
    if starts is not None:
        request.subscribe_samples.starts.CopyFrom(broker_pb2.FilterStarts(**starts))
    ident = client.send(request)
    while True:
        message = client.receive()
        body = message.WhichOneof("body")
        if body == "error":
            raise BrokerError(message.error)
        if body == "subscribed_samples":
            assert message.subscribed_samples.request_id == ident
            return message.subscribed_samples
        assert body in STREAM + ("sample_part", "sample_loss"), message


def next_sample(client):
    """The next sample, complete; parts of one number follow each other."""
    sample, number = Sample(), None
    while True:
        message = client.receive()
        body = message.WhichOneof("body")
        if body == "named":
            continue
        if body == "sample_loss":
            # the rest of the one at hand is gone too
            assert message.sample_loss.count > 0
            lost, sample, number = sample.lost + message.sample_loss.count, Sample(), None
            sample.lost = lost
            continue
        assert body == "sample_part", message
        batch = message.sample_part
        assert number in (None, batch.number), "parts of one sample follow each other"
        number = batch.number
        sample.tasks.extend(batch.samples)
        if batch.last:
            sample.last = batch
            assert batch.begin_time_ns <= batch.end_time_ns
            return sample
        assert not (batch.full or batch.begin_time_ns or batch.end_time_ns or batch.forks or batch.exits)


def sample_until(client, done):
    """Samples up to one for which done() holds."""
    out, deadline = [], time.monotonic() + TIMEOUT
    while not out or not done(out[-1]):
        assert time.monotonic() < deadline, f"not within {TIMEOUT:.0f} s and {len(out)} samples"
        out.append(next_sample(client))
    return out
