# SPDX-License-Identifier: Apache-2.0
"""max_delay_ms: fewer wake-ups for who asks for them, the same events."""

import threading
import time

import pytest

from tb_client import brief
from tb_wait import TIMEOUT

N = 1000


def run(daemon, n, delays, sender=None):
    """
    n forks, each read by an eager client before the next is sent, and by clients
    with these delays, each in a thread of its own. Returns the eager one, the
    others, and how long it took.
    """
    eager = daemon.subscriber(kinds=("fork",))
    lazy = [daemon.subscriber(kinds=("fork",), max_delay_ms=d) for d in delays]
    events = [None] * len(lazy)

    def read(i):
        events[i] = lazy[i].take(n)

    threads = [threading.Thread(target=read, args=(i,), daemon=True) for i in range(len(lazy))]
    for client in [eager] + lazy:
        client.n_received = 0
    for t in threads:
        t.start()
    begun = time.monotonic()
    for i in range(n):
        daemon.kernel.fork(1000 + i)
        eager.event()
    elapsed = time.monotonic() - begun
    for t in threads:
        t.join(TIMEOUT)
    due = [("fork", 1000 + i) for i in range(n)]
    for i in range(len(lazy)):
        assert brief(events[i]) == due
    return eager, lazy, elapsed


def test_fewer_wakes_same_events(daemon):
    eager, (lazy,), elapsed = run(daemon, N, [200])
    assert eager.n_received == N, "each was read before the next was sent"
    assert lazy.n_received <= elapsed / 0.2 * 2 + 3


def test_delays_of_several_clients_are_their_own(daemon):
    eager, lazy, elapsed = run(daemon, N, [0, 1, 50, 400])
    assert lazy[3].n_received <= elapsed / 0.4 * 2 + 3
    assert lazy[2].n_received <= elapsed / 0.05 * 2 + 3


def test_alone_it_gets_fewer_frames_too(daemon):
    """Nobody is in a hurry: the broker itself wakes less often, and its batches grow."""
    lazy = daemon.subscriber(kinds=("fork",), max_delay_ms=200)
    begun = time.monotonic()
    for i in range(200):
        daemon.kernel.fork(1000 + i)
    assert brief(lazy.take(200)) == [("fork", 1000 + i) for i in range(200)]
    # The broker waits the longer for the next event the longer nothing is in a hurry: at first, batches are small.
    assert lazy.n_batches <= (time.monotonic() - begun) / 0.2 * 2 + 50


@pytest.mark.parametrize("delay", [1, 300])
def test_an_event_alone_is_not_held_for_ever(daemon, delay):
    client = daemon.subscriber(kinds=("fork",), max_delay_ms=delay)
    for i in range(3):
        daemon.kernel.fork(100 + i)
        assert brief([client.event()]) == [("fork", 100 + i)]


def test_longest_delay_holds_back(daemon):
    """Nothing comes in the time in which an eager neighbour got everything; a reply overtakes it."""
    lazy = daemon.subscriber(kinds=("fork",), max_delay_ms=60000)
    eager = daemon.subscriber(kinds=("fork",))
    for _ in range(2):
        # Waits fall on a common grid: only twice in a row is the minute's turn not met.
        daemon.kernel.fork(100)
        daemon.kernel.end(100)
        eager.event()
        lazy.status()
        if not lazy.events:
            return
        lazy.events_left()
    raise AssertionError("not held back")
