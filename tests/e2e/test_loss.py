# SPDX-License-Identifier: Apache-2.0
"""Loss is counted exactly, reported where it happened, and never fatal."""

import struct
import time

import pytest

import tb_fields
import tb_kernel
from tb_client import brief, what
from tb_protocol import event_pb2


def losses(events):
    return [e for e in events if what(e) == "loss"]


def assert_gap(e, count, cpu):
    assert what(e) == "loss"
    assert (e.loss.count, e.loss.source, e.loss.reason) == (
        count, event_pb2.LOSS_SOURCE_CONNECTOR, event_pb2.LOSS_REASON_OVERRUN,
    )
    assert (e.loss.cpu_known, e.cpu, e.loss.at_least) == (True, cpu, False)
    assert (e.pid, e.tid) == (0, 0)


@pytest.mark.parametrize("count", [1, 5, 100000])
def test_gap_is_reported_in_its_place(daemon, count):
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100, cpu=2)
    k.lose(2, count)
    k.fork(101, cpu=2)
    before, loss, after = client.take(3)
    assert brief([before, after]) == [("fork", 100), ("fork", 101)]
    assert_gap(loss, count, 2)
    if loss.loss.since_time_ns:
        assert before.time_ns <= loss.loss.since_time_ns <= loss.time_ns
    status = client.status()
    assert status.connector.lost == count


def test_everybody_gets_the_loss(daemon):
    """Loss comes whatever was asked for."""
    clients = [daemon.subscriber(kinds=(kind,)) for kind in ("sid", "ptrace", "exit")]
    k = daemon.kernel
    k.fork(100, cpu=1)
    k.lose(1, 3)
    k.fork(101, cpu=1)
    for client in clients:
        assert_gap(client.event(), 3, 1)


def test_first_number_seen_is_no_gap(daemon):
    client = daemon.subscriber()
    k = daemon.kernel
    k.set_seq(5, 123456)
    k.fork(100, cpu=5)
    k.fork(101, cpu=5)
    assert brief(client.take(2)) == [("fork", 100), ("fork", 101)]
    assert client.status().connector.lost == 0


@pytest.mark.parametrize("start, lost", [(0xFFFFFFFE, 0), (0xFFFFFFFE, 3), (0xFFFFFFFF, 1), (0xFFFFFFF0, 20)])
def test_numbers_wrap(daemon, start, lost):
    client = daemon.subscriber()
    k = daemon.kernel
    k.set_seq(1, start)
    k.fork(100, cpu=1)
    k.lose(1, lost)
    k.fork(101, cpu=1)
    k.fork(102, cpu=1)
    k.fork(103, cpu=1)
    events = client.take(4 + bool(lost))
    assert [e.tid for e in events if what(e) == "fork"] == [100, 101, 102, 103]
    if lost:
        assert_gap(events[1], lost, 1)


def test_each_cpu_counts_for_itself(daemon):
    client = daemon.subscriber()
    k = daemon.kernel
    cpus = (0, 1, 7, 300)
    for i, cpu in enumerate(cpus):
        k.fork(100 + i, cpu=cpu)
    for i, cpu in enumerate(cpus):
        k.lose(cpu, i + 1)
    for i, cpu in enumerate(reversed(cpus)):
        k.fork(200 + i, cpu=cpu)
    events = client.take(12)[4:]
    for i, cpu in enumerate(reversed(cpus)):
        assert_gap(events[2 * i], len(cpus) - i, cpu)
        assert brief([events[2 * i + 1]]) == [("fork", 200 + i)]
    assert client.status().connector.lost == 10


