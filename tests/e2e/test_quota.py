# SPDX-License-Identifier: Apache-2.0
"""
The limits of one user, and that other users have the rest. Root runs the tests with two
users; without root there is one user, and the tests that need root are left out.
"""

import itertools
import statistics
import time

import pytest

from tb_client import BrokerError, Closed, brief, what
from tb_live import ask_samples
from tb_protocol import broker_pb2
from tb_users import (
    IS_ROOT, OTHER, client_of, end_attack, open_directory, raise_file_limit, start_attack, start_open,
)
from tb_wait import wait_until

needs_root = pytest.mark.skipif(not IS_ROOT, reason="two users take root")



@pytest.fixture
def make_open(make_daemon):
    with open_directory() as directory:
        yield lambda **kw: start_open(make_daemon, directory, **kw)


def refusal(connect):
    """The Error with which a connection is turned away."""
    client = connect(welcome=False)
    error = client.error()
    assert error.closing
    client.expect_close()
    client.close()
    return error


def test_connections_of_a_user(make_open):
    daemon = make_open(arguments=["--user-connections", "5"])
    daemon.kernel.wait_listening()
    clients = [client_of(daemon, OTHER) for _ in range(5)]
    for _ in range(40):
        error = refusal(lambda **kw: client_of(daemon, OTHER, **kw))
        assert error.code == broker_pb2.ERROR_CODE_QUOTA
        assert "connections" in error.message
    if IS_ROOT:
        status = daemon.client().status()
        assert (status.refused_quota, status.refused_connections, status.connections) == (40, 40, 6)
    assert daemon.log().count(f"User {OTHER} has used up its quota of connections") == 1

    # A connection that one client gives back is free for another.
    clients.pop().close()

    def has_room():
        try:
            clients.append(client_of(daemon, OTHER))
            return True
        except AssertionError:
            return False

    wait_until(has_room, "the place of a connection that was closed")


def test_feeds_of_a_user(make_open):
    daemon = make_open()
    clients = [client_of(daemon, OTHER) for _ in range(17)]
    for i, client in enumerate(clients[:-1]):
        client.subscribe(("fork",), filter={"uids": [i]})
    with pytest.raises(BrokerError) as refused:
        clients[-1].subscribe(("fork",), filter={"uids": [99]})
    assert refused.value.error.code == broker_pb2.ERROR_CODE_QUOTA
    assert "feeds" in refused.value.error.message and not refused.value.error.closing
    # The connection goes on, and so does everybody else's.
    clients[-1].subscribe(("fork",), filter={"uids": [0]})
    if IS_ROOT:
        daemon.client().subscribe(("fork",))


def test_memory_of_a_user(make_open):
    """Only the readers of a feed that may not grow lose events, and the broker reports the loss to them."""
    daemon = make_open(arguments=["--user-mib", "1"])
    daemon.kernel.mirror = False
    slow = client_of(daemon, OTHER, rcvbuf=4096)
    slow.subscribe(("comm",), threads=True)
    beside = daemon.subscriber(kinds=("comm",), threads=True) if IS_ROOT else None
    daemon.kernel.fork(100)
    n = 25000
    for i in range(n):
        daemon.kernel.comm(100, comm=b"%d" % i)
        if beside and i % 500 == 499:
            beside.take(500)
    received = slow.until(lambda e: e.comm == b"%d" % (n - 1))
    assert slow.reader_lost > 0
    assert sum(what(e) != "loss" for e in received) + slow.reader_lost == n


def welcomed(daemon, uid):
    """A client of that user, if a quota does not refuse it now."""
    client = client_of(daemon, uid, welcome=False)
    message = client.receive()
    if message.WhichOneof("body") == "welcome":
        client.welcome = message.welcome
        return client
    assert message.error.code == broker_pb2.ERROR_CODE_QUOTA, message
    client.close()
    return None


@needs_root
@pytest.mark.parametrize("means", [("connections", "hold"), ("feeds", "readers"), ("requests", "halves"), ("patterns",),
                                   ("sweeps",), ("snapshots",)])
def test_root_loses_nothing_to_a_user_who_takes_all(make_open, means):
    """
    Events at a steady pace, beside a user who does what it can: each arrives, before the
    broker has worked long for that user. The clock is the broker's processor time: the
    benchmark measures how soon events come.
    """
    daemon = make_open()
    daemon.kernel.mirror = False
    subscriber = daemon.subscriber(kinds=("fork", "exit"))
    tids = itertools.count(1000)

    def wait_for_two():
        begin, tid = daemon.cpu_ns(), next(tids)
        daemon.kernel.fork(tid)
        daemon.kernel.end(tid)
        assert brief(subscriber.take(2)) == [("fork", tid), ("exit", tid)]
        used = daemon.cpu_ns() - begin
        time.sleep(0.002)
        return used

    attack = start_attack(daemon, 2, *means)
    waits = [wait_for_two()]
    while attack.poll() is None:
        waits.append(wait_for_two())
    done = end_attack(attack)
    assert subscriber.reader_lost == 0
    status = subscriber.status()
    assert status.connector.lost == status.taskstats.lost == 0
    median, worst = statistics.median(waits) / 1e6, max(waits) / 1e6
    print(f"{done}: {len(waits)} events, median {median:.2f} ms, worst {worst:.1f} ms of the broker's time")
    assert median < 50, f"half of all events took more than {median:.0f} ms of the broker's time"

    # Root gets what it asks for, and all is given back.
    daemon.client().subscribe(("exec",), snapshot=True)
    wait_until(lambda: subscriber.status().connections == 2, "the attacker's connections are gone")
    # The attacker's rate of connections recovers within a second.
    last = wait_until(lambda: welcomed(daemon, OTHER), "the attacker may connect")
    with pytest.raises(Closed):
        last.send_raw(b"\0")
        last.error()
        last.receive()


