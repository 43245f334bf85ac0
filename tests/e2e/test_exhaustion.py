# SPDX-License-Identifier: Apache-2.0
"""Without descriptors or memory, the broker serves the clients that it has, and reports nothing false."""

import os
import resource
import time

import pytest

from tb_client import BrokerError, Client, Closed, brief, what
from tb_protocol import broker_pb2
from tb_users import IS_ROOT, OTHER, client_of, open_directory, start_open
from tb_wait import wait_until

MIB = 1 << 20
RESERVE = 16 * MIB

needs_root = pytest.mark.skipif(not IS_ROOT, reason="several users take root")
# Users beside OTHER.
WATCHER, NEWCOMER, ANOTHER = 54322, 54323, 54324


@pytest.fixture
def open_daemon(make_daemon):
    with open_directory() as directory:
        yield start_open(make_daemon, directory)


def limit_descriptors(daemon):
    """None beyond those that it has."""
    pid = daemon.process.pid
    used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # Descriptors above the limit stay, and the lowest free one is what is taken next.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(set(range(len(used) + 1)) - used), hard))
    return hard


def assert_served(daemon, subscriber, first, n=50):
    for tid in range(first, first + n):
        daemon.kernel.fork(tid)
    assert brief(subscriber.take(n)) == [("fork", tid) for tid in range(first, first + n)]


def closing_error(client):
    error = client.error()
    assert error.closing
    client.expect_close()
    return error


@needs_root
@pytest.mark.parametrize("n", [8, 100])
def test_a_user_with_all_descriptors(open_daemon, n):
    """It loses some of its connections, so that a newcomer and root get in. Nobody else loses one."""
    daemon = open_daemon
    subscriber = daemon.subscriber(kinds=("fork",))
    watcher = client_of(daemon, WATCHER)
    watcher.subscribe(("fork",))
    connections = [client_of(daemon, OTHER) for _ in range(n)]
    limit_descriptors(daemon)

    newcomers = [client_of(daemon, uid) for uid in (NEWCOMER, 0, ANOTHER, 0)]
    closed = subscriber.status().closed_for_errors
    assert 1 <= closed < n
    for client in connections[n - closed:]:
        error = closing_error(client)
        assert error.code == broker_pb2.ERROR_CODE_QUOTA and "descriptors" in error.message
    # The places are not for the user who lost them.
    assert closing_error(client_of(daemon, OTHER, welcome=False)).code == broker_pb2.ERROR_CODE_QUOTA
    for client in [*connections[:n - closed], newcomers[0], newcomers[2]]:
        client.status()
    assert_served(daemon, subscriber, 1000)
    assert brief(watcher.take(50)) == [("fork", tid) for tid in range(1000, 1050)]
    assert subscriber.status().closed_for_errors == closed
    assert daemon.log().count("There are too few descriptors") == 1
    assert "No new connections for now" not in daemon.log()


@needs_root
def test_users_with_one_connection_each(open_daemon):
    """No user loses its only connection to another one, who gets an answer. Root gets in."""
    daemon = open_daemon
    subscriber = daemon.subscriber(kinds=("fork",))
    clients = [client_of(daemon, uid) for uid in (OTHER, WATCHER)]
    limit_descriptors(daemon)
    for _ in range(3):
        error = closing_error(client_of(daemon, NEWCOMER, welcome=False))
        assert error.code == broker_pb2.ERROR_CODE_LIMIT and "descriptor" in error.message
    for client in clients:
        client.status()
    daemon.client().status()
    assert_served(daemon, subscriber, 1000)


