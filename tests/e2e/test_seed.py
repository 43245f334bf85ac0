# SPDX-License-Identifier: Apache-2.0
"""The beginning of the task table: what /proc shows when the broker starts."""

import time

import pytest

from tb_client import ALL_KINDS, brief
from tb_protocol import broker_pb2, event_pb2
import tb_fields


@pytest.fixture
def seeded(make_daemon):
    daemon = make_daemon(start=False)
    daemon.made = {
        50: daemon.proc.add(50, ppid=1, uid=1000, gid=100, comm=b"a) (b\\"),
        51: daemon.proc.add(50, tid=51, uid=1000, gid=100, comm=b"thread"),
        60: daemon.proc.add(60, ppid=50, uid=1001, euid=0, comm=b"setuid"),
    }
    daemon.start()
    return daemon


def boot_to_wall():
    return time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_table(seeded):
    client = seeded.subscriber(kinds=ALL_KINDS, threads=True)
    status = client.status()
    assert (status.live_tasks, status.live_processes) == (4, 3)
    k = seeded.kernel
    k.sid(50)
    k.ptrace(51, pid=50, tracer_tid=1, tracer_pid=1)
    k.sid(60)
    leader, thread, other = client.take(3)
    assert (leader.pid, leader.tid, leader.ppid, leader.uid, leader.comm) == (50, 50, 1, 1000, b"a) (b\\")
    assert (thread.pid, thread.tid, thread.ppid, thread.uid, thread.comm) == (50, 51, 1, 1000, b"thread")
    assert (other.pid, other.ppid, other.uid, other.comm) == (60, 50, 1001, b"setuid")
    for e in (leader, thread, other):
        assert not e.task_unknown
        assert abs(e.start_time_ns - (seeded.made[e.tid] + boot_to_wall())) < 1_000_000_000


def test_nothing_is_reported_of_the_seed_itself(seeded):
    client = seeded.subscriber(kinds=ALL_KINDS, threads=True)
    seeded.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]


def test_children_of_seeded_processes(seeded):
    client = seeded.subscriber()
    seeded.kernel.fork(100, parent_tid=51, parent_pid=50)
    e = client.event()
    assert (e.ppid, e.uid, e.comm) == (50, 1000, b"thread")


def test_end_of_a_seeded_process(seeded):
    client = seeded.subscriber(kinds=("exit",))
    k = seeded.kernel
    k.end(51, pid=50, values=dict(ac_uid=1000, read_bytes=1024))
    group = tb_fields.Stats(ac_utime_us=5000, nvcsw=9)
    k.end(50, comm=b"a) (b\\", group=group, values=dict(ac_uid=1000, read_bytes=2048, ac_utime_us=10))
    e = client.event()
    assert (e.pid, e.tid, e.uid, e.comm) == (50, 50, 1000, b"a) (b\\")
    assert e.exit.process_ended
    totals = e.exit.stats
    assert totals.tasks_unseen, "older than the broker"
    assert (totals.task_count, totals.io.read_bytes) == (2, 3072)
    assert (totals.cpu.ac_utime_us, totals.scheduling.nvcsw) == (5000, 9), "the kernel saw them all"


def test_seeded_process_whose_other_threads_had_gone(seeded):
    """One task is left, but the kernel's sums say that it had company."""
    client = seeded.subscriber(kinds=("exit",), threads=True)
    k = seeded.kernel
    group = tb_fields.Stats(ac_utime_us=7000, nvcsw=90)
    k.stats(k.make_stats(60, ac_flag=0x20, ac_utime_us=10, nvcsw=1), group=group, group_version=0)
    k.exit(60)
    e = client.event()
    assert e.exit.stats.cpu.ac_utime_us == 10
    assert e.exit.process_stats.cpu.ac_utime_us == 7000
    assert e.exit.process_stats.tasks_unseen


def test_exit_that_began_before_the_start(make_daemon):
    """However late it ends, its record may have come before the broker listened: the record is not lost."""
    daemon = make_daemon(start=False)
    daemon.proc.add(70, comm=b"exiting", exiting=True)
    daemon.proc.add(71, comm=b"running")
    daemon.start()
    client = daemon.subscriber(("exit",))
    late = time.monotonic_ns() + 10_000_000_000
    daemon.kernel.exit(70, stamp=late)
    daemon.kernel.exit(71, stamp=late)
    assert [(e.tid, e.exit.stats_missing) for e in client.take(2)] == [
        (70, event_pb2.STATS_MISSING_NOT_WITNESSED),
        (71, event_pb2.STATS_MISSING_LOST),
    ]
    assert client.status().taskstats.lost == 1


def test_empty_proc(make_daemon, tmp_path):
    daemon = make_daemon(start=False)
    daemon.proc.remove(1)
    daemon.start()
    client = daemon.subscriber()
    status = client.status()
    assert (status.live_tasks, status.live_processes) == (0, 0)
    daemon.kernel.fork(100)
    daemon.kernel.end(100)
    assert brief(client.take(2)) == [("fork", 100), ("exit", 100)]


def test_broken_proc(make_daemon):
    """Tasks that end while they are read leave holes; other names are no tasks."""
    daemon = make_daemon(start=False)
    root = daemon.proc.root
    daemon.proc.add(70)
    (root / "70" / "task" / "70" / "status").unlink()
    daemon.proc.add(71)
    (root / "71" / "task" / "71" / "stat").write_bytes(b"")
    daemon.proc.add(72)
    (root / "72" / "task" / "72" / "stat").write_bytes(b"72 (no end")
    (root / "73").mkdir()
    (root / "74").write_text("no directory")
    (root / "12x").mkdir()
    (root / "99999999999999").mkdir()
    (root / "self").mkdir()
    daemon.start()
    client = daemon.subscriber()
    assert client.status().live_tasks == 1
    daemon.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]


def test_fork_that_proc_shows_too(make_daemon):
    """Forked while /proc was read: in the table and in the queue. The task is reported once."""
    daemon = make_daemon(start=False)
    stamp = time.monotonic_ns()
    daemon.proc.add(80, start_ns=stamp + time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns())
    daemon.start()
    client = daemon.subscriber()
    assert client.status().live_tasks == 2
    daemon.kernel.fork(80, stamp=stamp)
    daemon.kernel.end(80)
    forked, ended = client.take(2)
    assert brief([forked, ended]) == [("fork", 80), ("exit", 80)]
    assert forked.start_time_ns == ended.start_time_ns == forked.time_ns
    assert client.status().live_tasks == 1


def test_seeded_number_used_again(seeded):
    """A fork long after the seeded start is another task: the old one has ended."""
    client = seeded.subscriber()
    k = seeded.kernel
    k.stats(k.make_stats(60, ac_flag=0x20))
    k.fork(60, stamp=time.monotonic_ns() + 1_000_000_000)
    gone, forked = client.take(2)
    assert brief([gone, forked]) == [("exit", 60), ("fork", 60)]
    assert gone.synthesised
    assert forked.start_time_ns != gone.start_time_ns


@pytest.mark.parametrize("on", [True, False])
def test_delay_accounting(make_daemon, on):
    daemon = make_daemon(start=False)
    daemon.proc.set_delay_accounting(on)
    daemon.start()
    client = daemon.client()
    due = "DELAY_ACCOUNTING_ON" if on else "DELAY_ACCOUNTING_OFF"
    assert client.welcome.delay_accounting == broker_pb2.DelayAccounting.Value(due)
