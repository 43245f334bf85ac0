# SPDX-License-Identifier: Apache-2.0
"""A thousand clients that ask for all tasks at the same moment, of which there are ten thousand."""

import pathlib
import resource
import selectors

import pytest
from crowd import Crowd, Sleepers
from recording import Control, Framed
from tb_client import Client, parse, what
from tb_protocol import broker_pb2, frame, parse_prefix

N_TASKS = 10_000
N_CLIENTS = 1000

ROOM = ("--feed-mib", "512")


@pytest.fixture
def descriptors():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 2 * N_CLIENTS), max(before[1], 2 * N_CLIENTS)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def memory(broker, field):
    for line in pathlib.Path(f"/proc/{broker.process.pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field}")


class Asking:
    """A connection that keeps what it is sent, and knows when the snapshot has ended."""

    def __init__(self, path):
        self.client = Client(path, welcome=False)
        self.client.greet()
        self.data = bytearray()
        self.at = 0
        self.next_number = None
        self.tasks = 0
        self.end = None

    def receive(self):
        self.data += self.client.socket.recv(1 << 20)
        while self.end is None and (prefix := parse_prefix(self.data[self.at:self.at + 16])):
            if len(self.data) < self.at + sum(prefix):
                return
            # All are sent the same: it is taken apart once.
            message = parse(bytes(self.data[self.at + prefix[0]:self.at + sum(prefix)]))
            self.at += sum(prefix)
            body = message.WhichOneof("body")
            if body == "subscribed":
                self.next_number = message.subscribed.next_number
            elif body == "snapshot_part":
                self.tasks += len(message.snapshot_part.tasks)
            else:
                assert body == "snapshot_end", message
                self.end = message.snapshot_end


def test_a_thousand_at_once(make_broker, beside, recorder, descriptors):
    """They are sent one or two snapshots, which are all that the broker has in memory, and nobody loses anything."""
    broker = make_broker(*ROOM)
    control = Control(broker)
    beside(Sleepers, N_TASKS)
    crowd = beside(Crowd, stay=0, kinds=("plain",))
    other = Framed(recorder, broker, threads=True).begin()
    clients = [Asking(broker.path) for _ in range(N_CLIENTS)]
    request = broker_pb2.ClientMessage(request_id=1)
    request.subscribe.threads = True
    request.subscribe.snapshot = True
    control.barrier()
    before = broker.status()
    memory_before = memory(broker, "VmRSS")
    pathlib.Path(f"/proc/{broker.process.pid}/clear_refs").write_text("5")      # VmHWM begins anew

    crowd.begin()
    selector = selectors.DefaultSelector()
    for client in clients:
        client.client.socket.setblocking(False)
        selector.register(client.client.socket, selectors.EVENT_READ, client)
        client.client.socket.sendall(frame(request))
    while len(selector.get_map()) > 0:
        ready = selector.select(30)
        assert ready, "nothing comes any more"
        for key, _ in ready:
            key.data.receive()
            if key.data.end:
                selector.unregister(key.fileobj)
    after = broker.status()
    memory_most = memory(broker, "VmHWM")
    crowd.stop()

    assert after.snapshot_subscribers - before.snapshot_subscribers == N_CLIENTS
    made = {(client.end.number, client.end.task_count) for client in clients}
    for client in clients:
        assert client.tasks == client.end.task_count >= N_TASKS and client.next_number == client.end.number + 1
    assert len(made) <= after.snapshots - before.snapshots
    largest = max(len(client.data) for client in clients)
    # Two snapshots at most, the events meanwhile, and some hundred bytes for each connection.
    room = 2 * largest + (after.feed_bytes - before.feed_bytes) + N_CLIENTS * 2048 + (1 << 20)
    assert memory_most - memory_before < room, (memory_before, memory_most, largest, after.snapshots)

    control.barrier()
    other.until_number(control.end_of(other))
    assert not [n for n in other.events if what(n.event) == "loss"]
    status = broker.status()
    assert status.reader_lost == status.connector.lost == status.taskstats.lost == 0
    for client in clients:
        client.client.close()
    control.close()