@pytest.fixture
def live(stats, make_open):
    """A broker for all users whose kernel answers for tasks."""
    daemon = make_open(start=False)
    daemon.arguments += ["--stats-fd", str(stats.broker.fileno())]
    command = daemon.command
    daemon.command = lambda: (command()[0], command()[1] + [stats.broker.fileno()])
    daemon.start()
    stats.broker.close()
    daemon.wait_ready()
    return daemon


def take_sample_feeds(daemon, uid, n):
    """Asks for different samples until that is refused. Return: how often it was granted, and the refusal."""
    for i in range(n):
        try:
            ask_samples(client_of(daemon, uid), interval_ms=60000 - i)
        except BrokerError as refused:
            return i, refused.error
    return n, None


@needs_root
def test_feeds_of_samples_for_root_and_newcomers(live):
    """Users who take all feeds of samples that they can get leave root its part, and each other user an ordinary set."""
    for uid in range(60000, 60006):
        granted, error = take_sample_feeds(live, uid, 17)
        assert granted >= 2 and error.code == broker_pb2.ERROR_CODE_QUOTA and not error.closing
        assert f"Your user has {granted} " in error.message and "feeds of samples" in error.message
        assert "end others" in error.message
    assert take_sample_feeds(live, 60100, 2) == (2, None)
    assert take_sample_feeds(live, 0, 8) == (8, None)


def try_everything(daemon, uid, n):
    """Asks for more and more of everything. Return: how many of the requests were refused."""
    refused, clients = 0, []
    for i in range(n):
        try:
            if i % 2 == 0 or not clients:
                clients.append(client_of(daemon, uid))
            elif i % 4 == 1:
                ask_samples(clients[-1], interval_ms=60000 - i)
            else:
                clients[-1].subscribe(("fork",), snapshot=True, filter={"uids": [i]})
        except (AssertionError, BrokerError, Closed):
            refused += 1
    return refused


@needs_root
def test_thirty_users_are_ordinary(live):
    """Thirty users, each with a table and a stream, are all served, and so they are beside a user who takes all."""
    raise_file_limit(4096)
    streams = []
    for uid in range(60000, 60030):
        ask_samples(client_of(live, uid), interval_ms=1000)
        streams.append(client_of(live, uid))
        streams[-1].subscribe(("fork",), snapshot=True)
    root = live.subscriber(kinds=("fork",), snapshot=True)
    ask_samples(live.client(), interval_ms=1000)
    assert root.status().refused_quota == 0

    assert try_everything(live, OTHER, 1000) > 500
    live.kernel.fork(3000)
    for client in [root] + streams:
        assert client.take(1)[0].tid == 3000
        assert client.reader_lost == 0
    late = client_of(live, 61000)
    late.subscribe(("fork",), snapshot=True)
    ask_samples(client_of(live, 61000), interval_ms=1000)
    ask_samples(live.client(), interval_ms=2000)


@needs_root
def test_flood_of_connections(make_open):
    """A user that connects again and again is refused after a while, and other users are not."""
    daemon = make_open()
    daemon.kernel.wait_listening()
    refused = []
    while not refused:
        for _ in range(400):
            client = client_of(daemon, OTHER, welcome=False)
            message = client.receive()
            if message.WhichOneof("body") == "error":
                refused.append(message.error)
            client.close()
    assert all(error.code == broker_pb2.ERROR_CODE_QUOTA and error.closing for error in refused)
    assert "connections a second" in refused[0].message and "wait before connecting" in refused[0].message
    client_of(daemon, OTHER + 1)
    assert daemon.client().status().refused_quota == len(refused)
    assert daemon.log().count(f"User {OTHER} has used up its quota of connections a second") == 1


@needs_root
def test_subordinate_users_count_with_their_owner(make_open, tmp_path):
    """A user does not get more by the ids that newuidmap(1) gives it; the file is read again when it changes."""
    subuid = tmp_path / "subuid"
    subuid.write_text(f"{OTHER}:200000:65536\nnot a line\n")
    daemon = make_open(arguments=["--user-connections", "5", "--subuid-file", str(subuid)])
    daemon.kernel.wait_listening()
    for i in range(5):
        client_of(daemon, 200000 + i)
    for uid in (OTHER, 200000, 265535):
        assert "5 of the 5 connections" in refusal(lambda **kw: client_of(daemon, uid, **kw)).message
    client_of(daemon, 265536)
    assert "1 lines of" in daemon.log()

    subuid.write_text(f"{OTHER}:300000:65536\n")

    wait_until(lambda: welcomed(daemon, 200100), "the range belongs to no user")


@needs_root
def test_all_clients_of_a_user_come_back_at_once(make_open):
    """As many connections as a user may have can be made at once, also if an option allows many."""
    raise_file_limit(4096)
    daemon = make_open(arguments=["--user-connections", "500"])
    for _ in range(500):
        client_of(daemon, OTHER)