def test_gap_before_an_acknowledgement(daemon):
    """Acknowledgements are numbered too: a loss just before one is not forgotten."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100)
    client.event()
    k.lose(0, 4)
    k.wait_requests(2)
    assert_gap(client.event(), 4, 0)


def test_many_gaps(daemon):
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100, cpu=1)
    for i in range(1, 200):
        k.lose(1, i)
        k.fork(100 + i, cpu=1)
    events = client.take(399)
    assert [e.loss.count for e in losses(events)] == list(range(1, 200))
    assert [what(e) for e in events[1:]] == ["loss", "fork"] * 199
    assert client.status().connector.lost == sum(range(1, 200))


def test_exit_without_statistics(daemon):
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100)
    k.exit(100, code=0x0300)
    k.fork(999)
    events = client.until_marker(999) + client.events_left()
    exits = [e for e in events if what(e) == "exit"]
    assert len(exits) == 1
    x = exits[0].exit
    assert x.stats_missing == event_pb2.STATS_MISSING_LOST
    assert not x.HasField("stats") and x.process_ended
    assert x.termination.exit_code == 3
    assert not exits[0].synthesised
    reported = losses(events) or [client.event()]
    assert [(e.loss.count, e.loss.source, e.loss.reason) for e in reported] == [
        (1, event_pb2.LOSS_SOURCE_TASKSTATS, event_pb2.LOSS_REASON_OVERRUN)
    ]
    assert client.status().taskstats.lost == 1


def test_missing_statistics_add_up(daemon):
    """The reported losses equal the exits without statistics, however they fall into turns of the broker's loop."""
    client = daemon.subscriber()
    k = daemon.kernel
    n = 300
    for i in range(n):
        k.fork(1000 + i)
        if i % 3:
            k.end(1000 + i)
        else:
            k.exit(1000 + i)
    missing, reported, exits = 0, 0, 0
    while exits < n or reported < missing:
        e = client.event()
        if what(e) == "exit":
            exits += 1
            missing += e.exit.stats_missing == event_pb2.STATS_MISSING_LOST
            assert e.exit.HasField("stats") == ((e.tid - 1000) % 3 != 0)
        elif what(e) == "loss":
            assert e.loss.source == event_pb2.LOSS_SOURCE_TASKSTATS
            reported += e.loss.count
    assert missing == reported == n // 3
    assert client.status().taskstats.lost == n // 3


def test_truncated_connector_datagram(daemon):
    """One that is larger than any the kernel sends: its number is missing, once."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100, cpu=1)
    seq = k.connector_seq[1]
    big = tb_kernel.proc_event(tb_kernel.FORK, 1, 1, struct.pack("=IIII", 1, 1, 101, 101)) + bytes(4096)
    k.connector_raw(tb_kernel.cn_message(seq, big))
    k.lose(1, 1)
    k.fork(102, cpu=1)
    events = client.take(3)
    assert brief(events)[::2] == [("fork", 100), ("fork", 102)]
    assert (events[1].loss.count, events[1].loss.source) == (1, event_pb2.LOSS_SOURCE_CONNECTOR)
    status = client.status()
    assert status.connector.truncated == 1
    assert status.connector.lost == 1, "counted once, not as a datagram and as a gap"


def test_truncated_taskstats_datagram(daemon):
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    k.fork(100)
    nest = tb_kernel.aggregate(tb_kernel.AGGR_PID, 100, bytes(30000))
    k.taskstats_raw(tb_kernel.taskstats_message(k.next_taskstats_seq(), [nest]))
    k.exit(100)
    e = client.until(lambda e: what(e) == "exit")[-1]
    assert e.exit.stats_missing == event_pb2.STATS_MISSING_LOST
    status = client.status()
    assert status.taskstats.truncated == 1
    assert status.taskstats.lost == 1


FORK = struct.pack("=IIII", 1, 1, 4000, 4000)


def good(seq=0, **kw):
    return tb_kernel.cn_message(seq, tb_kernel.proc_event(tb_kernel.FORK, 9, 1, FORK), **kw)


BAD_CONNECTOR = {
    "empty": b"",
    "one byte": b"\x4c",
    "header only": good()[:16],
    "cut in the header": good()[:10],
    "cut in cn_msg": good()[:30],
    "cut in proc_event": good()[:60],
    "another connector": good(idx=5),
    "another value": good(val=5),
    "length beyond the datagram": struct.pack("=I", 5000) + good()[4:],
    "length below a header": struct.pack("=I", 3) + good()[4:],
    "cn length beyond": good(length=60000),
    "cn length too small": good(length=4),
    "cpu absurd": tb_kernel.cn_message(0, tb_kernel.proc_event(tb_kernel.FORK, 0xFFFFFFFF, 1, FORK)),
    "pid 0": tb_kernel.cn_message(0, tb_kernel.proc_event(tb_kernel.EXEC, 9, 1, bytes(8))),
    "pid absurd": tb_kernel.cn_message(0, tb_kernel.proc_event(tb_kernel.EXEC, 9, 1, b"\xff" * 8)),
    "what is not known": tb_kernel.cn_message(0, tb_kernel.proc_event(0x400, 9, 1, FORK)),
    "several bits": tb_kernel.cn_message(0, tb_kernel.proc_event(tb_kernel.FORK | tb_kernel.EXEC, 9, 1, FORK)),
    "ones": b"\xff" * 76,
    "zeros": bytes(76),
}


@pytest.mark.parametrize("name", BAD_CONNECTOR)
def test_bad_connector_datagram(daemon, name):
    """It is counted, nothing comes of it, and what comes after it is read."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100, cpu=1)
    k.connector_raw(BAD_CONNECTOR[name])
    k.end(100, cpu=1)
    assert brief(client.take(2)) == [("fork", 100), ("exit", 100)]
    status = client.status()
    if "not known" in name or "several" in name:
        # A newer kernel sends such messages: they are not malformed.
        assert status.connector.malformed == 0
    else:
        assert status.connector.malformed == 1
    assert status.connector.lost == 0