@needs_root
def test_out_of_descriptors(daemon):
    """Root has all of them itself: more of its clients wait."""
    subscriber = daemon.subscriber(kinds=("fork",))
    hard = limit_descriptors(daemon)
    waiting = [Client(daemon.path, welcome=False) for _ in range(5)]
    wait_until(lambda: "No new connections for now" in daemon.log(), "the pause is logged")
    before = subscriber.status()
    assert_served(daemon, subscriber, 1000)
    time.sleep(0.5)
    after = subscriber.status()
    # It waits, rather than try again and again: half a second of that would be half a second.
    assert after.broker_cpu_ns - before.broker_cpu_ns < 250_000_000
    assert after.connections == 1

    # With descriptors it goes on by itself: who waited is served, and no one came to harm.
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    for client in waiting:
        client.greet()
        client.close()
    assert daemon.log().count("No new connections for now") == 1
    assert_served(daemon, subscriber, 2000)


@needs_root
def test_place_of_one_that_leaves(daemon):
    subscriber = daemon.subscriber(kinds=("fork",))
    leaving = [daemon.client() for _ in range(4)]
    wait_until(lambda: subscriber.status().connections == 5, "all are there")
    limit_descriptors(daemon)
    waiting = Client(daemon.path, welcome=False)
    wait_until(lambda: "No new connections for now" in daemon.log(), "the pause is logged")
    for client in leaving:
        client.close()
    waiting.greet()
    waiting.close()


def test_a_proc_that_cannot_be_read_is_not_empty(daemon):
    """After a loss the table is compared with /proc: without descriptors nothing is synthesised."""
    daemon.kernel.wait_listening()
    for pid in range(100, 150):
        daemon.kernel.fork(pid)
    subscriber = daemon.subscriber(kinds=("fork", "exit"))
    alive = subscriber.status().live_tasks
    assert alive >= 50
    hard = limit_descriptors(daemon)
    # The broker receives no events of these tasks.
    daemon.proc.add(200, ppid=1, comm=b"lost")
    daemon.kernel.lose(0, 1)
    daemon.kernel.comm(100, comm=b"name")
    assert what(subscriber.event()) == "loss"
    time.sleep(2)
    assert subscriber.status().live_tasks == alive
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    # When it can, it looks again, and finds what there is to find.
    assert brief([subscriber.event()]) == [("fork", 200)]
    assert subscriber.status().live_tasks == alive + 1
    assert not subscriber.events_left()


def address_space(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[0]) * resource.getpagesize()


def test_out_of_memory(make_daemon):
    """
    The address space is limited, and slow readers want more of it. They lose events, others
    do not, and a new client gets an answer.
    """
    daemon = make_daemon(arguments=["--feed-mib", "64"])
    k = daemon.kernel
    k.wait_listening()
    pid = daemon.process.pid
    k.fork(100)
    k.mirror = False
    fast = daemon.subscriber(kinds=("comm",), threads=True)
    if address_space(pid) > 1 << 40:
        pytest.skip("the address sanitizer takes it all")
    slow = [daemon.subscriber(kinds=("comm",) + more, threads=True, rcvbuf=4096) for more in (("uid",), ("gid",), ("sid",))]
    resource.prlimit(pid, resource.RLIMIT_AS, (address_space(pid) + RESERVE + MIB,) * 2)
    n = 30000
    for i in range(n):
        k.comm(100, comm=b"%d" % i)
        if i % 500 == 499:
            fast.take(500)
    assert fast.reader_lost == 0
    assert fast.status().feed_bytes < 8 * MIB, "as much as there is, and no more"

    refused = 0
    clients = []
    for i in range(64):
        client = Client(daemon.path, welcome=False)
        clients.append(client)
        try:
            client.greet()
            client.subscribe(("fork",), filter={"uids": [i]})
        except (AssertionError, BrokerError, Closed):
            refused += 1
    assert refused > 0
    # Clients that connected before go on.
    for client in clients:
        client.close()
    for client in slow:
        try:
            received = client.until(lambda e: e.comm == b"%d" % (n - 1))
        except Closed:
            # There was no memory for the rest of a frame that this client had begun to read.
            continue
        assert sum(what(e) != "loss" for e in received) + client.reader_lost == n
        assert client.reader_lost > 0
    k.fork(101)
    k.comm(101, comm=b"more")
    fast.until(lambda e: e.comm == b"more")
    assert fast.reader_lost == 0
