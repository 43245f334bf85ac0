# SPDX-License-Identifier: Apache-2.0
"""
Slow readers. Each slow reader loses only its own events, gets the exact count of them,
and disturbs no other client.
"""

import pytest

import tb_fields
from tb_client import BrokerError, brief, what
from tb_protocol import broker_pb2, event_pb2

# A feed of 1 MiB holds some thirteen hundred exits with all their statistics.
N = 6000
ROUND = 500
KINDS = ("exit",)


@pytest.fixture
def small(make_daemon):
    return make_daemon(arguments=["--feed-mib", "1"])


def flood(daemon, fast, n=N, start=0):
    """n tasks, each read by `fast` before the next round is sent. The first has a number of its own."""
    k = daemon.kernel
    # Nothing is lost on the kernel's side: nobody will look into /proc, and thousands of files take long.
    k.mirror = False
    for i in range(start, start + n, ROUND):
        for j in range(i, i + ROUND):
            k.fork(1000 + j)
            k.stats(tb_fields.distinct(16, 1000 + j, 1000 + j))
            k.exit(1000 + j)
        for j, e in enumerate(fast.take(ROUND), i):
            assert e.tid == 1000 + j


def read_all(client, last):
    """Everything up to the end of the task numbered `last`; holes just where a Loss reports them."""
    due, received = 0, 0
    while True:
        e = client.event()
        if what(e) == "loss":
            assert e.loss.source == event_pb2.LOSS_SOURCE_READER
            assert e.loss.reason == event_pb2.LOSS_REASON_FELL_BEHIND
            assert not e.loss.at_least
            due += e.loss.count
            continue
        assert e.tid == 1000 + due, f"{e.tid} came, due was {1000 + due}"
        assert e.exit.stats.identity.ac_pid == e.tid
        due += 1
        received += 1
        if e.tid == 1000 + last:
            return received


def test_slow_reader_gets_its_loss(small):
    k = small.kernel
    slow = small.subscriber(kinds=KINDS, rcvbuf=4096)
    fast = small.subscriber(kinds=KINDS)
    flood(small, fast)
    received = read_all(slow, N - 1)
    assert slow.reader_lost > 0, "six thousand exits are more than 1 MiB"
    assert received + slow.reader_lost == N
    assert fast.reader_lost == 0
    status = fast.status()
    assert status.reader_lost == slow.reader_lost
    assert status.closed_for_strict == 0

    # It goes on like any other.
    k.fork(99999)
    k.end(99999)
    assert slow.event().tid == fast.event().tid == 99999
    assert small.client().status().reader_lost == status.reader_lost


def test_feed_is_bounded(small):
    slow = small.subscriber(kinds=KINDS, rcvbuf=4096)
    fast = small.subscriber(kinds=KINDS)
    most = 0
    for start in range(0, N, ROUND):
        flood(small, fast, ROUND, start)
        most = max(most, fast.status().feed_bytes)
    assert 0 < most <= 1 << 20
    slow.close()


def test_slow_readers_of_another_feed_lose_nothing_of_theirs(small):
    """A flood of one kind pushes nobody out who did not ask for it."""
    k = small.kernel
    slow = small.subscriber(kinds=("sid",), rcvbuf=4096)
    fast = small.subscriber(kinds=KINDS)
    k.sid(101)
    flood(small, fast)
    k.sid(102)
    assert brief(slow.take(2)) == [("new_session", 101), ("new_session", 102)]
    assert slow.reader_lost == 0
    assert fast.status().reader_lost == 0


def test_lagging_within_the_feed_loses_nothing(small):
    """A reader that pauses, but comes back in time."""
    slow = small.subscriber(kinds=KINDS, rcvbuf=4096)
    fast = small.subscriber(kinds=KINDS)
    n = ROUND
    flood(small, fast, n)
    assert read_all(slow, n - 1) == n
    assert slow.reader_lost == 0


def test_many_slow_readers(small):
    slow = [small.subscriber(kinds=KINDS, rcvbuf=4096) for _ in range(10)]
    fast = small.subscriber(kinds=KINDS)
    flood(small, fast)
    for client in slow:
        assert read_all(client, N - 1) + client.reader_lost == N
    assert fast.status().reader_lost == sum(client.reader_lost for client in slow)


def test_strict_reader_is_closed(small):
    strict = small.subscriber(kinds=KINDS, rcvbuf=4096, strict=True)
    fast = small.subscriber(kinds=KINDS)
    flood(small, fast)
    received = 0
    error = None
    try:
        while True:
            e = strict.event()
            assert e.tid == 1000 + received, "what comes before the end is whole"
            received += 1
    except BrokerError as e:
        error = e.error
    assert error.code == broker_pb2.ERROR_CODE_FELL_BEHIND
    assert error.closing and error.message
    assert 0 < error.lost <= N - received
    strict.expect_close()
    status = fast.status()
    assert status.closed_for_strict == 1
    assert status.subscribers == 1
    small.kernel.fork(99999)
    small.kernel.end(99999)
    assert fast.event().tid == 99999


def test_strict_reader_that_keeps_up_is_served(small):
    strict = small.subscriber(kinds=KINDS, strict=True)
    flood(small, strict)
    assert strict.status().closed_for_strict == 0


def test_reader_that_leaves_while_behind(small):
    slow = small.subscriber(kinds=KINDS, rcvbuf=4096)
    fast = small.subscriber(kinds=KINDS)
    flood(small, fast)
    slow.close()
    flood(small, fast, ROUND, N)
    assert fast.status().subscribers == 1


def test_slow_reader_gets_status_between(small):
    """Replies do not wait for the whole feed to be read, and tear no frame."""
    slow = small.subscriber(kinds=KINDS, rcvbuf=4096)
    fast = small.subscriber(kinds=KINDS)
    flood(small, fast)
    status = slow.status()
    assert status.subscribers == 2
    assert read_all(slow, N - 1) + slow.reader_lost == N