@pytest.mark.parametrize("what_, union", [(tb_kernel.EXEC, bytes(8)), (0x400, FORK)])
def test_what_is_not_understood_leaves_no_gap(daemon, what_, union):
    """It was numbered like any other: nothing was lost."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100, cpu=1)
    k.event(what_, union, cpu=1)
    k.fork(101, cpu=1)
    assert brief(client.take(2)) == [("fork", 100), ("fork", 101)]
    assert client.status().connector.lost == 0


def bad_taskstats():
    stats = bytes([16]) + bytes(559)
    nest = tb_kernel.aggregate(tb_kernel.AGGR_PID, 100, stats)
    whole = tb_kernel.taskstats_message(1, [nest])
    pid = tb_kernel.attribute(tb_kernel.PID, struct.pack("=I", 100))
    return {
        "empty": b"",
        "header only": whole[:16],
        "cut": whole[:300],
        "cut in an attribute's header": whole[:22],
        "another command": tb_kernel.taskstats_message(1, [nest], command=7),
        "error message": tb_kernel.nlmsg(2, 1, bytes(20)),
        "attribute beyond the end": whole[:20] + struct.pack("=H", 60000) + whole[22:],
        "attribute of length 0": whole[:20] + struct.pack("=H", 0) + whole[22:],
        "inner attribute beyond the nest": whole[:24] + struct.pack("=H", 9000) + whole[26:],
        "short struct": tb_kernel.taskstats_message(1, [tb_kernel.aggregate(tb_kernel.AGGR_PID, 100, stats[:100])]),
        "tiny struct": tb_kernel.taskstats_message(1, [tb_kernel.aggregate(tb_kernel.AGGR_PID, 100, b"\x10")]),
        "no struct": tb_kernel.taskstats_message(1, [tb_kernel.attribute(tb_kernel.AGGR_PID, pid)]),
        "no pid": tb_kernel.taskstats_message(
            1, [tb_kernel.attribute(tb_kernel.AGGR_PID, tb_kernel.attribute(tb_kernel.STATS, stats))]
        ),
        "pid 0": tb_kernel.taskstats_message(1, [tb_kernel.aggregate(tb_kernel.AGGR_PID, 0, stats)]),
        "only a group": tb_kernel.taskstats_message(1, [tb_kernel.aggregate(tb_kernel.AGGR_TGID, 100, stats)]),
        "no attribute": tb_kernel.taskstats_message(1, []),
        "ones": b"\xff" * 596,
        "zeros": bytes(596),
    }


@pytest.mark.parametrize("name", bad_taskstats())
def test_bad_taskstats_datagram(daemon, name):
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    k.fork(200)
    k.taskstats_raw(bad_taskstats()[name])
    _, stats = k.end(200)
    e = client.until(lambda e: what(e) == "exit")[-1]
    assert e.tid == 200 and e.exit.stats.identity.ac_pid == 200
    assert client.status().taskstats.malformed == 1


def test_unknown_attributes_are_skipped(daemon):
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    k.fork(200)
    stats = k.make_stats(200, ac_flag=0x20)
    strange = tb_kernel.attribute(77, b"what is this")
    inner = (
        strange
        + tb_kernel.attribute(tb_kernel.PID, struct.pack("=I", 200))
        + strange
        + tb_kernel.attribute(tb_kernel.STATS, tb_fields.pack(stats, 16))
        + strange
    )
    k.taskstats_raw(
        tb_kernel.taskstats_message(1, [strange, tb_kernel.attribute(tb_kernel.AGGR_PID, inner), strange])
    )
    k.exit(200)
    assert client.event().exit.stats.identity.ac_pid == 200


def test_exit_lost_in_a_gap_is_synthesised_from_its_record(daemon):
    """The connector lost the exit, but the accounting record came: the end is reported, and marked."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100, cpu=1)
    k.stats(k.make_stats(100, ac_flag=0x20, ac_exitcode=0x0400))
    k.proc.remove(100)
    k.lose(1, 1)
    k.fork(101, cpu=1)
    events = client.until(lambda e: what(e) == "exit")
    e = events[-1]
    assert [what(x) for x in events[:3]] == ["fork", "loss", "fork"]
    assert (e.tid, e.synthesised, e.exit.process_ended) == (100, True, True)
    assert e.exit.stats.identity.ac_pid == 100
    assert e.exit.termination.exit_code == 4
    assert e.start_time_ns == events[0].start_time_ns
    status = client.status()
    assert (status.synthesised_exits, status.unmatched_stats) == (1, 0)
    assert status.connector.muted == 0


