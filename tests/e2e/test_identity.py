# SPDX-License-Identifier: Apache-2.0
"""
Without threads, each process has the identity of its leader: in the snapshot, in every
event and in filters, whichever thread caused the event or ended last.
"""

import random

import pytest

from tb_client import what
from tb_table import Table

ALL_KINDS = ("fork", "exec", "exit", "comm", "uid", "gid", "sid", "ptrace", "coredump")


def identity(e):
    return e.pid, e.tid, e.start_boot_ns, e.start_time_ns


class Life:
    """A process whose threads do by chance what tasks do, and end in any order."""

    def __init__(self, k, rng, pid):
        self.k, self.rng, self.pid = k, rng, pid
        k.fork(pid)
        k.comm(pid, comm=b"leader-%d" % pid)
        self.tids = [pid]

    def thread(self):
        tid = self.pid + len(self.tids) + 100 * self.rng.randrange(2)
        if tid in self.tids:
            return
        self.k.fork(tid, pid=self.pid)
        self.k.comm(tid, pid=self.pid, comm=b"worker-%d" % tid)
        self.tids.append(tid)

    def act(self):
        tid = self.rng.choice(self.tids)
        act = self.rng.choice(("thread", "sid", "coredump", "ptrace", "uid"))
        if act == "thread":
            self.thread()
        elif act == "ptrace":
            self.k.ptrace(tid, pid=self.pid, tracer_tid=1, tracer_pid=1)
        elif act == "uid":
            self.k.uid(tid, pid=self.pid, real=tid, effective=tid)
        else:
            getattr(self.k, act)(tid, pid=self.pid)

    def end(self, order):
        for tid in order:
            name = b"leader-%d" if tid == self.pid else b"worker-%d"
            self.k.end(tid, pid=self.pid, last=tid == order[-1], comm=name % tid, code=(tid & 7) << 8)


@pytest.mark.parametrize("seed", range(4))
def test_one_identity(daemon, seed):
    rng = random.Random(seed)
    k = daemon.kernel
    processes = daemon.subscriber(kinds=ALL_KINDS, snapshot=True)
    threads = daemon.subscriber(kinds=ALL_KINDS, threads=True, snapshot=True)
    tables = [Table(processes.snapshot()), Table(threads.snapshot(), threads=True)]
    lives = [Life(k, rng, 1000 * (i + 1)) for i in range(12)]
    for _ in range(150):
        rng.choice(lives).act()
    for life in lives:
        life.thread()
        rng.shuffle(life.tids)
        if rng.random() < 0.5:
            # The first thread ends first, as in many a runtime.
            life.tids.sort(key=lambda tid: tid != life.pid)
        life.end(life.tids)
    mark = k.mark()
    whole, _ = processes.until_mark(mark)
    single, _ = threads.until_mark(mark)

    # A table by identity is empty of them at the end.
    for table, events in zip(tables, (whole, single)):
        table.apply_all(events)
        assert not [row for row in table.rows.values() if row.pid in [life.pid for life in lives]]

    for life in lives:
        mine = [e for e in whole if e.pid == life.pid]
        assert {identity(e) for e in mine} == {identity(mine[0])} and mine[0].tid == life.pid
        leader = [e for e in single if e.tid == life.pid]
        named = [e for e in mine if e.comm != b"init"]
        assert {e.comm for e in named} == {b"leader-%d" % life.pid}
        end, last = mine[-1], [e for e in single if e.pid == life.pid][-1]
        assert (what(end), what(last)) == ("exit", "exit") and end.exit.process_ended and last.exit.process_ended
        assert end.uid == leader[-1].uid and end.exit.exit_signal == leader[-1].exit.exit_signal
        assert end.exit.stats == last.exit.process_stats and not end.exit.HasField("leader")

        # With threads, the last thread's own exit says whose end it is.
        assert last.tid == life.tids[-1]
        assert last.exit.HasField("leader") == (last.tid != life.pid)
        if last.tid != life.pid:
            found = last.exit.leader
            assert (found.start_boot_ns, found.start_time_ns) == (end.start_boot_ns, end.start_time_ns)
            assert (found.uid, found.comm) == (end.uid, end.comm) and last.comm == b"worker-%d" % last.tid


@pytest.mark.parametrize("by", ["comm", "uid"])
def test_filters_look_at_the_leader(daemon, by):
    k = daemon.kernel
    observer = daemon.subscriber(kinds=("uid", "comm"), threads=True)
    k.fork(100)
    k.comm(100, comm=b"named")
    k.uid(100, real=7, effective=7)
    k.fork(101, pid=100)
    k.comm(101, pid=100, comm=b"worker-7")
    k.uid(101, pid=100, real=8, effective=8)
    observer.take(4)
    of_leader = daemon.subscriber(filter=dict(comms=[b"named"]) if by == "comm" else dict(uids=[7]))
    of_thread = daemon.subscriber(filter=dict(comms=[b"worker-*"]) if by == "comm" else dict(uids=[8]))
    k.end(100, last=False, comm=b"named", values=dict(ac_uid=7))
    k.end(101, pid=100, last=True, comm=b"worker-7", values=dict(ac_uid=8))
    mark = k.mark()
    events, _ = of_leader.until_mark(mark)
    assert [(what(e), e.tid, e.uid, e.comm) for e in events] == [("exit", 100, 7, b"named")]
    events, _ = of_thread.until_mark(mark)
    assert not events


def test_name_that_only_the_record_has(daemon):
    """An exec whose name could not be read: the record of the first thread has the name of the process."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.end(100, last=False, comm=b"named")
    k.end(101, pid=100, last=True, comm=b"worker-7")
    e = client.take(2)[-1]
    assert (e.tid, e.comm) == (100, b"named")


def test_leader_that_was_never_seen(daemon):
    """The process is not known but for its number. It does not get the name and the start of a thread."""
    processes, threads = daemon.subscriber(), daemon.subscriber(threads=True)
    k = daemon.kernel
    k.end(501, pid=500, last=True, comm=b"worker-7", group=k.make_stats(501, 500))
    whole, single = processes.event(), threads.event()
    assert (single.tid, single.comm) == (501, b"worker-7") and not single.exit.HasField("leader")
    assert (whole.tid, whole.comm, whole.uid, whole.start_boot_ns) == (500, b"", 0, 0) and whole.task_unknown
    assert whole.exit.process_ended
