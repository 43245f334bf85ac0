# SPDX-License-Identifier: Apache-2.0
"""
Loss that cannot be avoided: the broker gets small buffers, and is stopped while the kernel
sends many messages. Received messages and reported losses together must equal all that the
kernel made. A witness beside the broker has all of them.
"""

import bisect
import collections
import time

import pytest
import real_kernel as k
import support
from reckoning import check_every_exit_says_why, check_every_fork_has_its_exit, check_numbers, name_of
from support import LOSS, SYNTHESISED, Collecting, Witnessing

KIND_OF = {
    k.FORK: support.FORK, k.EXEC: support.EXEC, k.EXIT: support.EXIT, k.COMM: support.COMM, k.UID: support.UID,
    k.GID: support.GID, k.SID: support.SID, k.PTRACE: support.PTRACE, k.COREDUMP: support.COREDUMP,
}
ALL_KINDS = range(support.FORK, support.LOSS)

Asked = collections.namedtuple("Asked", "before after status")
Loss = collections.namedtuple("Loss", "stream witness names first last")


def ask(broker, seconds):
    """The status, many times over that time, with the times between which it was made."""
    out = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with broker.client() as client:
            before = time.monotonic_ns()
            status = client.status()
            out.append(Asked(before, time.monotonic_ns(), status))
        time.sleep(0.02)
    return out


@pytest.fixture(scope="module")
def lossy(directory):
    """Bursts that do not fit, as a subscriber and a witness got them; the tests below compare the two in many ways."""
    running = []
    witness = Witnessing(directory)
    running.append(witness)
    broker = support.Broker(directory, "--rcvbuf-bytes", str(192 * 1024))
    try:
        end = support.unique_name()
        collect = Collecting(directory, broker, end, kinds=ALL_KINDS)
        running.append(collect)
        first = ask(broker, 1.0)
        names = []
        for mode, count, options in (
            ("fork", 1500, {}),
            ("thread", 1500, {"threads": 300}),
            ("exec", 400, {}),
        ):
            name = support.unique_name()
            names.append(name)
            with broker.stopped():
                support.storm(directory, mode, count, name=name, **options)
            broker.settle(lambda status: status.connector.lost > 0)
            # A second storm while the broker runs; it may or may not keep up.
            support.storm(directory, mode, count, name=name, **options)
            time.sleep(0.3)
        last = ask(broker, 2.5)
        support.marker(end)
        stream = collect.finish()
        yield Loss(stream, witness.finish(), names, first, last)
    finally:
        for program in running:
            program.kill()
        broker.stop()


def reported_losses(stream, source):
    return sum(r.loss_count for r in stream if r.kind == LOSS and r.loss_source == source)


class Counted:
    """An answer, and between which numbers the number of the kernel messages lies that it counts."""

    # Between the stamp of a message and its place in the broker's queue. The witness stamps records by itself.
    MARGIN_NS = 100_000_000

    def __init__(self, asked, stamps):
        self.status = asked.status
        self.least = bisect.bisect_left(stamps, asked.before - self.MARGIN_NS)
        self.most = bisect.bisect_right(stamps, asked.after + self.MARGIN_NS)


def quietest(asked, stamps):
    """The answer whose number of messages is known best. It is exact on a machine that is quiet for a moment."""
    return min((Counted(a, stamps) for a in asked), key=lambda c: c.most - c.least)