def test_reuse_after_a_lost_exit(daemon):
    """The old exit was lost, the number is used again: the next exit is the new task's own."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100, cpu=1)
    k.stats(k.make_stats(100, ac_flag=0x20, ac_etime_us=111))
    k.lose(1, 1)
    k.fork(100, cpu=1)
    k.end(100, cpu=1, values=dict(ac_etime_us=222), code=0x0200)
    k.fork(999, cpu=1)
    events = client.until_marker(999)
    assert brief(e for e in events if what(e) != "loss") == [
        ("fork", 100), ("exit", 100), ("fork", 100), ("exit", 100),
    ]
    exits = [e for e in events if what(e) == "exit"]
    assert [e.exit.stats.identity.ac_etime_us for e in exits] == [111, 222]
    assert [e.synthesised for e in exits] == [True, False]
    assert exits[1].exit.termination.exit_code == 2


def test_table_is_compared_with_proc_after_a_loss(daemon):
    """No event and no record reports a fork and an end: the broker finds both in /proc."""
    client = daemon.subscriber(threads=True)
    before = client.status()
    k = daemon.kernel
    k.fork(100, cpu=1)
    k.fork(101, cpu=1)
    client.take(2)
    daemon.proc.remove(100)
    daemon.proc.add(200, ppid=101, uid=7, comm=b"unheard of")
    daemon.proc.add(200, 201, ppid=101, uid=7, comm=b"its thread")
    daemon.proc.add(202, ppid=101, state="Z")
    stamp = time.monotonic_ns()
    daemon.proc.add(203, ppid=101)
    k.lose(1, 4)
    k.comm(101, comm=b"other", cpu=1)
    forks = set()

    def all_found(e):
        if what(e) == "fork":
            forks.add(e.tid)
        return forks == {200, 201, 203}

    events = client.until(all_found)
    (gone,) = [e for e in events if what(e) == "exit"]
    assert (gone.tid, gone.synthesised, gone.exit.process_ended) == (100, True, True)
    assert gone.exit.stats_missing == event_pb2.STATS_MISSING_NOT_WITNESSED
    found = sorted((e for e in events if what(e) == "fork"), key=lambda e: e.tid)
    assert [(e.tid, e.pid, e.ppid, e.uid, e.comm, e.synthesised, e.task_unknown) for e in found] == [
        (200, 200, 101, 7, b"unheard of", True, False),
        (201, 200, 101, 7, b"its thread", True, False),
        (203, 203, 101, 0, b"made-up", True, False),
    ]
    assert client.status().live_tasks == before.live_tasks + 4

    # It was seen in /proc before its FORK was queued: one fork, reported once.
    k.mirror = False
    k.fork(203, parent_tid=101, cpu=1, stamp=stamp)
    k.mirror = True

    # From then on they are tasks like any other.
    k.end(201, pid=200, cpu=1)
    k.end(200, cpu=1)
    events = client.take(2)
    assert brief(events) == [("exit", 201), ("exit", 200)]
    assert events[1].exit.process_ended and events[1].exit.process_stats.task_count == 2
    assert events[0].start_time_ns == found[1].start_time_ns
