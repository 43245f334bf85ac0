# SPDX-License-Identifier: Apache-2.0
"""
Since Linux 6.6 any process can silence the proc connector for all listeners.
The broker must notice, put it right, and say what it did not see.
"""

import time

import pytest

from tb_client import ALL_KINDS, brief, what
from tb_daemon import FAST_ALARM
from tb_kernel import LISTEN
from tb_protocol import event_pb2
from tb_wait import TIMEOUT


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(arguments=FAST_ALARM)


def muted_loss(events):
    found = [e for e in events if what(e) == "loss" and e.loss.reason == event_pb2.LOSS_REASON_MUTED]
    assert len(found) <= 1
    return found[0] if found else None


def until_muted_loss(client):
    return client.until(lambda e: what(e) == "loss" and e.loss.reason == event_pb2.LOSS_REASON_MUTED)


def test_the_broker_asks_for_signs_of_life(daemon):
    """Once a second, each with another cookie; nothing is reported while the answers come."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.wait_requests(3)
    cookies = [ack for _, _, ack in k.requests]
    assert len(set(cookies)) == len(cookies)
    assert all(op == 1 for op, _, _ in k.requests)
    assert k.listeners == 1
    k.fork(100)
    assert brief([client.event()]) == [("fork", 100)]
    status = client.status()
    assert (status.connector.muted, status.connector.repaired) == (0, 0)


def test_muted_and_repaired(daemon):
    client = daemon.subscriber(kinds=ALL_KINDS)
    k = daemon.kernel
    k.fork(100)
    k.fork(101)
    k.fork(102, comm=b"init")
    client.take(3)
    k.mute()
    muted_at = time.time_ns()
    assert k.exec(100) is None
    # 100 and 101 end unseen; the accounting goes on, and gives the alarm.
    k.end(100, code=0x0600)
    k.end(101)
    k.wait_listening()
    events = until_muted_loss(client)
    loss = events[-1]
    assert loss.loss.source == event_pb2.LOSS_SOURCE_CONNECTOR
    assert loss.loss.at_least
    assert 0 < loss.loss.since_time_ns <= muted_at
    exits = {e.tid: e for e in events if what(e) == "exit"}
    assert sorted(exits) == [100, 101]
    for tid, e in exits.items():
        assert e.synthesised and e.exit.process_ended
        assert e.exit.stats.identity.ac_pid == tid
        assert e.exit.stats_missing == event_pb2.STATS_MISSING_UNSPECIFIED
        assert not e.task_unknown
    assert exits[100].exit.termination.exit_code == 6

    # It works again. The table is being compared with /proc now: nothing may differ there.
    k.fork(103, comm=b"init")
    k.mirror = False
    k.end(102)
    assert brief(client.take(2)) == [("fork", 103), ("exit", 102)]
    status = client.status()
    assert (status.connector.muted, status.connector.repaired) == (1, 1)
    assert (status.synthesised_exits, status.unmatched_stats) == (2, 0)


def test_muted_without_any_traffic(daemon):
    """No accounting record gives the alarm: the missing answer does."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.wait_requests(1)
    with k.lock:
        n_before = len(k.requests)
        k.mute()
    k.wait_listening()
    # One probe without an answer is enough: at the tick after it the broker repairs.
    assert [op == LISTEN for op, _, _ in k.requests[n_before:]].index(False) <= 1
    loss = until_muted_loss(client)[-1]
    assert loss.loss.at_least
    k.fork(100)
    assert brief([client.event()]) == [("fork", 100)]


def test_short_lives_in_the_blind_time(daemon):
    """Tasks are forked and end unseen: their ends are reported, from their records alone."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(99)
    client.event()
    k.mute()
    for tid in range(100, 120):
        k.fork(tid)
        k.end(tid, comm=b"short", values=dict(ac_uid=1000, ac_ppid=99))
    events = until_muted_loss(client)
    exits = [e for e in events if what(e) == "exit"]
    assert sorted(e.tid for e in exits) == list(range(100, 120))
    for e in exits:
        assert e.synthesised and e.exit.process_ended
        assert (e.comm, e.uid, e.ppid, e.pid) == (b"short", 1000, 99, e.tid)


def test_threads_end_in_the_blind_time(daemon):
    """Totals stay whole: the records came all the same."""
    client = daemon.subscriber(threads=True)
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    client.take(2)
    k.mute()
    k.end(101, pid=100, values=dict(nvcsw=10))
    events = until_muted_loss(client)
    assert [(what(e), e.tid, e.exit.process_ended) for e in events[:-1]] == [("exit", 101, False)]
    k.end(100, values=dict(nvcsw=1))
    e = client.event()
    assert e.exit.process_ended
    assert (e.exit.process_stats.task_count, e.exit.process_stats.tasks_missing) == (2, 0)
    assert e.exit.process_stats.scheduling.nvcsw == 11


def test_muted_again_and_again(daemon):
    client = daemon.subscriber()
    k = daemon.kernel
    k.wait_requests(1)
    for i in range(3):
        k.mute()
        k.end(500 + i)
        until_muted_loss(client)
        k.wait_listening()
    status = client.status()
    assert status.connector.muted == status.connector.repaired == 3
    assert k.listeners >= 1


def test_everybody_gets_the_blind_time(daemon):
    clients = [daemon.subscriber(kinds=("ptrace",)), daemon.subscriber()]
    k = daemon.kernel
    k.wait_requests(1)
    k.mute()
    for client in clients:
        assert muted_loss(until_muted_loss(client)).loss.at_least


def test_turned_far_back(daemon):
    """The counter can be turned back by any number: the remedy takes as many steps, and clients are served between."""
    k = daemon.kernel
    client = daemon.subscriber()
    k.wait_requests(1)
    k.mute(depth=100)
    deadline = time.monotonic() + TIMEOUT
    while not client.status().connector.muted:
        assert time.monotonic() < deadline
        k.wait_requests(1)
    k.wait_listening()
    until_muted_loss(client)
    status = client.status()
    assert (status.connector.muted, status.connector.repaired) == (1, 1)
    k.fork(100)
    assert brief([client.event()]) == [("fork", 100)]
