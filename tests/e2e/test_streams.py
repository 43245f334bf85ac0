# SPDX-License-Identifier: Apache-2.0
"""Several streams on one connection: events of several filters, samples, and what each of them loses."""

import pytest

import tb_fields
from tb_client import BrokerError, brief
from tb_protocol import broker_pb2
from tb_streams import Streams


@pytest.fixture
def connect(request):
    """Connects clients with several streams."""
    clients = []

    def connect(daemon, **kw):
        clients.append(Streams(daemon.path, **kw))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def samples_request(interval_ms=100, **kw):
    return broker_pb2.SubscribeSamples(interval_ms=interval_ms, **kw)


def test_each_has_its_events(daemon, connect):
    """Streams have numbers of their own, their own events, and event numbers that do not depend on each other."""
    client = connect(daemon)
    forks = client.begin(kinds=("fork",))
    exits = client.begin(kinds=("exit",))
    again = client.begin(kinds=("fork",))
    assert [s.stream for s in (forks, exits, again)] == [1, 2, 3]
    assert forks.feed == again.feed != exits.feed
    daemon.kernel.wait_listening()
    for tid in (100, 101):
        daemon.kernel.fork(tid)
    daemon.kernel.end(100)
    for stream in (forks, again):
        numbered = [stream.next(), stream.next()]
        assert [(n.number, n.event.tid) for n in numbered] == [(1, 100), (2, 101)]
    assert brief([exits.event()]) == [("exit", 100)]
    status = client.status()
    assert (status.subscribers, status.connections, status.feeds) == (3, 1, 2)


def test_snapshots(daemon, connect):
    """Each stream with a snapshot gets its own, of its filter, before its events."""
    client = connect(daemon)
    first = client.begin()
    daemon.kernel.wait_listening()
    daemon.kernel.fork(100)
    daemon.kernel.fork(101)
    first.take(2)
    both = client.begin(snapshot=True)
    one = client.begin(snapshot=True, filter={"pids": [101]})
    daemon.kernel.fork(102, parent_tid=101)
    assert {task.tid for task in both.snapshot()} >= {100, 101}
    assert [task.tid for task in one.snapshot()] == [101]
    for stream in (first, both, one):
        assert brief([stream.event()]) == [("fork", 102)]


def test_too_many(daemon, connect):
    """A connection has 16 streams. A refusal ends neither the connection nor a stream, and has no number of one."""
    client = connect(daemon)
    streams = [client.begin(kinds=("fork",)) for _ in range(16)]
    with pytest.raises(BrokerError) as caught:
        client.begin(kinds=("fork",))
    assert (caught.value.error.code, caught.value.error.closing) == (broker_pb2.ERROR_CODE_LIMIT, False)
    daemon.kernel.wait_listening()
    daemon.kernel.fork(100)
    for stream in streams:
        assert brief([stream.event()]) == [("fork", 100)]


def test_resume_many(daemon, connect):
    """Each stream of a connection that broke is resumed by itself."""
    client = connect(daemon)
    streams = [client.begin(kinds=("fork",)), client.begin(kinds=("fork",), filter={"pids": [100]})]
    daemon.kernel.wait_listening()
    daemon.kernel.fork(100)
    daemon.kernel.fork(101)
    assert brief(streams[0].take(2)) == [("fork", 100), ("fork", 101)]
    assert brief([streams[1].event()]) == [("fork", 100)]
    places = [stream.place() for stream in streams]
    client.close()
    daemon.kernel.fork(102, parent_tid=100)
    client = connect(daemon)
    one = client.begin(kinds=("fork",), filter={"pids": [100]}, resume=places[1])
    all_ = client.begin(kinds=("fork",), resume=places[0])
    assert brief([one.event()]) == [("fork", 102)]
    assert brief([all_.event()]) == [("fork", 102)]


def test_slow_reader(make_daemon, connect):
    """A client that stalls loses events of the stream that has too many, and none of another one."""
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    client = connect(daemon, rcvbuf=4096)
    busy = client.begin(kinds=("fork",))
    calm = client.begin(kinds=("fork",), filter={"pids": [99]})
    daemon.kernel.wait_listening()
    daemon.kernel.fork(99)
    for tid in range(100, 15099):
        daemon.kernel.fork(tid, parent_tid=99 if tid % 1000 == 0 else 1)
    daemon.kernel.mark(77)
    events, _ = calm.until_mark(77)
    assert [event.tid for event in events] == [99, *range(1000, 15099, 1000)]
    events, _ = busy.until_mark(77)
    assert busy.reader_lost > 0 and calm.reader_lost == 0
    assert len([e for e in events if e.WhichOneof("kind") == "fork"]) + busy.reader_lost == 15000


def test_strict(make_daemon, connect):
    """A strict stream that loses events ends the connection, with an Error that has the number of the stream."""
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    client = connect(daemon, rcvbuf=4096)
    client.begin(kinds=("exit",))
    strict = client.begin(kinds=("fork",), strict=True)
    daemon.kernel.wait_listening()
    for tid in range(100, 15100):
        daemon.kernel.fork(tid)
    while True:
        message = client.receive()
        if message.WhichOneof("body") == "error":
            break
    assert (message.stream, message.error.code) == (strict.stream, broker_pb2.ERROR_CODE_FELL_BEHIND)
    assert message.error.closing and message.error.lost > 0
    client.expect_close()


