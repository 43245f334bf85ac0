# SPDX-License-Identifier: Apache-2.0
"""Storms of a known size: no subscriber misses an event, no event comes twice, everything is exact."""

import threading

import pytest
import support
from reckoning import check_complete, name_of
from support import Collecting, Truth

N_PROCESSES = 100_000
N_THREADS = 200_000
N_EXECS = 100_000
N_PYTHON = 4_000
WORKERS = 2


# Room for a whole storm: however busy the machine is, no subscriber falls behind.
ROOM = ("--feed-mib", "512")


def check_nothing_lost(status):
    for source in (status.connector, status.taskstats):
        assert (source.lost, source.dropped, source.truncated, source.malformed, source.foreign) == (0,) * 5, source
        assert source.muted == 0
    assert status.reader_lost == 0
    assert status.closed_for_errors == 0 and status.closed_for_strict == 0


def storm_and_collect(directory, broker, beside, mode, count, n_subscribers=3, **options):
    """A storm with subscribers that write it down; returns the truth, the storm's name, and their files."""
    end = support.unique_name()
    running = [
        beside(Collecting, broker, end, name=f"collect-{mode}-{i}", strict=i == 1, delay=250 if i == 2 else 0)
        for i in range(n_subscribers)
    ]
    truth, name = support.storm(directory, mode, count, workers=WORKERS, **options)
    support.marker(end)
    streams = [c.finish() for c in running]
    for c in running:
        c.path.unlink()
    return truth, name, streams


def check_all(truth, name, streams, **options):
    check_complete(streams[0], truth, name, WORKERS, **options)
    # The others have the same feed: from its storm's first event to its last the very same records.
    bounds = [i for i, r in enumerate(streams[0]) if name_of(r) == name]
    own = streams[0][bounds[0]:bounds[-1] + 1]
    for stream in streams[1:]:
        offset = own[0].number - stream[0].number
        assert stream[offset:offset + len(own)] == own


@pytest.mark.parametrize("mode, count, options", [
    ("fork", N_PROCESSES, {}),
    ("thread", N_THREADS, {"threads": 4000, "window": 64}),
], ids=["processes", "threads"])
def test_storm(directory, make_broker, beside, mode, count, options):
    broker = make_broker(*ROOM)
    truth, name, streams = storm_and_collect(directory, broker, beside, mode, count, **options)
    assert len(truth) >= count
    check_nothing_lost(broker.status())
    check_all(truth, name, streams)


def test_threads_alive_together(directory, make_broker, beside):
    """Thousands in one process, which end at the same moment, while the leader ends the process."""
    broker = make_broker(*ROOM)
    truth, name, streams = storm_and_collect(
        directory, broker, beside, "thread", 20_000, n_subscribers=1, threads=5000, hold=True
    )
    check_nothing_lost(broker.status())
    check_all(truth, name, streams)


@pytest.mark.parametrize("mode", ["exec", "spawn"])
def test_exec(directory, make_broker, beside, mode):
    broker = make_broker(*ROOM)
    count = N_EXECS if mode == "exec" else N_EXECS // 30
    truth, name, streams = storm_and_collect(directory, broker, beside, mode, count)
    check_nothing_lost(broker.status())
    check_all(truth, name, streams, execs=True)


def test_second_implementation(directory, make_broker):
    """The same through Python's protobuf, as it comes in."""
    broker = make_broker(*ROOM)
    client = broker.subscriber(threads=True)
    events = []
    end = support.unique_name()

    def read():
        events.extend(client.until(
            lambda e: e.WhichOneof("kind") == "exit" and e.exit.process_ended and e.comm.decode() == end
        ))

    reader = threading.Thread(target=read)
    reader.start()
    truth, name = support.storm(directory, "fork", N_PYTHON, workers=WORKERS)
    support.marker(end)
    reader.join(support.TIMEOUT)
    assert not reader.is_alive()
    client.close()

    check_nothing_lost(broker.status())
    own = [e for e in events if e.comm.decode() == name]
    by_maker = {}
    for e in own:
        if e.WhichOneof("kind") == "fork":
            by_maker.setdefault(e.fork.parent_pid, []).append(e)
    assert {m: [e.tid for e in es] for m, es in by_maker.items()} == order_of(truth)

    status = {(e.tid, e.start_time_ns): e for e in own if e.WhichOneof("kind") == "exit"}
    for maker, forks in by_maker.items():
        for e, t in zip(forks, [t for t in truth if t.maker == maker]):
            end_event = status.pop((e.tid, e.start_time_ns))
            assert end_event.exit.termination.exit_code << 8 == t.status
            assert end_event.exit.process_ended
            assert end_event.exit.stats.identity.ac_pid == t.pid
            assert end_event.exit.stats.identity.ac_ppid == t.maker
            assert end_event.exit.stats.identity.ac_comm.decode() == name
            assert not end_event.exit.HasField("process_stats")
    assert len(status) == WORKERS


def order_of(truth):
    order = {}
    for t in truth:
        order.setdefault(t.maker, []).append(t.tid)
    return order


def test_truth_file_is_what_python_reads():
    """The layouts of truth.h, as they are unpacked here."""
    assert support.TRUTH.size == 32
    assert support.WITNESS.size == 32
    assert support.RECORD.size == 144
    assert len(Truth._fields) == 7
