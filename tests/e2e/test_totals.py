# SPDX-License-Identifier: Apache-2.0
"""The totals of a process, made from its tasks: sums, maxima, the smallest of the shortest waits."""

import pytest

import tb_fields
import tb_kernel
from tb_client import what
from tb_protocol import event_pb2


def task_stats(i, tid, pid, last):
    """Values apart from one another in each field and each task; some delays never happened in some tasks."""
    values = {}
    for j, f in enumerate(tb_fields.FIELDS):
        n = 1000 * (j + 1) + 7 * ((i * 5 + j) % 11)
        values[f.name] = n % 100 if f.type in ("U8", "S8") else n
    values.update(ac_pid=tid, ac_tgid=pid, ac_flag=0x20 if last else 0, ac_exitcode=0)
    delays = {
        d.name: tb_fields.DelayValue(
            count=j + i + 1,
            total=100 * (j + i + 1),
            max=50 + (i * 7 + j) % 5,
            min=10 + (i * 3 + j) % 7,
            max_time=(1700000000 + 10 * i + j, i),
        )
        for j, d in enumerate(tb_fields.DELAYS)
        if (i + j) % 3
    }
    return tb_fields.Stats(comm=b"task%d" % i, delays=delays, **values)


def run_process(daemon, n, missing=(), order=None):
    """A process of n tasks, of which some have no record; returns its last exit and all statistics."""
    client = daemon.subscriber(kinds=("exit",), threads=True)
    processes = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    tids = [100 + i for i in range(n)]
    for tid in tids:
        k.fork(tid, pid=100)
    all_stats = []
    order = order or tids[1:] + tids[:1]
    for i, tid in enumerate(order):
        last = tid == order[-1]
        if i not in missing:
            stats = task_stats(i, tid, 100, last)
            all_stats.append(stats)
            k.stats(stats)
        k.exit(tid, pid=100)
    e = client.until(lambda e: what(e) == "exit" and e.exit.process_ended)[-1]
    whole = processes.until(lambda e: what(e) == "exit")[-1]
    assert (whole.pid, whole.tid) == (100, 100)
    totals = e.exit.process_stats if e.exit.HasField("process_stats") else e.exit.stats
    assert str(whole.exit.stats) == str(totals) and not whole.exit.HasField("process_stats")
    return e, all_stats


@pytest.mark.parametrize("version", tb_fields.VERSIONS)
@pytest.mark.parametrize("n", [2, 5])
def test_every_field(make_daemon, version, n):
    e, all_stats = run_process(make_daemon(version=version), n)
    assert e.exit.process_ended
    assert str(e.exit.process_stats) == str(tb_fields.totals(all_stats, version))
    assert str(e.exit.stats) == str(tb_fields.message(all_stats[-1], version))


def test_leader_first(daemon):
    e, all_stats = run_process(daemon, 4, order=[100, 101, 103, 102])
    assert e.tid == 102
    assert str(e.exit.process_stats) == str(tb_fields.totals(all_stats, 16))


def test_one_task_has_no_totals(daemon):
    e, _ = run_process(daemon, 1)
    assert e.exit.process_ended and not e.exit.HasField("process_stats")


@pytest.mark.parametrize("missing", [(0,), (1, 2)])
def test_tasks_without_statistics_are_counted(daemon, missing):
    e, all_stats = run_process(daemon, 4, missing=missing)
    have = e.exit.process_stats
    assert (have.task_count, have.tasks_missing) == (4 - len(missing), len(missing))
    assert str(have) == str(tb_fields.totals(all_stats, 16, missing=len(missing)))


def test_the_last_tasks_statistics_are_missing(daemon):
    e, all_stats = run_process(daemon, 3, missing=(2,))
    assert e.exit.process_ended
    assert not e.exit.HasField("stats") and e.exit.stats_missing == event_pb2.STATS_MISSING_LOST
    assert (e.exit.process_stats.task_count, e.exit.process_stats.tasks_missing) == (2, 1)
    assert e.exit.process_stats.io.read_bytes == sum(s.get("read_bytes") for s in all_stats)


def test_many_threads(daemon):
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    n = 3000
    k.fork(100)
    for i in range(n):
        k.fork(1000 + i, pid=100)
    for i in range(n):
        k.stats(k.make_stats(1000 + i, 100, nvcsw=2, hiwater_rss_kib=i))
        k.exit(1000 + i, pid=100)
    k.end(100, values=dict(nvcsw=1))
    totals = client.event().exit.stats
    assert totals.task_count == n + 1
    assert totals.scheduling.nvcsw == 2 * n + 1
    assert totals.memory.hiwater_rss_kib == n - 1


def test_threads_come_and_go(daemon):
    """A process that never has more than two tasks, but many over its life."""
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    k.fork(100)
    for i in range(30):
        k.fork(200 + i, pid=100)
        k.end(200 + i, pid=100, values=dict(read_bytes=1024))
    k.end(100, values=dict(read_bytes=4096))
    totals = client.event().exit.stats
    assert (totals.task_count, totals.tasks_missing) == (31, 0)
    assert totals.io.read_bytes == 30 * 1024 + 4096


def test_totals_begin_anew_with_a_reused_pid(daemon):
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    for generation in range(3):
        k.fork(100)
        k.fork(101, pid=100)
        k.end(101, pid=100, values=dict(nvcsw=10))
        k.end(100, values=dict(nvcsw=generation))
        totals = client.event().exit.stats
        assert (totals.task_count, totals.scheduling.nvcsw) == (2, 10 + generation)


def test_process_termination_where_it_does_not_differ(daemon):
    """The last task ended as the process did: that is not said twice."""
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.end(101, pid=100, code=9)
    k.end(100, code=9)
    e = client.event()
    assert e.exit.termination.term_signal == 9
    assert not e.exit.HasField("process_termination")


def test_process_termination_where_it_differs(daemon):
    """
    The thread that the kernel took for the last one has the process' status in its record.
    Its EXIT may come before the EXIT of another thread.
    """
    client = daemon.subscriber(kinds=("exit",))
    threads = daemon.subscriber(kinds=("exit",), threads=True)
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.stats(k.make_stats(101, 100, ac_exitcode=0))
    k.end(100, code=0x0300, last=True)
    k.exit(101, pid=100, code=0)
    e, whole = threads.take(2)[-1], client.event()
    assert (e.tid, e.exit.process_ended) == (101, True)
    assert e.exit.termination.exit_code == 0
    assert e.exit.process_termination.exit_code == 3
    assert (whole.tid, whole.exit.process_ended, whole.exit.exit_signal) == (100, True, tb_kernel.SIGCHLD)
    assert whole.exit.termination.exit_code == 3 and not whole.exit.HasField("process_termination")