@pytest.fixture
def live(stats, make_daemon):
    """A broker whose kernel answers for tasks."""
    daemon = make_daemon(start=False)
    daemon.arguments += ["--stats-fd", str(stats.broker.fileno())]
    command = daemon.command
    daemon.command = lambda: (command()[0], command()[1] + [stats.broker.fileno()])
    daemon.start()
    stats.broker.close()
    daemon.wait_ready()
    for tid in (1, 100, 101):
        stats.live[tid] = tb_fields.Stats(ac_pid=tid, ac_tgid=tid, cpu_run_virtual_total_ns=tid)
    return daemon


def test_events_and_samples(live, connect):
    """Events and samples come on one connection, and questions are answered between them."""
    client = connect(live)
    first = client.begin_samples(samples_request())
    events = client.begin(kinds=("fork",), snapshot=True)
    second = client.begin_samples(samples_request(filter=broker_pb2.Filter(pids=[101])))
    assert [s.stream for s in (first, events, second)] == [1, 2, 3]
    live.kernel.wait_listening()
    events.snapshot()
    live.kernel.fork(100)
    live.kernel.fork(101)
    assert brief(events.take(2)) == [("fork", 100), ("fork", 101)]
    status = client.status()
    assert (status.subscribers, status.sample_subscribers) == (1, 2)
    seen = set()
    while not {100, 101} <= seen:
        seen |= {task.tid for task in first.sample().samples}
    seen = set()
    while not seen:
        seen |= {task.tid for task in second.sample().samples}
    assert seen == {101}


# -- streams that end, or begin anew ----------------------------------------


def test_unsubscribe(daemon, connect):
    """A stream that has ended sends nothing, its number is not used again, and the others go on."""
    client = connect(daemon)
    first = client.begin(kinds=("fork",))
    second = client.begin(kinds=("fork",))
    daemon.kernel.wait_listening()
    client.unsubscribe(first)
    daemon.kernel.fork(100)
    assert brief([second.event()]) == [("fork", 100)]
    assert client.begin(kinds=("exit",)).stream == 3
    assert client.status().subscribers == 2
    first.stream = 1
    for ask in (client.unsubscribe, client.change_filter, client.get_snapshot):
        with pytest.raises(BrokerError) as caught:
            ask(first)
        assert caught.value.error.code == broker_pb2.ERROR_CODE_BAD_VALUE
        assert caught.value.error.field.endswith(".stream")


def test_change_filter(daemon, connect):
    """A search box: with each filter the table is filled by a snapshot, and kept by the events behind it."""
    client = connect(daemon)
    stream = client.begin(snapshot=True)
    daemon.kernel.wait_listening()
    stream.snapshot()
    for tid in (100, 101):
        daemon.kernel.fork(tid)
    daemon.kernel.fork(110, parent_tid=100)
    stream.take(3)
    for pids, tids, child in (([100], {100, 110}, 111), ([101], {101}, 112), ([100, 101], {100, 101, 110, 111, 112}, 113)):
        client.change_filter(stream, pids=pids)
        assert {task.tid for task in stream.snapshot()} == tids
        daemon.kernel.fork(child - 40, parent_tid=1)
        daemon.kernel.fork(child, parent_tid=pids[0])
        assert brief([stream.event()]) == [("fork", child)]
    client.change_filter(stream)
    # the first snapshot of this set may be shared: then the events since then come behind it
    table = {task.tid for task in stream.snapshot()}
    daemon.kernel.fork(120)
    table |= {event.tid for event in stream.until_marker(120)}
    assert table == {1, 71, 72, 73, 100, 101, 110, 111, 112, 113}


def test_change_filter_without_snapshot(daemon, connect):
    """Each event is received, or is in the number of unsent events, or belongs to the set after the change."""
    client = connect(daemon)
    stream = client.begin(kinds=("fork",))
    daemon.kernel.wait_listening()
    daemon.kernel.fork(100)
    for tid in range(200, 300):
        daemon.kernel.fork(tid)
    restarted = client.change_filter(stream, pids=[100])
    assert len(stream.events_left()) + restarted.unsent == 101
    daemon.kernel.fork(300)
    daemon.kernel.fork(301, parent_tid=100)
    numbered = stream.next()
    assert (numbered.number, numbered.event.tid) == (restarted.next_number, 301)


def test_get_snapshot(daemon, connect):
    """A snapshot on request: its events follow, and none is missing."""
    client = connect(daemon)
    stream = client.begin()
    daemon.kernel.wait_listening()
    for tid in (100, 101):
        daemon.kernel.fork(tid)
    client.get_snapshot(stream)
    assert {task.tid for task in stream.snapshot()} == {1, 100, 101}
    stream.events_left()
    daemon.kernel.fork(102)
    numbered = stream.next()
    assert (numbered.number, numbered.event.tid) == (3, 102)


def test_change_filter_of_samples(live, connect):
    client = connect(live)
    stream = client.begin_samples(samples_request())
    live.kernel.wait_listening()
    live.kernel.fork(100)
    live.kernel.fork(101)
    assert stream.sample().full
    client.change_filter(stream, pids=[101])
    stream.samples.clear()
    sample = stream.sample()
    assert sample.full and [task.tid for task in sample.samples] == [101]
    with pytest.raises(BrokerError) as caught:
        client.change_filter(stream, nonzero=True)
    assert caught.value.error.field == "change_filter.filter"
    client.unsubscribe(stream)
    assert client.status().sample_subscribers == 0
