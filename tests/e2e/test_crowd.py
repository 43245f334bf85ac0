# SPDX-License-Identifier: Apache-2.0
"""
Clients that come and go, in every state that a client can be in: what they had of the
broker it has back afterwards.
"""

import os
import random
import signal
import socket

from tb_client import Client, what
from tb_protocol import broker_pb2, frame
from tb_users import raise_file_limit
from tb_wait import wait_until


# How many come, at most so many at a time. The benchmark "crowd" has more come.
CROWD = int(os.environ.get("CROWD_CLIENTS", "300"))
AT_A_TIME = 100

# A feed without subscribers stays for the one, a client that has shut down and then goes is found out after the other:
# a quarter and a half of a minute are too long for a test.
SHORT = ["--resume-seconds", "1", "--request-seconds", "3"]


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def resident_kib(daemon):
    with open(f"/proc/{daemon.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def holdings(subscriber):
    """The broker's counts for all clients."""
    status = subscriber.status()
    return status.connections, status.subscribers, status.feeds, status.client_bytes


def assert_given_back(daemon, subscriber, before, n_descriptors):
    """A feed without subscribers stays for a while."""
    wait_until(lambda: holdings(subscriber)[0] == before[0], lambda: holdings(subscriber))
    assert descriptors(daemon) == n_descriptors
    wait_until(
        # Its own replies take more or less room.
        lambda: holdings(subscriber)[:3] == before[:3] and holdings(subscriber)[3] < before[3] + 8192,
        lambda: f"{holdings(subscriber)}, before: {before}",
    )


def subscribe_frame(**fields):
    message = broker_pb2.ClientMessage(request_id=1)
    message.subscribe.SetInParent()
    message.subscribe.MergeFrom(broker_pb2.Subscribe(**fields))
    return frame(message)


def visit(daemon, rng):
    """A client, somewhere in its life. A reader of its frames checks them against the protocol."""
    stage = rng.randrange(8)
    client = Client(daemon.path, welcome=stage > 0, rcvbuf=rng.choice((None, 4096)))
    if stage == 2:
        client.send_raw(subscribe_frame(threads=True)[:rng.randrange(1, 4)])
    elif stage == 3:
        client.send_raw(subscribe_frame(snapshot=True, filter=broker_pb2.Filter(uids=[rng.randrange(8)])))
    elif stage >= 4:
        client.subscribe(("fork", "exit"), snapshot=stage == 5, strict=stage == 6, max_delay_ms=rng.choice((0, 50)))
        if stage == 5:
            client.snapshot()
    client.wants_one = stage == 7
    return client


def leave(client, rng):
    if rng.randrange(3) == 0:
        client.socket.shutdown(socket.SHUT_WR)
    client.close()


def test_a_crowd_that_vanishes(make_daemon):
    raise_file_limit(4096)
    rng = random.Random(1)
    daemon = make_daemon(arguments=["--user-connections", "2000", *SHORT])
    daemon.kernel.mirror = False
    subscriber = daemon.subscriber(kinds=("fork",))
    before, n_descriptors = holdings(subscriber), descriptors(daemon)
    here, tid, kib = [], 1000, []
    for i in range(CROWD):
        if len(here) == AT_A_TIME:
            leave(here.pop(rng.randrange(len(here))), rng)
        here.append(visit(daemon, rng))
        # Each has something to read, whether it does or not.
        daemon.kernel.fork(tid)
        daemon.kernel.end(tid)
        tid += 1
        if here[-1].wants_one:
            here[-1].event()
        if i % 100 == 99:
            subscriber.status()
            kib.append(resident_kib(daemon))
    for client in here:
        leave(client, rng)
    assert [e.tid for e in subscriber.take(CROWD)] == list(range(1000, tid)), "an event was lost to the crowd"
    assert subscriber.reader_lost == 0
    assert_given_back(daemon, subscriber, before, n_descriptors)
    # Once it is warm, the crowd's size makes no difference.
    print(f"{CROWD} clients: {kib[0]} KiB at first, {kib[-1]} KiB at last")
    assert kib[-1] < 1.1 * kib[len(kib) // 2] + 4096


# The actions that a client is in the middle of when it is killed or stopped.
def connects(daemon):
    return Client(daemon.path, welcome=False)


def is_welcomed(daemon):
    return Client(daemon.path)


def asks_half(daemon):
    client = Client(daemon.path)
    client.send_raw(b"\x80\x80\x04" + bytes(20000))
    return client


def leaves_replies_unread(daemon):
    client = Client(daemon.path, rcvbuf=4096)
    client.socket.setblocking(False)
    status = frame(broker_pb2.ClientMessage(get_broker_status=broker_pb2.GetBrokerStatus()))
    try:
        while True:
            client.send_raw(status * 50)
    except BlockingIOError:
        return client


def subscribes(daemon):
    client = Client(daemon.path, rcvbuf=4096)
    client.subscribe(("comm",), threads=True)
    return client


def is_in_a_snapshot(daemon):
    client = Client(daemon.path, rcvbuf=4096)
    client.subscribe(("fork",), snapshot=True, filter={"uids": [0]})
    return client


def waits_for_programs(daemon):
    client = Client(daemon.path)
    client.ask(("exec",), programs=True, filter={"cgroups": [b"/nowhere"]})
    return client


def has_shut_down(daemon):
    client = Client(daemon.path)
    client.subscribe(("comm",), threads=True)
    client.socket.shutdown(socket.SHUT_WR)
    return client


STATES = (
    connects,
    is_welcomed,
    asks_half,
    leaves_replies_unread,
    subscribes,
    is_in_a_snapshot,
    waits_for_programs,
    has_shut_down,
)


def in_child(daemon, state):
    """A process of its own that is in this state, and stays in it."""
    ready, here = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(ready)
            client = state(daemon)
            os.write(here, b".")
            signal.pause()
            client.close()
        finally:
            os._exit(1)
    os.close(here)
    assert os.read(ready, 1) == b".", f"the child that {state.__name__} failed"
    os.close(ready)
    return pid


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_killed_in_every_state(make_daemon):
    daemon = make_daemon(arguments=SHORT)
    daemon.kernel.wait_listening()
    for pid in range(100, 600):
        daemon.kernel.fork(pid)
    subscriber = daemon.subscriber(kinds=("comm",), threads=True)
    before, n_descriptors = holdings(subscriber), descriptors(daemon)
    for round in range(2):
        children = [in_child(daemon, state) for state in STATES for _ in range(3)]
        for i in range(3000):
            daemon.kernel.comm(100, comm=b"%d" % i)
        assert len(subscriber.take(3000)) == 3000
        for pid in children:
            kill(pid)
    assert subscriber.reader_lost == 0
    assert_given_back(daemon, subscriber, before, n_descriptors)


def test_half_are_stopped_in_a_storm(make_daemon):
    """Stopped clients lose events, and the broker reports how many when they go on; the others lose nothing."""
    n, n_clients = 32000, 8
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    daemon.kernel.wait_listening()
    daemon.kernel.fork(100)
    daemon.kernel.mirror = False
    subscriber = daemon.subscriber(kinds=("comm",), threads=True)
    children = []
    for _ in range(n_clients):
        ready, here = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                client = Client(daemon.path, rcvbuf=4096)
                client.subscribe(("comm",), threads=True)
                os.write(here, b".")
                received = sum(what(e) != "loss" for e in client.until(lambda e: e.comm == b"last"))
                code = 0 if received + client.reader_lost == n + 1 else 2
                os.write(here, b"%d\n" % client.reader_lost)
            finally:
                os._exit(code)
        os.close(here)
        assert os.read(ready, 1) == b"."
        children.append((pid, ready))
    stopped = children[: n_clients // 2]
    for pid, _ in stopped:
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
    for i in range(n):
        daemon.kernel.comm(100, comm=b"%d" % i)
        if i % 500 == 499:
            subscriber.take(500)
    for pid, _ in stopped:
        os.kill(pid, signal.SIGCONT)
    daemon.kernel.comm(100, comm=b"last")
    subscriber.take(1)
    lost = []
    for pid, ready in children:
        lost.append(int(os.read(ready, 100)))
        os.close(ready)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "what it received and what it lost are not all"
    assert all(lost[: n_clients // 2]), "a feed of 1 MiB holds less than this storm"
    assert subscriber.reader_lost == 0
    assert subscriber.status().reader_lost == sum(lost)