def check_sum(lossy, source, name):
    stamps = sorted(w.stamp for w in lossy.witness if w.source == source)
    first = quietest(lossy.first, stamps)
    last = quietest(lossy.last[len(lossy.last) // 2:], stamps)
    a, b = getattr(first.status, name), getattr(last.status, name)
    assert b.lost > a.lost, "nothing was lost: the test is none"
    counted = (b.received - a.received) + (b.lost - a.lost)
    assert last.least - first.most <= counted <= last.most - first.least, (a, b)


def test_connector_received_and_lost_are_what_was_made(lossy):
    check_sum(lossy, support.WITNESS_CONNECTOR, "connector")


def test_taskstats_received_and_lost_are_what_was_made(lossy):
    check_sum(lossy, support.WITNESS_TASKSTATS, "taskstats")


def test_stream_tells_what_status_counts(lossy):
    last = lossy.last[-1].status
    assert reported_losses(lossy.stream, support.SOURCE_CONNECTOR) == last.connector.lost
    assert not [r for r in lossy.stream if r.kind == LOSS and r.loss_reason != support.REASON_OVERRUN]


def test_numbers_run_on(lossy):
    check_numbers(lossy.stream)


def test_loss_stands_where_it_happened(lossy):
    """
    Each event is found again in the witness, whose numbers have no holes. The events that are
    missing between two neighbours of one processor are those that the losses before the
    second count, except losses that were reported before their place was known.
    """
    made = {}
    for w in lossy.witness:
        if w.source == support.WITNESS_CONNECTOR:
            made[w.cpu, w.stamp, w.tid] = w
    acknowledged = sorted((w.cpu, w.sequence) for w in lossy.witness
                          if w.source == support.WITNESS_CONNECTOR and w.what == k.NONE)
    due, missing, acks, lost_here, lost_early = {}, 0, 0, collections.Counter(), 0
    for r in lossy.stream:
        if r.kind == LOSS:
            assert r.loss_count > 0
            if r.flags & support.CPU_KNOWN:
                lost_here[r.cpu] += r.loss_count
            else:
                lost_early += r.loss_count
            continue
        if r.flags & SYNTHESISED:
            continue
        w = made.pop((r.cpu, r.time_ns - r.realtime_offset_ns, r.tid))
        assert KIND_OF[w.what] == r.kind, (w, r)
        gap = w.sequence - due.get(r.cpu, w.sequence)
        assert gap >= 0, (w, r)
        n_acks = sum(1 for cpu, n in acknowledged if cpu == r.cpu and w.sequence - gap <= n < w.sequence) if gap else 0
        here = lost_here.pop(r.cpu, 0)
        # Never more than is missing. Less only by losses that came before, or by acknowledgements, which are no events.
        assert here <= gap, (w, r)
        assert here + lost_early + n_acks >= gap, (w, r)
        missing += gap
        acks += n_acks
        due[r.cpu] = w.sequence + 1
    reported = reported_losses(lossy.stream, support.SOURCE_CONNECTOR)
    assert missing > 0
    assert missing - acks <= reported <= missing, (missing, acks, reported)


def test_every_exit_says_why(lossy):
    missing = check_every_exit_says_why(lossy.stream)
    assert missing[support.STATS_LOST] > 0, "no exit lost its statistics: the test is none"
    assert missing[support.STATS_LOST] <= lossy.last[-1].status.taskstats.lost


def test_every_fork_has_its_exit(lossy):
    """The table of tasks is put right after a loss: nothing lives for ever."""
    for name in lossy.names:
        assert check_every_fork_has_its_exit(lossy.stream, name) > 0


def test_exits_that_only_taskstats_reported(lossy):
    """Their records are exact, and have what the connector lost."""
    synthesised = [r for r in lossy.stream if r.kind == support.EXIT and r.flags & SYNTHESISED
                 and r.flags & support.STATS]
    assert synthesised
    assert len(synthesised) <= lossy.last[-1].status.synthesised_exits
    records = collections.Counter(w.tid for w in lossy.witness if w.source == support.WITNESS_TASKSTATS)
    for r in synthesised:
        assert records[r.tid] > 0, r
    own = [r for r in synthesised if name_of(r) in lossy.names]
    assert own


def test_nothing_is_left_over(lossy):
    """When all is quiet again the broker waits for nothing."""
    # In at least one answer: records of other processes wait too, for as long as these take to be torn down.
    assert min(a.status.unmatched_stats for a in lossy.last) == 0
