# SPDX-License-Identifier: Apache-2.0
"""A subscriber that does not read gets a report of its loss, and no other subscriber notices."""

import signal

import support
from reckoning import check_complete, check_numbers, name_of
from support import LOSS, Collecting

FELL_BEHIND = 8
N = 30_000


def test_slow_reader(directory, make_broker, beside):
    broker = make_broker("--feed-mib", "4")
    end = support.unique_name()
    good = beside(Collecting, broker, end, name="good")
    slow = beside(Collecting, broker, end, name="slow")
    strict = beside(Collecting, broker, end, name="strict", strict=True)
    other = beside(Collecting, broker, end, name="other", kinds=[support.FORK, support.EXIT], threads=False)
    slow.signal(signal.SIGSTOP)
    strict.signal(signal.SIGSTOP)

    truth, name = support.storm(directory, "fork", N)
    status = broker.status()
    assert status.connector.lost == 0 and status.taskstats.lost == 0

    # Both get the events that were already sent, then the notice of their loss: one goes on, the strict one ends.
    slow.signal(signal.SIGCONT)
    strict.signal(signal.SIGCONT)
    broker.settle(lambda s: s.closed_for_strict == 1 and s.subscribers == 3)
    more_truth, more_name = support.storm(directory, "fork", 500)
    support.marker(end)

    received = good.finish()
    check_complete(received, truth, name, 2)
    check_complete(received, more_truth, more_name, 2)
    check_complete(other.finish(), truth, name, 2)

    rest = slow.finish()
    check_numbers(rest)
    losses = [r for r in rest if r.kind == LOSS]
    assert losses
    for r in losses:
        assert (r.loss_source, r.loss_reason) == (support.SOURCE_READER, support.REASON_FELL_BEHIND), r
        assert not r.flags & support.AT_LEAST
    lost = sum(r.loss_count for r in losses)
    # The same feed: what it got is what the other got under the same numbers, and what it lost is exactly the rest.
    by_number = {r.number: r for r in received}
    for r in rest:
        if r.kind != LOSS and r.number in by_number:
            assert r == by_number[r.number]
    last = min(received[-1].number, rest[-1].number)
    first = max(received[0].number, rest[0].number)
    n_received = sum(1 for r in received if first <= r.number <= last)
    n_rest = sum(1 for r in rest if first <= r.number <= last and r.kind != LOSS)
    assert n_rest + lost == n_received
    assert [name_of(r) for r in rest].count(more_name) == [name_of(r) for r in received].count(more_name)

    strict.finish(code=3)
    error, code, strict_lost, closing = strict.said.split()
    assert (error, int(code), int(closing)) == ("error", FELL_BEHIND, 1)
    assert int(strict_lost) > 0

    status = broker.status()
    assert status.reader_lost >= lost
    assert status.closed_for_strict == 1
    assert status.feed_bytes <= 2 * (4 << 20) + (1 << 20)
